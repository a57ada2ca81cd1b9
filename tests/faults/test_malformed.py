"""Servers whose answers are almost right: a bracket too many, a number too large. No command takes one for "there is nothing"."""

import itertools
import json
import re
import unittest

from inqueue import PROTOCOL
from liar import LiarCase

READ = {
    "getHeaderOnly": ["mail", "getHeaderOnly", "--queue", "invoices"],
    "getAll": ["mail", "getAll", "--queue", "invoices"],
    "--since": ["mail", "getHeaderOnly", "--queue", "invoices", "--since", "2026-01-01"],
    "dry run": ["load", "--dry-run"],
}
COMMANDS = READ | {
    "folders": ["mail", "listAllFolders", "--queue", "invoices"],
    "moveMail": ["mail", "moveMail", "--queue", "invoices", "--uid", "1", "--new-folder", "Done"],
    "verify": ["verify", "invoices"],
    "queue check": ["queue", "check", "invoices"],
    "load": ["load"],
}
NONSENSE = r'the answer of 127\.0\.0\.1 makes no sense: "'


def replace(pattern, text):
    """In each line that begins as an answer does."""
    return lambda data: b"".join(
        re.sub(pattern, text, line, count=1) if line.startswith(b"* ") or b" OK [" in line else line
        for line in data.splitlines(keepends=True))


class MalformedCase(LiarCase):
    fault = "an answer that is almost right"

    def broken(self, name, rewrite):
        self.use_database(name)
        server = self.lying()
        server.create("Done")
        server.create("DROPBOX")
        server.changes_folders = True
        server.rewrite = rewrite
        return server

    def refuses(self, command, rewrite, says):
        with self.broken(next(self.names), rewrite) as server:
            self.fails(PROTOCOL, *COMMANDS[command], says=says)
            self.assertGreater(server.rewritten, 0)
            server.rewrite = None
            self.judge(server)

    def setUp(self):
        super().setUp()
        self.names = map("malformed-{}".format, itertools.count())


class Malformed(MalformedCase):
    def test_fetch(self):
        for command in READ:
            with self.subTest(command):
                self.refuses(command, replace(rb"FETCH \(UID", b"FETCH (U{D"), NONSENSE + r"\* \d FETCH \(U\{D")

    def test_list(self):
        for command in COMMANDS:
            with self.subTest(command):
                self.refuses(command, replace(rb'LIST \((.*)\) "/"', rb"LIST (\1) /"), NONSENSE + r"\* LIST \(.*\) / ")

    def test_others(self):
        for kind in b"SEARCH", b"EXISTS", b"CAPABILITY":
            with self.subTest(kind):
                self.refuses("getHeaderOnly", replace(rb" %s( |\r)" % kind, rb" %s )\1" % kind), NONSENSE + rf"\* .*{kind.decode()}")

    def test_no_answer_at_all(self):
        """Not even one that cannot be read, about a message that the search finds."""
        with self.broken("mute", lambda data: b"" if data.startswith(b"* 2 FETCH") else data) as server:
            self.fails(PROTOCOL, *COMMANDS["getHeaderOnly"], says="UID 2: 127.0.0.1 has the message and tells nothing of it")
            server.rewrite = None

    def test_no_body_that_can_be_read(self):
        with self.broken("body", replace(rb"\* 2 FETCH (.*)BODY\[\]", rb"* 2 FETCH \1BO]Y[")) as server:
            self.fails(PROTOCOL, *COMMANDS["getAll"], says="UID 2: the server has the message, and sends no body")
            server.rewrite = None

    def test_the_others_are_shown(self):
        """Where the action is to go on, the message has its failure in its row."""
        for number, action in enumerate(["getHeaderOnly", "getAll"]):
            with self.subTest(action), self.broken(f"on-{number}", replace(rb"\* 2 FETCH \(UID", b"* 2 FETCH (U{D")) as server:
                result = self.inqueue("mail", action, "--queue", "invoices", "--stop-on-error", "no", "--json", expect=PROTOCOL)
                rows = [json.loads(line) for line in result.stdout.splitlines()]
                self.assertEqual([(1, None), (2, True), (3, None)],
                                 sorted((row["uid"], row["error"] and "makes no sense" in row["error"]) for row in rows))
                server.rewrite = None


class TooLarge(MalformedCase):
    """Numbers have 32 bits (RFC 3501, 9); without what lies above these, 2^32 + 1 would be 1."""

    kinds = {
        "UID": rb"(FETCH \(UID )(\d+)",
        "size": rb"(RFC822\.SIZE )(\d+)",
        "message number": rb"(\* )(\d+)(?= FETCH)",
        "EXISTS": rb"(\* )(\d+)(?= EXISTS)",
        "SEARCH": rb"(SEARCH (?:\d+ )*)(\d+)",
        "UIDVALIDITY": rb"(\[UIDVALIDITY )(\d+)",
        "UIDNEXT": rb"(\[UIDNEXT )(\d+)",
    }

    @staticmethod
    def large(pattern):
        return replace(pattern, lambda found: found[1] + b"%d" % (int(found[2]) + (1 << 32)))

    def test_each(self):
        for kind, pattern in self.kinds.items():
            for command in "getHeaderOnly", "load":
                with self.subTest(kind, command=command):
                    self.refuses(command, self.large(pattern), r"127\.0\.0\.1 sent the number 429496\d{4}, and none there is "
                                                               "larger than 4294967295: the connection was dropped")

    def test_of_copies(self):
        """Believed or not, they change nothing: the run ends with what has been proved."""
        for number, pattern in enumerate([rb"(COPYUID )(\d+)", rb"(COPYUID \d+ )(\d+)", rb"(COPYUID \d+ \S+ )(\d+)",
                                          rb"(COPYUID \d+ \S+[:,])(\d+)"]):
            with self.subTest(pattern):
                self.refuses("load", self.large(pattern), "sent the number 429496")

    def test_status(self):
        for pattern in rb"(MESSAGES )(\d+)", rb"(UIDVALIDITY )(\d+)":
            with self.subTest(pattern):
                self.refuses("queue check", self.large(rb"(STATUS .*" + pattern[1:]), "sent the number 429496")

    def test_numbers_that_may_be_larger(self):
        """A modification sequence (RFC 7162), and whatever stands in words for people."""
        with self.broken("modseq", lambda data: data.replace(
                b"FETCH (UID", b"FETCH (MODSEQ (9223372036854775807) UID").replace(
                b" OK done", b" OK done, UID 99999999999 and UIDVALIDITY 99999999999").replace(
                b"* OK [UIDNEXT", b"* OK [HIGHESTMODSEQ 9223372036854775807] .\r\n* OK [UIDNEXT")) as server:
            self.assertEqual(3, len(self.json_lines(*COMMANDS["getHeaderOnly"], "--json")))
            self.inqueue("load")
            self.judge(server)


if __name__ == "__main__":
    unittest.main()
