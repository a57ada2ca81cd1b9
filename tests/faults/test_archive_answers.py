"""A server that lies to `purge --archive`: no crash, no entry lost, nothing taken out of the archive that nobody chose; an
honest server brings it to its end."""

import unittest

from inqueue import DEADLINE_S, DONE, SOFTWARE
from liar import LiarCase, small

DEEP = b"* X-ANYTHING " + b"(" * 32_000 + b"\r\n"
ANSWERS = {
    "nested": DEEP + b"TAG OK done\r\n",
    "closed": lambda *_: None,
    "refused": b"TAG NO not now\r\n",
    "not understood": b"TAG BAD what\r\n",
    "not done": b"TAG OK done\r\n",
    "said goodbye": lambda session, *_: session.send(b"* BYE tired\r\n"),
    "unasked": b"".join(b"* %d EXPUNGE\r\n" % number for number in range(900, 0, -1)) + b"TAG OK done\r\n",
    "another's bytes": b"* 1 FETCH (UID 1 INTERNALDATE \"03-Mar-2026 09:30:00 +0000\" BODY[] {5}\r\nother)\r\n"
                       b"* 2 FETCH (UID 4294967295 BODY[] {5}\r\nother)\r\nTAG OK done\r\n",
}
MOMENTS = {"SELECT": rb"SELECT", "SEARCH": rb"UID SEARCH", "FETCH": rb"UID FETCH \S+ \(UID INTERNALDATE BODY",
           "STORE": rb"UID STORE", "EXPUNGE": rb"UID EXPUNGE"}


class Archive(LiarCase):
    fault = "lies to purge --archive"
    purge = ["purge", "--archive", "invoices", "--older-than", "1d", "--yes"]

    def test_each_kind_of_answer(self):
        """Each kind meets two moments."""
        moments = list(MOMENTS)
        for number, kind in enumerate([*ANSWERS, *ANSWERS]):
            moment = moments[(number + number // len(ANSWERS)) % len(moments)]
            self.use_database(f"archive-{number}")
            with self.subTest(answer=kind, moment=moment), self.lying(timeout="5s") as server:
                self.inqueue("load")
                self.inqueue("discard", "--queue", "invoices", "--state", "new", "--reason", "test")
                stray = small(9)
                server.deliver(stray, folder="DROPBOX")
                server.answer(MOMENTS[moment], ANSWERS[kind])
                process = self.start(*self.purge)
                _, said = process.communicate(timeout=DEADLINE_S)
                self.assertGreaterEqual(process.returncode, DONE, said)
                self.assertNotEqual(SOFTWARE, process.returncode, said)
                if moment == "FETCH":  # whose bytes it has not seen stays
                    self.assertEqual(4, len(server.messages("DROPBOX")))
                server.heal()
                self.inqueue(*self.purge)
                self.assertEqual([stray], [message.raw for message in server.messages("DROPBOX")])
                self.assertEqual([(3,)], self.sql("SELECT count(*) FROM entry"))


if __name__ == "__main__":
    unittest.main()
