"""Mailboxes for tests/bench/load: corpora kept as Maildirs, and servers whose users get a fresh copy of one each.

Copies are hard links, made on one file system with the servers'. Dovecot's index files are copied as they are right after
the first look at the mailbox: every run finds them in the same state, knowing the messages' UIDs and nothing else.
"""

import contextlib
import imaplib
import os
import pathlib
import shutil
import subprocess

import certificates
import processes
from servers import Dovecot, for_dovecot

PASSWORD = "correct horse"
FIRST_DATE_S = 1700000000
INDEX_FILES = "dovecot*"
# No log of the bytes; and a process for each session, which ends with it: what it has used is known then.
SETTINGS = f"""\
rawlog_dir =
service imap {{
  {for_dovecot("service_count", "restart_request_count")} = 1
}}
"""


class Corpus:
    """Messages as the files of a Maildir, with LF as a delivery agent stores them, and sizes in their names."""

    def __init__(self, folder, messages):
        self.folder = folder
        self.count = self.bytes = 0
        make_maildir(folder)
        for message in messages:
            text = message.replace(b"\r\n", b"\n")
            date_s = FIRST_DATE_S + self.count
            path = folder / "cur" / f"{date_s}.M{self.count}.bench,S={len(text)},W={len(message)}:2,"
            path.write_bytes(text)
            os.utime(path, (date_s, date_s))
            self.count += 1
            self.bytes += len(message)


class Servers:
    """A server that speaks plainly and one with TLS, side by side. `folder` must be one that every user may enter."""

    def __init__(self, folder):
        self._folder = folder
        self._users = 0
        certificate = certificates.Authority(folder / "authority").issue()
        self.ca_file = folder / "ca.pem"
        shutil.copy(folder / "authority" / "ca.pem", self.ca_file)
        self._plain = Dovecot(folder / "plain", {}, extra=SETTINGS)
        self._tls = Dovecot(folder / "tls", {}, certificate, extra=SETTINGS)

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._plain)
            stack.enter_context(self._tls)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *reason):
        return self._stack.__exit__(*reason)

    def prepare(self, corpus):
        """Lets a server look at a new corpus once, so that all copies begin with its index."""
        for place in [corpus.folder, *corpus.folder.rglob("*")]:
            self._plain.give_away(place)
        with self.account(corpus) as account:
            session = imaplib.IMAP4(account.host, account.port)
            session.login(account.user, PASSWORD)
            session.select("INBOX")
            session.unselect()
            session.logout()
            account.settle()
            for path in account.maildir.glob(INDEX_FILES):
                shutil.copy2(path, corpus.folder)
                self._plain.give_away(corpus.folder / path.name)

    @contextlib.contextmanager
    def account(self, corpus, tls=False):
        """A user with that mail; its mailbox is removed at the end."""
        self._users += 1
        server = self._tls if tls else self._plain
        account = Account(server, f"robot{self._users}@example.com", self.ca_file if tls else None)
        account.fill(corpus)
        try:
            yield account
        finally:
            account.settle()
            shutil.rmtree(account.maildir)


class Account:
    """What a program needs to sign in, and what became of the mail."""

    def __init__(self, server, user, ca_file):
        self.server, self.user, self.ca_file = server, user, ca_file
        self.host = "localhost" if ca_file else server.address
        self.port = server.tls_port if ca_file else server.port
        self.maildir = server.folder / "mail" / user
        server.add_user(user, PASSWORD)

    def fill(self, corpus):
        self.maildir.parent.mkdir(exist_ok=True)
        self.server.give_away(self.maildir.parent)
        subprocess.run(["cp", "--archive", "--link", corpus.folder, self.maildir], check=True)
        for path in corpus.folder.glob(INDEX_FILES):  # the server writes into these
            (self.maildir / path.name).unlink()
            shutil.copy2(path, self.maildir)
            self.server.give_away(self.maildir / path.name)

    def count(self, folder=None):
        """Messages in INBOX, or in another folder."""
        maildir = self.maildir / f".{folder}" if folder else self.maildir
        return sum(1 for name in ["cur", "new"] for _ in os.scandir(maildir / name))

    def settle(self):
        """Waits until the server has ended its part of all sessions."""
        for process_id in processes.session_members(self.server.process.pid):
            with contextlib.suppress(OSError):
                name = pathlib.Path(f"/proc/{process_id}/comm").read_text().strip()
                if name == "imap" and not processes.await_exit(process_id, 60):
                    raise RuntimeError("the server does not end its session")


def make_maildir(folder):
    for name in ["cur", "new", "tmp"]:
        (folder / name).mkdir(parents=True)
