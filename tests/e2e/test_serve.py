"""`inqueue serve`: work over HTTP, from the claim to the end of an entry; who may what; what is refused."""

import contextlib
import json
import pathlib
import re
import socket
import subprocess
import sys
import threading
import unittest

import certificates
import manual
from entries import connect
from inqueue import CONFIGURATION, DEADLINE_S, IO, SOURCE_DIR, USAGE
from serve_case import OPENAPI, ServeCase, operations

CLAIM = "/v1/queues/invoices/claim"


class Work(ServeCase):
    def setUp(self):
        super().setUp()
        self.robot = self.token("work", "--queue", "invoices")
        self.serve()

    def post(self, path, body=None, expect=204, token=None):
        return self.ask("POST", path, token or self.robot, body, expect)

    def claim(self, query=""):
        entry, = self.post(CLAIM + query, expect=200).json()["entries"]
        return entry

    def test_an_entry_is_claimed_and_completed(self):
        one, two = self.put(2)
        entry = self.claim("?lease=5m&worker=w1")
        self.assertEqual((one, "claimed", "work-0/w1"), (entry["id"], entry["state"], entry["lease_owner"]))
        shown = self.inqueue("show", one, "--json").json()
        self.assertEqual({**shown, "lease_token": entry["lease_token"]}, entry)
        self.post(f"/v1/entries/{one}/progress", {"lease_token": entry["lease_token"], "progress": "2 of 3 pages"})
        self.post(f"/v1/entries/{one}/extend", {"lease_token": entry["lease_token"], "lease": "1h"})
        self.post(f"/v1/entries/{one}/complete", {"lease_token": entry["lease_token"], "output": {"number": 4711}})
        self.assertEqual(["done", "new"], self.states())
        self.assertEqual(["loaded", "claimed", "note", "extended", "note", "completed"], self.history(one))
        self.assertEqual(["work-0/w1"], sorted(set(self.column("SELECT who FROM history WHERE number > 0"))))
        self.assertEqual({"number": 4711}, self.ask("GET", f"/v1/entries/{one}", self.robot, expect=200).json()["output"])
        self.assertEqual(two, self.claim()["id"])
        self.post(CLAIM)

    def test_what_came_of_it(self):
        one, two, three = self.put(3)
        for entry, path, body in [(one, "fail", {"kind": "business", "reason": "no such order"}),
                                  (two, "release", {"reason": "switched off"}),
                                  (three, "defer", {"until": "2h", "reason": "not open yet"})]:
            claimed = self.claim()
            self.assertEqual(entry, claimed["id"])
            answer = self.ask("POST", f"/v1/entries/{entry}/{path}", self.robot, {"lease_token": claimed["lease_token"], **body})
            if path == "fail":
                self.assertEqual({"final": True, "next_attempt_at": None}, answer.json())
            if path == "release":
                self.change("UPDATE entry_status SET held = 1 WHERE id = ?", two)
        self.assertEqual(["failed", "new", "new"], self.states())
        self.assertEqual(["no such order", "switched off", "not open yet"],
                         self.column("SELECT why FROM history WHERE change IN ('failed', 'released', 'deferred') ORDER BY entry_id"))

    def test_several_have_one_token(self):
        ids = self.put(12)
        entries = self.post(CLAIM + "?count=10", expect=200).json()["entries"]
        self.assertEqual(ids[:10], [entry["id"] for entry in entries])
        self.assertEqual(1, len({entry["lease_token"] for entry in entries}))

    def test_a_token_that_is_good_no_more_is_told_who_has_the_entry(self):
        entry, = self.put()
        old = self.claim()["lease_token"]
        self.change("UPDATE entry_status SET lease_until = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 second')")
        self.inqueue("claim", "invoices", "--worker", "robot-8")
        for path, body in [("complete", {}), ("extend", {"lease": "1m"}), ("release", {}), ("defer", {"until": "1h"}),
                           ("fail", {"kind": "application", "reason": "x"}), ("progress", {"progress": "x"})]:
            with self.subTest(path=path):
                before = self.dump()
                detail = self.post(f"/v1/entries/{entry}/{path}", {"lease_token": old, **body}, 409).detail
                self.assertRegex(detail, rf"entry {entry}: the token is not that of its lease; worker 'robot-8' has the entry until ")
                self.assertEqual(before, self.dump())

    def test_the_lease_token_is_needed_and_shown_to_nobody_else(self):
        entry, = self.put()
        self.attach(entry, a_txt=b"x")
        token = self.claim()["lease_token"]
        reader = self.token("operate")
        for method, path, operation in operations():
            if method == "GET":
                answer = self.ask(method, path.format(queue="invoices", id=entry, n=1), reader)
                self.assertNotIn(token, str(answer.headers) + answer.body.decode())
        self.assertRegex(self.post(f"/v1/entries/{entry}/complete", {}, 400).detail, "lease_token is needed")
        self.assertEqual("claimed", self.state(entry))

    def test_who_waits_gets_what_comes(self):
        """And is asleep until then."""
        waiting = [self.connect() for _ in range(3)]
        for connection in waiting:
            connection.request("POST", CLAIM + "?wait=60", headers={"Authorization": f"Bearer {self.robot}"})
        self.ask("GET", "/health", expect=200)
        ids = self.put(3)
        got = [json.loads(connection.getresponse().read())["entries"][0]["id"] for connection in waiting]
        self.assertEqual(ids, sorted(got))

    def test_who_waits_gets_what_becomes_due(self):
        self.put()
        self.change("UPDATE entry_status SET next_attempt_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+1 second')")
        self.assertEqual(1, self.claim("?wait=60")["id"])

    def test_who_waits_in_vain_is_told(self):
        self.put(subject="other")
        self.post(CLAIM + "?wait=300ms&subject=invoice")
        self.assertEqual(["new"], self.states())

    def test_who_has_gone_gets_nothing(self):
        gone, there = self.connect(), self.connect()
        for connection in (gone, there):
            connection.request("POST", CLAIM + "?wait=60", headers={"Authorization": f"Bearer {self.robot}"})
            self.ask("GET", "/health", expect=200)
        gone.close()
        self.put()
        self.assertEqual(1, json.loads(there.getresponse().read())["entries"][0]["id"])
        self.assertEqual(["loaded", "claimed"], self.history(1))

    def test_what_cannot_be_sent_is_given_back_at_once(self):
        self.put()
        self.change("UPDATE entry_mail SET message_body = NULL, message_body_content = ?, message_body_size = ?", *self.big_content())
        connection = socket.create_connection(("127.0.0.1", self.port))
        connection.sendall(f"POST {CLAIM}?lease=1d HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n"
                           f"Authorization: Bearer {self.robot}\r\n\r\n".encode())
        self.assertTrue(connection.recv(100).startswith(b"HTTP/1.1 200"))
        connection.close()
        self.assertEqual(1, self.claim("?wait=60")["id"])
        self.assertEqual(["loaded", "claimed", "released", "claimed"], self.history(1))
        self.assertEqual(["the answer could not be sent"], self.column("SELECT why FROM history WHERE change = 'released'"))
        self.assertEqual([1], self.column("SELECT attempt_count FROM entry"))

    def test_what_cannot_be_answered_is_given_back_at_once(self):
        """The folder that answers are written to has gone."""
        self.stop()
        folder = self.folder / "gone"
        folder.mkdir()
        self.serve(env={"TMPDIR": str(folder)})
        folder.rmdir()
        self.put()
        self.ask("POST", CLAIM + "?lease=1d", self.robot, expect=500)
        self.assertEqual(["loaded", "claimed", "released"], self.history(1))
        self.assertEqual(["new"], self.column("SELECT state FROM entry"))

    def big_content(self, size=50_000_000):
        sha256 = "0" * 64
        self.change("INSERT INTO content (sha256, size, data) VALUES (?, ?, CAST(replace(hex(zeroblob(?)), '00', 'a') AS BLOB))",
                    sha256, size, size)
        return sha256, size

    def test_a_large_attachment_is_sent_in_pieces(self):
        self.put()
        sha256, size = self.big_content()
        self.change("INSERT INTO attachment (entry_id, position, file_name, content_type, size, sha256)"
                    " VALUES (1, 1, 'Größe \"1\".html', 'text/html', ?, ?)", size, sha256)
        answer = self.ask("GET", "/v1/entries/1/parts/1", self.robot, expect=200)
        self.assertEqual(b"a" * size, answer.body)
        self.assertEqual("attachment; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%221%22.html", answer.headers["Content-Disposition"])
        self.assertEqual("nosniff", answer.headers["X-Content-Type-Options"])
        self.assertRegex(self.ask("GET", "/v1/entries/1/parts/2", self.robot, expect=404).detail, "entry 1 has no attachment 2")
        self.assertRegex(self.ask("GET", "/v1/entries/1/message.eml", self.robot, expect=404).detail, "keepRaw")

    def test_who_is_too_slow_is_cut_off(self):
        """With a header, a body, or an answer; others are answered meanwhile."""
        self.put()
        sha256, size = self.big_content()
        self.change("INSERT INTO attachment (entry_id, position, file_name, content_type, size, sha256)"
                    " VALUES (1, 1, 'a', 'text/html', ?, ?)", size, sha256)
        authorization = f"Authorization: Bearer {self.robot}\r\n"
        said = [b"GET /health HTTP/1.1\r\nHost:",
                f"POST {CLAIM} HTTP/1.1\r\nHost: localhost\r\n{authorization}Content-Length: 5\r\n\r\n{{".encode(),
                f"GET /v1/entries/1/parts/1 HTTP/1.1\r\nHost: localhost\r\n{authorization}\r\n".encode()]
        slow = [socket.create_connection(("127.0.0.1", self.port), DEADLINE_S) for _ in said]
        for connection, words in zip(slow, said):
            connection.sendall(words)
        self.ask("GET", "/v1/entries/1", self.robot, expect=200)
        self.assertEqual(b"", slow[0].recv(100))
        self.assertEqual(b"", slow[1].recv(100))
        # By now the server has cut the third one off as well: what the kernel holds of the answer is all there is.
        received = 0
        with contextlib.suppress(ConnectionResetError):
            while piece := slow[2].recv(1 << 20):
                received += len(piece)
        self.assertLess(received, size)
        for connection in slow:
            connection.close()

    def test_a_busy_database_is_503(self):
        self.put()
        with contextlib.closing(connect(self.database)) as other:
            other.execute("BEGIN IMMEDIATE")
            answer = self.post(CLAIM, expect=503)
            self.assertEqual("1", answer.headers["Retry-After"])
            self.ask("GET", "/v1/entries/1", self.robot, expect=200)
            other.execute("ROLLBACK")
        self.claim()

    def test_the_end_lets_nobody_wait(self):
        waiting = self.connect()
        waiting.request("POST", CLAIM + "?wait=60", headers={"Authorization": f"Bearer {self.robot}"})
        self.ask("GET", "/health", expect=200)
        result = self.stop()
        self.assertIn("event=ended", result.stderr)
        answer = waiting.getresponse()
        self.assertEqual((503, "the server ends"), (answer.status, json.loads(answer.read())["detail"]))

    def test_a_killed_server_leaves_what_was_claimed_to_its_lease(self):
        self.put(2)
        entry = self.claim()
        self.server.kill()
        self.server.communicate()
        self.server = None
        self.serve()
        self.post(f"/v1/entries/{entry['id']}/complete", {"lease_token": entry["lease_token"]})
        self.assertEqual(["done", "new"], self.states())


