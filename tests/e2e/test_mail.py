"""What becomes of ordinary international mail, and of odd mail: the columns of its entry, end to end.

The finer points of parsing are unit tests; here it is shown that they survive the way through the server, the
sandboxed parser and the database.
"""

import base64
import json
import unittest

from inqueue import SOURCE_DIR, LoadCase, message

SAMPLES = sorted((SOURCE_DIR / "samples" / "messages").glob("*.eml"))


def crlf(*lines):
    return b"\r\n".join(line if isinstance(line, bytes) else line.encode() for line in lines)


class MailCase(LoadCase):
    def load(self, *mail, **keys):
        self.deliver(*mail)
        self.create_queue(**keys)
        self.inqueue("load", "invoices")

    def columns(self, *names, entry=1):
        return self.sql(f"SELECT {', '.join(names)} FROM entry WHERE id = ?", entry)[0]

    def attachments(self, entry=1):
        return self.sql("SELECT file_name, content_type, data FROM attachment_data WHERE entry_id = ?"
                        " ORDER BY position", entry)

    def defects(self, entry=1):
        return json.loads(self.columns("defects", entry=entry)[0])


class Text(MailCase):
    def plain(self, content_type, body, encoding="8bit"):
        self.load(crlf("From: a@example.com", "Subject: s", "MIME-Version: 1.0", f"Content-Type: {content_type}",
                       f"Content-Transfer-Encoding: {encoding}", "", body))
        return self.columns("message_body")[0]

    def test_charsets(self):
        text = "Grüße, Übergröße\n"
        for charset in ["utf-8", "iso-8859-1", "windows-1252", "iso-8859-15", "utf-16"]:
            self.deliver(crlf("From: a@example.com", "Subject: s", "Date: 3 Mar 2026 09:30:00 +0100",
                              f"Content-Type: text/plain; charset={charset}", "Content-Transfer-Encoding: base64", "",
                              base64.encodebytes(text.encode(charset))))
        self.create_queue()
        self.inqueue("load", "invoices")
        self.assertEqual([text] * 5, self.column("SELECT message_body FROM entry"))
        self.assertEqual(["[]"] * 5, self.column("SELECT defects FROM entry"))

    def test_cyrillic(self):
        self.assertEqual("Привет\n", self.plain("text/plain; charset=koi8-r", "Привет\r\n".encode("koi8-r")))

    def test_japanese(self):
        text = "請求書\r\n".encode("iso-2022-jp")
        self.assertEqual("請求書\n", self.plain("text/plain; charset=iso-2022-jp", text, "7bit"))

    def test_quoted_printable(self):
        self.assertEqual("Käse = gut, lange Zeile\n",
                         self.plain("text/plain; charset=iso-8859-1", b"K=E4se =3D gut, la=\r\nnge Zeile\r\n",
                                    "quoted-printable"))

    def test_undeclared_charset_is_found_and_told(self):
        self.assertEqual("Grüße\n", self.plain("text/plain", "Grüße\r\n".encode()))

    def test_flowed_text_is_joined(self):
        self.assertEqual("one two\nthree\n", self.plain("text/plain; format=flowed", b"one \r\ntwo\r\nthree\r\n"))


