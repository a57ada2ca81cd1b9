-- A queue may hand out what has to be done first.

ALTER TABLE work_queue ADD COLUMN claim_order TEXT NOT NULL DEFAULT 'due' CHECK (claim_order IN ('due', 'deadline'));

DROP TRIGGER work_queue_updated;
CREATE TRIGGER work_queue_updated AFTER UPDATE OF name, class_name, external_source,
	connection_string, user_name, credential_source, credential_reference, paused, max_attempts,
	retry_delay_ms, reference, same_reference, claim_order ON work_queue
WHEN NEW.record_updated = OLD.record_updated
BEGIN
	UPDATE work_queue SET record_updated = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
	WHERE id = NEW.id;
END;

CREATE INDEX entry_status_claim_deadline
	ON entry_status (queue_id, priority DESC, deadline_at, coalesce(next_attempt_at, ''), id)
	WHERE state = 'new' AND held = 0 AND deadline_at IS NOT NULL;

DROP VIEW next_entry;
CREATE VIEW next_entry AS
SELECT q.id AS queue_id, q.name AS queue, (
	WITH RECURSIVE
	clock (now, by_deadline) AS (SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), q.claim_order = 'deadline'),
	level (priority) AS (
		SELECT (SELECT s.priority FROM entry_status s
			WHERE s.queue_id = q.id AND s.state = 'new' AND s.held = 0
			ORDER BY s.priority DESC LIMIT 1)
		UNION ALL
		SELECT (SELECT s.priority FROM entry_status s
			WHERE s.queue_id = q.id AND s.state = 'new' AND s.held = 0
				AND s.priority < level.priority
			ORDER BY s.priority DESC LIMIT 1)
		FROM level WHERE level.priority IS NOT NULL),
	candidate (id) AS (
		SELECT * FROM (
			SELECT coalesce((SELECT s.id FROM entry_status s INDEXED BY entry_status_claim_deadline
				WHERE s.queue_id = q.id AND s.state = 'new' AND s.held = 0
					AND s.priority = level.priority
					AND coalesce(s.next_attempt_at, '') <= clock.now
					AND s.deadline_at IS NOT NULL AND clock.by_deadline
				ORDER BY s.deadline_at, coalesce(s.next_attempt_at, ''), s.id LIMIT 1),
				(SELECT s.id FROM entry_status s
				WHERE s.queue_id = q.id AND s.state = 'new' AND s.held = 0
					AND s.priority = level.priority
					AND coalesce(s.next_attempt_at, '') <= clock.now
				ORDER BY coalesce(s.next_attempt_at, ''), s.id LIMIT 1)) AS first
			FROM level, clock WHERE level.priority IS NOT NULL AND first IS NOT NULL LIMIT 1)
		UNION ALL
		SELECT s.id FROM clock CROSS JOIN entry_status s
		WHERE s.queue_id = q.id AND s.state = 'claimed' AND s.lease_until <= clock.now
			AND s.held = 0 AND s.attempt_count < q.max_attempts
			AND coalesce(s.next_attempt_at, '') <= clock.now)
	SELECT s.id FROM candidate JOIN entry_status s ON s.id = candidate.id CROSS JOIN clock
	ORDER BY s.priority DESC, CASE WHEN clock.by_deadline THEN coalesce(s.deadline_at, '~') END,
		coalesce(s.next_attempt_at, ''), s.id LIMIT 1) AS id
FROM work_queue q;

DROP VIEW waiting;
CREATE VIEW waiting AS
SELECT e.id, e.queue, e.priority, e.sender, e.subject, e.tags, e.attempt_count,
	max(e.record_created, coalesce(e.next_attempt_at, '')) AS waiting_since
FROM entry e
WHERE e.held = 0 AND (
	(e.state = 'new' AND coalesce(e.next_attempt_at, '') <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
	OR (e.state = 'claimed' AND e.lease_until <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now')))
ORDER BY e.queue, e.priority DESC,
	CASE (SELECT claim_order FROM work_queue WHERE id = e.queue_id)
		WHEN 'deadline' THEN coalesce(e.deadline_at, '~') END,
	coalesce(e.next_attempt_at, ''), e.id;
