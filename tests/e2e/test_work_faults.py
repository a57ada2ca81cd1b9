"""`work` when something is in the way: a locked database, a command that cannot start, a wish to stop, a full disk."""

import contextlib
import os
import select
import signal
import unittest

from entries import connect
from inqueue import IO, TEMPORARY, USAGE
from work_case import WorkCase

LOCKED = "the database is kept locked by another process"


class FaultCase(WorkCase):
    def setUp(self):
        super().setUp()
        self.inqueue("queue", "alter", self.queue, "--max-attempts", "1")

    def running(self, count, *options, script="exec cat gate"):
        """A worker that has started `count` commands."""
        self.put(count)
        process = self.start("work", self.queue, "--until-empty", "--concurrency", count, *options, "--",
                             self.script(script))
        self.wait_for_children(process, count)
        return process

    def await_words(self, process, words):
        """Reads the worker's standard error up to these words; all that came, for the end."""
        said = b""
        while words.encode() not in said:
            ready, _, _ = select.select([process.stderr], [], [], 100)
            self.assertTrue(ready, said)
            piece = os.read(process.stderr.fileno(), 4096)
            self.assertTrue(piece, said)
            said += piece
        return said.decode()

    @contextlib.contextmanager
    def locked(self):
        """The database, while nobody else can write to it."""
        with contextlib.closing(connect(self.database)) as database:
            database.execute("BEGIN IMMEDIATE")
            yield database
            database.execute("COMMIT")


class Busy(FaultCase):
    def test_results_wait_in_memory(self):
        gate = self.fifo("gate")
        process = self.running(2)
        with self.locked():
            self.open_until(gate, lambda: not self.children(process))
            said = self.await_words(process, LOCKED)
            self.assertEqual(["claimed", "claimed"], self.states())
        told = self.finish(process)
        self.assertEqual("", told.stdout)
        self.assertRegex(said + told.stderr, rf"\Ainqueue: work 'invoices': {LOCKED}.*\n"
                         r"inqueue: work 'invoices': the database is free again\n\Z")
        for entry in (1, 2):
            self.assertEqual(["loaded", "claimed", "completed"], self.history(entry))

    def test_time_limit_goes_on(self):
        self.fifo("gate")
        process = self.running(1, "--timeout", "1s")
        with self.locked():
            self.wait_for_children(process, 0)
        self.finish(process)
        self.assertEqual([("failed", "application", "timed out after 1 s", 1)], self.outcome())

    def await_end_of_lease(self, database):
        ended = "SELECT count(*) FROM entry_status WHERE lease_until <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
        while database.execute(ended).fetchone() != (1,):
            os.sched_yield()

    def test_lease_that_has_ended_meanwhile_is_still_good(self):
        gate = self.fifo("gate")
        process = self.running(1, "--lease", "1s")
        with self.locked() as database:
            self.await_end_of_lease(database)
            self.open_until(gate, lambda: not self.children(process))
        self.finish(process)
        self.assertEqual(["done"], self.states())
        self.assertEqual(1, self.history(1).count("claimed"))

    def test_lease_is_extended_as_soon_as_that_is_possible(self):
        gate = self.fifo("gate")
        process = self.running(1, "--lease", "1s")
        with self.locked() as database:
            self.await_end_of_lease(database)
            extended = database.execute("SELECT count(*) FROM entry_event WHERE change = 'extended'").fetchone()[0]
        while self.history(1).count("extended") <= extended:
            self.assertIsNone(process.poll())
        self.open_until(gate, lambda: process.poll() is not None)
        self.finish(process)
        self.assertEqual([("done", None, None, 1)], self.outcome())

    def test_entry_that_somebody_else_has_claimed_meanwhile_is_his(self):
        self.inqueue("queue", "alter", self.queue, "--max-attempts", "2")
        gate = self.fifo("gate")
        process = self.running(1, "--lease", "1s")
        with self.locked() as database:
            self.await_end_of_lease(database)
            self.open_until(gate, lambda: not self.children(process))
            database.execute("UPDATE entry_status SET lease_owner = 'bob', lease_token = 'his',"
                             " lease_until = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+1 hour'),"
                             " last_attempt_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), attempt_count = 2")
        process.send_signal(signal.SIGTERM)
        told = self.finish(process).stderr
        self.assertIn("entry 1: lost: entry 1: the token is not that of its lease; worker 'bob' has the entry", told)
        self.assertEqual(["bob"], self.column("SELECT lease_owner FROM entry"))

    def test_lock_before_anything_was_claimed_is_waited_for(self):
        process = self.start("work", self.queue, "--until-empty", "--", self.script("exit 0"))
        process.communicate()
        self.assertEqual(0, process.returncode)
        process = self.start("work", self.queue, "--", self.script("exit 0"))
        self.put()
        while self.states() != ["done"]:
            self.assertIsNone(process.poll())
        with self.locked() as database:
            database.execute("UPDATE entry_status SET state = 'new'")
            os.utime(self.database)
            self.assertIsNone(process.poll())
        while self.history(1).count("completed") < 2:
            self.assertIsNone(process.poll())
        process.send_signal(signal.SIGTERM)
        self.finish(process)


