"""Accounts of OAuth 2.0: grants of an application by itself against a token server, and tokens that last over renewals and
over many processes at once. People sign in in test_oauth_person.py.
"""

import base64
import datetime
import json
import os
import subprocess
import time
import unittest

import certificates
from inqueue import CONFIGURATION, CREDENTIALS, IO, NO, UNREACHABLE, USAGE, message
from oauth_case import MANY, USER, OauthCase
from servers import Dovecot
from token_server import Answer, TokenServer, decoded


class BySecret(OauthCase):
    def test_mail_is_loaded(self):
        with TokenServer() as tokens, self.dovecot(tokens) as server:
            with server.mailbox() as mailbox:
                mailbox.append(message())
            self.login(self.with_secret(tokens))
            self.create(server)
            self.inqueue("load", "invoices")
            self.assertEqual([("Invoice 4711",)], self.sql("SELECT subject FROM entry"))
            self.assertEqual(["client_credentials"], tokens.grants())

    def test_whose_file_it_is(self):
        with TokenServer() as tokens:
            self.login(self.with_secret(tokens))
            self.assertEqual(0o600, self.account_path().stat().st_mode & 0o777)
            self.assertEqual(0o700, self.account_path().parent.stat().st_mode & 0o777)
            self.account_path().chmod(0o640)
            self.fails(CONFIGURATION, *self.with_secret(tokens), says=["can be read by other users", "chmod 600"])

    def test_folder_of_others_gets_nothing(self):
        folder = self.account_path().parent
        folder.mkdir()
        folder.chmod(0o777)
        with TokenServer() as tokens:
            self.fails(CONFIGURATION, *self.with_secret(tokens), says="can be changed by other users.*chmod go-w")
            self.assertEqual([], list(folder.iterdir()))

    def test_what_is_no_file(self):
        """A pipe does not keep anybody waiting."""
        with TokenServer() as tokens:
            self.account_path().parent.mkdir(mode=0o700)
            os.mkfifo(self.account_path(), 0o600)
            self.fails(CONFIGURATION, *self.with_secret(tokens), says="is no file: remove it")
            self.account_path().unlink()
            os.mkfifo(self.account_path().with_name("mail.json.new"), 0o600)
            self.fails(IO, *self.with_secret(tokens), says="account file")

    def test_over_tls(self):
        authority = certificates.Authority(self.folder / "authority")
        other = certificates.Authority(self.folder / "other", "Another Authority")
        with TokenServer(certificate=authority.issue()) as tokens:
            self.fails(UNREACHABLE, *self.with_secret(tokens), "--ca-file", other.certificate, says=["127.0.0.1", "certificate"])
            self.assertEqual([], tokens.asked)
            self.login([*self.with_secret(tokens), "--ca-file", authority.certificate])
            self.assertEqual(1, len(tokens.asked))

    def test_secret_from_the_terminal_is_kept(self):
        with TokenServer() as tokens:
            self.on_terminal(*self.custom(tokens, "--grant", "secret"), answers=[("Client secret", "client secret\n")])
            self.assertEqual("client secret", self.account()["client_secret"])
            self.login(["oauth", "login", "mail"])

    def test_nobody_answers_for_the_secret(self):
        with TokenServer() as tokens:
            shown = self.on_terminal(*self.custom(tokens, "--grant", "secret"), answers=[("Client secret", "\n")],
                                     expect=CREDENTIALS).stdout
            self.assertIn("the client secret", shown)
            self.assertNotIn("the password", shown)

    def test_without_a_terminal(self):
        with TokenServer() as tokens:
            self.fails(USAGE, *self.custom(tokens, "--grant", "secret"), says=["--client-secret"])

    def test_commands_of_a_mailbox(self):
        with TokenServer() as tokens, self.dovecot(tokens) as server:
            self.login(self.with_secret(tokens))
            self.create(server)
            self.assertIn("INBOX", self.inqueue("mail", "listAllFolders", "--queue", "invoices").stdout)

    def test_dump_and_apply(self):
        with TokenServer() as tokens, self.dovecot(tokens) as server:
            self.create(server)
            dumped = self.inqueue("queue", "dump").stdout
            self.assertIn("oauth=mail\n", dumped)
            self.inqueue("queue", "drop", "invoices", "--yes")
            self.inqueue("queue", "apply", self.file("queues.ini", dumped))
            self.assertEqual(dumped, self.inqueue("queue", "dump").stdout)

    def test_account_that_is_not_there(self):
        with Dovecot() as server:
            self.create(server)
            self.fails(CONFIGURATION, "load", "invoices", says=["there is no account 'mail'", "`inqueue oauth login mail`"])


