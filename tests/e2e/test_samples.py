"""What a newcomer copies really works: each file of samples/ is run here."""

import json
import pathlib
import re
import subprocess
import tempfile
import unittest

import processes
from deliveries import DeliverCase
from inqueue import SOURCE_DIR, Case, message, messages

SAMPLES = SOURCE_DIR / "samples"


def run(*command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, cwd="/", **options)


class Queues(Case):
    def test_file_applies_and_a_second_time_changes_nothing(self):
        first = self.inqueue("queue", "apply", SAMPLES / "queues.ini").stdout
        self.assertRegex(first, "created")
        self.assertEqual("", self.inqueue("queue", "apply", SAMPLES / "queues.ini").stdout)


class Receiver(DeliverCase):
    def receiver(self, *arguments):
        """The sample as a process, and its port."""
        process = subprocess.Popen([SAMPLES / "receiver", "0", *arguments], stdin=subprocess.DEVNULL, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for stream in [process.stdout, process.stderr]:
            self.addCleanup(stream.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process, int(process.stderr.readline().rsplit(":", 1)[1])

    def test_it_takes_both_formats_and_each_mail_once(self):
        key = self.file("key", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
        process, port = self.receiver(key)
        self.target(f"http://127.0.0.1:{port}/", "--deliver-secret", f"file:{key}")
        mail = message("Grüße", "Yes.\n\nOn Tue, 3 Mar 2026, Robot wrote:\n> Please pay.\n")
        mail.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="ü.pdf")
        self.load(mail, message("Second"))
        self.inqueue("deliver", "--limit", "1")
        seen = {"from": "ann@example.com", "subject": "Grüße", "reply": "Yes.", "files": ["ü.pdf"]}
        self.assertEqual(seen, json.loads(process.stdout.readline()))
        self.inqueue("queue", "alter", "invoices", "--deliver-format", "json")
        self.inqueue("delivery", "retry", "1")
        self.inqueue("deliver")
        self.assertEqual(["done", "done"], self.states())
        self.assertEqual("Second", json.loads(process.stdout.readline())["subject"], "the first a second time")

    def test_a_line_for_each_mail_though_they_come_together(self):
        process, port = self.receiver()
        self.target(f"http://127.0.0.1:{port}/")
        mail = messages(48)
        self.load(*mail)
        self.inqueue("deliver")
        lines = [json.loads(process.stdout.readline()) for _ in mail]
        self.assertEqual(sorted(one["Subject"] for one in mail), sorted(line["subject"] for line in lines))

    def test_it_refuses_what_is_not_signed(self):
        _, port = self.receiver(self.file("key", "geheim\n"))
        self.target(f"http://127.0.0.1:{port}/", "--deliver-format", "json")
        self.load()
        self.inqueue("deliver")
        self.assertEqual([(1, 1, "rejected", 401)], self.attempts())


class MailServer(unittest.TestCase):
    def setUp(self):
        # Not in the test's own private folder: root's server runs as nobody.
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory())) / "server"
        self.folder.parent.chmod(0o711)
        self.addCleanup(self.server, "stop")

    def server(self, action, *messages):
        return run(SAMPLES / "mailserver", action, self.folder, *messages)

    def test_life(self):
        mail = self.folder.parent / "one.eml"
        mail.write_text("From: a@example.com\nSubject: s\n\nbody\n")
        self.assertEqual(1, self.server("status").returncode)
        started = self.server("start", mail)
        self.assertRegex(started.stdout, rf"\Aurl=localhost;port=\d+;ssl=True;caFile={self.folder}/ca\.pem\n\Z",
                         started.stderr)
        self.assertEqual("     1 INBOX\n", self.server("status").stdout)
        again = self.server("start")
        self.assertEqual(1, again.returncode)
        self.assertRegex(again.stderr, "runs .* already.* stop")
        self.assertEqual("     1 INBOX\n", self.server("status").stdout)
        process = int(re.search(r'"process": (\d+)', (self.folder / "server.json").read_text())[1])
        self.assertEqual(0, self.server("stop").returncode)
        self.assertEqual([], processes.session_members(process))
        self.assertFalse(self.folder.exists())
        self.assertEqual(0, self.server("stop").returncode)

    def test_stop_removes_only_what_start_made(self):
        self.server("start")
        own = self.folder / "my notes"
        own.touch()
        self.server("stop")
        self.assertEqual([own], list(self.folder.iterdir()))

    def test_usage(self):
        self.assertEqual(64, run(SAMPLES / "mailserver").returncode)
        self.assertEqual(64, run(SAMPLES / "mailserver", "frobnicate", self.folder).returncode)


class Packages(unittest.TestCase):
    def test_nothing_to_do_where_all_are_installed(self):
        """No network, no root: PATH holds neither apt-get nor sudo."""
        tools = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        for name in ["dpkg-query", "dpkg-deb", "tar", "rm", "sed", "sort", "tr", "dirname", "mkdir"]:
            (tools / name).symlink_to(f"/usr/bin/{name}")
        for purpose in ["build", "quickstart", "test"]:
            result = run("/bin/sh", SAMPLES / "packages", purpose, env={"PATH": str(tools)})
            self.assertEqual((0, "", ""), (result.returncode, result.stdout, result.stderr))

    def test_usage(self):
        for arguments in [[], ["everything"]]:
            self.assertEqual(64, run(SAMPLES / "packages", *arguments).returncode)


class Release(unittest.TestCase):
    """What is done by hand before a release, as far as it can be seen without clean systems."""

    def test_usage(self):
        for name in ["build", "package", "suite", "trial"]:
            result = run(SOURCE_DIR / "tests" / "release" / name)
            self.assertEqual(64, result.returncode)
            self.assertRegex(result.stderr, rf"\Ausage: tests/release/{name} RELEASE")

    def test_scripts_that_only_a_release_runs_are_well_formed(self):
        scripts = [path for folder in ["samples/debian", "tests/release"] for path in (SOURCE_DIR / folder).rglob("*")
                   if path.is_file() and (path.read_text().startswith("#!/bin/sh") or path.suffix == ".sh")]
        self.assertGreater(len(scripts), 5)
        for path in scripts:
            result = run("/bin/sh", "-n", path)
            self.assertEqual((0, ""), (result.returncode, result.stderr), path)

    def test_what_pages_name_of_the_source_is_there(self):
        named = {path for page in (SOURCE_DIR / "loader" / "manual").glob("inqueue*.[157]")
                 for path in re.findall(r"(?m)^\.Pa ((?:tests|samples)/[\w/.@-]+)", page.read_text())}
        self.assertIn("tests/release/package", named)
        self.assertEqual([], sorted(path for path in named if not (SOURCE_DIR / path).exists()))

    def test_the_line_of_readme_that_it_runs(self):
        """The release builds with it, in clean systems."""
        self.assertEqual(1, len(re.findall(r"(?m)^samples/packages package && .* --target deb$",
                                           (SOURCE_DIR / "README.md").read_text())))


class QuickStart(unittest.TestCase):
    def test_twice(self):
        for _ in range(2):
            result = run(SAMPLES / "quickstart")
            self.assertEqual(0, result.returncode, result.stdout + result.stderr)
            count = len(list((SAMPLES / "messages").glob("*.eml")))
            self.assertRegex(result.stdout, rf"(?m)^ +{count} INBOX$")
            self.assertRegex(result.stdout, r"(?m)^ +0 INBOX$")
            self.assertRegex(result.stdout, rf"(?m)^ +{count} DROPBOX$")
            self.assertIn("sqlite3", result.stdout)


if __name__ == "__main__":
    unittest.main()
