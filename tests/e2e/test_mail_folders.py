"""createFolder, deleteFolder, renameFolder, listAllFolders: names of any kind, nested to any depth."""

import unittest

from cyrus import Cyrus
from inqueue import CONFIGURATION, NO, USAGE, message
from mail_case import MailCase, OnCyrus, OnDovecot
from proxy import CLIENT, Proxy
from servers import Dovecot, for_dovecot

ODD_NAMES = ["two  words", "Größe & Co", "日本 😀", "(paren)", "it's", "#hash", "a=b"]


class Folders(MailCase):
    odd_names = ODD_NAMES

    def names(self, *arguments):
        return self.column("fullName", "listAllFolders", *arguments)

    def test_create(self):
        self.mail("createFolder", "--folder", "A/B/C")
        self.assertEqual(["A", "A/B", "A/B/C", "INBOX"], self.folders())
        self.refuses(NO, "createFolder", "--folder", "A/B", says=["createFolder", "'A/B'", "exists"])
        self.refuses(NO, "createFolder", "--folder", "inbox", says="exists")
        self.refuses(USAGE, "createFolder", says="--folder")

    def test_odd_names(self):
        for name in self.odd_names:
            self.mail("createFolder", "--folder", f"Odd/{name}")
        self.assertEqual(sorted(f"Odd/{name}" for name in self.odd_names), sorted(self.names("--folder", "Odd")))
        for name in self.odd_names:
            self.mail("renameFolder", "--folder", f"Odd/{name}", "--new-folder", f"Even/{name}")
            self.mail("deleteFolder", "--folder", f"Even/{name}", "--yes")
        self.assertEqual(["Even", "INBOX", "Odd"], self.folders())

    def test_names_that_no_folder_has(self):
        for name in ["a//b", "/a", "a/", ""]:
            self.refuses(CONFIGURATION, "createFolder", "--folder", name, says="createFolder")
        for name in ["a\nA1 DELETE INBOX", "a\x07b", "a\r"]:
            self.refuses(USAGE, "createFolder", "--folder", name, says=["--folder", "control"])
            self.refuses(USAGE, "renameFolder", "--folder", "x", "--new-folder", name, says="--new-folder")
        self.assertEqual(["INBOX"], self.folders())

    def test_deep(self):
        deep = "/".join("abcdefghijklmnopqrst")
        self.mail("createFolder", "--folder", deep)
        names = self.names("--recurse")
        self.assertEqual(["INBOX"] + [deep[:length] for length in range(1, len(deep) + 1, 2)], names)
        self.mail("deleteFolder", "--folder", "a", "--yes")
        self.assertEqual(["INBOX"], self.folders())

    def test_delete_with_subfolders(self):
        self.create("A", "A/B", "A/B/C", "AB")
        self.deliver(message(), folder="A/B")
        self.mail("deleteFolder", "--folder", "A", "--yes")
        self.assertEqual(["AB", "INBOX"], self.folders())
        self.refuses(NO, "deleteFolder", "--folder", "A", "--yes", says=["'A'", "does not exist"])
        self.refuses(USAGE, "deleteFolder", "--folder", "InBoX", "--yes", says="INBOX")
        self.refuses(USAGE, "deleteFolder", "--yes", says="--folder")

    def test_delete_asks(self):
        self.create("A", "A/B")
        self.deliver(message(), message(), folder="A/B")
        says = "Delete folder 'A' for good, with 1 folder below it and 2 messages"
        self.refuses(USAGE, "deleteFolder", "--folder", "A", says=[says, "--yes"])
        self.on_terminal("mail", "deleteFolder", "--folder", "A", *self.account(),
                         answers=[(says + r"\? \[y/N\] ", "\n")], expect=NO)
        row, = self.rows("deleteFolder", "--folder", "A", "--dry-run")
        self.assertEqual((2, True), (row["count"], row["dryRun"]))
        self.assertEqual(["A", "A/B", "INBOX"], self.folders())

    def test_rename(self):
        self.create("A", "A/B", "Other")
        self.deliver(message("Kept"), folder="A/B")
        self.mail("renameFolder", "--folder", "A", "--new-folder", "X/Y")
        self.assertEqual(["INBOX", "Other", "X", "X/Y", "X/Y/B"], self.folders())
        self.assertEqual(["Kept"], self.subjects("X/Y/B"))
        self.refuses(NO, "renameFolder", "--folder", "A", "--new-folder", "C", says="'A' does not exist")
        self.refuses(NO, "renameFolder", "--folder", "X", "--new-folder", "Other", says="'Other' exists")
        self.refuses(USAGE, "renameFolder", "--folder", "X", "--new-folder", "X/Y/Z", says="below itself")
        self.refuses(USAGE, "renameFolder", "--folder", "INBOX", "--new-folder", "Z", says="INBOX")
        self.refuses(USAGE, "renameFolder", "--folder", "X", "--new-folder", "Inbox", says="INBOX")
        self.refuses(USAGE, "renameFolder", "--folder", "X", says="--new-folder")
        self.mail("renameFolder", "--folder", "X", "--new-folder", "Z", "--dry-run")
        self.assertEqual(["INBOX", "Other", "X", "X/Y", "X/Y/B"], self.folders())

    def test_dry_run_creates_nothing(self):
        self.assertEqual("folder 'A/B' would be created\n", self.mail("createFolder", "--folder", "A/B", "--dry-run").stdout)
        self.assertEqual(["INBOX"], self.folders())

    def test_list(self):
        self.create("A", "A/B", "A/B/C", "A-", "B")
        self.deliver(message(), message(), folder="A/B")
        self.deliver(message(), folder="A/B", flags=["\\Seen"])
        self.assertEqual(["INBOX", "A", "A-", "B"], self.names())
        self.assertEqual(["INBOX", "A", "A/B", "A/B/C", "A-", "B"], self.names("--recurse"))
        self.assertEqual(["A/B"], self.names("--folder", "A"))
        self.assertEqual(["A/B", "A/B/C"], self.names("--folder", "A", "--recurse"))
        self.assertEqual(["A", "A/B"], self.names("--recurse", "--start-row", "2", "--max-rows", "2"))
        self.assertEqual([], self.names("--folder", "B"))
        row, = self.rows("listAllFolders", "--folder", "A")
        self.assertEqual({"fullName": "A/B", "name": "B", "parent": "A", "totalMessages": 3, "unread": 2},
                         {name: value for name, value in row.items() if name not in ["new", "attributes", "error"]})
        self.assertGreaterEqual(row["new"], 2)
        self.refuses(NO, "listAllFolders", "--folder", "C", says=["listAllFolders", "'C'"])

    def test_list_as_table_and_csv(self):
        self.create("A, B")
        self.deliver(message())
        self.assertRegex(self.mail("listAllFolders").stdout, r"\A *MESSAGES UNREAD +NEW USE +FOLDER\n +1 +1 +\d+ +INBOX\n")
        self.assertEqual("fullName,unread\r\nINBOX,1\r\n\"A, B\",0\r\n",
                         self.mail("listAllFolders", "--csv", "--columns", "fullName,unread").stdout)

    def test_list_without_list_status(self):
        self.create("A", "A/B")
        self.deliver(message(), folder="A/B")
        self.assertEqual(3, len(self.rows("listAllFolders", "--recurse")))
        with Proxy(self.server.port) as proxy:
            account = self.account()
            account[3] = proxy.port
            lines = self.json_lines("mail", "listAllFolders", "--recurse", "--json", *account)
            self.assertEqual(1, bytes(proxy.seen[CLIENT]).count(b" STATUS (MESSAGES"))
            self.assertNotIn(b" STATUS \"", bytes(proxy.seen[CLIENT]))
            self.create_queue(self.server, user=self.user, port=proxy.port, disable="LIST-STATUS")
            self.assertEqual(lines, self.rows("listAllFolders", "--recurse", "--queue", "invoices"))
            self.assertEqual(3, bytes(proxy.seen[CLIENT]).count(b" STATUS \""))
            self.assertEqual(lines[1:2], self.rows("listAllFolders", "--recurse", "--queue", "invoices",
                                                   "--start-row", "2", "--max-rows", "1"))
            self.assertEqual(4, bytes(proxy.seen[CLIENT]).count(b" STATUS \""), "only the window is counted")


