"""Tests against a server that lies: a queue in a database, and the checker over the server's memory."""

import contextlib
import sqlite3

import checker
import processes
from inqueue import DEADLINE_S, DONE, Case, connection_string, copy_database
from lying_server import LyingServer
from trial import Tally

COPY_ONLY = "IMAP4rev1 UIDPLUS"
SHORT = "2s"  # where a server falls silent
BODIES = rb"UID FETCH [\d:,]+ \(UID INTERNALDATE BODY.PEEK\[\]\)"


class LiarCase(Case):
    fault = "?"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tally = Tally(cls.fault)
        cls.addClassCleanup(cls.tally.report)

    def lying(self, *mail, capabilities="IMAP4rev1 UIDPLUS MOVE", **keys):
        """A server with mail and a queue for it; to be used as a context."""
        server = LyingServer(capabilities)
        self.addCleanup(server.stop)
        server.deliver(*(mail or [small(1), small(2), small(3)]))
        self.define_queue(server, {"timeout": DEADLINE_S} | keys)
        self.before = checker.count_digests(server.messages())
        return server

    def define_queue(self, server, keys):
        """The program defines the first one of a test. Each further database gets a copy of it, with other words of
        connection: another run would cost as much as what the trial is about."""
        made = self.folder / "defined"
        if made.exists() and not self.database.exists():
            copy_database(made, self.database)
            self.connect_by(connection_string(self.keys(server, **keys)))
            return
        first = not self.database.exists()
        self.create_queue(server, **keys)
        if first:
            copy_database(self.database, made)

    def connect_by(self, text):
        with contextlib.closing(sqlite3.connect(self.database)) as database, database:
            database.execute("UPDATE work_queue SET connection_string = ?", [text])

    def kill_workers(self):
        """Whatever the supervisors have started."""
        for leader in self._sessions:
            for process_id in set(processes.session_members(leader)) - {leader}:
                processes.kill_quietly(process_id)

    def wait_longer(self, timeout=SHORT):
        """After a fault that needed a short deadline: a busy machine must not be another."""
        self.connect_by(self.sql("SELECT connection_string FROM work_queue")[0][0].replace(
            f"timeout={timeout}", f"timeout={DEADLINE_S}"))

    def use_database(self, name):
        """One of its own for each of many trials of a test."""
        self.database = self.folder / f"{name}.db"
        self.environment["INQUEUE_DATABASE"] = str(self.database)

    def check(self, server, bad=(), before=None):
        return checker.check(self.before if before is None else before, checker.look(server, self.database), bad)

    def judge(self, server, bad=(), code=DONE):
        """Nothing is lost; a run without a fault brings everything to rest."""
        between = checker.look(server, self.database)
        verdict = checker.check_in_between(self.before, between)
        self.inqueue("load", expect=code)
        if verdict:
            verdict = self.check(server, bad)
        self.tally.add(verdict, between.folders[checker.SOURCE].total() > 0)
        self.assertTrue(verdict, verdict)


class Lies(LiarCase):
    fault = "a server that lies"

    def told(self, pattern, answer, code, *mail, says="^", capabilities="IMAP4rev1 UIDPLUS MOVE", times=1, **keys):
        """One lie, the run's exit status and words, then an honest run."""
        with self.lying(*mail, capabilities=capabilities, **keys) as server:
            server.answer(pattern, answer, times)
            result = self.inqueue("load", expect=code)
            if code != DONE:
                self.assertRegex(result.stderr, r"\Ainqueue: load 'invoices': [^\n]+\n\Z")
            self.assertRegex(result.stderr, says)
            self.wait_longer()
            self.judge(server)
        return result


def small(number, more=b""):
    return (b"From: Ann Lee <ann@example.com>\r\nSubject: Invoice %d\r\nMessage-ID: <%d@example.com>\r\n"
            b"Date: Tue, 03 Mar 2026 09:30:00 +0100\r\n%s\r\nPlease pay.\r\n" % (number, number, more))


def hang_up(_session, _tag, _command):
    """An answer to any command: none."""
    return None