class Headers(MailCase):
    def subject(self, raw):
        self.load(crlf("From: a@example.com", b"Subject: " + raw, "", "x"))
        return self.columns("subject")[0]

    def test_encoded_words(self):
        self.assertEqual("Grüße aus München",
                         self.subject(b"=?iso-8859-1?Q?Gr=FC=DFe?= =?utf-8?B?IGF1cyBNw7xuY2hlbg==?="))

    def test_words_with_padding_inside_and_characters_in_two_halves(self):
        """Ordinary in Russian and Chinese mail."""
        whole = "счёт за март".encode()
        words = [f"=?utf-8?B?{base64.b64encode(part).decode()}?=" for part in (whole[:5], whole[5:12], whole[12:])]
        self.assertIn("=?=", words[0])
        self.assertEqual("счёт за март", self.subject("\r\n ".join(words).encode()))

    def test_raw_bytes(self):
        self.assertEqual("Grüße", self.subject("Grüße".encode()))

    def test_addresses(self):
        self.load(crlf("From: =?utf-8?q?J=C3=BCrgen_M=C3=BCller?= <j@example.com>, second@example.com",
                       'To: "Lee, Ann" <ann@example.com>, Team: b@example.com, c@example.com;',
                       "Cc: d@example.com (Dora)", "Reply-To: help@example.com", "Subject: s", "", "x"))
        sender, recipient, cc, reply_to = self.columns("sender", "recipient", "cc", "reply_to")
        self.assertEqual("Jürgen Müller <j@example.com>", sender)
        self.assertEqual('"Lee, Ann" <ann@example.com>; b@example.com; c@example.com', recipient)
        self.assertIn("d@example.com", cc)
        self.assertEqual("help@example.com", reply_to)

    def test_dates(self):
        for date in ["Tue, 03 Mar 2026 09:30:00 +0100", "3 Mar 2026 03:30 EST (really)", "nonsense"]:
            with self.look() as mailbox:
                mailbox.append(crlf("From: a@example.com", f"Date: {date}", "Subject: s", "", "x"),
                               date='"05-Mar-2026 12:00:00 +0100"')
        self.create_queue()
        self.inqueue("load", "invoices")
        self.assertEqual(["2026-03-03T08:30:00Z", "2026-03-03T08:30:00Z", "2026-03-05T11:00:00Z"],
                         self.column("SELECT date_sent FROM entry"))
        self.assertEqual(["2026-03-05T11:00:00Z"] * 3, self.column("SELECT date_received FROM entry"))

    def test_all_headers_in_order(self):
        self.load(crlf("Received: one", "Received: two", "From: a@example.com", "Subject: =?utf-8?q?=C3=BC?=",
                       "x-Odd: 1", "", "x"))
        self.assertEqual([["Received", "one"], ["Received", "two"], ["From", "a@example.com"], ["Subject", "ü"],
                          ["x-Odd", "1"]], json.loads(self.columns("headers")[0]))


class Bodies(MailCase):
    def alternative(self):
        made = message(body="the text\n")
        made.add_alternative("<p>the <b>HTML</b></p>\n", subtype="html")
        return made

    def test_text_and_html(self):
        self.load(self.alternative())
        self.assertEqual(("the text\n", "<p>the <b>HTML</b></p>\n"), self.columns("message_body", "html_body"))
        self.assertEqual([], self.attachments())

    def test_html_alone_is_turned_to_text(self):
        made = message()
        made.set_content('<html><head><title>t</title><style>x{}</style></head><body><script>evil()</script>'
                         '<p>One<br>Two</p><ul><li>a</li><li>b</li></ul><table><tr><td>c</td><td>d</td></tr></table>'
                         '<hr><a href="https://example.com/">link</a> &auml;&#8364;</body></html>', subtype="html")
        self.load(made)
        text = self.columns("message_body")[0]
        for expected in ["One\nTwo", "\na\nb", "c\td", "_" * 20, "[https://example.com/]", "link", "ä€"]:
            self.assertIn(expected, text)
        for absent in ["evil", "x{}", "\n\n\n", "<"]:
            self.assertNotIn(absent, text)

    def test_attach_html(self):
        self.load(self.alternative(), attachHtml=True)
        self.assertEqual([("original.html", "text/html", b"<p>the <b>HTML</b></p>\n")], self.attachments())

    def test_no_body_at_all(self):
        self.load(crlf("From: a@example.com", "Subject: s", "Content-Type: application/pdf", "", "%PDF"))
        self.assertEqual((None, None), self.columns("message_body", "html_body"))
        self.assertEqual([("noname1.pdf", "application/pdf", b"%PDF")], self.attachments())


