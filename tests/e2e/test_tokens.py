"""Tokens of programs on other machines: made, shown once, listed, revoked."""

import hashlib
import unittest

from entries import EntryCase
from inqueue import DATA, NO, USAGE

FORM = r"inq_[A-Za-z0-9_-]{43}"


class Tokens(EntryCase):
    def create(self, name, *options, **more):
        return self.inqueue("token", "create", name, *options, **more)

    def test_a_token_is_printed_once_and_nothing_else_is(self):
        result = self.create("robot-7", "--may", "work", "--queue", "invoices", "--expires", "30d", "--by", "ada")
        self.assertRegex(result.stdout, rf"\A{FORM}\n\Z")
        self.assertEqual("", result.stderr)
        token = result.stdout.strip()
        self.assertEqual([("robot-7", "work", 1, hashlib.sha256(token.encode()).hexdigest(), "ada")],
                         self.sql("SELECT name, may, queue_id, sha256, created_by FROM token"))
        self.assertEqual([30], self.column("SELECT CAST(round(julianday(expires_at) - julianday(created_at)) AS INTEGER) FROM token"))
        for part in [self.database, self.database.with_name("inqueue.db-wal")]:
            self.assertNotIn(token[4:].encode(), part.read_bytes() if part.exists() else b"")
        self.assertNotRegex(self.inqueue("token", "list").stdout + self.inqueue("token", "list", "--json").stdout, "inq_")

    def test_a_person_is_told_to_keep_it(self):
        shown = self.on_terminal("token", "create", "robot-7", "--may", "work").stdout
        self.assertRegex(shown, rf"\A{FORM}\r\ninqueue: keep it now: it cannot be shown again\r\n\Z")

    def test_json(self):
        made = self.create("page", "--may", "operate", "--expires", "never", "--json").json()
        self.assertRegex(made.pop("token"), FORM)
        self.assertEqual({"name": "page", "may": "operate", "queue": None, "expires_at": None}, made)
        listed, = self.json_lines("token", "list", "--json")
        self.assertRegex(listed.pop("created_at"), r"\A20\d\d-.*Z\Z")
        self.assertEqual({"name": "page", "may": "operate", "queue": None, "state": "good", "created_by": listed["created_by"],
                          "expires_at": None, "revoked_at": None, "last_used_at": None, "last_address": None}, listed)

    def test_the_list(self):
        self.assertEqual("inqueue: there is no token: `inqueue token create`\r\n", self.on_terminal("token", "list").stdout)
        self.create("robot-7", "--may", "work", "--queue", "invoices", "--expires", "2099-01-31")
        self.create("page", "--may", "read", "--expires", "never")
        self.create("old", "--may", "read")
        self.inqueue("token", "revoke", "old")
        self.change("UPDATE token SET last_used_at = '2026-01-31T12:00:00.000Z', last_address = '192.0.2.7' WHERE name = 'page'")
        rows = [line.split() for line in self.inqueue("token", "list").stdout.splitlines()]
        self.assertEqual(["old", "read", "all", "revoked"], rows[1][:4])
        self.assertEqual(["page", "read", "all", "good", "never", "2026-01-31T12:00:00Z", "192.0.2.7"], rows[2])
        self.assertEqual(["robot-7", "work", "invoices", "good", "2099-01-31T00:00:00Z", "-"], rows[3])
        self.change("UPDATE token SET expires_at = '2026-01-31T12:00:00.000Z' WHERE name = 'robot-7'")
        self.assertIn("expired", self.inqueue("token", "list").stdout)

    def test_without_an_end_it_ends_after_90_days(self):
        self.create("robot-7", "--may", "work")
        self.assertEqual([90], self.column("SELECT CAST(round(julianday(expires_at) - julianday(created_at)) AS INTEGER) FROM token"))

    def test_what_is_refused(self):
        self.create("robot-7", "--may", "work")
        self.fails(NO, "token", "create", "robot-7", "--may", "read", says="there is a token 'robot-7' already: `inqueue token revoke robot-7`")
        self.fails(USAGE, "token", "create", "x", says="--may takes read, work, operate or define")
        self.fails(USAGE, "token", "create", "x", "--may", "all", says="--may takes read")
        self.fails(USAGE, "token", "create", "x", "--may", "read", "--expires", "2026-01-31", says="--expires 2026-01-31 is over already")
        self.fails(USAGE, "token", "create", "x", "--may", "read", "--expires", "soon", says="--expires takes a time")
        self.fails(NO, "token", "create", "x", "--may", "read", "--queue", "invoces", says="did you mean invoices")
        self.fails(DATA, "token", "create", "a robot", "--may", "read", says="'a robot' cannot be the name of a token")
        self.fails(NO, "token", "revoke", "robot-8", says="there is no token 'robot-8': did you mean robot-7\\?")
        self.inqueue("token", "revoke", "robot-7")
        self.fails(NO, "token", "revoke", "robot-7", says="token 'robot-7' was revoked already")
        self.create("robot-7", "--may", "read")
        self.assertEqual([("robot-7", "read", None)], self.sql("SELECT name, may, revoked_at FROM token"))

    def test_a_shell_offers_names(self):
        self.create("robot-7", "--may", "work")
        self.assertIn("robot-7\twork\n", self.inqueue("--candidates", "token", "revoke", "").stdout)
        self.assertEqual("", self.inqueue("--candidates", "token", "create", "").stdout)
        self.assertIn("operate", self.inqueue("--candidates", "token", "create", "x", "--may", "").stdout)

    def test_it_goes_with_its_queue(self):
        self.create("robot-7", "--may", "work", "--queue", "invoices")
        self.inqueue("queue", "drop", "invoices", "--yes")
        self.assertEqual([], self.sql("SELECT * FROM token"))


if __name__ == "__main__":
    unittest.main()
