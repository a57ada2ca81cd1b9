"""An HTTP proxy on loopback: CONNECT, and requests with a whole URL, as squid takes them.

`hosts` says where names lead, as its own DNS would; what it was asked for stands in `requests`, the header in lower case.
"""

import base64
import http.client
import http.server
import select
import socket
import threading
import urllib.parse
from typing import NamedTuple


class ProxyRequest(NamedTuple):
    method: str
    target: str
    headers: dict


class HttpProxy(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, user=None, refuses=0, hosts=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests = []
        self.passed = bytearray()  # what clients sent through tunnels
        self.refuses = refuses  # a status for every request; 0: none
        self.user = "Basic " + base64.b64encode(user.encode()).decode() if user else None
        self.hosts = hosts or {}
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self._thread.join()
        self.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def place(self, netloc):
        host, port = netloc.rsplit(":", 1) if ":" in netloc else (netloc, "80")
        return self.hosts.get(host, host), int(port)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def allowed(self):
        self.server.requests.append(ProxyRequest(self.command, self.path,
                                                 {name.lower(): value for name, value in self.headers.items()}))
        status = self.server.refuses
        if self.server.user and self.headers["Proxy-Authorization"] != self.server.user:
            status = 407
        if status:
            self.close_connection = True
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()
        return not status

    def do_CONNECT(self):
        if not self.allowed():
            return
        self.close_connection = True
        with socket.create_connection(self.server.place(self.path)) as there:
            self.wfile.write(b"HTTP/1.1 200 tunnel\r\nX-Tunnel: yes\r\n\r\n")
            other = {self.connection: there, there: self.connection}
            while True:
                for ready in select.select(list(other), [], [])[0]:
                    if not (data := ready.recv(65536)):
                        return
                    if ready is self.connection:
                        self.server.passed += data
                    other[ready].sendall(data)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self.allowed():
            return
        parts = urllib.parse.urlsplit(self.path)
        there = http.client.HTTPConnection(*self.server.place(parts.netloc))
        hop = ("proxy-", "connection", "expect")
        there.request("POST", parts.path, body,
                      {name: value for name, value in self.headers.items() if not name.lower().startswith(hop)})
        answer = there.getresponse()
        text = answer.read()
        self.send_response(answer.status)
        for name in ["Location"]:
            if answer.headers[name]:
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
        there.close()
