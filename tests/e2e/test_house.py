"""The house: each library keeps behind its wall, rooms stand in an order, and no symbol of ours is one of libetpan's."""

import os
import pathlib
import re
import subprocess
import unittest

from inqueue import PROGRAM, SOURCE_DIR

BUILD_DIR = pathlib.Path(os.environ.get("BUILD_DIR") or pathlib.Path(PROGRAM).parent)


class Walls(unittest.TestCase):
    def compiles(self, house, include):
        source = f'#include "{include}"\n'
        glib = subprocess.run(["pkg-config", "--cflags", "glib-2.0"], capture_output=True, text=True, check=True).stdout
        return subprocess.run(["cc", "-std=c17", "-D_GNU_SOURCE", "-fsyntax-only", *glib.split(), "-I",
                               BUILD_DIR / "houses" / house, "-I", BUILD_DIR / "houses" / "queue_base", "-xc", "-"],
                              input=source, text=True, capture_output=True, check=False).returncode == 0

    def test_house_sees_itself_and_no_other(self):
        headers = {"mime_shown": "mime/mime.h", "queue_shown": "queue/store.h", "loader_base/outside": "loader/base/clock.h"}
        for house, own in headers.items():
            self.assertTrue(self.compiles(house, own), own)
            for other in set(headers.values()) - {own}:
                with self.subTest(house=house, includes=other):
                    self.assertFalse(self.compiles(house, other))

    def test_house_does_not_show_its_inside(self):
        for house in ["mime", "queue"]:
            headers = sorted((SOURCE_DIR / house).glob("*_internal.h"))
            self.assertTrue(headers)
            for header in headers:
                shown = BUILD_DIR / "houses" / f"{house}_shown" / house / header.name
                self.assertFalse(shown.exists() or shown.is_symlink(), shown)

    def test_foreign_library_is_used_behind_one_wall(self):
        walls = {r"gmime/|libxml|uchardet|libical|openssl|openssl/": "mime/", r"sqlite3\.h": "queue/", r"libetpan": "loader/imap/",
                 r"microhttpd": "loader/serve/",
                 r"curl/": ("loader/imap/", "loader/http/", "loader/certificate/", "loader/oauth/"),
                 r"gnutls/": ("loader/imap/", "loader/certificate/", "loader/oauth/")}
        for folder in ["loader", "queue", "mime"]:
            for path in (SOURCE_DIR / folder).rglob("*.[ch]"):
                name = str(path.relative_to(SOURCE_DIR))
                for include in re.findall(r"(?m)^#include\s+[<\"]([^>\"]+)", path.read_text()):
                    for library, wall in walls.items():
                        if re.search(library, include):
                            self.assertTrue(name.startswith(wall), f"{name} includes {include}")

    def test_only_the_parser_takes_mail_apart(self):
        """Others see of mime/ what needs no library: no more is on their include path."""
        text = (SOURCE_DIR / "CMakeLists.txt").read_text()
        users = [name for name, words in re.findall(r"(?m)^inqueue_room\(([\w/]+)((?:[^)]|\n)*)\)", text)
                 if re.search(r"\bmime\b", words)]
        self.assertEqual(["parser/program"], users)
        for header in (SOURCE_DIR / "mime").glob("*.h"):
            if not (BUILD_DIR / "houses" / "mime_plain" / "mime" / header.name).exists():
                continue
            with self.subTest(header=header.name):
                self.assertTrue(self.compiles("mime_plain", f"mime/{header.name}"))
        self.assertFalse(self.compiles("mime_plain", "mime/mime.h"))

    def test_no_foreign_type_in_a_public_header(self):
        """A header that is included from outside its library's wall needs none."""
        included = set()
        for folder in ["loader", "queue", "mime"]:
            for path in (SOURCE_DIR / folder).rglob("*.c"):
                here = path.parent.relative_to(SOURCE_DIR).parts[:2]
                for include in re.findall(r'(?m)^#include "([^"]+)"', path.read_text()):
                    if pathlib.PurePath(include).parent.parts[:2] != here and (SOURCE_DIR / include).exists():
                        included.add(include)
        self.assertGreater(len(included), 5)
        for header in sorted(included):
            with self.subTest(header=header):
                self.assertNotRegex((SOURCE_DIR / header).read_text(),
                                    r"(?m)^#include <(gmime|libxml|uchardet|libical|sqlite3|libetpan|curl|libsmartcols|microhttpd)")

    def test_top_level_is_as_it_is(self):
        names = subprocess.run(["git", "-C", SOURCE_DIR, "ls-files"], capture_output=True, text=True, check=False)
        found = {name.split("/")[0] for name in names.stdout.splitlines() if not name.startswith(".")}
        if found:
            self.assertLessEqual(found, {"CMakeLists.txt", "CMakePresets.json", "LICENSE", "README.md", "loader", "queue", "mime",
                                         "tests", "samples"})


