"""What a target answers, or fails to answer, and what becomes of the entry."""

import contextlib
import datetime
import email.utils
import os
import re
import signal
import socket
import sqlite3
import unittest

import inqueue
from deliveries import DeliverCase
from receiver import Answer

OUTCOME_STATES = {"delivered": "done", "rejected": "failed", "retry": "new", "unreachable": "new"}


class Table(DeliverCase):
    def check_all(self, statuses, outcome, code):
        receiver = self.receiver(*statuses, 200)
        # Apart, so that no answer counts as one more in a row.
        self.target(receiver.url(), "--deliver-concurrency", "1")
        self.load(*inqueue.messages(len(statuses)))
        for status in statuses:
            with self.subTest(status=status):
                self.inqueue("deliver", "--limit", "1", expect=code)
                self.assertEqual((outcome, status), self.sql("SELECT outcome, status FROM delivery ORDER BY id DESC")[0])
        self.assertEqual([OUTCOME_STATES[outcome]] * len(statuses), self.states())
        return receiver

    def test_2xx_is_done(self):
        self.check_all([200, 201, 202, 204, 226], "delivered", inqueue.DONE)

    def test_4xx_has_failed_and_is_not_tried_again(self):
        receiver = self.check_all([400, 402, 401, 405, 409, 422, 499], "rejected", inqueue.DONE)
        self.inqueue("deliver")
        self.assertEqual(7, len(receiver.requests))
        self.assertEqual({"business"}, set(self.column("SELECT error_kind FROM entry")))

    def test_417_is_about_expect_and_the_post_is_made_without(self):
        receiver = self.receiver()
        receiver.refuses_expect = True
        self.target(receiver.url())
        self.load(inqueue.message(body="x\n" * 1000000))
        self.inqueue("deliver")
        self.assertEqual(["100-continue", None], [request.headers.get("expect") for request in receiver.requests])
        self.assertEqual(["done"], self.states())
        self.assertEqual([(1, 1, "delivered", 200)], self.attempts())

    def test_5xx_and_some_4xx_are_tried_again_later(self):
        receiver = self.check_all([500, 502, 503, 599, 408, 425, 429], "retry", inqueue.TEMPORARY)
        self.inqueue("deliver")
        self.assertEqual(7, len(receiver.requests), "before the time has come")
        self.assertEqual([0], self.column("SELECT count(*) FROM entry WHERE next_attempt_at <= last_attempt_at"))

    def test_anything_else_is_like_no_answer(self):
        self.check_all([300, 304, 399, 600, 999], "unreachable", inqueue.UNREACHABLE)

    def test_retry_after_is_honoured_and_ends_the_run(self):
        receiver = self.receiver(Answer(429, {"Retry-After": "7200"}), 200)
        self.target(receiver.url(), "--deliver-concurrency", "1")
        self.load(*inqueue.messages(2))
        self.fails(inqueue.TEMPORARY, "deliver", says="deliver 'invoices': 1 not delivered, .* entry 1: .* answered 429")
        self.assertEqual(1, len(receiver.requests))
        (last, following), = self.sql("SELECT last_attempt_at, next_attempt_at FROM entry WHERE id = 1")
        wait = datetime.datetime.fromisoformat(following) - datetime.datetime.fromisoformat(last)
        self.assertAlmostEqual(7200, wait.total_seconds(), delta=5)

    def test_nothing_due_says_how_many_wait_and_until_when(self):
        receiver = self.receiver(503, 200)
        self.target(receiver.url(), "--retry-delay", "2h")
        self.assertEqual("invoices: nothing is due, 0 wait\r\n", self.on_terminal("deliver").stdout)
        self.load()
        self.fails(inqueue.TEMPORARY, "deliver", says="to be tried again")
        self.assertRegex(self.on_terminal("deliver").stdout,
                         r"\Ainvoices: nothing is due, 1 waits, the first until \d{4}-\d\d-\d\d \d\d:\d\d\r\n\Z")
        self.assertEqual(self.column("SELECT substr(next_attempt_at, 1, 19) || 'Z' FROM entry"),
                         re.findall(r"until (\S+)", self.on_terminal("deliver", "--utc").stdout))
        self.inqueue("hold", "1")
        self.assertEqual("invoices: nothing is due, 1 waits\r\n", self.on_terminal("deliver").stdout)

    def test_the_last_attempt_has_failed(self):
        receiver = self.receiver(503)
        self.target(receiver.url(), "--max-attempts", "2", "--retry-delay", "0")
        self.load()
        self.fails(inqueue.TEMPORARY, "deliver", says="1 not delivered, to be tried again: entry 1: .* answered 503")
        self.fails(inqueue.TEMPORARY, "deliver", says="1 not delivered, 1 of them for the last time: entry 1: .* answered 503")
        self.assertEqual(["failed"], self.states())
        self.assertEqual([("application", "the target answered 503", 2)],
                         self.sql("SELECT error_kind, error_text, attempt_count FROM entry"))
        self.assertEqual(1, len({request.headers["webhook-id"] for request in receiver.requests}))

    def test_retry_after_may_be_a_date(self):
        later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=2)
        self.target(self.receiver(Answer(503, {"Retry-After": email.utils.format_datetime(later, usegmt=True)})).url())
        self.load()
        self.inqueue("deliver", expect=inqueue.TEMPORARY)
        following, = self.column("SELECT next_attempt_at FROM entry")
        self.assertAlmostEqual(later.timestamp(), datetime.datetime.fromisoformat(following).timestamp(), delta=5)

    def test_an_answer_is_kept_in_part_and_clean(self):
        receiver = self.receiver(Answer(422, body=b"\x1b[31mno\x00\xff " + b"x" * 100000))
        self.target(receiver.url())
        self.load()
        self.inqueue("deliver")
        answer, = self.column("SELECT answer FROM delivery")
        self.assertTrue(answer.startswith(" [31mno \ufffd xxx"), answer[:20])
        self.assertLessEqual(len(answer), 2048)

    def test_an_endless_answer_counts_by_its_status(self):
        receiver = self.receiver(Answer(200, fault="endless"), Answer(422, fault="endless"))
        self.target(receiver.url(), "--deliver-concurrency", "1")
        self.load(*inqueue.messages(2))
        self.inqueue("deliver")
        self.assertEqual(["done", "failed"], self.states())


