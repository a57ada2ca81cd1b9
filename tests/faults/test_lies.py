"""Servers that lie or break: the run ends or goes on, nothing is lost or doubled, and a later run finishes."""

import contextlib
import json
import os
import signal
import sqlite3
import unittest

import checker
from inqueue import CONFIGURATION, DATA, DEADLINE_S, DONE, PROTOCOL, TEMPORARY, UNREACHABLE
from liar import BODIES, SHORT, LiarCase, hang_up, small
from lying_server import parse_set
from watcher import Watcher

COPY_ONLY = "IMAP4rev1 UIDPLUS"


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


class Numbers(Lies):
    fault = "UIDVALIDITY changed, UIDs twice or never asked for"

    def test_new_uid_validity_between_runs(self):
        with self.lying() as server:
            server.answer(rb"UID MOVE", hang_up)
            self.inqueue("load", expect=UNREACHABLE)
            server.renumber()
            self.judge(server)
            self.assertEqual(3, len(self.sql("SELECT 1 FROM entry")))

    def test_new_uid_validity_within_a_run(self):
        """Found out when the mailbox is selected again: rows of the old numbering are not used on the new one."""
        with self.lying(capabilities=COPY_ONLY) as server:
            server.answer(rb"UID COPY", hang_up)
            self.inqueue("load", expect=UNREACHABLE)

            def renumber(session, tag, command):
                server.renumber()
                return session.honest(session, tag, command)
            server.answer(rb"EXAMINE \"?DROPBOX", renumber)
            self.inqueue("load", expect=TEMPORARY)
            self.judge(server)

    def test_new_uid_validity_announced_in_the_open_folder(self):
        """From then on the numbers mean other messages: those that nobody has loaded are not moved by them."""
        for number, command in enumerate([rb"UID SEARCH", rb"UID FETCH .*SIZE", BODIES, rb"UID STORE"]):
            self.use_database(number)
            with self.subTest(command=command), self.lying() as server:
                server.answer(command, self.renumber_and_tell)
                result = self.inqueue("load", expect=TEMPORARY)
                self.assertRegex(result.stderr, "UIDVALIDITY")
                self.assertEqual([small(4)], [message.raw for message in server.messages() if message.uid == 1])
                self.before[checker.digest(small(4))] = 1
                self.judge(server)
                self.assertEqual(4, len(self.sql("SELECT 1 FROM entry")))

    def renumber_and_tell(self, session, tag, command):
        """New mail gets the number that the oldest had."""
        server = session.server
        server.deliver(small(4))
        server.renumber(first_uid=1, backwards=True)
        session.selected = server.folder("INBOX")
        session.send(b"* OK [UIDVALIDITY %d] numbered afresh\r\n" % session.selected.uid_validity)
        return session.honest(session, tag, command)

    def test_new_uid_validity_between_two_workers_of_a_run(self):
        """The one that stored the messages dies before it has moved them; the next one finds other numbers."""
        with self.lying() as server:
            def renumber_and_kill(*_):
                server.deliver(small(4))
                server.renumber(first_uid=1, backwards=True)
                self.kill_workers()
            server.answer(rb"UID MOVE", renumber_and_kill)
            self.before[checker.digest(small(4))] = 1
            result = self.inqueue("load")
            self.assertRegex(result.stderr, "the worker died")
            self.judge(server)
            self.assertEqual(4, len(self.sql("SELECT 1 FROM entry")))

    def test_uid_found_twice(self):
        self.told(rb"UID SEARCH \d+:\d+ ", b"* SEARCH 3 1 1\r\n* SEARCH 2 3\r\nTAG OK done\r\n", DONE)

    def test_uid_that_does_not_exist(self):
        self.told(rb"UID SEARCH \d+:\d+ ", b"* SEARCH 1 2 3 77\r\nTAG OK done\r\n", DONE)

    def test_message_sent_twice(self):
        def twice(session, tag, command):
            answer = session.honest(session, b"TAG", command)
            session.honest(session, tag, command)
            return answer
        self.told(BODIES, twice, DONE)

    def test_message_never_asked_for(self):
        def more(session, tag, command):
            session.send(b"* 9 FETCH (UID 99 BODY[] {5}\r\nhello)\r\n* 9 FETCH (BODY[] {5}\r\nhello)\r\n")
            return session.honest(session, tag, command)
        self.told(BODIES, more, DONE)

    def test_bodies_under_each_others_uids(self):
        """Whatever is said to be UID 1 is UID 1; but nothing is lost and nothing is doubled."""
        with self.lying(small(1), small(2)) as server:
            def swapped(session, tag, _command):
                one, two = server.messages()
                session.send(b"* 1 FETCH (UID 1 BODY[] {%d}\r\n%s)\r\n" % (len(two.raw), two.raw))
                session.send(b"* 2 FETCH (UID 2 BODY[] {%d}\r\n%s)\r\n" % (len(one.raw), one.raw))
                return tag + b" OK done\r\n"
            server.answer(BODIES, swapped)
            self.inqueue("load")
            self.judge(server)


