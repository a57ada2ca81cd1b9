"""A database on a network file system is refused before anything is made or changed there: by its number in statfs(2), or
where that is FUSE's by its name in the table of mounts."""

import os
import pathlib
import re
import shutil
import subprocess
import unittest

from entries import EntryCase
from inqueue import CONFIGURATION, copy_database

SERVER = pathlib.Path("/usr/lib/openssh/sftp-server")


class NetworkFolder(EntryCase):
    COMMANDS = [["list"], ["queue", "pause", "invoices"], ["claim", "invoices"], ["doctor"], ["load", "invoices"]]

    def refused(self, name, folder, commands, **options):
        for command in commands:
            with self.subTest(command=command):
                self.fails(CONFIGURATION, *command, says=[re.escape(f"folder '{folder}' is on a network file system ({name})"),
                                                          "keep it on a disk of this machine"], **options)


class Numbers(NetworkFolder):
    """No test has a server of NFS, SMB or Ceph and a kernel that knows it, so that the system is made to say so."""

    NAMES = {"NFS": 0x6969, "SMB": 0xFE534D42, "Ceph": 0x00C36400}
    NONE_OF_THESE = {"ext4": 0xEF53, "9p": 0x01021997, "overlay": 0x794C7630}

    def system_that_says(self, number):
        library = self.folder / f"says-{number:x}.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-xc", "-o", library, "-"], check=True, text=True, input=f"""
            #include <sys/vfs.h>
            #include <sys/syscall.h>
            #include <unistd.h>
            int statfs(const char *path, struct statfs *status)
            {{
                int result = (int)syscall(SYS_statfs, path, status);
                status->f_type = {number:#x};
                return result;
            }}
        """)
        return {"LD_PRELOAD": str(library), "ASAN_OPTIONS": self.environment["ASAN_OPTIONS"] + ":verify_asan_link_order=0"}

    def test_a_database_is_neither_read_nor_changed(self):
        before = self.database_bytes()
        for name, number in self.NAMES.items():
            self.refused(name, self.folder, self.COMMANDS, env=self.system_that_says(number))
        self.assertEqual(before, self.database_bytes())

    def test_none_is_made(self):
        """Nor a folder for it."""
        new = self.folder / "new" / "deep" / "inqueue.db"
        self.refused("NFS", self.folder, [["queue", "create", "q", "--external-source", "File", "--database", new]],
                     env=self.system_that_says(self.NAMES["NFS"]))
        self.assertFalse(new.parent.parent.exists())

    def test_others_pass(self):
        for name, number in self.NONE_OF_THESE.items():
            with self.subTest(name=name):
                self.inqueue("queue", "pause", "invoices", env=self.system_that_says(number))
                self.inqueue("queue", "resume", "invoices", env=self.system_that_says(number))


@unittest.skipUnless(os.geteuid() == 0 and os.path.exists("/dev/fuse") and shutil.which("sshfs") and SERVER.exists(),
                     "needs root, /dev/fuse, sshfs and an SFTP server")
class Sshfs(NetworkFolder):
    """A folder of this machine, mounted through SFTP as one of another machine would be."""

    def setUp(self):
        super().setUp()
        self.served = self.folder / "served"
        self.mounted = self.folder / "mounted"
        for folder in [self.served, self.mounted]:
            folder.mkdir(mode=0o700)
        connect = self.file("connect", f"#!/bin/sh\nexec {SERVER}\n", 0o700)
        subprocess.run(["sshfs", "-o", f"ssh_command={connect}", f"here:{self.served}", self.mounted], check=True)
        self.addCleanup(subprocess.run, ["umount", self.mounted], check=True)

    def test_through_ssh(self):
        copy_database(self.database, self.served / "inqueue.db")
        there = ["--database", self.mounted / "inqueue.db"]
        self.refused("sshfs", self.mounted, [[*command, *there] for command in self.COMMANDS])
        self.refused("sshfs", self.mounted, [["queue", "create", "q", "--external-source", "File",
                                              "--database", self.mounted / "new.db"]])
        self.assertEqual(["inqueue.db"], [path.name for path in self.served.iterdir() if not path.name.endswith("-wal")])

    def test_through_a_link(self):
        """What counts is where the file is."""
        copy_database(self.database, self.served / "inqueue.db")
        link = self.folder / "link.db"
        link.symlink_to(self.mounted / "inqueue.db")
        self.refused("sshfs", self.mounted, [["list", "--database", link]])


if __name__ == "__main__":
    unittest.main()
