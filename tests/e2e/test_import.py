"""`import`: mail in files becomes entries."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import unittest

from import_case import FROM, MESSAGES, ImportCase, as_sent
from inqueue import CONFIGURATION, DATA, IO, NO, TEMPORARY, USAGE, connection_string

COLUMNS = ("state, error_text, subject, sender, recipient, cc, bcc, reply_to, date_sent, date_received, message_body, html_body,"
           " reply_plain, message_id, in_reply_to, thread_references, headers, defects, signature, raw_sha256, raw_size,"
           " raw_kept, attachment_count")


class Same(ImportCase):
    def rows(self, queue, sql):
        return self.sql(sql + " WHERE e.queue = ? ORDER BY e.raw_sha256, 1", queue)

    def test_an_entry_is_what_a_load_makes_of_the_mail(self):
        self.create_queue(keepRaw="True")
        self.create_queue(name="files", keepRaw="True")
        self.deliver(*(as_sent(path.read_bytes()) for path in MESSAGES))
        self.inqueue("load", "invoices")
        arrived = self.column("SELECT unixepoch(date_received) FROM entry ORDER BY id")
        for path, when in zip(MESSAGES, arrived, strict=True):
            shutil.copy(path, self.mail)
            os.utime(self.mail / path.name, (when, when))
        self.inqueue("import", "files", self.mail)
        for sql in [f"SELECT {COLUMNS} FROM entry e",
                    "SELECT a.position, a.file_name, a.declared_name, a.content_type, a.disposition, a.content_id, a.sha256"
                    " FROM attachment a JOIN entry e ON e.id = a.entry_id",
                    "SELECT c.starts_at, c.ends_at, c.uid, c.method, c.organizer, c.attendees, c.summary, c.location"
                    " FROM entry_calendar c JOIN entry e ON e.id = c.entry_id"]:
            with self.subTest(sql=sql):
                loaded = self.rows("invoices", sql)
                self.assertTrue(loaded)
                self.assertEqual(loaded, self.rows("files", sql))

    def test_line_ends_do_not_count(self):
        self.create_queue()
        path = self.put("lf.eml")
        (self.mail / "crlf.eml").write_bytes(as_sent(path.read_bytes()))
        (self.mail / "mixed.eml").write_bytes(path.read_bytes().replace(b"\n", b"\r\n", 1))
        self.assertEqual({"imported": 1, "known": 2}, self.imported())
        self.assertEqual([len(as_sent(path.read_bytes()))], self.column("SELECT raw_size FROM entry"))

    def test_a_large_mail_is_cut_into_pieces_anywhere(self):
        """Line ends stand on both sides of each piece that is read."""
        self.create_queue(keepRaw="True")
        raw = b"Subject: Large\n\n" + b"\n" * 200_000 + b"\r\n" * 200_000
        (self.mail / "large.eml").write_bytes(raw)
        self.import_mail()
        self.inqueue("save", 1, "--raw", "--to", self.folder / "saved")
        saved, = (self.folder / "saved").rglob("*.eml")
        self.assertEqual(as_sent(raw), saved.read_bytes())


class Once(ImportCase):
    def test_again_is_nothing(self):
        self.create_queue()
        self.put("one.eml", "Invoice 1")
        self.assertEqual({"imported": 1}, self.imported())
        self.put("two.eml", "Invoice 2")
        self.assertEqual({"imported": 1, "known": 1}, self.imported())
        self.assertEqual(["Invoice 1", "Invoice 2"], self.entries())

    def test_what_was_loaded_is_known(self):
        self.create_queue()
        path = self.put("one.eml")
        self.deliver(as_sent(path.read_bytes()))
        self.inqueue("load")
        self.assertEqual({"known": 1}, self.imported())

    def test_another_queue_has_its_own(self):
        self.create_queue()
        self.create_queue(name="orders")
        self.put("one.eml")
        self.import_mail()
        self.inqueue("import", "orders", self.mail)
        self.assertEqual(["invoices", "orders"], self.column("SELECT queue FROM entry ORDER BY id"))

    def test_killed_at_any_moment(self):
        """Whatever is committed and not moved yet is known to the next run."""
        self.create_queue()
        for number in range(3000):
            self.put(f"{number}.eml", f"Invoice {number}")
        process = self.start("import", "invoices", self.mail, "--archive", self.folder / "done")
        while not self.names("done"):
            self.assertIsNone(process.poll())
        process.send_signal(signal.SIGKILL)
        self.finish(process, expect=-signal.SIGKILL)
        before = len(self.names("done"))
        self.import_mail(self.mail, "--archive", self.folder / "done")
        self.assertLess(0, before)
        self.assertEqual(3000, len(set(self.entries())))
        self.assertEqual(3000, len(self.entries()))
        self.assertEqual(3000, len(self.names("done")))


class Jobs(ImportCase):
    def stored(self):
        """All that the database holds, but for when it came there."""
        rows = {}
        for table in self.column("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"):
            columns = ", ".join(f'"{name}"' for name in self.column("SELECT name FROM pragma_table_info(?)", table)
                                if not re.search(r"(\A|_)at\Z|duration_ms|created|updated", name))
            rows[table] = self.sql(f"SELECT {columns} FROM {table} ORDER BY 1, 2")
        return rows

    def test_how_many_there_are_changes_nothing(self):
        """More messages than fill all batches of three jobs; some come twice, some are bad, one is an mbox's."""
        for number in range(1700):
            path = self.put(f"{number:04}.eml", f"Invoice {number}", "x" * (3000 if number % 97 == 0 else 20))
            if number % 50 == 49:
                shutil.copy(self.mail / f"{number - 20:04}.eml", path)
        for path in MESSAGES:
            shutil.copy(path, self.mail)
        (self.mail / "0500.mbox").write_bytes(b"".join(FROM + b"Subject: %d\n\nx\n\n" % number for number in range(600)))
        databases = {}
        for jobs in [1, 2, 3, 16]:
            self.database = self.folder / f"{jobs}.db"
            self.environment["INQUEUE_DATABASE"] = str(self.database)
            self.create_queue(maxSize=2500, keepRaw="True")
            self.import_mail(self.mail, "--jobs", jobs)
            databases[jobs] = self.stored()
        subjects = self.entries()
        self.assertEqual(["Invoice 0", "Invoice 1"], subjects[:2])
        self.assertLess(1700, len(subjects))
        self.assertIn("bad", self.column("SELECT state FROM entry"))
        for jobs, stored in databases.items():
            for table, rows in stored.items():
                with self.subTest(jobs=jobs, table=table):
                    self.assertEqual(databases[1][table], rows)

    def test_number(self):
        self.create_queue()
        for jobs in ["0", "65", "many"]:
            self.fails(USAGE, "import", "invoices", self.mail, "--jobs", jobs, says="--jobs takes")


