"""acknowledge=delivery: the mail server is told what the target has answered, and nothing before that."""

import os
import signal
import unittest

import inqueue
from deliveries import DeliverCase
from inqueue import TEMPORARY, UNREACHABLE, message, messages
from proxy import CLIENT, Proxy
from receiver import Answer
from watcher import WatchCase

UNREAD, READ = frozenset(), frozenset({"\\Seen"})


class AcknowledgeCase(DeliverCase):
    def poller(self, url, *options, **keys):
        self.target(url, "--acknowledge", "delivery", "--retry-delay", "0", *options, **keys)

    def seen(self, folder="INBOX"):
        """Of each message its subject, and is it read."""
        with self.look() as mailbox:
            return {found.subject: "\\Seen" in found.flags for found in mailbox.messages(folder)}

    def round(self, expect=inqueue.DONE, posts=1):
        """A poll: mail is loaded, posted, and acknowledged."""
        self.inqueue("load")
        self.inqueue("deliver", "--limit", posts, expect=expect)
        self.inqueue("load")

    def assert_in_order(self):
        self.assertEqual("", self.inqueue("verify", "invoices").stdout)


class NotCollected(AcknowledgeCase):
    def test_what_waits_and_what_is_not_loaded(self):
        self.poller(self.receiver(500).url())
        self.deliver(*messages(5))
        self.inqueue("load", "--limit", "2")
        self.assertEqual([5], self.column("SELECT not_collected FROM work_queue"))
        self.inqueue("deliver", expect=TEMPORARY)
        self.inqueue("load")
        self.assertEqual([5], self.column("SELECT not_collected FROM queue_overview"))
        self.assertRegex(self.inqueue("queue", "show", "invoices").stdout, "not collected +5\n")


