-- What the last sign-in of a queue was worth.

CREATE TABLE queue_sign_in (
	queue_id INTEGER PRIMARY KEY REFERENCES work_queue (id) ON DELETE CASCADE,
	mechanism TEXT NOT NULL,
	tls INTEGER NOT NULL CHECK (tls = 0 OR tls = 1),
	noted_at TEXT NOT NULL CHECK (noted_at IS strftime('%Y-%m-%dT%H:%M:%fZ', noted_at))
) STRICT;

CREATE TRIGGER queue_sign_in_altered AFTER UPDATE OF connection_string, user_name, credential_source,
	credential_reference ON work_queue
WHEN NEW.connection_string <> OLD.connection_string OR NEW.user_name <> OLD.user_name
	OR NEW.credential_source <> OLD.credential_source OR NEW.credential_reference IS NOT OLD.credential_reference
BEGIN
	DELETE FROM queue_sign_in WHERE queue_id = NEW.id;
END;

CREATE TRIGGER queue_sign_in_allowed BEFORE INSERT ON queue_sign_in
WHEN NOT EXISTS (SELECT 1 FROM work_queue WHERE id = NEW.queue_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no queue with this queue_id');
END;

CREATE TRIGGER queue_sign_in_moved BEFORE UPDATE OF queue_id ON queue_sign_in
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
BEGIN
	SELECT RAISE(ABORT, 'say PRAGMA foreign_keys = ON first, so that all that belongs to the queue goes with it');
END;
