"""One run of `inqueue load`: every message becomes one entry, once, and is moved."""

import json
import re
import signal
import socket
import unittest

from inqueue import CREDENTIALS, NO, TEMPORARY, UNREACHABLE, USAGE, LoadCase, connection_string, message, messages
from proxy import CLIENT, Proxy
from servers import free_port


class Load(LoadCase):
    def test_every_message_becomes_an_entry_and_moves(self):
        self.deliver(*messages(3))
        self.create_queue()
        result = self.inqueue("load", "invoices")
        self.assertEqual("", result.stderr)
        self.assert_all_loaded(3)
        self.assertEqual([("OK; 3 items.", 0)], self.sql("SELECT last_message, not_collected FROM work_queue"))
        self.assertEqual([("new",)] * 3, self.sql("SELECT state FROM entry"))

    def test_second_run_finds_nothing(self):
        self.deliver(message("Invoice 1"))
        self.create_queue()
        self.inqueue("load", "invoices")
        self.inqueue("load", "invoices")
        self.assert_all_loaded(1)
        self.assertEqual([("OK; 0 items.",)], self.sql("SELECT last_message FROM work_queue"))

    def test_empty_mailbox(self):
        """Nothing is to be moved, so nothing is made for it, and the server is asked as little as can be."""
        self.create_queue()
        self.inqueue("load", "invoices")
        self.assertEqual({"INBOX": 0}, self.folders())
        self.assertNotRegex(self.server.said(self.user), "LIST|NAMESPACE|STATUS")

    def test_mail_is_fetched_unread_and_other_flags_are_kept(self):
        with self.look() as mailbox:
            mailbox.append(message("Invoice 1"), flags=["\\Flagged", "urgent"])
        self.create_queue()
        self.inqueue("load", "invoices")
        with self.look() as mailbox:
            self.assertEqual({"\\Seen", "\\Flagged", "urgent"}, mailbox.messages("DROPBOX")[0].flags)
        self.assertNotRegex(self.server.said(self.user), r"(?i)(?<!\.PEEK)\[\]|RFC822[ )]|BODY\[")

    def test_message_arrives_unaltered(self):
        odd = b"From: a@example.com\r\nSubject:  two  blanks\r\n\r\nno line end"
        self.deliver(odd)
        self.create_queue(keepRaw=True)
        self.inqueue("load", "invoices")
        with self.look() as mailbox:
            stored = mailbox.messages("DROPBOX")[0].raw
        path = self.inqueue("save", "1", "--raw", "--to", self.folder / "out").stdout.strip()
        with open(path, "rb") as saved:
            self.assertEqual(stored, saved.read())

    def test_message_flagged_deleted_is_left_alone(self):
        self.deliver(message("Invoice 1"))
        with self.look() as mailbox:
            mailbox.append(message("Gone"), flags=["\\Deleted"])
        self.create_queue()
        self.inqueue("load", "invoices")
        self.assertEqual(["Invoice 1"], self.entries())
        self.assertEqual(["Gone"], self.subjects())

    def test_oldest_first_and_limit(self):
        self.deliver(*messages(5))
        self.create_queue()
        self.inqueue("load", "invoices", "--limit", "2")
        self.assertEqual(["Invoice 1", "Invoice 2"], self.entries())
        self.assertEqual([("OK; 2 items.", 3)], self.sql("SELECT last_message, not_collected FROM work_queue"))
        self.inqueue("load", "invoices", "--limit", "10")
        self.assert_all_loaded(5)

    def test_dry_run_says_and_changes_nothing(self):
        self.deliver(*messages(2))
        self.deliver(message("Huge", "x" * 70 + "\n" + "y" * 3000))
        self.create_queue(maxSize="2KB")
        before = self.database_bytes()
        shown = self.inqueue("load", "invoices", "--dry-run").stdout
        for line in ["create folder 'DROPBOX'", "create folder 'BADMAIL'", r"UID 1: load .*'DROPBOX'", "UID 2: load",
                     "UID 3: too large .*'BADMAIL'"]:
            self.assertRegex(shown, line)
        self.assertEqual(before, self.database_bytes())
        self.assertEqual({"INBOX": 3}, self.folders())
        with self.look() as mailbox:
            self.assertEqual([set()] * 3, [set(found.flags) for found in mailbox.messages()])

    def test_search_and_since_choose(self):
        with self.look() as mailbox:
            mailbox.append(message("Old"), date='"01-Jan-2020 12:00:00 +0000"')
            mailbox.append(message("Invoice 1"), message("Spam"))
        self.create_queue(search='UNDELETED SUBJECT "Invoice"', since="2024-02-29")
        self.inqueue("load", "invoices")
        self.assertEqual(["Invoice 1"], self.entries())
        self.assertEqual(["Old", "Spam"], self.subjects())

    def test_search_knows_all_alphabets(self):
        self.deliver(message("Rechnung für Köln"), message("Rechnung für Bonn"), message("見積書"))
        self.create_queue(search='UNDELETED OR SUBJECT "KÖLN" SUBJECT 見積')
        self.assertEqual(2, self.inqueue("load", "invoices", "--dry-run").stdout.count("UID"))
        self.inqueue("load", "invoices")
        self.assertEqual(["Rechnung für Köln", "見積書"], self.entries())
        self.assertEqual(["Rechnung für Bonn"], self.subjects())

    def test_more_messages_than_one_batch(self):
        self.deliver(*messages(620))
        self.create_queue()
        self.inqueue("load", "invoices")
        self.assert_all_loaded(620)

    def test_too_large_message_becomes_a_bad_entry(self):
        self.deliver(message("Huge", "x" * 60 + "\n" + "line\n" * 2000), message("Invoice 1"))
        self.create_queue(maxSize="4KB")
        self.inqueue("load", "invoices")
        self.assertEqual([("Huge", "bad", "load"), ("Invoice 1", "new", None)],
                         self.sql("SELECT subject, state, error_kind FROM entry ORDER BY id"))
        self.assertRegex(self.sql("SELECT error_text FROM entry WHERE state = 'bad'")[0][0], "4096|4 ?K|maxSize")
        self.assertEqual({"BADMAIL": 1, "DROPBOX": 1, "INBOX": 0}, self.folders())

    def test_header_of_a_too_large_message_is_read_as_far_as_of_any_other(self):
        """To maxHeader, also beyond its default."""
        huge = message("Huge", "line\n" * 1000)
        for number in range(400):
            huge[f"X-{number}"] = "x" * 900
        for max_header, last in [("10KB", "X-8"), ("350KB", "X-320"), ("1MB", "X-399")]:
            with self.subTest(max_header):
                self.deliver(huge)
                self.create_queue(name=max_header.lower(), maxSize="4KB", maxHeader=max_header)
                self.inqueue("load", max_header.lower())
                self.assertEqual([(last,)], self.sql(
                    "SELECT name FROM header WHERE entry_id = (SELECT max(id) FROM entry WHERE state = 'bad')"
                    " AND name GLOB 'X-*' ORDER BY position DESC LIMIT 1"))

    def test_each_too_large_message_keeps_its_own_size(self):
        huge = [message(f"Huge {number}", "line\n" * 1000 * number) for number in (3, 1, 2)]
        self.deliver(huge[0], message("Invoice 1"), *huge[1:])
        with self.look() as mailbox:
            sizes = [len(found.raw) for found in mailbox.messages()]
        self.create_queue(maxSize="4KB")
        self.inqueue("load", "invoices")
        self.assertEqual([("Huge 3", sizes[0], True), ("Invoice 1", sizes[1], False), ("Huge 1", sizes[2], True),
                          ("Huge 2", sizes[3], True)],
                         self.sql("SELECT subject, raw_size, raw_sha256 IS NULL FROM entry ORDER BY id"))


