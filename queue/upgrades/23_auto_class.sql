-- Who wrote a mail, and what a bounce says.

ALTER TABLE entry_mail ADD COLUMN auto_class TEXT CHECK (auto_class = 'human' OR auto_class = 'auto-generated'
	OR auto_class = 'auto-replied' OR auto_class = 'bounce' OR auto_class = 'list' OR auto_class = 'calendar');
ALTER TABLE entry_mail ADD COLUMN auto_reason TEXT;

CREATE INDEX entry_mail_auto_class ON entry_mail (auto_class, entry_id) WHERE auto_class <> 'human';

CREATE TABLE entry_bounce (
	entry_id INTEGER NOT NULL REFERENCES entry_status (id) ON DELETE CASCADE,
	position INTEGER NOT NULL CHECK (position > 0), -- from 1, in the order of the mail
	kind TEXT NOT NULL CHECK (kind IN ('hard', 'soft')), -- soft: it may go well later
	address TEXT,                                   -- NULL where the mail names none
	original_address TEXT,                          -- that the message was sent to, where that is another one
	status TEXT,                                    -- '5.1.1' (RFC 3463)
	diagnostic TEXT,                                -- what the server said
	original_id TEXT,                               -- Message-ID of the message that came back
	PRIMARY KEY (entry_id, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX entry_bounce_address ON entry_bounce (address) WHERE address IS NOT NULL;
CREATE INDEX entry_bounce_original_id ON entry_bounce (original_id) WHERE original_id IS NOT NULL;

CREATE TRIGGER entry_bounce_allowed BEFORE INSERT ON entry_bounce
WHEN NOT EXISTS (SELECT 1 FROM entry_status WHERE id = NEW.entry_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no entry with this entry_id');
END;

CREATE TRIGGER entry_bounce_moved BEFORE UPDATE OF entry_id ON entry_bounce
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
JOIN entry_mail m ON m.entry_id = s.id;
