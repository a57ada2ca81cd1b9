"""The program as a test runs it: a home, a temporary folder and a database of its own, and nothing left behind.

The binary is $INQUEUE, or build/dev/inqueue.
"""

import contextlib
import email.message
import email.utils
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import termios
import time
import unittest
from typing import NamedTuple

import processes
from servers import Dovecot

SOURCE_DIR = pathlib.Path(os.environ.get("SOURCE_DIR") or pathlib.Path(__file__).parents[2])
PROGRAM = os.environ.get("INQUEUE") or str(SOURCE_DIR / "build" / "dev" / "inqueue")
DEADLINE_S = 120

# Exit codes, as in inqueue(1).
DONE, NO, USAGE, DATA, UNREACHABLE, SOFTWARE, IO = 0, 1, 64, 65, 69, 70, 74
TEMPORARY, PROTOCOL, CREDENTIALS, CONFIGURATION = 75, 76, 77, 78
SANITIZER_EXIT_CODE = 99


def database_files(path):
    """The database and its log, as far as they are there."""
    return [part for part in (path, path.with_name(path.name + "-wal")) if part.exists()]


def copy_database(source, target):
    """While nobody writes to either of them."""
    remove_database(target)
    for part in database_files(source):
        shutil.copy(part, target.with_name(target.name + part.name.removeprefix(source.name)))


def remove_database(path):
    for suffix in ["", "-wal", "-shm"]:
        path.with_name(path.name + suffix).unlink(missing_ok=True)


class Result(NamedTuple):
    code: int
    stdout: str
    stderr: str

    def json(self):
        return json.loads(self.stdout)


def connection_string(keys):
    return ";".join(f"{key}={quoted(str(value))}" for key, value in keys.items())


def quoted(value):
    return '"' + value.replace('"', '""') + '"' if re.search("[;'\"]|^ | $", value) else value


class Case(unittest.TestCase):
    """Every run of the program is checked for its exit code, and afterwards: no process is left, nothing in the
    temporary folder, the database is sound."""

    longMessage = True
    maxDiff = None

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="inqueue-test-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.database = self.folder / "inqueue.db"
        self.temporary = self.folder / "tmp"
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.folder / "home"), "TMPDIR": str(self.temporary),
            "INQUEUE_DATABASE": str(self.database), "LC_ALL": "C.UTF-8",
            # Where libraries are loaded late, the leak checker crashes now and then over their thread-local memory. Each
            # strstr() would measure its whole text first, and libical calls it for each line of a calendar.
            "ASAN_OPTIONS": f"exitcode={SANITIZER_EXIT_CODE}:intercept_tls_get_addr=0:intercept_strstr=0",
            "UBSAN_OPTIONS": "print_stacktrace=1", "LSAN_OPTIONS": f"exitcode={SANITIZER_EXIT_CODE}",
        }
        for name in ["home", "tmp"]:
            (self.folder / name).mkdir()
        self._sessions = []
        self.addCleanup(self._check_remains)

    def _check_remains(self):
        # Children of a process that was killed need a moment to notice.
        leaked = [process_id for process_id in processes.session_members(*self._sessions)
                  if not processes.await_exit(process_id, 20)]
        for process_id in leaked:
            processes.kill_quietly(process_id)
        self.assertEqual([], leaked, "processes left behind")
        self.assertEqual([], sorted(path.name for path in self.temporary.rglob("*")), "temporary files left behind")
        if self.database.is_file() and self.database.read_bytes()[:16] == b"SQLite format 3\0":
            self.assertEqual([("ok",)], self.sql("PRAGMA integrity_check"))
            self.assertEqual([], self.sql("PRAGMA foreign_key_check"))

    # Running

    # Defining a queue asks its server; most tests define queues whose server is not there yet, or must hear no more
    # than what they are about.
    first_look = False

    def _without_look(self, arguments):
        words = [str(argument) for argument in arguments]
        defines = {(kind, verb) for kind in ("queue", "target") for verb in ("create", "alter")} & set(zip(words, words[1:]))
        return words + ["--no-check"] if defines and not self.first_look else words

    def inqueue(self, *arguments, expect=DONE, stdin="", env=None, wrap=()):
        """One run to its end. `wrap` is a command in front of the program's."""
        process = self.start(*arguments, env=env, wrap=wrap)
        return self.finish(process, expect=expect, stdin=stdin)

    def start(self, *arguments, env=None, wrap=(), pass_fds=()):
        command = [*wrap, PROGRAM, *self._without_look(arguments)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   cwd=self.folder, env={**self.environment, **(env or {})}, start_new_session=True, pass_fds=pass_fds)
        self._sessions.append(process.pid)
        return process

    def finish(self, process, expect=DONE, stdin=""):
        """Waits for a run that start() began."""
        try:
            stdout, stderr = process.communicate(stdin.encode(), timeout=DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            stdout, stderr = process.communicate()
            self.fail(f"{process.args} did not end in {DEADLINE_S} s\n{stdout.decode()}{stderr.decode()}")
        return self._checked(process, stdout, stderr, expect)

    def on_terminal(self, *arguments, answers=(), columns=80, env=None, expect=DONE):
        """One run with a terminal; answers are (pattern to wait for, text to type, or what returns it). stdout is all it showed."""
        master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (25, columns))
        # A session of its own, like start_new_session, and the terminal is the session's.
        command = ["setsid", "--ctty", PROGRAM, *self._without_look(arguments)]
        process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, cwd=self.folder,
                                   env={**self.environment, "TERM": "xterm", **(env or {})})
        self._sessions.append(process.pid)
        os.close(slave)
        try:
            shown = self._converse(master, list(answers), process)
        finally:
            os.close(master)
        process.wait(DEADLINE_S)
        return self._checked(process, shown, b"", expect)

    def _converse(self, master, answers, process):
        shown, answered_up_to = b"", 0
        end = time.monotonic() + DEADLINE_S
        while True:
            if not select.select([master], [], [], max(0, end - time.monotonic()))[0]:
                process.kill()
                self.fail(f"waited in vain for {answers[:1] or 'the end'}; shown so far:\n{shown.decode()}")
            try:
                piece = os.read(master, 4096)
            except OSError:  # the last process has closed the terminal
                piece = b""
            if not piece:
                self.assertEqual([], answers, f"questions that were not asked; shown:\n{shown.decode()}")
                return shown
            shown += piece
            if answers and (match := re.compile(answers[0][0].encode()).search(shown, answered_up_to)):
                answered_up_to = match.end()
                text = answers.pop(0)[1]
                os.write(master, (text() if callable(text) else text).encode())

    def _checked(self, process, stdout, stderr, expect):
        result = Result(process.returncode, *(text.decode(errors="surrogateescape") for text in (stdout, stderr)))
        report = f"{process.args}\nstdout:\n{result.stdout}\nstderr:\n{result.stderr}"
        self.assertNotIn("Sanitizer", result.stderr + result.stdout, report)
        self.assertEqual(expect, result.code, report)
        return result

    def json_lines(self, *arguments, **options):
        return [json.loads(line) for line in self.inqueue(*arguments, **options).stdout.splitlines()]

    def fails(self, code, *arguments, says=(), **options):
        """A run that ends with `code` and one line on stderr, in which each of `says` (a pattern) is found."""
        result = self.inqueue(*arguments, expect=code, **options)
        self.assertRegex(result.stderr, r"\A[^\n]+\n\Z", "not one line")
        for pattern in [says] if isinstance(says, str) else says:
            self.assertRegex(result.stderr, pattern)
        return result

    def kill_worker(self, process):
        """Kills the child of a run that start() began."""
        children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        self.assertEqual(1, len(children), "a run has one worker")
        os.kill(int(children[0]), signal.SIGKILL)

    # Looking at the database with another program's eyes

    def sql(self, statement, *parameters):
        with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as database:
            return database.execute(statement, parameters).fetchall()

    def database_bytes(self):
        """What lies on the disk of it, with the log."""
        return b"".join(path.read_bytes() for path in database_files(self.database))

    def column(self, statement, *parameters):
        return [row[0] for row in self.sql(statement, *parameters)]

    # Queues

    def file(self, name, text, mode=0o600):
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def keys(self, server, **more):
        """A connection string's pairs for a server."""
        return {"url": server.address, "port": server.port, **more}

    def create_queue(self, server, name="invoices", user=None, **keys):
        """A queue for a mailbox of a private server, its password in a file."""
        user = user or next(iter(server.users))
        password = self.file(f"{name}.password", server.users[user] + "\n")
        self.inqueue("queue", "create", name, "--class", "Mail", "--external-source", "IMAP",
                     "--connection-string", connection_string(self.keys(server, **keys)),
                     "--user-name", user, "--password-file", password)
        return name


