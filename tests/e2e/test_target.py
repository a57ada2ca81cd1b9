"""Targets with a name: defined once, used by several queues."""

import json
import unittest

import inqueue
from deliveries import DeliverCase
from inqueue import connection_string, messages
from watcher import WatchCase


class TargetCase(DeliverCase):
    def shop(self, url, *options, name="shop"):
        self.inqueue("target", "create", name, "--deliver-to", url, "--allow-private", "true", *options)

    def uses(self, name, *options, target="shop", **keys):
        password = self.file(f"{name}.password", "correct horse\n")
        return self.inqueue("queue", "create", name, "--connection-string",
                            connection_string(self.keys(self.server, **keys)), "--user-name", self.user,
                            "--password-file", password, "--target", target, *options)

    def two_queues(self):
        """Each with three entries."""
        self.uses("invoices")
        self.uses("orders", mailbox="DROPBOX", dropbox="Done")
        self.deliver(*messages(3))
        self.inqueue("load", "invoices")
        self.inqueue("load", "orders")


class Used(TargetCase):
    def test_by_several_queues(self):
        receiver, other = self.receiver(), self.receiver()
        self.shop(receiver.url(), "--deliver-format", "json", "--deliver-header", "X-Team: accounts")
        self.two_queues()
        self.inqueue("deliver", "--limit", "2")
        self.assertEqual(["accounts"] * 4, [request.headers["x-team"] for request in receiver.requests])
        self.assertEqual({"application/json"}, {request.headers["content-type"] for request in receiver.requests})
        self.inqueue("target", "alter", "shop", "--deliver-to", other.url())
        self.inqueue("deliver")
        self.assertEqual((4, 2), (len(receiver.requests), len(other.requests)))
        self.assertEqual({"done"}, set(self.states()))

    def test_shown(self):
        self.shop("https://ann@shop.example.com/mail", "--deliver-password", "env:PW", "--deliver-header", "X-A: b")
        self.uses("invoices")
        self.uses("orders")
        self.shop("https://desk.example.com/", name="desk")
        self.assertEqual("NAME STATE  URL                               QUEUES\n"
                         "desk active https://desk.example.com/         \n"
                         "shop active https://ann@shop.example.com/mail invoices, orders\n",
                         self.inqueue("target", "list").stdout)
        self.assertEqual("target             shop\n"
                         "deliver to         https://ann@shop.example.com/mail (multipart)\n"
                         "its password       env:PW\n"
                         "header field       X-A: b\n"
                         "private addresses  allowed\n"
                         "time limits        10.0s to connect, 30.0s in all\n"
                         "posts at a time    4\n"
                         "queues             invoices, orders\n", self.inqueue("target", "show", "shop").stdout)
        self.assertIn("target             shop\ndeliver to         https://ann@shop.example.com/mail",
                      self.inqueue("queue", "show", "orders").stdout)
        shown, = self.json_lines("--json", "target", "show", "shop")
        self.assertEqual(("shop", ["invoices", "orders"]), (shown["target"], shown["queues"]))
        self.assertEqual([("desk", []), ("shop", ["invoices", "orders"])],
                         [(row["target"], row["queues"]) for row in self.json_lines("--json", "target", "list")])
        self.assertEqual("shop", self.json_lines("--json", "queue", "show", "orders")[0]["delivery"]["target"])

    def test_one_that_is_used_is_not_dropped(self):
        self.shop("https://shop.example.com/")
        self.uses("invoices")
        self.uses("orders")
        result = self.inqueue("target", "drop", "shop", expect=inqueue.NO)
        self.assertEqual("inqueue: target 'shop' is used by invoices, orders: give each another one first, by `inqueue "
                         "queue alter NAME --target OTHER`\n", result.stderr)
        self.inqueue("queue", "drop", "orders", "--yes")
        self.inqueue("queue", "alter", "invoices", "--target", "")
        self.assertIsNone(self.json_lines("--json", "queue", "show", "invoices")[0]["delivery"])
        self.inqueue("target", "drop", "shop")
        self.assertEqual([], self.json_lines("--json", "target", "list"))
        self.assertEqual("inqueue: there is no target 'shop'; `inqueue target list` shows them\n",
                         self.inqueue("target", "drop", "shop", expect=inqueue.NO).stderr)

    def test_a_sample_is_posted_to_it(self):
        receiver = self.receiver(200, 404)
        self.shop(receiver.url())
        self.assertRegex(self.inqueue("target", "test", "shop").stdout, r"(?s)> POST /mail HTTP/1.1\n.*< HTTP/1.1 200 OK")
        self.assertEqual("robot@example.com", receiver.requests[0].fields()["envelope[to]"])
        self.fails(inqueue.CONFIGURATION, "target", "test", "shop", says="target 'shop': the target answered 404")
        self.fails(inqueue.NO, "target", "test", "desk", says="there is no target 'desk'")


