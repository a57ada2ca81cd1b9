"""verify: what is a queue's own in its folders, and what is not; strays, duplicates, and what is gone."""

import contextlib
import re
import shlex
import sqlite3
import unittest

import inqueue
import manual
from inqueue import DONE, NO, USAGE, ServerCase, copy_database, message

OLD, NEW, NEWER = ['"%02d-%s-2026 09:30:00 +0000"' % day for day in [(5, "Jan"), (3, "Mar"), (9, "Mar")]]


class VerifyCase(ServerCase):
    def add_queue(self, name="invoices", **keys):
        self.create_queue(name=name, **keys)

    def put(self, *subjects, folder="INBOX", date=NEW, **more):
        with self.look() as mailbox:
            if folder not in mailbox.folders():
                mailbox.create(folder)
            mailbox.append(*[message(subject, **more) for subject in subjects], folder=folder, date=date)

    def lie(self):
        """How many messages lie where."""
        return {name: count for name, count in self.folders().items() if count}

    def load(self, *subjects, name="invoices", folder="INBOX", **options):
        self.put(*subjects, folder=folder, **options)
        self.inqueue("load", name)

    def entries(self, name="invoices"):
        return self.column("SELECT subject FROM entry WHERE queue = ? ORDER BY id", name)

    def problems(self, *options, name="invoices", expect=NO):
        found = self.json_lines("verify", name, "--json", *options, expect=expect)
        return sorted((line["problem"], line["folder"], line["uid"]) for line in found if "problem" in line)

    def verify(self, *options, name="invoices", expect=DONE):
        return self.inqueue("verify", name, *options, expect=expect)

    def counts(self, folder="DROPBOX", name="invoices", expect=DONE):
        """What is not 0, of what is not the ledger's."""
        lines = self.json_lines("verify", name, "--json", "--summary", expect=expect)
        line, = [line for line in lines if line["folder"] == folder and "messages" in line]
        for what in ["folder", "messages", "known", "first_uid"]:
            del line[what]
        return {what: number for what, number in line.items() if number}

    def dump(self):
        with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as database:
            return list(database.iterdump())

    def tamper(self, statement):
        with contextlib.closing(sqlite3.connect(self.database)) as database, database:
            database.execute(statement)

    def forget_folders(self):
        """As in a database that is older than the notes of folders."""
        self.tamper("UPDATE pickup SET target_folder = NULL")
        self.tamper("DELETE FROM pickup_folder")

    def alter(self, name="invoices", **keys):
        self.inqueue("queue", "alter", name, "--connection-string",
                     inqueue.connection_string(self.keys(self.server, **keys)))


class InARow(VerifyCase):
    """The dropbox of one queue is the mailbox of the next."""

    def test_what_the_next_queue_has_taken_is_not_missing(self):
        self.add_queue(dropbox="Work")
        self.add_queue("orders", mailbox="Work", dropbox="Done")
        self.load("Invoice 1", "Invoice 2")
        self.inqueue("load", "orders")
        self.assertEqual({"Done": 2}, self.lie())
        self.assertEqual([], self.problems(expect=DONE))
        self.assertEqual({"of_other_queues": 2}, self.counts("Work"))
        self.tamper("UPDATE pickup SET target_uid = NULL, target_uid_validity = NULL")
        self.assertEqual({"of_other_queues": 2}, self.counts("Work"))
        self.tamper("DELETE FROM pickup WHERE queue_id = 2 AND uid = 1")
        self.assertEqual([("missing", "Work", None)], self.problems())


