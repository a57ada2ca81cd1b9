"""A server that offers less than when the queue signed in last gets no password until the operator says so."""

import re
import tempfile
import unittest

import certificates
from inqueue import CREDENTIALS, Case
from scripted import Scripted
from servers import Dovecot

WAY_OUT = "`inqueue queue alter invoices --accept-downgrade`"


def refusal(last, now):
    return re.escape(f"inqueue: load 'invoices': not signed in as 'robot@example.com' at 127.0.0.1: the last sign-in was by "
                     f"{last} TLS, this one would be by {now} TLS, and somebody may be in between; where the server was "
                     f"changed, {WAY_OUT} lets it pass") + r"\n\Z"


class Mechanisms(Case):
    def memory(self):
        return self.sql("SELECT mechanism, tls FROM queue_sign_in")

    def test_a_weaker_one_gets_no_password(self):
        with Dovecot() as server:
            self.create_queue(server)
            self.inqueue("load")
            self.assertEqual([("SCRAM-SHA-256", 0)], self.memory())
            for weaker in ["scram-sha-1 plain", "plain login", "login"]:
                with self.subTest(weaker=weaker):
                    server.change(mechanisms=weaker)
                    first = weaker.split()[0].upper()
                    for _ in range(4):  # it counts as no refusal, which would stop the queue
                        self.fails(CREDENTIALS, "load", says=refusal("SCRAM-SHA-256 without", f"{first} without"))
                    self.fails(CREDENTIALS, "queue", "check", "invoices", says=WAY_OUT)
            self.assertNotIn("Login: user=<robot@example.com>, method=LOGIN", server.log())
            server.change(mechanisms="plain scram-sha-256")
            self.inqueue("load")
            self.assertEqual([("SCRAM-SHA-256", 0)], self.memory())

    def test_it_passes_once_where_the_operator_says_so(self):
        with Dovecot() as server:
            self.create_queue(server)
            self.inqueue("load")
            server.change(mechanisms="scram-sha-1")
            self.fails(CREDENTIALS, "load", says=WAY_OUT)
            self.inqueue("queue", "alter", "invoices", "--accept-downgrade")
            self.inqueue("load")
            self.assertEqual([("SCRAM-SHA-1", 0)], self.memory())
            server.change(mechanisms="plain")
            self.fails(CREDENTIALS, "load", says=refusal("SCRAM-SHA-1 without", "PLAIN without"))

    def test_what_is_as_good_passes(self):
        with Dovecot(mechanisms="plain") as server:
            self.create_queue(server)
            self.inqueue("load")
            server.change(mechanisms="login")
            self.inqueue("load")
            self.assertEqual([("LOGIN", 0)], self.memory())

    def test_another_definition_begins_anew(self):
        with Dovecot() as server:
            self.create_queue(server)
            self.inqueue("load")
            server.change(mechanisms="plain")
            self.inqueue("queue", "alter", "invoices", "--max-attempts", 7)
            self.inqueue("queue", "pause", "invoices")
            self.inqueue("queue", "resume", "invoices")
            self.fails(CREDENTIALS, "load", says=WAY_OUT)
            self.create_queue(server, "other", authMech="PLAIN")
            named = self.column("SELECT connection_string FROM work_queue WHERE name = 'other'")[0]
            self.inqueue("queue", "alter", "invoices", "--connection-string", named)
            self.assertEqual([], self.memory())
            self.inqueue("load", "invoices")

    def test_signed_in_already(self):
        """A greeting of PREAUTH asks for no password, and shows whatever mail it likes."""
        with Scripted() as server:
            self.create_queue(server)
            self.inqueue("load")
            server.greeting = b"* PREAUTH ready\r\n"
            self.fails(CREDENTIALS, "load", says=refusal("PLAIN without", "PREAUTH without"))

    def test_a_dry_run_remembers_nothing(self):
        with Dovecot() as server:
            self.create_queue(server)
            self.inqueue("load", "--dry-run")
            self.assertEqual([], self.memory())


class Tls(Case):
    def test_a_connection_in_clear_gets_no_password(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        authority = certificates.Authority(f"{folder}/authority")
        certificate = authority.issue()
        with Dovecot(certificate=certificate, mechanisms="plain") as server:
            self.create_queue(server, caFile=authority.certificate)
            self.inqueue("load")
            self.assertEqual([("PLAIN", 1)], self.sql("SELECT mechanism, tls FROM queue_sign_in"))
            server.change(certificate=None)
            self.fails(CREDENTIALS, "load", says=refusal("PLAIN with", "PLAIN without"))
            server.change(mechanisms="scram-sha-256")
            self.fails(CREDENTIALS, "load", says=refusal("PLAIN with", "SCRAM-SHA-256 without"))
            server.change(certificate=certificate)
            self.inqueue("load")


if __name__ == "__main__":
    unittest.main()
