-- Tokens of programs on other machines.

CREATE TABLE token (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	name TEXT NOT NULL UNIQUE CHECK (name <> ''),
	may TEXT NOT NULL CHECK (may = 'read' OR may = 'work' OR may = 'operate' OR may = 'define'),
	queue_id INTEGER REFERENCES work_queue (id) ON DELETE CASCADE, -- NULL: all queues
	sha256 TEXT NOT NULL UNIQUE CHECK (length(sha256) = 64),       -- of the token
	created_by TEXT NOT NULL,
	created_at TEXT NOT NULL CHECK (created_at IS strftime('%Y-%m-%dT%H:%M:%fZ', created_at)),
	expires_at TEXT CHECK (expires_at IS strftime('%Y-%m-%dT%H:%M:%fZ', expires_at)), -- NULL: never
	revoked_at TEXT CHECK (revoked_at IS strftime('%Y-%m-%dT%H:%M:%fZ', revoked_at)),
	last_used_at TEXT CHECK (last_used_at IS strftime('%Y-%m-%dT%H:%M:%fZ', last_used_at)),
	last_address TEXT,                                             -- where the last request came from
	CHECK ((last_used_at IS NULL) = (last_address IS NULL))
) STRICT;

CREATE INDEX token_queue ON token (queue_id) WHERE queue_id IS NOT NULL;

CREATE TRIGGER token_allowed BEFORE INSERT ON token
WHEN NEW.queue_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM work_queue WHERE id = NEW.queue_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no queue with this queue_id');
END;

CREATE TRIGGER token_moved BEFORE UPDATE OF queue_id ON token
WHEN NEW.queue_id IS NOT OLD.queue_id
BEGIN
	SELECT RAISE(ABORT, 'a token stays with its queue: revoke it, and create another');
END;

DROP TRIGGER work_queue_deleted;
CREATE TRIGGER work_queue_deleted AFTER DELETE ON work_queue
WHEN EXISTS (SELECT 1 FROM entry_status WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM pickup WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM pickup_attempt WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM queue_health WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM queue_target WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM pickup_folder WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM pickup_gone WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM run WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM queue_end WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM queue_sign_in WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM queue_rule WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM queue_rules WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM entry_skip WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM import_known WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM arrival WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM token WHERE queue_id = OLD.id)
BEGIN
	SELECT RAISE(ABORT, 'say PRAGMA foreign_keys = ON first, so that all that belongs to the queue goes with it');
END;
