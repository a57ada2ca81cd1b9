"""A secret that mail servers repeat in every form, wherever they have a say: it is found nowhere."""

import re
import unittest

import inqueue
from canary import FORMS, CanaryCase, words
from liar import small
from watcher import Watcher

MOMENTS = {"sign-in": rb"LOGIN", "CAPABILITY": rb"CAPABILITY", "LIST": rb"LIST", "SELECT": rb"SELECT|EXAMINE",
           "SEARCH": rb"UID SEARCH", "FETCH": rb"UID FETCH", "MOVE": rb"UID MOVE"}


def farewell(line):
    def say(session, _tag, _command):
        session.send(line)
    return say


ANSWERS = {
    "NO": lambda said: b"TAG NO [CANNOT] you said " + said + b"\r\n",
    "BAD": lambda said: b"TAG BAD " + said + b"\r\n",
    "BYE": lambda said: farewell(b"* BYE you are " + said + b"\r\n"),
    "no answer": lambda said: farewell(b"2 WHAT " + said + b"\r\n"),
    "cut by us": lambda said: b"TAG NO " + b"." * (195 - len(said) // 2) + b" " + said + b"\r\n",
    "long": lambda said: b"TAG NO " + b"." * 4000 + b" " + said + b"." * 4000 + b"\r\n",
    "another answer": lambda said: b"* OK " + said + b"\r\n* X-TEXT " + said + b"\r\nTAG BAD no\r\n",
}


class MailServer(CanaryCase):
    def forget(self):
        self.log.unlink(missing_ok=True)
        inqueue.remove_database(self.database)

    def test_every_form_at_every_moment(self):
        """Each form meets each kind of answer, and each moment, at one run or another."""
        kinds, moments = list(ANSWERS), list(MOMENTS)
        trials = [(form, kinds[(number + turn) % len(kinds)], moments[(number * 3 + turn * 2) % len(moments)])
                  for number, form in enumerate(FORMS) for turn in range(4)]
        for number, (form, kind, moment) in enumerate(trials):
            with self.subTest(form=form, answer=kind, moment=moment):
                self.use_database(number)
                with self.lying(small(1)) as server:
                    server.answer(MOMENTS[moment], ANSWERS[kind](words(form)), times=None)
                    self.try_it("load")
                    self.try_it("status", "--json")
                    self.assert_hidden()
                self.forget()
        self.assertGreater(self.hidden, len(trials) // 2)

    def test_every_command(self):
        commands = [["load"], ["queue", "check", "invoices"], ["queue", "check", "invoices", "--json"], ["verify", "invoices"],
                    ["load", "--dry-run"], ["status", "invoices"], ["mail", "getHeaderOnly", "--queue", "invoices"],
                    ["mail", "listAllFolders", "--queue", "invoices"], ["doctor"]]
        for number, (moment, pattern) in enumerate(MOMENTS.items()):
            with self.subTest(moment=moment):
                self.use_database(number)
                with self.lying(small(1)) as server:
                    server.answer(pattern, ANSWERS["NO"](words(list(FORMS)[number])), times=None)
                    for command in commands:
                        self.try_it(*command)
                    self.assert_hidden()
                self.forget()
        self.assertEqual(len(MOMENTS), self.hidden)

    def test_greeting(self):
        for number, form in enumerate(FORMS):
            for start in [b"* BYE ", b"* NO "]:
                with self.subTest(form=form, start=start):
                    self.use_database(f"{number}{start.decode().strip('*? ')}")
                    with self.lying(small(1)) as server:
                        server.greeting = start + words(form) + b"\r\n"
                        self.try_it("load")
                        self.assert_hidden()
                    self.forget()
        self.assertEqual(2 * len(FORMS), self.hidden)

    def test_capabilities_mechanisms_and_folders(self):
        for number, form in enumerate(FORMS):
            atom = FORMS[form].replace(" ", "").encode()
            with self.subTest(form=form):
                self.use_database(number)
                with self.lying(small(1)) as server:
                    quoted = words(form).replace(b"\\", b"\\\\").replace(b'"', b'\\"')
                    if atom == words(form) and re.fullmatch(rb"[\w+/=-]+", atom):
                        server.capabilities += " LOGINDISABLED AUTH=" + atom.decode() + " X-" + atom.decode()
                        self.try_it("queue", "check", "invoices")
                        server.capabilities = "IMAP4rev1 UIDPLUS MOVE X-" + atom.decode()
                        self.try_it("queue", "check", "invoices")
                    server.answer(rb"LIST", b'* LIST () "/" "' + quoted + b'"\r\n* LIST () "/" "a/' + quoted
                                  + b'"\r\nTAG OK done\r\n', times=None)
                    self.try_it("mail", "listAllFolders", "--queue", "invoices", "--recurse")
                    self.try_it("mail", "listAllFolders", "--queue", "invoices", "--recurse", "--json")
                    self.assert_hidden()
                self.forget()
        self.assertEqual(len(FORMS), self.hidden)

    def test_kept_connection(self):
        """Its commands never had the password, and hide it."""
        self.environment["XDG_RUNTIME_DIR"] = str(self.folder)
        with self.lying(small(1)) as server:
            self.inqueue("mail", "open", "work", "--queue", "invoices")
            try:
                server.answer(rb"SELECT|EXAMINE", ANSWERS["NO"](words("PLAIN")), times=None)
                self.try_it("mail", "getHeaderOnly", "--connection", "work")
                self.assert_hidden()
                self.assertEqual(1, self.hidden)
            finally:
                self.inqueue("mail", "close", "work")

    def test_watching_with_a_log_of_the_protocol(self):
        for number, (kind, answer) in enumerate(ANSWERS.items()):
            for form in list(FORMS)[number::len(ANSWERS)]:
                with self.subTest(form=form, answer=kind):
                    self.use_database(f"{number}{form}")
                    with self.lying(small(1), poll="1s") as server:
                        server.answer(rb"UID SEARCH", answer(words(form)), times=None)
                        watcher = Watcher(self, self.start("watch", "--log-format", "json", "--retry", "50ms", "--log-imap",
                                                           self.log))
                        watcher.wait("failed", times=2)
                        watcher.stop()
                        self.said += watcher.lines
                        self.try_it("status", "--json")
                        self.assert_hidden()
                    self.forget()
        self.assertEqual(len(FORMS), self.hidden)


if __name__ == "__main__":
    unittest.main()
