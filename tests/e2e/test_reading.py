"""Reading never blocks: whoever reads, for however long and with whatever program, keeps nobody from working."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import unittest

from deliveries import DeliverCase
from entries import EntryCase, connect
from inqueue import DEADLINE_S, IO, PROGRAM, Case, messages
from watcher import WatchCase

# Fetches the first row of many, and the rest when it is told to.
READER = """
import sqlite3, sys
rows = sqlite3.connect(sys.argv[1]).execute("SELECT name FROM sqlite_schema")
rows.fetchone()
print("reading", flush=True)
sys.stdin.read()
print(len(rows.fetchall()))
"""
SHELL = shutil.which("sqlite3")
MB = 1000 * 1000


class Reader:
    def __init__(self, database):
        self.process = subprocess.Popen([sys.executable, "-c", READER, database], text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        if self.process.stdout.readline() != "reading\n":
            raise AssertionError("the reader has ended")

    def kill(self):
        """For a test that has failed before the end."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def end(self):
        """Its statement to its end: how many rows there were."""
        rows, _ = self.process.communicate(timeout=DEADLINE_S)
        return int(rows)


class ReadCase(Case):
    def reader(self):
        reader = Reader(self.database)
        self.addCleanup(reader.kill)
        return reader


class Statement(ReadCase, DeliverCase, WatchCase):
    """A statement that stays open all the time. Each command ends as if nobody read."""

    def test_every_command_goes_on_beside_it(self):
        target = self.receiver()
        self.create_queue()
        self.target(target.url(), name="posted", mailbox="Posted")
        with self.look() as mailbox:
            mailbox.create("Posted")
        reader = self.reader()
        self.deliver(*messages(3))
        self.inqueue("load", "invoices")
        self.assertEqual(["new"] * 3, self.states())

        claimed = self.inqueue("claim", "invoices", "--json").json()
        self.inqueue("complete", claimed["id"], "--token", claimed["lease_token"])
        self.inqueue("work", "invoices", "--until-empty", "--", "true")
        self.assertEqual(["done"] * 3, self.states())

        self.deliver(*messages(1), folder="Posted")
        self.inqueue("load", "posted")
        self.inqueue("deliver", "posted")
        self.assertEqual(1, len(target.requests))

        watcher = self.watch("invoices")
        watcher.wait_idle()
        self.deliver(*messages(1))
        watcher.wait("run", loaded=1)
        watcher.stop()
        self.inqueue("purge", "--state", "done", "--older-than", "1ms", "--shrink")
        self.assertEqual(["new"], self.states())
        self.assertGreater(reader.end(), 10)


class Log(ReadCase, EntryCase):
    def log_bytes(self):
        return self.database.with_name("inqueue.db-wal").stat().st_size

    def write(self, count):
        """So many megabytes, by somebody who leaves emptying the log to us."""
        with contextlib.closing(connect(self.database)) as database:
            database.execute("PRAGMA wal_autocheckpoint = 0")
            database.execute("PRAGMA synchronous = OFF")
            database.execute("CREATE TABLE IF NOT EXISTS filler (data BLOB)")
            database.execute("WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?)"
                             " INSERT INTO filler SELECT zeroblob(?) FROM n", (count, MB))

    def told(self):
        found = [row["words"] for row in self.json_lines("doctor", "--json") if row["what"] == "log"]
        return self.inqueue("status").stderr, *found

    def test_a_reader_that_holds_it_is_named_and_its_space_given_back(self):
        name = f"'{self.database}-wal' takes"
        reader = self.reader()
        self.write(80)
        status, doctor = self.told()
        words = rf"{name} 8\d\.\d MB because process {reader.process.pid} \(python3[^)]*\) has been reading"
        self.assertRegex(status, rf"\Ainqueue: {words} [^\n]*\n\Z")
        self.assertRegex(doctor, words)
        self.inqueue("queue", "pause", self.queue)
        self.assertGreater(self.log_bytes(), 80 * MB)

        reader.end()
        self.inqueue("queue", "resume", self.queue)
        self.assertLess(self.log_bytes(), 17 * MB)
        status, doctor = self.told()
        self.assertEqual("", status)
        self.assertRegex(doctor, rf"\A{name} [^\n]*B\Z")

    def test_nobody_reads_it_stays_short(self):
        for _ in range(5):
            self.write(18)
            self.inqueue("queue", "pause", self.queue)
            self.assertLess(self.log_bytes(), 40 * MB)
        self.assertGreater(self.database.stat().st_size, 90 * MB)

    def test_a_shrunken_database_is_small_on_disk(self):
        self.write(30)
        self.change("DROP TABLE filler")
        self.inqueue("purge", "--state", "done", "--older-than", "1d", "--shrink")
        self.assertLess(self.database.stat().st_size + self.log_bytes(), 2 * MB)

    def test_its_files_belong_to_whom_the_database_does(self):
        self.database.chmod(0o640)
        if os.geteuid() == 0:
            os.chown(self.database, 4711, 4712)
        self.inqueue("queue", "pause", self.queue, "--trust-owner")
        expected = self.database.stat()
        for suffix in ["-wal", "-shm"]:
            found = self.database.with_name(self.database.name + suffix).stat()
            self.assertEqual((expected.st_mode, expected.st_uid, expected.st_gid),
                             (found.st_mode, found.st_uid, found.st_gid), suffix)


