"""Servers that lie about a message: its body, size, date or flags. Nothing is lost or doubled, and a later run finishes."""

import unittest

import checker
from inqueue import DONE, PROTOCOL
from liar import BODIES, SHORT, Lies, small


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


if __name__ == "__main__":
    unittest.main()
