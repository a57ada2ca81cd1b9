"""Words that lead on: what is said about a word that is not known, and about one item or several."""

import subprocess
import unittest

import inqueue
from entries import EntryCase
from inqueue import CONFIGURATION, NO, USAGE


class Words(EntryCase):
    def create(self, text, *options):
        return self.inqueue("queue", "create", "new", "--connection-string", text, "--user-name", "robot@example.com",
                            "--password-env", "PASSWORD", *options, expect=CONFIGURATION).stderr

    def test_quotes_around_the_whole_are_named(self):
        self.assertIn("connection-string: it begins with \": quotes stand around single values, as in mailbox=\"In box\","
                      " and not around the whole\n", self.create('"url=imap.example.com;ssl=True"'))

    def test_an_option_of_targets_without_its_beginning(self):
        self.assertIn("unknown option --deliver-allow-private: did you mean --allow-private?", self.inqueue(
            "target", "create", "shop", "--deliver-allow-private", "true", expect=USAGE).stderr)

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
        for command, option, meant in [("list", "--reason", "error"), ("export", "--reason", "error"), ("list", "--status", "state"),
                                       ("list", "--from", "sender"), ("mail", "--sender", "from"), ("mail", "--limit", "max-rows"),
                                       ("mail", "--host", "server"), ("list", "--max-rows", "limit")]:
            self.assertIn(f"unknown option {option}: did you mean --{meant}? ", self.inqueue(command, option, "x", expect=USAGE).stderr)
        self.assertEqual("inqueue: unknown option --colour; `inqueue list --help` lists the options\n",
                         self.inqueue("list", "--colour", expect=USAGE).stderr)

    def test_options_in_any_case_and_without_hyphens(self):
        self.inqueue("queue", "create", "new", "--connectionString", "url=imap.example.com", "--USER-NAME=Ada", "--passwordenv", "WORD")
        self.assertEqual([("Ada", "WORD")], self.sql("SELECT user_name, credential_reference FROM work_queue WHERE name = 'new'"))
        told = self.fails(USAGE, "mail", "--server", "imap.example.com", "--user-name=ada", "--Start-Row", "0").stderr
        self.assertIn("--start-row takes a number of at least 1", told)
        self.inqueue("queue", "alter", "new", "--username", "--MaxAttempts")
        self.assertEqual([("--MaxAttempts",)], self.sql("SELECT user_name FROM work_queue WHERE name = 'new'"))

    def test_unknown_commands(self):
        self.assertEqual("inqueue: unknown command 'statsu': did you mean status? `inqueue help` lists the commands\n",
                         self.inqueue("statsu", expect=USAGE).stderr)
        for words, meant in [("queue lst", "queue list"), ("queue dlete x", "queue drop"), ("queue add x", "queue create"), ("target remove x", "target drop"),
                             ("Queue chekc", "Queue check"), ("delivery lits", "delivery list"), ("oauth logn", "oauth login"),
                             ("mail getal --queue invoices", "mail getAll"), ("mail move --uid 1 --new-folder x", "mail moveMail")]:
            first, second = words.split()[:2]
            self.assertRegex(self.inqueue(*words.split(), expect=USAGE).stderr,
                             rf"\Ainqueue: unknown command '{first} {second}': did you mean {meant}\? '{first}' is followed by one of: ")
        self.assertRegex(self.inqueue("queue", expect=USAGE).stderr, r"\Ainqueue: 'queue' is followed by one of: create, ")
        self.assertRegex(self.inqueue("queue", "quantum", expect=USAGE).stderr,
                         r"\Ainqueue: unknown command 'queue quantum': 'queue' is followed by one of: ")

    def test_help_of_a_first_word(self):
        shown = self.inqueue("target", "--help").stdout
        self.assertTrue(shown.startswith("  target create NAME          define a target that several queues can use\n"), shown)
        self.assertTrue(shown.endswith("\n\n`inqueue COMMAND --help` explains a command.\n"), shown)
        self.assertEqual({"target"}, {line.split()[0] for line in shown.splitlines() if line[:3] != "   " and line[:2] == "  "})
        self.assertEqual(shown, self.inqueue("help", "target").stdout)
        self.fails(USAGE, "quantum", "--help", says="unknown command 'quantum'")

    def test_names_of_queues_and_targets(self):
        self.inqueue("target", "create", "shop", "--deliver-to", "https://app.example.com/")
        queue = "there is no queue 'Invoces': did you mean invoices? `inqueue queue list` shows them\n"
        for arguments in (["list", "Invoces"], ["list", "--queue", "Invoces"], ["load", "Invoces"], ["status", "Invoces"],
                          ["work", "Invoces", "--", "true"], ["claim", "Invoces"], ["queue", "show", "Invoces"], ["retry", "--queue", "Invoces"],
                          ["verify", "Invoces"], ["mail", "--queue", "Invoces"], ["purge", "--archive", "Invoces", "--older-than", "1d", "--yes"],
                          ["queue", "dump", "Invoces"], ["import", "Invoces", self.folder], ["export", "--queue", "Invoces"], ["runs", "Invoces"],
                          ["queue", "pause", "Invoces"], ["deliver", "Invoces"], ["delivery", "list", "Invoces"], ["watch", "Invoces"]):
            with self.subTest(arguments=arguments):
                self.assertTrue(self.inqueue(*arguments, expect=NO).stderr.endswith(queue))
        target = "there is no target 'shopp': did you mean shop? `inqueue target list` shows them\n"
        for arguments in (["target", "show", "shopp"], ["target", "test", "shopp"], ["target", "drop", "shopp"]):
            with self.subTest(arguments=arguments):
                self.assertTrue(self.inqueue(*arguments, expect=NO).stderr.endswith(target))
        self.assertTrue(self.inqueue("queue", "alter", "invoices", "--target", "shopp", expect=NO).stderr.endswith(target))
        self.assertIn("there is no queue 'nothing-like-it'; `inqueue queue list` shows them",
                      self.inqueue("status", "nothing-like-it", expect=NO).stderr)

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
