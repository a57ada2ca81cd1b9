"""Accounts of OAuth 2.0 where something is too long, of another kind than it should be, or gone: answers of token servers,
settings, files, disks, and accounts that are deleted while a queue is watched.
"""

import json
import os
import socket
import stat
import subprocess
import threading
import time
import unittest

import test_oauth_failures
from inqueue import CONFIGURATION, CREDENTIALS, IO, PROTOCOL, UNREACHABLE, message
from oauth_case import USER, OauthCase
from test_oauth_failures import web_token
from token_server import Answer, TokenServer
from watcher import Watcher

NO_JSON = "status 200 and no JSON"
NO_TOKEN = "holds no access token"

# What a token server answers, and what the one line says.
ANSWERS = [
    (b'{"a":' * 3000 + b"1" + b"}" * 3000, NO_JSON), (b"[" * 30000, NO_JSON), (b"null", NO_JSON), (b"[]", NO_JSON), (b"", NO_JSON),
    (b'{"access_token":"a\x00b"}', NO_JSON), (b'{"access_token":"a\\u0000b"}', NO_JSON), (b'{"access_token":"\xe9"}', NO_JSON),
    (b'{"access_token":"x","expires_in":NaN}', NO_JSON), (b'{"access_token":"x","expires_in":1e400}', NO_JSON),
    (b'{"access_token":"x"} and more', NO_JSON),
    ({"access_token": 5}, NO_TOKEN), ({"access_token": ["x"]}, NO_TOKEN), ({"access_token": ""}, NO_TOKEN),
    ({"access_token": "x\u202e"}, NO_TOKEN), ({"error": {"code": 1}}, NO_TOKEN),
    ({"access_token": "x" * 60000}, "holds a token of more than 12 KiB"),
    ({"access_token": "x", "refresh_token": "x" * 60000}, "holds a token of more than 12 KiB"),
]

# How long a token lives by what the answer says, in seconds.
LIVES = [(b'{"access_token":"a","access_token":"b","expires_in":60,"expires_in":600}', 600), ({"expires_in": 3599.7}, 3599),
         ({"expires_in": "3599"}, 3599), ({"expires_in": 0}, 3600), ({"expires_in": -5}, 3600), ({"expires_in": []}, 3600),
         ({"expires_in": "nan"}, 3600), ({"expires_in": "inf"}, 86400), ({"token_type": {}, "expires_in": 60}, 60)]


