"""The manual: its pages are well formed and lead to each other, open from the program, and make a web site."""

import fnmatch
import gzip
import html.parser
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import unittest

import manual
from inqueue import PROGRAM, SOURCE_DIR, USAGE, Case

BUILD_DIR = pathlib.Path(os.environ.get("BUILD_DIR") or pathlib.Path(PROGRAM).parent)


class Pages(unittest.TestCase):
    def test_each_is_well_formed(self):
        for name in manual.pages():
            path = manual.MANUAL / f"man{name[-1]}" / name
            with self.subTest(page=name):
                result = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", path], capture_output=True, text=True, check=False)
                words = [line for line in result.stdout.splitlines() if "referenced manual not found" not in line]
                self.assertEqual([], words)

    def test_each_heading_is_shown_as_it_is_written(self):
        """A first word such as An or No is a macro, and would not be seen."""
        for name in manual.pages():
            shown = subprocess.run(["mandoc", "-T", "utf8", "-O", "width=200", manual.MANUAL / f"man{name[-1]}" / name],
                                   capture_output=True, text=True, check=True).stdout
            lines = {line.strip() for line in re.sub(".\x08", "", shown).splitlines()}
            for title in re.findall(r"(?m)^\.S[hs] (.*)$", manual.page(name)):
                with self.subTest(page=name, title=title):
                    self.assertIn(manual.plain(title), lines)

    def test_each_table_fits_a_wide_terminal(self):
        """Of 120 columns, with what stands between them: where it does not, groff warns, and lintian with it."""
        tables = 0
        for name in manual.pages():
            for columns in re.findall(r"(?m)^\.Bl -column (.*)$", manual.page(name)):
                with self.subTest(page=name, columns=columns):
                    tables += 1
                    self.assertLessEqual(sum(map(len, shlex.split(columns))), 100)
        self.assertGreater(tables, 5)

    def test_each_reference_leads_to_a_page(self):
        known = {path.name for path in manual.MANUAL.glob("man?/*")}
        for name in manual.pages():
            text = manual.page(name)
            for page, number in re.findall(r"\bXr (inqueue\S*) (\d)", text):
                with self.subTest(page=name, to=page):
                    self.assertIn(f"{page}.{number}", known)
            titles = re.findall(r"(?m)^\.S[hs] (.*)$", text)
            for title in re.findall(r"\bSx ([A-Z][A-Z0-9. ]*[A-Z0-9])", text):
                with self.subTest(page=name, to=title):
                    self.assertIn(title, titles)


class Guarantees(unittest.TestCase):
    def test_each_promise_names_tests_that_there_are(self):
        listed = subprocess.run(["ctest", "--test-dir", BUILD_DIR, "-N"], capture_output=True, text=True, check=True).stdout
        tests = re.findall(r"(?m)^ +Test +#\d+: (\S+)$", listed)
        self.assertGreater(len(tests), 100)
        text = manual.page("inqueue-guarantees.7")
        promises = re.findall(r"(?ms)^\.Ss (.*?)\n(.*?)(?=^\.S[sh] )", text)
        self.assertGreater(len(promises), 15)
        for title, words in promises:
            with self.subTest(promise=title):
                named = re.findall(r"(?m)^\.Ql (\S+)", words.partition("Tried by\n")[2])
                self.assertGreater(len(named), 0)
                self.assertEqual([], [name for name in named if not fnmatch.filter(tests, name)])