class Bodies(Lies):
    fault = "FETCH that lies about a message"

    def test_expunged_meanwhile(self):
        """Another client removes a message after it was listed."""
        with self.lying() as server:
            def remove(session, tag, command):
                server.take_away(2)
                session.send(b"* 2 EXPUNGE\r\n")
                return session.honest(session, tag, command)
            server.answer(BODIES, remove)
            self.inqueue("load")
            del self.before[checker.digest(small(2))]
            self.judge(server)
            self.assertEqual([("Invoice 1",), ("Invoice 3",)], self.sql("SELECT subject FROM entry ORDER BY id"))

    def test_moved_away_meanwhile(self):
        """Another client files a message between our commit and our move."""
        with self.lying() as server:
            server.create("DROPBOX")

            def move(session, tag, command):
                server.deliver(server.take_away(2).raw, folder="DROPBOX")
                return session.honest(session, tag, command)
            server.answer(rb"UID MOVE", move)
            self.inqueue("load")
            self.judge(server)

    def test_never_sent(self):
        with self.lying() as server:
            def withhold(session, tag, _command):
                for message in server.messages()[::2]:
                    session.send(b"* 1 FETCH (UID %d BODY[] {%d}\r\n%s)\r\n" % (
                        message.uid, len(message.raw), message.raw))
                return tag + b" OK done\r\n"
            server.answer(BODIES, withhold)
            result = self.inqueue("load", expect=PROTOCOL)
            self.assertRegex(result.stderr, "UID 2")
            self.judge(server)

    def test_never_sent_by_any_run(self):
        """The others are loaded all the same, every time."""
        with self.lying() as server:
            def withhold(session, tag, command):
                kept = server.take_away(2)
                answer = session.honest(session, tag, command)
                server.put_back(kept)
                return answer
            server.answer(BODIES, withhold, times=None)
            for number in range(3):
                server.deliver(small(10 + number))
                self.inqueue("load", expect=PROTOCOL)
            self.assertEqual(5, len(self.sql("SELECT 1 FROM entry")))
            self.assertEqual([small(2)], [message.raw for message in server.messages()])

    def test_nil(self):
        self.told(BODIES, b"* 1 FETCH (UID 1 BODY[] NIL)\r\nTAG OK done\r\n", PROTOCOL, small(1))

    def test_nil_and_no_size(self):
        """The message is not taken for an empty one only because nobody has said how large it is."""
        with self.lying(small(1)) as server:
            server.answer(rb"UID FETCH .*SIZE", b"TAG OK done\r\n", times=2)
            server.answer(BODIES, b"* 1 FETCH (UID 1 BODY[] NIL)\r\nTAG OK done\r\n")
            result = self.inqueue("load", expect=PROTOCOL)
            self.assertRegex(result.stderr, "did not send UID 1")
            self.judge(server)

    def test_another_part_of_the_message(self):
        self.told(BODIES, b"* 1 FETCH (UID 1 BODY[]<9> {5}\r\nx: y\n)\r\nTAG OK done\r\n", PROTOCOL, small(1),
                  says="another part")

    def test_nil_of_a_header(self):
        """All that is asked of a message that is too large."""
        with self.lying(small(1, b"X: %s\r\n" % (b"x" * 20000)), maxSize="10KB") as server:
            server.answer(rb"UID FETCH .*HEADER", b"* 1 FETCH (UID 1 BODY[HEADER]<0> NIL)\r\nTAG OK done\r\n")
            result = self.inqueue("load", expect=PROTOCOL)
            self.assertRegex(result.stderr, "did not send UID 1")
            self.judge(server, bad=self.before)

    def test_nil_of_a_message_that_is_empty(self):
        with self.lying(b"") as server:
            server.answer(BODIES, b'* 1 FETCH (UID 1 INTERNALDATE "03-Mar-2026 09:30:00 +0000" BODY[] NIL)\r\n'
                                  b"TAG OK done\r\n")
            self.inqueue("load")
            self.judge(server)
            self.assertEqual([("new", 0, "2026-03-03T09:30:00Z")],
                             self.sql("SELECT state, raw_size, date_received FROM entry"))

    def test_no_body_at_all(self):
        self.told(BODIES, b"* 1 FETCH (UID 1)\r\nTAG OK done\r\n", PROTOCOL, small(1), says="did not send UID 1")

    def test_literal_shorter_than_announced(self):
        """The rest of the answer is eaten up, and the tag never comes."""
        self.told(BODIES, b"* 1 FETCH (UID 1 BODY[] {1000}\r\nhello)\r\nTAG OK done\r\n", DONE, timeout=SHORT)

    def test_literal_longer_than_announced(self):
        """What follows makes no sense: passed over, and asked for once more."""
        self.told(BODIES, b"* 1 FETCH (UID 1 BODY[] {5}\r\nhello, world)\r\nTAG OK done\r\n", DONE,
                  small(1))

    def test_literal_without_end(self):
        def endless(session, _tag, _command):
            session.send(b"* 1 FETCH (UID 1 BODY[] {4294967295}\r\n" + b"x" * 100000)
            return None
        self.told(BODIES, endless, DONE)

    def test_line_without_end(self):
        def endless(session, _tag, _command):
            for _ in range(2000):
                session.send(b"* XFOO " + b"x" * 65536)
            return None
        self.told(BODIES, endless, DONE)

    def test_answers_without_end(self):
        def endless(session, _tag, _command):
            for _ in range(2000):
                session.send(b"* 1 FETCH (FLAGS ())\r\n" * 3000)
            return None
        self.told(BODIES, endless, DONE)

    def test_odd_date(self):
        """Asked for once more without it."""
        self.told(BODIES, b'* 1 FETCH (UID 1 INTERNALDATE "99-Foo-20" BODY[] {5}\r\nhello)\r\nTAG OK done\r\n', DONE,
                  small(1))

    def test_date_that_says_nothing(self):
        """A year of two digits, none, or no date: that of the Date field is taken, with a defect."""
        for number, date in enumerate([b'"03-Mar-26 09:30:00 +0000"', b"NIL", b'"yesterday"',
                                       b'"01-Jan-0001 00:00:00 +0000"']):
            with self.subTest(date=date):
                self.use_database(number)
                with self.lying(small(1)) as server:
                    def odd(_session, tag, command, date=date):
                        dated = b"INTERNALDATE %s " % date if b"INTERNALDATE" in command else b""
                        return b"* 1 FETCH (UID 1 %sBODY[] {%d}\r\n%s)\r\n%s OK done\r\n" % (
                            dated, len(small(1)), small(1), tag)
                    server.answer(rb"UID FETCH .*BODY.PEEK\[\]", odd, times=None)
                    self.inqueue("load")
                    self.assertEqual([("2026-03-03T08:30:00Z", "2026-03-03T08:30:00Z", 1)], self.sql(
                        "SELECT date_received, date_sent, defects LIKE '%server gives no date%Date field%' FROM entry"))

    def test_flags_nobody_can_read(self):
        def odd(session, tag, command):
            session.send(b"* 1 FETCH (FLAGS (\\Se]en [x))\r\n* 2 FETCH (UID 2 FLAGS (\\Seen))\r\n* XYZZY {3}\r\nabc\r\n")
            return session.honest(session, tag, command)
        self.told(BODIES, odd, DONE)

    def test_size_that_is_wrong(self):
        """Announced as 20 bytes, or as 4 GB."""
        self.told(rb"UID FETCH .*SIZE", b"* 1 FETCH (UID 1 RFC822.SIZE 20)\r\n* 2 FETCH (UID 2 RFC822.SIZE 20)\r\n"
                  b"* 3 FETCH (UID 3 RFC822.SIZE 20)\r\nTAG OK done\r\n", DONE)

    def test_larger_than_announced(self):
        """The cap holds for what comes, too; the header is kept, and the message goes to the bad-mail folder."""
        with self.lying(small(1, b"X: %s\r\n" % (b"x" * 200000)), maxSize="100KB") as server:
            server.answer(rb"UID FETCH .*SIZE", b"* 1 FETCH (UID 1 RFC822.SIZE 20)\r\nTAG OK done\r\n")
            self.inqueue("load")
            self.assertEqual([("bad", "Invoice 1")], self.sql("SELECT state, subject FROM entry"))
            self.judge(server, bad=self.before)

    def test_refused_once(self):
        """The set is divided, and comes in parts."""
        for number, answer in enumerate([b"TAG NO [UNAVAILABLE] come back later\r\n", b"TAG BAD what?\r\n",
                                         b"ZZ9 OK done\r\n"]):
            with self.subTest(answer=answer):
                self.use_database(number)
                self.told(BODIES, answer, DONE)


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
            self.change(f"CREATE TRIGGER forbidden BEFORE INSERT ON pickup WHEN NEW.uid > {2 * self.batch}"
                        " BEGIN SELECT RAISE(ABORT, 'no more'); END")
            return session.honest(session, tag, command)

        def allow(session, tag, command):
            self.change("DROP TRIGGER forbidden")
            return session.honest(session, tag, command)
        self.assertEqual({"moved": 2 * self.batch}, self.interrupted(forbid, DATA, allow))

    def change(self, statement):
        with contextlib.closing(sqlite3.connect(self.database, timeout=DEADLINE_S)) as database, database:
            database.execute(statement)


