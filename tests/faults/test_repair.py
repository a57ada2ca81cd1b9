"""verify, reload and doctor: what is out of order is found, and put in order."""

import contextlib
import os
import sqlite3
import subprocess
import unittest

import checker
import manual
import strace
from inqueue import (CONFIGURATION, DATA, DEADLINE_S, DONE, IO, NO, PROTOCOL, UNREACHABLE, copy_database)
from liar import LiarCase, hang_up, small
from trial import sample


def moved_then_gone(session, tag, command):
    session.honest(session, tag, command)


def moved_quietly(session, tag, command):
    """OK, but no COPYUID."""
    session.honest(session, tag, command)
    return tag + b" OK moved\r\n"


class RepairCase(LiarCase):
    def tamper(self, statement):
        with contextlib.closing(sqlite3.connect(self.database)) as database:
            database.execute("PRAGMA foreign_keys = ON")
            with database:
                database.execute(statement)

    def problems(self, expect=NO):
        found = self.json_lines("verify", "invoices", "--json", expect=expect)
        return sorted((finding["problem"], finding["folder"], finding["uid"]) for finding in found)

    def repaired(self, server, *options, bad=()):
        self.inqueue("verify", "invoices", "--repair", *options)
        verdict = self.check(server, bad)
        self.tally.add(verdict, True)
        self.assertTrue(verdict, verdict)