class Rooms(unittest.TestCase):
    """The rooms of loader/ as CMakeLists.txt names them, lowest first, against what their files include."""

    def setUp(self):
        text = (SOURCE_DIR / "CMakeLists.txt").read_text()
        rooms = re.findall(r"(?m)^inqueue_room\(([\w/]+)((?:[^)]|\n)*)\)", text)
        self.public = {room: re.findall(r"[\w.]+\.h", words.partition("SHOWS")[0].partition("USES")[0])
                       for room, words in rooms}
        self.rank = {room: number for number, (room, _) in enumerate(rooms)}

    def room_of(self, path):
        return str(pathlib.PurePath(path).parent.relative_to("loader"))

    def arrows(self):
        for path in sorted((SOURCE_DIR / "loader").rglob("*.[ch]")):
            name = str(path.relative_to(SOURCE_DIR))
            if self.room_of(name) == ".":
                continue
            for include in re.findall(r'(?m)^#include "(loader/[^"]+)"', path.read_text()):
                if self.room_of(include) != self.room_of(name):
                    yield name, include

    def test_each_folder_is_a_room(self):
        folders = {self.room_of(path.relative_to(SOURCE_DIR)) for path in (SOURCE_DIR / "loader").rglob("*.[ch]")}
        self.assertEqual(folders - {"."}, set(self.rank))

    def test_no_arrow_leads_upwards(self):
        for name, include in self.arrows():
            with self.subTest(file=name, includes=include):
                self.assertLess(self.rank[self.room_of(include)], self.rank[self.room_of(name)])

    def test_an_include_is_written_from_the_top(self):
        """Other ways to write it ("../watch/watch.h", <loader/watch/watch.h>) would pass by the tests of the order."""
        for folder in ["loader", "queue", "mime"]:
            for path in (SOURCE_DIR / folder).rglob("*.[ch]"):
                text = path.read_text()
                with self.subTest(file=str(path.relative_to(SOURCE_DIR))):
                    self.assertEqual([], re.findall(r'(?m)^\s*#\s*include\s*<(?:\.|loader/|queue/|mime/)', text))
                    for include in re.findall(r'(?m)^\s*#\s*include\s*"([^"]+)"', text):
                        self.assertRegex(include, r"^(?:(?:loader|queue|mime)/(?!.*\.\./)|(?:schema_sql|openapi_json)\.h$)")

    def test_rooms_are_entered_by_their_public_headers(self):
        self.assertGreater(len(list(self.arrows())), 100)
        for name, include in self.arrows():
            with self.subTest(file=name):
                self.assertIn(pathlib.PurePath(include).name, self.public[self.room_of(include)])

    def test_inside_headers_stay_inside(self):
        """NAME_internal.h is for the files of its own folder, in every house."""
        found = 0
        for folder in ["loader", "queue", "mime"]:
            for path in (SOURCE_DIR / folder).rglob("*.[ch]"):
                for include in re.findall(r'(?m)^#include "([^"]+_internal\.h)"', path.read_text()):
                    found += 1
                    with self.subTest(file=str(path.relative_to(SOURCE_DIR)), includes=include):
                        self.assertEqual(path.parent, (SOURCE_DIR / include).parent)
        self.assertGreater(found, 10)

    def test_no_public_header_is_public_for_nothing(self):
        used = {include for _, include in self.arrows()}
        for path in (SOURCE_DIR / "loader").glob("*.c"):
            used |= set(re.findall(r'(?m)^#include "(loader/[^"]+)"', path.read_text()))
        headers = {f"loader/{room}/{header}": room for room, names in self.public.items() for header in names}
        for header in list(used):
            used |= {include for include in re.findall(r'(?m)^#include "(loader/[^"]+)"', (SOURCE_DIR / header).read_text())
                     if headers.get(include) == headers.get(header)}
        self.assertEqual(set(), set(headers) - used)

    def test_readme_has_a_line_for_each_room(self):
        readme = (SOURCE_DIR / "README.md").read_text()
        for room in self.rank:
            with self.subTest(room=room):
                self.assertRegex(readme, rf"(?m)^\| `loader/{room}/` \|")


