"""A TCP proxy between the program and a server that does what networks do: cut, stall, drip.

    with Proxy(server.port) as proxy:
        fault = proxy.cut(SERVER, rb"COPYUID", forward=False)
        ... the program, against proxy.port ...

A fault acts once, at the first match of its pattern in what that side sends (a match may span packets, up to 1 KiB).
With `forward` the match still passes, without it the bytes before it do. A fault that is armed and never fires fails
the test that armed it, when the proxy is closed.
"""

import contextlib
import re
import select
import socket
import threading

CLIENT, SERVER = "client", "server"
LONGEST_MATCH = 1024
WAIT_DEADLINE_S = 60


class Fault:
    def __init__(self, side, pattern, forward, act):
        self.side, self.pattern, self.forward, self.act = side, re.compile(pattern, re.DOTALL), forward, act
        self.swallows = False  # the match itself never passes
        self.lasts = False  # it acts at every match
        self.fired = threading.Event()
        self.released = threading.Event()

    def wait(self):
        """Until the fault has fired."""
        if not self.fired.wait(WAIT_DEADLINE_S):
            raise AssertionError(f"the fault at {self.pattern.pattern} did not fire in time")

    def release(self):
        """Ends a stall."""
        self.released.set()


class Proxy:
    def __init__(self, port, host="127.0.0.1", listen="127.0.0.1"):
        self._target = (host, port)
        self._listener = socket.create_server((listen, 0))
        self.port = self._listener.getsockname()[1]
        self.connections = 0
        self.bytes = {CLIENT: 0, SERVER: 0}
        self.seen = {CLIENT: bytearray(), SERVER: bytearray()}  # the first 64 KiB of each side
        self._faults = []
        self._drip = None
        self._closed = threading.Event()
        self._sockets = []
        self._threads = []
        self._start(self._accept)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.close()
        unfired = [fault.pattern.pattern for fault in self._faults if not fault.fired.is_set()]
        if unfired and kind is None:
            raise AssertionError(f"armed, but never fired: {unfired}")

    def close(self):
        self._closed.set()
        for fault in self._faults:
            fault.release()
        for end in [self._listener, *self._sockets]:
            hang_up(end)
        for thread in self._threads:
            thread.join(WAIT_DEADLINE_S)
        for end in [self._listener, *self._sockets]:
            end.close()

    def cut(self, side, pattern, forward=True):
        """Both connections end."""
        return self._arm(Fault(side, pattern, forward, self._cut))

    def stall(self, side, pattern, forward=True):
        """Nothing more passes from that side until the fault is released."""
        return self._arm(Fault(side, pattern, forward, self._stall))

    def replace(self, side, pattern, other, always=False):
        """Other bytes pass in place of the match, or of every match."""
        def act(_fault, _source, target):
            target.sendall(other)
            return True
        fault = self._arm(Fault(side, pattern, False, act))
        fault.swallows = True
        fault.lasts = always
        return fault

    def drip(self, piece_size, interval_s):
        """From now on the server's bytes come in pieces of that size, that far apart; None, 0 ends it."""
        self._drip = piece_size and (piece_size, interval_s)

    def _arm(self, fault):
        self._faults.append(fault)
        return fault

    def _start(self, target, *arguments):
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while not self._closed.is_set():
            with contextlib.suppress(OSError):
                client, _ = self._listener.accept()
                self._sockets.append(client)
                self.connections += 1
                server = socket.create_connection(self._target)
                self._sockets.append(server)
                self._start(self._pump, CLIENT, client, server)
                self._start(self._pump, SERVER, server, client)

    def _pump(self, side, source, target):
        before = b""
        with contextlib.suppress(OSError):
            while chunk := source.recv(65536):
                self.bytes[side] += len(chunk)
                self.seen[side] += chunk[:max(0, 65536 - len(self.seen[side]))]
                if not self._pass_on(side, before, chunk, source, target):
                    break
                before = (before + chunk)[-LONGEST_MATCH:]
        hang_up(source)
        hang_up(target)

    def _pass_on(self, side, before, chunk, source, target):
        for fault in self._faults:
            if fault.side != side or (fault.fired.is_set() and not fault.lasts):
                continue
            # What has passed already may match too, and does not count.
            match = next((found for found in fault.pattern.finditer(before + chunk) if found.end() > len(before)), None)
            if match:
                start, end = (max(0, place - len(before)) for place in match.span())
                split = end if fault.forward else start
                self._send(side, chunk[:split], target)
                fault.fired.set()
                rest = chunk[end:] if fault.swallows else chunk[split:]
                return fault.act(fault, source, target) and self._send(side, rest, target)
        return self._send(side, chunk, target)

    def _send(self, side, data, target):
        while side == SERVER and self._drip and data:
            size, interval_s = self._drip
            target.sendall(data[:size])
            data = data[size:]
            if self._closed.wait(interval_s):
                return False
        target.sendall(data)
        return True

    @staticmethod
    def _cut(fault, source, target):
        """The program's end first: what the server says to the loss of the other one must not reach it."""
        for end in [source, target] if fault.side == CLIENT else [target, source]:
            hang_up(end)
        return False

    @staticmethod
    def _stall(fault, _source, target):
        while not fault.released.is_set() and not ended(target):
            fault.released.wait(0.05)
        return True


def ended(connection):
    """True when the other end has closed it."""
    readable, _, _ = select.select([connection], [], [], 0)
    return bool(readable) and not connection.recv(1, socket.MSG_PEEK)


def hang_up(connection):
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
