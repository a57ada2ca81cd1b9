"""`inqueue serve` among strangers: requests that can be read in two ways, one address that takes all connections, files of
other users, memory."""

import os
import socket
import subprocess
import sys
import unittest

import certificates
from inqueue import CONFIGURATION, DEADLINE_S
from serve_case import ServeCase


class Requests(ServeCase):
    def setUp(self):
        super().setUp()
        self.entry, = self.put()
        self.operator = self.token("operate")
        self.serve()
        self.headers = [f"Authorization: Bearer {self.operator}", "Host: localhost"]

    def say(self, head, *headers, body=""):
        """All that is answered until the server closes."""
        text = "\r\n".join([head, *self.headers, *headers, "", body])
        with socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE_S) as connection:
            connection.sendall(text.encode())
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
        return answer.decode()

    def test_what_can_be_read_in_two_ways(self):
        """A second request stands behind the first, for whoever believes the shorter length. Newer versions of the HTTP library
        refuse some of it themselves, in their own words."""
        note = '{"text":"a"}'
        second = "\r\n".join([note + "GET /v1/queues HTTP/1.1", *self.headers, "", ""])
        post = f"POST /v1/entries/{self.entry}/note HTTP/1.1"
        for headers, says in [
                (["Content-Length: 12", "Content-Length: 60"], "the header Content-Length is there more than once"),
                (["content-length: 12", "CONTENT-LENGTH: 12"], "the header Content-Length is there more than once"),
                (["Content-Length: 12", "Transfer-Encoding: chunked"], "exclude each other"),
                (["Transfer-Encoding: chunked", "Content-Length: 12"], "exclude each other"),
                (["Transfer-Encoding: xchunked"], "Transfer-Encoding takes chunked|Transfer-Encoding used in request is not supported"),
                (["Transfer-Encoding: gzip, chunked"], "Transfer-Encoding takes chunked|Transfer-Encoding used in request is not supported"),
                (["Transfer-Encoding: chunked", "Transfer-Encoding: identity"], "Transfer-Encoding is there more than once"),
                (["Content-Length : 12"], "the name of a header has no blank|whitespace before the first colon"),
                (["Content-Length: 12", "Host: other.example.com"], "the header Host is there more than once"),
                (["Content-Length: 12", "Authorization: Bearer inq_"], "the header Authorization is there more than once")]:
            with self.subTest(headers=headers):
                before = self.dump()
                answer = self.say(post, *headers, body=second)
                self.assertEqual(1, answer.count("HTTP/1.1 "), answer)
                self.assertTrue(answer.startswith("HTTP/1.1 400 "), answer)
                self.assertRegex(answer, says)
                self.assertEqual(before, self.dump())
        self.assertIn(" 204 ", self.say(post, "Transfer-Encoding: Chunked", "Connection: close", body="c\r\n" + note + "\r\n0\r\n\r\n"))

    def test_nul_ends_nothing(self):
        """Text that went on behind it would be judged by a proxy, and not here."""
        for path, expect in [(f"/v1/entries/{self.entry}%00", 404), (f"/v1/entries/{self.entry}%00/x", 404), ("/v1/queues/invoices%00", 404),
                             ("/v1/queues%00", 404), ("/v1/queues/invoices/entries?subject=%00x", 400),
                             ("/v1/queues/invoices/entries?state=new%00", 400), ("/v1/queues/invoices/entries?limit=1%00", 400),
                             ("/v1/queues/invoices/entries?limit%00=1", 400)]:
            with self.subTest(path=path):
                self.assertIn(f"HTTP/1.1 {expect} ", self.say(f"GET {path} HTTP/1.1", "Connection: close"))


# Opens connections that say nothing, from each source in turn; then asks once, from the last one.
CALLER = """
import http.client, socket, ssl, sys
port, authority, token, host, count, *sources = sys.argv[1:]
silent = [socket.create_connection((host, port), source_address=(source, 0)) for source in sources for _ in range(int(count))]
context = ssl.create_default_context(cafile=authority)
asking = http.client.HTTPSConnection(host, int(port), context=context, source_address=(sources[-1], 0))
try:
    asking.request("GET", "/v1/queues", headers={"Authorization": "Bearer " + token})
    print(asking.getresponse().status)
except OSError:
    print("closed")
"""


