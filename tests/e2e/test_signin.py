"""Signing in with the strongest mechanism, TLS with verified certificates, and the password never in clear."""

import socket
import ssl
import tempfile
import threading
import unittest
import warnings

import certificates
from inqueue import CONFIGURATION, CREDENTIALS, UNREACHABLE, Case, ServerCase, message
from proxy import CLIENT, Proxy
from servers import Dovecot


class Mechanism(Case):
    def test_strongest_that_is_offered(self):
        for offered, used in [("plain login scram-sha-1 scram-sha-256", "SCRAM-SHA-256"),
                              ("plain login scram-sha-1", "SCRAM-SHA-1"), ("plain login", "PLAIN"), ("login", "LOGIN")]:
            with self.subTest(offered=offered), Dovecot(mechanisms=offered) as server:
                self.create_queue(server, name=used)
                shown = self.inqueue("queue", "check", used, "--json").json()
                self.assertEqual(used, shown["mechanism"])

    def test_forced_by_the_operator(self):
        with Dovecot() as server:
            for mechanism in ["LOGIN", "PLAIN", "SCRAM-SHA-1"]:
                self.create_queue(server, name=mechanism, authMech=mechanism)
                shown = self.inqueue("queue", "check", mechanism, "--json").json()
                self.assertEqual(mechanism, shown["mechanism"])

    def test_in_more_steps(self):
        """A server that takes no initial response (RFC 4959)."""
        with Dovecot() as server:
            for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-1"]:
                self.create_queue(server, name=mechanism, authMech=mechanism, disable="SASL-IR")
                shown = self.inqueue("queue", "check", mechanism, "--json").json()
                self.assertEqual(mechanism, shown["mechanism"])

    def test_forced_but_not_offered(self):
        with Dovecot(mechanisms="plain") as server:
            self.create_queue(server, authMech="SCRAM-SHA-256")
            self.fails(CREDENTIALS, "load", "invoices", says=["'invoices'", "SCRAM-SHA-256", "PLAIN"])

    def test_odd_names_and_passwords(self):
        users = {"robot two@example.com": "with  blanks", "paren (x) {5}": 'a"b\\c', "jürgen@example.com": "Grüße €",
                 "long": "x" * 200, "percent": "a%20b&c=d;e'f"}
        for mechanisms in ["plain", "login", "scram-sha-256"]:
            with Dovecot(users=users, mechanisms=mechanisms) as server:
                for number, user in enumerate(users):
                    with self.subTest(mechanisms=mechanisms, user=user):
                        self.create_queue(server, f"{mechanisms}-{number}", user)
                        self.inqueue("queue", "check", f"{mechanisms}-{number}")

    def test_wrong_password_is_tried_once(self):
        """Another mechanism would not know better, and accounts get locked."""
        with Dovecot() as server, Proxy(server.port) as proxy:
            self.create_queue(server, port=proxy.port)
            self.file("invoices.password", "wrong\n")
            result = self.fails(CREDENTIALS, "load", "invoices",
                                says=["load 'invoices'", "robot@example.com", "Authentication failed"])
            self.assertNotIn("wrong", result.stderr)
            self.assertEqual(1, server.log().count("unknown user") + server.log().count("Password mismatch") +
                             server.log().count("password mismatch") + server.log().count("SCRAM password"))


