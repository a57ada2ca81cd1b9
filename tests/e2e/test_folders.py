"""Folders: Unicode names, the server's delimiter and prefix, creation, odd names."""

import unittest

from cyrus import Cyrus
from inqueue import CONFIGURATION, CREDENTIALS, Case, LoadCase, message
from servers import Dovecot, for_dovecot
from watcher import Watcher


class Folders(LoadCase):
    def load_through(self, **keys):
        with self.look() as mailbox:
            if "mailbox" in keys:
                mailbox.create(keys["mailbox"])
            mailbox.append(message("Invoice 1"), folder=keys.get("mailbox", "INBOX"))
        self.create_queue(**keys)
        self.inqueue("load", "invoices")
        return self.folders()

    def test_unicode_names_both_ways(self):
        self.assertEqual({"INBOX": 0, "Eingang/Größe 日本 😀": 0, "Archiv & Co": 1, "Mängel": 0},
                         self.load_through(mailbox="Eingang/Größe 日本 😀", dropbox="Archiv & Co", badmail="Mängel"))

    def test_names_of_several_levels_are_created(self):
        self.assertEqual(1, self.load_through(dropbox="Archive/2026/März")["Archive/2026/März"])

    def test_odd_names_are_quoted(self):
        for number, name in enumerate(['two  words', 'quote"quote', "back\\slash", "per%cent", "st*ar", "(paren)",
                                       "{5}", "tilde~", "semi;colon", "it's", "a=b", "NIL", "#hash"]):
            with self.subTest(name=name):
                self.deliver(message("Invoice 1"))
                self.create_queue(name=f"q{number}", dropbox=name)
                self.inqueue("load", f"q{number}")
                self.assertEqual(1, self.folders()[name])

    def test_wildcard_is_not_taken_for_another_folder(self):
        with self.look() as mailbox:
            mailbox.create("Archive")
        self.assertEqual(1, self.load_through(dropbox="Arch%")["Arch%"])

    def test_inbox_in_any_case(self):
        self.deliver(message("Invoice 1"))
        self.create_queue(mailbox="inbox")
        self.inqueue("load", "invoices")
        self.assertEqual(1, self.folders()["DROPBOX"])

    def test_control_characters_are_refused(self):
        for name in ["a\rb", "a\nA1 DELETE INBOX", "a\x07b"]:
            self.fails(CONFIGURATION, "queue", "create", "q", "--connection-string", f"url=x;dropbox='{name}'",
                       "--user-name", "u", "--password-env", "P", says=["queue 'q'", "control"])

    def test_missing_folders_without_permission_to_create_them(self):
        self.deliver(message("Invoice 1"))
        self.create_queue(createFolders=False)
        self.fails(CONFIGURATION, "load", "invoices", says=["'invoices'", "'DROPBOX'", "createFolders"])
        self.fails(CONFIGURATION, "load", "invoices", "--dry-run", says="'DROPBOX' does not exist and createFolders=False")
        self.assertEqual({"INBOX": 1}, self.folders())
        self.assertEqual([], self.entries())
        with self.look() as mailbox:
            mailbox.create("DROPBOX")
            mailbox.create("BADMAIL")
        self.inqueue("load", "invoices")
        self.assert_all_loaded(1)

    def test_missing_folder_is_missed_before_there_is_mail(self):
        self.create_queue(createFolders=False)
        self.fails(CONFIGURATION, "load", "invoices", says="'DROPBOX' does not exist and createFolders=False")
        with self.look() as mailbox:
            mailbox.create("DROPBOX")
        self.fails(CONFIGURATION, "load", "invoices", says="'BADMAIL' does not exist and createFolders=False")
        with self.look() as mailbox:
            mailbox.create("BADMAIL")
        self.inqueue("load", "invoices")

    def test_folder_that_only_holds_folders(self):
        with self.look() as mailbox:
            mailbox.create("Archive/2026")
        self.assertEqual(1, self.load_through(dropbox="Archive")["Archive"])


