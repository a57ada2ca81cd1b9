"""A trial: some mail, a run that something happens to, a run that nothing happens to, and the checker's verdict.

A sample of all trials is run unless $INQUEUE_FAULTS is `all`. Each class of faults counts its trials in a Tally,
which is printed at the end and appended to the file $INQUEUE_FIGURES as a row of the README's table.
"""

import os
import pathlib
import subprocess

import checker
from inqueue import DONE, PROGRAM, ServerCase, messages
from servers import Dovecot

ALL = os.environ.get("INQUEUE_FAULTS") == "all"
DEADLINE_S = 120
SANITIZED = b"__asan_init" in pathlib.Path(PROGRAM).read_bytes()


def sample(items, count):
    """All of them, or about `count` spread over them, the first and the last among them."""
    items = list(items)
    if ALL or len(items) <= count:
        return items
    return [items[round(i * (len(items) - 1) / (count - 1))] for i in range(count)]


class Tally:
    def __init__(self, name):
        self.name = name
        self.tries = self.lost = self.twice = self.unexpected = self.recovered = 0

    def __str__(self):
        return (f"| {self.name} | {self.tries:,} | {self.lost} | {self.twice} | {self.unexpected} "
                f"| {self.recovered:,} |")

    def report(self):
        print(self)
        if os.environ.get("INQUEUE_FIGURES"):
            with open(os.environ["INQUEUE_FIGURES"], "a", encoding="utf-8") as figures:
                print(self, file=figures)

    def add(self, verdict, recovered):
        self.tries += 1
        self.lost += bool(verdict.lost)
        self.twice += bool(verdict.twice)
        self.unexpected += bool(verdict.unexpected)
        self.recovered += recovered


class FaultCase(ServerCase):
    """One server; each trial has a user and a database of its own."""

    fault = "?"

    @classmethod
    def make_server(cls):
        # What the server says need not be kept here: there are thousands of trials.
        server = Dovecot(extra="rawlog_dir =\n")
        return server

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tally = Tally(cls.fault)
        cls.addClassCleanup(cls.tally.report)

    def setUp(self):
        super().setUp()
        # The leak sanitizer works by ptrace, as strace does: one of them at a time.
        self.environment["ASAN_OPTIONS"] += ":detect_leaks=0"

    def begin(self, name, count=1, mail=None, **keys):
        """A new mailbox with mail in it, and a queue for it in a new database."""
        self.user = f"{self._testMethodName}-{name}@example.com"
        self.server.add_user(self.user, "correct horse")
        self.database = self.folder / name / "inqueue.db"
        self.environment["INQUEUE_DATABASE"] = str(self.database)
        self.deliver(*(mail or messages(count)))
        self.create_queue(**keys)
        with self.look() as mailbox:
            self.before = checker.count_digests(mailbox.messages())

    def load(self, wrap=(), env=None):
        """One run, however it ends: (exit status, stderr)."""
        result = subprocess.run([*wrap, PROGRAM, "load"], env={**self.environment, **(env or {})}, check=False,
                                stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                                cwd=self.folder, timeout=DEADLINE_S, start_new_session=True)
        self.assertNotIn("Sanitizer", result.stderr)
        return result.returncode, result.stderr

    def findings(self):
        with self.look() as mailbox:
            return checker.look(mailbox, self.database)

    def judge(self, what, bad=()):
        """After the fault: nothing is lost; then a quiet run, and everything is as it should be."""
        between = self.findings()
        verdict = checker.check_in_between(self.before, between)
        code, words = self.load()
        if verdict:
            verdict = checker.check(self.before, self.findings(), bad)
        recovered = between.folders[checker.SOURCE].total() > 0 or any(row[1] != "moved" for row in between.ledger)
        self.tally.add(verdict, recovered)
        self.assertEqual((DONE, ""), (code, words), what)
        self.assertTrue(verdict, f"{what}: {verdict}")
