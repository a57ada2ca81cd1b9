"""Signing in with an access token: OAUTHBEARER (RFC 7628) and XOAUTH2, against Dovecot and against servers that say
what Google and Microsoft say. No token is ever shown.
"""

import base64
import hashlib
import hmac
import http.server
import json
import threading
import unittest
import urllib.parse

from inqueue import CONFIGURATION, CREDENTIALS, Case, connection_string, message
from scripted import Scripted
from servers import Dovecot
from watcher import Watcher

TOKEN_KEY = b"a secret of the tests, long enough for HS256"
USER = "robot@example.com"
# As Google refuses a token; Microsoft gives no reason.
REFUSAL = base64.b64encode(b'{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}')


def signed(user, key=TOKEN_KEY):
    """A JSON web token (RFC 7519)."""
    def encode(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")
    claims = {"sub": user, "iss": "https://login.example.com", "exp": 4102444800, "scope": "mail"}
    text = encode(b'{"alg":"HS256","typ":"JWT"}') + b"." + encode(json.dumps(claims).encode())
    return (text + b"." + encode(hmac.new(key, text, hashlib.sha256).digest())).decode()


class TokenCase(Case):
    def create(self, server, token, name="invoices", **keys):
        script = self.file(f"{name}.sh", f"#!/bin/sh\necho '{token}'\n", mode=0o700)
        self.inqueue("queue", "create", name, "--connection-string", connection_string(self.keys(server, **keys)),
                     "--user-name", USER, "--token-command", script)
        self.token = token

    def refused(self, *says, code=CREDENTIALS):
        result = self.fails(code, "load", "invoices", says=["load 'invoices': ", *says])
        self.assertNotIn(self.token[-20:], result.stderr)
        return result.stderr

    def mechanism(self, name="invoices"):
        return self.inqueue("queue", "check", name, "--json").json()["mechanism"]


class WithDovecot(TokenCase):
    def server(self, mechanisms="plain xoauth2"):
        return Dovecot(mechanisms=mechanisms, token_key=base64.b64encode(TOKEN_KEY))

    def test_standard_before_its_relative(self):
        for mechanisms, used in [("plain xoauth2 oauthbearer", "OAUTHBEARER"), ("oauthbearer", "OAUTHBEARER"),
                                 ("plain xoauth2", "XOAUTH2")]:
            with self.subTest(mechanisms=mechanisms), self.server(mechanisms) as server:
                name = f"q{mechanisms.replace(' ', '-')}"
                self.create(server, signed(USER), name)
                self.assertEqual(used, self.mechanism(name))

    def test_forced_by_the_operator(self):
        with self.server("plain xoauth2 oauthbearer") as server:
            for mechanism in ["XOAUTH2", "OAUTHBEARER"]:
                self.create(server, signed(USER), mechanism, authMech=mechanism.lower())
                self.assertEqual(mechanism, self.mechanism(mechanism))
            self.create(server, signed(USER), "without", disable="AUTH=OAUTHBEARER")
            self.assertEqual("XOAUTH2", self.mechanism("without"))

    def test_in_more_steps(self):
        """A server that takes no initial response (RFC 4959)."""
        with self.server("xoauth2 oauthbearer") as server:
            for mechanism in ["XOAUTH2", "OAUTHBEARER"]:
                self.create(server, signed(USER), mechanism, authMech=mechanism, disable="SASL-IR")
                self.assertEqual(mechanism, self.mechanism(mechanism))

    def test_mail_is_loaded(self):
        with self.server() as server:
            with server.mailbox() as mailbox:
                mailbox.append(message())
            self.create(server, signed(USER))
            self.inqueue("load", "invoices")
        self.assertEqual([("Invoice 4711",)], self.sql("SELECT subject FROM entry"))

    def test_refused_token(self):
        for mechanism in ["XOAUTH2", "OAUTHBEARER"]:
            with self.subTest(mechanism=mechanism), self.server(mechanism) as server:
                self.create(server, signed(USER, b"another key"))
                self.refused(mechanism, r"Authentication failed.*; the server's reason: status (401|invalid_token)")
                self.inqueue("queue", "drop", "invoices", "--yes")

    def test_server_without_it(self):
        with Dovecot() as server:
            self.create(server, "t0ken-of-the-tests")
            self.refused("neither OAUTHBEARER nor XOAUTH2", "SCRAM-SHA-256")

    def test_password_where_a_token_is_needed(self):
        with self.server("oauthbearer") as server:
            self.create_queue(server)
            self.fails(CREDENTIALS, "load", "invoices", says="it offers OAUTHBEARER: use --token-command")
            self.inqueue("queue", "alter", "invoices", "--connection-string",
                         connection_string(self.keys(server, authMech="OAUTHBEARER")))
            self.fails(CONFIGURATION, "load", "invoices", says="authMech=OAUTHBEARER needs an access token")


class Introspection(TokenCase):
    """Dovecot asks another server whether a token is good (RFC 7662)."""

    def setUp(self):
        super().setUp()
        self.tokens = {"opaque": USER, "expired": None, "others": "ann@example.com"}
        case = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802
                form = self.rfile.read(int(self.headers["Content-Length"])).decode()
                token = urllib.parse.parse_qs(form)["token"][0]
                user = case.tokens.get(token)
                answer = json.dumps({"active": "true", "user": user} if user else {"active": "false"}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(web.server_close)
        self.addCleanup(web.shutdown)
        self.url = f"http://127.0.0.1:{web.server_port}/introspect"

    def test_good_and_bad_tokens(self):
        long = "x" * 4500  # Microsoft's have up to 4 kB, in base64 6 kB
        self.tokens[long] = USER
        for mechanism in ["xoauth2", "oauthbearer"]:
            with Dovecot(mechanisms=mechanism, introspection=self.url) as server:
                for token, says in [("opaque", None), (long, None), ("expired", "the server's reason: status "),
                                    ("others", "Authentication failed"), ("unknown", "the server's reason: status ")]:
                    with self.subTest(mechanism=mechanism, token=token[:10]):
                        self.create(server, token)
                        if says:
                            self.assertIn(says, self.refused(mechanism.upper()))
                        else:
                            self.inqueue("load", "invoices")
                        self.inqueue("queue", "drop", "invoices", "--yes")


class Exchange(TokenCase):
    """Each line of the conversation, with servers that are not as Dovecot."""

    def first_message(self, mechanism, port):
        if mechanism == "XOAUTH2":
            return f"user={USER}\1auth=Bearer t0ken-of-the-tests\1\1".encode()
        return f"n,a={USER},\1host=127.0.0.1\1port={port}\1auth=Bearer t0ken-of-the-tests\1\1".encode()

    def test_initial_response_only_where_it_is_taken(self):
        for mechanism in ["XOAUTH2", "OAUTHBEARER"]:
            for capability in ["IMAP4rev1 SASL-IR", "IMAP4rev1"]:
                heard = []

                def later(talk, _words, heard=heard):
                    talk.say(b"* OK [ALERT] wait\r\n+ \r\n")
                    heard.append(talk.hear())
                    return b"{tag} OK done\r\n"

                at_once = "SASL-IR" in capability
                with self.subTest(mechanism=mechanism, capability=capability), \
                        Scripted(*([] if at_once else [(rb"AUTHENTICATE \w+$", later)]), capability=capability,
                                 mechanisms=mechanism) as server:
                    self.create(server, "t0ken-of-the-tests")
                    self.inqueue("load", "invoices")
                    self.inqueue("queue", "drop", "invoices", "--yes")
                    words = next(line for line in server.said if line.startswith(b"AUTHENTICATE")).split(b" ")
                    sent = words[2] if at_once else heard[0]
                    self.assertEqual(2 + at_once, len(words))
                    self.assertEqual(self.first_message(mechanism, server.port), base64.b64decode(sent, validate=True))

    def refusing(self, last, before=b""):
        """Keeps the client's answer to the reason in `answered`."""
        def refuse(talk, _words):
            talk.say(before + b"+ " + REFUSAL + b"\r\n")
            self.answered = talk.hear()
            return last
        return rb"AUTHENTICATE", refuse

    def test_reason_is_decoded_and_answered(self):
        for mechanism, answer in [("XOAUTH2", b""), ("OAUTHBEARER", b"AQ==")]:
            for before in [b"", b"* OK [ALERT] a line that nobody asked for\r\n* 7 EXISTS\r\n"]:
                with self.subTest(mechanism=mechanism, before=before), \
                        Scripted(self.refusing(b"* OK still here\r\n{tag} NO Invalid credentials (Failure)\r\n", before),
                                 mechanisms=mechanism) as server:
                    self.create(server, "t0ken-of-the-tests", timeout=20)
                    self.assertIn(f"sign-in as '{USER}' refused by 127.0.0.1 ({mechanism}): Invalid credentials (Failure); "
                                  "the server's reason: status 400, scope https://mail.google.com/\n", self.refused())
                    self.assertEqual(answer, self.answered)
                    self.assertEqual(1, server.count(rb"AUTHENTICATE"))
                    self.inqueue("queue", "drop", "invoices", "--yes")

    def test_refusal_without_a_reason(self):
        with Scripted((rb"AUTHENTICATE", b"{tag} NO AUTHENTICATE failed.\r\n"), mechanisms="XOAUTH2") as server:
            self.create(server, "t0ken-of-the-tests")
            self.assertTrue(self.refused().endswith("(XOAUTH2): AUTHENTICATE failed.\n"))

    def test_token_in_the_reason_is_hidden(self):
        token = "ya29.a0AfH6SMC-token_of_the_tests"
        reason = base64.b64encode(json.dumps({"status": "401", "error": f"no: {token}"}).encode())

        def refuse(talk, words):
            talk.say(b"+ " + reason + b"\r\n")
            talk.hear()
            return b"{tag} NO I do not take " + words.split()[-1] + b"\r\n"

        with Scripted((rb"AUTHENTICATE", refuse), mechanisms="XOAUTH2") as server:
            self.create(server, token)
            self.assertIn(r"error no: ***", self.refused())
            self.assertNotIn(token.encode(), self.database_bytes())

    def test_second_reason_ends_the_session(self):
        with Scripted(self.refusing(b"+ " + REFUSAL + b"\r\n"), mechanisms="XOAUTH2") as server:
            self.create(server, "t0ken-of-the-tests")
            self.refused("makes no sense", code=76)

    def test_mechanism_that_is_announced_only(self):
        with Scripted((rb"AUTHENTICATE OAUTHBEARER", b"{tag} BAD unknown\r\n"), mechanisms="OAUTHBEARER XOAUTH2") as server:
            self.create(server, "t0ken-of-the-tests")
            self.assertEqual("XOAUTH2", self.mechanism())

    def test_token_that_is_none(self):
        with Scripted(mechanisms="XOAUTH2") as server:
            self.create(server, "Bearer t0ken-of-the-tests")
            self.refused("not one word", code=CONFIGURATION)
            self.assertEqual(0, server.count(rb"AUTHENTICATE"))

    def test_nothing_of_it_in_the_protocol_log(self):
        """Also where its line is longer than what the log shows of one."""
        token = "t0ken" * 900
        with Scripted(self.refusing(b"{tag} NO no\r\n"), mechanisms="XOAUTH2") as server:
            self.create(server, token)
            log = self.folder / "protocol.log"
            watcher = Watcher(self, self.start("watch", "--log-format", "json", "--log-imap", log))
            watcher.wait("refused")
            watcher.stop()
            self.assertIn("XOAUTH2", log.read_text())
            self.assertNotIn("t0ken", log.read_text())
            for offset in range(3):
                inside = base64.b64encode(b"x" * offset + token.encode())[4:60].decode()
                self.assertNotIn(inside, log.read_text())


if __name__ == "__main__":
    unittest.main()
