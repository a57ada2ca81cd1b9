"""kill -9 at every system call that writes, syncs, sends or receives, in supervisor, worker and parser."""

import unittest

import strace
from inqueue import DONE
from trial import FaultCase, sample

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

    def test_supervisor_alone(self):
        self.at_every_call(first_only=True)


if __name__ == "__main__":
    unittest.main()
