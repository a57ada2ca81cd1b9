"""kill -9 at every system call that writes, syncs, sends or receives, in supervisor, worker and parser."""

import os
import random
import subprocess
import unittest

import processes
import strace
from inqueue import DEADLINE_S, DONE
from trial import ALL, FaultCase, sample

CALLS = ["write", "pwrite64", "writev", "pwritev", "ftruncate", "fsync", "fdatasync", "unlink",
         "sendto", "sendmsg", "recvfrom", "recvmsg", "pread64", "fork", "clone", "poll"]
SAMPLE = 14  # of each kind in a short run


class AtSystemCalls(FaultCase):
    """The whole program, then the supervisor alone, at the n-th of each call, for every n."""

    fault = "kill -9 at a system call"

    def at_every_call(self, first_only=False, **options):
        with self.quiet(**options) as trial:
            self.assertEqual((DONE, ""), trial.load(strace.watch(trial.log, CALLS, first_only)))
            calls = strace.count_calls(trial.log)
        points = [(call, when) for call, count in sorted(calls.items()) for when in range(1, count + 1)]
        self.assertGreater(len(points), 1)

        def attempt(name, call, when):
            with self.trial(name, **options) as trial:
                trial.load(strace.kill(trial.log, call, when, first_only))
                fired = strace.has_killed(trial.log, call, when)
                if fired:
                    trial.judge(bad=trial.before)
            return fired
        self.each(attempt, {f"{call}-{when}": (call, when) for call, when in sample(points, SAMPLE)})

    def test_one_message_with_move(self):
        self.at_every_call()

    def test_five_messages_with_move(self):
        self.at_every_call(count=5)

    def test_one_message_with_copy(self):
        self.at_every_call(disable="MOVE")

    def test_five_messages_with_copy(self):
        self.at_every_call(count=5, disable="MOVE")

    def test_one_message_into_an_older_database(self):
        """It is put into WAL mode by this run."""
        self.at_every_call(older=True)

    def test_supervisor_alone(self):
        self.at_every_call(first_only=True)


class AtRandom(FaultCase):
    """All processes at once, at a random moment of a run."""

    fault = "kill -9 of all processes at a random moment"
    tries = 10000 if ALL else 200

    def test_at_random_moments(self):
        self.longest_s = 0.15
        self.each(self.kill, {str(number): (random.Random(number),) for number in range(self.tries)})

    def kill(self, name, chance):
        """Again until a run was killed before its end."""
        while True:
            with self.trial(name, count=5, disable=chance.choice(["MOVE", ""])) as trial:
                if self.run_and_kill(trial, chance.uniform(0, self.longest_s)):
                    trial.judge(bad=trial.before)
                    return True

    def run_and_kill(self, trial, after_s):
        with subprocess.Popen(**trial.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                self.assertEqual(DONE, process.wait(after_s))
            except subprocess.TimeoutExpired:
                self.longest_s *= 1.02
                os.killpg(process.pid, 9)
                process.wait()
                # What a worker had locked is free when it is gone, and not before.
                for process_id in processes.session_members(process.pid):
                    self.assertTrue(processes.await_exit(process_id, DEADLINE_S))
                return True
        self.longest_s *= 0.95
        return False


if __name__ == "__main__":
    unittest.main()
