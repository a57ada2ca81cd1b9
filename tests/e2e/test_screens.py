"""What commands show on terminals of 80 and of 120 columns."""

import unicodedata
import unittest

import inqueue
from entries import EntryCase
from inqueue import USAGE, ServerCase

HOURS = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-{} minutes')"
REFUSED = "sign-in as robot@example.com at imap.example.com was refused: [AUTHENTICATIONFAILED] Invalid credentials"
INVOICE = "請求書の件名がとても長いので表には収まりきらないはずです、続きもまだまだあります"
ACCENTS = "Re\u0301sume\u0301 " * 20


def places(line):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


class Screen:
    def received_hours_ago(self, hours):
        self.change(f"UPDATE entry_mail SET date_received = strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-{60 * hours + 5} minutes')")

    def shown(self, *arguments, columns=80, **options):
        """What stands on the terminal; none of its lines is longer than it is wide."""
        text = self.on_terminal(*arguments, columns=columns, env={"TZ": "XYZ-2"}, **options).stdout.replace("\r\n", "\n")
        for line in text.splitlines():
            self.assertLessEqual(places(line), columns, line)
        return text


class Status(Screen, EntryCase):
    def setUp(self):
        super().setUp()
        self.define("orders")
        self.put(3)
        self.change(f"UPDATE entry_status SET record_created = {HOURS.format(210)} WHERE id = 1")
        self.change("UPDATE entry_status SET state = 'failed', error_kind = 'business', error_text = 'x' WHERE id = 2")
        self.change(f"UPDATE work_queue SET last_action = {HOURS.format(150)}, last_message = 'OK; 3 items.'"
                    " WHERE name = 'invoices'")

    def stop(self):
        self.change("INSERT INTO queue_health (queue_id, refusals, refused_at, stopped_at, stopped_reason)"
                    " SELECT id, 3, '2026-03-01T12:00:00.000Z', '2026-03-01T12:00:00.000Z', ? FROM work_queue"
                    " WHERE name = 'orders'", REFUSED)

    def test_a_line_a_queue(self):
        expected = ("QUEUE    STATE  WAITING OLDEST FAILED LAST LOOK\n"
                    "invoices active       2    3 h      1   2 h ago\n"
                    "orders   active       0                       -\n")
        self.assertEqual(expected, self.shown("status"))
        self.assertEqual(expected, self.shown("status", columns=120))

    def test_columns_that_are_empty_everywhere_are_left_out(self):
        self.change("DELETE FROM entry_status")
        self.assertEqual("QUEUE    STATE  WAITING LAST LOOK\n"
                         "invoices active       0   2 h ago\n"
                         "orders   active       0         -\n", self.shown("status"))

    def test_the_reason_stands_whole_on_the_next_line(self):
        self.stop()
        self.assertEqual("QUEUE    STATE   WAITING OLDEST FAILED LAST LOOK\n"
                         "invoices active        2    3 h      1   2 h ago\n"
                         "orders   stopped       0                       -\n"
                         "  sign-in as robot@example.com at imap.example.com was refused:\n"
                         "  [AUTHENTICATIONFAILED] Invalid credentials; correct the password or the\n"
                         "  definition, then `inqueue queue resume orders`\n", self.shown("status"))
        self.assertEqual("  sign-in as robot@example.com at imap.example.com was refused: [AUTHENTICATIONFAILED] Invalid"
                         " credentials; correct the\n"
                         "  password or the definition, then `inqueue queue resume orders`\n",
                         "".join(self.shown("status", columns=120).splitlines(True)[3:]))

    def test_what_was_discarded_has_not_failed(self):
        self.inqueue("discard", "3", "--reason", "spam")
        self.assertEqual("QUEUE    STATE  WAITING OLDEST FAILED LAST LOOK\n"
                         "invoices active       1    3 h      1   2 h ago\n"
                         "orders   active       0                       -\n", self.shown("status"))
        self.assertRegex(self.shown("status", "invoices"), "failed +1\ndiscarded +1\n")
        self.assertRegex(self.shown("stats", "invoices"), r"1 failed, 1\s+discarded, 0\s+bad\n")
        told = self.json_lines("--json", "status", "invoices")[0]
        self.assertEqual((1, 1), (told["failed"], told["discarded"]))
        result = self.inqueue("status", "--check", "invoices", "--max-failed", "0", expect=1)
        self.assertIn("1 entry has failed, more than 0", result.stdout + result.stderr)

    def test_what_is_overdue_or_at_risk(self):
        self.inqueue("deadline", "1", "--at", "2026-01-31T12:00:00Z")
        self.inqueue("deadline", "1", "3", "--risk", "2026-01-31T11:00:00Z")
        self.assertEqual("QUEUE    STATE  WAITING OLDEST OVERDUE FAILED LAST LOOK\n"
                         "invoices active       2    3 h       1      1   2 h ago\n"
                         "orders   active       0                               -\n", self.shown("status"))
        self.assertIn("oldest waiting   3 h\noverdue          1\nat risk          1\n", self.shown("status", "invoices"))
        told = self.json_lines("--json", "status", "invoices")[0]
        self.assertEqual((1, 1), (told["overdue"], told["at_risk"]))

    def test_one_queue_is_a_block(self):
        self.stop()
        self.assertEqual("queue            orders\n"
                         "state            stopped\n"
                         "reason           sign-in as robot@example.com at imap.example.com was refused:\n"
                         "                 [AUTHENTICATIONFAILED] Invalid credentials; correct the\n"
                         "                 password or the definition, then `inqueue queue resume orders`\n"
                         "waiting          0\n"
                         "oldest waiting   -\n"
                         "claimed          0\n"
                         "leases ended     0\n"
                         "done             0\n"
                         "failed           0\n"
                         "bad              0\n"
                         "last look        never\n"
                         "last good look   never\n", self.shown("status", "orders"))
        self.assertIn("last look        2 h ago: OK; 3 items.\n", self.shown("status", "invoices"))

    def test_queue_show_has_the_same_words(self):
        self.stop()
        self.assertIn("state              stopped\n"
                      "reason             sign-in as robot@example.com at imap.example.com was refused:\n"
                      "                   [AUTHENTICATIONFAILED] Invalid credentials; correct the\n"
                      "                   password or the definition, then `inqueue queue resume\n"
                      "                   orders`\n", self.shown("queue", "show", "orders"))

    def test_a_failed_run(self):
        self.change("UPDATE work_queue SET last_message = 'Error: connection refused' WHERE name = 'invoices'")
        self.assertIn("invoices error        2    3 h      1   2 h ago\n  connection refused\n", self.shown("status"))

    def test_utc(self):
        self.assertRegex(self.shown("status", "--utc"), r"\ninvoices active +2 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ +1 \d{4}-")
        self.assertRegex(self.inqueue("status").stdout, r"\ninvoices active +2 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ +1 \d{4}-")
        self.assertIn(" 2026-01-31 13:59", self.shown("show", 1))
        self.assertIn("2026-01-31T11:59:30Z", self.shown("list", "--utc"))


