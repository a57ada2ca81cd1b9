"""Scripts of actions over one session, and the examples of the manual, run as printed."""

import re
import shlex
import tempfile
import unittest

import certificates
import manual
from inqueue import IO, NO, PROTOCOL, SOURCE_DIR, USAGE, ServerCase, message, messages
from mail_case import PASSWORD, MailCase, OnCyrus, OnDovecot, json_lines
from proxy import CLIENT, SERVER, Proxy
from servers import Dovecot


class Script(MailCase):
    def script(self, text, *more, **options):
        return self.mail("script", self.file("script", text), *more, **options)

    def test_lines(self):
        self.deliver(*messages(3))
        lines = json_lines(self.script("# a comment\n\n  createFolder --folder 'Done 2026'\n"
                                       "moveMail --uid 1,2 --new-folder \"Done 2026\"\nGETHEADERONLY --columns subject\n"
                                       "getHeaderOnly --folder 'Done 2026' --columns body", "--json", expect=USAGE))
        self.assertEqual([(3, "createFolder"), (4, "moveMail"), (5, "getHeaderOnly"), (6, "getHeaderOnly")],
                         [(line["line"], line["action"]) for line in lines])
        self.assertEqual(["Invoice 3"], [row["subject"] for row in lines[2]["rows"]])
        self.assertEqual([None, None, None], [line["error"] for line in lines[:3]])
        self.assertRegex(lines[3]["error"], "line 6: --columns: 'body'")

    def test_tables_and_standard_input(self):
        self.deliver(message("Shown"))
        result = self.mail("script", "-", stdin="listAllFolders\ngetHeaderOnly\n")
        self.assertRegex(result.stdout, r"FOLDER\n.*INBOX\n *NUMBER .*\n.* Shown\n")

    def left_to(self, script, current="."):
        log = self.folder / "log"
        self.inqueue("mail", "script", script, *self.account(), env={"ASAN_OPTIONS": "detect_leaks=0"},
                     wrap=["env", "-C", current, "strace", "-f", "-qq", "-y", "-o", log, "-e", "trace=landlock_add_rule"])
        return log.read_text()

    def test_only_what_the_lines_of_a_file_name_is_left_to_it(self):
        """landlock(7): who hears the server may write to these folders, and not everywhere."""
        (self.folder / "taken").mkdir()
        self.deliver(message("Whole"))
        mail = self.file("other.eml", message("Appended").as_string())
        text = (f"getAll --attachment-path {self.folder}/taken/new\n"
                '{"action": "append", "file": "%s"}\n' % mail)
        left = self.left_to(self.file("script", text))
        if left:
            self.assertIn(f"<{self.folder}/taken>", left)
            self.assertIn(f"<{mail}>", left)
            self.assertNotIn("</>", left)
        self.assertEqual(2, len(self.flags()))

    def test_lines_of_a_pipe_name_files_in_one_folder(self):
        """They come when the server was heard. A link in it leads out of it, too."""
        self.deliver(message("Whole"))
        inside, outside = self.folder / "inside", self.folder / "outside"
        (inside / "there").mkdir(parents=True)
        outside.mkdir()
        (inside / "link").symlink_to(outside)
        mail = self.file("other.eml", message("Appended").as_string())
        for lines in [f"getAll --attachment-path {outside}/new\n", f"getAll --attachment-path {inside}/link/new\n",
                      f"getAll --attachment-path {inside}/../outside\n", f"append {mail}\n"]:
            for current, more in [(inside, []), (self.folder, ["--attachment-path", inside])]:
                with self.subTest(lines=lines, current=current):
                    result = self.mail("script", "-", *more, stdin=lines, expect=USAGE, wrap=["env", "-C", current])
                    self.assertRegex(result.stderr, "line 1: '.*' does not lie in '.*/inside', and lines that come through")
        self.assertEqual([], list(outside.iterdir()))
        self.mail("script", "-", stdin="getAll --attachment-path there\n", wrap=["env", "-C", inside])
        self.mail("script", "-", "--attachment-path", outside / "made",
                  stdin=f"getAll --attachment-path {outside}/made/new\n")
        self.assertEqual(1, len(self.flags()))
        left = self.left_to("-", current=inside)
        if left:
            self.assertIn(f"<{inside}>", left)
            self.assertNotIn("</>", left)

    def test_lines_of_json(self):
        self.deliver(*messages(4))
        self.create("Done")
        text = ('{"action": "moveMail", "uid": [1, "3"], "newFolder": "Done", "recurse": null, "all": false}\n'
                '{"action": "getheaderonly", "MaxRows": 1, "columns": "subject"}\n'
                '{"action": "markRead", "dry-run": true, "messageNumber": 1}\n')
        lines = json_lines(self.mail("script", "-", "--json", stdin=text))
        self.assertEqual(["1,3"], [row["uid"] for row in lines[0]["rows"]])
        self.assertEqual([{"subject": "Invoice 2"}], [{"subject": row["subject"]} for row in lines[1]["rows"]])
        self.assertEqual((True, [set(), set()]), (lines[2]["rows"][0]["dryRun"], self.flags()))
        file = self.folder / "--odd.eml"
        file.write_bytes(bytes(message("Odd")))
        self.mail("script", "-", stdin='{"action": "append", "file": "--odd.eml"}\n')
        self.assertEqual(["Invoice 2", "Invoice 4", "Odd"], self.subjects())

    def test_json_that_is_no_action(self):
        for line, code, says in [('{"action": "markRead"', 65, "line 1: not JSON: "), ('{"uid": 1}', USAGE, 'line 1: there is no "action" in it'),
                                 ('{"action": "frob"}', USAGE, "line 1: 'frob' is no action of a script"),
                                 ('{"action": "markRead", "uid": {}}', USAGE, "line 1: 'uid' takes a text, a number, a list of these, true or false"),
                                 ('{"action": "markRead", "uidd": 1}', USAGE, "line 1: unknown option --uidd: did you mean --uid?")]:
            with self.subTest(line=line):
                self.assertIn(f"inqueue: {says}", self.mail("script", "-", stdin=line + "\n", expect=code).stderr)

    def test_stops_at_the_first_error(self):
        self.deliver(message())
        text = "getHeaderOnly --folder Nowhere\nmarkRead\n"
        result = self.script(text, expect=NO)
        self.assertRegex(result.stderr, r"\Ainqueue: line 1: getHeaderOnly: folder 'Nowhere' does not exist.*\n\Z")
        self.assertEqual([set()], self.flags())

    def test_goes_on(self):
        self.deliver(message())
        text = "getHeaderOnly --folder Nowhere\nfrobnicate\nmarkRead\ngetAll --uid 'unclosed\n"
        result = self.script(text, "--stop-on-error", "no", "--json", expect=NO)
        self.assertEqual([(1, True), (2, True), (3, False)], [(line["line"], bool(line["error"]))
                                                              for line in json_lines(result)])
        self.assertRegex(result.stderr, r"line 2: 'frobnicate' is no action.*\n.*line 4:")
        self.assertEqual([{"\\Seen"}], self.flags())

    def test_asks_and_dry_run(self):
        self.deliver(message())
        self.script("delete --uid 1\n", expect=USAGE)
        self.script("delete --uid 1\n", "--yes", "--dry-run")
        self.assertEqual(1, len(self.subjects()))
        self.script("delete --uid 1\n", "--yes")
        self.assertEqual([], self.subjects())

    def test_words_that_do_not_belong_into_a_line(self):
        for line in ["markRead --server x", "getAll --csv", "open x", "script -", "markRead extra", "markRead --frob"]:
            with self.subTest(line=line):
                self.script(line + "\n", expect=USAGE)
        self.mail("script", self.folder / "missing", expect=IO)
        self.script("markRead " + "x" * 70000, expect=65)

    def test_over_an_opened_connection(self):
        self.mail("open", "work", *self.account())
        self.mail("script", "-", "--connection", "work", stdin="listAllFolders\n" * 3)
        self.assertEqual((1, 1), tuple(self.connections()[0][name] for name in ["uses", "sign_ins"]))

    def test_sample(self):
        self.deliver(*messages(4))
        self.mail("script", SOURCE_DIR / "samples" / "mailbox-script")
        self.assertEqual(["Invoice 1", "Invoice 2"], self.subjects("Done/March 2026"))
        self.assertEqual(2, len(self.subjects()))


