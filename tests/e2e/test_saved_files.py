"""Files for operators: saved where they are wanted and nowhere else, whoever else is on the machine."""

import os
import pathlib
import unittest

from entries import EntryCase
from inqueue import CONFIGURATION, IO, USAGE
from mail_case import MailCase, OnDovecot
from test_mail_read import with_attachments

OTHER = 4711
ODD = {"-rf": "_-rf", "~root": "_~root", "COM¹.txt": "_COM¹.txt", "NUL.txt": "_NUL.txt", "a／b.pdf": "a_b.pdf",
       "name.exe. .": "name.exe", "Re\u0301sume\u0301.pdf": "Résumé.pdf", "../../x": "x"}


@unittest.skipUnless(os.geteuid() == 0, "only root makes files of other users")
class Saved:
    """What holds for each command that saves files; a subclass says how one is told to."""

    def setUp(self):
        super().setUp()
        self.folder.chmod(0o755)
        self.planted = self.folder / "planted"
        self.planted.mkdir()
        self.planted.chmod(0o755)

    def give(self, path):
        os.chown(path, OTHER, OTHER, follow_symlinks=False)
        return path

    def left(self, folder):
        return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))

    def test_folder_of_another_user(self):
        self.give(self.planted)
        self.refused(self.planted, says=["planted", f"belongs to user {OTHER}", "a folder of your own"])
        self.assertEqual([], self.left(self.planted))
        self.save(self.planted, "--trust-owner")

    def test_folder_that_others_may_write(self):
        self.planted.chmod(0o777)
        self.refused(self.planted, says="mode 0777")
        self.planted.chmod(0o1777)
        self.save(self.planted)

    def test_link_of_another_user(self):
        """Wherever it stands on the way; one of our own is followed."""
        mine = self.folder / "mine"
        mine.mkdir()
        link = self.planted / "link"
        link.symlink_to(mine)
        self.save(link / "first")
        self.give(link)
        for path in [link, link / "second", link / ".." / "second"]:
            self.refused(path, "--trust-owner", says="'link' is a link of another user")
        self.assertFalse((mine / "second").exists())

    def test_names_that_are_planted(self):
        """In a sticky folder anybody may plant a name: it is neither followed nor written to."""
        self.planted.chmod(0o1777)
        target = self.folder / "target"
        target.write_text("precious")
        for name in self.names():
            path = self.planted / name
            path.parent.mkdir(exist_ok=True)
            path.symlink_to(target)
            self.give(path)
        self.run_again(self.planted)
        self.assertEqual("precious", target.read_text())

    def test_private_unless_told(self):
        before = os.umask(0)
        try:
            paths = self.save(self.folder / "new" / "deep")
            self.assertEqual({0o600}, {path.stat().st_mode & 0o7777 for path in paths})
            self.assertEqual([0o700] * 2, [(self.folder / name).stat().st_mode & 0o777 for name in ["new", "new/deep"]])
            paths = self.save(self.folder / "shared", "--mode", "640")
            self.assertEqual({0o640}, {path.stat().st_mode & 0o7777 for path in paths})
        finally:
            os.umask(before)
        for mode in ["9", "u+r", "1777", ""]:
            self.refused(self.folder / "no", "--mode", mode, code=USAGE, says="--mode takes an octal number")

    def test_names(self):
        paths = self.save(self.folder / "odd", names=list(ODD))
        self.assertLessEqual({path.name for path in paths}, set(ODD.values()))
        self.assertGreaterEqual(len(paths), len(ODD) - 1)

    def test_names_that_are_one_on_other_systems(self):
        paths = self.save(self.folder / "fold", *self.numbered, names=["A.pdf", "a.PDF", "ａ.pdf"])
        self.assertEqual(3, len({path.name.casefold() for path in paths}))


class EntrySaved(Saved):
    numbered = ()

    def entry(self, names):
        entry, = self.put()
        names = [name for name in names if "/" not in name]  # the loader keeps no others
        with_data = {f"n{number}": b"data" for number, _ in enumerate(names)}
        self.attach(entry, **with_data)
        for position, name in enumerate(names, 1):
            self.change("UPDATE attachment SET file_name = ? WHERE entry_id = ? AND position = ?", name, entry, position)
        return entry

    def names(self):
        return ["a.pdf"]


class Save(EntrySaved, EntryCase):
    def save(self, folder, *options, names=("a.pdf",)):
        return [pathlib.Path(found["path"])
                for found in self.json_lines("save", self.entry(names), "--to", folder, "--json", *options)]

    def refused(self, folder, *options, says, code=CONFIGURATION):
        self.fails(code, "save", self.entry(["a.pdf"]), "--to", folder, *options, says=says)

    def run_again(self, folder):
        self.fails(IO, "save", self.entry(["a.pdf"]), "--to", folder, says="exists already")


@unittest.skipUnless(os.geteuid() == 0, "only root makes files of other users")
class Work(EntryCase):
    def test_temporary_folder_of_another_user(self):
        """Its owner could put other files in place of the entry's."""
        entry, = self.put()
        planted = self.folder / "planted"
        planted.mkdir()
        for mode, owner in [(0o755, OTHER), (0o777, 0)]:
            os.chown(planted, owner, owner)
            planted.chmod(mode)
            self.fails(CONFIGURATION, "work", "invoices", "--until-empty", "--", "true", env={"TMPDIR": str(planted)},
                       says="temporary folder: folder '.*planted'")
            self.assertEqual(("new", []), (self.state(entry), self.left(planted)))

    def left(self, folder):
        return list(folder.iterdir())


class Claim(EntrySaved, EntryCase):
    def save(self, folder, *options, names=("a.pdf",)):
        self.entry(names)
        return [pathlib.Path(found["path"]) for found in self.claim("--attachments", folder, *options)["attachments"]]

    def refused(self, folder, *options, says, code=CONFIGURATION):
        self.entry(["a.pdf"])
        self.fails(code, "claim", "invoices", "--attachments", folder, *options, says=says)
        self.assertEqual({"new"}, set(self.states()) - {"claimed"})
        self.change("DELETE FROM entry_status WHERE state = 'new'")

    def names(self):
        return ["1/a.pdf"]

    def run_again(self, folder):
        path, = self.save(folder)
        self.assertEqual("a (2).pdf", path.name)

    def test_an_entry_that_is_claimed_again_replaces_nothing(self):
        self.entry(["a.pdf"])
        for expected, options in [("a.pdf", []), ("a (2).pdf", []), ("a.pdf", ["--overwrite"])]:
            claimed = self.claim("--attachments", self.folder / "files", *options)
            self.assertEqual(expected, pathlib.Path(claimed["attachments"][0]["path"]).name)
            self.inqueue("release", claimed["id"], "--token", claimed["lease_token"])


class GetAll(Saved, OnDovecot, MailCase):
    numbered = ("--generate-unique-filenames",)
    count = 0

    def newest(self, names):
        self.deliver(with_attachments(*names))
        self.count += 1
        return ["--message-number", self.count]

    def save(self, folder, *options, names=("a.pdf",)):
        row, = self.rows("getAll", "--attachment-path", folder, *self.newest(names), *options)
        return [pathlib.Path(path) for path in row["attachmentFiles"]]

    def refused(self, folder, *options, says, code=CONFIGURATION):
        self.refuses(code, "getAll", "--attachment-path", folder, *self.newest(["a.pdf"]), *options, says=says)

    def names(self):
        return ["a.pdf"]

    def run_again(self, folder):
        self.refused(folder, code=IO, says=["exists already", "--overwrite"])


if __name__ == "__main__":
    unittest.main()
