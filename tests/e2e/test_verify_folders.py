"""verify, reload and load where the folders of a definition change, and where several folders have one UIDVALIDITY."""

import re
import unittest

from inqueue import DONE, NO, USAGE, connection_string, message
from servers import Dovecot
from test_verify import NEW, OLD, VerifyCase


class AlikeCase(VerifyCase):
    """Servers hand out times as UIDVALIDITY: folders that were made or restored in one second may have the same."""

    def number_alike(self, folder, other):
        """Gives the folder the UIDVALIDITY of the other one."""
        with self.look() as mailbox:
            for name in [folder, other]:
                if name not in mailbox.folders():
                    mailbox.create(name)
            uid_validity = mailbox.uid_validity(other)
        path = self.server.folder / "mail" / self.user / ("" if folder == "INBOX" else "." + folder.replace("/", "."))
        uids = path / "dovecot-uidlist"
        uids.write_text(re.sub(r"\A(\d+) V\d+", rf"\1 V{uid_validity}", uids.read_text()))
        self.server.give_away(uids)
        for index in path.glob("dovecot.index*"):
            index.unlink()
        with self.look() as mailbox:
            self.assertEqual(uid_validity, mailbox.uid_validity(folder))

    def put_back(self, folder, uid, entry_id):
        """As a run leaves it that ends between the server's copy and our note of it."""
        with self.look() as mailbox:
            mailbox.copy(folder, uid, "INBOX")
            found = mailbox.messages()[-1].uid
        self.tamper(f"UPDATE pickup SET state = 'stored', uid = {found}, target_uid = NULL, target_uid_validity = NULL"
                    f" WHERE entry_id = {entry_id}")


class NewDropbox(AlikeCase):
    """The archive of a new year, numbered as the old one is."""

    def setUp(self):
        super().setUp()
        self.add_queue(dropbox="2025")
        self.load("Invoice 1", "Invoice 2")
        self.number_alike("2026", "2025")
        self.alter(dropbox="2026")

    def test_other_mail_in_it_is_not_the_queues(self):
        self.put("Years ago", folder="2026", date=OLD)
        self.assertEqual([("missing", "2026", None)] * 2, self.problems("--repair", "--adopt", "--yes"))
        self.assertEqual({"before_first_use": 1}, self.counts("2026", expect=NO))
        self.assertEqual(["Invoice 1", "Invoice 2"], self.entries())

    def test_what_people_put_there_is_a_stray(self):
        self.load("Invoice 3")
        self.put("Dragged there", folder="2026")
        self.assertEqual([("missing", "2026", None)] * 2 + [("stray", "2026", 2)], self.problems("--repair"))
        self.verify("--adopt", "--yes", expect=NO)
        self.assertEqual(["Invoice 1", "Invoice 2", "Invoice 3", "Dragged there"], self.entries())
        self.assertEqual({"2025": 2, "2026": 2}, self.lie())

    def test_back_and_forth(self):
        self.load("Invoice 3")
        self.alter(dropbox="2025")
        self.assertEqual([("missing", "2025", None)], self.problems("--repair"))
        self.load("Invoice 4")
        self.assertEqual([("missing", "2025", None)], self.problems())
        self.alter(dropbox="2026")
        self.assertEqual([("missing", "2026", None)] * 3, self.problems())
        self.verify("--accept-missing")
        self.assertEqual({"accepted_as_gone": 3}, self.counts("2026"))
        self.assertEqual({"2025": 3, "2026": 1}, self.lie())

    def test_mail_that_goes_there_too_is_found_by_its_bytes(self):
        with self.look() as mailbox:
            for uid in [2, 1]:
                mailbox.move("2025", uid, "2026")
        self.assertEqual([], self.problems("--repair", expect=DONE))
        self.assertEqual([], self.problems("--repair", expect=DONE))

    def test_a_copy_that_the_ledger_does_not_know_is_looked_for(self):
        self.load("Invoice 3")
        self.put_back("2026", 1, entry_id=3)
        self.inqueue("load")
        self.assertEqual({"2025": 2, "2026": 1}, self.lie())
        self.assertEqual([("missing", "2026", None)] * 2, self.problems())

    def test_an_equal_message_in_the_old_one_is_no_copy(self):
        with self.look() as mailbox:
            mailbox.copy("2025", 1, "INBOX")
        self.inqueue("load")
        self.assertEqual(["Invoice 1", "Invoice 2", "Invoice 1"], self.entries())
        self.put_back("2026", 1, entry_id=3)
        self.inqueue("load")
        self.assertEqual({"2025": 2, "2026": 1}, self.lie())

    def test_of_another_queue(self):
        """What that has in a folder is not in ours, which it has used as well."""
        self.load("Invoice 3")
        self.put("Order 1", folder="Orders")
        self.add_queue("orders", mailbox="Orders", dropbox="2025")
        self.inqueue("load", "orders")
        self.put("Dragged there", folder="2025")
        self.load("Invoice 4", "Invoice 5", "Invoice 6")
        self.assertEqual([("stray", "2025", 4)], self.problems(name="orders"))


