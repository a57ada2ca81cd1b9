"""What can go wrong: one line each, naming the queue and the way out; nothing is lost, nothing changes."""

import contextlib
import os
import socket
import sqlite3
import subprocess
import threading
import unittest

from inqueue import (CONFIGURATION, CREDENTIALS, DATA, IO, PROTOCOL, TEMPORARY, UNREACHABLE, Case, LoadCase,
                     ServerCase, message, messages, database_files)
from proxy import SERVER, Proxy
from servers import Dovecot, for_dovecot, free_port


class Unreachable(Case):
    def load_fails(self, *says, code=UNREACHABLE, **keys):
        password = self.file("password", "correct horse\n")
        string = ";".join(f"{key}={value}" for key, value in keys.items())
        self.inqueue("queue", "create", "q", "--connection-string", string, "--user-name", "robot",
                     "--password-file", password)
        result = self.fails(code, "load", "q", says=["load 'q'", *says])
        self.assertEqual([("Error: " + result.stderr.removeprefix("inqueue: load 'q': ").rstrip("\n"), None)],
                         self.sql("SELECT last_message, not_collected FROM work_queue"))

    @contextlib.contextmanager
    def server_saying(self, words):
        """A server that says something, listens until the client has gone, and says no more."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            def serve():
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.sendall(words)
                    if words.endswith(b"\n"):
                        connection.shutdown(socket.SHUT_WR)
                    while connection.recv(4096):
                        pass
            thread = threading.Thread(target=serve)
            thread.start()
            yield listener.getsockname()[1]
            thread.join()

    def test_unknown_host(self):
        self.load_fails("nosuch.invalid", "host", url="nosuch.invalid", timeout=10)

    def test_closed_port(self):
        port = free_port()
        self.load_fails("127.0.0.1", f"port {port}", "connection", url="127.0.0.1", port=port)

    def test_mute_server(self):
        with self.server_saying(b"") as port:
            self.load_fails(f"port {port}", "within 1 s", url="127.0.0.1", port=port, timeout=1)

    def test_server_that_greets_and_falls_silent(self):
        with self.server_saying(b"* OK [CAPABILITY IMAP4rev1] hello\r\n* OK") as port:
            self.load_fails("1 s|time", url="127.0.0.1", port=port, timeout=1)

    def test_something_else_than_imap(self):
        for words in [b"220 mail.example.com ESMTP\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0\1\2\n"]:
            with self.subTest(words=words), self.server_saying(words) as port:
                self.load_fails("IMAP|greeting", url="127.0.0.1", port=port, timeout=5)
                self.inqueue("queue", "drop", "q", "--yes")

    def test_server_that_turns_us_away(self):
        with self.server_saying(b"* BYE Too many connections\r\n") as port:
            self.load_fails("Too many connections", code=TEMPORARY, url="127.0.0.1", port=port, timeout=5)

    def test_endless_line(self):
        with self.server_saying(b"* OK " + b"x" * (32 << 20)) as port:
            self.load_fails("its first line is longer than any greeting", url="127.0.0.1", port=port, timeout=5, code=PROTOCOL)


class Slow(LoadCase):
    def test_server_that_falls_silent(self):
        self.deliver(*messages(3))
        with Proxy(self.server.port) as proxy:
            self.create_queue(port=proxy.port, timeout=1)
            proxy.stall(SERVER, rb"UIDVALIDITY")
            self.fails(UNREACHABLE, "load", "invoices", says=["'invoices'", "1 s|time"])
        self.assertEqual([], self.entries())
        self.assertEqual({"INBOX": 3}, self.folders())

    def test_server_that_falls_silent_in_a_message(self):
        """It may be about that message: the run connects again, and asks for the others first."""
        self.deliver(*messages(3))
        with Proxy(self.server.port) as proxy:
            self.create_queue(port=proxy.port, timeout=1)
            proxy.stall(SERVER, rb"Subject: Invoice 2")
            self.inqueue("load", "invoices")
        self.assertEqual(3, len(self.entries()))
        self.assertEqual({"BADMAIL": 0, "DROPBOX": 3, "INBOX": 0}, self.folders())

    def test_server_that_drips(self):
        """Each byte comes in time, but the whole would take for ever."""
        self.deliver(message("Invoice 1", "x\n" * 5000))
        with Proxy(self.server.port) as proxy:
            self.create_queue(port=proxy.port, timeout=1)
            stall = proxy.stall(SERVER, rb"BODY\[\]")
            process = self.start("load", "invoices")
            stall.wait()
            proxy.drip(1, 0.05)
            stall.release()
            result = self.finish(process, expect=UNREACHABLE)
        self.assertRegex(result.stderr, r"\A[^\n]*'invoices'[^\n]*\n\Z")


class Server(LoadCase):
    def test_missing_mailbox(self):
        self.create_queue(mailbox="Invoicse")
        self.fails(CONFIGURATION, "load", "invoices", says=["load 'invoices'", "'Invoicse'", "mailbox="])
        self.assertEqual({"INBOX": 0}, self.folders())

    def test_wrong_password(self):
        self.deliver(*messages(1))
        self.create_queue()
        self.file("invoices.password", "wrong\n")
        self.fails(CREDENTIALS, "load", "invoices", says=["load 'invoices'", self.user, "Authentication failed"])
        self.assertEqual({"INBOX": 1}, self.folders())

    def test_search_that_the_server_refuses(self):
        self.deliver(message())
        self.create_queue(search="NOSUCHKEY")
        self.fails(PROTOCOL, "load", "invoices", says=["'invoices'", "(?i)search"])


class Quota(ServerCase):
    @classmethod
    def make_server(cls):
        return Dovecot(extra=for_dovecot(
            "mail_plugins = quota\nplugin {\n  quota = maildir:User\n  quota_rule = *:storage=4k\n"
            "  quota_grace = 0\n  quota_exceeded_message = Mailbox is full\n}\nprotocol imap {\n  mail_plugins = quota\n}\n",
            "mail_plugins {\n  quota = yes\n}\nquota User {\n  driver = count\n  quota_storage_size = 4k\n}\n"
            "quota_storage_grace = 0\nquota_exceeded_message = Mailbox is full\n"))

    def test_archive_that_is_full(self):
        """A copy needs room for both; the entry stays, and the mail waits for room."""
        self.deliver(message("Invoice 1", "line\n" * 500))
        self.create_queue(disable="MOVE")
        self.fails(TEMPORARY, "load", "invoices", says=["'invoices'", "'DROPBOX'", "Mailbox is full"])
        self.assertEqual(["stored"], self.column("SELECT state FROM pickup"))
        self.assertEqual({"BADMAIL": 0, "DROPBOX": 0, "INBOX": 1}, self.folders())
        self.inqueue("queue", "alter", "invoices", "--connection-string",
                     f"url=127.0.0.1;port={self.server.port}")
        self.inqueue("load", "invoices")
        self.assertEqual({"BADMAIL": 0, "DROPBOX": 1, "INBOX": 0}, self.folders())
        self.assertEqual(["Invoice 1"], self.column("SELECT subject FROM entry"))


class Database(LoadCase):
    """Whatever is wrong with the database, the server is left as it was."""

    def load_fails(self, code, *says):
        self.fails(code, "load", "invoices", says=[str(self.database), *says])
        with self.look() as mailbox:
            self.assertEqual([frozenset()], [found.flags for found in mailbox.messages()])

    def setUp(self):
        super().setUp()
        self.deliver(message("Invoice 1"))
        self.create_queue()

    def untouched(self, code, *says):
        before = self.database.read_bytes()
        for command in [("load",), ("list",), ("queue", "apply", os.devnull), ("status",)]:
            with self.subTest(command=command):
                self.fails(code, *command, says=[str(self.database), *says])
                self.assertEqual(before, self.database.read_bytes())

    def test_newer_version(self):
        with contextlib.closing(sqlite3.connect(self.database)) as database:
            database.execute("PRAGMA user_version = 99")
        self.untouched(DATA, "newer", "99")

    def test_another_programs_database(self):
        self.database.unlink()
        with contextlib.closing(sqlite3.connect(self.database)) as database:
            database.execute("CREATE TABLE entry (id)")
        self.untouched(DATA, "another program", "--database")

    def test_not_a_database_at_all(self):
        self.database.write_text("Dear diary, today I was mistaken for a database. " * 100)
        self.untouched(DATA, "not a database|--database")

    def test_folder_in_its_place(self):
        self.database.unlink()
        self.database.mkdir()
        self.fails(DATA, "load", says=[str(self.database), "folder"])

    def test_damaged(self):
        with open(self.database, "r+b") as database:
            database.seek(4096)
            database.write(b"\xff" * 4096 * 3)
        result = self.inqueue("load", "invoices", expect=IO)
        self.assertRegex(result.stderr, r"\A[^\n]*damaged|malformed|corrupt[^\n]*\n\Z")
        self.database.unlink()
        self.assertEqual(["Invoice 1"], self.subjects())

    def test_locked_by_another_process_for_a_moment(self):
        with contextlib.closing(sqlite3.connect(self.database, isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")
            process = self.start("queue", "pause", "invoices")
            with self.assertRaises(subprocess.TimeoutExpired):
                process.wait(0.5)
            database.execute("COMMIT")
            self.finish(process)


class Disk(LoadCase):
    """A file system of its own for the database: too small, or read-only."""

    def setUp(self):
        super().setUp()
        probe = subprocess.run([*self.namespace(), "true"], capture_output=True, check=False)
        if probe.returncode:
            self.skipTest("no mount namespaces for this user")

    @staticmethod
    def namespace():
        return ["unshare", "--mount", *([] if os.getuid() == 0 else ["--map-root-user"])]

    def on_disk(self, size, code, *says, then=":"):
        """A run on a copy of the database that lies on a tmpfs; the copy comes back afterwards."""
        disk = self.folder / "disk"
        disk.mkdir()
        script = self.file("on-disk", f"""#!/bin/sh
