"""What an operator and a program see of the entries: list, show, save, status, and the database itself."""

import subprocess
import unittest

from inqueue import IO, NO, PROGRAM, USAGE, LoadCase, message


class EntriesCase(LoadCase):
    def load(self, *mail, **keys):
        self.deliver(*mail)
        self.create_queue(**keys)
        self.inqueue("load", "invoices")

    @staticmethod
    def with_attachments(*files, subject="Invoice 4711"):
        """files: (name, bytes)."""
        made = message(subject)
        for name, content in files:
            made.add_attachment(content, maintype="application", subtype="pdf", filename=name)
        return made


class List(EntriesCase):
    def setUp(self):
        super().setUp()
        with self.look() as mailbox:
            mailbox.append(message("First", sender="Ann Lee <ann@example.com>"), date='"01-Mar-2026 23:30:00 +0000"')
            mailbox.append(message("Zweite Mahnung: 100 €", sender="Jürgen <bob@example.com>"),
                           date='"02-Mar-2026 08:00:00 +0100"')
        self.create_queue()
        self.inqueue("load")

    def listed(self, *options):
        return [entry["subject"] for entry in self.json_lines("list", "--json", *options)]

    def test_table(self):
        lines = self.inqueue("list", "invoices").stdout.splitlines()
        self.assertRegex(lines[0], "ID.*STATE.*RECEIVED.*SENDER.*SUBJECT")
        self.assertRegex(lines[1], r"1 +new +2026-03-01T23:30:00Z +Ann Lee <ann@example\.com> +First")
        self.assertRegex(lines[2], r"2 .* 2026-03-02T07:00:00Z +Jürgen <bob@example\.com> .*Zweite Mahnung: 100 €")

    def test_filters(self):
        self.assertEqual(["First", "Zweite Mahnung: 100 €"], self.listed())
        self.assertEqual(["Zweite Mahnung: 100 €", "First"], self.listed("--newest"))
        self.assertEqual(["First"], self.listed("--limit", "1"))
        self.assertEqual(["First"], self.listed("--sender", "ANN@"))
        self.assertEqual(["Zweite Mahnung: 100 €"], self.listed("--subject", "mahnung"))
        self.assertEqual([], self.listed("--state", "bad"))
        self.assertEqual(["Zweite Mahnung: 100 €"], self.listed("--since", "2026-03-02"))
        self.assertEqual(["First"], self.listed("--until", "2026-03-02"))
        self.assertEqual([], self.listed("--subject", "100%"))

    def test_wrong_filters(self):
        for option, value in [("--state", "lost"), ("--since", "yesterday"), ("--limit", "-1")]:
            self.fails(USAGE, "list", option, value, says=option)
        self.fails(NO, "list", "nosuch", says="'nosuch'")


