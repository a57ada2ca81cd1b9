"""A database of schema 1, as an operator has it who installs a newer inqueue.

tests/data/schema-1.db.gz was made by the program of schema 1 out of the mail that fill() delivers:

    INQUEUE=/path/of/that/program python3 -B test_upgrade.py keep FILE
"""

import contextlib
import email.message
import gzip
import json
import pathlib
import re
import sqlite3
import subprocess
import sys
import unittest

import manual
from inqueue import CONFIGURATION, CREDENTIALS, DATA, NO, SOURCE_DIR, UNREACHABLE, Case, ServerCase, messages
from watcher import WatchCase

OLD = SOURCE_DIR / "tests" / "data" / "schema-1.db.gz"
UPGRADES = SOURCE_DIR / "queue" / "upgrades"
VERSION = 1 + len(list(UPGRADES.glob("*.sql")))
PASSWORD = "correct horse"
WHEN = '"31-Jan-2026 12:00:00 +0000"'
TOLD = r"\Ainqueue: database '[^']+' was brought from schema 1 to \d+; a copy of what it was lies in '([^']+)', and can be deleted\n\Z"

# These hold what differs from run to run: a clock's or a server's numbers, chance, and places of a test.
VARYING = {
    "record_created", "record_updated", "last_action", "last_success", "refused_at", "at", "last_attempt_at",
    "next_attempt_at", "lease_until", "lease_token", "duration_ms", "uid_validity", "target_uid_validity",
    "credential_reference",
}
# Numbers that are given as things come.
UNORDERED = {("content", "id"), ("delivery", "id")}
# What the parser makes of a mail gets better, and upgrading an entry does not parse its mail again.
PARSED = {"subject", "sender", "recipient", "cc", "bcc", "reply_to", "date_sent", "message_id", "in_reply_to",
          "thread_references", "message_body", "message_body_size", "message_body_content", "html_body",
          "html_body_size", "html_body_content", "defects", "headers"}
COMPARED = {"attachment": "SELECT DISTINCT entry_id FROM attachment",
            "content": "SELECT * FROM content WHERE sha256 IN (SELECT raw_content FROM entry_mail)"}
# Tables, and (table, column), that came later and hold other things of what was there before, with the reason.
LATER = {"entry_thread": "what is there is joined when the next mail of the thread comes",
         "entry_bounce": "what bounces say is noted of what is loaded from now on",
         "entry_calendar": "what calendars announce is noted of what is loaded from now on",
         "run": "what a run has done is noted from now on",
         "queue_end": "what ends when is noted at the next sign-in",
         "queue_sign_in": "what a sign-in is worth is noted from now on",
         "log_file": "noted by a running watch",
         "pickup_folder": "where a folder began is noted when this program first uses it",
         ("pickup", "uid_next"): "noted of what is loaded from now on",
         ("pickup", "target_folder"): "noted of what is moved from now on",
         ("work_queue", "not_collected"): "what waits for its answer counts from the next run on",
         ("entry_mail", "reply_plain"): "found when it is first asked for",
         ("entry_mail", "auto_class"): "noted of what is loaded from now on",
         ("entry_mail", "auto_reason"): "noted of what is loaded from now on",
         ("entry_mail", "signature"): "noted of what is loaded from now on",
         ("target", "insecure"): "a target with http:// goes on as it did"}


def old_database(path):
    path.write_bytes(gzip.decompress(OLD.read_bytes()))
    path.chmod(0o600)


def varied(column, value):
    if column in VARYING | PARSED:
        return value is not None
    if isinstance(value, str):
        value = value.replace("Couldn't connect to server", "Could not connect to server")  # curl's, before 8
        value = value.replace(" items, 1 of them bad.", " items.")  # said of runs from now on
        value = re.sub(r"\d{4}-\d\d-\d\dT[\d:]+\.\d{3}Z", "TIME", value)  # of ours; those of mail have no fraction
        return re.sub(r"\b(port[= ]|127\.0\.0\.1:|after )\d+", r"\1N", value)
    return value


