"""This machine fails: a full disk, a broken one, a quota, at every write and sync. Loading stops and says why, the mail
stays where it is, and the next run resumes by itself."""

import re
import unittest

import checker
import strace
from inqueue import DONE, IO, TEMPORARY
from trial import FaultCase, sample

CALLS = ["pwrite64", "fdatasync", "fsync", "ftruncate"]
FAILURES = ["ENOSPC", "EIO", "EDQUOT"]
SAMPLE = 15


class FullOrBroken(FaultCase):
    fault = "ENOSPC, EIO, EDQUOT at a write or sync"

    def test_at_every_write_and_sync(self):
        log = self.folder / "strace"
        self.begin("count", 2)
        self.assertEqual((DONE, ""), self.load(strace.watch(log, CALLS)))
        points = [(failure, call, when) for call, count in strace.count_calls(log).items()
                  for when in range(1, count + 1) for failure in FAILURES]
        fired = 0
        chosen = sample(sorted(points), SAMPLE * 3)
        for number, (failure, call, when) in enumerate(chosen):
            self.begin(str(number), 2)
            code, words = self.load(strace.inject(log, call, f"error={failure}", when))
            if "(INJECTED)" in log.read_text():
                fired += 1
                self.judge_words(f"{failure} at {call} {when}", code, words)
                self.judge(f"{failure} at {call} {when}")
        self.assertGreater(fired, len(chosen) * 3 // 4, "faults that did not fire")

    def judge_words(self, what, code, words):
        """A failure that could be passed over leaves nothing undone; any other is said."""
        if code == DONE:
            self.assertEqual("", words, what)
            self.assertEqual(0, self.findings().folders[checker.SOURCE].total(), what)
        else:
            self.assertIn(code, (IO, TEMPORARY), f"{what}: {words}")
            self.assertRegex(words, r"\Ainqueue: load 'invoices': [^\n]+\n\Z", what)

    def test_disk_stays_full(self):
        """Every write of the database fails: the status says why as soon as it can be written again."""
        log = self.folder / "strace"
        self.begin("full", 3)
        code, words = self.load(strace.inject(log, "pwrite64", "error=ENOSPC", "1+"))
        self.assertEqual(IO, code, words)
        self.assertRegex(words, re.compile("no space|full", re.IGNORECASE))
        self.assertEqual(3, self.findings().folders[checker.SOURCE].total())
        self.judge("a full disk")


if __name__ == "__main__":
    unittest.main()
