"""getHeaderOnly and getAll look for messages, as ColdFusion's cfimapfilter does: words in any alphabet, flags, times."""

import unittest

from inqueue import USAGE, message
from mail_case import MailCase, OnCyrus, OnDovecot


def at(day, hour):
    return f'"{day:02d}-Mar-2026 {hour:02d}:00:00 +0000"'


class Filters(MailCase):
    def setUp(self):
        super().setUp()
        with self.look() as mailbox:
            mailbox.append(message("Straßenfest in Köln", "Grüße aus dem Süden\n", sender="Jörg Ärger <joerg@example.com>"),
                           date=at(3, 9), flags=["\\Seen"])
            mailbox.append(message("Invoice (7) \"paid\"", "Nothing\n", sender="Bea Fox <bea@example.com>"), date=at(3, 15), flags=["\\Flagged", "\\Answered"])
            mailbox.append(message("見積書の件", "お世話になっております\n"), date=at(4, 1))
            late = message("Invoice 8", "Thanks\n")
            del late["Date"]
            late["Date"] = "Fri, 06 Mar 2026 12:00:00 +0000"
            mailbox.append(late, date=at(6, 12))

    def found(self, *arguments, action="getHeaderOnly"):
        return [row["messageNumber"] for row in self.rows(action, *arguments)]

    def test_subject_sender_recipient_text(self):
        for arguments, numbers in [(["--subject", "invoice"], [2, 4]), (["--subject", "köln"], [1]), (["--subject", "見積"], [3]),
                                   (["--subject", '(7) "paid'], [2]), (["--from", "bea@"], [2]), (["--to", "robot"], [1, 2, 3, 4]),
                                   (["--text", "Süden"], [1]), (["--text", "お世話"], [3]), (["--subject", "invoice", "--from", "bea"], [2]),
                                   (["--subject", "Straßenfest", "--text", "GRÜßE"], [1]), (["--subject", "nobody"], [])]:
            with self.subTest(arguments=arguments):
                self.assertEqual(numbers, self.found(*arguments))
        self.assertEqual(["Grüße aus dem Süden\n"], [row["textBody"] for row in self.rows("getAll", "--subject", "köln")])

    def test_flags(self):
        for flags, numbers in [("seen", [1]), ("UNSEEN", [2, 3, 4]), ("flagged,answered", [2]), ("unseen,unflagged", [3, 4])]:
            with self.subTest(flags=flags):
                self.assertEqual(numbers, self.found("--flag", flags))

    def test_times_of_receipt_are_exact(self):
        for arguments, numbers in [(["--since", "2026-03-03T10:00:00Z"], [2, 3, 4]), (["--until", "2026-03-03T15:00:00Z"], [1]),
                                   (["--since", "2026-03-03", "--until", "2026-03-04"], [1, 2]),
                                   (["--since", "2026-03-04T01:00:00Z", "--until", "2026-03-06"], [3])]:
            with self.subTest(arguments=arguments):
                self.assertEqual(numbers, self.found(*arguments))

    def test_days_of_sending(self):
        self.assertEqual([4], self.found("--sent-since", "2026-03-06"))
        self.assertEqual([1, 2, 3], self.found("--sent-until", "2026-03-06"))

    def test_rows_are_counted_among_those_found(self):
        self.assertEqual([4], self.found("--subject", "invoice", "--start-row", "2"))
        self.assertEqual([2], self.found("--subject", "invoice", "--max-rows", "1"))
        self.assertEqual([], self.found("--subject", "invoice", "--start-row", "3"))

    def test_over_a_connection_that_is_kept(self):
        """The keeper must not take what is inside a literal for a command."""
        self.mail("open", "work")
        for word, numbers in [("köln\x20logout", []), ("Köln", [1]), ("見積", [3])]:
            rows = self.json_lines("mail", "getHeaderOnly", "--connection", "work", "--subject", word, "--json")
            self.assertEqual(numbers, [row["messageNumber"] for row in rows])
        self.inqueue("mail", "close", "work")

    def test_in_a_script(self):
        script = '{"action":"getHeaderOnly","subject":"köln","columns":"messageNumber"}\n'
        result = self.mail("script", "-", "--json", stdin=script)
        self.assertEqual([{"messageNumber": 1}], result.json()["rows"])

    def test_wrong_use(self):
        self.refuses(USAGE, "getAll", "--subject", "", says="--subject takes a text that is looked for")
        self.refuses(USAGE, "getAll", "--flag", "red", says="--flag takes seen, answered")
        self.refuses(USAGE, "getAll", "--subject", "x", "--uid", "7", says="--uid and --message-number name messages")
        self.refuses(USAGE, "getAll", "--subject", "a\nb", says="control characters")
        self.refuses(USAGE, "delete", "--subject", "x", "--yes", says="unknown option --subject")


class FiltersOnDovecot(OnDovecot, Filters):
    pass


class FiltersOnCyrus(OnCyrus, Filters):
    pass


del Filters

if __name__ == "__main__":
    unittest.main()