@unittest.skipIf(os.getuid() != 0, "only root can make a network")
class Connections(ServeCase):
    """In a network of its own, which has other addresses than this machine's own."""

    def setUp(self):
        super().setUp()
        self.authority = certificates.Authority(self.folder)
        certificate = self.authority.issue(alternatives=["IP:127.0.0.1", "IP:192.0.2.7", "IP:2001:db8::7"])
        self.reader = self.token("read")
        addresses = ["192.0.2.7/32", *(f"2001:db8:{place}/128" for place in [":7", ":8", "0:1::8"])]
        commands = ["ip link set lo up", *(f"ip address add {address} dev lo" for address in addresses), 'exec "$@"']
        self.serve("--host", "192.0.2.7,[2001:db8::7]", "--tls-certificate", certificate.certificate, "--tls-key", certificate.key,
                   listen="[::]:0", wrap=["unshare", "--net", "sh", "-c", " && ".join(commands), "sh"])

    def check(self, answer, host, count, *sources):
        """A server that has been left by the last callers counts anew."""
        done = subprocess.run(["nsenter", f"--net=/proc/{self.server.pid}/ns/net", sys.executable, "-c", CALLER, str(self.port),
                               self.authority.certificate, self.reader, host, str(count), *sources],
                              capture_output=True, text=True, timeout=DEADLINE_S, check=True)
        self.assertEqual(answer, done.stdout.strip(), done.stderr)

    def test_one_address(self):
        self.check("200", "192.0.2.7", 90, "192.0.2.7")

    def test_one_address_with_many(self):
        self.check("429", "192.0.2.7", 150, "192.0.2.7")

    def test_one_address_with_all(self):
        self.check("closed", "192.0.2.7", 250, "192.0.2.7")

    def test_addresses_of_one_network(self):
        self.check("closed", "2001:db8::7", 125, "2001:db8::7", "2001:db8::8")

    def test_another_network(self):
        self.check("200", "2001:db8::7", 90, "2001:db8::7", "2001:db8:0:1::8")

    def test_this_machines_own(self):
        """A proxy has all connections of its callers."""
        self.check("200", "127.0.0.1", 250, "127.0.0.1")


class Files(ServeCase):
    def setUp(self):
        super().setUp()
        self.certificate = certificates.Authority(self.folder).issue()

    def refused(self, says, certificate=None, key=None):
        result = self.inqueue("serve", "--listen", "127.0.0.1:0", "--tls-certificate", certificate or self.certificate.certificate,
                              "--tls-key", key or self.certificate.key, expect=CONFIGURATION)
        self.assertIn(says, result.stderr)

    def test_a_key_that_others_can_read(self):
        self.certificate.key.chmod(0o644)
        self.refused("can be read by other users: chmod 600 it")

    @unittest.skipIf(os.getuid() != 0, "only root can give files away")
    def test_a_key_of_another_user(self):
        os.chown(self.certificate.key, 12345, 12345)
        self.refused(f"file '{self.certificate.key}'")

    def test_a_certificate_that_is_none(self):
        """A pipe is waited for by nobody, and a device has no end."""
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        for path in [pipe, "/dev/zero", self.folder]:
            with self.subTest(path=path):
                self.refused("it is no file of at most 64 MiB", certificate=path)

    def test_a_key_that_is_none(self):
        self.refused("do certificate and key belong together?", key=self.file("key", "no key\n", mode=0o600))


class Memory(ServeCase):
    def test_it_leaves_no_core(self):
        self.serve(wrap=["sh", "-c", 'ulimit -c unlimited && exec "$@"', "sh"])
        with open(f"/proc/{self.server.pid}/limits", encoding="ascii") as limits:
            self.assertRegex(limits.read(), r"(?m)^Max core file size +0 +0 ")