class TwoQueues(VerifyCase):
    """A help desk: one account, a folder for each queue, and one archive for both."""

    def setUp(self):
        super().setUp()
        self.put("Years ago", "Long ago", folder="DROPBOX", date=OLD)
        for name in ["Orders", "Invoices"]:
            self.put(f"{name} 1", folder=name, Reply_To=f"{name}@example.com")
            self.add_queue(name.lower(), mailbox=name)
        self.inqueue("load")

    def assert_each_has_its_own(self):
        self.assertEqual((["Orders 1"], ["Invoices 1"]), (self.entries("orders"), self.entries()))

    def assert_repair_leaves_the_rest_alone(self, *expected):
        for name in ["orders", "invoices"]:
            self.assertEqual("", self.verify("--repair", name=name).stdout)
            self.verify("--repair", "--adopt", "--yes", name=name)
        self.assert_each_has_its_own()
        self.assertIn(self.counts(name="orders"), expected)

    def test_repair_leaves_the_other_queues_mail_alone(self):
        self.assert_repair_leaves_the_rest_alone({"before_first_use": 2, "of_other_queues": 1})

    def test_where_the_server_did_not_tell_uids(self):
        """Its bytes tell; but nobody reads what was there before."""
        self.tamper("UPDATE pickup SET target_uid = NULL, target_uid_validity = NULL")
        self.assert_repair_leaves_the_rest_alone({"before_first_use": 3}, {"before_first_use": 2, "of_other_queues": 1})

    def test_where_the_database_is_older_than_the_notes(self):
        self.forget_folders()
        self.assert_repair_leaves_the_rest_alone({"before_first_use": 2, "of_other_queues": 1})

    def test_where_they_spell_the_account_differently(self):
        """Its place in the folder tells, and its bytes."""
        self.put("Quotes 1", folder="Quotes")
        self.add_queue("quotes", mailbox="Quotes", url="localhost")
        self.inqueue("load", "quotes")
        self.assertEqual([], self.problems("--repair", "--adopt", "--yes", expect=DONE))
        self.assertEqual({"before_first_use": 2, "of_other_queues": 2}, self.counts(name="orders"))
        self.assert_each_has_its_own()

    def test_mail_that_waits_for_another_queue(self):
        """The archive of one is the mailbox of another."""
        self.add_queue("archive", mailbox="DROPBOX", dropbox="Kept")
        self.inqueue("queue", "alter", "archive", "--deliver-to", "https://app.example.com/mail", "--acknowledge",
                     "delivery")
        self.put("Paid", folder="DROPBOX")
        self.inqueue("load", "archive")
        self.assertEqual([], self.problems(expect=DONE))
        self.assertEqual({"of_other_queues": 4}, self.counts())

    def test_strays_of_a_folder_that_queues_share_are_adopted_by_name(self):
        self.put("Invoices 2", folder="DROPBOX", Reply_To="Invoices@example.com")
        self.put("Orders 2", folder="DROPBOX", Reply_To="Orders@example.com")
        self.fails(USAGE, "verify", "invoices", "--json", "--adopt", "--yes",
                   says="'DROPBOX' is also the folder of queue 'orders': .*--search 'TO orders@example.com'")
        self.assert_each_has_its_own()
        for name in ["invoices", "orders"]:
            result = self.verify("--adopt", "--yes", "--search", f"HEADER Reply-To {name}@example.com", name=name,
                                 expect=NO if name == "invoices" else DONE)
            self.assertIn("1 message of 'DROPBOX', received from 2026-03-03T09:30:00Z to", result.stderr)
        self.assertEqual((["Orders 1", "Orders 2"], ["Invoices 1", "Invoices 2"]),
                         (self.entries("orders"), self.entries()))
        self.assertEqual([], self.problems(expect=DONE))


