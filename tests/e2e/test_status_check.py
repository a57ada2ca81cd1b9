"""inqueue status --check: what monitoring asks."""

import contextlib
import os
import pathlib
import signal
import sqlite3
import tempfile
import unittest
from datetime import datetime, timedelta, timezone

from certificates import Authority
from entries import EntryCase
from inqueue import CONFIGURATION, NO, USAGE, ServerCase, message
from servers import Dovecot
from watcher import WatchCase


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
        self.fails(NO, "status", "--check", says="'invoices': no run has looked at the mailbox yet")

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
        self.fails(USAGE, "status", "--max-age", "15m", says="--max-age needs --check")


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

    def test_entries_whose_deadline_is_over(self):
        self.inqueue("status", "--check", "--max-overdue", "0")
        self.inqueue("deadline", "1", "2", "--at", "2026-01-31T12:00:00Z")
        self.inqueue("deadline", "3", "--at", "4h")
        result = self.fails(NO, "status", "--check", "--max-overdue", "0")
        self.assertEqual("inqueue: 'invoices': 1 entry is overdue, more than 0\n", result.stderr)  # 2 has failed
        self.inqueue("status", "--check", "--max-overdue", "1")

    def test_a_delivery_that_is_stopped(self):
        self.inqueue("queue", "alter", "invoices", "--deliver-to", "https://app.example.com/mail")
        self.change("UPDATE target SET stopped = 'the target answered 404'")
        result = self.fails(NO, "status", "--check")
        self.assertEqual("inqueue: 'invoices': delivery stopped: the target answered 404\n", result.stderr)

    def test_entries_that_are_posted_in_vain(self):
        self.change("UPDATE entry_status SET attempt_count = 2, error_kind = 'application', error_text = 'x',"
                    " next_attempt_at = '2999-01-01T00:00:00.000Z' WHERE state = 'new' AND id ="
                    " (SELECT min(id) FROM entry_status WHERE state = 'new')")
        self.inqueue("status", "--check", "--max-undelivered", "0")  # a worker's attempt
        self.inqueue("queue", "alter", "invoices", "--deliver-to", "https://app.example.com/mail")
        result = self.fails(NO, "status", "--check", "--max-undelivered", "0")
        self.assertEqual("inqueue: 'invoices': 1 entry has been posted in vain, more than 0\n", result.stderr)
        self.inqueue("status", "--check", "--max-undelivered", "1")
        shown = self.inqueue("status").stdout
        self.assertRegex(shown, r"\ninvoices +not delivered +2 ")
        self.assertTrue(shown.endswith("  1 entry has been posted in vain, and is tried again: `inqueue list invoices"
                                       " --state new` says why\n"), shown)
        self.assertRegex(self.inqueue("queue", "show", "invoices").stdout, r"\nstate +not delivered\n")

    def test_nagios(self):
        figures = "| waiting=2 failed=1 bad=0 expired=0 overdue=0 undelivered=0\n"
        self.assertEqual(f"INQUEUE OK - 1 queue {figures}", self.inqueue("status", "--check", "--format", "nagios").stdout)
        result = self.inqueue("status", "--check", "--format", "nagios", "--max-failed", "0", expect=NO)
        self.assertEqual((f"INQUEUE WARNING - 'invoices': 1 entry has failed, more than 0 {figures}", ""),
                         (result.stdout, result.stderr))

    def test_wrong_use(self):
        self.fails(USAGE, "status", "--max-failed", "0", says="--max-failed needs --check")
        self.fails(USAGE, "status", "--check", "--format", "xml", says="--format takes text or nagios")

    def test_disks(self):
        self.inqueue("status", "--check", "--min-free", "1")
        self.fails(NO, "status", "--check", "--min-free", "8000000GB",
                   says=r"^inqueue: the disk of the database '\S+' has [\d.]+ [MG]B free, less than 8000000\.0 GB\n$")
        self.fails(USAGE, "status", "--check", "--min-free", "much", says="--min-free takes a size: 64MB, 2GB")
        self.fails(USAGE, "status", "--min-free", "1", says="--min-free needs --check")
        found = [row["words"] for row in self.json_lines("doctor", "--json") if row["what"] == "disk"]
        self.assertRegex("\n".join(found), rf"\Athat of the database '{self.database}' has [\d.]+ [MG]B free\Z")

    def test_what_a_sign_in_has_learnt_of_its_end(self):
        self.change("INSERT INTO queue_end VALUES (1, 'refresh token', NULL, strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+10 days'),"
                    " '2026-01-31T12:00:00.000Z')")
        self.fails(NO, "status", "--check", says=r"^inqueue: 'invoices': the refresh token ends on \d{4}-\d\d-\d\d, in 9 days\n$")
        self.assertRegex(self.inqueue("doctor", expect=CONFIGURATION).stdout,
                         r"(?m)^wrong +queue 'invoices' +the refresh token ends on \d{4}-\d\d-\d\d, in 9 days$")
        self.inqueue("status", "--check", "--min-valid", "9d")
        self.change("UPDATE queue_end SET ends_at = '2026-01-31T12:00:00.000Z'")
        self.fails(NO, "status", "--check", "--min-valid", "0s",
                   says=r"^inqueue: 'invoices': the refresh token ended on 2026-01-31\n$")
        self.inqueue("queue", "alter", "invoices", "--connection-string", "url=imap.example.com")
        self.inqueue("status", "--check")

    def test_certificates_in_files(self):
        authority = Authority(self.folder / "authority", validity=span(-60, 20))
        own = Authority(self.folder / "own").issue("client", validity=span(-300, 20))
        self.inqueue("queue", "alter", "invoices", "--deliver-to", "https://app.example.com/mail", "--deliver-ca-file",
                     authority.certificate, "--deliver-client-certificate", own.certificate)
        result = self.fails(NO, "status", "--check")
        days = (datetime.now(timezone.utc) + timedelta(20)).strftime("%Y-%m-%d")
        self.assertEqual(f"inqueue: 'invoices': the target's authority in '{authority.certificate}' ends on {days}, in 19 days;"
                         f" 'invoices': the client certificate in '{own.certificate}' ends on {days}, in 19 days\n",
                         result.stderr)
        self.inqueue("status", "--check", "--min-valid", "18d")


