"""Posts through an HTTP proxy: only where the target names one, and what the proxy gets to see."""

import unittest

import certificates
import inqueue
from deliveries import DeliverCase
from http_proxy import HttpProxy
from receiver import Answer

NOWHERE = "http://127.0.0.1:9"


class Proxies(DeliverCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.authority = certificates.Authority(cls.server.folder / "authority")
        cls.certificate = cls.authority.issue("app", ["DNS:app.example.com", "DNS:other.example.com"])
        cls.wrong_host = cls.authority.issue("wrong", ["DNS:wrong.example.com"])

    def proxy(self, **options):
        hosts = {name: "127.0.0.1" for name in ["app.example.com", "other.example.com"]}
        return self.enterContext(HttpProxy(hosts=hosts, **options))

    def through(self, proxy, receiver, *options, host="app.example.com", user=""):
        """A queue whose target only the proxy can find."""
        self.target(receiver.url(host=host, user=user), "--no-check", "--deliver-proxy", proxy, "--deliver-ca-file",
                    self.authority.certificate, *options, private=False)
        self.load()

    def secure(self, *answers, **options):
        return self.receiver(*answers, certificate=options.pop("certificate", self.certificate), **options)

    def secrets(self):
        secret = self.file("delivery.password", "geheim\n")
        return ["--deliver-password", f"file:{secret}", "--deliver-secret", f"file:{secret}", "--deliver-header",
                "X-Team: accounts", "--deliver-header-secret", f"X-Api-Key: file:{secret}"]

    def test_a_tunnel_shows_the_proxy_nothing_but_the_host(self):
        proxy, receiver = self.proxy(), self.secure()
        self.through(proxy.url, receiver, *self.secrets(), user="ann")
        self.inqueue("deliver")
        self.assertEqual(["done"], self.states())
        request, = receiver.requests
        self.assertEqual({"authorization", "x-api-key", "x-team", "webhook-signature"},
                         {"authorization", "x-api-key", "x-team", "webhook-signature"} & set(request.headers))
        asked, = proxy.requests
        self.assertEqual(("CONNECT", f"app.example.com:{receiver.port}"), asked[:2])
        self.assertEqual({"host", "user-agent", "proxy-connection"}, set(asked.headers))
        for seen in [b"geheim", b"X-Api-Key", b"webhook"]:
            self.assertNotIn(seen, proxy.passed)

    def test_the_certificate_is_judged(self):
        proxy, receiver = self.proxy(), self.secure(certificate=self.wrong_host)
        self.through(proxy.url, receiver)
        self.fails(inqueue.UNREACHABLE, "deliver", says="the certificate of app.example.com is for another host")
        self.assertEqual(([], ["new"]), (receiver.requests, self.states()))

    def test_redirects_go_through_it_too(self):
        proxy, other = self.proxy(), self.secure()
        home = self.secure(Answer(307, {"Location": f"https://other.example.com:{other.port}/there"}))
        self.through(proxy.url, home, *self.secrets(), user="ann")
        self.inqueue("deliver")
        self.assertEqual([f"app.example.com:{home.port}", f"other.example.com:{other.port}"],
                         [request.target for request in proxy.requests])
        self.assertNotIn("x-api-key", other.requests[0].headers)

    def test_private_targets_are_refused_by_what_the_url_says(self):
        proxy, other = self.proxy(), self.secure()
        for url in ["https://10.0.0.1/", "https://localhost/", "https://app.internal./"]:
            self.fails(inqueue.CONFIGURATION, "queue", "create", "orders", "--connection-string", "url=imap.example.com",
                       "--user-name", "robot", "--password-env", "X", "--deliver-to", url, "--deliver-proxy", proxy.url,
                       "--no-check", says="leads to this machine or to a private network: allow-private=true lets entries go there")
        home = self.secure()
        self.through(proxy.url, home)
        for place in [f"https://127.0.0.1:{other.port}/", f"https://LOCALHOST:{other.port}/", "https://[::ffff:10.0.0.1]/",
                      "https://app.internal/"]:
            home.answers = [Answer(307, {"Location": place})]
            self.fails(inqueue.UNREACHABLE, "deliver", "--test", says="leads to this machine or to a private network")
        self.assertEqual({f"app.example.com:{home.port}"}, {request.target for request in proxy.requests})

    def test_in_clear_only_without_credentials(self):
        proxy, receiver = self.proxy(), self.receiver()
        self.through(proxy.url, receiver)
        self.fails(inqueue.UNREACHABLE, "deliver", "--test", says="mail does not go in clear to another machine")
        self.inqueue("queue", "alter", "invoices", "--deliver-insecure", "true", *self.secrets()[-2:])
        self.fails(inqueue.UNREACHABLE, "deliver", "--test", says="credentials do not go in clear to another machine")
        self.assertEqual([], proxy.requests)
        self.inqueue("queue", "alter", "invoices", "--deliver-header-secret", "")
        self.inqueue("deliver")
        self.assertEqual([("POST", f"http://app.example.com:{receiver.port}/mail")],
                         [request[:2] for request in proxy.requests])
        # The connection to the proxy is kept, and must not lead to what a new one would not.
        receiver.answers = [Answer(307, {"Location": f"http://localhost:{receiver.port}/"})]
        self.fails(inqueue.UNREACHABLE, "deliver", "--test", says="localhost:.* leads to this machine or to a private network")
        self.assertEqual(2, len(receiver.requests))

    def test_errors_name_it(self):
        receiver = self.secure()
        self.through(NOWHERE, receiver)
        self.fails(inqueue.UNREACHABLE, "deliver", "--test",
                   says=r"app\.example\.com:\d+ through the proxy 127\.0\.0\.1:9: .*127\.0\.0\.1 port 9")
        for status, says in [(403, "CONNECT tunnel failed, response 403"),
                             (407, "answer 407, the proxy asks for a user and password, which deliver-proxy=environment")]:
            self.inqueue("queue", "alter", "invoices", "--deliver-proxy", self.proxy(refuses=status).url)
            self.fails(inqueue.UNREACHABLE, "deliver", "--test", says=rf"through the proxy 127\.0\.0\.1:\d+: {says}")

    def test_a_proxy_that_asks_for_a_password_refuses_no_entry(self):
        receiver = self.receiver()
        self.through(self.proxy(refuses=407).url, receiver, "--deliver-insecure", "true")
        self.fails(inqueue.UNREACHABLE, "deliver", says="answer 407, the proxy asks for a user and password")
        self.assertEqual(["new"], self.states())

    def test_the_environment_counts_where_it_is_asked_for(self):
        proxy, receiver = self.proxy(user="bob:sesam oeffne"), self.receiver()
        told = {"http_proxy": NOWHERE, "https_proxy": NOWHERE, "all_proxy": NOWHERE, "HTTPS_PROXY": NOWHERE}
        self.target(receiver.url())
        self.load()
        self.inqueue("deliver", env=told)
        self.assertEqual(["done"], self.states())
        secure = self.secure()
        self.inqueue("queue", "alter", "invoices", "--deliver-to", secure.url(host="app.example.com"), "--deliver-ca-file",
                     self.authority.certificate, "--deliver-proxy", "environment", "--allow-private", "false", "--no-check")
        trace = self.inqueue("deliver", "--test", "invoices",
                             env=told | {"https_proxy": proxy.url.replace("//", "//bob:sesam%20oeffne@")}).stdout
        self.assertEqual(["CONNECT"], [request.method for request in proxy.requests])
        self.assertEqual(1, len(secure.requests))
        self.assertIn("> Proxy-Authorization: ***\n", trace)
        self.assertNotRegex(trace, "sesam|Ym9iOnNlc2Ft")

    def test_one_that_is_named_is_used_whatever_the_environment_says(self):
        proxy, receiver = self.proxy(), self.secure()
        self.through(proxy.url, receiver)
        self.inqueue("deliver", env={"no_proxy": "*", "NO_PROXY": "*", "https_proxy": NOWHERE})
        self.assertEqual((1, 1), (len(proxy.requests), len(receiver.requests)))

    def test_what_goes_past_it_is_judged_by_its_address(self):
        receiver = self.secure()
        self.target(receiver.url(host="localhost"), "--deliver-proxy", "environment", "--deliver-ca-file",
                    self.authority.certificate)
        self.load()
        self.inqueue("queue", "alter", "invoices", "--allow-private", "false", expect=inqueue.CONFIGURATION)
        self.execute("UPDATE target SET allow_private = 0")
        for passed in ["localhost", "*", "example.com, .LOCALHOST"]:
            self.fails(inqueue.UNREACHABLE, "deliver", "--test", env={"https_proxy": NOWHERE, "no_proxy": passed},
                       says=r"invoices': localhost:\d+ leads to this machine or to a private network")
        self.inqueue("queue", "alter", "invoices", "--deliver-to", receiver.url(), "--allow-private", "true")
        for passed, says in [("127.0.0.0/8", "certificate"), ("127.0.0.1", "certificate"),
                             ("127.0.0.0/33,128.0.0.0/2", "through the proxy")]:
            self.fails(inqueue.UNREACHABLE, "deliver", "--test", env={"https_proxy": NOWHERE, "no_proxy": passed}, says=says)

    def test_settings_that_are_none(self):
        self.target("https://app.example.com/", "--no-check", private=False)
        for odd in ["proxy.example.com:3128", "https://proxy.example.com:3128", "http://proxy.example.com",
                    "http://bob:sesam@proxy.example.com:3128", "http://bob@proxy.example.com:3128",
                    "http://proxy.example.com:3128/path", "socks5://proxy.example.com:1080"]:
            result = self.fails(inqueue.CONFIGURATION, "queue", "alter", "invoices", "--deliver-proxy", odd,
                                says="deliver-proxy: takes http://HOST:PORT, without user and password, or environment")
            self.assertNotIn("sesam", result.stderr)
        self.inqueue("queue", "alter", "invoices", "--deliver-proxy", "environment")
        result = self.fails(inqueue.CONFIGURATION, "deliver", "--test", env={"https_proxy": "socks5://bob:sesam@127.0.0.1:9"},
                            says="deliver-proxy=environment: https_proxy is no proxy like http://HOST:PORT")
        self.assertNotIn("sesam", result.stderr)

    def test_a_definition_has_it(self):
        self.inqueue("target", "create", "shop", "--deliver-to", "https://app.example.com/", "--no-check", "--deliver-proxy",
                     "http://proxy.example.com:3128")
        self.assertRegex(self.inqueue("target", "show", "shop").stdout, "through proxy +http://proxy.example.com:3128\n")
        shown, = self.json_lines("--json", "target", "show", "shop")
        self.assertEqual("http://proxy.example.com:3128", shown["proxy"])
        self.assertIn("deliver-proxy=http://proxy.example.com:3128\n", self.inqueue("queue", "dump").stdout)
        self.inqueue("target", "alter", "shop", "--deliver-proxy", "")
        self.assertNotIn("proxy", self.inqueue("target", "show", "shop").stdout)


if __name__ == "__main__":
    unittest.main()
