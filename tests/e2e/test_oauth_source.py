"""Accounts of OAuth 2.0 whose refresh token is put somewhere by an administrator: it is taken once, its successors are kept,
and a new one is found where the kept one is refused.
"""

import datetime
import unittest

import certificates
from inqueue import CONFIGURATION, CREDENTIALS, NO, TEMPORARY, message
from oauth_case import MANY, OauthCase
from token_server import Answer, TokenServer, refusal

NEW_ONE = "account 'mail': .* put a new refresh token where --refresh-token names its source"


class FromSource(OauthCase):
    def put(self, token):
        """As an administrator does, in an editor."""
        return self.file("refresh.token", token + "\n")

    def sourced(self, tokens, *options):
        return self.custom(tokens, "--refresh-token", f"file:{self.folder}/refresh.token", *options)

    def sign_in(self, tokens):
        first = tokens.new_refresh_token()
        self.put(first)
        self.assertEqual("", self.login(self.sourced(tokens)).stdout)
        return first

    def assert_each_sent_once(self, tokens):
        sent = tokens.refresh_tokens_asked_with()
        self.assertEqual(len(set(sent)), len(sent))


class Taking(FromSource):
    def test_mail_is_loaded(self):
        with TokenServer() as tokens, self.dovecot(tokens) as server:
            with server.mailbox() as mailbox:
                mailbox.append(message())
            first = self.sign_in(tokens)
            self.assertEqual(["refresh_token"], tokens.grants())
            self.assertNotEqual(first, self.account()["refresh_token"])
            self.create(server)
            for _ in range(3):
                self.age()
                self.inqueue("load", "invoices")
            self.assertEqual([("Invoice 4711",)], self.sql("SELECT subject FROM entry"))
            self.assertEqual(4, len(tokens.asked))
            self.assert_each_sent_once(tokens)
            self.assertRegex(self.inqueue("oauth", "check", "mail").stdout, "moving")
            self.assertRegex(self.inqueue("oauth", "list").stdout, r"mail +custom +refresh-token +robot@example.com +ready")
            self.assertNotIn("refresh-", self.inqueue("queue", "dump").stdout)

    def test_every_source(self):
        with TokenServer() as tokens, self.dovecot(tokens) as server:
            self.create(server)
            for source in ["env:REFRESH", f"command:/bin/cat {self.folder}/refresh.token", "credential:refresh"]:
                with self.subTest(source=source):
                    tokens.revoke_all()
                    (self.folder / "refresh").write_text(tokens.new_refresh_token())
                    (self.folder / "refresh").chmod(0o600)
                    given = {"env": {"CREDENTIALS_DIRECTORY": str(self.folder), "REFRESH": (self.folder / "refresh").read_text()}}
                    self.put(given["env"]["REFRESH"])
                    self.login(self.custom(tokens, "--refresh-token", source), **given)
                    tokens.revoke_all()
                    given["env"]["REFRESH"] = tokens.new_refresh_token()
                    (self.folder / "refresh").write_text(given["env"]["REFRESH"])
                    self.put(given["env"]["REFRESH"])
                    self.age()
                    self.assertEqual("", self.inqueue("load", "invoices", **given).stderr)
            self.assert_each_sent_once(tokens)

    def test_with_a_certificate(self):
        """Of the client: it is no grant of its own then."""
        issued = certificates.Authority(self.folder / "authority").issue("client", key="rsa2048")
        issued.key.chmod(0o600)
        with TokenServer() as tokens:
            self.put(tokens.new_refresh_token())
            self.login(self.sourced(tokens, "--certificate", issued.certificate, "--key", f"file:{issued.key}"))
            self.assertEqual("refresh_token", tokens.asked[0]["grant_type"])
            self.assertIn("client_assertion", tokens.asked[0])

    def test_login_again(self):
        """What is in the file was taken already; the kept one proves the account."""
        with TokenServer() as tokens:
            self.sign_in(tokens)
            kept = self.account()["refresh_token"]
            self.login(["oauth", "login", "mail", "--refresh-token", f"command:/bin/cat {self.folder}/refresh.token"])
            self.assertEqual(kept, tokens.asked[-1]["refresh_token"])
            self.put(tokens.new_refresh_token())
            self.login(["oauth", "login", "mail"])
            self.assertEqual(3, len(tokens.asked))
            self.assert_each_sent_once(tokens)

    def test_server_that_keeps_the_token(self):
        with TokenServer(rotates=False) as tokens:
            first = self.sign_in(tokens)
            self.login(["oauth", "login", "mail", "--scope", "more"])
            self.assertEqual([first] * 2, tokens.refresh_tokens_asked_with())

    def test_used_one_is_not_sent_for_other_settings(self):
        with TokenServer() as tokens:
            self.sign_in(tokens)
            self.fails(CREDENTIALS, "oauth", "login", "mail", "--scope", "more", says="was used before: put a new one there")
            self.assertEqual(1, len(tokens.asked))
            self.put(tokens.new_refresh_token())
            self.login(["oauth", "login", "mail"])

    def test_server_that_is_away(self):
        """What was kept before is kept still."""
        with TokenServer() as tokens:
            self.sign_in(tokens)
            kept = self.account()["refresh_token"]
            self.put(tokens.new_refresh_token())
            tokens.script = [Answer(503)]
            self.fails(TEMPORARY, "oauth", "login", "mail", says="patience")
            self.assertEqual(kept, self.account()["refresh_token"])
            self.login(["oauth", "login", "mail"])

    def test_what_is_no_source(self):
        with TokenServer() as tokens:
            self.fails(CONFIGURATION, *self.custom(tokens, "--refresh-token", "hunter2"), says="never written here")
            self.fails(CONFIGURATION, *self.sourced(tokens), says="account 'mail': refresh-token: file '.*/refresh.token'")
            self.put("refresh\ttoken")
            self.fails(CREDENTIALS, *self.sourced(tokens), says="account 'mail': refresh-token: .* is no token")
            self.fails(CONFIGURATION, *self.sourced(tokens, "--grant", "code"), says="--refresh-token ''")
            self.fails(CONFIGURATION, *self.sourced(tokens, "--grant", "refresh-token", "--refresh-token", ""),
                       says="--refresh-token is needed for --grant refresh-token")
            self.assertEqual([], tokens.asked)


