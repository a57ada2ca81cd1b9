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

# Pages whose examples have a test of their own, which goes by what they are about.
ELSEWHERE = {"inqueue-administration.7": "test_trust, test_verify, test_repair", "inqueue-mail.1": "test_mail_script",
             "inqueue-sql.7": "test_sql", "inqueue-tutorial.7": "test_readme", "inqueue-work.1": "test_sql"}
HERE = {"inqueue-entry.1", "inqueue-import.1", "inqueue-load.1", "inqueue-delivery.7", "inqueue-queues.5", "inqueue-security.7"}


class Pages(unittest.TestCase):
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
            whole, = self.examples("inqueue-delivery.7")
            self.run_lines(whole.replace("https://app.example.com/mail", receiver.url()).replace("/etc/inqueue/invoices.key", str(key)))
            self.assertEqual(2, len(receiver.requests))
        self.assertEqual([("done",)], self.sql("SELECT state FROM entry"))

    def test_queues_from_a_file(self):
        password = self.file("invoices.password", "correct horse\n")
        whole, = self.examples("inqueue-queues.5", "ini")
        path = self.file("queues.ini", whole.replace("/etc/inqueue/invoices.password", str(password)))
        self.environment.update({"SUPPORT_PASSWORD": "correct horse", "SUPPORT_KEY": "whsec_" + base64.b64encode(bytes(32)).decode()})
        self.inqueue("queue", "apply", path)
        self.assertEqual([("invoices",), ("support",)], self.sql("SELECT name FROM work_queue ORDER BY name"))
        before = self.inqueue("queue", "dump").stdout
        self.inqueue("queue", "apply", path)
        self.assertEqual(before, self.inqueue("queue", "dump").stdout)

    @unittest.skipUnless((SOURCE_DIR / ".git").exists(), "an exported tree has no history")
    def test_whom_a_weakness_is_reported_to(self):
        whole, = self.examples("inqueue-security.7")
        self.assertIn("@", self.run_lines(f"cd {SOURCE_DIR}\n{whole}"))


if __name__ == "__main__":
    unittest.main()