class Stop(FaultCase):
    def history_of_release(self):
        self.assertEqual([("new", None, None, 0)] * len(self.states()), self.outcome())
        return self.column("SELECT why FROM history WHERE change = 'released' ORDER BY why")

    def await_file(self, name, process):
        while not (self.folder / name).exists():
            self.assertIsNone(process.poll())
            os.sched_yield()

    def test_second_signal_ends_commands_and_gives_entries_back(self):
        self.fifo("gate")
        process = self.running(2)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        self.finish(process)
        self.assertEqual(["the worker was stopped: ended by signal 15"] * 2, self.history_of_release())

    def test_after_the_grace_commands_are_ended(self):
        self.fifo("gate")
        process = self.running(1, "--grace", "200ms")
        process.send_signal(signal.SIGTERM)
        self.finish(process)
        self.assertEqual(["the worker was stopped: ended by signal 15"], self.history_of_release())

    def test_command_that_finishes_when_it_is_told_to_end_has_a_result(self):
        process = self.running(1, "--grace", "0",
                               script="trap 'exit 65' TERM\n: >ready\nwhile :; do sleep 600 & wait $! 2>&-; done")
        self.await_file("ready", process)
        process.send_signal(signal.SIGTERM)
        self.finish(process)
        self.assertEqual([("failed", "business", 1)], self.sql("SELECT state, error_kind, attempt_count FROM entry"))

    def test_command_that_does_not_end_is_killed(self):
        process = self.running(1, "--grace", "0", script="trap '' TERM\n: >ready\nwhile :; do sleep 600; done")
        self.await_file("ready", process)
        process.send_signal(signal.SIGTERM)
        self.finish(process)
        self.assertEqual(["the worker was stopped: ended by signal 9"], self.history_of_release())

    def test_results_are_stored_though_the_database_is_locked_when_it_ends(self):
        gate = self.fifo("gate")
        process = self.running(1)
        with self.locked():
            self.open_until(gate, lambda: not self.children(process))
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGINT)
            said = self.await_words(process, LOCKED)
        self.assertIn(LOCKED, said)
        self.finish(process)
        self.assertEqual(["done"], self.states())

    def test_result_that_cannot_be_stored_to_the_end_is_said(self):
        gate = self.fifo("gate")
        process = self.running(1)
        with self.locked():
            self.open_until(gate, lambda: not self.children(process))
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGINT)
            told = self.finish(process, expect=TEMPORARY).stderr
        self.assertIn("entry 1: its result (completed) could not be stored, and is lost when the lease ends", told)
        self.assertEqual(["claimed"], self.states())

    def test_what_goes_wrong_ends_the_others_in_order(self):
        self.fifo("gate")
        self.put()
        process = self.start("work", self.queue, "--concurrency", "2", "--",
                             self.script(": >ready; exec cat gate"))
        self.await_file("ready", process)
        (self.folder / "command").rename(self.folder / "elsewhere")
        self.put()
        told = self.finish(process, expect=USAGE).stderr
        self.assertRegex(told, "work 'invoices': there is no command '.*/command': No such file or directory\n\\Z")
        stopped, refused = self.history_of_release()
        self.assertEqual("the worker was stopped: ended by signal 15", stopped)
        self.assertIn("there is no command", refused)