class Prefix(Case):
    """Servers that keep personal folders below INBOX, with a dot between levels."""

    def load_on(self, server, archive, **keys):
        with server.mailbox() as mailbox:
            mailbox.append(message("Invoice 1"))
        self.create_queue(server, **keys)
        self.inqueue("load", "invoices")
        with server.mailbox() as mailbox:
            self.assertEqual(1, mailbox.count(archive))
            return mailbox.folders()

    def test_dovecot(self):
        with Dovecot(prefix="INBOX.", separator=".") as server:
            folders = self.load_on(server, "INBOX.Archiv.März", dropbox="Archiv/März")
            self.assertIn("INBOX.BADMAIL", folders)

    def test_full_name_is_taken_as_it_stands(self):
        with Dovecot(prefix="INBOX.", separator=".") as server:
            self.load_on(server, "INBOX.Done", dropbox="INBOX/Done")

    def test_name_with_the_servers_delimiter_inside(self):
        with Dovecot(prefix="INBOX.", separator=".") as server:
            with server.mailbox() as mailbox:
                mailbox.append(message("Invoice 1"))
            self.create_queue(server, dropbox="Invoices v1.2")
            self.fails(CONFIGURATION, "load", "invoices", says=["'invoices'", "'Invoices v1.2'", r"'\.'"])
            with server.mailbox() as mailbox:
                self.assertEqual(["INBOX"], mailbox.folders())

    def test_cyrus(self):
        with Cyrus() as server:
            self.assertEqual(["INBOX", "INBOX.BADMAIL", "INBOX.Grüße & Co", "INBOX.Grüße & Co.日本"],
                             self.load_on(server, "INBOX.Grüße & Co.日本", dropbox="Grüße & Co/日本"))

    def test_cyrus_with_the_alternative_namespace(self):
        with Cyrus(alternative=True) as server:
            self.assertEqual(["BADMAIL", "INBOX", "v1.2", "v1.2/日本"],
                             self.load_on(server, "v1.2/日本", dropbox="v1.2/日本"))


class SpecialUse(LoadCase):
    """Folders that the server says are for something (RFC 6154)."""

    @classmethod
    def make_server(cls):
        folders = {"Alte Post": "Archive", "Unrat": "Junk", "Eins": "Sent", "Zwei": "Sent"}
        return Dovecot(extra="namespace inbox {\n" + "".join(
            f'  mailbox "{name}" {{\n    auto = create\n    special_use = \\{use}\n  }}\n' for name, use in folders.items()) + "}\n")

    def test_target_folders_by_their_use(self):
        self.deliver(message("Invoice 1"))
        self.create_queue(dropbox="\\Archive", badmail="\\junk")
        self.inqueue("load")
        self.assertEqual(["Invoice 1"], self.subjects("Alte Post"))
        self.assertNotIn("DROPBOX", self.folders())
        self.inqueue("verify", "invoices")
        self.assertRegex(self.inqueue("queue", "check", "invoices").stdout, r"\\Archive")

    def test_none_or_several(self):
        self.deliver(message("Invoice 1"))
        told = r"\(\\Archive is 'Alte Post', \\Sent is 'Eins', \\Junk is 'Unrat', \\Sent is 'Zwei'\)"
        for use, says in [("\\Flagged", "has no folder with this attribute"), ("\\Sent", "has several folders with this attribute")]:
            self.create_queue(name=use[1:], dropbox=use)
            self.fails(CONFIGURATION, "load", use[1:],
                       says=rf"look for folder '\{use}': \S+ {says}: name the folder itself {told}")
        self.assertEqual(["Invoice 1"], self.subjects())

    def test_a_use_and_a_name_of_one_folder(self):
        self.create_queue(dropbox="\\Archive", badmail="Alte Post")
        self.fails(CONFIGURATION, "load", says="are one folder")

    def test_mail_shows_and_takes_them(self):
        self.create_queue()
        rows = {row["fullName"]: row["attributes"] for row in
                self.json_lines("mail", "listAllFolders", "--queue", "invoices", "--json")}
        self.assertIn("\\Archive", rows["Alte Post"])
        self.assertRegex(self.inqueue("mail", "listAllFolders", "--queue", "invoices").stdout,
                         r"(?m)^ +0 +0 +0 \\Archive +Alte Post$")
        self.inqueue("mail", "getHeaderOnly", "--queue", "invoices", "--folder", "\\Archive")


