"""What tests of delivery share: a queue with a target, filled from a private mail server."""

import contextlib
import sqlite3

from inqueue import LoadCase, connection_string, message
from receiver import Receiver


class DeliverCase(LoadCase):
    def receiver(self, *answers, **options):
        return self.enterContext(Receiver(answers or (200,), **options))

    def target(self, url, *options, name="invoices", private=True, **keys):
        """A queue whose entries go to `url`; loopback addresses are allowed unless `private` is False."""
        password = self.file(f"{name}.password", "correct horse\n")
        allowed = ["--allow-private", "true"] if private else []
        self.inqueue("queue", "create", name, "--connection-string",
                     connection_string(self.keys(self.server, **keys)), "--user-name", self.user,
                     "--password-file", password, "--deliver-to", url, *allowed, *options)

    def load(self, *messages):
        self.deliver(*(messages or [message()]))
        self.inqueue("load")

    def execute(self, statement, *values):
        """What no command would do."""
        with contextlib.closing(sqlite3.connect(self.database)) as database, database:
            database.execute(statement, values)

    def states(self):
        return self.column("SELECT state FROM entry ORDER BY id")

    def attempts(self):
        return self.sql("SELECT entry_id, attempt, outcome, status FROM delivery ORDER BY id")
