"""The processes that `load`, `watch` and `mail open` leave to talk to a server: each crashes."""

import contextlib
import pathlib
import re
import signal
import unittest

import processes
from inqueue import DEADLINE_S, NO, SOFTWARE, UNREACHABLE
from test_crash import FIND, START, CrashCase
from watcher import Watcher

MOVE = {"MOVE": rb"UID MOVE"}


class Keeper(CrashCase):
    def setUp(self):
        super().setUp()
        self.runtime = self.folder / "runtime"
        self.runtime.mkdir(mode=0o700)
        self.environment["XDG_RUNTIME_DIR"] = str(self.runtime)

    def children(self, name="inqueue"):
        """It has made a session of its own, and is the child of one that the command has started."""
        family = processes.session_members(self._sessions[-1])
        found = []
        for process in processes.session_leaders():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                status = pathlib.Path(f"/proc/{process}/status").read_text()
                if int(re.search(r"(?m)^PPid:\t(\d+)$", status)[1]) in family:
                    found.append(process)
        return found

    def test_before_it_is_open(self):
        for moment, pattern in ({"greeting": None} | START).items():
            self.use_database(moment)
            with self.subTest(moment=moment), self.serve() as server:
                if pattern:
                    server.answer(pattern, self.crash)
                else:
                    server.greeting = self.crash
                result = self.inqueue("mail", "open", "work", "--queue", "invoices", expect=SOFTWARE)
                self.assertEqual("inqueue: open 'work': connection 'work': its process ended before it was open: a fault "
                                 f"of inqueue, which {server.address} may have brought about\n", result.stderr)

    def test_while_it_is_used(self):
        """Its user has lost the connection; the name is free again."""
        for moment, pattern in FIND.items():
            self.use_database(moment)
            with self.subTest(moment=moment), self.serve() as server:
                self.inqueue("mail", "open", "work", "--queue", "invoices")
                keeper = int(self.inqueue("mail", "list-connections", "--json").json()["process"])
                self.addCleanup(processes.kill_quietly, keeper)
                server.answer(pattern, lambda *_, process=keeper: self.end(process))
                result = self.inqueue("mail", "getHeaderOnly", "--connection", "work", expect=UNREACHABLE)
                self.assertRegex(result.stderr, r"\Ainqueue: [^\n]{20,}\n\Z")
                self.inqueue("mail", "getHeaderOnly", "--connection", "work", expect=NO)
                self.inqueue("mail", "open", "work", "--queue", "invoices")
                self.inqueue("mail", "close", "work")

    @staticmethod
    def end(process):
        processes.send_quietly(process, signal.SIGSEGV)
        processes.await_exit(process, DEADLINE_S)
        return b"* OK too late\r\n"


class Load(CrashCase):
    moments = START | FIND | MOVE

    def test_a_worker_that_crashes_once_is_replaced(self):
        for moment, pattern in self.moments.items():
            self.use_database(moment)
            with self.subTest(moment=moment), self.serve() as server:
                server.answer(pattern, self.crash)
                self.assertEqual("inqueue: load 'invoices': the worker died 1 times and was started again\n",
                                 self.inqueue("load").stderr)
                self.judge(server)

    def test_workers_that_crash_one_after_the_other(self):
        for moment, pattern in ({"greeting": None} | START).items():
            self.use_database(moment)
            with self.subTest(moment=moment), self.serve() as server:
                honest = server.greeting
                if pattern:
                    server.answer(pattern, self.crash, times=None)
                else:
                    server.greeting = self.crash
                result = self.inqueue("load", expect=SOFTWARE)
                self.assertEqual("inqueue: load 'invoices': the worker was ended by signal 11; nothing is lost, the next run "
                                 "goes on\n", result.stderr)
                server.heal()
                server.greeting = honest
                self.judge(server)


class WatchingCase(CrashCase):
    def watch(self):
        watcher = Watcher(self, self.start("watch", "--log-format", "json", "--log-level", "debug", "--retry", "50ms"))
        self.addCleanup(watcher.process.kill)
        return watcher


class Watch(WatchingCase):
    moments = START | FIND | MOVE

    def test_a_worker_that_crashes_is_replaced(self):
        for moment, pattern in self.moments.items():
            self.use_database(moment)
            with self.subTest(moment=moment), self.serve() as server:
                server.answer(pattern, self.crash)
                watcher = self.watch()
                self.assertEqual("software", watcher.wait("failed")["class"])
                watcher.wait_idle()
                watcher.stop()
                self.judge(server)


if __name__ == "__main__":
    unittest.main()
