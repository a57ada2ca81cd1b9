"""Entries go to a web application: formats, fields, signature, what becomes of the entry."""

import base64
import contextlib
import hashlib
import hmac
import shutil
import sqlite3
import time
import unittest

import inqueue
from deliveries import DeliverCase
from inqueue import message
from receiver import Answer


def invoice():
    mail = message("Grüße", "Thank you.\n\nOn Tue, 3 Mar 2026, Robot wrote:\n> Please pay.\n",
                   Return_Path="<bounce@example.com>")
    mail.add_alternative("<p>Thank you.</p>", subtype="html")
    mail.add_attachment(b"%PDF-1.7\n\x00\xff", maintype="application", subtype="pdf", filename="Ré 1.pdf")
    mail.add_attachment("a;b\n1;2\n", filename="t.csv", subtype="csv", cte="base64")
    mail["Received"] = "from a.example.com"
    mail["Received"] = "from b.example.com"
    return mail


class Formats(DeliverCase):
    def post(self, *options, **keys):
        receiver = self.receiver()
        self.target(receiver.url(), *options, **keys)
        self.load(invoice())
        self.assertEqual("", self.inqueue("deliver").stdout)
        self.assertEqual(["done"], self.states())
        self.assertEqual([(1, 1, "delivered", 200)], self.attempts())
        return receiver.requests[0]

    def test_multipart(self):
        request = self.post()
        self.assertEqual("/mail", request.path)
        self.assertRegex(request.headers["user-agent"], r"\Ainqueue/\d")
        fields = request.fields()
        self.assertEqual("Thank you.\r\n\r\nOn Tue, 3 Mar 2026, Robot wrote:\r\n> Please pay.\r\n", fields["plain"])
        self.assertEqual("<p>Thank you.</p>\r\n", fields["html"])
        self.assertEqual("Thank you.", fields["reply_plain"])
        self.assertEqual("Grüße", fields["headers[subject]"])
        self.assertRegex(fields["headers[message_id]"], "@example.com>")
        self.assertEqual(["from a.example.com", "from b.example.com"],
                         [fields["headers[received][0]"], fields["headers[received][1]"]])
        self.assertEqual((self.user, self.user, "bounce@example.com"), (
            fields["envelope[to]"], fields["envelope[recipients][0]"], fields["envelope[from]"]))
        self.assertEqual({"envelope[to]", "envelope[recipients][0]", "envelope[from]"},
                         {name for name in fields if name.startswith("envelope")})
        self.assertEqual([("attachments[]", "application/pdf", b"%PDF-1.7\n\x00\xff"),
                          ("attachments[]", "text/csv", b"a;b\n1;2\n")],
                         [(file.name, file.content_type, file.value) for file in request.files()])
        self.assertIn('filename="Ré 1.pdf"'.encode(), request.body)

    def test_json(self):
        request = self.post("--deliver-format", "json")
        self.assertEqual("application/json", request.headers["content-type"])
        tree = request.json()
        self.assertEqual({"headers", "envelope", "plain", "html", "reply_plain", "attachments"}, set(tree))
        self.assertEqual("Grüße", tree["headers"]["subject"])
        self.assertEqual(["from a.example.com", "from b.example.com"], tree["headers"]["received"])
        self.assertEqual({"to": self.user, "recipients": [self.user], "from": "bounce@example.com", "helo_domain": None,
                          "remote_ip": None, "spf": None, "tls": None}, tree["envelope"])
        self.assertEqual("Thank you.", tree["reply_plain"])
        self.assertEqual({"file_name": "t.csv", "content_type": "text/csv", "size": 8, "disposition": "attachment",
                          "content_id": None, "content": base64.b64encode(b"a;b\n1;2\n").decode()},
                         tree["attachments"][1])
        self.assertEqual(b"%PDF-1.7\n\x00\xff", base64.b64decode(tree["attachments"][0]["content"]))

    def test_reply_is_found_when_mail_is_loaded(self):
        self.target("https://example.com/")
        self.load(invoice(), message("no quote", "Thank you.\n"))
        self.assertEqual(["Thank you.", ""], self.column("SELECT reply_plain FROM entry ORDER BY subject"))

    def test_reply_of_an_older_entry_is_found_when_it_is_posted(self):
        """An entry that was upgraded from a schema without replies."""
        receiver = self.receiver()
        self.target(receiver.url(), "--deliver-format", "json")
        self.load(invoice())
        with contextlib.closing(sqlite3.connect(self.database)) as database, database:
            database.execute("UPDATE entry_mail SET reply_plain = NULL")
        self.inqueue("deliver")
        self.assertEqual("Thank you.", receiver.requests[0].json()["reply_plain"])
        self.assertEqual(["Thank you."], self.column("SELECT reply_plain FROM entry"))

    def test_raw(self):
        request = self.post("--deliver-format", "raw", keepRaw="True")
        fields = {part.name: part.value for part in request.parts()}
        self.assertEqual({"message", "envelope[to]", "envelope[recipients][0]", "envelope[from]"}, set(fields))
        self.assertEqual(self.column("SELECT raw_sha256 FROM entry"), [hashlib.sha256(fields["message"]).hexdigest()])

    def test_raw_needs_the_raw_message(self):
        self.fails(inqueue.CONFIGURATION, "queue", "create", "orders", "--connection-string", "url=imap.example.com",
                   "--user-name", "robot", "--password-env", "X", "--deliver-to", "https://example.com/",
                   "--deliver-format", "raw", says="needs keepRaw=True")

    def test_a_mail_without_text_html_or_files(self):
        receiver = self.receiver()
        self.target(receiver.url(), "--deliver-format", "json")
        self.load(message(body=""))
        self.inqueue("deliver")
        tree = receiver.requests[0].json()
        self.assertEqual(("", "", []), (tree["plain"].strip(), tree["reply_plain"], tree["attachments"]))
        self.assertNotIn("html", tree)

    def test_a_mail_of_html_alone_has_plain_made_from_it(self):
        receiver = self.receiver()
        self.target(receiver.url())
        mail = message()
        mail.set_content("<p>Thank&nbsp;you.</p><p>Ann</p>", subtype="html")
        self.load(mail)
        self.inqueue("deliver")
        fields = receiver.requests[0].fields()
        self.assertRegex(fields["plain"], r"\AThank\syou\.(\r\n)+Ann(\r\n)*\Z")
        self.assertIn("<p>Ann</p>", fields["html"])
        self.assertEqual("ann@example.com", fields["envelope[from]"])

    def test_the_order_of_the_fields_that_say_where_it_was_delivered(self):
        receiver = self.receiver()
        self.target(receiver.url())
        mail = message()
        for name, value in [("Delivered-To", "box@example.com"), ("X-Original-To", "Orders <robot+orders@example.com>"),
                            ("X-Forwarded-To", "undisclosed"), ("Delivered-To", "older@example.com")]:
            mail[name] = value
        self.load(mail)
        for order, expected in [("", "box@example.com"), ("X-Original-To,Delivered-To", "robot+orders@example.com"),
                                ("delivered-to, x-original-to", "box@example.com"),
                                ("X-Forwarded-To,Envelope-To,X-Original-To", "robot+orders@example.com"),
                                ("Envelope-To", self.user)]:
            with self.subTest(order=order):
                self.inqueue("queue", "alter", "invoices", "--deliver-recipient", order)
                self.inqueue("delivery", "retry", "--all", "--state", "done")
                self.inqueue("deliver")
                self.assertEqual(expected, receiver.requests[-1].fields()["envelope[to]"])
        self.assertIn("recipient from     Envelope-To\n", self.inqueue("queue", "show", "invoices").stdout)
        self.assertEqual(5, len(receiver.requests))
        for order in ["To:", "A,,B", ",", "A B"]:
            self.fails(inqueue.CONFIGURATION, "queue", "alter", "invoices", "--deliver-recipient", order,
                       says="'invoices': deliver-recipient: takes names of header fields with commas between")

    def test_it_was_sent_to_where_it_was_delivered(self):
        """The field on top is the last server's; one without an address says nothing."""
        receiver = self.receiver()
        self.target(receiver.url(), "--deliver-format", "json", "--deliver-concurrency", "1")
        self.load(message("plus", X_Original_To="<orders+7@example.com>", Delivered_To="orders@example.com"),
                  message("alias", Delivered_To="ann", Envelope_To="sales@example.com"))
        self.inqueue("deliver")
        self.assertEqual({"plus": "orders+7@example.com", "alias": "sales@example.com"},
                         {tree["headers"]["subject"]: tree["envelope"]["to"]
                          for tree in (request.json() for request in receiver.requests)})

    def test_header_fields_and_basic_credentials(self):
        receiver = self.receiver()
        password = self.file("delivery.password", "top secret:@/\n")
        token = self.file("delivery.token", "top-secret-token\n")
        self.target(receiver.url(user="ann"), "--deliver-header", "X-Team: accounts | X-Source: mail",
                    "--deliver-password", f"file:{password}",
                    "--deliver-header-secret", f"X-Api-Key: file:{token} | X-Auth: Bearer my {token.name} command:cat {token}")
        self.load()
        self.inqueue("deliver")
        headers = receiver.requests[0].headers
        self.assertEqual(("accounts", "mail"), (headers["x-team"], headers["x-source"]))
        self.assertEqual("Basic " + base64.b64encode(b"ann:top secret:@/").decode(), headers["authorization"])
        self.assertEqual(("top-secret-token", "Bearer my delivery.token top-secret-token"),
                         (headers["x-api-key"], headers["x-auth"]))
        for command in [["queue", "show", "invoices"], ["queue", "list"], ["--json", "queue", "show", "invoices"],
                        ["deliver", "--test"], ["status"]]:
            result = self.inqueue(*command)
            self.assertNotRegex(result.stdout + result.stderr, "top.*secret|YW5uOn")
        self.assertNotIn(b"top-secret", self.database_bytes())
        cat = shutil.which("cat")
        self.assertEqual([
            f"deliver to         {receiver.url(user='ann')} (multipart)", f"its password       file:{password}",
            "header field       X-Team: accounts", "header field       X-Source: mail",
            f"header field       X-Api-Key: file:{token}",
            f'header field       X-Auth: Bearer my {token.name} command:["{cat}","{token}"]',
            "private addresses  allowed", "time limits        10.0s to connect, 30.0s in all", "posts at a time    4",
            "acknowledge        load: mail is moved once it is stored"], self.inqueue("queue", "show", "invoices").stdout.splitlines()[8:18])
        shown = self.json_lines("--json", "queue", "show", "invoices")[0]["delivery"]
        self.assertEqual((f"file:{password}", ["X-Team: accounts", "X-Source: mail"], f"X-Api-Key: file:{token}"),
                         (shown["password"], shown["headers"], shown["header_secrets"][0]))

    def test_a_target_that_repeats_secrets(self):
        """Also where only half of one would fit into what is kept of the answer."""
        password, token = self.file("delivery.password", "geheim:1\n"), self.file("delivery.token", "verborgen-42\n")
        receiver = self.receiver(Answer(422, fault="echo", body=b"\0geheim:1 verborgen-42 "),
                                 Answer(422, fault="echo", body=b"x" * 2040 + b" verborgen-42 "))
        self.target(receiver.url(user="ann"), "--deliver-password", f"file:{password}", "--deliver-header-secret",
                    f"X-Api-Key: Bearer file:{token}", "--deliver-header", "X-Team: accounts")
        self.load(*inqueue.messages(2))
        self.inqueue("deliver")
        first, second = self.column("SELECT answer FROM delivery ORDER BY length(answer)")
        self.assertTrue(first.startswith(" *** *** "), first)
        self.assertRegex(first, r"(?s)X-Team: accounts.*Authorization: Basic \*\*\*|Authorization: Basic \*\*\*.*X-Team: accounts")
        self.assertRegex(first, r"X-Api-Key: Bearer \*\*\*\n")
        self.assertEqual("x" * 2040 + " ***", second[:2044])
        shown = self.inqueue("deliver", "--test", "invoices", expect=inqueue.CONFIGURATION).stdout
        for secret in ["geheim", "verborgen", base64.b64encode(b"ann:geheim:1").decode()]:
            self.assertNotIn(secret, shown)
            self.assertNotIn(secret.encode(), self.database_bytes())

    def test_secrets_where_they_do_not_belong(self):
        create = ["queue", "create", "orders", "--connection-string", "url=imap.example.com", "--user-name", "robot",
                  "--password-env", "X"]
        for options, says in [
                (["--deliver-to", "https://ann:geheim@example.com/"], "leave the password out of the URL: .*"
                 "deliver-password"),
                (["--deliver-to", "https://example.com/", "--deliver-header", "Authorization: Bearer geheim"],
                 "'Authorization' looks like a secret.*deliver-header-secret 'Authorization: file:PATH'"),
                (["--deliver-to", "https://example.com/", "--deliver-header", "X-Api-Key: geheim"],
                 "'X-Api-Key' looks like a secret"),
                (["--deliver-to", "https://example.com/", "--deliver-header-secret", "X-Api-Key: geheim"],
                 "deliver-header-secret: takes file:PATH"),
                (["--deliver-to", "https://example.com/", "--deliver-header-secret", "Host: env:X"],
                 "deliver-header-secret: takes 'Name: value'"),
                (["--deliver-to", "https://example.com/", "--deliver-password", "env:X"],
                 "deliver-password needs the user's name in deliver-to"),
                (["--deliver-to", "https://ann@example.com/", "--deliver-password", "geheim"],
                 "deliver-password: takes file:PATH")]:
            with self.subTest(options=options):
                result = self.fails(inqueue.CONFIGURATION, *create, *options, says=says)
                self.assertNotIn("geheim", result.stderr)
        queue = "[queue orders]\nconnection-string=url=imap.example.com\nuser-name=robot\npassword-env=X\n"
        path = self.file("queues.ini", queue + "deliver-to=https://ann:geheim@example.com/\n")
        result = self.fails(inqueue.CONFIGURATION, "queue", "apply", path, says="queues.ini.*deliver-password")
        self.assertNotIn("geheim", result.stderr)

    def test_a_missing_source_stops_before_anything_is_claimed(self):
        self.target("https://example.com/", "--deliver-header-secret", "Authorization: Bearer env:NOWHERE")
        self.load()
        self.fails(inqueue.CONFIGURATION, "deliver", says="deliver 'invoices': deliver-header-secret: .* NOWHERE is not set")
        self.assertEqual(["new"], self.states())


