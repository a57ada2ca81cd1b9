"""A proxy that fails at a byte: the n-th that one side has sent.

    with CuttingProxy(server.port) as proxy:
        proxy.fail(SERVER, 1234, CUT)
"""

import contextlib
import socket
import struct

from proxy import Proxy, ended

CUT, RESET, STALL, DRIP = "cut", "reset", "stall", "drip"


class CuttingProxy(Proxy):
    def __init__(self, port):
        super().__init__(port)
        self.fired = False
        self._side = self._offset = self._how = None

    def fail(self, side, offset, how):
        self._side, self._offset, self._how = side, offset, how

    def _pass_on(self, side, before, chunk, source, target):
        passed = self.bytes[side] - len(chunk)
        if self.fired or side != self._side or passed + len(chunk) <= self._offset:
            return super()._pass_on(side, before, chunk, source, target)
        split = self._offset - passed
        target.sendall(chunk[:split])
        self.fired = True
        if self._how == DRIP:
            return self._drip_to(target, chunk[split:])
        if self._how == STALL:
            while not ended(target) and not self._closed.wait(0.02):
                pass
        if self._how == RESET:
            # A close that lingers for no time sends RST.
            for end in [target, source]:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RD)  # wakes the thread that reads from it
                end.close()
        return False

    def _drip_to(self, target, data):
        """A byte now and then, until the other end has had enough."""
        for place in range(len(data)):
            target.sendall(data[place:place + 1])
            if self._closed.wait(0.3) or ended(target):
                break
        return False
