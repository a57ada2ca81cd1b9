"""inqueue watch: mail becomes entries as it arrives; definitions and signals are followed while it runs."""

import contextlib
import json
import os
import re
import signal
import sqlite3
import unittest

from inqueue import NO, USAGE, message, messages
from watcher import WatchCase


class Arrival(WatchCase):
    def test_mail_that_arrives_while_idle_is_loaded_at_once(self):
        """The next look without IDLE would be five minutes away."""
        self.create_queue()
        watcher = self.watch()
        watcher.wait_idle()
        for number, mail in enumerate(messages(3), start=1):
            self.deliver(mail)
            watcher.wait("run", number, loaded=1)
            watcher.wait_idle(number + 1)
        watcher.stop()
        self.assert_all_loaded(3)
        self.assertEqual(["OK; 1 item."], self.column("SELECT last_message FROM work_queue"))

    def test_one_connection_signed_in_once_and_signed_off(self):
        self.create_queue()
        watcher = self.watch("--renew", "200ms")
        for number in range(2):
            self.deliver(*messages(1))
            watcher.wait("run", loaded=1, times=number + 1)
        watcher.wait_idle(times=4)
        watcher.stop()
        said = self.server.said(self.user)
        self.assertEqual(1, len(re.findall("NAMESPACE", said)))
        self.assertEqual(1, len(re.findall("LOGOUT", said)))
        self.assertGreaterEqual(said.count("DONE"), 3)
        self.assertEqual(said.count("DONE"), said.count(" IDLE"))

    def test_without_idle_it_looks(self):
        self.create_queue(idle="False", poll="1s")
        watcher = self.watch()
        watcher.wait_idle()
        self.deliver(*messages(1))
        watcher.wait("run", loaded=1)
        watcher.stop()
        self.assertNotIn("IDLE", self.server.said(self.user))
        self.assert_all_loaded(1)

    def test_a_server_without_idle_is_looked_at(self):
        self.create_queue(disable="IDLE", poll="1s")
        watcher = self.watch()
        watcher.wait_idle()
        self.deliver(*messages(1))
        watcher.wait("run", loaded=1)
        watcher.stop()

    def test_mail_that_arrives_during_a_load(self):
        """Its arrival is announced in the middle of other answers."""
        self.create_queue()
        first, later = messages(120)[:60], messages(120)[60:]
        self.deliver(*first)
        watcher = self.watch("--limit", "20")
        with self.look() as mailbox:
            for mail in later:
                mailbox.append(mail)
        watcher.wait("stored", times=120)
        watcher.wait_idle()
        watcher.stop()
        self.assert_all_loaded(120)

    def test_a_run_takes_so_many_and_the_next_follows_at_once(self):
        self.create_queue()
        self.deliver(*messages(5))
        watcher = self.watch("--limit", "2")
        watcher.wait_idle()
        watcher.stop()
        self.assertEqual([2, 2, 1], [event["loaded"] for event in watcher.events if event["event"] == "run"][:3])
        self.assert_all_loaded(5)

    def test_a_load_by_hand_beside_it(self):
        self.create_queue()
        watcher = self.watch()
        watcher.wait_idle()
        self.inqueue("load")
        watcher.stop()

    def test_another_program_that_looks_into_the_database(self):
        """Who closes it last takes the log away, and a process that hears a server may not make one beside it."""
        self.create_queue()
        watcher = self.watch()
        watcher.wait_idle()
        with contextlib.closing(sqlite3.connect(self.database)) as other:
            other.execute("SELECT count(*) FROM entry").fetchall()
        self.deliver(*messages(1))
        watcher.wait("run", loaded=1)
        self.assertEqual(0, watcher.count("failed"))
        watcher.stop()
        self.assert_all_loaded(1)

    def test_bad_mail_is_logged_as_such(self):
        self.create_queue(maxSize="1KB")
        self.deliver(message("Too large", body="x" * 2000))
        watcher = self.watch()
        stored = watcher.wait("stored_bad")
        watcher.stop()
        self.assertEqual(("invoices", "INBOX", 1), (stored["queue"], stored["folder"], stored["uid"]))