@unittest.skipUnless(os.geteuid() == 0, "only root can become another user")
class AnotherUser(EntryCase):
    """Who may read the folder and its files, and nothing else, opens it with the sqlite3 shell."""

    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]

    def setUp(self):
        super().setUp()
        self.put(3)  # by a program that removes the log when it ends
        self.folder.chmod(0o755)
        self.database.chmod(0o644)

    def count(self, *options):
        result = subprocess.run([*self.nobody, SHELL, *options, self.database, "SELECT count(*) FROM entry"],
                                capture_output=True, text=True, check=False)
        return result.stdout + result.stderr

    def test_when_nothing_runs(self):
        self.inqueue("queue", "pause", self.queue)
        self.assertEqual(["3\n", "3\n"], [self.count(), self.count("-readonly")])
        self.inqueue("claim", self.queue)
        self.assertEqual("3\n", self.count())

    def test_after_the_log_has_been_emptied(self):
        self.inqueue("purge", "--state", "done", "--older-than", "1d", "--shrink")
        self.assertEqual("3\n", self.count())

    def test_while_others_write(self):
        self.inqueue("queue", "pause", self.queue)
        with contextlib.closing(connect(self.database)) as writer:
            writer.execute("BEGIN IMMEDIATE")
            writer.execute("UPDATE work_queue SET paused = 0")
            self.assertEqual("3\n", self.count())

    def test_what_is_missing_is_said(self):
        """Another program has removed the log; who may only read is told who brings it back."""
        words = f"cannot be read without '{self.database}-wal'.* `inqueue status`, run by its owner, brings them back"
        program = self.folder / "inqueue"  # the one that was built may lie in a folder that nobody else may enter
        shutil.copy(PROGRAM, program)
        result = subprocess.run([*self.nobody, program, "list"], capture_output=True, text=True, check=False,
                                env=self.environment)
        self.assertEqual(IO, result.returncode, result.stderr)
        self.assertRegex(result.stderr, words)
        self.inqueue("status")
        self.assertEqual("3\n", self.count())


class Conversion(ReadCase, EntryCase):
    """A database with a rollback journal, as older programs made it."""

    def setUp(self):
        super().setUp()
        self.put(2)
        self.assertEqual([("delete",)], self.change("PRAGMA journal_mode = DELETE"))

    def mode(self):
        return self.change("PRAGMA journal_mode")

    def test_who_reads_leaves_it(self):
        self.assertEqual(2, len(self.json_lines("list", "--json")))
        self.assertEqual([("delete",)], self.mode())

    def test_the_first_who_writes_converts_it(self):
        self.claim()
        self.assertEqual([("wal",)], self.mode())

    def test_a_transaction_that_was_killed_is_undone_first(self):
        killed = subprocess.Popen([sys.executable, "-c", """
import os, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA cache_size = 1")
database.execute("BEGIN")
database.execute("CREATE TABLE filler (data BLOB)")
database.execute("INSERT INTO filler VALUES (randomblob(1000000))")
database.execute("DELETE FROM entry_event")
os.kill(os.getpid(), 9)
""", self.database])
        self.assertEqual(-signal.SIGKILL, killed.wait(DEADLINE_S))
        self.assertTrue(self.database.with_name("inqueue.db-journal").stat().st_size > 0)
        self.claim()
        self.assertEqual([("wal",)], self.mode())
        self.assertEqual([], self.sql("SELECT name FROM sqlite_schema WHERE name = 'filler'"))

    def test_a_reader_that_has_not_ended_is_waited_for(self):
        reader = self.reader()
        process = self.start("queue", "pause", self.queue)
        with self.assertRaises(subprocess.TimeoutExpired):
            process.wait(0.5)
        reader.end()
        self.finish(process)
        self.assertEqual([("wal",)], self.mode())


if __name__ == "__main__":
    unittest.main()
