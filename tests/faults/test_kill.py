"""kill -9 at every system call that writes, syncs, sends or receives, in supervisor, worker and parser."""

import os
import random
import subprocess
import unittest

import strace
from inqueue import PROGRAM
from trial import ALL, FaultCase, sample

CALLS = ["write", "pwrite64", "writev", "pwritev", "ftruncate", "fsync", "fdatasync", "unlink",
         "sendto", "sendmsg", "recvfrom", "recvmsg", "pread64", "fork", "clone", "poll"]
SAMPLE = 14  # of each kind in a short run


class AtSystemCalls(FaultCase):
    """The whole program, then the supervisor alone, at the n-th of each call, for every n."""

    fault = "kill -9 at a system call"

    def at_every_call(self, name, first_only=False, **options):
        log = self.folder / "strace"
        self.begin(f"{name}-count", **options)
        code, words = self.load(strace.watch(log, CALLS, first_only))
        self.assertEqual((0, ""), (code, words))
        self.judge("nothing happened")
        points = [(call, when) for call, count in strace.count_calls(log).items() for when in range(1, count + 1)]
        self.assertGreater(len(points), 1)
        for number, (call, when) in enumerate(sample(sorted(points), SAMPLE)):
            self.begin(f"{name}-{number}", **options)
            self.load(strace.inject(log, call, "signal=KILL", when, first_only))
            # The counts differ a little from run to run, as packets come.
            if strace.count_calls(log)[call] >= when:
                self.fired += 1
                self.judge(f"{call} {when}", bad=self.before)
        self.assertGreater(self.fired, len(sample(points, SAMPLE)) * 3 // 4, "faults that did not fire")

    def setUp(self):
        super().setUp()
        self.fired = 0

    def test_one_message_with_move(self):
        self.at_every_call("move")

    def test_five_messages_with_move(self):
        self.at_every_call("move", count=5)

    def test_one_message_with_copy(self):
        self.at_every_call("copy", disable="MOVE")

    def test_five_messages_with_copy(self):
        self.at_every_call("copy", count=5, disable="MOVE")

    def test_supervisor_alone(self):
        self.at_every_call("supervisor", first_only=True)


class AtRandom(FaultCase):
    """The worker, or all processes at once, at a random moment."""

    fault = "kill -9 at a random moment"
    tries = 10000 if ALL else 100

    def test_at_random_moments(self):
        chance = random.Random(4711)
        longest_s = 0.15
        fired = 0
        for number in range(self.tries):
            self.begin(str(number), count=5, disable=chance.choice(["MOVE", ""]))
            process = subprocess.Popen([PROGRAM, "load"], env=self.environment, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                       cwd=self.folder, start_new_session=True)
            try:
                process.wait(chance.uniform(0, longest_s))
                longest_s *= 0.95
            except subprocess.TimeoutExpired:
                fired += 1
                longest_s *= 1.02
                os.killpg(process.pid, 9)
                process.wait()
            self.judge(f"try {number}", bad=self.before)
        self.assertGreater(fired, self.tries // 2, "most runs ended before they were killed")


if __name__ == "__main__":
    unittest.main()
