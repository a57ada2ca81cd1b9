"""What README and manual print runs as printed, and what they list is all there is."""

import os
import pathlib
import re
import shlex
import subprocess
import tempfile
import unittest

import certificates
import manual
from inqueue import PROGRAM, SOURCE_DIR, Case, ServerCase, message
from servers import Dovecot

README = (SOURCE_DIR / "README.md").read_text()


def section(title):
    """The text below a heading, up to the next heading of its level or above."""
    level, rest = re.search(rf"(?m)^(#+) {re.escape(title)}\n(.*)", README, re.DOTALL).groups()
    return re.split(rf"(?m)^#{{1,{len(level)}}} ", rest)[0]


class Installation(Case):
    def test_the_program_needs_nothing_of_the_tests(self):
        """With the pkg-config files of all that is installed, but for the tests' own."""
        command, = re.findall(r"`samples/packages build && (cmake[^&]+)", README)
        known = subprocess.check_output(["pkg-config", "--variable", "pc_path", "pkg-config"], text=True).strip()
        for folder in known.split(":"):
            for path in pathlib.Path(folder).glob("*.pc"):
                link = self.folder / path.name
                if path.name != "cmocka.pc" and not link.exists():
                    link.symlink_to(path)
        result = subprocess.run([*shlex.split(command), "-B", self.folder / "build"], cwd=SOURCE_DIR,
                                env={**os.environ, "PKG_CONFIG_LIBDIR": str(self.folder)}, text=True,
                                capture_output=True, check=False)
        self.assertEqual(0, result.returncode, result.stdout + result.stderr)


class Tour(ServerCase):
    """The server of the examples is a private one here, its authority one more key of the connection string."""

    @classmethod
    def make_server(cls):
        cls.authority = certificates.Authority(cls.enterClassContext(tempfile.TemporaryDirectory()))
        return Dovecot(certificate=cls.authority.issue())

    def setUp(self):
        super().setUp()
        self.server.add_user("invoices@example.com", "correct horse")
        self.database = self.folder / "home" / "inqueue.db"

    def run_script(self, script):
        server = f"url=localhost;port={self.server.tls_port};caFile={self.authority.certificate};"
        script = script.replace("url=imap.example.com;", server)
        folder = self.folder / "bin"
        folder.mkdir()
        (folder / "inqueue").symlink_to(PROGRAM)
        environment = {**self.environment, "PATH": f"{folder}:{self.environment['PATH']}"}
        result = subprocess.run(["bash", "-euxc", script], cwd=self.folder, env=environment, text=True,
                                input="correct horse\n", capture_output=True, check=False)
        self.assertEqual(0, result.returncode, result.stdout + result.stderr)
        self.assertIn("Invoice 4711", result.stdout)
        self.assertEqual(0o600, (self.folder / "home" / ".invoices-password").stat().st_mode & 0o777)

    def put_invoice(self):
        invoice = message("Invoice 4711")
        invoice.add_attachment(b"%PDF-1.7\n", maintype="application", subtype="pdf", filename="invoice.pdf")
        with self.server.mailbox("invoices@example.com") as mailbox:
            mailbox.append(invoice)

    def test_every_command_of_the_tour_runs(self):
        self.put_invoice()
        script = "\n".join(manual.examples(manual.page("inqueue-tutorial.7")))
        self.assertGreaterEqual(script.count("inqueue "), 8)
        self.run_script(script)
        self.assertEqual(b"%PDF-1.7\n", (self.folder / "home" / "invoice-1" / "invoice.pdf").read_bytes())
        self.assertEqual(b"%PDF-1.7\n", (self.folder / "invoice.pdf").read_bytes())
        self.assertEqual([("done",)], self.sql("SELECT state FROM entry"))

    def test_the_first_mailbox(self):
        self.put_invoice()
        script, = re.findall(r"```sh\n(.*?)```", section("The first mailbox of your own"), re.DOTALL)
        self.assertLessEqual(len(re.findall(r"(?m)^(?! )", script.rstrip("\n"))), 10)
        self.run_script(script)


