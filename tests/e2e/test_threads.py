"""Mails that answer each other: what `show`, lists and JSON say of their thread."""

import json
import unittest

from entries import EntryCase
from inqueue import USAGE

MAIL = "From: {0}@example.com\nTo: robot@example.com\nSubject: {1}\nDate: Sat, 31 Jan 2026 12:00:00 +0000\nMessage-ID: <{2}@example.com>\n"


class Threads(EntryCase):
    def setUp(self):
        super().setUp()
        mail = self.folder / "mail"
        mail.mkdir()
        question = MAIL.format("ann", "Order", "a1")
        answer = MAIL.format("bob", "Your order", "a2") + "In-Reply-To: <a1@example.com>\n"
        alone = MAIL.format("eve", "Order", "b1")
        # The answer comes first.
        for name, text in [("1.eml", answer), ("2.eml", question), ("3.eml", alone)]:
            (mail / name).write_text(text + "\nHello.\n", encoding="utf-8")
        self.inqueue("import", self.queue, mail, "--jobs", "1")

    def ids(self, *options):
        return [json.loads(line)["id"] for line in self.inqueue("list", "--json", *options).stdout.splitlines()]

    def test_columns_say_thread_and_parent(self):
        found = {message: (thread, parent) for message, thread, parent in self.change(
            "SELECT substr(message_id, 2, 2), thread_id, parent_id FROM entry")}
        answer, question, alone = (self.column("SELECT id FROM entry WHERE message_id = ?", f"<{name}@example.com>")[0]
                                   for name in ["a2", "a1", "b1"])
        first = min(answer, question)
        self.assertEqual({"a1": (first, None), "a2": (first, question), "b1": (alone, None)}, found)
        shown = json.loads(self.inqueue("show", answer, "--json").stdout)
        self.assertEqual((first, question), (shown["thread_id"], shown["parent_id"]))
        self.assertEqual(sorted([answer, question]), self.ids("--thread", question))
        self.assertEqual([alone], self.ids("--thread", alone))
        self.assertRegex(self.inqueue("show", answer).stdout, rf"(?m)^answers +{question} new, .*: Order$")
        self.assertRegex(self.inqueue("show", question).stdout, rf"(?m)^thread +{answer} new, .*: Your order$")
        self.assertNotRegex(self.inqueue("show", alone).stdout, r"(?m)^(thread|answers) ")
        self.assertEqual([(first, 2, 2)], self.change("SELECT thread_id, entries, open FROM thread"))

    def test_a_thread_is_named_by_a_number(self):
        self.inqueue("list", "--thread", "order", expect=USAGE)


if __name__ == "__main__":
    unittest.main()