class SeveralQueues(LoadCase):
    def setUp(self):
        super().setUp()
        self.server.add_user(f"second-{self.user}", "correct horse")
        self.deliver(message("Invoice 1"))
        with self.server.mailbox(f"second-{self.user}") as mailbox:
            mailbox.append(message("Invoice 2"))
        self.create_queue(name="first")
        self.create_queue(name="second", user=f"second-{self.user}")

    def test_all_that_are_not_paused(self):
        self.inqueue("queue", "pause", "first")
        self.inqueue("load")
        self.assertEqual(["Invoice 2"], self.entries())
        self.inqueue("queue", "resume", "first")
        self.inqueue("load")
        self.assertEqual(["Invoice 2", "Invoice 1"], self.entries())

    def test_named_ones(self):
        self.inqueue("load", "second", "first")
        self.assertEqual({"Invoice 1", "Invoice 2"}, set(self.entries()))

    def test_failure_of_one_never_stops_the_other(self):
        self.file("first.password", "wrong\n")
        self.fails(CREDENTIALS, "load", says="load 'first'")
        self.assertEqual(["Invoice 2"], self.entries())
        self.assertRegex(self.sql("SELECT last_message FROM work_queue WHERE name = 'first'")[0][0], "^Error: ")
        self.assertEqual([("OK; 1 item.",)], self.sql("SELECT last_message FROM work_queue WHERE name = 'second'"))

    def test_unknown_one_is_named(self):
        self.fails(NO, "load", "nosuch", says="'nosuch'")
        self.assertEqual([], self.entries())

    def stall_first(self, proxy):
        """From now on the server of `first` answers nothing to a sign-in."""
        self.inqueue("queue", "alter", "first", "--connection-string", connection_string({**self.keys(self.server), "port": proxy.port}))
        return proxy.stall(CLIENT, rb"SELECT|EXAMINE", forward=False)

    def test_mute_server_delays_nobody_and_the_order_stays(self):
        with Proxy(self.server.port) as proxy:
            fault = self.stall_first(proxy)
            process = self.start("load", "--json")
            fault.wait()
            self.inqueue("claim", "second", "--wait", "60s")
            self.assertEqual(["Invoice 2"], self.entries())
            fault.release()
            result = self.finish(process)
        self.assertEqual([("first", 1), ("second", 1)],
                         [(line["queue"], line["loaded"]) for line in map(json.loads, result.stdout.splitlines())])

    def test_servers_that_do_not_let_us_in_take_no_place(self):
        """More of them than jobs, and all before the one that is well."""
        with socket.create_server(("127.0.0.1", 0)) as mute:
            dead = ["dead-1", "dead-2", "dead-3"]
            for name in dead:
                self.create_queue(name=name, url="127.0.0.1", port=mute.getsockname()[1])
            process = self.start("load", "--json", *dead, "second", "--jobs", "2")
            self.inqueue("claim", "second", "--wait", "60s")
            self.assertEqual(["Invoice 2"], self.entries())
            self.assertIsNone(process.poll())
        result = self.finish(process, expect=UNREACHABLE)
        self.assertEqual([*dead, "second"], [line["queue"] for line in map(json.loads, result.stdout.splitlines())])

    def test_errors_come_in_the_order_of_the_queues_and_the_first_decides(self):
        self.create_queue(name="third", url="127.0.0.1", port=free_port())
        self.file("second.password", "wrong\n")
        for jobs in [1, 4]:
            with self.subTest(jobs=jobs):
                result = self.inqueue("load", "--jobs", jobs, expect=CREDENTIALS)
                self.assertEqual(["second", "third"], sorted(re.findall(r"(?m)^inqueue: load '(\w+)'", result.stderr)))
        self.assertEqual(["Invoice 1"], self.entries())

    def test_signal_is_passed_on_and_no_further_queue_begins(self):
        with Proxy(self.server.port) as proxy:
            fault = self.stall_first(proxy)
            process = self.start("load", "--jobs", 1)
            fault.wait()
            process.send_signal(signal.SIGTERM)
            fault.release()
            self.assertRegex(self.finish(process, expect=TEMPORARY).stderr, "^inqueue: load 'first': asked to stop")
        self.assertEqual([], self.entries())
        self.assertEqual([("second", None)], self.sql("SELECT name, last_message FROM work_queue WHERE last_message IS NULL"))

    def test_lines_on_a_terminal(self):
        self.assertEqual("first: 1 loaded\r\nsecond: 1 loaded\r\n", self.on_terminal("load").stdout)

    def test_too_many_at_a_time(self):
        self.assertEqual("inqueue: --jobs takes at most 64\n", self.fails(USAGE, "load", "--jobs", 65).stderr)


