"""kill -9 at every system call of a renewal, and errors of the disk in the middle of it: the account works afterwards.

The token server rotates its refresh tokens. It takes the one before once more, as long as nobody has seen its successor;
after that its use revokes all of them.
"""

import collections
import json
import re
import subprocess
import unittest

import strace
from checker import Verdict
from inqueue import DEADLINE_S, DONE, PROGRAM, Case, connection_string
from servers import Dovecot
from tally import Tally
from token_server import TokenServer
from trial import sample

SAMPLE = 24  # of all calls in a short run
USER = "robot@example.com"
LINE = re.compile(r"(\d+) +(\w+)\((.*)")


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

    def sign_in(self, wrap=()):
        """A run that renews, however it ends."""
        return subprocess.run([*wrap, PROGRAM, "queue", "check", "invoices"], check=False, capture_output=True,
                              timeout=DEADLINE_S, env=self.environment, cwd=self.folder)

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
        """(call, the how manieth of its process) from the lock to its end."""
        self.age()
        self.assertEqual(DONE, self.sign_in(strace.watch(self.log, ["all"])).returncode)
        counts, inside, found = collections.defaultdict(collections.Counter), {}, []
        for line in self.log.read_text(errors="replace").splitlines():
            match = LINE.match(line)
            if not match:
                continue
            process, call, arguments = match.groups()
            counts[process][call] += 1
            if call == "flock" and "LOCK_EX" in arguments:
                inside[process] = arguments.split(",")[0]
            if process in inside:
                found.append((call, counts[process][call]))
            if call == "close" and arguments.startswith(f"{inside.get(process)})"):
                del inside[process]
        self.assertFalse(inside)
        self.assertTrue({"flock", "connect", "fsync", "rename"} <= {call for call, _ in found}, found)
        return found


class Killed(RenewalCase):
    fault = "kill -9 at a system call of the renewal of a token"

    def test_at_every_call(self):
        tried = fired = 0
        for call, when in sample(self.calls_of_a_renewal(), SAMPLE):
            if self.tally.has(f"{call}-{when}"):
                continue
            with self.subTest(call=call, when=when):
                self.age()
                self.sign_in(strace.kill(self.log, call, when))
                struck = bool(strace.count_by_process(self.log)[1])
                tried, fired = tried + 1, fired + struck
                self.judge(struck, f"{call}-{when}")
        self.assertGreaterEqual(fired, tried // 2)


class DiskErrors(RenewalCase):
    fault = "EIO, ENOSPC at a sync or rename of a token"

    def test_new_token_that_cannot_be_kept_is_not_used(self):
        for call, error in [("fsync", "EIO"), ("rename", "ENOSPC"), ("fsync", "ENOSPC")]:
            with self.subTest(call=call, error=error):
                when = min(number for name, number in self.calls_of_a_renewal() if name == call)
                self.age()
                before = self.sign_ins()
                result = self.sign_in(strace.fail(self.log, call, error, when))
                self.assertIn(b"account file", result.stderr)
                self.assertNotEqual(DONE, result.returncode)
                self.assertEqual(before, self.sign_ins())
                self.judge(True, f"{call}-{error}")


if __name__ == "__main__":
    unittest.main()
