-- Nobody leaves rows behind that belong to nothing, also with foreign keys off.
CREATE TRIGGER work_queue_deleted AFTER DELETE ON work_queue
WHEN EXISTS (SELECT 1 FROM entry_status WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM pickup WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM pickup_attempt WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM queue_health WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM delivery_target WHERE queue_id = OLD.id)
BEGIN
	SELECT RAISE(ABORT, 'say PRAGMA foreign_keys = ON first, so that all that belongs to the queue goes with it');
END;

CREATE TRIGGER entry_status_deleted AFTER DELETE ON entry_status
WHEN EXISTS (SELECT 1 FROM entry_mail WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM entry_event WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM attachment WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM entry_tag WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM delivery WHERE entry_id = OLD.id)
BEGIN
	SELECT RAISE(ABORT, 'say PRAGMA foreign_keys = ON first, so that all that belongs to the entry goes with it');
END;

CREATE TRIGGER content_deleted AFTER DELETE ON content
WHEN EXISTS (SELECT 1 FROM attachment WHERE sha256 = OLD.sha256)
	OR EXISTS (SELECT 1 FROM entry_mail WHERE raw_content = OLD.sha256)
	OR EXISTS (SELECT 1 FROM entry_mail WHERE message_body_content = OLD.sha256)
	OR EXISTS (SELECT 1 FROM entry_mail WHERE html_body_content = OLD.sha256)
BEGIN
	SELECT RAISE(ABORT, 'an entry uses this content: delete entries, and `inqueue purge` deletes what none uses');
END;

CREATE TRIGGER entry_mail_deleted AFTER DELETE ON entry_mail
WHEN EXISTS (SELECT 1 FROM entry_status WHERE id = OLD.entry_id)
BEGIN
	SELECT RAISE(ABORT, 'an entry goes as a whole: PRAGMA foreign_keys = ON, then DELETE FROM entry_status');
END;

CREATE TRIGGER work_queue_kept BEFORE UPDATE OF id ON work_queue WHEN NEW.id <> OLD.id
BEGIN
	SELECT RAISE(ABORT, 'the id of a queue cannot be changed');
END;

CREATE TRIGGER entry_status_kept BEFORE UPDATE OF id ON entry_status WHEN NEW.id <> OLD.id
BEGIN
	SELECT RAISE(ABORT, 'the id of an entry cannot be changed');
END;

CREATE TRIGGER content_kept BEFORE UPDATE OF sha256 ON content WHEN NEW.sha256 <> OLD.sha256
BEGIN
	SELECT RAISE(ABORT, 'the digest of a content cannot be changed');
END;

CREATE TRIGGER entry_status_moved BEFORE UPDATE OF queue_id ON entry_status
WHEN NOT EXISTS (SELECT 1 FROM work_queue WHERE id = NEW.queue_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no queue with this queue_id');
END;

CREATE TRIGGER entry_tag_allowed BEFORE INSERT ON entry_tag
WHEN NOT EXISTS (SELECT 1 FROM entry_status WHERE id = NEW.entry_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no entry with this entry_id');
END;

CREATE TRIGGER attachment_altered BEFORE UPDATE OF entry_id, sha256 ON attachment
WHEN NOT EXISTS (SELECT 1 FROM entry_status WHERE id = NEW.entry_id)
	OR NOT EXISTS (SELECT 1 FROM content WHERE sha256 = NEW.sha256)
BEGIN
	SELECT RAISE(ABORT, 'an attachment has an entry, and its bytes in content: put these in first');
END;

-- No planner reads all claimed entries for what the next claim takes.
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
			AND s.held = 0 AND s.attempt_count < q.max_attempts)
	SELECT s.id FROM candidate JOIN entry_status s ON s.id = candidate.id
	ORDER BY s.priority DESC, coalesce(s.next_attempt_at, ''), s.id LIMIT 1) AS id
FROM work_queue q;
