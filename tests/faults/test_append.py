"""`mail append` to a server that refuses, falls silent or hangs up: no message arrives twice, and what is said is true."""

import json
import unittest

from inqueue import DATA, DEADLINE_S, DONE, NO, PROTOCOL, TEMPORARY, UNREACHABLE, Case
from liar import hang_up, small
from lying_server import LyingServer

SHORT_S = 2  # where a server falls silent
UNCLEAR = "all of the message had been sent, and it may have arrived: "


class Append(Case):
    def serve(self, capabilities="IMAP4rev1 UIDPLUS"):
        self.server = self.enterContext(LyingServer(capabilities))
        return self.server

    def append(self, *files, expect=DONE, says="^", timeout_s=DEADLINE_S, more=(), wrap=()):
        result = self.inqueue("mail", "append", *(files or [self.put(small(1))]), "--json", "--server", self.server.address,
                              "--port", self.server.port, "--username", "robot@example.com", "--password-env", "WORD",
                              "--timeout", timeout_s, *more, env={"WORD": "correct horse"}, expect=expect, wrap=wrap)
        self.assertRegex(result.stderr, says)
        return [json.loads(line) for line in result.stdout.splitlines()]

    def put(self, raw, name="a.eml"):
        path = self.folder / name
        path.write_bytes(raw)
        return path

    def raws(self):
        return [stored.raw for stored in self.server.messages()]

    def appends(self):
        return [command for command in self.server.commands if command.startswith(b"APPEND")]


class Refusals(Append):
    def test_before_and_after_the_bytes(self):
        def afterwards(words):
            def answer(session, _tag, command):
                session.take_literal(command)
                return words
            return answer
        for words, code, says in [
                (b"TAG NO [OVERQUOTA] no room\r\n", TEMPORARY, r"a\.eml': the mailbox is full: .* \[OVERQUOTA\] no room\)"),
                (b"TAG NO Over quota\r\n", TEMPORARY, "the mailbox is full"),
                (b"TAG NO [TRYCREATE] no such folder\r\n", NO, r"createFolder` makes it \(the server refused: \[TRYCREATE\]"),
                (b"TAG NO [NOPERM] not you\r\n", 77, r"the server refused: \[NOPERM\] not you"),
                (b"TAG NO virus\r\n", PROTOCOL, "the server refused: virus"),
                (b"TAG BAD what\r\n", PROTOCOL, "did not understand: what")]:
            for answer in [words, afterwards(words)]:
                with self.subTest(words=words, answer=answer):
                    self.serve().answer(rb"APPEND", answer)
                    self.append(expect=code, says=says)
                    self.assertEqual((1, []), (len(self.appends()), self.raws()))

    def test_refusal_stops_nothing_where_it_need_not(self):
        self.serve().answer(rb"APPEND", b"TAG NO virus\r\n")
        rows = self.append(self.put(small(1)), self.put(small(2), "b.eml"), more=["--stop-on-error", "no"], expect=PROTOCOL)
        self.assertEqual([True, False], [bool(row["error"]) for row in rows])
        self.assertEqual([small(2)], self.raws())

    def test_message_that_is_too_large(self):
        """Said by the server before anything is sent to it."""
        limit = len(small(1))
        for capability, answer in [(f"APPENDLIMIT={limit}", None),
                                   ("APPENDLIMIT", b'* STATUS "INBOX" (APPENDLIMIT %d)\r\nTAG OK done\r\n' % limit)]:
            with self.subTest(capability=capability):
                self.serve(f"IMAP4rev1 UIDPLUS {capability}")
                if answer:
                    self.server.answer(rb"STATUS \S+ \(APPENDLIMIT\)", answer, None)
                self.append(self.put(small(1) + b"x"), expect=DATA,
                            says=rf"has {limit + 1} bytes, and the server takes at most {limit}: nothing was sent")
                self.assertEqual([], self.appends())
                self.append()
                self.assertEqual([small(1)], self.raws())

    def test_standard_input_without_an_end(self):
        """Is kept until it is more than the server takes, and no longer."""
        self.serve("IMAP4rev1 UIDPLUS APPENDLIMIT=1000000")
        self.append("-", wrap=["sh", "-c", 'yes | "$@"', "sh"], expect=DATA,
                    says="'standard input': the message has more than the 1000000 bytes that the server takes: nothing was sent")
        self.assertEqual([], self.appends())

    def test_folder_without_a_limit(self):
        for answer in [b'* STATUS "INBOX" (APPENDLIMIT NIL)\r\nTAG OK done\r\n', b"TAG OK done\r\n", b"TAG BAD what\r\n"]:
            with self.subTest(answer=answer):
                self.serve("IMAP4rev1 UIDPLUS APPENDLIMIT").answer(rb"STATUS \S+ \(APPENDLIMIT\)", answer)
                self.append()
                self.assertEqual([small(1)], self.raws())


