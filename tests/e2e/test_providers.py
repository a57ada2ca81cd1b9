"""What well-known providers say when they do not do what they are asked: waited for, said, or stopped at. And what
answers on a port that is not IMAP's.
"""

import contextlib
import socket
import tempfile
import threading
import time
import unittest

import certificates
from inqueue import CONFIGURATION, CREDENTIALS, PROTOCOL, TEMPORARY, UNREACHABLE, Case, connection_string
from scripted import CLOSE, Scripted
from servers import Dovecot
from watcher import Watcher

# Where it is said, the answer, the exit code, what is shown of it, and the pause of `watch` in ms: exactly, or within
# the limits of its own with --retry 10ms.
SLOW = (60, 180)  # 12 units, a fifth more or less, and more of them after more failures
NOT_CONNECTED = ("signed in, but the mailbox cannot be opened: licence, IMAP switched off, app permission, user name of a "
                 'shared mailbox (the server did not understand: "User is authenticated but not connected.")')
EXPIRED = b"* BYE Session invalidated - AccessTokenExpired\r\n"
BROWSER = "sign in to this account in a web browser once, then try again"


def hang_up(talk, _words):
    talk.say(EXPIRED)
    return CLOSE


SAYINGS = [
    ("SELECT|EXAMINE", b"{tag} BAD User is authenticated but not connected.\r\n", TEMPORARY, NOT_CONNECTED, SLOW),
    ("SELECT|EXAMINE", b"{tag} BAD Request is throttled. Suggested Backoff Time: 299961 milliseconds\r\n", TEMPORARY,
     "Request is throttled. Suggested Backoff Time: 299961 milliseconds", 299961),
    ("SELECT|EXAMINE", b"{tag} NO Request is throttled. Suggested Backoff Time: 86400000 milliseconds\r\n", TEMPORARY,
     "the server refused: Request is throttled.", 900000),
    ("SELECT|EXAMINE", b"{tag} NO Server Unavailable. 15\r\n", TEMPORARY, "the server refused: Server Unavailable. 15", SLOW),
    ("AUTHENTICATE", b"{tag} NO [ALERT] Too many simultaneous connections. (Failure)\r\n", TEMPORARY,
     r"refused by 127.0.0.1 (PLAIN): [ALERT] Too many simultaneous connections. (Failure); too many programs", SLOW),
    ("AUTHENTICATE", b"{tag} NO Request is throttled. Suggested Backoff Time: 1000 milliseconds\r\n", TEMPORARY,
     "Suggested Backoff Time: 1000 milliseconds", 1000),
    ("AUTHENTICATE", b"{tag} BAD Server Unavailable. 15\r\n", TEMPORARY, "(PLAIN): Server Unavailable. 15", SLOW),
    ("CAPABILITY", b"{tag} NO [LIMIT] CAPABILITY Rate limit hit.\r\n", TEMPORARY,
     'the account is asked too often: let runs be rarer, or poll= longer (the server refused: "[LIMIT] CAPABILITY Rate '
     'limit hit.")', SLOW),
    ("AUTHENTICATE", b"{tag} NO [WEBALERT https://accounts.google.com/x] Web login required.\r\n", CREDENTIALS,
     f"[WEBALERT https://accounts.google.com/x] Web login required.; {BROWSER}", None),
    ("AUTHENTICATE", b"{tag} NO [ALERT] Please log in via your web browser: https://support.google.com/x (Failure)\r\n",
     CREDENTIALS, f"https://support.google.com/x (Failure); {BROWSER}", None),
    ("AUTHENTICATE", b"{tag} NO [ALERT] Application-specific password required: https://support.google.com/y (Failure)\r\n",
     CREDENTIALS, "use an app password of the account, or an access token (--token-command)", None),
    ("AUTHENTICATE", b"{tag} NO [ALERT] Your account is not enabled for IMAP use. (Failure)\r\n", CREDENTIALS,
     "switch IMAP on in the settings of the account", None),
    ("SELECT|EXAMINE", hang_up, TEMPORARY,
     "127.0.0.1 closed the connection: Session invalidated - AccessTokenExpired", SLOW),
    ("SELECT|EXAMINE", b"{tag} BAD Command Error. 12\r\n", PROTOCOL, "the server did not understand: Command Error. 12", None),
]


class ProviderCase(Case):
    def watch(self):
        return Watcher(self, self.start("watch", "--log-format", "json", "--log-level", "debug", "--retry", "10ms"))


