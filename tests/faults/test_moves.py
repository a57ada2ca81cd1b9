"""Servers that refuse some moves, do them by halves, or only say so: nothing is lost, nothing is copied twice, and one
message never keeps the others."""

import collections
import json
import re
import unittest

import checker
from inqueue import CONFIGURATION, CREDENTIALS, DONE, PROTOCOL, TEMPORARY, UNREACHABLE
from liar import COPY_ONLY, LiarCase, small
from lying_server import parse_set
from watcher import Watcher

OLD = "IMAP4rev1"
BOTH = ["IMAP4rev1 UIDPLUS MOVE", COPY_ONLY]


class Switch:
    """A server's fault that can be mended."""

    def __init__(self, fault):
        self.fault, self.on = fault, True

    def __call__(self, session, tag, command):
        return (self.fault if self.on else session.honest)(session, tag, command)


def uids_of(command):
    """Those that a command is about, among the first thousand."""
    return parse_set(command.split()[2], set(range(1, 1001)))


def refuse(*uids, words=b"NO [CANNOT] this one does not move"):
    def refused(session, tag, command):
        if uids_of(command) & set(uids):
            return tag + b" " + words + b"\r\n"
        return session.honest(session, tag, command)
    return refused


def one_at_a_time(session, tag, command):
    if len(uids_of(command)) > 1:
        return tag + b" BAD Command Error. 12\r\n"
    return session.honest(session, tag, command)


def copy_only(session, tag, command):
    return session.honest(session, tag, command.replace(b"MOVE", b"COPY"))


def copy_only_quietly(session, tag, command):
    copy_only(session, tag, command)
    return tag + b" OK moved\r\n"


def without_copyuid(session, tag, command):
    return re.sub(rb" \[COPYUID[^]]*\]", b"", session.honest(session, tag, command))


class MoveCase(LiarCase):
    def loads(self, code=DONE, says="^"):
        result = self.inqueue("load", expect=code)
        self.assertRegex(result.stderr, says)
        return result

    def ledger(self):
        return dict(self.sql("SELECT uid, state FROM pickup ORDER BY uid"))

    def count(self, server, name):
        return sum(command.upper().startswith(name) for command in server.commands)

    def numbers(self, server, folder):
        """Of the invoices there."""
        return sorted(int(message.raw.split(b"Invoice ")[1].split()[0]) for message in server.messages(folder))

    def each_once(self, server):
        copies = collections.Counter(checker.digest(message.raw) for message in server.messages("DROPBOX"))
        self.assertLessEqual(max(copies.values(), default=0), 1)


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


