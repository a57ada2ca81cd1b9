"""Text that strangers have written, in every field, on every command's way to a terminal or into a pipe."""

import contextlib
import csv
import functools
import io
import json
import os
import re
import unicodedata
import unittest

from deliveries import DeliverCase
from entries import connect
from inqueue import CONFIGURATION, CREDENTIALS, IO, NO, SOURCE_DIR, UNREACHABLE, USAGE
from receiver import Answer

EVIL = "\x1b[31m\x07\x7f\x9b2J\u202eevil\u2066\u200b\ufeff\u00ad\U000e0041\x85end"
SEEN = r"\x1b[31m\x07\x7f\u009b2J\u202eevil\u2066\u200b\ufeff\u00ad\U000e0041\u0085end"
# What mail and arguments may bring as far as the database, which takes no control characters from them.
TURNED = "\u202efdp.exe\u2066\u200b\U000e0041"
SEEN_TURNED = r"\u202efdp.exe\u2066\u200b\U000e0041"

MAIL = b"""\
From: "Ann \xe2\x80\xae\xc2\x9b Lee" <ann@example.com>
To: =?utf-8?q?Robot_=1B=E2=80=AE_x?= <robot@example.com>
Cc: =?utf-8?q?=E2=81=A6Cc?= <cc@example.com>
Reply-To: =?utf-8?q?=E2=80=8BReply?= <reply@example.com>
Subject: =?utf-8?q?=1B[31m=C2=9B2J=E2=80=AEevil=E2=80=8B=F3=A0=81=81?=
Date: Tue, 03 Mar 2026 09:30:00 +0100
Message-ID: <one\xe2\x80\xae@example.com>
In-Reply-To: <two\xe2\x80\xae@example.com>
References: <three\xe2\x80\xae@example.com>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: multipart/alternative; boundary=c

--c
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Pay \x1b[31m \xc2\x9b2J \xe2\x80\xae now \xe2\x80\x8b.
--c
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: 8bit

<p title="\xe2\x80\xae">Pay \x1b[31m \xc2\x9b2J \xe2\x80\xae now</p>
--c--
--b
Content-Type: text/calendar; charset=utf-8; method=REQUEST
Content-Transfer-Encoding: 8bit

BEGIN:VCALENDAR
METHOD:REQUEST
BEGIN:VEVENT
UID:1
DTSTART:20260303T090000Z
SUMMARY:\xe2\x80\xaesummary
LOCATION:\xe2\x80\xaelocation
ORGANIZER;CN=\xe2\x80\xaeAnn:mailto:ann@example.com
END:VEVENT
END:VCALENDAR
--b
Content-Type: application/pdf
Content-Disposition: attachment; filename*=utf-8''%E2%80%AEfdp.exe%C2%9B.pdf
Content-ID: <\xe2\x80\xaecid>

%PDF
--b--
""".replace(b"\n", b"\r\n")


def hidden(text):
    """The characters of a text that would move a cursor, turn the line around, or be seen by nobody."""
    return sorted({f"{ord(c):x}" for c in text
                   if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c != "\n"})


