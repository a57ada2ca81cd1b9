"""Servers that lie about MOVE, COPY or EXPUNGE. Nothing is lost or doubled, and a later run finishes."""

import contextlib
import os
import signal
import sqlite3
import unittest

import checker
from inqueue import CONFIGURATION, SOFTWARE, DEADLINE_S, DONE, PROTOCOL, TEMPORARY, UNREACHABLE
from liar import COPY_ONLY, Lies, hang_up, small


class Moves(Lies):
    fault = "MOVE, COPY or EXPUNGE that lies"

    def test_ok_without_copyuid(self):
        def quiet(session, tag, command):
            session.honest(session, tag, command)
            return tag + b" OK moved\r\n"
        self.told(rb"UID MOVE", quiet, DONE)

    def test_ok_but_not_moved(self):
        self.told(rb"UID MOVE", b"TAG OK moved\r\n", PROTOCOL, says="still")

    def test_ok_with_copyuid_but_not_moved(self):
        self.told(rb"UID MOVE", b"TAG OK [COPYUID 102 1:3 1:3] moved\r\n", PROTOCOL, says="still")

    def test_no_but_moved(self):
        def denied(session, tag, command):
            session.honest(session, tag, command)
            return tag + b" NO not moved\r\n"
        self.told(rb"UID MOVE", denied, DONE)

    def test_senseless_copyuid(self):
        def senseless(session, tag, command):
            session.honest(session, tag, command)
            return tag + b" OK [COPYUID 5 1:4294967295 1:4294967295] moved\r\n"
        self.told(rb"UID MOVE", senseless, DONE)

    def test_moved_into_nothing(self):
        """Gone from the source, but in no target: a loss that is the server's alone is said, not hidden."""
        with self.lying(small(1)) as server:
            def eat(_session, tag, _command):
                server.take_away(1)
                return tag + b" OK moved\r\n"
            server.answer(rb"UID MOVE", eat)
            result = self.inqueue("load", expect=PROTOCOL)
            self.assertRegex(result.stderr, "UID 1 left 'INBOX', but has not arrived in 'DROPBOX'")
            self.assertEqual("new", self.sql("SELECT state FROM entry")[0][0])

    def test_moved_into_nothing_and_copyuid_claimed(self):
        with self.lying(small(1)) as server:
            def eat(_session, tag, _command):
                server.take_away(1)
                return tag + b" OK [COPYUID 102 1 1] moved\r\n"
            server.answer(rb"UID MOVE", eat)
            result = self.inqueue("load", expect=PROTOCOL)
            self.assertRegex(result.stderr, "UID 1 left 'INBOX', but has not arrived in 'DROPBOX'")

    def test_copy_into_nothing_and_copyuid_claimed(self):
        self.told(rb"UID COPY", b"TAG OK [COPYUID 102 1:3 1:3] copied\r\n", PROTOCOL, says="UID 1:3 .* not arrived",
                  capabilities=COPY_ONLY)

    def test_over_quota(self):
        self.told(rb"UID MOVE", b"TAG NO [OVERQUOTA] the archive folder is full\r\n", TEMPORARY, says="full")

    def test_over_quota_at_copy(self):
        self.told(rb"UID COPY", b"TAG NO [OVERQUOTA] the archive folder is full\r\n", TEMPORARY, says="full",
                  capabilities=COPY_ONLY)

    def test_throttled(self):
        self.told(rb"UID MOVE", b"TAG NO [LIMIT] slow down\r\n", TEMPORARY, says="slow down")

    def test_expunge_denied_after_copy(self):
        self.told(rb"UID EXPUNGE", b"TAG NO [NOPERM] not yours\r\n", 77, capabilities=COPY_ONLY)

    def test_expunge_that_is_only_claimed(self):
        self.told(rb"UID EXPUNGE", b"TAG OK gone\r\n", PROTOCOL, capabilities=COPY_ONLY)

    def test_copy_done_but_answered_no(self):
        def denied(session, tag, command):
            session.honest(session, tag, command)
            return tag + b" NO [INUSE] perhaps later\r\n"
        self.told(rb"UID COPY", denied, TEMPORARY, capabilities=COPY_ONLY)

    def test_copy_of_a_message_too_large_done_but_not_answered(self):
        """Only its header was fetched, which tells its copy."""
        with self.lying(small(1), small(2, b"X: %s\r\n" % (b"x" * 20000)), capabilities=COPY_ONLY,
                        maxSize="10KB") as server:
            def vanish(session, tag, command):
                session.honest(session, tag, command)
            server.answer(rb"UID COPY .*BADMAIL", vanish)
            self.inqueue("load", expect=UNREACHABLE)
            self.judge(server, bad=[checker.digest(server.messages("BADMAIL")[0].raw)])

    def test_copy_answered_ok_but_not_done(self):
        self.told(rb"UID COPY", b"TAG OK copied\r\n", PROTOCOL, capabilities=COPY_ONLY)

    def test_folder_that_another_run_makes_first(self):
        with self.lying() as server:
            def made_already(*_):
                server.create("BADMAIL")
                return b"TAG NO [ALREADYEXISTS] mailbox exists\r\n"
            server.answer(rb"CREATE \"?BADMAIL", made_already)
            self.inqueue("load")
            self.judge(server)

    def test_folder_that_cannot_be_made(self):
        with self.lying() as server:
            server.answer(rb"CREATE \"?BADMAIL", b"TAG NO [ALREADYEXISTS] mailbox exists\r\n")
            self.assertIn("create folder 'BADMAIL'", self.inqueue("load", expect=PROTOCOL).stderr)
            self.judge(server)

    def test_archive_folder_deleted_meanwhile(self):
        with self.lying() as server:
            def delete(session, tag, command):
                server.delete("DROPBOX")
                return session.honest(session, tag, command)
            server.answer(rb"UID MOVE", delete)
            self.inqueue("load", expect=CONFIGURATION)
            self.judge(server)