class DovecotScript(OnDovecot, Script):
    def test_session_that_dies_is_opened_again(self):
        self.deliver(message())
        with Proxy(self.server.port) as proxy:
            proxy.cut(CLIENT, rb"UID STORE", forward=False)
            account = self.account()
            account[3] = proxy.port
            result = self.mail("script", "-", *account, "--stop-on-error", "no", "--json", stdin="markRead\n" * 2,
                               expect=69)
        self.assertEqual([True, False], [bool(line["error"]) for line in json_lines(result)])
        self.assertEqual([{"\\Seen"}], self.flags())

    def test_refusal_does_not_end_the_session(self):
        self.deliver(message())
        with Proxy(self.server.port) as proxy:
            proxy.replace(SERVER, rb"OK Store completed", b"NO Store  refused!")
            account = self.account()
            account[3] = proxy.port
            self.mail("script", "-", *account, "--stop-on-error", "no", stdin="markRead --stop-on-error yes\n" * 2,
                      expect=PROTOCOL)
            self.assertEqual(1, proxy.connections)


class CyrusScript(OnCyrus, Script):
    pass


class Printed(ServerCase):
    """Its examples, each in its turn; the server stands for imap.example.com."""

    @classmethod
    def make_server(cls):
        cls.authority = certificates.Authority(cls.enterClassContext(tempfile.TemporaryDirectory()))
        return Dovecot(certificate=cls.authority.issue())

    def setUp(self):
        super().setUp()
        self.user = "ann@example.com"
        self.server.add_user(self.user, PASSWORD)
        word = self.folder / "home" / ".imap-password"
        word.write_text(PASSWORD + "\n")
        word.chmod(0o600)
        (self.folder / "run").mkdir(mode=0o700)
        self.environment.update({"XDG_RUNTIME_DIR": str(self.folder / "run"), "MAIL_PASSWORD": PASSWORD})
        self.create_queue(user=self.user, url="localhost", caFile=self.authority.certificate)

    def examples(self):
        text = manual.section(manual.page("inqueue-mail.1"), "DESCRIPTION")
        names, examples = set(), []
        for head, body in manual.items(text):
            found = [name for name in manual.named(body) if name.startswith("inqueue mail")]
            if found:
                names.update(manual.named(head))
                examples += found[:1]
        return names, examples + [line for block in manual.examples(text)
                                  for line in re.findall(r"(?m)^inqueue mail .*$", block)]

    def words(self, example):
        home = str(self.folder / "home")
        example = example.replace("--server imap.example.com", f"--server localhost --ca-file {self.authority.certificate}")
        example = example.replace("--port 993 ", "").replace("~", home)
        example = example.replace("pass show imap", f"cat {home}/.imap-password")
        words = shlex.split(example)[1:]
        if "--server" in words:
            words += ["--port", self.server.tls_port]
        return words

    def test_examples_run_as_printed(self):
        made = message("With a file")
        made.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="a.pdf")
        self.deliver(*messages(29), made)
        with self.look() as mailbox:
            mailbox.create("Done")
        names, examples = self.examples()
        self.assertEqual(set(
            "open close getHeaderOnly getAll markRead delete moveMail createFolder deleteFolder renameFolder "
            "listAllFolders connection server port secure username password timeout folder newFolder uid messageNumber "
            "startRow maxRows Subject From To Flag TimeReceived TimeSent recurse attachmentPath generateUniqueFilenames stopOnError name".split()), names)
        self.file("invoice.eml", "Subject: Appended\n\nx\n")
        for example in sorted(examples, key=lambda example: " close " in example):
            with self.subTest(example=example):
                self.inqueue(*self.words(example))
        self.assertEqual(2, len(list((self.folder / "home" / "attachments").iterdir())))
        self.assertIn("Appended", self.subjects())
        self.assertEqual(["DONE"], [name.upper() for name in self.folders() if name != "INBOX"])


del Script

if __name__ == "__main__":
    unittest.main()
