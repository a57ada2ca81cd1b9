"""A server that nests its answers until libetpan's parser would crash: each command says so, and nothing is lost."""

import unittest

from inqueue import PROTOCOL
from liar import LiarCase

DEEP = 32_000
ANSWERS = {
    "structure": b"* 1 FETCH (UID 1 BODYSTRUCTURE " + b"(" * DEEP + b")" * DEEP + b")\r\n",
    "extension": b"* X-ANYTHING " + b"(" * DEEP + b"\r\n",
    "in quotes": b"* X-ANYTHING \"" + b"(" * DEEP + b"\r\n",
    "behind words": b"* OK {9999999}\r\n* 1 FETCH (UID 1 ENVELOPE " + b"(" * DEEP + b"\r\n",
}
MOMENTS = {"CAPABILITY": rb"CAPABILITY", "sign-in": rb"LOGIN", "SELECT": rb"SELECT|EXAMINE", "SEARCH": rb"UID SEARCH",
           "FETCH": rb"UID FETCH", "LIST": rb"LIST", "STATUS": rb"STATUS", "MOVE": rb"UID MOVE"}
COMMANDS = {
    "load": (["load"], {"CAPABILITY", "sign-in", "SELECT", "SEARCH", "FETCH", "LIST", "MOVE"}),
    "queue check": (["queue", "check", "invoices"], {"CAPABILITY", "sign-in", "LIST", "STATUS"}),
    "verify": (["verify", "invoices"], {"CAPABILITY", "sign-in", "SELECT", "SEARCH", "LIST"}),
    "mail": (["mail", "getHeaderOnly", "--queue", "invoices"], {"CAPABILITY", "sign-in", "SELECT", "SEARCH", "FETCH"}),
}


class Nested(LiarCase):
    fault = "answers nested 32,000 levels deep"

    def test_each_command_survives_each_moment(self):
        """Each answer meets each command, at one moment or another."""
        trials = [(name, moment) for name, (_, moments) in COMMANDS.items() for moment in sorted(moments)]
        for number, (name, moment) in enumerate(trials):
            kind = list(ANSWERS)[number % len(ANSWERS)]
            self.use_database(number)
            with self.subTest(command=name, moment=moment, answer=kind), self.lying() as server:
                # Always: a run gets over one such answer to a FETCH.
                server.answer(MOMENTS[moment], ANSWERS[kind] + b"TAG OK done\r\n", times=None)
                result = self.inqueue(*COMMANDS[name][0], expect=PROTOCOL)
                self.assertIn("sent an answer of more than 200 nested parentheses", result.stderr)
                server.heal()
                self.judge(server)


class BeforeTheGreeting(LiarCase):
    fault = "answers instead of a greeting"

    def test_each_command_says_so(self):
        for number, (name, (command, _)) in enumerate(COMMANDS.items()):
            kind = list(ANSWERS)[number % 2]
            self.use_database(f"before-{number}")
            with self.subTest(command=name, answer=kind), self.lying() as server:
                honest, server.greeting = server.greeting, ANSWERS[kind] + b"* OK ready\r\n"
                result = self.inqueue(*command, expect=PROTOCOL)
                self.assertRegex(result.stderr, r'127\.0\.0\.1 port \d+ does not speak IMAP as it should: it said "\* ')
                server.greeting = honest
                self.judge(server)

    def test_one_that_is_too_long_is_called_so(self):
        for number, begin in enumerate([b"* OK ", b"* X-ANYTHING ", b"220 "]):
            self.use_database(f"long-{number}")
            with self.subTest(begin=begin), self.lying() as server:
                honest, server.greeting = server.greeting, begin + b"(" * 200_000 + b"\r\n"
                result = self.inqueue("load", expect=PROTOCOL)
                self.assertRegex(result.stderr, r"port \d+ does not speak IMAP as it should: its first line is longer than any")
                server.greeting = honest
                self.judge(server)


if __name__ == "__main__":
    unittest.main()