class Redirects(DeliverCase):
    def chain(self, hops, status=307):
        return [Answer(status, {"Location": f"/step{number}"}) for number in range(1, hops + 1)]

    def test_none_to_three_are_followed_with_method_and_body(self):
        for status in [301, 302, 303, 307, 308]:
            for hops in range(4):
                with self.subTest(status=status, hops=hops):
                    receiver = self.receiver(*self.chain(hops, status), 200)
                    name = f"q{status}-{hops}"
                    self.target(receiver.url(), name=name)
                    self.inqueue("deliver", "--test", name)
                    self.assertEqual(["/mail", "/step1", "/step2", "/step3"][:hops + 1],
                                     [request.path for request in receiver.requests])
                    self.assertEqual(1, len({request.body for request in receiver.requests}))

    def test_a_fourth_is_not(self):
        receiver = self.receiver(*self.chain(4), 200)
        self.target(receiver.url())
        self.load()
        self.fails(inqueue.UNREACHABLE, "deliver", says="the target redirects more than 3 times in a row")
        self.assertEqual(4, len(receiver.requests))
        self.assertEqual([(1, 1, "unreachable", 307)], self.attempts())

    def test_without_a_location(self):
        receiver = self.receiver(302)
        self.target(receiver.url())
        self.load()
        self.fails(inqueue.UNREACHABLE, "deliver", says="answered 302 without a Location")

    def test_another_host_gets_no_credentials_and_they_do_not_come_back(self):
        home, other = self.receiver(), self.receiver()
        home.answers = [Answer(307, {"Location": other.url("/there")}), 200]
        other.answers = [Answer(307, {"Location": home.url("/back")})]
        secret = self.file("delivery.password", "geheim\n")
        self.target(home.url(user="ann"), "--deliver-password", f"file:{secret}", "--deliver-header", "X-Team: accounts",
                    "--deliver-header-secret", f"X-Api-Key: file:{secret}")
        self.load()
        self.inqueue("deliver")
        first, back = home.requests
        there, = other.requests
        self.assertIn("authorization", first.headers)
        self.assertEqual("geheim", first.headers["x-api-key"])
        for request in [there, back]:
            self.assertNotIn("authorization", request.headers)
            self.assertNotIn("x-api-key", request.headers)
            self.assertNotIn("x-team", request.headers)
            self.assertEqual(first.body, request.body)

    def signed(self, url, *options):
        """A queue whose posts carry all that is for its target alone."""
        secret = self.file("delivery.password", "geheim\n")
        self.target(url, "--deliver-password", f"file:{secret}", "--deliver-secret", f"file:{secret}", "--deliver-header",
                    "X-Team: accounts", "--deliver-header-secret", f"X-Api-Key: file:{secret}", *options)
        self.load()

    def carried(self, request):
        return {"authorization", "x-api-key", "x-team", "webhook-signature"} & set(request.headers)

    def test_another_host_gets_no_signature(self):
        other = self.receiver()
        home = self.receiver(Answer(307, {"Location": other.url("/there")}))
        self.signed(home.url(user="ann"))
        self.inqueue("deliver")
        self.assertEqual(4, len(self.carried(home.requests[0])))
        self.assertEqual(set(), self.carried(other.requests[0]))
        self.assertEqual(home.requests[0].headers["idempotency-key"], other.requests[0].headers["idempotency-key"])

    def test_a_host_that_is_trusted_gets_all(self):
        """But not once the post has been somewhere else."""
        home, trusted, other = self.receiver(), self.receiver(), self.receiver()
        home.answers = [Answer(307, {"Location": trusted.url("/there")})]
        trusted.answers = [Answer(307, {"Location": other.url("/far")}), 200]
        other.answers = [Answer(307, {"Location": trusted.url("/back")})]
        self.signed(home.url(user="ann"), "--deliver-trust-host", f"app.example.com|127.0.0.1:{trusted.port}")
        self.inqueue("deliver")
        there, back = trusted.requests
        self.assertEqual(4, len(self.carried(there)))
        self.assertEqual(home.requests[0].headers["authorization"], there.headers["authorization"])
        self.assertEqual([set(), set()], [self.carried(request) for request in [*other.requests, back]])

    def test_same_host(self):
        home, other = self.receiver(), self.receiver()
        home.answers = [Answer(307, {"Location": "/there"}), Answer(302, {"Location": other.url()})]
        self.signed(home.url(user="ann"), "--deliver-redirects", "same-host")
        self.fails(inqueue.UNREACHABLE, "deliver", says=f"127.0.0.1:{home.port} redirects to 127.0.0.1:{other.port}, and "
                   "deliver-redirects=same-host does not go there")
        self.assertEqual((2, 0), (len(home.requests), len(other.requests)))
        self.assertEqual([(1, 1, "unreachable", 302)], self.attempts())
        self.inqueue("queue", "alter", "invoices", "--deliver-trust-host", f"127.0.0.1:{other.port}")
        home.answers = [Answer(302, {"Location": other.url()})]
        self.inqueue("delivery", "retry", "1")
        self.inqueue("deliver")
        self.assertEqual(4, len(self.carried(other.requests[0])))

    def test_none(self):
        for status in [301, 302, 303, 307, 308]:
            with self.subTest(status=status):
                receiver = self.receiver(Answer(status, {"Location": "/there"}))
                self.target(receiver.url(), "--deliver-redirects", "none", name=f"q{status}")
                self.fails(inqueue.UNREACHABLE, "deliver", "--test", f"q{status}",
                           says=f"answered {status}: deliver-redirects=none follows no redirect")
                self.assertEqual(1, len(receiver.requests))

    def test_definition(self):
        self.target("https://example.com/")
        for option, value, says in [
                ("--deliver-redirects", "some", "deliver-redirects: takes any, same-host or none"),
                ("--deliver-trust-host", "https://example.com/", "deliver-trust-host: takes names of hosts, with :PORT")]:
            self.fails(inqueue.CONFIGURATION, "queue", "alter", "invoices", option, value, says=says)
        self.inqueue("queue", "alter", "invoices", "--deliver-redirects", "none", "--deliver-trust-host", "b.example.com")
        shown = self.inqueue("queue", "show", "invoices").stdout
        self.assertRegex(shown, "(?s)follows redirects +none.*trusted host +b.example.com")
        self.inqueue("queue", "alter", "invoices", "--deliver-redirects", "any", "--deliver-trust-host", "")
        self.assertNotRegex(self.inqueue("queue", "show", "invoices").stdout, "follows redirects|trusted host")

    def test_the_same_host_gets_them(self):
        receiver = self.receiver(Answer(307, {"Location": "/there"}), 200)
        self.target(receiver.url(user="ann"), "--deliver-password", f"file:{self.file('delivery.password', 'geheim')}")
        self.load()
        self.inqueue("deliver")
        self.assertEqual(2, len([1 for request in receiver.requests if "authorization" in request.headers]))

    def test_credentials_in_a_location_do_not_count(self):
        receiver = self.receiver()
        receiver.answers = [Answer(307, {"Location": receiver.url("/there", user="eve:evil")}), 200]
        self.target(receiver.url())
        self.load()
        self.inqueue("deliver")
        self.assertNotIn("authorization", receiver.requests[1].headers)

    def test_other_schemes_are_not_followed(self):
        locations = ["ftp://example.com/", "file:///etc/passwd", "http://[::bad/"]
        receiver = self.receiver(*[Answer(307, {"Location": location}) for location in locations])
        self.target(receiver.url())
        for location in locations:
            with self.subTest(location=location):
                result = self.inqueue("deliver", "--test", "invoices", expect=inqueue.UNREACHABLE)
                self.assertRegex(result.stderr, "the target redirects to what is ")


