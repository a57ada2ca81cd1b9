"""A password in the environment of `inqueue watch`: it is taken out of there, and lasts all the same."""

import os
import pathlib
import signal
import unittest

import processes
from inqueue import message
from watcher import WatchCase


class Variable(WatchCase):
    def assert_hidden(self, watcher):
        password = self.server.users[self.user]
        for one in processes.session_members(watcher.process.pid):
            self.assertNotIn(password.encode(), pathlib.Path(f"/proc/{one}/environ").read_bytes())

    def test_no_process_shows_it_and_each_worker_has_it(self):
        self.create_queue()
        self.inqueue("queue", "alter", "invoices", "--password-env", "MAIL_PASSWORD", "--no-check")
        watcher = self.watch(env={"MAIL_PASSWORD": self.server.users[self.user]})
        watcher.wait_idle()
        self.assert_hidden(watcher)
        os.kill(watcher.workers()[0], signal.SIGKILL)
        watcher.wait("signed_in", times=2)
        self.deliver(message("One"))
        watcher.wait("stored")
        self.assert_hidden(watcher)
        watcher.stop()

    def test_programs_that_it_starts_do_not_get_it(self):
        said = self.folder / "said"
        command = self.file("tell", f"#!/bin/sh\nenv > {said}\necho '{self.server.users[self.user]}'\n", 0o700)
        with self.look() as mailbox:
            mailbox.create("Second")
        self.create_queue(name="first")
        self.create_queue(name="second", mailbox="Second", dropbox="Second-archive", badmail="Second-bad")
        self.inqueue("queue", "alter", "first", "--password-env", "MAIL_PASSWORD", "--no-check")
        self.inqueue("queue", "alter", "second", "--password-command", command, "--no-check")
        watcher = self.watch(env={"MAIL_PASSWORD": self.server.users[self.user]})
        watcher.wait("signed_in", queue="first")
        watcher.wait("signed_in", queue="second")
        watcher.stop()
        self.assertIn("MAIL_PASSWORD=\n", said.read_text())


if __name__ == "__main__":
    unittest.main()
