"""Runs of `deliver`: which entries they take, how many at a time, and what they say of them."""

import collections
import contextlib
import signal
import sqlite3
import unittest

import inqueue
from deliveries import DeliverCase
from receiver import Answer


class Attempts(DeliverCase):
    def alter(self, *options):
        self.inqueue("queue", "alter", "invoices", *options)
        return self.column("SELECT max_attempts FROM work_queue")

    def test_those_that_nobody_chose_follow_the_target(self):
        self.create_queue()
        url = "https://app.example.com/mail"
        self.assertEqual([3], self.column("SELECT max_attempts FROM work_queue"))
        self.assertEqual([60], self.alter("--deliver-to", url))
        self.assertEqual([3], self.alter("--deliver-to", ""))
        self.assertEqual([3], self.alter("--deliver-to", url, "--max-attempts", "3"))
        self.assertEqual([3], self.alter("--deliver-to", url + "/2"))
        self.assertEqual([7], self.alter("--max-attempts", "7"))
        self.assertEqual([7], self.alter("--deliver-to", ""))
        self.assertEqual([7], self.alter("--deliver-to", url))


class Runs(DeliverCase):
    def test_queues_without_target_or_paused_are_left_alone(self):
        receiver = self.receiver()
        self.target(receiver.url(), "--paused", "true")
        self.create_queue(name="other", user=self.user)
        self.load()
        self.inqueue("load", "invoices")
        self.assertEqual("", self.inqueue("deliver").stdout)
        self.fails(inqueue.CONFIGURATION, "deliver", "other", says="has no target: .*--deliver-to URL")

    def test_limit_and_connection_reuse(self):
        receiver = self.receiver()
        self.target(receiver.url(), "--deliver-concurrency", "1")
        self.load(*inqueue.messages(5))
        self.inqueue("deliver", "--limit", "3")
        self.assertEqual(["done"] * 3 + ["new"] * 2, self.states())
        self.inqueue("deliver")
        self.assertEqual(5, len(receiver.requests))
        self.assertEqual(2, len({request.connection for request in receiver.requests}), "one connection for each run")
        self.assertEqual(5, len({request.headers["idempotency-key"] for request in receiver.requests}))

    def test_a_run_tries_each_entry_once(self):
        receiver = self.receiver(500)
        self.target(receiver.url(), "--retry-delay", "0")
        self.load(*inqueue.messages(6))
        for run in [1, 2]:
            self.fails(inqueue.TEMPORARY, "deliver", says="6 not delivered, to be tried again: entry .* answered 500")
            self.assertEqual([run] * 6, self.column("SELECT attempt_count FROM entry"))
        self.assertEqual(12, len(receiver.requests))

    def test_what_was_claimed_in_vain_goes_back_untried(self):
        receiver = self.receiver(*[200] * 30, Answer(503, {"Retry-After": "600"}), 200)
        self.target(receiver.url(), "--deliver-concurrency", "1")
        self.load(*inqueue.messages(60))
        self.fails(inqueue.TEMPORARY, "deliver", says="1 not delivered")
        self.assertEqual([("done", 1, 30), ("new", 0, 29), ("new", 1, 1)], self.sql(
            "SELECT state, attempt_count, count(*) FROM entry GROUP BY state, attempt_count ORDER BY 1, 2"))
        self.inqueue("deliver")
        self.assertEqual(60, len(receiver.requests))

    def test_killed_amid_many(self):
        receiver = self.receiver(*[200] * 30, Answer(fault="silent"), 200)
        self.target(receiver.url(), "--deliver-concurrency", "1")
        self.load(*inqueue.messages(60))
        process = self.start("deliver")
        for _ in range(31):
            self.assertTrue(receiver.arrived.acquire(timeout=20))
        process.kill()
        self.finish(process, expect=-signal.SIGKILL)
        receiver.released.set()
        self.inqueue("deliver")
        self.assertEqual(["done"] * 60, self.states())
        keys = collections.Counter(request.headers["idempotency-key"] for request in receiver.requests)
        self.assertEqual(60, len(keys))
        self.assertLessEqual(max(keys.values()), 2)
        # What had an answer for long was written down.
        self.assertLess(sum(keys.values()), 60 + 31)

    def test_an_error_gives_back_what_was_not_posted(self):
        receiver = self.receiver()
        self.target(receiver.url())
        self.load(*inqueue.messages(6))
        self.rename_column("content_id", "hidden_id")
        self.fails(inqueue.SOFTWARE, "deliver", says="deliver 'invoices': .*no such column")
        self.assertEqual([0] * 5, self.column("SELECT attempt_count FROM entry_status WHERE id > 1"))
        self.assertEqual({"new"}, set(self.column("SELECT state FROM entry_status WHERE id > 1")))
        self.rename_column("hidden_id", "content_id")
        self.inqueue("deliver")
        self.assertEqual(["done"] * 6, self.states())
        self.assertEqual(6, len(receiver.requests))

    def rename_column(self, name, to):
        """Of the attachments; in the table alone, since a trigger that is not inqueue's is refused before anything is done."""
        with contextlib.closing(sqlite3.connect(self.database, isolation_level=None)) as database:
            version, = database.execute("PRAGMA schema_version").fetchone()
            database.execute("PRAGMA writable_schema = ON")
            database.execute("UPDATE sqlite_schema SET sql = replace(sql, ?, ?) WHERE type = 'table' AND name = 'attachment'",
                             [name, to])
            database.execute(f"PRAGMA schema_version = {version + 1}")

    def test_several_posts_at_a_time(self):
        receiver = self.receiver(Answer(fault="silent"))
        self.target(receiver.url(), "--deliver-concurrency", "3")
        self.load(*inqueue.messages(4))
        process = self.start("deliver")
        for _ in range(3):
            self.assertTrue(receiver.arrived.acquire(timeout=20))
        self.assertFalse(receiver.arrived.acquire(timeout=0.3), "a fourth at the same time")
        self.fails(inqueue.TEMPORARY, "deliver", says="is being delivered by another process")
        receiver.released.set()
        self.finish(process)
        self.assertEqual(["done"] * 4, self.states())

    def test_two_queues_share_the_places_at_one_server(self):
        receiver = self.receiver(Answer(fault="silent"))
        for name, path in [("invoices", "/mail"), ("orders", "/orders"), ("idle", "/idle")]:
            self.target(receiver.url(path), "--deliver-concurrency", "2", name=name, mailbox="Idle" if name == "idle" else "INBOX")
        for name in ["invoices", "orders"]:
            self.deliver(*inqueue.messages(2))
            self.inqueue("load", name)
        processes = [self.start("deliver", "invoices")]
        for _ in range(2):
            self.assertTrue(receiver.arrived.acquire(timeout=20))
        processes.append(self.start("deliver", "orders"))
        self.assertFalse(receiver.arrived.acquire(timeout=0.5), "a third at the same time")
        # Who has nothing to post does not wait.
        self.inqueue("deliver", "idle")
        receiver.released.set()
        for process in processes:
            self.finish(process)
        self.assertEqual(["done"] * 4, self.states())
        self.assertEqual({"/mail": 2, "/orders": 2}, collections.Counter(request.path for request in receiver.requests))

    def test_two_queues_share_one_target(self):
        receiver = self.receiver()
        self.target(receiver.url())
        self.load()
        self.target(receiver.url(), name="orders", mailbox="DROPBOX", dropbox="Done")
        self.inqueue("load", "orders")
        self.inqueue("deliver")
        self.assertEqual(2, len({request.headers["webhook-id"] for request in receiver.requests}))

    def test_test_posts_a_sample_and_shows_both_sides(self):
        receiver = self.receiver(Answer(200, body=b"thank you\n"))
        self.target(receiver.url())
        shown = self.inqueue("deliver", "--test", "invoices").stdout
        self.assertRegex(shown, r"(?s)> POST /mail HTTP/1.1\n.*\n> It works\.\n.*-\n< HTTP/1.1 200 OK\n.*thank you\n\Z")
        self.assertEqual("It works.", receiver.requests[0].fields()["reply_plain"])
        self.assertEqual([], self.attempts())
        receiver.answers = [404]
        self.fails(inqueue.CONFIGURATION, "deliver", "--test", says="deliver 'invoices': the target answered 404")
        self.fails(inqueue.CONFIGURATION, "queue", "alter", "invoices", "--allow-private", "false", says="allow-private")
        self.execute("UPDATE target SET allow_private = 0")
        result = self.fails(inqueue.UNREACHABLE, "deliver", "--test", says="allow-private")
        self.assertEqual("", result.stdout, "nothing was sent")

    def test_status_list_show_retry(self):
        receiver = self.receiver(Answer(422, body=b"no such customer\n"), 200)
        self.target(receiver.url())
        self.load()
        self.inqueue("deliver")
        self.assertEqual(["failed"], self.states())
        shown = self.json_lines("--json", "delivery", "list", "invoices")
        self.assertEqual([(1, 1, "rejected", 422, "no such customer\n", None)], [
            tuple(row[key] for key in ["entry_id", "attempt", "outcome", "status", "answer", "error"])
            for row in shown])
        self.assertRegex(self.inqueue("delivery", "show", "1").stdout,
                         r"\Aattempt 1  \S+  rejected  \d+ ms  status 422\nanswer:\nno such customer\n\Z")
        self.fails(inqueue.NO, "delivery", "show", "99", says="there is no entry 99")
        self.fails(inqueue.NO, "delivery", "retry", "1", "99", says="there is no entry 99")
        self.assertEqual(["failed"], self.states())
        self.assertEqual("1 entry changed\n", self.inqueue("delivery", "retry", "1").stdout)
        self.assertEqual("0 entries changed\n", self.inqueue("delivery", "retry", "1", expect=inqueue.NO).stdout)
        self.inqueue("deliver")
        self.assertEqual(["done"], self.states())
        keys = {request.headers["idempotency-key"] for request in receiver.requests}
        self.assertEqual(1, len(keys))
        self.assertEqual(["rejected", "delivered"], [row["outcome"] for row in self.json_lines("--json", "delivery", "list")])
        self.assertEqual(["delivered"], [row["outcome"] for row in self.json_lines(
            "--json", "delivery", "list", "--newest", "--limit", "1")])
        self.assertEqual({"delivered": 1, "rejected": 0, "retry": 0, "unreachable": 0, "stopped": None},
                         self.json_lines("--json", "status")[0]["delivery"])

    def test_counts_are_of_entries(self):
        receiver = self.receiver(500, 422, 500, 500, 200)
        self.target(receiver.url(), "--retry-delay", "0", "--deliver-concurrency", "1")
        self.load(*inqueue.messages(3))
        for run, counts in enumerate(["0 delivered, 1 rejected, 2 tried in vain so far",
                                      "1 delivered, 1 rejected, 1 tried in vain so far"], 1):
            self.fails(inqueue.TEMPORARY, "deliver", says=f"{3 - run} not delivered, to be tried again: .* answered 500")
            self.assertIn(f"delivery         {counts}\n", self.inqueue("status", "invoices").stdout)
        self.inqueue("deliver")
        self.assertEqual(6, len(self.attempts()))
        self.assertIn("delivery         2 delivered, 1 rejected, 0 tried in vain so far\n",
                      self.inqueue("status", "invoices").stdout)
        self.assertEqual([(2, 1, 0, 0)], self.sql("SELECT delivered, rejected, retry, unreachable FROM delivery_overview"))

    def test_retry_of_a_queue_takes_those_that_wait_as_well(self):
        receiver = self.receiver(500, 422, 200)
        self.target(receiver.url(), "--retry-delay", "1h", "--deliver-concurrency", "1")
        self.create_queue(name="robots", mailbox="DROPBOX", dropbox="Done")
        self.deliver(*inqueue.messages(2))
        self.inqueue("load", "invoices")
        self.inqueue("deliver", expect=inqueue.TEMPORARY)
        self.inqueue("load", "robots")
        claimed, = self.json_lines("claim", "robots", "--json")
        self.inqueue("defer", claimed["id"], "--token", claimed["lease_token"], "--until", "1d")
        self.assertEqual([("failed", 1), ("new", 1)], self.sql("SELECT state, attempt_count FROM entry WHERE queue = "
                                                               "'invoices' ORDER BY state"))
        self.assertEqual("2 entries changed\n", self.inqueue("delivery", "retry", "--all").stdout)
        self.assertEqual([True], self.column("SELECT next_attempt_at > record_created FROM entry WHERE queue = 'robots'"
                                             " AND next_attempt_at IS NOT NULL"), "a worker's entry")
        self.inqueue("deliver")
        self.assertEqual(["done", "done"], self.column("SELECT state FROM entry WHERE queue = 'invoices'"))
        self.inqueue("queue", "alter", "invoices", "--deliver-to", self.receiver(500).url())
        self.assertEqual("0 entries changed\n", self.inqueue("delivery", "retry", "--queue", "invoices").stdout)
        self.assertEqual("2 entries changed\n",
                         self.inqueue("delivery", "retry", "--queue", "invoices", "--state", "done").stdout)
        self.inqueue("deliver", expect=inqueue.TEMPORARY)
        self.assertEqual("0 entries changed\n", self.inqueue("retry", "--queue", "invoices").stdout)
        self.assertEqual("2 entries changed\n", self.inqueue("delivery", "retry", "--queue", "invoices").stdout)
        self.assertEqual([(None, 0)] * 2, self.sql("SELECT next_attempt_at, attempt_count FROM entry WHERE queue = 'invoices'"))


if __name__ == "__main__":
    unittest.main()
