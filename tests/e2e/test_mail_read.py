"""getHeaderOnly and getAll: which messages, which columns, what becomes of attachments."""

import email.message
import json
import os
import unittest

from inqueue import NO, USAGE, message, messages
from mail_case import MailCase, OnCyrus, OnDovecot
from proxy import SERVER, Proxy

HEADER_COLUMNS = ("answered,bcc,cc,date,deleted,draft,flagged,from,header,lines,messageId,messageNumber,recent,replyTo,"
                  "rxdDate,seen,sentDate,size,subject,to,uid").split(",")
ALL_COLUMNS = HEADER_COLUMNS + ["attachments", "attachmentFiles", "body", "cids", "htmlBody", "textBody"]


def with_attachments(*names, subject="Papers", content=b"%PDF-1.4", **options):
    made = message(subject)
    for name in names:
        made.add_attachment(content, maintype="application", subtype="pdf", filename=name, **options)
    return made


class Selection(MailCase):
    def setUp(self):
        super().setUp()
        self.deliver(*messages(6))
        with self.look() as mailbox:
            mailbox.expunge("INBOX", mailbox.messages()[0].uid)
            self.uids = [found.uid for found in mailbox.messages()]

    def found(self, *arguments):
        rows = self.rows("getHeaderOnly", *arguments)
        for row in rows:
            self.assertEqual(self.uids[row["messageNumber"] - 1], row["uid"])
        return [row["messageNumber"] for row in rows]

    def test_everything_is_the_default(self):
        self.assertEqual([1, 2, 3, 4, 5], self.found())
        self.assertEqual(5, len(self.inqueue("mail", *self.account(), "--json").stdout.splitlines()))

    def test_uid(self):
        self.assertEqual([1, 3, 4], self.found("--uid", f"{self.uids[2]}:{self.uids[3]},{self.uids[0]}"))
        self.assertEqual([4, 5], self.found("--uid", f"{self.uids[3]}:*"))
        self.assertEqual([2, 3], self.found("--uid", f"{self.uids[2]}:{self.uids[1]}"))

    def test_uid_wins(self):
        self.assertEqual([1], self.found("--uid", self.uids[0], "--message-number", "5", "--start-row", "4"))

    def test_message_number(self):
        self.assertEqual([2, 4, 5], self.found("--message-number", "4:5,2"))
        self.assertEqual([5], self.found("--message-number", "5:9", "--start-row", "1", "--max-rows", "1"))

    def test_window(self):
        self.assertEqual([3, 4], self.found("--start-row", "3", "--max-rows", "2"))
        self.assertEqual([1, 2], self.found("--max-rows", "2"))
        self.assertEqual([4, 5], self.found("--start-row", "4"))
        self.assertEqual([], self.found("--start-row", "6"))

    def test_unknown_messages_are_reported(self):
        self.refuses(NO, "getHeaderOnly", "--uid", f"{self.uids[0]},987", says=["getHeaderOnly", "'INBOX'", "UID 987"])
        self.refuses(NO, "getAll", "--message-number", "6:7", says=["'INBOX'", "message number 6:7"])

    def test_unknown_message_in_its_row(self):
        result = self.mail("getHeaderOnly", "--uid", f"987,{self.uids[1]}", "--stop-on-error", "no", "--json", expect=NO)
        rows = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertEqual([(987, True), (self.uids[1], False)], [(row["uid"], bool(row["error"])) for row in rows])
        self.assertIn("UID 987", rows[0]["error"])
        self.assertIn("UID 987", result.stderr)

    def test_words_that_are_no_selection(self):
        for option, value in [("uid", ""), ("uid", "0"), ("uid", "a"), ("uid", "1,,2"), ("uid", "1:2:3"),
                              ("uid", "4294967296"), ("message-number", "-1"), ("start-row", "0"), ("max-rows", "x")]:
            with self.subTest(option=option, value=value):
                self.refuses(USAGE, "getHeaderOnly", f"--{option}", value, says=f"--{option}")

    def test_folder(self):
        self.create("Other")
        self.deliver(message("There"), folder="Other")
        self.assertEqual(["There"], self.column("subject", "getHeaderOnly", "--folder", "Other"))
        self.refuses(NO, "getHeaderOnly", "--folder", "Othre", says=["'Othre'", "does not exist"])

    def test_nothing_is_marked(self):
        self.found()
        self.rows("getAll")
        self.assertEqual([set()] * 5, self.flags())


