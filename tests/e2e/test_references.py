"""References: what a mail is about, and what becomes of a second one about the same."""

import unittest

from inqueue import CONFIGURATION, NO, Case, LoadCase, message


def headed(subject, **headers):
    """A mail whose own fields of these names are others."""
    made = message(subject)
    for name, value in headers.items():
        del made[name.replace("_", "-")]
        made[name.replace("_", "-")] = value
    return made


class ReferenceCase(LoadCase):
    def refer(self, where, same="link", queue="invoices"):
        self.inqueue("queue", "alter", queue, "--reference", where, "--same-reference", same)

    def load(self, *mail, queue="invoices"):
        self.deliver(*mail)
        return self.inqueue("load", queue, "--json").json()

    def references(self):
        return self.sql("SELECT id, reference, same_as, state FROM entry ORDER BY id")


class Found(ReferenceCase):
    """Where a mail says what it is about."""

    def setUp(self):
        super().setUp()
        self.create_queue()

    def check(self, where, *pairs):
        """Pairs of a mail and its reference."""
        self.refer(where)
        self.load(*(mail for mail, _ in pairs))
        self.assertEqual([reference for _, reference in pairs], self.column("SELECT reference FROM entry ORDER BY id"))

    def test_message_id(self):
        self.check("message-id", (headed("a", Message_ID="<4711@example.com>"), "<4711@example.com>"))

    def test_header(self):
        self.check("header:X-Order-Id",
                   (message("a", X_Order_Id="  A  7 "), "A 7"), (message("b"), None),
                   (message("c", X_Order_Id="=?utf-8?q?B=C3=BC_9?="), "Bü 9"), (message("d", X_Order_Id="x" * 999), None))

    def test_capture_in_the_subject(self):
        self.check(r"subject:order\s+#?(\w+-\d+)", (message("Re: Your ORDER #Ab-12, please"), "Ab-12"), (message("An invoice"), None))

    def test_capture_in_the_body(self):
        self.check(r"body:(?m)^Ticket: (.+)$", (message("a", body="Hello\nTicket: T 5\nBye\n"), "T 5"), (message("b", body="none"), None))

    def test_plus_address_of_any_mailbox(self):
        self.check("plus-address",
                   (headed("a", To="Boss <boss@example.com>, robot+4711@example.com"), "4711"),
                   (headed("b", To="robot@example.com"), None), (headed("c", To="+1@example.com"), None),
                   (headed("d", To="list@example.com", Delivered_To="robot+a+b@example.com"), "a+b"))

    def test_plus_address_of_one_mailbox(self):
        self.check("plus-address:Robot@example.com",
                   (headed("a", To="boss+news@example.com, ROBOT+4711@Example.com"), "4711"),
                   (headed("b", To="boss+news@example.com"), None))

    def test_an_expression_without_end_keeps_no_mail(self):
        self.refer("body:^((a+)+)$")
        self.load(message("hostile", body="a" * 64000 + "!"))
        self.assertEqual([None], self.column("SELECT reference FROM entry"))
        self.assertRegex(self.inqueue("history", 1).stdout, "gave up: the expression needs too many steps")