class Reading(ServeCase):
    def setUp(self):
        super().setUp()
        self.reader = self.token("read")
        self.serve()

    def get(self, path, expect=200):
        return self.ask("GET", path, self.reader, expect=expect).json()

    def test_documents_are_those_of_the_commands(self):
        self.put(3)
        self.inqueue("note", 2, "rang them up")
        self.define("orders")
        self.assertEqual(self.json_lines("list", "--json"), self.get("/v1/queues/invoices/entries")["entries"])
        self.assertEqual(self.inqueue("show", 2, "--json").json(), self.get("/v1/entries/2"))
        self.assertEqual(self.json_lines("history", "2", "--json"), self.get("/v1/entries/2/history")["events"])
        status = self.json_lines("status", "--json")
        for queue in status:
            del queue["account_warnings"]
        self.assertEqual(status, self.get("/v1/queues")["queues"])
        self.assertEqual(status[0], self.get("/v1/queues/invoices"))

    def test_pages(self):
        ids = self.put(25)
        for order in ["", "&newest=1"]:
            after, found = 0, []
            while after is not None:
                page = self.get(f"/v1/queues/invoices/entries?limit=10&after={after}{order}")
                found += [entry["id"] for entry in page["entries"]]
                after = page["after"]
            self.assertEqual(ids if not order else ids[::-1], found)

    def test_filters(self):
        self.put(2)
        self.put(1, subject="Order 4711")
        self.inqueue("tag", 2, "--add", "vip")
        self.inqueue("discard", 1)
        for query, ids in [("state=new", [2, 3]), ("state=failed,bad", [1]), ("tag=vip", [2]), ("subject=ORDER", [3]),
                           ("text=pay%201", [2]), ("older-than=1d", [2, 3]), ("since=2020-01-01&until=2030-01-01", [1, 2, 3]),
                           ("since=2030-01-01", []), ("held", []), ("thread=2", [2]), ("sender=ann", [1, 2, 3])]:
            with self.subTest(query=query):
                found = self.get(f"/v1/queues/invoices/entries?{query}")["entries"]
                self.assertEqual(ids, [entry["id"] for entry in found])

    def test_what_is_wrong_is_named(self):
        for path, status, detail in [
                ("/v1/queues/invoces", 404, "did you mean invoices"), ("/v1/entries/9", 404, "there is no entry 9"),
                ("/v1/entries/x", 404, "nothing at this address"), ("/v1/entries/0", 404, "nothing at this address"),
                ("/v1/queues/invoices/entries?stat=new", 400, "unknown parameter 'stat': did you mean state?"),
                ("/v1/queues/invoices/entries?state=old", 400, "state takes new, claimed"),
                ("/v1/queues/invoices/entries?limit=1001", 400, "limit takes a number from 1 to 1000"),
                ("/v1/queues/invoices/entries?since=soon", 400, "since takes a time"),
                ("/v1/queues/invoices/entries?auto-class=robot", 400, "auto-class takes"),
                ("/v1/queues/invoices/entries?thread=x", 400, "thread takes a number"),
                ("/v1/queues/invoices?x=1", 400, "unknown parameter 'x'")]:
            with self.subTest(path=path):
                self.assertIn(detail, self.get(path, status)["detail"])
        self.assertEqual(405, self.ask("POST", "/v1/queues", self.reader).status)
        self.assertEqual(b"", self.ask("HEAD", "/v1/queues", self.reader, expect=200).body)

    def test_the_document_is_the_one_of_the_source(self):
        self.assertEqual(OPENAPI, self.get("/v1/openapi.json"))
        self.assertEqual("3.1.0", OPENAPI["openapi"])
        source = (SOURCE_DIR / "loader" / "serve" / "route.c").read_text()
        routes = re.findall(r'\{"(GET|POST)",\s*"([^"]+)",\s*TOKEN_(\w+), (true|false)', source)
        self.assertEqual(sorted((method, path, "" if is_open == "true" else right.lower()) for method, path, right, is_open in routes),
                         sorted((method, path, operation.get("x-right", "")) for method, path, operation in operations()))

    def test_parameters_are_those_of_the_document(self):
        source = (SOURCE_DIR / "loader" / "serve" / "route.c").read_text()
        for name, path, method in [("claim", "/v1/queues/{queue}/claim", "post"), ("list", "/v1/queues/{queue}/entries", "get")]:
            known = re.findall(r'"([^"]+)"', re.search(rf"{name}_parameters\[\] = \{{(.*?)\}}", source, re.DOTALL)[1])
            described = [one["name"] for one in OPENAPI["paths"][path][method]["parameters"] if one["in"] == "query"]
            self.assertEqual(sorted(known), sorted(described))


