"""What other users of the machine can change is not believed: the database, its folder, secrets, commands, triggers."""

import contextlib
import gzip
import os
import pathlib
import re
import shutil
import subprocess
import unittest

import manual
import processes
from entries import EntryCase, connect
from inqueue import CONFIGURATION, CREDENTIALS, PROGRAM, SOURCE_DIR, copy_database, remove_database

OTHER = 4711
HARMLESS = """
CREATE TABLE my_notes (id INTEGER PRIMARY KEY, entry_id INTEGER REFERENCES entry_status (id) ON DELETE CASCADE, note TEXT);
CREATE INDEX my_index ON entry_mail (lower(subject));
CREATE VIEW my_view AS SELECT id, subject FROM entry WHERE state = 'new';
CREATE VIRTUAL TABLE my_search USING fts5 (subject);
"""
FOREIGN = {
    "trigger 'evil'": "CREATE TRIGGER evil AFTER UPDATE ON work_queue BEGIN UPDATE work_queue SET credential_source = 'command',"
                      " credential_reference = '[\"/bin/touch\",\"ran\"]'; END",
    "trigger 'late'": HARMLESS + "CREATE TRIGGER late AFTER DELETE ON my_notes BEGIN SELECT 1; END",
    "'next_entry' is a view": "DROP VIEW next_entry; CREATE VIEW next_entry AS SELECT id, 'invoices' AS queue FROM entry_status",
    "'Entry_Tag' is a view": "DROP TABLE entry_tag; CREATE VIEW Entry_Tag AS SELECT 1 AS entry_id, 'x' AS tag",
    "'pragma_user_version' is a view": "CREATE VIEW pragma_user_version AS SELECT 1 AS user_version",
    "'change_author' is a table": "DROP TABLE change_author; CREATE VIRTUAL TABLE change_author USING fts5 (who, why)",
}


class Trust(EntryCase):
    def script(self, statements):
        with contextlib.closing(connect(self.database)) as database:
            database.executescript(statements)

    def refused(self, *arguments, says):
        """By every command that opens the database, and by doctor; an option or the environment lets it pass."""
        for command in [["list"], ["claim", "invoices"], ["load", "invoices"], ["watch"], ["doctor"],
                        ["queue", "create", "more", "--external-source", "File"]]:
            with self.subTest(command=command):
                self.fails(CONFIGURATION, *command, *arguments, says=says)

    def passes(self):
        self.inqueue("list", "--trust-owner")
        self.inqueue("list", env={"INQUEUE_TRUST_OWNER": "1"})
        self.fails(CONFIGURATION, "list", env={"INQUEUE_TRUST_OWNER": ""})
        self.assertRegex(self.inqueue("doctor", "--trust-owner").stdout, r"note +trust +the database|note +trust +database")


class Files(Trust):
    def test_database_that_others_may_write(self):
        for mode in [0o666, 0o660, 0o602]:
            self.database.chmod(mode)
            self.refused(says=[r"database '.*inqueue\.db' can be changed by other users", f"mode {mode:04o}",
                               "run commands as you", "chmod go-w", "--trust-owner"])
        self.passes()
        self.database.chmod(0o644)
        self.inqueue("list")

    def test_folder_that_others_may_write(self):
        for mode in [0o777, 0o770, 0o1777]:
            self.folder.chmod(mode)
            self.refused(says=["database's folder", f"mode {mode:04o}"])
        self.passes()
        self.folder.chmod(0o755)
        self.inqueue("list")

    def test_no_database_is_made_in_a_sticky_folder(self):
        sticky = self.folder / "sticky"
        sticky.mkdir()
        sticky.chmod(0o1777)
        self.fails(CONFIGURATION, "queue", "create", "q", "--external-source", "File", "--database", sticky / "q.db",
                   says="mode 1777")
        self.assertEqual([], list(sticky.iterdir()))

    @unittest.skipUnless(os.geteuid() == 0, "only root gives files away")
    def test_what_belongs_to_somebody_else(self):
        os.chown(self.database, OTHER, OTHER)
        self.refused(says=[f"database '.*' belongs to user {OTHER}", f"run this as user {OTHER}", "--trust-owner"])
        self.passes()
        os.chown(self.database, 0, 0)
        os.chown(self.folder, OTHER, OTHER)
        self.refused(says=[f"folder '.*' belongs to user {OTHER}"])
        self.passes()
        os.chown(self.folder, 0, 0)
        journal = self.database.with_name("inqueue.db-journal")
        journal.write_bytes(b"")
        os.chown(journal, OTHER, OTHER)
        self.refused(says="inqueue.db-journal' belongs to")

    def test_link_in_a_folder_of_others(self):
        """Whoever may turn the link chooses the database."""
        shared = self.folder / "shared"
        shared.mkdir()
        (shared / "link.db").symlink_to(self.database)
        self.inqueue("list", "--database", shared / "link.db")
        shared.chmod(0o777)
        self.fails(CONFIGURATION, "list", "--database", shared / "link.db", says="shared' can be changed")

    def test_secret_in_a_folder_of_others(self):
        shared = self.folder / "shared"
        shared.mkdir()
        password = shared / "password"
        password.write_text("correct horse\n")
        password.chmod(0o600)
        self.inqueue("queue", "alter", "invoices", "--password-file", password)
        shared.chmod(0o1777)  # nobody else can replace what is ours
        self.inqueue("doctor")
        shared.chmod(0o777)
        self.fails(CONFIGURATION, "load", "invoices", says="folder of the password file '.*shared' can be changed")
        self.assertIn("can be changed", self.inqueue("doctor", expect=CONFIGURATION).stdout)


