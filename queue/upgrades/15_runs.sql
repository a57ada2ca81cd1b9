-- What each run of a queue has done is kept for 30 days.

CREATE TABLE run (
	id INTEGER PRIMARY KEY,
	queue_id INTEGER NOT NULL REFERENCES work_queue (id) ON DELETE CASCADE,
	began_at TEXT NOT NULL CHECK (began_at IS strftime('%Y-%m-%dT%H:%M:%fZ', began_at)),
	ended_at TEXT NOT NULL CHECK (ended_at IS strftime('%Y-%m-%dT%H:%M:%fZ', ended_at)),
	loaded INTEGER NOT NULL CHECK (loaded >= 0),
	moved INTEGER NOT NULL CHECK (moved >= 0),
	bad INTEGER NOT NULL CHECK (bad >= 0),
	error TEXT
) STRICT;

CREATE INDEX run_ended ON run (queue_id, ended_at);

CREATE TRIGGER run_allowed BEFORE INSERT ON run
WHEN NOT EXISTS (SELECT 1 FROM work_queue WHERE id = NEW.queue_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no queue with this queue_id');
END;

CREATE TRIGGER run_moved BEFORE UPDATE OF queue_id ON run
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
BEGIN
	SELECT RAISE(ABORT, 'say PRAGMA foreign_keys = ON first, so that all that belongs to the queue goes with it');
END;
