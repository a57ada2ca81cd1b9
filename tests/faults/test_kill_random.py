"""kill -9 of supervisor, worker and parser at once, at a random moment of a run."""

import os
import random
import subprocess
import unittest

import processes
from inqueue import DEADLINE_S, DONE
from trial import ALL, FaultCase


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