def refuse(_session, tag, _command):
    return tag + b" NO [UNAVAILABLE] come back later\r\n"


def empty(body):
    """OK, and of message 2 no body."""
    def answer(session, tag, command):
        two = session.server.take_away(2)
        result = session.honest(session, tag, command)
        if two:
            session.server.put_back(two)
            session.send(b"* 2 FETCH (UID 2 BODY[] %s)\r\n" % body)
        return result
    return answer


def at_two(lie):
    """Told of message 2 alone, and of every set that it is in."""
    def answer(session, tag, command):
        return (lie if reaches(command, 2) else session.honest)(session, tag, command)
    return answer


NO_BODY = "the server sends no body, though it says that the message has %d bytes" % len(small(2))


class Unsent(Lies):
    fault = "a message that the server does not send"

    def tries(self):
        return dict(self.sql("SELECT uid, tries FROM pickup_attempt"))

    def given_up(self, pattern, lie, code, says):
        """The others are loaded at once; after three tries the message is a bad entry, and out of the way."""
        with self.lying(small(1), small(2), small(3)) as server:
            server.answer(pattern, lie, times=None)
            for tries in 1, 2, 3:
                result = self.inqueue("load", expect=code)
                self.assertIn("the server did not send UID 2: ", result.stderr)
                self.assertRegex(result.stderr, says)
                self.assertEqual(["Invoice 1", "Invoice 3"], self.column("SELECT subject FROM entry ORDER BY id"))
                self.assertEqual({2: tries}, self.tries())
            self.judge(server, bad=[checker.digest(small(2))])
            self.assertRegex(self.sql("SELECT error_text FROM entry WHERE state = 'bad'")[0][0], f"3 tries: .*{says}")
            self.assertEqual([small(2)], [message.raw for message in server.messages("BADMAIL")])
            self.assertEqual({}, self.tries())
            self.inqueue("load")

    def test_refused(self):
        self.given_up(BODIES, at_two(refuse), TEMPORARY, r"the server refused: \[UNAVAILABLE\] come back later")

    def test_refused_by_bad(self):
        def bad(_session, tag, _command):
            return tag + b" BAD internal error\r\n"
        self.given_up(BODIES, at_two(bad), PROTOCOL, "internal error")

    def test_refused_whatever_is_asked(self):
        """Not even its size."""
        self.given_up(rb"UID FETCH", at_two(refuse), TEMPORARY, r"\[UNAVAILABLE\] come back later")

    def test_no_body(self):
        for number, body in enumerate([b"NIL", b'""', b"{0}\r\n"]):
            with self.subTest(body=body):
                self.use_database(number)
                self.given_up(BODIES, empty(body), PROTOCOL, NO_BODY)

    def test_connection_lost(self):
        self.given_up(BODIES, at_two(hang_up), UNREACHABLE, "closed|lost|ended")

    def test_set_of_many(self):
        """Divided, not asked for one by one."""
        with self.lying(*[small(number) for number in range(1, 401)]) as server:
            server.answer(BODIES, at_two(refuse), times=None)
            self.inqueue("load", expect=TEMPORARY)
            self.assertEqual([(399,)], self.sql("SELECT count(*) FROM entry"))
            self.assertLess(sum(b"BODY.PEEK[]" in command for command in server.commands), 30)
            self.assertEqual({2: 1}, self.tries())

    def test_outage(self):
        """Of all messages: it costs no try, whatever it looks like, and the server is not asked for each of them."""
        for number, (lie, code) in enumerate([(refuse, TEMPORARY), (hang_up, UNREACHABLE)]):
            with self.subTest(lie=lie.__name__):
                self.use_database(number)
                with self.lying(*[small(number) for number in range(1, 51)]) as server:
                    server.answer(BODIES, lie, times=None)
                    for _ in range(4):
                        self.inqueue("load", expect=code)
                        self.assertEqual(set(), set(self.tries().values()) - {0})
                    self.assertLess(sum(b"BODY.PEEK[]" in command for command in server.commands), 4 * 20)
                    server.heal()
                    self.judge(server)
                    self.assertEqual([("new", 50)], self.sql("SELECT state, count(*) FROM entry GROUP BY state"))

    def test_outage_that_begins_in_the_middle(self):
        with self.lying(*[small(number) for number in range(1, 11)]) as server:
            self.inqueue("load", "invoices", "--limit", "4")
            server.answer(BODIES, refuse, times=None)
            for _ in range(4):
                self.inqueue("load", expect=TEMPORARY)
            self.assertEqual(set(), set(self.tries().values()) - {0})
            server.heal()
            self.judge(server)

    def test_outage_with_one_message(self):
        """The archive folder tells it from a message that is to blame; without one the message's own header does."""
        for earlier in [True, False]:
            with self.subTest(earlier=earlier):
                self.use_database(earlier)
                with self.lying(small(1)) as server:
                    if earlier:
                        self.inqueue("load")
                        server.deliver(small(2))
                        self.before[checker.digest(small(2))] = 1
                    server.answer(rb"UID FETCH .*BODY", refuse, times=None)
                    for _ in range(4):
                        self.inqueue("load", expect=TEMPORARY)
                    self.assertEqual([0], list(self.tries().values()))
                    server.heal()
                    self.judge(server)
                    self.assertEqual([("new", 1 + earlier)],
                                     self.sql("SELECT state, count(*) FROM entry GROUP BY state"))

    def test_the_only_message(self):
        with self.lying(small(1)) as server:
            server.answer(BODIES, refuse, times=None)
            for _ in range(3):
                self.inqueue("load", expect=TEMPORARY)
            self.judge(server, bad=self.before)

    def test_watched(self):
        """New mail is loaded between the tries."""
        with self.lying(small(1), small(2), small(3), poll="1s") as server:
            server.answer(BODIES, at_two(refuse), times=None)
            watcher = Watcher(self, self.start("watch", "--log-format", "json", "--retry", "50ms"))
            watcher.wait("unsent")
            server.deliver(small(4))
            self.before[checker.digest(small(4))] = 1
            watcher.wait("stored", times=3)
            watcher.wait("stored_bad")
            self.assertEqual(3, watcher.count("unsent"))
            self.assertEqual(0, watcher.count("failed"))
            watcher.stop()
            self.judge(server, bad=[checker.digest(small(2))])

    def test_size_not_told_and_an_empty_body(self):
        """Nothing says that the message is empty."""
        with self.lying(small(1)) as server:
            server.answer(rb"UID FETCH .*SIZE", b"TAG OK done\r\n", times=2)
            server.answer(BODIES, b"* 1 FETCH (UID 1 BODY[] {0}\r\n)\r\nTAG OK done\r\n")
            self.assertIn("the server sends no body;", self.inqueue("load", expect=PROTOCOL).stderr)
            self.judge(server)


