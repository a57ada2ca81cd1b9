"""What chooses entries: the same words in every command, what `list` shows of them, and dry runs."""

import json
import unittest

from entries import EntryCase
from inqueue import NO, USAGE
from test_screens import Screen

FAILED = ("UPDATE entry_status SET state = 'failed', error_kind = 'application', error_text = ?, attempt_count = 3"
          " WHERE id = ?")
BAD = "UPDATE entry_status SET state = 'bad', error_kind = 'load', error_text = 'larger than maxSize' WHERE id = ?"
LATER = ("UPDATE entry_status SET error_kind = 'application', error_text = 'no answer', attempt_count = 1,"
         " next_attempt_at = '2135-01-31T12:00:00.000Z' WHERE id = ?")
NARROW = "the order number is missing in the third line of the text and in the attachment order.pdf as well"


class List(Screen, EntryCase):
    def test_says_why_and_what_else_there_is(self):
        self.put(4)
        self.change(FAILED, NARROW, 1)
        self.change(LATER, 2)
        self.change(BAD, 3)
        self.inqueue("hold", 4)
        self.inqueue("priority", 4, "--to", "5")
        self.inqueue("tag", 4, "--add", "vip")
        self.received_hours_ago(3)
        self.assertEqual(
            "ID STATE  HELD PRIORITY TRIES TAGS RECEIVED SENDER                    SUBJECT\n"
            " 1 failed                   3       3 h ago Ann Lee <ann@example.com> Invoice\n"
            "  the order number is missing in the third line of the text and in the\n"
            "  attachment order.pdf as well\n"
            " 2 new                      1       3 h ago Ann Lee <ann@example.com> Invoice\n"
            "  not before 2135-01-31 14:00: no answer\n"
            " 3 bad                              3 h ago Ann Lee <ann@example.com> Invoice\n"
            "  larger than maxSize\n"
            " 4 new     yes        5       vip   3 h ago Ann Lee <ann@example.com> Invoice\n", self.shown("list"))

    def test_columns_that_say_nothing_are_left_out(self):
        self.put()
        self.change(FAILED, "no order number", 1)
        self.received_hours_ago(3)
        self.assertEqual("ID STATE  TRIES RECEIVED SENDER                    SUBJECT\n"
                         " 1 failed     3  3 h ago Ann Lee <ann@example.com> Invoice\n"
                         "  no order number\n", self.shown("list"))

    def test_says_who_has_it(self):
        self.put()
        self.claim("--worker", "robot-7")
        self.received_hours_ago(3)
        self.assertEqual("ID STATE   TRIES WORKER  RECEIVED SENDER                    SUBJECT\n"
                         " 1 claimed     1 robot-7  3 h ago Ann Lee <ann@example.com> Invoice\n",
                         self.shown("list"))


