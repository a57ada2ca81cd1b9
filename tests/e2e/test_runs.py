"""`runs`: what each run of a queue has done."""

import contextlib
import unittest

from entries import EntryCase, connect
from inqueue import CONFIGURATION, NO, ServerCase, message, messages
from test_screens import Screen

RUN = ("INSERT INTO run (queue_id, began_at, ended_at, loaded, moved, bad, error) SELECT id, '2026-01-31T12:00:00.000Z',"
       " '2026-01-31T12:00:02.500Z', ?, ?, ?, ? FROM work_queue WHERE name = ?")


class Table(Screen, EntryCase):
    def setUp(self):
        super().setUp()
        self.define("orders")
        self.change(RUN, 12, 13, 0, None, "invoices")
        self.change(RUN, 0, 0, 0, "imap.example.com: connection refused; is the server up, and is it this port that it "
                    "listens to?", "orders")

    def test_table(self):
        self.assertEqual("BEGAN            QUEUE    TOOK LOADED MOVED\n"
                         "2026-01-31 14:00 invoices 2.5s     12    13\n"
                         "2026-01-31 14:00 orders   2.5s      0     0\n"
                         "  imap.example.com: connection refused; is the server up, and is it this port\n"
                         "  that it listens to?\n", self.shown("runs"))

    def test_newest_limit_and_name(self):
        self.assertEqual(["orders"], [run["queue"] for run in self.json_lines("runs", "--json", "--newest", "--limit", "1")])
        self.assertEqual([{"queue": "invoices", "began_at": "2026-01-31T12:00:00Z", "ended_at": "2026-01-31T12:00:02Z",
                           "loaded": 12, "moved": 13, "bad": 0, "error": None}],
                         self.json_lines("runs", "invoices", "--json"))
        self.fails(NO, "runs", "nosuch", says="'nosuch'")


class Runs(ServerCase):
    def runs(self):
        return [(run["loaded"], run["moved"], run["bad"]) for run in self.json_lines("runs", "--json")]

    def test_what_was_loaded_moved_and_bad(self):
        self.deliver(*messages(2), message(subject="Large", body="x" * 9000))
        self.create_queue(maxSize="4KB")
        self.inqueue("load")
        self.assertEqual([(2, 3, 1)], self.runs())
        self.assertEqual(["OK; 3 items, 1 of them bad."], self.column("SELECT last_message FROM work_queue"))
        self.deliver(message(subject="Large", body="y" * 9000))
        self.inqueue("load")
        self.assertEqual([(2, 3, 1), (0, 1, 1)], self.runs())
        self.assertEqual(["OK; 1 item, bad."], self.column("SELECT last_message FROM work_queue"))

    def test_nothing_new_is_no_run(self):
        self.create_queue()
        self.inqueue("load")
        self.assertEqual([], self.runs())
        self.assertEqual("", self.inqueue("runs").stdout)

    def test_a_failure_is_kept_and_old_ones_are_forgotten(self):
        self.create_queue(mailbox="Nowhere")
        with contextlib.closing(connect(self.database)) as database:
            database.execute(RUN.replace("2026-01-31", "2020-01-31"), (1, 1, 0, None, "invoices"))
        self.fails(CONFIGURATION, "load", says="Nowhere")
        run, = self.json_lines("runs", "--json")
        self.assertEqual((0, 0, 0), (run["loaded"], run["moved"], run["bad"]))
        self.assertIn("Nowhere", run["error"])


if __name__ == "__main__":
    unittest.main()
