"""append: files become messages of a folder, each once, as they are but for their line ends."""

import os
import re
import unittest

from inqueue import DATA, DEADLINE_S, IO, NO, UNREACHABLE, USAGE, message
from mail_case import MailCase, OnCyrus, OnDovecot
from proxy import CLIENT, SERVER, Proxy

MTIME = 1_700_000_000
MTIME_TEXT = "2023-11-14T22:13:20Z"


def as_sent(raw):
    return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


class AppendCase(MailCase):
    def put(self, raw, name="a.eml"):
        path = self.folder / name
        path.write_bytes(raw)
        os.utime(path, (MTIME, MTIME))
        return path

    def raws(self, folder="INBOX"):
        with self.look() as mailbox:
            return [found.raw for found in mailbox.messages(folder)]

    def through(self, proxy):
        account = self.account()
        account[3] = proxy.port
        return account


class Append(AppendCase):
    MAIL = message("Appended").as_bytes()

    def test_message_is_as_it_was_but_for_its_line_ends(self):
        mixed = b"Subject: mixed\r\n\nbare\nwhole\r\n\rlone\nlast"
        self.mail("append", self.put(self.MAIL), self.put(mixed, "b.eml"))
        self.assertEqual([as_sent(self.MAIL), b"Subject: mixed\r\n\r\nbare\r\nwhole\r\n\rlone\r\nlast"], self.raws())

    def test_sizes_around_what_is_sent_without_asking(self):
        """LITERAL- ends at 4,096 bytes; beyond a piece of the file its line ends may be cut anywhere."""
        mails = [b"Subject: x\r\n\r\n" + b"y" * (size - 14) for size in [4095, 4096, 4097, 65536, 65537]]
        mails += [b"Subject: feeds\n\n" + b"\n" * 200_000, b"Subject: both\n\n" + b"\r\n" * 200_000]
        self.mail("append", *(self.put(raw, f"{number}.eml") for number, raw in enumerate(mails)))
        self.assertEqual([as_sent(raw) for raw in mails], self.raws())

    def test_row(self):
        self.create("Old mail")
        raw = b"Subject: x\n\nx\n"
        row, = self.rows("append", self.put(raw), "--folder", "Old mail", "--date", "2024-02-29T12:00:00Z")
        with self.look() as mailbox:
            validity = mailbox.uid_validity("Old mail")
        self.assertEqual({"action": "append", "file": str(self.folder / "a.eml"), "folder": "Old mail",
                          "size": len(as_sent(raw)), "date": "2024-02-29T12:00:00Z", "newUid": "1",
                          "uidValidity": validity, "dryRun": False, "note": None, "error": None}, row)
        self.assertEqual(["2024-02-29T12:00:00Z"], self.column("rxdDate", "--folder", "Old mail"))

    def test_row_of_a_name_that_is_no_text(self):
        """The message arrives, and where is said, whatever its file is called."""
        path = os.fsencode(self.folder) + b"/\xff\x1b[31m.eml"
        with open(path, "wb") as file:
            file.write(self.MAIL)
        row, = self.rows("append", os.fsdecode(path))
        self.assertEqual((f"{self.folder}/\ufffd\x1b[31m.eml", "1"), (row["file"], row["newUid"]))

    def test_date_in_the_first_second_of_1970(self):
        row, = self.rows("append", self.put(self.MAIL), "--date", "1970-01-01T00:00:00Z")
        self.assertEqual("1970-01-01T00:00:00Z", row["date"])

    def test_silence_is_success_and_a_terminal_is_told(self):
        self.assertEqual("", self.mail("append", self.put(self.MAIL)).stdout)
        shown = self.on_terminal("mail", "append", self.put(self.MAIL), *self.account()).stdout
        self.assertRegex(shown, r"'.*a\.eml' appended to folder 'INBOX': UID 2\r?\n")

    def test_internal_date(self):
        """The last server's word counts first, then the sender's, then the file's time."""
        received = b"Received: by a; Tue, 3 Mar 2026 08:30:00 +0000\nReceived: by b; Mon, 2 Mar 2026 08:30:00 +0000\n"
        date = b"Date: Wed, 4 Mar 2026 09:00:00 +0100\n"
        for number, header in enumerate([date + received, date, b"Subject: x\n"]):
            self.mail("append", self.put(header + b"\nx\n", f"{number}.eml"))
        self.assertEqual(["2026-03-03T08:30:00Z", "2026-03-04T08:00:00Z", MTIME_TEXT], self.column("rxdDate"))

    def test_flags(self):
        self.mail("append", self.put(self.MAIL), "--flags", r"\Seen \flagged $Forwarded")
        self.assertEqual([{"\\Seen", "\\Flagged", "$Forwarded"}], self.flags())
        for flags in [r"\Recent", r"\Seen)", "a b\r\n", "a  b"]:
            with self.subTest(flags=flags):
                self.refuses(USAGE, "append", self.put(self.MAIL), "--flags", flags, says=r"--flags takes \\Seen")

    def test_standard_input(self):
        row, = self.rows("append", "-", stdin=self.MAIL.decode())
        self.assertEqual(("standard input", "1"), (row["file"], row["newUid"]))
        self.assertEqual([as_sent(self.MAIL)], self.raws())

    def test_standard_descriptors_that_are_closed(self):
        """Nothing else is taken for them: no connection is read as standard input, or written to as standard output."""
        closed = {number: ["sh", "-c", f'exec "$@" {number}<&-', "sh"] for number in [0, 1]}
        append = ["mail", "append", *self.account()]
        self.fails(IO, *append, "-", wrap=closed[0], says="'standard input': Bad file descriptor")
        self.fails(IO, *append, self.put(self.MAIL), "--dry-run", wrap=closed[1], says="standard output: ")
        self.assertEqual([], self.raws())

    def test_refused_before_a_byte_is_sent(self):
        for name, raw, code, says in [("nul.eml", b"Subject: x\n\nab\0c", DATA, r"nul\.eml': there is a NUL byte at offset 14"),
                                      ("empty.eml", b"", DATA, r"empty\.eml': the file is empty")]:
            with self.subTest(name=name):
                self.refuses(code, "append", self.put(raw, name), says=says)
        self.refuses(NO, "append", self.folder / "missing.eml", says="missing.eml': No such file or directory")
        os.mkfifo(self.folder / "pipe")
        self.refuses(DATA, "append", self.folder / "pipe", says="pipe': is not a file")
        self.refuses(NO, "append", self.put(self.MAIL), "--folder", "Nowhere", says="append: folder 'Nowhere' does not exist")
        self.fails(USAGE, "mail", "append", *self.account())
        self.assertEqual([], self.raws())

    def test_goes_on(self):
        files = [self.put(b"", "1.eml"), self.put(self.MAIL, "2.eml"), self.folder / "3.eml"]
        rows = self.rows("append", *files, "--stop-on-error", "no", expect=DATA)
        self.assertEqual([True, False, True], [bool(row["error"]) for row in rows])
        self.assertEqual(["Appended"], self.subjects())

    def test_dry_run(self):
        row, = self.rows("append", self.put(self.MAIL), "--dry-run")
        self.assertEqual((True, None, len(as_sent(self.MAIL))), (row["dryRun"], row["newUid"], row["size"]))
        self.assertRegex(self.mail("append", self.put(self.MAIL), "--dry-run").stdout,
                         r"\A'.*' would be appended to folder 'INBOX'\n\Z")
        self.refuses(DATA, "append", self.put(b"\0"), "--dry-run", says="NUL")
        self.assertEqual([], self.raws())

    def test_script(self):
        self.put(self.MAIL)
        self.mail("script", "-", stdin="append a.eml --flags '\\Seen'\nmarkRead\nappend a.eml a.eml\n")
        self.assertEqual([{"\\Seen"}, set(), set()], self.flags())
        self.mail("script", "-", stdin="append -\n", expect=USAGE)

    def test_kept_connection(self):
        """What is inside a message is no command, whatever it looks like."""
        raw = b"Subject: x\n\n1 LOGOUT\n=12\n=\n" + b"y" * 100_000 + b"\n2 LOGOUT\n"
        self.mail("open", "work", *self.account())
        self.mail("append", self.put(raw), self.put(self.MAIL, "b.eml"), "--connection", "work")
        self.assertEqual(["x", "Appended"], self.column("subject", "--connection", "work"))
        self.assertEqual([as_sent(raw), as_sent(self.MAIL)], self.raws())
        self.assertEqual((2, 1), tuple(self.connections()[0][name] for name in ["uses", "sign_ins"]))

    def test_answer_that_is_lost(self):
        """The message is there: it is found, and not sent again."""
        for number, raw in enumerate([self.MAIL, b"Subject: no Message-ID\n\nx\n", b"Subject: large\n\n" + b"x" * 200_000]):
            with self.subTest(raw=raw[:30]), Proxy(self.server.port) as proxy:
                proxy.cut(SERVER, rb"OK \[APPENDUID", forward=False)
                row, = self.rows("append", self.put(raw), *self.through(proxy))
                self.assertEqual(str(number + 1), row["newUid"])
                self.assertRegex(row["note"], "lost before the server's answer; the message was looked for, and it is there")
                self.assertEqual(number + 1, len(self.raws()))

    def test_connection_that_is_lost_within_the_message(self):
        """More is left than the sockets in between can hold."""
        raw = b"Subject: x\n\n" + b"x" * 300_000 + b"NO MORE\n" + b"x" * 50_000_000
        self.put(raw)
        self.put(self.MAIL, "b.eml")
        with Proxy(self.server.port) as proxy:
            proxy.cut(CLIENT, rb"NO MORE", forward=False)
            result = self.mail("append", "a.eml", "b.eml", *self.through(proxy), "--stop-on-error", "no", expect=UNREACHABLE)
        self.assertRegex(result.stderr, r"append: 'a\.eml': (\S+ closed the connection|the connection to \S+ broke)")
        self.assertNotIn("may have arrived", result.stderr)
        self.assertEqual([], self.raws())

    def test_connection_that_is_lost_with_the_last_byte(self):
        """What was found is said."""
        earlier = as_sent(self.MAIL)
        self.deliver(earlier)
        with Proxy(self.server.port) as proxy:
            proxy.cut(CLIENT, rb"Subject: Appended", forward=False)
            self.refuses(UNREACHABLE, "append", self.put(self.MAIL), *self.through(proxy),
                         says="may have arrived: no new message in folder 'INBOX' has its Message-ID and its size now")
        self.assertEqual([earlier], self.raws())


class DovecotAppend(OnDovecot, Append):
    def test_memory_does_not_grow_with_the_file(self):
        with open(self.folder / "a.eml", "wb") as file:
            file.write(b"Subject: large\n\n")
            for _ in range(96):
                file.write(b"x" * 1023 * 1024 + b"\n")
            file.write(b"THE END\n")
        with Proxy(self.server.port) as proxy:
            end = proxy.stall(CLIENT, rb"THE END")
            process = self.start("mail", "append", "a.eml", *self.through(proxy))
            end.wait()
            status = (self.folder / f"/proc/{process.pid}/status").read_text()
            end.release()
            self.finish(process)
        self.assertLess(int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]), 80 * 1024)
        self.assertEqual(["large"], self.column("subject", "--timeout", DEADLINE_S))


class CyrusAppend(OnCyrus, Append):
    pass


del Append, AppendCase

if __name__ == "__main__":
    unittest.main()