class Metrics(ServeCase):
    """The text format, as https://prometheus.io/docs/instrumenting/exposition_formats/ has it."""

    def figures(self, token):
        text = self.ask("GET", "/metrics", token, expect=200).body.decode()
        self.assertTrue(text.endswith("\n"))
        family, found = None, {}
        for line in text.splitlines():
            if header := re.fullmatch(r"# (HELP|TYPE) ([a-z_]+) (.+)", line):
                if header[1] == "HELP":
                    family = header[2]
                else:
                    self.assertIn((header[2], header[3] == "counter"), [(family, family.endswith("_total"))])
                continue
            name, labels, value = re.fullmatch(r'([a-z_]+)(\{(?:[a-z]+="[^"\\\n]*",?)+\})? ([0-9.e+]+)', line).groups()
            self.assertEqual(family, name)
            self.assertNotIn((name, labels), found)
            found[name, labels] = float(value)
        return found

    def setUp(self):
        super().setUp()
        self.define("orders")
        self.put(3)
        self.inqueue("discard", 3)
        self.reader = self.token("read")
        self.serve()

    def test_figures(self):
        self.change("UPDATE work_queue SET last_action = '2026-01-31T12:00:00.000Z', last_message = 'OK; 3 items.' WHERE name = 'invoices'")
        self.change("UPDATE work_queue SET last_action = '2026-01-31T12:00:00.000Z', last_message = 'Error: no' WHERE name = 'orders'")
        figures = self.figures(self.reader)
        counted = {labels: value for (name, labels), value in figures.items() if name == "inqueue_entries" and "invoices" in labels}
        self.assertEqual({'{queue="invoices",state="new"}': 2, '{queue="invoices",state="claimed"}': 0, '{queue="invoices",state="done"}': 0,
                          '{queue="invoices",state="failed"}': 1, '{queue="invoices",state="bad"}': 0}, counted)
        self.assertEqual(1769860800, figures["inqueue_oldest_waiting_timestamp_seconds", '{queue="invoices"}'])
        self.assertEqual((1, 0), (figures["inqueue_imap_up", '{queue="invoices"}'], figures["inqueue_imap_up", '{queue="orders"}']))
        self.assertEqual(1769860800, figures["inqueue_imap_last_success_timestamp_seconds", '{queue="invoices"}'])
        self.assertEqual(self.database.stat().st_size, figures["inqueue_database_bytes", None])
        self.assertGreater(figures["inqueue_disk_free_bytes", None], 0)

    def test_a_token_for_one_queue_sees_that_one(self):
        figures = self.figures(self.token("read", "--queue", "orders"))
        self.assertEqual({'{queue="orders"}'}, {re.sub(",.*", "}", labels) for _, labels in figures if labels and "queue" in labels})

    def test_alerts_are_about_figures_that_there_are(self):
        text = (SOURCE_DIR / "samples" / "alerts.yml").read_text()
        source = (SOURCE_DIR / "loader" / "serve" / "metrics.c").read_text()
        known = set(re.findall(r'\{"((?:inqueue|process)_\w+)"', source))
        named = set(re.findall(r"\binqueue_\w+", " ".join(re.findall(r"(?m)^ +expr: (.*)$", text))))
        self.assertEqual(4, text.count("- alert: "))
        self.assertLessEqual(named, known)
        self.assertGreaterEqual(len(named), 5)


