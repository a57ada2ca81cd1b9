"""markRead, delete and moveMail: what is selected changes, and nothing else."""

import unittest

from cyrus import Cyrus
from inqueue import CREDENTIALS, NO, PROTOCOL, USAGE, message, messages
from mail_case import PASSWORD, MailCase, OnCyrus, OnDovecot, json_lines
from proxy import CLIENT, SERVER, Proxy
from servers import Dovecot

SEEN, NEW = {"\\Seen"}, set()


class Changes(MailCase):
    def setUp(self):
        super().setUp()
        self.deliver(*messages(5))
        self.create("Done")

    def left(self):
        return [int(subject.split()[1]) for subject in self.subjects()]

    def moved(self):
        return sorted(int(subject.split()[1]) for subject in self.subjects("Done"))

    def test_mark_read(self):
        for arguments, seen in [(["--uid", "2,4:5"], [2, 4, 5]), (["--message-number", "1"], [1, 2, 4, 5]),
                                ([], [1, 2, 3, 4, 5])]:
            self.mail("markRead", *arguments)
            self.assertEqual([SEEN if number in seen else NEW for number in range(1, 6)], self.flags())

    def test_mark_read_window_and_all(self):
        self.mail("MARKREAD", "--start-row", "2", "--max-rows", "2")
        self.assertEqual([NEW, SEEN, SEEN, NEW, NEW], self.flags())
        self.mail("markread", "--all")
        self.assertEqual([SEEN] * 5, self.flags())

    def test_delete(self):
        self.mail("delete", "--uid", "2,4", "--yes")
        self.assertEqual([1, 3, 5], self.left())
        self.mail("delete", "--message-number", "3", "--yes")
        self.assertEqual([1, 3], self.left())
        self.mail("delete", "--start-row", "2", "--yes")
        self.assertEqual([1], self.left())

    def test_delete_leaves_what_others_have_flagged(self):
        self.deliver(message("Invoice 6"), flags=["\\Deleted"])
        self.mail("delete", "--uid", "1", "--yes")
        self.assertEqual([2, 3, 4, 5, 6], self.left())

    def test_delete_all(self):
        self.refuses(USAGE, "delete", "--yes", says=["delete", "--all"])
        self.refuses(USAGE, "delete", "--all", "--uid", "1", "--yes", says="exclude")
        self.assertEqual([1, 2, 3, 4, 5], self.left())
        self.mail("delete", "--all", "--yes")
        self.assertEqual([], self.left())
        self.mail("delete", "--all", "--yes")

    def test_without_a_terminal_nothing_is_destroyed(self):
        self.refuses(USAGE, "delete", "--uid", "1", says=["--yes", "UID 1", "'INBOX'"])
        self.refuses(USAGE, "moveMail", "--all", "--new-folder", "Done", says="--yes")
        self.assertEqual([1, 2, 3, 4, 5], self.left())

    def test_terminal_is_asked(self):
        question = r"Delete for good 2 messages of folder 'INBOX' \(UID 1 to 3\)\? \[y/N\] "
        arguments = ["mail", "delete", "--uid", "1,3", *self.account()]
        self.on_terminal(*arguments, answers=[(question, "n\n")], expect=NO)
        self.assertEqual([1, 2, 3, 4, 5], self.left())
        shown = self.on_terminal(*arguments, answers=[(question, "y\n")]).stdout
        self.assertIn("2 messages of folder 'INBOX' deleted: UID 1,3", shown)
        self.assertEqual([2, 4, 5], self.left())

    def test_selection_that_matches_nothing(self):
        for action in ["markRead", "delete", "moveMail"]:
            target = ["--new-folder", "Done"] if action == "moveMail" else []
            row, = self.rows(action, "--start-row", "6", *target)
            self.assertEqual(0, row["count"])
            self.refuses(NO, action, "--uid", "1,77", *target, says=["UID 77", action])
        self.assertEqual(([1, 2, 3, 4, 5], [NEW] * 5), (self.left(), self.flags()))

    def test_dry_run(self):
        for action in ["markRead", "delete", "moveMail"]:
            target = ["--new-folder", "Done"] if action == "moveMail" else []
            row, = self.rows(action, "--uid", "2:3", "--dry-run", *target)
            self.assertEqual((2, "2:3", True), (row["count"], row["uid"], row["dryRun"]))
            self.assertRegex(self.mail(action, "--uid", "2:3", "--dry-run", *target).stdout, "^2 messages .* would be ")
        self.assertEqual(([1, 2, 3, 4, 5], [NEW] * 5), (self.left(), self.flags()))

    def test_move(self):
        row, = self.rows("moveMail", "--uid", "2,4:5", "--new-folder", "Done")
        self.assertEqual({"action": "moveMail", "folder": "INBOX", "newFolder": "Done", "count": 3, "uid": "2,4:5",
                          "newUid": "1:3", "dryRun": False, "note": None, "error": None}, row)
        self.assertEqual(([1, 3], [2, 4, 5]), (self.left(), self.moved()))
        self.mail("moveMail", "--folder", "Done", "--message-number", "1", "--new-folder", "INBOX")
        self.assertEqual([4, 5], self.moved())
        self.mail("moveMail", "--all", "--new-folder", "Done", "--yes")
        self.assertEqual(([], [1, 2, 3, 4, 5]), (self.left(), self.moved()))

    def test_move_keeps_flags(self):
        self.mail("markRead", "--uid", "1")
        self.mail("moveMail", "--uid", "1:2", "--new-folder", "Done")
        self.assertEqual([SEEN, NEW], self.flags("Done"))

    def test_move_needs_both_folders(self):
        self.refuses(NO, "moveMail", "--uid", "1", "--new-folder", "Dnoe", says=["moveMail", "'Dnoe'"])
        self.refuses(NO, "moveMail", "--uid", "1", "--folder", "Inbx", "--new-folder", "Done", says="'Inbx'")
        self.refuses(USAGE, "moveMail", "--uid", "1", says="--new-folder")
        self.refuses(USAGE, "moveMail", "--uid", "1", "--new-folder", "inbox", says="'INBOX'")
        self.refuses(USAGE, "moveMail", "--new-folder", "Done", says="--all")
        self.assertEqual([1, 2, 3, 4, 5], self.left())

    def test_going_on_behind_an_error(self):
        for action, target in [("markRead", []), ("moveMail", ["--new-folder", "Done"])]:
            result = self.mail(action, "--uid", "2,88", "--stop-on-error", "no", "--json", *target, expect=NO)
            failure, done = json_lines(result)
            self.assertIn("UID 88", failure["error"])
            self.assertEqual((action, "88"), (failure["action"], failure["uid"]))
            self.assertEqual((1, "2"), (done["count"], done["uid"]))
        self.assertEqual([2], self.moved())
        self.refuses(USAGE, "markRead", "--stop-on-error", "maybe", says="yes or no")

    def test_an_error_that_ends_the_action_has_a_row_for_programs(self):
        for action, more in [("markRead", []), ("delete", ["--yes"]), ("moveMail", ["--new-folder", "Done"])]:
            with self.subTest(action=action):
                result = self.mail(action, "--uid", "2,88", "--json", *more, expect=NO)
                row, = json_lines(result)
                self.assertEqual((action, "88", "folder 'INBOX' has no UID 88", None),
                                 (row["action"], row["uid"], row["error"], row["count"]))
                self.assertEqual(f"inqueue: {action}: folder 'INBOX' has no UID 88\n", result.stderr)
                told = self.mail("script", "-", "--json", stdin=f"{action} --uid 88 {' '.join(more)}\n", expect=NO).json()
                self.assertEqual((action, [(action, "88")]), (told["action"], [(row["action"], row["uid"]) for row in told["rows"]]))
                self.assertEqual("", self.mail(action, "--uid", "88", *more, expect=NO).stdout)
        self.assertEqual([1, 2, 3, 4, 5], self.left())


