"""A large attachment is posted in little memory, in every format."""

import hashlib
import pathlib
import random
import sqlite3
import unittest

from deliveries import DeliverCase
from inqueue import PROGRAM
from receiver import Receiver

SIZE = 100 * 1024 * 1024
LIMIT_KB = 64 * 1024


class Large(DeliverCase):
    def store_large(self):
        """As loading a mail of that size leaves it, without the time that takes."""
        self.load()
        data = random.Random(1).randbytes(1 << 20) * (SIZE >> 20)
        digest = hashlib.sha256(data).hexdigest()
        with sqlite3.connect(self.database) as database:
            database.execute("PRAGMA foreign_keys = ON")
            database.execute("INSERT INTO content (sha256, size, data) VALUES (?, ?, ?)", (digest, SIZE, data))
            database.execute("INSERT INTO attachment (entry_id, position, file_name, content_type, size, sha256) "
                             "VALUES (1, 1, 'large.bin', 'application/octet-stream', ?, ?)", (SIZE, digest))
            database.execute("UPDATE entry_mail SET raw_sha256 = ?1, raw_size = ?2, raw_content = ?1", (digest, SIZE))
        database.close()

    def test_every_format(self):
        receiver = self.enterContext(Receiver(keep_bodies=False))
        secret = self.file("delivery.secret", "geheim\n")
        self.target(receiver.url(), "--deliver-secret", f"file:{secret}", "--deliver-timeout", "5m", keepRaw="True")
        self.store_large()
        least = {"multipart": SIZE, "json": SIZE * 4 // 3, "raw": SIZE}
        for number, form in enumerate(least, 1):
            with self.subTest(format=form):
                self.inqueue("queue", "alter", "invoices", "--deliver-format", form)
                report = self.folder / "rss"
                self.inqueue("deliver", wrap=["/usr/bin/time", "-f", "%M", "-o", report])
                self.inqueue("delivery", "retry", "1")
                self.assertEqual([(1, 1, "delivered", 200)] * number, self.attempts())
                sent = int(receiver.requests[-1].headers["content-length"])
                self.assertTrue(least[form] < sent < least[form] + 10000, sent)
                # The address sanitizer has memory of its own.
                if b"__asan_init" not in pathlib.Path(PROGRAM).read_bytes():
                    self.assertLess(int(report.read_text()), LIMIT_KB)


if __name__ == "__main__":
    unittest.main()