class Rights(ServeCase):
    BODIES = {"complete": {"lease_token": "x"}, "fail": {"lease_token": "x", "kind": "business", "reason": "x"},
              "release": {"lease_token": "x"}, "extend": {"lease_token": "x", "lease": "1h"},
              "defer": {"lease_token": "x", "until": "1h"}, "progress": {"lease_token": "x", "progress": "x"},
              "priority": {"to": 5}, "tag": {"add": "vip"}, "note": {"text": "x"}}
    RIGHTS = ["read", "work", "operate", "define"]

    def test_nothing_is_answered_until_a_token_exists(self):
        self.serve()
        self.ask("GET", "/health", expect=200)
        for token in [None, "inq_" + "A" * 43]:
            answer = self.ask("GET", "/v1/queues", token, expect=503)
            self.assertIn("no token exists yet", answer.detail)
        reader = self.token("read")
        self.ask("GET", "/v1/queues", reader, expect=200)

    def test_each_token_may_what_it_may_and_no_more(self):
        """Each kind of token and each route of openapi.json; what is refused changes no row."""
        self.define("orders")
        own, = self.put()
        other, = self.put(queue="orders")
        tokens = {may: self.token(may, "--queue", "invoices") for may in self.RIGHTS}
        self.serve()
        tried = refused = 0
        for method, path, operation in operations():
            right = operation.get("x-right")
            if right is None:
                continue
            body = self.BODIES.get(path.rpartition("/")[2], {} if method == "POST" else None)
            for may, token in tokens.items():
                for entry, queue in [(own, "invoices"), (other, "orders")]:
                    allowed = self.RIGHTS.index(may) >= self.RIGHTS.index(right)
                    named = "{" in path
                    with self.subTest(method=method, path=path, may=may, queue=queue):
                        before = self.dump()
                        answer = self.ask(method, path.format(queue=queue, id=entry, n=1), token, body)
                        tried += 1
                        if allowed and (queue == "invoices" or not named):
                            self.assertNotIn(answer.status, (401, 403))
                        else:
                            self.assertEqual(403, answer.status)
                            self.assertEqual(before, self.dump())
                            refused += 1
        self.assertGreater(tried, 150)
        self.assertGreater(refused, 100)

    def test_a_list_has_only_what_the_token_is_for(self):
        self.define("orders")
        token = self.token("read", "--queue", "orders")
        self.serve()
        self.assertEqual(["orders"], [queue["queue"] for queue in self.ask("GET", "/v1/queues", token, expect=200).json()["queues"]])

    def test_what_is_no_token(self):
        token = self.token("define")
        self.serve()
        for headers in [{}, {"Authorization": token}, {"Authorization": f"Basic {token}"}, {"Authorization": f"Bearer {token}x"},
                        {"Authorization": "Bearer"}, {"Cookie": f"token={token}"}]:
            with self.subTest(headers=headers):
                answer = self.ask("GET", "/v1/queues", headers=headers, expect=401)
                self.assertEqual("Bearer", answer.headers["WWW-Authenticate"])
        self.ask("GET", f"/v1/queues?token={token}", expect=401)
        result = self.stop()
        self.assertNotIn(token, result.stderr + result.stdout)

    def test_a_revoked_token_ends_on_an_open_connection(self):
        token, other = self.token("read"), self.token("read")
        self.serve()
        connection = self.connect()
        self.ask("GET", "/v1/queues", token, expect=200, connection=connection)
        self.inqueue("token", "revoke", self.tokens[token])
        self.ask("GET", "/v1/queues", token, expect=401, connection=connection)
        self.change("UPDATE token SET expires_at = '2026-01-31T12:00:00.000Z' WHERE name = ?", self.tokens[other])
        self.token("read")
        self.ask("GET", "/v1/queues", other, expect=401)

    def test_the_last_use_is_kept(self):
        token = self.token("read")
        self.serve()
        self.ask("GET", "/v1/queues", token, expect=200)
        listed, = self.json_lines("token", "list", "--json")
        self.assertEqual("127.0.0.1", listed["last_address"])
        self.assertIsNotNone(listed["last_used_at"])

    def test_strange_hosts_and_origins(self):
        token = self.token("define")
        self.put()
        self.serve("--host", "mail.example.com")
        for headers, expect in [({"Host": "evil.example.com"}, 403), ({"Host": "127.0.0.1.evil.example.com"}, 403), ({"Host": ""}, 403),
                                ({"Host": f"localhost:{self.port}"}, 200), ({"Host": "mail.example.com"}, 200), ({"Host": "[::1]:1"}, 200),
                                ({"Host": "localhost", "Origin": "https://evil.example.com"}, 403), ({"Host": "localhost", "Origin": "null"}, 403),
                                ({"Host": "localhost", "Origin": "http://localhost"}, 200)]:
            with self.subTest(headers=headers):
                answer = self.ask("GET", "/v1/queues", token, headers=headers, expect=expect)
                self.assertNotIn("Access-Control-Allow-Origin", answer.headers)

    def test_operators(self):
        entry, = self.put()
        token = self.token("operate")
        self.serve()

        def do(what, body=None, expect=204):
            return self.ask("POST", f"/v1/entries/{entry}/{what}", token, body, expect)

        do("hold", {"reason": "wait"})
        self.assertEqual("entry 1 is held already", do("hold", expect=409).detail)
        do("unhold")
        do("priority", {"to": 7})
        do("tag", {"add": "vip"})
        self.assertIn("has no tag 'x'", do("tag", {"remove": "x"}, 409).detail)
        do("note", {"text": "rang them up"})
        do("discard", {"reason": "spam"})
        do("retry")
        self.assertEqual("entry 1 is new already", do("retry", expect=409).detail)
        self.assertEqual([("held", "wait"), ("unheld", None), ("priority", None), ("tagged", None), ("note", "rang them up"),
                          ("discarded", None), ("retried", None)],
                         [(change, why if change != "discarded" else None)
                          for change, why in self.sql("SELECT change, why FROM history WHERE number > 0 ORDER BY number")])
        self.assertEqual(["operate-0"], sorted(set(self.column("SELECT who FROM history WHERE number > 0"))))

    def test_bodies_that_are_wrong(self):
        self.put()
        token = self.token("define")
        self.serve()
        for path, body, expect, detail in [
                ("hold", b"{", 400, "no JSON object"), ("hold", b"[]", 400, "no JSON object"), ("hold", b'{"reason":1}', 400, "reason takes text"),
                ("hold", b'{"why":"x"}', 400, "unknown member 'why'"), ("hold", b'{"reason":"x","reason":"y"}', 400, "duplicate"),
                ("hold", b'{"reason":"\\u0001"}', 400, "reason takes UTF-8 text"), ("hold", b'{"reason":"\xff"}', 400, "no JSON object"),
                ("priority", b'{"to":"1"}', 400, "to takes the priority"), ("priority", b"{}", 400, "to takes the priority"),
                ("priority", b'{"to":1000001}', 400, "to takes the priority"), ("tag", b"{}", 400, "one of add and remove"),
                ("tag", b'{"add":"a b"}', 400, "a word without blanks"), ("note", b'{"text":""}', 400, "a note is"),
                ("fail", b'{"lease_token":"x","kind":"odd","reason":"x"}', 400, "kind takes business"),
                ("extend", b'{"lease_token":"x","lease":"32d"}', 400, "lease takes a time from"),
                ("defer", b'{"lease_token":"x","until":"soon"}', 400, "until takes a time"),
                ("progress", b'{"lease_token":"x","progress":"a\\nb"}', 400, "one line"),
                ("hold", b"[" * 100000, 400, "no JSON object"), ("hold", b" " * 2097153, 413, "at most 2097152 bytes")]:
            with self.subTest(path=path, body=body[:60]):
                before = self.dump()
                self.assertIn(detail, self.ask("POST", f"/v1/entries/1/{path}", token, body, expect).detail)
                self.assertEqual(before, self.dump())
        for query, detail in [("wait=61s", "wait takes a time from"), ("count=0", "count takes a number"), ("lease=0", "lease takes"),
                              ("wat=1", "did you mean wait?"), ("sender=%01", "sender takes UTF-8 text")]:
            self.assertIn(detail, self.ask("POST", f"{CLAIM}?{query}", token, expect=400).detail)

    def test_a_body_of_unknown_length_is_limited_too(self):
        self.put()
        token = self.token("operate")
        self.serve()
        connection = self.connect()
        connection.request("POST", "/v1/entries/1/note", body=iter([b" " * 1000000] * 3), encode_chunked=True,
                           headers={"Authorization": f"Bearer {token}", "Transfer-Encoding": "chunked"})
        self.assertEqual(413, connection.getresponse().status)


