-- The ledger says in which folder a moved message lies, and not only by which UID: folders may have the same
-- UIDVALIDITY, and a queue may be given other ones.

ALTER TABLE pickup_folder ADD COLUMN number INTEGER;
UPDATE pickup_folder SET number = (
	SELECT count(*) FROM pickup_folder f
	WHERE f.queue_id = pickup_folder.queue_id AND f.folder <= pickup_folder.folder);
CREATE UNIQUE INDEX pickup_folder_number ON pickup_folder (queue_id, number);

ALTER TABLE pickup ADD COLUMN target_folder INTEGER;

CREATE TRIGGER pickup_folder_kept BEFORE UPDATE OF number ON pickup_folder WHEN NEW.number IS NOT OLD.number
BEGIN
	SELECT RAISE(ABORT, 'the number of a folder cannot be changed');
END;

CREATE TRIGGER pickup_folder_deleted BEFORE DELETE ON pickup_folder
WHEN EXISTS (SELECT 1 FROM work_queue WHERE id = OLD.queue_id)
	AND EXISTS (SELECT 1 FROM pickup WHERE queue_id = OLD.queue_id AND target_folder = OLD.number)
BEGIN
	SELECT RAISE(ABORT, 'messages of the ledger lie in this folder');
END;