class Clocks(unittest.TestCase):
    def test_no_macro_asks_the_clock(self):
        """MIN, MAX and CLAMP evaluate their arguments twice, and time goes on between: what was checked not to be
        negative may be so the second time, and no wait takes that."""
        for folder in ["loader", "queue", "mime"]:
            for path in (SOURCE_DIR / folder).rglob("*.c"):
                with self.subTest(file=str(path.relative_to(SOURCE_DIR))):
                    self.assertEqual([], re.findall(r"\b(?:MIN|MAX|CLAMP)\([^;]*clock_\w+\(", path.read_text()))


class Comments(unittest.TestCase):
    PIECES = re.compile(r'(/\*.*?\*/|//[^\n]*)|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)

    def test_what_a_comment_names_is_there(self):
        """Files, and functions of our own: a name that has changed would lead its reader nowhere. Those of libraries
        have no underscore, or a prefix that says whose they are."""
        files = [path for folder in ["loader", "queue", "mime"] for path in (SOURCE_DIR / folder).rglob("*.[ch]")]
        texts = {path: path.read_text() for path in files}
        words = set(re.findall(r"\w+", "\n".join(self.PIECES.sub("", text) for text in texts.values())))
        names = {path.name for path in files} | {"sysexits.h"}
        for path, text in texts.items():
            comments = "\n".join(match[1] for match in self.PIECES.finditer(text) if match[1])
            with self.subTest(file=str(path.relative_to(SOURCE_DIR))):
                self.assertEqual(set(), set(re.findall(r"\w+\.[ch]\b", comments)) - names)
                functions = set(re.findall(r"\b([a-z]+_\w+)\(\)", comments)) - words
                self.assertEqual(set(), {name for name in functions if not re.match("mailimap_|curl_|g_", name)})


class Headers(unittest.TestCase):
    def test_labels_of_a_head_begin_their_line(self):
        """"Errors:" and its like stand in a column; a formatter that fills lines would hide them."""
        labels = "Life|Errors|Threads|Ownership|Memory|Units|Times|Source|Deadlines|Names|Sandbox|Durable"
        for folder in ["loader", "queue", "mime"]:
            for path in (SOURCE_DIR / folder).rglob("*.h"):
                head = re.match(r"/\*.*?\*/", path.read_text(), re.DOTALL)
                with self.subTest(header=str(path.relative_to(SOURCE_DIR))):
                    self.assertNotRegex(head[0] if head else "", rf"(?m)^ \* .*[.;)] (?:{labels}): {{1,}}\w")

    def test_labels_of_a_head_are_one_column(self):
        """Behind a line that is empty, each in a line of its own, what they say one below the other."""
        label = re.compile(r" \* [A-Z]\w+(?: [a-z]+)?: +(?=\S)")
        for folder in ["loader", "queue", "mime"]:
            for path in (SOURCE_DIR / folder).rglob("*.h"):
                head = re.match(r"/\*\n.*?\*/", path.read_text(), re.DOTALL)
                lines = head[0].splitlines() if head else []
                places = [at for at, line in enumerate(lines) if label.match(line)]
                with self.subTest(header=str(path.relative_to(SOURCE_DIR))):
                    self.assertLessEqual(len({label.match(lines[at]).end() for at in places}), 1)
                    for at in places[:1]:
                        self.assertEqual(" *", lines[at - 1])
                    for at in places[1:]:
                        self.assertRegex(lines[at - 1], r"^ \* +\S")


if __name__ == "__main__":
    unittest.main()
