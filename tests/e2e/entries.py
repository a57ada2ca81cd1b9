"""A database with a queue and entries in it, put there without a mail server."""

import contextlib
import hashlib
import json
import sqlite3

from inqueue import Case

LOADED = "2026-01-31T12:00:00.000Z"


class EntryCase(Case):
    queue = "invoices"

    def setUp(self):
        super().setUp()
        self.define(self.queue)

    def define(self, name, *options):
        self.inqueue("queue", "create", name, "--connection-string", "url=imap.example.com;ssl=True",
                     "--user-name", "robot@example.com", "--password-env", "PASSWORD", "--retry-delay", "0", *options)

    def change(self, statement, *parameters):
        """Changes the database as somebody with SQL would; the rows it returns. Parameters are values, or a dictionary."""
        if parameters and isinstance(parameters[0], (dict, tuple)):
            parameters, = parameters
        with contextlib.closing(connect(self.database)) as database:
            return database.execute(statement, parameters).fetchall()

    def put(self, count=1, queue=None, **columns):
        """Entries as the loader makes them; their ids."""
        with contextlib.closing(connect(self.database)) as database:
            return put(database, queue or self.queue, count, **columns)

    def attach(self, entry, **files):
        with contextlib.closing(connect(self.database)) as database:
            for position, (name, data) in enumerate(files.items(), 1):
                sha256 = hashlib.sha256(data).hexdigest()
                database.execute("INSERT OR IGNORE INTO content (sha256, size, data) VALUES (?, ?, ?)",
                                 (sha256, len(data), data))
                database.execute("INSERT INTO attachment (entry_id, position, file_name, content_type, size, sha256)"
                                 " VALUES (?, ?, ?, 'application/pdf', ?, ?)",
                                 (entry, position, name.replace("_", "."), len(data), sha256))

    def states(self):
        return self.column("SELECT state FROM entry ORDER BY id")

    def state(self, entry):
        return self.column("SELECT state FROM entry WHERE id = ?", entry)[0]

    def history(self, entry):
        return self.column("SELECT change FROM history WHERE entry_id = ? ORDER BY number", entry)

    def claim(self, *options, **more):
        """Claims one; its JSON."""
        return json.loads(self.inqueue("claim", self.queue, "--json", *options, **more).stdout)


def connect(path):
    database = sqlite3.connect(path, timeout=30, isolation_level=None)
    database.execute("PRAGMA foreign_keys = ON")
    return database


def put(database, queue, count=1, subject="Invoice", sender="Ann Lee <ann@example.com>", priority=0):
    database.execute("BEGIN IMMEDIATE")
    ids = []
    for number in range(count):
        row = database.execute("INSERT INTO entry_status (queue_id, state, priority, record_created, record_updated)"
                               " SELECT id, 'new', ?, ?, ? FROM work_queue WHERE name = ?",
                               (priority, LOADED, LOADED, queue))
        ids.append(row.lastrowid)
        body = f"Please pay {number}."
        database.execute("INSERT INTO entry_mail (entry_id, subject, sender, date_sent, date_received, raw_size,"
                         " message_body, message_body_size) VALUES (?, ?, ?, '2026-01-31T11:59:00Z',"
                         " '2026-01-31T11:59:30Z', 100, ?, ?)", (row.lastrowid, subject, sender, body, len(body)))
    database.execute("COMMIT")
    return ids
