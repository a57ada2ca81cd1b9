"""Whatever talks to a server may crash there: the operator is told so, and by which server, with the right exit status."""

import itertools
import os
import pathlib
import pty
import re
import select
import signal
import socket
import subprocess
import threading
import unittest

import processes
import strace
from inqueue import CONFIGURATION, DEADLINE_S, IO, PROGRAM, SOFTWARE
from liar import LiarCase, small

TOLD = (r"\Ainqueue: this command was ended by signal 11 \(Segmentation fault\) while it was talking to %s: a fault of inqueue, "
        r"which that server may have brought about; what was done by then stands\n\Z")
START = {"CAPABILITY": rb"CAPABILITY", "sign-in": rb"LOGIN"}
FIND = {"SELECT": rb"SELECT|EXAMINE", "SEARCH": rb"UID SEARCH", "FETCH": rb"UID FETCH"}
COMMANDS = {
    "queue check": (["queue", "check", "invoices"], {"LIST": rb"LIST", "STATUS": rb"STATUS", "LOGOUT": rb"LOGOUT"}),
    "verify": (["verify", "invoices"], {"SELECT": rb"SELECT|EXAMINE", "SEARCH": rb"UID SEARCH", "LIST": rb"LIST"}),
    "mail getHeaderOnly": (["mail", "getHeaderOnly", "--queue", "invoices"], FIND | {"LOGOUT": rb"LOGOUT"}),
    "mail getAll": (["mail", "getAll", "--queue", "invoices"], FIND),
    "mail": (["mail", "--queue", "invoices"], {"FETCH": rb"UID FETCH"}),
    "mail markRead": (["mail", "markRead", "--queue", "invoices", "--uid", "1"], {"STORE": rb"UID STORE"}),
    "mail moveMail": (["mail", "moveMail", "--queue", "invoices", "--uid", "1", "--new-folder", "Done"], {"MOVE": rb"UID MOVE"}),
    "mail delete": (["mail", "delete", "--queue", "invoices", "--uid", "1", "--yes"], {"STORE": rb"UID STORE"}),
    "mail createFolder": (["mail", "createFolder", "--queue", "invoices", "--folder", "New"], {"CREATE": rb"CREATE"}),
    "mail deleteFolder": (["mail", "deleteFolder", "--queue", "invoices", "--folder", "Done", "--yes"], {"DELETE": rb"DELETE"}),
    "mail renameFolder": (["mail", "renameFolder", "--queue", "invoices", "--folder", "Done", "--new-folder", "Old"],
                          {"RENAME": rb"RENAME"}),
    "mail append": (["mail", "append", "mail.eml", "--queue", "invoices", "--folder", "Done"], {"APPEND": rb"APPEND"}),
    "mail listAllFolders": (["mail", "listAllFolders", "--queue", "invoices"], {"LIST": rb"LIST"}),
    "mail script": (["mail", "script", "-", "--queue", "invoices"], {"FETCH": rb"UID FETCH"}),
}
SCRIPT = "getHeaderOnly\n"
TRIALS = [(name, moment, pattern) for name, (_, own) in COMMANDS.items() for moment, pattern in (START | own).items()]


