"""inqueue watch on other servers than a plain Dovecot: over TLS, and on Cyrus."""

import tempfile
import unittest

import certificates
from cyrus import Cyrus
from inqueue import messages
from servers import Dovecot
from watcher import WatchCase


class OtherServers(WatchCase):
    def watch_on(self, server, user=None, **keys):
        """The next look would be ten minutes away: only IDLE brings the news."""
        user = user or next(iter(server.users))
        self.create_queue(server, user=user, **keys)
        watcher = self.watch("--renew", "10m")
        watcher.wait_idle()
        with server.mailbox(user) as mailbox:
            for number, mail in enumerate(messages(3), start=1):
                mailbox.append(mail)
                watcher.wait("stored", times=number)
                watcher.wait_idle(times=number + 1)
        watcher.stop()
        self.assertEqual(["Invoice 1", "Invoice 2", "Invoice 3"], self.entries())
        self.assertEqual(0, watcher.count("failed"))

    def test_tls_from_the_first_byte_and_starttls(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        authority = certificates.Authority(f"{folder}/ours")
        for name, ssl in [("TLS", True), ("STARTTLS", False)]:
            with self.subTest(name), Dovecot(certificate=authority.issue()) as server:
                self.database.unlink(missing_ok=True)
                self.watch_on(server, url="localhost", port=server.tls_port if ssl else server.port, ssl=ssl,
                              caFile=authority.certificate)

    def test_cyrus(self):
        """Which looks itself every `imapidlepoll` seconds, unless its idled runs."""
        with Cyrus() as server:
            self.watch_on(server)


if __name__ == "__main__":
    unittest.main()
