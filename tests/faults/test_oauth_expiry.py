"""Access tokens that live for seconds: sessions end with them, in IDLE and in the middle of loading. Nothing is lost or
doubled, and nobody is told of an error.

A short run loads 300 messages, a campaign 10,000 with tokens of 5 s, while the token server also delays, rotates and
fails in each second run. Each session that ends with its token is a try.
"""

import collections
import contextlib
import re
import socket
import subprocess
import threading
import time
import unittest

from checker import Verdict
from inqueue import messages
from oauth_case import OauthCase
from scripted import CLOSE, Scripted
from tally import Tally
from token_server import Answer, TokenServer
from trial import ALL
from watcher import Watcher

EXPIRED = b"* BYE Session invalidated - AccessTokenExpired\r\n"
COUNT = 10000 if ALL else 300
LIFE_S = 5 if ALL else 1
TURNS = COUNT  # a run goes on with new sessions a few times, and the next run goes on from there
RUN_DEADLINE_S = 600
FAILURES = [Answer(503, {}, {"Retry-After": "1"}), Answer(429, {}, {"Retry-After": "1"}), Answer(500, {}), Answer(200, b"<html>")]


class Expiring:
    """A proxy in front of an IMAP server: a session that is older than its token is ended at the next command, and so is
    one at each third FETCH of bodies, however quick the machine is."""

    def __init__(self, port, life_s):
        self.to, self.life_s, self.ended, self.fetches = port, life_s, 0, 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self):
        self._threads[0].start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self.to))
                self._threads += [threading.Thread(target=self._to_server, args=[client, server]),
                                  threading.Thread(target=self._to_client, args=[client, server])]
                for thread in self._threads[-2:]:
                    thread.start()

    def _to_server(self, client, server):
        end = time.monotonic() + self.life_s
        with contextlib.suppress(OSError):
            while command := client.recv(65536):
                self.fetches += b"BODY.PEEK[]" in command
                third = b"BODY.PEEK[]" in command and self.fetches % 3 == 1
                if (third or time.monotonic() > end) and b"LOGOUT" not in command:
                    self.ended += 1
                    client.sendall(EXPIRED)
                    break
                server.sendall(command)
        for one in [server, client]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _to_client(self, client, server):
        with client, server, contextlib.suppress(OSError):
            while answer := server.recv(65536):
                client.sendall(answer)
            client.shutdown(socket.SHUT_RDWR)


class Loading(OauthCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tally = Tally(f"sessions that end with their token, of {LIFE_S} s, while {COUNT:,} messages are loaded")
        cls.addClassCleanup(cls.tally.report)

    def test_mail_comes_once(self):
        with TokenServer(life_s=LIFE_S) as tokens, self.dovecot(tokens) as server, Expiring(server.port, LIFE_S) as proxy:
            subjects = self.fill(server)
            self.login(self.custom(tokens, "--grant", "device", "--device-url", tokens.url("devicecode")))
            self.create(server, port=proxy.port)
            tokens.delay_s = 0.05
            said = self.load_all(tokens, server)
            verdict = self.judge(server, subjects, said)
            for _ in range(proxy.ended):
                self.tally.add(verdict, True)
            self.assertGreater(proxy.ended, 0)
            self.assertTrue(verdict, verdict)

    def fill(self, server):
        made = list(messages(COUNT))
        with server.mailbox() as mailbox:
            mailbox.append(*made)
        return {str(one["Subject"]) for one in made}

    def load_all(self, tokens, server):
        """What the runs have said."""
        said = []
        for turn in range(TURNS):
            if not self.waiting(server):
                break
            tokens.script = [FAILURES[turn // 2 % len(FAILURES)]] if turn % 2 else []
            try:
                said.append(self.start("load", "invoices").communicate(timeout=RUN_DEADLINE_S)[1].decode())
            except subprocess.TimeoutExpired:
                self.fail(f"a run that takes longer than {RUN_DEADLINE_S} s")
        return "".join(said)

    def judge(self, server, subjects, said):
        loaded = self.column("SELECT subject FROM entry")
        with server.mailbox() as mailbox:
            folders = mailbox.count("INBOX"), mailbox.count("DROPBOX")
        unexpected = [line for line in said.splitlines() if re.search("refused|AUTHENTICATIONFAILED|invalid_grant", line)]
        unexpected += self.sql("SELECT * FROM queue_health WHERE refusals > 0")
        unexpected += [folders] if folders != (0, len(subjects)) else []
        return Verdict(sorted(subjects - set(loaded)), [one for one, times in collections.Counter(loaded).items() if times > 1], unexpected)

    def waiting(self, server):
        with server.mailbox() as mailbox:
            return mailbox.count("INBOX")


class Watching(OauthCase):
    def test_idle_session_whose_token_ends(self):
        """Loading again within three seconds, with another token, and no error is noted."""
        times = []

        def idle(talk, _words):
            talk.say(b"+ idling\r\n")
            times.append(time.monotonic())
            if len(times) == 1:
                self.age()
                talk.say(EXPIRED)
                return CLOSE
            talk.hear()
            return b"{tag} OK done\r\n"

        with TokenServer() as tokens, Scripted((rb"IDLE", idle), after="IMAP4rev1 IDLE MOVE UIDPLUS", mechanisms="XOAUTH2") as server:
            self.login(self.with_secret(tokens))
            self.create(server)
            watcher = Watcher(self, self.start("watch", "--log-format", "json", "--log-level", "debug"))
            watcher.wait("signed_in", times=2)
            watcher.wait_idle(times=2)
            self.assertEqual(0, watcher.count("failed"))
            watcher.stop()
            self.assertLess(times[1] - times[0], 3)
            self.assertEqual(2, len(tokens.asked))
            self.assertEqual(2, len({line for line in server.said if line.startswith(b"AUTHENTICATE")}))
        self.assertEqual([], self.sql("SELECT last_message FROM work_queue WHERE last_message LIKE 'Error%'"))


if __name__ == "__main__":
    unittest.main()
