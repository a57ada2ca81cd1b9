"""Rules: what a queue does with mail by itself, from `rules set` to the entry, the ledger and the history."""

import contextlib
import json
import re
import sqlite3
import unittest

import manual
from inqueue import CONFIGURATION, DATA, NO, USAGE, LoadCase, message


class RulesCase(LoadCase):
    def rule(self, number, text, queue="invoices", **options):
        return self.inqueue("rules", "set", queue, number, text, **options)

    def entries(self):
        return self.sql("SELECT id, queue, subject, priority, held, tags FROM entry ORDER BY id")

    def did(self):
        return self.sql("SELECT entry_id, number, version, did FROM entry_rule ORDER BY entry_id, position")


class Loaded(RulesCase):
    """Real mail from a real server."""

    def setUp(self):
        super().setUp()
        self.create_queue()

    def test_rules_set_priority_tags_and_hold(self):
        self.rule(1, 'if header :contains "subject" "urgent" { priority 5; tag "urgent"; }')
        self.rule(2, 'if address :domain "from" "example.org" { hold; tag "other"; }')
        self.deliver(message("Quite URGENT", sender="ann@example.org"), message("Dull", sender="bob@example.com"))
        self.inqueue("load", "invoices")
        self.assertEqual([(1, "invoices", "Quite URGENT", 5, 1, "other urgent"), (2, "invoices", "Dull", 0, 0, None)],
                         self.entries())
        self.assertEqual([(1, 1, 2, 'priority 5; tag "urgent"'), (1, 2, 2, 'hold; tag "other"')],
                         self.did())
        history = self.inqueue("history", 1).stdout
        self.assertRegex(history, r'rule +rule 1 +priority 5; tag "urgent" +version 2')
        # A held entry is nobody's.
        self.assertEqual(2, self.inqueue("claim", "invoices", "--json").json()["id"])

    def test_skipped_mail_has_no_entry_and_is_moved(self):
        self.rule(1, 'if not exists "list-id" { skip; }')
        self.deliver(message("one"), message("two"))
        result = self.inqueue("load", "invoices", "--json").json()
        self.assertEqual((0, 2, 0), (result["loaded"], result["skipped"], result["not_collected"]))
        self.assertEqual([], self.entries())
        self.assertEqual(2, len(self.sql("SELECT * FROM entry_skip")))
        self.assertEqual([("moved", "dropbox")] * 2, self.sql("SELECT state, target FROM pickup"))
        self.assertEqual(["OK; 0 items; 2 skipped by rules."], self.column("SELECT last_message FROM work_queue"))
        self.assertEqual([], self.subjects("INBOX"))
        self.assertEqual(["one", "two"], sorted(self.subjects("DROPBOX")))
        # The mailbox and the database still agree.
        self.inqueue("verify", "invoices")
        self.assertEqual(0, self.inqueue("load", "invoices", "--json").json()["skipped"])

    def test_the_id_of_skipped_mail_is_never_an_entrys(self):
        self.rule(1, 'if header :is "subject" "skip" { skip; }')
        self.deliver(message("skip"), message("keep"))
        self.inqueue("load", "invoices")
        ids = self.column("SELECT entry_id FROM pickup ORDER BY entry_id")
        self.assertEqual([1, 2], ids)
        self.assertEqual([2], self.column("SELECT id FROM entry"))

    def test_another_queue_gets_the_entry(self):
        self.create_queue(name="disputes", mailbox="Disputes")
        self.rule(1, 'if header :contains "subject" "dispute" { queue "disputes"; priority 3; }')
        self.deliver(message("A dispute"), message("An invoice"))
        self.inqueue("load", "invoices")
        self.assertEqual([("disputes", "A dispute", 3), ("invoices", "An invoice", 0)],
                         self.sql("SELECT queue, subject, priority FROM entry ORDER BY queue"))
        self.assertEqual([], self.subjects("INBOX"))
        self.inqueue("verify", "invoices")
        self.assertEqual("A dispute", self.inqueue("claim", "disputes", "--json").json()["subject"])

    def test_a_queue_that_is_gone_gets_nothing(self):
        self.create_queue(name="disputes", mailbox="Disputes")
        self.rule(1, 'if true { queue "disputes"; }')
        self.inqueue("queue", "drop", "disputes", "--yes")
        self.deliver(message("A dispute"))
        self.inqueue("load", "invoices")
        self.assertEqual([("invoices", "A dispute")], self.sql("SELECT queue, subject FROM entry"))
        self.assertIn("there is no queue 'disputes': it stays here", self.did()[0][3])
        self.assertRegex(self.inqueue("doctor", expect=CONFIGURATION).stdout, "wrong +queue 'invoices' +rules: rule 1: there is no queue 'disputes'")

    def test_a_storm_is_held_from_the_message_that_is_too_much(self):
        self.rule(1, 'if rate :over 3 "1h"')
        self.deliver(*(message(f"loop {i}", sender="robot@example.net") for i in range(5)), message("person"))
        self.inqueue("load", "invoices")
        held = dict(self.sql("SELECT subject, held FROM entry"))
        self.assertEqual(({f"loop {i}": int(i > 2) for i in range(5)} | {"person": 0}), held)

    def test_deferred_mail_waits(self):
        self.rule(1, 'if true { defer "2h"; }')
        self.deliver(message("later"))
        self.inqueue("load", "invoices")
        self.assertEqual([1], self.column("SELECT abs(julianday(next_attempt_at) - julianday(record_created) - 2 / 24.0) < 1e-6"
                                          " FROM entry"))
        self.inqueue("claim", "invoices", expect=NO)

    def test_deadlines_count_from_the_arrival(self):
        self.deliver(message("complaint"))
        self.inqueue("load", "invoices")
        self.rule(1, 'if true { deadline "4h"; risk "2h"; }')
        self.assertIn("deadline 4h 0m; risk 2h 0m", self.inqueue("rules", "apply", "invoices", "--all", "--yes").stdout)
        self.deliver(message("complaint"))
        self.inqueue("load", "invoices")
        self.assertEqual([(240.0, 120.0)] * 2, self.sql(
            "SELECT round((julianday(deadline_at) - julianday(record_created)) * 1440, 2),"
            " round((julianday(risk_at) - julianday(record_created)) * 1440, 2) FROM entry"))
        self.assertIn("0 entries", self.inqueue("rules", "apply", "invoices", "--all", "--yes").stdout)

    def test_automatic_mail_is_told_by_its_class(self):
        self.rule(1, 'if auto_class "auto-replied" { tag "away"; }')
        self.deliver(message("Out of office", Auto_Submitted="auto-replied"), message("A question"))
        self.inqueue("load", "invoices")
        self.assertEqual([("Out of office", "away"), ("A question", None)], self.sql("SELECT subject, tags FROM entry ORDER BY id"))

    def test_an_answer_is_told_by_the_tags_of_what_it_answers(self):
        self.rule(1, 'if parent_tag "vip" { tag "vip"; priority 5; }')
        question = message("A question")
        self.deliver(question, message("Another"))
        self.inqueue("load", "invoices")
        self.inqueue("tag", 1, "--add", "vip")
        self.deliver(message("Its answer", In_Reply_To=question["Message-ID"]), message("An answer", In_Reply_To="<1@example.com>"))
        self.inqueue("load", "invoices")
        self.assertEqual([("A question", 0, "vip"), ("Another", 0, None), ("Its answer", 5, "vip"), ("An answer", 0, None)],
                         self.sql("SELECT subject, priority, tags FROM entry ORDER BY id"))
        tested = self.inqueue("rules", "test", "invoices", "--entry", 3).stdout
        self.assertRegex(tested, r'true +parent_tag "vip"\n +compared: vip\n')

    def test_an_expression_without_end_keeps_no_mail(self):
        self.rule(1, 'if body :regex "^(a+)+$" { hold; }')
        self.deliver(message("hostile", body="a" * 64000 + "!"))
        self.inqueue("load", "invoices")
        self.assertEqual([(0,)], self.sql("SELECT held FROM entry"))
        self.assertTrue(self.did()[0][3].startswith("gave up: "))

    def test_bad_mail_is_tried_on_no_rule(self):
        self.inqueue("queue", "drop", "invoices", "--yes")
        self.create_queue(maxSize="2000")
        self.rule(1, "if true { skip; }")
        self.deliver(message("huge", body="x" * 10000))
        self.inqueue("load", "invoices")
        self.assertEqual(["bad"], self.column("SELECT state FROM entry"))

    def test_a_rule_that_was_broken_with_sql_stops_the_run_and_is_named(self):
        self.rule(1, "if true { hold; }")
        with contextlib.closing(sqlite3.connect(self.database)) as database, database:
            database.execute("UPDATE queue_rule SET rule = 'if nonsense'")
        self.deliver(message("waits"))
        said = self.inqueue("load", "invoices", expect=CONFIGURATION).stderr
        self.assertRegex(said, r"rule 1: there is no test 'nonsense'|rule 1: .*a test")
        self.assertEqual(["waits"], self.subjects("INBOX"))

    def test_rules_test_says_what_loading_did(self):
        """The same code on the same mail: the outcome of a stored entry is what its rows say."""
        self.rule(1, 'if header :matches "subject" "*1?*" { priority 4; }')
        self.rule(2, 'if any (body :contains "even", size :over 100K) { tag "even"; stop; }')
        self.rule(3, 'if address :localpart :regex "from" "^p[0-4]$" { hold; }')
        self.deliver(*(message(f"subject {i}", sender=f"p{i % 9}@example.com", body="odd" if i % 2 else "Even")
                       for i in range(100)))
        self.inqueue("load", "invoices")
        did = {}
        for entry, number, _, _ in self.did():
            did.setdefault(entry, []).append(number)
        self.assertGreater(len(did), 50)
        tested = [json.loads(line) for line in self.inqueue("rules", "test", "invoices", "--last", 100, "--json").stdout.splitlines()]
        self.assertEqual(100, len(tested))
        self.assertEqual({row["id"]: row["rules"] for row in tested},
                         {row["id"]: did.get(row["id"], []) for row in tested})


