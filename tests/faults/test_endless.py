"""Servers whose answers have no end: each run ends in a time that follows from its timeout, says what the server did, and
loses nothing."""

import unittest

from endless import KINDS, MOMENTS, EndlessCase
from inqueue import PROTOCOL, UNREACHABLE


class Loading(EndlessCase):
    def test_each_kind_while_the_connection_is_made(self):
        """A server that says too much breaks the protocol; one whose answer drips in is no server for mail yet."""
        for number, (kind, (_, pause_s, *_)) in enumerate(KINDS.items()):
            words = "takes the connection but does not speak" if pause_s else "does not speak IMAP"
            self.ends(number, kind, rb"CAPABILITY", ["load"], f"port [0-9]+ {words}",
                      UNREACHABLE if pause_s else PROTOCOL)

    def test_each_kind_at_each_moment(self):
        """Each kind meets one moment in this test, another one in the next."""
        moments = list(MOMENTS.values())
        for number, kind in enumerate(KINDS):
            self.ends(number, kind, moments[number % len(moments)], ["load"], *KINDS[kind][2:])


if __name__ == "__main__":
    unittest.main()
