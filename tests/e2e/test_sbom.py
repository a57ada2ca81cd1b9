"""samples/debian/sbom: what the package says the programs are linked with is what the dynamic loader loads with them."""

import hashlib
import json
import os
import pathlib
import re
import subprocess
import unittest

from inqueue import PROGRAM, SOURCE_DIR, Case

PROGRAMS = [pathlib.Path(PROGRAM), pathlib.Path(PROGRAM).with_name("inqueue-parser")]
SANITIZERS = re.compile(r"lib[alut]b?san\.so")


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def named(program):
    return {name for name in re.findall(r"\(NEEDED\).*\[(.+)\]", output("readelf", "-dW", program))
            if not SANITIZERS.match(name)}


class Sbom(Case):
    def stand_in(self, program):
        """A program that is linked with the same libraries, but without the sanitizers, which no package brings."""
        target = self.folder / program.name
        subprocess.run(["cc", "-xc", "-", "-o", target, "-Wl,--no-as-needed", *(f"-l:{name}" for name in sorted(named(program)))],
                       input="int main(void) { return 0; }", text=True, check=True)
        self.assertEqual(named(program), named(target))
        return target

    def test_every_library_is_listed_with_its_package(self):
        programs = [self.stand_in(program) for program in PROGRAMS]
        result = subprocess.run([SOURCE_DIR / "samples" / "debian" / "sbom", "1.2.3", *programs], capture_output=True, text=True,
                                env={**os.environ, "SOURCE_DATE_EPOCH": "1"}, check=True)
        document = json.loads(result.stdout)
        listed = {file["fileName"]: file for file in document["files"]}
        loaded = {}
        for program in programs:
            for line in output("ldd", program).splitlines():
                if path := re.search(r"(/\S+) \(", line):
                    loaded[line.split()[0].rpartition("/")[2]] = pathlib.Path(path[1]).resolve()
        self.assertGreater(len(loaded), 40)
        self.assertEqual(set(loaded), set(listed))
        for name, path in loaded.items():
            digests = {sum["algorithm"]: sum["checksumValue"] for sum in listed[name]["checksums"]}
            self.assertEqual(hashlib.sha256(path.read_bytes()).hexdigest(), digests["SHA256"])
        linked = {relation["relatedSpdxElement"] for relation in document["relationships"]
                  if relation["relationshipType"] == "DYNAMIC_LINK"}
        self.assertEqual({listed[name]["SPDXID"] for program in programs for name in named(program)}, linked)

        self.check_packages(document)

    def check_packages(self, document):
        """Each has the version that is installed and a licence; each identifier that is used stands for something."""
        ours, *others = sorted(document["packages"], key=lambda package: package["name"] != "inqueue")
        self.assertEqual(("1.2.3", "MIT"), (ours["versionInfo"], ours["licenseDeclared"]))
        installed = dict(re.findall(r"(?m)^(\S+) (\S+)$", output("dpkg-query", "-W", "-f", "${Package} ${Version}\n")))
        for package in others:
            with self.subTest(package=package["name"]):
                self.assertTrue(pathlib.Path(package["licenseComments"]).is_file())
                self.assertEqual(installed[package["name"]], package["versionInfo"])
        known = {thing["SPDXID"] for thing in [document, *document["packages"], *document["files"]]}
        for relation in document["relationships"]:
            self.assertLessEqual({relation["spdxElementId"], relation["relatedSpdxElement"]}, known)

    def test_a_library_that_is_missing(self):
        """No document is better than one that lacks something."""
        library = self.folder / "libgone.so"
        subprocess.run(["cc", "-shared", "-xc", "-", "-o", library], input="", text=True, check=True)
        program = self.folder / "program"
        subprocess.run(["cc", "-xc", "-", "-o", program, "-Wl,--no-as-needed", f"-L{self.folder}", "-l:libgone.so"],
                       input="int main(void) { return 0; }", text=True, check=True)
        library.unlink()
        result = subprocess.run([SOURCE_DIR / "samples" / "debian" / "sbom", "1", program], capture_output=True, text=True, check=False)
        self.assertEqual((1, ""), (result.returncode, result.stdout))
        self.assertIn("libgone.so, which is not installed", result.stderr)


if __name__ == "__main__":
    unittest.main()