class Stopped(TargetCase):
    def test_it_is_so_for_each_queue(self):
        receiver = self.receiver(410)
        self.shop(receiver.url(), "--deliver-concurrency", "1")
        self.two_queues()
        self.inqueue("deliver", "--limit", "3", "invoices")
        self.inqueue("deliver", "--limit", "3", "orders", expect=inqueue.CONFIGURATION)
        self.assertEqual(5, len(receiver.requests), "one run for both")
        self.assertEqual({"new"}, set(self.states()), "all wait again")
        why = "the target answered 410, and refused 5 entries in a row: correct URL or credentials"
        for name in ["invoices", "orders"]:
            self.assertIn(f"state            delivery stopped\n"
                          f"reason           delivery to target 'shop': {why}, then `inqueue queue resume {name}`\n",
                          self.inqueue("status", name).stdout)
            self.fails(inqueue.CONFIGURATION, "deliver", name, says=f"'{name}': delivery has stopped: {why}")
        self.assertRegex(self.inqueue("target", "list").stdout, f"shop stopped .*\n  {why}\n")
        self.assertIn(f"stopped            {why}\n", self.inqueue("target", "show", "shop").stdout)
        self.assertRegex(self.inqueue("status", "--check", expect=inqueue.NO).stderr,
                         f"'invoices': delivery stopped: {why}; 'orders': delivery stopped: {why}\n")
        receiver.answers = [200]
        self.inqueue("queue", "resume", "orders")
        self.inqueue("deliver")
        self.assertEqual({"done"}, set(self.states()))

    def test_altering_it_lets_it_go_on(self):
        self.shop("https://shop.example.com/")
        self.uses("invoices")
        self.execute("UPDATE target SET stopped = 'x', refused_run = 5")
        self.inqueue("queue", "alter", "invoices", "--max-attempts", "5")
        self.assertEqual([("x", 5)], self.sql("SELECT stopped, refused_run FROM delivery_target"))
        self.inqueue("target", "alter", "shop", "--deliver-timeout", "1m")
        self.assertEqual([(None, 0, 60000)], self.sql("SELECT stopped, refused_run, timeout_ms FROM delivery_target"))


class Watched(WatchCase, TargetCase):
    def test_what_is_altered_counts_at_once(self):
        first, second = self.receiver(), self.receiver()
        self.shop(first.url())
        self.uses("invoices")
        watcher = self.watch()
        for number, receiver in enumerate([first, second], start=1):
            self.inqueue("target", "alter", "shop", "--deliver-to", receiver.url())
            self.deliver(*messages(1))
            watcher.wait("delivered", number, delivered=1)
        watcher.stop()
        self.assertEqual((1, 1), (len(first.requests), len(second.requests)))


