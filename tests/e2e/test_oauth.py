"""Accounts of OAuth 2.0: each grant against a token server, Dovecot asking that server about the tokens (RFC 7662), and
tokens that last over renewals and over many processes at once.
"""

import base64
import datetime
import json
import os
import pathlib
import re
import subprocess
import time
import unittest
import urllib.error
import urllib.request

import certificates
import processes
from inqueue import CONFIGURATION, CREDENTIALS, IO, NO, UNREACHABLE, USAGE, Case, connection_string, message
from servers import Dovecot, free_port
from token_server import Answer, TokenServer, decoded

USER = "robot@example.com"


class OauthCase(Case):
    def custom(self, server, *options, name="mail", **more):
        """Settings of an account at a token server of ours."""
        return ["oauth", "login", name, "--provider", "custom", "--token-url", server.url(), "--scope", "mail",
                "--client-id", "client", "--user", USER, *options]

    def with_secret(self, server, *options, **more):
        self.file("client.secret", "client secret\n")
        return self.custom(server, "--grant", "secret", "--client-secret", f"file:{self.folder}/client.secret", *options, **more)

    def login(self, command, **options):
        result = self.inqueue(*command, **options)
        self.assertEqual("", result.stderr)
        return result

    def account_path(self, name="mail"):
        return self.folder / "inqueue.db-oauth" / f"{name}.json"

    def account(self, name="mail"):
        return json.loads(self.account_path(name).read_text())

    def change(self, change, name="mail"):
        account = self.account(name)
        change(account)
        self.account_path(name).write_text(json.dumps(account))

    def age(self, share=1.0, name="mail"):
        """As if so much of the access token's life were over."""
        def change(account):
            for token in account["tokens"].values():
                by = int((token["expires"] - token["issued"]) * share)
                for key in ["issued", "renew", "expires"]:
                    token[key] -= by
        self.change(change, name)

    def create(self, server, name="invoices", account="mail", **keys):
        self.inqueue("queue", "create", name, "--connection-string", connection_string(self.keys(server, **keys)),
                     "--user-name", USER, "--oauth", account)

    def dovecot(self, tokens, **options):
        return Dovecot(mechanisms="plain xoauth2 oauthbearer", introspection=tokens.url("introspect"), **options)


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


