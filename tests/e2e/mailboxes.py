"""A user's folders as seen by Python's imaplib: what the tests put in, and what they find afterwards.

Folder names are Unicode with the server's own delimiter.
"""

import base64
import email
import email.policy
import imaplib
import re
from typing import NamedTuple

INSPECTOR = "inspector of the tests"  # how these connections introduce themselves (RFC 2971)
UNTIL_AMPERSAND = re.compile(r"&([^-]*)-")
NOT_PRINTABLE = re.compile(r"[^\x20-\x7e]+")


def to_wire(name):
    """Modified UTF-7 (RFC 3501, 5.1.3), in quotes."""
    def encode(match):
        text = base64.b64encode(match[0].encode("utf-16-be")).decode().rstrip("=")
        return "&" + text.replace("/", ",") + "-"
    name = NOT_PRINTABLE.sub(encode, name.replace("&", "&-"))
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def from_wire(name):
    def decode(match):
        text = match[1].replace(",", "/")
        return base64.b64decode(text + "=" * (-len(text) % 4)).decode("utf-16-be") or "&"
    return UNTIL_AMPERSAND.sub(decode, name)


class Stored(NamedTuple):
    """A message in a folder; flags is a set such as {"\\Seen"}, without \\Recent."""
    uid: int
    flags: frozenset
    raw: bytes

    @property
    def subject(self):
        return str(email.message_from_bytes(self.raw, policy=email.policy.default)["Subject"])


class Mailbox:
    """One connection; use as a context manager, or close() it."""

    def __init__(self, host, port, user, password):
        self._imap = imaplib.IMAP4(host, port, timeout=30)
        self._imap.login(quoted(user), password)
        self._imap.xatom("ID", f'("name" "{INSPECTOR}")')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._imap.logout()

    def append(self, *messages, folder="INBOX", flags=(), date=None):
        """Messages are bytes (line ends are made CRLF), text, or email.message.Message."""
        for message in messages:
            if isinstance(message, str):
                message = message.encode()
            raw = message if isinstance(message, bytes) else message.as_bytes()
            self._do("append", to_wire(folder), " ".join(flags) or None, date, raw)

    def create(self, folder):
        self._do("create", to_wire(folder))

    def delete(self, folder):
        self._do("delete", to_wire(folder))

    def folders(self):
        """The names of all that can hold messages, sorted."""
        names = []
        for line in self._do("list"):
            if isinstance(line, tuple):  # a name that came as a literal
                names.append(from_wire(line[1].decode()))
            elif line and not re.match(rb"\([^)]*\\(Noselect|NonExistent)", line, re.IGNORECASE):
                text = line.decode().split(") ", 1)[1].split(" ", 1)[1]
                if text.startswith('"'):
                    text = re.sub(r"\\(.)", r"\1", text[1:-1])
                names.append(from_wire(text))
        return sorted(names)

    def messages(self, folder="INBOX"):
        """In the folder's order. Looking changes nothing."""
        self._do("select", to_wire(folder), True)
        answer = self._do("uid", "FETCH", "1:*", "(UID FLAGS BODY.PEEK[])")
        found = []
        for item in answer:
            if isinstance(item, tuple):
                uid = int(re.search(rb"UID (\d+)", item[0])[1])
                flags = re.search(rb"FLAGS \(([^)]*)\)", item[0])[1].decode().split()
                found.append(Stored(uid, frozenset(flags) - {"\\Recent"}, item[1]))
        return found

    def subjects(self, folder="INBOX"):
        return [message.subject for message in self.messages(folder)]

    def count(self, folder="INBOX"):
        answer = self._do("status", to_wire(folder), "(MESSAGES)")
        return int(re.search(rb"MESSAGES (\d+)", answer[0])[1])

    def expunge(self, folder, uid):
        """Removes one message for good, as another mail program might."""
        self._do("select", to_wire(folder))
        self._do("uid", "STORE", str(uid), "+FLAGS.SILENT", "(\\Deleted)")
        self._do("uid", "EXPUNGE", str(uid))

    def copy(self, folder, uid, to):
        """One more of it, as another mail program might make."""
        self._do("select", to_wire(folder), True)
        self._do("uid", "COPY", str(uid), to_wire(to))

    def move(self, folder, uid, to):
        """As somebody who drags it with a mail program."""
        self.copy(folder, uid, to)
        self.expunge(folder, uid)

    def flag(self, folder, uid, *flags):
        """Sets flags, as another mail program might."""
        self._do("select", to_wire(folder))
        self._do("uid", "STORE", str(uid), "+FLAGS.SILENT", f"({' '.join(flags)})")

    def uid_validity(self, folder="INBOX"):
        answer = self._do("status", to_wire(folder), "(UIDVALIDITY)")
        return int(re.search(rb"UIDVALIDITY (\d+)", answer[0])[1])

    def _do(self, command, *arguments):
        status, answer = getattr(self._imap, command)(*arguments)
        if status != "OK":
            raise RuntimeError(f"{command} {arguments[0] if arguments else ''}: {status} {answer}")
        return answer


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
