"""What token servers refuse, each with exit status, sentence and delay; and `oauth check`, which names the first step that
fails. Neither ever prints a token.
"""

import base64
import json
import socket
import subprocess
import time
import unittest

from inqueue import CONFIGURATION, CREDENTIALS, PROTOCOL, TEMPORARY, UNREACHABLE
from oauth_case import USER, OauthCase
from servers import free_port
from token_server import Answer, TokenServer, refusal


def aadsts(number, error="invalid_client", words="Trace ID: 4711"):
    return refusal(error, f"AADSTS{number}: {words}", 401)


# What the server answers, the exit status, and what the one line says.
REFUSED = [
    (aadsts(7000222), CREDENTIALS, "secret has expired.*--client-secret SOURCE"),
    (aadsts(7000215), CREDENTIALS, "the secret's value that counts, not its id"),
    (aadsts(700016, "unauthorized_client"), CREDENTIALS, "not known in this directory.*--client-id"),
    (aadsts(90002, "invalid_request"), CREDENTIALS, "no such directory.*--tenant"),
    (aadsts(65001, "invalid_grant"), CREDENTIALS, "consent is missing"),
    (aadsts(90094, "invalid_grant"), CREDENTIALS, "administrator has to consent"),
    (aadsts(50173, "invalid_grant"), CREDENTIALS, "change of the password.*`inqueue oauth login mail`"),
    (aadsts(70043, "invalid_grant"), CREDENTIALS, "sign-in frequency.*`inqueue oauth login mail`"),
    (aadsts(700082, "invalid_grant"), CREDENTIALS, "not used for too long.*`inqueue oauth login mail`"),
    (aadsts(53003, "invalid_grant"), CREDENTIALS, "Conditional Access.*--grant code"),
    (aadsts(700027), CREDENTIALS, "certificate is not the application's"),
    (aadsts(700024), CREDENTIALS, "set this machine's clock"),
    (aadsts(7000218), CREDENTIALS, "allow public client flows"),
    (aadsts(7000229), CREDENTIALS, "no Enterprise application"),
    (aadsts(500011, "invalid_resource"), CREDENTIALS, "scope names a service"),
    (refusal("invalid_grant"), CREDENTIALS, "signs in with no longer counts.*`inqueue oauth login mail`"),
    (refusal("invalid_client"), CREDENTIALS, "client is not known.*--client-secret SOURCE"),
    (refusal("unauthorized_client"), CREDENTIALS, "Domain-wide delegation"),
    (refusal("invalid_scope"), CREDENTIALS, "--scope"),
    (refusal("invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."),
     CREDENTIALS, "set this machine's clock"),
    (refusal("invalid_grant", "Invalid email or User ID"), CREDENTIALS, "no such mailbox"),
    (refusal("never_heard_of", "something"), CREDENTIALS, r"refuses, status 400 \(something\).*`inqueue oauth login mail`"),
    (Answer(200, {"token_type": "Bearer"}), PROTOCOL, "holds no access token"),
    (Answer(200, {"access_token": "two\r\nlines", "token_type": "Bearer"}), PROTOCOL, "holds no access token"),
    (Answer(200, {"access_token": "x", "token_type": "mac"}), PROTOCOL, "holds no access token"),
    (Answer(200, b"<html>sign in to the network</html>"), PROTOCOL, "no JSON.*proxy"),
    (Answer(200, {"error": "invalid_client", "error_description": "said with status 200"}), CREDENTIALS, "client is not known"),
    (Answer(404, b"not here"), PROTOCOL, "status 404 and no JSON"),
    (Answer(302, b"", {"Location": "https://example.com/"}), PROTOCOL, "status 302"),
    (Answer(200, b"{" * 70000), PROTOCOL, "more than 64 KiB"),
]

# And, of those that pass, for how many seconds nobody asks again.
PATIENCE = [
    (Answer(429, {}, {"Retry-After": "120"}), 120), (Answer(429, {}), 5), (Answer(503, b"down", {"Retry-After": "7"}), 7),
    (Answer(500, b"<html>"), 5), (Answer(503, {}, {"Retry-After": "99999999"}), 900), (aadsts(90033, "temporarily_unavailable"), 5),
    (refusal("server_error"), 5),
]


