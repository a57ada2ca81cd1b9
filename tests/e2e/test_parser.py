"""The parser is a program: it alone links what reads mail, it is found where it is, and another version is not used."""

import email.message
import pathlib
import re
import shutil
import subprocess
import unittest

from inqueue import CONFIGURATION, IO, PROGRAM, SOFTWARE, USAGE, Case, LoadCase, message
from test_house import BUILD_DIR

PARSER = pathlib.Path(PROGRAM).with_name("inqueue-parser")


def libraries(program):
    """Those that a program is started with, and those that they need."""
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"(?m)^\s*(?:/\S+/)?(lib[^\s.]+)", listed))


class Walls(Case):
    def test_program_that_has_passwords_reads_no_mail(self):
        self.assertLessEqual({"libgmime-3", "libxml2", "libuchardet"}, libraries(PARSER))
        self.assertFalse({name for name in libraries(PROGRAM)
                          if re.match("libgmime|libxml|libuchardet|libgobject|libgpgme|libicu", name)})

    def test_parser_has_nothing_of_servers_and_databases(self):
        self.assertFalse({name for name in libraries(PARSER)
                          if re.match("libcurl|libetpan|libgnutls|libsqlite|libsasl", name)})

    def test_parser_started_by_hand(self):
        refused = subprocess.run([PARSER], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        self.assertEqual((USAGE, "", "inqueue-parser: this program is started by inqueue\n"),
                         (refused.returncode, refused.stdout, refused.stderr))


class Program(LoadCase):
    def setUp(self):
        super().setUp()
        self.deliver(message("Invoice 1"))
        self.create_queue()

    def run_copy(self, program, *arguments, expect):
        process = subprocess.Popen([program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, cwd=self.folder, env=self.environment,
                                   start_new_session=True)
        self._sessions.append(process.pid)
        return self.finish(process, expect=expect)

    def assert_mail_waits_unharmed(self):
        self.assertEqual(["Invoice 1"], self.subjects())
        self.assertEqual([], self.sql("SELECT * FROM pickup_attempt"))
        self.inqueue("load")
        self.assert_all_loaded(1)

    def test_as_installed(self):
        subprocess.run(["cmake", "--install", BUILD_DIR, "--prefix", self.folder / "usr"], check=True,
                       capture_output=True)
        self.run_copy(self.folder / "usr" / "bin" / "inqueue", "load", expect=0)
        self.assert_all_loaded(1)

    def test_of_another_version(self):
        """Nothing is loaded, no message is blamed, and both versions are named."""
        for program in [PROGRAM, PARSER]:
            shutil.copy(program, self.folder)
        other = self.folder / "inqueue-parser"
        version = re.search(r"\d+\.\d+\.\d+", self.inqueue("--version").stdout)[0].encode()
        self.assertEqual(1, other.read_bytes().count(version + b", protocol"))
        other.write_bytes(other.read_bytes().replace(version + b", protocol", b"9.9.9" + version[5:] + b", protocol"))
        refused = self.run_copy(self.folder / "inqueue", "load", expect=SOFTWARE)
        said = rf"'{other}' is version 9\.9\.9, protocol \d+, and this program is version {version.decode()}, " \
               r"protocol \d+: install both from one build, and start again what ran meanwhile"
        self.assertRegex(refused.stderr, rf"\Ainqueue: load 'invoices': {said}\n\Z")
        found = self.run_copy(self.folder / "inqueue", "doctor", expect=CONFIGURATION)
        self.assertRegex(found.stdout, "wrong +parser +" + said)
        self.assert_mail_waits_unharmed()

    def test_that_is_not_there(self):
        shutil.copy(PROGRAM, self.folder)
        missing = self.run_copy(self.folder / "inqueue", "load", expect=IO)
        self.assertRegex(missing.stderr, r"\Ainqueue: load 'invoices': fetch UID 1 to 1: starting the parser: "
                                         r"'\S+/libexec/inqueue/inqueue-parser': No such file or directory; install inqueue again\n\Z")
        self.assert_mail_waits_unharmed()


class Evil(LoadCase):
    """A parser that messages have taken over: each says so in its subject, see tests/unit/parser_faults.c."""

    REPLIES = ["reply-beyond", "reply-2^63", "reply-wrapped", "reply-endless", "reply-of-another", "reply-error"]
    RECORDS = ["body-beyond", "body-2^63", "body-of-another", "body-control", "body-no-utf8", "date-beyond", "headers-none",
               "defects-object", "attachments-overlap", "name-above", "type-lines"]

    def test_lies_concern_the_liar_alone(self):
        for program, name in [(PROGRAM, "inqueue"), (pathlib.Path(BUILD_DIR) / "tests" / "inqueue-parser", "inqueue-parser")]:
            shutil.copy(program, self.folder / name)
        lies = self.REPLIES + self.RECORDS
        for lie in lies:
            self.deliver(message(f"Invoice before {lie}", body=f"Pay {lie}.\n"))
            evil = email.message.EmailMessage()
            evil["Subject"] = lie
            evil.set_content("Ignore this.\n")
            self.deliver(evil)
        self.deliver(message("Invoice after"))
        self.create_queue()
        process = subprocess.Popen([self.folder / "inqueue", "load"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, cwd=self.folder, env=self.environment, start_new_session=True)
        self._sessions.append(process.pid)
        self.finish(process, expect=0)
        self.assertEqual([(f"Invoice before {lie}", "new", f"Pay {lie}.\n", "[]") for lie in lies],
                         self.sql("SELECT subject, state, message_body, defects FROM entry WHERE subject LIKE 'Invoice before%'"))
        self.assertEqual([("Invoice after", "new", "Please pay.\n")],
                         self.sql("SELECT subject, state, message_body FROM entry WHERE subject = 'Invoice after'"))
        bad = self.sql("SELECT state, message_body, error_text FROM entry WHERE subject NOT LIKE 'Invoice%' OR subject IS NULL ORDER BY id")
        self.assertEqual([("bad", None)] * len(lies), [row[:2] for row in bad])
        for _, _, said in bad:
            self.assertRegex(said, r"the parser's answer (makes no sense|is no text)|parsing failed: Input/output error")
        self.assertEqual([], self.sql("SELECT * FROM attachment"))


if __name__ == "__main__":
    unittest.main()
