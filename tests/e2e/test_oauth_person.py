"""Accounts of OAuth 2.0 that a person signs in for, with a browser of this machine, a pasted address or a device code; and
how such an account is revoked.
"""

import pathlib
import re
import unittest
import urllib.error
import urllib.request

import processes
from inqueue import CREDENTIALS, NO, UNREACHABLE, USAGE
from oauth_case import USER, OauthCase
from servers import free_port
from token_server import Answer, TokenServer


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


if __name__ == "__main__":
    unittest.main()