class AtOnce(LoadCase):
    def test_second_load_of_a_queue_says_so(self):
        self.deliver(*messages(2))
        with Proxy(self.server.port) as proxy:
            self.create_queue(port=proxy.port)
            fault = proxy.stall(CLIENT, rb"UID FETCH", forward=False)
            process = self.start("load", "invoices")
            fault.wait()
            self.fails(TEMPORARY, "load", "invoices", says="load 'invoices': .*another")
            self.assertEqual([(None,)], self.sql("SELECT last_message FROM work_queue"))
            fault.release()
            self.finish(process)
        self.assert_all_loaded(2)

    def test_reading_goes_on_while_a_load_is_under_way(self):
        self.deliver(*messages(2))
        with Proxy(self.server.port) as proxy:
            self.create_queue(port=proxy.port)
            fault = proxy.stall(CLIENT, rb"UID MOVE", forward=False)
            process = self.start("load", "invoices")
            fault.wait()
            self.assertEqual(3, self.inqueue("list").stdout.count("\n"))
            self.inqueue("status")
            fault.release()
            self.finish(process)

    def test_message_that_another_client_takes_away(self):
        self.deliver(*messages(3))
        with Proxy(self.server.port) as proxy:
            self.create_queue(port=proxy.port)
            fault = proxy.stall(CLIENT, rb"UID MOVE", forward=False)
            process = self.start("load", "invoices")
            fault.wait()
            with self.look() as mailbox:
                mailbox.expunge("INBOX", 2)
            fault.release()
            self.finish(process)
            self.inqueue("load", "invoices")
        self.assertEqual(["Invoice 1", "Invoice 2", "Invoice 3"], self.entries())
        self.assertEqual(["Invoice 1", "Invoice 3"], self.subjects("DROPBOX"))
        self.assertEqual({"moved"}, set(self.ledger()))


class Progress(LoadCase):
    def test_bar_on_a_terminal_when_it_takes_longer_than_two_seconds(self):
        self.deliver(*messages(60), message("Invoice 61", "long\n" * 10000))
        with Proxy(self.server.port) as proxy:
            proxy.drip(1500, 0.05)
            self.create_queue(port=proxy.port)
            shown = self.on_terminal("load", "invoices").stdout
        self.assertRegex(shown, r"invoices \[#* +\] +\d+/61", "nothing before the end")

    def test_none_when_it_is_quick(self):
        self.deliver(*messages(2))
        self.create_queue()
        self.assertEqual("invoices: 2 loaded\r\n", self.on_terminal("load", "invoices").stdout)

    def test_silence_when_nobody_looks(self):
        self.deliver(*messages(2))
        self.create_queue()
        result = self.inqueue("load", "invoices")
        self.assertEqual(("", ""), (result.stdout, result.stderr))


if __name__ == "__main__":
    unittest.main()
