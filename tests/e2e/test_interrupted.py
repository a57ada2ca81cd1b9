"""Whatever dies when: the next run finishes what one began, and nothing is lost or doubled."""

import signal
import unittest

from inqueue import PROTOCOL, TEMPORARY, UNREACHABLE, LoadCase, message, messages
from proxy import CLIENT, SERVER, Proxy


class Interrupted(LoadCase):
    """The connection is cut at each step of a run; the next run finishes it."""

    def interrupted(self, side, pattern, forward, entries_after, **keys):
        self.deliver(*messages(3))
        with Proxy(self.server.port) as proxy:
            self.create_queue(port=proxy.port, **keys)
            proxy.cut(side, pattern, forward)
            result = self.inqueue("load", "invoices", expect=UNREACHABLE)
            self.assertRegex(result.stderr, r"\Ainqueue: load 'invoices': [^\n]+\n\Z")
            self.assertRegex(self.sql("SELECT last_message FROM work_queue")[0][0], "^Error: ")
            self.assertEqual(entries_after, len(self.entries()))
            self.inqueue("load", "invoices")
        self.assert_all_loaded(3)

    def test_in_the_greeting(self):
        self.interrupted(SERVER, rb"\* OK", False, 0)

    def test_after_signing_in(self):
        self.interrupted(SERVER, rb"Logged in", True, 0)

    def test_where_messages_come(self):
        """The run connects again, and asks for what has not come."""
        for number, pattern in enumerate([rb"Subject: Invoice 2", rb"BODY\[\] \{"]):
            with self.subTest(pattern), Proxy(self.server.port) as proxy:
                self.deliver(*messages(3))
                self.create_queue(name=f"queue-{number}", port=proxy.port)
                proxy.cut(SERVER, pattern, True)
                self.inqueue("load", f"queue-{number}")
                self.assertEqual(3 * (number + 1), len(self.entries()))

    def test_before_seen_is_set(self):
        self.interrupted(CLIENT, rb"UID STORE", False, 3)

    def test_before_the_move(self):
        self.interrupted(CLIENT, rb"UID MOVE", False, 3)

    def test_after_the_move_before_its_answer(self):
        self.interrupted(SERVER, rb"\* OK \[COPYUID", False, 3)

    def test_in_the_middle_of_the_moves_answer(self):
        self.interrupted(SERVER, rb"\* OK \[COPYUID \d+ 1", True, 3)

    def test_before_a_copy(self):
        self.interrupted(CLIENT, rb"UID COPY", False, 3, disable="MOVE")

    def test_after_a_copy_before_its_answer(self):
        self.interrupted(SERVER, rb"[^\r\n]*OK \[COPYUID", False, 3, disable="MOVE")

    def test_between_copy_and_expunge(self):
        self.interrupted(CLIENT, rb"UID EXPUNGE", False, 3, disable="MOVE")

    def test_after_expunge_before_its_answer(self):
        self.interrupted(SERVER, rb"\* 1 EXPUNGE", False, 3, disable="MOVE")


class Killed(LoadCase):
    """The program itself dies; its locks go with it, and the next run finishes."""

    def killed(self, number, pattern, expect):
        self.deliver(*messages(3))
        with Proxy(self.server.port) as proxy:
            self.create_queue(port=proxy.port)
            fault = proxy.stall(CLIENT, pattern, forward=False)
            process = self.start("load", "invoices")
            fault.wait()
            process.send_signal(number)
            fault.release()
            result = self.finish(process, expect=expect)
            self.inqueue("load", "invoices")
        self.assert_all_loaded(3)
        return result

    def test_by_kill_before_the_move(self):
        self.killed(signal.SIGKILL, rb"UID MOVE", -signal.SIGKILL)

    def test_by_kill_before_the_fetch(self):
        self.killed(signal.SIGKILL, rb"UID FETCH", -signal.SIGKILL)

    def test_worker_alone(self):
        """Its supervisor starts another, which finishes what this one began."""
        self.deliver(*messages(3))
        with Proxy(self.server.port) as proxy:
            self.create_queue(port=proxy.port)
            fault = proxy.stall(CLIENT, rb"UID MOVE", forward=False)
            process = self.start("load", "invoices")
            fault.wait()
            self.kill_worker(process)
            fault.release()
            result = self.finish(process)
        self.assertEqual("inqueue: load 'invoices': the worker died 1 times and was started again\n", result.stderr)
        self.assertEqual([("OK; 3 items.",)], self.sql("SELECT last_message FROM work_queue"))
        self.assert_all_loaded(3)

    def test_asked_to_stop(self):
        """SIGTERM: what has been begun is finished, the rest waits for the next run."""
        self.deliver(*messages(1020))
        with Proxy(self.server.port) as proxy:
            self.create_queue(port=proxy.port)
            fault = proxy.stall(CLIENT, rb"INTERNALDATE BODY", forward=False)
            process = self.start("load", "invoices")
            fault.wait()
            process.send_signal(signal.SIGTERM)
            fault.release()
            result = self.finish(process, expect=TEMPORARY)
            self.assertRegex(result.stderr, "'invoices'.*stop")
            self.assertEqual({"moved"}, set(self.ledger()))
            self.assertLess(len(self.entries()), 1020)
            self.inqueue("load", "invoices")
        self.assert_all_loaded(1020)


class Renumbered(LoadCase):
    def test_messages_stored_but_not_moved_are_known_again(self):
        """A new UIDVALIDITY between two runs: bytes, size and date tell that these are the same messages."""
        arrived = '"03-Mar-2026 09:30:00 +0000"'
        mail = [message("Invoice 1"), message("Invoice 2")]
        with self.look() as mailbox:
            mailbox.create("Work")
            mailbox.append(*mail, folder="Work", date=arrived)
            before = mailbox.uid_validity("Work")
        with Proxy(self.server.port) as proxy:
            self.create_queue(port=proxy.port, mailbox="Work")
            proxy.cut(CLIENT, rb"UID MOVE", forward=False)
            self.inqueue("load", "invoices", expect=UNREACHABLE)
            with self.look() as mailbox:
                mailbox.delete("Work")
                mailbox.create("Work")
                mailbox.append(*mail, message("Invoice 3"), folder="Work", date=arrived)
                self.assertNotEqual(before, mailbox.uid_validity("Work"))
            self.inqueue("load", "invoices")
        self.assertEqual(["Invoice 1", "Invoice 2", "Invoice 3"], self.entries())
        self.assertEqual({"BADMAIL": 0, "DROPBOX": 3, "INBOX": 0, "Work": 0}, self.folders())

    def test_the_same_bytes_sent_twice_are_two_entries(self):
        twice = message("Invoice 1").as_bytes()
        self.deliver(twice, twice)
        self.create_queue()
        self.inqueue("load", "invoices")
        self.assertEqual(["Invoice 1", "Invoice 1"], self.entries())
        self.assertEqual({"BADMAIL": 0, "DROPBOX": 2, "INBOX": 0}, self.folders())


class Liar(LoadCase):
    def test_move_that_the_server_only_claims(self):
        """OK, but the message is still there: the run says so, and a later one moves it."""
        self.deliver(message("Invoice 1"))
        with Proxy(self.server.port) as proxy:
            self.create_queue(port=proxy.port)
            proxy.replace(CLIENT, rb"UID MOVE 1 ", b"UID MOVE 9 ")
            self.fails(PROTOCOL, "load", "invoices", says=["'invoices'", "still"])
            self.assertEqual(["stored"], self.ledger())
            self.inqueue("load", "invoices")
        self.assert_all_loaded(1)


if __name__ == "__main__":
    unittest.main()