class OlderRows(NewDropbox):
    """All of that holds for rows of a database that did not name folders, once the old folder is noted."""

    def setUp(self):
        super().setUp()
        self.tamper("UPDATE pickup SET target_folder = NULL")


class NewBadmail(AlikeCase):
    def setUp(self):
        super().setUp()
        self.add_queue(maxSize="4KB", badmail="Problems")
        self.load("Too large", body="x" * 70 + "\n" + "y\n" * 4000)
        self.number_alike("Problems 2", "Problems")
        self.put("Of somebody else", folder="Problems 2", date=OLD)
        self.alter(maxSize="1MB", badmail="Problems 2")

    def test_reload_takes_no_other_message(self):
        self.fails(NO, "reload", 1, says="its message is not in 'Problems 2' any more")
        self.assertEqual({"Problems": 1, "Problems 2": 1}, self.lie())
        self.assertEqual(["Too large"], self.entries())

    def test_reload_finds_it_there_by_its_bytes(self):
        with self.look() as mailbox:
            mailbox.move("Problems", 1, "Problems 2")
        self.inqueue("reload", 1)
        self.assertEqual({"DROPBOX": 1, "Problems 2": 1}, self.lie())
        self.assertEqual(["Too large"], self.subjects("DROPBOX"))
        self.assertEqual([], self.problems(expect=DONE))

    def test_repair_moves_no_other_message(self):
        """A reload ended before its move."""
        self.tamper("UPDATE entry_status SET state = 'new', error_kind = NULL, error_text = NULL")
        self.assertEqual([("missing", "DROPBOX", None)], self.problems("--repair"))
        self.assertEqual({"Problems": 1, "Problems 2": 1}, self.lie())


class OlderRowOfBadmail(NewBadmail):
    def setUp(self):
        super().setUp()
        self.tamper("UPDATE pickup SET target_folder = NULL")


class Adopted(VerifyCase):
    def test_mail_that_was_not_meant_stays_old_mail(self):
        """--since says what is the queue's, whatever the order in which people put mail into the folder."""
        self.put("Of March", folder="Archive", date=NEW)
        self.put("Years ago", folder="Archive", date=OLD)
        self.add_queue(dropbox="Archive")
        self.verify("--adopt", "--yes", "--since", "2026-03-01")
        self.assertEqual({"before_first_use": 1}, self.counts("Archive"))
        self.load("Invoice 1")
        self.verify("--repair", "--adopt", "--yes")
        self.assertEqual(["Of March", "Invoice 1"], self.entries())
        self.assertEqual({"before_first_use": 1}, self.counts("Archive"))

    def test_an_earlier_day_can_be_named_then(self):
        self.put("Of March", folder="Archive", date=NEW)
        self.put("Of January", folder="Archive", date=OLD)
        self.add_queue(dropbox="Archive")
        for day in ["2026-03-01", "2026-01-01"]:
            self.verify("--adopt", "--yes", "--since", day)
        self.assertEqual(["Of March", "Of January"], self.entries())
        self.assertEqual({}, self.counts("Archive"))