class ByPerson(OauthCase):
    def by_code(self, tokens, *options):
        return self.custom(tokens, "--grant", "code", "--authorize-url", tokens.url("authorize"), *options)

    def begin(self, tokens, *options):
        """Starts a sign-in; the address that it shows."""
        process = self.start(*self.by_code(tokens, *options))
        shown = []
        for line in process.stdout:
            shown.append(line.decode())
            if shown[-1].startswith("http") and "code_challenge" in shown[-1]:
                return process, shown[-1].strip()
        self.fail(f"no address: {shown} {process.stderr.read()}")

    def visit(self, address):
        try:
            with urllib.request.urlopen(address, timeout=30) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def test_browser_of_this_machine(self):
        with TokenServer() as tokens:
            process, address = self.begin(tokens)
            self.assertIn("code_challenge_method=S256", address)
            self.assertEqual(200, self.visit(tokens.sign_in(address)))
            self.assertEqual("", self.finish(process).stderr)
            self.assertTrue(self.account()["refresh_token"].startswith("refresh-"))

    def test_browser_hears_that_the_provider_took_the_code(self):
        with TokenServer() as tokens:
            process, address = self.begin(tokens)
            tokens.script = [Answer(400, {"error": "invalid_grant"})]
            self.assertEqual(400, self.visit(tokens.sign_in(address)))
            self.finish(process, expect=CREDENTIALS)

    def test_a_setting_that_leaves_the_sign_in_good(self):
        with TokenServer() as tokens:
            self.login(self.by_device(tokens))
            token, asked = self.account()["refresh_token"], len(tokens.asked)
            said = self.inqueue("oauth", "login", "mail", "--revoke-url", tokens.url("revoke")).stderr
            self.assertIn("account 'mail' is changed and stays signed in; `inqueue oauth login mail` signs in anew", said)
            self.assertEqual((token, asked), (self.account()["refresh_token"], len(tokens.asked)))
            self.assertEqual(tokens.url("revoke"), self.account()["definition"]["revoke-url"])
            self.login(["oauth", "login", "mail", "--scope", "more"])
            self.assertNotEqual(token, self.account()["refresh_token"])

    def test_stranger_at_the_loopback_address(self):
        """A wrong state is no answer; the right one still counts."""
        with TokenServer() as tokens:
            process, address = self.begin(tokens)
            good = tokens.sign_in(address)
            for strange in [tokens.sign_in(address, state="forged"), tokens.sign_in(address, state=None),
                            good.partition("?")[0], good.partition("?")[0] + "favicon.ico"]:
                self.assertEqual(400, self.visit(strange))
            self.assertEqual(200, self.visit(good))
            self.finish(process)

    def test_person_who_does_not_agree(self):
        with TokenServer() as tokens:
            process, address = self.begin(tokens)
            self.visit(tokens.sign_in(address, code=None, error="access_denied", error_description="AADSTS65004: declined"))
            result = self.finish(process, expect=CREDENTIALS)
            self.assertRegex(result.stderr, "declined to consent.*`inqueue oauth login mail`")

    def test_address_is_pasted(self):
        with TokenServer() as tokens:
            process, address = self.begin(tokens, "--paste")
            self.assertEqual("", self.finish(process, stdin=tokens.sign_in(address) + "\n").stderr)
            process, address = self.begin(tokens, "--paste")
            wrong = self.finish(process, stdin=tokens.sign_in(address, state="forged") + "\n", expect=CREDENTIALS)
            self.assertIn("no answer to this sign-in", wrong.stderr)

    def by_device(self, tokens):
        return self.custom(tokens, "--grant", "device", "--device-url", tokens.url("devicecode"))

    def test_device_code(self):
        with TokenServer() as tokens:
            result = self.login(self.by_device(tokens))
            self.assertIn("enter the code ABCD-EFGH", result.stdout)
            self.assertEqual(2, len(tokens.asked))

    def test_device_code_while_the_server_is_busy(self):
        """The person is typing: a fault that passes does not end the sign-in."""
        with TokenServer() as tokens:
            tokens.script = [Answer(500, b"")]
            self.login(self.by_device(tokens))
            self.assertEqual(3, len(tokens.asked))

    def test_device_code_of_several_lines(self):
        with TokenServer() as tokens:
            tokens.answer = lambda _path, _form: Answer(200, {
                "device_code": "x" * 20, "user_code": "A\nforged", "verification_uri": "", "expires_in": 1, "interval": 1,
                "access_token": "token", "refresh_token": "refresh"})
            self.assertEqual("Open the provider's page with any browser, and enter the code A forged\n",
                             self.login(self.by_device(tokens)).stdout)

    def test_device_code_that_nobody_enters(self):
        for word, says in [("expired_token", "in time"), ("access_denied", "did not agree")]:
            with self.subTest(word=word), TokenServer() as tokens:
                tokens.device_answers = [word]
                result = self.inqueue(*self.by_device(tokens), expect=CREDENTIALS)
                self.assertIn(says, result.stderr)

    def test_refresh_token_is_rotated(self):
        with TokenServer() as tokens, self.dovecot(tokens) as server:
            process, address = self.begin(tokens)
            self.visit(tokens.sign_in(address))
            self.finish(process)
            first = self.account()["refresh_token"]
            self.create(server)
            self.age()
            self.inqueue("load", "invoices")
            self.assertEqual(first, self.account()["refresh_token_before"])
            self.assertNotEqual(first, self.account()["refresh_token"])
            self.assertEqual(["authorization_code", "refresh_token"], tokens.grants())

    def test_one_before_is_the_second_try(self):
        with TokenServer() as tokens, self.dovecot(tokens) as server:
            process, address = self.begin(tokens)
            self.visit(tokens.sign_in(address))
            self.finish(process)
            self.create(server)
            def lose(account):
                account["refresh_token_before"], account["refresh_token"] = account["refresh_token"], "refresh-unknown"
            self.change(lose)
            self.age()
            self.inqueue("load", "invoices")
            self.assertEqual(3, len(tokens.asked))

    def test_revoke(self):
        with TokenServer() as tokens:
            process, address = self.begin(tokens, "--revoke-url", tokens.url("revoke"))
            self.visit(tokens.sign_in(address))
            self.finish(process)
            token = self.account()["refresh_token"]
            self.fails(USAGE, "oauth", "revoke", "mail", says="--yes")
            self.inqueue("oauth", "revoke", "mail", "--yes")
            self.assertEqual([token], tokens.revoked)
            self.assertFalse(self.account_path().exists())
            self.fails(NO, "oauth", "revoke", "mail", "--yes", says="there is no account 'mail'")

    def test_revoke_names_the_queues(self):
        with TokenServer() as tokens:
            self.login(self.with_secret(tokens))
            for name in ["invoices", "orders"]:
                self.inqueue("queue", "create", name, "--connection-string", "url=127.0.0.1", "--user-name", USER,
                             "--oauth", "mail")
            self.inqueue("queue", "create", "other", "--connection-string", "url=127.0.0.1", "--user-name", USER,
                         "--oauth", "another")
            self.on_terminal("oauth", "revoke", "mail", expect=NO, answers=[
                (r"Revoke account 'mail', by which 'invoices', 'orders' sign in, and delete it", "n\n")])
            said = self.inqueue("oauth", "revoke", "mail", "--yes").stderr
            self.assertIn("queues signed in by account 'mail': 'invoices', 'orders'; ", said)
            self.assertNotIn("'other'", said)

    def test_revoke_gives_rights_up_before_the_provider_is_heard(self):
        """Also where a command gives the secret of the client."""
        filters = []

        def look(revoke, form):
            for process in processes.session_members(self._sessions[-1]):
                status = pathlib.Path(f"/proc/{process}/status").read_text()
                filters.append(re.search(r"(?m)^Seccomp:\t(.)$", status)[1])
            return revoke(form)

        self.file("client.secret", "client secret\n")
        with TokenServer() as tokens:
            revoke = tokens._revoke
            tokens._revoke = lambda form: look(revoke, form)
            self.login(self.custom(tokens, "--grant", "secret", "--revoke-url", tokens.url("revoke"), "--client-secret",
                                   f"command:/bin/cat {self.folder}/client.secret"))
            self.change(lambda account: account.update(refresh_token=tokens.new_refresh_token()))
            self.assertEqual("", self.inqueue("oauth", "revoke", "mail", "--yes").stderr)
            self.assertEqual(1, len(tokens.revoked))
            self.assertEqual(["0", "0", "2"], sorted(filters))  # who waits for it, its starter, and who hears

    def test_revoke_when_nobody_is_there(self):
        with TokenServer() as tokens:
            self.login([*self.by_device(tokens), "--revoke-url", f"http://127.0.0.1:{free_port()}/"])
            self.fails(UNREACHABLE, "oauth", "revoke", "mail", "--yes",
                       says="is not reached.*the account is kept: `inqueue oauth revoke mail --here`")
            self.assertTrue(self.account_path().exists())
            self.assertIn("was not told", self.inqueue("oauth", "revoke", "mail", "--yes", "--here").stderr)
            self.assertFalse(self.account_path().exists())


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
        """Fifty, whose token has ended: one asks, all sign in. Of its own Dovecot takes ten connections of a user."""
        many = "protocol imap {\n  mail_max_userip_connections = 100\n}\n"
        with TokenServer() as tokens, self.dovecot(tokens, extra=many) as server:
            tokens.delay_s = 0.5
            self.login(self.with_secret(tokens))
            for number in range(50):
                self.create(server, f"q{number}")
            for turn in range(2):
                self.age()
                runs = [self.start("queue", "check", f"q{number}") for number in range(50)]
                for run in runs:
                    self.finish(run)
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