class Columns(MailCase):
    def test_header_columns(self):
        sent = message("Größe 日本", sender="Ann Lee <ann@example.com>", Cc="c@example.com, d@example.com",
                       Bcc="hidden@example.com", Reply_To="Büro <desk@example.com>", Lines="17")
        self.deliver(sent, flags=["\\Seen", "\\Flagged"], date='"05-Mar-2026 07:08:09 +0100"')
        row, = self.rows("getHeaderOnly")
        self.assertEqual(HEADER_COLUMNS + ["error"], list(row))
        self.assertEqual((True, True, False, False, False), tuple(row[name] for name in (
            "seen", "flagged", "answered", "deleted", "draft")))
        expected = {"subject": "Größe 日本", "from": "Ann Lee <ann@example.com>", "to": "Robot <robot@example.com>",
                    "cc": "c@example.com, d@example.com", "bcc": "hidden@example.com",
                    "replyTo": "Büro <desk@example.com>", "date": "Tue, 03 Mar 2026 09:30:00 +0100",
                    "sentDate": "2026-03-03T08:30:00Z", "rxdDate": "2026-03-05T06:08:09Z", "lines": 17,
                    "messageId": sent["Message-ID"], "messageNumber": 1, "error": None}
        self.assertEqual(expected, {name: row[name] for name in expected})
        self.assertIn("Subject: Größe 日本\n", row["header"])
        with self.look() as mailbox:
            self.assertEqual(len(mailbox.messages()[0].raw), row["size"])

    def test_all_columns(self):
        made = message("Both", body="Text äöü\nsecond line\n")
        made.add_alternative('<p>HTML</p><img src="cid:logo@example.com">', subtype="html")
        made.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="logo.png", cid="<logo@example.com>")
        made.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="a, \"b\".pdf")
        self.deliver(made)
        row, = self.rows("getAll")
        self.assertEqual(ALL_COLUMNS + ["error"], list(row))
        self.assertEqual("Text äöü\nsecond line\n", row["textBody"])
        self.assertEqual(row["textBody"], row["body"])
        self.assertIn("<p>HTML</p>", row["htmlBody"])
        self.assertEqual(["logo@example.com", None], row["cids"])
        self.assertEqual("logo.png", row["attachments"][0])
        self.assertEqual([], row["attachmentFiles"])
        with self.look() as mailbox:
            raw = mailbox.messages()[0].raw
        self.assertEqual(raw.split(b"\r\n\r\n", 1)[1].count(b"\n"), row["lines"])

    def test_body_of_html_mail(self):
        made = email.message.EmailMessage()
        made["Subject"] = "Only HTML"
        made.set_content("<b>Hello</b>", subtype="html")
        self.deliver(made)
        row, = self.rows("getAll")
        self.assertEqual((None, "<b>Hello</b>\n", "<b>Hello</b>\n"), (row["textBody"], row["htmlBody"], row["body"]))

    def test_body_with_anything_in_it(self):
        body = 'quote " backslash \\ tab\t line\n{"json":1},csv;\u2028 😀\n' * 2000
        self.deliver(message("Odd", body=body))
        self.assertEqual([body], self.column("body", "getAll"))
        shown = body.replace("\u2028", "\\u2028")
        self.assertEqual([shown], [row["body"] for row in self.csv("getAll", "--csv")])

    def test_csv(self):
        self.deliver(message('=cmd|"x", y', body="b\n"))
        row, = self.csv("getHeaderOnly", "--csv")
        self.assertEqual(('=cmd|"x", y', "false", ""), (row["subject"], row["seen"], row["error"]))
        self.assertEqual(HEADER_COLUMNS + ["error"], list(row))
        row, = self.csv("getAll", "--csv-guard", "--columns", "subject, BODY")
        self.assertEqual({"subject": "'=cmd|\"x\", y", "body": "b\n"}, row)
        self.refuses(USAGE, "getHeaderOnly", "--csv", "--json", says="exclude")

    def test_csv_of_an_empty_folder_has_its_heading(self):
        self.assertEqual("uid,seen\r\n", self.mail("--columns", "uid,seen", "--csv").stdout)

    def test_columns(self):
        self.deliver(message("A"))
        self.assertEqual([{"subject": "A", "uid": 1}], self.rows("--columns", "subject,UID"))
        self.refuses(USAGE, "getHeaderOnly", "--columns", "uid,body", says=["'body'", "messageNumber"])

    def test_table(self):
        self.deliver(message("Line\tone"), flags=["\\Seen", "\\Answered"])
        heading, row = self.mail("getHeaderOnly").stdout.splitlines()
        self.assertRegex(heading, r"NUMBER +UID FLAGS +RECEIVED +SIZE FROM +SUBJECT")
        self.assertRegex(row, r"^ +1 +1 SAR? .* Ann Lee <ann@example.com> +Line one$")


