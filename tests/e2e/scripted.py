"""An IMAP server of a few lines, for what no real one can be made to say. It has one empty mailbox, and answers as
told: `answers` are pairs of a pattern and what is said to a command that it matches, instead of the usual answer.

An answer is bytes, in which {tag} is the command's, or a function of the conversation and the command's words that
says what it likes and returns such bytes. b"" says nothing more; CLOSE hangs up.
"""

import contextlib
import re
import socket
import ssl
import threading

CLOSE = object()
CAPABILITY = "IMAP4rev1 SASL-IR MOVE UIDPLUS"

USUAL = [
    (rb"LOGOUT", b"* BYE\r\n{tag} OK done\r\n"),
    (rb"NAMESPACE", b'* NAMESPACE (("" "/")) NIL NIL\r\n{tag} OK done\r\n'),
    (rb'LIST "" ""$', b'* LIST (\\Noselect) "/" ""\r\n{tag} OK done\r\n'),
    (rb"LIST.* \"?(?P<name>[^\" ]+)\"?$", b'* LIST (\\HasNoChildren) "/" {name}\r\n{tag} OK done\r\n'),
    (rb'STATUS (?P<name>"[^"]*"|\S+)', b"* STATUS {name} (MESSAGES 0 UNSEEN 0 UIDNEXT 1 UIDVALIDITY 7)\r\n{tag} OK done\r\n"),
    (rb"(SELECT|EXAMINE)", b"* 0 EXISTS\r\n* OK [UIDVALIDITY 7]\r\n* OK [UIDNEXT 1]\r\n{tag} OK [READ-WRITE]\r\n"),
    (rb"UID SEARCH", b"* SEARCH\r\n{tag} OK done\r\n"),
    (rb"", b"{tag} OK done\r\n"),
]


class Conversation:
    """One connection, as an answer sees it."""

    def __init__(self, connection):
        self.connection = connection
        self._lines = connection.makefile("rb")
        self.signed_in = False

    def say(self, words):
        self.connection.sendall(words)

    def hear(self):
        """The next line of the client without its end; None where it has gone."""
        line = self._lines.readline()
        return line.removesuffix(b"\n").removesuffix(b"\r") if line.endswith(b"\n") else None


class Scripted:
    """`said` is what clients have said, in order, without the tags; `connections` counts them.

    capability  before the sign-in
    after       behind it; None: the same
    mechanisms  offered as AUTH=…
    certificate speaks TLS from the first byte; `client_authority` is a file that the client's must come from,
                `newest` the newest version
    """

    address = "127.0.0.1"

    def __init__(self, *answers, capability=CAPABILITY, after=None, mechanisms="PLAIN", greeting=b"* OK ready\r\n",
                 certificate=None, client_authority=None, newest=None):
        self.answers = list(answers)
        auth = "".join(f" AUTH={name}" for name in mechanisms.split())
        self.capability, self.after = capability + auth, capability + auth if after is None else after
        self.greeting = greeting
        self.users = {"robot@example.com": "correct horse"}
        self.said = []
        self.connections = self.open = self.open_most = 0
        self._lock = threading.Lock()
        self._context = None
        if certificate:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(certificate.certificate, certificate.key)
            self._context.maximum_version = newest or ssl.TLSVersion.MAXIMUM_SUPPORTED
        if client_authority:
            self._context.verify_mode = ssl.CERT_REQUIRED
            self._context.load_verify_locations(client_authority)
        self._listener = socket.create_server((self.address, 0))
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self):
        self._threads[0].start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def count(self, pattern):
        return sum(bool(re.match(pattern, line)) for line in self.said)

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=[connection])
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection):
        with self._lock:
            self.connections += 1
            self.open += 1
            self.open_most = max(self.open, self.open_most)
        with connection, contextlib.suppress(OSError):
            connection.settimeout(60)
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
            with connection:
                connection.sendall(self.greeting)
                self._converse(Conversation(connection))
        with self._lock:
            self.open -= 1

    def _converse(self, talk):
        while (line := talk.hear()) is not None:
            tag, _, words = line.partition(b" ")
            self.said.append(words)
            answer = self._answer(talk, words, tag)
            if answer is CLOSE:
                return
            talk.say(answer)
            if words == b"LOGOUT":
                return

    def _answer(self, talk, words, tag):
        for pattern, answer in [*self.answers, *USUAL]:
            if found := re.match(pattern, words):
                break
        if callable(answer):
            answer = answer(talk, words)
        elif words.startswith(b"CAPABILITY") and answer is USUAL[-1][1]:
            listed = self.after if talk.signed_in else self.capability
            answer = b"* CAPABILITY " + listed.encode() + b"\r\n" + answer
        if answer is CLOSE:
            return CLOSE
        if words.startswith((b"AUTHENTICATE", b"LOGIN")) and b"{tag} OK" in answer:
            talk.signed_in = True
        for name, value in {"tag": tag, **found.groupdict()}.items():
            answer = answer.replace(b"{" + name.encode() + b"}", value)
        return answer