class OneFolder(LoadCase):
    """Two names of one folder: a message that is moved there would be new mail there, for ever."""

    @classmethod
    def make_server(cls):
        return Dovecot(prefix="INBOX.", separator=".")

    def is_refused(self, says, *names):
        """By every command, before anything is touched."""
        with self.look() as mailbox:
            if "INBOX.Work" not in mailbox.folders():
                mailbox.create("INBOX.Work")
                mailbox.append(message("Invoice 1"), folder="INBOX.Work")
        before = self.state()
        self.create_queue(**dict(zip(["mailbox", "dropbox", "badmail"], names)))
        for command in [["queue", "check"], ["load", "--dry-run"], ["load"], ["verify"], ["verify", "--repair"]]:
            self.fails(CONFIGURATION, *command, "invoices", says=["'invoices'", says, "are one folder on 127.0.0.1"])
        watcher = Watcher(self, self.start("watch", "--log-format", "json"))
        failed = watcher.wait("failed")
        self.assertEqual("configuration", failed["class"])
        self.assertRegex(failed["error"], says)
        watcher.stop()
        self.inqueue("queue", "drop", "invoices", "--yes")
        self.assertEqual(before, self.state())

    def state(self):
        with self.look() as mailbox:
            return {name: [(found.uid, found.flags) for found in mailbox.messages(name)] for name in mailbox.folders()}

    def test_with_and_without_the_prefix(self):
        self.is_refused("mailbox 'INBOX/Work' and dropbox 'Work' .*'INBOX.Work'", "INBOX/Work", "Work")
        self.is_refused("mailbox 'Work' and dropbox 'inbox/Work'", "Work", "inbox/Work")
        self.is_refused("mailbox 'Work' and badmail 'INBOX/Work'", "Work", "Done", "INBOX/Work")
        self.is_refused("dropbox 'Work' and badmail 'Inbox/Work'", "INBOX", "Work", "Inbox/Work")

    def test_the_inbox_below_the_prefix(self):
        """Dovecot lists no INBOX.INBOX, and cannot create it: that is INBOX."""
        self.is_refused("mailbox 'INBOX' and dropbox 'INBOX/INBOX'", "INBOX", "INBOX/INBOX")
        self.is_refused("mailbox 'INBOX' and badmail 'inbox/Inbox'", "INBOX", "Work", "inbox/Inbox")

    def test_while_the_mailbox_is_empty(self):
        """Nothing has to be moved yet, but it is said all the same."""
        with self.look() as mailbox:
            mailbox.create("INBOX.Empty")
        self.create_queue(mailbox="INBOX/Empty", dropbox="Empty")
        self.fails(CONFIGURATION, "load", "invoices", says="are one folder")

    def test_reload(self):
        """A definition may become wrong between two runs."""
        self.deliver(message("Invoice 1", "x" * 3000))
        self.create_queue(maxSize="2KB")
        self.inqueue("load", "invoices")
        before = self.state()
        self.inqueue("queue", "alter", "invoices", "--connection-string",
                     self.column("SELECT connection_string FROM work_queue")[0] + ";dropbox=INBOX/BADMAIL")
        self.fails(CONFIGURATION, "reload", "1", says="dropbox 'INBOX/BADMAIL' and badmail 'BADMAIL' are one folder")
        self.assertEqual(before, self.state())

    def test_names_that_only_look_alike(self):
        """The prefix makes them different folders."""
        self.deliver(message("Invoice 1"))
        self.create_queue(dropbox="Work/Done", badmail="Done")
        self.inqueue("load", "invoices")
        self.assertEqual(1, self.folders()["INBOX.Work.Done"])

    def test_cyrus(self):
        with Cyrus() as server:
            with server.mailbox() as mailbox:
                mailbox.create("INBOX.Work")
                mailbox.append(message("Invoice 1"), folder="INBOX.Work")
            self.create_queue(server, user="robot", mailbox="INBOX/Work", dropbox="Work")
            for command in [["queue", "check"], ["load"]]:
                self.fails(CONFIGURATION, *command, "invoices", says="are one folder")
            with server.mailbox() as mailbox:
                self.assertEqual(["INBOX", "INBOX.Work"], mailbox.folders())