class Poller(AcknowledgeCase):
    """Without a dropbox: the flag \\Seen is all that changes, and no folder is made."""

    def after_a_round(self, *answers, expect):
        self.poller(self.receiver(*answers).url())
        self.deliver(message())
        self.round(expect)
        self.assert_in_order()

    def test_it_waits_for_the_answer(self):
        self.poller(self.receiver().url())
        self.deliver(message("Invoice"))
        self.inqueue("load")
        self.assertEqual((["new"], ["awaiting"], {"Invoice": False}),
                         (self.states(), self.ledger(), self.seen()))
        self.assertIn("not collected    1\n", self.inqueue("status", "invoices").stdout)
        self.assert_in_order()
        self.inqueue("load")
        self.assertEqual((["new"], {"Invoice": False}), (self.states(), self.seen()))
        self.inqueue("deliver")
        self.assertEqual((["done"], ["stored"], {"Invoice": False}), (self.states(), self.ledger(), self.seen()))
        self.inqueue("load")
        self.assertEqual((["read"], {"Invoice": True}, {"INBOX": 1}), (self.ledger(), self.seen(), self.folders()))
        self.assertIn("not collected    0\n", self.inqueue("status", "invoices").stdout)
        self.assert_in_order()
        self.inqueue("load")
        self.assertEqual(1, len(self.attempts()))

    def test_4xx_is_read(self):
        self.after_a_round(422, expect=inqueue.DONE)
        self.assertEqual((["failed"], [True], {"INBOX": 1}),
                         (self.states(), list(self.seen().values()), self.folders()))

    def test_5xx_is_unread_and_tried_again(self):
        self.after_a_round(500, 503, 200, expect=TEMPORARY)
        self.assertEqual((["new"], [False]), (self.states(), list(self.seen().values())))
        self.round(TEMPORARY)
        self.assertEqual((["new"], [False]), (self.states(), list(self.seen().values())))
        self.round()
        self.assertEqual((["done"], [True], {"INBOX": 1}),
                         (self.states(), list(self.seen().values()), self.folders()))

    def test_no_answer_is_unread_and_tried_again(self):
        self.after_a_round(Answer(fault="reset-after"), 200, expect=UNREACHABLE)
        self.assertEqual((["new"], [False]), (self.states(), list(self.seen().values())))
        self.round()
        self.assertEqual((["done"], [True]), (self.states(), list(self.seen().values())))

    def test_read_by_somebody_it_is_made_unread_again(self):
        self.poller(self.receiver(500).url())
        self.deliver(message("Invoice"))
        self.inqueue("load")
        with self.look() as mailbox:
            mailbox.flag("INBOX", 1, "\\Seen", "\\Flagged")
        self.inqueue("load")
        with self.look() as mailbox:
            self.assertEqual([{"\\Flagged"}], [found.flags for found in mailbox.messages()])

    def test_after_the_last_attempt_it_is_bad_mail(self):
        receiver = self.receiver(500)
        self.poller(receiver.url(), "--max-attempts", "2")
        self.deliver(message("Invoice"), message("Order"))
        self.inqueue("load")
        self.assertEqual({"INBOX": 2}, self.folders())
        self.round(TEMPORARY, posts=2)
        self.assertEqual({"INBOX": 2}, self.folders())
        self.round(TEMPORARY, posts=2)
        self.assertEqual(["failed", "failed"], self.states())
        self.assertEqual(["the target answered 500"] * 2, self.column("SELECT error_text FROM entry"))
        self.assertEqual(({"BADMAIL": 2, "INBOX": 0}, ["moved"] * 2), (self.folders(), self.ledger()))
        self.assert_in_order()
        receiver.answers = [200]
        self.inqueue("delivery", "retry", "1", "2")
        self.inqueue("deliver")
        self.inqueue("load")
        self.assertEqual((["done"] * 2, {"BADMAIL": 2, "INBOX": 0}), (self.states(), self.folders()))
        self.assert_in_order()

    def test_what_is_bad_from_the_start_is_bad_mail(self):
        self.poller(self.receiver().url(), maxSize=1000)
        self.deliver(message(body="x" * 2000))
        self.inqueue("load")
        self.assertEqual((["bad"], {"BADMAIL": 1, "INBOX": 0}), (self.states(), self.folders()))
        self.assert_in_order()

    def test_a_bad_one_that_is_reloaded_is_delivered_from_badmail(self):
        """With a dropbox, too: it is not moved there before there is an answer."""
        for name, keys in [("one", {}), ("two", {"dropbox": "Archive"})]:
            receiver = self.receiver()
            self.poller(receiver.url(), name=name, maxSize=1000, **keys)
            self.deliver(message(name, body="x" * 2000))
            self.inqueue("load", name)
            entry, = self.column("SELECT id FROM entry WHERE queue = '" + name + "'")
            self.inqueue("queue", "alter", name, "--connection-string",
                         inqueue.connection_string(self.keys(self.server, **keys)))
            self.inqueue("reload", entry)
            lies = self.folders()
            self.assertEqual([("new",)], self.sql("SELECT state FROM entry WHERE id = ?", entry))
            self.inqueue("deliver", name)
            self.inqueue("load", name)
            self.assertEqual(1, len(receiver.requests))
            self.assertEqual(lies, self.folders())
            self.assertIn(name, self.seen("BADMAIL"))
            self.assertEqual([("done",)], self.sql("SELECT state FROM entry WHERE id = ?", entry))
            self.assertEqual("", self.inqueue("verify", name).stdout)
            self.inqueue("queue", "drop", name, "--yes")
            with self.look() as mailbox:
                mailbox.delete("BADMAIL")

    def test_only_unread_mail_is_collected_unless_search_says_otherwise(self):
        self.poller(self.receiver().url())
        with self.look() as mailbox:
            mailbox.append(message("Old"), flags=["\\Seen"])
            mailbox.append(message("New"))
        self.round()
        self.assertEqual(["New"], self.entries())
        self.inqueue("queue", "alter", "invoices", "--connection-string",
                     inqueue.connection_string(self.keys(self.server, search="ALL")))
        self.inqueue("load")
        self.assertEqual(["New", "Old"], self.entries())

    def test_a_target_that_is_stopped_leaves_all_unread(self):
        self.poller(self.receiver(404).url())
        mail = messages(5)
        self.deliver(*mail)
        for number in range(1, 5):
            self.round()
            self.assertEqual(number, sum(self.seen().values()))
        self.inqueue("deliver", "--limit", "1", expect=inqueue.CONFIGURATION)
        self.inqueue("load")
        self.assertEqual((["new"] * 5, [False] * 5), (self.states(), list(self.seen().values())))
        self.assert_in_order()

    def test_delivered_again_it_waits_again(self):
        receiver = self.receiver(200, 500)
        self.poller(receiver.url())
        self.deliver(message("Invoice"))
        self.round()
        self.inqueue("delivery", "retry", "1")
        self.round(TEMPORARY)
        self.assertEqual((["awaiting"], {"Invoice": False}), (self.ledger(), self.seen()))
        receiver.answers = [200]
        self.round()
        self.assertEqual((["read"], {"Invoice": True}), (self.ledger(), self.seen()))

    def test_completed_by_a_worker_it_is_read_too(self):
        self.poller(self.receiver().url())
        self.deliver(message())
        self.inqueue("load")
        self.inqueue("work", "invoices", "--until-empty", "--", "true")
        self.inqueue("load")
        self.assertEqual([True], list(self.seen().values()))

    def test_a_message_that_is_removed_meanwhile_is_delivered_all_the_same(self):
        self.poller(self.receiver().url())
        self.deliver(message())
        self.inqueue("load")
        with self.look() as mailbox:
            mailbox.expunge("INBOX", 1)
        self.assertRegex(self.inqueue("verify", "invoices", expect=inqueue.NO).stdout, "missing|not there any more")
        self.round()
        self.assertEqual((["done"], {"INBOX": 0}), (self.states(), self.folders()))
        self.assert_in_order()

    def test_renumbered_while_it_waits(self):
        """A new UIDVALIDITY: the message is known by its bytes, and still waits."""
        arrived = '"03-Mar-2026 09:30:00 +0000"'
        mail = message("Invoice")
        receiver = self.receiver()
        self.poller(receiver.url(), mailbox="Work")
        for _ in range(2):
            with self.look() as mailbox:
                if "Work" in mailbox.folders():
                    mailbox.delete("Work")
                mailbox.create("Work")
                mailbox.append(mail, folder="Work", date=arrived)
            self.inqueue("load")
        self.assertEqual(1, len(self.states()))
        self.inqueue("deliver")
        self.inqueue("load")
        self.assertEqual(({"Invoice": True}, 1), (self.seen("Work"), len(receiver.requests)))
        self.assert_in_order()

    def test_check_and_plan_say_so(self):
        self.poller(self.receiver().url())
        self.deliver(message())
        shown = self.inqueue("queue", "check", "invoices").stdout
        self.assertRegex(shown, "dropbox +none: what is delivered stays in the mailbox, marked read\n")
        self.assertRegex(shown, "badmail +BADMAIL: not there; created when it is needed\n")
        self.assertIsNone(self.json_lines("--json", "queue", "check", "invoices")[0]["dropbox"])
        planned = self.inqueue("load", "--dry-run").stdout
        self.assertRegex(planned, r"\A[^\n]*UID 1: load \(\d+ bytes\), leave it unread until it is delivered\n\Z")
        self.assertRegex(self.inqueue("queue", "show", "invoices").stdout, "acknowledge +delivery: mail is moved once the target has answered\n")
        self.assertEqual("delivery", self.json_lines("--json", "queue", "show", "invoices")[0]["delivery"]["acknowledge"])


