"""Words that lead on: what is said about a word that is not known, and about one item or several."""

import subprocess
import unittest

import inqueue
from entries import EntryCase
from inqueue import CONFIGURATION, USAGE


class Words(EntryCase):
    def create(self, text, *options):
        return self.inqueue("queue", "create", "new", "--connection-string", text, "--user-name", "robot@example.com",
                            "--password-env", "PASSWORD", *options, expect=CONFIGURATION).stderr

    def test_unknown_keys_get_the_nearest_known_one(self):
        for key, meant in [("host", "url"), ("Server", "url"), ("folder", "mailbox"), ("mailbx", "mailbox"),
                           ("maibolx", "mailbox"), ("max_size", "maxSize"), ("tls", "ssl")]:
            with self.subTest(key=key):
                self.assertIn(f"unknown key '{key}': did you mean {meant}? Known are url, port, ",
                              self.create(f"{key}=x;url=imap.example.com"))
        self.assertIn("unknown key 'colour'; known are url", self.create("colour=x"))
        self.assertIn("give --user-name", self.create("username=ada;url=imap.example.com"))

    def test_curly_quotes_are_named(self):
        says = "is a curly quote: values stand in straight ones, \"…\" or '…'"
        self.assertIn(f"“ {says}", self.create("url=imap.example.com;mailbox=“Invoices”"))
        self.assertIn(f"‘ {says}", self.create("‘url=imap.example.com’"))

    def test_a_quote_inside_of_a_name_is_no_fault(self):
        self.define("johns")
        self.inqueue("queue", "alter", "johns", "--connection-string", "url=imap.example.com;mailbox=John’s mail")

    def test_unknown_options(self):
        for option, meant in [("--usernmae", "--user-name"), ("--user_name", "--user-name"), ("--retry-dealy", "--retry-delay")]:
            self.assertEqual(f"inqueue: unknown option {option}: did you mean {meant}? `inqueue queue create --help` lists"
                             " the options\n",
                             self.inqueue("queue", "create", "new", option, "x", expect=USAGE).stderr)
        self.assertEqual("inqueue: unknown option --colour; `inqueue list --help` lists the options\n",
                         self.inqueue("list", "--colour", expect=USAGE).stderr)

    def test_options_in_any_case_and_without_hyphens(self):
        self.inqueue("queue", "create", "new", "--connectionString", "url=imap.example.com", "--USER-NAME=Ada", "--passwordenv", "WORD")
        self.assertEqual([("Ada", "WORD")], self.sql("SELECT user_name, credential_reference FROM work_queue WHERE name = 'new'"))
        self.inqueue("queue", "alter", "new", "--username", "--MaxAttempts")
        self.assertEqual([("--MaxAttempts",)], self.sql("SELECT user_name FROM work_queue WHERE name = 'new'"))

    def test_unknown_commands(self):
        self.assertEqual("inqueue: unknown command 'statsu': did you mean status? `inqueue help` lists the commands\n",
                         self.inqueue("statsu", expect=USAGE).stderr)

    def test_unknown_fields_of_a_file(self):
        path = self.file("queues.ini", "[queue new]\nusrename=ada\n")
        self.assertIn("unknown field 'usrename': did you mean user-name? Known are class",
                      self.inqueue("queue", "apply", path, expect=CONFIGURATION).stderr)

    def test_a_broken_pipe_is_silent(self):
        self.put(2000)
        result = subprocess.run(["sh", "-c", f"'{inqueue.PROGRAM}' list | head -1"], capture_output=True, text=True,
                                env=self.environment, check=True)
        self.assertRegex(result.stdout, r"\A +ID STATE [^\n]*\n\Z")
        self.assertEqual("", result.stderr)


if __name__ == "__main__":
    unittest.main()