class Definitions(WatchCase):
    def test_queues_come_and_go(self):
        self.create_queue(name="first")
        watcher = self.watch("--renew", "10m")
        watcher.wait_idle(queue="first")
        self.create_queue(name="second", mailbox="Second", dropbox="Second done", badmail="Second bad")
        watcher.wait("failed", queue="second", **{"class": "configuration"})
        with self.look() as mailbox:
            mailbox.create("Second")
        watcher.wait_idle(queue="second")
        self.deliver(*messages(1), folder="Second")
        watcher.wait("stored", queue="second")
        self.inqueue("queue", "drop", "second", "--yes", "--force")
        watcher.wait("dropped", queue="second")
        watcher.wait_idle(queue="first")
        watcher.stop()
        self.assertEqual(0, watcher.count("failed", queue="first"))

    def test_a_paused_queue_is_left_alone_until_it_is_resumed(self):
        self.create_queue()
        watcher = self.watch()
        watcher.wait_idle()
        self.inqueue("queue", "pause", "invoices")
        watcher.wait("altered", state="paused")
        self.deliver(*messages(1))
        self.inqueue("queue", "resume", "invoices")
        watcher.wait("stored")
        watcher.stop()
        self.assertEqual(2, watcher.count("signed_in"))
        self.assert_all_loaded(1)

    def test_an_altered_queue_is_watched_anew(self):
        self.create_queue()
        with self.look() as mailbox:
            mailbox.create("Other")
        watcher = self.watch()
        watcher.wait_idle()
        self.inqueue("queue", "alter", "invoices", "--name", "bills", "--connection-string",
                     f"url={self.server.address};port={self.server.port};mailbox=Other")
        watcher.wait_idle(queue="bills")
        self.deliver(*messages(1), folder="Other")
        watcher.wait("stored", queue="bills", folder="Other")
        watcher.stop()

    def test_only_the_named_ones(self):
        self.create_queue(name="one")
        self.create_queue(name="two", dropbox="D2", badmail="B2")
        watcher = self.watch("two")
        watcher.wait_idle(queue="two")
        watcher.stop()
        self.assertEqual({"two"}, {event["queue"] for event in watcher.events if "queue" in event})

    def test_a_name_that_does_not_exist(self):
        self.create_queue()
        self.fails(NO, "watch", "invoice", says="no queue 'invoice'")

    def test_wrong_options(self):
        self.create_queue()
        for option, value, says in [("--renew", "1h", "25m"), ("--renew", "soon", "takes a time"),
                                    ("--log-level", "loud", "error, warning"), ("--log-format", "xml", "text or json"),
                                    ("--limit", "0", "at least 1")]:
            self.fails(USAGE, "watch", option, value, says=says)


class Signals(WatchCase):
    def test_term_and_int_finish_and_end_well(self):
        self.create_queue()
        for number in [signal.SIGTERM, signal.SIGINT]:
            watcher = self.watch()
            watcher.wait_idle()
            watcher.stop(number=number)
            self.assertEqual("ended", watcher.events[-1]["event"])
        self.assertEqual(2, self.server.said(self.user).count("LOGOUT"))

    def test_term_in_the_middle_of_a_load_loses_nothing(self):
        self.create_queue()
        self.deliver(*messages(200))
        watcher = self.watch("--limit", "10")
        watcher.wait("stored", times=15)
        watcher.stop()
        self.assertEqual([], self.column("SELECT state FROM pickup WHERE state <> 'moved'"))
        self.inqueue("load")
        self.assert_all_loaded(200)

    def test_usr1_tells_the_status(self):
        self.create_queue()
        watcher = self.watch()
        watcher.wait_idle()
        watcher.send(signal.SIGUSR1)
        status = watcher.wait("status")
        watcher.stop()
        self.assertEqual(("invoices", "waiting"), (status["queue"], status["state"]))

    def test_hup_ends_a_pause(self):
        self.retry = "10m"
        self.create_queue(mailbox="Incoming")
        watcher = self.watch()
        watcher.wait("failed", **{"class": "configuration"})
        with self.look() as mailbox:
            mailbox.create("Incoming")
        watcher.send(signal.SIGHUP)
        watcher.wait_idle()
        watcher.stop()

    def test_systemd_is_told(self):
        self.create_queue()
        manager = self.manager()
        watcher = self.watch(env=manager.environment)
        watcher.wait_idle()
        manager.wait("WATCHDOG=1", times=4)
        watcher.stop()
        manager.wait("READY=1\nSTATUS=1 queues")
        manager.wait("STOPPING=1")


