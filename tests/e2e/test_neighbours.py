"""What two well-known queues in SQLite document, goqite (Go) and litequeue (Python), done here: whoever comes from one
of them finds its behaviour."""

import unittest

from entries import EntryCase
from inqueue import NO


class Goqite(EntryCase):
    """README and package documentation of github.com/maragudk/goqite."""

    def test_receive_gets_a_message_and_delete_acknowledges_it(self):
        self.put()
        received = self.claim()
        self.inqueue("complete", 1, "--token", received["lease_token"])
        self.fails(NO, "claim", self.queue)

    def test_nothing_is_received_from_an_empty_queue(self):
        self.fails(NO, "claim", self.queue)

    def test_message_is_not_lost_before_it_is_acknowledged(self):
        self.put()
        self.claim("--lease", "1ms")
        self.assertEqual(1, self.claim("--wait", "5s")["id"])

    def test_message_is_invisible_until_its_timeout(self):
        self.put()
        self.claim("--lease", "1h")
        self.fails(NO, "claim", self.queue)

    def test_timeout_can_be_extended(self):
        self.put()
        token = self.claim("--lease", "1h")["lease_token"]
        before = self.column("SELECT lease_until FROM entry")
        self.inqueue("extend", 1, "--token", token, "--lease", "2h")
        self.assertGreater(self.column("SELECT lease_until FROM entry"), before)

    def test_message_is_received_three_times_at_most(self):
        self.put()
        for _ in range(3):
            self.claim("--lease", "1ms", "--wait", "5s")
        self.fails(NO, "claim", self.queue, "--wait", "20ms")
        self.assertEqual(["failed"], self.states())

    def test_maximum_can_be_set(self):
        self.inqueue("queue", "alter", self.queue, "--max-attempts", "1")
        self.put()
        self.claim("--lease", "1ms")
        self.fails(NO, "claim", self.queue, "--wait", "20ms")

    def test_delayed_message_is_not_received_before_its_time(self):
        self.put()
        self.inqueue("defer", 1, "--token", self.claim()["lease_token"], "--until", "1d")
        self.fails(NO, "claim", self.queue)
        soon, = self.put()
        self.inqueue("defer", soon, "--token", self.claim()["lease_token"], "--until", "300ms")
        entry = self.claim("--wait", "60s")
        self.assertEqual(soon, entry["id"])
        self.assertGreaterEqual(entry["last_attempt_at"], entry["next_attempt_at"])

    def test_queues_in_one_database_are_apart(self):
        self.define("orders")
        self.put(queue="orders")
        self.fails(NO, "claim", self.queue)
        self.assertEqual("orders", self.inqueue("claim", "orders", "--json").json()["queue"])

    def test_higher_priority_is_received_first(self):
        self.put()
        high, = self.put(priority=1)
        self.assertEqual(high, self.claim()["id"])

    def test_receive_and_wait(self):
        process = self.start("claim", self.queue, "--wait", "30s", "--json")
        self.put()
        self.finish(process)

    def test_deleting_with_the_receipt_of_an_earlier_receive_does_nothing(self):
        self.put()
        first = self.claim("--lease", "1ms")
        second = self.claim("--wait", "5s")
        self.fails(NO, "complete", 1, "--token", first["lease_token"])
        self.inqueue("complete", 1, "--token", second["lease_token"])


class Litequeue(EntryCase):
    """README and tests of github.com/litements/litequeue."""

    def test_first_in_first_out(self):
        self.put(3)
        self.assertEqual([1, 2, 3], [self.claim()["id"] for _ in range(3)])

    def test_pop_locks_and_done_unlocks_for_good(self):
        self.put()
        token = self.claim()["lease_token"]
        self.assertEqual("claimed", self.state(1))
        self.inqueue("complete", 1, "--token", token)
        self.assertEqual("done", self.state(1))

    def test_peek_does_not_lock(self):
        self.put()
        self.assertEqual([(1,)], self.sql("SELECT id FROM next_entry WHERE queue = 'invoices'"))
        self.assertEqual("new", self.state(1))

    def test_get_a_message_by_its_id(self):
        self.put()
        self.assertEqual("Invoice", self.inqueue("show", 1, "--json").json()["subject"])
        self.fails(NO, "show", 9)

    def test_failed_messages_are_listed_and_retried(self):
        self.put(2)
        self.inqueue("fail", 1, "--token", self.claim()["lease_token"], "--business", "--reason", "x")
        self.assertEqual([1], [line["id"] for line in self.json_lines("list", "--state", "failed", "--json")])
        self.inqueue("retry", 1)
        self.assertEqual(["new", "new"], self.states())

    def test_locked_messages_are_listed_with_how_long(self):
        self.put(2)
        self.claim("--lease", "1h")
        (entry, left), = self.sql("SELECT id, seconds_left FROM working")
        self.assertEqual(1, entry)
        self.assertTrue(3500 < left <= 3600, left)

    def test_size_counts_what_is_ready_or_locked(self):
        self.put(3)
        self.inqueue("complete", 1, "--token", self.claim()["lease_token"])
        self.claim()
        status = self.inqueue("status", "--json").json()
        self.assertEqual(2, status["new"] + status["claimed"])

    def test_prune_deletes_what_is_done_and_failed_only_when_asked(self):
        self.put(3)
        self.inqueue("complete", 1, "--token", self.claim()["lease_token"])
        self.inqueue("fail", 2, "--token", self.claim()["lease_token"], "--business", "--reason", "x")
        self.inqueue("purge", "--state", "done", "--older-than", "0")
        self.assertEqual(["failed", "new"], self.states())
        self.inqueue("purge", "--state", "failed", "--older-than", "0")
        self.assertEqual(["new"], self.states())

    def test_message_times_are_kept(self):
        self.put()
        self.inqueue("complete", 1, "--token", self.claim()["lease_token"])
        times = self.column("SELECT at FROM history WHERE entry_id = 1 ORDER BY number")
        self.assertEqual((sorted(times), 3), (times, len(times)))

    def test_several_pop_without_getting_the_same(self):
        self.put(20)
        workers = [self.start("claim", self.queue, "--json", "--count", "5") for _ in range(4)]
        claimed = [line for worker in workers for line in self.finish(worker).stdout.splitlines()]
        self.assertEqual(20, len(claimed))
        self.assertEqual(20, self.column("SELECT count(*) FROM entry_event WHERE change = 'claimed'")[0])


if __name__ == "__main__":
    unittest.main()
