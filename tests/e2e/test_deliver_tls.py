"""Whom a delivery believes to be its target: certificates, and what a redirect may lead to."""

import pathlib
import unittest

import certificates
import inqueue
from deliveries import DeliverCase
from receiver import Answer


class Tls(DeliverCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.authority = certificates.Authority(cls.server.folder / "authority")
        cls.certificate = cls.authority.issue()
        cls.wrong_host = cls.authority.issue("wrong", ["DNS:wrong.example.com"])

    def test_a_private_authority_and_a_client_certificate(self):
        receiver = self.receiver(certificate=self.certificate, client_authority=self.authority.certificate)
        self.target(receiver.url(host="localhost"), *self.with_client_certificate())
        self.load()
        self.inqueue("deliver")
        self.assertEqual(["done"], self.states())
        self.inqueue("queue", "alter", "invoices", "--deliver-client-certificate", "")
        result = self.inqueue("deliver", "--test", "invoices", expect=inqueue.UNREACHABLE)
        self.assertRegex(result.stderr, r"deliver 'invoices': localhost:\d+: ")
        self.assertEqual(1, len(receiver.requests))

    def test_files_that_hold_no_certificate(self):
        odd = self.file("odd.pem", "no certificate\n")
        receiver = self.receiver(certificate=self.certificate)
        self.target(receiver.url(host="localhost"), "--deliver-ca-file", odd)
        for options in [["--deliver-ca-file", odd], ["--deliver-crl-file", odd],
                        ["--deliver-ca-file", "nosuch.pem"]]:
            self.inqueue("queue", "alter", "invoices", "--deliver-ca-file", "", "--deliver-crl-file", "", *options)
            self.fails(inqueue.CONFIGURATION, "deliver", "--test",
                       says=f"deliver 'invoices': {options[0][2:]} '.*{pathlib.Path(options[1]).name}' ")
        self.inqueue("queue", "alter", "invoices", "--deliver-crl-file", "")
        self.inqueue("queue", "alter", "invoices", "--deliver-ca-file", self.authority.certificate,
                     "--deliver-client-certificate", odd)
        self.fails(inqueue.UNREACHABLE, "deliver", "--test", says=f"client certificate '{odd}': ")
        self.assertEqual([], receiver.requests)

    def test_another_host_does_not_see_the_client_certificate(self):
        home, other = [self.receiver(certificate=self.certificate, client_authority=self.authority.certificate,
                                     client_must=False) for _ in range(2)]
        home.answers = [Answer(307, {"Location": "/here"}), Answer(307, {"Location": other.url(host="localhost")})]
        self.target(home.url(host="localhost"), *self.with_client_certificate())
        self.load()
        self.inqueue("deliver")
        self.assertEqual([True, True], [bool(request.certificate) for request in home.requests])
        self.assertEqual([{}], [request.certificate or {} for request in other.requests])

    def with_client_certificate(self):
        both = self.file("client.pem", self.certificate.certificate.read_text() + self.certificate.key.read_text())
        return ["--deliver-ca-file", self.authority.certificate, "--deliver-client-certificate", both]

    def test_untrusted_and_wrong_host(self):
        for number, (certificate, options) in enumerate([
                (self.certificate, []), (self.wrong_host, ["--deliver-ca-file", self.authority.certificate])]):
            receiver = self.receiver(certificate=certificate)
            name = f"queue{number}"
            self.target(receiver.url(host="localhost"), *options, name=name)
            result = self.inqueue("deliver", "--test", name, expect=inqueue.UNREACHABLE)
            self.assertRegex(result.stderr, "certificate")
            self.assertEqual([], receiver.requests)

    def test_a_redirect_leads_to_servers_that_are_judged_too(self):
        other = self.receiver(certificate=self.wrong_host)
        home = self.receiver(Answer(307, {"Location": other.url()}), certificate=self.certificate)
        self.target(home.url(host="localhost"), "--deliver-ca-file", self.authority.certificate)
        self.load()
        self.fails(inqueue.UNREACHABLE, "deliver",
                   says=r"the certificate of 127\.0\.0\.1 is for another host: .* \(wrong\.example\.com\)")
        self.assertEqual((1, 0), (len(home.requests), len(other.requests)))
        self.assertEqual(["new"], self.states())
        self.assertEqual(["unreachable"], [outcome for _, _, outcome, _ in self.attempts()])

    def test_https_does_not_fall_to_http(self):
        plain = self.receiver()
        receiver = self.receiver(Answer(307, {"Location": plain.url()}), certificate=self.certificate)
        self.target(receiver.url(host="localhost"), "--deliver-ca-file", self.authority.certificate)
        result = self.inqueue("deliver", "--test", "invoices", expect=inqueue.UNREACHABLE)
        self.assertRegex(result.stderr, "the target redirects from https to http\n")
        self.assertEqual([], plain.requests)


if __name__ == "__main__":
    unittest.main()