class Filters(EntryCase):
    def setUp(self):
        super().setUp()
        self.put(subject="Ärger mit Rechnung 7", sender="Ann <ann@example.com>")
        self.put(subject="Я жду", sender="Юля <julia@example.com>")
        self.define("orders")
        self.put(queue="orders", subject="Order")
        self.change("UPDATE entry_mail SET date_received = '2026-03-01T12:00:00Z', message_body = 'Grüße aus Köln',"
                    " message_body_size = 16 WHERE entry_id = 3")

    def listed(self, *options):
        """The ids that every command takes for these options."""
        ids = [entry["id"] for entry in self.json_lines("list", *options, "--json")]
        exported = [json.loads(line)["id"] for line in self.inqueue("export", *options).stdout.splitlines()]
        tagged = self.inqueue("tag", "--add", "x", *options, "--dry-run", "--json").json()["ids"]
        self.assertEqual((ids, ids), (exported, tagged))
        return ids

    def test_case_is_ignored_in_all_alphabets(self):
        self.assertEqual([1], self.listed("--subject", "äRGER"))
        self.assertEqual([2], self.listed("--subject", "я ЖДУ"))
        self.assertEqual([2], self.listed("--sender", "юЛЯ"))
        self.assertEqual(2, self.claim("--sender", "ЮЛЯ")["id"])

    def test_text_is_in_the_subject_or_in_a_body(self):
        self.assertEqual([3], self.listed("--text", "GRÜSSE AUS köln"))
        self.assertEqual([1], self.listed("--text", "ärger"))
        self.assertEqual([1, 2], self.listed("--text", "please pay"))
        self.assertEqual([], self.listed("--text", "100%"))

    def test_times_of_receipt(self):
        self.assertEqual([3], self.listed("--since", "2026-03-01"))
        self.assertEqual([1, 2], self.listed("--until", "2026-03-01T12:00:00Z"))
        self.change("UPDATE entry_mail SET date_received = strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-1 day')"
                    " WHERE entry_id = 2")
        self.assertEqual([2], self.listed("--since", "2d"))
        self.assertEqual([1, 3], self.listed("--until", "2d"))
        self.assertEqual([1, 2, 3], self.listed("--older-than", "2d"))

    def test_several_states_reasons_and_the_queue(self):
        self.change(FAILED, "Ärgerlich: no order number", 1)
        self.change(BAD, 2)
        self.assertEqual([1, 2], self.listed("--state", "failed,bad"))
        self.assertEqual([3], self.listed("--state", "new"))
        self.assertEqual([1], self.listed("--error", "äRGERLICH"))
        self.assertEqual([3], self.listed("--queue", "orders"))
        self.assertEqual([1, 2], [entry["id"] for entry in self.json_lines("list", "invoices", "--json")])

    def test_workers_tags_and_held_ones(self):
        self.claim("--worker", "robot-7")
        self.inqueue("tag", 2, "--add", "vip")
        self.inqueue("hold", 3)
        self.assertEqual([1], self.listed("--worker", "robot-7"))
        self.assertEqual([], self.listed("--worker", "robot"))
        self.assertEqual([2], self.listed("--tag", "vip"))
        self.assertEqual([3], self.listed("--held"))

    def test_wrong_use(self):
        for state in ("", "failed,", "failed;bad", "odd"):
            self.fails(USAGE, "list", "--state", state,
                       says="--state takes new, claimed, done, failed, bad or discarded, or several: failed,bad")
        self.fails(USAGE, "list", "invoices", "--queue", "orders", says="the queue is named twice")
        for option in ("--since", "--until"):
            self.fails(USAGE, "list", option, "soon", says=f"{option} takes a time: 2026-01-31")
        self.fails(USAGE, "list", "--text", "\udcff", says="--text takes UTF-8 text")


