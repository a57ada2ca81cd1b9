"""open and close: one signed-in session for many commands, kept by a process in the background."""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import unittest

import processes
from inqueue import CREDENTIALS, NO, PROGRAM, TEMPORARY, UNREACHABLE, USAGE, message, messages
from mail_case import MailCase, OnCyrus, OnDovecot
from proxy import CLIENT, SERVER, Proxy
from servers import Dovecot


class Connection(MailCase):
    def open(self, name="work", *more, server=None):
        self.mail("open", name, *self.account(server), *more)

    def described(self, name="work"):
        return next(found for found in self.connections() if found["connection"] == name)

    def socket_path(self, name="work"):
        return self.runtime / "inqueue" / f"{name}.sock"


class Life(Connection):
    def test_name_as_an_option(self):
        self.mail("open", "--connection", "work", *self.account())
        self.assertEqual(["work"], [found["connection"] for found in self.connections()])
        self.mail("close", "--connection", "work")
        self.assertEqual([], self.connections())
        for name in [[], ["work", "--connection", "work"]]:
            self.fails(USAGE, "mail", "close", *name, says="one name for the connection")

    def test_every_action_over_one_session(self):
        self.deliver(*messages(4))
        self.open()
        self.mail("createFolder", "--connection", "work", "--folder", "A/B")
        self.mail("moveMail", "--connection", "work", "--uid", "1", "--new-folder", "A/B")
        self.mail("markRead", "--connection", "work", "--uid", "2")
        self.mail("delete", "--connection", "work", "--uid", "3", "--yes")
        self.assertEqual(["Invoice 2", "Invoice 4"], self.column("subject", "--connection", "work"))
        self.assertEqual(["Please pay.\n"], self.column("body", "getAll", "--connection", "work", "--folder", "A/B"))
        self.mail("renameFolder", "--connection", "work", "--folder", "A", "--new-folder", "C")
        self.assertEqual(["INBOX", "C", "C/B"],
                         self.column("fullName", "listAllFolders", "--connection", "work", "--recurse"))
        self.assertEqual(1, len(self.rows("--connection", "work", "--folder", "C/B")))
        self.mail("deleteFolder", "--connection", "work", "--folder", "C", "--yes")
        found = self.described()
        self.assertEqual((10, 1), (found["uses"], found["sign_ins"]))

    def test_closed_name(self):
        self.open()
        process = self.described()["process"]
        self.inqueue("mail", "close", "work")
        self.assertTrue(processes.await_exit(process, 10))
        for action in [["getHeaderOnly", "--connection", "work"], ["close", "work"]]:
            self.fails(NO, "mail", *action, says=["no connection named 'work' is open"])
        self.assertEqual([], list((self.runtime / "inqueue").iterdir()))

    def test_name_is_taken(self):
        self.open()
        self.refuses(NO, "open", "work", *self.account(), says=["'work' is open already"])
        self.assertEqual(1, len(self.connections()))

    def test_two_at_once(self):
        self.deliver(*messages(3))
        self.open("one")
        self.open("two")
        self.assertEqual(["one", "two"], [found["connection"] for found in self.connections()])
        runs = [self.start("mail", "--connection", name, "--json") for name in ["one", "two"] * 3]
        self.assertEqual([3] * 6, [len(self.finish(run).stdout.splitlines()) for run in runs])
        self.assertEqual([(3, 1), (3, 1)], [(found["uses"], found["sign_ins"]) for found in self.connections()])

    def test_a_client_that_is_killed_costs_the_others_nothing(self):
        self.deliver(*messages(2))
        self.open()
        holder = self.start("mail", "script", "-", "--connection", "work")
        waiting = self.start("mail", "--connection", "work", "--json")
        while not self.described()["in_use"]:
            pass
        holder.send_signal(signal.SIGKILL)
        holder.communicate()
        self.assertEqual(2, len(self.finish(waiting).stdout.splitlines()))

    def test_waits_no_longer_than_it_may(self):
        self.open()
        holder = self.start("mail", "script", "-", "--connection", "work")
        while not self.described()["in_use"]:
            pass
        self.refuses(TEMPORARY, "--connection", "work", "--timeout", "1", says=["'work' is in use", "1 s"])
        self.finish(holder)


