"""inqueue status --check: what monitoring asks."""

import contextlib
import sqlite3
import unittest

from entries import EntryCase
from inqueue import NO, USAGE, ServerCase


class Check(ServerCase):
    def age(self, hours, name="invoices"):
        """As if that much time had passed since everything that was noted about the queue."""
        with contextlib.closing(sqlite3.connect(self.database)) as database, database:
            for table, column in [("work_queue", "record_created"), ("queue_health", "last_success")]:
                key = "id" if table == "work_queue" else "queue_id"
                database.execute(f"UPDATE {table} SET {column} = strftime('%Y-%m-%dT%H:%M:%fZ', {column}, ?) WHERE {key} ="
                                 " (SELECT id FROM work_queue WHERE name = ?)", (f"-{hours} hours", name))

    def test_all_is_well_after_a_look(self):
        self.create_queue()
        self.inqueue("load")
        result = self.inqueue("status", "--check")
        self.assertEqual(("", ""), (result.stdout, result.stderr))

    def test_a_new_queue_has_time_for_its_first_look(self):
        self.create_queue()
        self.inqueue("status", "--check")
        self.age(1)
        self.fails(NO, "status", "--check", says="'invoices': no good look yet, and no try either")

    def test_an_old_look_is_named_with_its_age_and_the_reason(self):
        self.create_queue()
        self.inqueue("load")
        self.age(2)
        self.file("invoices.password", "another\n")
        self.inqueue("load", expect=77)
        self.fails(NO, "status", "--check", says=["'invoices': last good look 2h.* ago, Error: .*refused"])
        self.inqueue("status", "--check", "--max-age", "3h")

    def test_paused_queues_and_others_do_not_count(self):
        self.create_queue(name="one")
        self.create_queue(name="two", dropbox="D2", badmail="B2")
        self.age(1, "one")
        self.age(1, "two")
        self.fails(NO, "status", "--check", says="'one': .*; 'two': ")
        self.inqueue("queue", "pause", "one")
        result = self.fails(NO, "status", "--check", says="'two': ")
        self.assertNotIn("'one'", result.stderr)
        self.inqueue("status", "one", "--check")

    def test_wrong_age(self):
        self.create_queue()
        self.fails(USAGE, "status", "--check", "--max-age", "old", says="--max-age takes")
        self.fails(USAGE, "status", "--max-age", "15m", says="--max-age goes with --check")


class Limits(EntryCase):
    def setUp(self):
        super().setUp()
        self.put(3)
        self.change("UPDATE entry_status SET state = 'failed', error_kind = 'business', error_text = 'x' WHERE id = 2")

    def test_each_limit_has_its_words(self):
        result = self.inqueue("status", "--check", "--max-waiting", "2", "--max-failed", "1", "--max-bad", "0",
                              "--max-expired", "0")
        self.assertEqual(("", ""), (result.stdout, result.stderr))
        result = self.fails(NO, "status", "--check", "--max-waiting", "1", "--max-failed", "0")
        self.assertEqual("inqueue: 'invoices': 2 entries are waiting, more than 1; 'invoices': 1 entry has failed,"
                         " more than 0\n", result.stderr)
        self.fails(NO, "status", "--check", "--max-oldest", "1h",
                   says="^inqueue: 'invoices': an entry has been waiting for .*, longer than 1h.*\n")
        self.inqueue("status", "--check", "--max-oldest", "5000w")

    def test_a_delivery_that_is_stopped(self):
        self.inqueue("queue", "alter", "invoices", "--deliver-to", "https://app.example.com/mail")
        self.change("UPDATE delivery_target SET stopped = 'the target answered 404'")
        result = self.fails(NO, "status", "--check")
        self.assertEqual("inqueue: 'invoices': delivery stopped: the target answered 404\n", result.stderr)

    def test_nagios(self):
        figures = "| waiting=2 failed=1 bad=0 expired=0\n"
        self.assertEqual(f"INQUEUE OK - 1 queue {figures}", self.inqueue("status", "--check", "--format", "nagios").stdout)
        result = self.inqueue("status", "--check", "--format", "nagios", "--max-failed", "0", expect=NO)
        self.assertEqual((f"INQUEUE WARNING - 'invoices': 1 entry has failed, more than 0 {figures}", ""),
                         (result.stdout, result.stderr))

    def test_wrong_use(self):
        self.fails(USAGE, "status", "--max-failed", "0", says="--max-failed goes with --check")
        self.fails(USAGE, "status", "--check", "--format", "xml", says="--format takes text or nagios")


if __name__ == "__main__":
    unittest.main()