class Strangers(DeliverCase):
    def setUp(self):
        super().setUp()
        evil = EVIL.encode()
        self.target_server = self.receiver(Answer(422, headers={"X-Evil": "\x1b[31m\x9b2J"}, body=b"no: \xff" + evil,
                                                  reason="\x1b[31m\x9b2J\xe2\x80\xae refused"))
        self.target(self.target_server.url(), "--deliver-format", "json", keepRaw=True)
        self.deliver(MAIL)
        self.inqueue("load")

    def change(self, statement, *parameters):
        with contextlib.closing(connect(self.database)) as database:
            database.execute(statement, parameters)

    def plant(self):
        """What only somebody who writes to the database can bring into it."""
        self.change("INSERT INTO entry_result (entry_id, output, output_at, progress, progress_at) SELECT id, '1',"
                    " record_created, 'x', record_created FROM entry_status")
        for table, columns in {
            "entry_mail": ["subject", "sender", "recipient", "cc", "bcc", "reply_to", "message_id", "in_reply_to",
                           "thread_references", "auto_reason", "message_body", "html_body"],
            "attachment": ["file_name", "declared_name", "content_type", "content_id"],
            "delivery": ["answer", "error"],
            "work_queue": ["user_name", "last_message"],
            "target": ["stopped"],
            "entry_calendar": ["summary", "location", "organizer", "method"],
            "entry_result": ["progress"],
            "entry_bounce": ["address", "original_address", "status", "diagnostic", "original_id"],
        }.items():
            for column in columns:
                self.change(f"UPDATE {table} SET {column} = ?", EVIL)
        self.change("UPDATE entry_result SET output = ?", json.dumps({EVIL: EVIL}, ensure_ascii=False))
        self.change("UPDATE entry_mail SET defects = ?, headers = ?", json.dumps([EVIL]), json.dumps([[EVIL, EVIL]]))
        self.change("INSERT OR REPLACE INTO queue_health (queue_id, refusals, refused_at, stopped_at, stopped_reason)"
                    " SELECT id, 3, '2026-03-01T12:00:00.000Z', '2026-03-01T12:00:00.000Z', ? FROM work_queue", EVIL)

    def check(self, *arguments, sees=None, expect=0, before=lambda: None):
        """In a pipe and on a terminal: nothing is hidden in what is printed, and `sees` stands there."""
        before()
        piped = self.inqueue(*arguments, expect=expect)
        before()
        shown = self.on_terminal(*arguments, expect=expect, columns=2000)
        for text in [piped.stdout + piped.stderr, shown.stdout]:
            with self.subTest(arguments=arguments):
                self.assertEqual([], hidden(re.sub("\r+\n", "\n", text)), text)
                if sees is not None:
                    self.assertIn(sees, text.replace("\r\n", "\n"))
        return piped.stdout

    def test_what_mail_and_targets_say(self):
        """As it comes: the loader and the parser have taken out what has no place in text."""
        self.inqueue("deliver", expect=0)
        for command in [["list"], ["show", 1], ["history", 1], ["delivery", "list"], ["delivery", "show", 1],
                        ["export", "--format", "csv"], ["stats"], ["status"], ["verify", "invoices"],
                        ["mail", "--queue", "invoices", "--folder", "DROPBOX"],
                        ["mail", "getAll", "--queue", "invoices", "--folder", "DROPBOX"],
                        ["mail", "getAll", "--queue", "invoices", "--folder", "DROPBOX", "--csv"],
                        ["mail", "getAll", "--queue", "invoices", "--folder", "DROPBOX", "--json"],
                        ["mail", "getAll", "--queue", "invoices", "--folder", "DROPBOX", "--columns",
                         "subject,from,to,cc,messageId,header,attachments,cids"],
                        ["show", 1, "--json"], ["list", "--json"], ["export"]]:
            with self.subTest(command=command):
                self.check(*command)
        self.assertIn(r"\u202eevil", self.check("show", 1))
        self.check("deliver", "--test", expect=CONFIGURATION, sees=r"\x1b[31m\x9b2J\u202e refused")
        (self.folder / "evil.eml").write_bytes(MAIL)
        self.check("parse", self.folder / "evil.eml", sees=r"\u202eevil")
        self.check("parse", self.folder / "evil.eml", "--json")
        self.check("save", 1, "--to", self.folder / TURNED, "--overwrite", sees=SEEN_TURNED)
        invalid = os.fsdecode(bytes(self.folder) + b"/\xff")
        self.check("save", 1, "--to", invalid, "--overwrite", sees=r"/\xff/")
        self.check("save", 1, "--to", invalid, "--overwrite", "--json", sees="/\ufffd/")

    def test_what_stands_in_the_database(self):
        self.inqueue("deliver")
        self.plant()
        for command in [["list"], ["show", 1], ["delivery", "list"], ["delivery", "show", 1], ["status"],
                        ["status", "invoices"], ["queue", "list"], ["queue", "show", "invoices"],
                        ["export", "--format", "csv"]]:
            self.check(*command, sees=SEEN)
        self.check("status", "--check", sees=SEEN, expect=NO)
        self.check("status", "--check", "--format", "nagios", sees=SEEN, expect=NO)
        self.check("load", "invoices", expect=CREDENTIALS, sees=SEEN)

    def test_json_keeps_the_value(self):
        self.inqueue("deliver")
        self.plant()
        shown = json.loads(self.check("show", 1, "--json", sees=r"\udb40\udc41"))
        self.assertEqual([EVIL] * 4, [shown["subject"], shown["message_body"], shown["html_body"],
                                      shown["attachments"][0]["file_name"]])
        self.assertEqual([EVIL], shown["defects"])
        for command in [["list", "--json"], ["export"]]:
            self.assertEqual(EVIL, json.loads(self.check(*command))["subject"])
        self.assertEqual(EVIL, json.loads(self.check("delivery", "list", "--json"))["answer"])
        self.assertEqual(EVIL, json.loads(self.check("status", "--json"))["last_message"])
        self.assertEqual(EVIL, json.loads(self.check("queue", "show", "invoices", "--json"))["user_name"])

    def test_what_commands_and_arguments_say(self):
        evil = self.file("evil", "#!/bin/sh\nprintf '\\033[31m\\302\\2332J\\342\\200\\256evil\\342' >&2\n"
                         "printf '\\200\\213\\377\\r\\nend\\n' >&2\nexit 1\n", mode=0o700)
        self.inqueue("queue", "alter", "invoices", "--deliver-to", "")
        again = functools.partial(self.change, "UPDATE entry_status SET state = 'new', error_kind = NULL, error_text = NULL,"
                                  " lease_owner = NULL, lease_token = NULL, lease_until = NULL, next_attempt_at = NULL")
        self.check("work", "invoices", "--until-empty", "--", evil, before=again,
                   sees="\\x1b[31m\\u009b2J\\u202eevil\\u200b\\xff\nend\n")
        self.check("claim", "invoices", "--worker", TURNED, "--attachments", self.folder / TURNED, before=again,
                   sees=SEEN_TURNED)
        self.inqueue("queue", "alter", "invoices", "--password-command", evil)
        self.check("load", "invoices", expect=CREDENTIALS, sees="\\x1b[31m\\u009b2J\\u202eevil\\u200b\\xff\nend\n")
        self.inqueue("queue", "alter", "invoices", "--password-file", self.folder / "invoices.password")
        self.inqueue("tag", 1, "--add", TURNED)
        self.inqueue("note", 1, TURNED, "--by", TURNED)
        for command in [["show", 1], ["history", 1], ["export", "--format", "csv"]]:
            self.check(*command, sees=SEEN_TURNED)
        self.check("retry", 1, sees=SEEN_TURNED, expect=NO)
        for code, command in [(NO, ["load", EVIL]), (NO, ["queue", "show", EVIL]), (USAGE, [EVIL]),
                              (USAGE, ["list", "--" + EVIL]), (NO, ["parse", EVIL]), (USAGE, ["mail", EVIL]),
                              (NO, ["list", EVIL]), (IO, ["mail", "script", EVIL, "--queue", "invoices"]),
                              (NO, ["mail", "--queue", "invoices", "--folder", TURNED]),
                              (UNREACHABLE, ["mail", "--server", TURNED, "--username", TURNED, "--password-env", "HOME"])]:
            result = self.inqueue(*command, expect=code)
            with self.subTest(command=command):
                self.assertRegex(result.stderr, r"\A[^\n]+\n\Z")
                self.assertEqual([], hidden(result.stderr))
                self.assertRegex(result.stderr, r"\\u202e|\?")

    def test_watch_logs_nothing_that_is_hidden(self):
        self.plant()
        for form in ["text", "json"]:
            result = self.inqueue("watch", "invoices", "--log-format", form, "--database", self.folder / EVIL, expect=NO)
            self.assertEqual([], hidden(result.stdout + result.stderr))

    def test_cells_of_a_spreadsheet(self):
        """What begins like a formula gets an apostrophe, in each way of writing it."""
        formulas = ["=1+1", "+1", "-1", "@a", "\uff1d1", "\uff0b1", "\uff0d1", "\uff201", "\ufe661", "  =1", "\u3000=1",
                    "\t1", "\n=1", "\r=1", "\n1"]
        harmless = ["1=1", "a-b", "'=1", " 1", "\u2014 1", ""]
        for text in formulas + harmless:
            self.change("UPDATE entry_mail SET subject = ?", text)
            row, = csv.DictReader(io.StringIO(self.inqueue("export", "--format", "csv").stdout, newline=""), strict=True)
            with self.subTest(text=text):
                expected = text.replace("\r", "\\x0d")
                self.assertEqual("'" + expected if text in formulas else expected, row["subject"])
                self.assertEqual(text, json.loads(self.inqueue("list", "--json").stdout)["subject"])


