"""`inqueue watch` while it runs, seen through its log."""

import json
import os
import pathlib
import re
import signal
import socket
import threading

from inqueue import DONE, LoadCase

WAIT_DEADLINE_S = 50  # less than the `timeout` of a queue
MANAGER_DEADLINE_S = 10  # less than anybody waits for a locked database


class Watcher:
    """A running supervisor. Its events are dicts; wait() blocks until one has come."""

    def __init__(self, case, process):
        self._case = case
        self.process = process
        self.events = []
        self.lines = []
        self._over = False
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            text = line.decode(errors="replace").rstrip("\n")
            with self._news:
                self.lines.append(text)
                if found := re.fullmatch(r"(?:<[3-7]>)?(\{.*)", text):  # with its priority where the journal listens
                    self.events.append(json.loads(found[1]))
                self._news.notify_all()
        with self._news:
            self._over = True
            self._news.notify_all()

    def count(self, event, **fields):
        return sum(found["event"] == event and fields.items() <= found.items() for found in self.events)

    def last(self, event, **fields):
        return [found for found in self.events if found["event"] == event and fields.items() <= found.items()][-1]

    def wait(self, event, times=1, **fields):
        """Until the event has been logged so often since the start; returns the last one."""
        def found():
            return self.count(event, **fields) >= times
        with self._news:
            self._news.wait_for(lambda: found() or self._over, WAIT_DEADLINE_S)
            if not found():
                raise AssertionError(f"waited in vain for {times} x {event} {fields}:\n" + "\n".join(self.lines))
            return self.last(event, **fields)

    def wait_for_any(self, *events):
        """Until one of these has been logged; returns the first of them."""
        def found():
            return next((event for event in self.events if event["event"] in events), None)
        with self._news:
            self._news.wait_for(lambda: found() or self._over, WAIT_DEADLINE_S)
            if not found():
                raise AssertionError(f"waited in vain for one of {events}:\n" + "\n".join(self.lines))
            return found()

    def wait_idle(self, times=1, **fields):
        return self.wait("waiting", times, **fields)

    def wait_idle_behind(self, event):
        """Until it waits for mail after the last one of these events, which may have passed by now."""
        def found():
            names = [found["event"] for found in self.events]
            return "waiting" in names[len(names) - names[::-1].index(event):]
        with self._news:
            self._news.wait_for(lambda: found() or self._over, WAIT_DEADLINE_S)
            if not found():
                raise AssertionError(f"waited in vain behind {event}:\n" + "\n".join(self.lines))

    def workers(self):
        return [int(child) for child in
                pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()]

    def send(self, number):
        os.kill(self.process.pid, number)

    def stop(self, expect=DONE, number=signal.SIGTERM):
        self.send(number)
        self.ended(expect)

    def ended(self, expect=DONE):
        self.process.wait(WAIT_DEADLINE_S)
        self._reader.join()
        self.process.stdout.close()
        self.process.stderr.close()
        self.process.stdin.close()
        report = "\n".join(self.lines)
        self._case.assertEqual(expect, self.process.returncode, report)
        self._case.assertNotIn("Sanitizer", report)


class Manager:
    """systemd's end of the notification socket. It always listens: whoever tells it something waits for room."""

    def __init__(self, path):
        self.environment = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "200000"}
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._told = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        while message := self._socket.recv(4096).decode():
            with self._news:
                self._told.append(message)
                self._news.notify_all()

    def wait(self, message, times=1):
        """Until it has been told so that often since the start; the message may go on in more lines."""
        with self._news:
            if not self._news.wait_for(lambda: self._count(message) >= times, MANAGER_DEADLINE_S):
                raise AssertionError(f"waited in vain for {times} x {message}: {self._told}")

    def told(self, message):
        with self._news:
            return self._count(message)

    def _count(self, message):
        return sum(told.startswith(message) for told in self._told)

    def close(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"", self.environment["NOTIFY_SOCKET"])
        self._reader.join()
        self._socket.close()


class WatchCase(LoadCase):
    """Pauses are short, so that tests need not wait for them."""

    retry = "50ms"

    def manager(self):
        manager = Manager(self.folder / "notify")
        self.addCleanup(manager.close)
        return manager

    def watch(self, *arguments, env=None, wrap=()):
        process = self.start("watch", "--log-format", "json", "--log-level", "debug", "--retry", self.retry, *arguments,
                             env=env, wrap=wrap)
        watcher = Watcher(self, process)
        self.addCleanup(self._end, watcher)
        return watcher

    @staticmethod
    def _end(watcher):
        """A test has failed before it could stop the watcher: its log tells why."""
        if watcher.process.poll() is None:
            watcher.process.kill()
            watcher.process.wait()
            print("\n".join(watcher.lines))
