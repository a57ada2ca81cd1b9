"""Servers that do not send a message, or say goodbye or nothing. The others are loaded, and what nobody gets past is a bad
entry after three tries."""

import unittest

import checker
from inqueue import DONE, PROTOCOL, TEMPORARY, UNREACHABLE
from liar import BODIES, SHORT, Lies, hang_up, small
from lying_server import parse_set
from watcher import Watcher


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


def reaches(command, uid):
    """Does a FETCH ask for this message."""
    return uid in parse_set(command.split()[2], {uid})


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


def bye(session, _tag, _command):
    session.send(b"* BYE [UNAVAILABLE] shutting down\r\n")
    return None


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


if __name__ == "__main__":
    unittest.main()