class Sockets(ServeCase):
    def setUp(self):
        super().setUp()
        self.reader = self.token("read")

    def test_a_socket_of_the_file_system(self):
        path = self.folder / "serve.sock"
        for _ in range(2):  # what an earlier run has left is in nobody's way
            self.serve(listen=f"unix:{path}")
            self.assertEqual(0o600, path.stat().st_mode & 0o777)
            self.ask("GET", "/v1/queues", self.reader, expect=200, headers={"Host": "mail.example.com"})
            self.stop()

    def test_the_service_managers_socket(self):
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen()
            self.serve(wrap=[sys.executable, "-c", "import os, sys\nos.dup2(int(sys.argv[1]), 3)\nos.set_inheritable(3, True)\n"
                             "os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))\nos.execv(sys.argv[2], sys.argv[2:])",
                             str(listening.fileno())], pass_fds=[listening.fileno()])
            self.assertEqual(listening.getsockname()[1], self.port)
            self.ask("GET", "/v1/queues", self.reader, expect=200)

    def test_tls(self):
        self.authority = certificates.Authority(self.folder)
        certificate = self.authority.issue()
        self.serve("--tls-certificate", certificate.certificate, "--tls-key", certificate.key)
        self.assertTrue(self.address.startswith("https://"))
        self.ask("GET", "/v1/queues", self.reader, expect=200)

    def test_other_machines_are_heard_by_tls_alone(self):
        for address in ["0.0.0.0:0", "[::]:0", "192.0.2.7:1"]:
            says = "other machines would send their tokens in the clear" if "192" not in address else "Cannot assign"
            code = CONFIGURATION if "192" not in address else IO
            self.assertIn(says, self.inqueue("serve", "--listen", address, expect=code).stderr)

    def test_what_is_refused(self):
        for options, code, says in [(["--listen", "localhost:80"], USAGE, "--listen takes an address and a port"),
                                    (["--listen", "127.0.0.1"], USAGE, "--listen takes"), (["--listen", "unix:"], USAGE, "takes a path"),
                                    (["--listen", "127.0.0.1:99999"], USAGE, "--listen takes"),
                                    (["--listen", "127.0.0.1:0", "--tls-key", "x"], USAGE, "--tls-certificate goes with --tls-key"),
                                    (["--listen", "127.0.0.1:0", "--tls-certificate", "x", "--tls-key", "y"], CONFIGURATION, "'x' cannot be read: No such file"),
                                    (["--log-level", "loud"], USAGE, "--log-level takes")]:
            self.assertIn(says, self.inqueue("serve", *options, expect=code).stderr)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            self.assertIn("Address already in use",
                          self.inqueue("serve", "--listen", f"127.0.0.1:{taken.getsockname()[1]}", expect=IO).stderr)

    def test_it_gives_up_its_rights(self):
        self.serve()
        status = pathlib.Path(f"/proc/{self.server.pid}/status").read_text()
        self.assertRegex(status, r"(?m)^Seccomp:\s+2$")
        self.assertRegex(status, r"(?m)^NoNewPrivs:\s+1$")
        self.assertRegex(status, r"(?m)^Threads:\s+1$")


