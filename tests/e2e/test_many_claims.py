"""Sixteen workers, some of them killed: a sample of what tests/bench/claims does a million times."""

import os
import pathlib
import unittest

import many_claims
from inqueue import PROGRAM, Case

BUILD_DIR = pathlib.Path(os.environ.get("BUILD_DIR") or pathlib.Path(PROGRAM).parent)


class ManyClaims(Case):
    def test_no_entry_twice_and_none_stuck(self):
        figures = many_claims.run(BUILD_DIR / "tests" / "bench_queue", self.database, entries=3000, kills=20)
        self.assertEqual([], many_claims.faults(figures), figures)
        # A fault that never fires proves nothing.
        self.assertGreater(figures["expired"], 0, figures)


if __name__ == "__main__":
    unittest.main()
