"""What an administrator does by inqueue-administration(7), as printed: a way back from a backup, another machine, retention,
monitoring. The help desk is in test_trust, backups during a load in test_repair."""

import fnmatch
import os
import re
import shutil
import subprocess
import unittest

import manual
from inqueue import DEADLINE_S, NO, PROGRAM, SOURCE_DIR, LoadCase, message, messages
from watcher import WatchCase

UNITS = [path.name for path in (SOURCE_DIR / "samples" / "systemd").iterdir()]


class AdministrationCase(LoadCase):
    def setUp(self):
        super().setUp()
        self.bin = self.folder / "bin"
        self.bin.mkdir()
        (self.bin / "inqueue").symlink_to(PROGRAM)
        # The tests have no systemd: what it is told is written down.
        self.told = self.folder / "told"
        self.told.touch()
        self.file("bin/systemctl", f'#!/bin/sh\nfor word in "$@"; do printf "%s\\n" "$word"; done >>{self.told}\n', 0o755)
        self.environment["PATH"] = f"{self.bin}:{self.environment['PATH']}"
        self.create_queue()

    def examples(self, title):
        return manual.examples(manual.section(manual.page("inqueue-administration.7"), title))

    def run_lines(self, text, expect=0):
        """Where a person would be asked there is no terminal: the answer is given beforehand."""
        text = re.sub(r"(?m)^(inqueue (?:verify .*--adopt|purge --archive).*)$", r"\1 --yes", text)
        result = subprocess.run(["bash", "-euxc", text], cwd=self.folder, env=self.environment, text=True, capture_output=True,
                                check=False, timeout=DEADLINE_S)
        self.assertEqual(expect, result.returncode, result.stdout + result.stderr)
        return result.stdout

    def load(self, *mail):
        self.deliver(*mail)
        self.inqueue("load", "invoices")

    def units_told(self):
        """Each pattern stands for units that there are."""
        patterns = [word for word in self.told.read_text().splitlines() if "inqueue" in word]
        for pattern in patterns:
            self.assertTrue(fnmatch.filter(UNITS, pattern), pattern)
        return {unit for pattern in patterns for unit in fnmatch.filter(UNITS, pattern)}


class BackAgain(AdministrationCase):
    def test_from_the_backup_to_where_it_was(self):
        """One entry was completed after the backup, and one mail loaded."""
        self.load(*messages(2))
        backup, = self.examples("BACKUPS")
        self.run_lines(backup)
        self.inqueue("work", "invoices", "--until-empty", "--", "true")
        self.load(message("Invoice 3"))
        for part in [self.database, self.database.with_name("inqueue.db-wal")]:
            part.write_bytes(b"damaged" * 1000)

        stop, restore, verify, hold, rest, shared = self.examples("GOING BACK TO A BACKUP")
        self.assertIn("--search", shared)  # test_verify has the queues for it
        self.run_lines(stop)
        self.assertEqual(set(UNITS), self.units_told())
        self.run_lines(restore)
        self.assertEqual(0o600, self.database.stat().st_mode & 0o777)
        self.assertIn("inqueue.db", [path.name for path in (self.folder / "home" / "broken").iterdir()])
        look, adopt = verify.splitlines()
        self.assertRegex(self.run_lines(look, expect=NO), "stray")
        self.run_lines(adopt)
        self.run_lines(hold)
        self.assertEqual([("new", 1)] * 3, self.sql("SELECT state, held FROM entry ORDER BY id"))
        self.assertIn("Invoice 3", self.run_lines(rest))
        self.assertEqual([("new", 0)] * 3, self.sql("SELECT state, held FROM entry ORDER BY id"))
        self.inqueue("verify", "invoices")
        self.assert_all_loaded(3)

    def test_the_backup_is_the_database(self):
        """Both ways to make it."""
        self.load(*messages(2))
        backup, = self.examples("BACKUPS")
        self.run_lines(backup)
        for name in ["inqueue-vacuum.db", "inqueue-backup.db"]:
            listed = self.json_lines("list", "--json", "--database", self.folder / "home" / name)
            self.assertEqual(["Invoice 1", "Invoice 2"], [entry["subject"] for entry in listed])


