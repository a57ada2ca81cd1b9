"""Work queues as the operator defines them: create, alter, list, show, drop, pause, resume, check, apply."""

import re
import stat
import tempfile
import unittest

import certificates
from inqueue import CONFIGURATION, DATA, IO, NO, USAGE, Case, ServerCase, message, messages
from servers import Dovecot

PLAIN = "url=imap.example.com;ssl=True"


class DefinitionCase(Case):
    """Definitions without a server: nothing connects anywhere."""

    def create(self, name="invoices", string=PLAIN, *more, **options):
        return self.inqueue("queue", "create", name, "--class", "Mail", "--external-source", "IMAP",
                            "--connection-string", string, "--user-name", "robot@example.com",
                            "--password-env", "PASSWORD", *more, **options)

    def refused(self, code, string, says):
        self.fails(code, "queue", "create", "invoices", "--connection-string", string, "--user-name", "robot",
                   "--password-env", "PASSWORD", says=["queue 'invoices'", *says])
        self.assertFalse(self.database.exists(), "a refused definition makes no database")

    def show(self, name="invoices"):
        return self.inqueue("queue", "show", name, "--json").json()


class Definition(DefinitionCase):
    def test_created_queue_is_shown_as_it_was_defined(self):
        self.assertEqual("", self.create().stdout)
        shown = self.show()
        self.assertEqual(("invoices", "Mail", "IMAP", PLAIN, "robot@example.com", "env", "PASSWORD", False),
                         tuple(shown[key] for key in ("name", "class", "external_source", "connection_string",
                                                      "user_name", "credential_source", "credential_reference",
                                                      "paused")))
        self.assertRegex(shown["record_created"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
        self.assertRegex(self.inqueue("queue", "show", "invoices").stdout, r"connection string +url=imap\.example")

    def test_database_is_private(self):
        deep = self.folder / "new" / "folder" / "inqueue.db"
        self.create(env={"INQUEUE_DATABASE": str(deep)})
        self.assertEqual(0o600, stat.S_IMODE(deep.stat().st_mode))
        self.assertEqual(0o700, stat.S_IMODE(deep.parent.stat().st_mode))

    def test_database_option_comes_before_the_environment(self):
        other = self.folder / "other.db"
        self.inqueue("--database", other, "queue", "create", "q", "--connection-string", PLAIN, "--user-name", "u",
                     "--password-env", "P")
        self.assertFalse(self.database.exists())
        self.assertEqual("q", self.inqueue("--database", other, "queue", "list", "--json").json()["name"])

    def test_list_is_a_table_or_json_lines(self):
        self.create("b")
        self.create("a")
        lines = self.inqueue("queue", "list").stdout.splitlines()
        self.assertEqual(3, len(lines))
        self.assertRegex(lines[0], "NAME.*STATE.*CONNECTION STRING")
        self.assertEqual(["a", "b"], [line.split()[0] for line in lines[1:]])
        self.assertEqual(2, self.inqueue("queue", "list", "--json").stdout.count("\n"))

    def test_name_is_taken_once(self):
        self.create()
        self.fails(NO, "queue", "create", "invoices", "--connection-string", PLAIN, "--user-name", "u",
                   "--password-env", "P", says="'invoices'")

    def test_names_that_are_refused(self):
        for name in ["", "a b", "a/b", "a\nb", "x" * 101]:
            with self.subTest(name=name):
                result = self.inqueue("queue", "create", name, "--connection-string", PLAIN, "--user-name", "u",
                                      "--password-env", "P", expect=DATA)
                self.assertEqual(1, result.stderr.count("\n"))
        self.create("Rechnungen-2026_v1.ü")

    def test_alter_changes_only_what_is_given(self):
        self.create()
        before = self.show()
        self.inqueue("queue", "alter", "invoices", "--user-name", "clerk@example.com")
        after = self.show()
        self.assertEqual("clerk@example.com", after["user_name"])
        unchanged = [key for key in before if key not in ("user_name", "record_updated")]
        self.assertEqual([before[key] for key in unchanged], [after[key] for key in unchanged])

    def test_alter_to_a_wrong_string_changes_nothing(self):
        self.create()
        before = self.show()
        self.fails(CONFIGURATION, "queue", "alter", "invoices", "--connection-string", "url=x;port=huge",
                   says=["queue 'invoices'", "port", "1 to 65535"])
        self.assertEqual(before, self.show())

    def test_alter_renames(self):
        self.create()
        self.inqueue("queue", "alter", "invoices", "--name", "bills")
        self.assertEqual("bills", self.show("bills")["name"])
        self.fails(NO, "queue", "show", "invoices", says="invoices")

    def test_pause_and_resume(self):
        self.create()
        self.inqueue("queue", "pause", "invoices")
        self.assertTrue(self.show()["paused"])
        self.inqueue("queue", "pause", "invoices")
        self.inqueue("queue", "resume", "invoices")
        self.assertFalse(self.show()["paused"])

    def test_missing_queue_is_named(self):
        self.create()
        for command in [("show",), ("drop", "--yes"), ("pause",), ("resume",), ("check",),
                        ("alter", "--paused", "true")]:
            with self.subTest(command=command):
                self.fails(NO, "queue", command[0], "nosuch", *command[1:], says="'nosuch'")

    def test_missing_database_is_named_with_the_way_out(self):
        for command in [("queue", "list"), ("queue", "show", "x"), ("list",), ("status",), ("load",)]:
            with self.subTest(command=command):
                self.fails(NO, *command, says=[str(self.database), "queue create"])
                self.assertFalse(self.database.exists())

    def test_drop_asks(self):
        self.create()
        self.fails(USAGE, "queue", "drop", "invoices", says="--yes")
        self.on_terminal("queue", "drop", "invoices", answers=[(r"\[y/N\]", "n\n")], expect=NO)
        self.show()
        self.on_terminal("queue", "drop", "invoices", answers=[(r"invoices.*\[y/N\]", "y\n")])
        self.fails(NO, "queue", "show", "invoices", says="invoices")

    def test_refused_option_says_what_is_wrong_with_it(self):
        for option, says in (("--database", "option --database needs a value: --database FILE"),
                             ("--json=1", "option --json takes no value"),
                             ("--jsno", "unknown option --jsno: did you mean --json\? `inqueue queue list --help`"),
                             ("-x", "unknown option -x;")):
            with self.subTest(option=option):
                self.fails(USAGE, "queue", "list", option, says=says)

    def test_usage_errors(self):
        for arguments, says in [((), "command"), (("frobnicate",), "frobnicate"), (("queue", "create"), "NAME"),
                                (("load", "--nosuch"), "--nosuch"), (("load", "--limit"), "--limit"),
                                (("load", "--limit", "0"), "--limit"), (("show", "seven"), "seven"),
                                (("queue", "show", "a", "b"), "usage")]:
            with self.subTest(arguments=arguments):
                self.assertRegex(self.inqueue(*arguments, expect=USAGE).stderr, says)

    def test_help_names_every_command_and_key(self):
        text = self.inqueue("help").stdout
        for word in ["queue create", "queue check", "queue apply", "load", "list", "show", "save", "status"]:
            self.assertIn(word, text)
        text = self.inqueue("help", "connection-string").stdout
        for key in ["url", "port", "ssl", "mailbox", "dropbox", "badmail", "attachHtml", "unpackForwarded", "caFile", "crlFile", "timeout",
                    "maxSize", "keepRaw", "createFolders", "insecure", "since", "search", "proxy", "authMech", "disable"]:
            self.assertRegex(text, rf"(?m)^ +{key}=")


class ConnectionString(DefinitionCase):
    def test_superset_of_the_grammar_is_accepted(self):
        for string in ["url=imap.example.com", " URL = imap.example.com ; SSL = tRUE ;; ",
                       "url=imap.example.com;dropbox=\"a;b\";badmail='it''s'", "url=::1;port=1143",
                       "url=a.example.com;url=imap.example.com;search=SUBJECT \"a=b\"",
                       "url=imap.example.com;sanitize=True;maxSize=200M;timeout=2m"]:
            with self.subTest(string=string):
                self.create("q", string)
                self.assertEqual(string, self.show("q")["connection_string"])
                self.inqueue("queue", "drop", "q", "--yes")

    def test_unknown_key_is_named_and_the_known_ones_are_listed(self):
        self.refused(CONFIGURATION, "url=x;mailbx=INBOX", ["'mailbx'", "mailbox, dropbox, badmail"])

    def test_wrong_values_say_what_the_key_takes(self):
        for string, says in [("url=https://imap.example.com", "host name"), ("url=imap.example.com:993", "port="),
                             ("url=", "url"), ("ssl=True", "url"), ("url=x;port=0", "1 to 65535"),
                             ("url=x;ssl=yes", "True or False"), ("url=x;timeout=soon", "timeout"),
                             ("url=x;maxSize=-1", "maxSize"), ("url=x;since=yesterday", "YYYY-MM-DD"),
                             ("url=x;dropbox=INBOX", "different folders"), ("url=x;badmail=inbox", "different"),
                             ("url=x;dropbox=A;badmail=A", "different"), ("url=x;authMech=MAGIC", "SCRAM-SHA-256"),
                             ("url=x;proxy=ftp://h:1", "socks5://"), ("url=x;search=ALL\r\nDELETE", "control"),
                             ("url=x;mailbox='INBOX", "closing '"), ("url=x;mailbox='A'B", "follows"),
                             ("url=x;mailbox", "key=value"), ("url=x;dropbox=a//b", "dropbox")]:
            with self.subTest(string=string):
                self.refused(CONFIGURATION, string, [says])

    def test_credentials_never_stand_in_it(self):
        for key in ["password", "pwd", "User ID", "username"]:
            result = self.fails(CONFIGURATION, "queue", "create", "q", "--connection-string", f"url=x;{key}=hunter2",
                                "--user-name", "u", says="--password-file")
            self.assertNotIn("hunter2", result.stderr)

    def test_foreign_fields_must_remain_empty(self):
        for field in ["path", "search-pattern", "mode", "state-xpath", "state"]:
            with self.subTest(field=field):
                self.fails(CONFIGURATION, "queue", "create", "q", "--connection-string", PLAIN, "--user-name", "u",
                           "--password-env", "P", f"--{field}", "x", says=["queue 'q'", field, "empty"])
                self.create(f"q-{field}", PLAIN, f"--{field}", "")


class Check(ServerCase):
    @classmethod
    def make_server(cls):
        cls.authority = certificates.Authority(cls.enterClassContext(tempfile.TemporaryDirectory()))
        return Dovecot(certificate=cls.authority.issue())

    def test_shows_what_it_finds_and_changes_nothing(self):
        self.deliver(*messages(3))
        self.create_queue(url="localhost", port=self.server.tls_port, ssl=True, caFile=self.authority.certificate)
        before = self.sql("SELECT * FROM work_queue")
        shown = self.inqueue("queue", "check", "invoices").stdout
        for word in ["TLSv1.3", "Example Test Authority", "SCRAM-SHA-256", "MOVE", "UIDPLUS", "INBOX", "DROPBOX",
                     "BADMAIL", r"\b3\b", "creat"]:
            self.assertRegex(shown, word)
        self.assertEqual({"INBOX": 3}, self.folders())
        with self.look() as mailbox:
            self.assertEqual([set()] * 3, [set(found.flags) for found in mailbox.messages()])
        self.assertEqual(before, self.sql("SELECT * FROM work_queue"))

    def test_as_json(self):
        self.deliver(message())
        self.create_queue(url="localhost", port=self.server.tls_port, ssl=True, caFile=self.authority.certificate)
        shown = self.inqueue("queue", "check", "invoices", "--json").json()
        self.assertIn("MOVE", str(shown))

    def test_how_many_messages_are_waiting(self):
        """Of those that since= and search= leave."""
        self.deliver(*messages(3))
        for name, keys, waiting in [("all", {}, 3), ("some", {"search": 'SUBJECT "Invoice 2"'}, 1),
                                    ("late", {"since": "2999-01-01"}, 0)]:
            self.create_queue(name=name, url="localhost", caFile=self.authority.certificate, **keys)
            self.assertRegex(self.inqueue("queue", "check", name).stdout, rf"(?m)^waiting +{waiting} message{'' if waiting == 1 else 's'}$")
            self.assertEqual(waiting, self.inqueue("queue", "check", name, "--json").json()["waiting"])

    def test_says_where_there_is_no_tls(self):
        with Dovecot() as server:
            self.create_queue(server, "clear", "robot@example.com")
            self.assertRegex(self.inqueue("queue", "check", "clear").stdout, "(?i)no TLS|TLS +none|not encrypted|clear")

    def test_missing_mailbox(self):
        self.create_queue(url="localhost", caFile=self.authority.certificate, mailbox="Invoicse")
        self.fails(CONFIGURATION, "queue", "check", "invoices", says=["'invoices'", "'Invoicse'", "connection string"])


class Apply(Case):
    FILE = """\
# What this installation collects.
[queue invoices]
connection-string = url=imap.example.com;ssl=True;dropbox="Archive;2026"
user-name = robot@example.com
password-file = /etc/inqueue/invoices.password

[queue helpdesk]
Connection String = url=imap.example.com;ssl=True;mailbox=Help
User Name = help@example.com
passwordEnv = HELPDESK_PASSWORD
paused = true
"""

    def apply(self, text, **options):
        return self.inqueue("queue", "apply", self.file("queues.ini", text), **options)

    def test_creates_then_changes_nothing(self):
        self.assertEqual("queue 'invoices' created\nqueue 'helpdesk' created\n", self.apply(self.FILE).stdout)
        rows = self.sql("SELECT * FROM work_queue")
        self.assertEqual("", self.apply(self.FILE).stdout)
        self.assertEqual(rows, self.sql("SELECT * FROM work_queue"))
        self.assertEqual([("helpdesk", 1), ("invoices", 0)],
                         self.sql("SELECT name, paused FROM work_queue ORDER BY name"))

    def test_alters_what_differs(self):
        self.apply(self.FILE)
        self.assertEqual("queue 'helpdesk' altered\n",
                         self.apply(self.FILE.replace("mailbox=Help", "mailbox=Desk")).stdout)

    def test_fault_anywhere_changes_nothing(self):
        faults = [("paused = true", "paused = maybe", ["helpdesk", "paused"]),
                  ("mailbox=Help", "mailbx=Help", ["helpdesk", "mailbx"]),
                  ("[queue helpdesk]", "[helpdesk]", ["helpdesk", "queue NAME"]),
                  ("passwordEnv", "passwort", ["helpdesk", "passwort"]),
                  ("passwordEnv = ", "path = /x\npasswordEnv = ", ["helpdesk", "path"]),
                  ("[queue helpdesk]", "[queue helpdesk", ["queues.ini"])]
        self.apply("[queue other]\nconnection-string = url=x\nuser-name = u\npassword-env = P\n")
        for right, wrong, says in faults:
            with self.subTest(fault=wrong):
                path = self.file("queues.ini", self.FILE.replace(right, wrong))
                self.fails(CONFIGURATION, "queue", "apply", path, says=["queues.ini", *says])
                self.assertEqual([("other",)], self.sql("SELECT name FROM work_queue"))

    def test_missing_file(self):
        self.fails(IO, "queue", "apply", self.folder / "nosuch.ini", says="nosuch.ini")

    def test_byte_order_mark_and_crlf(self):
        path = self.folder / "queues.ini"
        path.write_bytes(b"\xef\xbb\xbf" + self.FILE.lstrip().replace("\n", "\r\n").encode())
        self.assertEqual("queue 'invoices' created\nqueue 'helpdesk' created\n",
                         self.inqueue("queue", "apply", path).stdout)
        self.assertEqual("", self.apply(self.FILE).stdout)

    def test_dry_run_shows_the_difference(self):
        path = self.file("queues.ini", self.FILE)
        self.assertEqual("queue 'invoices' would be created\nqueue 'helpdesk' would be created\n",
                         self.inqueue("queue", "apply", path, "--dry-run").stdout)
        self.assertFalse(self.database.exists())
        self.apply(self.FILE)
        before = self.sql("SELECT * FROM work_queue")
        self.assertEqual("", self.inqueue("queue", "apply", path, "--dry-run").stdout)
        path = self.file("queues.ini", self.FILE.replace("paused = true", "retry-delay = 90s\nmax-attempts = 5"))
        self.assertEqual("queue 'helpdesk' would be altered\n"
                         "  paused: true -> false\n"
                         "  max-attempts: 3 -> 5\n"
                         "  retry-delay: 30s -> 90s\n", self.inqueue("queue", "apply", path, "--dry-run").stdout)
        self.assertEqual({"queue": "helpdesk", "field": "paused", "before": "true", "after": "false"},
                         self.json_lines("queue", "apply", path, "--dry-run", "--json")[2])
        self.assertEqual(before, self.sql("SELECT * FROM work_queue"))
        path = self.file("queues.ini", "[queue -x]\nconnection-string=url=x\nuser-name=u\npassword-env=P\n")
        self.fails(DATA, "queue", "apply", path, "--dry-run", says="'-x' cannot be the name of a queue")

    def test_queue_that_the_file_does_not_name_is_left_alone(self):
        self.apply(self.FILE)
        self.apply("[queue third]\nconnection-string = url=x\nuser-name = u\npassword-env = P\n")
        self.assertEqual(3, len(self.sql("SELECT * FROM work_queue")))


class Dump(Case):
    """What `queue apply` reads is printed by `queue dump`."""

    FULL = """\
[queue mail]
connection-string=url=imap.example.com;ssl=True;mailbox="a; b";keepRaw=True
user-name=robot@example.com
token-command=/bin/echo 'a b' 'it'\\''s' 100%
paused=true
deliver-to=https://robot@app.example.com/mail
deliver-format=raw
deliver-secret=command:/bin/cat '/etc/a key'
deliver-password=env:PASSWORD
deliver-header-secret=Authorization: Bearer file:/etc/token | X-Key: command:/bin/cat /etc/key
deliver-header=X-Shop: 7 | X-Site: "a"
deliver-recipient=Delivered-To,Envelope-To
deliver-connect-timeout=1500ms
deliver-timeout=2m
deliver-ca-file=/etc/ca.pem
deliver-crl-file=/etc/crl.pem
deliver-client-certificate=/etc/client.pem
deliver-redirects=same-host
deliver-trust-host=app.example.net | app.example.org:8443
deliver-proxy=http://proxy.example.com:3128
allow-private=true
deliver-insecure=true
deliver-concurrency=9
acknowledge=delivery
max-attempts=7
retry-delay=90s
reference=subject:Order #?([0-9]+)
same-reference=replace
order=deadline

[queue plain]
connection-string=url=imap.example.com;ssl=True
user-name=robot@example.com
password-file=/etc/password

[queue files]
external-source=File
"""

    def groups(self, text):
        return {group.splitlines()[0]: group.strip() for group in text.split("\n\n")}

    def test_what_is_printed_can_be_applied_and_changes_nothing(self):
        self.inqueue("queue", "apply", self.file("queues.ini", self.FULL))
        told = self.inqueue("queue", "dump").stdout
        expected = self.groups(self.FULL)
        self.assertEqual(expected, self.groups(told))
        path = self.file("dumped.ini", told)
        self.assertEqual("", self.inqueue("queue", "apply", path).stdout)
        other = self.folder / "other.db"
        self.inqueue("queue", "apply", path, "--database", other)
        self.assertEqual(told, self.inqueue("queue", "dump", "--database", other).stdout)
        self.assertEqual(expected["[queue plain]"] + "\n", self.inqueue("queue", "dump", "plain").stdout)

    def test_no_field_is_forgotten(self):
        """Every field that a queue can have differs from its default in one of these."""
        listed, everywhere = (set(re.findall(r"^  --([a-z-]+)", self.inqueue(*command, "--help").stdout, re.M))
                              for command in [("queue", "create"), ("queue", "list")])
        words = {line.split("=")[0] for line in self.FULL.splitlines()}
        elsewhere = {"class", "password-env", "password-command", "password-credential", "password-prompt", "oauth", "target",
                     "no-check"}
        foreign = {"path", "search-pattern", "mode", "state-xpath", "state"}
        self.assertEqual(set(), listed - everywhere - words - elsewhere - foreign)

    def test_password_sources(self):
        sources = ["password-env=PASSWORD", "password-command=/bin/cat /etc/p", "password-credential=mail"]
        for source in [*sources, "password-file=/etc/p", "token-command=/bin/cat /etc/p"]:
            group = f"[queue a]\nconnection-string=url=imap.example.com;ssl=True\nuser-name=u\n{source}\n"
            self.inqueue("queue", "apply", self.file("queues.ini", group))
            self.assertEqual(group, self.inqueue("queue", "dump").stdout)


class Drop(ServerCase):
    def test_open_entries_need_force(self):
        self.deliver(*messages(2))
        self.create_queue()
        self.inqueue("load", "invoices")
        self.fails(NO, "queue", "drop", "invoices", "--yes", says=["'invoices'", r"\b2\b", "--force"])
        self.inqueue("queue", "drop", "invoices", "--yes", "--force")
        for table in ["work_queue", "entry", "attachment", "content", "pickup"]:
            self.assertEqual([(0,)], self.sql(f"SELECT count(*) FROM {table}"))
        self.assertEqual({"BADMAIL": 0, "DROPBOX": 2, "INBOX": 0}, self.folders())


if __name__ == "__main__":
    unittest.main()