class Verify(RepairCase):
    fault = "verify --repair"

    def test_all_in_order(self):
        with self.lying() as server:
            self.inqueue("load")
            self.assertEqual([], self.problems(expect=0))
            result = self.inqueue("verify", "invoices")
            self.assertEqual("", result.stderr)
            self.repaired(server)

    def test_waiting_mail_is_no_problem(self):
        with self.lying():
            self.assertEqual([], self.problems(expect=0))

    def test_unfinished(self):
        with self.lying() as server:
            server.answer(rb"UID MOVE", hang_up)
            self.inqueue("load", expect=UNREACHABLE)
            self.assertEqual([("unfinished", "INBOX", uid) for uid in (1, 2, 3)], self.problems())
            self.repaired(server)

    def test_moved_but_the_ledger_was_not_told(self):
        """As a run leaves it that dies right after a move: only the ledger is behind."""
        self.untold(rb"UID MOVE", "IMAP4rev1 UIDPLUS MOVE")

    def untold(self, command, capabilities):
        for renumber in [False, True]:
            with self.subTest(renumber=renumber):
                self.use_database(f"untold-{renumber}")
                with self.lying(capabilities=capabilities) as server:
                    server.answer(command, moved_then_gone)
                    self.inqueue("load", expect=UNREACHABLE)
                    if renumber:
                        server.renumber()
                    self.assertEqual([("unfinished", "INBOX", uid) for uid in (1, 2, 3)], self.problems())
                    self.repaired(server)
                    self.assertEqual([], self.problems(expect=0))

    def test_renumbered_before_the_move(self):
        """The rows of the old numbering are settled by the run that knows the messages again."""
        with self.lying() as server:
            server.answer(rb"UID MOVE", hang_up)
            self.inqueue("load", expect=UNREACHABLE)
            server.renumber()
            self.assertEqual([("unfinished", "INBOX", uid) for uid in (1, 2, 3)], self.problems())
            self.repaired(server)
            self.assertEqual([], self.problems(expect=0))

    def test_expunged_but_the_ledger_was_not_told(self):
        """Without MOVE: the copy's UID is known."""
        self.untold(rb"UID EXPUNGE", "IMAP4rev1 UIDPLUS")

    def test_stored_but_removed_by_another_client(self):
        with self.lying(small(1)) as server:
            server.answer(rb"UID MOVE", hang_up)
            self.inqueue("load", expect=UNREACHABLE)
            server.take_away(1)
            self.assertEqual([("missing", "DROPBOX", None)], self.problems())

    def test_back_in_the_mailbox(self):
        """Restored by the server under its old UID: it is moved again, not loaded again."""
        with self.lying(small(1)) as server:
            self.inqueue("load")
            server.deliver_as(server.take_away(1, "DROPBOX"), 1)
            self.assertEqual([("stayed", "INBOX", 1)], self.problems())
            self.repaired(server)
            self.assertEqual([], self.problems(expect=0))

    def test_in_both_folders(self):
        """The copy stays, the original goes."""
        with self.lying(small(1)) as server:
            self.inqueue("load")
            server.deliver_as(server.messages("DROPBOX")[0], 1)
            self.assertEqual([("stayed", "INBOX", 1)], self.problems())
            self.repaired(server)

    def test_in_the_archive_without_an_entry(self):
        with self.lying(small(1)) as server:
            self.inqueue("load")
            server.deliver(small(2), folder="DROPBOX")
            self.before[checker.digest(small(2))] = 1
            self.assertEqual([("stray", "DROPBOX", 2)], self.problems())
            self.fails(NO, "verify", "invoices", "--repair", says="1 of 1 .*--adopt makes entries of strays")
            self.assertEqual(["Invoice 1"], self.column("SELECT subject FROM entry"))
            self.repaired(server, "--adopt", "--yes")
            self.assertEqual(["Invoice 1", "Invoice 2"], self.column("SELECT subject FROM entry ORDER BY id"))

    def test_entry_deleted_before_the_move(self):
        with self.lying(small(1)) as server:
            server.answer(rb"UID MOVE", hang_up)
            self.inqueue("load", expect=UNREACHABLE)
            self.tamper("DELETE FROM entry_status")
            self.assertEqual([("no-entry", "INBOX", 1)], self.problems())
            self.repaired(server)

    def test_too_large_and_uids_in_the_target_not_told(self):
        """Of such a message only the header was fetched, which is enough to know it again."""
        with self.lying(small(1), small(2, b"X: %s\r\n" % (b"x" * 20000)), maxSize="10KB") as server:
            server.answer(rb"UID MOVE", moved_quietly, times=None)
            self.inqueue("load")
            self.assertEqual([], self.problems(expect=0))
            self.repaired(server, bad=self.before)
            self.assertEqual(2, len(self.sql("SELECT 1 FROM entry")))

    def test_a_server_that_copies_and_keeps_the_originals(self):
        """However many copies it made before it was healed: they are said, and never become entries."""
        def copy_only(session, tag, command):
            return session.honest(session, tag, command.replace(b"UID MOVE", b"UID COPY"))
        with self.lying() as server:
            server.answer(rb"UID MOVE", copy_only, times=3)
            self.inqueue("load", expect=PROTOCOL)
            for _ in range(3):
                self.start("load").communicate(timeout=DEADLINE_S)
            copies = len(server.messages("DROPBOX")) - 3
            self.inqueue("verify", "invoices", "--repair", "--adopt", "--yes", expect=NO if copies else DONE)
            self.assertEqual(3, len(self.sql("SELECT 1 FROM entry")))
            self.assertEqual([], server.messages())
            self.assertEqual(["duplicate"] * copies, [problem for problem, *_ in self.problems(NO if copies else DONE)])

    def test_missing(self):
        with self.lying(small(1)) as server:
            self.inqueue("load")
            server.take_away(1, "DROPBOX")
            self.assertEqual([("missing", "DROPBOX", 1)], self.problems())
            self.fails(NO, "verify", "invoices", "--repair", says="1 of 1 problems could not be repaired; --accept-miss")

    def test_known_by_bytes_alone(self):
        """A server that does not tell UIDs in the target."""
        with self.lying(capabilities="IMAP4rev1 MOVE") as server:
            server.answer(rb"UID MOVE", moved_quietly, times=None)
            self.inqueue("load")
            self.assertEqual([], self.problems(expect=0))
            server.take_away(2, "DROPBOX")
            self.assertEqual([("missing", "DROPBOX", None)], self.problems())


