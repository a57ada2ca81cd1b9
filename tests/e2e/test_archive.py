"""purge --archive: old messages leave the archive folder, and nothing else does."""

import contextlib
import sqlite3
import unittest

import inqueue
from cyrus import Cyrus
from inqueue import CONFIGURATION, DONE, USAGE, Case, ServerCase, message

OLD, NEW = '"03-Mar-2026 09:30:00 +0000"', None
AGE = ["--older-than", "30d"]


class ArchiveCase(ServerCase):
    """Messages Old 1 to 3 have been loaded and are done, New 1, too; Stray and Mine lie in the archive as well."""

    def load(self, **keys):
        with self.look() as mailbox:
            mailbox.append(*[message(f"Old {number}") for number in (1, 2, 3)], date=OLD)
            mailbox.append(message("New 1"), date=NEW)
        self.create_queue(**keys)
        self.inqueue("load")
        self.inqueue("discard", "--all", "--reason", "test")
        with self.look() as mailbox:
            self.archive, = [name for name in mailbox.folders() if name.endswith("DROPBOX")]
            mailbox.append(message("Stray"), folder=self.archive, date=OLD)

    def purge(self, *options, expect=DONE):
        return self.inqueue("purge", "--archive", "invoices", *AGE, *options, expect=expect)

    def is_left(self, *subjects, folder=None):
        self.assertEqual(list(subjects), sorted(self.subjects(folder or self.archive)))

    def nothing_is_missed(self):
        found = [(line["problem"], line["uid"]) for line in self.json_lines("verify", "invoices", "--json", expect=inqueue.NO)]
        self.assertEqual(["stray"], [problem for problem, _ in found])