class Poison(Lies):
    fault = "a message that no run gets past"

    def kill_at(self, uid):
        """An answer to a FETCH that asks for this message: the worker dies."""
        def kill(session, tag, command):
            if reaches(command, uid):
                self.kill_workers()
                return None
            return session.honest(session, tag, command)
        return kill

    def test_message_that_kills_the_worker_every_time(self):
        """The supervisor starts it again, and one run gets past the message."""
        with self.lying(small(1), small(2), small(3)) as server:
            server.answer(BODIES, self.kill_at(2), times=None)
            result = self.inqueue("load")
            self.assertRegex(result.stderr, r"\Ainqueue: load 'invoices': the worker died \d times[^\n]*\n\Z")
            self.judge(server, bad=[checker.digest(small(2))])
            self.assertEqual(["Invoice 1", "Invoice 3", None], self.column("SELECT subject FROM entry ORDER BY id"))

    def test_message_that_kills_a_watching_worker_every_time(self):
        """As above: the watcher gets past the message, too."""
        with self.lying(small(1), small(2), small(3)) as server:
            server.answer(BODIES, self.kill_at(2), times=None)
            watcher = Watcher(self, self.start("watch", "--log-format", "json", "--retry", "50ms"))
            watcher.wait("failed", times=4)
            watcher.wait("stored_bad")
            watcher.stop()
            self.judge(server, bad=[checker.digest(small(2))])