class Found(ImportCase):
    def test_folders_at_any_depth(self):
        self.create_queue()
        self.put("a.eml", "a")
        self.put("2025/01/b.EML", "b")
        self.put("2025/notes.txt", "no mail")
        self.put(".hidden.eml", "hidden")
        self.import_mail()
        self.assertEqual(["b", "a"], self.entries())

    def test_links_lead_nowhere(self):
        self.create_queue()
        outside = self.folder / "outside"
        outside.mkdir()
        shutil.move(self.put("secret.eml", "Secret"), outside)
        (self.mail / "folder").symlink_to(outside)
        (self.mail / "file.eml").symlink_to(outside / "secret.eml")
        self.assertEqual({}, self.imported())
        (self.folder / "named").symlink_to(outside)
        self.assertEqual({"imported": 1}, self.imported(self.folder / "named"))

    def test_too_deep(self):
        self.create_queue()
        self.put("/".join(["d"] * 66) + "/a.eml")
        self.fails(DATA, "import", "invoices", self.mail, says=r"(/d){65}': folders lie too deep")
        self.assertEqual([], self.entries())

    def test_maildir(self):
        self.create_queue()
        self.put("cur/1:2,S", "read")
        self.put("cur/2:2,ST", "deleted")
        self.put("new/3", "new")
        self.put("tmp/4", "not arrived")
        self.put("dovecot.index.cache", "no mail")
        for part in ["cur", "new", "tmp"]:
            (self.mail / ".Sent" / part).mkdir(parents=True)
        shutil.move(self.put("5:2,", "sent"), self.mail / ".Sent" / "cur")
        os.utime(self.mail / "new/3", (1_700_000_000, 1_700_000_000))
        self.import_mail()
        self.assertEqual({"read", "new", "sent"}, set(self.entries()))
        self.assertEqual(["2023-11-14T22:13:20Z"], self.column("SELECT date_received FROM entry WHERE subject = 'new'"))

    def test_mail_without_a_date(self):
        """Then the last server knows best, and the file after it; what a Date field says is left alone."""
        self.create_queue()
        received = ("Received: from b.example.com by a.example.com (a; b) with SMTP id 1;\n Tue, 3 Mar 2026 08:30:00 +0000\n"
                    "Received: from c by b; Mon, 2 Mar 2026 08:30:00 +0000\n")
        for name, header in [("first", received), ("file", ""), ("odd", "Received: by nobody\n"),
                             ("dated", received + "Date: Wed, 4 Mar 2026 00:00:00 +0000\n")]:
            (self.mail / f"{name}.eml").write_text(f"Subject: {name}\n{header}\nx\n")
            os.utime(self.mail / f"{name}.eml", (1_700_000_000, 1_700_000_000))
        self.import_mail()
        self.assertEqual([("dated", "2026-03-04T00:00:00Z"), ("file", "2023-11-14T22:13:20Z"),
                          ("first", "2026-03-03T08:30:00Z"), ("odd", "2023-11-14T22:13:20Z")],
                         self.sql("SELECT subject, date_sent FROM entry ORDER BY subject"))
        self.assertEqual({"2023-11-14T22:13:20Z"}, set(self.column("SELECT date_received FROM entry")))

    def test_a_file_that_is_named(self):
        self.create_queue()
        self.assertEqual({"imported": 1}, self.imported(self.put("any name")))

    def test_what_is_not_there(self):
        self.create_queue()
        self.put("a.eml")
        self.fails(NO, "import", "invoices", self.folder / "nosuch", self.mail,
                   says="^inqueue: import 'invoices': '.*nosuch': No such file or directory")
        self.assertEqual(1, len(self.entries()))
        os.mkfifo(self.folder / "pipe")
        self.fails(DATA, "import", "invoices", self.folder / "pipe", says="pipe': is not a file")