class Attachments(MailCase):
    def setUp(self):
        super().setUp()
        self.path = self.folder / "new" / "attachments"

    def saved(self, *more):
        rows = self.rows("getAll", "--attachment-path", self.path, *more)
        files = [file for row in rows for file in row["attachmentFiles"]]
        self.assertEqual([], [file for file in files if not file.startswith(f"{self.path}/")])
        return [file.removeprefix(f"{self.path}/") for file in files]

    def listing(self):
        return sorted(path.name for path in self.path.iterdir())

    def test_saved_where_wanted(self):
        self.deliver(with_attachments("a.pdf", "Ünï.pdf", content=b"one"))
        self.assertEqual(["a.pdf", "Ünï.pdf"], self.saved())
        self.assertEqual(b"one", (self.path / "Ünï.pdf").read_bytes())

    def test_on_a_terminal_with_text_and_files(self):
        self.deliver(with_attachments("a.pdf", content=b"one"))
        shown = self.on_terminal("mail", "getAll", *self.account(), "--attachmentPath", "saved/here").stdout
        self.assertRegex(shown, rf"SUBJECT\r\n[^\n]*\r\n\r\n[^\n]+\r\nattachment: a\.pdf, saved as {self.folder}/saved/here/a\.pdf\r\n\r\n\Z")
        self.assertNotIn("attachment:", self.mail("getAll", "--columns", "subject").stdout)
        self.assertIn("\nattachment: a.pdf\n", self.mail("getAll").stdout)

    def test_paths_are_absolute(self):
        self.deliver(with_attachments("a.pdf", content=b"one"))
        row, = self.rows("getAll", "--ATTACHMENT-PATH", "saved")
        self.assertEqual([str(self.folder / "saved" / "a.pdf")], row["attachmentFiles"])

    def test_existing_file_is_replaced_where_that_is_asked_for(self):
        self.deliver(with_attachments("a.pdf", content=b"new"))
        self.path.mkdir(parents=True)
        target = self.folder / "elsewhere"
        target.write_bytes(b"old")
        (self.path / "a.pdf").symlink_to(target)
        self.refuses(74, "getAll", "--attachment-path", self.path, says=["a.pdf' exists already", "--overwrite"])
        self.refuses(64, "getAll", "--attachment-path", self.path, "--overwrite", "--generate-unique-filenames",
                     says="exclude each other")
        self.assertEqual(["a.pdf"], self.saved("--overwrite"))
        self.assertEqual((b"new", b"old"), ((self.path / "a.pdf").read_bytes(), target.read_bytes()))

    def test_unique_names(self):
        self.deliver(with_attachments("a.tar.gz", "noext", "a.tar.gz"), with_attachments("noext"))
        unique = "--generate-unique-filenames"
        self.assertEqual(["a.tar.gz", "noext", "a.tar1.gz", "noext1"], self.saved(unique))
        self.assertEqual(["a.tar2.gz", "noext2", "a.tar3.gz", "noext3"], self.saved(unique))
        self.assertEqual(8, len(self.listing()))

    def test_nothing_outside(self):
        self.deliver(with_attachments("../../escape", "/etc/passwd", "..", "a\\b\\c.pdf", ".profile"))
        self.assertEqual(5, len(self.saved("--generate-unique-filenames")))
        self.assertEqual(5, len(self.listing()))
        self.assertFalse((self.folder / "escape").exists())

    def test_listed_only(self):
        self.deliver(with_attachments("a.pdf"))
        row, = self.rows("getAll")
        self.assertEqual((["a.pdf"], []), (row["attachments"], row["attachmentFiles"]))
        self.rows("getAll", "--attachment-path", self.path, "--dry-run")
        self.assertFalse(self.path.exists())

    def test_file_that_cannot_be_saved(self):
        self.deliver(with_attachments("a.pdf"), message("Second"))
        (self.path / "a.pdf").mkdir(parents=True)
        arguments = ["getAll", "--attachment-path", self.path, "--overwrite"]
        self.refuses(74, *arguments, says=["getAll", "UID 1", "'INBOX'", "a.pdf", "directory"])
        result = self.mail(*arguments, "--stop-on-error", "no", "--json", expect=74)
        first, second = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertIn("a.pdf", first["error"])
        self.assertEqual(("Second", None), (second["subject"], second["error"]))
        self.assertEqual(["a.pdf"], self.listing())