class Sayings(ProviderCase):
    def test_each_is_understood(self):
        for where, answer, code, says, pause in SAYINGS:
            with self.subTest(says=answer), Scripted((where.encode(), answer)) as server:
                self.create_queue(server)
                result = self.fails(code, "load", "invoices")
                self.assertIn(says, result.stderr)
                self.assertEqual(["Error: " + result.stderr.removeprefix("inqueue: load 'invoices': ").rstrip("\n")],
                                 self.column("SELECT last_message FROM work_queue"))
                if pause:
                    self.check_pause(pause)
                self.inqueue("queue", "drop", "invoices", "--yes")

    def check_pause(self, pause):
        """The second failure: an expired token is none the first time."""
        watcher = self.watch()
        shown = watcher.wait("failed")["retry_in_ms"]
        watcher.stop()
        if isinstance(pause, tuple):
            self.assertTrue(pause[0] <= shown <= pause[1], shown)
        else:
            self.assertEqual(pause, shown)

    def test_throttling_while_mail_is_fetched_blames_no_message(self):
        throttled = b"{tag} BAD Request is throttled. Suggested Backoff Time: 5000 milliseconds\r\n"
        answers = [(rb"SELECT", b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7]\r\n* OK [UIDNEXT 4]\r\n{tag} OK [READ-WRITE] done\r\n"),
                   (rb"UID SEARCH", b"* SEARCH 1 2 3\r\n{tag} OK done\r\n"),
                   (rb"UID FETCH [\d:,]+ \(UID RFC822.SIZE",
                    b"".join(b"* %d FETCH (UID %d RFC822.SIZE 100)\r\n" % (n, n) for n in (1, 2, 3)) + b"{tag} OK done\r\n"),
                   (rb"UID FETCH", throttled)]
        with Scripted(*answers) as server:
            self.create_queue(server)
            for _ in range(4):
                self.fails(TEMPORARY, "load", "invoices", says="is throttled")
            self.assertEqual(4, server.count(rb"UID FETCH [\d:,]+ .*BODY"), server.said)
        self.assertEqual([], self.sql("SELECT * FROM entry"))


class Token(ProviderCase):
    """A token ends in the session that it has opened; the next sign-in has another one."""

    def test_watch_signs_in_again_at_once(self):
        times = []

        def idle(talk, _words):
            talk.say(b"+ idling\r\n")
            times.append(time.monotonic())
            if len(times) == 1:
                talk.say(EXPIRED)
                return CLOSE
            talk.hear()
            return b"{tag} OK done\r\n"

        with Scripted((rb"IDLE", idle), after="IMAP4rev1 IDLE MOVE UIDPLUS") as server:
            self.create_queue(server)
            watcher = self.watch()
            watcher.wait("token_expired")
            watcher.wait("signed_in", times=2)
            watcher.wait_idle(times=2)
            self.assertEqual(0, watcher.count("failed"))
            watcher.stop()
            self.assertLess(times[1] - times[0], 3)
        self.assertEqual([], self.sql("SELECT last_message FROM work_queue WHERE last_message LIKE 'Error%'"))

    def test_load_goes_on(self):
        said = []

        def select(talk, _words):
            said.append(True)
            if len(said) == 1:
                talk.say(EXPIRED)
                return CLOSE
            return b"* 0 EXISTS\r\n* OK [UIDVALIDITY 7]\r\n* OK [UIDNEXT 1]\r\n{tag} OK [READ-WRITE] done\r\n"

        with Scripted((rb"SELECT", select)) as server:
            self.create_queue(server)
            self.inqueue("load", "invoices")
            self.assertEqual(2, server.connections)


GMAIL = "IMAP4rev1 SASL-IR MOVE UIDPLUS ID X-GM-EXT-1"
ALL_MAIL = (rb'LIST "" "\[Gmail\]/All Mail"', b'* LIST (\\All \\HasNoChildren) "/" "[Gmail]/All Mail"\r\n{tag} OK done\r\n')


