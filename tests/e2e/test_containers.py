"""Mail in mail and files in files, end to end: what a container holds is stored as if it had been sent plainly."""

import base64
import binascii
import json
import subprocess
import unittest

import tnef
from inqueue import SOURCE_DIR
from test_mail import MailCase, crlf

SAMPLES = SOURCE_DIR / "tests" / "data" / "mail"


class Winmail(MailCase):
    def test_samples_are_what_the_generator_makes(self):
        for name, content in tnef.samples().items():
            self.assertEqual(content, (SAMPLES / f"{name}.eml").read_bytes(), name)

    def test_text_files_and_the_original(self):
        winmail = (SAMPLES / "winmail-alone.eml").read_bytes()
        self.load(winmail)
        self.assertEqual(("Привет, мир!\nOrder\t4711 {twelve boxes}\n", None),
                         self.columns("message_body", "html_body"))
        files = self.attachments()
        self.assertEqual([("Заказ.txt", "text/plain", b"12 boxes\n"), ("winmail.dat", "application/ms-tnef")],
                         [files[0], files[1][:2]])
        self.assertEqual(b"\x78\x9f\x3e\x22", files[1][2][:4])
        self.assertEqual(["winmail.dat (TNEF) opened: its text and files are taken"], self.defects())
        shown = json.loads(self.inqueue("show", "1", "--json").stdout)
        self.assertEqual(["Заказ.txt", "winmail.dat"], [file["file_name"] for file in shown["attachments"]])

    def test_html_beside_the_text_of_the_mail(self):
        self.load((SAMPLES / "winmail-html-in-rtf.eml").read_bytes())
        self.assertEqual(("Grüße, Ann", "<html><body><p>Grüße, <b>Ann</b>&lt;По€</p></body></html>"),
                         self.columns("message_body", "html_body"))
        self.assertEqual([("logo@example.com",), (None,), (None,)],
                         self.sql("SELECT content_id FROM attachment ORDER BY position"))

    def test_damage_costs_no_entry(self):
        for name in ["winmail-cut-off", "winmail-is-none"]:
            self.deliver((SAMPLES / f"{name}.eml").read_bytes())
        self.create_queue()
        self.inqueue("load", "invoices")
        self.assertEqual(["new", "new"], self.column("SELECT state FROM entry"))


class Forwarded(MailCase):
    def test_files_are_named_by_their_path(self):
        self.load((SAMPLES / "forwarded-with-files.eml").read_bytes(), unpackForwarded=True)
        names = self.sql("SELECT declared_name, file_name FROM attachment ORDER BY position")
        self.assertEqual([("forwarded.eml", "forwarded.eml"), ("forwarded.eml/report.pdf", "forwarded.eml_report.pdf"),
                          ("forwarded.eml/noname1.eml", "forwarded.eml_noname1.eml"),
                          ("forwarded.eml/noname1.eml/logo.png", "forwarded.eml_noname1.eml_logo.png"),
                          ("last.csv", "last.csv")], names)
        self.assertEqual(("See the forwarded mail.", None), self.columns("message_body", "html_body"))
        self.inqueue("save", "1", "--to", self.folder / "saved")
        self.assertEqual(b"%PDF-1.4 fake\n", (self.folder / "saved" / "forwarded.eml_report.pdf").read_bytes())

    def test_stay_closed_unless_asked_for(self):
        self.load((SAMPLES / "forwarded-with-files.eml").read_bytes())
        self.assertEqual(["forwarded.eml", "last.csv"], [name for name, *_ in self.attachments()])


class Signed(MailCase):
    def load_samples(self, *names):
        self.deliver(*((SAMPLES / f"{name}.eml").read_bytes() for name in names))
        self.create_queue()
        self.inqueue("load", "invoices")

    def test_what_was_signed_is_unwrapped(self):
        self.load_samples("smime-opaque", "smime-opaque-streamed", "smime-detached", "pgp-signed")
        self.assertEqual(["Grüße, signed."] * 3 + ["Signed by hand."], self.column("SELECT message_body FROM entry"))
        self.assertEqual(["not verified"] * 4, self.column("SELECT signature FROM entry"))
        self.assertEqual(["[]"] * 4, self.column("SELECT defects FROM entry"))
        for entry, original in [(1, "smime.p7m"), (2, "smime.p7m"), (3, "smime.p7s")]:
            files = self.attachments(entry=entry)
            self.assertEqual([("order.pdf", "application/pdf", b"%PDF-1.4 fake\n"), original], [files[0], files[1][0]])
        self.assertEqual("not verified", json.loads(self.inqueue("show", "1", "--json").stdout)["signature"])
        self.assertIn("signature      not verified\n", self.inqueue("show", "1").stdout)

    def test_what_was_changed_is_broken(self):
        self.load_samples("smime-opaque-broken", "smime-detached-broken")
        self.assertEqual(["broken"] * 2, self.column("SELECT signature FROM entry"))

    def test_made_now_by_openssl(self):
        """With RSA, without attributes, and a signature that has been changed rather than the content."""
        def openssl(*arguments, text=b""):
            return subprocess.run(["openssl", *arguments], input=text, cwd=self.folder, capture_output=True, check=True).stdout

        def mail(envelope):
            return crlf("From: ann@example.com", "Subject: s", "MIME-Version: 1.0", "Content-Type: application/pkcs7-mime",
                        "Content-Transfer-Encoding: base64", "", base64.encodebytes(envelope))
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "certificate", "-subj", "/CN=ann")
        sign = ["cms", "-sign", "-binary", "-nodetach", "-signer", "certificate", "-inkey", "key", "-outform", "DER"]
        text = b"Content-Type: text/plain\r\n\r\nThe text."
        whole = openssl(*sign, text=text)
        changed = whole[:-20] + bytes([whole[-20] ^ 1]) + whole[-19:]
        without = openssl(*sign, "-noattr", "-nocerts", text=text)
        self.load(mail(whole), mail(changed), mail(without), mail(whole[:-300]))
        self.assertEqual([("The text.", "not verified"), ("The text.", "broken"), ("The text.", "not verified"), (None, None)],
                         self.sql("SELECT message_body, signature FROM entry"))
        self.assertEqual(["S/MIME envelope unreadable; left closed"], self.defects(4)[-1:])

    def test_encrypted_mail_says_where_it_lies(self):
        self.load_samples("smime-encrypted", "pgp-encrypted")
        says = "This mail is encrypted (%s); its content lies in the attachment %s.\n"
        self.assertEqual([(says % ("S/MIME", "smime.p7m"), None), (says % ("PGP/MIME", "encrypted.asc"), None)],
                         self.sql("SELECT message_body, signature FROM entry"))
        self.assertEqual([["encrypted (S/MIME); not decrypted"], ["encrypted (PGP/MIME); not decrypted"]],
                         [self.defects(1), self.defects(2)])


