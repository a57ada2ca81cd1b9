"""SQL as the manual prints it: the ten questions, and workers in other languages beside our own."""

import contextlib
import fcntl
import json
import os
import re
import subprocess
import sys
import unittest

import manual
import processes
from entries import EntryCase, connect
from inqueue import PROGRAM, SOURCE_DIR


def blocks(title, language):
    return manual.examples(manual.section(manual.page("inqueue-sql.7"), title), language)


class TenQuestions(EntryCase):
    """Six entries: done, failed for good, failed once, claimed, waiting for an hour and more, waiting."""

    def setUp(self):
        super().setUp()
        self.inqueue("queue", "alter", self.queue, "--retry-delay", "1h")
        self.put(3, subject="Invoice")
        self.put(3, subject="Order", sender="bob@example.com")
        ended = [self.claim("--worker", "ada") for _ in range(3)]
        self.inqueue("complete", 1, "--token", ended[0]["lease_token"])
        self.inqueue("fail", 2, "--token", ended[1]["lease_token"], "--business", "--reason", "no such customer")
        self.inqueue("fail", 3, "--token", ended[2]["lease_token"], "--application", "--reason", "no reply")
        self.claim("--worker", "bob")
        self.change("UPDATE entry_status SET record_created = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE id IN (1, 6)")

    def ask(self, question):
        queries = dict(re.findall(r"-- (.*?)\n(.*?;)", blocks("TEN QUESTIONS AND THEIR QUERIES", "sql")[0], re.DOTALL))
        self.assertEqual(10, len(queries))
        return self.sql(queries[question])

    def test_next(self):
        self.assertEqual([(5, "invoices", "bob@example.com", "Order"), (6, "invoices", "bob@example.com", "Order")],
                         self.ask("What do workers get next?"))

    def test_working(self):
        (worker, entry, subject, left), = self.ask("Who has what, and how long may it still take?")
        self.assertEqual(("bob", 4, "Order"), (worker, entry, subject))
        self.assertTrue(500 < left <= 600, left)

    def test_failed(self):
        self.assertEqual([(2, "business", "no such customer", "Invoice")], self.ask("What has failed today, and why?"))

    def test_tried_again(self):
        (entry, when, attempts, reason), = self.ask("What will be tried again, and when?")
        self.assertEqual((3, 1, "no reply"), (entry, attempts, reason))
        self.assertRegex(when, r"^\d{4}-.*Z$")

    def test_reasons(self):
        self.assertEqual({("no such customer", 1), ("no reply", 1)},
                         set(self.ask("Which reasons are the most frequent?")))

    def test_history(self):
        self.assertEqual(["loaded", "claimed", "completed"],
                         [row[1] for row in self.ask("What has happened to entry 1?")])

    def test_days(self):
        self.assertEqual([(2, 1, 1)], [row[1:] for row in self.ask("How were the last seven days?")])

    def test_workers(self):
        rows = self.ask("Which worker does how much?")
        self.assertEqual([("ada", 1, 2, 0), ("bob", 0, 0, 0)], [row[:4] for row in rows])

    def test_waiting_long(self):
        self.assertEqual([(5, "Order", "2026-01-31T12:00:00.000Z")],
                         self.ask("What has been waiting for more than an hour?"))

    def test_senders(self):
        self.assertEqual({("Ann Lee <ann@example.com>", 3), ("bob@example.com", 3)},
                         set(self.ask("Who writes the most?")))


