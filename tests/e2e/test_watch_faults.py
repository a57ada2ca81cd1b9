"""inqueue watch when things go wrong around it: nothing is lost, nothing comes twice, and it goes on by itself."""

import contextlib
import os
import signal
import socket
import sqlite3
import threading
import unittest

import processes
from inqueue import DEADLINE_S, messages
from proxy import CLIENT, SERVER, Proxy
from watcher import WatchCase


class Network(WatchCase):
    def test_server_restarts(self):
        self.create_queue()
        watcher = self.watch()
        watcher.wait_idle()
        self.server.halt()
        self.assertEqual("unreachable", watcher.wait("failed")["class"])
        self.server.resume()
        watcher.wait("signed_in", times=2)
        self.deliver(*messages(1))
        watcher.wait("stored")
        watcher.stop()
        self.assert_all_loaded(1)

    def test_server_is_gone_for_a_while_and_mail_arrives_meanwhile(self):
        self.create_queue()
        with self.look() as mailbox:
            mailbox.append(messages(1)[0])
        self.server.halt()
        self.addCleanup(lambda: self.server.process or self.server.resume())
        watcher = self.watch()
        pauses = [watcher.wait("failed", times=number)["retry_in_ms"] for number in range(1, 5)]
        self.assertLess(pauses[0], pauses[-1])
        self.server.resume()
        watcher.wait("stored")
        watcher.stop()
        self.assert_all_loaded(1)

    def test_a_connection_that_goes_silent_is_found_and_replaced(self):
        """IDLE is renewed, and the answer has a deadline: a half-dead connection is noticed then."""
        with Proxy(self.server.port) as proxy:
            self.create_queue(port=proxy.port, timeout="1s")
            stall = proxy.stall(SERVER, rb"\+ idling\r\n")
            watcher = self.watch("--renew", "300ms")
            stall.wait()
            self.assertRegex(watcher.wait("failed")["error"], "no answer .* within 1 s")
            self.deliver(*messages(1))
            watcher.wait("stored")
            watcher.stop()
        self.assert_all_loaded(1)

    def test_the_connection_is_cut_in_every_phase(self):
        phases = [(CLIENT, rb" IDLE\r\n"), (SERVER, rb"\+ idling"), (SERVER, rb"\* \d+ EXISTS"), (CLIENT, rb"DONE"),
                  (CLIENT, rb"UID FETCH"), (SERVER, rb"BODY\[\]"), (CLIENT, rb"UID MOVE"), (SERVER, rb"COPYUID")]
        with Proxy(self.server.port) as proxy:
            self.create_queue(port=proxy.port)
            watcher = self.watch("--renew", "200ms")
            failures = 0
            for number, (side, pattern) in enumerate(phases, start=1):
                fault = proxy.cut(side, pattern)
                self.deliver(messages(number)[-1])
                fault.wait()
                if b"FETCH" not in pattern and b"BODY" not in pattern:  # there the run connects again
                    failures += 1
                    watcher.wait("failed", times=failures)
                watcher.wait("stored", times=number)
            watcher.wait_idle_behind("stored")
            watcher.stop()
        self.assert_all_loaded(len(phases))

    def test_mail_that_arrives_during_a_reconnect(self):
        with Proxy(self.server.port) as proxy:
            self.create_queue(port=proxy.port)
            watcher = self.watch()
            watcher.wait_idle()
            stall = proxy.stall(SERVER, rb"NAMESPACE")
            self.kill_workers(watcher)
            stall.wait()
            self.deliver(*messages(1))
            stall.release()
            watcher.wait("stored")
            watcher.stop()
        self.assert_all_loaded(1)

    @staticmethod
    def kill_workers(watcher):
        for worker in watcher.workers():
            os.kill(worker, signal.SIGKILL)