class Defined(TargetCase):
    def alter(self, *options, **more):
        return self.inqueue("queue", "alter", "invoices", *options, **more)

    def test_a_queue_has_one_or_the_other(self):
        self.shop("https://shop.example.com/")
        self.target("https://own.example.com/", private=False)
        self.alter("--target", "shop")
        self.assertEqual([("shop", "https://shop.example.com/")], self.sql("SELECT target, url FROM delivery_target"))
        self.assertEqual([("shop",)], self.sql("SELECT name FROM target"), "its own is gone")
        self.assertEqual("inqueue: queue 'invoices': deliver-to: the queue uses target 'shop': `inqueue target alter shop` "
                         "changes that for all its queues, an empty target gives the queue its own\n",
                         self.alter("--deliver-to", "https://other.example.com/", expect=inqueue.CONFIGURATION).stderr)
        self.fails(inqueue.CONFIGURATION, "queue", "alter", "invoices", "--deliver-format", "json", says="uses target 'shop'")
        self.alter("--target", "", "--deliver-to", "https://other.example.com/")
        self.assertEqual([(None, "https://other.example.com/")], self.sql("SELECT target, url FROM delivery_target"))
        self.fails(inqueue.CONFIGURATION, "queue", "create", "orders", "--external-source", "File", "--target", "shop",
                   "--deliver-to", "https://own.example.com/", says="deliver-to: the queue uses target 'shop'")
        self.fails(inqueue.NO, "queue", "alter", "invoices", "--target", "desk",
                   says="'invoices': there is no target 'desk'; `inqueue target list` shows them")
        self.inqueue("queue", "drop", "invoices", "--yes")
        self.assertEqual([("shop",)], self.sql("SELECT name FROM target"))

    def test_attempts_follow_it(self):
        self.shop("https://shop.example.com/")
        self.uses("invoices")
        self.assertEqual([60], self.column("SELECT max_attempts FROM work_queue"))
        self.alter("--target", "")
        self.assertEqual([3], self.column("SELECT max_attempts FROM work_queue"))
        self.alter("--target", "shop", "--acknowledge", "delivery")
        self.assertEqual([60], self.column("SELECT max_attempts FROM work_queue"))
        self.fails(inqueue.CONFIGURATION, "queue", "alter", "invoices", "--target", "", says="acknowledge=delivery needs")

    def test_what_none_of_its_queues_may_have_is_refused(self):
        self.shop("https://shop.example.com/")
        self.uses("invoices", keepRaw="True")
        self.uses("orders")
        result = self.inqueue("target", "alter", "shop", "--deliver-format", "raw", expect=inqueue.CONFIGURATION)
        self.assertEqual("inqueue: target 'shop': queue 'orders': deliver-format=raw needs keepRaw=True in the connection "
                         "string\n", result.stderr)
        self.assertEqual(["multipart"], self.column("SELECT format FROM target"))
        self.inqueue("queue", "drop", "orders", "--yes")
        self.inqueue("target", "alter", "shop", "--deliver-format", "raw")
        self.fails(inqueue.CONFIGURATION, "queue", "create", "orders", "--external-source", "File", "--target", "shop",
                   says="deliver-format=raw needs keepRaw=True")

    def test_a_new_name(self):
        self.shop("https://shop.example.com/")
        self.shop("https://desk.example.com/", name="desk")
        self.uses("invoices")
        self.inqueue("target", "alter", "shop", "--name", "store")
        self.assertEqual(["store"], self.column("SELECT target FROM delivery_target"))
        self.fails(inqueue.NO, "target", "alter", "store", "--name", "desk", says="there is a target 'desk' already")
        self.fails(inqueue.NO, "target", "create", "desk", "--deliver-to", "https://desk.example.com/",
                   says="there is a target 'desk' already; `inqueue target alter` changes it")
        self.fails(inqueue.DATA, "target", "alter", "store", "--name", "-x", says="'-x' cannot be the name of a target: use ")

    def test_what_is_wrong_with_it(self):
        for options, says in [([], "target 'shop': deliver-to is needed"),
                              (["--deliver-to", "ftp://example.com/"], "deliver-to: takes a URL"),
                              (["--deliver-to", "https://example.com/", "--deliver-password", "env:X"],
                               "deliver-password needs the user's name"),
                              (["--deliver-to", "https://a:geheim@example.com/"], "leave the password out")]:
            result = self.fails(inqueue.CONFIGURATION, "target", "create", "shop", *options, says=says)
            self.assertNotIn("geheim", result.stderr)
        self.assertFalse(self.database.exists())