class ServerCase(Case):
    """One server for a class of tests, a mailbox of its own for each test."""

    @classmethod
    def make_server(cls):
        return Dovecot()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.make_server()
        cls.addClassCleanup(cls.server.stop)
        cls.server.start()

    def setUp(self):
        super().setUp()
        self.user = f"{self._testMethodName}@example.com"
        self.server.add_user(self.user, "correct horse")

    def create_queue(self, server=None, name="invoices", user=None, **keys):
        return super().create_queue(server or self.server, name, user or self.user, **keys)

    def deliver(self, *messages, folder="INBOX"):
        with self.look() as mailbox:
            mailbox.append(*messages, folder=folder)

    def look(self):
        return self.server.mailbox(self.user)

    def subjects(self, folder="INBOX"):
        with self.look() as mailbox:
            return mailbox.subjects(folder)

    def folders(self):
        """Of the mailbox: each name with its number of messages."""
        with self.look() as mailbox:
            return {name: mailbox.count(name) for name in mailbox.folders()}


class LoadCase(ServerCase):
    def entries(self):
        return self.column("SELECT subject FROM entry ORDER BY id")

    def ledger(self):
        return self.column("SELECT state FROM pickup ORDER BY uid")

    def assert_all_loaded(self, count):
        """Each message is one entry, and lies in the archive folder once, read."""
        expected = [f"Invoice {number}" for number in range(1, count + 1)]
        self.assertEqual(expected, self.entries())
        with self.look() as mailbox:
            self.assertEqual([], mailbox.subjects())
            archived = mailbox.messages("DROPBOX")
        self.assertEqual(expected, sorted((found.subject for found in archived), key=expected.index))
        self.assertEqual({"\\Seen"}, set().union(*(found.flags for found in archived)))
        self.assertEqual({"moved"}, set(self.ledger()))


def message(subject="Invoice 4711", body="Please pay.\n", sender="Ann Lee <ann@example.com>", **headers):
    """A small text message."""
    made = email.message.EmailMessage()
    made["From"] = sender
    made["To"] = "Robot <robot@example.com>"
    made["Subject"] = subject
    made["Date"] = "Tue, 03 Mar 2026 09:30:00 +0100"
    made["Message-ID"] = email.utils.make_msgid(domain="example.com")
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(body)
    return made


def messages(count):
    return [message(f"Invoice {number}") for number in range(1, count + 1)]
