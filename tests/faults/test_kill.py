"""kill -9 at every system call that writes, syncs, sends or receives, of each process: supervisor, worker, starter, parser."""

import unittest

from inqueue import DONE
from tracer import every_call
from trial import FaultCase, sample

CALLS = ["write", "pwrite64", "writev", "pwritev", "ftruncate", "fsync", "fdatasync", "unlink",
         "sendto", "sendmsg", "recvfrom", "recvmsg", "pread64", "fork", "clone", "poll"]
SAMPLE = 14  # of each kind in a short run
SUPERVISOR, WORKER, STARTER, PARSER = range(4)  # in the order in which they begin


class AtSystemCalls(FaultCase):
    """Each process, at the n-th of each of its calls, for every n."""

    fault = "kill -9 at a system call"

    def at_every_call(self, **options):
        with self.quiet(**options) as trial:
            tracer, words = trial.trace(CALLS)
            self.assertEqual((DONE, ""), (tracer.returncode, words))
        self.assertLessEqual({SUPERVISOR, WORKER, STARTER, PARSER}, {process for process, _ in tracer.counts})

        def attempt(name, *strike):
            with self.trial(name, **options) as trial:
                struck = trial.trace(CALLS, strike)[0].struck
                if struck:
                    trial.judge(bad=trial.before)
            return struck
        self.each(attempt, {f"{call}-{process}-{when}": (process, call, when)
                            for process, call, when in sample(every_call(tracer), SAMPLE)})

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

    def test_five_messages_with_rules(self):
        """One is skipped, one becomes an entry of another queue, one is tagged."""
        self.inqueue("queue", "create", "other", "--external-source", "File")
        for number, (end, action) in enumerate([("1", "skip;"), ("2", 'queue "other";'), ("3", 'tag "three";')], 1):
            self.inqueue("rules", "set", "invoices", number, f'if header :matches "subject" "*{end}" {{ {action} }}')
        with self.quiet(count=5) as trial:
            trial.load()
            self.assertEqual(["new"] * 4 + ["skipped"], sorted(state for _, state, _ in trial.findings().entries))
        self.at_every_call(count=5)

    def test_five_messages_about_the_same(self):
        """The first is stored, the others are refused: none becomes an entry, whatever dies."""
        self.inqueue("queue", "alter", "invoices", "--reference", r"subject:^(\w+)", "--same-reference", "refuse", "--no-check")
        with self.quiet(count=5) as trial:
            trial.load()
            self.assertEqual(["new"] + ["skipped"] * 4, sorted(state for _, state, _ in trial.findings().entries))
        self.at_every_call(count=5)


if __name__ == "__main__":
    unittest.main()
