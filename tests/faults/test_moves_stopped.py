"""Mail that comes back, that cannot be marked as read, and `mail moveMail` on servers that refuse moves or only say so."""

import json
import unittest

import checker
from inqueue import CONFIGURATION, CREDENTIALS, DONE, PROTOCOL
from liar import COPY_ONLY, small
from move_case import BOTH, OLD, MoveCase, refuse, uids_of, without_copyuid
from watcher import Watcher


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


if __name__ == "__main__":
    unittest.main()