def reaches(command, uid):
    """Does a FETCH ask for this message."""
    return uid in parse_set(command.split()[2], {uid})


class LeftOut(Lies):
    fault = "a search that leaves messages out"

    def test_said(self):
        for count, sentence in [(1, "1 message of 'INBOX' is not found by the search"),
                                (2, "2 messages of 'INBOX' are not found by the search")]:
            with self.subTest(count=count):
                self.use_database(count)
                with self.lying(*[small(number) for number in range(1, 5)]) as server:
                    server.messages()[3].flags.add("\\Deleted")  # another client's

                    def leave_out(session, tag, command, count=count):
                        left = [server.take_away(uid) for uid in range(1, count + 1)]
                        answer = session.honest(session, tag, command.replace(b"1:4", b"1:%d" % (4 - count)))
                        for message in left:
                            server.put_back(message)
                        return answer
                    server.answer(rb"UID SEARCH \d+:\d+ ", leave_out, times=None)
                    self.assertIn(sentence, self.inqueue("queue", "check", "invoices").stdout)
                    check = json.loads(self.inqueue("queue", "check", "invoices", "--json").stdout)
                    self.assertEqual(count, check["not_found"])
                    self.inqueue("load")
                    self.assertEqual([f"OK; {3 - count} items. {sentence}."],
                                     self.column("SELECT last_message FROM work_queue"))
                    self.assertIn(sentence, self.inqueue("status", "--json").stdout)
                    found = self.inqueue("verify", "invoices", expect=1).stdout
                    self.assertEqual(count, found.count("not found by the search"))

    def test_no_false_alarm(self):
        """What another client has flagged \\Deleted, and what an operator's search leaves out, is meant to be."""
        for name, keys in [("default", {}), ("search", {"search": "UNDELETED LARGER 1000000"})]:
            with self.subTest(name):
                self.use_database(name)
                with self.lying(small(1), small(2), **keys) as server:
                    server.messages()[0].flags.add("\\Deleted")
                    self.assertNotIn("not found", self.inqueue("queue", "check", "invoices").stdout)
                    self.inqueue("load")
                    self.assertRegex(self.sql("SELECT last_message FROM work_queue")[0][0], r"\AOK; \d items\.\Z")

    def test_no_question_more(self):
        with self.lying() as server:
            self.inqueue("load")
            self.assertEqual([], [command for command in server.commands if command.endswith(b" DELETED")])


