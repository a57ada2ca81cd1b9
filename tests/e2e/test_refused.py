"""Refused sign-ins: an account is asked for three times at most, by load and watch together, and what only looks like a
refusal stops nothing."""

import unittest

from inqueue import CREDENTIALS, DONE, TEMPORARY, messages
from proxy import SERVER, Proxy
from watcher import WatchCase

STOPPED = r"load 'invoices': collecting is stopped: sign-in .* refused .*`inqueue queue resume invoices`"


class Load(WatchCase):
    def know(self, password):
        """What the queue's password file says from now on: no change of its definition."""
        self.file("invoices.password", password + "\n")

    def tries(self):
        """As the server counts them."""
        return sum("auth failed" in line and self.user in line for line in self.server.log().splitlines())

    def refusals(self):
        return self.column("SELECT refusals FROM queue_health")

    def test_the_third_refusal_stops_until_the_queue_is_resumed(self):
        self.create_queue()
        self.deliver(*messages(1))
        self.know("wrong")
        for number in range(1, 4):
            result = self.fails(CREDENTIALS, "load", says="load 'invoices': .*sign-in as .* refused")
            self.assertEqual(number == 3, "collecting is stopped" in result.stderr, result.stderr)
            self.assertEqual([number], self.refusals())
        for arguments in [["load"], ["load", "invoices"], ["load", "--dry-run"]]:
            self.fails(CREDENTIALS, *arguments, says=STOPPED)
        self.assertEqual(3, self.tries())
        self.assertRegex(self.column("SELECT last_message FROM work_queue")[0], "^Error: sign-in .* refused")
        self.know("correct horse")
        self.inqueue("queue", "resume", "invoices")
        self.inqueue("load")
        self.assertEqual([0], self.refusals())
        self.assert_all_loaded(1)

    def test_a_new_password_source_lifts_the_stop_too(self):
        self.create_queue()
        self.know("wrong")
        for _ in range(3):
            self.inqueue("load", expect=CREDENTIALS)
        self.inqueue("queue", "alter", "invoices", "--password-file", self.file("new", "correct horse\n"))
        self.inqueue("load")

    def test_a_good_run_between_begins_the_count_anew(self):
        self.create_queue()
        for password, expect in [("wrong", CREDENTIALS)] * 2 + [("correct horse", DONE)] + [("wrong", CREDENTIALS)] * 2:
            self.know(password)
            self.inqueue("load", expect=expect)
        self.assertEqual([2], self.refusals())

    def test_the_other_queues_are_loaded(self):
        self.create_queue(name="first", user="robot@example.com")
        self.file("first.password", "wrong\n")
        for _ in range(3):
            self.inqueue("load", "first", expect=CREDENTIALS)
        self.create_queue()
        self.deliver(*messages(1))
        self.fails(CREDENTIALS, "load", says="load 'first': collecting is stopped")
        self.assert_all_loaded(1)

    def test_watch_and_load_count_together(self):
        self.create_queue()
        self.know("wrong")
        self.inqueue("load", expect=CREDENTIALS)
        self.inqueue("load", expect=CREDENTIALS)
        watcher = self.watch()
        watcher.wait("stopped")
        watcher.stop()
        self.fails(CREDENTIALS, "load", says=STOPPED)
        self.assertEqual(3, self.tries())

    def test_a_load_stops_the_queue_for_a_watch_that_runs(self):
        self.create_queue()
        watcher = self.watch()
        watcher.wait_idle()
        self.know("wrong")
        for _ in range(3):
            self.inqueue("load", expect=CREDENTIALS)
        self.assertRegex(watcher.wait("stopped")["error"], "refused")
        watcher.stop()
        self.assertEqual(1, watcher.count("stopped"))


class NoRefusal(WatchCase):
    """No account gets locked by these: they are tried again, for ever."""

    def goes_on(self, error, class_, mend):
        watcher = self.watch()
        failed = watcher.wait("failed", times=4)
        self.assertRegex(failed["error"], error)
        self.assertEqual(class_, failed["class"])
        mend()
        watcher.wait_idle()
        watcher.stop()
        self.assertEqual(0, watcher.count("refused") + watcher.count("stopped"))

    def command_queue(self, script):
        self.file("answer", f"#!/bin/sh\n{script}\n", mode=0o700)
        self.create_queue()
        self.inqueue("queue", "alter", "invoices", "--password-command", self.folder / "answer")
        return lambda: self.file("answer", "#!/bin/sh\necho correct horse\n", mode=0o700)

    def test_a_password_command_that_fails(self):
        mend = self.command_queue("exit 3")
        for _ in range(4):
            self.fails(CREDENTIALS, "load", says=r"password command '.*' failed \(exit status 3\)")
        self.assertEqual([], self.column("SELECT refusals FROM queue_health"))
        self.goes_on("exit status 3", "credentials", mend)

    def test_a_password_command_that_says_nothing(self):
        self.goes_on("is empty", "credentials", self.command_queue("true"))

    def test_a_password_file_that_is_missing(self):
        self.create_queue()
        (self.folder / "invoices.password").unlink()
        self.goes_on("No such file", "configuration", lambda: self.file("invoices.password", "correct horse\n"))

    def test_a_server_that_asks_for_patience(self):
        for words in [b"[UNAVAILABLE] Temporary authentication failure.", b"[LIMIT] Rate limit hit", b"[INUSE] Busy",
                      b"[ALERT] Too many simultaneous connections. (Failure)", b"Request is throttled."]:
            with self.subTest(words=words), Proxy(self.server.port) as proxy:
                self.create_queue(port=proxy.port)
                self.file("invoices.password", "wrong\n")
                proxy.replace(SERVER, rb"NO \[AUTHENTICATIONFAILED\] Authentication failed\.", b"NO " + words)
                self.fails(TEMPORARY, "load", says="sign-in as .* refused")
                self.assertEqual([], self.column("SELECT refusals FROM queue_health"))
                self.inqueue("queue", "drop", "invoices", "--yes")


if __name__ == "__main__":
    unittest.main()
