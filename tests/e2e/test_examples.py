"""What the pages of the manual print and list, tried on the program: examples that no other test runs, members, columns."""

import base64
import json
import re
import shlex
import subprocess
import unittest

import manual
from entries import EntryCase
from inqueue import DEADLINE_S, PROGRAM, SOURCE_DIR, ServerCase, message
from receiver import Receiver
from token_server import TokenServer

# Pages whose examples have a test of their own, which goes by what they are about.
ELSEWHERE = {"inqueue-administration.7": "test_administration, test_systemd, test_trust", "inqueue-mail.1": "test_mail_script",
             "inqueue-serve.1": "test_serve", "inqueue-sql.7": "test_sql", "inqueue-tutorial.7": "test_readme", "inqueue-work.1": "test_sql"}
HERE = {"inqueue-entry.1", "inqueue-import.1", "inqueue-load.1", "inqueue-delivery.7", "inqueue-queues.5", "inqueue-security.7",
        "inqueue-providers.7"}


class Pages(unittest.TestCase):
    def test_each_example_says_what_it_is(self):
        """Commands, or what a command shows: a display without a word in front of it is one that no test knows."""
        for path in (SOURCE_DIR / "loader" / "manual").glob("*.[157]"):
            lines = path.read_text(encoding="utf-8").splitlines()
            for before, line in zip(lines, lines[1:]):
                if line.startswith(".Bd -literal"):
                    with self.subTest(page=path.name, before=before):
                        self.assertRegex(before, r'^\.\\" (sh|sql|python|ini|powershell|text)$')

    def test_each_page_with_examples_has_a_test(self):
        shown = {name for name in manual.pages() for language in ["sh", "sql", "python", "ini"]
                 if manual.examples(manual.page(name), language)}
        self.assertEqual(set(ELSEWHERE) | HERE, shown)


class Members(EntryCase):
    """Lists of members of inqueue-json(5)."""

    def members(self, *titles):
        found = set()
        for title in titles:
            text = manual.section(manual.page("inqueue-json.5"), title)
            found |= set(re.findall(r"\bVa (\w+)", " ".join(head for head, _ in manual.items(text))))
        return found

    def printed(self, *command):
        return set(json.loads(self.inqueue(*command, "--json").stdout.splitlines()[0]))

    def test_members_are_those_that_commands_print(self):
        self.put(1)
        self.assertEqual(self.members("list"), self.printed("list"))
        self.assertEqual(self.members("list", "show"), self.printed("show", 1))
        self.assertEqual(self.members("list", "show"), self.printed("export"))
        self.assertEqual(self.members("list", "show", "claim"), self.printed("claim", "invoices"))
        self.assertEqual(self.members("history"), self.printed("history", 1))
        self.assertEqual(self.members("queue show"), self.printed("queue", "show", "invoices"))
        self.assertEqual(self.members("queue show"), self.printed("queue", "list"))
        self.assertEqual(self.members("status"), self.printed("status"))
        self.assertEqual(self.members("stats"), self.printed("stats"))
        self.assertEqual(self.members("doctor"), self.printed("doctor"))
        self.assertEqual(self.members("upgrade"), self.printed("upgrade"))


class Columns(EntryCase):
    def test_each_table_and_view_is_shown_with_its_columns(self):
        names = self.column("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'")
        text = manual.page("inqueue-schema.5")
        self.assertEqual(sorted(names), sorted(re.findall(r"(?m)^\.Ss (\w+)$", text)))
        for name in names:
            shown = manual.plain(manual.section(text, name))
            for column in self.column("SELECT name FROM pragma_table_info(?)", name):
                with self.subTest(table=name, column=column):
                    self.assertRegex(shown, rf"\b{column}\b")


