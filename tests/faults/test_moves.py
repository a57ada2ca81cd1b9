"""Servers that refuse some moves, do them by halves, or only say so: nothing is lost, nothing is copied twice, and one
message never keeps the others."""

import re
import unittest

import checker
from inqueue import DONE, PROTOCOL, TEMPORARY, UNREACHABLE
from liar import COPY_ONLY, small
from move_case import BOTH, OLD, MoveCase, Switch, copy_only, copy_only_quietly, one_at_a_time, refuse, uids_of, without_copyuid
from watcher import Watcher


class Refused(MoveCase):
    fault = "a move of a set that is refused"

    def test_one_message_never_keeps_the_others(self):
        for capabilities in BOTH:
            with self.subTest(capabilities), self.lying(*map(small, range(1, 10)), capabilities=capabilities) as server:
                fault = Switch(refuse(2))
                server.answer(rb"UID (MOVE|COPY)", fault, times=None)
                says = "UID 2 stays in 'INBOX': it cannot be moved to 'DROPBOX': .*this one does not move"
                self.loads(PROTOCOL, says)
                self.assertEqual(([2], [1, 3, 4, 5, 6, 7, 8, 9]),
                                 (self.numbers(server, "INBOX"), self.numbers(server, "DROPBOX")))
                server.deliver(small(10))
                self.before[checker.digest(small(10))] = 1
                self.loads(PROTOCOL, says)
                self.assertIn(10, self.numbers(server, "DROPBOX"))
                self.assertEqual("stored", self.ledger()[2])
                fault.on = False
                self.judge(server)
            self.use_database(f"next-{capabilities}")

    def test_several_are_named(self):
        with self.lying(*map(small, range(1, 41))) as server:
            fault = Switch(refuse(2, 3, 4, 17, 40))
            server.answer(rb"UID MOVE", fault, times=None)
            self.loads(PROTOCOL, "UID 2:4,17,40 stays")
            self.assertEqual([2, 3, 4, 17, 40], self.numbers(server, "INBOX"))
            fault.on = False
            self.judge(server)

    def test_sets_of_one_only(self):
        """The server is asked for large sets no more than it takes to find that out."""
        for capabilities in BOTH:
            with self.subTest(capabilities), self.lying(*map(small, range(1, 33)), capabilities=capabilities) as server:
                server.answer(rb"UID (MOVE|COPY|STORE|EXPUNGE) \d+[:,]", one_at_a_time, times=None)
                self.loads()
                self.assertEqual([], server.messages())
                self.assertTrue(all("\\Seen" in message.flags for message in server.messages("DROPBOX")))
                self.assertLess(self.count(server, b"UID MOVE") + self.count(server, b"UID COPY"), 32 + 8)
                self.judge(server)
            self.use_database(f"next-{capabilities}")

    def test_all_are_refused(self):
        """With as many commands as there may be, and no more."""
        with self.lying(*map(small, range(1, 601))) as server:
            fault = Switch(refuse(*range(1, 601)))
            server.answer(rb"UID MOVE", fault, times=None)
            self.loads(PROTOCOL, "stays in 'INBOX'.* were not tried, since so many were refused")
            self.assertLess(self.count(server, b"UID MOVE"), 300)
            self.assertEqual(600, len(self.sql("SELECT 1 FROM entry")))
            fault.on = False
            self.judge(server)

    def test_refused_but_done(self):
        """In part, and as a copy: what has been copied is not copied again."""
        def copied_but_refused(session, tag, command):
            copy_only(session, tag, command.replace(b" 1:3 ", b" 1:2 "))
            return tag + b" NO not moved\r\n"
        for capabilities, state in zip(BOTH, ["copied", "moved"]):
            with self.subTest(capabilities), self.lying(capabilities=capabilities) as server:
                server.answer(rb"UID (MOVE|COPY)", copied_but_refused)
                self.loads(PROTOCOL if state == "copied" else DONE)
                self.assertEqual({1: state, 2: state, 3: "moved"}, self.ledger())
                self.assertEqual([1, 2, 3], self.numbers(server, "DROPBOX"))
                self.judge(server)
            self.use_database(f"next-{capabilities}")

    def test_watch_goes_on(self):
        """New mail does not wait until that one message can be moved."""
        with self.lying(*map(small, range(1, 4)), poll="1s") as server:
            server.answer(rb"UID MOVE", refuse(2), times=None)
            watcher = Watcher(self, self.start("watch", "--log-format", "json"))
            self.assertRegex(watcher.wait("incomplete")["error"], "UID 2 stays in 'INBOX'")
            server.deliver(small(4))
            watcher.wait("run", loaded=1)
            watcher.stop()
            self.assertEqual(1, watcher.count("incomplete"))
            self.assertEqual(0, watcher.count("failed"))
            self.assertEqual([1, 3, 4], self.numbers(server, "DROPBOX"))


