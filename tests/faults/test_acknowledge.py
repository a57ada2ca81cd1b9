"""kill -9 at every system call of those who load, deliver and acknowledge, where mail waits for its delivery."""

import collections
import contextlib
import sqlite3
import subprocess
import unittest

import checker
from inqueue import DEADLINE_S, DONE, PROGRAM
from receiver import Receiver
from test_kill import CALLS, WORKER
from tracer import every_call
from trial import ALL, FaultCase, sample

STEPS = ["load", "deliver", "load"]  # stored and waiting; answered; acknowledged
SAMPLE, TOLD = 5, 10  # of a step in a short run


def choose(number, points):
    """In a short run some of a step's points; of the last step what the mail server is told after the sign-in."""
    if ALL or number < len(STEPS) - 1:
        return sample(points, SAMPLE)
    return [point for point in points if point[1:3] == (WORKER, "sendto")][-TOLD:]


class Acknowledged(FaultCase):
    """The mailbox never shows more than the target has answered; in the end it shows that, and each entry was posted
    with one key."""

    fault = "kill -9 while mail waits for its delivery"

    def setUp(self):
        super().setUp()
        self.receiver = self.enterContext(Receiver())
        self.inqueue("queue", "alter", "invoices", "--deliver-to", self.receiver.url(), "--deliver-format", "json",
                     "--allow-private", "true", "--acknowledge", "delivery")

    def step(self, trial, name):
        return subprocess.run(**trial.command() | {"args": [PROGRAM, name]}, check=False, capture_output=True,
                              text=True, errors="replace", timeout=DEADLINE_S)

    def quietly(self, trial, steps):
        for name in steps:
            result = self.step(trial, name)
            self.assertEqual((DONE, ""), (result.returncode, result.stderr), name)

    def states(self, trial):
        with contextlib.closing(sqlite3.connect(trial.database)) as database:
            return [state for state, in database.execute("SELECT state FROM entry_status")]

    def posts(self, trial):
        """Keys of the trial's posts, and how often each came."""
        return collections.Counter(request.headers["idempotency-key"] for request in list(self.receiver.requests)
                                   if request.json()["envelope"]["to"] == trial.user)

    def lies_in(self, trial):
        return {folder: [message.seen for message in messages] for folder in trial.maildir.folders()
                if (messages := trial.maildir.messages(folder))}

    def judge(self, trial, place):
        between = self.lies_in(trial)
        early = any(map(any, between.values())) and not self.posts(trial) and self.states(trial) != ["bad"]
        self.quietly(trial, STEPS)
        states, posts, lies = self.states(trial), self.posts(trial), self.lies_in(trial)
        # A message that kills each worker that takes it is a bad one, which nobody posts.
        wanted, keys = ({"BADMAIL": [True]}, 0) if states == ["bad"] else ({place: [True]}, 1)
        verdict = checker.Verdict(
            lost=["there was no message"] * (not between) + [str(lies)] * (lies != wanted),
            twice=[str(posts)] * (len(posts) != keys or posts.total() > 2),
            unexpected=["read before there was an answer"] * early + states * (states not in (["done"], ["bad"])))
        self.tally.add(verdict, between != wanted, trial.user)
        self.assertTrue(verdict, str(verdict))

    def points(self, **keys):
        """(step, process, call, when) of a round that nothing happens to."""
        found = []
        with self.trial("quiet", **keys) as trial:
            for number, name in enumerate(STEPS):
                tracer, words = trial.trace(CALLS, name=name)
                self.assertEqual((DONE, ""), (tracer.returncode, words))
                found += choose(number, [(number, *point) for point in every_call(tracer)])
        return found

    def at_every_call(self, place, **keys):
        def attempt(name, number, *strike):
            with self.trial(name, **keys) as trial:
                self.quietly(trial, STEPS[:number])
                struck = trial.trace(CALLS, strike, STEPS[number])[0].struck
                if struck:
                    self.judge(trial, place)
            return struck
        self.each(attempt, {f"{number}-{call}-{process}-{when}": (number, process, call, when)
                            for number, process, call, when in self.points(**keys)})

    def test_read_where_it_lies(self):
        self.at_every_call("INBOX")

    def test_moved(self):
        self.at_every_call("Archive", dropbox="Archive")

    def test_copied(self):
        self.at_every_call("Archive", dropbox="Archive", disable="MOVE")


if __name__ == "__main__":
    unittest.main()
