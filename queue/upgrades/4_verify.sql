-- What a queue finds in its folders is told apart from what it has put there, and what is gone can be accepted.
CREATE TABLE pickup_folder (
	queue_id INTEGER NOT NULL REFERENCES work_queue (id) ON DELETE CASCADE,
	folder TEXT NOT NULL,           -- account, and the folder as the server names it
	uid_validity INTEGER NOT NULL,
	first_uid INTEGER NOT NULL,
	record_created TEXT NOT NULL,
	PRIMARY KEY (queue_id, folder)
) STRICT, WITHOUT ROWID;

CREATE TABLE pickup_gone (
	queue_id INTEGER NOT NULL REFERENCES work_queue (id) ON DELETE CASCADE,
	source TEXT NOT NULL,
	uid_validity INTEGER NOT NULL,
	uid INTEGER NOT NULL,
	accepted_at TEXT NOT NULL,
	accepted_by TEXT NOT NULL,
	PRIMARY KEY (queue_id, source, uid_validity, uid)
) STRICT, WITHOUT ROWID;

DROP TRIGGER work_queue_deleted;
CREATE TRIGGER work_queue_deleted AFTER DELETE ON work_queue
WHEN EXISTS (SELECT 1 FROM entry_status WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM pickup WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM pickup_attempt WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM queue_health WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM delivery_target WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM pickup_folder WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM pickup_gone WHERE queue_id = OLD.id)
BEGIN
	SELECT RAISE(ABORT, 'say PRAGMA foreign_keys = ON first, so that all that belongs to the queue goes with it');
END;
