"""Mailbox management as its tests see it: one mailbox for each test, on Dovecot and on Cyrus alike."""

import csv
import io
import json

from cyrus import Cyrus
from inqueue import DONE, Case
from servers import Dovecot, for_dovecot

PASSWORD = "correct horse"


class MailCase(Case):
    """Tests that know nothing of the server; a subclass with OnDovecot or OnCyrus names one."""

    def setUp(self):
        super().setUp()
        self.runtime = self.folder / "run"
        self.runtime.mkdir(mode=0o700)
        self.environment.update({"XDG_RUNTIME_DIR": str(self.runtime), "WORD": PASSWORD})
        self.addCleanup(self.close_all)
        self.user = self.make_user()

    def account(self, server=None):
        server = server or self.server
        return ["--server", server.address, "--port", server.port, "--username", self.user, "--password-env", "WORD"]

    def mail(self, *arguments, expect=DONE, stdin="", env=None, wrap=()):
        """One action, with the test's account unless it names another."""
        whose = {"--connection", "--queue", "--server"} & set(map(str, arguments))
        return self.inqueue("mail", *arguments, *([] if whose else self.account()), expect=expect, stdin=stdin, env=env,
                            wrap=wrap)

    def refuses(self, code, *arguments, says=(), **options):
        """An action that fails with one line on stderr, in which each of `says` is found."""
        result = self.mail(*arguments, expect=code, **options)
        self.assertRegex(result.stderr, r"\A[^\n]+\n\Z", "not one line")
        for pattern in [says] if isinstance(says, str) else says:
            self.assertRegex(result.stderr, pattern)
        return result

    def rows(self, *arguments, **options):
        return json_lines(self.mail(*arguments, "--json", **options))

    def csv(self, *arguments, **options):
        text = self.mail(*arguments, **options).stdout
        return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))

    def column(self, name, *arguments, **options):
        return [row[name] for row in self.rows(*arguments, **options)]

    def look(self):
        return self.server.mailbox(self.user)

    def deliver(self, *messages, folder="INBOX", **options):
        with self.look() as mailbox:
            mailbox.append(*messages, folder=folder, **options)

    def create(self, *folders):
        with self.look() as mailbox:
            for folder in folders:
                mailbox.create(folder)

    def subjects(self, folder="INBOX"):
        with self.look() as mailbox:
            return mailbox.subjects(folder)

    def flags(self, folder="INBOX"):
        with self.look() as mailbox:
            return [set(found.flags) for found in mailbox.messages(folder)]

    def folders(self):
        with self.look() as mailbox:
            return mailbox.folders()

    def connections(self):
        return self.json_lines("mail", "list-connections", "--json")

    def close_all(self):
        for connection in self.connections():
            self.inqueue("mail", "close", connection["connection"])


def json_lines(result):
    return [json.loads(line) for line in result.stdout.split("\n") if line]


class OnDovecot:
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = Dovecot()
        cls.addClassCleanup(cls.server.stop)
        cls.server.start()

    def make_user(self):
        user = f"{self._testMethodName}@example.com"
        self.server.add_user(user, PASSWORD)
        return user

    def sign_ins(self):
        return self.server.log().count(f"{for_dovecot('Login', 'Logged in')}: user=<{self.user}>")


class OnCyrus:
    """Its users are made before it starts: one for each test."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        names = [name for name in dir(cls) if name.startswith("test_")]
        cls.server = Cyrus(users={name: PASSWORD for name in names}, alternative=True)
        cls.addClassCleanup(cls.server.stop)
        cls.server.start()

    def make_user(self):
        return self._testMethodName
