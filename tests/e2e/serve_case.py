"""`inqueue serve` beside a database with entries; each answer is held against openapi.json."""

import contextlib
import http.client
import json
import re
import socket
import ssl
import sys

import jsonschema

from entries import EntryCase
from inqueue import DEADLINE_S, SOURCE_DIR

sys.path.insert(0, str(SOURCE_DIR / "samples"))
OPENAPI = json.loads((SOURCE_DIR / "loader" / "serve" / "openapi.json").read_text(encoding="utf-8"))


def resolve(node):
    while "$ref" in node:
        found = OPENAPI
        for name in node["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        node = found
    return node


def operations():
    """(method, path as it is written, operation)"""
    for path, methods in OPENAPI["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def operation_of(method, path):
    for known_method, known_path, operation in operations():
        pattern = re.sub(r"\{(\w+)\}", lambda name: r"\d+" if name[1] in ("id", "n") else "[^/]+", known_path)
        if known_method == method and re.fullmatch(pattern, path):
            return operation
    return None


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    def json(self):
        return json.loads(self.body)

    @property
    def detail(self):
        return self.json()["detail"]


def validate(method, path, answer):
    """An answer that is not described, or not as it is described, fails the test."""
    operation = operation_of("GET" if method == "HEAD" else method, path.partition("?")[0])
    problem = answer.headers.get("Content-Type") == "application/problem+json"
    if operation is None or answer.status == 405:
        assert problem and answer.status in (401, 404, 405), (method, path, answer.status)
        return
    described = resolve(operation["responses"][str(answer.status)])
    for content_type, content in described.get("content", {}).items():
        assert answer.headers["Content-Type"] == content_type, (method, path, dict(answer.headers))
        if "schema" in content and method != "HEAD":
            schema = {**content["schema"], "components": OPENAPI["components"]}
            jsonschema.Draft202012Validator(schema).validate(answer.json())
    if "content" not in described:
        assert answer.body == b"", (method, path, answer.body)


class ServeCase(EntryCase):
    def setUp(self):
        super().setUp()
        self.tokens = {}
        self.server = None

    def token(self, may, *options):
        name = f"{may}-{len(self.tokens)}"
        token = self.inqueue("token", "create", name, "--may", may, *options).stdout.strip()
        self.tokens[token] = name
        return token

    def serve(self, *options, listen="127.0.0.1:0", **more):
        """A server that listens; it is ended, and its end is looked at, when the test is over."""
        self.server = self.start("serve", "--listen", listen, *options, **more)
        line = self.server.stderr.readline().decode()
        found = re.search(r"event=listening address=(\S+)", line)
        if not found:
            self.finish(self.server, expect=None)
        self.address = found[1]
        self.addCleanup(self.stop)
        if self.address.startswith("http"):
            self.port = int(self.address.rpartition(":")[2])

    def stop(self, expect=0):
        if self.server is None:
            return None
        server, self.server = self.server, None
        server.terminate()
        return self.finish(server, expect=expect)

    def connect(self):
        if self.address.startswith("unix:"):
            connection = http.client.HTTPConnection("localhost", timeout=DEADLINE_S)
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.connect(self.address.removeprefix("unix:"))
        elif self.address.startswith("https:"):
            connection = http.client.HTTPSConnection("localhost", self.port, timeout=DEADLINE_S,
                                                     context=ssl.create_default_context(cafile=self.authority.certificate))
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        self.addCleanup(connection.close)
        return connection

    def ask(self, method, path, token=None, body=None, expect=None, headers=None, connection=None):
        own = connection or self.connect()
        given = {"Authorization": f"Bearer {token}"} if token else {}
        payload = body if body is None or isinstance(body, bytes) else json.dumps(body)
        # What is refused by its length is answered before all of it is sent.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            own.request(method, path, body=payload, headers={**given, **(headers or {})})
        answer = Answer(own.getresponse())
        if connection is None:
            own.close()
        validate(method, path, answer)
        if expect is not None:
            self.assertEqual(expect, answer.status, answer.body)
        return answer

    def dump(self):
        """All rows but those of tokens, which note their use."""
        tables = self.column("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('token') AND name NOT LIKE 'sqlite_%'")
        return {name: self.sql(f"SELECT * FROM {name} ORDER BY 1") for name in tables}
