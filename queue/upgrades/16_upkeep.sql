-- What ends when, and how the logs fare.

CREATE TABLE queue_end (
	queue_id INTEGER NOT NULL REFERENCES work_queue (id) ON DELETE CASCADE,
	what TEXT NOT NULL,
	begins_at TEXT CHECK (begins_at IS strftime('%Y-%m-%dT%H:%M:%fZ', begins_at)),
	ends_at TEXT NOT NULL CHECK (ends_at IS strftime('%Y-%m-%dT%H:%M:%fZ', ends_at)),
	noted_at TEXT NOT NULL CHECK (noted_at IS strftime('%Y-%m-%dT%H:%M:%fZ', noted_at)),
	PRIMARY KEY (queue_id, what)
) STRICT;

CREATE TRIGGER queue_end_altered AFTER UPDATE OF connection_string, user_name, credential_source,
	credential_reference ON work_queue
BEGIN
	DELETE FROM queue_end WHERE queue_id = NEW.id;
END;

CREATE TABLE log_file (
	kind TEXT PRIMARY KEY CHECK (kind IN ('events', 'protocol')),
	path TEXT NOT NULL,
	error TEXT,
	noted_at TEXT NOT NULL CHECK (noted_at IS strftime('%Y-%m-%dT%H:%M:%fZ', noted_at))
) STRICT;

CREATE TRIGGER queue_end_allowed BEFORE INSERT ON queue_end
WHEN NOT EXISTS (SELECT 1 FROM work_queue WHERE id = NEW.queue_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no queue with this queue_id');
END;

CREATE TRIGGER queue_end_moved BEFORE UPDATE OF queue_id ON queue_end
WHEN NOT EXISTS (SELECT 1 FROM work_queue WHERE id = NEW.queue_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no queue with this queue_id');
END;

DROP TRIGGER work_queue_deleted;
CREATE TRIGGER work_queue_deleted AFTER DELETE ON work_queue
WHEN EXISTS (SELECT 1 FROM entry_status WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM pickup WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM pickup_attempt WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM queue_health WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM delivery_target WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM pickup_folder WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM pickup_gone WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM run WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM queue_end WHERE queue_id = OLD.id)
BEGIN
	SELECT RAISE(ABORT, 'say PRAGMA foreign_keys = ON first, so that all that belongs to the queue goes with it');
END;
