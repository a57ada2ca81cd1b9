"""`watch` feeds a queue from a folder: what lies there, and what comes into it."""

import io
import os
import pathlib
import shutil
import signal
import tarfile
import unittest

from inqueue import CONFIGURATION, message
from watcher import WatchCase

MAX_EVENTS = int(pathlib.Path("/proc/sys/fs/inotify/max_queued_events").read_text())


class WatchFolder(WatchCase):
    def setUp(self):
        super().setUp()
        self.mail = self.folder / "mail"
        self.mail.mkdir()

    def create_file_queue(self, **keys):
        keys = {"watchFolder": self.mail} | keys
        self.inqueue("queue", "create", "invoices", "--external-source", "File", "--connection-string",
                     ";".join(f"{key}={value}" for key, value in keys.items()))

    def put(self, name, subject=None):
        path = self.mail / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(message(subject or name).as_bytes())
        return path

    def watching(self):
        watcher = self.watch()
        watcher.wait_idle(queue="invoices")
        return watcher

    def subjects(self):
        return self.column("SELECT subject FROM entry ORDER BY id")


class Arrivals(WatchFolder):
    def test_what_is_there_and_what_comes(self):
        self.create_file_queue()
        self.put("a/1.eml")
        self.put("2.eml")
        watcher = self.watching()
        self.assertEqual(["2.eml", "a/1.eml"], sorted(self.subjects()))
        with open(self.mail / "3.eml", "wb") as slow:
            slow.write(message("3.eml").as_bytes()[:50])
            slow.flush()
            self.put("4.eml")
            watcher.wait("run", queue="invoices", loaded=1)
            self.assertEqual(["4.eml"], self.subjects()[2:])
            slow.write(message("3.eml").as_bytes()[50:])
        watcher.wait("run", 2, queue="invoices", loaded=1)
        self.assertEqual(["4.eml", "3.eml"], self.subjects()[2:])
        watcher.stop()
        self.assertEqual(["OK; 1 item."], self.column("SELECT last_message FROM work_queue"))

    def test_moved_in(self):
        self.create_file_queue()
        watcher = self.watching()
        path = self.put("../outside.tmp", "moved")
        path.rename(self.mail / "moved.eml")
        watcher.wait("run", queue="invoices", loaded=1)
        outside = self.folder / "outside"
        for name in ["x/1.eml", "x/y/2.eml"]:
            self.put(f"../outside/{name}", name)
        (outside / "x").rename(self.mail / "x")
        watcher.wait("run", queue="invoices", loaded=2)
        self.put("x/y/3.eml", "into what was moved in")
        watcher.wait("run", 2, queue="invoices", loaded=1)
        self.assertEqual(["moved", "x/1.eml", "x/y/2.eml", "into what was moved in"], self.subjects())
        watcher.stop()

    def test_new_folders_at_any_depth(self):
        self.create_file_queue()
        watcher = self.watching()
        (self.mail / "a/b/c").mkdir(parents=True)
        self.put("a/b/c/1.eml")
        watcher.wait("run", queue="invoices", loaded=1)
        self.put("a/2.eml")
        watcher.wait("run", 2, queue="invoices", loaded=1)
        self.assertEqual(["a/b/c/1.eml", "a/2.eml"], self.subjects())
        watcher.stop()

    def test_what_is_no_mail_is_left_alone(self):
        self.create_file_queue()
        watcher = self.watching()
        secret = self.put("../secret.eml", "Secret")
        (self.mail / "link.eml").symlink_to(secret)
        for name in ["notes.txt", ".hidden.eml", "half.eml.part"]:
            self.put(name)
        self.put("last.eml")
        watcher.wait("run", queue="invoices", loaded=1)
        self.assertEqual(["last.eml"], self.subjects())
        watcher.stop()

    def test_maildir(self):
        """Programs move a mail there, or link it."""
        self.create_file_queue()
        for part in ["cur", "new", "tmp"]:
            (self.mail / part).mkdir()
        watcher = self.watching()
        self.put("tmp/1.eml").rename(self.mail / "new/1")
        watcher.wait("run", queue="invoices", loaded=1)
        (self.mail / "new/2").hardlink_to(self.put("tmp/2", "linked"))
        (self.mail / "tmp/2").unlink()
        watcher.wait("run", 2, queue="invoices", loaded=1)
        self.put("cur/3:2,ST", "deleted")
        self.put("cur/4:2,S", "read")
        watcher.wait("run", 3, queue="invoices", loaded=1)
        self.assertEqual(["tmp/1.eml", "linked", "read"], self.subjects())
        watcher.stop()

    def test_files_go_where_they_belong(self):
        """Folders that lie in the one that is watched are not looked into."""
        for name in ["done", "bad"]:
            (self.mail / name).mkdir()
        self.create_file_queue(archiveFolder=self.mail / "done", failedFolder=self.mail / "bad", maxSize=2000)
        watcher = self.watching()
        self.put("1.eml")
        watcher.wait("run", queue="invoices", loaded=1)
        (self.mail / "2.eml").write_bytes(b"Subject: large\n\n" + b"x\n" * 3000)
        watcher.wait("run", queue="invoices", bad=1)
        self.put("3.eml")
        watcher.wait("run", 2, queue="invoices", loaded=1)
        self.assertEqual(["bad/2.eml", "done/1.eml", "done/3.eml"],
                         sorted(str(path.relative_to(self.mail)) for path in self.mail.rglob("*.eml")))
        self.assertEqual(0, watcher.count("run", known=1))
        watcher.stop()

    def test_again_after_a_start(self):
        self.create_file_queue()
        self.put("1.eml")
        self.watching().stop()
        self.put("2.eml")
        watcher = self.watching()
        watcher.wait("run", queue="invoices", loaded=1, known=1)
        self.assertEqual(["1.eml", "2.eml"], self.subjects())
        watcher.stop()


