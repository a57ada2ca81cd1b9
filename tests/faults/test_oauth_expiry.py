"""Access tokens that live for seconds: sessions end with them, in IDLE and in the middle of loading. Nothing is lost or
doubled, and nobody is told of an error.

A short run loads 300 messages, a campaign 10,000, while the token server also delays and refuses in turn.
"""

import contextlib
import socket
import threading
import time
import unittest

from inqueue import messages
from scripted import CLOSE, Scripted
from test_oauth import OauthCase
from token_server import Answer, TokenServer
from trial import ALL
from watcher import Watcher

EXPIRED = b"* BYE Session invalidated - AccessTokenExpired\r\n"
COUNT = 10000 if ALL else 300
LIFE_S = 5 if ALL else 1


class Expiring:
    """A proxy in front of an IMAP server: a session that is older than its token is ended at the next command, and so is
    one at each third FETCH, however quick the machine is."""

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
                self.fetches += b"FETCH" in command
                third = b"FETCH" in command and self.fetches % 3 == 1
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
    def test_mail_comes_once(self):
        with TokenServer(life_s=LIFE_S) as tokens, self.dovecot(tokens) as server, Expiring(server.port, LIFE_S) as proxy:
            with server.mailbox() as mailbox:
                mailbox.append(*messages(COUNT))
            self.login(self.custom(tokens, "--grant", "device", "--device-url", tokens.url("devicecode")))
            self.create(server, port=proxy.port)
            tokens.delay_s = 0.05
            turns, said = 0, ""
            while turns < 50 and self.waiting(server):
                tokens.script = [Answer(503, {}, {"Retry-After": "1"})] if turns % 2 else []
                process = self.start("load", "invoices")
                stdout, stderr = process.communicate(timeout=600)
                said += stderr.decode()
                turns += 1
            self.assertEqual(COUNT, self.sql("SELECT count(*) FROM entry")[0][0])
            self.assertEqual(COUNT, self.sql("SELECT count(DISTINCT subject) FROM entry")[0][0])
            with server.mailbox() as mailbox:
                self.assertEqual((0, COUNT), (mailbox.count("INBOX"), mailbox.count("DROPBOX")))
            self.assertGreater(proxy.ended, 0)
            self.assertNotRegex(said, "refused|AUTHENTICATIONFAILED|invalid_grant")
            self.assertEqual([], self.sql("SELECT * FROM queue_health WHERE refusals > 0"))

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