class Opening(Case):
    """A program called man stands for the one of the system."""

    first_look = True  # words are handed over as they are

    def setUp(self):
        super().setUp()
        folder = self.folder / "bin"
        folder.mkdir()
        program = folder / "man"
        program.write_text("#!/bin/sh\necho \"man $*\"\n")
        program.chmod(0o755)
        (folder / "setsid").symlink_to(shutil.which("setsid"))
        self.environment["PATH"] = str(folder)

    def opened(self, *topic):
        shown = self.on_terminal("help", *topic).stdout.strip()
        return pathlib.Path(re.fullmatch(r"man -l (.*)", shown)[1]).name

    def test_a_terminal_gets_the_page_from_man(self):
        for topic, page in [("queue create", "inqueue-queue.1"), ("QUEUE Create", "inqueue-queue.1"),
                            ("mail getAll", "inqueue-mail.1"), ("list", "inqueue-entry.1"),
                            ("tutorial", "inqueue-tutorial.7"), ("schema", "inqueue-schema.5"), ("inqueue", "inqueue.1"),
                            ("inqueue-load", "inqueue-load.1")]:
            with self.subTest(topic=topic):
                self.assertEqual(page, self.opened(*topic.split()))

    def test_without_man_it_is_text(self):
        (self.folder / "bin" / "man").unlink()
        text = self.on_terminal("help", "tutorial").stdout.replace("\r", "")
        self.assertEqual(self.inqueue("help", "tutorial").stdout, text)
        self.assertIn("INQUEUE-TUTORIAL(7)", text)
        self.assertIn("inqueue queue create invoices", text)
        self.assertNotIn("\b", text)

    def test_each_command_has_a_page(self):
        commands = re.findall(r"(?m)^  ([a-z]+(?: [a-z][A-Za-z-]+)?)(?= |$)", self.inqueue("help").stdout)
        self.assertGreater(len(commands), 50)
        for command in commands:
            with self.subTest(command=command):
                self.assertIn(f"inqueue {command} [options]", self.inqueue("help", *command.split()).stdout)

    def test_help_of_a_command_begins_with_what_it_does(self):
        """In the words that the list of commands has for it."""
        listed = self.inqueue("help").stdout.partition("\n`inqueue COMMAND")[0]
        rows = re.findall(r"(?m)^  ([a-z]+(?: [a-z][A-Za-z-]+)?)(?: [A-Z\[][^\n]*?)?(?:  +|\n {30})(\w[^\n]*(?:\n {30}[^\n]+)*)", listed)
        self.assertGreater(len(rows), 50)
        for command, summary in rows:
            with self.subTest(command=command):
                told = self.inqueue(*command.split(), "--help").stdout
                self.assertLessEqual(max(map(len, told.splitlines())), 80)
                usage, first, _ = told.split("\n\n", 2)
                self.assertRegex(usage, rf"\Ausage: inqueue {command} ")
                summary = " ".join(summary.split())
                self.assertEqual(summary[0].upper() + summary[1:] + ".", " ".join(first.split()))

    def test_help_lists_the_pages(self):
        listed = re.findall(r"(?m)^  (inqueue[a-z-]*)\((\d)\) +\w", self.inqueue("help").stdout)
        self.assertEqual(sorted(manual.pages()), sorted(f"{name}.{section}" for name, section in listed))

    def test_a_topic_that_is_none(self):
        for topic, meant in [("tutorail", "tutorial"), ("queue creat", "queue create"), ("conection", "connection")]:
            self.assertEqual(f"inqueue: no help for '{topic}': did you mean {meant}? `inqueue help` lists commands and pages\n",
                             self.inqueue("help", *topic.split(), expect=USAGE).stderr)
        self.assertEqual("inqueue: no help for 'quantum'; `inqueue help` lists commands and pages\n",
                         self.inqueue("help", "quantum", expect=USAGE).stderr)

    def test_a_copy_without_its_manual(self):
        """It still has what --help prints."""
        shutil.copy(PROGRAM, self.folder / "bin" / "inqueue")
        result = subprocess.run([self.folder / "bin" / "inqueue", "help", "queue", "create"], capture_output=True, text=True,
                                env=self.environment, check=True)
        self.assertEqual(self.inqueue("queue", "create", "--help").stdout, result.stdout)