class Refused(OauthCase):
    def test_each_has_its_sentence(self):
        with TokenServer() as tokens:
            command = self.with_secret(tokens)
            for answer, code, says in REFUSED:
                with self.subTest(answer=answer):
                    tokens.script = [answer]
                    self.fails(code, *command, says=["account 'mail'", says])
                    self.assertEqual([], tokens.script)

    def test_each_that_passes_has_its_delay(self):
        """All processes leave the server alone for that time."""
        with TokenServer() as tokens, self.dovecot(tokens) as server:
            self.login(self.with_secret(tokens))
            self.create(server)
            for answer, wait_s in PATIENCE:
                with self.subTest(answer=answer):
                    self.change(lambda account: account.pop("wait", None))
                    self.age()
                    tokens.script, before = [answer], len(tokens.asked)
                    start = time.time()
                    self.fails(TEMPORARY, "load", "invoices", says=["asks for patience|has a fault of its own"])
                    until = self.account()["wait"]["until"] / 1000
                    self.assertGreaterEqual(until, start + wait_s)
                    self.assertLessEqual(until, time.time() + wait_s)
                    self.fails(TEMPORARY, "load", "invoices", says=["asked again in"])
                    self.assertEqual(before + 1, len(tokens.asked))

    def test_refusal_while_loading(self):
        """It is one of the sign-in: after three in a row the queue stops."""
        with TokenServer() as tokens, self.dovecot(tokens) as server:
            self.login(self.with_secret(tokens))
            self.create(server)
            self.age()
            tokens.script = [aadsts(7000222)] * 3
            for _ in range(3):
                self.fails(CREDENTIALS, "load", "invoices", says="secret has expired")
            self.fails(CREDENTIALS, "load", "invoices", says="collecting is stopped")
            self.assertEqual([], tokens.script)

    def test_clock_that_is_off(self):
        with TokenServer() as tokens:
            for off_s, says in [(360, "clock is 6m behind"), (-360, "clock is 6m ahead of")]:
                tokens.clock_off_s, tokens.script = off_s, [aadsts(700024)]
                result = self.fails(CREDENTIALS, *self.with_secret(tokens), says="this machine's")
                self.assertRegex(result.stderr, says.replace("6m", r"(6m [01]s|5m 59s)"))

    def test_server_that_does_not_answer(self):
        """It takes the connection and is silent: the run gives up by itself, and others are told to wait."""
        with socket.create_server(("127.0.0.1", 0)) as silent, TokenServer() as tokens:
            self.fails(TEMPORARY, *self.with_secret(tokens), "--token-url", f"http://127.0.0.1:{silent.getsockname()[1]}/token",
                       says="account 'mail': 127.0.0.1 does not answer in time")
            self.assertIn("does not answer in time", self.account()["wait"]["why"])

    def test_server_that_repeats_what_it_is_sent(self):
        """Proofs by which others could sign in are no more to be seen than secrets are."""
        pem = self.file("app.pem", "")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=inqueue", "-keyout", pem,
                        "-out", self.folder / "app.crt"], check=True, capture_output=True)
        key = self.file("service.json", json.dumps({"client_email": "robot@project.example", "private_key": pem.read_text()}))
        pem.write_text(pem.read_text() + (self.folder / "app.crt").read_text())
        with TokenServer() as tokens:
            def repeat(_path, form):
                tokens.asked.append(form)
                return refusal("never_heard_of", " ".join(form[name] for name in proofs if name in form))
            tokens.answer = repeat
            proofs = ["client_assertion", "assertion", "code", "code_verifier"]
            code = self.start(*self.custom(tokens, "--grant", "code", "--authorize-url", tokens.url("authorize"), "--paste"))
            shown = code.stdout.readline()
            while b"code_challenge" not in shown:
                shown = code.stdout.readline()
            address = TokenServer.sign_in(tokens, shown.decode().strip())
            results = [self.finish(code, stdin=address + "\n", expect=CREDENTIALS),
                       self.inqueue(*self.custom(tokens, "--certificate", pem, name="app"), expect=CREDENTIALS),
                       self.inqueue(*self.custom(tokens, "--key", f"file:{key}", name="service"), expect=CREDENTIALS)]
            for result, form in zip(results, tokens.asked, strict=True):
                self.assertIn("***", result.stderr)
                for name in proofs:
                    self.assertNotIn(form.get(name, "x" * 32)[:32], result.stderr)

    def test_numbers_without_measure(self):
        with TokenServer() as tokens:
            for number in ["9223372036854775807", 9223372036854775807, 1e300, -1, "soon"]:
                with self.subTest(number=number):
                    tokens.script = [Answer(200, {"access_token": "token", "expires_in": number, "refresh_token": "refresh",
                                                  "refresh_token_expires_in": number})]
                    self.login(self.with_secret(tokens))
                    token = self.account()["tokens"]["*"]
                    self.assertLessEqual(token["expires"] - token["issued"], 86400 * 1000)
                    self.assertGreaterEqual(self.account()["refresh_token_ends"], 0)

    def test_nobody_there(self):
        with TokenServer() as tokens:
            self.fails(UNREACHABLE, *self.with_secret(tokens), "--token-url", f"http://127.0.0.1:{free_port()}/token",
                       says="127.0.0.1 is not reached")


