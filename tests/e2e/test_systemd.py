"""The units in samples/systemd: what systemd says of them, and whether the program can live in them."""

import re
import shutil
import signal
import subprocess
import sys
import unittest
import urllib.request
from pathlib import Path

import confined
import manual
from inqueue import NO, PROGRAM, SOURCE_DIR, message, messages
from receiver import Receiver
from watcher import WatchCase

UNITS = SOURCE_DIR / "samples" / "systemd"
NAMES = ["inqueue.service", "inqueue-load@.service", "inqueue-load@.timer", "inqueue-deliver.service", "inqueue-deliver.timer",
         "inqueue-work@.service", "inqueue-check.service", "inqueue-check.timer", "inqueue-serve.service", "inqueue-serve.socket"]
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

    def test_the_manual_lists_every_unit(self):
        """A service that a timer or a socket starts goes by its name."""
        started = {path.stem for path in UNITS.iterdir() if path.suffix != ".service"}
        shown = manual.section(manual.page("inqueue-load.1"), "systemd")
        self.assertEqual({name for name in NAMES if not (name.endswith(".service") and Path(name).stem in started)},
                         set(re.findall(r"(?m)^\.It Pa (\S+)$", shown)))

    def test_verify(self):
        verified = analyze("verify", "--man=no", *self.copies())
        self.assertEqual((0, ""), (verified.returncode, verified.stderr))

    def test_the_queue_of_the_instructions(self):
        """As they stand above the unit, but for the user and the path."""
        text = (UNITS / "inqueue.service").read_text()
        command = re.search(r"(?m)^#   runuser -u inqueue -- (inqueue (?:.*\\\n)+.*)", text)[1].replace("\n#", "\n")
        command = command.replace("inqueue --database /var/lib/inqueue", f"{PROGRAM} --database {self.folder}")
        subprocess.run(["sh", "-c", command], env=self.environment, check=True)
        self.assertEqual(["invoices"], self.column("SELECT credential_reference FROM work_queue"))

    def test_drop_ins_of_the_manual(self):
        """Each is verified with the unit that the page names; what it starts is what the unit starts, with more options."""
        (self.folder / "tell-somebody@.service").write_text("[Service]\nExecStart=/bin/true\n")
        units = {path.name: path for path in self.copies()}
        shown = [text for page in ["inqueue-administration.7", "inqueue-serve.1"]
                 for text in manual.examples(manual.page(page), "ini")]
        names = ["inqueue-check.service", "inqueue.service", "inqueue-serve.socket", "inqueue-serve.service", "inqueue-serve.socket"]
        for name, text in zip(names, shown, strict=True):
            with self.subTest(unit=name, text=text):
                drop_in = text.replace("/usr/bin/inqueue", PROGRAM)
                if name.endswith(".service"):
                    started = re.search(r"(?m)^ExecStart=(/.*)$", units[name].read_text())[1]
                    self.assertIn(f"ExecStart=\nExecStart={started} --", drop_in)
                folder = self.folder / f"{name}.d"
                folder.mkdir(exist_ok=True)
                (folder / "override.conf").write_text(drop_in)
                verified = analyze("verify", "--man=no", units[name])
                self.assertEqual((0, ""), (verified.returncode, verified.stderr))

    def test_hardening(self):
        for unit in self.copies():
            if unit.suffix == ".service":
                rated = analyze("security", "--no-pager", "--offline=yes", f"--threshold={EXPOSURE_LIMIT}", unit)
                self.assertEqual(0, rated.returncode, rated.stdout + rated.stderr)

    def test_no_core_and_bounds(self):
        """Whatever peers do to a service: it leaves no secret on the disk, and the rest of the machine goes on."""
        for name in NAMES:
            if name.endswith(".service"):
                with self.subTest(name):
                    text = (UNITS / name).read_text()
                    self.assertRegex(text, r"(?m)^LimitCORE=0$")
                    self.assertRegex(text, r"(?m)^MemoryMax=\d+%$")
                    self.assertRegex(text, r"(?m)^TasksMax=\d+$")

    def test_hardening_is_measured(self):
        """An empty unit is above the limit."""
        unit = self.folder / "plain.service"
        unit.write_text(f"[Service]\nExecStart={PROGRAM}\n")
        self.assertNotEqual(0, analyze("security", "--no-pager", "--offline=yes", f"--threshold={EXPOSURE_LIMIT}",
                                       unit).returncode)


class SystemCalls(WatchCase):
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
            self.assertEqual(set(), calls - confined.allowed(UNITS / name), name)


