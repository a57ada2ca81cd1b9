"""`parse`: what the entry of a mail in a file would be."""

import os
import unittest

from inqueue import DATA, NO, SOURCE_DIR, Case, LoadCase

MESSAGES = sorted((SOURCE_DIR / "samples" / "messages").glob("*.eml"))


def as_sent(path):
    """With the line ends that a mail server makes of them."""
    return path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


class Same(LoadCase):
    def test_it_is_what_a_load_makes_of_the_mail(self):
        self.create_queue()
        self.deliver(*map(as_sent, MESSAGES))
        self.inqueue("load")
        for number, path in enumerate(MESSAGES, 1):
            with self.subTest(message=path.name):
                file = self.folder / "message.eml"
                file.write_bytes(as_sent(path))
                parsed = self.inqueue("parse", file, "--json").json()
                entry = self.inqueue("show", number, "--json").json()
                entry["reply_plain"], = self.column("SELECT reply_plain FROM entry WHERE id = ?", number)
                if parsed["date_sent"] is None:  # an entry takes the server's
                    entry["date_sent"] = None
                self.assertEqual({key: entry[key] for key in parsed}, parsed)
                shown = self.inqueue("show", number).stdout
                for line in self.inqueue("parse", file).stdout.splitlines():
                    self.assertIn(line + "\n", shown)


class Files(Case):
    def test_no_database_is_made(self):
        self.inqueue("parse", MESSAGES[0])
        self.assertFalse(self.database.exists())

    def test_any_file_is_a_mail(self):
        parsed = self.inqueue("parse", self.file("empty.eml", ""), "--json").json()
        self.assertEqual(("", 0, []), (parsed["message_body"], parsed["raw_size"], parsed["attachments"]))
        self.assertIn("no header", parsed["defects"])

    def test_what_is_no_file(self):
        self.fails(NO, "parse", self.folder / "nosuch.eml", says="nosuch.eml': No such file or directory")
        self.fails(DATA, "parse", self.folder, says="is not a file")
        os.mkfifo(self.folder / "pipe.eml")
        self.fails(DATA, "parse", self.folder / "pipe.eml", says="is not a file")


if __name__ == "__main__":
    unittest.main()