class Watched(EntryCase):
    def put_one(self):
        self.put()
        return ""

    def test_status_is_shown_anew_until_it_is_stopped(self):
        """Over what stands there: the screen is cleared once."""
        shown = self.on_terminal("status", "--watch", "--every", "100ms", env={"TZ": "XYZ-2"}, answers=[
            (r"invoices active +0 ", self.put_one), (r"invoices active +1 ", "\x03")]).stdout
        self.assertEqual(1, shown.count("\x1b[2J"))
        self.assertGreater(shown.count("\x1b[H"), 1)
        self.assertRegex(shown, r"\d{4}-\d\d-\d\d \d\d:\d\d  every 100ms, until Ctrl-C")
        self.assertTrue(shown.endswith("\x1b[?25h"))
        self.on_terminal("status", "invoices", "--watch", "--utc", answers=[
            (r"\d\d:\d\d:\d\dZ  every 2.0s[^$]+state\s+active", "\x03")])

    def test_what_does_not_fit_is_counted(self):
        for number in range(30):
            self.define(f"queue-{number}")
        shown = self.on_terminal("status", "--watch", answers=[(r"more lines", "\x03")]).stdout
        self.assertRegex(shown, "… 11 more lines")

    def test_wrong_use(self):
        self.fails(USAGE, "status", "--watch", says="--watch needs a terminal; `inqueue status --json` is for programs")
        for option in ("--json", "--check"):
            self.fails(USAGE, "status", "--watch", option, says="leave --check and --json out")
        self.fails(USAGE, "status", "--every", "5s", says="--every needs --watch")