mount -t tmpfs -o size={size},mode=700 none {disk} && cp {self.database}* {disk} && {then} || exit 99
"$@"
code=$?
rm {self.database}* && cp {disk}/inqueue.db* {self.folder} || exit 99
exit $code
""", mode=0o700)
        self.fails(code, "load", "invoices", says=says, wrap=[*self.namespace(), str(script)],
                   env={"INQUEUE_DATABASE": str(disk / "inqueue.db")})

    def test_full(self):
        with self.look() as mailbox:
            made = message("Invoice 1")
            made.add_attachment(os.urandom(1 << 20), maintype="application", subtype="pdf", filename="a.pdf")
            mailbox.append(made)
        self.create_queue()
        room = sum(path.stat().st_size for path in database_files(self.database)) + 100 * 1024
        self.on_disk(room, IO, "'invoices'", "(?i)no space|full")
        self.assertEqual([], self.entries())
        self.assertEqual(["Invoice 1"], self.subjects())
        self.inqueue("load", "invoices")
        self.assert_all_loaded(1)

    def test_read_only(self):
        self.deliver(message("Invoice 1"))
        self.create_queue()
        before = self.database_bytes()
        self.on_disk("4m", IO, "inqueue.db", "(?i)read-only|cannot be written",
                     then=f"mount -o remount,bind,ro {self.folder}/disk")
        self.assertEqual(before, self.database_bytes())
        self.assertEqual({"INBOX": 1}, self.folders())


if __name__ == "__main__":
    unittest.main()
