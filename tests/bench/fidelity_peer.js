#!/usr/bin/node
// tests/bench/fidelity_peer.js < PATHS: what mailparser answers for each mail, a line of JSON each.
"use strict";

const fs = require("fs");
const readline = require("readline");
const { simpleParser } = require("mailparser");

const options = {
	skipHtmlToText: true, skipTextToHtml: true, skipImageLinks: true, skipTextLinks: true, checksumAlgo: "sha256",
};

const addresses = (fields) => [].concat(fields || [])
	.flatMap((field) => field.value)
	.flatMap((value) => value.group || [value])
	.map((value) => value.address)
	.filter(Boolean);

async function answers(path) {
	const mail = await simpleParser(fs.readFileSync(path), options);
	return {
		subject: mail.subject || "",
		from: addresses(mail.from),
		to: addresses(mail.to),
		date: mail.headers.has("date") && mail.date ? Math.floor(mail.date.getTime() / 1000) : null,
		text: mail.text || "",
		html: mail.html || "",
		names: mail.attachments.map((file) => file.filename || ""),
		sha256: mail.attachments.map((file) => file.checksum),
	};
}

async function main() {
	for await (const path of readline.createInterface({ input: process.stdin })) {
		let line;
		try {
			line = await answers(path);
		} catch (error) {
			line = {};
		}
		console.log(JSON.stringify(line));
	}
}

main();