class Adopt(RepairCase):
    """Strays become entries once, and stay where they are or belong, whenever that ends."""

    fault = "verify --adopt, kill -9 at a system call"
    calls = ["pwrite64", "fsync", "fdatasync", "unlink", "ftruncate", "sendto", "recvfrom"]
    large = small(3, b"X: %s\r\n" % (b"x" * 20000))  # becomes a bad entry, and moves

    def adopt(self, name, wrap=()):
        self.use_database(name)
        server = self.lying(small(1), maxSize="10KB")
        self.inqueue("load")
        server.deliver(small(2), self.large, folder="DROPBOX")
        self.before = checker.count_digests(server.messages("DROPBOX"))
        self.start("verify", "invoices", "--adopt", "--yes", wrap=wrap).communicate(timeout=DEADLINE_S)
        return server

    def judge_adopted(self, server):
        verdict = self.check(server, bad={checker.digest(self.large)})
        self.tally.add(verdict, True)
        self.assertTrue(verdict, verdict)
        self.assertEqual([("Invoice 1", "new"), ("Invoice 2", "new"), ("Invoice 3", "bad")],
                         self.sql("SELECT subject, state FROM entry ORDER BY id"))

    def test_killed_at_a_call(self):
        # The leak sanitizer works by ptrace, as strace does: one of them at a time.
        self.environment["ASAN_OPTIONS"] += ":detect_leaks=0"
        log = self.folder / "strace"
        self.judge_adopted(self.adopt("quiet", strace.watch(log, self.calls, first_only=True)))
        calls = strace.count_calls(log)
        points = [(call, when) for call, count in sorted(calls.items()) for when in range(1, count + 1)]
        for call, when in sample(points, 12):
            with self.subTest(call=call, when=when):
                server = self.adopt(f"{call}-{when}", strace.kill(log, call, when, first_only=True))
                self.inqueue("verify", "invoices", "--repair", "--adopt", "--yes")
                self.judge_adopted(server)
                self.assertEqual([], self.problems(expect=0))


