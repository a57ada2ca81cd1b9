"""`work`: a command for each entry of a queue."""

import json
import os
import pathlib
import shutil
import signal
import unittest

import processes
from inqueue import NO, USAGE
from work_case import WorkCase


class Exit(WorkCase):
    """The exit status says what becomes of the entry."""

    def test_0_completes(self):
        self.put(3)
        self.assertEqual(("", ""), self.work("exit 0")[1:])
        self.assertEqual(["done"] * 3, self.states())
        self.assertEqual(["loaded", "claimed", "completed"], self.history(1))

    def test_65_is_a_business_failure(self):
        self.put()
        told = self.work("echo no such customer >&2; exit 65").stderr
        self.assertIn("no such customer\n", told)
        self.assertIn("inqueue: entry 1: business failure: exit status 65: no such customer\n", told)
        self.assertEqual([("failed", "business", "exit status 65: no such customer", 1)], self.outcome())

    def test_75_gives_back_without_counting(self):
        self.inqueue("queue", "alter", self.queue, "--retry-delay", "1h")
        self.put()
        told = self.work("echo closed >&2; exit 75").stderr
        self.assertRegex(told, "entry 1: deferred, to be tried again at .*: exit status 75: closed\n")
        self.assertEqual([("new", None, None, 0)], self.outcome())
        self.assertEqual(["loaded", "claimed", "deferred"], self.history(1))

    def test_others_are_application_failures_until_attempts_are_used_up(self):
        self.put()
        self.work("for n in 1 2 3; do echo line $n >&2; done; exit 3")
        self.assertEqual([("failed", "application", "exit status 3: line 1\nline 2\nline 3", 3)], self.outcome())
        self.assertEqual(["loaded"] + ["claimed", "failed"] * 3, self.history(1))

    def test_death_by_a_signal_is_an_application_failure(self):
        self.put()
        self.work("kill -9 $$")
        self.assertEqual([("failed", "application", "ended by signal 9", 3)], self.outcome())

    def test_only_the_last_lines_are_the_reason(self):
        self.put()
        self.inqueue("queue", "alter", self.queue, "--max-attempts", "1")
        self.work("i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i + 1)); done >&2; printf '\\033[1m\\377' >&2;"
                  " exit 1")
        reason = self.outcome()[0][2]
        self.assertTrue(reason.endswith("line 2998\nline 2999\n [1m\ufffd"), reason[-40:])
        self.assertLess(len(reason), 2100)

    def test_command_that_takes_too_long_is_ended(self):
        self.put()
        self.inqueue("queue", "alter", self.queue, "--max-attempts", "1")
        self.work("echo started >&2; sleep 600", "--timeout", "1s")
        self.assertEqual([("failed", "application", "timed out after 1 s: started", 1)], self.outcome())

    def test_json_tells_each_outcome(self):
        self.put(2)
        told = self.work('[ "$INQUEUE_ENTRY_ID" = 1 ] || exit 65', "--json").stdout
        self.assertEqual([(1, "completed", None), (2, "business failure", "exit status 65")],
                         [(line["id"], line["outcome"], line["reason"]) for line in map(json.loads, told.splitlines())])


class Output(WorkCase):
    """What the command writes, where the operator wants to keep it."""

    def kept(self, text):
        self.put()
        self.work(text, "--output")
        return [None if output is None else json.loads(output) for output, in self.sql("SELECT output FROM entry ORDER BY id DESC LIMIT 1")][0]

    def test_json_is_kept_as_it_is_and_text_as_a_string(self):
        self.assertEqual({"booked": [1, 2]}, self.kept("""echo '{"booked": [1, 2]}'"""))
        self.assertEqual("two\nlines \ufffd\n", self.kept(r"printf 'two\nlines \377\n'"))
        self.assertIsNone(self.kept("exit 0"))
        self.assertIsNone(self.kept("echo no; exit 65"))

    def test_too_much_is_a_failure(self):
        self.inqueue("queue", "alter", self.queue, "--max-attempts", "1")
        self.assertIsNone(self.kept("head -c 1048577 /dev/zero | tr '\\0' 1"))
        self.assertEqual([("failed", "application", "its output is longer than 1 MiB", 1)], self.outcome())

    def test_the_token_is_not_in_it(self):
        self.assertNotRegex(self.kept("env"), "INQUEUE_TOKEN=[0-9a-f]")

    def test_without_the_option_it_is_ours(self):
        self.put()
        self.assertEqual("1\n", self.work("echo 1").stdout)
        self.assertEqual([], self.sql("SELECT * FROM entry_result"))


