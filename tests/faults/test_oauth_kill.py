"""kill -9 at every system call of a renewal, and errors of the disk in the middle of it: the account works afterwards.

The token server rotates its refresh tokens. It takes the one before once more, as long as nobody has seen its successor;
after that its use revokes all of them.
"""

import collections
import fcntl
import json
import os
import pathlib
import re
import signal
import subprocess
import unittest

import processes
import strace
from checker import Verdict
from inqueue import DEADLINE_S, DONE, PROGRAM, Case, connection_string
from servers import Dovecot
from tally import Tally
from token_server import TokenServer
from trial import sample

SAMPLE = 24  # of all calls in a short run
USER = "robot@example.com"
ATTEMPTS = 3
VARYING = {"poll", "recvfrom", "futex", "getrandom"}  # one more or less by chance: the last may not come to be tried
LINE = re.compile(r"\d+ +(\w+)\((.*)")


@unittest.skipUnless(os.getuid() == 0, "a process that reads secrets lets nobody else look into it")
class RenewalCase(Case):
    fault = "?"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tally = Tally(cls.fault)
        cls.addClassCleanup(cls.tally.report)
        cls.tokens = cls.enterClassContext(TokenServer())
        cls.server = cls.enterClassContext(Dovecot(mechanisms="xoauth2", introspection=cls.tokens.url("introspect")))

    def setUp(self):
        super().setUp()
        # The leak sanitizer works by ptrace, as strace does: one of them at a time.
        self.environment["ASAN_OPTIONS"] += ":detect_leaks=0"
        self.log = self.folder / "strace"
        self.path = self.folder / "inqueue.db-oauth" / "mail.json"
        self.inqueue("oauth", "login", "mail", "--provider", "custom", "--token-url", self.tokens.url(), "--scope", "mail",
                     "--client-id", "client", "--grant", "device", "--device-url", self.tokens.url("devicecode"))
        self.inqueue("queue", "create", "invoices", "--connection-string", connection_string(self.keys(self.server)),
                     "--user-name", USER, "--oauth", "mail")

    def age(self):
        account = json.loads(self.path.read_text())
        for token in account["tokens"].values():
            for key in ["issued", "renew", "expires"]:
                token[key] -= 3600 * 1000
        self.path.write_text(json.dumps(account))

    def sign_in(self):
        """A run that renews, however it ends."""
        return subprocess.run([PROGRAM, "queue", "check", "invoices"], check=False, capture_output=True, timeout=DEADLINE_S,
                              env=self.environment, cwd=self.folder)

    def sign_in_traced(self, *options):
        """The same, and strace counts the calls of the process that renews from where it gets the lock. It stands still
        before that: until then somebody else has the lock."""
        with open(self.path.with_suffix(".lock"), "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            process = subprocess.Popen([PROGRAM, "queue", "check", "invoices"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                       env=self.environment, cwd=self.folder)
            worker = self.await_worker(process)
            os.kill(worker, signal.SIGSTOP)
            self.await_status(worker, r"State:\tT")
        with subprocess.Popen([*strace.start(self.log), *options, "-p", str(worker)]) as tracer:
            self.await_status(worker, r"TracerPid:\t[1-9]")
            os.kill(worker, signal.SIGCONT)
            stdout, stderr = process.communicate(timeout=DEADLINE_S)
            tracer.wait(DEADLINE_S)
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def await_worker(self, process):
        """The child that waits for the lock."""
        while process.poll() is None:
            for child in pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
                if str(self.path.with_suffix(".lock")) in processes.open_files(child):
                    return int(child)
        self.fail(process.communicate())

    def await_status(self, worker, pattern):
        while not re.search(pattern, pathlib.Path(f"/proc/{worker}/status").read_text()):
            pass

    def sign_ins(self):
        return len(re.findall("Login: user=|Logged in: user=", self.server.log()))

    def assert_works(self):
        """Now, and when the next token is due."""
        for _ in range(2):
            result = self.sign_in()
            self.assertEqual((DONE, b""), (result.returncode, result.stderr))
            self.age()
        self.assertEqual({"mail.json", "mail.lock"}, {path.name for path in self.path.parent.iterdir()} - {"mail.json.new"})

    def judge(self, recovered, trial):
        """The account works: nothing is lost of it, and nobody has to sign in anew."""
        try:
            self.assert_works()
        except AssertionError as failure:
            self.tally.add(Verdict([], [], [str(failure)]), recovered, trial)
            raise
        self.tally.add(Verdict([], [], []), recovered, trial)

    def calls_of_a_renewal(self):
        """(call, the how manieth) from the lock to its end."""
        self.age()
        self.assertEqual(DONE, self.sign_in_traced("-e", "trace=all").returncode)
        counts, lock, found = collections.Counter(), None, []
        for line in self.log.read_text(errors="replace").splitlines():
            if not (match := LINE.match(line)):
                continue
            call, arguments = match.groups()
            counts[call] += 1
            if call == "flock" and "LOCK_EX" in arguments:
                lock = arguments.split(",")[0]
            if lock:
                found.append((call, counts[call]))
            if call == "close" and arguments.startswith(f"{lock})"):
                break
        self.assertTrue({"connect", "fallocate", "fsync", "rename", "flock"} <= {call for call, _ in found}, found)
        return found


class Killed(RenewalCase):
    fault = "kill -9 at a system call of the renewal of a token"

    def test_at_every_call(self):
        calls = self.calls_of_a_renewal()
        missed = []
        for call, when in sample(calls, SAMPLE):
            if self.tally.has(f"{call}-{when}"):
                continue
            with self.subTest(call=call, when=when):
                if any(self.strikes(call, when) for _ in range(ATTEMPTS)):
                    self.judge(True, f"{call}-{when}")
                else:
                    missed.append((call, when))
        self.assertLessEqual({call for call, _ in missed}, VARYING)
        self.assertLess(len(missed), len(calls) // 10, missed)

    def strikes(self, call, when):
        self.age()
        self.sign_in_traced("-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={when}")
        return "killed by SIGKILL" in self.log.read_text(errors="replace")


class DiskErrors(RenewalCase):
    fault = "EIO, ENOSPC at a sync or rename of a token"

    def test_new_token_that_cannot_be_kept_is_not_used(self):
        for call, error in [("fsync", "EIO"), ("rename", "ENOSPC"), ("fsync", "ENOSPC")]:
            with self.subTest(call=call, error=error):
                when = min(number for name, number in self.calls_of_a_renewal() if name == call)
                self.age()
                before = self.sign_ins()
                result = self.sign_in_traced("-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={when}")
                self.assertIn(b"account file", result.stderr)
                self.assertNotEqual(DONE, result.returncode)
                self.assertEqual(before, self.sign_ins())
                self.judge(True, f"{call}-{error}")


if __name__ == "__main__":
    unittest.main()