class Reload(RepairCase):
    fault = "reload"

    def test_too_large_before(self):
        with self.lying(small(1, b"X: %s\r\n" % (b"x" * 20000)), maxSize="10KB") as server:
            self.inqueue("load")
            self.assertEqual([("bad",)], self.sql("SELECT state FROM entry"))
            self.fails(DATA, "reload", 1, says="reload 1: still cannot be loaded: message too large")
            self.inqueue("queue", "alter", "invoices", "--connection-string",
                         self.sql("SELECT connection_string FROM work_queue")[0][0].replace("10KB", "1MB"))
            self.inqueue("reload", 1)
            self.assertEqual([(1, "new", None, "Invoice 1", "Please pay.\n")],
                             self.sql("SELECT id, state, error_text, subject, message_body FROM entry"))
            verdict = self.check(server)
            self.tally.add(verdict, True)
            self.assertTrue(verdict, verdict)
            self.assertEqual([], self.problems(expect=0))
            self.fails(NO, "reload", 1, says="not bad but new")

    def test_too_large_before_and_its_uid_not_told(self):
        with self.lying(small(1, b"X: %s\r\n" % (b"x" * 20000)), small(2, b"X: %s\r\n" % (b"y" * 20000)),
                        maxSize="10KB") as server:
            server.answer(rb"UID MOVE", moved_quietly, times=None)
            self.inqueue("load")
            self.inqueue("queue", "alter", "invoices", "--connection-string",
                         self.sql("SELECT connection_string FROM work_queue")[0][0].replace("10KB", "1MB"))
            for number in [2, 1]:
                self.inqueue("reload", number)
            self.assertEqual([("new", "Invoice 1"), ("new", "Invoice 2")],
                             self.sql("SELECT state, subject FROM entry ORDER BY id"))
            self.assertTrue(self.check(server), self.check(server))
            self.assertEqual([], self.problems(expect=0))

    def test_too_large_and_read_otherwise_since(self):
        """It is known by the same bytes, however much of a header is read."""
        with self.lying(small(1, b"X: %s\r\n" % (b"x" * 300000)), maxSize="10KB", maxHeader="1KB") as server:
            server.answer(rb"UID MOVE", hang_up)
            self.inqueue("load", expect=UNREACHABLE)
            server.renumber()
            self.inqueue("queue", "alter", "invoices", "--connection-string",
                         self.sql("SELECT connection_string FROM work_queue")[0][0].replace("1KB", "1MB"))
            self.inqueue("load")
            self.assertEqual([("bad",)], self.sql("SELECT state FROM entry"))
            self.assertEqual([], self.problems(expect=0))

    def test_interrupted_before_the_move(self):
        """The entry is good by then; another reload, or verify --repair, moves the message."""
        for finish in [("reload", 1), ("verify", "invoices", "--repair")]:
            with self.subTest(finish[0]):
                self.use_database(finish[0])
                with self.lying(small(1, b"X: %s\r\n" % (b"x" * 20000)), maxSize="10KB") as server:
                    self.inqueue("load")
                    self.inqueue("queue", "alter", "invoices", "--connection-string",
                                 self.sql("SELECT connection_string FROM work_queue")[0][0].replace("10KB", "1MB"))
                    server.answer(rb"UID MOVE", hang_up)
                    self.inqueue("reload", 1, expect=UNREACHABLE)
                    self.assertEqual([("misplaced", "BADMAIL", 1)], self.problems())
                    self.inqueue(*finish)
                    self.assertTrue(self.check(server), self.check(server))
                    self.assertEqual([("new",)], self.sql("SELECT state FROM entry"))

    def test_interrupted_before_the_move_of_a_message_whose_uid_was_not_told(self):
        """Known by its header before, by all its bytes from then on."""
        with self.lying(small(1, b"X: %s\r\n" % (b"x" * 20000)), maxSize="10KB") as server:
            server.answer(rb"UID MOVE", moved_quietly)
            self.inqueue("load")
            self.inqueue("queue", "alter", "invoices", "--connection-string",
                         self.sql("SELECT connection_string FROM work_queue")[0][0].replace("10KB", "1MB"))
            server.answer(rb"UID MOVE", hang_up)
            self.inqueue("reload", 1, expect=UNREACHABLE)
            self.assertEqual([("misplaced", "BADMAIL", 1)], self.problems())
            self.repaired(server)
            self.assertEqual([("new",)], self.sql("SELECT state FROM entry"))

    def test_message_gone(self):
        with self.lying(small(1, b"X: %s\r\n" % (b"x" * 20000)), maxSize="10KB") as server:
            self.inqueue("load")
            server.take_away(1, "BADMAIL")
            self.fails(NO, "reload", 1, says="reload 1: its message is not in 'BADMAIL' any more")

    def test_message_withheld(self):
        """NIL is not an empty message: the entry stays as it is."""
        with self.lying(small(1, b"X: %s\r\n" % (b"x" * 20000)), maxSize="10KB") as server:
            self.inqueue("load")
            self.inqueue("queue", "alter", "invoices", "--connection-string",
                         self.sql("SELECT connection_string FROM work_queue")[0][0].replace("10KB", "1MB"))
            server.answer(rb"UID FETCH .*BODY.PEEK\[\]", b"* 1 FETCH (UID 1 BODY[] NIL)\r\nTAG OK done\r\n")
            self.fails(PROTOCOL, "reload", 1, says="did not send UID 1")
            self.assertEqual([("bad", "Invoice 1")], self.sql("SELECT state, subject FROM entry"))
            self.inqueue("reload", 1)

    def test_no_such_entry(self):
        with self.lying():
            self.fails(NO, "reload", 77, says="77")