class ByAssertion(OauthCase):
    def setUp(self):
        super().setUp()
        authority = certificates.Authority(self.folder / "authority")
        self.issued = authority.issue("client", key="rsa2048")
        self.issued.key.chmod(0o600)
        self.public = subprocess.run(["openssl", "x509", "-in", self.issued.certificate, "-pubkey", "-noout"],
                                     capture_output=True, check=True).stdout

    def digest(self, name):
        der = subprocess.run(["openssl", "x509", "-in", self.issued.certificate, "-outform", "DER"],
                             capture_output=True, check=True).stdout
        digest = subprocess.run(["openssl", "dgst", f"-{name}", "-binary"], input=der, capture_output=True, check=True).stdout
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def by_certificate(self, tokens, *options):
        return self.custom(tokens, "--certificate", self.issued.certificate, "--key", f"file:{self.issued.key}", *options)

    def test_certificate(self):
        """openssl verifies the signature."""
        for algorithm, field, digest in [("PS256", "x5t#S256", "sha256"), ("RS256", "x5t", "sha1")]:
            with self.subTest(algorithm=algorithm), TokenServer(client_key=self.public) as tokens:
                self.login(self.by_certificate(tokens, "--algorithm", algorithm))
                form = tokens.asked[0]
                head, claims = (decoded(part) for part in form["client_assertion"].split(".")[:2])
                self.assertEqual({"alg": algorithm, "typ": "JWT", field: self.digest(digest)}, head)
                self.assertEqual(("client", "client", tokens.url()), (claims["iss"], claims["sub"], claims["aud"]))
                self.assertEqual(600, claims["exp"] - claims["iat"])
                self.assertEqual("urn:ietf:params:oauth:client-assertion-type:jwt-bearer", form["client_assertion_type"])
                self.assertNotIn("client_secret", form)

    def test_certificate_and_key_in_one_file(self):
        both = self.file("both.pem", self.issued.certificate.read_text() + self.issued.key.read_text())
        with TokenServer(client_key=self.public) as tokens:
            self.login(self.custom(tokens, "--certificate", both))

    def test_key_that_is_another_ones(self):
        other = certificates.Authority(self.folder / "authority").issue("other", key="rsa2048")
        other.key.chmod(0o600)
        with TokenServer(client_key=self.public) as tokens:
            self.fails(CONFIGURATION, *self.by_certificate(tokens, "--key", f"file:{other.key}"),
                       says=["the private key is not that of certificate"])
            self.issued.key.chmod(0o644)
            self.fails(CONFIGURATION, *self.by_certificate(tokens), says=["chmod 600"])

    def test_service_account(self):
        """A token for each mailbox."""
        key = {"type": "service_account", "client_email": "robot@project.example", "private_key_id": "4711",
               "private_key": self.issued.key.read_text()}
        path = self.file("service.json", json.dumps(key))
        with TokenServer(client_key=self.public) as tokens, self.dovecot(tokens) as server:
            self.login(self.custom(tokens, "--key", f"file:{path}"))
            head, claims = (decoded(part) for part in tokens.asked[0]["assertion"].split(".")[:2])
            self.assertEqual({"alg": "RS256", "typ": "JWT", "kid": "4711"}, head)
            self.assertEqual(("robot@project.example", USER, "mail"), (claims["iss"], claims["sub"], claims["scope"]))
            self.create(server)
            self.inqueue("load", "invoices")
            self.inqueue("queue", "alter", "invoices", "--user-name", "other@example.com")
            self.inqueue("load", "invoices")
            self.assertEqual([USER, "other@example.com"],
                             [decoded(form["assertion"].split(".")[1])["sub"] for form in tokens.asked])


class Lasting(OauthCase):
    def test_renewed_at_80_percent(self):
        with TokenServer() as tokens, self.dovecot(tokens) as server:
            self.login(self.with_secret(tokens))
            self.create(server)
            token = self.account()["tokens"]["*"]
            share = (token["renew"] - token["issued"]) / (token["expires"] - token["issued"])
            self.assertGreaterEqual(share, 0.75)
            self.assertLessEqual(share, 0.85)
            self.age(0.74)
            self.inqueue("load", "invoices")
            self.assertEqual(1, len(tokens.asked))
            self.age(0.12)
            self.inqueue("load", "invoices")
            self.assertEqual(2, len(tokens.asked))

    def test_many_processes_ask_once(self):
        """Fifty, whose token has ended: one asks, all sign in."""
        with TokenServer() as tokens, self.dovecot(tokens, extra=MANY) as server:
            tokens.delay_s = 0.5
            self.login(self.with_secret(tokens))
            self.create_many(server)
            for turn in range(2):
                self.sign_in_at_once()
                self.assertEqual(2 + turn, len(tokens.asked))

    def test_token_that_lives_is_used_while_the_server_is_away(self):
        with TokenServer() as tokens, self.dovecot(tokens) as server:
            self.login(self.with_secret(tokens))
            self.create(server)
            self.age(0.9)
            tokens.script = [Answer(503)]
            self.inqueue("load", "invoices")
            self.assertEqual(2, len(tokens.asked))

    def test_token_that_was_taken_back(self):
        """The mail server refuses it: another one is asked for, and nothing is wrong."""
        with TokenServer() as tokens, self.dovecot(tokens) as server:
            self.login(self.with_secret(tokens))
            self.create(server)
            self.age(0.5)
            tokens.expire()
            self.assertEqual("", self.inqueue("load", "invoices").stderr)
            self.assertEqual(2, len(tokens.asked))


