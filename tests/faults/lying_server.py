"""An IMAP server in memory that can be told to lie.

    with LyingServer() as server:
        server.deliver(b"Subject: one\\r\\n\\r\\n")
        server.answer(rb"UID MOVE", b"TAG OK done, believe me\\r\\n")
        ... the program, against server.port ...

It keeps its folders over connections, as a real one does. answer() replaces what it does for commands that match a
pattern: bytes, in which TAG stands for the command's tag, or a function of (connection, tag, command) that returns
bytes, or None to hang up. A lie that is never told fails its test when the server is closed. Commands that inqueue
must never send (plain EXPUNGE, CLOSE, changes by sequence number) are noted in `forbidden`.
"""

import collections
import contextlib
import datetime
import re
import socket
import threading

FORBIDDEN = re.compile(rb"(EXPUNGE|CLOSE|STORE|COPY|MOVE|FETCH|DELETE|RENAME)\b", re.IGNORECASE)
OF_FOLDERS = re.compile(rb"DELETE|RENAME", re.IGNORECASE)
ARRIVED = "03-Mar-2026 09:30:00 +0000"
ARRIVED_DAY = datetime.date(2026, 3, 3)
Stored = collections.namedtuple("Stored", "uid flags raw")  # flags can be changed


class Folder:
    def __init__(self, uid_validity):
        self.uid_validity = uid_validity
        self.uid_next = 1
        self.messages = []

    def add(self, raw, flags=()):
        self.messages.append(Stored(self.uid_next, set(flags), raw))
        self.uid_next += 1
        return self.uid_next - 1

    def find(self, uids):
        return [message for message in self.messages if message.uid in uids]


class Lie:
    def __init__(self, pattern, answer, times):
        self.pattern, self.answer, self.left = re.compile(pattern, re.IGNORECASE | re.DOTALL), answer, times
        self.told = 0