class Logs(WatchCase):
    def test_text_lines_without_a_word_of_the_mail(self):
        self.create_queue()
        self.deliver(message("Secret subject", body="Secret body\n"))
        watcher = self.watch("--log-format", "text")
        while not any("event=waiting" in line for line in watcher.lines):
            with watcher._news:
                watcher._news.wait(30)
        watcher.stop()
        log = "\n".join(watcher.lines)
        self.assertRegex(log, r"(?m)^time=\S+Z level=info event=stored queue=invoices folder=INBOX uid=1 entry=1 "
                              r"size=\d+ duration_ms=\d+$")
        self.assertNotRegex(log, "Secret|correct horse")

    def test_json_as_every_command_has_it(self):
        self.create_queue()
        process = self.start("watch", "--json")
        event = json.loads(process.stderr.readline())
        process.send_signal(signal.SIGTERM)
        self.finish(process)
        self.assertEqual(("watching", "invoices"), (event["event"], event["queue"]))

    def test_the_journal_gets_priorities(self):
        self.create_queue()
        script = 'exec 2>"$1"; shift; export JOURNAL_STREAM=$(stat -L -c %d:%i /dev/stderr); exec "$@"'
        log = self.folder / "journal"
        watcher = self.watch("--log-format", "text", wrap=["sh", "-c", script, "sh", log])
        while not (log.exists() and "event=ready" in log.read_text()):
            self.assertIsNone(watcher.process.poll())
        watcher.stop()
        self.assertRegex(log.read_text(), r"(?m)^<5>level=notice event=ready queues=1$")

    def test_the_protocol_without_passwords_and_mail(self):
        for mechanism in ["PLAIN", "LOGIN", "SCRAM-SHA-256"]:
            self.create_queue(name=mechanism, authMech=mechanism)
        self.deliver(message("Secret subject", body="Secret body\n"))
        log = self.folder / "imap.log"
        watcher = self.watch("--log-imap", log)
        watcher.wait("stored")
        for mechanism in ["PLAIN", "LOGIN", "SCRAM-SHA-256"]:
            watcher.wait_idle(queue=mechanism)
        watcher.stop()
        text = log.read_text()
        self.assertEqual(0o600, log.stat().st_mode & 0o777)
        self.assertRegex(text, r"(?m)^\S+Z \d+ 127\.0\.0\.1 C: \d+ SELECT \"INBOX\"$")
        self.assertRegex(text, r"(?m) S: \* 1 FETCH .*BODY\[\] \{\d+\}$")
        self.assertGreaterEqual(len(re.findall(r"C: \[sign-in, \d+ bytes are not shown\]", text)), 3)
        self.assertNotRegex(text, r"Secret|correct|horse|Y29ycmVjd|AGNvcnJlY3")

    def test_a_protocol_file_that_cannot_be_written(self):
        self.create_queue()
        self.fails(74, "watch", "--log-imap", "/nowhere/imap.log", says="--log-imap: cannot write to '/nowhere")

    def test_a_protocol_file_that_is_a_pipe(self):
        """Whether somebody reads it or nobody: it would be waited for."""
        self.create_queue()
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        self.fails(74, "watch", "--log-imap", pipe, says="--log-imap: cannot write to")
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        self.fails(74, "watch", "--log-imap", pipe, says="'.*pipe': it is no file")

    @unittest.skipIf(os.getuid() != 0, "only root can give files away")
    def test_a_protocol_file_of_another_user(self):
        self.create_queue()
        log = self.file("imap.log", "", mode=0o666)
        os.chown(log, 12345, 12345)
        self.fails(74, "watch", "--log-imap", log, says="belongs to user 12345, who can read what is written to it")
        self.assertEqual("", log.read_text())


