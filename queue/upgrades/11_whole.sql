-- Nobody puts one row in the place of another, or makes one that belongs to nothing, also with foreign keys off.
DROP TRIGGER content_kept;
CREATE TRIGGER content_kept BEFORE UPDATE OF id, sha256 ON content
WHEN NEW.id <> OLD.id OR NEW.sha256 <> OLD.sha256
BEGIN
	SELECT RAISE(ABORT, 'the id and the digest of a content cannot be changed');
END;

-- REPLACE deletes the row that is there, and a trigger on DELETE does not run. The tables that a load or a claim writes
-- (entry_status, entry_mail, content, attachment, pickup, entry_event) have no such trigger on INSERT: SQLite would keep
-- a journal for each statement, and a load would need 4 to 11 % more instructions for each of them. Whoever inserts
-- there says PRAGMA foreign_keys = ON, and never REPLACE.
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

CREATE TRIGGER entry_mail_altered BEFORE UPDATE OF raw_content, message_body_content, html_body_content ON entry_mail
WHEN (NEW.raw_content IS NOT NULL
		AND NOT EXISTS (SELECT 1 FROM content WHERE sha256 = NEW.raw_content))
	OR (NEW.message_body_content IS NOT NULL
		AND NOT EXISTS (SELECT 1 FROM content WHERE sha256 = NEW.message_body_content))
	OR (NEW.html_body_content IS NOT NULL
		AND NOT EXISTS (SELECT 1 FROM content WHERE sha256 = NEW.html_body_content))
BEGIN
	SELECT RAISE(ABORT, 'a mail has its bytes in content: put these in first');
END;

CREATE TRIGGER entry_mail_moved BEFORE UPDATE OF entry_id ON entry_mail
WHEN NOT EXISTS (SELECT 1 FROM entry_status WHERE id = NEW.entry_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no entry with this entry_id');
END;

CREATE TRIGGER delivery_allowed BEFORE INSERT ON delivery
WHEN NOT EXISTS (SELECT 1 FROM entry_status WHERE id = NEW.entry_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no entry with this entry_id');
END;

CREATE TRIGGER entry_tag_moved BEFORE UPDATE OF entry_id ON entry_tag
WHEN NOT EXISTS (SELECT 1 FROM entry_status WHERE id = NEW.entry_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no entry with this entry_id');
END;

CREATE TRIGGER entry_calendar_moved BEFORE UPDATE OF entry_id ON entry_calendar
WHEN NOT EXISTS (SELECT 1 FROM entry_status WHERE id = NEW.entry_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no entry with this entry_id');
END;

CREATE TRIGGER delivery_moved BEFORE UPDATE OF entry_id ON delivery
WHEN NOT EXISTS (SELECT 1 FROM entry_status WHERE id = NEW.entry_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no entry with this entry_id');
END;

CREATE TRIGGER pickup_moved BEFORE UPDATE OF queue_id ON pickup
WHEN NOT EXISTS (SELECT 1 FROM work_queue WHERE id = NEW.queue_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no queue with this queue_id');
END;

CREATE TRIGGER pickup_folder_allowed BEFORE INSERT ON pickup_folder
WHEN NOT EXISTS (SELECT 1 FROM work_queue WHERE id = NEW.queue_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no queue with this queue_id');
END;

CREATE TRIGGER pickup_folder_moved BEFORE UPDATE OF queue_id ON pickup_folder
WHEN NOT EXISTS (SELECT 1 FROM work_queue WHERE id = NEW.queue_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no queue with this queue_id');
END;

CREATE TRIGGER pickup_gone_allowed BEFORE INSERT ON pickup_gone
WHEN NOT EXISTS (SELECT 1 FROM work_queue WHERE id = NEW.queue_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no queue with this queue_id');
END;

CREATE TRIGGER pickup_gone_moved BEFORE UPDATE OF queue_id ON pickup_gone
WHEN NOT EXISTS (SELECT 1 FROM work_queue WHERE id = NEW.queue_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no queue with this queue_id');
END;

CREATE TRIGGER pickup_attempt_allowed BEFORE INSERT ON pickup_attempt
WHEN NOT EXISTS (SELECT 1 FROM work_queue WHERE id = NEW.queue_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no queue with this queue_id');
END;

CREATE TRIGGER pickup_attempt_moved BEFORE UPDATE OF queue_id ON pickup_attempt
WHEN NOT EXISTS (SELECT 1 FROM work_queue WHERE id = NEW.queue_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no queue with this queue_id');
END;

CREATE TRIGGER queue_health_allowed BEFORE INSERT ON queue_health
WHEN NOT EXISTS (SELECT 1 FROM work_queue WHERE id = NEW.queue_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no queue with this queue_id');
END;

CREATE TRIGGER queue_health_moved BEFORE UPDATE OF queue_id ON queue_health
WHEN NOT EXISTS (SELECT 1 FROM work_queue WHERE id = NEW.queue_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no queue with this queue_id');
END;

CREATE TRIGGER delivery_target_allowed BEFORE INSERT ON delivery_target
WHEN NOT EXISTS (SELECT 1 FROM work_queue WHERE id = NEW.queue_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no queue with this queue_id');
END;

CREATE TRIGGER delivery_target_moved BEFORE UPDATE OF queue_id ON delivery_target
WHEN NOT EXISTS (SELECT 1 FROM work_queue WHERE id = NEW.queue_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no queue with this queue_id');
END;
