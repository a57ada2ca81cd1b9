"""Servers whose numbers lie: UIDVALIDITY, UIDs, searches. Nothing is lost or doubled, and a later run finishes."""

import json
import unittest

import checker
from inqueue import CONFIGURATION, DONE, TEMPORARY, UNREACHABLE
from liar import BODIES, COPY_ONLY, Lies, hang_up, small


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


class Charset(Lies):
    """A search with letters beyond ASCII."""

    def test_server_that_does_not_know_utf_8(self):
        with self.lying(small(1), search="SUBJECT Köln") as server:
            server.answer(rb"UID SEARCH CHARSET UTF-8", b"TAG NO [BADCHARSET (US-ASCII)] no such charset\r\n")
            self.fails(CONFIGURATION, "load",
                       says=r"cannot search for letters beyond ASCII \(the server refused: \[BADCHARSET \(US-ASCII\)\] no such"
                            r" charset\): search for words without them")


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
                    self.assertEqual([f"OK; {'1 item' if count == 2 else f'{3 - count} items'}. {sentence}."],
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
                    self.assertRegex(self.sql("SELECT last_message FROM work_queue")[0][0], r"\AOK; \d items?\.\Z")

    def test_no_question_more(self):
        with self.lying() as server:
            self.inqueue("load")
            self.assertEqual([], [command for command in server.commands if command.endswith(b" DELETED")])


if __name__ == "__main__":
    unittest.main()