class Uuencoded(MailCase):
    def test_files_between_the_lines_of_a_text(self):
        data = b"hello world\n" * 20
        lines = [binascii.b2a_uu(data[at:at + 45]).rstrip(b"\n") for at in range(0, len(data), 45)]
        whole = [b"begin 644 a.txt", *lines, b"`", b"end"]
        kinds = [whole, whole[:-1], [b"beg=n a.txt", *whole[1:]], whole[1:],
                 [b"begin-base64 644 a.txt", base64.b64encode(data), b"===="]]
        self.load(*(crlf("From: ann@example.com", "Subject: s", "", "Before.", *kind, "Behind.") for kind in kinds))
        self.assertEqual(["Before.\nBehind."] * len(kinds), self.column("SELECT message_body FROM entry"))
        self.assertEqual([data] * len(kinds), self.column("SELECT data FROM attachment_data"))
        self.assertEqual(["a.txt", "a.txt", "a.txt", "noname1.bin", "a.txt"], self.column("SELECT file_name FROM attachment"))
        self.assertEqual([False, True, True, True, False],
                         ["uuencoded file in the text damaged" in self.defects(i + 1) for i in range(len(kinds))])


class Calendar(MailCase):
    COLUMNS = "method, uid, starts_at, ends_at, organizer, attendees, summary, location"

    def sample(self, name):
        return (SAMPLES / f"{name}.eml").read_bytes()

    def test_invitation(self):
        self.load(self.sample("calendar-invitation"))
        row = ("REQUEST", "040000008200E00074C5B7101A82E008", "2025-07-04T08:00:00Z", "2025-07-04T09:30:00Z",
               "Ann Lee <ann@example.com>", "Bob <bob@example.com>; robot@example.com", "Übergabe, zweiter Teil",
               "Köln, Raum 4")
        self.assertEqual([row], self.sql(f"SELECT {self.COLUMNS} FROM entry_calendar WHERE entry_id = 1"))
        self.assertEqual([], self.defects())
        shown = json.loads(self.inqueue("show", "1", "--json").stdout)
        self.assertEqual([dict(zip(self.COLUMNS.split(", "), row))], shown["calendars"])
        self.assertIn("calendar       REQUEST Übergabe, zweiter Teil, 2025-07-04T08:00:00Z to 2025-07-04T09:30:00Z, Köln, Raum 4"
                      " (Ann Lee <ann@example.com>)\n", self.inqueue("show", "1").stdout)

    def test_wrong_zones_and_broken_lines_are_defects(self):
        for name in ["calendar-unknown-zone", "calendar-broken-lines"]:
            self.deliver(self.sample(name))
        self.create_queue()
        self.inqueue("load", "invoices")
        self.assertEqual(["new", "new"], self.column("SELECT state FROM entry"))
        self.assertEqual([(1, "2025-03-10T09:00:00"), (1, "2025-03-11"), (1, None), (2, "2025-03-10T07:00:00Z")],
                         self.sql("SELECT entry_id, starts_at FROM entry_calendar ORDER BY entry_id, position"))
        self.assertIn("calendar: time zone 'Office Time' unknown; its times are local", self.defects(1))
        self.assertIn("calendar: a rule of a time zone cannot be followed", self.defects(2))

    def test_rows_go_with_their_entry(self):
        self.load(self.sample("calendar-invitation"))
        self.inqueue("queue", "drop", "invoices", "--yes", "--force")
        self.assertEqual([(0,)], self.sql("SELECT count(*) FROM entry_calendar"))


if __name__ == "__main__":
    unittest.main()