class Refused(FromSource):
    def test_new_one_in_the_file(self):
        """The provider revoked them all. Nobody has to sign in."""
        with TokenServer() as tokens, self.dovecot(tokens) as server:
            self.sign_in(tokens)
            self.create(server)
            self.age()
            self.inqueue("load", "invoices")
            tokens.revoke_all()
            self.age()
            self.fails(CREDENTIALS, "load", "invoices", says=NEW_ONE)
            new = tokens.new_refresh_token()
            self.put(new)
            self.assertEqual("", self.inqueue("load", "invoices").stderr)
            self.assertEqual(new, tokens.asked[-1]["refresh_token"])
            self.assertEqual(new, self.account()["refresh_token_before"])
            asked = len(tokens.asked)
            self.age()
            self.inqueue("load", "invoices")
            self.assertEqual(asked + 1, len(tokens.asked))

    def test_one_before_comes_after_it(self):
        """An answer that was lost, and what the administrator put there is refused as well."""
        with TokenServer() as tokens, self.dovecot(tokens) as server:
            self.sign_in(tokens)
            self.create(server)
            kept = self.account()["refresh_token"]
            self.change(lambda account: account.update(refresh_token_before=kept, refresh_token="refresh-unknown"))
            self.put("refresh-wrong")
            self.age()
            self.inqueue("load", "invoices")
            self.assertEqual(["refresh-unknown", "refresh-wrong", kept], tokens.refresh_tokens_asked_with()[1:])

    def test_source_that_cannot_be_read(self):
        with TokenServer() as tokens, self.dovecot(tokens) as server:
            self.sign_in(tokens)
            self.create(server)
            (self.folder / "refresh.token").unlink()
            self.age()
            self.inqueue("load", "invoices")
            tokens.revoke_all()
            self.age()
            self.fails(CONFIGURATION, "load", "invoices",
                       says="account 'mail': the refresh token at hand is refused, and no other is found: refresh-token: file '")

    def test_server_that_is_away_when_it_is_asked_again(self):
        """Patience, and not a person, is what helps."""
        with TokenServer() as tokens, self.dovecot(tokens) as server:
            self.sign_in(tokens)
            self.create(server)
            self.put(tokens.new_refresh_token())
            self.age()
            tokens.script = [refusal("invalid_grant"), Answer(503)]
            self.fails(TEMPORARY, "load", "invoices", says="patience")


class Showing(FromSource):
    def shown(self, says, expect=NO):
        for command, code in [(["status", "invoices"], 0), (["oauth", "list"], 0), (["doctor"], CONFIGURATION)]:
            self.assertRegex(" ".join(self.inqueue(*command, expect=code).stdout.split()), says)
        self.assertRegex(self.inqueue("status", "--check", "--max-age", "1d", expect=expect).stderr, says)

    def test_warnings(self):
        with TokenServer() as tokens, self.dovecot(tokens) as server:
            self.create(server)
            self.put("refresh-wrong")
            self.fails(CREDENTIALS, *self.sourced(tokens), says=NEW_ONE)
            self.assertFalse(self.inqueue("oauth", "list", "--json").json()["signed_in"])
            self.shown("account 'mail': no refresh token of its source has been taken yet: `inqueue oauth login mail`")
            self.sign_in(tokens)
            self.inqueue("load", "invoices")
            end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=13)
            self.change(lambda account: account.update(refresh_token_ends=int(end.timestamp() * 1000)))
            self.shown("account 'mail': the refresh token ends in .*: put a new one into its source, then `inqueue oauth login mail`")

    def test_revoke(self):
        """The kept one is taken back; the file is another's."""
        with TokenServer() as tokens:
            self.put(tokens.new_refresh_token())
            self.login(self.sourced(tokens, "--revoke-url", tokens.url("revoke")))
            kept = self.account()["refresh_token"]
            self.assertEqual("", self.inqueue("oauth", "revoke", "mail", "--yes").stderr)
            self.assertEqual([kept], tokens.revoked)
            self.assertTrue((self.folder / "refresh.token").exists())


class Many(FromSource):
    def test_processes_ask_once(self):
        """Fifty, whose token has ended, at a server that rotates and is slow: one asks, all sign in; a used token that came
        a second time would end the account."""
        with TokenServer() as tokens, self.dovecot(tokens, extra=MANY) as server:
            tokens.delay_s = 0.5
            self.sign_in(tokens)
            self.create_many(server)
            for turn in range(3):
                self.sign_in_at_once()
                self.assertEqual(2 + turn, len(tokens.asked))
            self.assert_each_sent_once(tokens)
            self.age()
            self.inqueue("queue", "check", self.names[0])
            self.assertEqual(5, len(tokens.asked))


if __name__ == "__main__":
    unittest.main()
