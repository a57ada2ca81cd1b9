-- Which mails belong together.

CREATE TABLE entry_thread (
	entry_id INTEGER PRIMARY KEY REFERENCES entry_status (id) ON DELETE CASCADE,
	thread_id INTEGER NOT NULL,                  -- the first entry of the thread, though it may be gone
	parent_id INTEGER                            -- the entry that this one answers; NULL: it is not there
) STRICT;

CREATE INDEX entry_thread_thread ON entry_thread (thread_id, entry_id);

CREATE TABLE entry_reference (
	entry_id INTEGER NOT NULL REFERENCES entry_status (id) ON DELETE CASCADE,
	position INTEGER NOT NULL CHECK (position >= 0),
	id TEXT NOT NULL,                            -- '<...>'
	joins INTEGER NOT NULL CHECK (joins IN (0, 1)), -- 1: the thread hangs on it
	PRIMARY KEY (entry_id, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX entry_reference_id ON entry_reference (id, entry_id);
CREATE INDEX entry_mail_message_id ON entry_mail (message_id) WHERE message_id IS NOT NULL;

CREATE TRIGGER entry_thread_moved BEFORE UPDATE OF entry_id ON entry_thread
WHEN NOT EXISTS (SELECT 1 FROM entry_status WHERE id = NEW.entry_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no entry with this entry_id');
END;

CREATE TRIGGER entry_reference_moved BEFORE UPDATE OF entry_id ON entry_reference
WHEN NOT EXISTS (SELECT 1 FROM entry_status WHERE id = NEW.entry_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no entry with this entry_id');
END;

-- What is there already names ids as before; it is joined when the next mail comes that belongs to it.
INSERT INTO entry_reference (entry_id, position, id, joins)
WITH RECURSIVE
	field (entry_id, kind, text) AS (
		SELECT entry_id, 0, in_reply_to FROM entry_mail WHERE instr(in_reply_to, '<') > 0
		UNION ALL
		SELECT entry_id, 1, thread_references FROM entry_mail WHERE instr(thread_references, '<') > 0),
	token (entry_id, kind, number, id, rest) AS (
		SELECT entry_id, kind, 0, NULL, text FROM field
		UNION ALL
		SELECT entry_id, kind, number + 1,
			substr(rest, instr(rest, '<'), instr(substr(rest, instr(rest, '<')), '>')),
			substr(substr(rest, instr(rest, '<')), instr(substr(rest, instr(rest, '<')), '>') + 1)
		FROM token
		WHERE instr(rest, '<') > 0 AND instr(substr(rest, instr(rest, '<')), '>') > 0),
	valid (entry_id, kind, id, number) AS (
		SELECT entry_id, kind, id,
			row_number() OVER (PARTITION BY entry_id, kind ORDER BY number)
		FROM token
		WHERE id IS NOT NULL AND length(CAST(id AS BLOB)) BETWEEN 3 AND 998
			AND instr(substr(id, 2), '<') = 0 AND instr(id, ' ') = 0 AND instr(id, char(9)) = 0),
	listed (entry_id, id, number, position) AS (
		SELECT entry_id, id, 0, 0 FROM valid WHERE kind = 0 AND number = 1
		UNION ALL
		SELECT v.entry_id, v.id, v.number,
			EXISTS (SELECT 1 FROM valid p WHERE p.entry_id = v.entry_id AND p.kind = 0)
			+ (SELECT max(number) FROM valid m WHERE m.entry_id = v.entry_id AND m.kind = 1) - v.number
		FROM valid v WHERE v.kind = 1)
SELECT entry_id, position, id, position = 0 OR number = 1 FROM listed WHERE position < 10 OR number = 1;

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
	s.record_created,
	s.record_updated
FROM entry_status s
JOIN work_queue q ON q.id = s.queue_id
JOIN entry_mail m ON m.entry_id = s.id
LEFT JOIN entry_thread t ON t.entry_id = s.id;

CREATE VIEW thread AS
SELECT t.thread_id, q.name AS queue, count(*) AS entries,
	sum(s.state = 'new' OR s.state = 'claimed') AS open,
	min(m.date_received) AS first_at, max(m.date_received) AS last_at,
	(SELECT f.subject FROM entry_thread e JOIN entry_mail f ON f.entry_id = e.entry_id
		WHERE e.thread_id = t.thread_id ORDER BY e.entry_id LIMIT 1) AS subject
FROM entry_thread t
JOIN entry_status s ON s.id = t.entry_id
JOIN work_queue q ON q.id = s.queue_id
JOIN entry_mail m ON m.entry_id = t.entry_id
GROUP BY t.thread_id
ORDER BY last_at DESC, t.thread_id DESC;
