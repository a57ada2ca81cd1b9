"""inqueue watch delivers entries as they arrive, and follows what changes about their target."""

import os
import signal
import unittest

from deliveries import DeliverCase
from inqueue import message, messages
from receiver import Answer
from watcher import WatchCase


class Deliver(WatchCase, DeliverCase):
    def test_mail_that_arrives_is_posted_at_once(self):
        receiver = self.receiver()
        self.target(receiver.url())
        watcher = self.watch()
        watcher.wait_idle()
        for number, mail in enumerate(messages(3), start=1):
            self.deliver(mail)
            watcher.wait("delivered", number, delivered=1)
        watcher.stop()
        self.assertEqual(["done"] * 3, self.states())
        self.assertEqual(3, len(receiver.requests))

    def test_a_target_that_is_down_for_a_while(self):
        receiver = self.receiver(503, 503, 200)
        self.target(receiver.url(), "--retry-delay", "100ms")
        watcher = self.watch()
        self.deliver(message())
        watcher.wait("delivered", delivered=1)
        watcher.stop()
        self.assertEqual(["retry", "retry", "delivered"], [attempt[2] for attempt in self.attempts()])

    def test_a_target_that_asks_for_a_pause_has_it_until_somebody_ends_it(self):
        pause = Answer(429, {"Retry-After": "3600"})
        receiver = self.receiver(pause, pause, 200)
        self.target(receiver.url(), "--deliver-concurrency", "1")
        self.load(*messages(4))
        watcher = self.watch()
        for number, end in enumerate([lambda: watcher.send(signal.SIGHUP),
                                      lambda: self.inqueue("queue", "alter", "invoices", "--deliver-timeout", "20s")], 1):
            watcher.wait("delivered", number, later=1)
            self.assertTrue(receiver.arrived.acquire(timeout=20))
            self.assertFalse(receiver.arrived.acquire(timeout=1), "another post, in the pause")
            end()
        watcher.wait("delivered", delivered=2)
        watcher.stop()
        self.assertEqual(["new", "new", "done", "done"], self.states())

    def test_after_a_rejected_one_the_next_is_posted_at_once(self):
        self.retry = "1h"
        self.target(self.receiver(422, 200).url())
        watcher = self.watch()
        for mail, outcome in zip(messages(2), ["rejected", "delivered"]):
            self.deliver(mail)
            watcher.wait("delivered", **{outcome: 1})
        watcher.stop()
        self.assertEqual(["failed", "done"], self.states())

    def test_a_slow_target_does_not_keep_mail_waiting(self):
        receiver = self.receiver(Answer(fault="silent"), 200)
        self.target(receiver.url(), "--deliver-concurrency", "1")
        watcher = self.watch()
        watcher.wait_idle()
        first, second = messages(2)
        self.deliver(first)
        self.assertTrue(receiver.arrived.acquire(timeout=20))
        self.deliver(second)
        watcher.wait("stored", 2)
        receiver.released.set()
        watcher.wait("delivered")
        watcher.stop()

    def test_a_slow_answer_does_not_keep_other_entries_waiting(self):
        receiver = self.receiver(Answer(fault="silent"), 200)
        self.target(receiver.url(), "--deliver-concurrency", "2")
        watcher = self.watch()
        watcher.wait_idle()
        first, second = messages(2)
        self.deliver(first)
        self.assertTrue(receiver.arrived.acquire(timeout=20))
        self.deliver(second)
        self.assertTrue(receiver.arrived.acquire(timeout=20), "the second is posted while the first has no answer")
        receiver.released.set()
        watcher.wait("delivered", delivered=2)
        watcher.stop()

    def test_a_target_is_given_taken_and_given_again(self):
        self.create_queue()
        watcher = self.watch()
        self.deliver(message())
        watcher.wait("stored")
        one, other = self.receiver(), self.receiver()
        alter = ["queue", "alter", "invoices", "--allow-private", "true", "--deliver-to"]
        self.inqueue(*alter, one.url())
        watcher.wait("delivered", delivered=1)
        self.inqueue(*alter, "")
        watcher.wait("altered", 2)
        self.deliver(message("Second"))
        watcher.wait("stored", 2)
        self.inqueue(*alter, other.url())
        watcher.wait("delivered", 2, delivered=1)
        watcher.stop()
        self.assertEqual((1, 1), (len(one.requests), len(other.requests)))

    def test_what_is_stopped_waits_for_resume(self):
        receiver = self.receiver(404)
        self.target(receiver.url())
        self.load(*messages(5))
        watcher = self.watch()
        watcher.wait("delivery_stopped")
        receiver.answers = [200]
        self.inqueue("queue", "resume", "invoices")
        watcher.wait("delivered", delivered=5)
        watcher.stop()
        self.assertEqual(["done"] * 5, self.states())

    def test_a_killed_deliverer_is_replaced_and_the_key_is_the_same(self):
        receiver = self.receiver(Answer(fault="silent"), 200)
        self.target(receiver.url())
        watcher = self.watch()
        watcher.wait_idle()
        mail_worker = watcher.wait("worker_started")["worker"]
        self.deliver(message())
        self.assertTrue(receiver.arrived.acquire(timeout=20))
        deliverer, = set(watcher.workers()) - {mail_worker}
        os.kill(deliverer, signal.SIGKILL)
        receiver.released.set()
        watcher.wait("delivered", delivered=1)
        watcher.stop()
        self.assertEqual(1, len({request.headers["idempotency-key"] for request in receiver.requests}))
        self.assertEqual(2, len(receiver.requests))


if __name__ == "__main__":
    unittest.main()
