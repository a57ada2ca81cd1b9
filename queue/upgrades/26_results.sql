-- What workers say of an entry.

CREATE TABLE entry_result (
	entry_id INTEGER PRIMARY KEY REFERENCES entry_status (id) ON DELETE CASCADE,
	output TEXT CHECK (output <> '' AND length(CAST(output AS BLOB)) <= 1048576), -- JSON of any kind
	output_at TEXT CHECK (output_at IS strftime('%Y-%m-%dT%H:%M:%fZ', output_at)),
	progress TEXT CHECK (progress <> '' AND length(progress) <= 1000),
	progress_at TEXT CHECK (progress_at IS strftime('%Y-%m-%dT%H:%M:%fZ', progress_at)),
	CHECK ((output IS NULL) = (output_at IS NULL)),
	CHECK ((progress IS NULL) = (progress_at IS NULL))
) STRICT;

CREATE TRIGGER entry_result_output AFTER INSERT ON entry_result
WHEN NEW.output IS NOT NULL
BEGIN
	INSERT INTO entry_event (entry_id, number, at, change, state, attempt, who, why, detail)
	SELECT s.id, (SELECT coalesce(max(number), 0) + 1 FROM entry_event WHERE entry_id = s.id),
		NEW.output_at, 'note', s.state, s.attempt_count,
		coalesce((SELECT who FROM change_author), s.lease_owner), length(CAST(NEW.output AS BLOB)) || ' bytes', 'output'
	FROM entry_status s WHERE s.id = NEW.entry_id;
END;

CREATE TRIGGER entry_result_output_again AFTER UPDATE OF output ON entry_result
WHEN NEW.output IS NOT NULL
BEGIN
	INSERT INTO entry_event (entry_id, number, at, change, state, attempt, who, why, detail)
	SELECT s.id, (SELECT coalesce(max(number), 0) + 1 FROM entry_event WHERE entry_id = s.id),
		NEW.output_at, 'note', s.state, s.attempt_count,
		coalesce((SELECT who FROM change_author), s.lease_owner), length(CAST(NEW.output AS BLOB)) || ' bytes', 'output'
	FROM entry_status s WHERE s.id = NEW.entry_id;
END;

CREATE TRIGGER entry_result_progress AFTER INSERT ON entry_result
WHEN NEW.progress IS NOT NULL
BEGIN
	INSERT INTO entry_event (entry_id, number, at, change, state, attempt, who, why, detail)
	SELECT s.id, (SELECT coalesce(max(number), 0) + 1 FROM entry_event WHERE entry_id = s.id),
		NEW.progress_at, 'note', s.state, s.attempt_count,
		coalesce((SELECT who FROM change_author), s.lease_owner), NEW.progress, 'progress'
	FROM entry_status s WHERE s.id = NEW.entry_id;
END;

CREATE TRIGGER entry_result_progress_again AFTER UPDATE OF progress ON entry_result
WHEN NEW.progress IS NOT NULL
BEGIN
	INSERT INTO entry_event (entry_id, number, at, change, state, attempt, who, why, detail)
	SELECT s.id, (SELECT coalesce(max(number), 0) + 1 FROM entry_event WHERE entry_id = s.id),
		NEW.progress_at, 'note', s.state, s.attempt_count,
		coalesce((SELECT who FROM change_author), s.lease_owner), NEW.progress, 'progress'
	FROM entry_status s WHERE s.id = NEW.entry_id;
END;

CREATE TRIGGER entry_result_allowed BEFORE INSERT ON entry_result
WHEN NOT EXISTS (SELECT 1 FROM entry_status WHERE id = NEW.entry_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no entry with this entry_id');
END;

CREATE TRIGGER entry_result_moved BEFORE UPDATE OF entry_id ON entry_result
WHEN NOT EXISTS (SELECT 1 FROM entry_status WHERE id = NEW.entry_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no entry with this entry_id');
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
LEFT JOIN entry_result r ON r.entry_id = s.id;
