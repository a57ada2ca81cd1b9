"""Workers' commands: claim, complete, fail, release, extend, defer."""

import json
import os
import signal
import socket
import unittest

from entries import EntryCase, connect, put
from inqueue import DATA, IO, NO, USAGE

PPOLL = {"x86_64": "271", "aarch64": "73"}.get(os.uname().machine)
STALE = "the token is not that of its lease; worker '.*' has the entry until .*; nothing was changed"


class Claim(EntryCase):
    def test_nothing_to_claim_is_a_no(self):
        result = self.fails(NO, "claim", self.queue, says="queue 'invoices': nothing to claim")
        self.assertEqual("", result.stdout)

    def test_json_has_everything(self):
        entry, = self.put(subject="Größe \"4\"")
        self.attach(entry, invoice_pdf=b"%PDF", list_csv=b"1;2")
        claimed = self.claim("--worker", "ada", "--attachments", self.folder / "files")
        self.assertEqual((entry, "invoices", "claimed", "Größe \"4\"", "Please pay 0.", "ada", 1),
                         tuple(claimed[key] for key in ("id", "queue", "state", "subject", "message_body",
                                                        "lease_owner", "attempt_count")))
        self.assertRegex(claimed["lease_token"], "^[0-9a-f]{32}$")
        self.assertRegex(claimed["lease_until"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        folder = self.folder / "files" / str(entry)
        self.assertEqual([("invoice.pdf", str(folder / "invoice.pdf")), ("list.csv", str(folder / "list.csv"))],
                         [(found["file_name"], found["path"]) for found in claimed["attachments"]])
        self.assertEqual(b"%PDF", (folder / "invoice.pdf").read_bytes())

    def test_people_see_entry_token_and_end(self):
        self.put()
        shown = self.inqueue("claim", self.queue).stdout
        self.assertRegex(shown, r"\Alease token +[0-9a-f]{32}\nid +1\n")
        self.assertRegex(shown, rf"lease owner +{socket.gethostname()}:\d+\nlease until +\d{{4}}-")

    def test_order_is_priority_due_time_id(self):
        late, = self.put()
        first, second = self.put(2)
        high, = self.put(priority=3)
        self.change("UPDATE entry_status SET next_attempt_at = '2026-02-01T00:00:00.000Z' WHERE id = ?", late)
        order = [self.claim()["id"] for _ in range(4)]
        self.assertEqual([high, first, second, late], order)

    def test_count_claims_several_with_one_token(self):
        self.put(3)
        lines = self.json_lines("claim", self.queue, "--count", "2", "--json")
        self.assertEqual([1, 2], [line["id"] for line in lines])
        self.assertEqual(1, len({line["lease_token"] for line in lines}))
        self.inqueue("complete", 1, 2, "--token", lines[0]["lease_token"])
        self.assertEqual(["done", "done", "new"], self.states())

    def test_filters(self):
        self.put(subject="Invoice", sender="ann@example.com")
        self.put(subject="Order", sender="bob@example.com")
        self.put(subject="Order", sender="ann@example.com")
        self.inqueue("tag", 1, "--add", "urgent")
        self.fails(NO, "claim", self.queue, "--sender", "carl")
        self.assertEqual(3, self.claim("--sender", "ANN@", "--subject", "order")["id"])
        self.assertEqual(1, self.claim("--tag", "urgent")["id"])
        self.fails(NO, "claim", self.queue, "--tag", "urgent")

    def test_entries_of_other_states_and_queues_are_left_alone(self):
        self.define("orders")
        self.put(queue="orders")
        held, bad = self.put(2)
        self.inqueue("hold", held)
        self.change("UPDATE entry_status SET state = 'bad', error_kind = 'load', error_text = 'x' WHERE id = ?", bad)
        self.fails(NO, "claim", self.queue)

    def test_ended_lease_can_be_claimed_again_and_its_token_is_stale(self):
        self.put()
        first = self.claim("--lease", "1ms", "--worker", "ada")
        second = self.claim("--wait", "10s")
        self.assertEqual((1, 2), (second["id"], second["attempt_count"]))
        token = first["lease_token"]
        self.fails(NO, "complete", 1, "--token", token, says=STALE)
        self.fails(NO, "release", 1, "--token", token, says=STALE)
        self.fails(NO, "extend", 1, "--token", token, says=STALE)
        self.fails(NO, "defer", 1, "--token", token, "--until", "1h", says=STALE)
        self.fails(NO, "fail", 1, "--token", token, "--business", "--reason", "x", says=STALE)
        self.assertEqual(["loaded", "claimed", "expired", "claimed"], self.history(1))
        self.inqueue("complete", 1, "--token", second["lease_token"])
        self.fails(NO, "complete", 1, "--token", second["lease_token"], says="the entry is done")

    def test_claim_of_another_entry_leaves_the_token_of_an_ended_lease_good(self):
        self.put(3)
        self.inqueue("hold", 1, 3)
        first = self.claim("--lease", "1ms", "--worker", "ada")
        self.inqueue("priority", 3, "--to", "1")
        self.inqueue("unhold", 3)
        self.assertEqual(3, self.claim("--worker", "bob")["id"])
        self.inqueue("complete", 2, "--token", first["lease_token"])
        self.assertEqual(["loaded", "claimed", "completed"], self.history(2))

    def test_filtered_claims_have_ended_leases_too(self):
        self.put(subject="Invoice")
        self.put(subject="Order")
        self.inqueue("claim", self.queue, "--lease", "1ms", "--count", "2")
        self.fails(NO, "claim", self.queue, "--subject", "reminder")
        claimed = self.claim("--subject", "order")
        self.assertEqual((2, 2), (claimed["id"], claimed["attempt_count"]))
        self.assertEqual(["claimed", "claimed"], self.states())

    def test_status_tells_ended_leases_from_others(self):
        self.put(2)
        self.claim("--lease", "1ms")
        self.change("UPDATE entry_status SET lease_until = '2026-02-01T00:00:00.000Z',"
                    " last_attempt_at = '2026-01-31T23:00:00.000Z' WHERE state = 'claimed'")
        status = self.inqueue("status", "--json").json()
        self.assertEqual((1, 0, 1), (status["new"], status["claimed"], status["expired"]))

    def test_claim_that_cannot_be_printed_is_given_back(self):
        self.put()
        self.inqueue("claim", self.queue, "--json", wrap=["sh", "-c", '"$@" >/dev/full', "sh"], expect=IO)
        self.assertEqual(("new", ["loaded", "claimed", "released"]), (self.state(1), self.history(1)))

    def test_wrong_use(self):
        for arguments in (["claim", self.queue, "--lease", "soon"], ["claim", self.queue, "--count", "0"],
                          ["complete", "1"], ["complete", "x", "--token", "t"],
                          ["fail", "1", "--token", "t", "--reason", "x"],
                          ["fail", "1", "--token", "t", "--business", "--application", "--reason", "x"],
                          ["fail", "1", "--token", "t", "--business"], ["defer", "1", "--token", "t"],
                          ["defer", "1", "--token", "t", "--until", "tomorrow"]):
            with self.subTest(arguments=arguments):
                self.fails(USAGE, *arguments)
        self.fails(NO, "claim", "nothing", says="there is no queue 'nothing'")
        self.fails(NO, "complete", 7, "--token", "t", says="there is no entry 7")


class Result(EntryCase):
    """What a worker says beside the end of its work."""

    def complete(self, *options, **more):
        claimed = self.claim("--worker", "ada")
        return self.inqueue("complete", claimed["id"], "--token", claimed["lease_token"], *options, **more)

    def shown(self):
        return json.loads(self.inqueue("show", 1, "--json").stdout)

    def test_output_is_kept_and_shown(self):
        self.put()
        self.complete("--output", '{"invoice": 12345678901234567890,\n"sum": 1.10}')
        shown = self.inqueue("show", 1, "--json").stdout
        self.assertIn('"output":{"invoice": 12345678901234567890, "sum": 1.10}', shown)
        self.assertEqual(shown, self.inqueue("export", "--json").stdout)
        self.assertRegex(self.inqueue("show", 1).stdout, r"(?m)^output +.*12345678901234567890")
        self.assertRegex(self.inqueue("history", 1).stdout, r"note +claimed +ada +output +46 bytes\n")
        self.assertIsNotNone(json.loads(self.inqueue("list", "--json").stdout)["output_at"])
        self.assertEqual("done", self.state(1))

    def test_output_out_of_a_file_is_json_of_at_most_1_mib(self):
        self.put(2)
        self.complete("--output-file", self.file("out.json", json.dumps("x" * (1024 * 1024 - 2))))
        self.assertEqual(1024 * 1024 - 2, len(self.shown()["output"]))
        for text, says in [(json.dumps("x" * (1024 * 1024 - 1)), "--output-file takes at most 1 MiB"),
                           ('{"a": }', "--output-file is no JSON: line 1, column 7"), ("", "is no JSON"), ("1\0", "it has a NUL byte")]:
            with self.subTest(says):
                claimed = json.loads(self.inqueue("claim", self.queue, "--json").stdout)
                self.assertIn(says, self.inqueue("complete", claimed["id"], "--token", claimed["lease_token"], "--output-file",
                                                 self.file("bad.json", text), expect=DATA).stderr)
                self.inqueue("release", claimed["id"], "--token", claimed["lease_token"])
        self.assertEqual(["done", "new"], self.states())
        self.complete("--output", "1", "--output-file", self.file("x", "1"), expect=USAGE)

    def test_a_stale_token_keeps_nothing(self):
        self.put()
        self.claim()
        self.inqueue("complete", 1, "--token", "x", "--output", "1", expect=NO)
        self.inqueue("progress", 1, "half", "--token", "x", expect=NO)
        self.assertEqual([], self.sql("SELECT * FROM entry_result"))

    def test_progress_is_the_last_that_was_said(self):
        self.put()
        token = self.claim("--worker", "ada")["lease_token"]
        for text in ["1 of 2 pages", "2 of 2 pages"]:
            self.inqueue("progress", 1, text, "--token", token)
        self.assertEqual("2 of 2 pages", self.shown()["progress"])
        self.assertRegex(self.inqueue("show", 1).stdout, r"(?m)^progress +\d{4}-\S+.*: 2 of 2 pages$")
        self.assertRegex(self.inqueue("history", 1).stdout, r"note +claimed +ada +progress +1 of 2 pages\n")
        for text in ["", "two\nlines", "x" * 1001]:
            self.inqueue("progress", 1, text, "--token", token, expect=USAGE)
        self.inqueue("progress", 1, "x", expect=USAGE)

    def test_the_reply_is_in_the_json(self):
        self.put()
        self.change("UPDATE entry_mail SET reply_plain = 'Yes.'")
        self.assertEqual("Yes.", self.claim()["reply_plain"])


class Settle(EntryCase):
    def setUp(self):
        super().setUp()
        self.put()

    def test_application_failures_are_retried_then_final(self):
        for attempt in (1, 2):
            token = self.claim()["lease_token"]
            told = self.inqueue("fail", 1, "--token", token, "--application", "--reason", "no reply")
            self.assertRegex(told.stdout, r"^to be tried again at 2")
            self.assertEqual(("new", attempt), self.sql("SELECT state, attempt_count FROM entry")[0])
        token = self.claim()["lease_token"]
        told = self.inqueue("fail", 1, "--token", token, "--application", "--reason", "no reply", "--json").json()
        self.assertEqual({"final": True, "next_attempt_at": None}, told)
        self.assertEqual([("failed", "application", "no reply")],
                         self.sql("SELECT state, error_kind, error_text FROM entry"))

    def test_attempts_and_delay_are_the_queues(self):
        self.inqueue("queue", "alter", self.queue, "--max-attempts", "1000", "--retry-delay", "1h")
        token = self.claim()["lease_token"]
        self.inqueue("fail", 1, "--token", token, "--application", "--reason", "no reply")
        minutes = self.column("SELECT (julianday(next_attempt_at) - julianday(last_attempt_at)) * 1440 FROM entry")[0]
        self.assertTrue(44 < minutes < 76, minutes)
        self.fails(NO, "claim", self.queue)

    def test_business_failure_is_final(self):
        token = self.claim()["lease_token"]
        told = self.inqueue("fail", 1, "--token", token, "--business", "--reason", "no such customer")
        self.assertEqual("failed for good\n", told.stdout)
        self.assertEqual([("failed", "business", "no such customer")],
                         self.sql("SELECT state, error_kind, error_text FROM entry"))
        self.fails(NO, "claim", self.queue)

    def test_release_gives_back_at_once(self):
        token = self.claim("--worker", "ada")["lease_token"]
        self.inqueue("release", 1, "--token", token, "--reason", "wrong desk")
        self.assertEqual([("released", "ada", "wrong desk")],
                         self.sql("SELECT change, who, why FROM history ORDER BY number DESC LIMIT 1"))
        self.assertEqual(1, self.claim()["attempt_count"])

    def test_extend_moves_the_end(self):
        claimed = self.claim("--lease", "1m")
        self.inqueue("extend", 1, "--token", claimed["lease_token"], "--lease", "1d")
        self.assertGreater(self.column("SELECT lease_until FROM entry")[0], claimed["lease_until"])

    def test_defer_until_a_time(self):
        token = self.claim()["lease_token"]
        self.inqueue("defer", 1, "--token", token, "--until", "2126-01-31T12:00:00Z")
        self.assertEqual([("new", "2126-01-31T12:00:00.000Z", 0)],
                         self.sql("SELECT state, next_attempt_at, attempt_count FROM entry"))
        self.fails(NO, "claim", self.queue)

    def test_several_or_none(self):
        self.put()
        token = self.claim()["lease_token"]
        self.claim()
        self.fails(NO, "complete", 1, 2, "--token", token, says="entry 2: the token is not that of its lease")
        self.assertEqual(["claimed", "claimed"], self.states())


class Wait(EntryCase):
    """Waiting workers cost nothing, and are woken by what happens."""

    def waiting(self, *options):
        process = self.start("claim", self.queue, "--json", "--wait", "60s", *options)
        self.await_sleep(process)
        return process

    def await_sleep(self, process):
        """Until it waits for the database to change."""
        while "ppoll" not in _wait_channel(process.pid):
            self.assertIsNone(process.poll())
            os.sched_yield()

    def test_new_entry_wakes_a_worker(self):
        process = self.waiting()
        self.put()
        self.assertEqual(1, json.loads(self.finish(process).stdout)["id"])

    def test_each_entry_wakes_one_of_many(self):
        workers = [self.waiting() for _ in range(4)]
        with connect(self.database) as database:
            for _ in workers:
                put(database, self.queue)
        claimed = [json.loads(self.finish(worker).stdout)["id"] for worker in workers]
        self.assertEqual([1, 2, 3, 4], sorted(claimed))

    def test_end_of_a_lease_wakes_a_worker(self):
        self.put()
        self.claim("--lease", "1500ms")
        second = self.claim("--wait", "60s")
        late_ms = self.column("SELECT (julianday(b.at) - julianday(a.at)) * 86400000 FROM entry_event a"
                              " JOIN entry_event b ON b.number = 3 WHERE a.number = 1")[0] - 1500
        self.assertEqual(2, second["attempt_count"])
        self.assertGreaterEqual(late_ms, 0)

    def test_due_time_wakes_a_worker(self):
        self.put()
        token = self.claim()["lease_token"]
        self.inqueue("defer", 1, "--token", token, "--until", "1s")
        self.assertEqual(1, self.claim("--wait", "60s")["id"])

    def test_unhold_wakes_a_worker(self):
        self.put()
        self.inqueue("hold", 1)
        process = self.waiting()
        self.inqueue("unhold", 1)
        self.finish(process)

    def test_waiting_ends(self):
        self.fails(NO, "claim", self.queue, "--wait", "200ms", says="nothing to claim")

    def test_waiting_ends_with_a_signal(self):
        process = self.waiting()
        process.send_signal(signal.SIGTERM)
        self.finish(process, expect=NO)

    def test_waiting_takes_no_time_of_the_processor(self):
        process = self.start("claim", self.queue, "--wait", "2s")
        self.await_sleep(process)
        before = _ticks(process.pid)
        after = before
        while process.poll() is None:
            with open(f"/proc/{process.pid}/stat", encoding="ascii") as stat:
                after = _ticks_of(stat.read()) or after
            try:
                os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            except ChildProcessError:
                break
        self.finish(process, expect=NO)
        self.assertLessEqual(after - before, 5)


def _wait_channel(process_id):
    """The name of the system call it sleeps in, or nothing."""
    with open(f"/proc/{process_id}/syscall", encoding="ascii") as call:
        number = call.read().split()[0]
    return "ppoll" if number == PPOLL else number


def _ticks_of(stat):
    fields = stat.rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _ticks(process_id):
    with open(f"/proc/{process_id}/stat", encoding="ascii") as stat:
        return _ticks_of(stat.read())


if __name__ == "__main__":
    unittest.main()