class Unreachable(DeliverCase):
    def check(self, url, *options, says, **target):
        self.target(url, *options, **target)
        self.load()
        self.fails(inqueue.UNREACHABLE, "deliver", says=["deliver 'invoices': 1 not delivered, to be tried again", says])
        self.assertEqual(["new"], self.states())
        (_, _, outcome, status), = self.attempts()
        self.assertEqual(("unreachable", None), (outcome, status))
        self.assertEqual(["application"], self.column("SELECT error_kind FROM entry"))

    def test_refused(self):
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        self.check(f"http://127.0.0.1:{port}/", says=f"127.0.0.1:{port}: ")

    def test_no_such_host(self):
        self.check("http://nobody.invalid/", says="nobody.invalid: .*resolve")

    def test_a_target_that_says_nothing(self):
        receiver = self.receiver(Answer(fault="silent"))
        self.check(receiver.url(), "--deliver-timeout", "500ms", says="did not answer in time")

    def test_an_endless_header(self):
        receiver = self.receiver(Answer(200, {f"X-{number}": "x" * 10000 for number in range(7)}))
        self.check(receiver.url(), says="the header of the answer is longer than 64 KiB")

    def test_an_answer_that_drips(self):
        receiver = self.receiver(Answer(fault="dripping"))
        self.check(receiver.url(), "--deliver-timeout", "1s", says="did not answer in time")

    def test_a_connection_that_is_never_ready(self):
        with socket.create_server(("127.0.0.1", 0)) as mute:
            self.check(f"https://127.0.0.1:{mute.getsockname()[1]}/", "--deliver-connect-timeout", "300ms",
                       "--deliver-timeout", "1h", says="did not answer in time")

    def test_reset_before_the_body(self):
        receiver = self.receiver(Answer(fault="reset"))
        self.check(receiver.url(), says="127.0.0.1")

    def test_reset_after_the_body_is_delivered_again_with_the_same_key(self):
        receiver = self.receiver(Answer(fault="reset-after"), 200)
        self.check(receiver.url(), "--retry-delay", "0", says="127.0.0.1")
        self.inqueue("deliver")
        self.assertEqual(["done"], self.states())
        self.assertEqual(1, len({request.headers["idempotency-key"] for request in receiver.requests}))
        self.assertEqual(2, len(receiver.requests))

    def test_private_addresses_need_leave(self):
        """Also where it was defined before its name led there."""
        receiver = self.receiver()
        self.check(receiver.url(host="localhost"), says="localhost:.* allow-private", private=False)
        self.assertEqual([], receiver.requests)
        self.execute("UPDATE target SET url = ?", receiver.url())
        self.inqueue("delivery", "retry", "1")
        self.fails(inqueue.UNREACHABLE, "deliver", says="127.0.0.1:.* allow-private")
        self.assertEqual([], receiver.requests)

    def test_nothing_goes_to_another_machine_in_clear(self):
        """No network: whoever is refused makes no connection, and the others find no way."""
        self.target("http://192.0.2.1/")
        alone = {"wrap": ["unshare", "--net"]} if os.getuid() == 0 else {}
        clear = "192.0.2.1: mail does not go in clear to another machine: use https://, or allow it with deliver-insecure\n"
        self.fails(inqueue.UNREACHABLE, "deliver", "--test", says=clear, **alone)
        self.inqueue("queue", "alter", "invoices", "--deliver-insecure", "true")
        self.fails(inqueue.UNREACHABLE, "deliver", "--test", says="Network is unreachable|to connect", **alone)
        self.environment["TOKEN"] = "open sesame"
        secret = "192.0.2.1: credentials do not go in clear to another machine: use https://\n"
        self.inqueue("queue", "alter", "invoices", "--deliver-header-secret", "Authorization: Bearer env:TOKEN")
        self.fails(inqueue.UNREACHABLE, "deliver", "--test", says=secret, **alone)
        self.inqueue("queue", "alter", "invoices", "--deliver-header-secret", "", "--deliver-to", "http://ann@192.0.2.1/",
                     "--deliver-password", "env:TOKEN")
        self.fails(inqueue.UNREACHABLE, "deliver", "--test", says=secret, **alone)
        self.inqueue("queue", "alter", "invoices", "--deliver-to", "https://ann@192.0.2.1/")
        self.fails(inqueue.UNREACHABLE, "deliver", "--test", says="Network is unreachable|to connect", **alone)

    def test_private_addresses_written_otherwise(self):
        receiver = self.receiver()
        self.target("https://app.example.com/", private=False)
        for host in ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0", "2130706433", "0x7f.1",
                                       "127.1", "017700000001", "169.254.169.254", "[fe80::1]", "[fd00::1]"]:
            with self.subTest(host=host):
                url, says = receiver.url(host=host), "leads to this machine or to a private network: allow-private"
                self.fails(inqueue.CONFIGURATION, "queue", "alter", "invoices", "--deliver-to", url, says=says)
                self.execute("UPDATE target SET url = ?", url)
                self.fails(inqueue.UNREACHABLE, "deliver", "--test", says=says)
        self.assertEqual([], receiver.requests)

    def test_a_target_that_is_down_costs_three_entries_a_try(self):
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        self.target(f"http://127.0.0.1:{port}/", "--deliver-concurrency", "1", "--retry-delay", "0")
        self.load(*inqueue.messages(5))
        self.fails(inqueue.UNREACHABLE, "deliver", says="3 not delivered, to be tried again")
        receiver = self.receiver()
        self.inqueue("queue", "alter", "invoices", "--deliver-to", receiver.url())
        self.inqueue("deliver")
        self.assertEqual(["done"] * 5, self.states())


