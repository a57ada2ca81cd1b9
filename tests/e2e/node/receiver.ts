// A receiver written with published libraries and their types: node receiver.js http1|http2 WHSEC [CERTIFICATE KEY]
// Prints its port, then a JSON line for each post: what the libraries made of it, and its body.
import * as fs from "fs";
import * as http from "http";
import * as http2 from "http2";
import type { IncomingMail } from "cloudmailin";
import { Webhook } from "standardwebhooks";

const [protocol, secret, certificate, key] = process.argv.slice(2) as [string, string, string?, string?];
const webhook = new Webhook(secret);

function readAttachment(file: IncomingMail["attachments"][number]) {
	return {
		file_name: file.file_name,
		content_type: file.content_type,
		size: file.size,
		disposition: file.disposition,
		content_id: file.content_id,
		same_size: Buffer.from(file.content ?? "", "base64").length === file.size,
		url: file.url,
	};
}

// As in the documentation of the cloudmailin library: the JSON is an IncomingMail as it stands.
function read(body: string) {
	const mail: IncomingMail = JSON.parse(body);
	return {
		subject: mail.headers["subject"],
		received: mail.headers["received"],
		to: mail.envelope.to,
		recipients: mail.envelope.recipients,
		from: mail.envelope.from,
		plain: mail.plain,
		html: mail.html,
		reply_plain: mail.reply_plain,
		attachments: mail.attachments.map(readAttachment),
	};
}

function verify(body: string, headers: http.IncomingHttpHeaders): string {
	try {
		webhook.verify(body, headers as Record<string, string>);
		return "valid";
	} catch (error) {
		return String(error);
	}
}

type Request = http.IncomingMessage | http2.Http2ServerRequest;
type Response = http.ServerResponse | http2.Http2ServerResponse;

function answer(request: Request, response: Response): void {
	const pieces: Buffer[] = [];
	request.on("data", (piece: Buffer) => pieces.push(piece));
	request.on("end", () => {
		const body = Buffer.concat(pieces).toString();
		const changed = body.replace("Yes", "No!");
		console.log(JSON.stringify({
			http: request.httpVersion,
			signature: verify(body, request.headers),
			forged: verify(changed, request.headers),
			mail: read(body),
			body,
		}));
		response.statusCode = 201;
		response.end();
	});
}

const server = protocol === "http2"
	? http2.createSecureServer({ cert: fs.readFileSync(certificate!), key: fs.readFileSync(key!) }, answer)
	: http.createServer(answer);
server.listen(0, "127.0.0.1", () => {
	const address = server.address();
	console.log(address !== null && typeof address === "object" ? address.port : 0);
});