class Input(WorkCase):
    def test_command_gets_entry_attachments_and_environment(self):
        entry, = self.put(subject="Größe")
        self.attach(entry, invoice_pdf=b"%PDF")
        out = self.folder / "out"
        out.mkdir()
        self.work(f'cat >{out}/stdin; cp "$INQUEUE_ENTRY_FILE" {out}/file; cp "$INQUEUE_ATTACHMENTS"/* {out}/;'
                  f' env | grep ^INQUEUE_ >{out}/environment; mkdir "$INQUEUE_ATTACHMENTS/more"; pwd >{out}/folder',
                  "--worker", "ada")
        given = json.loads((out / "stdin").read_text(encoding="utf-8"))
        self.assertEqual(given, json.loads((out / "file").read_text(encoding="utf-8")))
        self.assertEqual(("Größe", "Please pay 0.", "invoice.pdf"),
                         (given["subject"], given["message_body"], pathlib.Path(given["attachments"][0]["path"]).name))
        self.assertEqual(b"%PDF", (out / "invoice.pdf").read_bytes())
        environment = dict(line.split("=", 1) for line in (out / "environment").read_text().splitlines())
        self.assertEqual(("1", "1", "invoices", "ada", str(self.database), given["lease_token"]),
                         tuple(environment["INQUEUE_" + name] for name in
                               ("ENTRY_ID", "ATTEMPT", "QUEUE", "WORKER", "DATABASE", "TOKEN")))
        self.assertEqual(str(self.folder), (out / "folder").read_text().strip())

    def test_files_are_private(self):
        self.put()
        self.work(f'stat -c %a "$(dirname "$INQUEUE_ENTRY_FILE")" >{self.folder}/mode')
        self.assertEqual("700\n", (self.folder / "mode").read_text())

    def test_command_may_finish_the_entry_itself(self):
        self.put()
        told = self.work('"$PROGRAM" defer "$INQUEUE_ENTRY_ID" --token "$INQUEUE_TOKEN" --until 1d',
                         env={"PROGRAM": os.environ.get("INQUEUE", "inqueue")}).stderr
        self.assertIn("entry 1: lost: entry 1: the lease of this token is over, the entry is new", told)
        self.assertEqual(["loaded", "claimed", "deferred"], self.history(1))

    def test_arguments_are_passed_on(self):
        self.put()
        self.inqueue("work", self.queue, "--until-empty", "--", self.script('printf "%s|" "$@"'), "--json", "a b", "-x")
        self.assertEqual(["done"], self.states())

    def test_filters(self):
        self.put(subject="Invoice")
        self.put(subject="Order")
        self.work("exit 0", "--subject", "order")
        self.assertEqual(["new", "done"], self.states())

    def test_command_that_is_not_there_is_said_before_anything_is_claimed(self):
        self.put()
        self.fails(USAGE, "work", self.queue, "--until-empty", "--", "/nowhere/command",
                   says="no command '/nowhere/command'")
        self.assertEqual(["loaded"], self.history(1))
        self.fails(NO, "work", "nothing", "--", "true", says="there is no queue 'nothing'")

    def test_entry_that_cannot_be_written_to_files_is_given_back(self):
        self.put()
        self.fails(74, "work", self.queue, "--until-empty", "--", "true", env={"TMPDIR": "/nowhere"},
                   says="work 'invoices': entry 1: temporary folder")
        self.assertEqual(["loaded", "claimed", "released"], self.history(1))


