-- When an entry has to be done.

ALTER TABLE entry_status ADD COLUMN deadline_at TEXT CHECK (deadline_at IS strftime('%Y-%m-%dT%H:%M:%fZ', deadline_at));
ALTER TABLE entry_status ADD COLUMN risk_at TEXT CHECK (risk_at IS strftime('%Y-%m-%dT%H:%M:%fZ', risk_at));

CREATE INDEX entry_status_deadline ON entry_status (deadline_at, id)
	WHERE deadline_at IS NOT NULL AND (state = 'new' OR state = 'claimed');
CREATE INDEX entry_status_risk ON entry_status (risk_at, id)
	WHERE risk_at IS NOT NULL AND (state = 'new' OR state = 'claimed');

DROP TRIGGER entry_status_event;
CREATE TRIGGER entry_status_event
AFTER UPDATE OF state, lease_token, lease_until, next_attempt_at, priority, held, error_kind, deadline_at, risk_at
	ON entry_status
WHEN NEW.state <> OLD.state OR NEW.lease_token IS NOT OLD.lease_token
	OR NEW.lease_until IS NOT OLD.lease_until OR NEW.next_attempt_at IS NOT OLD.next_attempt_at
	OR NEW.priority <> OLD.priority OR NEW.held <> OLD.held OR NEW.error_kind IS NOT OLD.error_kind
	OR NEW.deadline_at IS NOT OLD.deadline_at OR NEW.risk_at IS NOT OLD.risk_at
BEGIN
	INSERT INTO entry_event (entry_id, number, at, change, state, attempt, who, why, detail, duration_ms)
	SELECT NEW.id,
		(SELECT coalesce(max(number), 0) + 1 FROM entry_event WHERE entry_id = NEW.id),
		at, change, NEW.state, max(OLD.attempt_count, NEW.attempt_count),
		CASE WHEN change = 'expired' THEN OLD.lease_owner
			ELSE coalesce((SELECT who FROM change_author), NEW.lease_owner, OLD.lease_owner) END,
		CASE WHEN change = 'failed' OR change = 'expired' OR change = 'discarded' THEN NEW.error_text
			ELSE (SELECT why FROM change_author) END,
		CASE change WHEN 'extended' THEN NEW.lease_until WHEN 'deferred' THEN NEW.next_attempt_at
			WHEN 'priority' THEN CAST(NEW.priority AS TEXT)
			WHEN 'changed' THEN
				CASE WHEN NEW.deadline_at IS NOT OLD.deadline_at
					THEN 'deadline ' || coalesce(NEW.deadline_at, 'none')
				WHEN NEW.risk_at IS NOT OLD.risk_at THEN 'risk ' || coalesce(NEW.risk_at, 'none') END
			WHEN 'released' THEN
				CASE WHEN (SELECT who FROM change_author) IS NOT NULL THEN OLD.lease_owner END END,
		CASE WHEN change = 'claimed' THEN
			CAST(round((julianday(at) - julianday(max(NEW.record_created,
				coalesce(NEW.next_attempt_at, '')))) * 86400000) AS INTEGER)
		WHEN OLD.state = 'claimed' AND NEW.state <> 'claimed' THEN
			CAST(round((julianday(at) - julianday(OLD.last_attempt_at)) * 86400000) AS INTEGER) END
	FROM (SELECT
		CASE WHEN NEW.record_updated <> OLD.record_updated THEN NEW.record_updated
			ELSE strftime('%Y-%m-%dT%H:%M:%fZ', 'now') END AS at,
		CASE
		WHEN NEW.state = 'claimed' AND NEW.lease_token IS NOT OLD.lease_token THEN 'claimed'
		WHEN NEW.lease_until > OLD.lease_until THEN 'extended'
		WHEN OLD.state = 'claimed' AND NEW.state = 'done' THEN 'completed'
		WHEN OLD.state = 'claimed' AND NEW.error_text GLOB 'lease ended: *'
			AND NEW.error_text IS NOT OLD.error_text THEN 'expired'
		WHEN OLD.state = 'claimed' AND NEW.state = 'failed' THEN 'failed'
		WHEN OLD.state = 'claimed' AND NEW.state = 'new' AND NEW.attempt_count = OLD.attempt_count
			THEN 'failed'
		WHEN NEW.state = OLD.state AND (NEW.deadline_at IS NOT OLD.deadline_at OR NEW.risk_at IS NOT OLD.risk_at)
			THEN 'changed'
		WHEN NEW.state = 'new' AND NEW.next_attempt_at IS NOT NULL
			AND NEW.next_attempt_at IS NOT OLD.next_attempt_at THEN 'deferred'
		WHEN OLD.state = 'claimed' AND NEW.state = 'new' THEN 'released'
		WHEN OLD.state = 'bad' AND NEW.state = 'new' THEN 'reloaded'
		WHEN NEW.state = 'new' AND NEW.held = OLD.held AND NEW.priority = OLD.priority THEN 'retried'
		WHEN NEW.state = 'failed' AND NEW.error_kind IS NOT OLD.error_kind THEN 'discarded'
		WHEN NEW.held > OLD.held THEN 'held'
		WHEN NEW.held < OLD.held THEN 'unheld'
		WHEN NEW.priority <> OLD.priority THEN 'priority'
		ELSE 'changed' END AS change);
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

CREATE VIEW overdue AS
SELECT e.id, e.queue, e.state, e.deadline_at,
	CAST(round((julianday('now') - julianday(e.deadline_at)) * 86400) AS INTEGER) AS seconds_over,
	e.lease_owner AS worker, e.sender, e.subject
FROM entry e
WHERE (e.state = 'new' OR e.state = 'claimed') AND e.deadline_at <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
ORDER BY e.deadline_at, e.id;

CREATE VIEW at_risk AS
SELECT e.id, e.queue, e.state, e.risk_at, e.deadline_at, e.lease_owner AS worker, e.sender, e.subject
FROM entry e
WHERE (e.state = 'new' OR e.state = 'claimed') AND e.risk_at <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
	AND (e.deadline_at IS NULL OR e.deadline_at > strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
ORDER BY e.risk_at, e.id;
