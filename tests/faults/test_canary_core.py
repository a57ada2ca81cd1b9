"""Processes that die while they sign in by an account of OAuth 2.0 leave no core in which a secret stands."""

import pathlib
import resource
import signal
import subprocess
import unittest

import processes
from canary import SECRET, traces
from inqueue import DEADLINE_S
from test_oauth import OauthCase
from token_server import TokenServer
from watcher import Watcher

HELD_S = 5  # longer than it takes to end a few processes
TOKEN = "Canary.tok-en_%41"


class Cores(OauthCase):
    def setUp(self):
        super().setUp()
        before = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_CORE, before)
        if not self.leaves_core(["sleep", str(DEADLINE_S)]):
            self.skipTest("this machine writes no cores into the folder of who dies")

    def leaves_core(self, command):
        process = subprocess.Popen(command, cwd=self.folder)
        process.send_signal(signal.SIGABRT)
        process.wait(DEADLINE_S)
        return any([core.unlink() is None for core in self.folder.glob("core*")])

    def kill_all(self, process):
        """One after the other, as a core takes the place of the one before; the parent last, since it would end its children. The
        starter blocks signals, and ends behind whom it serves."""
        for one in sorted(processes.session_members(process.pid), reverse=True):
            if pathlib.Path(f"/proc/{one}/comm").read_text() == "inqueue\n":
                processes.send_quietly(one, signal.SIGABRT)
                self.assertTrue(processes.await_exit(one, DEADLINE_S))
                self.look()

    def look(self):
        for core in self.folder.glob("core*"):
            held = core.read_bytes()
            for secret in [SECRET, TOKEN]:
                for trace in traces(secret):
                    self.assertNotIn(trace.encode(), held)
            core.unlink()

    def test_nobody_leaves_a_secret(self):
        self.file("client.secret", SECRET + "\n")
        with TokenServer() as tokens, self.dovecot(tokens) as server:
            tokens._by_itself = lambda form: tokens._give(tokens.user)
            tokens.prefix = TOKEN
            command = self.custom(tokens, "--grant", "secret", "--client-secret", f"file:{self.folder}/client.secret")
            self.login(command)
            self.create(server)
            tokens.delay_s = HELD_S
            for arguments in [command, ["oauth", "check", "mail"], ["load", "invoices"]]:
                with self.subTest(command=arguments[:2]):
                    self.age()
                    asked = len(tokens.asked)
                    process = self.start(*arguments)
                    while len(tokens.asked) == asked:
                        self.assertIsNone(process.poll())
                    self.kill_all(process)
                    process.communicate(timeout=DEADLINE_S)
            tokens.delay_s = 0
            watcher = Watcher(self, self.start("watch", "--log-format", "json", "--log-level", "debug"))
            watcher.wait_idle()
            self.kill_all(watcher.process)
            watcher.ended(-signal.SIGABRT)


if __name__ == "__main__":
    unittest.main()
