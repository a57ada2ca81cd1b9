"""samples/container/Containerfile, held against what the Debian package brings; what it starts is started here. Images are
built and run by tests/release/container."""

import json
import os
import pathlib
import re
import shlex
import subprocess
import tempfile
import unittest

from inqueue import DONE, NO, PROGRAM, SOURCE_DIR, messages
from watcher import WatchCase

FILE = SOURCE_DIR / "samples" / "container" / "Containerfile"
DEBIAN = SOURCE_DIR / "samples" / "debian"
BUILD_DIR = pathlib.Path(os.environ.get("BUILD_DIR") or pathlib.Path(PROGRAM).parent)


def instructions():
    """(name, rest) of each, in order."""
    lines = [line for line in FILE.read_text().splitlines() if not line.startswith("#")]
    return [tuple(line.split(None, 1)) for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines() if line]


def the(name):
    (rest,) = [rest for found, rest in instructions() if found == name]
    return rest


class Containerfile(unittest.TestCase):
    def test_it_is_built_from_the_package(self):
        """By the name that the target deb gives it, on a release that the package is made for."""
        source, target = the("COPY").split()
        name = re.search(r"(?m)^Package: (.*)$", (DEBIAN / "control").read_text())[1]
        self.assertEqual(f"{name}_*.deb", source)
        self.assertIn(f"{target}{source}", the("RUN"))
        self.assertEqual("docker.io/library/debian:${RELEASE}-slim", the("FROM"))
        self.assertEqual("RELEASE=bookworm", the("ARG"))

    @unittest.skipUnless(list(pathlib.Path("/var/lib/apt/lists").glob("*_Packages*")), "apt has no lists of packages here")
    def test_the_packages_beside_it_are_debians(self):
        """What it recommends and a container needs, and what its scripts make an account and folders with."""
        installed = re.search(r"--no-install-recommends (.*?) /tmp", the("RUN"))[1].split()
        control = (DEBIAN / "control").read_text()
        recommended = re.search(r"(?m)^Recommends: (.*)$", control)[1].split(", ")
        self.assertEqual(set(recommended) - {"logrotate"}, set(installed) & set(recommended))
        for package in installed:
            with self.subTest(package=package):
                found = subprocess.run(["apt-cache", "show", package], capture_output=True, text=True, check=False)
                self.assertIn(f"Package: {package}\n", found.stdout)

    def test_account_and_folders_are_those_of_the_package(self):
        account, home = re.search(r'(?m)^u (\w+) - "\w+" (\S+)$', (DEBIAN / "inqueue.sysusers").read_text()).groups()
        folders = re.findall(rf"(?m)^d (\S+) 0750 {account} {account}$", (DEBIAN / "inqueue.tmpfiles").read_text())
        self.assertEqual(account, the("USER"))
        made = re.search(r"useradd (.*?) &&", the("RUN"))[1].split()
        self.assertEqual((home, account), (made[made.index("--home-dir") + 1], made[-1]))
        self.assertEqual(home, the("VOLUME"))
        self.assertIn(home, folders)
        self.assertEqual(f"INQUEUE_DATABASE={home}/inqueue.db", the("ENV"))

    def test_what_it_starts_is_in_the_package(self):
        """Where a shell of the image looks for commands."""
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        subprocess.run(["cmake", "--install", BUILD_DIR, "--prefix", folder / "usr"], check=True, capture_output=True)
        for name in [json.loads(the("ENTRYPOINT"))[0], json.loads(the("HEALTHCHECK").partition(" CMD ")[2])[0]]:
            self.assertTrue(os.access(folder / "usr" / "bin" / name, os.X_OK), name)

    def test_the_steps_are_shell(self):
        checked = subprocess.run(["sh", "-nc", the("RUN")], capture_output=True, text=True, check=False)
        self.assertEqual((0, ""), (checked.returncode, checked.stderr))


class Life(WatchCase):
    """As the image starts it."""

    def healthy(self, expect):
        command = json.loads(the("HEALTHCHECK").partition(" CMD ")[2])
        return self.inqueue(*command[1:], expect=expect)

    def test_from_the_first_start_to_the_last(self):
        """The queue is defined by the words at the top of the file."""
        shown = "".join(line[1:] for line in FILE.read_text().splitlines(keepends=True) if line.startswith("#"))
        create = shlex.split(re.search(r"queue create [^\n]*\\\n[^\n]*", shown)[0].replace("\\\n", " "))
        password = self.file("secret", "correct horse\n", 0o400)
        words = " ".join(create).replace("url=imap.example.com;ssl=True;", f"url={self.server.address};port={self.server.port};")
        words = words.replace("invoices@example.com", self.user).replace("/run/secrets/invoices", str(password))
        self.healthy(NO)  # no queue is defined yet
        self.inqueue(*words.split())
        self.deliver(*messages(2))
        watcher = self.watch(*json.loads(the("CMD"))[1:])
        watcher.wait("stored", times=2)
        self.healthy(DONE)
        self.assertEqual("SIGTERM", the("STOPSIGNAL"))
        watcher.stop()


if __name__ == "__main__":
    unittest.main()