class OneFolder(MoveCase):
    """Two names of one folder that nothing tells of: a link, an alias, a label."""

    fault = "mail that comes back"

    def alias(self, server, name="DROPBOX"):
        server._folders[name] = server._folders["INBOX"]

    def alter(self, **keys):
        text = self.column("SELECT connection_string FROM work_queue")[0]
        self.inqueue("queue", "alter", "invoices", "--connection-string",
                     text + "".join(f";{key}={value}" for key, value in keys.items()))

    def is_stopped(self, says):
        self.assertRegex(self.sql("SELECT stopped_reason FROM queue_health")[0][0], says)
        self.loads(CONFIGURATION, f"collecting is stopped: .*{says}.*`inqueue queue resume invoices`")
        self.assertRegex(self.inqueue("status").stdout, "stopped")

    def test_the_queue_stops_at_once(self):
        """And what has come back is not loaded again when the definition is right."""
        for capabilities in BOTH:
            with self.subTest(capabilities), self.lying(capabilities=capabilities) as server:
                self.alias(server)
                self.loads(CONFIGURATION, "UID 1 of 'INBOX' came back there as UID 4 .*both names are one folder.*resume")
                self.is_stopped("both names are one folder")
                self.assertEqual([1, 2, 3], self.numbers(server, "INBOX"))
                self.alter(dropbox="Done")
                self.loads()
                self.assertEqual(([], [1, 2, 3]), (self.numbers(server, "INBOX"), self.numbers(server, "Done")))
                self.assertEqual(3, len(self.sql("SELECT 1 FROM entry")))
            self.use_database(f"next-{capabilities}")

    def come_back(self, server):
        """By a server that tells nothing of it."""
        def move_within(session, tag, command):
            for message in session.selected.find(uids_of(command)):
                session.remove([message])
                session.selected.add(message.raw)
            server._folders["DROPBOX"].uid_next += len(uids_of(command))
            return tag + b" OK moved\r\n"
        server.create("DROPBOX")
        server.answer(rb"UID MOVE", move_within, times=None)

    def test_the_same_message_again_and_again(self):
        with self.lying(small(1)) as server:
            self.come_back(server)
            for number in range(1, 6):
                self.loads()
                self.assertEqual(number, len(self.sql("SELECT 1 FROM entry")))
            self.loads(CONFIGURATION, "the same message has come back to 'INBOX' 5 times .*`inqueue queue resume invoices`")
            self.is_stopped("has come back to 'INBOX' 5 times")
            self.assertEqual(5, len(self.sql("SELECT 1 FROM entry")))
            self.inqueue("queue", "resume", "invoices")
            self.loads()

    def test_originals_that_stay_beside_their_copies(self):
        """The server can remove none, or does not let us; and it tells no UIDs."""
        for capabilities, refused in [(OLD, None), (COPY_ONLY, rb"UID EXPUNGE")]:
            with self.subTest(capabilities), self.lying(small(1), capabilities=capabilities) as server:
                self.alias(server)
                server.answer(rb"UID COPY", without_copyuid, times=None)
                if refused:
                    server.answer(refused, b"TAG NO [NOPERM] no right\r\n", times=None)
                for number in range(1, 6):
                    self.loads(CREDENTIALS if refused else DONE)
                    self.assertEqual(number, len(self.sql("SELECT 1 FROM entry")))
                self.loads(CONFIGURATION, "the same message has come back to 'INBOX' 5 times")
                self.is_stopped("has come back to 'INBOX' 5 times")
                self.assertEqual(5, len(self.sql("SELECT 1 FROM entry")))
            self.use_database(f"next-{capabilities}")

    def test_many_equal_messages_are_no_return(self):
        """They were there together, however many runs it takes to load them."""
        with self.lying(*[small(1)] * 10) as server:
            for _ in range(10):
                self.inqueue("load", "--limit", "1")
            self.assertEqual(10, len(self.sql("SELECT 1 FROM entry")))
            self.judge(server)

    def test_watch_stops(self):
        with self.lying(poll="1s") as server:
            self.alias(server)
            watcher = Watcher(self, self.start("watch", "--log-format", "json"))
            self.assertRegex(watcher.wait("stopped")["error"], "one folder")
            watcher.stop()
            self.assertEqual(3, len(self.sql("SELECT 1 FROM entry")))

    def test_a_folder_that_only_numbers_alike(self):
        """The same UIDVALIDITY and UIDs, and new mail that arrives meanwhile: its bytes tell."""
        with self.lying(small(1)) as server:
            server.create("DROPBOX")
            server._folders["DROPBOX"].uid_validity = server._folders["INBOX"].uid_validity
            server._folders["DROPBOX"].uid_next = 2

            def arrive(session, tag, command):
                server.deliver(small(2))
                return session.honest(session, tag, command)
            server.answer(rb"UID MOVE", arrive)
            self.loads()
            self.before[checker.digest(small(2))] = 1
            self.judge(server)

    def test_mail(self):
        with self.lying() as server:
            self.alias(server, "Done")
            self.inqueue("mail", "moveMail", "--queue", "invoices", "--uid", "1", "--new-folder", "Done",
                         expect=CONFIGURATION)


