"""A secret that targets and commands repeat in every form, wherever they have a say: it is found nowhere."""

import base64
import re
import unittest

from canary import FORMS, SECRET, CanaryCase
from liar import small
from receiver import Answer, Receiver


class Target(CanaryCase):
    """A web application, and another one that it redirects to."""

    def target(self, url):
        self.file("target.password", SECRET + "\n")
        key = base64.b64encode(SECRET.encode()).decode()
        self.file("key.password", f"whsec_{key}\n")
        self.inqueue("queue", "alter", "invoices", "--deliver-to", url.replace("://", "://ann@"), "--allow-private", "true",
                     "--deliver-password", f"file:{self.folder}/target.password",
                     "--deliver-secret", f"file:{self.folder}/key.password",
                     "--deliver-header-secret", f"X-Api-Key: Bearer file:{self.folder}/target.password")

    def test_every_form_at_every_place(self):
        with self.lying(small(1)), Receiver([200]) as home, Receiver([200]) as other:
            self.target(home.url())
            self.inqueue("load")
            for form, said in FORMS.items():
                host = re.sub("[^A-Za-z0-9-]", "", said)[:60]
                whole = Answer(422, {"X-Said": said, "Set-Cookie": said}, b"before " + said.encode() + b" after", reason=said)
                for answers in [[whole], [whole._replace(status=503)],
                                [Answer(503, body=b"x" * (2040 - len(said) // 2) + b" " + said.encode())],
                                [Answer(503, body=b"x " * 35000 + said.encode())],
                                [Answer(307, {"Location": f"http://127.0.0.1:1/{said}"}, said.encode(), reason=said)],
                                [Answer(302, {"Location": f"http://{host}.invalid/"}, reason=said)],
                                [Answer(302, {"Location": other.url()}, said.encode())]]:
                    with self.subTest(form=form, answers=answers):
                        home.answers, other.answers = answers, [whole]
                        self.try_it("deliver", "--test", "invoices")
                        self.try_it("delivery", "retry", "1")
                        self.try_it("deliver")
                self.try_it("delivery", "list", "--json")
                self.try_it("status", "--json")
                self.assert_hidden()
            self.assertEqual(len(FORMS), self.hidden)
            self.assertGreater(self.sql("SELECT count(*) FROM delivery")[0][0], len(FORMS) * 6)


class Command(CanaryCase):
    """What a command says on standard error, which may be its environment."""

    def test_variables_and_the_token(self):
        with self.lying(small(1)):
            self.inqueue("load")
            self.inqueue("queue", "alter", "invoices", "--password-env", "MAIL_PASSWORD")
            tell = f"import os, sys; v = os.environ; print(v['MAIL_PASSWORD'], v['INQUEUE_TOKEN'], sep=' ', file=sys.stderr); " \
                   "sys.stderr.write('x' * 100000 + v['MAIL_PASSWORD'] + 'x' * 1000); sys.exit(1)"
            self.try_it("work", "invoices", "--until-empty", "--", "python3", "-c", tell, env={"MAIL_PASSWORD": SECRET})
            self.assertRegex(self.said[-1], r"\*\*\* \*\*\*\n")
            self.assertRegex(self.said[-1], r"x{100000}\*\*\*x{1000}")
            self.assert_hidden()


if __name__ == "__main__":
    unittest.main()