class OtherLanguages(EntryCase):
    def setUp(self):
        super().setUp()
        self.worker, = blocks("FROM OTHER LANGUAGES", "python")
        statements = dict(re.findall(r'(?s)(CLAIM|COMPLETE) = """(.*?)"""', self.worker))
        self.claim_sql, self.complete_sql = statements["CLAIM"], statements["COMPLETE"]

    def test_schema_documents_the_same_statements(self):
        """But for the values that each has for an example."""
        def normal(text):
            text = re.sub(r"(?m)^-- ?", "", text)
            text = re.sub(r"'robot-7'|:worker", ":worker", text)
            text = re.sub(r"queue = (?:'invoices'|:queue)", "queue = :queue", text)
            return " ".join(re.sub(r"RETURNING .*", "RETURNING", text, flags=re.DOTALL).split())
        schema = (SOURCE_DIR / "queue" / "schema.sql").read_text()
        documented = re.findall(r"--   UPDATE entry_status\n(?:--    ?.*\n)+?--   RETURNING .*\n", schema)
        self.assertEqual([normal(self.claim_sql), normal(self.complete_sql)], [normal(one) for one in documented])

    def claimed(self, worker="python"):
        return self.change(self.claim_sql.replace(":worker", f"'{worker}'").replace(":queue", "'invoices'"))

    def test_eight_processes_and_our_own_finish_each_entry_once(self):
        """Nobody goes on before each of them has an entry, however fast the first ones are."""
        self.put(400)
        gate = self.file("gate", "")
        script = self.file("worker.py", self.worker.replace(
            "# … work …", f"import fcntl; fcntl.flock(open({str(gate)!r}), fcntl.LOCK_SH)"))
        with open(gate, encoding="utf-8") as shut:
            fcntl.flock(shut, fcntl.LOCK_EX)
            others = [subprocess.Popen([sys.executable, script, self.database, f"python-{number}"],
                                       stderr=subprocess.PIPE) for number in range(8)]
            ours = [self.start("work", self.queue, "--until-empty", "--concurrency", "2", "--",
                               "flock", "--shared", gate, "true") for _ in range(2)]
            while self.states().count("claimed") < 8 + 2 * 2:
                self.assertEqual([None] * 10, [process.poll() for process in others + ours])
                processes.await_exit(others[0].pid, 0.05)
        for process in others:
            self.assertEqual(b"", process.communicate(timeout=100)[1])
            self.assertEqual(0, process.returncode)
        for process in ours:
            self.finish(process)
        self.assertEqual(["done"] * 400, self.states())
        self.assertEqual([("claimed", 400), ("completed", 400)],
                         self.sql("SELECT change, count(*) FROM entry_event GROUP BY change"))
        workers = self.column("SELECT DISTINCT who FROM entry_event WHERE change = 'claimed'")
        self.assertLess({f"python-{number}" for number in range(8)}, set(workers))

    def test_from_the_shell(self):
        """Both commands of the page, one after the other."""
        self.put(2, subject="Order")
        self.file("worker.py", self.worker)
        look, = blocks("TEN QUESTIONS AND THEIR QUERIES", "sh")
        work, = blocks("FROM OTHER LANGUAGES", "sh")
        shown = subprocess.run(["bash", "-euc", look + work], cwd=self.folder, env=self.environment, text=True,
                               capture_output=True, check=True)
        self.assertEqual(("", 2), (shown.stderr, shown.stdout.count("Order")))
        self.assertEqual({"robot-7"}, set(self.column("SELECT who FROM history WHERE change = 'claimed'")))
        self.assertEqual(["done", "done"], self.states())

    def test_a_worker_keeps_what_came_of_it(self):
        entry, = self.put()
        (claimed, token), = self.claimed()
        result, = blocks("WHAT CAME OF IT", "sql")
        progress = result.replace("output", "progress")
        with contextlib.closing(connect(self.database)) as database, database:
            self.assertEqual([], database.execute(result, {"id": entry, "token": "other", "json": "1"}).fetchall())
            for text in ["1 of 2", "2 of 2"]:
                self.assertEqual([(entry,)], database.execute(progress, {"id": claimed, "token": token, "json": text}).fetchall())
            self.assertEqual([(entry,)], database.execute(result, {"id": claimed, "token": token, "json": '{"booked": 4711}'}).fetchall())
        self.assertEqual([('{"booked": 4711}', "2 of 2")], self.sql("SELECT output, progress FROM entry"))
        self.assertEqual([("python", "1 of 2", "progress"), ("python", "2 of 2", "progress"), ("python", "16 bytes", "output")],
                         self.sql("SELECT who, why, detail FROM history WHERE change = 'note' ORDER BY number"))

    def test_what_is_no_json_is_shown_as_a_string(self):
        self.put()
        (entry, token), = self.claimed()
        result, = blocks("WHAT CAME OF IT", "sql")
        with contextlib.closing(connect(self.database)) as database, database:
            database.execute(result, {"id": entry, "token": token, "json": 'no "JSON"\n'}).fetchall()
        self.assertEqual('no "JSON"\n', json.loads(self.inqueue("show", entry, "--json").stdout)["output"])

    def test_claims_come_in_our_order(self):
        self.put(3)
        self.inqueue("priority", 3, "--to", "1")
        self.inqueue("hold", 1)
        self.assertEqual([3], [row[0] for row in self.claimed()])
        self.assertEqual(2, self.claim()["id"])
        self.assertEqual([], self.claimed())

    def test_ended_lease_is_claimed_in_its_place_in_the_order(self):
        self.put(2)
        self.change("UPDATE entry_status SET state = 'claimed', lease_owner = 'gone', lease_token = 'old',"
                    " last_attempt_at = '2026-01-31T12:00:00.000Z', lease_until = '2026-01-31T12:00:01.000Z',"
                    " attempt_count = 1 WHERE id = 1")
        self.assertEqual(1, self.claimed()[0][0])
        self.assertEqual([], self.change(self.complete_sql, {"id": 1, "token": "old"}))
        self.assertEqual(["loaded", "claimed", "expired", "claimed"], self.history(1))

    def test_claim_of_another_entry_leaves_the_token_of_an_ended_lease_good(self):
        self.put(2)
        token = self.claim("--lease", "1ms")["lease_token"]
        self.inqueue("priority", 2, "--to", "1")
        self.assertEqual(2, self.claimed()[0][0])
        self.assertEqual([(1,)], self.change(self.complete_sql, {"id": 1, "token": token}))

    def test_ended_lease_of_what_is_not_due_keeps_nobody(self):
        """As after a clock that was set back."""
        self.put(2)
        self.claim("--lease", "1ms")
        self.change("UPDATE entry_status SET next_attempt_at = '2126-01-31T12:00:00.000Z' WHERE id = 1")
        self.assertEqual(2, self.claimed()[0][0])
        self.assertEqual([], self.claimed())

    def test_last_attempt_that_ended_is_a_failure_after_the_next_claim(self):
        self.put(2)
        self.change("UPDATE entry_status SET state = 'claimed', lease_owner = 'gone', lease_token = 'old',"
                    " last_attempt_at = '2026-01-31T12:00:00.000Z', lease_until = '2026-01-31T12:00:01.000Z',"
                    " attempt_count = 1 WHERE id = 1")
        self.inqueue("queue", "alter", self.queue, "--max-attempts", "1")
        self.assertEqual(2, self.claimed()[0][0])
        self.assertEqual([("failed", "lease ended: nothing was heard of worker gone until 2026-01-31T12:00:01.000Z")],
                         self.sql("SELECT state, error_text FROM entry WHERE id = 1"))
        self.assertEqual(["loaded", "claimed", "expired"], self.history(1))

    def test_schema_prints_the_same_statements(self):
        schema = re.sub(r"(?m)^--\s*", "", (SOURCE_DIR / "queue" / "schema.sql").read_text(encoding="utf-8"))
        plain = " ".join(schema.split())
        for statement in (self.claim_sql, self.complete_sql):
            start = " ".join(statement.split("WHERE")[1].split("RETURNING")[0].split()).replace(":queue", "'invoices'")
            self.assertIn(start, plain)

    def test_who_and_why_can_be_said(self):
        self.put()
        with connect(self.database) as database:
            database.executescript("BEGIN; INSERT INTO change_author (id, who, why) VALUES (1, 'ada', 'VIP');"
                                   " UPDATE entry_status SET priority = 9; DELETE FROM change_author; COMMIT;")
        self.assertEqual([("priority", "ada", "VIP", "9")],
                         self.sql("SELECT change, who, why, detail FROM history WHERE number = 1"))


