// A receiver written with published libraries: node receiver.js http1|http2 WHSEC [CERTIFICATE KEY]
// Prints its port, then a JSON line for each post: what the libraries made of it.
"use strict";

const http = require("http");
const http2 = require("http2");
const fs = require("fs");
const { Webhook } = require("standardwebhooks");
const cloudmailin = require("cloudmailin");

const [protocol, secret, certificate, key] = process.argv.slice(2);
const webhook = new Webhook(secret);

// As in the documentation of the cloudmailin library: the JSON is an IncomingMail as it stands.
function read(body) {
	const mail = JSON.parse(body);
	return {
		library: typeof cloudmailin.MessageClient,
		subject: mail.headers.subject,
		received: mail.headers.received,
		to: mail.envelope.to,
		recipients: mail.envelope.recipients,
		from: mail.envelope.from,
		plain: mail.plain,
		html: mail.html,
		reply_plain: mail.reply_plain,
		attachments: mail.attachments.map((file) => ({
			file_name: file.file_name,
			content_type: file.content_type,
			size: file.size,
			same_size: Buffer.from(file.content, "base64").length === file.size,
		})),
	};
}

function verify(body, headers) {
	try {
		webhook.verify(body, headers);
		return "valid";
	} catch (error) {
		return String(error);
	}
}

function answer(request, response) {
	const pieces = [];
	request.on("data", (piece) => pieces.push(piece));
	request.on("end", () => {
		const body = Buffer.concat(pieces).toString();
		const changed = body.replace("Yes", "No!");
		console.log(JSON.stringify({
			http: request.httpVersion,
			signature: verify(body, request.headers),
			forged: verify(changed, request.headers),
			mail: read(body),
		}));
		response.statusCode = 201;
		response.end();
	});
}

const server = protocol === "http2"
	? http2.createSecureServer({ cert: fs.readFileSync(certificate), key: fs.readFileSync(key) }, answer)
	: http.createServer(answer);
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