class NoNumbers(Lies):
    fault = "UIDVALIDITY 0"

    def test_one_sentence(self):
        with self.lying() as server:
            server.answer(rb"(SELECT|EXAMINE)", lambda session, tag, command: session.honest(
                session, tag, command).replace(b"[UIDVALIDITY 101]", b"[UIDVALIDITY 0]"), times=None)
            sentence = ("folder 'INBOX': its UIDVALIDITY is 0 or missing, so that a number may mean another message "
                        "tomorrow, and none is touched: have the server's administrator repair the folder, or collect "
                        "from another one (mailbox=)\n")
            for command in ["load"], ["queue", "check", "invoices"], ["verify", "invoices"]:
                with self.subTest(command):
                    self.assertTrue(self.inqueue(*command, expect=CONFIGURATION).stderr.endswith(": " + sentence))


class Farewells(Lies):
    fault = "BYE, hang-up or silence at a command"

    def test_at_each_command(self):
        """BYE with a reason, and without a word. Where messages were asked for, they are asked for once more."""
        for number, command in enumerate([rb"LOGIN", rb"LIST", rb"CREATE", rb"SELECT", rb"UID SEARCH", rb"UID FETCH",
                                          BODIES, rb"UID STORE", rb"UID MOVE"]):
            for how, kind in [(bye, TEMPORARY), (hang_up, UNREACHABLE)]:
                with self.subTest(command=command, how=how.__name__):
                    self.use_database(f"{number}-{how.__name__}")
                    self.told(command, how, DONE if b"FETCH" in command else kind)

    def test_silence(self):
        def silent(session, _tag, _command):
            session.connection.recv(1)
            return None
        self.told(BODIES, silent, DONE, timeout=SHORT)


def bye(session, _tag, _command):
    session.send(b"* BYE [UNAVAILABLE] shutting down\r\n")
    return None


if __name__ == "__main__":
    unittest.main()