class Archived(AcknowledgeCase):
    """With a dropbox: the message goes there, once there is an answer."""

    def test_moved_after_the_answer(self):
        self.poller(self.receiver(200, 422, 500).url(), "--deliver-concurrency", "1", dropbox="Archive")
        self.deliver(*messages(3))
        self.inqueue("load")
        self.assertEqual({"Archive": 0, "INBOX": 3}, self.folders())
        self.round(TEMPORARY, posts=3)
        self.assertEqual(["done", "failed", "new"], self.states())
        self.assertEqual(({"Invoice 1": True, "Invoice 2": True}, {"Invoice 3": False}),
                         (self.seen("Archive"), self.seen()))
        self.assertEqual(["moved", "moved", "awaiting"], self.ledger())
        self.assert_in_order()

    def test_without_move(self):
        self.poller(self.receiver().url(), dropbox="Archive", disable="MOVE")
        self.deliver(*messages(2))
        self.round(posts=2)
        self.assertEqual({"Invoice 1": True, "Invoice 2": True}, self.seen("Archive"))
        self.assert_in_order()

    def test_acknowledged_at_load_again(self):
        """What waits for a target that is not asked any more is moved at the next look."""
        for change in [["--acknowledge", "load"], ["--acknowledge", "load", "--deliver-to", ""]]:
            self.poller(self.receiver(500).url(), dropbox="Archive", name=f"q{len(change)}")
            self.deliver(message(change[-1] or "none"))
            self.inqueue("load")
            self.assertEqual(1, self.folders()["INBOX"])
            self.inqueue("queue", "alter", f"q{len(change)}", *change)
            self.inqueue("load", f"q{len(change)}")
            self.assertEqual(0, self.folders()["INBOX"])
            self.inqueue("queue", "drop", f"q{len(change)}", "--yes", "--force")

    def test_it_needs_a_target(self):
        self.poller(self.receiver().url())
        self.fails(inqueue.CONFIGURATION, "queue", "alter", "invoices", "--deliver-to", "",
                   says="acknowledge=delivery needs deliver-to")
        self.fails(inqueue.CONFIGURATION, "queue", "alter", "invoices", "--acknowledge", "never",
                   says="acknowledge: takes load or delivery")

    def test_by_a_file(self):
        password = self.file("invoices.password", "correct horse\n")
        self.file("queues.ini", f"[queue invoices]\nconnection-string=url={self.server.address};"
                  f"port={self.server.port}\nuser-name={self.user}\npassword-file={password}\n"
                  f"deliver-to={self.receiver().url()}\nallow-private=true\nacknowledge=delivery\n")
        self.assertEqual("queue 'invoices' created\n", self.inqueue("queue", "apply", "queues.ini").stdout)
        self.assertEqual("", self.inqueue("queue", "apply", "queues.ini").stdout)
        self.deliver(message())
        self.round()
        self.assertEqual([True], list(self.seen().values()))