def span(since, until):
    """Days from now, as openssl takes them."""
    now = datetime.now(timezone.utc)
    return tuple((now + timedelta(days)).strftime("%Y%m%d%H%M%SZ") for days in (since, until))


class ServerCertificate(ServerCase):
    """The server's own, as a sign-in has seen it."""

    @classmethod
    def make_server(cls):
        folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.authority = Authority(folder / "authority")
        return Dovecot(certificate=cls.authority.issue(validity=span(-85, 5)))

    def test_its_end_is_known_after_a_look(self):
        self.create_queue(caFile=self.authority.certificate)
        self.inqueue("load")
        self.fails(NO, "status", "--check",
                   says=r"^inqueue: 'invoices': the certificate of the mail server ends on \d{4}-\d\d-\d\d, in 4 days\n$")
        before = self.column("SELECT noted_at FROM queue_end")
        self.inqueue("load")
        self.assertEqual(before, self.column("SELECT noted_at FROM queue_end"))


class Logs(WatchCase):
    def test_a_log_on_a_full_disk_is_named(self):
        self.create_queue()
        watcher = self.watch("--log-imap", "/dev/full")
        self.assertRegex(watcher.wait("log_imap_failed")["error"], "cannot write to '/dev/full': No space left on device")
        self.fails(NO, "status", "--check", says="^inqueue: log: cannot write to '/dev/full': No space left on device\n$")
        self.assertRegex(self.inqueue("doctor", expect=CONFIGURATION).stdout,
                         "(?m)^wrong +disk +log: cannot write to '/dev/full': No space left on device$")
        watcher.stop()
        self.inqueue("status", "--check")

    def test_a_log_that_was_moved_away_is_opened_anew(self):
        self.create_queue()
        log, old = self.folder / "imap.log", self.folder / "imap.log.1"
        watcher = self.watch("--log-imap", log)
        watcher.wait_idle()
        os.rename(log, old)
        self.fails(NO, "status", "--check",
                   says=f"^inqueue: the log '{log}' was moved or deleted while `watch` writes it: send it HUP\n$")
        watcher.send(signal.SIGHUP)
        watcher.wait("reloaded")
        self.inqueue("status", "--check")
        before = old.read_text()
        self.deliver(message())
        watcher.wait("stored")
        watcher.wait_idle(2)
        watcher.stop()
        self.assertEqual(before, old.read_text())
        self.assertRegex(log.read_text(), r"C: \d+ UID FETCH")
        self.assertNotIn("LOGIN", log.read_text())
        self.assertEqual(1, watcher.count("worker_started"))


if __name__ == "__main__":
    unittest.main()
