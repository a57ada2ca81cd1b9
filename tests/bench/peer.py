#!/usr/bin/python3
"""tests/bench/peer.py HOST PORT USER FOLDER DATABASE: a queue from a mailbox with what Python brings along.

What a careful programmer writes in an afternoon: batches of 50, a durable transaction each, then the batch is moved. The
password is in $MAIL_PASSWORD. tests/bench/load has inqueue run beside it.
"""

import email
import email.policy
import hashlib
import imaplib
import os
import re
import sqlite3
import sys

BATCH = 50
SCHEMA = """\
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE entry (id INTEGER PRIMARY KEY, uid INTEGER UNIQUE, date_received TEXT, subject TEXT, sender TEXT,
                    recipient TEXT, date_sent TEXT, message_id TEXT, text TEXT, html TEXT,
                    raw_sha256 TEXT, raw_size INTEGER);
CREATE TABLE attachment (entry_id INTEGER REFERENCES entry, position INTEGER, file_name TEXT, content_type TEXT, data BLOB);
"""


def text_of(part):
    """As text; bytes that are not what they are said to be must not stop the load."""
    try:
        return part.get_content()
    except (LookupError, ValueError):
        return part.get_payload(decode=True).decode("utf-8", "replace")


def data_of(part):
    if part.is_multipart():  # a forwarded message
        return part.get_payload(0).as_bytes()
    return part.get_payload(decode=True)


def store(database, uid, date_received, raw):
    message = email.message_from_bytes(raw, policy=email.policy.default)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    fields = [str(message[name]) if message[name] is not None else None
              for name in ["Subject", "From", "To", "Date", "Message-ID"]]
    values = [uid, date_received, *fields, text and text_of(text), html and text_of(html),
              hashlib.sha256(raw).hexdigest(), len(raw)]
    entry_id = database.execute(
        "INSERT INTO entry (uid, date_received, subject, sender, recipient, date_sent, message_id, text, html, raw_sha256, "
        "raw_size) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values).lastrowid
    for position, part in enumerate(message.iter_attachments() if message.is_multipart() else []):
        database.execute("INSERT INTO attachment VALUES (?, ?, ?, ?, ?)",
                         [entry_id, position, part.get_filename(), part.get_content_type(), data_of(part)])


def run(session, command, *arguments):
    status, answer = session.uid(command, *arguments)
    if status != "OK":
        sys.exit(f"peer.py: {command}: {answer}")
    return answer


def load_batch(session, database, folder, uids):
    with database:
        for item in run(session, "FETCH", ",".join(uids), "(UID INTERNALDATE BODY.PEEK[])"):
            if isinstance(item, tuple):
                head = item[0].decode()
                date_received = re.search('INTERNALDATE "([^"]*)"', head)[1]
                store(database, int(re.search(r"UID (\d+)", head)[1]), date_received, item[1])
    run(session, "MOVE", ",".join(uids), folder)


def main():
    host, port, user, folder, path = sys.argv[1:]
    imaplib._MAXLINE = 10_000_000  # the answer to SEARCH is one line
    database = sqlite3.connect(path)
    database.executescript(SCHEMA)
    session = imaplib.IMAP4(host, int(port), timeout=60)
    session.login(user, os.environ["MAIL_PASSWORD"])
    session.create(folder)
    session.select("INBOX")
    uids = run(session, "SEARCH", "UNDELETED")[0].decode().split()
    for first in range(0, len(uids), BATCH):
        load_batch(session, database, folder, uids[first:first + BATCH])
    session.logout()
    database.close()


if __name__ == "__main__":
    main()