class Tls(ServerCase):
    @classmethod
    def make_server(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.authority = certificates.Authority(f"{folder}/ours")
        cls.other = certificates.Authority(f"{folder}/other", "Another Authority")
        return Dovecot(certificate=cls.authority.issue())

    def check(self, name="invoices"):
        return self.inqueue("queue", "check", name, "--json").json()

    def test_implicit_and_starttls(self):
        self.create_queue(name="implicit", url="localhost", port=self.server.tls_port, ssl=True,
                          caFile=self.authority.certificate)
        self.create_queue(name="starttls", url="localhost", caFile=self.authority.certificate)
        for name in ["implicit", "starttls"]:
            with self.subTest(mode=name):
                self.assertRegex(self.check(name)["tls"], r"^TLSv1\.[23]$")

    def test_by_address(self):
        self.create_queue(port=self.server.tls_port, ssl=True, caFile=self.authority.certificate)
        self.check()

    def refused(self, certificate, *says, **keys):
        """In both modes; nothing of the password is sent."""
        with Dovecot(certificate=certificate) as server:
            for mode, port in [("implicit", server.tls_port), ("starttls", server.port)]:
                with self.subTest(mode=mode), Proxy(port) as proxy:
                    name = f"{mode}-{len(self.column('SELECT name FROM work_queue') if self.database.exists() else [])}"
                    self.create_queue(server, name, "robot@example.com",
                                      **{"url": "localhost", "port": proxy.port, "ssl": mode == "implicit",
                                         "caFile": self.authority.certificate, **keys})
                    self.fails(UNREACHABLE, "load", name, says=[f"load '{name}'", "certificate", *says])
                    self.assertNotRegex(bytes(proxy.seen[CLIENT]), rb"(?i)AUTHENTICATE|LOGIN")

    def test_certificate_that_has_expired(self):
        self.refused(self.authority.issue("expired", validity=certificates.LONG_AGO), "expired")

    def test_certificate_of_another_authority(self):
        self.refused(self.other.issue(), "authority", "caFile")

    def test_certificate_of_a_private_authority_without_ca_file(self):
        self.refused(self.authority.issue("second"), "authority", "caFile", caFile="")

    def test_certificate_for_another_host(self):
        self.refused(self.authority.issue("imap.other.example", ["DNS:imap.other.example"]), "another host")

    def test_insecure_does_not_mean_unverified(self):
        self.refused(self.other.issue("third"), "authority", insecure=True)

    def test_authority_that_is_missing_or_empty(self):
        for path in [self.folder / "nosuch.pem", self.file("empty.pem", "")]:
            name = path.stem
            self.create_queue(name=name, url="localhost", port=self.server.tls_port, ssl=True, caFile=path)
            self.fails(CONFIGURATION, "load", name, says=[f"'{name}'", "caFile", path.name])

    def test_revocation_list_that_is_missing_or_empty(self):
        for path in [self.folder / "nosuch.pem", self.file("empty.pem", "")]:
            name = path.stem
            self.create_queue(name=name, url="localhost", port=self.server.tls_port, ssl=True,
                              caFile=self.authority.certificate, crlFile=path)
            self.fails(CONFIGURATION, "load", name, says=[f"'{name}'", "crlFile", path.name])

    def test_ssl_on_a_port_that_begins_in_clear(self):
        self.create_queue(url="localhost", ssl=True, caFile=self.authority.certificate, timeout=5)
        self.fails(UNREACHABLE, "load", "invoices", says=["'invoices'", "ssl="])

    def test_tls_older_than_1_2_is_refused(self):
        with OldTls(self.authority.issue("old")) as port:
            self.create_queue(url="localhost", port=port, ssl=True, caFile=self.authority.certificate, timeout=5)
            self.fails(UNREACHABLE, "load", "invoices", says=["'invoices'", "TLS"])


class OldTls:
    """A server that knows TLS 1.1 at most."""

    def __init__(self, certificate):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that is the point
            self.context.minimum_version = self.context.maximum_version = ssl.TLSVersion.TLSv1_1
        self.context.load_cert_chain(certificate.certificate, certificate.key)

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()
        return self.listener.getsockname()[1]

    def __exit__(self, *_):
        self.thread.join()
        self.listener.close()

    def serve(self):
        connection, _ = self.listener.accept()
        with connection:
            try:
                self.context.wrap_socket(connection, server_side=True).sendall(b"* OK old\r\n")
            except (ssl.SSLError, OSError):
                pass


class InClear(ServerCase):
    """A server without TLS, seen from another address than loopback."""

    def setUp(self):
        super().setUp()
        self.address = own_address()
        if self.address is None:
            self.skipTest("this machine has no address but loopback")
        self.proxy = self.enterContext(Proxy(self.server.port, listen=self.address))

    def test_password_is_not_sent(self):
        self.create_queue(url=self.address, port=self.proxy.port)
        self.fails(UNREACHABLE, "load", "invoices", says=["'invoices'", "clear", "ssl=True", "insecure=True"])
        self.assertNotRegex(bytes(self.proxy.seen[CLIENT]), rb"(?i)AUTHENTICATE|LOGIN|correct")

    def test_unless_the_operator_says_so(self):
        self.deliver(message())
        self.create_queue(url=self.address, port=self.proxy.port, insecure=True)
        self.inqueue("load", "invoices")
        self.assertEqual([("Invoice 4711",)], self.sql("SELECT subject FROM entry"))


def own_address():
    """The address that packets to the outside would have; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = probe.getsockname()[0]
    return None if address.startswith("127.") else address


if __name__ == "__main__":
    unittest.main()
