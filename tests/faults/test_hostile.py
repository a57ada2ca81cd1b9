"""Messages made to hurt: each is one entry, costs little, and the next message is none the worse for it."""

import unittest

from liar import LiarCase, small
from trial import SANITIZED

CPU_LIMIT_S, MEMORY_LIMIT_KB = 2, 256 * 1024
START = b"From: Mallory <mallory@example.com>\r\nSubject: Hostile\r\nMIME-Version: 1.0\r\n"


def multipart(boundary, *parts, kind=b"mixed"):
    inner = b"".join(b"\r\n--%s\r\n%s" % (boundary, part) for part in parts)
    return b'Content-Type: multipart/%s; boundary="%s"\r\n\r\n%s\r\n--%s--\r\n' % (kind, boundary, inner, boundary)


def nested_multiparts(depth):
    heads = b"".join(b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (level, level)
                     for level in range(depth))
    return START + heads + b"Content-Type: text/plain\r\n\r\nat the bottom\r\n"


def nested_messages(depth):
    return START + b"Content-Type: message/rfc822\r\n\r\n" * depth + b"Subject: at the bottom\r\n\r\n."


def html(text):
    return START + b"Content-Type: text/html; charset=utf-8\r\n\r\n" + text


MANY = 1000000
MESSAGES = {
    "nested address groups": START + b"To: " + b"a:" * 45000 + b";\r\n\r\nhello\r\n",
    "nested comments": START + b"To: " + b"(" * 200000 + b"\r\n\r\nhello\r\n",
    "addresses": START + b"To: " + b"a@example.com, " * 200000 + b"b@example.com\r\n\r\nhello\r\n",
    "a million parts": START + multipart(b"b", *[b"\r\n"] * MANY),
    "a million header fields": START + b"X: y\r\n" * MANY + b"\r\nhello\r\n",
    "a header of 30 MB": START + b"X: " + b"y" * 30000000 + b"\r\n\r\nhello\r\n",
    "a header without end": START + b" folded\r\n" * MANY,
    "nested multiparts": nested_multiparts(100000),
    "nested messages": nested_messages(100000),
    "a boundary of 70 kB": START + multipart(b"b" * 70000, b"Content-Type: text/plain\r\n\r\nhello\r\n"),
    "an empty boundary": START + multipart(b"", b"\r\nhello"),
    "almost boundaries": START + multipart(b"b" * 70, *[b"--" + b"b" * 69 + b"\r\n"] * 100000),
    "a line of a million characters": START + b"\r\n" + b"x" * MANY + b"\r\n",
    "a million encoded words": START + b"Subject: " + b" =?utf-8?q?=C3=A9?=" * MANY + b"\r\n\r\nhello\r\n",
    "encoded words in addresses": START + b"To: " + b"=?utf-8?b?w6k=?= <a@example.com>, " * 100000 + b"\r\n\r\n.\r\n",
    "HTML with a million divs": html(b"<div>" * MANY + b"deep" + b"</div>" * MANY),
    "HTML with a million attributes": html(b"<p " + b"a=b " * MANY + b">text</p>"),
    "HTML with a million entities": html(b"&amp;" * MANY + b"&" * MANY),
    "HTML with a million tables": html(b"<table><tr><td>" * (MANY // 4)),
    "NULs": START + b"X-Zero: a\0b\r\n\r\nhe\0llo\r\n" + b"\0" * MANY,
    "nothing but NULs": b"\0" * MANY,
    "empty": b"",
    "one byte": b"x",
    "a line end": b"\r\n",
    "a colon": b":",
    "parameters": START + b"Content-Type: text/plain" + b"; a*0*=utf-8''x" * 100000 + b"\r\n\r\nhello\r\n",
    "continued parameters": START + b"Content-Disposition: attachment" + b"".join(
        b"; filename*%d*=%%41" % number for number in range(50000)) + b"\r\n\r\nhello\r\n",
    "base64 that is none": START + b"Content-Transfer-Encoding: base64\r\n\r\n" + b"=" * MANY + b"====A=B",
    "quoted-printable that is none": START + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=" * MANY,
    "uuencode without end": START + b"\r\n" + b"begin 644 x\r\n" * 200000,
    "a character set nobody knows": START + b"Content-Type: text/plain; charset=\"" + b"x" * 100000 + b"\"\r\n\r\n\xff",
    "references": START + b"References: " + b"<a@example.com> " * 200000 + b"\r\n\r\nhello\r\n",
    "a date without end": START + b"Date: " + b"1 " * 500000 + b"\r\n\r\nhello\r\n",
}


class Hostile(LiarCase):
    fault = "hostile message"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.worst_s = cls.worst_kb = 0
        cls.addClassCleanup(lambda: print(f"at most {cls.worst_s:.2f} s of CPU time, {cls.worst_kb // 1024} MB"))

    def measure(self):
        """One run: CPU time of all its processes, memory of the largest. By a program that is small itself: a new
        process begins with the memory of the one it comes from."""
        usage = self.folder / "usage"
        result = self.inqueue("load", wrap=["/usr/bin/time", "-o", usage, "-f", "%U %S %M"])
        self.assertEqual("", result.stderr)
        user_s, system_s, memory_kb = usage.read_text().split()
        return float(user_s) + float(system_s), int(memory_kb)

    def hostile(self, name, raw, number):
        self.use_database(number)
        with self.lying(raw, small(1)) as server:
            cpu_s, memory_kb = self.measure()
            rows = self.sql("SELECT state, defects, error_text, subject FROM entry ORDER BY id")
            self.assertEqual(2, len(rows))
            self.assertEqual(("new", "[]", None, "Invoice 1"), rows[1])
            self.judge(server, bad=self.before)
        if not SANITIZED:
            type(self).worst_s = max(self.worst_s, cpu_s)
            type(self).worst_kb = max(self.worst_kb, memory_kb)
            self.assertLess(cpu_s, CPU_LIMIT_S)
            self.assertLess(memory_kb, MEMORY_LIMIT_KB)
        return rows[0]

    def test_each(self):
        for number, (name, raw) in enumerate(MESSAGES.items()):
            with self.subTest(name):
                self.hostile(name, raw, number)

    def test_each_cap_is_named(self):
        for number, (name, words) in enumerate({
                "a million parts": "parts", "a million header fields": "2000 fields",
                "a header of 30 MB": "header", "nested multiparts": "nest",
                "a boundary of 70 kB": "boundary"}.items()):
            with self.subTest(name):
                _, defects, error_text, _ = self.hostile(name, MESSAGES[name], f"cap-{number}")
                self.assertRegex(defects + (error_text or ""), words)

    def test_each_cap_can_be_set(self):
        """Lower, and an ordinary message is beyond it; higher, and the message is whole."""
        head = START + b"X-One: 1\r\nX-Two: 2\r\n"
        parts = multipart(b"outer", multipart(b"inner", *[b"\r\npart\r\n"] * 60), b"\r\nlast\r\n")
        long = multipart(b"b" * 3000, b"Content-Type: text/plain\r\n\r\nhello\r\n")
        for number, (keys, raw, words) in enumerate([
                ({"maxHeader": 80}, head + parts, "header"), ({"maxFields": 4}, head + parts, "4 fields"),
                ({"maxParts": 20}, head + parts, "20 parts"), ({"maxDepth": 1}, head + parts, "nest"),
                ({"maxBoundary": 4}, head + parts, "boundary"),
                ({"maxBoundary": 4000}, head + long, None), ({"maxDepth": 60}, nested_multiparts(55), None)]):
            with self.subTest(keys):
                self.use_database(f"set-{number}")
                with self.lying(raw, **keys) as server:
                    self.inqueue("load")
                    self.judge(server)
                    defects = self.sql("SELECT defects FROM entry")[0][0]
                if words:
                    self.assertRegex(defects, words)
                else:
                    self.assertNotRegex(defects, "boundary longer|nested")


if __name__ == "__main__":
    unittest.main()
