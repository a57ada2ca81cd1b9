#!/usr/bin/python3
"""The schema as operators meet it: queue/schema.sql in the sqlite3 shell."""

import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

SOURCE_DIR = pathlib.Path(os.environ.get("SOURCE_DIR", pathlib.Path(__file__).parents[2]))
SCHEMA = SOURCE_DIR / "queue" / "schema.sql"

COLUMNS = {
    "work_queue": "id name class_name external_source connection_string user_name credential_source"
    " credential_reference paused max_attempts retry_delay_ms last_message last_action not_collected record_created record_updated"
    " reference same_reference claim_order",
    "queue_health": "queue_id last_success refusals refused_at stopped_at stopped_reason",
    "entry": "id queue queue_id state priority held tags attempt_count error_kind error_text last_attempt_at"
    " next_attempt_at lease_owner lease_token lease_until deadline_at risk_at subject sender recipient cc bcc reply_to"
    " date_sent date_received message_body html_body reply_plain message_body_size html_body_size message_id"
    " in_reply_to thread_references thread_id parent_id reference same_as headers defects signature auto_class auto_reason raw_sha256 raw_size raw_kept attachment_count"
    " output output_at progress progress_at record_created record_updated",
    "attachment": "entry_id position file_name declared_name content_type disposition content_id size"
    " sha256",
    "entry_calendar": "entry_id position method uid starts_at ends_at organizer attendees summary location",
    "entry_thread": "entry_id thread_id parent_id",
    "entry_reference": "entry_id position id joins",
    "entry_result": "entry_id output output_at progress progress_at",
    "thread": "thread_id queue entries open first_at last_at subject",
    "entry_bounce": "entry_id position kind address original_address status diagnostic original_id",
    "content": "id sha256 size data",
    "attachment_data": "entry_id position file_name declared_name content_type disposition content_id"
    " size sha256 data",
    "header": "entry_id position name value",
    "pickup": "queue_id source uid_validity uid state target acknowledge target_uid_validity target_uid entry_id"
    " raw_sha256 raw_size internal_date record_created record_updated uid_next target_folder",
    "queue_overview": "id name paused last_message last_action not_collected new claimed expired done failed"
    " bad unfinished_pickups oldest_waiting",
    "entry_tag": "entry_id tag",
    "entry_event": "entry_id number at change state attempt who why detail duration_ms",
    "change_author": "id who why",
    "token": "id name may queue_id sha256 created_by created_at expires_at revoked_at last_used_at last_address",
    "next_entry": "queue_id queue id",
    "waiting": "id queue priority sender subject tags attempt_count waiting_since",
    "working": "id queue worker since lease_until seconds_left attempt_count sender subject",
    "overdue": "id queue state deadline_at seconds_over worker sender subject",
    "at_risk": "id queue state risk_at deadline_at worker sender subject",
    "failure": "id queue error_kind error_text attempt_count failed_at final next_attempt_at sender subject",
    "history": "entry_id queue number at change who why detail state attempt duration_ms",
    "worker_overview": "queue worker has completed failed expired average_ms last_seen",
    "day_overview": "queue day loaded completed failed to_be_tried_again expired",
}

TARGET = ("INSERT INTO target (url, format, connect_timeout_ms, timeout_ms, allow_private, concurrency)"
          " VALUES ('http://127.0.0.1/', 'raw', 1, 1, 1, 1)")
