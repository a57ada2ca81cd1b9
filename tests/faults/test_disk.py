"""This machine fails: a disk that is full, broken, over a quota or read-only, at every write and sync, and a database that
another program has locked. Loading stops and says why, the mail stays where it is, and the next run resumes by itself."""

import contextlib
import re
import sqlite3
import unittest

import checker
import strace
from inqueue import DONE, IO, TEMPORARY
from liar import BODIES, LiarCase
from trial import FaultCase, sample

CALLS = ["pwrite64", "write", "fdatasync", "fsync", "ftruncate"]
FAILURES = ["ENOSPC", "EIO", "EDQUOT", "EROFS"]
SAMPLE = 15


class FullOrBroken(FaultCase):
    fault = "ENOSPC, EIO, EDQUOT, EROFS at a write or sync"

    def test_at_every_write_and_sync(self):
        self.at_every_write_and_sync(SAMPLE * 3, count=2)

    def test_at_every_write_and_sync_of_a_conversion(self):
        self.at_every_write_and_sync(SAMPLE, older=True)

    def at_every_write_and_sync(self, tries, **options):
        with self.quiet(**options) as trial:
            self.assertEqual((DONE, ""), trial.load(strace.watch(trial.log, CALLS)))
            calls = strace.count_calls(trial.log)
        points = [(failure, call, when) for failure in FAILURES for call, count in sorted(calls.items())
                  for when in range(1, count + 1)]

        def fail_at(name, failure, call, when):
            with self.trial(name, **options) as trial:
                code, words = trial.load(strace.fail(trial.log, call, failure, when))
                fired = "(INJECTED)" in trial.log.read_text()
                if fired:
                    self.judge_words(trial, code, words)
                    trial.judge()
            return fired
        self.each(fail_at, {f"{failure}-{call}-{when}": (failure, call, when)
                            for failure, call, when in sample(points, tries)})

    def judge_words(self, trial, code, words):
        """A failure that could be passed over leaves nothing undone; any other is said: where not even the list of queues
        can be read, of none of them."""
        if code == DONE:
            self.assertEqual("", words)
            self.assertEqual(0, trial.findings().folders[checker.SOURCE].total())
        else:
            self.assertIn(code, (IO, TEMPORARY), words)
            self.assertRegex(words, r"\Ainqueue: (load 'invoices': )?[^\n]+\n\Z")

    def test_disk_stays_full(self):
        """Every write of the database fails."""
        with self.trial("full", count=3) as trial:
            code, words = trial.load(strace.fail(trial.log, "pwrite64", "ENOSPC", "1+"))
            self.assertEqual(IO, code, words)
            self.assertRegex(words, re.compile("no space|full", re.IGNORECASE))
            self.assertEqual(3, trial.findings().folders[checker.SOURCE].total())
            trial.judge()

    def test_disk_becomes_read_only(self):
        """As the kernel makes a file system that has errors: from some write on nothing is written any more."""
        with self.quiet(count=2) as trial:
            self.assertEqual((DONE, ""), trial.load(strace.watch(trial.log, ["pwrite64"])))
            last = strace.count_calls(trial.log)["pwrite64"]
        self.each(self.become_read_only, {str(when): (when,) for when in sample(range(1, last + 1), 6)})

    def become_read_only(self, name, when):
        with self.trial(name, count=2) as trial:
            code, words = trial.load(strace.fail(trial.log, "pwrite64", "EROFS", f"{when}+"))
            self.assertEqual(IO, code, words)
            self.judge_words(trial, code, words)
            trial.judge()
            return True


class Locked(LiarCase):
    fault = "database locked for longer than anybody waits"

    def test_while_messages_arrive(self):
        """Nothing is moved; the status says why; the next run goes on."""
        self.locked_at(BODIES)

    def test_while_messages_are_moved(self):
        self.locked_at(rb"UID MOVE")

    def locked_at(self, command):
        with self.lying() as server, contextlib.closing(
                sqlite3.connect(self.database, isolation_level=None, check_same_thread=False)) as other:
            def lock(session, tag, text):
                other.execute("BEGIN EXCLUSIVE")
                return session.honest(session, tag, text)

            def unlock(session, tag, text):
                other.execute("ROLLBACK")
                return session.honest(session, tag, text)
            server.answer(command, lock)
            server.answer(rb"LOGOUT", unlock)
            self.fails(TEMPORARY, "load", says="'invoices': .*is locked by another process")
            self.assertRegex(self.column("SELECT last_message FROM work_queue")[0], "Error: .*is locked by another")
            self.judge(server)


if __name__ == "__main__":
    unittest.main()