class Working(EntryCase):
    def test_the_commands_run_as_printed(self):
        self.put(3)
        book = self.file("book-invoice", "#!/bin/sh\nexec cat >/dev/null\n", mode=0o700)
        self.assertTrue(book.exists())
        first, second = manual.examples(manual.page("inqueue-work.1"))
        folder = self.folder / "bin"
        folder.mkdir()
        (folder / "inqueue").symlink_to(PROGRAM)
        environment = {**self.environment, "PATH": f"{folder}:{os.environ['PATH']}"}
        for script, left in ((second, 2), (first, 0)):
            result = subprocess.run(["bash", "-euxc", script], cwd=self.folder,
                                    env=environment, text=True, capture_output=True, check=False)
            self.assertEqual(0, result.returncode, result.stdout + result.stderr)
            self.assertEqual(left, self.states().count("new"))


class Plans(EntryCase):
    def test_claims_and_histories_use_indices(self):
        claim = blocks("FROM OTHER LANGUAGES", "python")[0].split('"""')[1]
        for query, indices in ((claim, ["entry_status_claim (queue_id=? AND priority=? AND <expr><?)",
                                        "entry_status_claim (queue_id=? AND priority<?)",
                                        "entry_status_lease (queue_id=? AND lease_until<?)"]),
                               ("SELECT * FROM history WHERE entry_id = 1 ORDER BY number",
                                ["SEARCH e USING PRIMARY KEY (entry_id=?)"])):
            with connect(self.database) as database:
                plan = "\n".join(row[3] for row in database.execute(
                    "EXPLAIN QUERY PLAN " + query, {"worker": "w", "queue": "q"} if ":queue" in query else {}))
            for index in indices:
                self.assertIn(index, plan)
            self.assertNotRegex(plan, r"SCAN (s|e|entry_status|entry_event|entry_mail)\b")


if __name__ == "__main__":
    unittest.main()
