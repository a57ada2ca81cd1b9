"""kill -9 in `purge --archive` at every system call that writes, syncs or sends: what is to go goes in the end, once and
whole, nothing else does, no entry is lost, and verify misses nothing."""

import unittest

import strace
from inqueue import DEADLINE_S, ServerCase, message
from trial import sample

CALLS = ["write", "pwrite64", "fsync", "fdatasync", "sendto", "recvfrom"]
SAMPLE = 24
OLD = '"03-Mar-2026 09:30:00 +0000"'


class Killed(ServerCase):
    def setUp(self):
        super().setUp()
        # The leak checker cannot work beside strace.
        self.environment["ASAN_OPTIONS"] = self.environment.get("ASAN_OPTIONS", "") + ":detect_leaks=0"

    def prepare(self, name, **keys):
        """Two old messages and a new one in the archive, and one that nobody has loaded."""
        user = f"{self.user}-{name}"
        self.server.add_user(user, "correct horse")
        with self.server.mailbox(user) as mailbox:
            mailbox.append(message("Old 1"), message("Old 2"), date=OLD)
            mailbox.append(message("New 1"))
        self.create_queue(name=name, user=user, **keys)
        self.inqueue("load", name)
        self.inqueue("discard", "--queue", name, "--state", "new", "--reason", "test")
        with self.server.mailbox(user) as mailbox:
            mailbox.append(message("Stray"), folder="DROPBOX", date=OLD)
            mailbox.flag("DROPBOX", 4, "\\Deleted")
        return user

    def purge(self, name, *options, wrap=()):
        process = self.start("purge", "--archive", name, "--older-than", "30d", "--yes", *options, wrap=wrap)
        process.communicate(timeout=DEADLINE_S)
        return process.returncode

    def subjects_of(self, user, folder):
        with self.server.mailbox(user) as mailbox:
            return mailbox.subjects(folder) if folder in mailbox.folders() else []

    def at_every_call(self, *options, twice=False, **keys):
        log = self.folder / "strace"
        self.prepare("counted", **keys)
        self.assertEqual(0, self.purge("counted", *options, wrap=strace.watch(log, CALLS)))
        points = [(call, when) for call, count in sorted(strace.count_calls(log).items()) for when in range(1, count + 1)]
        self.assertGreater(len(points), SAMPLE)
        fired = 0
        for call, when in sample(points, SAMPLE):
            with self.subTest(call=call, when=when):
                name = f"{call}-{when}"
                user = self.prepare(name, **keys)
                self.purge(name, *options, wrap=strace.kill(log, call, when))
                fired += strace.has_killed(log, call, when)
                self.judge(name, user, options, twice)
        self.assertGreater(fired, SAMPLE // 2)

    def judge(self, name, user, options, twice):
        problems = {line["problem"] for line in self.json_lines("verify", name, "--json", expect=1)}
        self.assertEqual({"stray"}, problems, "after the kill")
        self.assertEqual(0, self.purge(name, *options))
        self.assertEqual(["New 1", "Stray"], sorted(self.subjects_of(user, "DROPBOX")))
        self.assertEqual(["Old 1", "Old 2", "New 1"], self.column("SELECT subject FROM entry WHERE queue = ? ORDER BY id", name))
        self.assertEqual({"stray"}, {line["problem"] for line in self.json_lines("verify", name, "--json", expect=1)})
        if options:
            moved = sorted(self.subjects_of(user, "Attic"))
            self.assertEqual(["Old 1", "Old 2"], sorted(set(moved)) if twice else moved)

    def test_deleting(self):
        self.at_every_call()

    def test_moving(self):
        self.at_every_call("--to", "Attic")

    def test_copying(self):
        """A copy that has arrived is made once more where the original was still there: twice is not lost."""
        self.at_every_call("--to", "Attic", twice=True, disable="MOVE")


if __name__ == "__main__":
    unittest.main()
