"""A server's name with several addresses: the first that answers is taken, and one that hangs delays nothing. In a
mount namespace with names of its own."""

import contextlib
import os
import socket
import subprocess
import unittest

import certificates
from inqueue import UNREACHABLE, Case
from scripted import Scripted

# An attempt that is waited for takes longer than any test may.
TIMEOUT_S = 3600


class Last(Scripted):
    """At the address that the C library puts behind all others here: it has least in common with the own one."""

    address = "127.0.0.64"


class Silent:
    """Listens, and never takes a connection: when its queue is full, the next one hangs."""

    def __init__(self, address, port):
        self.listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, port))
        self.listener.listen(0)
        self.waiting = []

    def __enter__(self):
        for _ in range(64):
            one = socket.socket(self.listener.family)
            one.settimeout(1)
            self.waiting.append(one)
            try:
                one.connect(self.listener.getsockname())
            except TimeoutError:
                return self
        raise AssertionError("a queue that never fills")

    def __exit__(self, *_):
        for one in [self.listener, *self.waiting]:
            one.close()


class Addresses(Case):
    def setUp(self):
        super().setUp()
        self.space = ["unshare", "--mount", *([] if os.getuid() == 0 else ["--map-root-user"])]
        if subprocess.run([*self.space, "true"], capture_output=True, check=False).returncode:
            self.skipTest("no mount namespaces for this user")

    def named(self, *addresses):
        """In front of the program: mail.example.com has these addresses."""
        hosts = self.file("hosts", "".join(f"{address} mail.example.com\n" for address in addresses), mode=0o644)
        return [*self.space, "sh", "-c", f'mount --bind {hosts} /etc/hosts && exec "$@"', "sh"]

    def silent(self, port, *addresses):
        with contextlib.ExitStack() as stack:
            for address in addresses:
                stack.enter_context(Silent(address, port))
            return stack.pop_all()

    def create(self, server, **keys):
        self.create_queue(server, url="mail.example.com", **{"timeout": TIMEOUT_S, "insecure": True, **keys})

    def check(self, wrap):
        return self.inqueue("queue", "check", "invoices", "--json", wrap=wrap).json()

    def test_those_that_hang_delay_nothing(self):
        with Last() as server, self.silent(server.port, "127.0.0.2", "127.0.0.3", "127.0.0.4"):
            self.create(server)
            wrap = self.named("127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.64")
            self.assertEqual("127.0.0.64", self.check(wrap)["peer_address"])
            self.assertEqual(1, server.connections)

    @unittest.skipUnless(socket.has_ipv6 and os.path.exists("/proc/net/if_inet6"), "needs IPv6")
    def test_ipv6_that_hangs(self):
        with Last() as server, self.silent(server.port, "::1"):
            self.create(server)
            self.assertEqual("127.0.0.64", self.check(self.named("::1", "127.0.0.64"))["peer_address"])

    def test_one_that_refuses_makes_room_at_once(self):
        with Last() as server:
            self.create(server)
            addresses = [*(f"127.0.0.{number}" for number in range(2, 12)), "127.0.0.64"]
            self.assertEqual("127.0.0.64", self.check(self.named(*addresses))["peer_address"])

    def test_the_name_is_what_the_certificate_is_for(self):
        authority = certificates.Authority(self.folder / "authority")
        good = authority.issue("mail.example.com", ["DNS:mail.example.com"])
        with Last(certificate=good) as server, self.silent(server.port, "127.0.0.2"):
            self.create(server, ssl=True, caFile=authority.certificate)
            self.assertEqual("TLSv1.3", self.check(self.named("127.0.0.2", "127.0.0.64"))["tls"])
        with Last(certificate=authority.issue("other.example.com", ["DNS:other.example.com"])) as server:
            self.create_queue(server, "other", url="mail.example.com", ssl=True, caFile=authority.certificate)
            self.fails(UNREACHABLE, "queue", "check", "other", wrap=self.named("127.0.0.64"), says="mail.example.com")

    def test_a_name_in_other_letters(self):
        """Name servers have it as xn--… (IDNA)."""
        with Last() as server:
            self.create_queue(server, url="pöst.example.com", insecure=True)
            hosts = self.file("hosts", "127.0.0.64 xn--pst-sna.example.com\n", mode=0o644)
            wrap = [*self.space, "sh", "-c", f'mount --bind {hosts} /etc/hosts && exec "$@"', "sh"]
            self.assertEqual("127.0.0.64", self.check(wrap)["peer_address"])

    def test_all_hang_until_the_time_is_up(self):
        with Last() as server, self.silent(server.port, "127.0.0.2", "127.0.0.3"):
            self.create(server, timeout=2)
            self.fails(UNREACHABLE, "load", "invoices", wrap=self.named("127.0.0.2", "127.0.0.3"),
                       says=f"no connection to mail.example.com port {server.port} within 2 s")

    def test_all_refuse(self):
        with Last() as server:
            self.create(server)
            self.fails(UNREACHABLE, "load", "invoices", wrap=self.named("127.0.0.2", "127.0.0.3"),
                       says=f"mail.example.com does not take connections on port {server.port}")


if __name__ == "__main__":
    unittest.main()