# As the program stores a mail with a text body, an HTML body in content, and an attachment.
ENTRY = """
INSERT INTO work_queue (name, class_name, external_source, connection_string, user_name,
    credential_source, credential_reference, record_created, record_updated)
VALUES ('invoices', 'Mail', 'IMAP', 'url=imap.example.com;ssl=True', 'robot@example.com', 'file',
    '/run/robot.password', '2026-01-31T12:00:00.000Z', '2026-01-31T12:00:00.000Z');
INSERT INTO entry_status (queue_id, state, record_created, record_updated)
VALUES (1, 'new', '2026-01-31T12:00:00.000Z', '2026-01-31T12:00:00.000Z');
INSERT INTO content (sha256, size, data) VALUES (printf('%064d', 1), 4, x'25504446');
INSERT INTO content (sha256, size, data) VALUES (printf('%064d', 2), 10, CAST('<p>Grüße' AS BLOB));
INSERT INTO entry_mail (entry_id, subject, sender, recipient, date_sent, date_received, raw_sha256,
    raw_size, message_body, message_body_size, html_body_content, html_body_size, headers)
VALUES (1, 'Rechnung', 'Ada <ada@example.com>', 'robot@example.com', '2026-01-31T11:59:00Z',
    '2026-01-31T11:59:30Z', printf('%064d', 3), 1000, 'Grüße', 7, printf('%064d', 2), 10,
    '[["Received","one"],["Received","two"],["Subject","Rechnung"]]');
INSERT INTO attachment (entry_id, position, file_name, content_type, size, sha256)
VALUES (1, 1, 'rechnung.pdf', 'application/pdf', 4, printf('%064d', 1));
INSERT INTO pickup (queue_id, source, uid_validity, uid, state, target, entry_id, raw_sha256, raw_size,
    internal_date, record_created, record_updated)
VALUES (1, 'robot@imap.example.com/INBOX', 1, 7, 'stored', 'dropbox', 1, printf('%064d', 3), 1000,
    '2026-01-31T11:59:30Z', '2026-01-31T12:00:00.000Z', '2026-01-31T12:00:00.000Z');
"""
# A folder in which the message lies.
FOLDER = """
INSERT INTO pickup_folder VALUES (1, 'a/DROPBOX', 1, 1, '', 'dropbox', 1);
UPDATE pickup SET target_folder = 1;
"""
QUEUE = ENTRY[:ENTRY.index("INSERT INTO entry_status")]

# Loads and claims write these: a trigger on INSERT would slow them down.
UNCHECKED = {"entry_status", "entry_mail", "entry_thread", "entry_reference", "attachment", "pickup", "entry_event"}

CLAIM = (
    "state = 'claimed', lease_owner = 'w1', lease_token = 't1',"
    " lease_until = '2026-01-31T12:10:00.000Z', last_attempt_at = '2026-01-31T12:00:01.000Z',"
    " attempt_count = attempt_count + 1"
)


class SchemaTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="inqueue-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.database = self.folder / "queue.db"
        self.sql(SCHEMA.read_text(encoding="utf-8"))

    def shell(self, sql):
        return subprocess.run(
            ["sqlite3", "-batch", "-bail", "-json", self.database],
            input="PRAGMA foreign_keys = ON;\n" + sql,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )

    def sql(self, sql):
        """The rows of the one query in sql, as dictionaries."""
        result = self.shell(sql)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return json.loads(result.stdout) if result.stdout.strip() else []

    def assert_refused(self, sql, reason):
        result = self.shell(sql)
        self.assertNotEqual(result.returncode, 0, sql)
        self.assertIn(reason, result.stderr)

    def status(self):
        return self.sql("SELECT * FROM entry_status")[0]

    # ---- what is there ----

    def test_every_column_of_the_manual_is_there(self):
        for name, columns in COLUMNS.items():
            with self.subTest(name):
                rows = self.sql(f"SELECT name FROM pragma_table_info('{name}') ORDER BY cid")
                self.assertEqual([row["name"] for row in rows], columns.split())

    def test_tables_are_strict(self):
        rows = self.sql(
            "SELECT name FROM pragma_table_list"
            " WHERE type = 'table' AND NOT strict AND name NOT LIKE 'sqlite%'"
        )
        self.assertEqual(rows, [])

    def test_it_survives_a_dump(self):
        self.sql(ENTRY)
        dump = self.shell(".dump").stdout
        other = self.folder / "copy.db"
        subprocess.run(["sqlite3", "-bail", other], input=dump, text=True, check=True)
        self.database = other
        self.assertEqual(self.sql("SELECT message_body FROM entry")[0]["message_body"], "Grüße")

    # ---- the questions of the schema's first page ----

    def test_the_overview_has_a_row_per_queue(self):
        self.sql(ENTRY)
        self.assertEqual(
            self.sql("SELECT * FROM queue_overview"),
            [
                {
                    "id": 1,
                    "name": "invoices",
                    "paused": 0,
                    "last_message": None,
                    "last_action": None,
                    "not_collected": None,
                    "new": 1,
                    "claimed": 0,
                    "expired": 0,
                    "done": 0,
                    "failed": 0,
                    "bad": 0,
                    "unfinished_pickups": 1,
                    "oldest_waiting": "2026-01-31T12:00:00.000Z",
                }
            ],
        )

    def test_an_entry_is_one_row_wherever_its_bodies_are(self):
        self.sql(ENTRY)
        row = self.sql("SELECT * FROM entry WHERE queue = 'invoices' AND state = 'new'")[0]
        self.assertEqual(row["sender"], "Ada <ada@example.com>")
        self.assertEqual(row["message_body"], "Grüße")
        self.assertEqual(row["html_body"], "<p>Grüße")
        self.assertEqual(row["attachment_count"], 1)
        self.assertEqual(row["raw_kept"], 0)
        self.assertEqual(row["defects"], "[]")

    def test_headers_are_rows(self):
        self.sql(ENTRY)
        self.assertEqual(
            self.sql("SELECT position, value FROM header WHERE entry_id = 1 AND name = 'Received'"),
            [{"position": 1, "value": "one"}, {"position": 2, "value": "two"}],
        )

    def test_headers_that_are_no_json_harm_only_their_entry(self):
        self.sql(ENTRY)
        self.sql("UPDATE entry_mail SET headers = 'x'")
        self.assertEqual(self.sql("SELECT * FROM header"), [])

    def test_attachments_can_be_written_to_files(self):
        self.sql(ENTRY)
        self.sql("SELECT writefile(file_name, data) FROM attachment_data WHERE entry_id = 1")
        self.assertEqual((self.folder / "rechnung.pdf").read_bytes(), b"%PDF")

    # ---- states that cannot be ----

    def test_an_entry_can_be_claimed_and_finished_by_hand(self):
        self.sql(ENTRY)
        self.sql(f"UPDATE entry_status SET {CLAIM}")
        self.assertEqual(self.status()["lease_owner"], "w1")
        self.sql(
            "UPDATE entry_status SET state = 'done',"
            " lease_owner = NULL, lease_token = NULL, lease_until = NULL"
        )
        self.assertEqual(self.status()["state"], "done")

    def test_states_that_cannot_be_are_refused(self):
        self.sql(ENTRY)
        for change, reason in (
            ("state = 'open'", "CHECK"),
            ("state = 'claimed'", "claimed means leased"),
            (CLAIM.replace("attempt_count + 1", "attempt_count"), "a claim is an attempt"),
            (CLAIM.replace("12:10", "11:10"), "to a time before lease_until"),
            ("lease_token = 't'", "claimed means leased"),
            (CLAIM.replace("'t1'", "''"), "CHECK"),
            ("state = 'bad'", "bad means an error of kind load"),
            ("error_kind = 'load', error_text = 'x'", "bad means an error of kind load"),
            ("state = 'failed'", "failed means an error"),
            ("error_kind = 'business'", "an error has a kind and a text"),
            ("error_kind = 'other', error_text = 'x'", "CHECK"),
            ("next_attempt_at = 'tomorrow'", "CHECK"),
            ("next_attempt_at = '2026-01-31 12:00:00'", "CHECK"),
            ("attempt_count = -1", "CHECK"),
            ("priority = 'high'", "cannot store TEXT value in INTEGER column"),
            ("queue_id = 99", "there is no queue"),
            ("id = 99", "the id of an entry cannot be changed"),
            ("held = 2", "CHECK"),
        ):
            with self.subTest(change):
                self.assert_refused(f"UPDATE entry_status SET {change}", reason)

    def test_only_new_entries_can_be_claimed(self):
        self.sql(ENTRY)
        for state, error in (
            ("done", "NULL, error_text = NULL"),
            ("failed", "'business', error_text = 'x'"),
            ("bad", "'load', error_text = 'x'"),
        ):
            with self.subTest(state):
                self.sql(f"UPDATE entry_status SET state = '{state}', error_kind = {error}")
                self.assert_refused(
                    f"UPDATE entry_status SET error_kind = NULL, error_text = NULL, {CLAIM}",
                    "only an entry in state new can be claimed",
                )

    def test_an_ended_lease_can_be_taken_over(self):
        self.sql(ENTRY)
        self.sql(f"UPDATE entry_status SET {CLAIM}")
        later = CLAIM.replace("t1", "t2").replace("12:10", "12:20")
        self.assert_refused(f"UPDATE entry_status SET {later}", "another worker has the entry")
        self.sql("UPDATE entry_status SET " + later.replace("12:00:01", "12:10:00"))
        self.assertEqual(self.status()["lease_token"], "t2")

    def test_a_change_by_hand_is_dated(self):
        self.sql(ENTRY)
        self.sql("UPDATE entry_status SET priority = 5")
        self.assertNotEqual(self.status()["record_updated"], "2026-01-31T12:00:00.000Z")
        self.sql("UPDATE entry_status SET record_updated = '2026-02-01T00:00:00.000Z'")
        self.assertEqual(self.status()["record_updated"], "2026-02-01T00:00:00.000Z")

    def test_other_nonsense_is_refused(self):
        self.sql(ENTRY)
        self.sql(FOLDER)
        for change, reason in (
            ("UPDATE attachment SET file_name = '../x'", "CHECK"),
            ("UPDATE attachment SET file_name = ''", "CHECK"),
            ("UPDATE attachment SET sha256 = printf('%064d', 9)", "put these in first"),
            ("UPDATE content SET sha256 = printf('%064d', 9)", "the digest of a content cannot be changed"),
            ("UPDATE content SET size = 5", "CHECK"),
            ("DELETE FROM content", "an entry uses this content"),
            ("DELETE FROM entry_mail", "an entry goes as a whole"),
            ("UPDATE entry_mail SET message_body = NULL", "CHECK"),
            ("UPDATE entry_mail SET raw_content = printf('%064d', 1)", "CHECK"),
            ("UPDATE pickup SET state = 'gone'", "CHECK"),
            ("DELETE FROM pickup_folder", "messages of the ledger lie in this folder"),
            ("UPDATE pickup_folder SET number = 2", "the number of a folder cannot be changed"),
            ("INSERT INTO pickup_folder VALUES (1, 'a/Other', 1, 1, '', 'dropbox', 1)", "UNIQUE"),
            ("UPDATE work_queue SET paused = 2", "CHECK"),
            ("UPDATE work_queue SET max_attempts = 0", "CHECK"),
            ("UPDATE work_queue SET credential_source = 'password'", "CHECK"),
        ):
            with self.subTest(change):
                self.assert_refused(change, reason)

    def test_a_queue_takes_all_its_rows_with_it(self):
        self.sql(ENTRY)
        self.sql(FOLDER)
        self.sql(f"INSERT INTO entry_tag VALUES (1, 'urgent'); UPDATE entry_status SET {CLAIM}")
        self.assertEqual(len(self.sql("SELECT * FROM entry_event")), 2)
        self.sql("DELETE FROM work_queue")
        for table in ("entry_status", "entry_mail", "attachment", "pickup", "pickup_folder", "entry_tag",
                      "entry_event"):
            self.assertEqual(self.sql(f"SELECT * FROM {table}"), [])

    def test_nothing_is_left_behind_without_foreign_keys(self):
        self.sql(ENTRY)
        self.sql("INSERT INTO entry_tag VALUES (1, 'urgent')")
        self.sql(QUEUE.replace("'invoices'", "'orders'"))
        for change, reason in (
            ("DELETE FROM work_queue", "say PRAGMA foreign_keys = ON first"),
            ("DELETE FROM entry_status WHERE id = 1", "say PRAGMA foreign_keys = ON first"),
            ("DELETE FROM entry_mail", "PRAGMA foreign_keys = ON, then DELETE FROM entry_status"),
            ("DELETE FROM content", "an entry uses this content"),
            ("UPDATE work_queue SET id = 2", "the id of a queue cannot be changed"),
            ("UPDATE entry_status SET id = 2", "the id of an entry cannot be changed"),
            ("UPDATE entry_status SET queue_id = 9", "there is no queue"),
            ("INSERT INTO entry_tag VALUES (2, 'urgent')", "there is no entry"),
            ("UPDATE attachment SET entry_id = 2", "put these in first"),
            (QUEUE.replace("INSERT", "REPLACE"), "there is a queue with this name"),
            ("REPLACE INTO work_queue SELECT 1, 'other', class_name, external_source, connection_string, user_name,"
             " credential_source, NULL, 0, 3, 0, NULL, NULL, NULL, '', '', NULL, 'link', 'due' FROM work_queue", "name or id already"),
            ("UPDATE OR REPLACE work_queue SET name = 'invoices' WHERE name = 'orders'", "there is a queue with this name"),
            ("UPDATE content SET id = 9", "the id and the digest of a content cannot be changed"),
            ("UPDATE entry_mail SET entry_id = 2", "there is no entry"),
            ("UPDATE entry_mail SET raw_sha256 = printf('%064d', 9), raw_content = printf('%064d', 9)",
             "a mail has its bytes in content"),
            ("UPDATE entry_tag SET entry_id = 2", "there is no entry"),
            ("INSERT INTO delivery (entry_id, attempt, at, outcome, duration_ms)"
             " VALUES (2, 1, '2026-01-31T12:00:00.000Z', 'retry', 0)", "there is no entry"),
            ("UPDATE pickup SET queue_id = 9", "there is no queue"),
            ("INSERT INTO pickup_folder VALUES (9, 'a/Done', 1, 1, '', NULL, 1)", "there is no queue"),
            ("INSERT INTO pickup_gone VALUES (9, 'a/INBOX', 1, 1, '', '')", "there is no queue"),
            ("INSERT INTO pickup_attempt VALUES (9, 'a/INBOX', 1, 1, 0, '', '')", "there is no queue"),
            ("INSERT INTO queue_health (queue_id) VALUES (9)", "there is no queue"),
            ("INSERT INTO token (name, may, queue_id, sha256, created_by, created_at)"
             " VALUES ('x', 'read', 9, printf('%064d', 1), 'x', '2026-01-31T12:00:00.000Z')", "there is no queue"),
            ("INSERT INTO run VALUES (1, 9, '2026-01-31T12:00:00.000Z', '2026-01-31T12:00:00.000Z', 1, 1, 0, NULL)",
             "there is no queue"),
            ("INSERT INTO queue_end VALUES (9, 'x', NULL, '2026-01-31T12:00:00.000Z', '2026-01-31T12:00:00.000Z')",
             "there is no queue"),
            (f"{TARGET}; INSERT INTO queue_target VALUES (9, 1, 'load')", "there is no queue"),
            ("INSERT INTO queue_target VALUES (1, 9, 'load')", "or no target"),
        ):
            with self.subTest(change):
                self.assert_refused("PRAGMA foreign_keys = OFF; " + change, reason)
        self.assertEqual([], self.sql("PRAGMA foreign_key_check"))
        self.assertEqual(2, len(self.sql("SELECT * FROM work_queue")))
        self.assertEqual(2, len(self.sql("SELECT * FROM content")))
        for table in ("entry_status", "entry_mail", "attachment", "entry_tag", "pickup"):
            self.assertEqual(1, len(self.sql(f"SELECT * FROM {table}")), table)

    def test_what_refers_to_another_row_is_checked_whenever_it_changes(self):
        """With foreign keys off nothing but a trigger asks whether that row is there."""
        triggers = " ".join(row["sql"] for row in self.sql("SELECT sql FROM sqlite_schema WHERE type = 'trigger'"))
        for row in self.sql("SELECT m.name, f.\"from\" AS key FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f"
                            " WHERE m.type = 'table'"):
            with self.subTest(**row):
                if row["name"] not in UNCHECKED:
                    self.assertRegex(triggers, rf"BEFORE INSERT ON {row['name']}\b")
                self.assertRegex(triggers, rf"BEFORE UPDATE( OF [\w, ]*\b{row['key']}\b[\w, ]*)? ON {row['name']}\b")

    # ---- questions that are asked often ----

    def test_what_belongs_to_a_deleted_row_is_looked_up(self):
        triggers = self.sql("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND name LIKE '%_deleted'")
        self.assertEqual(6, len(triggers))
        for trigger in triggers:
            with self.subTest(trigger["name"]):
                condition = re.search(r"(?s)WHEN (.*?)\nBEGIN", trigger["sql"])[1]
                question = re.sub(r"OLD\.\w+", "1", condition)
                plan = self.shell(f".mode list\nEXPLAIN QUERY PLAN SELECT {question};").stdout
                self.assertEqual(question.count("EXISTS"), plan.count("SEARCH"), plan)

    def test_claims_and_lists_use_an_index(self):
        for query, index in (
            (
                "SELECT id FROM entry_status WHERE queue_id = 1 AND state = 'new'"
                " AND held = 0 ORDER BY priority DESC, coalesce(next_attempt_at, ''), id LIMIT 1",
                "entry_status_claim",
            ),
            (
                "SELECT id FROM entry_status INDEXED BY entry_status_claim_deadline"
                " WHERE queue_id = 1 AND state = 'new' AND held = 0 AND priority = 5"
                " AND coalesce(next_attempt_at, '') <= '2026' AND deadline_at IS NOT NULL"
                " ORDER BY deadline_at, coalesce(next_attempt_at, ''), id LIMIT 1",
                "entry_status_claim_deadline",
            ),
            (
                "SELECT id FROM entry WHERE queue_id = 1 AND state = 'bad' ORDER BY id",
                "entry_status_state",
            ),
        ):
            with self.subTest(index):
                plan = self.shell(".mode list\nEXPLAIN QUERY PLAN " + query + ";").stdout
                self.assertIn(index, plan)
                self.assertNotIn("TEMP B-TREE", plan)


if __name__ == "__main__":
    unittest.main()