class AnotherMachine(AdministrationCase):
    def test_move(self):
        """Another folder plays the other machine; the mail server is the same."""
        self.environment["INQUEUE_DATABASE"] = str(self.folder / "old" / "inqueue.db")
        self.create_queue()
        self.load(*messages(2))
        leave, arrive = self.examples("MOVING TO ANOTHER MACHINE")
        self.run_lines(leave)
        self.assertEqual(set(UNITS), self.units_told())
        self.database = self.folder / "new" / "inqueue.db"
        self.environment["INQUEUE_DATABASE"] = str(self.database)
        self.run_lines(arrive)
        self.load(message("Invoice 3"))
        self.assert_all_loaded(3)


class Retention(AdministrationCase):
    def test_nothing_goes_too_early(self):
        self.load(message("Invoice"))
        entries, archive = self.examples("RETENTION")
        self.run_lines(entries + archive)
        self.assertEqual(["new"], self.column("SELECT state FROM entry"))
        self.assertEqual({"INBOX": 0, "DROPBOX": 1}, {name: count for name, count in self.folders().items() if name != "BADMAIL"})

    def test_what_is_old_goes(self):
        """Had it been 90 days ago."""
        self.load(message("Invoice"))
        self.inqueue("work", "invoices", "--until-empty", "--", "true")
        entries, archive = [text.replace("90d", "0s") for text in self.examples("RETENTION")]
        self.run_lines(archive)
        self.assertEqual(0, self.folders()["DROPBOX"])
        self.inqueue("verify", "invoices")
        self.run_lines(entries)
        self.assertEqual([], self.column("SELECT state FROM entry"))


class Monitoring(AdministrationCase):
    def test_all_is_well(self):
        self.load(message("Invoice"))
        text, = self.examples("MONITORING")
        self.assertRegex(self.run_lines(text), "OK")

    def test_a_limit(self):
        """Each of those in the second line is one."""
        self.load(message("Invoice"))
        text, = self.examples("MONITORING")
        _, limits, _ = text.splitlines()
        self.run_lines(limits.replace("4h", "1ms"), expect=NO)
        token = self.inqueue("claim", "invoices", "--json").json()["lease_token"]
        self.inqueue("fail", "1", "--token", token, "--business", "--reason", "no customer")
        self.run_lines(limits.replace("10", "0"), expect=NO)


class Logs(WatchCase):
    def test_the_log_of_sessions_is_rotated(self):
        """By the file of the Debian package, with other paths and without its account."""
        self.create_queue()
        logs = self.folder / "log"
        logs.mkdir()
        watcher = self.watch("--log-imap", logs / "imap.log")
        watcher.wait_idle()
        self.file("systemctl", f"#!/bin/sh\necho \"$@\" >{self.folder}/told\nkill -HUP {watcher.process.pid}\n", 0o755)
        rotated = (SOURCE_DIR / "samples" / "debian" / "inqueue.logrotate").read_text()
        rotated = rotated.replace("/var/log/inqueue/", f"{logs}/").replace("\tsu inqueue inqueue\n", "")
        rotated = rotated.replace("-d /run/systemd/system", f"-d {self.folder}").replace("systemctl ", f"{self.folder}/systemctl ")
        program = shutil.which("logrotate", path=f"{os.environ['PATH']}:/usr/sbin")
        subprocess.run([program, "--force", "--state", self.folder / "state", self.file("rotate", rotated)], check=True)
        self.assertEqual("kill --kill-who=main --signal=HUP inqueue.service\n", (self.folder / "told").read_text())
        watcher.wait("reloaded")
        self.deliver(message("Invoice"))
        watcher.wait("stored")
        watcher.stop()
        self.assertIn("SELECT", (logs / "imap.log.1").read_text())
        self.assertIn("FETCH", (logs / "imap.log").read_text())


if __name__ == "__main__":
    unittest.main()