class Doctor(RepairCase):
    fault = "doctor"

    def findings(self, expect=0):
        return self.json_lines("doctor", "--json", expect=expect)

    def test_all_well(self):
        with self.lying():
            self.assertNotIn("wrong", {finding["state"] for finding in self.findings()})
            words = {what: [row["words"] for row in self.findings() if row["what"] == what]
                     for what in ["library", "parser"]}
            for name in ["SQLite 3", "libetpan 1", "libcurl/"]:
                self.assertTrue([said for said in words["library"] if said.startswith(name)], name)
            self.assertEqual(1, len(words["parser"]))
            self.assertRegex(words["parser"][0], r"\Ainqueue-parser \S+, libxml2 2\S*, GMime 3\S*\Z")

    def workarounds(self, **options):
        return [row["words"] for row in self.json_lines("doctor", "--json", **options) if row["what"] == "workaround"]

    def test_workarounds_are_those_that_these_libraries_need(self):
        """Said to be other versions, they are said to need less, or not to have been tried."""
        with self.lying():
            words = "\n".join(self.workarounds())
            self.assertRegex(words, "(?m)^libetpan: its TLS")
            version = next(row["words"] for row in self.findings() if row["words"].startswith("SQLite ")).split()[1]
            self.assertEqual(tuple(map(int, version.split("."))) < (3, 51, 3), "before SQLite 3.51.3" in words)

            newer = self.folder / "newer.so"
            subprocess.run(["cc", "-shared", "-fPIC", "-xc", "-o", newer, "-"], check=True, text=True, input="""
                int sqlite3_libversion_number(void) { return 3051003; }
                int libetpan_get_version_major(void) { return 2; }
            """)
            words = "\n".join(self.workarounds(env={
                "LD_PRELOAD": str(newer),
                "ASAN_OPTIONS": self.environment["ASAN_OPTIONS"] + ":verify_asan_link_order=0"}))
            self.assertRegex(words, "(?m)^libetpan up to 1.9, this one has not been tried: its TLS")
            self.assertNotIn("SQLite", words)

    def test_library_that_cannot_be_loaded(self):
        """Mail stays where it is until the library is there again."""
        with self.lying(small(1)) as server:
            (self.folder / "libuchardet.so.0").write_bytes(b"")
            broken = {"LD_LIBRARY_PATH": str(self.folder)}
            wrong = [row["words"] for row in self.json_lines("doctor", "--json", env=broken, expect=CONFIGURATION)
                     if row["state"] == "wrong"]
            said = "starting the parser: '.*/inqueue-parser' ended at once, with status 127; install inqueue again"
            self.assertEqual(1, len(wrong))
            self.assertRegex(wrong[0], said)
            failed = self.inqueue("load", env=broken, expect=IO)
            self.assertRegex(failed.stderr, f"{self.folder}/libuchardet.so.0: file too short\n.*{said}")
            self.assertEqual(1, len(server.messages()))
            self.inqueue("load")
            self.judge(server)

    def test_password_that_others_can_read(self):
        with self.lying():
            os.chmod(self.folder / "invoices.password", 0o644)
            wrong = [row for row in self.findings(expect=CONFIGURATION) if row["state"] == "wrong"]
            self.assertEqual(["password of 'invoices'"], [row["what"] for row in wrong])

    def test_secrets_of_a_target(self):
        """A file that only its owner can read is as it should be; one that is open to others, or gone, is not."""
        with self.lying():
            key, token, gone = [self.folder / name for name in ["key", "token", "gone"]]
            for path, mode in [(key, 0o600), (token, 0o640)]:
                path.write_text("a key that nobody can guess easily\n")
                path.chmod(mode)
            self.inqueue("queue", "alter", "invoices", "--deliver-to", "https://ann@app.example.com/mail",
                         "--deliver-secret", f"file:{key}", "--deliver-password", f"file:{gone}",
                         "--deliver-header-secret", f"Authorization: Bearer file:{token} | X-Token: env:TOKEN")
            found = [(row["state"], row["what"]) for row in self.findings(expect=CONFIGURATION)
                     if row["what"].startswith("deliver-")]
            self.assertEqual([("ok", "deliver-secret of 'invoices'"), ("wrong", "deliver-password of 'invoices'"),
                              ("wrong", "deliver-header-secret of 'invoices'"),
                              ("ok", "deliver-header-secret of 'invoices'")], found)

    def test_database_damaged(self):
        with self.lying():
            with open(self.database, "r+b") as database:
                for place in range(5 * 16384, self.database.stat().st_size, 16384):
                    database.seek(place)
                    database.write(b"\xff" * 1000)
            self.fails(IO, "doctor", says="is damaged: restore a backup, or save what can be read")
            self.database.unlink()

    def test_schema_damaged(self):
        with self.lying():
            self.tamper("DROP INDEX pickup_match")
            words = [row["words"] for row in self.findings(expect=CONFIGURATION) if row["state"] == "wrong"]
            self.assertEqual(["'pickup_match' of the schema is missing"], words)


