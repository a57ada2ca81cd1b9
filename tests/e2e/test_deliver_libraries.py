"""Published libraries read our posts unchanged and verify their signature; HTTP/2 is used where it is offered."""

import json
import shutil
import subprocess
import unittest

import certificates
from deliveries import DeliverCase
from inqueue import SOURCE_DIR, message
from test_house import BUILD_DIR

LIBRARIES = {"cloudmailin": "0.1.0", "standardwebhooks": "1.1.1", "typescript": "5.9.3", "@types/node": "20.19.43"}
SOURCES = SOURCE_DIR / "tests" / "e2e" / "node"
FOLDER = BUILD_DIR / "node"
STRICT = ["--strict", "--noUncheckedIndexedAccess", "--exactOptionalPropertyTypes", "--module", "commonjs", "--target",
          "es2022", "--types", "node", "--moduleResolution", "node10"]


def install():
    """Into the build folder, once."""
    wanted = [f"{name}@{version}" for name, version in LIBRARIES.items()]
    stamp = FOLDER / "installed"
    if stamp.exists() and stamp.read_text() == str(wanted):
        return
    FOLDER.mkdir(exist_ok=True)
    subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", FOLDER,
                    *wanted], check=True, stdin=subprocess.DEVNULL)
    stamp.write_text(str(wanted))


def compile_strictly(source, *options):
    """What the compiler says of a TypeScript source, against the types that the libraries publish; "" for nothing."""
    result = subprocess.run([FOLDER / "node_modules" / ".bin" / "tsc", *STRICT, *options, source], cwd=FOLDER,
                            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return result.stdout + result.stderr


@unittest.skipUnless(shutil.which("npm"), "samples/packages test installs npm")
class Libraries(DeliverCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        install()
        shutil.copy(SOURCES / "receiver.ts", FOLDER)
        problems = compile_strictly("receiver.ts")
        assert problems == "", problems
        cls.authority = certificates.Authority(cls.server.folder / "authority")
        cls.certificate = cls.authority.issue()

    def post(self, protocol, scheme, *options):
        """What the receiver made of our post."""
        key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        node = subprocess.Popen(
            ["node", FOLDER / "receiver.js", protocol, key, *self.certificate],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.addCleanup(node.stdout.close)
        self.addCleanup(node.wait)
        self.addCleanup(node.kill)
        port = int(node.stdout.readline())
        secret = self.file("delivery.secret", key + "\n")
        self.target(f"{scheme}://localhost:{port}/mail", "--deliver-format", "json", "--deliver-secret",
                    f"file:{secret}", *options)
        mail = message("Grüße \"1\"", "Yes.\n\nOn Tue, 3 Mar 2026, Robot wrote:\n> Please pay.\n")
        mail.add_alternative("<p>Yes.</p>", subtype="html")
        mail.add_attachment(bytes(range(256)), maintype="application", subtype="pdf", filename="ü.pdf",
                            cid="<one@example.com>")
        mail["Received"] = "from a.example.com"
        mail["Received"] = "from b.example.com"
        self.load(mail)
        self.inqueue("deliver")
        self.assertEqual([(1, 1, "delivered", 201)], self.attempts())
        return json.loads(node.stdout.readline())

    def check(self, seen, version):
        self.assertEqual((version, "valid"), (seen["http"], seen["signature"]))
        self.assertRegex(seen["forged"], "No matching signature")
        mail = seen["mail"]
        self.assertEqual(("Grüße \"1\"", ["from a.example.com", "from b.example.com"]),
                         (mail["subject"], mail["received"]))
        self.assertEqual((self.user, [self.user], "ann@example.com"),
                         (mail["to"], mail["recipients"], mail["from"]))
        self.assertEqual(("Yes.", "<p>Yes.</p>"), (mail["reply_plain"], mail["html"].strip()))
        self.assertEqual([{"file_name": "ü.pdf", "content_type": "application/pdf", "size": 256, "same_size": True,
                           "disposition": "attachment", "content_id": "<one@example.com>"}], mail["attachments"])

    def assert_of_published_type(self, body):
        """As a literal in a program: the compiler finds what is missing, too much, or of another type."""
        lacking = {name: value for name, value in json.loads(body).items() if name != "reply_plain"}
        changed = {"POST": body, "LACKING": json.dumps(lacking), "OTHER_TYPE": body.replace('"size":256', '"size":"256"'),
                   "TOO_MUCH": body.replace('"file_name":', '"more":1,"file_name":')}
        self.assertEqual(4, len(set(changed.values())))
        text = (SOURCES / "post.ts.in").read_text()
        for name, value in changed.items():
            text = text.replace(f"@{name}@", value)
        (FOLDER / "post.ts").write_text(text)
        self.assertEqual("", compile_strictly("post.ts", "--noEmit"))

    def test_http_1(self):
        seen = self.post("http1", "http")
        self.check(seen, "1.1")
        self.assert_of_published_type(seen["body"])

    def test_http_2(self):
        self.check(self.post("http2", "https", "--deliver-ca-file", self.authority.certificate), "2.0")


if __name__ == "__main__":
    unittest.main()
