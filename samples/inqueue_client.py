"""A worker on another machine, in Python: one file, standard library only. `inqueue serve` is what it talks to.

    import inqueue_client
    client = inqueue_client.Client("https://mail.example.com:8480", token=open("robot.token").read().strip())
    client.work("invoices", lambda entry: {"number": book(entry["subject"])})

or, as a program, the token in the environment variable INQUEUE_TOKEN:

    python3 inqueue_client.py https://mail.example.com:8480 invoices
"""

import contextlib
import json
import os
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request


class Problem(Exception):
    """What the server refuses, in its words; `status` is that of HTTP."""

    def __init__(self, status, detail):
        super().__init__(detail)
        self.status = status


class Lost(Problem):
    """The lease token is good no more: somebody else has the entry, or will have it."""


class Later(Exception):
    """Raised by what works on an entry: put it off for `span`, "10m"; the attempt does not count."""

    def __init__(self, span, reason=None):
        super().__init__(reason or f"not before {span}")
        self.span, self.reason = span, reason


class Business(Exception):
    """Raised by what works on an entry: the entry itself is wrong, and is not tried again."""


class Client:
    def __init__(self, address, token, context=None):
        """`context` is an ssl.SSLContext, where the server's authority is not one of the system's."""
        self._address, self._token, self._context = address.rstrip("/"), token, context

    def _open(self, method, path, body=None, timeout_s=90, **parameters):
        query = urllib.parse.urlencode({name: value for name, value in parameters.items() if value is not None})
        request = urllib.request.Request(
            f"{self._address}{path}{'?' + query if query else ''}", method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"})
        try:
            return urllib.request.urlopen(request, timeout=timeout_s, context=self._context)
        except urllib.error.HTTPError as error:
            with error:
                try:
                    detail = json.load(error)["detail"]
                except (ValueError, KeyError):
                    detail = error.reason
            raise (Lost if error.code == 409 else Problem)(error.code, detail) from None

    def _json(self, *arguments, **options):
        with self._open(*arguments, **options) as answer:
            return json.loads(answer.read() or b"null")

    # Reading

    def queues(self):
        return self._json("GET", "/v1/queues")["queues"]

    def entries(self, queue, **filters):
        """All that match, page by page; filters are those of `inqueue list`."""
        after = 0
        while after is not None:
            page = self._json("GET", f"/v1/queues/{urllib.parse.quote(queue)}/entries", after=after, **filters)
            yield from page["entries"]
            after = page["after"]

    def entry(self, entry_id):
        return self._json("GET", f"/v1/entries/{entry_id}")

    def save(self, entry_id, position, path):
        """Writes an attachment to a file, in pieces."""
        with self._open("GET", f"/v1/entries/{entry_id}/parts/{position}") as answer, open(path, "wb") as file:
            while piece := answer.read(1 << 16):
                file.write(piece)

    # Working

    def claim(self, queue, *, wait="60s", lease="10m", count=1, worker=None, **filters):
        """A list of entries, empty where none came in time. Each has its lease_token."""
        return (self._json("POST", f"/v1/queues/{urllib.parse.quote(queue)}/claim", wait=wait, lease=lease, count=count,
                           worker=worker, **filters) or {"entries": []})["entries"]

    def _settle(self, entry, what, **body):
        body = {name: value for name, value in body.items() if value is not None}
        return self._json("POST", f"/v1/entries/{entry['id']}/{what}", {"lease_token": entry["lease_token"], **body})

    def complete(self, entry, output=None):
        self._settle(entry, "complete", output=output)

    def fail(self, entry, reason, kind="application"):
        return self._settle(entry, "fail", reason=reason, kind=kind)

    def release(self, entry, reason=None):
        self._settle(entry, "release", reason=reason)

    def defer(self, entry, until, reason=None):
        self._settle(entry, "defer", until=until, reason=reason)

    def extend(self, entry, lease="10m"):
        self._settle(entry, "extend", lease=lease)

    def progress(self, entry, text):
        self._settle(entry, "progress", progress=text)

    @contextlib.contextmanager
    def extending(self, entry, lease="10m", every_s=180):
        """While the block runs, a thread keeps the lease from ending."""
        done = threading.Event()

        def extend():
            while not done.wait(every_s):
                try:
                    self.extend(entry, lease)
                except Lost:
                    return
                except (Problem, OSError):
                    continue  # the next round comes before the lease ends

        thread = threading.Thread(target=extend, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def work(self, queue, handle, *, until_empty=False, wait="60s", pause_s=5, **wish):
        """Calls handle(entry) for one entry after the other; what it returns is the entry's output."""
        while True:
            try:
                claimed = self.claim(queue, wait="0s" if until_empty else wait, **wish)
            except (Problem, OSError) as error:
                if isinstance(error, Problem) and error.status < 500:
                    raise
                time.sleep(pause_s)
                continue
            if until_empty and not claimed:
                return
            for entry in claimed:
                self._work_on(entry, handle)

    def _work_on(self, entry, handle):
        try:
            with self.extending(entry):
                try:
                    output = handle(entry)
                except Later as later:
                    self.defer(entry, later.span, later.reason)
                except Business as error:
                    self.fail(entry, str(error), "business")
                except Exception as error:  # whatever it is, it is the reason that an operator reads
                    self.fail(entry, f"{type(error).__name__}: {error}")
                else:
                    self.complete(entry, output)
        except Lost as lost:
            print(f"entry {entry['id']}: {lost}", file=sys.stderr)


def main():
    address, queue = sys.argv[1:]
    client = Client(address, os.environ["INQUEUE_TOKEN"])
    client.work(queue, lambda entry: print(entry["id"], entry["subject"]), until_empty=True)


if __name__ == "__main__":
    main()
