"""Who is who: a pinned server, the oldest TLS that is used, a client's certificate, and signing in for somebody else."""

import base64
import hashlib
import os
import ssl
import subprocess
import tempfile
import unittest

import certificates
from inqueue import CONFIGURATION, CREDENTIALS, UNREACHABLE, Case, ServerCase, connection_string, message
from proxy import CLIENT, Proxy
from scripted import Scripted
from servers import Dovecot, for_dovecot


def pin(certificate):
    """As curl's manual has it made."""
    public = subprocess.run(["openssl", "x509", "-in", certificate, "-pubkey", "-noout"], check=True, capture_output=True).stdout
    key = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "der"], input=public, check=True, capture_output=True).stdout
    return "sha256//" + base64.b64encode(hashlib.sha256(key).digest()).decode()


OTHER = "sha256//" + base64.b64encode(bytes(32)).decode()


class Pin(ServerCase):
    @classmethod
    def make_server(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.authority = certificates.Authority(f"{folder}/ours")
        cls.certificate = cls.authority.issue("old", ["DNS:imap.other.example"], validity=certificates.LONG_AGO)
        return Dovecot(certificate=cls.certificate)

    def modes(self):
        return [("implicit", self.server.tls_port), ("starttls", self.server.port)]

    def test_the_key_decides_alone(self):
        """Nobody knows the authority, the name is another one, and the time is over."""
        right = pin(self.certificate.certificate)
        for mode, port in self.modes():
            for number, pins in enumerate([right, f"{OTHER}, {right}"]):
                with self.subTest(mode=mode, pins=pins):
                    name = f"{mode}-{number}"
                    self.create_queue(name=name, url="localhost", port=port, ssl=mode == "implicit", pin=pins)
                    self.assertRegex(self.inqueue("queue", "check", name, "--json").json()["tls"], "TLS")

    def test_another_key_is_refused_before_the_sign_in(self):
        for mode, port in self.modes():
            with self.subTest(mode=mode), Proxy(port) as proxy:
                self.create_queue(name=mode, url="localhost", port=proxy.port, ssl=mode == "implicit", pin=OTHER)
                self.fails(UNREACHABLE, "load", mode, says="localhost shows another public key than pin= names")
                self.assertNotRegex(bytes(proxy.seen[CLIENT]), rb"(?i)AUTHENTICATE|LOGIN")

    def test_a_pin_demands_tls(self):
        with Dovecot() as server:
            self.create_queue(server, user="robot@example.com", pin=OTHER)
            self.fails(UNREACHABLE, "load", "invoices", says="offers no TLS, and pin= demands it")

    def test_what_is_no_pin(self):
        for text in ["x", "sha256//", "sha256//short=", OTHER[:-1], OTHER.replace("sha256", "sha1"), f"{OTHER},", OTHER + "="]:
            with self.subTest(text=text):
                self.inqueue("queue", "create", "q", "--connection-string", connection_string({"url": "h", "pin": text}),
                             "--user-name", "robot", "--password-env", "WORD", expect=CONFIGURATION)


class Version(Case):
    def test_the_oldest_that_is_used(self):
        with tempfile.TemporaryDirectory() as folder:
            certificate = certificates.Authority(folder).issue()
            keys = {"url": "localhost", "ssl": True, "pin": pin(certificate.certificate)}
            with Scripted(certificate=certificate, newest=ssl.TLSVersion.TLSv1_2) as server:
                self.create_queue(server, **keys)
                self.assertEqual("TLSv1.2", self.inqueue("queue", "check", "invoices", "--json").json()["tls"])
                self.create_queue(server, "strict", **keys, minTls="1.3")
                self.fails(UNREACHABLE, "load", "strict", says="no TLS 1.3 or newer with localhost")
            with Scripted(certificate=certificate) as server:
                self.create_queue(server, "newer", **keys, minTls="1.3")
                self.assertEqual("TLSv1.3", self.inqueue("queue", "check", "newer", "--json").json()["tls"])


class External(Case):
    def test_a_certificate_signs_in(self):
        with tempfile.TemporaryDirectory() as folder:
            authority = certificates.Authority(folder)
            certificate, own = authority.issue(), authority.issue("robot")
            both = self.file("both.pem", own.certificate.read_text() + own.key.read_text())
            keys = {"url": "localhost", "ssl": True, "pin": pin(certificate.certificate), "clientCert": both}
            for capability in ["IMAP4rev1 SASL-IR", "IMAP4rev1"]:
                heard = []

                def later(talk, _words, heard=heard):
                    talk.say(b"+ \r\n")
                    heard.append(talk.hear())
                    return b"{tag} OK done\r\n"

                for owner, said in [(None, b""), ("ann@example.com", base64.b64encode(b"ann@example.com"))]:
                    at_once = "SASL-IR" in capability
                    more = {"authUser": owner} if owner else {}
                    with self.subTest(capability=capability, owner=owner), \
                            Scripted(*([] if at_once else [(rb"AUTHENTICATE EXTERNAL$", later)]), capability=capability,
                                     mechanisms="EXTERNAL", certificate=certificate,
                                     client_authority=authority.certificate) as server:
                        self.inqueue("queue", "create", "q", "--connection-string", connection_string(
                            self.keys(server, **keys, authMech="external", **more)), "--user-name", "robot@example.com")
                        self.assertEqual("EXTERNAL", self.inqueue("queue", "check", "q", "--json").json()["mechanism"])
                        if at_once:
                            self.assertIn(b"AUTHENTICATE EXTERNAL " + (said or b"="), server.said)
                        else:
                            self.assertEqual(said, heard[-1])
                        self.inqueue("load", "q")
                        self.inqueue("mail", "getHeaderOnly", "--queue", "q")
                        self.assertRegex(self.inqueue("queue", "show", "q").stdout, "password source.*none, the certificate")
                        self.inqueue("queue", "drop", "q", "--yes")
            with Scripted(mechanisms="EXTERNAL", certificate=certificate) as server:
                self.create_queue(server, **{**keys, "clientCert": self.file("empty.pem", "")}, authMech="EXTERNAL")
                self.fails(CONFIGURATION, "load", "invoices", says="clientCert '.*empty.pem' holds no certificate")

    def test_a_key_that_others_can_get_at(self):
        with tempfile.TemporaryDirectory() as folder:
            authority = certificates.Authority(folder)
            certificate, own = authority.issue(), authority.issue("robot")
            both = self.file("both.pem", own.certificate.read_text() + own.key.read_text())
            with Scripted(mechanisms="EXTERNAL", certificate=certificate, client_authority=authority.certificate) as server:
                self.inqueue("queue", "create", "q", "--connection-string", connection_string(
                    self.keys(server, url="localhost", ssl=True, pin=pin(certificate.certificate), clientCert=both,
                              authMech="EXTERNAL")), "--user-name", "robot@example.com")
                for mode in [0o640, 0o604, 0o620]:
                    with self.subTest(mode=mode):
                        both.chmod(mode)
                        self.fails(CONFIGURATION, "load", "q", says="clientCert '.*both.pem' can be read by other users")
                        self.assertRegex(self.inqueue("doctor", expect=CONFIGURATION).stdout, "wrong +clientCert of 'q' +.*can be")
                both.chmod(0o600)
                if os.getuid() == 0:
                    os.chown(both, 4711, 4711)
                    self.fails(CONFIGURATION, "load", "q", says="clientCert '.*both.pem'")
                    os.chown(both, 0, 0)
                self.inqueue("load", "q")

    def test_without_a_certificate(self):
        self.assertIn("authMech=EXTERNAL needs clientCert=FILE", self.inqueue(
            "queue", "create", "q", "--connection-string", "url=h;authMech=EXTERNAL", "--user-name", "robot",
            "--password-env", "NONE", expect=CONFIGURATION).stderr)


class ForOthers(Case):
    """A user who may sign in for all others, as an administrator's program does."""

    MASTER = for_dovecot("passdb {\n  driver = static\n  master = yes\n  args = password=master-word\n}\n",
                         "passdb static {\n  master = yes\n  passdb_static_password = master-word\n}\n")

    def create(self, server, name="invoices", **keys):
        self.inqueue("queue", "create", name, "--connection-string", connection_string(self.keys(server, **keys)),
                     "--user-name", "admin", "--password-file", self.file("password", "master-word\n"))

    def test_the_mailbox_is_the_others(self):
        for mechanism in ["PLAIN", "SCRAM-SHA-256"]:
            with self.subTest(mechanism=mechanism), \
                    Dovecot(mechanisms="plain login scram-sha-256", extra=self.MASTER) as server:
                with server.mailbox() as mailbox:
                    mailbox.append(message(mechanism))
                self.create(server, mechanism, authUser="robot@example.com", authMech=mechanism)
                self.assertEqual(mechanism, self.inqueue("queue", "check", mechanism, "--json").json()["mechanism"])
                self.inqueue("load", mechanism)
                with server.mailbox() as mailbox:
                    self.assertEqual([mechanism], mailbox.subjects("DROPBOX"))
        self.assertEqual(["PLAIN", "SCRAM-SHA-256"], self.column("SELECT subject FROM entry ORDER BY id"))

    def test_a_mechanism_with_one_name_is_passed_over(self):
        with Scripted(mechanisms="LOGIN CRAM-MD5") as server:
            self.create(server, authUser="robot@example.com")
            self.fails(CREDENTIALS, "load", "invoices", says="offers no sign-in with a password")
            self.create(server, "named", authUser="robot@example.com", authMech="LOGIN")
            self.fails(CONFIGURATION, "load", "named", says="authMech=LOGIN signs in for nobody else")
            self.assertEqual(0, server.count(rb"AUTHENTICATE|LOGIN "))

    def test_cram_md5_is_used_where_it_is_named_only(self):
        with Dovecot(mechanisms="cram-md5") as server:
            self.create_queue(server)
            self.fails(CREDENTIALS, "load", "invoices", says="LOGIN|offers no sign-in")
            self.create_queue(server, "named", authMech="CRAM-MD5")
            self.assertEqual("CRAM-MD5", self.inqueue("queue", "check", "named", "--json").json()["mechanism"])

    def test_both_names_of_one_mailbox_are_neighbours(self):
        with Dovecot(extra=self.MASTER) as server:
            self.create(server, authUser="robot@example.com")
            self.create_queue(server, "same")
            notes = self.inqueue("queue", "check", "same", "--json").json()["notes"]
            self.assertTrue(any("'invoices' collects from 'INBOX' as well" in note for note in notes), notes)


if __name__ == "__main__":
    unittest.main()
