"""Servers that do not know the password: whoever signs in with SCRAM finds out, and goes no further."""

import base64
import unittest

from inqueue import CREDENTIALS, Case
from lying_server import LyingServer


class Impostors(Case):
    CAPABILITIES = "IMAP4rev1 UIDPLUS MOVE SASL-IR LOGINDISABLED AUTH=SCRAM-SHA-256"

    def exposed(self, queue, says, *steps):
        with LyingServer(self.CAPABILITIES) as server:
            self.create_queue(server, queue)
            server.answer(rb"AUTHENTICATE SCRAM-SHA-256", scram(*steps))
            result = self.fails(CREDENTIALS, "load", queue, says=[f"load '{queue}'", "SCRAM-SHA-256", says])
            self.assertNotIn("correct horse", result.stderr)
            self.assertFalse([command for command in server.commands if command.startswith(b"SELECT")])

    def test_challenges(self):
        for number, (says, challenge) in enumerate([
                ("iterations", b"r=NONCEx,s=c2FsdA==,i=4095"), ("iterations", b"r=NONCEx,s=c2FsdA==,i=1000001"),
                ("iterations", b"r=NONCEx,s=c2FsdA==,i=many"), ("answer", b"r=NONCE,s=c2FsdA==,i=4096"),
                ("answer", b"r=other,s=c2FsdA==,i=4096"), ("no salt", b"r=NONCEx,s=,i=4096"),
                ("no sense", b"m=more,r=NONCEx,s=c2FsdA==,i=4096"), ("no sense", b"")]):
            with self.subTest(challenge=challenge):
                self.exposed(f"challenge-{number}", says, challenge)

    def test_proofs(self):
        challenge = b"r=NONCEx,s=c2FsdA==,i=4096"
        for number, proof in enumerate([b"v=" + b"A" * 43 + b"=", b"v=", b"e=other-error", b""]):
            with self.subTest(proof=proof):
                self.exposed(f"proof-{number}", "prove", challenge, proof)

    def test_no_proof(self):
        self.exposed("invoices", "prove", b"r=NONCEx,s=c2FsdA==,i=4096")


def scram(*messages):
    """These are the server's messages, and then it says that all is well."""
    def converse(session, _tag, command):
        nonce = base64.b64decode(command.split()[-1]).rpartition(b"r=")[2]
        for text in messages:
            session.send(b"+ " + base64.b64encode(text.replace(b"NONCE", nonce)) + b"\r\n")
            if not session.connection.recv(4096):
                return None
        return b"TAG OK signed in\r\n"
    return converse


if __name__ == "__main__":
    unittest.main()