class DovecotLife(OnDovecot, Life):
    def test_a_hundred_actions_sign_in_once(self):
        self.deliver(message())
        self.open()
        for number in range(50):
            self.mail("markRead", "--connection", "work")
            self.mail("listAllFolders", "--connection", "work")
        self.assertEqual(1, self.sign_ins() - 1, "one more by the test itself")
        self.assertEqual((100, 1), tuple(self.described()[name] for name in ["uses", "sign_ins"]))

    def test_script_signs_in_once(self):
        self.deliver(message())
        self.mail("script", "-", stdin="markRead\nlistAllFolders\n" * 50)
        self.assertEqual(1, self.sign_ins() - 1)

    def test_ends_when_it_is_not_used(self):
        self.open("work", "--idle", "1")
        process = self.described()["process"]
        self.assertTrue(processes.await_exit(process, 20))
        self.refuses(NO, "--connection", "work", says="no connection")
        self.assertFalse(self.socket_path().exists())

    def test_ends_when_it_is_told_to(self):
        self.open()
        process = self.described()["process"]
        os.kill(process, signal.SIGTERM)
        self.assertTrue(processes.await_exit(process, 10))
        self.assertFalse(self.socket_path().exists())

    def test_ends_when_its_socket_is_deleted(self):
        self.open()
        process = self.described()["process"]
        self.socket_path().unlink()
        self.assertTrue(processes.await_exit(process, 10))
        self.refuses(NO, "--connection", "work", says="no connection")
        self.open()
        shutil.rmtree(self.runtime / "inqueue")
        self.assertEqual([], self.connections())

    def test_killed_process_leaves_a_name_that_can_be_used_again(self):
        self.open()
        process = self.described()["process"]
        os.kill(process, signal.SIGKILL)
        self.assertTrue(processes.await_exit(process, 10))
        self.assertTrue(self.socket_path().exists())
        self.assertEqual([], self.connections())
        self.refuses(NO, "--connection", "work", says="no connection")
        self.open()
        self.assertEqual([], self.rows("--connection", "work"))

    def test_failed_sign_in_leaves_nothing(self):
        before = self.sign_ins()
        self.refuses(CREDENTIALS, "open", "work", *self.account(), env={"WORD": "wrong"}, says=["open 'work'", "refused"])
        self.assertEqual((before, []), (self.sign_ins(), self.connections()))
        self.refuses(UNREACHABLE, "open", "work", "--server", "127.0.0.1", "--port", "1", "--username", "u",
                     "--password-env", "WORD", says="open 'work'")

    def test_names(self):
        for name in ["", "a/b", "..", "x" * 65, "ä"]:
            self.refuses(USAGE, "open", name, *self.account(), says="cannot be a connection's name")
        self.open("A.b-c_9" + "x" * 57)

    def test_list(self):
        self.assertRegex(self.inqueue("mail", "list-connections").stdout, r"\A(NAME .*\n)?\Z")
        self.open()
        self.assertRegex(self.inqueue("mail", "list-connections").stdout,
                         rf"\nwork +127\.0\.0\.1:{self.server.port} {self.user} free .* never +0 +1 +\d+\n")

    def test_queue(self):
        self.create_queue(self.server, user=self.user)
        self.mail("open", "work", "--queue", "invoices")
        self.assertEqual([], self.rows("--connection", "work"))


class CyrusLife(OnCyrus, Life):
    pass