class Signature(DeliverCase):
    def test_hmac_over_id_time_and_body(self):
        key = b"0123456789abcdef01234567"
        receiver = self.receiver()
        secret = self.file("delivery.secret", f"whsec_{base64.b64encode(key).decode()}\n")
        self.target(receiver.url(), "--deliver-secret", f"file:{secret}")
        self.load(invoice())
        self.inqueue("deliver")
        request = receiver.requests[0]
        signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        self.assertEqual(f"v1,{expected}", request.headers["webhook-signature"])
        self.assertEqual(request.headers["webhook-id"], request.headers["idempotency-key"])
        self.assertAlmostEqual(time.time(), int(request.headers["webhook-timestamp"]), delta=60)

    def test_the_secret_itself_is_refused(self):
        for value in ["whsec_c2VjcmV0", "file:", "prompt:", "env:A=B"]:
            self.fails(inqueue.CONFIGURATION, "queue", "create", "orders", "--deliver-secret", value,
                       says="deliver-secret: takes file:PATH")

    def test_a_secret_of_no_use_stops_before_anything_is_claimed(self):
        self.target("https://example.com/", "--deliver-secret", "env:KEY")
        self.load()
        for key, says in [({}, "deliver 'invoices': deliver-secret: .* KEY is not set"),
                          ({"KEY": "whsec_not base64"}, "deliver 'invoices': deliver-secret: .* not base64")]:
            result = self.fails(inqueue.CONFIGURATION, "deliver", env=key, says=says)
            self.assertNotIn("whsec_not", result.stderr)
            self.assertEqual([("new", 0)], self.sql("SELECT state, attempt_count FROM entry"))
            self.fails(inqueue.CONFIGURATION, "deliver", "--test", env=key, says=says)


