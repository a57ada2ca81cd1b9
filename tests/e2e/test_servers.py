"""Servers that lack MOVE, that lack UIDPLUS too, and one of another make: the same entries everywhere."""

import unittest

from cyrus import Cyrus
from inqueue import Case, message, messages
from servers import Dovecot

WITHOUT_MOVE = "IMAP4rev1 SASL-IR LITERAL+ NAMESPACE UIDPLUS UNSELECT"
WITHOUT_UIDPLUS = "IMAP4rev1 SASL-IR LITERAL+ NAMESPACE UNSELECT"


class OtherServers(Case):
    RUBBISH = ("Somebody's own rubbish", {"\\Deleted"})

    def run_on(self, server, prefix="", user=None, **keys):
        user = user or next(iter(server.users))
        with server.mailbox(user) as mailbox:
            mailbox.append(*messages(3))
            mailbox.append(message("Somebody's own rubbish"), flags=["\\Deleted"])
        self.create_queue(server, user=user, **keys)
        self.inqueue("load", "invoices")
        self.inqueue("load", "invoices")
        self.assertEqual(["Invoice 1", "Invoice 2", "Invoice 3"], self.column("SELECT subject FROM entry ORDER BY id"))
        with server.mailbox(user) as mailbox:
            archived = mailbox.messages(prefix + "DROPBOX")
            self.assertEqual(["Invoice 1", "Invoice 2", "Invoice 3"], [found.subject for found in archived])
            self.assertTrue(all("\\Seen" in found.flags for found in archived))
            return [(found.subject, found.flags) for found in mailbox.messages()]

    def test_without_move(self):
        with Dovecot(capability=WITHOUT_MOVE) as server:
            self.assertEqual([self.RUBBISH], self.run_on(server))
            said = server.said("robot@example.com")
            self.assertRegex(said, r"(?i)UID EXPUNGE [0-9]")
            self.assertNotRegex(said, r"(?i)MOVE")
            self.assertNotRegex(said, r"(?i)(?<!UID )EXPUNGE|\bCLOSE\b")

    def test_without_uidplus(self):
        with Dovecot(capability=WITHOUT_UIDPLUS) as server:
            self.assertEqual([(f"Invoice {number}", {"\\Seen", "\\Deleted"}) for number in (1, 2, 3)] + [self.RUBBISH],
                             self.run_on(server))
            said = server.said("robot@example.com")
            self.assertNotRegex(said, r"(?i)MOVE|EXPUNGE|\bCLOSE\b")
            self.assertEqual(["left"] * 3, self.column("SELECT state FROM pickup"))

    def test_extensions_disabled_by_the_operator(self):
        with Dovecot() as server:
            self.assertEqual([self.RUBBISH], self.run_on(server, disable="MOVE"))
            self.assertNotRegex(server.said("robot@example.com"), r"(?i)UID MOVE")

    def test_cyrus(self):
        with Cyrus() as server:
            self.assertEqual([self.RUBBISH], self.run_on(server, prefix="INBOX."))

    def test_cyrus_with_the_alternative_namespace(self):
        with Cyrus(alternative=True) as server:
            self.assertEqual([self.RUBBISH], self.run_on(server))

    def test_cyrus_without_move_and_uidplus(self):
        with Cyrus() as server:
            left = self.run_on(server, prefix="INBOX.", disable="MOVE,UIDPLUS")
            self.assertEqual(4, len(left))


if __name__ == "__main__":
    unittest.main()
