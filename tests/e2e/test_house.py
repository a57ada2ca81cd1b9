"""The house: each library keeps behind its wall, and no symbol of ours shadows one of libetpan's."""

import os
import pathlib
import re
import subprocess
import unittest

from inqueue import PROGRAM, SOURCE_DIR, Case

BUILD_DIR = pathlib.Path(os.environ.get("BUILD_DIR") or pathlib.Path(PROGRAM).parent)


class Walls(unittest.TestCase):
    def compiles(self, house, include):
        source = f'#include "{include}"\n'
        return subprocess.run(["cc", "-std=c17", "-D_GNU_SOURCE", "-fsyntax-only", "-I", BUILD_DIR / "houses" / house,
                               "-xc", "-"], input=source, text=True, capture_output=True, check=False).returncode == 0

    def test_house_sees_itself_and_no_other(self):
        headers = {"mime": "mime/mime.h", "queue": "queue/store.h", "loader": "loader/base/error.h"}
        for house, own in headers.items():
            self.assertTrue(self.compiles(house, own), own)
            for other in set(headers.values()) - {own}:
                with self.subTest(house=house, includes=other):
                    self.assertFalse(self.compiles(house, other))

    def test_foreign_library_is_used_behind_one_wall(self):
        walls = {r"gmime/|libxml|uchardet": "mime/", r"sqlite3\.h": "queue/", r"libetpan": "loader/imap/",
                 r"curl/": ("loader/imap/", "loader/http/")}
        for folder in ["loader", "queue", "mime"]:
            for path in (SOURCE_DIR / folder).rglob("*.[ch]"):
                name = str(path.relative_to(SOURCE_DIR))
                for include in re.findall(r"(?m)^#include\s+[<\"]([^>\"]+)", path.read_text()):
                    for library, wall in walls.items():
                        if re.search(library, include):
                            self.assertTrue(name.startswith(wall), f"{name} includes {include}")

    def test_no_foreign_type_in_a_public_header(self):
        """A header that another folder includes needs none."""
        included = set()
        for folder in ["loader", "queue", "mime"]:
            for path in (SOURCE_DIR / folder).rglob("*.c"):
                here = path.parent.relative_to(SOURCE_DIR)
                for include in re.findall(r'(?m)^#include "([^"]+)"', path.read_text()):
                    if pathlib.PurePath(include).parent != here and (SOURCE_DIR / include).exists():
                        included.add(include)
        self.assertGreater(len(included), 5)
        for header in sorted(included):
            with self.subTest(header=header):
                self.assertNotRegex((SOURCE_DIR / header).read_text(),
                                    r"(?m)^#include <(gmime|libxml|uchardet|sqlite3|libetpan|curl|jansson|libsmartcols)")

    def test_top_level_is_as_it_is(self):
        names = subprocess.run(["git", "-C", SOURCE_DIR, "ls-files"], capture_output=True, text=True, check=False)
        found = {name.split("/")[0] for name in names.stdout.splitlines() if not name.startswith(".")}
        if found:
            self.assertLessEqual(found, {"CMakeLists.txt", "CMakePresets.json", "README.md", "loader", "queue", "mime",
                                         "tests", "samples"})


class Symbols(Case):
    def symbols(self, path, *options):
        output = subprocess.run(["nm", "--defined-only", *options, path], capture_output=True, text=True, check=True)
        return {line.split()[2] for line in output.stdout.splitlines() if len(line.split()) == 3}

    def test_none_of_libetpans_is_ours(self):
        library = re.search(r"libetpan\S* => (\S+)",
                            subprocess.run(["ldd", PROGRAM], capture_output=True, text=True, check=True).stdout)[1]
        clash = self.symbols(library, "-D") & self.symbols(PROGRAM, "--extern-only")
        self.assertEqual(set(), {name for name in clash if not name.startswith("_")})

    def test_version(self):
        self.assertRegex(self.inqueue("--version").stdout, r"\Ainqueue \d+\.\d+\.\d+\n\Z")


if __name__ == "__main__":
    unittest.main()