class Server(WatchCase):
    def test_a_throttling_server_gets_a_longer_pause(self):
        with Proxy(self.server.port) as proxy:
            self.create_queue(port=proxy.port)
            proxy.replace(SERVER, rb"\* OK \[CAPABILITY[^\r]*", b"* BYE [UNAVAILABLE] Too many connections")
            watcher = self.watch()
            failed = watcher.wait("failed")
            self.assertEqual("temporary", failed["class"])
            self.assertGreaterEqual(failed["retry_in_ms"], 12 * 50 * 3 // 4)
            watcher.wait_idle()
            watcher.stop()

    def test_a_server_that_tells_of_mail_where_there_is_none(self):
        """At every IDLE: it is asked less and less often. What comes nevertheless is loaded."""
        with Proxy(self.server.port) as proxy:
            self.create_queue(port=proxy.port)
            proxy.replace(SERVER, rb"\+ idling\r\n", b"+ idling\r\n* 1 EXISTS\r\n", always=True)
            watcher = self.watch("--renew", "10m")
            watcher.wait_idle(wait_ms=600_000, times=6)
            pauses = [event["wait_ms"] for event in watcher.events if event.get("wait_ms", 600_000) < 600_000]
            self.assertEqual(sorted(pauses), pauses)
            self.assertGreater(pauses[3], 4 * pauses[0])
            self.deliver(*messages(1))
            watcher.wait("stored")
            watcher.stop()
        self.assert_all_loaded(1)

    def test_a_folder_is_deleted_under_it(self):
        self.create_queue(mailbox="Incoming")
        with self.look() as mailbox:
            mailbox.create("Incoming")
        watcher = self.watch("--renew", "200ms")
        watcher.wait_idle()
        first, second, third = messages(3)
        with self.look() as mailbox:
            mailbox.append(first, folder="Incoming")
        watcher.wait("stored")
        watcher.wait_idle_behind("stored")
        with self.look() as mailbox:
            mailbox.delete("DROPBOX")
            mailbox.append(second, folder="Incoming")
        watcher.wait("failed")
        watcher.wait_idle_behind("failed")
        with self.look() as mailbox:
            self.assertEqual(["Invoice 2"], mailbox.subjects("DROPBOX"))
            mailbox.delete("Incoming")
        self.assertEqual("configuration", watcher.wait("failed", **{"class": "configuration"})["class"])
        with self.look() as mailbox:
            mailbox.create("Incoming")
            mailbox.append(third, folder="Incoming")
        watcher.wait("stored", times=3)
        watcher.wait_idle_behind("stored")
        watcher.stop()
        self.assertEqual(["Invoice 1", "Invoice 2", "Invoice 3"], self.entries())


class DeadServer(WatchCase):
    def test_many_queues_on_it_hold_up_no_other(self):
        """More than sign in at a time; none of them gets an answer before the test ends."""
        with socket.create_server(("127.0.0.1", 0), backlog=100) as dead:
            for number in range(40):
                self.create_queue(name=f"dead{number}", port=dead.getsockname()[1])
            self.create_queue()
            watcher = self.watch()
            watcher.wait_idle(queue="invoices")
            watcher.send(signal.SIGTERM)
            watcher.wait("stopping")
            watcher.stop()
        self.assertEqual(0, watcher.count("failed"))


class Processes(WatchCase):
    def test_a_worker_that_is_killed_is_replaced(self):
        self.create_queue()
        watcher = self.watch()
        watcher.wait_idle()
        os.kill(watcher.workers()[0], signal.SIGKILL)
        self.assertRegex(watcher.wait("failed", **{"class": "software"})["error"], "ended by signal 9")
        watcher.wait_idle(times=2)
        self.deliver(*messages(1))
        watcher.wait("stored")
        watcher.stop()
        self.assert_all_loaded(1)

    def test_a_death_counts_against_the_message_that_the_worker_was_at(self):
        self.retry = "1h"
        with Proxy(self.server.port) as proxy:
            self.create_queue(port=proxy.port)
            self.deliver(*messages(1))
            stall = proxy.stall(SERVER, rb"BODY\[\]")
            watcher = self.watch()
            stall.wait()
            os.kill(watcher.workers()[0], signal.SIGKILL)
            watcher.wait("failed", **{"class": "software"})
            watcher.wait("death_noted")
            self.assertEqual([1], self.column("SELECT uid FROM pickup_attempt"))
            watcher.send(signal.SIGHUP)
            watcher.wait_idle()
            watcher.stop()
        self.assert_all_loaded(1)
        self.assertEqual([], self.column("SELECT uid FROM pickup_attempt"))

    def test_workers_end_with_a_supervisor_that_is_killed(self):
        self.create_queue()
        self.deliver(*messages(100))
        watcher = self.watch("--limit", "10")
        watcher.wait("stored", times=20)
        workers = watcher.workers()
        watcher.send(signal.SIGKILL)
        watcher.ended(expect=-signal.SIGKILL)
        for worker in workers:
            self.assertTrue(processes.await_exit(worker, 10))
        watcher = self.watch()
        watcher.wait_idle()
        watcher.stop()
        self.assert_all_loaded(100)

    def test_a_second_signal_ends_at_once(self):
        """The first waits for the worker, which waits for a server that does not answer."""
        with Proxy(self.server.port) as proxy:
            self.create_queue(port=proxy.port)
            self.deliver(*messages(1))
            stall = proxy.stall(SERVER, rb"BODY\[\]")
            watcher = self.watch()
            stall.wait()
            watcher.send(signal.SIGTERM)
            watcher.wait("stopping")
            watcher.send(signal.SIGTERM)
            watcher.wait("stopping_at_once")
            watcher.ended()
        self.inqueue("queue", "alter", "invoices", "--connection-string",
                     f"url={self.server.address};port={self.server.port}")
        self.inqueue("load")
        self.assert_all_loaded(1)

    def test_a_worker_that_does_not_end_is_killed_in_time(self):
        with Proxy(self.server.port) as proxy:
            self.create_queue(port=proxy.port)
            self.deliver(*messages(1))
            stall = proxy.stall(SERVER, rb"BODY\[\]")
            watcher = self.watch()
            stall.wait()
            watcher.send(signal.SIGTERM)
            self.assertIsNotNone(watcher.process.wait(10))
            watcher.ended()


class OpenFiles(WatchCase):
    """The supervisor has one for each queue. Limits are a few hundred or thousand; here, less than there are queues."""

    def watch_within(self, limit):
        for number in range(30):
            self.server.add_user(f"robot{number}@example.com", "correct horse")
            self.create_queue(name=f"q{number}", user=f"robot{number}@example.com")
        return self.watch(wrap=["sh", "-c", f'ulimit {limit}; exec "$@"', "sh"])

    def test_what_is_too_many_waits(self):
        """The others are watched, and signals are followed."""
        watcher = self.watch_within("-n 24")
        self.assertRegex(watcher.wait("failed", **{"class": "io"})["error"], "Too many open files")
        watcher.wait_idle(queue="q0")
        watcher.stop()

    def test_a_limit_that_may_be_raised_is_raised(self):
        watcher = self.watch_within("-S -n 24")
        for number in range(30):
            watcher.wait_idle(queue=f"q{number}")
        watcher.stop()
        self.assertEqual(0, watcher.count("failed"))


class LockedDatabase(WatchCase):
    @contextlib.contextmanager
    def lock(self):
        """Changed before, so that the supervisor wants to read it."""
        with contextlib.closing(sqlite3.connect(self.database, isolation_level=None)) as database:
            database.execute("UPDATE work_queue SET connection_string = connection_string")
            database.execute("BEGIN EXCLUSIVE")
            yield
            database.execute("ROLLBACK")

    def test_it_is_told_to_end_before_it_could_begin(self):
        self.create_queue()
        with self.lock():
            watcher = self.watch("invoices")
            # The database, which it may have read meanwhile, or the lock beside it.
            while not any(name.startswith(str(self.database)) for name in processes.open_files(watcher.process.pid)):
                self.assertIsNone(watcher.process.poll())
            for number in [signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM]:
                watcher.send(number)
        watcher.ended()

    def test_the_supervisor_goes_on(self):
        """It feeds the watchdog, replaces a worker, and follows signals, in the half minute that others wait for a lock."""
        self.create_queue()
        manager = self.manager()
        watcher = self.watch(env=manager.environment)
        watcher.wait_idle()
        with self.lock():
            os.kill(watcher.workers()[0], signal.SIGKILL)
            watcher.wait("failed")
            manager.wait("WATCHDOG=1", times=manager.told("WATCHDOG=1") + 50)
            self.assertEqual(0, watcher.count("death_noted"))
            watcher.send(signal.SIGUSR1)
            self.assertEqual("retry", watcher.wait("status")["state"])
        watcher.wait("death_noted")
        watcher.wait_idle(times=2)
        with self.lock():
            manager.wait("WATCHDOG=1", times=manager.told("WATCHDOG=1") + 50)
            watcher.stop()
        self.assertEqual(0, watcher.count("definitions_unread"))


class Many(WatchCase):
    def test_a_thousand_messages_by_two_senders_while_it_runs(self):
        self.create_queue()
        all_messages = messages(1000)
        watcher = self.watch()
        watcher.wait_idle()
        senders = [threading.Thread(target=self.send, args=(all_messages[part::2],)) for part in range(2)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join(DEADLINE_S)
        watcher.wait("stored", times=1000)
        watcher.wait_idle_behind("stored")
        watcher.stop()
        self.assertEqual(sorted(mail["Subject"] for mail in all_messages), sorted(self.entries()))
        self.assertEqual({"DROPBOX": 1000, "INBOX": 0, "BADMAIL": 0}, self.folders())
        self.assertEqual([("moved", 1000)], self.sql("SELECT state, count(*) FROM pickup GROUP BY state"))

    def send(self, mails):
        with self.look() as mailbox:
            mailbox.append(*mails)


if __name__ == "__main__":
    unittest.main()