class Tables(Screen, EntryCase):
    def test_list(self):
        self.put(subject=INVOICE, sender="Ann Lee <ann@example.com>")
        self.put(subject=ACCENTS, sender="山田太郎 <taro.yamada@accounting.example.com>")
        self.attach(2, order_pdf=b"%PDF")
        self.received_hours_ago(3)
        self.assertEqual(
            "ID STATE RECEIVED SENDER                      FILES SUBJECT\n"
            " 1 new    3 h ago Ann Lee <ann@example.com>         請求書の件名がとても長いの…\n"
            f" 2 new    3 h ago 山田太郎 <taro.yamada@acco…     1 {ACCENTS[:35]}…\n",
            self.shown("list"))
        self.assertIn("Ann Lee <ann@example.com>", self.shown("list", columns=120))
        self.assertIn(INVOICE, self.inqueue("list").stdout)

    def test_a_time_is_never_cut(self):
        self.put(2, subject=INVOICE, sender="Ann Lee <ann@example.com>")
        self.define("orders")
        self.received_hours_ago(26)
        self.inqueue("tag", 1, "--add", "customers")
        self.inqueue("priority", 1, "--to", 50)
        self.change("UPDATE entry_status SET state = 'failed', error_kind = 'business', error_text = 'x',"
                    " attempt_count = 1 WHERE id = 1")
        lines = self.shown("list").splitlines()
        self.assertEqual("ID QUEUE    STATE  PRIORITY TRIES TAGS      RECEIVED SENDER        SUBJECT", lines[0])
        self.assertEqual("invoices", lines[1].split()[1])
        self.assertIn(" 26 h ago ", lines[1])

    def test_a_queue_is_named_where_there_are_several(self):
        """Whole where its name is short; not where all entries are of one queue."""
        self.put(subject=INVOICE, sender="山田太郎 <taro.yamada@accounting.example.com>")
        self.assertNotIn("QUEUE", self.shown("list"))
        self.define("orders-from-shop")
        self.define("customer-complaints-from-the-web-site")
        self.put(queue="orders-from-shop", subject=ACCENTS)
        self.put(queue="customer-complaints-from-the-web-site")
        shown = self.shown("list")
        self.assertRegex(shown, r"\A *ID QUEUE ")
        self.assertIn(" invoices ", shown)
        self.assertIn(" orders-from-shop ", shown)
        self.assertRegex(shown, " customer-complai[^ ]*… ")
        for arguments in (("list", "invoices"), ("list", "--queue", "invoices"), ("discard", "--queue", "invoices", "--dry-run")):
            self.assertNotIn("QUEUE", self.shown(*arguments))
        self.assertIn("QUEUE", self.shown("discard", 1, "--dry-run"))

    def test_nothing_to_list(self):
        """A person is told; a script gets nothing."""
        path = self.file("queues.ini", self.inqueue("queue", "dump").stdout)
        for says, *arguments in [("everything is already as the file says", "queue", "apply", path),
                                 ("everything is already as the file says", "queue", "apply", path, "--dry-run"),
                                 ("no queue has a target: `inqueue queue alter NAME --deliver-to URL`", "deliver")]:
            with self.subTest(arguments=arguments):
                self.assertEqual(f"inqueue: {says}", " ".join(self.shown(*arguments).split()))
                told = self.inqueue(*arguments)
                self.assertEqual(("", ""), (told.stdout, told.stderr))
        self.inqueue("queue", "drop", "invoices", "--yes")
        for says, *arguments in [
                ("no entries match", "list"), ("no runs are noted", "runs"), ("no attempts are noted", "delivery", "list"),
                ("no queues are defined: `inqueue queue create`", "status"),
                ("no queues are defined: `inqueue queue create`", "queue", "list"),
                ("no targets are defined: `inqueue target create`", "target", "list"),
                ("no connections are open: `inqueue mail open`", "mail", "list-connections"),
                ("no account has signed in: `inqueue oauth login`", "oauth", "list")]:
            with self.subTest(arguments=arguments):
                self.assertEqual(f"inqueue: {says}\n", self.shown(*arguments))
                told = self.inqueue(*arguments)
                self.assertEqual(("", ""), (told.stdout, told.stderr))
                self.assertEqual("", self.shown(*arguments, "--json"))

    def test_queue_list_has_the_words_of_status(self):
        self.inqueue("queue", "alter", "invoices", "--deliver-to", "https://app.example.com/mail")
        self.change("UPDATE target SET stopped = 'the target answered 404'")
        self.assertRegex(self.shown("queue", "list"), r"\ninvoices +Mail +IMAP +delivery stopped +robot")
        self.inqueue("queue", "pause", "invoices")
        self.assertRegex(self.shown("queue", "list"), r"\ninvoices +Mail +IMAP +paused +robot")

    def test_queue_list(self):
        self.define("customer-complaints-from-the-web-site")
        self.assertEqual(
            "NAME                 CLASS SOURCE STATE  USER NAME         CONNECTION STRING\n"
            "customer-complaints… Mail  IMAP   active robot@example.com url=imap.example.com…\n"
            "invoices             Mail  IMAP   active robot@example.com url=imap.example.com…\n",
            self.shown("queue", "list"))
        self.assertIn("url=imap.example.com;ssl=True\n", self.shown("queue", "list", columns=120))

    def test_history_wraps_at_words(self):
        self.put()
        self.inqueue("note", 1, "the customer rang up and said that the invoice has been paid twice already", "--by", "ada")
        self.assertRegex(self.shown("history", 1),
                         r"AT +CHANGE +STATE +WHO +AFTER +WHY\n"
                         r"\S+ \S+ loaded +\n"
                         r"\S+ \S+ note +new +ada +the customer [^\n]*\n {20,}[a-z ]+\n")

    def test_show(self):
        entry, = self.put()
        sha256 = "5e" * 32
        self.change("UPDATE entry_mail SET raw_sha256 = ?", sha256)
        self.assertIn(f"raw message    100 bytes\nSHA-256        {sha256}\n", self.shown("show", entry))

    def test_stats(self):
        self.assertIn("now            0 new, 0 claimed, 0 with an expired lease, 0 done, 0 failed, 0\n"
                      "               bad\n", self.shown("stats"))

    def test_doctor(self):
        shown = self.shown("doctor")
        self.assertRegex(shown, r"\Aok +file|\ASTATE WHAT +FINDING\n")
        self.assertRegex(shown, "(?m)^ok    queue 'invoices' +mail from imap.example.com$")
        self.assertRegex(shown, r"(?m)^ok    password of 'invoices' +each run takes it from the environment variable\s+'PASSWORD'$")
        self.assertIn("libetpan: its TLS verifies nothing: curl makes the connection\n", self.shown("doctor", columns=120))


