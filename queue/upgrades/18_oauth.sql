-- A queue's access token may come from an account of OAuth 2.0. SQLite cannot change a check, so that the table is made
-- anew. The views that read it are left as they are (legacy_alter_table), and its counter of ids goes on.
PRAGMA legacy_alter_table = ON;
CREATE TABLE work_queue_anew (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	name TEXT NOT NULL UNIQUE CHECK (name <> ''),
	class_name TEXT NOT NULL,
	external_source TEXT NOT NULL,
	connection_string TEXT NOT NULL,
	user_name TEXT NOT NULL,
	credential_source TEXT NOT NULL CHECK (credential_source IN
		('prompt', 'file', 'env', 'command', 'credential', 'token-command', 'oauth')),
	credential_reference TEXT,
	paused INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
	max_attempts INTEGER NOT NULL DEFAULT 3 CHECK (max_attempts > 0),
	retry_delay_ms INTEGER NOT NULL DEFAULT 30000 CHECK (retry_delay_ms >= 0),
	last_message TEXT,
	last_action TEXT,
	not_collected INTEGER CHECK (not_collected >= 0),
	record_created TEXT NOT NULL,
	record_updated TEXT NOT NULL,
	CHECK ((last_action IS NULL) = (last_message IS NULL))
) STRICT;

INSERT INTO work_queue_anew (id, name, class_name, external_source, connection_string, user_name, credential_source,
		credential_reference, paused, max_attempts, retry_delay_ms, last_message, last_action, not_collected,
		record_created, record_updated)
	SELECT id, name, class_name, external_source, connection_string, user_name, credential_source,
		credential_reference, paused, max_attempts, retry_delay_ms, last_message, last_action, not_collected,
		record_created, record_updated FROM work_queue;
DELETE FROM sqlite_sequence WHERE name = 'work_queue_anew';
INSERT INTO sqlite_sequence (name, seq) SELECT 'work_queue_anew', seq FROM sqlite_sequence WHERE name = 'work_queue';
DROP TABLE work_queue;
ALTER TABLE work_queue_anew RENAME TO work_queue;
PRAGMA legacy_alter_table = OFF;

CREATE TRIGGER queue_health_success AFTER UPDATE OF last_action ON work_queue
WHEN NEW.last_message GLOB 'OK;*'
BEGIN
	INSERT INTO queue_health (queue_id, last_success) VALUES (NEW.id, NEW.last_action)
	ON CONFLICT (queue_id) DO UPDATE SET last_success = excluded.last_success, refusals = 0,
		refused_at = NULL, stopped_at = NULL, stopped_reason = NULL;
END;

CREATE TRIGGER queue_health_altered AFTER UPDATE OF connection_string, user_name, credential_source,
	credential_reference, paused ON work_queue
BEGIN
	UPDATE queue_health SET refusals = 0, refused_at = NULL, stopped_at = NULL, stopped_reason = NULL
	WHERE queue_id = NEW.id;
END;

CREATE TRIGGER queue_end_altered AFTER UPDATE OF connection_string, user_name, credential_source,
	credential_reference ON work_queue
BEGIN
	DELETE FROM queue_end WHERE queue_id = NEW.id;
END;

CREATE TRIGGER work_queue_updated AFTER UPDATE OF name, class_name, external_source,
	connection_string, user_name, credential_source, credential_reference, paused, max_attempts,
	retry_delay_ms ON work_queue
WHEN NEW.record_updated = OLD.record_updated
BEGIN
	UPDATE work_queue SET record_updated = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
	WHERE id = NEW.id;
END;

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

CREATE TRIGGER work_queue_kept BEFORE UPDATE OF id ON work_queue WHEN NEW.id <> OLD.id
BEGIN
	SELECT RAISE(ABORT, 'the id of a queue cannot be changed');
END;

CREATE TRIGGER work_queue_once BEFORE INSERT ON work_queue
WHEN EXISTS (SELECT 1 FROM work_queue WHERE name = NEW.name)
	OR EXISTS (SELECT 1 FROM work_queue WHERE id = NEW.id)
BEGIN
	SELECT RAISE(ABORT, 'there is a queue with this name or id already: UPDATE changes it');
END;

CREATE TRIGGER work_queue_renamed BEFORE UPDATE OF name ON work_queue
WHEN NEW.name <> OLD.name AND EXISTS (SELECT 1 FROM work_queue WHERE name = NEW.name)
BEGIN
	SELECT RAISE(ABORT, 'there is a queue with this name already');
END;
