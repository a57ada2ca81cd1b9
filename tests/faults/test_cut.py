"""The connection fails after every byte, in both directions: cut, reset, stall, a drip of single bytes."""

import unittest

from cutting_proxy import CUT, DRIP, RESET, STALL, CuttingProxy
from inqueue import DONE, PROTOCOL, UNREACHABLE
from trial import ALL, FaultCase, sample

SESSIONS = {"move": {"count": 1}, "copy": {"count": 1, "disable": "MOVE"}, "three": {"count": 3}}
SAMPLE = {CUT: 16, RESET: 6, STALL: 3, DRIP: 2}  # of each session and direction in a short run


class AtEveryByte(FaultCase):
    fault = "connection cut, reset, stalled or dripping at a byte"

    def through(self, proxy, name, **options):
        self.begin(name, port=proxy.port, timeout="1s", **options)

    def length(self, name, options):
        """How many bytes each side sends in a run without a fault."""
        with CuttingProxy(self.server.port) as proxy:
            self.through(proxy, f"{name}-length", **options)
            self.assertEqual((DONE, ""), self.load())
            return dict(proxy.bytes)

    def fail_at(self, name, side, offset, how, options):
        with CuttingProxy(self.server.port) as proxy:
            self.through(proxy, f"{name}-{side}-{offset}-{how}", **options)
            proxy.fail(side, offset, how)
            code, words = self.load()
            # Behind the farewell nothing is amiss any more.
            self.assertIn(code, (DONE, UNREACHABLE, PROTOCOL), words)
            if code != DONE:
                self.assertRegex(words, r"\Ainqueue: load 'invoices': [^\n]+\n\Z")
            if proxy.fired:
                self.fired += 1
                self.judge(f"{how} at byte {offset} of the {side}")

    def session(self, name, how):
        self.fired = 0
        tried = 0
        for side, length in self.length(name, SESSIONS[name]).items():
            # The lengths differ by some bytes from run to run (session ids, times): the sample keeps clear of the end.
            for offset in sample(range(length if ALL else length - 64), SAMPLE[how]):
                tried += 1
                self.fail_at(name, side, offset, how, SESSIONS[name])
        self.assertGreater(self.fired, tried * 3 // 4, "faults that did not fire")

    def test_cut(self):
        for name in SESSIONS:
            self.session(name, CUT)

    def test_reset(self):
        for name in SESSIONS:
            self.session(name, RESET)

    def test_stall(self):
        self.session("copy", STALL)

    def test_drip(self):
        self.session("move", DRIP)


if __name__ == "__main__":
    unittest.main()