class Written(RulesCase):
    """Rules as an operator writes, reads and moves them."""

    def setUp(self):
        super().setUp()
        self.inqueue("queue", "create", "files", "--external-source", "File")

    def rule(self, number, text, queue="files", **options):
        return super().rule(number, text, queue, **options)

    def eml(self, subject="Urgent", **options):
        path = self.folder / "mail.eml"
        path.write_bytes(message(subject, **options).as_bytes())
        return path

    def test_list_remove_move_and_their_version(self):
        self.rule(1, "if true { hold; }")
        self.rule(5, "if reply { stop; }")
        self.inqueue("rules", "move", "files", 1, 9)
        self.inqueue("rules", "move", "files", 5, 9, expect=NO)
        self.inqueue("rules", "move", "files", 2, 3, expect=NO)
        self.inqueue("rules", "remove", "files", 2, expect=NO)
        self.assertEqual({"queue": "files", "version": 3,
                          "rules": [{"number": 5, "rule": "if reply { stop; }"}, {"number": 9, "rule": "if true { hold; }"}]},
                         self.inqueue("rules", "list", "files", "--json").json())
        self.inqueue("rules", "remove", "files", 5)
        self.assertEqual("NUMBER RULE\n     9 if true { hold; }\nversion 4\n", self.inqueue("rules", "list", "files").stdout)

    def test_a_wrong_rule_is_refused_and_stored_nowhere(self):
        for text, words, status in [('if hedder "a" "b" { stop; }', "did you mean 'header'", CONFIGURATION),
                                    ('if true { queue "nowhere"; }', "no queue 'nowhere'", NO),
                                    ("if true { stop; ", "the rule ends where", CONFIGURATION)]:
            with self.subTest(text=text):
                self.assertIn(words, self.rule(1, text, expect=status).stderr)
        self.rule(0, "if true { stop; }", expect=USAGE)
        self.assertEqual([], self.sql("SELECT * FROM queue_rule"))

    def test_what_can_never_count_is_said(self):
        self.rule(1, "if true { stop; }")
        self.assertEqual("inqueue: rule 2 is never reached: rule 1 ends every mail's rules\n",
                         self.rule(2, "if reply { hold; }").stderr)

    def test_test_shows_each_condition_and_what_was_compared(self):
        self.rule(1, 'if all (header :contains "subject" "urgent", not address :domain "from" "example.org") { priority 5; }')
        self.rule(2, 'if size :over 1M { hold; }')
        said = self.inqueue("rules", "test", "files", self.eml(sender="Ann <ann@example.com>")).stdout
        self.assertRegex(said, re.compile(
            r'\Arule 1\n  true   all \(header.*\n'
            r'    true   header :contains "subject" "urgent"\n +compared: Urgent\n'
            r'    true   not address :domain "from" "example.org"\n'
            r'      false  address :domain "from" "example.org"\n +compared: example.com\n'
            r'rule 2\n  false  size :over 1M\n +compared: \d+\n'
            r'outcome: priority 5\n\Z'))
        self.assertEqual([], self.sql("SELECT * FROM entry_status"))

    def test_test_takes_one_mail_and_names_what_is_missing(self):
        self.inqueue("rules", "test", "files", self.eml(), expect=NO)
        self.rule(1, "if true { hold; }")
        self.inqueue("rules", "test", "files", expect=USAGE)
        self.inqueue("rules", "test", "files", self.eml(), "--last", 3, expect=USAGE)
        self.inqueue("rules", "test", "files", self.folder / "missing.eml", expect=NO)
        self.inqueue("rules", "test", "files", self.folder, expect=DATA)
        self.inqueue("rules", "test", "files", "--entry", 7, expect=NO)

    def test_apply_shows_how_many_and_changes_entries_that_wait(self):
        self.inqueue("import", "files", self.eml())
        self.rule(1, 'if header :is "subject" "urgent" { priority 7; tag "now"; }')
        self.assertEqual([0], self.column("SELECT priority FROM entry"))
        self.inqueue("rules", "apply", "files", expect=USAGE)
        self.assertIn("1 entry to be changed", self.inqueue("rules", "apply", "files", "--all", "--dry-run").stdout)
        self.inqueue("rules", "apply", "files", "--all", stdin="n\n", expect=NO)
        self.assertEqual([0], self.column("SELECT priority FROM entry"))
        self.assertIn("1 entry changed", self.inqueue("rules", "apply", "files", "--all", "--yes", "--by", "eve").stdout)
        self.assertEqual([(7, "now")], self.sql("SELECT priority, tags FROM entry"))
        self.assertRegex(self.inqueue("history", 1).stdout, r"priority +new +eve +7 +rules, version 1")
        self.assertIn("0 entries to be changed", self.inqueue("rules", "apply", "files", "--all", "--yes").stdout)

    def test_apply_prints_rows_alone_for_programs(self):
        self.inqueue("import", "files", self.eml())
        self.rule(1, "if true { hold; }")
        apply = "--json", "rules", "apply", "files", "--all", "--yes"
        self.assertEqual([(1, "hold")], [(row["id"], row["outcome"]) for row in self.json_lines(*apply)])
        self.assertEqual([], self.json_lines(*apply))

    def test_an_import_reads_skipped_mail_once(self):
        self.inqueue("queue", "create", "other", "--external-source", "File")
        self.rule(1, 'if header :is "subject" "away" { queue "other"; }')
        self.rule(2, 'if header :is "subject" "skip" { skip; }')
        for subject, expected in [("away", (1, 0)), ("skip", (0, 1))]:
            path = self.eml(subject)
            first = self.inqueue("import", "files", path, "--json").json()
            self.assertEqual(expected, (first["imported"], first["skipped"]))
            again = self.inqueue("import", "files", path, "--json").json()
            self.assertEqual((0, 0, 1), (again["imported"], again["skipped"], again["known"]))
        self.assertEqual([("other", "away")], self.sql("SELECT queue, subject FROM entry"))

    def test_a_file_of_queues_holds_them(self):
        self.rule(3, 'if header :contains "subject" "x;y" { tag "a"; }')
        dumped = self.inqueue("queue", "dump").stdout
        self.assertIn('[rules files]\n3=if header :contains "subject" "x;y" { tag "a"; }\n', dumped)
        path = self.folder / "queues.ini"
        path.write_text(dumped)
        self.assertEqual("", self.inqueue("queue", "apply", path).stdout)
        path.write_text(dumped.replace("3=", "4="))
        self.assertEqual("rules 'files' would be altered\n"
                         '  3: if header :contains "subject" "x;y" { tag "a"; } -> (none)\n'
                         '  4: (none) -> if header :contains "subject" "x;y" { tag "a"; }\n',
                         self.inqueue("queue", "apply", path, "--dry-run").stdout)
        self.inqueue("queue", "apply", path)
        self.assertEqual([4], self.column("SELECT number FROM queue_rule"))
        path.write_text("[rules files]\n1=if true { queue \"nowhere\"; }\n")
        self.assertIn("[rules files]: rule 1: there is no queue 'nowhere'",
                      self.inqueue("queue", "apply", path, expect=NO).stderr)
        self.assertEqual([4], self.column("SELECT number FROM queue_rule"))

    def test_the_rules_that_the_manual_prints_are_understood(self):
        rules = [line for text in manual.examples(manual.page("inqueue-rules.1"), "text") for line in text.splitlines()
                 if line.startswith("if")]
        self.assertGreater(len(rules), 5)
        for queue in ["complaints", "bulk"]:
            self.inqueue("queue", "create", queue, "--external-source", "File")
        for number, text in enumerate(rules, 1):
            with self.subTest(rule=text):
                self.rule(number, text)

    def fits(self, text):
        """A mail that the rule of the manual is about, by a word of its test."""
        attached = message("Files")
        attached.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="Bill.PDF")
        complaint = message("A Complaint")
        del complaint["To"]
        complaint["To"] = "complaints-eu@example.org"
        known = {"urgent": message("DRINGEND: bitte"), "not reply": message("Hello", sender="ann@example.com"), "*.pdf": attached,
                 "list-id": message("News", List_Id="<news.example.com>"), "x-spam-flag": message("Win", X_Spam_Flag="YES"),
                 "complaints*": complaint, ":over 20M": message("Large", body="x" * 70 * 300000), "complaint\" {": message("My complaint"),
                 "auto_class": message("Away", Auto_Submitted="auto-replied"), "parent_tag": message("Re", In_Reply_To="<question@example.com>"),
                 "rate": message("Loop", sender="robot@example.net")}
        found, = (mail for word, mail in known.items()
                  if word in text and not (word == "urgent" and "parent_tag" in text))
        return found

    def test_each_rule_that_the_manual_prints_is_true_of_such_mail(self):
        """Tried as loading would, the last ones beside the mail that came before."""
        rules = [line for text in manual.examples(manual.page("inqueue-rules.1"), "text") for line in text.splitlines()
                 if line.startswith("if")]
        for queue in ["complaints", "bulk"]:
            self.inqueue("queue", "create", queue, "--external-source", "File")
        question = message("A question")
        question.replace_header("Message-ID", "<question@example.com>")
        mail = self.folder / "mail"
        mail.mkdir()
        for number, before in enumerate([question] + [message(f"Loop {i}", sender="robot@example.net") for i in range(20)]):
            (mail / f"{number:02}.eml").write_bytes(before.as_bytes())
        self.rule(1, 'if rate :over 1000 "1h"')
        self.inqueue("import", "files", mail)
        self.inqueue("tag", 1, "--add", "urgent")
        for text in rules:
            with self.subTest(rule=text):
                self.rule(1, text)
                path = self.folder / "one.eml"
                path.write_bytes(self.fits(text).as_bytes())
                tried = self.inqueue("rules", "test", "files", path, "--json").json()
                self.assertTrue(tried["conditions"][0]["true"], tried)
                self.assertNotEqual("nothing", tried["outcome"])


if __name__ == "__main__":
    unittest.main()
