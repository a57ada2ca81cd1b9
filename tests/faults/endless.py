"""Answers without end, and a case that meets each kind: a run ends in a time that follows from its timeout, says what the server
did, and loses nothing."""

import itertools
import threading

from inqueue import PROTOCOL, UNREACHABLE
from liar import LiarCase

TIMEOUT = "2s"
PACE_S = 0.05


def pour(pieces, pause_s=0.0):
    """An answer that goes on until the connection is closed."""
    def answer(session, _tag, _command):
        paused = threading.Event()
        for piece in pieces():
            session.send(piece)
            if pause_s:
                paused.wait(pause_s)
    return answer


def again(piece):
    return lambda: itertools.repeat(piece)


def after(first, piece):
    return lambda: itertools.chain([first], itertools.repeat(piece))


def numbers():
    return itertools.chain([b"* SEARCH"], (b" " + b" ".join(b"%d" % number for number in range(low, low + 1000))
                                          for low in itertools.count(1, 1000)))


LINES = b"* OK [ALERT] patience, please, this will only take a moment more and then some\r\n"
BODY = b"* 1 FETCH (UID 1 BODY[] {%d}\r\n"
# What it does, how often it pauses, what is said of it, and with which status the run ends.
KINDS = {
    "lines at 25 kB/s": (again(LINES * 16), PACE_S, "its answer does not end|more than 10.. answers", PROTOCOL),
    "long lines at 25 kB/s": (again(b"* OK " + b"x" * 1300 + b"\r\n"), PACE_S, "its answer does not end", PROTOCOL),
    "lines at once": (again(LINES * 1000), 0, "sent more than 10.. answers to one command", PROTOCOL),
    "counts": (again(b"* 7 EXISTS\r\n" * 1000), 0, "sent more than [0-9]+ answers to one command", PROTOCOL),
    "changes": (again(b"* 1 FETCH (FLAGS (\\Seen))\r\n" * 1000), 0, "sent more than 10.. answers to one command", PROTOCOL),
    "one line": (again(b"* OK" + b"x" * 60000), 0, "that make no sense|more than twice", PROTOCOL),
    "one line at 25 kB/s": (after(b"* OK ", b"x" * 1300), PACE_S, "its answer does not end", PROTOCOL),
    "numbers": (numbers, 0, "that make no sense|more than twice", PROTOCOL),
    "a byte now and then": (again(b"* OK "[:1]), 0.5, "no answer from 127.0.0.1 within 2 s", UNREACHABLE),
    "4 GB announced": (after(BODY % 4294967295, b"x" * 65536), 0, "began to send 4294967295 bytes where at most", PROTOCOL),
    "4 GB at 25 kB/s": (after(BODY % 4294967295, b"x" * 1300), PACE_S, "began to send 4294967295 bytes where at most", PROTOCOL),
    "4 GB in a list": (after(b'* LIST () "/" {4294967295}\r\n', b"x" * 65536), 0, "began to send 4294967295 bytes", PROTOCOL),
    "bodies": (again(b"* 9 FETCH (UID 99 BODY[] {12}\r\n" + b"x" * 12 + b")\r\n"), 0, "sent more than 10.. answers to one command", PROTOCOL),
    "a body at 25 kB/s": (after(BODY % 1000000, b"x" * 1300), PACE_S, "its answer does not end", PROTOCOL),
}
MOMENTS = {"sign-in": rb"LOGIN", "LIST": rb"LIST", "SELECT": rb"SELECT|EXAMINE",
           "SEARCH": rb"UID SEARCH", "sizes": rb"UID FETCH [\d:,]+ \(UID RFC822.SIZE\)",
           "FETCH": rb"UID FETCH .*BODY", "MOVE": rb"UID MOVE"}


class EndlessCase(LiarCase):
    fault = "an answer without end"

    def ends(self, number, kind, pattern, command, says, code):
        pieces, pause_s = KINDS[kind][:2]
        self.use_database(number)
        with self.subTest(kind=kind, moment=pattern, command=command), self.lying(timeout=TIMEOUT) as server:
            server.answer(pattern, pour(pieces, pause_s), times=None)
            result = self.inqueue(*command, expect=code)
            self.assertRegex(result.stderr, says)
            server.heal()
            self.wait_longer(TIMEOUT)
            self.judge(server)