class ManyBatches(Lies):
    """Three batches: the first is moved while the second waits to be stored, and the ledger is to learn of that with
    the third. Whatever ends the run before that, the next one goes on."""

    fault = "a set moved, and the run ends before the ledger knows"
    batch = 1000

    def until(self, count, state):
        """Another look at the database whenever it has changed."""
        with contextlib.closing(sqlite3.connect(self.database, timeout=DEADLINE_S)) as database:
            while database.execute("SELECT count(*) FROM pickup WHERE state = ?", [state]).fetchone() < (count,):
                pass

    def interrupted(self, fault, code, at_logout=None):
        """`fault` happens when the third batch is asked for. What is on the server then, and the states of the ledger
        after the run."""
        with self.lying(*[small(number) for number in range(2 * self.batch + 10)]) as server:
            there = []

            def second(session, tag, command):
                self.until(self.batch, "stored")
                return session.honest(session, tag, command)

            def third(session, tag, command):
                there.append(len(server.messages("DROPBOX")))
                return fault(session, tag, command)
            server.answer(rb"UID FETCH %d:.*BODY" % (self.batch + 1), second)
            server.answer(rb"UID FETCH %d:.*BODY" % (2 * self.batch + 1), third)
            if at_logout:
                server.answer(rb"LOGOUT", at_logout)
            self.process = self.start("load")
            self.finish(self.process, expect=code)
            states = dict(self.sql("SELECT state, count(*) FROM pickup GROUP BY state"))
            self.judge(server)
        self.assertEqual([self.batch], there)
        return states

    def test_connection_dies(self):
        """And cannot be made again: the ledger is told what was moved."""
        def die(session, _tag, _command):
            session.server.answer(rb"LOGIN", hang_up)
        self.assertEqual({"moved": self.batch, "stored": self.batch}, self.interrupted(die, UNREACHABLE))

    def test_killed(self):
        def kill(_session, _tag, _command):
            os.killpg(self.process.pid, signal.SIGKILL)
        states = self.interrupted(kill, -signal.SIGKILL)
        self.assertNotIn("moved", states)
        self.assertGreaterEqual(states["stored"], self.batch)

    def test_third_batch_cannot_be_stored(self):
        """Then the ledger is told without it."""
        def forbid(session, tag, command):
            self.change("CREATE INDEX forbidden ON pickup (CASE WHEN uid >"
                        f" {2 * self.batch} THEN abs(-9223372036854775808) END)")  # which overflows
            return session.honest(session, tag, command)

        def allow(session, tag, command):
            self.change("DROP INDEX forbidden")
            return session.honest(session, tag, command)
        self.assertEqual({"moved": 2 * self.batch}, self.interrupted(forbid, SOFTWARE, allow))

    def change(self, statement):
        with contextlib.closing(sqlite3.connect(self.database, timeout=DEADLINE_S)) as database, database:
            database.execute(statement)


if __name__ == "__main__":
    unittest.main()