class Mail(Screen, ServerCase):
    def test_no_mail(self):
        self.create_queue()
        self.assertEqual("inqueue: no messages match\n", self.shown("mail", "--queue", "invoices"))
        self.assertEqual("", self.inqueue("mail", "getAll", "--queue", "invoices").stdout)

    def test_connections(self):
        self.create_queue()
        runtime = self.folder / "run"
        runtime.mkdir(mode=0o700)
        self.environment["XDG_RUNTIME_DIR"] = str(runtime)
        self.inqueue("mail", "open", "work", "--queue", "invoices")
        self.addCleanup(self.inqueue, "mail", "close", "work")
        lines = self.shown("mail", "list-connections").splitlines()
        self.assertRegex(lines[0], r"^NAME SERVER +USER +STATE +OPENED +LAST USED USES SIGN-INS PROCESS$")
        self.assertRegex(lines[1], r"^work \S+ +\S+ +free +\d+ (s|min) ago never +0 +1 +\d+$")

    def test_mail_and_check(self):
        self.deliver(inqueue.message(INVOICE))
        self.create_queue()
        lines = self.shown("mail", "--queue", "invoices").splitlines()
        self.assertRegex(lines[0], r"^NUMBER    UID FLAGS  RECEIVED              SIZE FROM {12,16}SUBJECT$")
        self.assertRegex(lines[1], r"^     1      1 \w* +\d{4}-\d\d-\d\d \d\d:\d\d +\d+ Ann Lee <ann@?\w*… 請求書の件名\w*…$")
        self.assertRegex(self.shown("mail", "--queue", "invoices", "--utc").splitlines()[1], r" \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ")
        shown = self.shown("queue", "check", "invoices")
        self.assertRegex(shown, r"\ncapabilities  \S[^\n]*\n {14}\S")
        self.assertIn("\nwaiting       1 message\n", shown)


if __name__ == "__main__":
    unittest.main()