class OnePlace(unittest.TestCase):
    def test_nothing_else_prints(self):
        """Whatever writes to standard output or standard error does so by the functions of output.h, and these by visible.h.
        output_screen.c repeats what they have printed."""
        allowed = {"loader/cli/frame/output.c", "loader/cli/frame/output_table.c", "loader/cli/frame/output_screen.c",
                   "loader/cli/frame/help.c", "loader/base/secret.c",
                   "loader/cli/frame/complete.c", "loader/manual/page.c",
                   "loader/cli/mail/mail_view.c", "loader/cli/mail/cmd_mail_script.c"}
        printing = re.compile(r"\b(?:printf|puts|putchar|perror|vprintf|g_print|g_printerr)\(|\b(?:fprintf|fputs|fputc|putc|"
                              r"fwrite|vfprintf|json_dumpf)\([^;]*\bstd(?:out|err)\b|\bdprintf\(|json_dumpf\(")
        constant = re.compile(r"\b(?:fputs|printf|putchar)\(\s*(?:\"(?:[^\"\\%]|\\.)*\"|'(?:[^'\\]|\\.)')")
        found = set()
        for path in sorted((SOURCE_DIR / "loader").rglob("*.c")):
            for match in printing.finditer(path.read_text()):
                if not constant.match(path.read_text(), match.start()):
                    found.add(str(path.relative_to(SOURCE_DIR)))
        self.assertEqual(allowed, found)


if __name__ == "__main__":
    unittest.main()