class Secrets(OnDovecot, Connection):
    def test_password_is_nowhere(self):
        self.open()
        process = self.described()["process"]
        for path in self.folder.rglob("*"):
            if path.is_file():
                self.assertNotIn(b"correct horse", path.read_bytes(), path)
        self.assertNotIn(b"correct horse", pathlib.Path(f"/proc/{process}/cmdline").read_bytes())
        self.assertEqual({"/dev/null"}, {os.readlink(f"/proc/{process}/fd/{number}") for number in range(3)})

    def test_folder_that_others_can_enter(self):
        (self.runtime / "inqueue").mkdir()
        (self.runtime / "inqueue").chmod(0o755)
        self.fails(CREDENTIALS, "mail", "open", "work", *self.account(), says=["belong to you alone", "0700"])
        (self.runtime / "inqueue").chmod(0o700)

    @unittest.skipUnless(os.getuid() == 0, "needs another user")
    def test_another_user(self):
        self.open()
        other = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]
        # Even where the way to the socket is open to all, its keeper does not listen to others.
        for path, mode in [(self.folder, 0o711), (self.runtime, 0o711), (self.runtime / "inqueue", 0o711),
                           (self.socket_path(), 0o666)]:
            path.chmod(mode)
        ask = ("import socket, sys; s = socket.socket(socket.AF_UNIX); s.settimeout(20); s.connect(sys.argv[1]);"
               "s.sendall(b'{\"do\":\"describe\"}\\n'); sys.stdout.write(repr(s.recv(9)))")
        heard = subprocess.run([*other, "/usr/bin/python3", "-c", ask, self.socket_path()], capture_output=True,
                               text=True, check=False)
        self.assertNotIn("name", heard.stdout)
        self.assertRegex(heard.stdout + heard.stderr, "b''|reset|Broken pipe")
        program = self.folder / "inqueue"
        shutil.copy(PROGRAM, program)
        program.chmod(0o755)
        refused = subprocess.run([*other, program, "mail", "--connection", "work"], cwd="/", capture_output=True,
                                 text=True, check=False, env={**self.environment, "TMPDIR": "/tmp"})
        self.assertNotEqual(0, refused.returncode)
        for path in [self.runtime / "inqueue", self.runtime]:
            path.chmod(0o700)
        self.assertEqual([], self.rows("--connection", "work"))

    def callers(self, count, word=b""):
        for _ in range(count):
            caller = self.enterContext(socket.socket(socket.AF_UNIX))
            caller.settimeout(20)
            caller.connect(str(self.socket_path()))
            caller.sendall(word)
        return caller

    def test_clients_that_say_nothing(self):
        """Nobody waits for them, whether the session is free or lent, and those who speak at last are heard."""
        self.open()
        late = self.callers(1, b'{"do":"desc')
        self.callers(30)
        self.assertEqual([], self.rows("--connection", "work"))
        holder = self.start("mail", "script", "-", "--connection", "work")
        while not self.described()["in_use"]:
            pass
        self.callers(30, b"{")
        self.assertEqual(2, self.described()["uses"])
        late.sendall(b'ribe"}\n')
        self.assertIn(b'"uses":2', late.recv(4096))
        self.finish(holder)
        self.assertEqual([], self.rows("--connection", "work"))

    def test_clients_that_say_nothing_for_too_long_go(self):
        """A keeper has room for some of them."""
        self.open()
        first = self.callers(1)
        self.callers(64)
        self.assertEqual(b"", first.recv(1))
        self.assertEqual([], self.rows("--connection", "work"))

    def test_client_whose_word_is_too_long(self):
        self.open()
        endless = self.callers(1, b"{" * 2000)
        with contextlib.suppress(ConnectionResetError):
            self.assertEqual(b"", endless.recv(1))
        self.assertEqual([], self.rows("--connection", "work"))


class Again(Connection):
    """After the server has gone and come back."""

    def make_user(self):
        return "robot@example.com"

    def test_server_restarts(self):
        server = Dovecot()
        self.addCleanup(lambda: self.server.stop())
        self.server = server.start()
        with Proxy(server.port) as proxy:
            account = self.account()
            account[3] = proxy.port
            self.mail("open", "work", *account, "--timeout", "2")
            self.assertEqual([], self.rows("--connection", "work"))
            server.stop()
            self.refuses(UNREACHABLE, "--connection", "work", says=["connection 'work'"])
            self.server = Dovecot().start()
            proxy._target = ("127.0.0.1", self.server.port)
            self.deliver(message("Back"))
            self.assertEqual(["Back"], self.column("subject", "--connection", "work"))
            self.assertEqual(2, self.described()["sign_ins"])
            self.close_all()

    def test_server_that_is_slow_to_answer(self):
        """Before the session is lent the keeper asks the server whether it is there. Meanwhile it hears others."""
        self.server = self.enterContext(Dovecot())
        self.deliver(*messages(3))
        with Proxy(self.server.port) as proxy:
            account = self.account()
            account[3] = proxy.port
            self.mail("open", "work", *account)
            fault = proxy.stall(CLIENT, rb"NOOP", forward=False)
            slow = self.start("mail", "--connection", "work", "--json")
            fault.wait()
            found, = self.connections()
            self.assertEqual((True, 1), (found["in_use"], found["sign_ins"]))
            self.inqueue("mail", "close", "work")
            self.assertEqual([], self.connections())
            fault.release()
            self.assertEqual(3, len(self.finish(slow).stdout.splitlines()))

    def test_connection_lost_in_an_action(self):
        self.server = self.enterContext(Dovecot())
        self.deliver(*messages(3))
        with Proxy(self.server.port) as proxy:
            account = self.account()
            account[3] = proxy.port
            self.mail("open", "work", *account)
            proxy.cut(SERVER, rb"Invoice 2")
            self.refuses(UNREACHABLE, "--connection", "work", says=["getHeaderOnly", "'INBOX'"])
            self.assertEqual(3, len(self.rows("--connection", "work")))
            self.close_all()


del Life

if __name__ == "__main__":
    unittest.main()