class Breaker(DeliverCase):
    def test_a_run_of_404_stops_and_loses_nothing(self):
        receiver = self.receiver(404)
        self.target(receiver.url(), "--deliver-concurrency", "2")
        self.load(*inqueue.messages(8))
        self.fails(inqueue.CONFIGURATION, "deliver", says="delivery has stopped, nothing is lost")
        self.assertLessEqual(len(receiver.requests), 6)
        self.assertEqual(["new"] * 8, self.states())
        refused = 6 if len(receiver.requests) == 6 else 5  # two go at a time
        why = f"the target answered 404, and refused {refused} entries in a row: correct URL or credentials, then `inqueue queue resume invoices`"
        self.assertEqual(f"inqueue: deliver 'invoices': delivery has stopped: {why}\n",
                         self.inqueue("deliver", expect=inqueue.CONFIGURATION).stderr)
        self.assertIn(f"state              delivery stopped\nreason             delivery: {why}\n",
                      self.inqueue("queue", "show", "invoices").stdout)
        self.assertIn(f"state            delivery stopped\nreason           delivery: {why}\n",
                      self.inqueue("status", "invoices").stdout)
        self.assertRegex(self.inqueue("status").stdout, rf"\ninvoices delivery stopped +8 .*\n  delivery: {why}\n\Z")
        self.assertEqual(why.partition(", then")[0], self.json_lines("--json", "status")[0]["delivery"]["stopped"])
        self.inqueue("status", "--check", expect=inqueue.NO)
        with self.subTest("on a terminal"):
            shown = self.on_terminal("status", columns=80).stdout.replace("\r\n", "\n")
            self.assertTrue(shown.endswith(f"\n  delivery: the target answered 404, and refused {refused} entries in a row: correct URL\n"
                                           "  or credentials, then `inqueue queue resume invoices`\n"), shown)
        receiver.answers = [200]
        self.inqueue("queue", "resume", "invoices")
        self.inqueue("deliver")
        self.assertEqual(["done"] * 8, self.states())

    def test_it_counts_over_several_runs_and_another_answer_breaks_it(self):
        receiver = self.receiver(401, 403, 410, 404, 422, 401, 403, 410, 404, 401)
        self.target(receiver.url(), "--deliver-concurrency", "1")
        self.load(*inqueue.messages(10))
        for _ in range(9):
            self.inqueue("deliver", "--limit", "1")
        self.assertEqual(["failed"] * 9 + ["new"], self.states())
        self.inqueue("deliver", "--limit", "1", expect=inqueue.CONFIGURATION)
        self.assertEqual(["failed"] * 5 + ["new"] * 5, self.states())
        self.inqueue("queue", "alter", "invoices", "--deliver-to", self.receiver().url())
        self.inqueue("deliver")
        self.assertEqual(["failed"] * 5 + ["done"] * 5, self.states())


