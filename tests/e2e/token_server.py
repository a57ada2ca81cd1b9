"""A token server of OAuth 2.0 in the test's own process, over TLS or in clear on loopback.

It gives access tokens that live for `life_s` seconds and refresh tokens that it rotates, checks assertions against
`client_key` (a PEM public key, by openssl), and answers what `script` holds before anything else. A used refresh token is
answered once more as long as its successor was never used (an answer may get lost); after that its use revokes the family.
"""

import base64
import email.utils
import hashlib
import http.server
import json
import secrets
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.parse
from typing import NamedTuple


class Answer(NamedTuple):
    status: int = 200
    body: object = None
    headers: dict = {}
    delay_s: float = 0


def refusal(error, description="", status=400, **headers):
    return Answer(status, {"error": error, "error_description": description}, headers)


def decoded(part):
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


class TokenServer:
    def __init__(self, certificate=None, life_s=3600, rotates=True, client_key=None, scope=None):
        self.life_s, self.rotates, self.client_key, self.scope = life_s, rotates, client_key, scope
        self.user = "robot@example.com"
        self.script = []      # answers of the token endpoint before it does its work
        self.asked = []       # forms that came to the token endpoint
        self.revoked = []
        self.clock_off_s = 0
        self.delay_s = 0
        self.prefix = "token"  # of access tokens
        self.tokens = {}      # access token: (user, end)
        self.codes = {}       # code: (challenge, redirect)
        self.devices = {}     # device code: answers yet to come
        self.families = {}    # refresh token: family
        self.lock = threading.Lock()
        handler = type("Handler", (Handler,), {"tokens": self})
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.http.daemon_threads = True
        self.secure = certificate is not None
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.certificate, certificate.key)
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.http.server_address[1]
        self.thread = threading.Thread(target=self.http.serve_forever)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()

    def url(self, path="token"):
        return f"{'https' if self.secure else 'http'}://127.0.0.1:{self.port}/{path}"

    def grants(self):
        with self.lock:
            return [form.get("grant_type") for form in self.asked]

    # What a test does to it

    def expire(self):
        with self.lock:
            self.tokens.clear()

    def new_refresh_token(self):
        with self.lock:
            return self._new_refresh({"revoked": False, "chain": []})

    def revoke_all(self):
        """The refresh tokens that were given so far, as when a password changes."""
        with self.lock:
            for family in self.families.values():
                family["revoked"] = True

    def refresh_tokens_asked_with(self):
        with self.lock:
            return [form["refresh_token"] for form in self.asked if "refresh_token" in form]

    # Endpoints

    def answer(self, path, form):
        if path == "/introspect":
            return self._introspect(form)
        if path == "/devicecode":
            return self._begin_device(form)
        if path == "/revoke":
            return self._revoke(form)
        with self.lock:
            self.asked.append(form)
            scripted = self.script.pop(0) if self.script else None
        if self.delay_s:
            time.sleep(self.delay_s)
        if scripted is not None:
            return scripted
        with self.lock:
            return self._token(form)

    def _token(self, form):
        grant = form.get("grant_type", "")
        if grant == "client_credentials" or grant.endswith("jwt-bearer"):
            return self._by_itself(form)
        if grant == "refresh_token":
            return self._refresh(form.get("refresh_token"))
        if grant == "authorization_code":
            return self._code(form)
        if grant.endswith("device_code"):
            return self._device(form)
        return refusal("unsupported_grant_type", grant)

    def _by_itself(self, form):
        assertion = form.get("client_assertion") or form.get("assertion")
        if assertion and not self.verify(assertion):
            return refusal("invalid_client", "AADSTS700027: Client assertion failed signature validation.", 401)
        if not assertion and form.get("client_secret") != "client secret":
            return refusal("invalid_client", "AADSTS7000215: Invalid client secret provided.", 401)
        user = decoded(assertion.split(".")[1]).get("sub") if "assertion" in form else self.user
        return self._give(user)

    def verify(self, assertion):
        text, _, signature = assertion.rpartition(".")
        header = decoded(text.split(".")[0])
        with tempfile.TemporaryDirectory() as folder:
            for name, data in [("text", text.encode()), ("key", self.client_key),
                               ("signature", base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4)))]:
                with open(f"{folder}/{name}", "wb") as file:
                    file.write(data)
            pss = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"] if header["alg"] == "PS256" else []
            return subprocess.run(["openssl", "dgst", "-sha256", "-verify", f"{folder}/key", *pss, "-signature",
                                   f"{folder}/signature", f"{folder}/text"], capture_output=True, check=False).returncode == 0

    def _refresh(self, token):
        family = self.families.get(token)
        if family is None or family["revoked"]:
            return refusal("invalid_grant", "the refresh token is not known")
        chain = family["chain"]
        if chain[-1] != token:
            if chain[-2:-1] != [token]:
                family["revoked"] = True
                return refusal("invalid_grant", "the refresh token was used before")
            chain.pop()  # its successor was never used: the answer was lost
        return self._give(self.user, self._new_refresh(family) if self.rotates else None)

    def _new_refresh(self, family):
        token = "refresh-" + secrets.token_urlsafe(24)
        self.families[token] = family
        family["chain"].append(token)
        return token

    def _code(self, form):
        challenge, redirect = self.codes.pop(form.get("code"), (None, None))
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if challenge != base64.urlsafe_b64encode(digest).rstrip(b"=").decode() or redirect != form.get("redirect_uri"):
            return refusal("invalid_grant", "wrong code, verifier or redirect")
        return self._give(self.user, self._new_refresh({"revoked": False, "chain": []}))

    def _begin_device(self, form):
        code = secrets.token_urlsafe(16)
        self.devices[code] = list(self.device_answers)
        return Answer(200, {"device_code": code, "user_code": "ABCD-EFGH", "verification_uri": self.url("device"),
                            "expires_in": 60, "interval": 1})

    device_answers = ["authorization_pending"]

    def _device(self, form):
        left = self.devices.get(form.get("device_code"))
        if left is None:
            return refusal("expired_token")
        if left:
            return refusal(left.pop(0))
        return self._give(self.user, self._new_refresh({"revoked": False, "chain": []}))

    def _give(self, user, refresh_token=None):
        token = f"{self.prefix}-{secrets.token_urlsafe(24)}"
        self.tokens[token] = (user, time.time() + self.life_s)
        body = {"access_token": token, "token_type": "Bearer", "expires_in": self.life_s}
        if refresh_token:
            body["refresh_token"] = refresh_token
        if self.scope:
            body["scope"] = self.scope
        return Answer(200, body)

    def _introspect(self, form):
        with self.lock:
            user, end = self.tokens.get(form.get("token"), (None, 0))
        active = user is not None and time.time() < end
        return Answer(200, {"active": active, **({"user": user, "scope": "mail", "exp": int(end)} if active else {})})

    def _revoke(self, form):
        with self.lock:
            self.revoked.append(form.get("token"))
        return Answer(200, {})

    # A person's browser

    def sign_in(self, address, **changes):
        """What a browser that is sent to `address` is sent to after the sign-in."""
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query))
        code = secrets.token_urlsafe(16)
        self.codes[code] = (query["code_challenge"], query["redirect_uri"])
        answer = {"code": code, "state": query["state"], **changes}
        return query["redirect_uri"] + "?" + urllib.parse.urlencode({k: v for k, v in answer.items() if v is not None})


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def date_time_string(self, timestamp=None):
        return email.utils.formatdate(time.time() + self.tokens.clock_off_s, usegmt=True)

    def do_GET(self):
        path, _, query = self.path.partition("?")
        form = dict(urllib.parse.parse_qsl(query))
        if path.startswith("/introspect/"):
            form["token"] = urllib.parse.unquote(path.removeprefix("/introspect/"))
            path = "/introspect"
        self._send(self.tokens.answer(path, form))

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self._send(self.tokens.answer(self.path, dict(urllib.parse.parse_qsl(body))))

    def _send(self, answer):
        if answer.delay_s:
            time.sleep(answer.delay_s)
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body or {}).encode()
        try:
            self.send_response(answer.status)
            for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close",
                                **{name.replace("_", "-"): value for name, value in answer.headers.items()}}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass  # the client went away
        self.close_connection = True