class Faults(WatchFolder):
    def test_file_that_cannot_be_read_stops_nothing(self):
        self.create_file_queue()
        (self.mail / "1.mbox").write_text("no mbox\n")
        watcher = self.watching()
        self.assertRegex(watcher.wait("incomplete")["error"], r"1\.mbox': is no mbox")
        self.put("2.eml")
        watcher.wait("run", queue="invoices", loaded=1)
        self.assertEqual(["2.eml"], self.subjects())
        watcher.stop()

    def test_events_that_were_lost(self):
        self.create_file_queue()
        watcher = self.watching()
        worker, = watcher.workers()
        os.kill(worker, signal.SIGSTOP)
        for number in range(MAX_EVENTS + 100):
            (self.mail / str(number)).touch()
        self.put("last.eml")
        os.kill(worker, signal.SIGCONT)
        watcher.wait("events_lost", queue="invoices")
        watcher.wait("run", queue="invoices", loaded=1)
        self.assertEqual(["last.eml"], self.subjects())
        self.put("later.eml")
        watcher.wait("run", 2, queue="invoices", loaded=1)
        watcher.stop()

    def test_folder_that_is_removed(self):
        self.create_file_queue()
        watcher = self.watching()
        for remove in [lambda: shutil.rmtree(self.mail), lambda: self.mail.rename(self.folder / "elsewhere")]:
            failures = watcher.count("failed", queue="invoices")
            remove()
            failed = watcher.wait("failed", failures + 1, queue="invoices")
            self.assertRegex(failed["error"], "mail' was removed or moved away|No such file or directory: create it")
            self.assertEqual("configuration", failed["class"])
            self.assertRegex(self.inqueue("status").stdout, "was removed or moved away|No such file or directory: create it")
            loaded = watcher.count("run", queue="invoices", loaded=1)
            self.put(f"back {failures}.eml")
            watcher.wait("run", loaded + 1, queue="invoices", loaded=1)
        watcher.stop()

    def test_another_import_has_the_queue(self):
        """It waits for its turn, and then imports what has come."""
        self.create_file_queue()
        watcher = self.watching()
        other = self.start("import", "invoices", "-")
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            notes = tarfile.TarInfo("notes.txt")
            notes.size = 2_000_000
            tar.addfile(notes, io.BytesIO(bytes(notes.size)))
        # More than a pipe holds: the import has begun to read, and has the queue.
        other.stdin.write(archive.getvalue()[:1_000_000])
        self.put("1.eml")
        other.stdin.write(archive.getvalue()[1_000_000:])
        self.finish(other)
        watcher.wait("run", queue="invoices", loaded=1)
        watcher.stop()


class Definition(WatchFolder):
    def test_what_it_takes(self):
        self.fails(CONFIGURATION, "queue", "create", "a", "--external-source", "File", "--connection-string", "watchFolder=mail",
                   says="watchFolder: takes an absolute path")
        self.fails(CONFIGURATION, "queue", "create", "a", "--user-name", "ann", "--connection-string",
                   f"url=imap.example.com;watchFolder={self.mail}", says="watchFolder, archiveFolder and failedFolder are for mail from files")

    def test_doctor(self):
        self.create_file_queue()
        self.assertRegex(self.inqueue("doctor").stdout, "mail from files, by `watch` in '.*/mail'")
        self.mail.rmdir()
        self.assertRegex(self.finish(self.start("doctor"), expect=CONFIGURATION).stdout, "folder '.*/mail' is not there")

    def test_without_a_folder_there_is_nothing_to_watch(self):
        self.inqueue("queue", "create", "invoices", "--external-source", "File")
        self.create_queue(name="orders")
        watcher = self.watch()
        self.assertEqual("paused", watcher.wait("watching", queue="invoices")["state"])
        watcher.wait_idle(queue="orders")
        watcher.stop()

    def test_it_is_altered_paused_and_resumed(self):
        self.create_file_queue(watchFolder=self.folder / "elsewhere")
        watcher = self.watch()
        watcher.wait("failed", queue="invoices")
        self.put("1.eml")
        self.inqueue("queue", "alter", "invoices", "--connection-string", f"watchFolder={self.mail}")
        # A worker that had the change before it was told is replaced, perhaps before it has logged its run.
        watcher.wait("altered", queue="invoices")
        watcher.wait_idle_behind("altered")
        self.assertEqual(["1.eml"], self.subjects())
        self.inqueue("queue", "pause", "invoices")
        watcher.wait("altered", queue="invoices", state="paused")
        self.put("2.eml")
        self.inqueue("queue", "resume", "invoices")
        watcher.wait("altered", times=3, queue="invoices")
        watcher.wait_idle_behind("altered")
        self.assertEqual(["1.eml", "2.eml"], self.subjects())
        watcher.stop()


del WatchFolder

if __name__ == "__main__":
    unittest.main()