class DovecotChanges(OnDovecot, Changes):
    pass


class CyrusChanges(OnCyrus, Changes):
    pass


class OldServer(MailCase):
    """Without MOVE, and without UIDPLUS."""

    def make_user(self):
        return "robot@example.com"

    def serve(self, capability):
        self.server = self.enterContext(Dovecot(capability=capability))
        self.deliver(*messages(3))
        self.create("Done")

    def test_move_without_move(self):
        self.serve("IMAP4rev1 UIDPLUS AUTH=PLAIN")
        self.mail("moveMail", "--uid", "1,3", "--new-folder", "Done")
        self.assertEqual((["Invoice 2"], ["Invoice 1", "Invoice 3"]), (self.subjects(), self.subjects("Done")))

    def test_without_uidplus_nothing_is_expunged(self):
        self.serve("IMAP4rev1 AUTH=PLAIN")
        result = self.mail("moveMail", "--uid", "1", "--new-folder", "Done")
        self.assertRegex(result.stderr, r"no UIDPLUS, or .*: the originals stay, marked \\Deleted")
        self.refuses(PROTOCOL, "delete", "--uid", "2", "--yes", says=["UID 2", "UIDPLUS", r"marked \\Deleted"])
        self.assertEqual([{"\\Deleted"}, {"\\Deleted"}, set()], self.flags())
        self.assertEqual(["Invoice 1"], self.subjects("Done"))
        self.assertNotIn("EXPUNGE", self.server.said(self.user).upper())