class NumberedAsTheMailbox(AlikeCase):
    def test_nothing_has_come_back(self):
        """The new UIDs in the archive may be UIDs of the mailbox, and of the same bytes."""
        self.put("Years ago", "Long ago", folder="DROPBOX", date=OLD)
        self.put("Invoice 1", "Invoice 2")
        self.number_alike("INBOX", "DROPBOX")
        with self.look() as mailbox:
            mailbox.copy("INBOX", 1, "INBOX")
        self.add_queue()
        for _ in range(3):
            self.inqueue("load", "invoices", "--limit", "1")
        self.assertEqual(["Invoice 1", "Invoice 2", "Invoice 1"], self.entries())
        self.assertEqual({"DROPBOX": 5}, self.lie())
        self.assertEqual([], self.problems(expect=DONE))


class SpelledDifferently(VerifyCase):
    """Two queues of an account name one folder, with the prefix and without."""

    @classmethod
    def make_server(cls):
        return Dovecot(prefix="INBOX.", separator=".")

    def test_one_archive(self):
        for name, dropbox in [("invoices", "Archive"), ("orders", "INBOX/Archive"), ("quotes", "inbox/Archive")]:
            self.put(f"{name} 1", folder=f"INBOX.{name}")
            self.add_queue(name, mailbox=name, dropbox=dropbox)
        self.inqueue("load")
        self.put("Dragged there", folder="INBOX.Archive")
        for name, folder in [("invoices", "Archive"), ("orders", "INBOX/Archive"), ("quotes", "inbox/Archive")]:
            self.assertEqual([("stray", folder, 4)], self.problems("--repair", name=name))
            self.assertEqual({"of_other_queues": 2, "strays": 1}, self.counts(folder, name, expect=NO))
            self.inqueue("verify", name, "--adopt", "--yes", expect=USAGE)
            self.assertEqual([f"{name} 1"], self.entries(name))

    def in_a_row(self, dropbox, mailbox):
        """The dropbox of one queue is the mailbox of the next, which has taken one message and has one waiting for its
        delivery; each is known by its UID, and without UIDs by its bytes."""
        self.add_queue(dropbox=dropbox)
        self.load("Invoice 1", "Invoice 2")
        self.add_queue("orders", mailbox=mailbox, dropbox="Done")
        self.inqueue("load", "orders", "--limit", "1")
        self.inqueue("queue", "alter", "orders", "--deliver-to", "https://app.example.com/mail", "--acknowledge",
                     "delivery", "--connection-string",
                     connection_string(self.keys(self.server, mailbox=mailbox, dropbox="Done", search="ALL")))
        with self.look() as look:
            look.append(message("Put there"), folder=self.resolved(dropbox))
        self.inqueue("load", "orders")
        self.assertEqual({"INBOX.Done": 1, self.resolved(dropbox): 2}, self.lie())
        self.assertEqual([], self.problems("--repair", "--adopt", "--yes", expect=DONE))
        self.assertEqual({"of_other_queues": 2}, self.counts(dropbox))
        self.tamper("UPDATE pickup SET target_uid = NULL, target_uid_validity = NULL")
        self.assertEqual([], self.problems("--repair", "--adopt", "--yes", expect=DONE))
        self.assertEqual(["Invoice 1", "Invoice 2"], self.entries())

    def resolved(self, name):
        with self.look() as mailbox:
            found, = [found for found in mailbox.folders() if found.split(".")[-1] == name.split("/")[-1]]
        return found

    def test_in_a_row_with_the_prefix_and_without(self):
        self.in_a_row("Work", "INBOX/Work")

    def test_in_a_row_without_the_prefix_and_with(self):
        self.in_a_row("INBOX/Work", "Work")

    def test_in_a_row_with_the_inbox_in_capitals_and_not(self):
        self.in_a_row("inbox/Wörk", "Wörk")

    def test_modified_utf_7_is_the_servers_alone(self):
        """A name in a definition is Unicode: what looks like the server's form is another folder."""
        for name, dropbox in [("invoices", "Mängel"), ("orders", "M&AOQ-ngel")]:
            self.put(f"{name} 1", folder=f"INBOX.{name}")
            self.add_queue(name, mailbox=name, dropbox=dropbox)
        self.inqueue("load")
        self.assertEqual({"INBOX.Mängel": 1, "INBOX.M&AOQ-ngel": 1}, self.lie())
        for name in ["invoices", "orders"]:
            self.assertEqual([], self.problems(name=name, expect=DONE))


if __name__ == "__main__":
    unittest.main()
