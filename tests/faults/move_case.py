"""What tests of moves share: servers that refuse some of them, do them by halves, or only say so."""

import collections
import re

import checker
from inqueue import DONE
from liar import COPY_ONLY, LiarCase
from lying_server import parse_set

OLD = "IMAP4rev1"
BOTH = ["IMAP4rev1 UIDPLUS MOVE", COPY_ONLY]


class Switch:
    """A server's fault that can be mended."""

    def __init__(self, fault):
        self.fault, self.on = fault, True

    def __call__(self, session, tag, command):
        return (self.fault if self.on else session.honest)(session, tag, command)


def uids_of(command):
    """Those that a command is about, among the first thousand."""
    return parse_set(command.split()[2], set(range(1, 1001)))


def refuse(*uids, words=b"NO [CANNOT] this one does not move"):
    def refused(session, tag, command):
        if uids_of(command) & set(uids):
            return tag + b" " + words + b"\r\n"
        return session.honest(session, tag, command)
    return refused


def one_at_a_time(session, tag, command):
    if len(uids_of(command)) > 1:
        return tag + b" BAD Command Error. 12\r\n"
    return session.honest(session, tag, command)


def copy_only(session, tag, command):
    return session.honest(session, tag, command.replace(b"MOVE", b"COPY"))


def copy_only_quietly(session, tag, command):
    copy_only(session, tag, command)
    return tag + b" OK moved\r\n"


def without_copyuid(session, tag, command):
    return re.sub(rb" \[COPYUID[^]]*\]", b"", session.honest(session, tag, command))


class MoveCase(LiarCase):
    def loads(self, code=DONE, says="^"):
        result = self.inqueue("load", expect=code)
        self.assertRegex(result.stderr, says)
        return result

    def ledger(self):
        return dict(self.sql("SELECT uid, state FROM pickup ORDER BY uid"))

    def count(self, server, name):
        return sum(command.upper().startswith(name) for command in server.commands)

    def numbers(self, server, folder):
        """Of the invoices there."""
        return sorted(int(message.raw.split(b"Invoice ")[1].split()[0]) for message in server.messages(folder))

    def each_once(self, server):
        copies = collections.Counter(checker.digest(message.raw) for message in server.messages("DROPBOX"))
        self.assertLessEqual(max(copies.values(), default=0), 1)