class Installed(Case):
    first_look = True  # words are handed over as they are

    def test_the_program_finds_its_pages_and_shells_their_completions(self):
        for component in ["man/man1/inqueue.1", "man/man1/inqueue-queue-create.1"]:
            self.assertTrue((BUILD_DIR / "share" / component).exists())
        result = subprocess.run(["cmake", "--install", BUILD_DIR, "--prefix", self.folder / "usr"], capture_output=True, text=True,
                                check=False)
        self.assertEqual(0, result.returncode, result.stdout + result.stderr)
        usr = self.folder / "usr"
        for name in ["share/man/man1/inqueue.1", "share/man/man7/inqueue-tutorial.7",
                     "share/bash-completion/completions/inqueue", "share/zsh/site-functions/_inqueue",
                     "share/fish/vendor_completions.d/inqueue.fish", "share/doc/inqueue/CHANGELOG"]:
            self.assertTrue((usr / name).exists(), name)
        for topic in ["tutorial", "work"]:
            shown = subprocess.run([usr / "bin" / "inqueue", "help", topic], capture_output=True, text=True, check=True,
                                   env=self.environment).stdout
            self.assertEqual(self.inqueue("help", topic).stdout, shown)


    def test_pages_that_a_package_compresses_or_a_container_leaves_out(self):
        """As Debian does with both; man, where there is one, gets the compressed page."""
        usr = self.folder / "usr"
        subprocess.run(["cmake", "--install", BUILD_DIR, "--prefix", usr], capture_output=True, check=True)
        for path in (usr / "share" / "man").glob("man?/*"):
            path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()
        (self.folder / "bin").mkdir()
        self.file("bin/man", '#!/bin/sh\necho "man $*"\n', 0o755)

        def shown(*topic, **environment):
            command = f"{usr}/bin/inqueue help {' '.join(topic)}"
            return subprocess.run(["script", "-qec", command, "/dev/null"], capture_output=True, text=True, check=True,
                                  stdin=subprocess.DEVNULL, env={**self.environment, **environment}).stdout.replace("\r", "")

        with_man = {"PATH": f"{self.folder / 'bin'}:{self.environment['PATH']}"}
        page = usr / "share" / "man" / "man1" / "inqueue-queue.1.gz"
        self.assertEqual(f"man -l {page}\n", shown("queue create", **with_man))
        shutil.rmtree(usr / "share" / "man")
        self.assertEqual(self.inqueue("help", "queue", "create").stdout, shown("queue create", **with_man))
        piped = subprocess.run([usr / "bin" / "inqueue", "help", "tutorial"], capture_output=True, text=True, check=True,
                               env=self.environment).stdout
        self.assertIn("INQUEUE-TUTORIAL(7)", piped)


class Changes(unittest.TestCase):
    def test_the_changelog_has_every_change(self):
        """Newest version first, which is the program's."""
        folder = SOURCE_DIR / "loader" / "changes"
        text = (BUILD_DIR / "share" / "CHANGELOG").read_text(encoding="utf-8")
        versions = re.findall(r"(?m)^inqueue (\d+\.\d+\.\d+)$", text)
        self.assertEqual(sorted((path.name for path in folder.iterdir() if path.is_dir()), reverse=True,
                                key=lambda name: [int(number) for number in name.split(".")]), versions)
        self.assertIn(f"project(inqueue VERSION {versions[0]} ", (SOURCE_DIR / "CMakeLists.txt").read_text())
        said = " ".join(text.split())
        for path in folder.glob("*/*"):
            with self.subTest(change=path.name):
                change = path.read_text(encoding="utf-8")
                self.assertRegex(change, r"\A(security|changed|fixed|added): \S[\s\S]*\.\n\Z")
                self.assertIn(" ".join(change.split()), said)


class Site(Case):
    def test_every_link_leads_somewhere(self):
        """From a disk: no script, nothing from elsewhere."""
        site = self.folder / "site"
        subprocess.run(["cmake", f"-DMANDOC={shutil.which('mandoc')}", f"-DMAN={manual.MANUAL}", f"-DOUTPUT={site}",
                        f"-DSTYLE={SOURCE_DIR / 'loader/manual/inqueue.css'}", "-P", SOURCE_DIR / "loader/manual/site.cmake"],
                       check=True, capture_output=True)
        index = (site / "index.html").read_text()
        for page in manual.pages():
            self.assertIn(f'href="{page}.html"', index)
        anchors, links = {}, []
        for path in site.glob("*.html"):
            tags = []
            parser = html.parser.HTMLParser()
            parser.handle_starttag = lambda tag, attributes, tags=tags: tags.append((tag, dict(attributes)))
            parser.feed(path.read_text(encoding="utf-8"))
            self.assertNotIn("script", {tag for tag, _ in tags})
            anchors[path.name] = {attributes.get("id") for _, attributes in tags}
            links += [(path.name, attributes["href"], tag) for tag, attributes in tags if "href" in attributes]
        self.assertGreater(len(links), 300)
        for page, link, tag in links:
            if re.match("https?:", link):
                self.assertEqual("a", tag)
                continue
            name, _, anchor = link.partition("#")
            with self.subTest(page=page, link=link):
                self.assertTrue((site / (name or page)).exists())
                if anchor:
                    self.assertIn(anchor, anchors[name or page])


if __name__ == "__main__":
    unittest.main()