class Interrupted(AcknowledgeCase):
    """Whoever dies when: the next run goes on, with the same key, and nothing is acknowledged too early."""

    def interrupted(self, pattern, dies, **keys):
        receiver = self.receiver()
        with Proxy(self.server.port) as proxy:
            self.poller(receiver.url(), port=proxy.port, **keys)
            self.deliver(message("Invoice"))
            self.inqueue("load")
            self.inqueue("deliver", "--limit", "1")
            if dies:
                fault = proxy.stall(CLIENT, pattern, forward=False)
                process = self.start("load")
                fault.wait()
                os.killpg(process.pid, signal.SIGKILL)
                self.finish(process, expect=-signal.SIGKILL)
                fault.release()
            else:
                proxy.cut(CLIENT, pattern, forward=False)
                self.inqueue("load", expect=UNREACHABLE)
            self.assertEqual(["stored"], self.ledger())
            self.inqueue("load")
        self.inqueue("deliver")
        self.assertEqual(1, len(receiver.requests))

    def test_cut_before_the_flag_is_set(self):
        self.interrupted(rb"UID STORE 1 \+FLAGS", dies=False)
        self.assertEqual({"Invoice": True}, self.seen())

    def test_killed_before_the_flag_is_set(self):
        self.interrupted(rb"UID STORE 1 \+FLAGS", dies=True)
        self.assertEqual({"Invoice": True}, self.seen())

    def test_killed_before_the_move(self):
        self.interrupted(rb"UID MOVE", dies=True, dropbox="Archive")
        self.assertEqual({"Invoice": True}, self.seen("Archive"))

    def test_a_deliverer_that_dies_between_answer_and_record(self):
        receiver = self.receiver(Answer(fault="silent"), 200)
        self.poller(receiver.url())
        self.deliver(message("Invoice"))
        self.inqueue("load")
        process = self.start("deliver")
        self.assertTrue(receiver.arrived.acquire(timeout=20))
        process.send_signal(signal.SIGKILL)
        self.finish(process, expect=-signal.SIGKILL)
        receiver.released.set()
        self.inqueue("load")
        self.assertEqual((["awaiting"], {"Invoice": False}), (self.ledger(), self.seen()))
        self.inqueue("deliver")
        self.inqueue("load")
        self.assertEqual((["read"], {"Invoice": True}), (self.ledger(), self.seen()))
        self.assertEqual((2, 1), (len(receiver.requests),
                                  len({request.headers["idempotency-key"] for request in receiver.requests})))


class Watched(WatchCase, AcknowledgeCase):
    def test_acknowledged_as_soon_as_it_is_answered(self):
        receiver = self.receiver(500, 200)
        self.poller(receiver.url())
        watcher = self.watch()
        watcher.wait_idle()
        self.deliver(message("Invoice"))
        watcher.wait("run", finished=1)
        self.assertEqual({"Invoice": True}, self.seen())
        watcher.stop()
        self.assertEqual(["retry", "delivered"], [attempt[2] for attempt in self.attempts()])

    def test_loader_and_deliverer_do_not_wake_each_other_for_nothing(self):
        self.poller(self.receiver().url())
        watcher = self.watch()
        for number, mail in enumerate(messages(5), start=1):
            watcher.wait_idle(number)
            self.deliver(mail)
            watcher.wait("run", number, finished=1)
        watcher.stop()
        # A look when it starts; for each message one when it arrives, one when it is acknowledged.
        self.assertLessEqual(watcher.count("run"), 11)

    def test_the_same_where_the_mailbox_is_polled(self):
        self.poller(self.receiver().url(), idle="False", poll="10m")
        self.deliver(message("Invoice"))
        watcher = self.watch()
        watcher.wait("run", finished=1)
        self.assertEqual({"Invoice": True}, self.seen())
        watcher.stop()


if __name__ == "__main__":
    unittest.main()