class Commands(Trust):
    def setUp(self):
        super().setUp()
        self.tools = self.folder / "tools"
        self.tools.mkdir()
        self.command = self.tools / "answer"
        self.command.write_text("#!/bin/sh\ntouch ran\n")
        self.command.chmod(0o755)

    def use(self, reference):
        self.change("UPDATE work_queue SET credential_source = 'command', credential_reference = ?", reference)

    def not_run(self, says):
        self.fails(CONFIGURATION, "load", "invoices", "--trust-owner", says=says)
        self.assertFalse((self.folder / "ran").exists())
        self.assertIn("wrong", self.inqueue("doctor", "--trust-owner", expect=CONFIGURATION).stdout)

    def test_named_absolutely(self):
        self.use('["touch","ran"]')
        self.not_run("command 'touch' must be named by its whole path")
        self.use('["tools/answer"]')
        self.not_run("whole path")

    def test_definition_has_the_whole_path(self):
        self.inqueue("queue", "alter", "invoices", "--password-command", "cat secret")
        self.assertEqual(f'["{shutil.which("cat")}","secret"]', self.column("SELECT credential_reference FROM work_queue")[0])
        self.fails(CONFIGURATION, "queue", "alter", "invoices", "--password-command", "no-such-command",
                   says="there is no command 'no-such-command' in \\$PATH")

    def test_each_folder_above(self):
        self.use(f'["{self.command}"]')
        self.fails(CREDENTIALS, "load", "invoices", says="is empty")
        (self.folder / "ran").unlink()
        for path, mode, back in [(self.command, 0o775, 0o755), (self.tools, 0o777, 0o755), (self.folder, 0o777, 0o700)]:
            path.chmod(mode)
            self.not_run(f"'{path}' can be changed by other users")
            path.chmod(back)
        # A link is a way as well.
        shared = self.folder / "shared"
        shared.mkdir()
        (shared / "link").symlink_to(self.command)
        shared.chmod(0o777)
        self.use(f'["{shared}/link"]')
        self.not_run(f"'{shared}' can be changed")

    def test_among_temporary_files(self):
        """There a server may write that has taken over who hears it; it may not beside the database."""
        self.use(f'["{self.command}"]')
        self.environment["TMPDIR"] = str(self.folder)
        self.not_run(f"'{self.command}' lies among temporary files \\('{self.folder}'\\)")
        self.fails(CONFIGURATION, "queue", "alter", "invoices", "--password-command", str(self.command),
                   says="password-command: command '.*' lies among temporary files")

    @unittest.skipUnless(os.geteuid() == 0, "only root gives files away")
    def test_command_of_another_user(self):
        self.use(f'["{self.command}"]')
        os.chown(self.command, OTHER, OTHER)
        self.not_run(f"belongs to user {OTHER}")