class LeftBehind(MoveCase):
    fault = "a move that leaves the original, or takes more"

    def test_move_that_only_copies(self):
        """One copy of each, however many runs; when the server is healthy again nothing is doubled."""
        for fault in [copy_only, copy_only_quietly]:
            with self.subTest(fault.__name__), self.lying() as server:
                switch = Switch(fault)
                server.answer(rb"UID MOVE", switch, times=None)
                server.answer(rb"UID EXPUNGE", Switch(lambda _session, tag, _command: tag + b" OK gone\r\n"), times=3)
                self.loads(PROTOCOL, "UID 1:3 is not moved: it was copied to 'DROPBOX', but is still in 'INBOX'")
                self.assertEqual({uid: "copied" for uid in (1, 2, 3)}, self.ledger())
                for number in range(4, 7):
                    server.deliver(small(number))
                    self.before[checker.digest(small(number))] = 1
                    self.loads(PROTOCOL, f"UID {number} is not moved")
                    self.each_once(server)
                    self.assertEqual(number, len(self.sql("SELECT 1 FROM entry")))
                switch.on = False
                self.inqueue("verify", "invoices", "--repair")
                self.judge(server)
                self.each_once(server)
            self.use_database(fault.__name__)

    def test_move_that_copies_and_hangs_up(self):
        """However often: the next run finds the copies."""
        def hang_up(session, tag, command):
            copy_only(session, tag, command)
        for capabilities, left in [("IMAP4rev1 UIDPLUS MOVE", []), ("IMAP4rev1 MOVE", [1, 2, 3])]:
            with self.subTest(capabilities), self.lying(capabilities=capabilities) as server:
                server.answer(rb"UID MOVE", hang_up, times=None)
                self.loads(UNREACHABLE, "closed the connection")
                for _ in range(2):
                    self.loads()
                    self.each_once(server)
                self.assertEqual((left, [1, 2, 3]), (self.numbers(server, "INBOX"), self.numbers(server, "DROPBOX")))
            self.use_database(f"next-{capabilities}")

    def test_copy_of_a_message_whose_bytes_the_server_does_not_send(self):
        """Where only their number tells of copies nothing is removed, and nothing copied again."""
        def withhold(answer):
            def withheld(session, tag, command):
                uids = uids_of(command)
                hidden = [(number, message) for number, message in enumerate(session.selected.messages, 1)
                          if message.uid in uids and message.raw == small(2)]
                if not hidden:
                    return session.honest(session, tag, command)
                if answer:
                    return tag + answer
                for uid in uids - {message.uid for _, message in hidden}:
                    session.honest(session, tag, re.sub(rb"[\d:,]+", b"%d" % uid, command, count=1))
                for number, message in hidden:
                    session.send(b"* %d FETCH (UID %d BODY[] NIL)\r\n" % (number, message.uid))
                return tag + b" OK done\r\n"
            return withheld
        for number, (answer, code) in enumerate([(b" NO [UNAVAILABLE] come back later\r\n", TEMPORARY), (b"", PROTOCOL)]):
            self.use_database(number)
            with self.subTest(answer), self.lying(capabilities=COPY_ONLY) as server:
                server.answer(rb"UID FETCH .*BODY.PEEK\[\]", withhold(answer), times=None)
                server.answer(rb"UID COPY", without_copyuid, times=None)
                for _ in range(3):
                    self.loads(code, "the server did not send UID 2")
                for new in 4, 5:
                    server.deliver(small(new))
                    self.loads()
                self.assertEqual([1, 3, 4, 5], self.numbers(server, "DROPBOX"))
                self.assertEqual(([2], [2]), (self.numbers(server, "INBOX"), self.numbers(server, "BADMAIL")))
                self.assertIn("\\Deleted", server.messages()[0].flags)

    def test_the_copy_of_another_queue_is_none_of_ours(self):
        """One mail that was sent to both, and one archive."""
        for capabilities in BOTH:
            with self.subTest(capabilities), self.lying(small(1), capabilities=capabilities) as server:
                server.create("Orders")
                server.deliver(small(1), folder="Orders")
                self.create_queue(server, name="orders", mailbox="Orders")
                self.inqueue("load", "orders")
                server.answer(rb"UID (MOVE|COPY)", lambda *_: None)
                self.loads(UNREACHABLE, "closed the connection")
                self.loads()
                self.assertEqual(([], [1, 1]), (self.numbers(server, "INBOX"), self.numbers(server, "DROPBOX")))
            self.use_database(f"next-{capabilities}")

    def test_expunge_without_effect(self):
        with self.lying(capabilities=COPY_ONLY) as server:
            fault = Switch(lambda _session, tag, _command: tag + b" OK gone\r\n")
            server.answer(rb"UID EXPUNGE", fault, times=None)
            says = r"could not be deleted from 'INBOX' \(UID EXPUNGE has no effect\)"
            self.loads(PROTOCOL, says)
            server.deliver(small(4))
            self.before[checker.digest(small(4))] = 1
            self.loads(PROTOCOL, says)
            self.each_once(server)
            self.assertEqual(4, len(self.sql("SELECT 1 FROM entry")))
            fault.on = False
            self.judge(server)

    def test_expunge_of_one_is_refused(self):
        with self.lying(capabilities=COPY_ONLY) as server:
            fault = Switch(refuse(2))
            server.answer(rb"UID EXPUNGE", fault, times=None)
            self.loads(PROTOCOL, r"UID 2, which lies in 'DROPBOX' now, could not be deleted from 'INBOX' \(.*\[CANNOT\]")
            self.assertEqual([2], self.numbers(server, "INBOX"))
            fault.on = False
            self.judge(server)

    def test_move_without_copyuid_that_eats(self):
        with self.lying() as server:
            def eat(session, tag, command):
                server.take_away(1)
                server.take_away(3)
                session.honest(session, tag, command)
                return tag + b" OK moved\r\n"
            server.answer(rb"UID MOVE", eat)
            self.loads(PROTOCOL, "2 of the messages with UID 1:3 left 'INBOX', but did not arrive in 'DROPBOX'")
            self.assertRegex(self.column("SELECT last_message FROM work_queue")[0], "did not arrive in 'DROPBOX'")
            self.assertEqual(3, len(self.sql("SELECT 1 FROM entry")))

    def test_copy_of_a_part(self):
        """OK, but one has not been copied, and nothing tells which: the bytes do. Its original stays."""
        def forgetful(session, tag, command):
            session.honest(session, tag, command.replace(b" 1:3 ", b" 1,3 "))
            return tag + b" OK copied\r\n"
        for capabilities in [COPY_ONLY, OLD]:
            with self.subTest(capabilities), self.lying(capabilities=capabilities) as server:
                server.answer(rb"UID COPY", forgetful)
                self.loads(PROTOCOL, "UID 2 was copied to 'DROPBOX', but it has not arrived; it stays in 'INBOX'")
                flagged = [message.uid for message in server.messages() if "\\Deleted" in message.flags]
                self.assertEqual([] if capabilities == COPY_ONLY else [1, 3], flagged)
                self.assertEqual("stored", self.ledger()[2])
                self.loads()
                self.assertEqual([1, 2, 3], self.numbers(server, "DROPBOX"))
            self.use_database(f"next-{capabilities}")

    def test_somebody_else_delivers_into_the_archive(self):
        """What arrives there meanwhile is not taken for the copy."""
        with self.lying(capabilities=COPY_ONLY) as server:
            def nothing_but_others(_session, tag, _command):
                server.deliver(*map(small, [7, 8, 9]), folder="DROPBOX")
                return tag + b" OK copied\r\n"
            server.answer(rb"UID COPY", nothing_but_others)
            self.loads(PROTOCOL, "UID 1:3 was copied to 'DROPBOX', but it has not arrived")
            self.assertEqual([1, 2, 3], self.numbers(server, "INBOX"))


class Trips(MoveCase):
    fault = "how often the server is asked"

    def test_a_set_is_one_move(self):
        """And, besides, one look at the source and two at the target."""
        with self.lying(*map(small, range(1, 101))) as server:
            self.loads()
            names = [b" ".join(command.split()[:2 if command.startswith(b"UID") else 1]) for command in server.commands]
            moving = names[names.index(b"UID STORE"):]
            self.assertEqual([b"UID STORE", b"STATUS", b"UID MOVE", b"UID SEARCH", b"STATUS", b"LOGOUT"], moving)
            self.judge(server)


if __name__ == "__main__":
    unittest.main()
