"""Secrets of accounts of OAuth 2.0 that token servers and mail servers repeat in every form: they are found nowhere but in
the account's own file.
"""

import pathlib
import unittest
import urllib.parse

import inqueue
import processes
from canary import FORMS, SECRET, USER, CanaryCase, forms, traces
from liar import small
from token_server import Answer as answered
from token_server import TokenServer, refusal

MOMENTS = {"AUTHENTICATE": rb"AUTHENTICATE", "SELECT": rb"SELECT|EXAMINE", "SEARCH": rb"UID SEARCH"}
TOKEN = "Canary.tok-en_%41+/9=="


class TokenService(CanaryCase):
    """A token server that repeats what it was asked with, and a mail server that repeats the token."""

    def everything(self):
        """The account's own file and the secret's hold them, nothing else does."""
        files = [path for path in self.folder.rglob("*")
                 if path.is_file() and path.suffix != ".password" and not path.parent.name.endswith("-oauth")]
        self.assertIn(self.database, files)
        return "\n".join([*self.said, *(path.read_bytes().decode(errors="replace") for path in files)])

    def assert_no_trace(self, *secrets):
        found = self.everything()
        for secret in secrets:
            for text in traces(secret):
                self.assertNotIn(text, found)
        self.hidden += "***" in found
        self.said.clear()

    def account(self, tokens):
        self.file("client.password", SECRET + "\n")
        return ["oauth", "login", "mail", "--provider", "custom", "--token-url", tokens.url(), "--scope", "mail", "--client-id",
                "client", "--user", USER, "--grant", "secret", "--client-secret", f"file:{self.folder}/client.password"]

    def test_client_secret_in_every_form(self):
        with TokenServer() as tokens, self.lying(small(1)):
            command = self.account(tokens)
            for number, (form, said) in enumerate(FORMS.items()):
                answers = [refusal("invalid_client", said), refusal(said), refusal("invalid_grant", "x" * 290 + said),
                           refusal("server_error", said, 503), answered(400, said.encode()),
                           answered(302, b"", {"Location": f"https://example.com/{urllib.parse.quote(said)}"}),
                           answered(200, {"access_token": said + " ", "token_type": said}),
                           answered(200, {"access_token": "x", "scope": said})]
                for answer in answers[number % 3::3]:
                    with self.subTest(form=form, answer=answer):
                        tokens.script = [answer]
                        self.try_it(*command)
                        self.try_it("oauth", "list")
                self.assert_no_trace(SECRET)
            self.assertGreater(self.hidden, len(FORMS) // 2)

    def test_refresh_token_in_every_form(self):
        """The one that stands in a file, while it is new and when it is the kept one."""
        with TokenServer() as tokens, self.lying(small(1)):
            command = [*self.account(tokens)[:-4], "--refresh-token", f"file:{self.folder}/client.password"]
            for form, said in FORMS.items():
                for first in [[], [answered(200, {"access_token": "x"})]]:
                    with self.subTest(form=form, first=first):
                        (self.folder / "inqueue.db-oauth" / "mail.json").unlink(missing_ok=True)
                        tokens.script = [*first, refusal("invalid_grant", said), refusal("invalid_grant", said)]
                        for _ in first:
                            self.inqueue(*command)
                        self.try_it(*command)
                        self.try_it("oauth", "list")
                self.assert_no_trace(SECRET)
            self.assertGreater(self.hidden, len(FORMS) // 2)

    def test_token_that_the_mail_server_repeats(self):
        with TokenServer() as tokens:
            given = answered(200, {"access_token": TOKEN, "token_type": "Bearer", "refresh_token": TOKEN + "r"})
            tokens.script = [given]
            self.inqueue(*self.account(tokens), "--user", USER)
            for number, (form, said) in enumerate(forms(TOKEN).items()):
                moment = list(MOMENTS)[number % len(MOMENTS)]
                with self.subTest(form=form, moment=moment), self.lying(small(1)) as server:
                    server.capabilities += " AUTH=XOAUTH2 SASL-IR"
                    tokens.script = [given] * 9  # a token that was refused is replaced
                    self.inqueue("queue", "alter", "invoices", "--oauth", "mail")
                    server.answer(MOMENTS[moment], b"TAG NO [CANNOT] you said " + said.encode() + b"\r\n", times=None)
                    if moment != "AUTHENTICATE":
                        server.answer(rb"AUTHENTICATE", b"TAG OK done\r\n", times=None)
                    self.try_it("load")
                    self.try_it("oauth", "check", "mail")
                    self.try_it("status", "--json")
                self.assert_no_trace(TOKEN, SECRET)
                self.inqueue("queue", "drop", "invoices", "--yes", "--force")
            self.assertGreater(self.hidden, len(FORMS) // 2)

    def test_command_lines_and_environments(self):
        """While a process waits for the token server."""
        with TokenServer() as tokens, self.lying(small(1)):
            tokens.delay_s = 1
            process = self.start(*self.account(tokens))
            while not tokens.asked:
                self.assertIsNone(process.poll())
            for one in processes.session_members(process.pid):
                for name in ["cmdline", "environ"]:
                    self.assertNotIn(SECRET.encode(), pathlib.Path(f"/proc/{one}/{name}").read_bytes())
                limits = pathlib.Path(f"/proc/{one}/limits").read_text()
                if one != process.pid:
                    self.assertRegex(limits, r"Max core file size +0 ")
            self.finish(process, expect=inqueue.CREDENTIALS)


if __name__ == "__main__":
    unittest.main()
