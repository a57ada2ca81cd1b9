"""What the programs are made of: their symbols, how they are hardened, the version that they tell."""

import pathlib
import re
import subprocess
import unittest

from inqueue import PROGRAM, SOURCE_DIR, Case


class Programs(Case):
    def symbols(self, path, *options):
        output = subprocess.run(["nm", "--defined-only", *options, path], capture_output=True, text=True, check=True)
        return {line.split()[2] for line in output.stdout.splitlines() if len(line.split()) == 3}

    def test_none_of_libetpans_is_ours(self):
        library = re.search(r"libetpan\S* => (\S+)",
                            subprocess.run(["ldd", PROGRAM], capture_output=True, text=True, check=True).stdout)[1]
        clash = self.symbols(library, "-D") & self.symbols(PROGRAM, "--extern-only")
        self.assertEqual(set(), {name for name in clash if not name.startswith("_")})

    def test_programs_are_hardened(self):
        """Tables of functions cannot be written once the program runs, nothing on a stack is executed, its place in memory
        is random, and what a fault writes over a stack's end is noticed. With sanitizers a program lies at one place, as it
        starts sooner there."""
        for program in [PROGRAM, pathlib.Path(PROGRAM).with_name("inqueue-parser")]:
            with self.subTest(program=str(program)):
                told = subprocess.run(["readelf", "-dlW", "--dyn-syms", program], capture_output=True, text=True,
                                      check=True).stdout
                anywhere = "" if "__asan_init" in told else " PIE"
                self.assertRegex(told, rf"\(FLAGS_1\) +Flags: NOW{anywhere}\n")
                self.assertRegex(told, r"GNU_STACK .* RW ")
                self.assertIn("GNU_RELRO", told)
                self.assertIn("__stack_chk_fail", told)

    def test_version(self):
        """Of program, schema and libraries, as doctor has them; semantic versions from 0.2.0 on."""
        program, schema, libraries, parser = self.inqueue("--version").stdout.splitlines()
        number = re.fullmatch(r"inqueue (\d+\.\d+\.\d+)", program)[1]
        self.assertIn(f"project(inqueue VERSION {number} ", (SOURCE_DIR / "CMakeLists.txt").read_text())
        self.inqueue("queue", "create", "invoices", "--external-source", "File")
        self.assertEqual([(int(schema.removeprefix("schema ")),)], self.sql("PRAGMA user_version"))
        told = [tuple(line.split(maxsplit=2)[1:]) for line in self.inqueue("doctor").stdout.splitlines()]
        self.assertEqual([words for what, words in told if what == "library"],
                         libraries.removeprefix("libraries: ").split(", "))
        self.assertIn(("parser", f"inqueue-parser {number}, {parser.removeprefix('parser: ')}"), told)


if __name__ == "__main__":
    unittest.main()