class OldArchive(VerifyCase):
    """The dropbox holds years of mail before the first load."""

    def setUp(self):
        super().setUp()
        self.put("Years ago", "Long ago", "A while ago", folder="Archive", date=OLD)
        self.add_queue(dropbox="Archive")

    def test_old_mail_is_left_alone_and_counted(self):
        for _ in ["before the first load", "after it"]:
            self.assertEqual("", self.verify("--repair", "--adopt", "--yes").stdout)
            self.assertEqual({"before_first_use": 3}, self.counts("Archive"))
            self.load("Invoice 1")
        self.assertEqual(["Invoice 1"] * 2, self.entries())

    def test_what_comes_since_is_a_stray(self):
        self.load("Invoice 1")
        self.put("Dragged there", folder="Archive")
        self.assertEqual([("stray", "Archive", 5)], self.problems("--repair"))
        self.verify("--adopt", "--yes")
        self.assertEqual(["Invoice 1", "Dragged there"], self.entries())
        self.assertEqual({"before_first_use": 3}, self.counts("Archive"))

    def test_in_a_database_that_is_older_than_the_notes(self):
        self.load("Invoice 1")
        self.put("Dragged there", folder="Archive")
        self.forget_folders()
        self.assertEqual([("stray", "Archive", 5)], self.problems())
        self.load("Invoice 2")
        self.assertEqual([(4,)], self.sql("SELECT first_uid FROM pickup_folder WHERE folder LIKE '%/Archive'"))
        self.verify("--adopt", "--yes")
        self.assertEqual(["Invoice 1", "Invoice 2", "Dragged there"], self.entries())

    def test_where_nothing_is_known_only_days_that_are_named(self):
        self.put("March", folder="Archive", date=NEW)
        self.verify("--adopt", "--yes")
        self.assertEqual([], self.entries())
        self.verify("--adopt", "--yes", "--since", "2026-03-03")
        self.assertEqual(["March"], self.entries())
        self.assertEqual({"before_first_use": 3}, self.counts("Archive"))

    def test_numbered_afresh(self):
        """The queue's own mail is known by its bytes; nobody can tell what else was there before."""
        self.load("Invoice 1")
        with self.look() as mailbox:
            raw = [found.raw for found in mailbox.messages("Archive")]
            before = mailbox.uid_validity("Archive")
        with self.look() as mailbox:
            mailbox.delete("Archive")
            mailbox.create("Archive")
            mailbox.append(*raw, folder="Archive", date=NEW)
            self.assertNotEqual(before, mailbox.uid_validity("Archive"))
        self.assertEqual([], self.problems("--repair", "--adopt", "--yes", expect=DONE))
        self.assertEqual({"before_first_use": 3}, self.counts("Archive"))
        self.load("Invoice 2")
        self.put("Dragged there", folder="Archive")
        self.assertEqual([("stray", "Archive", 6)], self.problems())