class InboxBelowTheInbox(Case):
    """Some servers have a folder of the name INBOX below INBOX; for others that is INBOX itself, or no name at all."""

    def on(self, server, name):
        """A queue whose dropbox has this name, for a mailbox with one message."""
        self.enterContext(server)
        with server.mailbox() as mailbox:
            mailbox.append(message("Invoice 1"))
        return self.create_queue(server, name=f"q{server.port}", dropbox=name)

    def test_where_it_is_a_folder(self):
        for separator, name in [("/", "INBOX/INBOX"), (".", "INBOX/INBOX"), ("/", "inbox/Inbox")]:
            with self.subTest(separator=separator, name=name):
                server = Dovecot(separator=separator)
                queue = self.on(server, name)
                for _ in range(2):
                    self.inqueue("load", queue)
                self.assertEqual(["Invoice 1"], self.column("SELECT subject FROM entry WHERE queue = ?", queue))
                with server.mailbox() as mailbox:
                    self.assertEqual((0, 1), (mailbox.count(), mailbox.count(name.replace("/", separator))))
                self.assertEqual("", self.inqueue("verify", queue).stdout)

    def test_where_it_is_refused(self):
        for server, says in [(Dovecot(prefix="INBOX/"), "are one folder"), (Cyrus(), "are one folder"),
                             (Dovecot(prefix="INBOX.", separator="."), "are one folder"),
                             (Cyrus(alternative=True), "create folder 'INBOX/INBOX': .*Invalid mailbox name")]:
            with self.subTest(server=type(server).__name__, says=says):
                queue = self.on(server, "INBOX/INBOX")
                for _ in range(2):
                    self.fails(CONFIGURATION, "load", queue, says=says)
                self.assertEqual([], self.column("SELECT subject FROM entry"))
                with server.mailbox() as mailbox:
                    self.assertEqual(["INBOX"], mailbox.folders())
                    self.assertEqual([frozenset()], [found.flags for found in mailbox.messages()])


class Permission(Case):
    """Cyrus refuses in words only, without a response code (RFC 5530)."""

    def setUp(self):
        super().setUp()
        self.server = self.enterContext(Cyrus())
        with self.server.mailbox() as mailbox:
            mailbox.append(message("Invoice 1"))
            mailbox.create("INBOX.DROPBOX")
            mailbox.create("INBOX.BADMAIL")

    def entries(self):
        return self.column("SELECT subject FROM entry")

    def refused(self, *says):
        self.fails(CREDENTIALS, "load", "invoices", says=["load 'invoices'", *says])
        with self.server.mailbox() as mailbox:
            self.assertEqual((1, 0), (mailbox.count(), mailbox.count("INBOX.DROPBOX")))

    def check_says(self, *says):
        self.fails(CREDENTIALS, "queue", "check", "invoices", says=["check 'invoices'", *says])

    def test_archive_that_takes_no_mail(self):
        self.create_queue(self.server)
        self.inqueue("queue", "check", "invoices")
        self.server.set_rights("user.robot.DROPBOX", "robot", "lr")
        self.check_says(r"the right i \(put messages into it\) is missing in folder 'DROPBOX'")
        self.refused(r"the right i .* is missing in folder 'DROPBOX'", "Permission denied")
        self.server.set_rights("user.robot.DROPBOX", "robot", "lrswipkxtea")
        self.inqueue("load", "invoices")
        self.assertEqual(["Invoice 1"], self.entries())
        with self.server.mailbox() as mailbox:
            self.assertEqual((0, 1), (mailbox.count(), mailbox.count("INBOX.DROPBOX")))

    def test_mailbox_whose_mail_cannot_be_deleted(self):
        """It is not the archive that refuses."""
        self.create_queue(self.server)
        self.server.set_rights("user.robot", "robot", "lrswi")
        says = r"the rights t \(mark messages as deleted\) and e \(expunge messages\) are missing in folder 'INBOX'"
        self.check_says(says)
        self.refused(says, "Permission denied")

    def test_mailbox_that_may_only_be_read(self):
        self.create_queue(self.server)
        self.server.set_rights("user.robot", "robot", "lr")
        self.check_says("the rights .* are missing in folder 'INBOX'")
        self.refused("'INBOX'", "only be read")
        self.assertEqual([], self.entries())

    def test_archive_that_cannot_be_created(self):
        self.create_queue(self.server, dropbox="user/ann/Archive")
        self.refused("create folder 'user/ann/Archive'", "Permission denied")
        self.assertEqual([], self.entries())
        with self.server.mailbox() as mailbox:
            self.assertEqual([frozenset()], [found.flags for found in mailbox.messages()])