class CrashCase(LiarCase):
    fault = "what talks to a server crashes"

    def setUp(self):
        super().setUp()
        # A sanitizer would take the signal for a finding.
        self.file("mail.eml", small(9).decode())
        self.environment["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":handle_segv=0"

    def children(self, name="inqueue"):
        """Of the command that was started last: those that could talk to a server, or those of another name."""
        leader = self._sessions[-1]
        return [child for child in processes.session_members(leader)
                if child != leader and pathlib.Path(f"/proc/{child}/comm").read_text() == f"{name}\n"]

    def assert_gave_up(self, child):
        status = pathlib.Path(f"/proc/{child}/status").read_text()
        self.assertRegex(status, r"(?m)^Seccomp:\t2$")
        self.assertRegex(status, r"(?m)^NoNewPrivs:\t1$")

    def crash(self, *_):
        """As an answer: the child crashes at what it reads."""
        for child in self.children():
            os.kill(child, signal.SIGSEGV)
            processes.await_exit(child, DEADLINE_S)
        return b"* OK too late\r\n"

    def serve(self):
        server = self.lying(capabilities="IMAP4rev1 UIDPLUS MOVE UNSELECT")
        server.changes_folders = True
        server.create("Done")
        return server


class Crashes(CrashCase):
    def test_each_command_at_each_moment(self):
        for number, (name, moment, pattern) in enumerate(TRIALS):
            self.use_database(number)
            with self.subTest(command=name, moment=moment), self.serve() as server:
                server.answer(pattern, self.crash)
                result = self.inqueue(*COMMANDS[name][0], expect=SOFTWARE, stdin=SCRIPT)
                self.assertRegex(result.stderr, TOLD % re.escape(server.address))

    def test_each_command_before_it_is_greeted(self):
        for number, (name, (command, _)) in enumerate(COMMANDS.items()):
            self.use_database(number)
            with self.subTest(command=name), self.serve() as server:
                server.greeting = self.crash
                result = self.inqueue(*command, expect=SOFTWARE, stdin=SCRIPT)
                self.assertRegex(result.stderr, TOLD % re.escape(server.address))

    def test_reload(self):
        """Its entry is bad as before, and can be reloaded."""
        with self.lying(small(1, b"X: " + b"y" * 3000 + b"\r\n"), maxSize="1KB") as server:
            self.inqueue("load")
            self.inqueue("queue", "alter", "invoices", "--connection-string",
                         self.sql("SELECT connection_string FROM work_queue")[0][0].replace("maxSize=1KB", "maxSize=1MB"))
            server.answer(rb"UID FETCH", self.crash)
            result = self.inqueue("reload", 1, expect=SOFTWARE)
            self.assertRegex(result.stderr, TOLD % re.escape(server.address))
            self.inqueue("reload", 1)
            self.judge(server)

    def test_target_of_a_delivery(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def answer():
            connection, _ = listener.accept()
            with connection:
                connection.recv(1)
                self.crash()

        with self.serve() as server:
            port = listener.getsockname()[1]
            self.inqueue("queue", "alter", "invoices", "--deliver-to", f"http://127.0.0.1:{port}/", "--allow-private", "true")
            self.inqueue("load")
            threading.Thread(target=answer, daemon=True).start()
            result = self.inqueue("deliver", expect=SOFTWARE)
            self.assertRegex(result.stderr, TOLD % re.escape(f"127.0.0.1:{port}"))
            self.assertEqual([("claimed",)], self.sql("SELECT DISTINCT state FROM entry WHERE state <> 'new'"))
            self.judge(server)


class Signals(CrashCase):
    def hanging(self, *command, at=rb"UID SEARCH", source="file"):
        """A command that waits for a server which says nothing any more."""
        arrived = threading.Event()
        release = threading.Event()
        self.addCleanup(release.set)

        def silence(*_):
            arrived.set()
            release.wait()

        server = self.serve()
        server.answer(at, silence)
        if source == "command":
            self.inqueue("queue", "alter", "invoices", "--password-command", f"/bin/cat {self.folder}/invoices.password")
        process = self.start(*command)
        self.assertTrue(arrived.wait(DEADLINE_S))
        return server, process

    def test_rights_are_given_up_before_the_server_is_heard(self):
        """A filter of system calls, and no way to get rights back (seccomp(2), no_new_privs). Who reads mail, or runs
        a command for its password, has left a process behind for that."""
        reading = [["verify", "invoices"], ["load"], ["watch"], ["mail", "getAll", "--queue", "invoices"]]
        changing = [["queue", "check", "invoices"], ["mail", "listAllFolders", "--queue", "invoices"]]
        for command, source in itertools.product(reading + changing, ["file", "command"]):
            self.use_database(f"{command[1:2] or command}{source}")
            with self.subTest(command=command, source=source):
                server, process = self.hanging(*command, at=rb"CAPABILITY|LOGIN", source=source)
                with server:
                    child, = self.children()
                    self.assert_gave_up(child)
                    starters = [1] if command in reading or source == "command" else []
                    self.assertEqual(len(starters), len(self.children("inqueue-starter")))
                    process.kill()
                    processes.kill_quietly(child)
                    process.communicate()

    def test_who_starts_programs_is_gone(self):
        """It is killed: no mail is read then, and none is lost."""
        server = self.serve()

        def kill(session, tag, command):
            starter, = self.children("inqueue-starter")
            processes.kill_quietly(starter)
            processes.await_exit(starter, DEADLINE_S)
            return session.honest(session, tag, command)

        server.answer(rb"UID SEARCH", kill)
        with server:
            result = self.inqueue("load", expect=IO)
            self.assertRegex(result.stderr, r"\Ainqueue: load 'invoices': [^\n]*starting the parser: the process that starts it has died\n\Z")
            self.judge(server)

    def test_nobody_is_heard_where_no_rights_can_be_given_up(self):
        """As in a container, or on a kernel, without seccomp."""
        self.environment["ASAN_OPTIONS"] += ":detect_leaks=0"  # it cannot be traced itself
        without = [*strace.start(self.folder / "log"), "-e", "trace=seccomp", "-e", "inject=seccomp:error=EINVAL"]
        with self.serve() as server:
            for command in [["load"], ["queue", "check", "invoices"]]:
                result = self.inqueue(*command, wrap=without, expect=CONFIGURATION)
                self.assertRegex(result.stderr, r"this machine lets it make no filter of system calls \([^)]+\): let the kernel "
                                                r"have CONFIG_SECCOMP_FILTER, and a container the call seccomp\(2\)\n\Z")
            self.assertEqual([], server.commands)

    def test_a_second_term_ends_both(self):
        server, process = self.hanging("verify", "invoices")
        with server:
            child, = self.children()
            while process.poll() is None:
                process.terminate()
                select.select([], [], [], 0.01)
            self.assertEqual((-signal.SIGTERM, b"", b""), (process.returncode, *process.communicate()))
            self.assertTrue(processes.await_exit(child, DEADLINE_S))

    def test_control_c_ends_both(self):
        """The terminal tells each of them once: the first time is a wish, the second an order."""
        server = self.serve()
        arrived, release = threading.Event(), threading.Event()
        self.addCleanup(release.set)
        server.answer(rb"UID SEARCH", lambda *_: arrived.set() or release.wait() and None)
        master, slave = pty.openpty()
        process = subprocess.Popen(["setsid", "--ctty", PROGRAM, "verify", "invoices"], stdin=slave, stdout=slave,
                                   stderr=slave, cwd=self.folder, env=self.environment)
        self._sessions.append(process.pid)
        os.close(slave)
        self.addCleanup(os.close, master)
        with server:
            self.assertTrue(arrived.wait(DEADLINE_S))
            child, = self.children()
            os.write(master, b"\x03")
            self.assertFalse(processes.await_exit(child, 0.2))
            while process.poll() is None:
                os.write(master, b"\x03")
                select.select([], [], [], 0.05)
            self.assertEqual(-signal.SIGINT, process.returncode)
            self.assertTrue(processes.await_exit(child, DEADLINE_S))

    def test_a_child_does_not_outlive_its_supervisor(self):
        server, process = self.hanging("verify", "invoices")
        with server:
            child, = self.children()
            process.kill()
            process.communicate()
            self.assertTrue(processes.await_exit(child, DEADLINE_S))


if __name__ == "__main__":
    unittest.main()
