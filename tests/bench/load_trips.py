"""How often a client waits for its server: a proxy that notes who speaks when."""

import re

from proxy import CLIENT, Proxy


class Listener(Proxy):
    """What one client and its server say, in turns: a turn is all that the client sends before the server answers."""

    def __init__(self, port, host):
        super().__init__(port, host)
        self._spoken = []  # (side, bytes)

    def _send(self, side, data, target):
        self._spoken.append((side, bytes(data)))
        return super()._send(side, data, target)

    def turns(self):
        """Pairs of what the client said and what the server answered."""
        turns, before = [], None
        for side, data in self._spoken:
            if side == CLIENT:
                if before != CLIENT:
                    turns.append([b"", b""])
                turns[-1][0] += data
            elif turns:
                turns[-1][1] += data
            before = side
        return turns

    def trips_beyond(self):
        """Turns after the sign-in, without those that only select the mailbox or say goodbye."""
        turns = [client for client, _ in self.turns()[self._signed_in():]]
        return [words for words in map(commands, turns) if words not in (["SELECT"], ["LOGOUT"])]

    def _signed_in(self):
        """How many turns the sign-in took."""
        tag = None
        for number, (client, server) in enumerate(self.turns()):
            begins = re.search(rb"(?m)^(\S+) (?:AUTHENTICATE|LOGIN) ", client)
            tag = begins[1] if begins else tag
            if tag and re.search(rb"(?m)^" + re.escape(tag) + rb" OK", server):
                return number + 1
        raise RuntimeError("nobody signed in")


def commands(turn):
    """The names of the commands of a turn, without UID."""
    return [name.decode() for name in re.findall(rb"(?m)^\S+ (?:UID )?([A-Z]+)\b", turn)]