class Literals(Append):
    def test_asks_unless_the_server_wants_no_question(self):
        large = small(1) + b"x" * 5000
        for capabilities, raw, at_once in [("", small(1), False), ("LITERAL+", small(1), True), ("LITERAL-", small(1), True),
                                           ("LITERAL-", large, False), ("LITERAL+", large, True),
                                           ("LITERAL+", small(1) + b"x" * 70000, False)]:
            with self.subTest(capabilities=capabilities, size=len(raw)):
                self.serve(f"IMAP4rev1 UIDPLUS {capabilities}")
                self.append(self.put(raw))
                self.assertEqual(at_once, self.appends()[0].endswith(b"+}"))
                self.assertEqual([raw], self.raws())

    def test_server_that_does_not_ask(self):
        for answer, code, says in [(lambda *_: b"", UNREACHABLE, f"no answer from .* within {SHORT_S} s"),
                                   (b"* OK still thinking\r\n", UNREACHABLE, f"within {SHORT_S} s"),
                                   (hang_up, UNREACHABLE, "closed the connection"),
                                   (b"* BYE going down\r\n", UNREACHABLE, "closed the connection: going down"),
                                   (b"TAG OK got it\r\n", PROTOCOL, "does not ask for the message it was offered")]:
            with self.subTest(answer=answer):
                self.serve().answer(rb"APPEND", answer)
                self.append(expect=code, says=says, timeout_s=SHORT_S)
                self.assertEqual((1, []), (len(self.appends()), self.raws()))

    def test_other_news_before_the_question(self):
        def answer(session, tag, command):
            session.send(b"* 7 EXISTS\r\n* OK wait\r\n")
            return session.honest(session, tag, command)
        self.serve().answer(rb"APPEND", answer)
        self.append()
        self.assertEqual([small(1)], self.raws())

    def test_server_without_uidplus_tells_no_uid(self):
        def answer(session, tag, command):
            session.honest(session, tag, command)
            return tag + b" OK done\r\n"
        self.serve("IMAP4rev1").answer(rb"APPEND", answer, 2)
        rows = self.append(self.put(small(1)), self.put(small(2), "b.eml"))
        self.assertEqual([(None, None)] * 2, [(row["newUid"], row["uidValidity"]) for row in rows])
        self.assertEqual([small(1), small(2)], self.raws())


class Lost(Append):
    def test_server_that_hangs_up_within_the_message(self):
        """More is left than the sockets in between can hold."""
        def answer(session, _tag, _command):
            session.send(b"+ go on\r\n")
            session.lines.read(1000)
        self.serve().answer(rb"APPEND", answer)
        self.append(self.put(b"Subject: x\r\n\r\n" + b"x" * 50_000_000), expect=UNREACHABLE,
                    says=r"a\.eml': (?!.*may have arrived)")
        self.assertEqual((1, []), (len(self.appends()), self.raws()))

    def answer_nothing(self, session, tag, command, arrives, last_words):
        if arrives:
            session.honest(session, tag, command)
        else:
            session.take_literal(command)
        return last_words

    def test_no_answer_after_the_last_byte(self):
        """The server has it or not: both is found out, over another connection."""
        for arrives in [True, False]:
            for last_words in [None, b"", b"* BYE done for today\r\n", b"nonsense\r\n"]:
                with self.subTest(arrives=arrives, last_words=last_words):
                    server = self.serve()
                    server.deliver(small(1))
                    server.answer(rb"APPEND", lambda *call: self.answer_nothing(*call, arrives, last_words))
                    if arrives:
                        row, = self.append(timeout_s=SHORT_S)
                        self.assertEqual("2", row["newUid"])
                        self.assertRegex(row["note"], "it is there")
                    else:
                        self.append(timeout_s=SHORT_S, expect=PROTOCOL if last_words == b"nonsense\r\n" else UNREACHABLE,
                                    says=UNCLEAR + "no new message in folder 'INBOX' has its Message-ID and its size now; "
                                                   "it is not sent a second time")
                    self.assertEqual([small(1)] * (1 + arrives), self.raws())
                    self.assertEqual(1, len(self.appends()))

    def test_what_is_found_is_new(self):
        """Another message with its Message-ID, and an older one with its size, are not it."""
        def answer(session, _tag, command):
            session.take_literal(command)
            session.server.deliver(small(1) + b"x")
        self.serve().deliver(small(1))
        self.server.answer(rb"APPEND", answer)
        self.append(expect=UNREACHABLE, says=UNCLEAR + "no new message")

    def test_it_cannot_be_looked_for(self):
        def answer(session, tag, command):
            session.honest(session, tag, command)
            session.server.answer(rb"LOGIN", b"TAG NO [UNAVAILABLE] later\r\n")
        self.serve().answer(rb"APPEND", answer)
        self.append(expect=UNREACHABLE, says=UNCLEAR + r"it could not be looked for \(.*later")
        self.assertEqual([small(1)], self.raws())

    def test_folder_that_is_numbered_afresh(self):
        def answer(session, tag, command):
            session.honest(session, tag, command)
            session.server.renumber()
        self.serve().answer(rb"APPEND", answer)
        self.append(expect=UNREACHABLE, says=UNCLEAR + r"it could not be looked for \(.*afresh")

    def test_files_behind_a_lost_connection_are_named(self):
        def answer(session, tag, command):
            session.honest(session, tag, command)
        self.serve().answer(rb"APPEND", answer)
        rows = self.append(self.put(small(1)), self.put(small(2), "b.eml"), expect=UNREACHABLE,
                           says=r"the connection was lost: '\S+b\.eml' and what is named behind it were not sent")
        self.assertEqual(["1"], [row["newUid"] for row in rows if row.get("newUid")])
        self.assertEqual([small(1)], self.raws())


del Append

if __name__ == "__main__":
    unittest.main()
