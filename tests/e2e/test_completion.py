"""Completions: what the program offers to a shell, and what bash, zsh and fish make of it when the tab key is pressed."""

import contextlib
import gzip
import os
import pty
import re
import select
import shutil
import subprocess
import unittest

from entries import EntryCase, connect
from inqueue import DEADLINE_S, PROGRAM, SOURCE_DIR

SCRIPTS = SOURCE_DIR / "loader" / "completion"


class Candidates(EntryCase):
    def candidates(self, *words):
        result = subprocess.run([PROGRAM, "--candidates", *words], env=self.environment, capture_output=True, text=True,
                                check=True)
        self.assertEqual("", result.stderr)
        return [line.partition("\t")[0] for line in result.stdout.splitlines()]

    def options(self, *command):
        return re.findall(r"(?m)^  (--[a-z-]+)", self.inqueue(*command, "--help").stdout)

    def test_options_are_those_of_the_help(self):
        """Of every command, with the same words behind them."""
        commands = re.findall(r"(?m)^  ([a-z]+(?: [a-z][A-Za-z-]+)?)(?= |$)", self.inqueue("help").stdout)
        self.assertGreater(len(commands), 50)
        for command in commands:
            with self.subTest(command=command):
                words = command.split()
                self.assertEqual(self.options(*words), self.candidates(*words, "--"))

    def test_commands(self):
        self.assertEqual(["queue"], self.candidates("que"))
        self.assertEqual(["list", "show", "retry"], self.candidates("delivery", ""))
        self.assertEqual(["resume"], self.candidates("--json", "queue", "re"))
        self.assertEqual(["getHeaderOnly", "getAll"], self.candidates("mail", "get"))
        self.assertEqual(["status"], self.candidates("help", "statu"))
        self.assertEqual([], self.candidates("nonsense", ""))
        self.assertEqual([], self.candidates("queue", "nonsense", ""))

    def test_queues(self):
        for name in ["orders", "Überweisungen"]:
            self.define(name)
        every = sorted(["invoices", "orders", "Überweisungen"])
        for words in [("load", ""), ("load", "orders", ""), ("queue", "alter", ""), ("work", ""), ("list", "--queue", "")]:
            with self.subTest(words=words):
                self.assertEqual(every, sorted(self.candidates(*words)))
        self.assertEqual(["--queue=orders"], self.candidates("list", "--queue=o"))
        self.assertEqual(["--queue=orders"], self.candidates("list", "--queue", "=", "o"))
        self.assertEqual(["orders"], self.candidates("--database", self.database, "list", "--json", "--queue", "o"))
        self.assertEqual([], self.candidates("queue", "create", ""))
        self.assertEqual([], self.candidates("verify", "orders", ""))
        self.assertEqual([], self.candidates("mail", "close", ""))

    def test_targets(self):
        self.assertEqual([], self.candidates("queue", "alter", "invoices", "--target", ""))
        for name in ["shop", "desk"]:
            self.inqueue("target", "create", name, "--deliver-to", f"https://{name}.example.com/")
        for words in [("queue", "create", "orders", "--target", ""), ("queue", "alter", "invoices", "--target", ""),
                      ("target", "alter", ""), ("target", "show", ""), ("target", "drop", ""), ("target", "test", "")]:
            with self.subTest(words=words):
                self.assertEqual(["desk", "shop"], self.candidates(*words))
        self.assertEqual(["--target=shop"], self.candidates("queue", "alter", "invoices", "--target=s"))
        self.assertEqual([], self.candidates("target", "create", ""))

    def test_values(self):
        self.assertEqual(["new", "claimed", "done", "failed", "bad", "discarded"], self.candidates("list", "--state", ""))
        self.assertEqual(["failed,bad"], self.candidates("list", "--state", "failed,b"))
        self.assertEqual(["jsonl", "csv"], self.candidates("export", "--format", ""))
        self.assertEqual(["true", "false"], self.candidates("queue", "alter", "invoices", "--paused", ""))
        self.assertEqual(["Mail"], self.candidates("queue", "alter", "invoices", "--class", ""))
        self.assertEqual([":folders"], self.candidates("save", "1", "--to", ""))
        self.assertEqual([":files"], self.candidates("queue", "create", "x", "--password-file", ""))
        self.assertEqual([":files"], self.candidates("import", "invoices", ""))
        self.assertEqual([":commands"], self.candidates("work", "invoices", "--", ""))
        self.assertEqual([], self.candidates("list", "--limit", ""))

    def contents(self):
        return {path.name: path.read_bytes() for path in self.database.parent.glob("inqueue.db*") if not path.name.endswith("-shm")}

    def test_nothing_is_changed(self):
        before = self.contents()
        self.assertEqual(["invoices"], self.candidates("load", ""))
        self.assertEqual(before, self.contents())

    def test_an_older_database_stays_one(self):
        for path in self.database.parent.glob("inqueue.db*"):
            path.unlink()
        old = gzip.decompress((SOURCE_DIR / "tests" / "data" / "schema-1.db.gz").read_bytes())
        self.database.write_bytes(old)
        self.database.chmod(0o600)
        self.assertEqual([], self.candidates("load", ""))
        self.assertEqual(old, self.database.read_bytes())

    def test_without_a_database(self):
        missing = self.folder / "none" / "inqueue.db"
        self.assertEqual([], self.candidates("--database", missing, "load", ""))
        self.assertFalse(missing.parent.exists())

    def test_a_database_that_is_locked_is_not_waited_for(self):
        with contextlib.closing(connect(self.database)) as other:
            other.execute("PRAGMA locking_mode = EXCLUSIVE")
            other.execute("BEGIN EXCLUSIVE")
            self.assertEqual([], self.candidates("load", ""))
        self.assertEqual(["invoices"], self.candidates("load", ""))