class Schema(Trust):
    def test_what_runs_nothing_is_no_error(self):
        self.put(2)
        self.script(HARMLESS + "INSERT INTO my_notes (entry_id, note) SELECT id, 'x' FROM entry_status")
        self.claim()
        self.inqueue("doctor")
        self.assertEqual([(1,), (2,)], self.sql("SELECT id FROM entry_status"))

    def test_what_could_run_is_named(self):
        for named, statements in FOREIGN.items():
            with self.subTest(named=named):
                kept = self.folder / "kept.db"
                copy_database(self.database, kept)
                self.script("PRAGMA foreign_keys = OFF;" + statements)
                self.refused("--trust-owner", says=re.escape(named))
                self.assertEqual("env", self.column("SELECT credential_source FROM work_queue")[0])
                copy_database(kept, self.database)

    def test_older_database(self):
        """The steps that bring it up to date fire nothing, and are taken back."""
        remove_database(self.database)
        self.database.write_bytes(gzip.decompress((SOURCE_DIR / "tests" / "data" / "schema-1.db.gz").read_bytes()))
        self.database.chmod(0o600)
        self.script("CREATE TABLE fired (name TEXT);" + "".join(
            f"CREATE TRIGGER evil_{name}_{verb} AFTER {verb} ON {name} BEGIN INSERT INTO fired VALUES ('{name}'); END;"
            for name in self.column("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
            for verb in ["INSERT", "UPDATE", "DELETE"]))
        self.fails(CONFIGURATION, "list", says="trigger 'evil_")
        self.assertEqual(([], [1]), (self.column("SELECT name FROM fired"), self.column("PRAGMA user_version")))
        self.assertEqual([], list(self.folder.glob("*.before-schema-*")))

    def test_trigger_that_comes_while_a_program_runs(self):
        """A worker that waits for entries looks again before it changes anything."""
        process = self.start("claim", "invoices", "--wait", "60s")
        while str(self.database) not in processes.open_files(process.pid):
            self.assertIsNone(process.poll())
            os.sched_yield()
        self.inqueue("list")
        self.script("CREATE TRIGGER evil AFTER UPDATE ON entry_status BEGIN UPDATE work_queue SET paused = 1; END")
        self.put()
        self.assertIn("trigger 'evil'", self.finish(process, expect=CONFIGURATION).stderr)
        self.assertEqual([0], self.column("SELECT paused FROM work_queue"))


@unittest.skipUnless(os.geteuid() == 0, "only root makes users")
class HelpDesk(EntryCase):
    """The help desk of the manual, as printed: two users, in an /etc and a /srv of their own."""

    def test_as_printed(self):
        text = manual.page("inqueue-administration.7")
        root, everybody, first, ann = manual.examples(manual.section(text, "HOW A HELP DESK SHARES A DATABASE"))
        bin_folder = self.folder / "bin"
        bin_folder.mkdir()
        self.folder.chmod(0o755)
        for name in ["inqueue", "inqueue-parser"]:
            shutil.copy(pathlib.Path(PROGRAM).with_name(name), bin_folder)
        shutil.copytree("/etc", self.folder / "etc", symlinks=True)
        (self.folder / "srv").mkdir()
        (self.folder / "profile").write_text(f"PATH={bin_folder}:$PATH\nunset INQUEUE_DATABASE\ncd /\n{everybody}")
        mail = self.file("mail.eml", "From: ann@example.com\nSubject: Help\n\nPlease.\n", 0o644)
        first = first.replace("mail.eml", str(mail))
        for name, lines in {"first": first, "ann": ann}.items():
            self.file(name, f"set -eu\n. {self.folder}/profile\n{lines}", 0o644)
        whole = self.file("whole", f"""set -eux
mount --bind {self.folder}/etc /etc
mount --bind {self.folder}/srv /srv
useradd --system --user-group inqueue
useradd --user-group ann
{root}
runuser -u inqueue -- sh {self.folder}/first
runuser -u ann -- sh {self.folder}/ann
""", 0o700)
        result = subprocess.run(["unshare", "--mount", "sh", whole], capture_output=True, text=True, check=False,
                                env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"})
        self.assertEqual(0, result.returncode, result.stdout + result.stderr)
        self.database = self.folder / "srv" / "helpdesk" / "inqueue.db"
        self.assertEqual([("done",)], self.sql("SELECT state FROM entry"))
        modes = {path.name: path.stat().st_mode & 0o7777 for path in self.database.parent.iterdir() if path.is_file()}
        self.assertEqual({0o660}, set(modes.values()), modes)


if __name__ == "__main__":
    unittest.main()