class Strays(VerifyCase):
    def setUp(self):
        super().setUp()
        self.add_queue(maxSize="4KB")
        self.load("Invoice 1")

    def test_adopting_asks(self):
        self.put("Of March", folder="DROPBOX", date=NEW)
        self.put("Later", folder="DROPBOX", date=NEWER)
        question = (r"2 messages of 'DROPBOX', received from 2026-03-03T09:30:00Z to 2026-03-09T09:30:00Z: "
                    r"make entries of them\? \[y/N\] ")
        shown = self.on_terminal("verify", "invoices", "--adopt", answers=[(question, "n\n")], expect=NO).stdout
        self.assertLess(shown.index("stray"), shown.index("make entries"))
        self.assertEqual(["Invoice 1"], self.entries())
        self.on_terminal("verify", "invoices", "--adopt", answers=[(question, "y\n")])
        self.assertEqual(["Invoice 1", "Of March", "Later"], self.entries())
        self.assertEqual(["2026-03-03T09:30:00Z", "2026-03-09T09:30:00Z"],
                         self.column("SELECT date_received FROM entry ORDER BY id")[1:])
        self.assertEqual({"DROPBOX": 3}, self.lie())

    def test_elsewhere_it_needs_yes(self):
        self.fails(USAGE, "verify", "invoices", "--adopt", says="there is no terminal to ask; --yes goes ahead")

    def test_since(self):
        self.put("Of March", folder="DROPBOX", date=NEW)
        self.put("Later", folder="DROPBOX", date=NEWER)
        self.verify("--adopt", "--yes", "--since", "2026-03-09", expect=NO)
        self.assertEqual(["Invoice 1", "Later"], self.entries())
        self.assertEqual([("stray", "DROPBOX", 2)], self.problems())

    def test_dry_run_changes_nothing_and_says_what_would_be_done(self):
        self.put("Of March", folder="DROPBOX")
        self.load("Invoice 2")
        with self.look() as mailbox:
            mailbox.expunge("DROPBOX", 3)
            mailbox.copy("DROPBOX", 1, "BADMAIL")
        self.tamper("UPDATE pickup SET state = 'stored' WHERE entry_id = 1")
        before = self.dump()
        lines = self.json_lines("verify", "invoices", "--json", "--dry-run", "--repair", "--adopt", "--accept-missing",
                                expect=NO)
        self.assertEqual({"unfinished": "note", "stray": "adopt", "missing": "accept", "duplicate": None},
                         {line["problem"]: line["would"] for line in lines})
        self.assertEqual(before, self.dump())
        self.assertEqual({"BADMAIL": 1, "DROPBOX": 2}, self.lie())
        shown = self.verify("--dry-run", "--adopt", expect=NO)
        self.assertRegex(shown.stdout, r"(?m)^PROBLEM .* WOULD *$")
        self.assertIn("1 message of 'DROPBOX'", shown.stderr)
        self.assertIn("nothing was changed", shown.stderr)

    def test_options_that_do_nothing_by_themselves(self):
        self.fails(USAGE, "verify", "invoices", "--since", "2026-03-03", says="--adopt")
        self.fails(USAGE, "verify", "invoices", "--search", "ALL", says="--adopt")
        self.fails(USAGE, "verify", "invoices", "--dry-run", says="--repair, --adopt or --accept-missing")
        self.fails(USAGE, "verify", "invoices", "--adopt", "--yes", "--search", "OR (", says="--search: ")

    def test_one_that_cannot_be_loaded_becomes_a_bad_entry(self):
        self.put("Too large", folder="DROPBOX", body="x" * 70 + "\n" + "y\n" * 4000)
        self.verify("--adopt", "--yes")
        self.assertEqual([("Invoice 1", "new"), ("Too large", "bad")], self.sql("SELECT subject, state FROM entry ORDER BY id"))
        self.assertEqual({"BADMAIL": 1, "DROPBOX": 1}, self.lie())
        self.assertEqual([], self.problems(expect=DONE))
        self.alter(maxSize="1MB")
        self.inqueue("reload", 2)
        self.assertEqual({"DROPBOX": 2}, self.lie())
        self.assertEqual([], self.problems(expect=DONE))

    def test_a_good_one_in_badmail_moves_to_the_dropbox(self):
        self.load("Too large", body="x" * 70 + "\n" + "y\n" * 4000)
        self.put("Of March", folder="BADMAIL")
        self.assertEqual([("stray", "BADMAIL", 2)], self.problems())
        self.fails(NO, "verify", "invoices", says=": 1 problem; --adopt makes entries of strays")
        self.verify("--adopt", "--yes")
        self.assertEqual(["Invoice 1", "Of March"], self.subjects("DROPBOX"))
        self.assertEqual([], self.problems(expect=DONE))

    def test_where_mail_waits_for_its_delivery_only_unread_mail_is_collected(self):
        """A stray is read already, and an entry all the same."""
        self.inqueue("queue", "alter", "invoices", "--deliver-to", "https://app.example.com/mail", "--acknowledge",
                     "delivery", "--connection-string",
                     inqueue.connection_string(self.keys(self.server, dropbox="DROPBOX")))
        with self.look() as mailbox:
            mailbox.append(message("Of March"), folder="DROPBOX", flags=["\\Seen"])
        self.verify("--adopt", "--yes")
        self.assertEqual(["Invoice 1", "Of March"], self.entries())
        self.assertEqual({"DROPBOX": 2}, self.lie())
        self.assertEqual([], self.problems(expect=DONE))


