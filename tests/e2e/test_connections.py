"""An account that has a few connections only (connections=), and several queues that share it."""

import os
import pathlib
import signal
import threading
import unittest

from inqueue import TEMPORARY, Case, message
from scripted import Scripted
from watcher import WatchCase

DONE_WITH_IT = b"* 0 EXISTS\r\n* OK [UIDVALIDITY 7]\r\n* OK [UIDNEXT 1]\r\n{tag} OK [READ-WRITE]\r\n"


class Loads(Case):
    def create(self, server, *names, **keys):
        for name in names:
            self.create_queue(server, name, **{"dropbox": f"D-{name}", "badmail": f"B-{name}", **keys})

    def test_never_more_at_once(self):
        together = threading.Barrier(2)

        def meet(_talk, _words):
            together.wait(60)
            return DONE_WITH_IT

        with Scripted((rb"SELECT", meet)) as server:
            self.create(server, "one", "two", "three", "four", connections=2)
            self.inqueue("load", "--jobs", 4)
            self.assertEqual((4, 2), (server.connections, server.open_most))

    def test_who_is_killed_gives_its_place_at_once(self):
        held = threading.Event()
        first = threading.Event()

        def hold_the_first(talk, _words):
            if not first.is_set():
                first.set()
                held.wait(60)
            return DONE_WITH_IT

        with Scripted((rb"SELECT", hold_the_first)) as server:
            self.create(server, "one", "two", connections=1)
            holder = self.start("load", "one")
            self.assertTrue(first.wait(60))
            other = self.start("load", "two")
            os.killpg(holder.pid, signal.SIGKILL)
            self.finish(other)
            held.set()
            self.finish(holder, expect=-signal.SIGKILL)

    def test_waiting_ends(self):
        held = threading.Event()
        first = threading.Event()

        def hold_the_first(_talk, _words):
            first.set()
            held.wait(60)
            return DONE_WITH_IT

        with Scripted((rb"SELECT", hold_the_first)) as server:
            self.create(server, "one", connections=1)
            self.create(server, "two", connections=1, timeout=1)
            holder = self.start("load", "one")
            self.assertTrue(first.wait(60))
            says = (r"other queues have had all connections of 'robot@example.com' at 127.0.0.1 \(connections=1\) for 1 s: "
                    "allow more, or let fewer queues share the account")
            self.fails(TEMPORARY, "load", "two", says="load 'two': " + says)
            self.assertRegex(self.column("SELECT last_message FROM work_queue WHERE name = 'two'")[0], "Error: " + says)
            held.set()
            self.finish(holder)

    def test_another_user_has_places_of_its_own(self):
        with Scripted() as server:
            server.users["ann@example.com"] = "correct horse"
            held, first = threading.Event(), threading.Event()

            def hold_the_first(_talk, _words):
                if not first.is_set():
                    first.set()
                    held.wait(60)
                return DONE_WITH_IT

            server.answers.append((rb"SELECT", hold_the_first))
            self.create(server, "one", connections=1)
            self.create(server, "two", user="ann@example.com", connections=1, timeout=10)
            holder = self.start("load", "one")
            self.assertTrue(first.wait(60))
            self.inqueue("load", "two")
            held.set()
            self.finish(holder)

    def test_without_the_key_there_is_no_limit_and_no_file(self):
        with Scripted() as server:
            self.create(server, "one")
            self.inqueue("load")
        self.assertFalse(pathlib.Path(f"{self.database}-connections").exists())


class Watches(WatchCase):
    def test_queues_take_turns_on_one_connection(self):
        with self.look() as mailbox:
            for name in ["A", "B", "C"]:
                mailbox.create(name)
        for name in ["A", "B", "C"]:
            self.create_queue(name=name, mailbox=name, dropbox=f"D-{name}", badmail=f"B-{name}", connections=1, timeout=60)
        watcher = self.watch()
        for number in [1, 2]:
            for name in ["A", "B", "C"]:
                self.deliver(message(f"{name} {number}"), folder=name)
            for name in ["A", "B", "C"]:
                watcher.wait("stored", times=number, queue=name)
        watcher.stop()
        self.assertEqual(0, watcher.count("failed"))
        self.assertLess(0, watcher.count("waiting_for_connection"))
        self.assertEqual(6, len(self.entries()))


if __name__ == "__main__":
    unittest.main()