class Refused(OnDovecot, MailCase):
    """What the server says is in the error, and what was done before stays."""

    def through(self, proxy, *arguments, **options):
        return self.mail(*arguments, "--server", "127.0.0.1", "--port", proxy.port, "--username", self.user,
                         "--password-env", "WORD", **options)

    def test_servers_words(self):
        self.deliver(*messages(2))
        with Proxy(self.server.port) as proxy:
            proxy.replace(CLIENT, rb"UID STORE", b"UID FROBN")
            result = self.through(proxy, "markRead", expect=PROTOCOL)
        self.assertRegex(result.stderr, r"markRead: UID 1 to 2 of folder 'INBOX': .*\\Seen.*(?i:unknown).*\n\Z")

    def test_refused_set_is_tried_one_by_one(self):
        self.deliver(*messages(3))
        with Proxy(self.server.port) as proxy:
            proxy.replace(CLIENT, rb"UID STORE 1:3", b"UID FROBN 1:3")
            proxy.replace(CLIENT, rb"UID STORE 2 ", b"UID FROBN 2 ")
            failure, done = json_lines(self.through(proxy, "markRead", "--stop-on-error", "no", "--json",
                                                    expect=PROTOCOL))
        self.assertEqual(("2", "1,3"), (failure["uid"], done["uid"]))
        self.assertEqual([SEEN, NEW, SEEN], self.flags())

    def test_messages_of_a_refused_fetch_are_asked_for_one_by_one(self):
        self.deliver(*messages(3))
        with Proxy(self.server.port) as proxy:
            proxy.replace(CLIENT, rb"UID FETCH 1:3 \(UID INTERNALDATE", b"UID FROBN 1:3 (UID INTERNALDATE")
            proxy.replace(CLIENT, rb"UID FETCH 2 \(UID INTERNALDATE", b"UID FROBN 2 (UID INTERNALDATE")
            failure, *rows = json_lines(self.through(proxy, "getAll", "--stop-on-error", "no", "--json", expect=PROTOCOL))
        self.assertEqual(2, failure["uid"])
        self.assertEqual(["Invoice 1", "Invoice 3"], [row["subject"] for row in rows])
        with Proxy(self.server.port) as proxy:
            proxy.replace(CLIENT, rb"UID FETCH 1:3 \(UID INTERNALDATE", b"UID FROBN 1:3 (UID INTERNALDATE")
            result = self.through(proxy, "getAll", expect=PROTOCOL)
        self.assertRegex(result.stderr, r"getAll: .*folder 'INBOX'")

    def test_flags_that_cannot_be_read(self):
        self.deliver(*messages(3), flags=["\\Seen", "\\Flagged"])
        with Proxy(self.server.port) as proxy:
            proxy.replace(SERVER, rb"FETCH \(UID 2 FLAGS \(", b"FETCH (UID 2 FLAGS (] ")
            result = self.through(proxy, "getHeaderOnly", "--json")
        rows = sorted((row["uid"], row["seen"], row["flagged"], row["draft"], row["subject"])
                      for row in json_lines(result))
        self.assertEqual([(uid, True, True, False, f"Invoice {uid}") for uid in [1, 2, 3]], rows)

    def test_connection_lost(self):
        self.deliver(*messages(2))
        with Proxy(self.server.port) as proxy:
            proxy.cut(SERVER, rb"FETCH \(UID 2")
            result = self.through(proxy, "getHeaderOnly", "--stop-on-error", "no", expect=69)
        self.assertIn("folder 'INBOX'", result.stderr)

    def test_lie_about_a_deletion(self):
        self.deliver(*messages(1))
        with Proxy(self.server.port) as proxy:
            proxy.replace(CLIENT, rb"UID EXPUNGE 1\r\n", b"NOOP\r\n")
            self.assertIn("still there", self.through(proxy, "delete", "--uid", "1", "--yes", expect=PROTOCOL).stderr)


