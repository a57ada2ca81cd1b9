"""This machine fails: a full disk, a broken one, a quota, at every write and sync. Loading stops and says why, the mail
stays where it is, and the next run resumes by itself."""

import re
import unittest

import checker
import strace
from inqueue import DONE, IO, TEMPORARY
from trial import FaultCase, sample

CALLS = ["pwrite64", "write", "fdatasync", "fsync", "ftruncate"]
FAILURES = ["ENOSPC", "EIO", "EDQUOT"]
SAMPLE = 15


class FullOrBroken(FaultCase):
    fault = "ENOSPC, EIO, EDQUOT at a write or sync"

    def test_at_every_write_and_sync(self):
        with self.quiet(count=2) as trial:
            self.assertEqual((DONE, ""), trial.load(strace.watch(trial.log, CALLS)))
            calls = strace.count_calls(trial.log)
        points = [(failure, call, when) for failure in FAILURES for call, count in sorted(calls.items())
                  for when in range(1, count + 1)]
        self.each(self.fail_at, {f"{failure}-{call}-{when}": (failure, call, when)
                                 for failure, call, when in sample(points, SAMPLE * 3)})

    def fail_at(self, name, failure, call, when):
        with self.trial(name, count=2) as trial:
            code, words = trial.load(strace.fail(trial.log, call, failure, when))
            fired = "(INJECTED)" in trial.log.read_text()
            if fired:
                self.judge_words(trial, code, words)
                trial.judge()
        return fired

    def judge_words(self, trial, code, words):
        """A failure that could be passed over leaves nothing undone; any other is said."""
        if code == DONE:
            self.assertEqual("", words)
            self.assertEqual(0, trial.findings().folders[checker.SOURCE].total())
        else:
            self.assertIn(code, (IO, TEMPORARY), words)
            self.assertRegex(words, r"\Ainqueue: load 'invoices': [^\n]+\n\Z")

    def test_disk_stays_full(self):
        """Every write of the database fails: the status says why as soon as it can be written again."""
        with self.trial("full", count=3) as trial:
            code, words = trial.load(strace.fail(trial.log, "pwrite64", "ENOSPC", "1+"))
            self.assertEqual(IO, code, words)
            self.assertRegex(words, re.compile("no space|full", re.IGNORECASE))
            self.assertEqual(3, trial.findings().folders[checker.SOURCE].total())
            trial.judge()


if __name__ == "__main__":
    unittest.main()
