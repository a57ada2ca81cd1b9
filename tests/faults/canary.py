"""A secret in every form in which a peer may repeat it, and a case that looks for all of them in what the program leaves."""

import base64
import html
import json
import re
import urllib.parse

import inqueue
from liar import LiarCase

SECRET = r'Cana"ry\7 & <bird>%41+/9'
USER = "robot@example.com"


def in_base64(text):
    return base64.b64encode(text.encode()).decode()


def forms(secret):
    """As a peer may write it; of most of them no part is found in another."""
    numbers = "".join(f"&#{ord(letter)};" for letter in secret)
    hexadecimal = "".join(f"&#x{ord(letter):X};" for letter in secret)
    return {
        "as it is": secret,
        "IMAP": secret.replace("\\", r"\\").replace('"', r'\"'),
        "JSON": json.dumps(secret)[1:-1],
        "JSON in numbers": "".join(rf"\u{ord(letter):04x}" for letter in secret),
        "JSON in capital numbers": "".join(rf"\u{ord(letter):04X}" for letter in secret),
        "C": "".join(rf"\x{ord(letter):02x}" for letter in secret),
        "HTML": html.escape(secret),
        "HTML in JSON": json.dumps(html.escape(secret))[1:-1],
        "HTML in numbers": numbers,
        "HTML in hexadecimal numbers": hexadecimal,
        "URL": urllib.parse.quote(secret, safe=""),
        "URL in small letters": re.sub("%..", lambda found: found[0].lower(), urllib.parse.quote(secret, safe="")),
        "form": urllib.parse.quote_plus(secret),
        "base64": in_base64(secret),
        "base64 for URLs": base64.urlsafe_b64encode(b"?" + secret.encode()).decode(),
        "base64 in JSON": in_base64(secret).replace("/", r"\/"),
        "PLAIN": in_base64(f"\0{USER}\0{secret}"),
        "PLAIN with an identity": in_base64(f"{USER}\0{USER}\0{secret}"),
        "XOAUTH2": in_base64(f"user={USER}\1auth=Bearer {secret}\1\1"),
        "OAUTHBEARER": in_base64(f"n,a={USER},\1host=localhost\1port=993\1auth=Bearer {secret}\1\1"),
        "Basic": in_base64(f"ann:{secret}"),
        "hexadecimal": secret.encode().hex(),
        "HEXADECIMAL": secret.encode().hex().upper(),
    }


def traces(secret):
    """What must be found nowhere: each form, and of base64 what does not depend on its neighbours."""
    inside = {base64.b64encode(b"x" * offset + secret.encode())[offset + 1:-4].decode() for offset in range(3)}
    inside |= {text.translate(str.maketrans("+/", "-_")) for text in inside}
    return {*forms(secret).values(), *inside}


FORMS = forms(SECRET)


class CanaryCase(LiarCase):
    fault = "a secret that is repeated"

    def setUp(self):
        super().setUp()
        self.said = []
        self.hidden = 0
        self.log = self.folder / "imap.log"

    def _checked(self, process, stdout, stderr, expect):
        self.said.append((stdout + stderr).decode(errors="replace"))
        return super()._checked(process, stdout, stderr, expect)

    def try_it(self, *arguments, **options):
        """One run, whatever becomes of it."""
        process = self.start(*arguments, **options)
        stdout, stderr = process.communicate(timeout=inqueue.DEADLINE_S)
        self.assertLess(0 <= process.returncode, 128, process.args)
        self._checked(process, stdout, stderr, process.returncode)

    def everything(self):
        """All that the program has left: what it said, its database with the log, its files; but not the passwords."""
        files = [path for path in self.folder.rglob("*") if path.is_file() and ".password" not in path.name]
        self.assertIn(self.database, files)
        return "\n".join([*self.said, *(path.read_bytes().decode(errors="replace") for path in files)])

    def assert_hidden(self):
        """And counts whether something was hidden at all."""
        found = self.everything()
        for text in traces(SECRET):
            self.assertNotIn(text, found)
        self.hidden += "***" in found
        self.said.clear()

    def lying(self, *mail, **keys):
        server = super().lying(*mail, **{"timeout": "10s"} | keys)
        server.users[USER] = SECRET
        self.file("invoices.password", SECRET + "\n")
        return server


def words(form):
    return FORMS[form].encode()