class Start(FaultCase):
    """A command that cannot start uses up no attempt."""

    def refused(self, path, says):
        self.fails(USAGE, "work", self.queue, "--until-empty", "--", path, says=says)
        self.assertEqual(["loaded"], self.history(1))

    def test_reasons_are_told_apart(self):
        self.put()
        nowhere = self.folder / "nowhere"
        script = self.folder / "script"
        self.refused(nowhere, f"there is no command '{nowhere}': No such file or directory")
        self.refused("no-such-command-anywhere", "there is no command 'no-such-command-anywhere' in PATH")
        self.refused(self.folder, f"the command '{self.folder}' is a folder")
        self.file("script", "#!/bin/sh\n", mode=0o600)
        self.refused(script, f"the command '{script}' has no execute permission .*: chmod \\+x '{script}'")
        for line, says in (("#!/bin/sh\r\n", r"first line ends with CR, so that its interpreter would be '/bin/sh\\r': "
                            r"sed -i 's/\\r\$//' '.*/script'"),
                           ("#!/usr/bin/env python3\r\nprint()\r\n", r"first line ends with CR, .*'python3\\r'"),
                           ("#! /opt/no/perl -w\n", "there is no interpreter '/opt/no/perl': No such file"),
                           (f"#!{self.folder}\n", "the interpreter '.*' is a folder"),
                           ("#!/usr/bin/env no-such-language\n", "its interpreter 'no-such-language' is not in PATH"),
                           ("#!/usr/bin/env -S A=1 no-such-language -x\n", "'no-such-language' is not in PATH")):
            with self.subTest(line=line):
                self.file("script", line, mode=0o700)
                self.refused(script, says)

    def test_what_starts_is_not_refused(self):
        for line in ("#!/usr/bin/env -S A=1 sh\n", "#! /bin/sh -e\n", "exit 0\n"):
            with self.subTest(line=line):
                self.put()
                self.inqueue("work", self.queue, "--until-empty", "--", self.file("script", line, mode=0o700))
        self.assertEqual(["done"] * 3, self.states())

    def test_command_that_breaks_while_others_wait(self):
        """As by a deployment: what only exec finds."""
        self.put(2)
        broken = self.script(f"cp {self.folder}/broken {self.folder}/new; mv {self.folder}/new {self.folder}/command")
        self.file("broken", "#!/bin/sh\r\n", mode=0o700)
        told = self.inqueue("work", self.queue, "--until-empty", "--", broken, expect=USAGE).stderr
        self.assertRegex(told, r"\Ainqueue: work 'invoices': .*its first line ends with CR")
        self.assertEqual([("done", 1), ("new", 0)], self.sql("SELECT state, attempt_count FROM entry ORDER BY id"))
        self.assertEqual(["loaded", "claimed", "released"], self.history(2))


class Files(FaultCase):
    def test_entry_that_cannot_be_written_harms_no_other(self):
        large, _ = self.put(2)
        self.attach(large, a_pdf=os.urandom(2_000_000))
        space = ["unshare", "--mount", *([] if os.getuid() == 0 else ["--map-root-user"]), "sh", "-c",
                 f'mount -t tmpfs -o size=1m none {self.temporary} && exec "$@"', "sh"]
        told = self.inqueue("work", self.queue, "--until-empty", "--", "true", wrap=space).stderr
        self.assertRegex(told, "entry 1: application failure: cannot be written to files: .*No space left on device")
        self.assertEqual(["failed", "done"], self.states())

    def test_where_nothing_can_be_written_no_attempt_is_used_up(self):
        self.put(2)
        told = self.fails(IO, "work", self.queue, "--until-empty", "--", "true", env={"TMPDIR": "/nowhere"}).stderr
        self.assertRegex(told, "work 'invoices': entry [12]: temporary folder")
        self.assertEqual([("new", 0)] * 2, self.sql("SELECT state, attempt_count FROM entry"))


if __name__ == "__main__":
    unittest.main()