class Moved(ImportCase):
    def move(self, *more, expect=0):
        return self.import_mail(self.mail, "--archive", self.folder / "done", "--failed", self.folder / "bad", *more,
                                expect=expect)

    def test_without_the_options_files_stay(self):
        self.create_queue(maxSize=2000)
        self.put("a.eml")
        self.put("b.eml", body="x" * 70 + "\n" * 3000)
        self.assertEqual({"imported": 1, "bad": 1}, self.imported())
        self.assertEqual(["a.eml", "b.eml"], self.names("mail"))

    def test_done_and_bad(self):
        self.create_queue(maxSize=2000)
        self.put("a.eml", "good")
        self.put("sub/b.eml", "large", body="x\n" * 3000)
        self.move()
        self.assertEqual(([], ["a.eml"], ["b.eml"]), (self.names("mail"), self.names("done"), self.names("bad")))
        self.assertEqual([("bad", "large", None)],
                         self.sql("SELECT state, subject, message_body FROM entry WHERE error_kind = 'load'"))
        text, = self.column("SELECT error_text FROM entry WHERE state = 'bad'")
        self.assertRegex(text, r"^message too large: \d+ bytes, at most 2000 are loaded \(maxSize\); its header was kept$")

    def test_nothing_is_replaced(self):
        self.create_queue()
        for name in ["a.eml", "x/a.eml", "y/a.eml"]:
            self.put(name, name)
        (self.folder / "done/a.eml").write_text("mine")
        self.move()
        self.assertEqual(["a.2.eml", "a.3.eml", "a.4.eml", "a.eml"], self.names("done"))
        self.assertEqual("mine", (self.folder / "done/a.eml").read_text())

    def test_known_bad_files_are_bad_still(self):
        self.create_queue(maxSize=2000)
        self.put("a.eml", "good")
        raw = self.put("b.eml", "large", body="x\n" * 3000).read_bytes()
        (self.mail / "c.eml").write_bytes(raw)
        self.import_mail()
        self.move()
        self.assertEqual((["a.eml"], ["b.eml", "c.eml"]), (self.names("done"), self.names("bad")))

    def test_a_bad_file_and_its_double(self):
        self.create_queue(maxSize=2000)
        raw = self.put("a.eml", "large", body="x\n" * 3000).read_bytes()
        (self.mail / "b.eml").write_bytes(raw)
        self.move("--jobs", 1)
        self.assertEqual(([], ["a.eml", "b.eml"]), (self.names("done"), self.names("bad")))

    def test_known_files_move_too(self):
        self.create_queue()
        raw = self.put("a.eml").read_bytes()
        (self.mail / "b.eml").write_bytes(raw)
        self.move()
        self.assertEqual(["a.eml", "b.eml"], self.names("done"))

    def test_another_file_system(self):
        shared = pathlib.Path("/dev/shm")
        if not shared.is_dir() or shared.stat().st_dev == self.folder.stat().st_dev:
            self.skipTest("there is no second file system")
        done = shared / self.folder.name
        done.mkdir()
        self.addCleanup(shutil.rmtree, done)
        self.create_queue()
        path = self.put("a.eml")
        raw, status = path.read_bytes(), path.stat()
        (done / "a.eml").write_text("mine")
        self.import_mail(self.mail, "--archive", done)
        self.assertEqual(([], ["a.2.eml", "a.eml"]), (self.names("mail"), sorted(os.listdir(done))))
        self.assertEqual((raw, status.st_mtime_ns, status.st_mode),
                         ((done / "a.2.eml").read_bytes(), *[getattr((done / "a.2.eml").stat(), name)
                                                            for name in ("st_mtime_ns", "st_mode")]))

    def test_the_archive_may_lie_in_the_folder(self):
        self.create_queue()
        self.put("a.eml")
        done = self.mail / "done"
        done.mkdir()
        for _ in range(2):
            self.import_mail(self.mail, "--archive", done)
        self.assertEqual(["done/a.eml"], self.names("mail"))

    def test_the_archive_may_be_the_folder(self):
        self.create_queue()
        path = self.put("a.eml")
        for _ in range(2):
            self.import_mail(self.mail, "--archive", self.mail)
            self.assertEqual(["a.eml"], self.names("mail"))
        self.import_mail(path, "--archive", self.mail)
        self.assertEqual(["a.eml"], self.names("mail"))

    def test_a_folder_that_is_missing_is_said_first(self):
        self.create_queue()
        self.put("a.eml")
        self.fails(CONFIGURATION, "import", "invoices", self.mail, "--archive", "nosuch",
                   says="--archive: 'nosuch' is not a folder: create it first")
        self.assertEqual([], self.entries())

    def test_unreadable_file(self):
        """One that can be opened, and then gives no bytes."""
        self.create_queue()
        self.put("a.eml")
        result = self.inqueue("import", "invoices", "/proc/self/mem", "/proc/thread-self/mem", self.mail, "--json", expect=IO)
        self.assertRegex(result.stderr, r"\A(inqueue: import 'invoices': '/proc/\S+/mem': Input/output error\n){2}\Z")
        self.assertEqual((1, 2), tuple(result.json()[key] for key in ("imported", "faults")))

    def test_a_file_that_cannot_be_moved(self):
        self.create_queue()
        self.put("a.eml")
        # Nothing can be created here, for root neither.
        self.fails(IO, "import", "invoices", self.mail, "--archive", "/proc/self", says="moving '.*a.eml' to '/proc/self': ")
        self.assertEqual((["a.eml"], 1), (self.names("mail"), len(self.entries())))