class Duplicates(VerifyCase):
    def setUp(self):
        super().setUp()
        self.add_queue()
        self.load("Invoice 1")

    def test_a_copy_is_said_and_never_becomes_an_entry(self):
        with self.look() as mailbox:
            mailbox.copy("DROPBOX", 1, "DROPBOX")
        line, = self.json_lines("verify", "invoices", "--json", "--repair", "--adopt", "--yes", expect=NO)
        self.assertEqual(("duplicate", 2, 1), (line["problem"], line["uid"], line["entry_id"]))
        self.assertEqual(["Invoice 1"], self.entries())
        with self.look() as mailbox:
            mailbox.expunge("DROPBOX", 2)
        self.assertEqual([], self.problems(expect=DONE))

    def test_a_server_that_copied_and_kept_the_original(self):
        """Two copies lie in the archive; a run makes no third one for them, and verify no entry."""
        with self.look() as mailbox:
            mailbox.copy("DROPBOX", 1, "INBOX")
            mailbox.copy("INBOX", 2, "DROPBOX")
        self.tamper("UPDATE pickup SET state = 'stored', uid = 2, target_uid = NULL, target_uid_validity = NULL")
        self.assertEqual([("duplicate", "DROPBOX", 2), ("unfinished", "INBOX", 2)], self.problems())
        self.verify("--repair", "--adopt", "--yes", expect=NO)
        self.assertEqual(["Invoice 1"], self.entries())
        self.assertEqual(0, self.folders()["INBOX"])

    def test_one_that_was_taken_out_and_put_back(self):
        with self.look() as mailbox:
            mailbox.create("Desk")
            mailbox.move("DROPBOX", 1, "Desk")
            self.assertEqual([("missing", "DROPBOX", 1)], self.problems())
            mailbox.move("Desk", 1, "DROPBOX")
        self.assertEqual([], self.problems("--repair", "--adopt", "--yes", expect=DONE))
        self.assertEqual(["Invoice 1"], self.entries())


class Gone(VerifyCase):
    def setUp(self):
        super().setUp()
        self.add_queue()
        self.load("Invoice 1", "Invoice 2")

    def delete(self, uid):
        with self.look() as mailbox:
            mailbox.expunge("DROPBOX", uid)

    def test_what_somebody_has_deleted_is_accepted(self):
        self.delete(1)
        self.fails(NO, "verify", "invoices", "--json", says="1 problem; --accept-missing accepts that messages are gone")
        self.verify("--accept-missing", "--by", "ann")
        self.assertEqual("", self.verify().stdout)
        self.assertEqual("inqueue: 1 message looked at, no problem\r\n", self.on_terminal("verify", "invoices").stdout)
        self.assertEqual({"accepted_as_gone": 1}, self.counts())
        self.assertRegex(self.verify("--summary").stdout, r"(?m)^DROPBOX +1 +1 +1 +0 +0 +0 +0 +1$")
        self.assertEqual([("note", "ann", "its message is not in 'DROPBOX' any more, which was accepted")],
                         self.sql("SELECT change, who, why FROM history WHERE entry_id = 1 AND number > 0"))

    def test_only_what_is_missing_then(self):
        self.delete(1)
        self.verify("--accept-missing")
        self.delete(2)
        self.assertEqual([("missing", "DROPBOX", 2)], self.problems("--repair"))

    def test_it_comes_back(self):
        """Its bytes are known: it is no stray."""
        with self.look() as mailbox:
            mailbox.create("Desk")
            mailbox.move("DROPBOX", 1, "Desk")
            self.verify("--accept-missing")
            mailbox.move("Desk", 1, "DROPBOX")
        self.assertEqual([], self.problems("--repair", "--adopt", "--yes", expect=DONE))
        self.assertEqual(["Invoice 1", "Invoice 2"], self.entries())

    def test_entries_that_were_deleted_before(self):
        self.inqueue("discard", "--all", "--reason", "a test")
        self.inqueue("purge", "--state", "failed", "--older-than", "0")
        self.delete(1)
        self.verify("--accept-missing")
        self.assertEqual({"accepted_as_gone": 1}, self.counts())

    def test_after_another_dropbox_was_defined(self):
        self.alter(dropbox="Archive")
        self.assertEqual([("missing", "Archive", None)] * 2, self.problems("--repair"))
        self.verify("--accept-missing")
        self.assertEqual([], self.problems(expect=DONE))
        self.assertEqual({"accepted_as_gone": 2}, self.counts("Archive"))