class Attachments(MailCase):
    def test_names(self):
        self.load(crlf(
            "From: a@example.com", "Subject: s", "MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=b", "",
            "--b", "Content-Type: text/plain", "", "body",
            "--b", "Content-Type: application/pdf; name=wrong.pdf",
            "Content-Disposition: attachment; filename=plain.pdf; filename*=utf-8''%E8%AB%8B%E6%B1%82%E6%9B%B8.pdf", "",
            "1",
            "--b", "Content-Type: image/png; name=\"=?utf-8?B?0YHRh9GR0YIucG5n?=\"", "", "2",
            "--b", "Content-Type: application/pdf",
            "Content-Disposition: attachment; filename*0*=iso-8859-1''%DCber; filename*1=sicht.pdf", "", "3",
            "--b", "Content-Type: text/calendar; charset=utf-8", "", "BEGIN:VCALENDAR",
            "--b", "Content-Type: application/octet-stream",
            "Content-Disposition: attachment; filename=../../etc/passwd", "", "5", "--b--", ""))
        self.assertEqual(["請求書.pdf", "счёт.png", "Übersicht.pdf", "noname1.ics", "passwd"],
                         [name for name, _, _ in self.attachments()])
        self.assertEqual([("../../etc/passwd",)],
                         self.sql("SELECT declared_name FROM attachment WHERE file_name = 'passwd'"))

    def test_forwarded_message_is_one_attachment(self):
        inner = message("Inner", "inner body\n")
        inner.add_attachment(b"pdf", maintype="application", subtype="pdf", filename="inner.pdf")
        outer = message("Fwd: Inner", "see below\n")
        outer.add_attachment(inner)
        self.load(outer)
        (name, content_type, data), = self.attachments()
        self.assertRegex(name, r"\.eml$")
        self.assertEqual("message/rfc822", content_type)
        self.assertIn(b"Subject: Inner", data)
        self.assertIn(b"inner.pdf", data)
        self.assertEqual("see below\n", self.columns("message_body")[0])

    def test_inline_image_keeps_its_id(self):
        made = message()
        made.set_content('<img src="cid:logo@example.com">', subtype="html")
        made.add_related(b"\x89PNG", maintype="image", subtype="png", cid="<logo@example.com>")
        self.load(made)
        self.assertEqual([("image/png", "logo@example.com")],
                         self.sql("SELECT content_type, content_id FROM attachment"))

    def test_large_attachment_arrives_whole(self):
        content = bytes(range(256)) * (20 << 12)
        made = message()
        made.add_attachment(content, maintype="application", subtype="octet-stream", filename="large.bin")
        self.load(made)
        self.assertEqual(content, self.attachments()[0][2])


class Odd(MailCase):
    """An entry with defects, never a failure."""

    def test_each_becomes_an_entry(self):
        odd = {
            "no header": b"just words\r\n",
            "one byte": b"x",
            "no body": b"From: a@example.com\r\nSubject: s\r\n",
            "NUL": b"From: a@example.com\r\nSubject: a\0b\r\n\r\nbody\0after\r\n",
            "no end": crlf("From: a@example.com", "Content-Type: multipart/mixed; boundary=b", "", "--b",
                           "Content-Type: text/plain", "", "cut"),
            "no boundary": crlf("From: a@example.com", "Content-Type: multipart/mixed", "", "lost?"),
            "unknown charset": crlf("From: a@example.com", "Content-Type: text/plain; charset=x-mars", "", b"h\xe9"),
            "bad base64": crlf("From: a@example.com", "Content-Transfer-Encoding: base64", "", "SGVs=bG8!!!"),
            "bare line feeds": b"From: a@example.com\nSubject: s\n\nbody\n",
            "nested groups": b"From: a@example.com\r\nTo: " + b"a:" * 20000 + b"\r\n\r\nbody\r\n",
            "nested parts": b"From: a@example.com\r\n" + b"".join(
                b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level)
                for level in range(1500)),
            "many parts": b"From: a@example.com\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
                          b"--b\r\n\r\nx\r\n" * 30000,
            "many headers": b"From: a@example.com\r\n" + b"X-Many: 1\r\n" * 30000 + b"\r\nbody\r\n",
        }
        for raw in odd.values():
            self.deliver(raw)
        self.create_queue()
        self.inqueue("load", "invoices")
        self.assertEqual(len(odd), len(self.entries()))
        self.assertEqual({"new"}, set(self.column("SELECT state FROM entry")))
        self.assertEqual({"BADMAIL": 0, "DROPBOX": len(odd), "INBOX": 0}, self.folders())
        for number, (what, raw) in enumerate(odd.items(), 1):
            with self.subTest(mail=what):
                self.assertNotEqual([], self.defects(number))
                self.assertEqual(len(raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")),
                                 self.columns("raw_size", entry=number)[0])

    def test_text_is_clean(self):
        self.load(crlf("From: a@example.com", b"Subject: a\0b\x1b[31mc\x9bd", "",
                       b"one\0two\x07\r\r\nthree\x85\x1b[0m"))
        for column in self.columns("subject", "message_body", "headers", "sender"):
            self.assertNotRegex(column, r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@unittest.skipUnless(SAMPLES, "no samples in this tree")
class Samples(MailCase):
    def test_all_are_loaded(self):
        self.load(*(path.read_bytes() for path in SAMPLES))
        self.assertEqual(len(SAMPLES), len(self.entries()))
        self.assertEqual({"new"}, set(self.column("SELECT state FROM entry")))
        with_defects = self.column("SELECT id FROM entry WHERE defects <> '[]'")
        self.assertEqual(1, len(with_defects), "one is hopelessly broken, the others are sound")


if __name__ == "__main__":
    unittest.main()