class DryRuns(EntryCase):
    def setUp(self):
        super().setUp()
        self.put(3)
        self.change(FAILED, "no order number", 2)
        self.change(BAD, 3)

    def would(self, ids, *arguments):
        before = self.sql("SELECT * FROM entry"), self.sql("SELECT * FROM history")
        told = self.inqueue(*arguments, "--dry-run", "--json").json()
        self.assertEqual({"changed": len(ids), "dry_run": True, "ids": ids}, told)
        self.assertEqual(before, (self.sql("SELECT * FROM entry"), self.sql("SELECT * FROM history")))
        # What the run does is what the dry run has said.
        self.assertEqual(len(ids), self.inqueue(*arguments, "--json").json()["changed"])

    def test_each_command_says_what_it_would_change(self):
        self.would([2], "retry", "--all")
        self.would([1, 2], "hold", 1, 2, 3)
        self.would([1, 2], "unhold", "--held")
        self.would([1, 3], "priority", 1, 3, "--to", "4")
        self.would([2], "priority", "--all", "--to", "4")
        self.would([1, 2, 3], "tag", "--all", "--add", "vip")
        self.would([3], "tag", 3, "--remove", "vip")
        self.would([3], "tag", "--all", "--add", "vip")
        self.would([1, 2, 3], "discard", "--all")
        self.would([], "discard", "--all")

    def test_list_for_people(self):
        self.assertEqual(
            "ID STATE  TRIES             RECEIVED SENDER                    SUBJECT\n"
            " 2 failed     3 2026-01-31T11:59:30Z Ann Lee <ann@example.com> Invoice\n"
            "  no order number\n"
            "1 entry to be changed\n", self.inqueue("retry", 1, 2, "--dry-run").stdout)
        self.assertEqual("0 entries to be changed\n", self.inqueue("unhold", "--held", "--dry-run").stdout)
        self.fails(NO, "hold", 7, "--dry-run", says="there is no entry 7")

    def test_purge(self):
        arguments = ("purge", "--state", "failed,bad", "--older-than", "0")
        self.assertEqual("  larger than maxSize\n2 entries to be purged\n",
                         "".join(self.inqueue(*arguments, "--dry-run").stdout.splitlines(True)[-2:]))
        self.assertEqual({"purged": 2, "dry_run": True, "ids": [2, 3]},
                         self.inqueue(*arguments, "--dry-run", "--json").json())
        self.assertEqual("2 entries purged\n", self.inqueue(*arguments).stdout)
        self.fails(USAGE, "purge", "--state", "done,new", "--older-than", "0", says="inqueue discard")

    def test_what_is_left_as_it_is_says_why(self):
        self.inqueue("tag", 1, "--add", "vip")
        self.inqueue("hold", 1)
        for why, *arguments in [
                ("entry 1 is held already", "hold", 1),
                ("entry 2 is failed: only new and claimed entries are held", "hold", 2),
                ("entry 2 is not held", "unhold", 2),
                ("entry 1 has priority 0 already", "priority", 1, "--to", 0),
                ("entry 1 has the tag 'vip' already", "tag", 1, "--add", "vip"),
                ("entry 2 has no tag 'vip'", "tag", 2, "--remove", "vip"),
                ("entry 1 is held: inqueue unhold 1", "retry", 1)]:
            told = self.inqueue(*arguments, expect=NO)
            self.assertEqual(("0 entries changed\n", f"inqueue: {why}\n"), (told.stdout, told.stderr))
            told = self.inqueue(*arguments, "--dry-run")
            self.assertEqual(("0 entries to be changed\n", f"inqueue: {why}\n"), (told.stdout, told.stderr))

    def test_those_that_wait_are_named_where_retry_finds_none_that_has_failed(self):
        self.change("UPDATE entry_status SET next_attempt_at = '2999-01-01T00:00:00.000Z', attempt_count = 1,"
                    " error_kind = 'application', error_text = 'no vendor' WHERE id = 1")
        hint = "inqueue: no entry of these has failed; 1 waits for the next attempt: --state new takes it\n"
        told = self.inqueue("retry", "--error", "vendor", "--dry-run")
        self.assertEqual(("0 entries to be changed\n", hint), (told.stdout, told.stderr))
        told = self.inqueue("retry", "--error", "vendor")
        self.assertEqual(("0 entries changed\n", hint), (told.stdout, told.stderr))
        self.assertEqual("", self.inqueue("retry", "--sender", "nobody").stderr)
        self.assertEqual("1 entry changed\n", self.inqueue("retry", "--error", "vendor", "--state", "new").stdout)

    def test_reload_is_named_where_retry_cannot_help(self):
        told = self.inqueue("retry", "--state", "failed,bad")
        self.assertEqual(("1 entry changed\n", "inqueue: bad entries could not be loaded, and are left as they are;"
                          " after the cause is gone: inqueue reload ID\n"), (told.stdout, told.stderr))
        self.fails(NO, "retry", 3, says="entry 3 could not be loaded; after the cause is gone: inqueue reload 3")


if __name__ == "__main__":
    unittest.main()
