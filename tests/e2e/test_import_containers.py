"""`import` of files that hold several messages: mbox and tar."""

import mailbox
import os
import re
import subprocess
import unittest

from import_case import FROM, ImportCase, as_sent
from inqueue import DATA


class Mbox(ImportCase):
    """Each message in an mbox is the one that went into it: its digest is known."""

    BODIES = ["Please pay.\n", "From now on:\n\nFrom Ann, at 12:30 today\nwe pay.\n\n", "",
              "\n\nempty lines around\n\n\n", "x" * 200_000 + "\nFrom there\n", "no line end"]
    QUOTED = ["A >From in a text:\n\n>From her\n", ">>From them\n>>>From 12:30 on\n>>>no\n"]

    def known(self, *bodies):
        """Messages that the queue has entries of."""
        self.create_queue()
        raws = []
        for number, body in enumerate(bodies):
            raws.append(b"From: ann@example.com\nSubject: Invoice %d\n\n" % number + body.encode())
            (self.mail / f"{number}.eml").write_bytes(raws[-1])
        self.import_mail()
        return raws

    def divided(self, data, name="old.mbox"):
        path = self.folder / name
        path.write_bytes(data)
        return self.imported(path)

    def quoted(self, raw, pattern):
        head, _, body = raw.partition(b"\n\n")
        return head + b"\n\n" + re.sub(pattern, rb">\g<0>", body, flags=re.M)

    def written(self, raw):
        return FROM + raw + (b"" if raw.endswith(b"\n") else b"\n") + b"\n"

    def with_length(self, raw, quoted=None):
        head, _, body = (quoted or raw).partition(b"\n\n")
        return FROM + head + b"\nContent-Length: %d\n\n" % len(body) + body + b"\n"

    def test_mboxo(self):
        raws = self.known(*self.BODIES[:-1])
        self.assertEqual({"known": 5}, self.divided(b"".join(self.written(self.quoted(raw, rb"^From ")) for raw in raws)))

    def test_mboxrd(self):
        raws = self.known(*self.BODIES[:-1], *self.QUOTED)
        self.assertEqual({"known": 7}, self.divided(b"".join(self.written(self.quoted(raw, rb"^>*From ")) for raw in raws)))

    def test_mboxcl(self):
        raws = self.known(*self.BODIES)
        self.assertEqual({"known": 6},
                         self.divided(b"".join(self.with_length(raw, self.quoted(raw, rb"^From ")) for raw in raws)))

    def test_mboxcl2(self):
        raws = self.known(*self.BODIES, "From me at 12:30\n>From her\n\nFrom x 12:30\n")
        self.assertEqual({"known": 7}, self.divided(b"".join(self.with_length(raw) for raw in raws)))

    def test_a_wrong_length_does_not_count(self):
        raws = self.known("one\n", "two\n", "three\n")
        data = b"".join(self.with_length(raw) for raw in raws)
        for wrong in [b"3", b"5", b"9999999999", b"99999999999999999999999", b"-1", b"", b"x"]:
            with self.subTest(length=wrong):
                self.assertEqual({"known": 3}, self.divided(data.replace(b"Length: 4", b"Length: " + wrong)))

    def test_crlf_and_fields_of_programs(self):
        raw, = self.known("Please pay.\n")
        kept = raw.replace(b"Subject", b"X-UID: 7\nStatus: RO\nX-Keywords: a\n b\nX-IMAPbase: 1 2\nSubject")
        self.assertEqual({"known": 1}, self.divided(as_sent(self.written(kept))))

    def test_as_python_writes_it(self):
        raws = self.known(*self.BODIES[:2])
        box = mailbox.mbox(self.folder / "python.mbox")
        for raw in raws:
            box.add(raw)
        box.close()
        self.assertEqual({"known": 2}, self.imported(self.folder / "python.mbox"))

    def test_dates(self):
        self.create_queue()
        lines = ["From a@example.com Tue Mar  3 08:30:00 2026", "From - Tue Mar 03 10:30:00 +0200 2026",
                 "From a@example.com at 12:30"]
        self.divided("".join(f"{line}\nFrom: a@example.com\nSubject: {number}\nDate: Wed, 04 Mar 2026 00:00:00 +0000\n\ntext\n\n"
                             for number, line in enumerate(lines)).encode(), "any name")
        self.assertEqual([("2026-03-03T08:30:00Z", "[]"), ("2026-03-03T08:30:00Z", "[]"),
                          ("2026-03-04T00:00:00Z",
                           '["received: the file gives no date that can be read; that of the Date field is taken"]')],
                         self.sql("SELECT date_received, defects FROM entry ORDER BY id"))

    def test_it_moves_as_a_whole(self):
        self.create_queue(maxSize=2000)
        good, bad = self.mail / "good.mbox", self.mail / "sub/bad.mbox"
        good.write_bytes(b"".join(self.written(b"Subject: %d\n\n" % number) for number in range(1200)))
        bad.parent.mkdir()
        bad.write_bytes(self.written(b"Subject: small\n\n") + self.written(b"Subject: large\n\n" + b"x\n" * 3000))
        arguments = [self.mail, "--archive", self.folder / "done", "--failed", self.folder / "bad"]
        self.import_mail(*arguments, "--limit", 700)
        self.assertEqual((700, []), (len(self.entries()), self.names("done")))
        self.import_mail(*arguments)
        self.assertEqual((1202, ["good.mbox"], ["bad.mbox"]), (len(self.entries()), self.names("done"), self.names("bad")))

    def test_no_mbox(self):
        self.create_queue()
        path = self.put("a.mbox")
        self.fails(DATA, "import", "invoices", path, says="a.mbox': is no mbox: that begins with a line 'From ADDRESS DATE'")
        (self.mail / "a.mbox").write_bytes(b"")
        self.assertEqual({}, self.imported())