def web_token(**claims):
    def part(content):
        return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()
    return ".".join([part({"alg": "none"}), part(claims), "signature"])


class EntraCase(OauthCase):
    ENTRA = {"aud": "https://outlook.office365.com", "roles": ["IMAP.AccessAsApp"], "tid": "4711"}

    def entra(self, tokens, **claims):
        self.inqueue(*self.with_secret(tokens), "--provider", "microsoft365", "--tenant", "4711")
        token = web_token(exp=int(time.time()) + 3600, **claims)
        tokens.script = [Answer(200, {"access_token": token, "token_type": "Bearer", "expires_in": 3600})]
        tokens.tokens[token] = (USER, time.time() + 3600)
        self.age()
        return token


class Check(EntraCase):
    def test_all_is_well(self):
        with TokenServer() as tokens, self.dovecot(tokens) as server:
            token = self.entra(tokens, **self.ENTRA)
            self.create(server)
            shown = self.inqueue("oauth", "check", "mail").stdout
            for says in [r"token +ok", r"aud +https://outlook.office365.com", r"roles +IMAP.AccessAsApp", r"tid +4711",
                         r"sign-in +OAUTHBEARER", r"mailbox +INBOX", r"moving +MOVE"]:
                self.assertRegex(shown, says)
            self.assertNotIn(token[-40:], shown)
            self.assertEqual("OAUTHBEARER", self.inqueue("oauth", "check", "mail", "--json").json()["sign-in"])

    def test_what_a_token_lacks(self):
        for claims, says in [({"aud": "https://graph.microsoft.com"}, "for another service.*scope is wrong"),
                             ({"roles": ["Mail.Read"]}, "may not use IMAP.*IMAP.AccessAsApp.*admin consent"),
                             ({"nbf": int(time.time()) + 900}, "not valid yet.*clock is 1[45]m.* behind")]:
            with self.subTest(claims=claims), TokenServer() as tokens, self.dovecot(tokens) as server:
                token = self.entra(tokens, **{**self.ENTRA, **claims})
                self.create(server)
                result = self.inqueue("oauth", "check", "mail", expect=CREDENTIALS)
                self.assertRegex(result.stderr, f"^inqueue: oauth check 'mail': token: .*{says}")
                self.assertNotIn(token[-40:], result.stdout + result.stderr)
                self.inqueue("queue", "drop", "invoices", "--yes")

    def test_token_that_is_not_to_be_had(self):
        with TokenServer() as tokens, self.dovecot(tokens) as server:
            self.entra(tokens, **self.ENTRA)
            self.create(server)
            tokens.script = [aadsts(7000222)]
            self.fails(CREDENTIALS, "oauth", "check", "mail", says="oauth check 'mail': token: .*secret has expired")

    def test_mail_server_that_does_not_take_it(self):
        with TokenServer() as tokens, self.dovecot(tokens) as server:
            token = self.entra(tokens, **self.ENTRA)
            self.create(server)
            tokens.tokens.clear()
            result = self.inqueue("oauth", "check", "mail", expect=CREDENTIALS)
            self.assertRegex(result.stderr, "oauth check 'mail': sign-in: .*Enterprise application.*IMAP switched on")
            self.assertNotIn(token[-40:], result.stdout + result.stderr)

    def test_mailbox_that_is_not_there(self):
        with TokenServer() as tokens, self.dovecot(tokens) as server:
            self.entra(tokens, **self.ENTRA)
            self.create(server, mailbox="Nowhere")
            self.fails(CONFIGURATION, "oauth", "check", "mail", says="Nowhere")

    def test_queue_that_signs_in_by_something_else(self):
        with TokenServer() as tokens, self.dovecot(tokens) as server:
            self.inqueue(*self.with_secret(tokens))
            self.create_queue(server, "others")
            self.fails(CONFIGURATION, "oauth", "check", "mail", "--queue", "others",
                       says="queue 'others' does not sign in by this account: `inqueue queue alter others --oauth mail`")

    def test_without_a_queue(self):
        with TokenServer() as tokens:
            self.inqueue(*self.with_secret(tokens))
            self.fails(CONFIGURATION, "oauth", "check", "mail", says="--imap-server")
            self.inqueue("oauth", "login", "mail", "--imap-server", "127.0.0.1")
            result = self.inqueue("oauth", "check", "mail", expect=UNREACHABLE)
            self.assertIn("oauth check 'mail': connection: ", result.stderr)


if __name__ == "__main__":
    unittest.main()