class SharedFolder(LoadCase):
    """Dovecot's folders that all may use, as far as an administrator lets them."""

    ACL_2_3 = """\
mail_plugins = acl
protocol imap {
  mail_plugins = acl imap_acl
}
plugin {
  acl = vfile
}
namespace shared {
  type = public
  prefix = shared.
  separator = .
  location = maildir:%h/shared
  subscriptions = no
  list = children
}
"""
    ACL_2_4 = """\
mail_plugins {
  acl = yes
}
protocol imap {
  mail_plugins {
    acl = yes
    imap_acl = yes
  }
}
acl_driver = vfile
namespace shared {
  type = public
  prefix = shared.
  separator = .
  mail_driver = maildir
  mail_path = ~/shared
  subscriptions = no
  list = children
}
"""

    @classmethod
    def make_server(cls):
        return Dovecot(prefix="INBOX.", separator=".", extra=for_dovecot(cls.ACL_2_3, cls.ACL_2_4))

    def shared(self, rights):
        """The folder shared.Work with a message in it, and nothing but these rights."""
        folder = self.server.folder / "home" / self.user / "shared" / ".Work"
        for name in ["cur", "new", "tmp"]:
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "new" / "1.a.example").write_bytes(message("Invoice 1").as_bytes())
        (folder / "dovecot-acl").write_text(f"authenticated {rights}\n")
        for path in [self.server.folder / "home", *(self.server.folder / "home").rglob("*")]:
            self.server.give_away(path)

    def test_right_to_delete_is_missing(self):
        self.shared("lrwsi")
        self.create_queue(mailbox="shared/Work")
        says = r"the rights t \(mark messages as deleted\) and e \(expunge messages\) are missing in folder 'shared/Work'"
        self.fails(CREDENTIALS, "queue", "check", "invoices", says=says)
        self.fails(CREDENTIALS, "load", "invoices", says=["load 'invoices'", says])
        self.assertEqual(0, self.folders()["INBOX.DROPBOX"])

    def test_mailbox_that_may_only_be_read(self):
        self.shared("lr")
        self.create_queue(mailbox="shared/Work")
        self.fails(CREDENTIALS, "queue", "check", "invoices", says="t .* and e .* are missing in folder 'shared/Work': ask for them on ")
        self.create_queue(name="blind", mailbox="shared/Work", disable="ACL")
        self.fails(CREDENTIALS, "queue", "check", "blind", says="mailbox 'shared/Work' may only be read")
        self.fails(CREDENTIALS, "load", "blind", says="mailbox 'shared/Work' may only be read")

    def test_all_rights(self):
        self.shared("lrwstipekxa")
        self.create_queue(mailbox="shared/Work")
        self.inqueue("queue", "check", "invoices")
        self.inqueue("load", "invoices")
        self.assertEqual(1, self.folders()["INBOX.DROPBOX"])


class Refused(Case):
    def test_name_that_the_server_cannot_create(self):
        with Dovecot() as server:
            with server.mailbox() as mailbox:
                mailbox.append(message("Invoice 1"))
            self.create_queue(server, dropbox="~archive")
            self.fails(CONFIGURATION, "load", "invoices", says=["'invoices'", "'~archive'", "Invalid mailbox name"])
            with server.mailbox() as mailbox:
                self.assertEqual(["INBOX"], mailbox.folders())


if __name__ == "__main__":
    unittest.main()