class Examples(ServerCase):
    """As printed, but for hosts and folders: those are private ones here."""

    def setUp(self):
        super().setUp()
        folder = self.folder / "bin"
        folder.mkdir()
        (folder / "inqueue").symlink_to(PROGRAM)
        self.environment["PATH"] = f"{folder}:{self.environment['PATH']}"

    def run_lines(self, text):
        result = subprocess.run(["bash", "-euxc", text], cwd=self.folder, env=self.environment, text=True, capture_output=True,
                                check=False, timeout=DEADLINE_S)
        self.assertEqual(0, result.returncode, result.stdout + result.stderr)
        return result.stdout

    def examples(self, page, language="sh"):
        return manual.examples(manual.page(page), language)

    def test_entries_are_chosen(self):
        self.create_queue()
        first, = self.examples("inqueue-entry.1")
        self.assertIn("0 entries", self.run_lines(f"({first}) 2>&1"))

    def test_imports(self):
        self.create_queue()
        for name in ["old-mail", "done", "bad"]:
            (self.folder / name).mkdir()
        (self.folder / "old-mail" / "a.eml").write_bytes(bytes(message("Old")))
        whole, old, scans = self.examples("inqueue-import.1")
        self.run_lines(whole)
        self.assertEqual(["a.eml"], [path.name for path in (self.folder / "done").iterdir()])
        for name in ["scans", "scans/done", "scans/bad"]:
            (self.folder / name).mkdir()
        self.run_lines(old + scans.replace("/srv/", f"{self.folder}/"))
        self.assertEqual([("invoices",), ("old",), ("scans",)], self.sql("SELECT name FROM work_queue ORDER BY name"))

    def test_watching(self):
        """Ends when it is told to, with what it was told to load."""
        self.create_queue()
        self.deliver(message("Invoice"))
        check, watch = self.examples("inqueue-load.1")[0].splitlines()
        self.assertIn("1", self.run_lines(check))
        process = self.start(*shlex.split(watch)[1:])
        for line in process.stderr:
            if b"loaded=1" in line:
                break
        process.terminate()
        self.finish(process)
        self.assertEqual([("Invoice",)], self.sql("SELECT subject FROM entry"))

    def test_delivery(self):
        self.create_queue(keepRaw=True)
        self.deliver(message("Invoice"))
        self.inqueue("load")
        key = self.file("invoices.key", "whsec_" + base64.b64encode(b"a secret of twenty-four bytes").decode() + "\n")
        with Receiver() as receiver:
            self.inqueue("queue", "alter", "invoices", "--deliver-to", receiver.url(), "--allow-private", "true")
            own, named = self.examples("inqueue-delivery.7")
            self.run_lines(own.replace("https://app.example.com/mail", receiver.url()).replace("/etc/inqueue/invoices.key", str(key)))
            self.assertEqual(2, len(receiver.requests))
            self.run_lines(named)
            self.assertEqual([("shop", "json", 60000)], self.sql("SELECT target, format, timeout_ms FROM delivery_target"))
        self.assertEqual([("done",)], self.sql("SELECT state FROM entry"))

    def test_queues_from_a_file(self):
        password = self.file("invoices.password", "correct horse\n")
        whole, rules = self.examples("inqueue-queues.5", "ini")
        path = self.file("queues.ini", whole.replace("/etc/inqueue/invoices.password", str(password)))
        self.environment.update({"SUPPORT_PASSWORD": "correct horse", "SUPPORT_KEY": "whsec_" + base64.b64encode(bytes(32)).decode()})
        self.inqueue("queue", "apply", path)
        self.assertEqual([("invoices",), ("support",)], self.sql("SELECT name FROM work_queue ORDER BY name"))
        before = self.inqueue("queue", "dump").stdout
        self.inqueue("queue", "apply", path)
        self.assertEqual(before, self.inqueue("queue", "dump").stdout)
        self.inqueue("queue", "apply", self.file("rules.ini", rules))
        self.assertEqual([1, 2], self.column("SELECT number FROM queue_rule"))

    @unittest.skipUnless((SOURCE_DIR / ".git").exists(), "an exported tree has no history")
    def test_whom_a_weakness_is_reported_to(self):
        whole, = self.examples("inqueue-security.7")
        self.assertIn("@", self.run_lines(f"cd {SOURCE_DIR}\n{whole}"))


class Providers(EntryCase):
    """The commands of inqueue-providers(7) beside a token server of ours: no provider is asked for anything."""

    def setUp(self):
        super().setUp()
        (self.folder / "bin").mkdir()
        (self.folder / "bin" / "inqueue").symlink_to(PROGRAM)
        self.environment["PATH"] = f"{self.folder / 'bin'}:{self.environment['PATH']}"
        self.file("app.secret", "client secret\n")
        self.tokens = self.enterContext(TokenServer())
        self.file("refresh.token", self.tokens.new_refresh_token())

    def run_line(self, line, stdin=""):
        result = subprocess.run(["bash", "-euc", line], cwd=self.folder, env=self.environment, text=True, input=stdin,
                                capture_output=True, check=False, timeout=DEADLINE_S)
        self.assertEqual(0, result.returncode, line + result.stdout + result.stderr)

    def log_in(self, words):
        """A person opens the address that is shown, signs in, and pastes what the browser ends at."""
        for path in self.folder.glob("inqueue.db-oauth/*"):
            path.unlink()
        process = self.start(*words, "--token-url", self.tokens.url())
        pasted = ""
        if "--paste" in words:
            address = ""
            while "https://" not in address:
                address = process.stdout.readline().decode()
            pasted = self.tokens.sign_in(address.strip()) + "\n"
        self.finish(process, stdin=pasted)
        self.assertTrue((self.folder / "inqueue.db-oauth" / f"{words[2]}.json").exists())

    def make_key_file(self):
        """What openssl has made for the certificate serves as Google's key as well."""
        key = (self.folder / "app.key").read_text()
        self.tokens.client_key = subprocess.check_output(["openssl", "pkey", "-in", self.folder / "app.key", "-pubout"])
        self.file("service.json", json.dumps({"type": "service_account", "client_email": "robot@project.example",
                                              "private_key_id": "4711", "private_key": key}), 0o644)

    def test_every_command_runs(self):
        made, *others = manual.examples(manual.page("inqueue-providers.7"))
        self.run_line(made)
        self.make_key_file()
        signed_in = queues = 0
        for line in "".join(others).replace("\\\n", " ").splitlines():
            with self.subTest(line=line):
                if line.startswith("inqueue oauth login"):
                    self.log_in(shlex.split(line)[1:])
                    signed_in += 1
                elif line.startswith("inqueue queue create"):
                    self.run_line(line + " --no-check")
                    self.inqueue("queue", "drop", "orders", "--yes")
                    queues += 1
                else:
                    self.run_line(line, stdin="correct horse\n")
        self.assertEqual((7, 6), (signed_in, queues))


if __name__ == "__main__":
    unittest.main()