class Private(TargetCase):
    """A target of this machine or network has leave, or is none; which is seen when it is defined."""

    first_look = True
    WHY = "deliver-to: {host}:8080 leads to this machine or to a private network: allow-private=true lets entries go there\n"

    def defines(self, kind, action, *options):
        name = "invoices" if kind == "queue" else "shop"
        source = ["--external-source", "File"] if (kind, action) == ("queue", "create") else []
        return [kind, action, name, *source, *options]

    def test_needs_leave(self):
        for kind in ["queue", "target"]:
            name = "invoices" if kind == "queue" else "shop"
            for host in ["127.0.0.1", "[::1]", "10.1.2.3", "localhost"]:
                with self.subTest(kind=kind, host=host):
                    to = ["--deliver-to", f"http://{host}:8080/"]
                    result = self.inqueue(*self.defines(kind, "create", *to), expect=inqueue.CONFIGURATION)
                    self.assertEqual(f"inqueue: {kind} '{name}': " + self.WHY.format(host=host), result.stderr)
                    self.inqueue(*self.defines(kind, "create", *to, "--allow-private", "true"))
                    result = self.inqueue(*self.defines(kind, "alter", "--allow-private", "false"), expect=inqueue.CONFIGURATION)
                    self.assertEqual(f"inqueue: {kind} '{name}': " + self.WHY.format(host=host), result.stderr)
                    self.inqueue(kind, "drop", name, *(["--yes"] if kind == "queue" else []))

    def test_without_asking(self):
        """An address is one in any case, a name may be another machine's tomorrow."""
        for kind in ["queue", "target"]:
            self.fails(inqueue.CONFIGURATION, *self.defines(kind, "create", "--no-check", "--deliver-to", "http://127.0.0.1/"),
                       says="127.0.0.1 leads to this machine")
            self.inqueue(*self.defines(kind, "create", "--no-check", "--deliver-to", "http://localhost:8080/"))
            self.fails(inqueue.CONFIGURATION, *self.defines(kind, "alter", "--deliver-to", "http://localhost/"), says="allow-private")
            self.inqueue(*self.defines(kind, "alter", "--no-check", "--deliver-to", "http://localhost/"))

    def test_what_is_there_is_not_brought_up_again(self):
        for kind in ["queue", "target"]:
            self.inqueue(*self.defines(kind, "create", "--deliver-to", "http://127.0.0.1/", "--allow-private", "true"))
            self.execute("UPDATE target SET allow_private = 0")
            self.inqueue(*self.defines(kind, "alter", "--deliver-timeout", "1m"))
        self.assertEqual([60000, 60000], self.column("SELECT timeout_ms FROM target"))

    def test_a_name_that_leads_nowhere_is_none_of_ours(self):
        self.inqueue(*self.defines("target", "create", "--deliver-to", "http://nobody.invalid/"))

    def test_files(self):
        queue = "[queue invoices]\nexternal-source=File\n"
        for text, group, host in [("[target shop]\ndeliver-to=http://{}/\n", "target shop", "127.0.0.1"),
                                  (queue + "deliver-to=http://{}/\n", "queue invoices", "127.0.0.1")]:
            path = self.file("queues.ini", text.format("127.0.0.1"))
            for options in [[], ["--check"], ["--dry-run"]]:
                self.fails(inqueue.CONFIGURATION, "queue", "apply", path, *options,
                           says=rf"'{path}': \[{group}\]: deliver-to: 127.0.0.1 leads to this machine .* allow-private")
            self.file("queues.ini", text.format("localhost"))
            self.fails(inqueue.CONFIGURATION, "queue", "apply", path, "--check",
                       says=rf"'{path}': \[{group}\]: deliver-to: localhost leads to this machine")
            self.assertEqual([], self.column("SELECT url FROM target"))
            self.inqueue("queue", "apply", path)
            self.assertEqual(["http://localhost/"], self.column("SELECT url FROM target"))
            for file in self.folder.glob(self.database.name + "*"):
                file.unlink()


