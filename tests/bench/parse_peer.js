#!/usr/bin/node
// tests/bench/parse_peer.js MESSAGES SIZES: what bench_parse does, with mailparser.
"use strict";

const fs = require("fs");
const { simpleParser } = require("mailparser");

const options = { skipHtmlToText: true, skipTextToHtml: true, skipImageLinks: true, skipTextLinks: true };

async function main() {
	const messages = fs.openSync(process.argv[2], "r");
	const sizes = fs.readFileSync(process.argv[3], "utf8").trim().split("\n").map(Number);
	const begin = process.cpuUsage();
	for (const size of sizes) {
		const message = Buffer.alloc(size);
		fs.readSync(messages, message, 0, size);
		await simpleParser(message, options);
	}
	const used = process.cpuUsage(begin);
	console.log((used.user + used.system) / 1e6);
}

main();
