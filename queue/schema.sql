-- inqueue's database, for whoever reads it: work queues, their entries, and which mail has become what.
--
-- Open it with the sqlite3 shell (`sqlite3 -readonly FILE`; first `.timeout 30000`, so that a question asked
-- while a loader commits waits instead of failing). Reading is free for all. Start with the views:
--
--   queue_overview    each queue at a glance
--   entry             each entry with all its columns
--   header            the header fields of each mail, a row each
--   attachment_data   attachments with their bytes
--
--   SELECT name, new, bad, last_message FROM queue_overview;
--   SELECT id, sender, subject FROM entry WHERE queue = 'invoices' AND state = 'new';
--   SELECT value FROM header WHERE entry_id = 7 AND name = 'List-Id';
--   SELECT writefile(file_name, data) FROM attachment_data WHERE entry_id = 7;
--
-- Texts are UTF-8. Times are RFC 3339 in UTC: '2026-01-31T12:00:00.000Z', dates out of mail without the
-- fraction, so that comparing texts compares times. SHA-256 digests are 64 lower-case hexadecimal digits.
-- NULL means "there is none". Ids are never used twice.
--
-- application_id is 0x696E7175 ("inqu"), user_version the version of this schema. Whoever changes rows by
-- hand says `PRAGMA foreign_keys = ON` first.

-- One row per work queue, as its operator defined it. Passwords are not in here: credential_source says
-- where the program gets them from.
CREATE TABLE work_queue (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	name TEXT NOT NULL UNIQUE CHECK (name <> ''),
	class_name TEXT NOT NULL,                    -- 'Mail'
	external_source TEXT NOT NULL,               -- 'IMAP'
	connection_string TEXT NOT NULL,             -- as written; see `inqueue help connection-string`
	user_name TEXT NOT NULL,
	credential_source TEXT NOT NULL CHECK (credential_source IN
		('prompt', 'file', 'env', 'command', 'credential', 'token-command')),
	credential_reference TEXT,                   -- path, variable, name, or argv as a JSON list
	paused INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
	last_message TEXT,                           -- of the last run: 'OK; N items.' or 'Error: ...'
	last_action TEXT,                            -- time of the last run
	not_collected INTEGER CHECK (not_collected >= 0), -- messages in the mailbox after the last run
	record_created TEXT NOT NULL,
	record_updated TEXT NOT NULL,                -- of the definition, not of a run
	CHECK ((last_action IS NULL) = (last_message IS NULL))
) STRICT;

-- What changes while an entry is worked off, apart from what the mail says: a change of state rewrites a
-- row of 100 bytes and not the bodies. Read it through the view entry.
--
--   new      waiting for a worker
--   claimed  a worker has it until lease_until; lease_token is that worker's proof
--   done     finished
--   failed   tried in vain: error_kind 'business' or 'application'
--   bad      could not be loaded: error_kind 'load'; workers never get it
--
-- Workers get entries by priority (higher first), then next_attempt_at (none first), then id, once
-- next_attempt_at has come.
CREATE TABLE entry_status (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	queue_id INTEGER NOT NULL REFERENCES work_queue (id) ON DELETE CASCADE,
	state TEXT NOT NULL CHECK (state IN ('new', 'claimed', 'done', 'failed', 'bad')),
	priority INTEGER NOT NULL DEFAULT 0,
	attempt_count INTEGER NOT NULL DEFAULT 0 CHECK (attempt_count >= 0),
	error_kind TEXT CHECK (error_kind IN ('business', 'application', 'load')),
	error_text TEXT,
	last_attempt_at TEXT
		CHECK (last_attempt_at IS strftime('%Y-%m-%dT%H:%M:%fZ', last_attempt_at)),
	next_attempt_at TEXT
		CHECK (next_attempt_at IS strftime('%Y-%m-%dT%H:%M:%fZ', next_attempt_at)),
	lease_owner TEXT,
	lease_token TEXT CHECK (lease_token <> ''),
	lease_until TEXT CHECK (lease_until IS strftime('%Y-%m-%dT%H:%M:%fZ', lease_until)),
	record_created TEXT NOT NULL,
	record_updated TEXT NOT NULL,
	CONSTRAINT "claimed means leased, and nothing else does" CHECK (
		(state = 'claimed') = (lease_owner IS NOT NULL)
		AND (state = 'claimed') = (lease_token IS NOT NULL)
		AND (state = 'claimed') = (lease_until IS NOT NULL)),
	CONSTRAINT "bad means an error of kind load, and nothing else does" CHECK (
		(state = 'bad') = (error_kind IS 'load')),
	CONSTRAINT "failed means an error" CHECK (
		state <> 'failed' OR error_kind IS NOT NULL),
	CONSTRAINT "an error has a kind and a text" CHECK (
		(error_kind IS NULL) = (error_text IS NULL))
) STRICT;

