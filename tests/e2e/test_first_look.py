"""The first look at a queue that has just been defined, and what is said of queues that share a mailbox or a folder."""

import unittest

from inqueue import CONFIGURATION, CREDENTIALS, UNREACHABLE, ServerCase, connection_string, message
from servers import free_port

SAME_MAILBOX = ("queue 'first' collects from 'INBOX' as well: a message becomes an entry of the queue that comes first; divide the "
                "mail with search=, or drop one of them")
SECOND_COLLECTS = ("folder 'Later' is the mailbox of this queue and the dropbox of queue 'first': this queue collects what that "
                   "one moves there")
FIRST_IS_COLLECTED = ("folder 'Later' is the dropbox of this queue and the mailbox of queue 'second': that queue collects what "
                      "this one moves there")


class FirstLook(ServerCase):
    first_look = True

    def setUp(self):
        super().setUp()
        self.password = self.file("password", "correct horse\n")

    def define(self, name="invoices", *more, action="create", user=None, keys=None, **options):
        return self.inqueue("queue", action, name, "--connection-string", connection_string(self.keys(self.server, **(keys or {}))),
                            "--user-name", user or self.user, "--password-file", self.password, *more, **options)

    def state(self, name="invoices"):
        return self.sql("SELECT user_name, last_message FROM work_queue WHERE name = ?", name)

    def test_says_what_is_there_and_changes_nothing(self):
        self.deliver(message())
        shown = self.define().stdout
        self.assertEqual(shown, self.inqueue("queue", "check", "invoices").stdout)
        self.assertRegex(shown, r"(?m)^mailbox +INBOX: 1 message, 1 unread\ndropbox +DROPBOX: not there; the next run creates it$")
        self.assertEqual({"INBOX": 1}, self.folders())
        self.assertEqual([(self.user, None)], self.state())

    def test_as_json(self):
        self.assertEqual("INBOX", self.define("invoices", "--json").json()["mailbox"]["name"])

    def test_queue_is_defined_also_when_it_fails(self):
        self.password.write_text("wrong\n")
        failed = self.define(expect=CREDENTIALS)
        self.assertRegex(failed.stderr, r"\Ainqueue: queue 'invoices' is defined, but its first look failed: check 'invoices': .*refused.*"
                                        r"\. `inqueue queue alter invoices` corrects it, `inqueue queue check invoices` looks again\n\Z")
        self.assertEqual("", failed.stdout)
        self.assertEqual([(self.user, None)], self.state())
        self.password.write_text("correct horse\n")
        self.inqueue("queue", "check", "invoices")

    def test_without_a_server(self):
        self.define(expect=UNREACHABLE, keys={"port": free_port()})
        self.assertEqual("", self.define("other", "--no-check", keys={"port": free_port()}).stdout)
        self.assertEqual("", self.inqueue("queue", "create", "files", "--external-source", "File").stdout)

    def test_alter_asks_where_the_connection_is_another(self):
        self.define()
        for same in [["--max-attempts", "5"], ["--user-name", self.user], ["--name", "letters"]]:
            with self.subTest(same=same):
                self.assertEqual("", self.inqueue("queue", "alter", "invoices", *same).stdout)
        self.assertRegex(self.define("letters", action="alter", keys={"timeout": 5}).stdout, r"(?m)^sign-in ")
        failed = self.define("letters", action="alter", expect=CONFIGURATION, keys={"mailbox": "Invoicse"})
        self.assertIn("queue 'letters' is defined, but its first look failed: check 'letters': folder 'Invoicse' does not exist",
                      failed.stderr)
        self.assertEqual("", self.inqueue("queue", "alter", "letters", "--user-name", "nobody", "--no-check").stdout)

    def test_apply_asks_where_it_is_told_to(self):
        text = "".join(f"[queue {name}]\nconnection-string = {connection_string(self.keys(self.server, **keys))}\n"
                       f"user-name = {self.user}\npassword-file = {self.password}\n"
                       for name, keys in [("absent", {"port": free_port(), "mailbox": "Orders"}), ("present", {})])
        path = self.file("queues.ini", text + "[queue scans]\nexternal-source = File\n")
        self.assertEqual("queue 'absent' created\nqueue 'present' created\nqueue 'scans' created\n", self.inqueue("queue", "apply", path).stdout)
        self.assertEqual("", self.inqueue("queue", "apply", path, "--check").stdout)
        for name in ["absent", "present", "scans"]:
            self.inqueue("queue", "drop", name, "--yes")
        looked = self.inqueue("queue", "apply", path, "--check", expect=UNREACHABLE)
        self.assertRegex(looked.stdout, r"\Aqueue 'absent' created\nqueue 'present' created\nqueue 'scans' created\n\n--- absent ---\n\n--- present ---\nserver ")
        self.assertRegex(looked.stderr, r"\Ainqueue: queue 'absent' is defined, but its first look failed: [^\n]*\n\Z")

    def test_one_mailbox_of_two_queues(self):
        self.define("first")
        self.assertIn(f"\nnote          {SAME_MAILBOX}\n", self.define("second").stdout)
        self.assertEqual([SAME_MAILBOX], self.inqueue("queue", "check", "second", "--json").json()["notes"])
        self.assertRegex(self.inqueue("doctor").stdout, rf"(?m)^note +folder 'INBOX' +queues 'first' and 'second' collect from it"
                         rf" \({self.user} at {self.server.address}\): a message becomes an entry of the queue that comes first; ")

    def test_doctor_has_one_note_for_a_folder(self):
        for number in range(8):
            self.define(f"q{number}", "--no-check")
        self.define("collects", "--no-check", keys={"mailbox": "DROPBOX", "dropbox": "Done"})
        notes = [(row["what"], row["words"].replace(f" ({self.user} at {self.server.address})", ""))
                 for row in self.json_lines("doctor", "--json") if row["state"] == "note" and row["what"].startswith("folder ")]
        self.assertEqual([
            ("folder 'DROPBOX'", "it is the mailbox of 'collects' and the dropbox of 'q0', 'q1', 'q2', 'q3', 'q4' and 3 more:"
             " what is moved there is collected again"),
            ("folder 'INBOX'", "queues 'q0', 'q1', 'q2', 'q3', 'q4' and 3 more collect from it: a message becomes an entry of the queue"
             " that comes first; divide the mail with search=, or drop all but one")], sorted(notes))

    def test_one_folder_in_two_roles(self):
        with self.look() as mailbox:
            mailbox.create("Later")
        self.define("first", keys={"dropbox": "Later"})
        self.assertIn(f"\nnote          {SECOND_COLLECTS}\n", self.define("second", keys={"mailbox": "Later"}).stdout)
        self.assertEqual([FIRST_IS_COLLECTED], self.inqueue("queue", "check", "first", "--json").json()["notes"])

    def test_queues_of_other_accounts_and_shared_archives_are_no_news(self):
        self.define("first")
        with self.look() as mailbox:
            mailbox.create("Orders")
        self.assertNotIn("\nnote", self.define("second", keys={"mailbox": "Orders"}).stdout)
        self.server.add_user("other@example.com", "correct horse")
        self.assertNotIn("\nnote", self.define("third", user="other@example.com").stdout)


if __name__ == "__main__":
    unittest.main()
