"""Everybody at one database at once: loads, workers, deliveries, purges, robots with SQL, readers who take their time, and
a program that writes with SQLite's default settings, which checkpoints by itself. At the end the database is sound,
nothing is lost, nothing came twice, and the log is short.

Runs for $INQUEUE_TRAFFIC_S seconds: 5 in the tests, 600 by hand (tests/faults/traffic).
"""

import collections
import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import unittest

from deliveries import DeliverCase
from inqueue import PROGRAM, message

SECONDS = int(os.environ.get("INQUEUE_TRAFFIC_S") or 5)
DEADLINE_S = 300
MB = 1000 * 1000
ROBOTS, WORKERS, READERS = 3, 2, 2

# As a program does that knows nothing of us: a large row now and then, so that it often has a log to copy.
STRANGER = """
import random, select, sqlite3, sys
database = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
database.execute("CREATE TABLE IF NOT EXISTS stranger (number INTEGER PRIMARY KEY, data BLOB)")
number = 0
while not select.select([sys.stdin], [], [], 0)[0]:
    number += 1
    size = random.choice([100, 100, 3000000])
    database.execute("INSERT OR REPLACE INTO stranger VALUES (?, zeroblob(?))", [number % 5, size])
print(number)
"""

# That of inqueue-sql(7), with no work in between.
ROBOT = """
import select, sqlite3, sys
CLAIM = '''UPDATE entry_status
SET state = 'claimed', lease_owner = :worker, lease_token = lower(hex(randomblob(16))),
    lease_until = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+10 minutes'),
    last_attempt_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), attempt_count = attempt_count + 1
WHERE id = (SELECT id FROM next_entry WHERE queue = 'invoices')
RETURNING id, lease_token'''
COMPLETE = '''UPDATE entry_status
SET state = 'done', lease_owner = NULL, lease_token = NULL, lease_until = NULL, error_kind = NULL, error_text = NULL
WHERE id = :id AND lease_token = :token
RETURNING id'''
database = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
database.execute("PRAGMA wal_autocheckpoint = 0")
done = 0
while not select.select([sys.stdin], [], [], 0.002)[0]:
    for entry, token in database.execute(CLAIM, {"worker": sys.argv[2]}).fetchall():
        done += len(database.execute(COMPLETE, {"id": entry, "token": token}).fetchall())
print(done)
"""


class Traffic(DeliverCase):
    def setUp(self):
        super().setUp()
        self.environment["ASAN_OPTIONS"] += ":detect_leaks=0"
        self.target_server = self.receiver()
        self.create_queue()
        self.target(self.target_server.url(), name="posted", mailbox="Posted", dropbox="Sent")
        with self.look() as mailbox:
            mailbox.create("Posted")
        self.counts, self.failures = collections.Counter(), []
        self.longest_log = 0
        self.end = time.monotonic() + SECONDS

    def run_once(self, *arguments):
        result = subprocess.run([PROGRAM, *arguments], env=self.environment, cwd=self.folder, capture_output=True, text=True,
                                check=False, timeout=DEADLINE_S, stdin=subprocess.DEVNULL)
        self.counts[arguments[0]] += 1
        if result.returncode or result.stderr:
            self.failures.append(f"{arguments}: {result.returncode} {result.stderr}")

    def again(self, *arguments):
        def loop():
            while time.monotonic() < self.end and not self.failures:
                self.run_once(*arguments)
        return loop

    def send(self):
        with self.look() as mailbox:
            while time.monotonic() < self.end and not self.failures:
                for folder in ["INBOX", "Posted"]:
                    self.counts[folder] += 3
                    mailbox.append(*[message(body="x" * random.choice([10, 1000, 200000]) + "\n") for _ in range(3)],
                                   folder=folder)

    def read(self):
        """One statement after the other, each open for a moment or a few."""
        while time.monotonic() < self.end and not self.failures:
            with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as database:
                rows = database.execute("SELECT * FROM entry")
                until = time.monotonic() + random.choice([0, 0.1, 1])
                while rows.fetchone() and time.monotonic() < until:
                    pass
                while time.monotonic() < until:
                    self.longest_log = max(self.longest_log, self.log_bytes())
                    threading.Event().wait(0.01)
                self.counts["statement"] += 1

    def log_bytes(self):
        try:
            return self.database.with_name("inqueue.db-wal").stat().st_size
        except FileNotFoundError:
            return 0

    def script(self, text, *arguments):
        return subprocess.Popen([sys.executable, "-c", text, self.database, *arguments], text=True, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE)

    def finish_script(self, name, process):
        words, _ = process.communicate("end\n", timeout=DEADLINE_S)
        self.assertEqual(0, process.returncode, name)
        self.counts[name] += int(words)

    def test_all_at_once(self):
        scripts = [("stranger", self.script(STRANGER)), *(("robot", self.script(ROBOT, f"robot-{number}"))
                                                          for number in range(ROBOTS))]
        loops = [self.send, self.again("load", "invoices"), self.again("load", "posted"), self.again("deliver", "posted"),
                 self.again("purge", "--state", "done", "--older-than", "1s"),
                 self.again("purge", "--queue", "invoices", "--state", "done", "--older-than", "1s", "--shrink"),
                 *[self.read] * READERS]
        workers = [self.start("work", "invoices", "--", "true") for _ in range(WORKERS)]
        threads = [threading.Thread(target=loop) for loop in loops]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for name, process in scripts:
            self.finish_script(name, process)
        for process in workers:
            process.send_signal(signal.SIGTERM)
            self.assertEqual("", self.finish(process).stderr)
        for arguments in [("load",), ("work", "invoices", "--until-empty", "--", "true"), ("deliver",)]:
            self.run_once(*arguments)
        self.assertEqual([], self.failures)
        self.judge()

    def judge(self):
        sent = self.counts["INBOX"], self.counts["Posted"]
        print(f"{SECONDS} s, SQLite {sqlite3.sqlite_version}: {dict(sorted(self.counts.items()))}, log at most "
              f"{self.longest_log / MB:.0f} MB, then {self.log_bytes() / MB:.0f} MB")
        self.assertEqual([("ok",)], self.sql("PRAGMA integrity_check"))
        self.assertEqual([], self.sql("PRAGMA foreign_key_check"))
        folders = self.folders()
        self.assertEqual((0, sent[0], 0, sent[1]), tuple(folders[name] for name in ["INBOX", "DROPBOX", "Posted", "Sent"]))
        self.assertEqual([("moved", sum(sent))], self.sql("SELECT state, count(*) FROM pickup GROUP BY state"))
        posted = [request.headers["idempotency-key"] for request in self.target_server.requests]
        self.assertEqual((sent[1], sent[1]), (len(posted), len(set(posted))))
        self.assertEqual([], self.sql("SELECT id, state FROM entry_status WHERE state <> 'done'"))


if __name__ == "__main__":
    unittest.main()