class Tar(ImportCase):
    def tar(self, *options):
        """What tar makes of the folder."""
        return subprocess.run(["tar", "-C", self.mail, *options, "-cf", "-", "."], stdout=subprocess.PIPE, check=True).stdout

    def from_tar(self, data, *more, expect=0):
        path = self.folder / "mail.tar"
        path.write_bytes(data)
        return self.inqueue("import", "invoices", "-", "--json", *more, expect=expect,
                            wrap=["sh", "-c", f'exec "$@" < "{path}"', "sh"])

    def put_all(self):
        self.put("a.eml", "a")
        self.put(f"{'deep/' * 30}{'long ' * 30}.eml", "long")
        self.put("notes.txt", "no mail")
        self.put("cur/1:2,S", "read")
        self.put("cur/2:2,ST", "deleted")
        self.put("tmp/3", "not arrived")
        raw = self.put("large.eml", "large", body="x\n" * 500_000).read_bytes()
        (self.mail / "old.mbox").write_bytes(FROM + b"Subject: one\n\ntext\n\n" + FROM + b"Subject: two\n\n\n")
        (self.mail / "link.eml").symlink_to("a.eml")
        return raw

    def test_each_form_of_tar(self):
        raw = self.put_all()
        os.utime(self.mail / "a.eml", (1_700_000_000, 1_700_000_000))
        self.create_queue()
        for form, count in [("ustar", 5), ("pax", 6), ("gnu", 6)]:
            with self.subTest(form=form):
                data = self.tar(f"--format={form}", *(["--exclude=deep"] if form == "ustar" else []))
                result = self.from_tar(data).json()
                self.assertEqual(count, result["imported"] + result["known"])
        self.assertEqual(["a", "large", "long", "one", "read", "two"], sorted(self.entries()))
        self.assertEqual([len(as_sent(raw))], self.column("SELECT raw_size FROM entry WHERE subject = 'large'"))
        self.assertEqual(["2023-11-14T22:13:20Z"], self.column("SELECT date_received FROM entry WHERE subject = 'a'"))

    def test_a_prefix(self):
        """ustar cuts a name of more than 100 bytes in two."""
        self.create_queue()
        self.put(f"{'d' * 90}/{'f' * 40}.eml", "prefix")
        self.from_tar(self.tar("--format=ustar"))
        self.assertEqual(["prefix"], self.entries())

    def test_what_is_no_tar(self):
        self.create_queue()
        self.put("a.eml", "a", body="x\n" * 2000)
        data = self.tar()
        for bad, says in [(b"x" * 600, "this is no tar"), (b"x", "the tar is cut off"), (data[:1024 + 700], "the tar is cut off")]:
            with self.subTest(says=says):
                result = self.from_tar(bad, expect=DATA)
                self.assertIn(f"import 'invoices': standard input: {says}", result.stderr)
        self.assertEqual([], self.entries())
        self.assertEqual(0, self.from_tar(b"").json()["imported"])

    def test_limit(self):
        self.create_queue()
        for number in range(5):
            self.put(f"{number}.eml", f"Invoice {number}")
        data = self.tar()
        for count in [2, 4, 5]:
            self.from_tar(data, "--limit", 2)
            self.assertEqual(count, len(self.entries()))


if __name__ == "__main__":
    unittest.main()