class Second(ReferenceCase):
    """What becomes of a second mail about the same."""

    def setUp(self):
        super().setUp()
        self.create_queue()

    def order(self, number=7, subject=None, **headers):
        return message(subject or f"Order {number}", **headers)

    def test_link_says_which_was_first(self):
        self.refer(r"subject:Order (\d+)")
        self.load(self.order(7), self.order(8))
        self.load(self.order(7, "Re: Order 7"), self.order(7, "Again: order 7"))
        self.assertEqual([(1, "7", None, "new"), (2, "8", None, "new"), (3, "7", 1, "new"), (4, "7", 1, "new")], self.references())
        # It is the first one's id also where that is gone.
        self.claim_and_complete()
        self.inqueue("purge", "--queue", "invoices", "--state", "done", "--older-than", "0s", "--yes")
        self.load(self.order(7))
        self.assertEqual([("8", None), ("7", 1), ("7", 1), ("7", 1)], self.sql("SELECT reference, same_as FROM entry ORDER BY id"))

    def claim_and_complete(self):
        claimed = self.inqueue("claim", "invoices", "--json").json()
        self.inqueue("complete", claimed["id"], "--token", claimed["lease_token"])

    def test_refused_mail_is_settled_and_the_first_one_says_so(self):
        self.refer(r"subject:Order (\d+)", "refuse")
        self.load(self.order(7))
        result = self.load(self.order(7, "Again: order 7", sender="eve@example.com"), self.order(8))
        self.assertEqual((1, 1, 0, 0), (result["loaded"], result["refused"], result["skipped"], result["not_collected"]))
        self.assertEqual(["OK; 1 item; 1 refused."], self.column("SELECT last_message FROM work_queue"))
        self.assertEqual([(1, "7", None, "new"), (3, "8", None, "new")], self.references())
        self.assertEqual([(2, 0, "eve@example.com", "Again: order 7", "7", 1)],
                         self.sql("SELECT entry_id, number, sender, subject, reference, same_as FROM entry_skip"))
        self.assertEqual([], self.subjects("INBOX"))
        self.assertEqual(["Again: order 7", "Order 7", "Order 8"], sorted(self.subjects("DROPBOX")))
        self.assertRegex(self.inqueue("history", 1).stdout, "note +new +reference +.*a mail of eve@example.com with the same reference was refused")
        self.inqueue("verify", "invoices")
        self.assertEqual(0, self.inqueue("load", "invoices", "--json").json()["refused"])

    def test_what_has_failed_refuses_nothing(self):
        self.refer(r"subject:Order (\d+)", "refuse")
        self.load(self.order(7))
        self.inqueue("discard", 1, "--reason", "the file is broken")
        self.load(self.order(7))
        self.assertEqual([(1, "7", None, "failed"), (2, "7", 1, "new")], self.references())
        self.claim_and_complete()
        self.assertEqual(1, self.load(self.order(7))["refused"])

    def test_the_same_twice_in_one_batch(self):
        self.refer(r"subject:Order (\d+)", "refuse")
        result = self.load(*[self.order(7)] * 5)
        self.assertEqual((1, 4), (result["loaded"], result["refused"]))

    def test_replace_takes_the_place_of_what_waits_alone(self):
        self.refer(r"subject:Order (\d+)", "replace")
        self.load(self.order(7), self.order(8))
        claimed = self.inqueue("claim", "invoices", "--reference", "8", "--json").json()
        self.load(self.order(7), self.order(8))
        self.assertEqual([(1, "7", None, "failed"), (2, "8", None, "claimed"), (3, "7", 1, "new"), (4, "8", 2, "new")],
                         self.references())
        self.inqueue("complete", claimed["id"], "--token", claimed["lease_token"])
        self.load(self.order(8))
        self.assertEqual([(2, "done"), (4, "failed"), (5, "new")],
                         self.sql("SELECT id, state FROM entry WHERE reference = '8' ORDER BY id"))
        self.assertRegex(self.inqueue("history", 1).stdout, r"discarded +failed +reference .*replaced by entry 3")
        # It was given up, and is no failure.
        self.assertEqual([1, 4], [line["id"] for line in self.json_lines("list", "--state", "discarded", "--json")])

    def test_what_replaces_a_held_entry_is_held(self):
        self.refer(r"subject:Order (\d+)", "replace")
        self.load(self.order(7))
        self.inqueue("hold", 1)
        self.load(self.order(7))
        self.assertEqual([("failed", 1), ("new", 1)], self.sql("SELECT state, held FROM entry ORDER BY id"))
        self.assertRegex(self.inqueue("history", 2).stdout, "entry 1, which it replaces, was held")

    def test_the_queue_that_a_rule_names_has_its_own_say(self):
        self.create_queue(name="orders", mailbox="Orders")
        self.refer(r"subject:Order (\d+)", "refuse", queue="orders")
        self.inqueue("rules", "set", "invoices", 1, 'if header :contains "subject" "order" { queue "orders"; tag "o"; }')
        result = self.load(self.order(7), self.order(7), message("Invoice 7"))
        self.assertEqual((2, 1), (result["loaded"], result["refused"]))
        self.assertEqual([("orders", "7", "o"), ("invoices", None, None)],
                         self.sql("SELECT queue, reference, tags FROM entry ORDER BY id"))

    def test_claim_list_show_and_json_know_it(self):
        self.refer(r"subject:Order (\d+)")
        self.load(self.order(7), self.order(8), self.order(7))
        self.assertEqual([1, 3], [line["id"] for line in self.json_lines("list", "--reference", "7", "--json")])
        self.assertEqual([("7", None), ("7", 1)],
                         [(line["reference"], line["same_as"]) for line in self.json_lines("export", "--reference", "7")])
        self.assertRegex(self.inqueue("show", 3).stdout, r"(?m)^reference +7\nsame as +1$")
        self.inqueue("claim", "invoices", "--reference", "9", expect=NO)
        for expected in [1, 3]:
            self.assertEqual(expected, self.inqueue("claim", "invoices", "--reference", "7", "--json").json()["id"])
        self.inqueue("claim", "invoices", "--reference", "7", expect=NO)
        self.assertEqual(2, self.inqueue("claim", "invoices", "--json").json()["id"])


class Settled(ReferenceCase):
    """A mailbox that hears of its mail when the target has answered."""

    def test_refused_mail_waits_for_no_answer(self):
        self.create_queue()
        self.inqueue("queue", "alter", "invoices", "--deliver-to", "https://app.example.com/", "--acknowledge", "delivery")
        self.refer("header:X-Order", "refuse")
        self.load(message("a", X_Order="7"), message("b", X_Order="7"))
        self.assertEqual([("awaiting", 1), ("read", 2)], self.sql("SELECT state, entry_id FROM pickup ORDER BY entry_id"))

    def test_a_replaced_entry_lets_its_message_go(self):
        self.create_queue()
        self.inqueue("queue", "alter", "invoices", "--deliver-to", "https://app.example.com/", "--acknowledge", "delivery")
        self.refer("header:X-Order", "replace")
        self.load(message("a", X_Order="7"))
        self.load(message("b", X_Order="7"))
        self.inqueue("load", "invoices")
        self.assertEqual([("read", 1), ("awaiting", 2)], self.sql("SELECT state, entry_id FROM pickup ORDER BY entry_id"))