def tables(database):
    return [name for name, in database.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name")]


def rows(database, table):
    """Of a table, without what differs between two loads of the same mail."""
    found = database.execute(COMPARED.get(table, f"SELECT * FROM {table}"))
    names = [name for name, *_ in found.description]
    kept = [{name: varied(name, value) for name, value in zip(names, row)
             if (table, name) not in LATER and (table, name) not in UNORDERED} for row in found]
    return sorted(map(repr, kept))


def all_rows(database, table, columns):
    return sorted(map(repr, database.execute(f"SELECT {', '.join(columns)} FROM {table}")))


def objects(database):
    """The schema without its comments and blanks, of which an upgrade that adds a column leaves others than we do, and
    without the quotes around the name of a table that was made anew."""
    def plain(sql):
        sql = re.sub(r'^CREATE TABLE "(\w+)"', r"CREATE TABLE \1", sql or "")
        return re.sub(r"\s*([(),])\s*", r"\1", " ".join(re.sub(r"--[^\n]*", "", sql or "").split()))
    return {(kind, name, table): plain(sql)
            for kind, name, table, sql in database.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema")}


def mail():
    found = [path.read_bytes() for path in sorted((SOURCE_DIR / "samples" / "messages").glob("*.eml"))]
    for subject, size in [("Large", 1200000), ("Too large", 2200000)]:
        made = email.message.EmailMessage()
        made["From"], made["To"], made["Subject"] = "ann@example.com", "robot@example.com", subject
        made["Date"], made["Message-ID"] = "Sat, 31 Jan 2026 11:59:00 +0000", f"<{size}@example.com>"
        made.set_content("The same line again and again.\n" * (size // 31))
        found.append(made.as_bytes())
    return found


class FilledCase(ServerCase):
    """A database with entries in every state, by loading, working off, posting in vain and a refused sign-in."""

    def fill(self):
        for user in ["robot@example.com", "quotes@example.com", "orders@example.com"]:
            self.server.add_user(user, PASSWORD)
        self.create_queue(user="robot@example.com", maxSize="2MB", keepRaw="True")
        self.create_queue(name="quotes", user="quotes@example.com")
        self.create_queue(name="orders", user="orders@example.com")
        with self.server.mailbox("robot@example.com") as mailbox:
            mailbox.append(*mail(), date=WHEN)
        with self.server.mailbox("quotes@example.com") as mailbox:
            mailbox.append(*mail()[:2], date=WHEN)
        self.inqueue("queue", "alter", "quotes", "--deliver-to", "http://127.0.0.1:9/", "--allow-private", "true",
                     "--retry-delay", "1h", "--acknowledge", "delivery")
        self.inqueue("load", "invoices")
        self.inqueue("load", "quotes")
        self.inqueue("deliver", "quotes", expect=UNREACHABLE)
        self.file("orders.password", "wrong\n")
        self.inqueue("load", "orders", expect=CREDENTIALS)
        self.work_off()
        with contextlib.closing(sqlite3.connect(self.database)) as database, database:
            database.execute("INSERT INTO pickup_attempt VALUES (1, 'robot/INBOX', 1, 99, 2, 'hung up', ?)",
                             ["2026-01-31T12:00:00.000Z"])

    def claim(self):
        claimed = json.loads(self.inqueue("claim", "invoices", "--worker", "ada", "--json").stdout)
        return claimed["id"], "--token", claimed["lease_token"]

    def work_off(self):
        self.inqueue("complete", *self.claim())
        self.inqueue("fail", *self.claim(), "--business", "--reason", "no such customer")
        self.inqueue("fail", *self.claim(), "--application", "--reason", "no reply")
        self.inqueue("defer", *self.claim(), "--until", "1d")
        self.inqueue("release", *self.claim(), "--reason", "lunch")
        self.claim()
        operator = "--by", "bob"
        self.inqueue("hold", 7, *operator)
        self.inqueue("tag", 8, "--add", "urgent", *operator)
        self.inqueue("note", 9, "called back", *operator)
        self.inqueue("priority", 10, "--to", "5", *operator)
        self.inqueue("discard", 11, "--reason", "spam", *operator)


class Upgraded(FilledCase):
    def keep(self):
        """No test: makes the file that is named on the command line."""
        self.fill()
        pathlib.Path(sys.argv[2]).write_bytes(gzip.compress(self.database.read_bytes(), mtime=0))

    def test_it_is_what_this_program_makes_of_the_same_mail(self):
        self.fill()
        old = self.folder / "old.db"
        old_database(old)
        result = self.inqueue("--database", old, "list")
        copy = pathlib.Path(re.search(TOLD, result.stderr)[1])
        self.assertEqual((old.parent / f"old.db.before-schema-{VERSION}", 0o600), (copy, copy.stat().st_mode & 0o777))
        self.assert_nothing_is_lost(old, copy)
        with contextlib.closing(sqlite3.connect(old)) as upgraded, \
                contextlib.closing(sqlite3.connect(self.database)) as fresh:
            self.assertEqual(objects(fresh), objects(upgraded))
            for question in ["PRAGMA user_version", "PRAGMA application_id", "PRAGMA page_size", "PRAGMA auto_vacuum"]:
                self.assertEqual(*(database.execute(question).fetchall() for database in [fresh, upgraded]), question)
            for table in sorted(set(tables(fresh)) - LATER.keys()):
                with self.subTest(table=table):
                    self.assertEqual(rows(fresh, table), rows(upgraded, table))
            self.assertEqual([("ok",)], upgraded.execute("PRAGMA integrity_check").fetchall())
            self.assertEqual([], upgraded.execute("PRAGMA foreign_key_check").fetchall())


    def assert_nothing_is_lost(self, upgraded, copy):
        original = self.folder / "original.db"
        old_database(original)
        with contextlib.closing(sqlite3.connect(original)) as before, \
                contextlib.closing(sqlite3.connect(upgraded)) as after, contextlib.closing(sqlite3.connect(copy)) as kept:
            self.assertEqual(sorted(before.iterdump()), sorted(kept.iterdump()))
            self.assertEqual([(1,)], kept.execute("PRAGMA user_version").fetchall())
            for table in tables(before):
                columns = [row[1] for row in before.execute(f"PRAGMA table_info({table})")]
                self.assertEqual(all_rows(before, table, columns), all_rows(after, table, columns), table)


class Steps(Case):
    def upgraded_to(self, version):
        """A database of that schema, as the program of its time made it out of an older one."""
        old_database(self.database)
        with contextlib.closing(sqlite3.connect(self.database)) as database:
            for number in range(2, version + 1):
                step, = UPGRADES.glob(f"{number}_*.sql")
                database.executescript(step.read_text())
            database.execute(f"PRAGMA user_version = {version}")

    def test_folders_that_were_noted_before_get_numbers(self):
        self.upgraded_to(11)
        noted = [(1, "a/2025"), (1, "a/2026"), (1, "a/BADMAIL"), (2, "a/2026")]
        with contextlib.closing(sqlite3.connect(self.database)) as database, database:
            for row in noted:
                database.execute("INSERT INTO pickup_folder VALUES (?, ?, 7, 1, '', NULL)", row)
        self.inqueue("list")
        self.assertEqual([(*row, number) for row, number in zip(noted, [1, 2, 3, 1])],
                         self.sql("SELECT queue_id, folder, number FROM pickup_folder ORDER BY queue_id, folder"))
        self.assertEqual([(None,)], self.sql("SELECT DISTINCT target_folder FROM pickup"))


    def test_a_target_stays_its_queue_s_own(self):
        expected = [("quotes", None, "http://127.0.0.1:9/", "multipart", "delivery", 1)]
        for version in range(1, VERSION):
            with self.subTest(version=version):
                for left in self.folder.glob("inqueue.db*"):
                    left.unlink()
                self.upgraded_to(version)
                self.inqueue("list")
                self.assertEqual(expected, self.sql(
                    "SELECT q.name, t.target, t.url, t.format, t.acknowledge, t.insecure FROM delivery_target t"
                    " JOIN work_queue q ON q.id = t.queue_id"))
                self.assertEqual([(1, None)], self.sql("SELECT id, name FROM target"))
                self.assertEqual([("ok",)], self.sql("PRAGMA integrity_check"))
                self.assertEqual([], self.sql("PRAGMA foreign_key_check"))
                self.inqueue("target", "create", "shop", "--deliver-to", "https://shop.example.com/")
                self.inqueue("queue", "alter", "quotes", "--target", "shop")
                self.assertEqual([("shop",)], self.sql("SELECT name FROM target"))


class Commands(Case):
    def setUp(self):
        super().setUp()
        old_database(self.database)

    def test_each_can_be_the_first(self):
        for command in [["list"], ["show", 1], ["status"], ["queue", "list"], ["history", 1], ["stats"], ["export"],
                        ["claim", "invoices"], ["purge", "--dry-run", "--state", "done", "--older-than", "90d"]]:
            with self.subTest(command=command):
                for left in self.folder.glob("inqueue.db*"):
                    left.unlink()
                old_database(self.database)
                self.assertRegex(self.inqueue(*command).stderr, TOLD)
                self.assertEqual("", self.inqueue("list").stderr)

    def test_all_that_was_there_can_be_worked_with(self):
        self.inqueue("list")
        self.assertEqual({"new", "claimed", "done", "failed", "bad"},
                         {entry["state"] for entry in self.json_lines("list", "--json")})
        self.assertEqual(1200000 // 31, self.inqueue("show", 13).stdout.count("The same line"))
        self.assertIn("sha256", self.inqueue("status", "--json").stdout + self.inqueue("show", 2, "--json").stdout)
        saved = self.folder / "saved"
        self.inqueue("save", 2, "--to", saved)
        self.inqueue("save", 2, "--raw", "--to", saved)
        self.assertEqual(2, len(list(saved.iterdir())))
        entry = json.loads(self.inqueue("claim", "invoices", "--json").stdout)
        self.inqueue("complete", entry["id"], "--token", entry["lease_token"])
        self.assertIn("schema ", self.inqueue("doctor", expect=CONFIGURATION).stdout)

    def test_without_a_copy(self):
        result = self.inqueue("list", "--no-backup")
        self.assertRegex(result.stderr, r"\Ainqueue: database '[^']+' was brought from schema 1 to \d+\n\Z")
        self.assertEqual([], list(self.folder.glob("inqueue.db.*")))


class UpgradeAlone(Case):
    """`inqueue upgrade`, by hand or by a package."""

    def setUp(self):
        super().setUp()
        old_database(self.database)

    def members(self):
        return json.loads(self.inqueue("upgrade", "--json").stdout)

    def test_it_says_what_it_has_done(self):
        upgraded = self.inqueue("upgrade")
        self.assertRegex(upgraded.stdout, TOLD.replace("inqueue: ", ""))
        self.assertEqual("", upgraded.stderr)
        self.assertEqual([(VERSION,)], self.sql("PRAGMA user_version"))

    def test_a_second_one_changes_nothing(self):
        self.inqueue("upgrade")
        before = {path.name: path.read_bytes() for path in self.folder.glob("inqueue.db*")}
        self.assertEqual(f"database '{self.database}' has schema {VERSION} already\n", self.inqueue("upgrade").stdout)
        self.assertEqual(before, {path.name: path.read_bytes() for path in self.folder.glob("inqueue.db*")})

    def test_for_programs(self):
        copy = f"{self.database}.before-schema-{VERSION}"
        self.assertEqual({"database": str(self.database), "from": 1, "to": VERSION, "copy": copy}, self.members())
        self.assertEqual({"database": str(self.database), "from": VERSION, "to": VERSION, "copy": None}, self.members())

    def test_without_a_copy(self):
        self.assertRegex(self.inqueue("upgrade", "--no-backup").stdout,
                         rf"\Adatabase '[^']+' was brought from schema 1 to {VERSION}\n\Z")
        self.assertEqual([], list(self.folder.glob("inqueue.db.*")))

    def test_the_copy_in_its_place_is_the_way_back(self):
        """As the page for administrators says."""
        self.inqueue("upgrade")
        self.inqueue("note", 1, "called back")
        back, = manual.examples(manual.section(manual.page("inqueue-administration.7"), "NEWER VERSIONS"))
        back = re.sub(r"schema-\d+", f"schema-{VERSION}", back)
        subprocess.run(["sh", "-euxc", back], env={**self.environment, "INQUEUE_DATABASE": str(self.database)}, check=True)
        original = self.folder / "original.db"
        old_database(original)
        with contextlib.closing(sqlite3.connect(original)) as before, \
                contextlib.closing(sqlite3.connect(self.database)) as now:
            self.assertEqual(sorted(before.iterdump()), sorted(now.iterdump()))
            self.assertEqual([(1,)], now.execute("PRAGMA user_version").fetchall())

    def test_no_database_is_made(self):
        self.database.unlink()
        self.assertIn("no database at", self.inqueue("upgrade", expect=NO).stderr)
        self.assertFalse(self.database.exists())

    def test_a_newer_one_is_left_alone(self):
        with contextlib.closing(sqlite3.connect(self.database)) as database:
            database.execute("PRAGMA user_version = 99")
        before = self.database.read_bytes()
        self.assertIn("newer inqueue (schema 99", self.inqueue("upgrade", expect=DATA).stderr)
        self.assertEqual(before, self.database.read_bytes())


class Outdated(WatchCase):
    """Somebody else has upgraded the database while this program runs."""

    @contextlib.contextmanager
    def upgraded(self):
        """By somebody who keeps the database open: what he has written may lie in its log alone."""
        with contextlib.closing(sqlite3.connect(self.database, timeout=30)) as database:
            database.execute("PRAGMA user_version = 99")
            yield

    def test_watch_ends(self):
        self.create_queue()
        watcher = self.watch()
        watcher.wait_idle()
        with self.upgraded():
            watcher.wait("outdated")
            watcher.ended(expect=DATA)
        self.assertRegex(watcher.lines[-1], r"\Ainqueue: database '.*' was written by a newer inqueue \(schema 99, this "
                         r"one knows \d+\): install that version, and restart what still runs with this one\Z")

    def test_a_watch_of_this_version_goes_on(self):
        self.create_queue()
        watcher = self.watch()
        watcher.wait_idle()
        self.assertIn("already", self.inqueue("upgrade").stdout)
        self.deliver(*messages(1))
        watcher.wait("stored")
        watcher.stop()

    def test_a_worker_that_waits_ends(self):
        self.create_queue()
        started = self.folder / "started"
        self.deliver(*messages(1))
        self.inqueue("load", "invoices")
        process = self.start("work", "invoices", "--", "sh", "-c", f"cat >{started}")
        while not self.column("SELECT id FROM entry WHERE state = 'done'"):
            self.assertIsNone(process.poll())
        with self.upgraded():
            self.assertIn("newer inqueue (schema 99", self.finish(process, expect=DATA).stderr)


if __name__ == "__main__":
    if sys.argv[1:2] == ["keep"]:
        sys.exit(not unittest.TextTestRunner().run(unittest.TestSuite([Upgraded("keep")])).wasSuccessful())
    unittest.main()