class Attempts(DeliverCase):
    def test_an_entry_without_any_is_told_to_a_person(self):
        self.target("https://example.com/")
        self.load()
        self.assertEqual("inqueue: no attempts are noted\r\n", self.on_terminal("delivery", "show", "1").stdout)
        result = self.inqueue("delivery", "show", "1")
        self.assertEqual(("", ""), (result.stdout, result.stderr))


class Definition(DeliverCase):
    def test_a_file_says_all_of_a_target(self):
        text = """[queue orders]
connection-string=url=imap.example.com;keepRaw=True
user-name=robot
password-env=X
deliver-to=https://ann@app.example.com/mail?x=1
deliver-format=raw
deliver-secret=env:KEY
deliver-password=env:PW
deliver-header=X-A: b | X-C: d
deliver-header-secret=Authorization: Bearer env:TOKEN
deliver-recipient=Delivered-To, X-Original-To
deliver-connect-timeout=5s
deliver-timeout=1m
deliver-ca-file=ca.pem
deliver-crl-file=crl.pem
deliver-client-certificate=client.pem
deliver-redirects=same-host
deliver-trust-host=b.example.com | c.example.com:8443
deliver-proxy=http://proxy.example.com:3128
allow-private=true
deliver-insecure=true
acknowledge=delivery
deliver-concurrency=2
"""
        self.file("queues.ini", text)
        self.assertEqual("queue 'orders' created\n", self.inqueue("queue", "apply", "queues.ini").stdout)
        self.assertEqual("", self.inqueue("queue", "apply", "queues.ini").stdout, "twice is once")
        shown, = self.json_lines("--json", "queue", "show", "orders")
        self.assertEqual({
            "deliver_to": "https://ann@app.example.com/mail?x=1", "format": "raw", "secret": "env:KEY", "password": "env:PW",
            "headers": ["X-A: b", "X-C: d"], "header_secrets": ["Authorization: Bearer env:TOKEN"],
            "connect_timeout_ms": 5000, "timeout_ms": 60000, "ca_file": str(self.folder / "ca.pem"),
            "crl_file": str(self.folder / "crl.pem"),
            "client_certificate": str(self.folder / "client.pem"), "redirects": "same-host",
            "trust_hosts": ["b.example.com", "c.example.com:8443"], "allow_private": True, "insecure": True, "acknowledge": "delivery",
            "concurrency": 2, "recipient": "Delivered-To,X-Original-To",
            "proxy": "http://proxy.example.com:3128", "stopped": None, "target": None}, shown["delivery"])
        self.file("queues.ini", text.replace("=raw", "=xml"))
        self.fails(inqueue.CONFIGURATION, "queue", "apply", "queues.ini",
                   says=r"'queues.ini': \[queue orders\]: deliver-format: takes multipart, json or raw")


class Files(DeliverCase):
    def test_one_that_is_missing_stops_before_anything_is_claimed(self):
        self.target("https://example.com/")
        self.load()
        missing = self.folder / "missing.pem"
        for option in ["--deliver-ca-file", "--deliver-crl-file", "--deliver-client-certificate"]:
            self.inqueue("queue", "alter", "invoices", option, missing)
            for command in [["deliver"], ["deliver", "--test"]]:
                self.fails(inqueue.CONFIGURATION, *command,
                           says=f"deliver 'invoices': {option[2:]}:? '{missing}'.*: No such file or directory")
            self.inqueue("queue", "alter", "invoices", option, "")
        self.assertEqual([("new", 0)], self.sql("SELECT state, attempt_count FROM entry"))


if __name__ == "__main__":
    unittest.main()
