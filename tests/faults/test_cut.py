"""The connection fails after every byte, in both directions: cut, reset, stall, a drip of single bytes."""

import unittest

from cutting_proxy import CUT, DRIP, RESET, STALL, CuttingProxy
from inqueue import DONE, PROTOCOL, UNREACHABLE
from trial import ALL, FaultCase, sample

SESSIONS = {"move": {"count": 1}, "copy": {"count": 1, "disable": "MOVE"}, "three": {"count": 3}}
SHORT = "1s"  # for whom the server falls silent
SAMPLE = {CUT: 16, RESET: 6, STALL: 3, DRIP: 2}  # of each session and direction in a short run


class AtEveryByte(FaultCase):
    fault = "connection cut, reset, stalled or dripping at a byte"

    def length(self, options):
        """How many bytes each side sends in a run without a fault."""
        with CuttingProxy(self.server.port) as proxy, self.quiet(port=proxy.port, **options) as trial:
            self.assertEqual((DONE, ""), trial.load())
            return dict(proxy.bytes)

    def fail_at(self, name, side, offset, how, options):
        options = options | ({"timeout": SHORT} if how in (STALL, DRIP) else {})
        with CuttingProxy(self.server.port) as proxy, self.trial(name, port=proxy.port, **options) as trial:
            proxy.fail(side, offset, how)
            code, words = trial.load()
            # Behind the farewell nothing is amiss any more.
            self.assertIn(code, (DONE, UNREACHABLE, PROTOCOL), words)
            if code != DONE:
                self.assertRegex(words, r"\Ainqueue: load 'invoices': [^\n]+\n\Z")
            if proxy.fired:
                trial.wait_longer(SHORT)
                trial.judge()
            return proxy.fired

    def session(self, name, how):
        options = SESSIONS[name]
        # The lengths differ by some bytes from run to run (session ids, times): the sample keeps clear of the end.
        points = [(side, offset) for side, length in self.length(options).items()
                  for offset in sample(range(length if ALL else length - 64), SAMPLE[how])]
        self.each(self.fail_at, {f"{name}-{side}-{offset}": (side, offset, how, options) for side, offset in points})

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