class Answers(OauthCase):
    def test_what_holds_no_token(self):
        with TokenServer() as tokens:
            command = self.with_secret(tokens)
            for body, says in ANSWERS:
                with self.subTest(body=body):
                    tokens.script = [Answer(200, body)]
                    self.fails(PROTOCOL, *command, says=["account 'mail': ", says])
                    self.assertEqual({}, self.account()["tokens"])

    def test_lives(self):
        with TokenServer() as tokens:
            command = self.with_secret(tokens)
            for body, life_s in LIVES:
                with self.subTest(body=body):
                    tokens.script = [Answer(200, body if isinstance(body, bytes) else {"access_token": "x", **body})]
                    self.login(command)
                    token = self.account()["tokens"]["*"]
                    self.assertEqual(life_s * 1000, token["expires"] - token["issued"])

    def test_many_mailboxes(self):
        """As those of a service account: the tokens that end first make room, and the file can be read."""
        with TokenServer() as tokens:
            self.login(self.with_secret(tokens))
            now = int(time.time() * 1000)
            self.change(lambda account: account["tokens"].update({
                f"{number:02}": {"access_token": "x" * 12000, "issued": now, "renew": now, "expires": now + number}
                for number in range(60)}))
            self.login(self.with_secret(tokens))
            kept = sorted(self.account()["tokens"].keys() - {"*"})
            self.assertEqual([f"{number:02}" for number in range(60 - len(kept), 60)], kept)
            self.assertGreater(len(kept), 30)
            self.assertLess(self.account_path().stat().st_size, 600 * 1024)

    def test_an_empty_refresh_token_is_none(self):
        """And one that is no text; the one at hand goes on."""
        with TokenServer() as tokens, self.dovecot(tokens) as server:
            self.login(self.custom(tokens, "--grant", "device", "--device-url", tokens.url("devicecode")))
            self.create(server)
            kept = self.account()["refresh_token"]
            for number, odd in enumerate(["", 7, None, {}]):
                with self.subTest(odd=odd):
                    self.age()
                    token = f"token-{number}"
                    tokens.tokens[token] = (USER, time.time() + 3600)
                    tokens.script = [Answer(200, {"access_token": token, "expires_in": 3600, "refresh_token": odd})]
                    self.inqueue("load", "invoices")
                    self.assertEqual((kept, None), (self.account()["refresh_token"], self.account().get("refresh_token_before")))

    def test_a_scope_shows_no_secret(self):
        """Nor does it write on the terminal."""
        with TokenServer() as tokens:
            tokens.device_answers = []
            for name in ["access_token", "refresh_token"]:
                secret = f"Canary-{name}-4711"
                given = {"access_token": "x", "refresh_token": "y", name: secret, "scope": f"other {secret} \x1b[31m" + "z" * 9000}
                tokens.script = [Answer(200, given)]
                told = self.fails(CREDENTIALS, *self.custom(tokens, "--grant", "device", "--device-url", tokens.url("devicecode"),
                                                            "--scope", "https://mail.google.com/"),
                                  says=["consent to mail is missing", r"other \*\*\* \?\[31m"]).stderr
                self.assertNotIn(secret, told)
                self.assertLess(len(told), 600)

    def test_connections_that_end_too_early(self):
        for said, says in [(b"", "ends the connection before it has answered"),
                           (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{", "ends the connection before it has answered"),
                           (b"* OK IMAP4rev1 ready\r\n", "does not answer as a web server does")]:
            with self.subTest(said=said), socket.create_server(("127.0.0.1", 0)) as listener, TokenServer() as tokens:
                def serve(listener=listener, said=said):
                    connection, _ = listener.accept()
                    with connection:
                        connection.recv(65536)
                        connection.sendall(said)
                        connection.shutdown(socket.SHUT_WR)
                        while connection.recv(65536):
                            pass
                thread = threading.Thread(target=serve)
                thread.start()
                self.fails(UNREACHABLE, *self.with_secret(tokens), "--token-url",
                           f"http://127.0.0.1:{listener.getsockname()[1]}/token", says=f"account 'mail': 127.0.0.1 {says}")
                thread.join()


class Claims(test_oauth_failures.EntraCase):
    """What a token says of itself is as odd as its server likes."""

    def test_moments_that_no_calendar_has(self):
        now = int(time.time())
        with TokenServer() as tokens, self.dovecot(tokens) as server:
            self.entra(tokens, **self.ENTRA)
            self.create(server)
            for claims, says in [({"nbf": 2**63 - 1}, "not valid yet"), ({"nbf": -2**63}, None), ({"exp": 2**63 - 1}, None),
                                 ({"exp": 1e300}, None), ({"exp": "soon"}, None), ({"exp": now - 0.5}, "has ended already"),
                                 ({"nbf": now + 900.5}, "not valid yet"), ({"aud": {}, "tid": [1, None], "upn": "é" * 500}, None)]:
                with self.subTest(claims=claims):
                    token = web_token(**{"exp": now + 3600, **self.ENTRA, **claims})
                    tokens.script = [Answer(200, {"access_token": token, "expires_in": 3600})]
                    tokens.tokens[token] = (USER, time.time() + 3600)
                    self.change(lambda account: account.update(tokens={}))
                    if says:
                        self.fails(CREDENTIALS, "oauth", "check", "mail", says=says)
                    else:
                        self.inqueue("oauth", "check", "mail")


# A setting, a value that it does not take, and what is said.
SETTINGS = [
    ("tenant", "../../evil", "tenant: takes a directory's id, or a domain of it"), ("tenant", "a?b#c", "tenant: takes"),
    ("imap-server", "imaps://host", "imap-server: takes the name or the IP address of a host"), ("imap-server", "host:993", "a port"),
    ("imap-server", 'a";insecure=True;url="b', "imap-server: takes"),
    ("proxy", "http://ann:hunter2@proxy.example.com:3128", "proxy: takes .*without a user name or password"),
    ("proxy", "ftp://proxy.example.com:21", "proxy: takes"), ("proxy", "proxy.example.com", "proxy: takes"),
    ("proxy", "http://proxy.example.com", "HOST:PORT"), ("client-id", "x" * 5000, "client-id: is longer than 4096 bytes"),
    ("user", "a\nb", "without control characters"), ("client-secret", "command:" + "x" * 5000, "is longer than 4096 bytes"),
]


class Settings(OauthCase):
    def test_wrong_ones(self):
        with TokenServer() as tokens:
            for field, value, says in SETTINGS:
                with self.subTest(field=field, value=value):
                    told = self.fails(CONFIGURATION, *self.with_secret(tokens), f"--{field}", value, says=["account 'mail': ", says])
                    self.assertNotIn("hunter2", told.stderr)
            self.assertEqual([], tokens.asked)
        self.assertFalse(self.account_path().exists())

    def test_hosts_by_address(self):
        with TokenServer() as tokens:
            self.login(self.with_secret(tokens, "--imap-server", "2001:db8::1"))

    def test_sources_are_called_what_they_are(self):
        for source, says in [("file:/nowhere", "client-secret: file '/nowhere': No such file"),
                             ("command:/bin/false", "client-secret: command '/bin/false' failed")]:
            with self.subTest(source=source), TokenServer() as tokens:
                result = self.inqueue(*self.with_secret(tokens), "--client-secret", source,
                                      expect=CREDENTIALS if "command" in source else CONFIGURATION)
                self.assertIn(says, result.stderr)


class Files(OauthCase):
    def test_certificate_that_is_no_file(self):
        """A pipe keeps nobody waiting, a device without an end fills no memory."""
        key = self.file("app.key", "")
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        pipe = self.folder / "pipe"
        os.mkfifo(pipe, 0o600)
        with TokenServer() as tokens:
            for path in [pipe, "/dev/zero", self.folder]:
                for option in ["--certificate", "--ca-file"]:
                    with self.subTest(path=path, option=option):
                        command = self.custom(tokens, option, path, *(["--key", f"file:{key}"] if "cert" in option else []))
                        if option == "--ca-file":
                            command = [*self.with_secret(tokens), option, path]
                        self.fails(CONFIGURATION, *command, says=f"{option[2:]} '{path}' cannot be read: it is no file")
                        self.inqueue("oauth", "list")
                        self.inqueue("oauth", "revoke", "mail", "--yes")


class Disk(OauthCase):
    """The folder of accounts lies on a disk that is full, or may not be written to, when a refresh token is to be rotated."""

    def renew(self, code, says, prepare):
        disk = self.folder / "disk"
        disk.mkdir(mode=0o700, exist_ok=True)
        folder = self.account_path().parent
        script = self.file("on-disk", f"""#!/bin/sh
mount -t tmpfs -o size=128k,mode=700 none {disk} && cp {folder}/* {disk} && chmod 600 {disk}/* || exit 99
({prepare}) 2>/dev/null
mount --bind {disk} {folder} || exit 99
exec "$@"
""", mode=0o700)
        self.fails(code, "load", "invoices", says=says, wrap=[
            "unshare", "--mount", *([] if os.getuid() == 0 else ["--map-root-user"]), script])

    def test_nobody_asks_for_what_cannot_be_kept(self):
        with TokenServer() as tokens, self.dovecot(tokens) as server:
            self.login(self.custom(tokens, "--grant", "device", "--device-url", tokens.url("devicecode")))
            self.create(server)
            before, asked = self.account()["refresh_token"], len(tokens.asked)
            self.age()
            for says, prepare in [("no new token is asked for: No space left", f"cat /dev/zero > {self.folder}/disk/fill"),
                                  ("Read-only file system", f"mount -o remount,ro {self.folder}/disk")]:
                with self.subTest(says=says):
                    self.renew(IO, says, prepare)
                    self.assertEqual((before, asked), (self.account()["refresh_token"], len(tokens.asked)))
            self.inqueue("load", "invoices")
            self.assertEqual(before, self.account()["refresh_token_before"])

    def test_what_was_reserved_is_given_back(self):
        with TokenServer() as tokens:
            self.login(self.with_secret(tokens))
            size = self.account_path().stat()
            self.assertLess(size.st_size, 2000)
            self.assertLess(size.st_blocks * 512, 65536)
            tokens.script = [Answer(400, {"error": "invalid_client"})]
            self.fails(CREDENTIALS, *self.with_secret(tokens))
            self.assertEqual({"mail.json", "mail.lock"}, {path.name for path in self.account_path().parent.iterdir()})

    def test_a_draft_that_was_left(self):
        """It is longer than the account, others can read it, and it holds something else."""
        with TokenServer() as tokens:
            self.login(self.with_secret(tokens))
            draft = self.account_path().with_name("mail.json.new")
            draft.write_text("x" * 300000)
            draft.chmod(0o644)
            self.login(self.with_secret(tokens))
            self.assertFalse(draft.exists())
            self.assertEqual("mail", self.account()["definition"]["scope"])
            self.assertEqual(0o600, stat.S_IMODE(self.account_path().stat().st_mode))


class Gone(OauthCase):
    def test_account_that_is_deleted_while_its_queue_is_watched(self):
        """The session goes on; the next sign-in says what is missing, and goes on when it is there again."""
        with TokenServer() as tokens, self.dovecot(tokens) as server:
            self.login(self.with_secret(tokens))
            self.create(server)
            watcher = Watcher(self, self.start("watch", "--log-format", "json", "--log-level", "debug", "--retry", "10ms"))
            watcher.wait_idle()
            self.inqueue("oauth", "revoke", "mail", "--yes")
            with server.mailbox() as mailbox:
                mailbox.append(message())
            watcher.wait("stored")
            watcher.wait_idle_behind("stored")
            server.halt()
            server.resume()
            said = watcher.wait("failed", **{"class": "configuration"})
            self.assertEqual("there is no account 'mail': `inqueue oauth login mail` makes it", said["error"])
            self.login(self.with_secret(tokens))
            watcher.wait("signed_in", times=2)
            watcher.stop()
        self.assertEqual([(0, None)], self.sql("SELECT refusals, stopped_at FROM queue_health"))

    def test_status_has_room_for_what_is_wrong_and_what_will_be(self):
        with TokenServer() as tokens, self.dovecot(tokens) as server:
            self.login(self.with_secret(tokens, "--secret-ends", "2020-01-31"))
            self.create(server, mailbox="Nowhere")
            self.fails(CONFIGURATION, "load", "invoices", says="Nowhere")
            shown = " ".join(self.inqueue("status").stdout.split())
            self.assertRegex(shown, "Nowhere.*the client secret has ended")
            self.inqueue("oauth", "revoke", "mail", "--yes")
            self.fails(CONFIGURATION, "load", "invoices")
            shown = " ".join(self.inqueue("status").stdout.split())
            self.assertEqual(1, shown.count("there is no account 'mail'"), shown)


if __name__ == "__main__":
    unittest.main()