class Written(Case):
    """A reference as an operator writes it; no server is there."""

    def setUp(self):
        super().setUp()
        self.inqueue("queue", "create", "files", "--external-source", "File")

    def eml(self, name, subject):
        path = self.folder / name
        path.write_bytes(message(subject).as_bytes())
        return path

    def test_what_is_wrong_is_refused(self):
        for where, words in [("subject", "takes message-id, header:NAME"), ("message-id:x", "takes message-id"),
                             ("header:", "takes message-id"), ("header:X Order", "is no name of a header field"),
                             ("plus-address:robot", "is no address"), ("subject:Order (", "is wrong behind character"),
                             (r"body:Order \d+", "no part in parentheses"), ("thread", "takes message-id")]:
            with self.subTest(where):
                self.fails(CONFIGURATION, "queue", "alter", "files", "--reference", where, says=f"reference: {words}" if "takes" in words else words)
        self.fails(CONFIGURATION, "queue", "alter", "files", "--same-reference", "drop", says="takes link, refuse or replace")

    def test_it_is_shown_dumped_applied_and_taken_away(self):
        self.inqueue("queue", "alter", "files", "--reference", r"subject:Order\s+(\d+)", "--same-reference", "refuse")
        self.assertRegex(self.inqueue("queue", "show", "files").stdout, r"(?m)^reference +subject:Order\\s\+\(\\d\+\)\nsame reference +refuse$")
        shown = self.inqueue("queue", "show", "files", "--json").json()
        self.assertEqual((r"subject:Order\s+(\d+)", "refuse"), (shown["reference"], shown["same_reference"]))
        dumped = self.inqueue("queue", "dump").stdout
        self.assertIn("reference=subject:Order\\s+(\\d+)\nsame-reference=refuse\n", dumped)
        path = self.file("queues.ini", dumped)
        self.assertEqual("", self.inqueue("queue", "apply", path).stdout)
        self.inqueue("queue", "alter", "files", "--reference", "")
        self.assertIsNone(self.inqueue("queue", "show", "files", "--json").json()["reference"])
        self.inqueue("queue", "apply", path)
        self.assertEqual(shown["reference"], self.inqueue("queue", "show", "files", "--json").json()["reference"])

    def test_rules_test_shows_it(self):
        self.inqueue("queue", "alter", "files", "--reference", r"subject:Order (\d+)")
        path = self.eml("a.eml", "Order 7")
        self.assertEqual("outcome: nothing\nreference: 7\n", self.inqueue("rules", "test", "files", path).stdout)
        self.assertIsNone(self.inqueue("rules", "test", "files", self.eml("b.eml", "Invoice"), "--json").json()["reference"])
        self.inqueue("import", "files", path)
        self.assertEqual("7", self.inqueue("rules", "test", "files", "--entry", 1, "--json").json()["reference"])

    def test_an_import_reads_refused_mail_once(self):
        self.inqueue("queue", "alter", "files", "--reference", r"subject:Order (\d+)", "--same-reference", "refuse")
        self.inqueue("import", "files", self.eml("a.eml", "Order 7"))
        again = self.eml("b.eml", "order 7!")
        for expected in [(0, 1, 0), (0, 0, 1)]:
            result = self.inqueue("import", "files", again, "--json").json()
            self.assertEqual(expected, (result["imported"], result["refused"], result["known"]))

    def test_of_many_who_write_at_once_one_is_the_first(self):
        """Four queues give their mail to one, all at the same time, and each has every order."""
        self.inqueue("queue", "create", "orders", "--external-source", "File", "--reference", r"subject:Order (\d+)",
                     "--same-reference", "refuse")
        running = []
        for name in "abcd":
            folder = self.folder / name
            folder.mkdir()
            for number in range(40):
                self.eml(f"{name}/{number}.eml", f"Order {number} from {name}")
            self.inqueue("queue", "create", name, "--external-source", "File")
            self.inqueue("rules", "set", name, 1, 'if true { queue "orders"; }')
        for name in "abcd":
            running.append(self.start("import", name, self.folder / name, "--json"))
        results = [self.finish(process).json() for process in running]
        self.assertEqual((40, 120), (sum(result["imported"] for result in results), sum(result["refused"] for result in results)))
        self.assertEqual([(str(number), 1) for number in range(40)],
                         self.sql("SELECT reference, count(*) FROM entry WHERE queue = 'orders' GROUP BY reference"
                                  " ORDER BY CAST(reference AS INTEGER)"))


if __name__ == "__main__":
    unittest.main()