class Seen(MoveCase):
    fault = "messages that cannot be marked as read"

    def test_refused(self):
        """Said once, and in the queue's row; mail is moved and loaded all the same."""
        with self.lying() as server:
            server.answer(rb"UID STORE", b"TAG NO [NOPERM] no right to do that\r\n", times=None)
            self.loads(says=r"\Ainqueue: load 'invoices': messages of 'INBOX' are moved without being marked as read"
                            r": .*\[NOPERM\] no right to do that\n\Z")
            self.assertRegex(self.column("SELECT last_message FROM work_queue")[0], r"^OK; 3 items\. Note: .*\[NOPERM\]")
            self.assertEqual([1, 2, 3], self.numbers(server, "DROPBOX"))
            server.deliver(small(4))
            self.before[checker.digest(small(4))] = 1
            self.assertEqual("", self.loads().stderr)
            self.judge(server)

    def test_refused_with_a_move(self):
        """Said once, though the run fails; the queue's row tells of both."""
        with self.lying() as server:
            server.answer(rb"UID STORE", b"TAG NO [NOPERM] no right to do that\r\n", times=None)
            server.answer(rb"UID MOVE", refuse(2), times=None)
            told = [self.inqueue("load", expect=PROTOCOL).stderr.count("without being marked as read") for _ in range(3)]
            self.assertEqual([1, 0, 0], told)
            self.assertRegex(self.column("SELECT last_message FROM work_queue")[0], r"^Error: .*\. Note: .*\[NOPERM\]")

    def test_refused_while_watched(self):
        with self.lying(poll="1s") as server:
            server.answer(rb"UID STORE", b"TAG NO [NOPERM] no right to do that\r\n", times=None)
            watcher = Watcher(self, self.start("watch", "--log-format", "json"))
            watcher.wait("stored", times=3)
            server.deliver(small(4))
            watcher.wait("run", loaded=1)
            watcher.stop()
            self.assertEqual(1, watcher.count("noted"))
            self.assertEqual([1, 2, 3, 4], self.numbers(server, "DROPBOX"))

    def test_refused_with_a_move_while_watched(self):
        """Each is said once."""
        with self.lying(poll="1s") as server:
            server.answer(rb"UID STORE", b"TAG NO [NOPERM] no right to do that\r\n", times=None)
            server.answer(rb"UID MOVE", refuse(2), times=None)
            watcher = Watcher(self, self.start("watch", "--log-format", "json"))
            for number in 4, 5:
                watcher.wait("stored", times=number - 1)
                server.deliver(small(number))
            watcher.wait("stored", times=5)
            watcher.wait("run", times=3)
            watcher.stop()
            self.assertEqual((1, 1), (watcher.count("noted"), watcher.count("incomplete")))
            self.assertEqual([1, 3, 4, 5], self.numbers(server, "DROPBOX"))


class Mail(MoveCase):
    """moveMail goes the same way."""

    fault = "moveMail on a server that lies"

    def move(self, server, *more, code=PROTOCOL, says="^"):
        server.create("Done")
        result = self.inqueue("mail", "moveMail", "--queue", "invoices", "--uid", "1:3", "--new-folder", "Done", *more,
                              expect=code)
        self.assertRegex(result.stderr, says)
        return result

    def test_copy_that_copies_nothing(self):
        """The originals stay."""
        with self.lying(capabilities=COPY_ONLY) as server:
            server.answer(rb"UID COPY", b"TAG OK copied\r\n")
            self.move(server, says="UID 1:3 was copied to 'Done', but it has not arrived; it stays in 'INBOX'")
            self.assertEqual([set()] * 3, [message.flags for message in server.messages()])

    def test_move_that_eats(self):
        with self.lying() as server:
            def eat(_session, tag, _command):
                server.take_away(1)
                return tag + b" OK moved\r\n"
            server.answer(rb"UID MOVE", eat)
            self.move(server, says="UID 1 left 'INBOX', but has not arrived in 'Done'.* UID 2:3 was moved .* still in")

    def test_one_is_refused(self):
        for more in [[], ["--stop-on-error", "no"]]:
            with self.subTest(more), self.lying() as server:
                server.answer(rb"UID MOVE", refuse(2), times=None)
                result = self.move(server, "--json", *more, says="UID 2 stays in 'INBOX': it cannot be moved to 'Done'")
                done = json.loads(result.stdout.splitlines()[-1])
                self.assertEqual((2, "1,3", "2,1"), (done["count"], done["uid"], done["newUid"]))
                self.assertEqual([1, 3], self.numbers(server, "Done"))
            self.use_database(f"next-{len(more)}")


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
