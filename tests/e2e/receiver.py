"""A web application to deliver to: Python's HTTP server on loopback, told for each request how to answer.

`answers` is a list of answers, the last of which is given for ever: a status, or an Answer. What came in stands in
`requests`, in order.
"""

import email.parser
import email.policy
import http.server
import json
import socket
import ssl
import struct
import threading
from typing import NamedTuple


class Answer(NamedTuple):
    """`fault`: "reset" (before the body is read), "reset-after" (the body was read), "endless" (a body without an
    end), "dripping" (the same, a byte now and then), "silent" (nothing until release()), "echo" (the
    header of the request as the body)."""
    status: int = 200
    headers: dict = {}
    body: bytes = b""
    fault: str = ""
    reason: str = ""  # the phrase behind the status


class Part(NamedTuple):
    name: str
    file_name: str | None
    content_type: str | None
    value: bytes


class Request(NamedTuple):
    path: str
    headers: dict  # names in lower case
    body: bytes
    connection: int  # the client's port
    certificate: dict | None = None  # the client's; empty where it has shown none

    def json(self):
        return json.loads(self.body)

    def parts(self):
        """Of a multipart/form-data body, each as it stands, in order."""
        boundary = self.headers["content-type"].split("boundary=")[1].encode()
        pieces = (b"\r\n" + self.body).split(b"\r\n--" + boundary)
        assert pieces[0] == b"" and pieces[-1] == b"--\r\n", (pieces[0], pieces[-1])
        return [self._part(piece) for piece in pieces[1:-1]]

    def _part(self, piece):
        head, value = piece.removeprefix(b"\r\n").split(b"\r\n\r\n", 1)
        header = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + b"\r\n\r\n")
        disposition = header["content-disposition"].params
        return Part(disposition["name"], disposition.get("filename"), header.get("content-type"), value)

    def fields(self):
        return {part.name: part.value.decode() for part in self.parts() if part.file_name is None}

    def files(self):
        return [part for part in self.parts() if part.file_name is not None]


class Receiver(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, answers=(200,), certificate=None, client_authority=None, client_must=True, address="127.0.0.1",
                 keep_bodies=True):
        super().__init__((address, 0), Handler)
        self.answers = list(answers)
        self.requests = []
        self.keep_bodies = keep_bodies
        self.refuses_expect = False  # answers 417 to `Expect`, and closes
        self.lock = threading.Lock()
        self.released = threading.Event()
        self.arrived = threading.Semaphore(0)
        self.answered = threading.Semaphore(0)  # all of an answer has been sent
        self.scheme = "https" if certificate else "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.certificate, certificate.key)
            if client_authority:
                context.load_verify_locations(client_authority)
                context.verify_mode = ssl.CERT_REQUIRED if client_must else ssl.CERT_OPTIONAL
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.released.set()
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, request, client_address):
        """A client that goes away is no news."""

    @property
    def port(self):
        return self.server_address[1]

    def url(self, path="/mail", user="", host="127.0.0.1"):
        return f"{self.scheme}://{user + '@' if user else ''}{host}:{self.port}{path}"

    def next_answer(self):
        with self.lock:
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer if isinstance(answer, Answer) else Answer(answer)

    def note(self, request):
        with self.lock:
            self.requests.append(request)
        self.arrived.release()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Receiver

    def do_POST(self):
        answer = self.server.next_answer()
        if answer.fault == "reset":
            return self.reset()
        self.server.note(Request(self.path, {name.lower(): value for name, value in self.headers.items()},
                                 self.read_body(), self.client_address[1], self.client_certificate()))
        if answer.fault == "silent":
            self.server.released.wait(60)
        elif answer.fault == "reset-after":
            return self.reset()
        if answer.fault == "echo":
            return self.answer(answer._replace(body=answer.body + str(self.headers).encode()))
        if answer.fault == "endless":
            return self.pour(answer, b"more and more of it\n" * 1000, 0)
        return self.pour(answer, b".", 0.05) if answer.fault == "dripping" else self.answer(answer)

    def handle_expect_100(self):
        if not self.server.refuses_expect:
            return super().handle_expect_100()
        self.server.note(Request(self.path, {name.lower(): value for name, value in self.headers.items()}, b"",
                                 self.client_address[1]))
        self.answer(Answer(417, {"Connection": "close"}))
        self.close_connection = True
        return False

    def client_certificate(self):
        return self.connection.getpeercert() if isinstance(self.connection, ssl.SSLSocket) else None

    def read_body(self):
        left, pieces = int(self.headers["Content-Length"]), []
        while left > 0:
            piece = self.rfile.read(min(left, 1 << 20))
            if not piece:
                raise ConnectionResetError("the client went away within its request")
            left -= len(piece)
            if self.server.keep_bodies:
                pieces.append(piece)
        return b"".join(pieces)

    def answer(self, answer):
        self.send_response(answer.status, answer.reason or None)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)
        self.server.answered.release()

    def pour(self, answer, piece, pause_s):
        self.send_response(answer.status)
        self.end_headers()
        while not self.server.released.wait(pause_s):
            self.wfile.write(piece)
        self.close_connection = True

    def reset(self):
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def do_GET(self):
        self.send_error(405)

    def log_message(self, *_):
        """Nothing: the tests look at `requests`."""