class Backup(RepairCase):
    """By the commands that the manual prints."""

    fault = "backup while loading"
    copies = ["inqueue-vacuum.db", "inqueue-backup.db"]

    def commands(self):
        first, *_ = manual.examples(manual.section(manual.page("inqueue-administration.7"), "BACKUPS"))
        return first.replace("$HOME/", f"{self.folder}/")

    def start_backup(self):
        return subprocess.Popen(["bash", "-euc", self.commands()], env=self.environment, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)

    def finish_backup(self, process):
        """How many entries each copy has."""
        words, _ = process.communicate(timeout=DEADLINE_S)
        self.assertEqual((0, ""), (process.returncode, words))
        self.assertEqual({0o600}, {(self.folder / name).stat().st_mode & 0o777 for name in self.copies})
        return [len(checker.read_database(self.folder / name)[0]) for name in self.copies]

    def test_backup_while_another_writes(self):
        """It does not wait for him, nor see what he has not committed."""
        with self.lying(small(1)), contextlib.closing(sqlite3.connect(self.database, isolation_level=None)) as other:
            self.inqueue("load")
            other.execute("PRAGMA foreign_keys = ON")
            other.execute("BEGIN IMMEDIATE")
            other.execute("DELETE FROM entry_status")
            self.assertEqual([1, 1], self.finish_backup(self.start_backup()))
            other.execute("ROLLBACK")

    def test_backup_while_loading(self):
        """In the middle of a run they give a sound database of that moment."""
        with self.lying(*[small(number) for number in range(1, 40)]) as server:
            copies = []

            def back_up(session, tag, command):
                copies.extend(self.finish_backup(self.start_backup()))
                return session.honest(session, tag, command)
            server.answer(rb"UID MOVE", back_up)
            self.inqueue("load")
            self.assertEqual([39, 39], copies)
            self.judge(server)

    def test_restored_backup_loads_nothing_twice_that_is_still_there(self):
        """What was loaded after the backup is in the archive, and becomes entries again."""
        with self.lying(small(1)) as server:
            self.inqueue("load")
            saved = self.folder / "saved.db"
            copy_database(self.database, saved)
            server.deliver(small(2))
            self.before[checker.digest(small(2))] = 1
            self.inqueue("load")
            copy_database(saved, self.database)
            self.assertEqual([("stray", "DROPBOX", 2)], self.problems())
            self.repaired(server, "--adopt", "--yes")

    def test_strays_without_a_date(self):
        """No year is made up for them."""
        with self.lying(small(1)) as server:
            self.inqueue("load")
            server.deliver(small(2), folder="DROPBOX")
            server.answer(rb"UID FETCH 2 .*BODY", b"* 2 FETCH (UID 2 INTERNALDATE NIL BODY[] {%d}\r\n%s)\r\nTAG OK done\r\n"
                          % (len(small(2)), small(2)))
            told = self.inqueue("verify", "invoices", "--adopt", "--dry-run", expect=NO).stderr
            self.assertIn("1 message of 'DROPBOX', of which the server gives no date: would become entries\n", told)

    def test_folders_that_number_alike(self):
        """Made in one second they have one UIDVALIDITY on some servers: a UID in one says nothing of another."""
        with self.lying(small(1), dropbox="Paid", maxSize="1KB") as server:
            self.create_queue(server, name="orders", mailbox="Orders", dropbox="Done")
            for name in ["Orders", "Paid", "Done", "BADMAIL"]:
                server.create(name)
                server._folders[name].uid_validity = 100
            server.deliver(small(2), small(3), folder="Orders")
            self.inqueue("load")
            saved = self.folder / "saved.db"
            copy_database(self.database, saved)
            large = small(4, b"X-Long: " + b"x" * 2000 + b"\r\n")
            server.deliver(large)
            self.inqueue("load")
            self.assertEqual(1, len(server.messages("BADMAIL")))
            copy_database(saved, self.database)
            self.inqueue("verify", "invoices", "--repair", "--adopt", "--yes", "--search", "ALL")
            self.assertEqual([("bad", "Invoice 4")],
                             self.sql("SELECT state, subject FROM entry WHERE queue = 'invoices' AND id > 3"))


if __name__ == "__main__":
    unittest.main()
