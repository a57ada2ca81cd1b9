"""A trial: some mail, a run that something happens to, a run that nothing happens to, and the checker's verdict.

A sample of all trials is run, one after the other, unless $INQUEUE_FAULTS is `all` and $INQUEUE_JOBS says how many at
a time. What belongs to a trial that failed is kept in the folder $INQUEUE_FOUND.
"""

import collections
import concurrent.futures
import contextlib
import os
import pathlib
import shutil
import sqlite3
import subprocess
import traceback

import checker
from inqueue import DONE, PROGRAM, ServerCase, connection_string, copy_database, messages, remove_database
from maildirs import Maildir, with_crlf
from servers import Dovecot
from tally import Tally
from tracer import Tracer

ALL = os.environ.get("INQUEUE_FAULTS") == "all"
JOBS = int(os.environ.get("INQUEUE_JOBS") or 1)
FOUND = os.environ.get("INQUEUE_FOUND")
DEADLINE_S = 120
PASSWORD = "correct horse"
SANITIZED = b"__asan_init" in pathlib.Path(PROGRAM).read_bytes()
FAILURES_SHOWN, FAILURES_ENOUGH = 5, 20

# What it says is not kept: that would cost more than the trials themselves.
SERVER = """\
rawlog_dir =
auth_verbose = no
mail_log_prefix =
"""


def sample(items, count):
    """All of them, or about `count` spread over them, the first and the last among them."""
    items = list(items)
    if ALL or len(items) <= count:
        return items
    return [items[round(i * (len(items) - 1) / (count - 1))] for i in range(count)]


LOG_FRAMES = 1024  # one more makes a log that a commit empties


class Trial:
    """A mailbox with mail in it, and a database with a queue for it: one whose log is as long as it may be, so that a
    run empties it, or one with a rollback journal, as older programs left it."""

    def __init__(self, case, name, count=1, port=None, older=False, **keys):
        self.case, self.name = case, name
        self.user = case.user_of(name)
        self.folder = case.folder / name
        self.folder.mkdir()
        self.database = self.folder / "inqueue.db"
        self.log = self.folder / "strace"
        self.environment = {**case.environment, "INQUEUE_DATABASE": str(self.database)}
        mail = [message.as_bytes() for message in messages(count)]
        self.before = collections.Counter(checker.digest(with_crlf(raw)) for raw in mail)
        case.server.add_user(self.user, PASSWORD)
        self.maildir = Maildir(case.server.folder / "mail" / self.user, case.server.give_away)
        self.maildir.fill(*mail)
        case.copy_queue(self.database, self.user, connection_string(
            case.keys(case.server, **keys) | ({"port": port} if port else {})), older)

    def command(self, wrap=()):
        """Arguments of Popen for one run."""
        return {"args": [*wrap, PROGRAM, "load"], "env": self.environment, "stdin": subprocess.DEVNULL,
                "cwd": self.folder, "start_new_session": True}

    def load(self, wrap=()):
        """One run, however it ends: (exit status, stderr)."""
        result = subprocess.run(**self.command(wrap), check=False, capture_output=True, text=True, errors="replace",
                                timeout=DEADLINE_S)
        self.case.assertNotIn("Sanitizer", result.stderr)
        return result.returncode, result.stderr

    def trace(self, calls, strike=None, name="load"):
        """One run of a command, followed by a Tracer, which is returned, with what the run said."""
        said = self.folder / "said"
        with open(said, "wb") as stderr:
            tracer = Tracer({**self.command(), "args": [PROGRAM, name], "stdout": subprocess.DEVNULL, "stderr": stderr},
                            calls, strike)
        words = said.read_text(errors="replace")
        self.case.assertNotIn("Sanitizer", words)
        return tracer, words

    def findings(self):
        return checker.look(self.maildir, self.database)

    def wait_longer(self, short):
        """After a fault that needed a short deadline: a busy machine must not be another."""
        with contextlib.closing(sqlite3.connect(self.database)) as database, database:
            database.execute("UPDATE work_queue SET connection_string = replace(connection_string, ?, ?)",
                             [f"timeout={short}", f"timeout={DEADLINE_S}"])

    def judge(self, bad=()):
        """After the fault: nothing is lost; then a quiet run, and everything is as it should be."""
        between = self.findings()
        verdict = checker.check_in_between(self.before, between)
        code, words = self.load()
        if verdict:
            verdict = checker.check(self.before, self.findings(), bad)
        recovered = between.folders[checker.SOURCE].total() > 0 or any(row[1] != "moved" for row in between.ledger)
        self.case.tally.add(verdict, recovered, self.user)
        self.case.assertTrue(verdict, f"{verdict}; the quiet run: {code} {words}")
        self.case.assertEqual((DONE, ""), (code, words))

    def remove(self):
        shutil.rmtree(self.folder)
        shutil.rmtree(self.maildir.path)

    def keep(self, words):
        """For whoever has to find out why it failed."""
        if FOUND:
            place = pathlib.Path(FOUND) / self.user
            shutil.copytree(self.folder, place / "ours", dirs_exist_ok=True)
            shutil.copytree(self.maildir.path, place / "mail", dirs_exist_ok=True)
            (place / "failure").write_text(words)