class Killed(DeliverCase):
    def deliver_to_a_silent_target(self):
        """A target that has got an entry and has not answered, and the process that waits for it."""
        receiver = self.receiver(Answer(fault="silent"), 200)
        self.target(receiver.url())
        self.load()
        process = self.start("deliver")
        self.assertTrue(receiver.arrived.acquire(timeout=20))
        return receiver, process

    def kill(self, process):
        process.kill()
        self.finish(process, expect=-signal.SIGKILL)

    def check_it_comes_again(self, receiver):
        self.assertEqual(["claimed"], self.states())
        self.inqueue("deliver")
        self.assertEqual(["done"], self.states())
        first, second = receiver.requests
        self.assertEqual(first.headers["idempotency-key"], second.headers["idempotency-key"])
        self.assertEqual([(1, 2, "delivered", 200)], self.attempts())

    def test_before_the_answer(self):
        receiver, process = self.deliver_to_a_silent_target()
        self.kill(process)
        receiver.released.set()
        self.check_it_comes_again(receiver)

    def test_between_answer_and_record(self):
        """The target has said that it has the mail; the database, which somebody else holds, has not been told."""
        receiver, process = self.deliver_to_a_silent_target()
        with contextlib.closing(sqlite3.connect(self.database, isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")
            receiver.released.set()
            self.assertTrue(receiver.answered.acquire(timeout=20))
            self.kill(process)
        self.check_it_comes_again(receiver)

    def test_a_signal_lets_it_finish_what_it_has(self):
        receiver = self.receiver(Answer(fault="silent"), 200)
        self.target(receiver.url(), "--deliver-concurrency", "1")
        self.load(*inqueue.messages(2))
        process = self.start("deliver")
        self.assertTrue(receiver.arrived.acquire(timeout=20))
        process.send_signal(signal.SIGTERM)
        receiver.released.set()
        self.finish(process)
        self.assertEqual(["done", "new"], self.states())


if __name__ == "__main__":
    unittest.main()