class DovecotFolders(OnDovecot, Folders):
    odd_names = ODD_NAMES + ['quote"quote', "back\\slash", "per%cent", "st*ar", "{5}", "[x]", "semi;colon"]

    def test_name_with_wildcards(self):
        self.create("A", "A/B", "A%", "A%/C")
        self.assertEqual(["A%/C"], self.names("--folder", "A%"))
        self.mail("deleteFolder", "--folder", "A%", "--yes")
        self.assertEqual(["A", "A/B", "INBOX"], self.folders())

    def test_folder_that_only_holds_folders(self):
        self.create("Box/Inner")
        self.assertEqual(["INBOX", "Box/Inner"], self.names("--recurse"))
        self.assertEqual(["INBOX"], self.names())
        self.assertEqual(["Box/Inner"], self.names("--folder", "Box"))
        self.mail("renameFolder", "--folder", "Box", "--new-folder", "Case")
        self.assertEqual(["Case/Inner", "INBOX"], self.folders())
        self.mail("createFolder", "--folder", "Case")
        self.mail("deleteFolder", "--folder", "Case", "--yes")
        self.assertEqual(["INBOX"], self.folders())

    def test_subscriptions_follow(self):
        self.mail("createFolder", "--folder", "A/B")
        self.mail("renameFolder", "--folder", "A", "--new-folder", "C")
        self.assertEqual(["C", "C/B"], self.subscribed())
        self.mail("deleteFolder", "--folder", "C", "--yes")
        self.assertEqual([], self.subscribed())

    def subscribed(self):
        path = self.server.folder / "mail" / self.user / "subscriptions"
        lines = path.read_text().splitlines() if path.exists() else []
        return sorted(line.replace("\t", "/") for line in lines if line and not line.startswith("V"))