class Loop(WorkCase):
    def test_several_at_once(self):
        self.put(3)
        gate = self.fifo("gate")
        process = self.start("work", self.queue, "--until-empty", "--concurrency", "3", "--", self.script("cat gate"))
        self.wait_for_children(process, 3)
        self.open_until(gate, lambda: process.poll() is not None)
        self.finish(process)
        self.assertEqual(["done"] * 3, self.states())

    def test_lease_is_extended_while_the_command_runs(self):
        self.put()
        gate = self.fifo("gate")
        process = self.start("work", self.queue, "--until-empty", "--lease", "600ms", "--", self.script("cat gate"))
        while self.history(1).count("extended") < 4:
            self.assertIsNone(process.poll())
        self.fails(NO, "claim", self.queue)
        gate.write_text("")
        self.finish(process)
        self.assertEqual([("done", 1)], self.sql("SELECT state, attempt_count FROM entry"))

    def test_killed_worker_takes_its_command_along_and_leaves_the_entry_to_the_next(self):
        self.put()
        self.fifo("gate")
        process = self.start("work", self.queue, "--lease", "1500ms", "--", self.script("exec cat gate"))
        self.wait_for_children(process, 1)
        command = int(self.children(process)[0])
        process.kill()
        process.communicate()
        self.assertTrue(processes.await_exit(command, 10))
        self.assertEqual(2, self.claim("--wait", "10s")["attempt_count"])
        late_ms = self.column("SELECT (julianday(at) - julianday((SELECT max(lease) FROM (SELECT detail AS lease"
                              " FROM entry_event WHERE change = 'extended' UNION ALL SELECT strftime("
                              "'%Y-%m-%dT%H:%M:%fZ', at, '+1.5 seconds') FROM entry_event WHERE number = 1)))) * 86400000"
                              " FROM entry_event WHERE change = 'expired'")[0]
        self.assertTrue(-1 <= late_ms < 1000, late_ms)
        # What the worker would have deleted.
        for path in self.temporary.glob("inqueue-entry-1-*"):
            shutil.rmtree(path)

    def test_lost_lease_ends_the_command(self):
        self.put()
        self.fifo("gate")
        process = self.start("work", self.queue, "--until-empty", "--lease", "1500ms", "--",
                             self.script("exec cat gate"))
        self.wait_for_children(process, 1)
        self.change("UPDATE entry_status SET state = 'done', lease_owner = NULL, lease_token = NULL, lease_until = NULL")
        told = self.finish(process).stderr
        self.assertIn("entry 1: lost: ended by signal 15", told)
        self.assertEqual(["done"], self.states())

    def test_worker_waits_for_entries_until_it_is_told_to_stop(self):
        process = self.start("work", self.queue, "--", self.script('echo "$INQUEUE_ENTRY_ID" >>done'))
        for number in (1, 2):
            self.put()
            while self.states() != ["done"] * number:
                self.assertIsNone(process.poll())
        process.send_signal(signal.SIGTERM)
        self.finish(process)
        self.assertEqual("1\n2\n", (self.folder / "done").read_text())

    def test_stopped_worker_finishes_what_it_has(self):
        self.put(2)
        gate = self.fifo("gate")
        process = self.start("work", self.queue, "--", self.script("cat gate"))
        self.wait_for_children(process, 1)
        process.send_signal(signal.SIGINT)
        gate.write_text("")
        self.finish(process)
        self.assertEqual(["done", "new"], self.states())

    def test_what_a_command_leaves_running_is_ended(self):
        self.put()
        self.work("sleep 600 & exit 0")
        self.assertEqual(["done"], self.states())

    def test_many_workers_share_a_queue(self):
        self.put(60)
        script = self.script("exit 0")
        workers = [self.start("work", self.queue, "--until-empty", "--concurrency", "2", "--", script)
                   for _ in range(4)]
        for worker in workers:
            self.finish(worker)
        self.assertEqual([("completed", 60)], self.sql("SELECT change, count(*) FROM entry_event"
                                                      " WHERE change <> 'claimed' GROUP BY change"))


if __name__ == "__main__":
    unittest.main()
