-- What the calendars of a mail announce.

CREATE TABLE entry_calendar (
	entry_id INTEGER NOT NULL REFERENCES entry_status (id) ON DELETE CASCADE,
	position INTEGER NOT NULL CHECK (position > 0), -- from 1, in the order of the mail
	method TEXT,                                    -- 'REQUEST', 'CANCEL', 'REPLY', ...
	uid TEXT,                                       -- the same in all that is said of one event
	starts_at TEXT,
	ends_at TEXT,                                   -- the first moment, or day, after it; when a task is due
	organizer TEXT,                                 -- 'Name <address>'
	attendees TEXT,                                 -- the same, joined with '; '
	summary TEXT,
	location TEXT,
	PRIMARY KEY (entry_id, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX entry_calendar_uid ON entry_calendar (uid) WHERE uid IS NOT NULL;

DROP TRIGGER entry_status_deleted;

CREATE TRIGGER entry_status_deleted AFTER DELETE ON entry_status
WHEN EXISTS (SELECT 1 FROM entry_mail WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM entry_event WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM attachment WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM entry_tag WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM delivery WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM entry_calendar WHERE entry_id = OLD.id)
BEGIN
	SELECT RAISE(ABORT, 'say PRAGMA foreign_keys = ON first, so that all that belongs to the entry goes with it');
END;

CREATE TRIGGER entry_calendar_allowed BEFORE INSERT ON entry_calendar
WHEN NOT EXISTS (SELECT 1 FROM entry_status WHERE id = NEW.entry_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no entry with this entry_id');
END;
