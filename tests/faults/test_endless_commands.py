"""Servers whose answers have no end: each run ends in a time that follows from its timeout, says what the server did, and
loses nothing: while messages are fetched, by a load and by other commands."""

import unittest

from endless import KINDS, MOMENTS, EndlessCase


class Fetching(EndlessCase):
    def test_each_kind_while_messages_are_fetched(self):
        for number, kind in enumerate(KINDS):
            self.ends(number, kind, MOMENTS["FETCH"], ["load"], *KINDS[kind][2:])

    def test_other_commands(self):
        commands = [(["queue", "check", "invoices"], "LIST"), (["verify", "invoices"], "SEARCH"),
                    (["mail", "getHeaderOnly", "--queue", "invoices", "--timeout", "2"], "FETCH"),
                    (["mail", "getAll", "--queue", "invoices", "--timeout", "2"], "FETCH"),
                    (["mail", "listAllFolders", "--queue", "invoices", "--timeout", "2"], "LIST")]
        for number, kind in enumerate(KINDS):
            command, moment = commands[number % len(commands)]
            self.ends(number, kind, MOMENTS[moment], command, *KINDS[kind][2:])


if __name__ == "__main__":
    unittest.main()