class Show(EntriesCase):
    def test_all_fields_bodies_and_attachments(self):
        mail = self.with_attachments(("Rechnung März.pdf", b"%PDF-1.4 example"))
        mail["Cc"] = "Carl <carl@example.com>, dora@example.com"
        mail["Reply-To"] = "Accounts <accounts@example.com>"
        mail["In-Reply-To"] = "<earlier@example.com>"
        mail["References"] = "<first@example.com> <earlier@example.com>"
        self.load(mail)
        shown = self.inqueue("show", "1", "--json").json()
        expected = {
            "id": 1, "queue": "invoices", "state": "new", "priority": 0, "attempt_count": 0, "subject": "Invoice 4711",
            "sender": "Ann Lee <ann@example.com>", "recipient": "Robot <robot@example.com>",
            "cc": "Carl <carl@example.com>; dora@example.com", "bcc": None,
            "reply_to": "Accounts <accounts@example.com>", "message_id": mail["Message-ID"],
            "in_reply_to": "<earlier@example.com>", "thread_references": "<first@example.com> <earlier@example.com>",
            "date_sent": "2026-03-03T08:30:00Z", "message_body": "Please pay.\n", "html_body": None, "defects": [],
        }
        self.assertEqual(expected, {key: shown[key] for key in expected})
        attachment, = shown["attachments"]
        self.assertEqual((1, "Rechnung März.pdf", "application/pdf", "attachment", 16),
                         tuple(attachment[key] for key in ("position", "file_name", "content_type", "disposition",
                                                           "size")))
        self.assertIn(["From", "Ann Lee <ann@example.com>"], shown["headers"])
        text = self.inqueue("show", "1").stdout
        for word in ["Invoice 4711", "Ann Lee <ann@example.com>", "Rechnung März.pdf", "Please pay.", "carl@"]:
            self.assertIn(word, text)

    def test_unknown_entry(self):
        self.load(message())
        self.fails(NO, "show", "7", says="7")
        self.fails(USAGE, "show", "-1x", says="-1x|option")

    def test_control_characters_never_reach_the_terminal(self):
        self.load(b"From: a@example.com\r\nSubject: =?utf-8?q?red_=1b[31m_=07_end?=\r\n\r\n"
                  b"body \x1b]0;title\x07\x9b31m\r\n")
        for arguments in [("list",), ("show", "1")]:
            self.assertNotRegex(self.inqueue(*arguments).stdout, r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Save(EntriesCase):
    def save(self, *options, **more):
        return self.inqueue("save", "1", "--to", self.folder / "out", *options, **more)

    def saved(self):
        return {path.name: path.read_bytes() for path in (self.folder / "out").iterdir()}

    def test_all_attachments(self):
        self.load(self.with_attachments(("a.pdf", b"one"), ("ä ö.pdf", b"two"), ("a.pdf", b"three")))
        paths = self.save().stdout.splitlines()
        self.assertEqual({"a.pdf": b"one", "ä ö.pdf": b"two", "a (2).pdf": b"three"}, self.saved())
        self.assertEqual([str(self.folder / "out" / name) for name in ["a.pdf", "ä ö.pdf", "a (2).pdf"]], paths)

    def test_one_attachment(self):
        self.load(self.with_attachments(("a.pdf", b"one"), ("b.pdf", b"two")))
        self.save("--attachment", "2")
        self.assertEqual({"b.pdf": b"two"}, self.saved())
        self.fails(NO, "save", "1", "--attachment", "3", says=["entry 1", "3"])

    def test_raw_message(self):
        self.load(message(), keepRaw=True)
        self.save("--raw")
        with self.look() as mailbox:
            self.assertEqual({"entry-1.eml": mailbox.messages("DROPBOX")[0].raw}, self.saved())

    def test_raw_message_that_was_not_kept(self):
        self.load(message())
        self.fails(NO, "save", "1", "--raw", says=["entry 1", "keepRaw=True"])

    def test_existing_file_is_never_overwritten_unless_told(self):
        self.load(self.with_attachments(("a.pdf", b"one")))
        (self.folder / "out").mkdir()
        (self.folder / "out" / "a.pdf").write_bytes(b"mine")
        self.fails(IO, "save", "1", "--to", self.folder / "out", says=["a.pdf", "--overwrite"])
        self.assertEqual({"a.pdf": b"mine"}, self.saved())
        self.save("--overwrite")
        self.assertEqual({"a.pdf": b"one"}, self.saved())

    def test_names_never_lead_outside(self):
        names = ["../../evil.pdf", "/etc/evil.pdf", "..\\..\\evil.pdf", "..", ".", "C:evil.pdf", ".bashrc",
                 "nul\0l.pdf", "line\nbreak.pdf", "x" * 300 + ".pdf", "CON.pdf", "-rf.pdf"]
        parts = b"".join(b"--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename*=utf-8''" +
                         b"".join(b"%%%02X" % octet for octet in name.encode()) + b"\r\n\r\nx\r\n" for name in names)
        self.load(b"From: a@example.com\r\nSubject: s\r\nMIME-Version: 1.0\r\n"
                  b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + parts + b"--b--\r\n")
        before = {path for path in self.folder.rglob("*")}
        self.save()
        new = {path for path in self.folder.rglob("*")} - before - {self.folder / "out"}
        self.assertEqual(len(names), len(new))
        for path in new:
            self.assertEqual(self.folder / "out", path.parent)
            self.assertRegex(path.name, r"\A[^./\\:\x00-\x1f][^/\\:\x00-\x1f]{0,210}\Z")

    def test_symbolic_link_is_not_followed(self):
        self.load(self.with_attachments(("a.pdf", b"one")))
        (self.folder / "out").mkdir()
        outside = self.file("outside", "mine")
        (self.folder / "out" / "a.pdf").symlink_to(outside)
        self.fails(IO, "save", "1", "--to", self.folder / "out", says="a.pdf")
        self.save("--overwrite")
        self.assertEqual("mine", outside.read_text())

    def test_unwritable_folder(self):
        self.load(self.with_attachments(("a.pdf", b"one")))
        self.fails(IO, "save", "1", "--to", "/proc/nosuch", says="/proc/nosuch")

    def test_standard_output_that_is_full(self):
        self.load(message())
        with open("/dev/full", "wb") as full:
            process = subprocess.run([PROGRAM, "show", "1"], stdout=full, stderr=subprocess.PIPE, text=True,
                                     env=self.environment, check=False)
        self.assertEqual(IO, process.returncode)
        self.assertRegex(process.stderr, r"\A[^\n]*No space left[^\n]*\n\Z")


class Status(EntriesCase):
    def test_per_queue(self):
        self.deliver(message("a"), message("b"), message("Huge", "long line\n" * 1000))
        self.create_queue(maxSize="4KB")
        self.create_queue(name="idle")
        self.inqueue("queue", "pause", "idle")
        self.inqueue("load", "invoices", "--limit", "2")
        shown = {row["queue"]: row for row in self.json_lines("status", "--json")}
        self.assertEqual((2, 0, 0, 0, 0, 1, "OK; 2 items.", False),
                         tuple(shown["invoices"][key] for key in ("new", "claimed", "done", "failed", "bad",
                                                                  "not_collected", "last_message", "paused")))
        self.assertRegex(shown["invoices"]["oldest_new"], r"^\d{4}-\d\d-\d\dT")
        self.assertEqual((0, None, None, True),
                         tuple(shown["idle"][key] for key in ("new", "last_action", "last_message", "paused")))
        self.inqueue("load", "invoices")
        lines = self.inqueue("status").stdout.splitlines()
        self.assertRegex(lines[0], "QUEUE +STATE +WAITING +OLDEST +BAD +LAST LOOK")
        self.assertRegex(lines[-1], r"invoices +active +2 +\d{4}-\S+Z +1 +\d{4}-\S+Z$")
        self.assertRegex(self.inqueue("status", "invoices").stdout, r"last look +\d{4}-\S+Z: OK; 1 item, bad\.\n")
        self.assertEqual(1, len(self.json_lines("status", "idle", "--json")))
        self.fails(NO, "status", "nosuch", says="'nosuch'")


class Database(EntriesCase):
    """The tables are an interface: an operator reads them with the sqlite3 shell."""

    def shell(self, statement):
        return subprocess.run(["sqlite3", self.database, statement], capture_output=True, text=True, check=True,
                              cwd=self.folder).stdout

    def test_files_are_written_by_the_documented_statement(self):
        self.load(self.with_attachments(("a.pdf", b"one"), ("b.pdf", b"\0two\n")))
        self.shell("SELECT writefile(file_name, data) FROM attachment_data WHERE entry_id = 1")
        self.assertEqual([b"one", b"\0two\n"], [(self.folder / name).read_bytes() for name in ("a.pdf", "b.pdf")])

    def test_header_view_opens_the_json(self):
        mail = message()
        mail["X-Case"] = "4711"
        self.load(mail)
        self.assertEqual("4711\n", self.shell("SELECT value FROM header WHERE entry_id = 1 AND name = 'X-Case'"))
        names = self.column("SELECT name FROM header WHERE entry_id = 1 ORDER BY position")
        self.assertEqual(list(mail.keys()), names)

    def test_overview(self):
        self.load(message())
        self.assertEqual("invoices|1|OK; 1 item.\n", self.shell("SELECT name, new, last_message FROM queue_overview"))

    def test_equal_content_is_stored_once(self):
        self.load(self.with_attachments(("a.pdf", b"same")), self.with_attachments(("b.pdf", b"same")))
        self.assertEqual([(2, 1)], self.sql("SELECT (SELECT count(*) FROM attachment), (SELECT count(*) FROM content)"))

    def test_times_and_hashes_read_well(self):
        self.load(message())
        sent, created, digest = self.sql("SELECT date_sent, record_created, raw_sha256 FROM entry")[0]
        self.assertEqual("2026-03-03T08:30:00Z", sent)
        self.assertRegex(created, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertRegex(digest, "^[0-9a-f]{64}$")

    def test_every_column_of_the_interface_is_there(self):
        self.load(message())
        columns = {row[1] for row in self.sql("PRAGMA table_info(entry)")}
        self.assertLessEqual({
            "id", "subject", "sender", "recipient", "cc", "bcc", "reply_to", "date_sent", "date_received",
            "message_body", "html_body", "message_id", "in_reply_to", "thread_references", "state", "priority",
            "attempt_count", "error_kind", "error_text", "last_attempt_at", "next_attempt_at", "lease_owner",
            "lease_token", "lease_until", "raw_sha256", "raw_size", "headers", "defects", "record_created",
            "record_updated"}, columns)


if __name__ == "__main__":
    unittest.main()
