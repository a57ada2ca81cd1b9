"""Two inqueue watch on one database: a queue is watched by one of them, and the other takes over when that ends."""

import re
import signal
import unittest

from inqueue import messages
from watcher import WatchCase


class Twice(WatchCase):
    def sign_ins(self):
        return len(re.findall("NAMESPACE", self.server.said(self.user)))

    def test_the_second_says_so_once_and_takes_over_when_the_first_is_killed(self):
        self.create_queue()
        first = self.watch()
        first.wait_idle()
        second = self.watch()
        self.assertEqual(first.process.pid, second.wait("watched_elsewhere")["process"])
        self.deliver(messages(1)[0])
        first.wait("stored")
        second.send(signal.SIGUSR1)
        self.assertEqual("elsewhere", second.wait("status")["state"])
        self.assertEqual(1, self.sign_ins())
        first.send(signal.SIGKILL)
        first.ended(expect=-signal.SIGKILL)
        second.wait("taken_over")
        second.wait_idle()
        self.deliver(messages(2)[1])
        second.wait("stored")
        second.stop()
        self.assertEqual((1, 0), (second.count("watched_elsewhere"), second.count("failed")))
        self.assert_all_loaded(2)

    def test_a_queue_that_the_first_gives_up(self):
        """It has the right to a paused queue no longer, and asks for it again when the queue is resumed."""
        self.create_queue()
        first = self.watch()
        first.wait_idle()
        self.inqueue("queue", "pause", "invoices")
        first.wait("altered", state="paused")
        second = self.watch()
        second.wait("ready")
        first.stop()
        self.inqueue("queue", "resume", "invoices")
        second.wait_idle()
        second.stop()
        self.assertEqual(0, second.count("watched_elsewhere"))

    def test_each_its_own_queues(self):
        self.create_queue(name="one")
        self.create_queue(name="two", dropbox="D2", badmail="B2")
        one, two = self.watch("one"), self.watch("two")
        one.wait_idle(queue="one")
        two.wait_idle(queue="two")
        one.stop()
        two.stop()
        self.assertEqual(0, one.count("watched_elsewhere") + two.count("watched_elsewhere"))

    def test_a_signal_ends_the_one_that_waits(self):
        self.create_queue()
        first = self.watch()
        first.wait_idle()
        second = self.watch()
        second.wait("watched_elsewhere")
        second.stop()
        first.stop()


if __name__ == "__main__":
    unittest.main()
