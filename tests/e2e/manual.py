"""The pages of the manual as they are installed, read for tests: sections, lists, examples."""

import os
import pathlib
import re

from inqueue import PROGRAM

MANUAL = pathlib.Path(os.environ.get("BUILD_DIR") or pathlib.Path(PROGRAM).parent) / "share" / "man"


def pages():
    """Names of all pages that are no alias: "inqueue.1"."""
    paths = sorted(MANUAL.glob("man?/*"))
    return [path.name for path in paths if not path.read_text(encoding="utf-8").startswith(".so ")]


def page(name):
    """Its source, with what the build has filled in; "inqueue-load.1"."""
    return (MANUAL / f"man{name[-1]}" / name).read_text(encoding="utf-8")


def section(text, title):
    """What stands below .Sh or .Ss TITLE, up to the next heading of its level or above."""
    level, rest = re.search(rf"(?m)^\.S([hs]) {re.escape(title)}\n(.*)", text, re.DOTALL).groups()
    return re.split(r"(?m)^\.Sh " if level == "h" else r"(?m)^\.S[hs] ", rest)[0]


def plain(text):
    """Characters instead of escapes."""
    for escape, character in {r"\&": "", r"\(aq": "'", r"\(ga": "`", r"\(dq": '"', r"\-": "-", r"\e": "\\"}.items():
        text = text.replace(escape, character)
    return re.sub(r"\\\[u([0-9A-F]+)\]", lambda found: chr(int(found[1], 16)), text)


def words(text):
    """Text without macros, in one line."""
    lines = []
    for line in text.splitlines():
        if line.startswith(".\\\""):
            continue
        if line.startswith("."):
            line = re.sub(r"\bFl (?=\S)", "-", line)
            line = re.sub(r"^\.?(?:[A-Z][a-z]\b ?|-\w+ )*", "", line[1:])
            line = re.sub(r" (?:Ns|No|Ar|Cm|Ic|Pa|Ev|Ql|Po|Pc|Xr|Em|Sy|Ta)\b", "", line).replace('"', "")
            line = re.sub(r" ([.,:;)])(?= |$)", r"\1", line)
        lines.append(plain(line))
    return " ".join(" ".join(lines).split())


def named(text):
    """What stands in the macros of names: literals, commands, options."""
    found = re.findall(r'\b(?:Ql|Ic|Cm|Pa|Ev) (?:[(\[] )*("[^"]+"|\S+)', text)
    return [plain(name.strip('"')) for name in found] + [f"-{plain(name)}" for name in re.findall(r"\bFl (\S+)", text)]


def items(text):
    """(head, body) of the items of lists, as macros."""
    found = re.findall(r"(?ms)^\.It ?([^\n]*)\n(.*?)(?=^\.It\b|^\.El)", text)
    return [(plain(head), body) for head, body in found]


def examples(text, language="sh"):
    """What an example prints, as it is shown."""
    blocks = re.findall(rf'(?ms)^\.\\" {language}\n\.Bd -literal[^\n]*\n(.*?)^\.Ed', text)
    return [plain(block) for block in blocks]