class WithoutMailbox(ImportCase):
    def create_file_queue(self, *more):
        self.inqueue("queue", "create", "invoices", "--external-source", "file", *more)

    def test_it_needs_no_server(self):
        self.create_file_queue()
        self.put("a.eml", "Invoice 1")
        self.import_mail()
        self.assertEqual(["Invoice 1"], self.entries())
        shown = self.inqueue("queue", "show", "invoices", "--json").json()
        self.assertEqual(("File", "", ""), tuple(shown[key] for key in ("external_source", "connection_string", "user_name")))
        self.inqueue("doctor")

    def test_its_connection_string_is_about_messages(self):
        self.create_file_queue("--connection-string", "maxSize=2000; keepRaw=True")
        self.put("a.eml")
        self.put("b.eml", body="x\n" * 3000)
        self.assertEqual({"imported": 1, "bad": 1}, self.imported())
        self.assertEqual([("new", 1), ("bad", 0)], self.sql("SELECT state, raw_kept FROM entry ORDER BY id"))

    def test_it_is_not_loaded(self):
        self.create_file_queue()
        self.create_queue(name="orders")
        self.inqueue("load")
        self.fails(CONFIGURATION, "load", "invoices",
                   says=r"this queue has no mailbox \(external source File\): `inqueue import invoices PATH` brings mail into it")

    def test_nobody_waits_for_a_look_at_it(self):
        self.create_file_queue()
        self.inqueue("status", "--check", "--max-age", "1ms")

    def test_it_can_get_a_mailbox(self):
        self.create_file_queue()
        self.fails(CONFIGURATION, "queue", "alter", "invoices", "--external-source", "IMAP", says="url is missing")
        self.fails(CONFIGURATION, "queue", "alter", "invoices", "--external-source", "IMAP", "--connection-string",
                   "url=imap.example.com", says="user-name is needed")
        self.fails(CONFIGURATION, "queue", "alter", "invoices", "--deliver-to", "https://example.com", "--acknowledge",
                   "delivery", says="acknowledge=delivery is about mail in a mailbox")