class Short(unittest.TestCase):
    def test_readme_is_read_at_once(self):
        self.assertLessEqual(len(README.splitlines()), 150)
        self.assertLessEqual(len(README.encode()), 9000)

    def test_linked_files_exist(self):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
            with self.subTest(target=target):
                self.assertTrue((SOURCE_DIR / shlex.split(target)[0]).exists())

    def test_files_of_the_source_exist(self):
        """Those that the manual names."""
        text = "\n".join(manual.page(name) for name in manual.pages())
        named = set(re.findall(r"\bPa (?:\( )?((?:samples|tests|loader|queue)/\S+)", text))
        self.assertGreater(len(named), 10)
        for name in named:
            with self.subTest(name=name):
                self.assertTrue((SOURCE_DIR / name).exists())


class Lists(Case):
    def test_connection_string_keys_are_those_of_the_help(self):
        """With their defaults and meanings, in the same words."""
        _, *keys = re.split(r"(?m)^  (?=\w+=)", self.inqueue("help", "connection-string").stdout)
        shown = [re.fullmatch(r"(\w+)=(\S+) (.*)", " ".join(key.split())).groups() for key in keys]
        listed = [(*re.fullmatch(r'Cm (\w+) Ns = Ns Ar "(.*)"', head).groups(), manual.words(body))
                  for head, body in manual.items(manual.section(manual.page("inqueue-connection.5"), "KEYS"))]
        self.assertGreater(len(listed), 20)
        self.assertEqual(shown, listed)

    def test_exit_statuses_are_those_of_the_program(self):
        """In the help, in the manual, and in the header that the program is made from."""
        text = re.search(r"Exit status: (.*)\.\n", self.inqueue("help").stdout, re.DOTALL)[1]
        shown = dict(part.split(" ", 1) for part in " ".join(text.split()).split(", "))
        header = (SOURCE_DIR / "queue" / "base" / "error.h").read_text()
        self.assertEqual(set(re.findall(r"\bERROR_[A-Z]+ = (\d+)", header)), set(shown))
        listed = dict(manual.items(manual.section(manual.page("inqueue.1"), "EXIT STATUS")))
        self.assertEqual(shown, {status: manual.words(words).partition(":")[0] for status, words in listed.items()})

    def options(self, text):
        """Name and words of each option of a help."""
        return {name: " ".join(words.split()) for name, words in re.findall(r"(?m)^  --([a-z-]+)(.*(?:\n {20}.*)*)", text)}

    def test_options_in_the_table_of_commands_are_options_of_these_commands(self):
        rows = manual.items(manual.section(manual.page("inqueue.1"), "COMMANDS"))
        self.assertGreater(len(rows), 20)
        for commands, words in rows:
            names = [re.match(r"[a-z]+(?: [a-z]+)?", code)[0] for code in manual.named(commands)]
            if "mail" in {name.split()[0] for name in names}:
                continue
            for option in re.findall(r"\bFl -([a-z-]+)", commands + words):
                with self.subTest(commands=commands, option=option):
                    self.assertTrue(any(option in self.options(self.inqueue(*name.split(), "--help").stdout) for name in names))

    def test_options_of_a_command_are_those_of_its_help(self):
        """Below the command itself, or in the list of options that several commands of the page share."""
        everywhere = self.options(self.inqueue("list", "--help").stdout)
        everywhere = {name for name in everywhere
                      if name in {option for option, _ in self.globals()}}
        found = set()
        for name in manual.pages():
            text = manual.page(name)
            shared = {}
            if "SHARED OPTIONS" in re.findall(r"(?m)^\.Sh (.*)$", text):
                shared = self.listed(manual.section(text, "SHARED OPTIONS"))
            for command in re.findall(r"(?m)^\.Ss inqueue (.*)$", text):
                found.add(command)
                own = manual.section(text, f"inqueue {command}")
                listed = self.listed(own)
                listed |= {option: shared[option] for option in re.findall(r"(?m)^\.Fl \\-([\w-]+)$", own)}
                known = self.options(self.inqueue(*command.split(), "--help").stdout)
                with self.subTest(command=command):
                    self.assertEqual({option: words for option, words in known.items() if option not in everywhere}, listed)
        self.assertEqual(set(self.commands()), found)

    def globals(self):
        return [(name, words) for name, words in
                self.listed(manual.section(manual.page("inqueue.1"), "OPTIONS OF EVERY COMMAND")).items()]

    def listed(self, text):
        listed = {}
        for head, body in manual.items(text):
            if head.startswith("Fl "):
                name, _, value = re.fullmatch(r'Fl -([\w-]+)( Ar "(.*)")?', head).groups()
                self.assertNotIn(name, listed)
                listed[name] = " ".join(filter(None, [value, manual.words(body)]))
        return listed

    def test_options_of_every_command_are_those_of_the_help(self):
        known = self.options(self.inqueue("history", "--help").stdout)
        listed = dict(self.globals())
        self.assertGreater(len(listed), 4)
        self.assertEqual({name: words for name, words in known.items() if name in listed}, listed)
        self.assertIn("trust-owner", listed)

    def test_defaults_are_those_of_the_help(self):
        """"--option (VALUE)" in a text says what counts where the option is not given."""
        known = {}
        for name in self.commands():
            for option, words in self.options(self.inqueue(*name.split(), "--help").stdout).items():
                default = re.search(r"\(default: ([^),]*)", words)
                known.setdefault(option, set()).add(default[1] if default else None)
        said = [pair for name in manual.pages()
                for pair in re.findall(r"\bFl -([a-z-]+)\n\((\d\w*)\)", manual.page(name))]
        self.assertGreaterEqual(len(said), 7)
        for option, value in said:
            with self.subTest(option=option):
                self.assertIn(value, known[option])

    def commands(self):
        return re.findall(r"(?m)^  ([a-z]+(?: [a-z][A-Za-z-]+)?)(?= |$)", self.inqueue("help").stdout)

    def test_every_command_is_described(self):
        known = self.commands()
        listed = " ".join(manual.named(manual.section(manual.page("inqueue.1"), "COMMANDS")))
        readme = " ".join(re.findall(r"`([^`\n]+)`", section("Commands")))
        for command in known:
            with self.subTest(command=command):
                self.assertRegex(listed, rf"\b{re.escape(command.split()[0] if command.startswith('mail ') else command)}\b")
                self.assertRegex(readme, rf"\b{re.escape(command.split()[0] if command.startswith('mail ') else command)}\b")

    def test_variables_of_the_environment_are_those_of_the_program(self):
        """All that it asks for by name."""
        source = "\n".join(path.read_text(encoding="utf-8") for folder in ["loader", "queue", "mime"]
                           for path in (SOURCE_DIR / folder).rglob("*.c"))
        asked = set(re.findall(r'getenv\("(\w+)"\)|"(\w+_(?:proxy|PROXY))"', source))
        asked = {name for names in asked for name in names if name}
        listed = manual.items(manual.section(manual.page("inqueue.1"), "ENVIRONMENT"))
        self.assertEqual(asked, {name for head, _ in listed for name in re.findall(r"\bEv (\w+)", head)})

    def test_tables_and_views_exist(self):
        schema = (SOURCE_DIR / "queue" / "schema.sql").read_text()
        names = [name for head, _ in manual.items(manual.page("inqueue-schema.5")) for name in re.findall(r"\bIc (\w+)|^Ql (\w+)", head)]
        names = [one or other for one, other in names]
        self.assertIn("attachment_data", names)
        for name in names:
            with self.subTest(name=name):
                self.assertRegex(schema, rf"(?m)^CREATE (TABLE|VIEW) {name}\b")


if __name__ == "__main__":
    unittest.main()
