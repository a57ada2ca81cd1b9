"""An upgrade is killed at every call that writes, or the disk fails it there: what is left is the old database or the
new one, copies that have their name are whole, and the next command finishes it."""

import contextlib
import re
import shutil
import sqlite3
import tempfile
import unittest

import strace
from checker import Verdict
from inqueue import DONE, IO, SOURCE_DIR, Case
from tally import Tally
from test_upgrade import VERSION, all_rows, objects, old_database, tables
from trial import sample

CALLS = ["pwrite64", "write", "ftruncate", "fsync", "fdatasync", "unlink", "rename", "fchmod"]
FAILURES = ["ENOSPC", "EIO", "EDQUOT"]
SAMPLE = 24


class UpgradeFaults(Case):
    def setUp(self):
        super().setUp()
        # The leak sanitizer works by ptrace, as strace does: one of them at a time.
        self.environment["ASAN_OPTIONS"] += ":detect_leaks=0"
        self.log = self.folder / "strace"
        self.begin()
        with contextlib.closing(sqlite3.connect(self.database)) as database:
            self.columns = {table: [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
                            for table in tables(database)}
            self.old = self.content(database)
        with contextlib.closing(sqlite3.connect(":memory:")) as database:
            database.executescript((SOURCE_DIR / "queue" / "schema.sql").read_text())
            self.new_objects = objects(database)

    def begin(self):
        for left in self.files():
            left.unlink()
        old_database(self.database)

    def files(self):
        return sorted(self.folder.glob("inqueue.db*"))

    def content(self, database):
        return {table: all_rows(database, table, columns) for table, columns in self.columns.items()}

    def look(self, path):
        """(version, what is wrong with it) of a copy of what lies there, so that the program finds it as it was left."""
        with tempfile.TemporaryDirectory() as folder:
            for part in [path, *path.parent.glob(path.name + "-*")]:
                shutil.copy(part, folder)
            with contextlib.closing(sqlite3.connect(f"{folder}/{path.name}")) as database:
                (version,), = database.execute("PRAGMA user_version")
                wrong = [row for row in database.execute("PRAGMA integrity_check") if row != ("ok",)]
                wrong += database.execute("PRAGMA foreign_key_check").fetchall()
                if self.content(database) != self.old:
                    wrong.append("rows differ")
                if version == VERSION and objects(database) != self.new_objects:
                    wrong.append("the schema differs from a fresh one")
        return version, wrong

    def copies(self):
        return [path for path in self.files() if re.fullmatch(r"inqueue\.db\.before-schema-\d+(\.\d+)?", path.name)]

    def judge(self, with_copy):
        """After the fault, and after a quiet run."""
        version, lost = self.look(self.database)
        lost += [] if version in (1, VERSION) else [f"version {version}"]
        for copy in self.copies():
            lost += [(copy.name, *self.look(copy))] if self.look(copy) != (1, []) else []
        self.inqueue("list")
        after, wrong = self.look(self.database)
        # A killed conversion may leave a rollback journal without a header, which the next writer takes away.
        self.inqueue("queue", "pause", "invoices")
        unexpected = [path.name for path in self.files() if path != self.database and path not in self.copies()
                      and not path.name.endswith(("-wal", "-shm", "-lock"))]
        if after != VERSION or (with_copy and not self.copies()):
            unexpected.append(f"version {after}, copies {self.copies()}")
        verdict = Verdict(lost + wrong, [], unexpected)
        self.tally.add(verdict, version != after)
        self.assertTrue(verdict, verdict)

    def points(self):
        self.begin()
        self.inqueue("list", wrap=strace.watch(self.log, CALLS))
        calls = strace.count_calls(self.log)
        return [(call, when) for call, count in sorted(calls.items()) for when in range(1, count + 1)]

    def each(self, points, attempt):
        fired = 0
        for point in points:
            with self.subTest(point=point):
                self.begin()
                fired += attempt(*point)
        self.assertGreater(fired, len(points) * 3 // 4, "faults that did not fire")

    def test_killed_at_every_write(self):
        self.tally = Tally("kill -9 at a system call of an upgrade")
        self.addCleanup(self.tally.report)
        self.each(sample(self.points(), SAMPLE), self.kill)

    def kill(self, call, when):
        process = self.start("list", wrap=strace.kill(self.log, call, when))
        process.communicate()
        fired = strace.has_killed(self.log, call, when)
        self.judge(with_copy=True)
        return fired

    def test_a_disk_that_fails_at_every_write(self):
        self.tally = Tally("ENOSPC, EIO, EDQUOT at a write or sync of an upgrade")
        self.addCleanup(self.tally.report)
        # Nothing but words is written by write().
        points = [(failure, *point) for failure in FAILURES for point in self.points()
                  if point[0] not in ("unlink", "fchmod", "write")]
        self.each(sample(points, SAMPLE), self.fail_at)

    def fail_at(self, failure, call, when):
        process = self.start("list", wrap=strace.fail(self.log, call, failure, when))
        words = process.communicate()[1].decode()
        if process.returncode == DONE:
            self.assertRegex(words, r"\A(inqueue: database '.*' was brought from schema 1 .*\n)?\Z")
        else:
            self.assertEqual(IO, process.returncode, words)
            self.assertRegex(words, r"\A(inqueue: database '.*' was brought [^\n]*\n)?inqueue: [^\n]+\n\Z")
        self.judge(with_copy=False)
        return "(INJECTED)" in self.log.read_text()


if __name__ == "__main__":
    unittest.main()