class Service(WatchCase):
    """The program where the units put it: what it finds there, and what it may not do there."""

    def setUp(self):
        super().setUp()
        self.create_queue()
        self.inqueue("queue", "alter", "invoices", "--password-credential", "invoices")
        credentials = self.folder / "credentials"
        credentials.mkdir()
        self.file("credentials/invoices", "correct horse\n", mode=0o400)
        self.surroundings = {"STATE_DIRECTORY": str(self.folder), "CREDENTIALS_DIRECTORY": str(credentials),
                             "ASAN_OPTIONS": "detect_leaks=0"}

    @staticmethod
    def confined(unit):
        return ["env", "-u", "INQUEUE_DATABASE", sys.executable, Path(confined.__file__), UNITS / unit]

    def test_watch(self):
        manager = self.manager()
        watcher = self.watch(env={**self.surroundings, **manager.environment}, wrap=self.confined("inqueue.service"))
        watcher.wait_idle()
        manager.wait("READY=1\nSTATUS=1 queues: 1 wait for mail")
        self.deliver(*messages(2))
        watcher.wait("stored", times=2)
        watcher.send(signal.SIGHUP)
        manager.wait("RELOADING=1")
        watcher.wait("reloaded")
        watcher.stop()
        manager.wait("STOPPING=1")
        self.assert_all_loaded(2)
        for line in watcher.lines:
            self.assertRegex(line, "^<[3-7]>{")
        self.assertEqual(["[]"] * 2, self.column("SELECT defects FROM entry"))

    def test_load(self):
        self.deliver(*messages(2))
        self.inqueue("load", "invoices", env=self.surroundings, wrap=self.confined("inqueue-load@.service"))
        self.assert_all_loaded(2)

    def started(self, unit):
        """What the unit starts, for the queue invoices; options of the tests' own come behind the command."""
        _, *words = re.search(r"(?m)^ExecStart=(.*)$", (UNITS / unit).read_text())[1].replace("%i", "invoices").split()
        return words

    def test_serve(self):
        server = self.start(*self.started("inqueue-serve.service"), "--listen", "127.0.0.1:0", env=self.surroundings,
                            wrap=self.confined("inqueue-serve.service"))
        address = re.search(r"event=listening address=(\S+)", server.stderr.readline().decode())[1]
        with urllib.request.urlopen(f"{address}/health") as answer:
            self.assertEqual(b'{"status":"ok"}', answer.read())
        server.terminate()
        self.finish(server)

    def test_work(self):
        """samples/worker, as the unit's instructions have it copied."""
        invoice = message("Invoice")
        invoice.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="invoice.pdf")
        self.deliver(invoice)
        self.inqueue("load", "invoices", env=self.surroundings)
        worker = self.folder / "invoices"
        shutil.copy(SOURCE_DIR / "samples" / "worker", worker)
        command, queue, *rest = self.started("inqueue-work@.service")
        self.assertEqual(["--", "/etc/inqueue/work/invoices"], rest)
        self.inqueue(command, queue, "--until-empty", "--", worker, wrap=self.confined("inqueue-work@.service"),
                     env={**self.surroundings, "INVOICES": str(self.folder)})
        self.assertEqual((["done"], b"%PDF"), (self.column("SELECT state FROM entry"), (self.folder / "1-invoice.pdf").read_bytes()))

    def test_deliver(self):
        self.deliver(message("Invoice"))
        self.inqueue("load", "invoices", env=self.surroundings)
        with Receiver() as receiver:
            self.inqueue("queue", "alter", "invoices", "--deliver-to", receiver.url(), "--allow-private", "true")
            self.inqueue(*self.started("inqueue-deliver.service"), env=self.surroundings,
                         wrap=self.confined("inqueue-deliver.service"))
            self.assertEqual(1, len(receiver.requests))
        self.assertEqual(["done"], self.column("SELECT state FROM entry"))

    def test_check(self):
        check, wrap = self.started("inqueue-check.service"), self.confined("inqueue-check.service")
        self.deliver(message("Invoice"))
        self.inqueue("load", "invoices", env=self.surroundings)
        self.inqueue(*check, env=self.surroundings, wrap=wrap)
        self.inqueue(*check, "--max-waiting", "0", env=self.surroundings, wrap=wrap, expect=NO)

    def test_the_surroundings_are_narrow(self):
        tries = {"socket.socket(socket.AF_PACKET)": "not supported", "os.chroot('/')": "not permitted",
                 "mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)": "not permitted"}
        for name in filter(lambda name: name.endswith(".service"), NAMES):
            for attempt, says in tries.items():
                result = subprocess.run([*self.confined(name), sys.executable, "-c", f"import mmap, os, socket; {attempt}"],
                                        capture_output=True, text=True, check=False)
                self.assertEqual(1, result.returncode)
                self.assertRegex(result.stderr, says)


if __name__ == "__main__":
    unittest.main()
