"""samples/worker, the command that a newcomer copies."""

import unittest

from entries import EntryCase
from inqueue import SOURCE_DIR


class SampleWorker(EntryCase):
    def work(self):
        return self.inqueue("work", self.queue, "--until-empty", "--", SOURCE_DIR / "samples" / "worker")

    def test_books_refuses_or_comes_back(self):
        self.inqueue("queue", "alter", self.queue, "--retry-delay", "1h")
        with_pdf, without = self.put(2)
        self.attach(with_pdf, invoice_pdf=b"%PDF")
        self.work()
        self.assertEqual(["new", "new"], self.states())
        self.assertEqual(["loaded", "claimed", "deferred"], self.history(with_pdf))
        booked = self.folder / "invoices-booked"
        booked.mkdir()
        self.inqueue("retry", with_pdf, without)
        self.work()
        self.assertEqual(["done", "failed"], self.states())
        self.assertEqual(b"%PDF", (booked / f"{with_pdf}-invoice.pdf").read_bytes())
        self.assertEqual([("business", "exit status 65: no invoice in 'Invoice'")],
                         self.sql("SELECT error_kind, error_text FROM entry WHERE id = ?", without))


if __name__ == "__main__":
    unittest.main()
