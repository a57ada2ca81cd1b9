-- What an entry is about, and what becomes of a second mail about the same.

ALTER TABLE work_queue ADD COLUMN reference TEXT CHECK (reference <> '');
ALTER TABLE work_queue ADD COLUMN same_reference TEXT NOT NULL DEFAULT 'link' CHECK (same_reference IN
	('refuse', 'link', 'replace'));
ALTER TABLE entry_skip ADD COLUMN reference TEXT;
ALTER TABLE entry_skip ADD COLUMN same_as INTEGER;

DROP TRIGGER work_queue_updated;
CREATE TRIGGER work_queue_updated AFTER UPDATE OF name, class_name, external_source,
	connection_string, user_name, credential_source, credential_reference, paused, max_attempts,
	retry_delay_ms, reference, same_reference ON work_queue
WHEN NEW.record_updated = OLD.record_updated
BEGIN
	UPDATE work_queue SET record_updated = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
	WHERE id = NEW.id;
END;

CREATE TABLE entry_key (
	entry_id INTEGER PRIMARY KEY REFERENCES entry_status (id) ON DELETE CASCADE,
	queue_id INTEGER NOT NULL,
	reference TEXT NOT NULL CHECK (reference <> '' AND length(CAST(reference AS BLOB)) <= 998),
	same_as INTEGER CHECK (same_as <> entry_id)
) STRICT;

CREATE INDEX entry_key_reference ON entry_key (reference, queue_id, entry_id);
CREATE UNIQUE INDEX entry_key_first ON entry_key (queue_id, reference) WHERE same_as IS NULL;

CREATE TRIGGER entry_key_allowed BEFORE INSERT ON entry_key
WHEN NOT EXISTS (SELECT 1 FROM entry_status WHERE id = NEW.entry_id AND queue_id = NEW.queue_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no entry with this entry_id in the queue with this queue_id');
END;

CREATE TRIGGER entry_key_moved BEFORE UPDATE OF entry_id, queue_id ON entry_key
WHEN NOT EXISTS (SELECT 1 FROM entry_status WHERE id = NEW.entry_id AND queue_id = NEW.queue_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no entry with this entry_id in the queue with this queue_id');
END;

DROP TRIGGER entry_status_deleted;
CREATE TRIGGER entry_status_deleted AFTER DELETE ON entry_status
WHEN EXISTS (SELECT 1 FROM entry_mail WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM entry_event WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM attachment WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM entry_tag WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM delivery WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM entry_calendar WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM entry_rule WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM entry_bounce WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM entry_thread WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM entry_reference WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM entry_result WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM entry_key WHERE entry_id = OLD.id)
BEGIN
	SELECT RAISE(ABORT, 'say PRAGMA foreign_keys = ON first, so that all that belongs to the entry goes with it');
END;

DROP VIEW entry;
CREATE VIEW entry AS
SELECT
	s.id,
	q.name AS queue,
	s.queue_id,
	s.state,
	s.priority,
	s.held,
	(SELECT group_concat(t.tag, ' ') FROM entry_tag t WHERE t.entry_id = s.id) AS tags,
	s.attempt_count,
	s.error_kind,
	s.error_text,
	s.last_attempt_at,
	s.next_attempt_at,
	s.lease_owner,
	s.lease_token,
	s.lease_until,
	s.deadline_at,
	s.risk_at,
	m.subject,
	m.sender,
	m.recipient,
	m.cc,
	m.bcc,
	m.reply_to,
	m.date_sent,
	m.date_received,
	CASE WHEN m.message_body_content IS NULL THEN m.message_body
		ELSE (SELECT CAST(c.data AS TEXT) FROM content c WHERE c.sha256 = m.message_body_content)
		END AS message_body,
	CASE WHEN m.html_body_content IS NULL THEN m.html_body
		ELSE (SELECT CAST(c.data AS TEXT) FROM content c WHERE c.sha256 = m.html_body_content)
		END AS html_body,
	m.reply_plain,
	m.message_body_size,
	m.html_body_size,
	m.message_id,
	m.in_reply_to,
	m.thread_references,
	coalesce(t.thread_id, s.id) AS thread_id,
	t.parent_id,
	k.reference,
	k.same_as,
	m.headers,
	m.defects,
	m.signature,
	m.auto_class,
	m.auto_reason,
	m.raw_sha256,
	m.raw_size,
	m.raw_content IS NOT NULL AS raw_kept,
	(SELECT count(*) FROM attachment a WHERE a.entry_id = s.id) AS attachment_count,
	r.output,
	r.output_at,
	r.progress,
	r.progress_at,
	s.record_created,
	s.record_updated
FROM entry_status s
JOIN work_queue q ON q.id = s.queue_id
JOIN entry_mail m ON m.entry_id = s.id
LEFT JOIN entry_thread t ON t.entry_id = s.id
LEFT JOIN entry_key k ON k.entry_id = s.id
LEFT JOIN entry_result r ON r.entry_id = s.id;
