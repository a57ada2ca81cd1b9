"""A user's folders as they lie on the disk (Maildir++): thousands of trials need not sign in to fill them, nor to look."""

import os
from typing import NamedTuple


class Kept(NamedTuple):
    raw: bytes  # with CRLF, as the server gives it
    seen: bool


class Maildir:
    """Offers folders() and messages(folder), as mailboxes.Mailbox does. `give_away` makes a path the server's own."""

    def __init__(self, path, give_away):
        self.path = path
        self._give_away = give_away

    def fill(self, *messages):
        """A new INBOX with messages (bytes), in this order."""
        for folder in [self.path, *(self.path / name for name in ["cur", "new", "tmp"])]:
            folder.mkdir(parents=True)
            self._give_away(folder)
        for number, raw in enumerate(messages):
            path = self.path / "new" / f"{1700000000 + number}.M{number}.trial"
            path.write_bytes(raw)
            self._give_away(path)

    def folders(self):
        return ["INBOX", *(entry.name[1:].replace(".", "/") for entry in os.scandir(self.path)
                           if entry.name.startswith(".") and entry.is_dir())]

    def messages(self, folder="INBOX"):
        """A server that is still at work renames files: only what two looks see alike is a folder."""
        path = self.path if folder == "INBOX" else self.path / ("." + folder.replace("/", "."))
        before = None
        while True:
            try:
                names = sorted((kind, name) for kind in ["new", "cur"] for name in os.listdir(path / kind))
                found = [Kept(with_crlf((path / kind / name).read_bytes()), "S" in name.partition(":2,")[2])
                         for kind, name in names]
            except FileNotFoundError:
                continue
            if names == before:
                return found
            before = names


def with_crlf(raw):
    return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
