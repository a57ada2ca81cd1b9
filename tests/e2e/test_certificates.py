"""What a server's certificate has to be: the same verdict and the same sentence for IMAP in both modes and for
deliveries, each way of failing with its own.

Every case is one certificate, made by authorities of the test. The server sends `chain`, the client trusts `trusts`.
"""

import base64
import pathlib
import tempfile
from typing import NamedTuple

from certificates import AUTHORITY_EXTENSIONS, LONG_AGO, Authority
from inqueue import CREDENTIALS, DONE, UNREACHABLE, Case, messages
from tls_server import StaplingServer, TlsServer

IN_FUTURE = ("20480101000000Z", "20491231000000Z")
LIMITED = ("basicConstraints = critical, CA:TRUE, pathlen:0", *AUTHORITY_EXTENSIONS[1:])
MUST_STAPLE = ("tlsfeature = status_request",)
WITHOUT_KEY_ID = ("authorityKeyIdentifier = none",)


class Shown(NamedTuple):
    says: str  # "": the server is believed; {ca} and {crl} are the names of the options
    chain: list  # files
    key: pathlib.Path
    trusts: list
    host: str = "localhost"
    revoked: pathlib.Path | None = None


class Certificates(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.place = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.root = Authority(cls.place / "root", "Root")
        cls.middle = Authority(cls.place / "middle", "Middle", cls.root)
        cls.limited = Authority(cls.place / "limited", "Limited", cls.root, LIMITED)
        cls.other = Authority(cls.place / "other", "Other")
        cls.rsa = Authority(cls.place / "rsa", "Root RSA", key="rsa2048")
        cls.server = cls.enterClassContext(TlsServer())

    def setUp(self):
        super().setUp()
        self.password = self.file("password", "correct horse\n")
        self.made = 0

    def shown(self, says, authority=None, *names, chain=(), trusts=None, host="localhost", revoked=None, **wanted):
        """A certificate of `authority` with what goes along."""
        self.made += 1
        if names:
            wanted["alternatives"] = names
        issued = (authority or self.root).issue(f"server-{self.made}", **wanted)
        return Shown(says, [issued.certificate, *chain], issued.key, trusts or [self.root.certificate], host, revoked)

    def joined(self, name, files):
        path = self.folder / name
        path.write_text("".join(file.read_text() for file in files))
        return path

    def check(self, **cases):
        for name, case in cases.items():
            trusts = self.joined("trusts.pem", case.trusts)
            chain = self.joined("chain.pem", case.chain)
            for mode in ["ssl", "starttls", "https"]:
                with self.subTest(case=name, mode=mode):
                    self.server.show(mode, (chain, case.key))
                    if mode == "https":
                        self.check_delivery(case, trusts)
                    else:
                        self.check_mail(case, trusts, mode)

    def check_mail(self, case, trusts, mode):
        more = ["--crl-file", case.revoked] if case.revoked else []
        more += ["--secure"] if mode == "ssl" else []
        self.sign_in(case.says, case.host, self.server.port, trusts, more)
        self.assertEqual([] if case.says else ["AUTHENTICATE"], self.server.asked[:1])

    def sign_in(self, says, host, port, trusts, options):
        result = self.inqueue("mail", "--server", host, "--port", port, "--ca-file", trusts, "--username", "robot",
                              "--password-file", self.password, *options, expect=UNREACHABLE if says else CREDENTIALS)
        if says:
            self.assertEqual("inqueue: " + says.format(ca="caFile", crl="crlFile") + "\n", result.stderr)

    def check_delivery(self, case, trusts):
        host = f"[{case.host}]" if ":" in case.host else case.host
        self.post(case.says, f"https://{host}:{self.server.port}/", "--deliver-ca-file", trusts,
                  "--deliver-crl-file", case.revoked or "")
        self.assertEqual([] if case.says else ["POST / HTTP/1.1"], self.server.asked[:1])

    def post(self, says, url, *options):
        if not self.database.exists():
            self.inqueue("queue", "create", "invoices", "--external-source", "File",
                         "--deliver-to", "https://example.com/", "--allow-private", "true")
        self.inqueue("queue", "alter", "invoices", "--deliver-to", url, *options)
        result = self.inqueue("deliver", "--test", "invoices", expect=UNREACHABLE if says else DONE)
        if says:
            said = says.format(ca="deliver-ca-file", crl="deliver-crl-file")
            self.assertEqual(f"inqueue: deliver 'invoices': {said}\n", result.stderr)

    def test_good_ones(self):
        new = Authority(self.folder / "new", "New")
        cross = self.other.cross_sign(new)
        pinned = self.shown("", self.other)
        self.check(
            plain=self.shown(""),
            purpose=self.shown("", extensions=["extendedKeyUsage = serverAuth,clientAuth"]),
            address=self.shown("", None, "IP:127.0.0.1", host="127.0.0.1"),
            wildcard=self.shown("", None, "DNS:*.mail.localhost", host="imap.mail.localhost"),
            other_case=self.shown("", None, "DNS:IMAP.Mail.LocalHost", host="imap.mail.localhost"),
            ascii_form=self.shown("", None, "DNS:xn--bcher-kva.localhost", host="xn--bcher-kva.localhost"),
            other_script=self.shown("", None, "DNS:xn--bcher-kva.localhost", host="bücher.localhost"),
            intermediate=self.shown("", self.middle, chain=[self.middle.certificate]),
            in_disorder=self.shown("", self.middle, chain=[self.root.certificate, self.middle.certificate]),
            intermediate_trusted=self.shown("", self.middle, trusts=[self.middle.certificate]),
            cross_signed=self.shown("", new, chain=[cross], trusts=[new.certificate]),
            cross_signed_by_ours=self.shown("", new, chain=[cross, self.other.certificate], trusts=[self.other.certificate]),
            itself_trusted=pinned._replace(trusts=[pinned.chain[0]]),
            limited=self.shown("", self.limited, chain=[self.limited.certificate]),
            rsa=self.shown("", self.rsa, key="rsa2048", trusts=[self.rsa.certificate]))

    def test_time(self):
        late = Authority(self.folder / "late", "Late", self.root, validity=LONG_AGO)
        past = Authority(self.folder / "past", "Past", validity=LONG_AGO)
        self.check(
            expired=self.shown("the certificate of localhost expired on 2020-02-01: it must be renewed there",
                               validity=LONG_AGO),
            too_early=self.shown("the certificate of localhost is not valid before 2048-01-01: check the clock here and the "
                                 "certificate there", validity=IN_FUTURE),
            intermediate=self.shown("the certificate of localhost comes from 'Late', whose own certificate expired on "
                                    "2020-02-01: the server must send one that is in force", late, chain=[late.certificate]),
            authority=self.shown("the certificate of localhost comes from 'Past', whose own certificate expired on "
                                 "2020-02-01: {ca} must name its newer one", past, trusts=[past.certificate]))

    def test_host(self):
        elsewhere = "the certificate of %s is for another host: connect by a name that stands in it (%s)"
        anew = ", or have it issued anew with this IP address"
        nothing = "the certificate of localhost names no host in its subjectAltName (a common name does not count): it must " \
                  "be issued anew, with subjectAltName=DNS:localhost"
        itself = Authority(self.folder / "itself", "localhost", extensions=["subjectKeyIdentifier = hash"])
        self.check(
            another=self.shown(elsewhere % ("localhost", "mail.example.com, 192.0.2.1, 2001:db8::1"), None,
                               "DNS:mail.example.com", "IP:192.0.2.1", "IP:2001:db8::1"),
            common_name=self.nameless(nothing),
            common_name_trusted_itself=Shown(nothing, [itself.certificate], itself.folder / "ca.key", [itself.certificate]),
            uri_alone=self.nameless(nothing, alternatives=["URI:https://localhost/"]),
            address_as_name=self.shown(elsewhere % ("127.0.0.1", "127.0.0.1") + anew, None, "DNS:127.0.0.1",
                                       host="127.0.0.1"),
            address_without=self.shown(elsewhere % ("127.0.0.1", "localhost") + anew, None, "DNS:localhost",
                                       host="127.0.0.1"),
            two_labels=self.shown(elsewhere % ("a.imap.mail.localhost", "*.mail.localhost"), None, "DNS:*.mail.localhost",
                                  host="a.imap.mail.localhost"),
            part_of_a_label=self.shown(elsewhere % ("imap.mail.localhost", "i*.mail.localhost"), None,
                                       "DNS:i*.mail.localhost", host="imap.mail.localhost"),
            not_the_first_label=self.shown(elsewhere % ("imap.mail.localhost", "imap.*.localhost"), None,
                                           "DNS:imap.*.localhost", host="imap.mail.localhost"),
            no_label=self.shown(elsewhere % ("mail.localhost", "*.mail.localhost"), None, "DNS:*.mail.localhost",
                                host="mail.localhost"),
            below_the_top=self.shown(elsewhere % ("imap.localhost", "*.localhost"), None, "DNS:*.localhost",
                                     host="imap.localhost"))

    def nameless(self, says, alternatives=()):
        """Only its common name is the host's."""
        issued = self.root.issue("localhost", alternatives)
        return Shown(says, [issued.certificate], issued.key, [self.root.certificate])

    def test_authority(self):
        between = Authority(self.folder / "between", "Between", self.other)
        self.check(
            unknown=self.shown("the certificate of localhost comes from an unknown authority, 'Other': {ca} names the one to "
                               "trust", self.other, chain=[self.other.certificate]),
            unknown_not_sent=self.shown("the certificate of localhost comes from an unknown authority, 'Other': {ca} names "
                                        "the one to trust", between, chain=[between.certificate]),
            itself=Shown("the certificate of localhost is signed by itself, by no authority: if it is the right one, a copy "
                         "of it as {ca} makes it trusted", *self.self_signed(), [self.root.certificate]),
            no_intermediate=self.shown(
                "the certificate of localhost comes from 'Middle', an authority that is not known here, and the server sends "
                "no certificate in between: let it send its intermediate certificates, or name the authority with {ca}",
                self.middle))

    def self_signed(self):
        made = Authority(self.folder / "itself", "localhost", extensions=["subjectAltName = DNS:localhost"])
        return [made.certificate], made.folder / "ca.key"

    def test_signature(self):
        """An authority of the same name has another key."""
        forger = Authority(self.folder / "forger", "Root")
        forged_middle = Authority(self.folder / "forged-middle", "Middle", forger)
        older = Authority(self.folder / "older-middle", "Middle", self.root)
        says = "names '%s' as its authority but is not signed with the key of that one: it is forged, or that one's " \
               "certificate, in {ca} or as the server sends it, is an older one"
        ours = "the certificate of localhost " + says
        self.check(
            other_key=self.shown(ours % "Root", forger),
            other_key_unnamed=self.shown(ours % "Root", forger, extensions=WITHOUT_KEY_ID),
            older_intermediate=self.shown(ours % "Middle", self.middle, chain=[older.certificate]),
            older_intermediate_unnamed=self.shown(ours % "Middle", self.middle, chain=[older.certificate],
                                                  extensions=WITHOUT_KEY_ID),
            of_the_intermediate=self.shown("the certificate of localhost comes from 'Middle', whose own certificate " + says % "Root",
                                           forged_middle, chain=[forged_middle.certificate]))

    def test_strength(self):
        weak = Authority(self.folder / "weak", "Weak", self.root, key="rsa1024")
        key = "has a weak key (RSA, 1024 bits): it must be issued anew, with RSA of 2,048 bits or an elliptic curve of 256"
        digest = "the certificate of localhost is signed with %s, which can be forged: it must be issued anew, with SHA-256 " \
                 "or better"
        self.check(
            key=self.shown("the certificate of localhost " + key, key="rsa1024"),
            key_of_the_intermediate=self.shown(
                "the certificate of localhost comes from 'Weak', whose own certificate " + key, weak, chain=[weak.certificate]),
            sha1=self.shown(digest % "RSA-SHA1", self.rsa, digest="sha1", trusts=[self.rsa.certificate]),
            ecdsa_sha1=self.shown(digest % "ECDSA-SHA1", digest="sha1"),
            md5=self.shown(digest % "RSA-MD5", self.rsa, digest="md5", trusts=[self.rsa.certificate]))

    def test_purpose(self):
        says = "is not for TLS servers but for another purpose (%s): it must be issued anew for servers"
        ours = "the certificate of localhost " + says
        for_mail = Authority(self.folder / "mail", "For Mail", self.root,
                             [*AUTHORITY_EXTENSIONS, "extendedKeyUsage = emailProtection"])
        self.check(
            client=self.shown(ours % "TLS clients", extensions=["extendedKeyUsage = clientAuth"]),
            programs=self.shown(ours % "signing programs, 1.2.3.4", extensions=["extendedKeyUsage = codeSigning,1.2.3.4"]),
            key=self.shown("the key of the certificate of localhost is not for TLS servers (key usage): it must be issued anew, for "
                           "digital signatures", extensions=["keyUsage = critical, keyCertSign"]),
            of_the_intermediate=self.shown(
                "the certificate of localhost comes from 'For Mail', whose own certificate " + says % "mail", for_mail,
                chain=[for_mail.certificate]))

    def test_what_nobody_here_knows(self):
        """An extension that is to be understood by whoever relies on the certificate (RFC 5280, 4.2)."""
        critical = "1.3.6.1.4.1.32473.1 = critical,ASN1:UTF8String:x"
        odd = Authority(self.folder / "odd", "Odd", self.root, [*AUTHORITY_EXTENSIONS, critical])
        says = "demands what is not known here (critical extension 1.3.6.1.4.1.32473.1): it must be issued anew without"
        self.check(
            own=self.shown("the certificate of localhost " + says, extensions=[critical]),
            not_critical=self.shown("", extensions=[critical.replace("critical,", "")]),
            of_the_intermediate=self.shown("the certificate of localhost comes from 'Odd', whose own certificate " + says, odd,
                                           chain=[odd.certificate]))

    def test_what_an_authority_may(self):
        no_authority = self.root.issue("nobody", ["DNS:nobody.example.com"])
        narrow = Authority(self.folder / "narrow", "Narrow", self.root,
                           [*AUTHORITY_EXTENSIONS, "nameConstraints = critical, permitted;DNS:example.com"])
        remote = Authority(self.folder / "remote", "Remote", self.root,
                           [*AUTHORITY_EXTENSIONS, "nameConstraints = critical, excluded;IP:127.0.0.0/255.0.0.0"])
        silent = Authority(self.folder / "silent", "Silent", self.root,
                           [AUTHORITY_EXTENSIONS[0], "keyUsage = critical, digitalSignature"])
        below = Authority(self.folder / "below", "Below", self.limited)
        self.check(
            names=self.shown("the certificate of localhost comes from 'Narrow', which may not issue certificates for its names "
                             "(name constraints): it must be issued anew by an authority that may", narrow,
                             chain=[narrow.certificate]),
            length=self.shown("the certificate of localhost comes from an authority that 'Limited' may not let issue any "
                              "(its path length is 0): it must be issued anew by one that may", below,
                              chain=[below.certificate, self.limited.certificate]),
            addresses=self.shown("the certificate of 127.0.0.1 comes from 'Remote', which may not issue certificates for its names "
                                 "(name constraints): it must be issued anew by an authority that may", remote, "IP:127.0.0.1",
                                 host="127.0.0.1", chain=[remote.certificate]),
            signatures=self.shown("the certificate of localhost comes from 'Silent', which is no authority: it may be forged, and "
                                  "must be issued anew by one", silent, chain=[silent.certificate]),
            issuer=self.below_a_server(no_authority))

    def below_a_server(self, no_authority):
        """The holder of a server's certificate uses its key as an authority would."""
        made = Authority(self.folder / "nobody", "nobody", extensions=())
        key = made.folder / "ca.key"
        key.write_bytes(no_authority.key.read_bytes())
        made.certificate.write_bytes(no_authority.certificate.read_bytes())
        return self.shown("the certificate of localhost comes from 'nobody', which is no authority: it may be forged, and "
                          "must be issued anew by one", made, chain=[no_authority.certificate])

    def test_revocation(self):
        revoked = self.shown("the certificate of localhost was revoked by 'Root': it must be replaced there")
        revoked_middle = Authority(self.folder / "revoked", "Revoked", self.root)
        lists = self.root.revocations(revoked.chain[0], revoked_middle.certificate)
        stale = self.middle.revocations(name="stale", validity=LONG_AGO)
        early = self.limited.revocations(name="early", validity=IN_FUTURE)
        forged = Authority(self.folder / "forger", "Root", extensions=(*AUTHORITY_EXTENSIONS[:2],)).revocations()
        cannot = "the certificate of localhost cannot be checked: the revocation list "
        self.check(
            by_a_list=revoked._replace(revoked=lists),
            by_a_list_beside_the_authority=revoked._replace(trusts=[self.root.certificate, lists]),
            by_a_list_in_der=revoked._replace(revoked=self.in_der(lists)),
            not_on_the_list=self.shown("", revoked=lists),
            of_another_authority=self.shown("", self.other, trusts=[self.other.certificate], revoked=lists),
            of_the_intermediate=self.shown(
                "the certificate of localhost comes from 'Revoked', whose own certificate was revoked by 'Root': it must be "
                "replaced there", revoked_middle, chain=[revoked_middle.certificate], revoked=lists),
            old_list=self.shown(cannot + "of 'Middle' is out of date since 2020-02-01: fetch its new one for {crl}",
                                self.middle, chain=[self.middle.certificate], revoked=stale),
            list_to_come=self.shown(cannot + "of 'Limited' is of a day to come: check the clock here", self.limited,
                                    chain=[self.limited.certificate], revoked=early),
            forged_list=self.shown(cannot + "in the name of 'Root' is not signed by that one: fetch it anew for {crl}",
                                   revoked=forged))

    def in_der(self, path):
        lines = path.read_text().splitlines()[1:-1]
        der = self.folder / "crl.der"
        der.write_bytes(base64.b64decode("".join(lines)))
        return der

    def test_staple(self):
        """A server that cannot bring what its certificate demands."""
        self.check(missing=self.shown(
            "the certificate of localhost demands that its server brings an answer about its revocation along (OCSP "
            "must-staple), and it brings none: OCSP stapling must be set up there", extensions=MUST_STAPLE))

    def test_staples_of_a_server(self):
        """The answer counts, also where nobody demands it."""
        revoked = self.root.issue("revoked", extensions=MUST_STAPLE)
        self.root.revocations(revoked.certificate)
        cases = {"good": (self.root.issue("good", extensions=MUST_STAPLE), ""),
                 "revoked": (revoked, "the certificate of localhost was revoked, as the answer says that its server brings "
                                      "along (OCSP): it must be replaced there")}
        for name, (certificate, says) in cases.items():
            staple = self.root.staple(certificate)
            with self.subTest(name, mode="ssl"), StaplingServer(certificate, staple, "ssl") as server:
                self.sign_in(says, "localhost", server.port, self.root.certificate, ["--secure"])
                self.assertEqual([] if says else ["AUTHENTICATE"], server.asked[:1])
            with self.subTest(name, mode="https"), StaplingServer(certificate, staple, "https") as server:
                self.post(says, f"https://localhost:{server.port}/", "--deliver-ca-file", self.root.certificate)
                self.assertEqual([] if says else ["POST"], server.asked)

    def test_each_connection_is_judged(self):
        """In one run, where the server shows another certificate than a moment ago, one that curl would take."""
        good, other = self.root.issue("first"), self.root.issue("second", extensions=["extendedKeyUsage = clientAuth"])
        self.server.show("https", good, other)
        self.inqueue("queue", "create", "invoices", "--external-source", "File", "--allow-private", "true",
                     "--deliver-to", f"https://localhost:{self.server.port}/", "--deliver-concurrency", "1",
                     "--deliver-ca-file", self.root.certificate)
        for mail in messages(2):
            self.inqueue("import", "invoices", self.file("mail.eml", mail.as_string()))
        self.fails(UNREACHABLE, "deliver", says="the certificate of localhost is not for TLS servers")
        self.assertEqual([("done",), ("new",)], self.sql("SELECT state FROM entry ORDER BY id"))
        self.assertEqual(1, self.server.asked.count("POST / HTTP/1.1"))
