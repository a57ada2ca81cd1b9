"""A secret that servers, targets and commands repeat in every form, wherever they have a say: it is found nowhere."""

import base64
import html
import json
import re
import unittest
import urllib.parse

import inqueue
from liar import LiarCase, small
from receiver import Answer, Receiver
from watcher import Watcher

SECRET = r'Cana"ry\7 & <bird>%41+/9'
USER = "robot@example.com"


def in_base64(text):
    return base64.b64encode(text.encode()).decode()


def forms(secret):
    """As a peer may write it; of most of them no part is found in another."""
    numbers = "".join(f"&#{ord(letter)};" for letter in secret)
    hexadecimal = "".join(f"&#x{ord(letter):X};" for letter in secret)
    return {
        "as it is": secret,
        "IMAP": secret.replace("\\", r"\\").replace('"', r'\"'),
        "JSON": json.dumps(secret)[1:-1],
        "JSON in numbers": "".join(rf"\u{ord(letter):04x}" for letter in secret),
        "JSON in capital numbers": "".join(rf"\u{ord(letter):04X}" for letter in secret),
        "C": "".join(rf"\x{ord(letter):02x}" for letter in secret),
        "HTML": html.escape(secret),
        "HTML in JSON": json.dumps(html.escape(secret))[1:-1],
        "HTML in numbers": numbers,
        "HTML in hexadecimal numbers": hexadecimal,
        "URL": urllib.parse.quote(secret, safe=""),
        "URL in small letters": re.sub("%..", lambda found: found[0].lower(), urllib.parse.quote(secret, safe="")),
        "form": urllib.parse.quote_plus(secret),
        "base64": in_base64(secret),
        "base64 for URLs": base64.urlsafe_b64encode(b"?" + secret.encode()).decode(),
        "base64 in JSON": in_base64(secret).replace("/", r"\/"),
        "PLAIN": in_base64(f"\0{USER}\0{secret}"),
        "PLAIN with an identity": in_base64(f"{USER}\0{USER}\0{secret}"),
        "XOAUTH2": in_base64(f"user={USER}\1auth=Bearer {secret}\1\1"),
        "OAUTHBEARER": in_base64(f"n,a={USER},\1host=localhost\1port=993\1auth=Bearer {secret}\1\1"),
        "Basic": in_base64(f"ann:{secret}"),
        "hexadecimal": secret.encode().hex(),
        "HEXADECIMAL": secret.encode().hex().upper(),
    }


def traces(secret):
    """What must be found nowhere: each form, and of base64 what does not depend on its neighbours."""
    inside = {base64.b64encode(b"x" * offset + secret.encode())[offset + 1:-4].decode() for offset in range(3)}
    inside |= {text.translate(str.maketrans("+/", "-_")) for text in inside}
    return {*forms(secret).values(), *inside}


FORMS = forms(SECRET)


class CanaryCase(LiarCase):
    fault = "a secret that is repeated"

    def setUp(self):
        super().setUp()
        self.said = []
        self.hidden = 0
        self.log = self.folder / "imap.log"

    def _checked(self, process, stdout, stderr, expect):
        self.said.append((stdout + stderr).decode(errors="replace"))
        return super()._checked(process, stdout, stderr, expect)

    def try_it(self, *arguments, **options):
        """One run, whatever becomes of it."""
        process = self.start(*arguments, **options)
        stdout, stderr = process.communicate(timeout=inqueue.DEADLINE_S)
        self.assertLess(0 <= process.returncode, 128, process.args)
        self._checked(process, stdout, stderr, process.returncode)

    def everything(self):
        """All that the program has left: what it said, its database with the log, its files; but not the passwords."""
        files = [path for path in self.folder.rglob("*") if path.is_file() and ".password" not in path.name]
        self.assertIn(self.database, files)
        return "\n".join([*self.said, *(path.read_bytes().decode(errors="replace") for path in files)])

    def assert_hidden(self):
        """And counts whether something was hidden at all."""
        found = self.everything()
        for text in traces(SECRET):
            self.assertNotIn(text, found)
        self.hidden += "***" in found
        self.said.clear()

    def lying(self, *mail, **keys):
        server = super().lying(*mail, **{"timeout": "10s"} | keys)
        server.users[USER] = SECRET
        self.file("invoices.password", SECRET + "\n")
        return server


def words(form):
    return FORMS[form].encode()


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


class Target(CanaryCase):
    """A web application, and another one that it redirects to."""

    def target(self, url):
        self.file("target.password", SECRET + "\n")
        key = base64.b64encode(SECRET.encode()).decode()
        self.file("key.password", f"whsec_{key}\n")
        self.inqueue("queue", "alter", "invoices", "--deliver-to", url.replace("://", "://ann@"), "--allow-private", "true",
                     "--deliver-password", f"file:{self.folder}/target.password",
                     "--deliver-secret", f"file:{self.folder}/key.password",
                     "--deliver-header-secret", f"X-Api-Key: Bearer file:{self.folder}/target.password")

    def test_every_form_at_every_place(self):
        with self.lying(small(1)), Receiver([200]) as home, Receiver([200]) as other:
            self.target(home.url())
            self.inqueue("load")
            for form, said in FORMS.items():
                host = re.sub("[^A-Za-z0-9-]", "", said)[:60]
                whole = Answer(422, {"X-Said": said, "Set-Cookie": said}, b"before " + said.encode() + b" after", reason=said)
                for answers in [[whole], [whole._replace(status=503)],
                                [Answer(503, body=b"x" * (2040 - len(said) // 2) + b" " + said.encode())],
                                [Answer(503, body=b"x " * 35000 + said.encode())],
                                [Answer(307, {"Location": f"http://127.0.0.1:1/{said}"}, said.encode(), reason=said)],
                                [Answer(302, {"Location": f"http://{host}.invalid/"}, reason=said)],
                                [Answer(302, {"Location": other.url()}, said.encode())]]:
                    with self.subTest(form=form, answers=answers):
                        home.answers, other.answers = answers, [whole]
                        self.try_it("deliver", "--test", "invoices")
                        self.try_it("delivery", "retry", "1")
                        self.try_it("deliver")
                self.try_it("delivery", "list", "--json")
                self.try_it("status", "--json")
                self.assert_hidden()
            self.assertEqual(len(FORMS), self.hidden)
            self.assertGreater(self.sql("SELECT count(*) FROM delivery")[0][0], len(FORMS) * 6)


class Command(CanaryCase):
    """What a command says on standard error, which may be its environment."""

    def test_variables_and_the_token(self):
        with self.lying(small(1)):
            self.inqueue("load")
            self.inqueue("queue", "alter", "invoices", "--password-env", "MAIL_PASSWORD")
            tell = f"import os, sys; v = os.environ; print(v['MAIL_PASSWORD'], v['INQUEUE_TOKEN'], sep=' ', file=sys.stderr); " \
                   f"sys.stderr.write('x' * 100000 + v['MAIL_PASSWORD'] + 'x' * 1000); sys.exit(1)"
            self.try_it("work", "invoices", "--until-empty", "--", "python3", "-c", tell, env={"MAIL_PASSWORD": SECRET})
            self.assertRegex(self.said[-1], r"\*\*\* \*\*\*\n")
            self.assertRegex(self.said[-1], r"x{100000}\*\*\*x{1000}")
            self.assert_hidden()


if __name__ == "__main__":
    unittest.main()
