"""What became of every message: the server's three folders held against the database.

    before = checker.snapshot(mailbox, "INBOX")
    ... faults, runs ...
    verdict = checker.check(before, checker.walk(mailbox, folders), database)

A message is known by its bytes as the server gives them. At rest each lies in exactly one of the three folders, and one
in the archive folder has exactly one entry that is not `bad`, or was skipped by a rule or refused, once. The four findings are lists of sentences; only
`recovered`, which counts what a later run finished, may be other than empty.
"""

import collections
import contextlib
import hashlib
import pathlib
import shutil
import sqlite3
import tempfile
from typing import NamedTuple

SOURCE, DROPBOX, BADMAIL = "source", "dropbox", "badmail"


class Verdict(NamedTuple):
    lost: list
    twice: list
    unexpected: list

    def __bool__(self):
        """True when every promise is kept."""
        return not (self.lost or self.twice or self.unexpected)


class Findings(NamedTuple):
    """What one look at server and database shows: digests counted per folder, rows of the ledger and of entries."""
    folders: dict
    entries: list
    ledger: list


def digest(raw):
    return hashlib.sha256(raw).hexdigest()


def count_digests(messages):
    return collections.Counter(digest(message.raw) for message in messages)


def read_database(path):
    """(entries, ledger); both empty where there is no database yet. A copy is read, so that what a killed writer left
    half done stays for the program to undo."""
    if not path.exists():
        return [], []
    with tempfile.TemporaryDirectory() as folder:
        for part in path.parent.glob(path.name + "*"):
            if part.is_file():
                shutil.copy(part, folder)
        with contextlib.closing(sqlite3.connect(pathlib.Path(folder) / path.name)) as database:
            problems = database.execute("PRAGMA integrity_check").fetchall()
            if problems != [("ok",)] or database.execute("PRAGMA foreign_key_check").fetchall():
                raise AssertionError(f"the database is damaged: {problems}")
            entries = database.execute("SELECT id, state, raw_sha256 FROM entry UNION ALL"
                                       " SELECT s.entry_id, 'skipped', p.raw_sha256 FROM entry_skip s"
                                       " JOIN pickup p ON p.entry_id = s.entry_id").fetchall()
            ledger = database.execute("SELECT uid, state, target, uid_validity, entry_id FROM pickup").fetchall()
    return entries, ledger


def look(mailbox, path, source="INBOX", dropbox="DROPBOX", badmail="BADMAIL"):
    """`mailbox` offers folders() and messages(folder), as mailboxes.Mailbox does."""
    present = mailbox.folders()
    names = {SOURCE: source, DROPBOX: dropbox, BADMAIL: badmail}
    folders = {role: count_digests(mailbox.messages(name)) if name in present else collections.Counter()
               for role, name in names.items()}
    return Findings(folders, *read_database(path))


def check_in_between(before, found):
    """What must hold at any moment, whatever has just died."""
    lost, twice = [], []
    stored = collections.Counter(sha256 for _, _, sha256 in found.entries)
    for sha256, count in before.items():
        there = sum(folder[sha256] for folder in found.folders.values())
        if there < count:
            lost.append(f"{sha256[:8]}: {there} of {count} left on the server")
        if stored[sha256] > count:
            twice.append(f"{sha256[:8]}: {stored[sha256]} entries for {count}")
        if found.folders[DROPBOX][sha256] > stored[sha256]:
            lost.append(f"{sha256[:8]}: in the archive folder without an entry")
    return Verdict(lost, twice, [])


def check(before, found, bad=()):
    """At rest. `bad` holds the digests of messages that may have become bad entries."""
    lost, twice, unexpected = check_in_between(before, found)
    states = collections.defaultdict(list)
    for _, state, sha256 in found.entries:
        states[sha256].append(state)
    for sha256, count in before.items():
        name = sha256[:8]
        there = sum(folder[sha256] for folder in found.folders.values())
        if there > count:
            twice.append(f"{name}: {there} on the server for {count}")
        good = sum(state != "bad" for state in states[sha256])
        if found.folders[DROPBOX][sha256] != good:
            unexpected.append(f"{name}: {found.folders[DROPBOX][sha256]} in the archive folder, {good} entries")
        if found.folders[BADMAIL][sha256] and sha256 not in bad:
            unexpected.append(f"{name}: in the bad-mail folder")
        if found.folders[SOURCE][sha256]:
            unexpected.append(f"{name}: still in the mailbox")
    for folder, digests in found.folders.items():
        unexpected += [f"{sha256[:8]}: nobody sent it, but it is in {folder}" for sha256 in digests - before]
    unexpected += [f"UID {uid}: {state} in the ledger" for uid, state, *_ in found.ledger if state != "moved"]
    if len(found.ledger) != len({row[-2:] for row in found.ledger}):
        twice.append("two messages of the ledger are one entry")
    return Verdict(lost, twice, unexpected)
