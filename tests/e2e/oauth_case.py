"""Cases of OAuth 2.0: an account at a token server of ours, and a Dovecot that asks that server about tokens (RFC 7662)."""

import json

from inqueue import Case, connection_string
from servers import Dovecot

USER = "robot@example.com"
MANY = "protocol imap {\n  mail_max_userip_connections = 100\n}\n"  # of its own Dovecot takes ten connections of a user


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

    def create_many(self, server, count=50):
        self.names = [f"q{number}" for number in range(count)]
        for name in self.names:
            self.create(server, name)

    def sign_in_at_once(self):
        """A process for each queue of create_many(), with a token that has ended."""
        self.age()
        for run in [self.start("queue", "check", name) for name in self.names]:
            self.finish(run)

    def dovecot(self, tokens, **options):
        return Dovecot(mechanisms="plain xoauth2 oauthbearer", introspection=tokens.url("introspect"), **options)