class FaultCase(ServerCase):
    """One server; each trial has a user and a database of its own."""

    fault = "?"

    @classmethod
    def make_server(cls):
        return Dovecot(extra=SERVER)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tally = Tally(cls.fault)
        cls.addClassCleanup(cls.tally.report)

    def setUp(self):
        super().setUp()
        # The leak sanitizer works by ptrace, as strace does: one of them at a time.
        self.environment["ASAN_OPTIONS"] += ":detect_leaks=0"
        self.create_queue()

    def user_of(self, trial):
        return f"{self._testMethodName.removeprefix('test_')}-{trial}@example.com".lower()  # as Dovecot does

    def copy_queue(self, path, user, text, older):
        """A database with the queue of setUp() in it, for another mailbox."""
        made = path.with_name("made.db")
        copy_database(self.database, made)
        with contextlib.closing(sqlite3.connect(made, isolation_level=None)) as database:
            database.execute("PRAGMA wal_autocheckpoint = 0")
            database.execute("PRAGMA synchronous = OFF")
            for _ in range(1 if older else LOG_FRAMES):
                database.execute("UPDATE work_queue SET user_name = ?, connection_string = ?", [user, text])
            if older:
                database.execute("PRAGMA journal_mode = DELETE")
            # While it is open: who closes it last empties the log.
            copy_database(made, path)
        remove_database(made)

    @contextlib.contextmanager
    def quiet(self, **options):
        """A run that nothing is to happen to: at its end all is well, and the server tells what lies on its disk."""
        with self.trial("quiet", **options) as trial:
            yield trial
            with self.server.mailbox(trial.user) as mailbox:
                self.assertEqual(checker.look(mailbox, trial.database), trial.findings())
            self.assertTrue(checker.check(trial.before, trial.findings()))

    @contextlib.contextmanager
    def trial(self, name, **options):
        trial = Trial(self, name, **options)
        try:
            yield trial
        except Exception:
            trial.keep(traceback.format_exc())
            raise
        trial.remove()

    def each(self, attempt, points):
        """attempt(name, *point) for each {name: point}. It says whether the fault fired; a few may not, as the number
        of calls and bytes differs a little from run to run. Failures do not end it before there are many."""
        left = {name: point for name, point in points.items() if not self.tally.has(self.user_of(name))}
        failures = []

        def try_one(name):
            if len(failures) >= FAILURES_ENOUGH:
                return False
            try:
                return attempt(name, *left[name])
            except Exception as failure:
                failures.append(f"{name}: {failure}")
                return True
        with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
            fired = len(points) - len(left) + sum(pool.map(try_one, left))
        if failures:
            self.fail("\n".join([f"{len(failures)} of {len(left)} trials failed", *failures[:FAILURES_SHOWN]]))
        self.assertGreater(fired, len(points) * 3 // 4, "faults that did not fire")
