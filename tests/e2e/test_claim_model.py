"""A model of the queue in Python, and the program beside it: whatever commands come in whatever order, from several
workers and with their processes dying, both say the same.

$INQUEUE_MODEL_EXAMPLES sets how many sequences are tried; CI takes a few.
"""

import os
import unittest

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, precondition, rule

from entries import EntryCase
from inqueue import DONE, NO

EXAMPLES = int(os.environ.get("INQUEUE_MODEL_EXAMPLES", "12"))
MAX_ATTEMPTS = 3
WORKERS = st.sampled_from(["ada", "bob", "robot-7"])
LONG_AGO = "2026-02-01T00:00:0{}.000Z"


class Entry:
    def __init__(self, number):
        self.id = number
        self.state = "new"
        self.priority = 0
        self.held = False
        self.attempts = 0
        self.token = None
        self.expired = False
        self.deferred = False
        self.deadline = None
        self.due = 0  # rises with the time from which it could be claimed again; 0: it was never put off
        self.completed = 0

    def order(self, by_deadline):
        deadline = (self.deadline is None, self.deadline or "") if by_deadline else ()
        return (-self.priority, deadline, self.due, self.id)

    def claimable(self):
        return self.state == "new" and not self.held and not self.deferred


class Queue(RuleBasedStateMachine):
    tokens = Bundle("tokens")
    case = None

    def __init__(self):
        super().__init__()
        self.runner = Runner()
        self.runner.setUp()
        self.entries = {}
        self.failures = 0
        self.by_deadline = False

    def teardown(self):
        self.runner.doCleanups()

    def inqueue(self, *arguments, expect=DONE, **more):
        return self.runner.inqueue(*arguments, expect=expect, **more)

    def overdue(self):
        return [entry for entry in self.entries.values() if entry.state == "claimed" and entry.expired]

    def end_exhausted(self):
        """What a claim does to those whose last lease has ended; it takes nothing from the others."""
        for entry in self.overdue():
            if entry.attempts >= MAX_ATTEMPTS:
                entry.state, entry.token, entry.expired = "failed", None, False

    def expected(self):
        fit = [entry for entry in self.entries.values() if entry.claimable()
               or (entry in self.overdue() and entry.attempts < MAX_ATTEMPTS and not entry.held)]
        return min(fit, key=lambda entry: entry.order(self.by_deadline), default=None)

    def took(self, entry, token):
        entry.state, entry.token, entry.attempts, entry.expired = "claimed", token, entry.attempts + 1, False

    # What comes in

    @rule(count=st.integers(1, 3))
    def load(self, count):
        for number in self.runner.put(count):
            self.entries[number] = Entry(number)

    # What workers do

    @rule(target=tokens, worker=WORKERS)
    def claim(self, worker):
        self.end_exhausted()
        entry = self.expected()
        if entry is None:
            self.inqueue("claim", "invoices", expect=NO)
            return multiple()
        claimed = self.inqueue("claim", "invoices", "--worker", worker, "--json").json()
        assert (entry.id, entry.attempts + 1) == (claimed["id"], claimed["attempt_count"]), claimed
        self.took(entry, claimed["lease_token"])
        return entry.id, claimed["lease_token"]

    @rule(target=tokens, worker=WORKERS)
    def claim_with_sql(self, worker):
        """Ends nothing where there is nothing to claim."""
        entry = self.expected()
        rows = self.runner.change(CLAIM, {"worker": worker})
        if entry is None:
            assert rows == [], rows
            return multiple()
        assert [entry.id] == [row[0] for row in rows], (entry.id, rows)
        self.end_exhausted()
        self.took(entry, rows[0][1])
        return entry.id, rows[0][1]

    def settle(self, lease, *arguments):
        """The entry, when the token must be good; else None, and the program has said no."""
        number, token = lease
        entry = self.entries[number]
        good = entry.state == "claimed" and entry.token == token
        self.inqueue(arguments[0], number, "--token", token, *arguments[1:], expect=DONE if good else NO)
        if good and arguments[0] != "extend":
            entry.token, entry.expired = None, False
        return entry if good else None

    @rule(lease=tokens)
    def complete(self, lease):
        if entry := self.settle(lease, "complete"):
            entry.state = "done"
            entry.completed += 1

    @rule(lease=tokens)
    def fail_for_business(self, lease):
        if entry := self.settle(lease, "fail", "--business", "--reason", "x"):
            entry.state = "failed"

    @rule(lease=tokens)
    def fail_of_the_application(self, lease):
        if entry := self.settle(lease, "fail", "--application", "--reason", "x"):
            if entry.attempts >= MAX_ATTEMPTS:
                entry.state = "failed"
            else:
                self.failures += 1
                entry.state, entry.due = "new", self.failures

    @rule(lease=tokens)
    def release(self, lease):
        if entry := self.settle(lease, "release"):
            entry.state, entry.attempts = "new", entry.attempts - 1

    @rule(lease=tokens)
    def defer(self, lease):
        if entry := self.settle(lease, "defer", "--until", "1d"):
            entry.state, entry.attempts, entry.deferred = "new", entry.attempts - 1, True

    @rule(lease=tokens)
    def extend(self, lease):
        if entry := self.settle(lease, "extend", "--lease", "1h"):
            entry.expired = False

    @precondition(lambda self: any(entry.state == "claimed" for entry in self.entries.values()))
    @rule(data=st.data())
    def time_passes(self, data):
        """A worker died long ago, and its lease with it."""
        entry = data.draw(st.sampled_from([one for one in self.entries.values() if one.state == "claimed"]))
        entry.expired = True
        self.runner.change("UPDATE entry_status SET lease_until = ?, last_attempt_at = ? WHERE id = ?",
                           (LONG_AGO.format(1), LONG_AGO.format(0), entry.id))

    # What operators do

    @precondition(lambda self: self.entries)
    @rule(data=st.data(), what=st.sampled_from(["hold", "unhold", "retry", "discard", "release"]))
    def operate(self, data, what):
        entry = data.draw(st.sampled_from(list(self.entries.values())))
        fits = {"hold": not entry.held and entry.state in ("new", "claimed"), "unhold": entry.held,
                "retry": entry.state in ("failed", "done") or entry.deferred,
                "release": entry.state == "claimed",
                "discard": entry.state in ("new", "failed") and not self.final_business(entry)}[what]
        options = ["--force", "--reason", "x"] if what == "release" else []
        self.inqueue(what, entry.id, *options, expect=DONE if fits else NO)
        if not fits:
            return
        if what == "release":
            entry.state, entry.token, entry.expired, entry.attempts = "new", None, False, entry.attempts - 1
        elif what in ("hold", "unhold"):
            entry.held = what == "hold"
        elif what == "retry":
            entry.state, entry.attempts, entry.deferred, entry.due = "new", 0, False, 0
        else:
            entry.state = "failed"

    def final_business(self, entry):
        kind, = self.runner.column("SELECT error_kind FROM entry WHERE id = ?", entry.id)
        return entry.state == "failed" and kind == "business"

    @precondition(lambda self: self.entries)
    @rule(data=st.data(), priority=st.integers(-1, 1))
    def prioritise(self, data, priority):
        entry = data.draw(st.sampled_from(list(self.entries.values())))
        self.inqueue("priority", entry.id, "--to", priority, expect=DONE if priority != entry.priority else NO)
        entry.priority = priority

    @precondition(lambda self: self.entries)
    @rule(data=st.data(), deadline=st.sampled_from([None, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"]))
    def set_deadline(self, data, deadline):
        entry = data.draw(st.sampled_from(list(self.entries.values())))
        self.inqueue("deadline", entry.id, "--at", deadline or "none", expect=DONE if deadline != entry.deadline else NO)
        entry.deadline = deadline

    @rule(by_deadline=st.booleans())
    def order_by(self, by_deadline):
        self.inqueue("queue", "alter", "invoices", "--order", "deadline" if by_deadline else "due")
        self.by_deadline = by_deadline

    # What is always true

    @invariant()
    def both_say_the_same(self):
        rows = self.runner.sql("SELECT id, state, priority, held, attempt_count, lease_token FROM entry ORDER BY id")
        assert rows == [(entry.id, entry.state, entry.priority, entry.held, entry.attempts, entry.token)
                        for entry in self.entries.values()]

    @invariant()
    def history_agrees(self):
        completed = dict(self.runner.sql("SELECT entry_id, count(*) FROM entry_event WHERE change = 'completed'"
                                         " GROUP BY entry_id"))
        assert completed == {entry.id: entry.completed for entry in self.entries.values() if entry.completed}


CLAIM = """
UPDATE entry_status
SET state = 'claimed', lease_owner = :worker, lease_token = lower(hex(randomblob(16))),
    lease_until = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+10 minutes'),
    last_attempt_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), attempt_count = attempt_count + 1
WHERE id = (SELECT id FROM next_entry WHERE queue = 'invoices')
RETURNING id, lease_token"""


class Runner(EntryCase):
    """One database per sequence of commands."""

    def runTest(self):
        """Not a test itself."""


Queue.TestCase.settings = settings(max_examples=EXAMPLES, stateful_step_count=25, deadline=None, derandomize=True,
                                   database=None, suppress_health_check=list(HealthCheck))


class Model(Queue.TestCase):
    """The model and the program agree."""


def load_tests(loader, tests, pattern):
    del tests, pattern
    return loader.loadTestsFromTestCase(Model)


if __name__ == "__main__":
    unittest.main()
