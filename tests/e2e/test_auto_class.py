"""Who wrote a mail, and what a bounce says: of the loaded entry, in lists, for people and as JSON."""

import json
import unittest

from entries import EntryCase
from inqueue import SOURCE_DIR, USAGE

MESSAGES = SOURCE_DIR / "samples" / "messages"
BOUNCE = {"kind": "hard", "original_address": None}


class AutoClass(EntryCase):
    def setUp(self):
        super().setUp()
        self.inqueue("import", self.queue, MESSAGES)

    def listed(self, name, *options):
        return [json.loads(line)["id"] for line in
                self.inqueue("list", "--auto-class", name, "--json", *options).stdout.splitlines()]

    def test_entries_are_listed_by_it(self):
        found = {name: self.listed(name) for name in ["human", "bounce", "calendar", "list", "auto-replied", "auto-generated"]}
        self.assertEqual([1, 1], [len(found["bounce"]), len(found["calendar"])])
        self.assertEqual(list(range(1, 13)), sorted(entry for ids in found.values() for entry in ids))
        self.inqueue("hold", "--auto-class", "bounce")
        self.assertEqual(found["bounce"], self.column("SELECT id FROM entry WHERE held"))

    def test_another_word_is_refused(self):
        self.assertIn("--auto-class takes human, auto-generated, auto-replied, bounce, list or calendar",
                      self.inqueue("list", "--auto-class", "robot", expect=USAGE).stderr)

    def test_a_bounce_says_who_and_why(self):
        entry, = self.listed("bounce")
        shown = json.loads(self.inqueue("show", entry, "--json").stdout)
        self.assertEqual(("bounce", "message/delivery-status"), (shown["auto_class"], shown["auto_reason"]))
        bounce, = shown["bounces"]
        self.assertEqual(BOUNCE, BOUNCE | {key: bounce[key] for key in BOUNCE})
        self.assertEqual([tuple(bounce.values())], self.change(
            "SELECT kind, address, original_address, status, diagnostic, original_id FROM entry_bounce"))
        text = self.inqueue("show", entry).stdout
        self.assertRegex(text, r"(?m)^written by +bounce$")
        self.assertRegex(text, rf"(?m)^bounce +hard {bounce['status']} {bounce['address']}: ")
        parsed = json.loads(self.inqueue("parse", MESSAGES / "10-delivery-failure.eml", "--json").stdout)
        self.assertEqual(shown["bounces"], parsed["bounces"])

    def test_what_was_not_looked_at_is_null(self):
        entry, = self.put()
        self.assertIsNone(json.loads(self.inqueue("show", entry, "--json").stdout)["auto_class"])


if __name__ == "__main__":
    unittest.main()
