"""Mail in mail and files in files, end to end: what a container holds is stored as if it had been sent plainly."""

import json
import unittest

import tnef
from inqueue import SOURCE_DIR
from test_mail import MailCase

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


if __name__ == "__main__":
    unittest.main()
