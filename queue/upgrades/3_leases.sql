-- Leases: a claim takes nothing from entries whose lease has ended but those that it claims or that have used up
-- their attempts, and finds them by the index alone; history says from whom an entry was taken back.

DROP INDEX entry_status_lease;
CREATE INDEX entry_status_lease
	ON entry_status (queue_id, lease_until, attempt_count, held, priority, next_attempt_at, state)
	WHERE state = 'claimed';

DROP TRIGGER entry_status_expired;
CREATE TRIGGER entry_status_expired BEFORE UPDATE OF lease_token ON entry_status
WHEN OLD.state = 'claimed' AND NEW.state = 'claimed' AND NEW.lease_token <> OLD.lease_token
BEGIN
	INSERT INTO entry_event (entry_id, number, at, change, state, attempt, who, why, duration_ms)
	VALUES (NEW.id,
		(SELECT coalesce(max(number), 0) + 1 FROM entry_event WHERE entry_id = NEW.id),
		NEW.last_attempt_at, 'expired', 'new', OLD.attempt_count, OLD.lease_owner,
		'lease ended: nothing was heard of worker ' || OLD.lease_owner || ' until ' || OLD.lease_until,
		CAST(round((julianday(NEW.last_attempt_at) - julianday(OLD.last_attempt_at)) * 86400000) AS INTEGER));
END;

DROP TRIGGER entry_status_event;
CREATE TRIGGER entry_status_event
AFTER UPDATE OF state, lease_token, lease_until, next_attempt_at, priority, held, error_kind ON entry_status
WHEN NEW.state <> OLD.state OR NEW.lease_token IS NOT OLD.lease_token
	OR NEW.lease_until IS NOT OLD.lease_until OR NEW.next_attempt_at IS NOT OLD.next_attempt_at
	OR NEW.priority <> OLD.priority OR NEW.held <> OLD.held OR NEW.error_kind IS NOT OLD.error_kind
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

DROP VIEW next_entry;
CREATE VIEW next_entry AS
SELECT q.id AS queue_id, q.name AS queue, (
	WITH RECURSIVE
	clock (now) AS (SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
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
			SELECT (SELECT s.id FROM entry_status s
				WHERE s.queue_id = q.id AND s.state = 'new' AND s.held = 0
					AND s.priority = level.priority
					AND coalesce(s.next_attempt_at, '') <= clock.now
				ORDER BY coalesce(s.next_attempt_at, ''), s.id LIMIT 1) AS first
			FROM level, clock WHERE level.priority IS NOT NULL AND first IS NOT NULL LIMIT 1)
		UNION ALL
		SELECT s.id FROM clock CROSS JOIN entry_status s
		WHERE s.queue_id = q.id AND s.state = 'claimed' AND s.lease_until <= clock.now
			AND s.held = 0 AND s.attempt_count < q.max_attempts
			AND coalesce(s.next_attempt_at, '') <= clock.now)
	SELECT s.id FROM candidate JOIN entry_status s ON s.id = candidate.id
	ORDER BY s.priority DESC, coalesce(s.next_attempt_at, ''), s.id LIMIT 1) AS id
FROM work_queue q;

DROP VIEW worker_overview;
CREATE VIEW worker_overview AS
SELECT q.name AS queue, e.who AS worker,
	(SELECT count(*) FROM entry_status c WHERE c.queue_id = q.id AND c.state = 'claimed'
		AND c.lease_owner = e.who) AS has,
	sum(e.change = 'completed') AS completed,
	sum(e.change = 'failed') AS failed,
	sum(e.change = 'expired') AS expired,
	CAST(avg(CASE WHEN e.change = 'completed' THEN e.duration_ms END) AS INTEGER) AS average_ms,
	max(e.at) AS last_seen
FROM entry_event e JOIN entry_status s ON s.id = e.entry_id JOIN work_queue q ON q.id = s.queue_id
WHERE e.change IN ('claimed', 'extended', 'completed', 'failed', 'expired')
	OR (e.change = 'released' AND e.detail IS NULL)
GROUP BY q.id, e.who
ORDER BY q.name, e.who;
