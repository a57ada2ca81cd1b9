"""Servers whose answers have no end: each run ends in a time that follows from its timeout, says what the server did, and
loses nothing."""

import unittest

from endless import KINDS, MOMENTS, EndlessCase
from inqueue import UNREACHABLE


class Loading(EndlessCase):
    def test_each_kind_while_the_connection_is_made(self):
        for number, kind in enumerate(KINDS):
            self.ends(number, kind, rb"CAPABILITY", ["load"], "port [0-9]+ (takes the connection but )?does not speak",
                      UNREACHABLE)

    def test_each_kind_at_each_moment(self):
        """Each kind meets one moment in this test, another one in the next."""
        moments = list(MOMENTS.values())
        for number, kind in enumerate(KINDS):
            self.ends(number, kind, moments[number % len(moments)], ["load"], *KINDS[kind][2:])


if __name__ == "__main__":
    unittest.main()
