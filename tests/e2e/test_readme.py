"""What the README prints runs as printed, and what it lists is all there is."""

import os
import pathlib
import re
import shlex
import subprocess
import tempfile
import unittest

import certificates
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
        home = self.folder / "home"
        password = home / ".invoices-password"
        password.write_text("correct horse\n")
        password.chmod(0o600)
        self.database = home / "inqueue.db"

    def test_every_command_runs(self):
        invoice = message("Invoice 4711")
        invoice.add_attachment(b"%PDF-1.7\n", maintype="application", subtype="pdf", filename="invoice.pdf")
        with self.server.mailbox("invoices@example.com") as mailbox:
            mailbox.append(invoice)
        script = "\n".join(re.findall(r"```sh\n(.*?)```", section("A tour in five minutes"), re.DOTALL))
        self.assertGreaterEqual(script.count("inqueue "), 8)
        server = f"url=localhost;port={self.server.tls_port};caFile={self.authority.certificate};"
        script = script.replace("url=imap.example.com;", server)
        folder = self.folder / "bin"
        folder.mkdir()
        (folder / "inqueue").symlink_to(PROGRAM)
        environment = {**self.environment, "PATH": f"{folder}:{self.environment['PATH']}"}
        result = subprocess.run(["bash", "-euxc", script], cwd=self.folder, env=environment, text=True,
                                capture_output=True, check=False)
        self.assertEqual(0, result.returncode, result.stdout + result.stderr)
        self.assertIn("Invoice 4711", result.stdout)
        self.assertEqual(b"%PDF-1.7\n", (self.folder / "home" / "invoice-1" / "invoice.pdf").read_bytes())
        self.assertEqual(b"%PDF-1.7\n", (self.folder / "invoice.pdf").read_bytes())


class Lists(Case):
    def test_connection_string_keys_are_those_of_the_help(self):
        """With their defaults and meanings, in the same words."""
        _, *keys = re.split(r"(?m)^  (?=\w+=)", self.inqueue("help", "connection-string").stdout)
        shown = [re.fullmatch(r"(\w+)=\S+ (.*?)(?: \(default: (.*)\))?", " ".join(key.split())).groups("")
                 for key in keys]
        listed = re.findall(r"(?m)^\| (.*?) \|(.*)\| (.*) \|$", section("Connection string").replace("`", ""))
        self.assertEqual(shown, [(key, meaning, default.strip()) for key, default, meaning in listed[1:]])

    def test_exit_statuses_are_those_of_the_program(self):
        """In the help, in the README, and in the header that the program is made from."""
        text = re.search(r"Exit status: (.*)\.\n", self.inqueue("help").stdout, re.DOTALL)[1]
        shown = dict(part.split(" ", 1) for part in " ".join(text.split()).split(", "))
        header = (SOURCE_DIR / "queue" / "base" / "error.h").read_text()
        self.assertEqual(set(re.findall(r"\bERROR_[A-Z]+ = (\d+)", header)), set(shown))
        listed = dict(re.findall(r"(?m)^\| (\d+) \| (.*) \|$", section("Exit status")))
        self.assertEqual(shown, {status: words.partition(":")[0] for status, words in listed.items()})

    def test_options_in_the_table_of_commands_are_options_of_these_commands(self):
        rows = re.findall(r"(?m)^\| (`.*?) \| (.*) \|$", section("Commands"))
        self.assertGreater(len(rows), 20)
        for commands, words in rows:
            if commands.startswith(("`--", "`mail ")):
                continue
            names = [re.match(r"[a-z]+(?: [a-z]+)?", code)[0] for code in re.findall(r"`([^`]+)`", commands)]
            for option in re.findall(r"`(--[a-z-]+)", commands + words):
                with self.subTest(commands=commands, option=option):
                    self.assertTrue(any(re.search(rf"(?m)^  {option}\b", self.inqueue(*name.split(), "--help").stdout)
                                        for name in names))

    def test_defaults_are_those_of_the_help(self):
        """`--option` (VALUE) in the README says what counts where the option is not given."""
        texts = [self.inqueue(*name.split(), "--help").stdout for name in self.commands()]
        known = {}
        for text in texts:
            for option, words in re.findall(r"(?m)^  --([a-z-]+)(.*(?:\n {20}.*)*)", text):
                default = re.search(r"\(default: ([^),]*)", " ".join(words.split()))
                known.setdefault(option, set()).add(default[1] if default else None)
        said = re.findall(r"`--([a-z-]+)`\s\((\d\w*)\)", README)
        self.assertGreaterEqual(len(said), 7)
        for option, value in said:
            with self.subTest(option=option):
                self.assertIn(value, known[option])

    def commands(self):
        return re.findall(r"(?m)^  ([a-z]+(?: [a-z][A-Za-z-]+)?)(?= |$)", self.inqueue("help").stdout)

    def test_every_command_is_described(self):
        known = self.commands()
        listed = " ".join(re.findall(r"`([^`\n]+)`", README))
        for command in known:
            with self.subTest(command=command):
                self.assertRegex(listed, rf"\b{re.escape(command)}\b")

    def test_tables_and_views_exist(self):
        schema = (SOURCE_DIR / "queue" / "schema.sql").read_text()
        names = re.findall(r"`(\w+)`", " ".join(re.findall(r"(?m)^\| (`[^|]+) \|", section("Entries"))))
        self.assertIn("attachment_data", names)
        for name in names:
            with self.subTest(name=name):
                self.assertRegex(schema, rf"(?m)^CREATE (TABLE|VIEW) {name}\b")

    def test_linked_files_exist(self):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
            with self.subTest(target=target):
                self.assertTrue((SOURCE_DIR / shlex.split(target)[0]).exists())


if __name__ == "__main__":
    unittest.main()