class Many(OnDovecot, MailCase):
    """Rows appear as they come: the reader's pace is the program's."""

    def fill(self, count):
        folder = self.server.folder / "mail" / self.user / "cur"
        with self.look() as mailbox:
            mailbox.count()  # the server makes its folders
        for number in range(count):
            path = folder / f"{1700000000 + number}.M{number}P1.example:2,"
            path.write_bytes(b"From: Ann Lee <ann@example.com>\r\nSubject: Invoice %d\r\n\r\nbody\r\n" % number)
            self.server.give_away(path)

    def test_streams(self):
        self.fill(3000)
        for action in ["getHeaderOnly", "getAll"]:
            process = self.start("mail", action, "--json", *self.account())
            first = os.read(process.stdout.fileno(), 2000)
            self.assertEqual(1, json.loads(first.split(b"\n")[0])["messageNumber"])
            self.assertIsNone(process.poll(), "the pipe is too small for all")
            self.assertEqual(3000, first.count(b"\n") + self.finish(process).stdout.count("\n"))

    def test_window_fetches_no_more(self):
        self.fill(500)
        with Proxy(self.server.port) as proxy:
            account = self.account()
            account[3] = proxy.port
            self.assertEqual([301, 302], self.column("messageNumber", "getHeaderOnly", "--start-row", "301",
                                                     "--max-rows", "2", *account))
            self.assertEqual(2, bytes(proxy.seen[SERVER]).count(b"Subject: Invoice"))


class DovecotSelection(OnDovecot, Selection):
    pass


class CyrusSelection(OnCyrus, Selection):
    pass


class DovecotColumns(OnDovecot, Columns):
    pass


class CyrusColumns(OnCyrus, Columns):
    pass


class DovecotAttachments(OnDovecot, Attachments):
    pass


class CyrusAttachments(OnCyrus, Attachments):
    pass


del Selection, Columns, Attachments

if __name__ == "__main__":
    unittest.main()