class Restored(VerifyCase):
    """The way back from a backup, by the commands that the manual prints."""

    def setUp(self):
        super().setUp()
        text = manual.section(manual.page("inqueue-administration.7"), "GOING BACK TO A BACKUP")
        self.commands = [shlex.split(line) for example in manual.examples(text)
                         for line in re.findall(r"(?m)^inqueue verify .*--adopt.*", example)]

    def back_up(self):
        saved = self.folder / "saved.db"
        copy_database(self.database, saved)
        return saved

    def go_back(self, saved, command, messages, expect=DONE):
        copy_database(saved, self.database)
        self.on_terminal(*command[1:], answers=[(f"{messages}.*make entries of them", "y\n")], expect=expect)

    def test_what_was_loaded_since_comes_again(self):
        self.put("Years ago", "Long ago", folder="DROPBOX", date=OLD)
        self.add_queue()
        self.load("Invoice 1")
        saved = self.back_up()
        self.load("Invoice 2", date=OLD)
        self.load("Invoice 3")
        self.put("Invoice 4")
        self.go_back(saved, self.commands[0], "2 messages of 'DROPBOX', received from 2026-01-05")
        self.assertEqual(["Invoice 1", "Invoice 2", "Invoice 3"], self.entries())
        self.inqueue("load")
        self.assertEqual(["Invoice 1", "Invoice 2", "Invoice 3", "Invoice 4"], self.entries())
        self.assertEqual({"DROPBOX": 6}, self.lie())
        self.assertEqual({"before_first_use": 2}, self.counts())

    def test_from_before_the_first_load(self):
        self.put("Years ago", folder="DROPBOX", date=OLD)
        self.add_queue()
        saved = self.back_up()
        self.load("Invoice 1")
        self.go_back(saved, [*self.commands[0], "--since", "2026-03-01"], "1 message of 'DROPBOX'")
        self.assertEqual(["Invoice 1"], self.entries())
        self.assertEqual({"before_first_use": 1}, self.counts())

    def test_a_queue_that_was_created_since(self):
        """Nobody but its definition knows that it shares the archive."""
        self.add_queue()
        self.load("Invoice 1")
        saved = self.back_up()
        self.put("Order 1", folder="Orders")
        self.add_queue("orders", mailbox="Orders")
        self.inqueue("load")
        copy_database(saved, self.database)
        self.add_queue("orders", mailbox="Orders")
        self.inqueue("verify", "invoices", "--repair", "--adopt", "--yes", expect=USAGE)
        self.verify("--repair", "--adopt", "--yes", "--search", "ALL", "--since", "2026-03-01", name="orders")
        self.assertEqual((["Invoice 1"], ["Order 1"]), (self.entries(), self.entries("orders")))
        self.assertEqual([], self.problems(expect=DONE))

    def test_where_queues_share_the_archive(self):
        self.put("Years ago", folder="DROPBOX", date=OLD)
        for name in ["orders", "invoices"]:
            self.put(f"{name} 1", folder=name)
            self.add_queue(name, mailbox=name)
        self.inqueue("load")
        saved = self.back_up()
        for name in ["orders", "invoices"]:
            mail = message(f"{name} 2")
            mail.replace_header("To", f"{name}@example.com")
            with self.look() as mailbox:
                mailbox.append(mail, folder=name, date=NEW)
        self.inqueue("load")
        self.go_back(saved, self.commands[1], "1 message of 'DROPBOX'", expect=NO)
        self.on_terminal("verify", "invoices", "--repair", "--adopt", "--search", "ALL",
                         answers=[("1 message of 'DROPBOX'", "y\n")])
        for name in ["orders", "invoices"]:
            self.assertEqual([f"{name} 1", f"{name} 2"], self.entries(name))
            self.assertEqual([], self.problems(name=name, expect=DONE))


if __name__ == "__main__":
    unittest.main()