-- The order of claims.
CREATE INDEX entry_status_claim ON entry_status (queue_id, priority DESC, next_attempt_at, id)
	WHERE state = 'new';
-- Lists and counts.
CREATE INDEX entry_status_state ON entry_status (queue_id, state, id);

CREATE TRIGGER entry_status_transition BEFORE UPDATE OF state ON entry_status
WHEN NEW.state = 'claimed' AND OLD.state NOT IN ('new', 'claimed')
BEGIN
	SELECT RAISE(ABORT, 'only an entry in state new can be claimed');
END;

-- For changes by hand; the program sets record_updated itself.
CREATE TRIGGER entry_status_updated AFTER UPDATE ON entry_status
WHEN NEW.record_updated = OLD.record_updated
BEGIN
	UPDATE entry_status SET record_updated = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
	WHERE id = NEW.id;
END;

CREATE TRIGGER work_queue_updated AFTER UPDATE OF name, class_name, external_source,
	connection_string, user_name, credential_source, credential_reference, paused ON work_queue
WHEN NEW.record_updated = OLD.record_updated
BEGIN
	UPDATE work_queue SET record_updated = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
	WHERE id = NEW.id;
END;

-- Bytes, once per content: attachments, bodies above 1 MiB, raw messages that are kept.
CREATE TABLE content (
	id INTEGER PRIMARY KEY,
	sha256 TEXT NOT NULL UNIQUE CHECK (length(sha256) = 64),
	size INTEGER NOT NULL CHECK (size = length(data)),
	data BLOB NOT NULL
) STRICT;

-- What a mail says; written once. Read it through the view entry.
CREATE TABLE entry_mail (
	entry_id INTEGER PRIMARY KEY REFERENCES entry_status (id) ON DELETE CASCADE,
	subject TEXT,
	sender TEXT,
	recipient TEXT,
	cc TEXT,
	bcc TEXT,
	reply_to TEXT,
	date_sent TEXT NOT NULL,
	date_received TEXT NOT NULL,
	message_id TEXT,
	in_reply_to TEXT,
	thread_references TEXT,
	raw_sha256 TEXT CHECK (length(raw_sha256) = 64), -- of the message as the server gave it; NULL
	                                                 -- where it was too large to be fetched whole
	raw_size INTEGER NOT NULL CHECK (raw_size >= 0),
	raw_content TEXT REFERENCES content (sha256),          -- raw_sha256 where the message is kept
	message_body_size INTEGER,                             -- bytes; NULL where there is no such body
	html_body_size INTEGER,
	message_body_content TEXT REFERENCES content (sha256), -- a body above 1 MiB is in content
	html_body_content TEXT REFERENCES content (sha256),
	defects TEXT NOT NULL DEFAULT '[]',                    -- JSON list
	headers TEXT NOT NULL DEFAULT '[]',                    -- JSON [[name, value], ...]
	html_body TEXT,
	message_body TEXT,
	CHECK (raw_content IS NULL OR raw_content = raw_sha256),
	CHECK ((message_body_size IS NOT NULL) =
		(message_body IS NOT NULL) + (message_body_content IS NOT NULL)),
	CHECK ((html_body_size IS NOT NULL) =
		(html_body IS NOT NULL) + (html_body_content IS NOT NULL))
) STRICT;

-- Who uses a content; asked when one is deleted.
CREATE INDEX entry_mail_raw_content ON entry_mail (raw_content) WHERE raw_content IS NOT NULL;
CREATE INDEX entry_mail_message_body_content ON entry_mail (message_body_content)
	WHERE message_body_content IS NOT NULL;
CREATE INDEX entry_mail_html_body_content ON entry_mail (html_body_content)
	WHERE html_body_content IS NOT NULL;