class Archive(ArchiveCase):
    def test_old_messages_are_deleted(self):
        self.load()
        with self.look() as mailbox:  # somebody else's mark is none of ours
            mailbox.flag(self.archive, 4, "\\Deleted")
        result = self.purge("--yes")
        self.assertEqual(("3 messages deleted\n", ""), (result.stdout, result.stderr))
        self.is_left("New 1", "Stray")
        self.assertEqual(4, len(self.column("SELECT id FROM entry")))
        self.assertRegex(self.inqueue("history", "1").stdout, r"purge: its message is deleted in 'DROPBOX'")
        self.nothing_is_missed()
        self.assertEqual("0 messages deleted\n", self.purge("--yes").stdout)

    def test_old_messages_are_moved(self):
        self.load()
        result = self.purge("--yes", "--to", "Attic/2026")
        self.assertEqual(("3 messages moved\n", ""), (result.stdout, result.stderr))
        self.is_left("New 1", "Stray")
        self.is_left("Old 1", "Old 2", "Old 3", folder="Attic/2026")
        self.nothing_is_missed()
        self.assertRegex(self.inqueue("history", "2").stdout, r"purge: its message leaves 'DROPBOX' for 'Attic/2026'")

    def test_a_dry_run_lists_them(self):
        self.load()
        before = self.database_bytes()
        result = self.purge("--dry-run")
        self.assertRegex(result.stdout, r"^UID +ENTRY +RECEIVED +SIZE\n +1 +1 +2026-03-03T09:30:00Z +\d+\n"
                                        r" +2 .*\n +3 .*\n3 messages would be deleted\n$")
        lines = self.json_lines("purge", "--archive", "invoices", *AGE, "--dry-run", "--json")
        self.assertEqual([(1, 1, True), (2, 2, True), (3, 3, True)],
                         [(line["uid"], line["entry_id"], line["dry_run"]) for line in lines])
        self.is_left("New 1", "Old 1", "Old 2", "Old 3", "Stray")
        self.assertEqual(before, self.database_bytes())

    def test_it_asks(self):
        self.load()
        self.fails(USAGE, "purge", "--archive", "invoices", *AGE, says="no terminal to ask; --yes goes ahead")
        question = r"delete 3 messages of 'DROPBOX', received before \d{4}-\d\d-\d\d \d\d:\d\d UTC for good\? \[y/N\] "
        self.on_terminal("purge", "--archive", "invoices", *AGE, answers=[(question, "n\n")])
        self.is_left("New 1", "Old 1", "Old 2", "Old 3", "Stray")
        shown = self.on_terminal("purge", "--archive", "invoices", *AGE, answers=[(question, "y\n")])
        self.assertIn("3 messages deleted", shown.stdout)
        self.is_left("New 1", "Stray")

    def test_messages_of_entries_that_are_not_finished_stay(self):
        self.load()
        self.inqueue("retry", "2", "--reason", "again")
        result = self.purge("--yes")
        self.assertEqual("2 messages deleted\n", result.stdout)
        self.assertEqual("inqueue: 1 message stays: its entry is new or claimed\n", result.stderr)
        self.is_left("New 1", "Old 2", "Stray")

    def test_a_message_that_is_not_the_one_that_was_put_there_stays(self):
        self.load()
        self.tamper("UPDATE pickup SET raw_sha256 = lower(hex(zeroblob(32))) WHERE entry_id = 2")
        result = self.purge("--yes")
        self.assertEqual("inqueue: 1 message stays: the bytes are not those that were put there\n", result.stderr)
        self.is_left("New 1", "Old 2", "Stray")

    def test_a_folder_that_was_numbered_afresh_keeps_all(self):
        self.load()
        self.tamper("UPDATE pickup SET target_uid_validity = target_uid_validity - 1")
        self.assertEqual("0 messages deleted\n", self.purge("--yes").stdout)

    def tamper(self, statement):
        with contextlib.closing(sqlite3.connect(self.database)) as database, database:
            database.execute(statement)

    def test_without_uidplus(self):
        self.load(disable="UIDPLUS")
        self.fails(CONFIGURATION, "purge", "--archive", "invoices", *AGE, "--yes",
                   says=r"cannot remove single messages \(it has no UIDPLUS\); it can move them \(--to FOLDER\)")
        self.purge("--yes", "--to", "Attic")
        self.is_left("Old 1", "Old 2", "Old 3", folder="Attic")

    def test_with_neither(self):
        self.load(disable="UIDPLUS,MOVE")
        for more in ([], ["--to", "Attic"]):
            self.fails(CONFIGURATION, "purge", "--archive", "invoices", *AGE, "--yes", *more, says="cannot remove single")
        self.is_left("New 1", "Old 1", "Old 2", "Old 3", "Stray")

    def test_copied_where_there_is_no_move(self):
        self.load(disable="MOVE")
        self.purge("--yes", "--to", "Attic")
        self.is_left("Old 1", "Old 2", "Old 3", folder="Attic")
        self.is_left("New 1", "Stray")

    def test_folders_of_the_queue_are_refused(self):
        self.load()
        for folder in ["INBOX", "BADMAIL", "DROPBOX"]:
            self.fails(CONFIGURATION, "purge", "--archive", "invoices", *AGE, "--yes", "--to", folder,
                       says=f"--to '{folder}' is a folder that the queue itself uses")

    def test_wrong_use(self):
        self.load()
        self.fails(USAGE, "purge", "--archive", "invoices", "--yes", says="--archive needs --older-than")
        self.fails(USAGE, "purge", "--archive", "invoices", *AGE, "--state", "done", says="--state chooses entries")
        self.fails(USAGE, "purge", "--to", "Attic", "--state", "done", *AGE, says="--to needs --archive")
        self.fails(inqueue.NO, "purge", "--archive", "orders", *AGE, "--yes", says="'orders'")


class OnCyrus(Case):
    def test_deleted_and_moved(self):
        for options, left in ([], []), (["--to", "Attic"], ["Old 1", "Old 2"]):
            with self.subTest(options=options), Cyrus() as server:
                with server.mailbox() as mailbox:
                    mailbox.append(message("Old 1"), message("Old 2"), date=OLD)
                    mailbox.append(message("New 1"))
                name = "moved" if options else "deleted"
                self.create_queue(server, name)
                self.inqueue("load", name)
                self.inqueue("discard", "--queue", name, "--state", "new", "--reason", "test")
                self.inqueue("purge", "--archive", name, *AGE, "--yes", *options)
                with server.mailbox() as mailbox:
                    self.assertEqual(["New 1"], mailbox.subjects("INBOX.DROPBOX"))
                    if options:
                        self.assertEqual(left, mailbox.subjects("INBOX.Attic"))
                self.inqueue("verify", name)


if __name__ == "__main__":
    unittest.main()
