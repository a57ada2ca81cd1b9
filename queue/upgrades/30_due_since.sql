-- An entry that was tried again by somebody has been due since then, and not since it was loaded.

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
			CAST(round((julianday(at) - julianday(max(NEW.record_created, coalesce(NEW.next_attempt_at, ''),
				coalesce((SELECT e.at FROM entry_event e WHERE e.entry_id = NEW.id AND (e.change = 'retried'
					OR e.change = 'reloaded' OR e.change = 'released' OR e.change = 'expired'
					OR e.change = 'unheld') ORDER BY e.number DESC LIMIT 1), '')))) * 86400000) AS INTEGER)
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