CREATE TABLE attachment (
	entry_id INTEGER NOT NULL REFERENCES entry_status (id) ON DELETE CASCADE,
	position INTEGER NOT NULL CHECK (position > 0), -- from 1, in the order of the mail
	file_name TEXT NOT NULL CHECK (file_name NOT IN ('', '.', '..') AND instr(file_name, '/') = 0),
	declared_name TEXT,                             -- as the mail has it, unsafe as a file name
	content_type TEXT NOT NULL,
	disposition TEXT,
	content_id TEXT,                                -- as cid: links in the HTML body name it
	size INTEGER NOT NULL CHECK (size >= 0),
	sha256 TEXT NOT NULL REFERENCES content (sha256),
	PRIMARY KEY (entry_id, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX attachment_content ON attachment (sha256);

-- Which message of which mailbox has become which entry, and how far the server has been told. A message is
-- known by (queue_id, source, uid_validity, uid). Rows stay when the message is gone, and when the entry is.
--
--   stored  the entry is in the database, the message still in the mailbox
--   copied  a copy is in the target folder too
--   moved   finished
--   left    finished, but the server could not remove the original: it is flagged \Deleted
CREATE TABLE pickup (
	queue_id INTEGER NOT NULL REFERENCES work_queue (id) ON DELETE CASCADE,
	source TEXT NOT NULL,           -- account and folder: 'robot@imap.example.com/INBOX'
	uid_validity INTEGER NOT NULL,
	uid INTEGER NOT NULL,
	state TEXT NOT NULL CHECK (state IN ('stored', 'copied', 'moved', 'left')),
	target TEXT NOT NULL CHECK (target IN ('dropbox', 'badmail')),
	target_uid_validity INTEGER,    -- the message in the target folder, where the server said
	target_uid INTEGER,
	entry_id INTEGER NOT NULL,
	raw_sha256 TEXT NOT NULL CHECK (length(raw_sha256) = 64),
	raw_size INTEGER NOT NULL,
	internal_date TEXT NOT NULL,
	record_created TEXT NOT NULL,
	record_updated TEXT NOT NULL,
	PRIMARY KEY (queue_id, source, uid_validity, uid)
) STRICT, WITHOUT ROWID;

CREATE INDEX pickup_unfinished ON pickup (queue_id, source, uid_validity, uid)
	WHERE state IN ('stored', 'copied');
-- A mailbox that got a new UIDVALIDITY is recognised by the bytes of its messages.
CREATE INDEX pickup_match ON pickup (queue_id, raw_sha256);

CREATE VIEW entry AS
SELECT
	s.id,
	q.name AS queue,
	s.queue_id,
	s.state,
	s.priority,
	s.attempt_count,
	s.error_kind,
	s.error_text,
	s.last_attempt_at,
	s.next_attempt_at,
	s.lease_owner,
	s.lease_token,
	s.lease_until,
	m.subject,
	m.sender,
	m.recipient,
	m.cc,
	m.bcc,
	m.reply_to,
	m.date_sent,
	m.date_received,
	CASE WHEN m.message_body_content IS NULL THEN m.message_body
		ELSE (SELECT CAST(c.data AS TEXT) FROM content c WHERE c.sha256 = m.message_body_content)
		END AS message_body,
	CASE WHEN m.html_body_content IS NULL THEN m.html_body
		ELSE (SELECT CAST(c.data AS TEXT) FROM content c WHERE c.sha256 = m.html_body_content)
		END AS html_body,
	m.message_body_size,
	m.html_body_size,
	m.message_id,
	m.in_reply_to,
	m.thread_references,
	m.headers,
	m.defects,
	m.raw_sha256,
	m.raw_size,
	m.raw_content IS NOT NULL AS raw_kept,
	(SELECT count(*) FROM attachment a WHERE a.entry_id = s.id) AS attachment_count,
	s.record_created,
	s.record_updated
FROM entry_status s
JOIN work_queue q ON q.id = s.queue_id
JOIN entry_mail m ON m.entry_id = s.id;

CREATE VIEW header AS
SELECT
	m.entry_id,
	j.key + 1 AS position,
	json_extract(j.value, '$[0]') AS name,
	json_extract(j.value, '$[1]') AS value
FROM entry_mail m
JOIN json_each(CASE WHEN json_valid(m.headers) THEN m.headers ELSE '[]' END) j;

CREATE VIEW attachment_data AS
SELECT
	a.entry_id,
	a.position,
	a.file_name,
	a.declared_name,
	a.content_type,
	a.disposition,
	a.content_id,
	a.size,
	a.sha256,
	c.data
FROM attachment a
JOIN content c ON c.sha256 = a.sha256;

-- unfinished_pickups: messages stored here that still have to be moved on the server.
-- oldest_waiting: since when the oldest entry in state new has been in the queue.
CREATE VIEW queue_overview AS
SELECT
	q.id,
	q.name,
	q.paused,
	q.last_message,
	q.last_action,
	q.not_collected,
	(SELECT count(*) FROM entry_status s WHERE s.queue_id = q.id AND s.state = 'new') AS new,
	(SELECT count(*) FROM entry_status s WHERE s.queue_id = q.id AND s.state = 'claimed') AS claimed,
	(SELECT count(*) FROM entry_status s WHERE s.queue_id = q.id AND s.state = 'done') AS done,
	(SELECT count(*) FROM entry_status s WHERE s.queue_id = q.id AND s.state = 'failed') AS failed,
	(SELECT count(*) FROM entry_status s WHERE s.queue_id = q.id AND s.state = 'bad') AS bad,
	(SELECT count(*) FROM pickup p INDEXED BY pickup_unfinished
		WHERE p.queue_id = q.id AND p.state IN ('stored', 'copied')) AS unfinished_pickups,
	(SELECT s.record_created FROM entry_status s WHERE s.queue_id = q.id AND s.state = 'new'
		ORDER BY s.id LIMIT 1) AS oldest_waiting
FROM work_queue q;
