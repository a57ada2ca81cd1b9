"""The units in samples/systemd: what systemd says of them, and whether the program can live in them."""

import re
import signal
import subprocess
import unittest

from inqueue import PROGRAM, SOURCE_DIR, messages
from watcher import WatchCase

UNITS = SOURCE_DIR / "samples" / "systemd"
NAMES = ["inqueue.service", "inqueue-load@.service", "inqueue-load@.timer"]
EXPOSURE_LIMIT = 20  # in tenths


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", *map(str, arguments)], capture_output=True, text=True, check=False)


class Units(WatchCase):
    def copies(self):
        """As installed: the program has its path, templates an instance."""
        for name in NAMES:
            text = (UNITS / name).read_text()
            self.assertNotIn("/usr/bin/inqueue", text)
            target = self.folder / name.replace("@", "@invoices")
            target.write_text(text.replace("/usr/local/bin/inqueue", PROGRAM))
            yield target

    def test_every_unit_is_tested(self):
        self.assertEqual(sorted(NAMES), sorted(path.name for path in UNITS.iterdir()))

    def test_verify(self):
        verified = analyze("verify", "--man=no", *self.copies())
        self.assertEqual((0, ""), (verified.returncode, verified.stderr))

    def test_hardening(self):
        for unit in self.copies():
            if unit.suffix == ".service":
                rated = analyze("security", "--no-pager", "--offline=yes", f"--threshold={EXPOSURE_LIMIT}", unit)
                self.assertEqual(0, rated.returncode, rated.stdout + rated.stderr)

    def test_hardening_is_measured(self):
        """An empty unit is above the limit."""
        unit = self.folder / "plain.service"
        unit.write_text(f"[Service]\nExecStart={PROGRAM}\n")
        self.assertNotEqual(0, analyze("security", "--no-pager", "--offline=yes", f"--threshold={EXPOSURE_LIMIT}",
                                       unit).returncode)


def expand(names):
    """System calls, for names of them and of groups."""
    found = set()
    for name in names:
        if not name.startswith("@"):
            found.add(name)
            continue
        lines = analyze("syscall-filter", name).stdout.splitlines()[1:]
        found |= expand(line.strip() for line in lines if line.strip() and not line.strip().startswith("#"))
    return found


def allowed(unit):
    """By the SystemCallFilter= lines, as systemd.exec(5) has them."""
    calls = set()
    for line in re.findall(r"(?m)^SystemCallFilter=(.*)", unit.read_text()):
        if line.startswith("~"):
            calls -= expand(line[1:].split())
        else:
            calls |= expand(line.split())
    return calls | expand(["@default"])


class Filter(WatchCase):
    def test_the_program_makes_no_other_system_calls(self):
        """A whole life of the service: start, mail, a pause, an alteration, the end."""
        self.create_queue()
        trace = self.folder / "trace"
        watcher = self.watch(env={"ASAN_OPTIONS": "detect_leaks=0"},  # the leak checker cannot work beside strace
                             wrap=["strace", "-f", "-qq", "-e", "signal=none", "-o", trace])
        watcher.wait_idle()
        self.deliver(*messages(2))
        watcher.wait("stored", times=2)
        self.inqueue("queue", "pause", "invoices")
        watcher.wait("altered")
        # strace does not pass signals on: the supervisor is its child.
        children = watcher.workers()
        for child in children:
            subprocess.run(["kill", f"-{signal.SIGTERM.value}", str(child)], check=True)
        watcher.ended()
        calls = set(re.findall(r"(?m)^\d+ +(?:<\.\.\. )?(\w+)[( ]", trace.read_text())) - {"resumed"}
        self.assertIn("eventfd2", calls)
        calls -= {"fchown"}  # SQLite's, as root only
        for name in ["inqueue.service", "inqueue-load@.service"]:
            self.assertEqual(set(), calls - allowed(UNITS / name), name)


if __name__ == "__main__":
    unittest.main()