class ReadOnly(MailCase):
    def make_user(self):
        return "robot"

    def test_folder_that_may_only_be_read(self):
        self.server = self.enterContext(Cyrus())
        self.deliver(message("A"))
        self.server.set_rights("user.robot", "robot", "lr")
        self.refuses(CREDENTIALS, "markRead", says=["markRead", "'INBOX'", "only be read"])
        self.assertEqual(["A"], self.column("subject", "getHeaderOnly"))


class Account(OnDovecot, MailCase):
    def test_exactly_one_account(self):
        self.fails(USAGE, "mail", "getHeaderOnly", says=["--queue", "--server", "--connection"])
        self.fails(USAGE, "mail", "getHeaderOnly", "--queue", "q", "--server", "s", says="exclude")
        self.fails(USAGE, "mail", "getHeaderOnly", "--server", "localhost", says="--username")
        self.fails(USAGE, "mail", "getHeaderOnly", "--queue", "q", "--port", "1", says=["--port", "--server"])
        self.fails(USAGE, "mail", *self.account(), "--password-prompt", says="more than one")
        self.fails(USAGE, "mail", *self.account(), "--password", "x", says="never stands on the command line")
        self.fails(USAGE, "mail", "getAll", *self.account(), "--timeout", "0", says="--timeout")
        self.fails(USAGE, "mail", "frobnicate", says=["'mail frobnicate'", "is followed by one of: "])

    def test_queue(self):
        self.deliver(message("Of the queue"))
        self.create_queue(self.server, user=self.user)
        self.assertEqual(["Of the queue"], self.column("subject", "--queue", "invoices"))
        self.refuses(NO, "--queue", "nowhere", says="'nowhere'")

    def test_password_sources(self):
        self.deliver(message("A"))
        account = self.account()[:-2]
        word = self.file("word", PASSWORD + "\n")
        for source in [["--password-file", word], ["--password-command", f"cat {word}"]]:
            self.assertIn("A\n", self.inqueue("mail", *account, *source).stdout)
        for more in [[], ["--password-prompt"]]:
            shown = self.on_terminal("mail", *account, *more, answers=[("Password of .* at .*: ", PASSWORD + "\n")])
            self.assertRegex(shown.stdout, "A\r\n")
        self.fails(CREDENTIALS, "mail", *account, "--password-command", "echo wrong", says="refused")


del Changes

if __name__ == "__main__":
    unittest.main()