class Listing(OauthCase):
    def test_list(self):
        with TokenServer() as tokens:
            self.assertEqual("", self.inqueue("oauth", "list", "--json").stdout)
            self.login(self.with_secret(tokens, "--secret-ends", "2049-12-31"))
            self.assertRegex(self.inqueue("oauth", "list").stdout, r"mail +custom +secret +robot@example.com +ready +2049-12-31")
            shown = self.inqueue("oauth", "list", "--json").json()
            self.assertEqual(("mail", "secret", True), (shown["account"], shown["grant"], shown["signed_in"]))
            self.assertNotIn("token-", json.dumps(shown))


class Warnings(OauthCase):
    def soon(self, days):
        return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)).strftime("%Y-%m-%d")

    def shown(self, says, warned=True):
        """By each command that an administrator looks at, or by none."""
        looks = [self.inqueue("status", "invoices").stdout, self.inqueue("status").stdout, self.inqueue("oauth", "list").stdout,
                 *self.inqueue("status", "--json").json()["account_warnings"],
                 self.inqueue("status", "--check", "--max-age", "1d", expect=NO if warned else 0).stderr,
                 self.inqueue("doctor", expect=CONFIGURATION if warned else 0).stdout]
        self.assertEqual(6 if warned else 5, len(looks))
        for look in looks:
            (self.assertRegex if warned else self.assertNotRegex)(" ".join(look.split()), says)

    def test_client_secret(self):
        with TokenServer() as tokens, self.dovecot(tokens) as server:
            self.create(server)
            for days, warned in [(40, False), (29, True), (-1, True)]:
                with self.subTest(days=days):
                    self.login(self.with_secret(tokens, "--secret-ends", self.soon(days)))
                    self.inqueue("load", "invoices")
                    self.shown(r"account 'mail': the client secret (ends in|has ended)", warned)

    def test_certificate(self):
        authority = certificates.Authority(self.folder / "authority")
        end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=20)
        issued = authority.issue("client", key="rsa2048", validity=("20240101000000Z", end.strftime("%Y%m%d%H%M%SZ")))
        issued.key.chmod(0o600)
        public = subprocess.run(["openssl", "x509", "-in", issued.certificate, "-pubkey", "-noout"], capture_output=True,
                                check=True).stdout
        with TokenServer(client_key=public) as tokens, self.dovecot(tokens) as server:
            self.login(self.custom(tokens, "--certificate", issued.certificate, "--key", f"file:{issued.key}"))
            self.create(server)
            self.inqueue("load", "invoices")
            self.shown("account 'mail': the certificate ends in")

    def test_refresh_token(self):
        with TokenServer() as tokens, self.dovecot(tokens) as server:
            self.login(self.custom(tokens, "--grant", "device", "--device-url", tokens.url("devicecode")))
            self.create(server)
            self.inqueue("load", "invoices")
            for days, warned in [(15, False), (13, True)]:
                end = int((time.time() + days * 86400) * 1000)
                self.change(lambda account, end=end: account.update(refresh_token_ends=end))
                self.shown("account 'mail': the refresh token ends in", warned)


class Settings(OauthCase):
    def test_wrong_ones(self):
        for options, says in [(["--provider", "microsoft"], "did you mean microsoft365"),
                              (["--token-url", "http://example.com/"], "https://"),
                              (["--secret-ends", "soon"], "YYYY-MM-DD"),
                              (["--client-secret", "hunter2"], "never written here"),
                              (["--grant", "password"], "it takes certificate")]:
            with self.subTest(options=options):
                result = self.fails(CONFIGURATION, "oauth", "login", "mail", *options, says=says)
                self.assertNotIn("hunter2", result.stderr)
        self.fails(CONFIGURATION, "oauth", "login", "../mail", says="the name of an account")
        self.fails(CONFIGURATION, "oauth", "login", "mail", "--provider", "microsoft365", "--client-id", "x", "--grant", "secret",
                   "--client-secret", "env:X", says="--tenant is needed")
        self.fails(CONFIGURATION, "oauth", "login", "mail", "--provider", "gmail", "--client-id", "x", "--grant", "device",
                   says="--paste")
        self.assertFalse(self.account_path().exists())


if __name__ == "__main__":
    unittest.main()