class CyrusFolders(OnCyrus, Folders):
    odd_names = ODD_NAMES + ["dot.dot", "v1.2"]


class Prefix(MailCase):
    """Personal folders below INBOX, with a dot between levels."""

    def make_user(self):
        return "robot"

    def life(self, server):
        self.server = server
        self.mail("createFolder", "--folder", "A/B")
        self.assertEqual(["INBOX", "INBOX.A", "INBOX.A.B"], self.folders())
        self.assertEqual(["INBOX/A", "INBOX/A/B"], self.column("fullName", "listAllFolders", "--folder", "INBOX",
                                                               "--recurse"))
        self.mail("renameFolder", "--folder", "INBOX/A/B", "--new-folder", "C/D")
        self.deliver(message("Moved"))
        self.mail("moveMail", "--uid", "1", "--new-folder", "C/D")
        self.assertEqual(["Moved"], self.column("subject", "--folder", "INBOX/C/D"))
        self.mail("deleteFolder", "--folder", "C", "--yes")
        self.assertEqual(["INBOX", "INBOX.A"], self.folders())

    def test_cyrus(self):
        self.life(self.enterContext(Cyrus()))

    def test_dovecot(self):
        self.life(self.enterContext(Dovecot(users={"robot": "correct horse"}, prefix="INBOX.", separator=".")))


class OtherNamespace(MailCase):
    """Folders that users share, in a namespace of their own."""

    SHARED = """\
namespace shared {
  type = public
  prefix = shared.
  separator = .
  location
  list = children
}
""".replace("location", for_dovecot("location = maildir:%h/shared", "mail_driver = maildir\n  mail_path = ~/shared"))

    def make_user(self):
        return "robot@example.com"

    def setUp(self):
        super().setUp()
        self.server = self.enterContext(Dovecot(prefix="INBOX.", separator=".", extra=self.SHARED))

    def test_folders_are_created_there_only(self):
        self.mail("createFolder", "--folder", "shared/New")
        self.assertEqual(["INBOX", "shared.New"], self.folders())
        self.mail("createFolder", "--folder", "shared/A/B")
        self.assertEqual(["INBOX", "shared.A", "shared.A.B", "shared.New"], self.folders())
        self.mail("renameFolder", "--folder", "shared/New", "--new-folder", "shared/C/D")
        self.assertEqual(["INBOX", "shared.A", "shared.A.B", "shared.C", "shared.C.D"], self.folders())
        self.mail("createFolder", "--folder", "sharedness/E")
        self.assertEqual(["INBOX", "INBOX.sharedness", "INBOX.sharedness.E"], self.folders()[:3])

    def test_move_into_the_folder_itself(self):
        """Whatever its name is written like."""
        self.create("INBOX.Work")
        self.deliver(message("A"), folder="INBOX.Work")
        self.refuses(USAGE, "moveMail", "--uid", "1", "--folder", "Work", "--new-folder", "Inbox/Work", says="both")
        self.assertEqual(["A"], self.subjects("INBOX.Work"))


del Folders

if __name__ == "__main__":
    unittest.main()