class Refused(WatchCase):
    def refuse(self):
        self.create_queue()
        self.server.set_password(self.user, "another")

    def test_three_tries_then_the_queue_is_stopped_until_it_is_resumed(self):
        self.refuse()
        watcher = self.watch()
        stopped = watcher.wait("stopped")
        self.assertEqual(2, watcher.count("refused"))
        self.assertRegex(stopped["error"], "refused")
        watcher.stop()
        self.assertEqual([3], self.column("SELECT refusals FROM queue_health WHERE stopped_at IS NOT NULL"))
        self.fails(NO, "status", "--check", says="'invoices': stopped: sign-in .* refused")
        self.assertEqual("stopped", self.inqueue("status").stdout.splitlines()[1].split()[1])
        self.assertRegex(self.json_lines("status", "--json")[0]["stopped_reason"], "refused")

        watcher = self.watch()
        watcher.wait("ready")
        self.assertEqual(1, watcher.count("stopped"))
        watcher.send(signal.SIGHUP)
        watcher.wait("reloaded")
        self.assertEqual(0, watcher.count("worker_started"))
        self.server.set_password(self.user, "correct horse")
        self.inqueue("queue", "resume", "invoices")
        watcher.wait_idle()
        watcher.stop()
        self.assertEqual([0], self.column("SELECT refusals FROM queue_health"))

    def test_the_password_is_changed_while_it_runs(self):
        self.create_queue()
        watcher = self.watch()
        watcher.wait_idle()
        self.server.halt()
        self.server.set_password(self.user, "another")
        self.server.resume()
        watcher.wait("refused")
        self.file("invoices.password", "another\n")
        watcher.wait("signed_in", times=2)
        self.deliver(*messages(1))
        watcher.wait("stored")
        watcher.stop()
        self.assertEqual([0], self.column("SELECT refusals FROM queue_health"))
        self.assert_all_loaded(1)

    def test_a_restart_does_not_begin_to_count_anew(self):
        self.retry = "1h"
        self.refuse()
        watcher = self.watch()
        watcher.wait("refused")
        watcher.stop()
        watcher = self.watch()
        watcher.wait("ready")
        watcher.send(signal.SIGUSR1)
        self.assertGreater(watcher.wait("status")["retry_in_ms"], 60_000)
        watcher.stop()
        self.assertEqual([1], self.column("SELECT refusals FROM queue_health"))

    def test_hup_ends_the_pause_after_a_refusal(self):
        self.retry = "1h"
        self.create_queue()
        self.file("invoices.password", "wrong\n")
        watcher = self.watch()
        watcher.wait("refused")
        self.file("invoices.password", "correct horse\n")
        watcher.send(signal.SIGHUP)
        watcher.wait_idle()
        watcher.stop()

    def test_another_queue_goes_on(self):
        self.refuse()
        other = "other@example.com"
        self.server.add_user(other, "correct horse")
        self.create_queue(name="other", user=other)
        watcher = self.watch()
        watcher.wait_idle(queue="other")
        watcher.wait("stopped", queue="invoices")
        with self.server.mailbox(other) as mailbox:
            mailbox.append(*messages(1))
        watcher.wait("stored", queue="other")
        watcher.stop()


if __name__ == "__main__":
    unittest.main()