class LyingServer:
    address = "127.0.0.1"

    def __init__(self, capabilities="IMAP4rev1 UIDPLUS MOVE"):
        self.capabilities = capabilities
        self.users = {"robot@example.com": "correct horse"}
        self.greeting = b"* OK ready\r\n"
        self.forbidden = []
        self.rewrite = None  # what becomes of what is about to be sent: bytes to bytes
        self.rewritten = 0
        self.changes_folders = False  # what is told to do that may
        self.commands = []
        self.lock = threading.RLock()
        self._next_validity = 100
        self._folders = {}
        self.create("INBOX")
        self._lies = []
        self._open = []
        self._listener = socket.create_server((self.address, 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.stop()
        untold = [lie.pattern.pattern for lie in self._lies if not lie.told]
        if kind is None and untold:
            raise AssertionError(f"armed, but never fired: {untold}")
        if kind is None and self.forbidden:
            raise AssertionError(f"must never be sent: {self.forbidden}")

    def stop(self):
        for end in [self._listener, *self._open]:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    # What a test does to the server, and what the checker sees of it

    def create(self, name):
        self._next_validity += 1
        self._folders[name] = Folder(self._next_validity)

    def renumber(self, name="INBOX", first_uid=1000, backwards=False):
        """The folder gets a new UIDVALIDITY, and its messages new UIDs, the last one the first where told so."""
        messages = self._folders[name].messages
        self.create(name)
        self._folders[name].uid_next = first_uid
        for message in reversed(messages) if backwards else messages:
            self._folders[name].add(message.raw, message.flags)

    def deliver(self, *messages, folder="INBOX"):
        for raw in messages:
            self._folders[folder].add(raw)

    def take_away(self, uid, folder="INBOX"):
        """As another client might."""
        with self.lock:
            found = self._folders[folder].find({uid})
            self._folders[folder].messages = [m for m in self._folders[folder].messages if m.uid != uid]
            return found[0] if found else None

    def put_back(self, message, folder="INBOX"):
        """The inverse: under its old UID."""
        self._folders[folder].messages = sorted([*self._folders[folder].messages, message],
                                                key=lambda stored: stored.uid)

    def deliver_as(self, message, uid, folder="INBOX"):
        """As a restored folder has it."""
        self.put_back(Stored(uid, set(message.flags) - {"\\Deleted"}, message.raw), folder)

    def delete(self, folder):
        del self._folders[folder]

    def folders(self):
        return sorted(self._folders)

    def messages(self, folder="INBOX"):
        return list(self._folders[folder].messages)

    def answer(self, pattern, answer, times=1):
        """For the next `times` commands that match; None: always."""
        self._lies.append(Lie(pattern, answer, times))

    def heal(self):
        """No lie is told any more."""
        for lie in self._lies:
            lie.left = 0

    # The server

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                threading.Thread(target=Session(self, connection).run, daemon=True).start()

    def lie_for(self, command):
        for lie in self._lies:
            if lie.left != 0 and lie.pattern.match(command):
                lie.left = lie.left and lie.left - 1
                lie.told += 1
                return lie.answer
        return None

    def folder(self, name):
        return self._folders.get(name)


def unquote(word):
    return re.sub(rb"\\(.)", rb"\1", word[1:-1]).decode() if word[:1] == b'"' else word.decode()


def parse_set(text, messages):
    """UIDs or numbers of a set among those given."""
    chosen = set()
    for part in text.split(b","):
        first, _, last = part.partition(b":")
        highest = max(messages, default=0)
        low = highest if first == b"*" else int(first)
        high = low if not last else highest if last == b"*" else int(last)
        chosen |= {one for one in messages if min(low, high) <= one <= max(low, high)}
    return chosen


def compact(numbers):
    return b",".join(b"%d" % number for number in numbers)


class Session:
    """One connection."""

    def __init__(self, server, connection):
        self.server, self.connection = server, connection
        self.selected = None
        self.lines = None

    def run(self):
        with contextlib.suppress(OSError), self.connection, self.connection.makefile("rb") as lines:
            self.lines = lines
            greeting = self.server.greeting
            self.send(greeting() if callable(greeting) else greeting)
            while line := lines.readline():
                tag, _, command = line.rstrip(b"\r\n").partition(b" ")
                self.server.commands.append(command)
                if FORBIDDEN.match(command) and not (self.server.changes_folders and OF_FOLDERS.match(command)):
                    self.server.forbidden.append(command)
                answer = self.server.lie_for(command) or self.honest
                if callable(answer):
                    answer = answer(self, tag, command)
                if answer is None:
                    return
                self.send(answer.replace(b"TAG", tag) if b"TAG" in answer[:200] + answer[-200:] else answer)

    def send(self, data):
        if self.server.rewrite:
            told = self.server.rewrite(data)
            self.server.rewritten += told != data
            data = told
        self.connection.sendall(data)

    def honest(self, _session, tag, command):
        words = command.split(b" ", 2 if command[:4].upper() == b"UID " else 1)
        name = b"_".join(words[:-1] if len(words) > 1 else words).decode().lower()
        handler = getattr(self, f"do_{name}", None)
        if handler is None:
            return tag + b" BAD unknown command\r\n"
        with self.server.lock:
            return handler(tag, words[-1] if len(words) > 1 else b"")

    def do_capability(self, tag, _):
        return b"* CAPABILITY %s\r\n%s OK done\r\n" % (self.server.capabilities.encode(), tag)

    def do_login(self, tag, _):
        return tag + b" OK signed in\r\n"

    def do_noop(self, tag, _):
        return tag + b" OK done\r\n"

    do_subscribe = do_check = do_noop

    def do_logout(self, tag, _):
        self.send(b"* BYE\r\n" + tag + b" OK bye\r\n")

    def do_list(self, tag, rest):
        pattern = unquote(rest.split(b" ", 1)[1])
        rows = b"".join(b'* LIST () "/" "%s"\r\n' % name.encode() for name in self.server.folders()
                        if pattern in ("*", name))
        if pattern == "":
            rows = b'* LIST (\\Noselect) "/" ""\r\n'
        return rows + tag + b" OK done\r\n"

    def do_create(self, tag, rest):
        self.server.create(unquote(rest))
        return tag + b" OK created\r\n"

    def take_literal(self, command):
        """What a command that ends with a literal has in it."""
        size, at_once = re.search(rb"\{(\d+)(\+?)\}$", command).groups()
        if not at_once:
            self.send(b"+ go on\r\n")
        raw = self.lines.read(int(size))
        return raw if self.lines.readline() == b"\r\n" else None

    def do_append(self, tag, rest):
        folder = self.server.folder(unquote(re.match(rb'"(?:[^"\\]|\\.)*"|\S+', rest)[0]))
        raw = self.take_literal(rest)
        if raw is None:
            return tag + b" BAD that is no literal\r\n"
        uid = folder.add(raw, re.search(rb"\(([^)]*)\)", rest)[1].decode().split())
        return b"%s OK [APPENDUID %d %d] done\r\n" % (tag, folder.uid_validity, uid)

    def do_status(self, tag, rest):
        name = unquote(rest.split(b" (")[0])
        folder = self.server.folder(name)
        if folder is None:
            return tag + b" NO [NONEXISTENT] no such folder\r\n"
        values = {b"MESSAGES": len(folder.messages), b"UNSEEN": 0, b"RECENT": 0, b"UIDNEXT": folder.uid_next,
                  b"UIDVALIDITY": folder.uid_validity}
        asked = re.search(rb"\(([^)]*)\)$", rest)[1].upper().split()
        told = b" ".join(b"%s %d" % (item, values[item]) for item in asked)
        return b'* STATUS "%s" (%s)\r\n%s OK done\r\n' % (name.encode(), told, tag)

    def do_select(self, tag, rest, access=b"READ-WRITE"):
        folder = self.selected = self.server.folder(unquote(rest))
        if folder is None:
            return tag + b" NO [NONEXISTENT] no such folder\r\n"
        return (b"* %d EXISTS\r\n* OK [UIDVALIDITY %d] .\r\n* OK [UIDNEXT %d] .\r\n%s OK [%s] done\r\n" % (
            len(folder.messages), folder.uid_validity, folder.uid_next, tag, access))

    def do_examine(self, tag, rest):
        return self.do_select(tag, rest, b"READ-ONLY")

    def do_uid_search(self, tag, rest):
        numbers = range(1, len(self.selected.messages) + 1)
        uids = {message.uid for message in self.selected.messages}
        keys = rest.split()
        found = list(self.selected.messages)
        while keys:
            key = keys.pop(0).upper()
            if key == b"UID":
                chosen = parse_set(keys.pop(0), uids)
                found = [message for message in found if message.uid in chosen]
            elif key == b"UNDELETED":
                found = [message for message in found if "\\Deleted" not in message.flags]
            elif key == b"DELETED":
                found = [message for message in found if "\\Deleted" in message.flags]
            elif key in (b"SEEN", b"ANSWERED", b"FLAGGED", b"DRAFT", b"RECENT"):
                found = [message for message in found if "\\" + key.decode().capitalize() in message.flags]
            elif key == b"HEADER":
                field = keys.pop(0) + b": " + keys.pop(0).strip(b'"')
                found = [message for message in found if field in message.raw]
            elif key in (b"LARGER", b"SMALLER"):
                size, larger = int(keys.pop(0)), key == b"LARGER"
                found = [message for message in found if (len(message.raw) > size) == larger
                         and len(message.raw) != size]
            elif key in (b"SINCE", b"BEFORE"):
                day = datetime.datetime.strptime(keys.pop(0).decode(), "%d-%b-%Y").date()
                found = found if (ARRIVED_DAY >= day) == (key == b"SINCE") else []
            elif key != b"ALL":
                chosen = parse_set(key, numbers)
                found = [message for number, message in enumerate(self.selected.messages, 1)
                         if number in chosen and message in found]
        return b"* SEARCH " + b" ".join(b"%d" % message.uid for message in found) + b"\r\n" + tag + b" OK done\r\n"

    def do_uid_fetch(self, tag, rest):
        numbers, items = rest.split(b" ", 1)
        chosen = parse_set(numbers, {message.uid for message in self.selected.messages})
        for number, message in enumerate(self.selected.messages, 1):
            if message.uid in chosen:
                self.send(fetch_answer(number, message, items))
        return tag + b" OK done\r\n"

    def do_uid_store(self, tag, rest):
        numbers, what, flags = rest.split(b" ", 2)
        for message in self.chosen(numbers):
            if what.upper().startswith(b"+FLAGS"):
                message.flags.update(flags.strip(b"()").decode().split())
        return tag + b" OK done\r\n"

    def do_uid_copy(self, tag, rest):
        numbers, name = rest.split(b" ", 1)
        target = self.server.folder(unquote(name))
        if target is None:
            return tag + b" NO [TRYCREATE] no such folder\r\n"
        messages = self.chosen(numbers)
        copies = [target.add(message.raw, message.flags) for message in messages]
        if not messages:
            return tag + b" OK nothing to do\r\n"
        return b"%s OK [COPYUID %d %s %s] done\r\n" % (
            tag, target.uid_validity, compact(message.uid for message in messages), compact(copies))

    def do_uid_move(self, tag, rest):
        answer = self.do_uid_copy(tag, rest)
        if b" OK" in answer:
            self.remove(self.chosen(rest.split(b" ", 1)[0]))
        return answer

    def do_uid_expunge(self, tag, rest):
        self.remove([message for message in self.chosen(rest) if "\\Deleted" in message.flags])
        return tag + b" OK done\r\n"

    def chosen(self, numbers):
        return self.selected.find(parse_set(numbers, {message.uid for message in self.selected.messages}))

    def remove(self, messages):
        for message in messages:
            number = self.selected.messages.index(message) + 1
            del self.selected.messages[number - 1]
            self.send(b"* %d EXPUNGE\r\n" % number)


def fetch_answer(number, message, items):
    """What a FETCH brings for one message; ranges and header blocks included."""
    parts = [b"UID %d" % message.uid]
    if b"INTERNALDATE" in items:
        parts.append(b'INTERNALDATE "%s"' % ARRIVED.encode())
    if b"RFC822.SIZE" in items:
        parts.append(b"RFC822.SIZE %d" % len(message.raw))
    if b"FLAGS" in items:
        parts.append(b"FLAGS (%s)" % " ".join(sorted(message.flags)).encode())
    body = re.search(rb"BODY\.PEEK\[(HEADER)?\](?:<(\d+)\.(\d+)>)?", items)
    if body:
        data = message.raw
        if body[1]:
            data = data[:data.index(b"\r\n\r\n") + 4] if b"\r\n\r\n" in data else data
        origin = b""
        if body[2]:
            data = data[int(body[2]):int(body[2]) + int(body[3])]
            origin = b"<%s>" % body[2]
        parts.append(b"BODY[%s]%s {%d}\r\n%s" % (body[1] or b"", origin, len(data), data))
    return b"* %d FETCH (%s)\r\n" % (number, b" ".join(parts))