class Files(TargetCase):
    TEXT = """[queue invoices]
connection-string=url=imap.example.com
user-name=robot
password-env=X
target=shop
acknowledge=delivery

[target shop]
deliver-to=https://ann@shop.example.com/mail
deliver-format=json
deliver-password=env:PW
deliver-header=X-A: b | X-C: d
"""

    def apply(self, text, *options, **more):
        self.file("queues.ini", text)
        return self.inqueue("queue", "apply", "queues.ini", *options, **more)

    def test_they_carry_targets(self):
        would = "target 'shop' would be created\nqueue 'invoices' would be created\n"
        self.assertEqual(would, self.apply(self.TEXT, "--dry-run").stdout)
        self.assertFalse(self.database.exists())
        self.assertEqual(would.replace("would be ", ""), self.apply(self.TEXT).stdout)
        self.assertEqual("", self.apply(self.TEXT).stdout, "twice is once")
        dumped = self.inqueue("queue", "dump").stdout
        self.assertEqual("[target shop]\n"
                         "deliver-to=https://ann@shop.example.com/mail\n"
                         "deliver-format=json\n"
                         "deliver-password=env:PW\n"
                         "deliver-header=X-A: b | X-C: d\n"
                         "\n"
                         "[queue invoices]\n"
                         "connection-string=url=imap.example.com\n"
                         "user-name=robot\n"
                         "password-env=X\n"
                         "target=shop\n"
                         "acknowledge=delivery\n", dumped)
        self.assertEqual("", self.apply(dumped).stdout, "what is dumped is what is there")
        altered = self.TEXT.replace("=json", "=multipart")
        self.assertEqual("target 'shop' would be altered\n  deliver-format: json -> multipart\n",
                         self.apply(altered, "--dry-run").stdout)
        self.assertEqual([{"target": "shop", "outcome": "altered"}, {"queue": "invoices", "outcome": "unchanged"}],
                         self.lines(self.apply(altered, "--json").stdout))
        self.assertEqual(["multipart"], self.column("SELECT format FROM delivery_target"))
        self.inqueue("queue", "create", "orders", "--external-source", "File")
        self.assertNotIn("[target", self.inqueue("queue", "dump", "orders").stdout)

    def lines(self, text):
        return [json.loads(line) for line in text.splitlines()]

    def test_what_is_wrong(self):
        for text, code, says in [
                (self.TEXT.replace("target=shop", "target=desk"), inqueue.CONFIGURATION, "no target 'desk', neither here"),
                (self.TEXT.replace("user-name", "deliver-to=https://own.example.com/\nuser-name"), inqueue.CONFIGURATION,
                 r"\[queue invoices\]: target: the queue has a target of its own"),
                (self.TEXT.replace("target=shop", "target=shop\ndeliver-to=https://own.example.com/"), inqueue.CONFIGURATION,
                 r"\[queue invoices\]: deliver-to: the queue uses target 'shop'"),
                (self.TEXT.replace("deliver-format", "deliver-fromat"), inqueue.CONFIGURATION,
                 r"\[target shop\]: unknown field 'deliver-fromat': did you mean deliver-format\? Known are deliver-to, "),
                (self.TEXT.replace("=json", "=raw"), inqueue.CONFIGURATION, "needs keepRaw=True"),
                (self.TEXT + "[goal x]\n", inqueue.CONFIGURATION, r"\[goal x\]: unknown group: .* a target \[target NAME\]")]:
            with self.subTest(says=says):
                self.file("queues.ini", text)
                self.fails(code, "queue", "apply", "queues.ini", "--dry-run", says=says)
        self.apply(self.TEXT)
        self.file("queues.ini", "[target shop]\ndeliver-to=https://shop.example.com/\ndeliver-format=raw\n")
        self.fails(inqueue.CONFIGURATION, "queue", "apply", "queues.ini", says="queue 'invoices': .* needs keepRaw=True")
        self.assertEqual(["json"], self.column("SELECT format FROM target"), "all or nothing")


if __name__ == "__main__":
    unittest.main()