class ShellCase(EntryCase):
    """A shell on a terminal. The program that it finds writes down what it is called with."""

    def setUp(self):
        super().setUp()
        (self.folder / "files").mkdir()
        (self.folder / "queues.ini").write_text("")
        (self.folder / "bin").mkdir()
        self.calls = self.folder / "calls"
        os.mkfifo(self.calls)
        program = self.folder / "bin" / "inqueue"
        program.write_text(f"#!/bin/sh\n[ \"$1\" = --candidates ] && exec {PROGRAM} \"$@\"\n"
                           f"(for word; do printf '<%s>' \"$word\"; done; echo) >{self.calls}\n")
        program.chmod(0o755)
        self.reader = os.open(self.calls, os.O_RDWR)
        self.addCleanup(os.close, self.reader)
        environment = {**self.environment, "PATH": f"{self.folder / 'bin'}:{self.environment['PATH']}", "TERM": "xterm",
                       "TMPDIR": str(self.folder), "XDG_CONFIG_HOME": str(self.folder),
                       "XDG_DATA_HOME": str(self.folder), "ZDOTDIR": str(self.folder)}
        master, slave = pty.openpty()
        self.process = subprocess.Popen(["setsid", "--ctty", *self.shell()], stdin=slave, stdout=slave, stderr=slave,
                                        cwd=self.folder, env=environment)
        os.close(slave)
        self.master = master
        self.addCleanup(self.end)
        self.shown = b""

    def end(self):
        self.process.kill()
        self.process.wait()
        os.close(self.master)

    def call(self, typed):
        """What the program is called with when this was typed, the tab key and enter pressed."""
        os.write(self.master, typed.encode() + b"\t\r")
        called = b""
        while not called.endswith(b"\n"):
            ready, _, _ = select.select([self.reader, self.master], [], [], DEADLINE_S)
            if not ready:
                self.fail(f"nothing was called; shown:\n{self.shown.decode(errors='replace')}")
            if self.master in ready:
                self.shown += os.read(self.master, 4096)
            if self.reader in ready:
                called += os.read(self.reader, 4096)
        return [word.rstrip("/") for word in re.findall("<([^>]*)>", called.decode())]

    def test_words_are_completed(self):
        self.define("orders.2026")
        for typed, called in [
                ("inqueue que", ["queue"]),
                ("inqueue queue al", ["queue", "alter"]),
                ("inqueue load inv", ["load", "invoices"]),
                ("inqueue load invoices ord", ["load", "invoices", "orders.2026"]),
                ("inqueue list --stat", ["list", "--state"]),
                ("inqueue list --state fai", ["list", "--state", "failed"]),
                ("inqueue list --state failed,b", ["list", "--state", "failed,bad"]),
                ("inqueue list --queue=inv", ["list", "--queue=invoices"]),
                ("inqueue list --queue inv", ["list", "--queue", "invoices"]),
                ("inqueue export --format c", ["export", "--format", "csv"]),
                ("inqueue queue create x --external-source Fi", ["queue", "create", "x", "--external-source", "File"]),
                ("inqueue save 1 --to fil", ["save", "1", "--to", "files"]),
                ("inqueue queue apply que", ["queue", "apply", "queues.ini"]),
                ("inqueue mail getH", ["mail", "getHeaderOnly"])]:
            with self.subTest(typed=typed):
                self.assertEqual(called, self.call(typed))


class Bash(ShellCase):
    def shell(self):
        (self.folder / "rc").write_text(f"PS1='$ '\n. {SCRIPTS / 'inqueue.bash'}\n")
        return ["bash", "--rcfile", self.folder / "rc", "-i"]


class Zsh(ShellCase):
    def shell(self):
        shutil.copy(SCRIPTS / "inqueue.zsh", self.folder / "_inqueue")
        (self.folder / ".zshrc").write_text(f"PS1='$ '\nfpath=({self.folder} $fpath)\nautoload -Uz compinit\ncompinit -u -D\n")
        return ["zsh", "-d", "-i"]


class Fish(ShellCase):
    def shell(self):
        return ["fish", "--no-config", "-i", "-C", f"source {SCRIPTS / 'inqueue.fish'}"]


del ShellCase

if __name__ == "__main__":
    unittest.main()
