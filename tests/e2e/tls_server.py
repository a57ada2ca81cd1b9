"""A server in the test's own process that shows one certificate after the other: IMAP with TLS from the first byte,
IMAP with STARTTLS, or HTTPS. What comes in after the handshake and is more than a greeting stands in `asked`.
"""

import contextlib
import re
import socket
import ssl
import subprocess
import threading


class TlsServer:
    def __init__(self):
        self.mode = "ssl"  # or "starttls", "https"
        self.asked = []
        self._contexts = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def show(self, mode, *certificates):
        """From the next connection on: one (certificate, key) for each connection, the last for ever. A file may hold a
        chain."""
        self.mode, self._contexts, self.asked = mode, [context_of(*pair) for pair in certificates], []

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            # A client that refuses the certificate goes away.
            with connection, contextlib.suppress(OSError):
                connection.settimeout(30)
                self._speak(connection)

    def _speak(self, connection):
        if self.mode == "starttls":
            connection.sendall(b"* OK ready\r\n")
            if not self._answer_imap(connection.makefile("rb"), connection, b"STARTTLS"):
                return
        context = self._contexts.pop(0) if len(self._contexts) > 1 else self._contexts[0]
        with context.wrap_socket(connection, server_side=True) as secured:
            lines = secured.makefile("rb")
            if self.mode == "https":
                return self._answer_http(lines, secured)
            if self.mode == "ssl":
                secured.sendall(b"* OK ready\r\n")
            self._answer_imap(lines, secured, None)

    def _answer_imap(self, lines, connection, last):
        """Up to the command `last`, which is answered: true; false: the client has gone away."""
        for line in lines:
            tag, command = line.split()[:2]
            if command == b"CAPABILITY":
                more = b"STARTTLS LOGINDISABLED" if last else b"AUTH=PLAIN SASL-IR"
                connection.sendall(b"* CAPABILITY IMAP4rev1 " + more + b"\r\n" + tag + b" OK done\r\n")
            elif command == last:
                connection.sendall(tag + b" OK go on\r\n")
                return True
            else:
                self.asked.append(command.decode())
                connection.sendall(tag + b" NO [AUTHENTICATIONFAILED] nobody may\r\n")
        return False

    def _answer_http(self, lines, connection):
        size = 0
        for line in lines:
            self.asked.append(line.decode().strip())
            if line.lower().startswith(b"content-length:"):
                size = int(line.split(b":")[1])
            if line == b"\r\n":
                break
        else:
            return
        lines.read(size)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def context_of(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # else it does not load what is weak
    context.load_cert_chain(certificate, key)
    return context


class StaplingServer:
    """`openssl s_server`, which brings an answer about the revocation of its certificate along, as Python's cannot: IMAP
    with TLS from the first byte, or HTTPS."""

    def __init__(self, certificate, answer, mode):
        self.mode = mode
        self.asked = []
        self._process = subprocess.Popen(
            ["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", certificate.certificate, "-key", certificate.key,
             "-status_file", answer], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)
        self.port = int(self._await(rb"ACCEPT 127\.0\.0\.1:(\d+)"))
        self._thread = threading.Thread(target=self._serve)

    def _await(self, pattern):
        for line in self._process.stdout:
            if match := re.match(pattern, line):
                return match[1]
        raise RuntimeError("openssl s_server does not start")

    def __enter__(self):
        self._greet()
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._thread.join()
        self._process.stdin.close()
        self._process.stdout.close()

    def _greet(self):
        """It is read once a connection is there."""
        if self.mode != "https":
            self._say(b"* OK ready\r\n")

    def _say(self, line):
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(line)

    def _serve(self):
        for line in self._process.stdout:
            if line.startswith(b"CONNECTION CLOSED"):
                self._greet()
            elif command := re.match(rb"(\w+) CAPABILITY\b", line):
                self._say(b"* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\n" + command[1] + b" OK done\r\n")
            elif command := re.match(rb"(\w+) (AUTHENTICATE|LOGOUT)\b", line):
                self.asked.append(command[2].decode())
                self._say(command[1] + b" NO [AUTHENTICATIONFAILED] nobody may\r\n")
            elif line.startswith(b"POST "):
                self.asked.append("POST")
                self._say(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