class Client(ServeCase):
    """samples/inqueue_client.py."""

    def setUp(self):
        super().setUp()
        import inqueue_client
        self.module = inqueue_client
        self.robot = self.token("work", "--queue", "invoices")
        self.serve()
        self.client = inqueue_client.Client(self.address, self.robot)

    def test_work(self):
        self.put(5)

        def handle(entry):
            if entry["id"] == 2:
                raise self.module.Business("no such order")
            if entry["id"] == 3:
                raise self.module.Later("2h", "not open yet")
            if entry["id"] == 4:
                raise ValueError("odd")
            self.client.progress(entry, "half")
            return {"number": entry["id"]}

        self.change("UPDATE work_queue SET max_attempts = 1")
        self.client.work("invoices", handle, until_empty=True)
        self.assertEqual(["done", "failed", "new", "failed", "done"], self.states())
        self.assertEqual(["no such order", "ValueError: odd"], self.column("SELECT error_text FROM entry WHERE state = 'failed' ORDER BY id"))
        self.assertEqual(['{"number":1}', '{"number":5}'], self.column("SELECT output FROM entry WHERE state = 'done' ORDER BY id"))

    def test_a_lease_is_extended_while_the_work_goes_on(self):
        self.put()
        entry, = self.client.claim("invoices", lease="1m")
        with self.client.extending(entry, "1h", every_s=0.01):
            while self.history(1).count("extended") < 3:
                pass
        self.client.complete(entry)
        self.assertEqual("done", self.state(1))

    def test_one_that_has_lost_its_entry_is_told(self):
        self.put()
        entry, = self.client.claim("invoices")
        self.inqueue("release", 1, "--force", "--reason", "gone")
        with self.assertRaisesRegex(self.module.Lost, "the lease of this token is over, the entry is new"):
            self.client.complete(entry)

    def test_lists_and_attachments(self):
        ids = self.put(120)
        self.attach(1, a_txt=b"attached")
        self.assertEqual(ids, [entry["id"] for entry in self.client.entries("invoices")])
        self.assertEqual("invoices", self.client.queues()[0]["queue"])
        self.client.save(1, 1, self.folder / "a.txt")
        self.assertEqual(b"attached", (self.folder / "a.txt").read_bytes())
        self.assertEqual([], self.client.claim("invoices", wait="0s", subject="nothing like it"))
        with self.assertRaisesRegex(self.module.Problem, "there is no entry 999"):
            self.client.entry(999)

    def test_the_program_itself(self):
        self.put(2)
        result = subprocess.run([sys.executable, SOURCE_DIR / "samples" / "inqueue_client.py", self.address, "invoices"], text=True,
                                env={**self.environment, "INQUEUE_TOKEN": self.robot}, capture_output=True, check=True)
        self.assertEqual("1 Invoice\n2 Invoice\n", result.stdout)
        self.assertEqual(["done", "done"], self.states())

    def test_many_at_once_finish_each_entry_once(self):
        ids = self.put(60)
        threads = [threading.Thread(target=self.client.work, args=("invoices", lambda entry: None),
                                    kwargs={"until_empty": True, "worker": f"w{number}"}) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([(entry, 1) for entry in ids],
                         self.sql("SELECT entry_id, count(*) FROM history WHERE change = 'completed' GROUP BY entry_id"))

    def test_the_examples_of_the_manual(self):
        self.put()
        page = manual.page("inqueue-serve.1")
        made, of_the_service = manual.examples(page)
        environment = {**self.environment, "PATH": f"{self.folder}/bin:{self.environment['PATH']}"}
        (self.folder / "bin").mkdir()
        (self.folder / "bin" / "inqueue").symlink_to(self.server.args[0])
        subprocess.run(["bash", "-euc", made], cwd=self.folder, env=environment, check=True, capture_output=True)
        client, = manual.examples(page, "python")
        result = subprocess.run([sys.executable, "-c", client.replace("http://127.0.0.1:8480", self.address)], cwd=self.folder, check=True,
                                env={**environment, "PYTHONPATH": str(SOURCE_DIR / "samples")}, text=True, capture_output=True)
        self.assertEqual("Invoice []\n", result.stdout)
        self.assertEqual("done", self.state(1))
        self.assertEqual([0o600], [(self.folder / "robot-7.token").stat().st_mode & 0o777])

        # The same as root: the account and the service manager are none of the tests'.
        self.inqueue("token", "revoke", "robot-7")
        token, start = of_the_service.strip().rsplit("\n", 1)
        token = token.replace("runuser -u inqueue -- ", "").replace("/var/lib/inqueue/inqueue.db", str(self.database))
        subprocess.run(["bash", "-euc", token], cwd=self.folder, env=environment, check=True, capture_output=True)
        self.assertIn("inq_", (self.folder / "robot-7.token").read_text())
        self.assertEqual("systemctl enable --now inqueue-serve.socket", start)


if __name__ == "__main__":
    unittest.main()