class Neighbours(ImportCase):
    """What other commands make of entries that came from files."""

    def test_verify_misses_nothing(self):
        self.create_queue()
        self.put("a.eml")
        self.import_mail()
        self.assertEqual("", self.inqueue("verify", "invoices").stdout)

    def test_two_at_a_time(self):
        """The second one could make another entry of the same mail."""
        self.create_queue()
        self.put("a.eml", body="x\n" * 500_000)
        tar = subprocess.run(["tar", "-C", self.mail, "-cf", "-", "."], stdout=subprocess.PIPE, check=True).stdout
        process = self.start("import", "invoices", "-")
        process.stdin.write(tar[:500_000])  # more than a pipe holds: it has begun to read
        self.fails(TEMPORARY, "import", "invoices", self.mail, says="import 'invoices': ")
        self.fails(TEMPORARY, "load", "invoices")
        process.stdin.write(tar[500_000:])
        self.finish(process)
        self.assertEqual({"known": 1}, self.imported())

    def test_a_bad_entry_is_imported_again_once_it_is_purged(self):
        """`reload` has no mailbox to fetch it from."""
        self.create_queue(maxSize=2000)
        self.put("b.eml", body="x\n" * 3000)
        self.import_mail()
        self.fails(NO, "reload", 1, says="reload 1: entry 1 did not come from a mailbox")
        self.inqueue("queue", "alter", "invoices", "--connection-string",
                     connection_string(self.keys(self.server, maxSize=20000)))
        self.assertEqual({"known": 1}, self.imported())
        self.inqueue("purge", "--state", "bad", "--older-than", "0s")
        self.assertEqual({"imported": 1}, self.imported())


class Options(ImportCase):
    def test_dry_run(self):
        self.create_queue(maxSize=2000)
        self.put("a.eml")
        self.import_mail()
        self.put("b.eml")
        self.put("c.eml", body="x\n" * 3000)
        result = self.import_mail(self.mail, "--dry-run", "--archive", self.folder / "done")
        self.assertRegex(result.stdout, r"\Ainvoices: \S+/a.eml: the queue has an entry of it \(\d+ bytes\)\n"
                                        r"invoices: \S+/b.eml: import \(\d+ bytes\)\n"
                                        r"invoices: \S+/c.eml: too large, becomes a bad entry \(\d+ bytes\)\n\Z")
        self.assertEqual((3, 1), (len(self.names("mail")), len(self.entries())))

    def test_limit(self):
        self.create_queue()
        for number in range(1, 6):
            self.put(f"{number}.eml", f"Invoice {number}")
        for _ in range(2):
            self.import_mail(self.mail, "--limit", 2)
        self.assertEqual([f"Invoice {number}" for number in range(1, 5)], self.entries())

    def test_json(self):
        self.create_queue()
        size = len(as_sent(self.put("a.eml").read_bytes()))
        self.assertEqual({"queue": "invoices", "imported": 1, "bad": 0, "skipped": 0, "refused": 0, "known": 0, "size_bytes": size, "faults": 0,
                          "error": None}, self.import_mail(self.mail, "--json").json())
        self.assertEqual("", self.import_mail().stdout)
        self.assertIn("invoices: 0 imported, 1 known already", self.on_terminal("import", "invoices", self.mail).stdout)

    def test_no_queue(self):
        self.create_queue()
        self.fails(NO, "import", "nosuch", self.mail, says="nosuch")


if __name__ == "__main__":
    unittest.main()