class Quirks(ProviderCase):
    def quirks(self):
        return self.inqueue("queue", "check", "invoices", "--json").json()["quirks"]

    def test_id_is_sent_once_after_the_sign_in_where_it_is_offered(self):
        said = rb'ID \("name" "inqueue" "version" "[\d.]+"\)$'
        for answer in [b'* ID ("name" "Coremail" "x" NIL)\r\n{tag} OK done\r\n', b"* ID NIL\r\n{tag} OK done\r\n",
                       b"{tag} NO I do not care\r\n", b"{tag} BAD what\r\n"]:
            with self.subTest(answer=answer), Scripted((rb"ID ", answer), after="IMAP4rev1 ID MOVE") as server:
                self.create_queue(server)
                self.inqueue("load", "invoices")
                words = [line.split(b" ")[0] for line in server.said]
                self.assertEqual(1, server.count(said), server.said)
                self.assertLess(words.index(b"AUTHENTICATE"), words.index(b"ID"))
                self.assertLess(words.index(b"ID"), words.index(b"SELECT"))
                self.inqueue("queue", "drop", "invoices", "--yes")

    def test_id_can_be_switched_off(self):
        refused = b"{tag} NO SELECT Unsafe Login. Please contact kefu@188.com for help\r\n"
        with Scripted((rb"SELECT", refused), after="IMAP4rev1 ID MOVE") as server:
            self.create_queue(server, disable="ID")
            self.fails(CREDENTIALS, "load", "invoices", says="take ID out of disable= .*Unsafe Login")
            self.assertEqual(0, server.count(rb"ID"))
        with Scripted(after="IMAP4rev1 MOVE") as server:
            self.create_queue(server, "other")
            self.inqueue("load", "other")
            self.assertEqual(0, server.count(rb"ID"))

    def test_move_that_shows_after_the_sign_in_only(self):
        with Scripted(capability="IMAP4rev1 SASL-IR", after="IMAP4rev1 MOVE UIDPLUS") as server:
            self.create_queue(server)
            self.assertEqual("MOVE", self.inqueue("queue", "check", "invoices", "--json").json()["moving"])

    def test_all_mail_is_no_source(self):
        for command in ["load", "check"]:
            with Scripted(ALL_MAIL, after=GMAIL) as server:
                self.create_queue(server, mailbox="[Gmail]/All Mail")
                arguments = ["load", "invoices"] if command == "load" else ["queue", "check", "invoices"]
                self.fails(CONFIGURATION, *arguments, says=r"All Mail' shows the mail of all folders \(\\All\)")
                self.assertEqual(0, server.count(rb"SELECT|UID"))
                self.inqueue("queue", "drop", "invoices", "--yes")

    def test_gmail_moves_by_move_alone(self):
        with Scripted(after=GMAIL) as server:
            self.create_queue(server, disable="MOVE")
            self.fails(CONFIGURATION, "load", "invoices", says="Gmail moves messages out of 'INBOX' by MOVE alone")
            self.inqueue("queue", "drop", "invoices", "--yes")
            self.create_queue(server, disable="MOVE,GMAIL")
            self.inqueue("load", "invoices")

    def test_what_is_in_force_is_shown_with_its_reason(self):
        with Scripted(ALL_MAIL, after=GMAIL) as server:
            self.create_queue(server)
            self.assertEqual(["ID: name and version of this program are told to the server after the sign-in (the server "
                              "offers ID)", "GMAIL: All Mail is no source, and messages leave a folder by MOVE alone (the "
                              "server offers X-GM-EXT-1)"], self.quirks())
            self.assertIn("GMAIL: All Mail is no source", self.inqueue("queue", "check", "invoices").stdout)
            self.inqueue("queue", "alter", "invoices", "--connection-string",
                         connection_string(self.keys(server, disable="ID,GMAIL", mailbox="[Gmail]/All Mail")))
            self.assertEqual(["ID: not in force, disable= names it", "GMAIL: not in force, disable= names it"], self.quirks())
        self.inqueue("queue", "alter", "invoices", "--connection-string", "url=imap.gmail.com;ssl=True")
        told = [row["words"] for row in self.json_lines("doctor", "--json") if row["what"] == "queue 'invoices'"]
        self.assertIn("GMAIL: All Mail is no source, and messages leave a folder by MOVE alone (the server is imap.gmail.com)",
                      told)


class Foreign(Case):
    """Another protocol on the port is named at once: the timeout is longer than the test may take."""

    @contextlib.contextmanager
    def saying(self, words):
        """To each connection; and listens on."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            def serve():
                while True:
                    try:
                        connection, _ = listener.accept()
                    except OSError:
                        return
                    with connection, contextlib.suppress(OSError):
                        connection.settimeout(30)
                        connection.sendall(words)
                        while connection.recv(4096):
                            pass
            thread = threading.Thread(target=serve)
            thread.start()
            yield listener.getsockname()[1]
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()

    def check(self, says, port, **keys):
        text = connection_string({"url": "localhost" if keys.get("ssl") else "127.0.0.1", "port": port, "timeout": "10m", **keys})
        self.inqueue("queue", "create", "q", "--connection-string", text, "--user-name", "robot",
                     "--password-file", self.file("password", "correct horse\n"))
        result = self.fails(UNREACHABLE, "load", "q")
        self.assertIn(says, result.stderr)
        self.inqueue("queue", "drop", "q", "--yes")

    def test_other_protocols(self):
        for words, name in [(b"+OK POP3 ready\r\n", "a POP3 server"), (b"220 mail.example.com ESMTP\r\n", "an SMTP server"),
                            (b"220 ProFTPD FTP Server\r\n", "an FTP server"), (b"HTTP/1.1 400 Bad Request\r\n\r\n", "a web server"),
                            (b"SSH-2.0-OpenSSH_9\r\n", "an SSH server")]:
            shown = words.decode().split("\r")[0]
            with self.subTest(words=words), self.saying(words) as port:
                self.check(f'127.0.0.1 port {port} answers "{shown}": {name}, and no IMAP server', port)
                self.check(f'localhost port {port} answers "{shown}" without TLS: {name}, and no IMAP server', port, ssl=True)

    def test_no_protocol_at_all(self):
        with self.saying(b"hello\r\n") as port:
            self.check('does not speak IMAP as it should: it said "hello"', port)

    def test_tls_where_none_is_expected_and_the_reverse(self):
        with tempfile.TemporaryDirectory() as folder:
            authority = certificates.Authority(f"{folder}/ours")
            with Dovecot(certificate=authority.issue()) as server:
                self.check(f"127.0.0.1 port {server.tls_port} speaks TLS from the first byte: it needs ssl=True",
                           server.tls_port)
                self.check("without TLS: this port begins in clear and needs ssl=False", server.port, ssl=True)


if __name__ == "__main__":
    unittest.main()
