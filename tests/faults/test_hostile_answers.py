"""Answers that are meant to hurt, of mail servers and of targets, at each moment: the operator is told, and nothing crashes."""

import socket
import threading
import unittest

from inqueue import CONFIGURATION, CREDENTIALS, DEADLINE_S, DONE, NO, PROTOCOL, TEMPORARY, UNREACHABLE
from liar import hang_up, small
from test_crash import COMMANDS, FIND, SCRIPT, START, TRIALS
from test_crash_workers import MOVE, WatchingCase

WORDS = {"unreachable", "temporary", "protocol", "credentials", "configuration"}


def garbage(session, _tag, _command):
    """Nothing that is IMAP, and the end."""
    session.send(b"\x00\xff\r\n* \x80{4294967296}\r\n(((\r\n* 1 FETCH (UID 1 FLAGS (\r\n")


def farewell(session, _tag, _command):
    session.send(b"* BYE enough\r\n")


def refusal(_session, tag, _command):
    return tag + b" NO not now\r\n"


ANSWERS = {"garbage": garbage, "BYE": farewell, "NO": refusal, "the end": hang_up}


class HostileCase(WatchingCase):
    fault = "an answer that is none"


class Commands(HostileCase):
    """The commands of test_crash at the same moments, and `load`."""

    trials = TRIALS + [("load", moment, pattern) for moment, pattern in (START | FIND | MOVE).items()]

    def test_never_a_signal_never_silence(self):
        for number, (name, moment, pattern) in enumerate(self.trials):
            for kind, answer in ANSWERS.items():
                self.use_database(f"{number}{kind}")
                with self.subTest(command=name, moment=moment, answer=kind), self.serve() as server:
                    server.answer(pattern, answer, times=None)
                    process = self.start(*(["load"] if name == "load" else COMMANDS[name][0]))
                    _, said = process.communicate(SCRIPT.encode(), timeout=DEADLINE_S)
                    if moment == "LOGOUT":  # all has been done
                        self.assertEqual((DONE, b""), (process.returncode, said))
                    else:
                        self.assertIn(process.returncode,
                                      [UNREACHABLE, TEMPORARY, PROTOCOL, CREDENTIALS, CONFIGURATION])
                        self.assertRegex(said.decode(), r"\Ainqueue: [^\n]{20,}\n\Z")


class Watch(HostileCase):
    def test_never_a_signal_never_silence(self):
        for moment, pattern in (START | FIND | MOVE).items():
            for kind, answer in ANSWERS.items():
                self.use_database(f"{moment}{kind}")
                with self.subTest(moment=moment, answer=kind), self.serve() as server:
                    server.answer(pattern, answer, times=None)
                    watcher = self.watch()
                    said = watcher.wait_for_any("failed", "refused", "incomplete", "stopped")
                    self.assertGreater(len(said["error"]), 20)
                    self.assertLessEqual({said["class"]} if "class" in said else set(), WORDS)
                    watcher.stop()


class Reload(HostileCase):
    def test_never_a_signal_never_silence(self):
        """The entry stays as it was."""
        for moment, pattern in ({"SELECT": rb"SELECT", "SEARCH": rb"UID SEARCH", "FETCH": rb"UID FETCH"} | START | MOVE).items():
            for kind, answer in ANSWERS.items():
                self.use_database(f"{moment}{kind}")
                with (self.subTest(moment=moment, answer=kind),
                      self.lying(small(1, b"X: " + b"y" * 3000 + b"\r\n"), maxSize="1KB") as server):
                    self.inqueue("load")
                    self.inqueue("queue", "alter", "invoices", "--connection-string",
                                 self.sql("SELECT connection_string FROM work_queue")[0][0].replace("maxSize=1KB", "maxSize=1MB"))
                    server.answer(pattern, answer, times=None)
                    process = self.start("reload", "1")
                    _, said = process.communicate(timeout=DEADLINE_S)
                    self.assertIn(process.returncode, [NO, UNREACHABLE, TEMPORARY, PROTOCOL, CREDENTIALS, CONFIGURATION])
                    self.assertRegex(said.decode(), r"\Ainqueue: reload 1: [^\n]{20,}\n\Z")


class Deliver(HostileCase):
    """A target that speaks no HTTP, or hardly."""

    answers = {
        "the end": b"",
        "garbage": b"\x00\xff\x80 what\r\n\r\n",
        "no HTTP": b"* OK IMAP4rev1 ready\r\n",
        "half a header": b"HTTP/1.1 200 OK\r\nX-Half: ",
        "a status that is none": b"HTTP/1.1 -1 what\r\n\r\n",
        "a length that is none": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        "chunks that are none": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "a body that is packed wrongly": b"HTTP/1.1 500 no\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
        "a header of 4 MB": b"HTTP/1.1 200 OK\r\nX: " + b"y" * 4_000_000 + b"\r\n\r\n",
        "a million fields": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1_000_000 + b"\r\n",
        "interim answers without end": b"HTTP/1.1 100 Continue\r\n\r\n" * 100_000,
        "a redirect to nowhere": b"HTTP/1.1 302 Found\r\nLocation: \x01\xff:///\r\nContent-Length: 0\r\n\r\n",
    }

    def target(self, answer):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def serve():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    try:
                        connection.recv(65536)
                        connection.sendall(answer)
                        connection.shutdown(socket.SHUT_WR)
                        while connection.recv(65536):
                            pass
                    except OSError:
                        pass

        threading.Thread(target=serve, daemon=True).start()
        return listener.getsockname()[1]

    def test_never_a_signal_never_silence(self):
        for number, (kind, answer) in enumerate(self.answers.items()):
            self.use_database(number)
            with self.subTest(answer=kind), self.lying(small(1)) as server:
                self.inqueue("load")
                self.inqueue("queue", "alter", "invoices", "--deliver-to", f"http://127.0.0.1:{self.target(answer)}/",
                             "--allow-private", "true")
                process = self.start("deliver")
                _, said = process.communicate(timeout=DEADLINE_S)
                self.assertIn(process.returncode, [UNREACHABLE, TEMPORARY, PROTOCOL])
                self.assertRegex(said.decode(), r"\Ainqueue: deliver 'invoices': [^\n]{20,}\n\Z")
                self.assertEqual([("new",)], self.sql("SELECT state FROM entry"))
                self.judge(server)


if __name__ == "__main__":
    unittest.main()
