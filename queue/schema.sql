-- inqueue's database, for whoever reads it: work queues, their entries, and which mail has become what.
--
-- Open it with the sqlite3 shell (`sqlite3 -readonly FILE`). Reading is free for all: nobody who reads waits, or keeps
-- a writer waiting, for however long. Whoever writes says `.timeout 30000` first, and `PRAGMA wal_autocheckpoint = 0`:
-- emptying the log (FILE-wal) is left to inqueue. Start with the views:
--
--   queue_overview    each queue at a glance
--   entry             each entry with all its columns
--   thread            mails that answer each other
--   header            the header fields of each mail, a row each
--   attachment_data   attachments with their bytes
--   waiting           what workers get next, in the order in which they get it
--   working           what workers have at the moment
--   overdue, at_risk  what should be finished by now, or looked after
--   failure           what was tried in vain, and why
--   history           every change of every entry
--   worker_overview   each worker at a glance
--   day_overview      each day of each queue
--   delivery_overview what became of posting entries to a target, by queue, as the last attempt at each says
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
-- hand says `PRAGMA foreign_keys = ON` first. Checks of more than two words are chains of OR because IN makes a
-- table of them whenever a row is written.

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
		('prompt', 'file', 'env', 'command', 'credential', 'token-command', 'oauth')),
	credential_reference TEXT,                   -- path, variable, name, or argv as a JSON list
	paused INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
	max_attempts INTEGER NOT NULL DEFAULT 3 CHECK (max_attempts > 0), -- failed for good after so many
	retry_delay_ms INTEGER NOT NULL DEFAULT 30000 CHECK (retry_delay_ms >= 0), -- before the second
	                                             -- attempt; doubled before each further one
	last_message TEXT,                           -- of the last run: 'OK; 3 items, 1 of them bad.' or 'Error: ...'
	last_action TEXT,                            -- time of the last run
	not_collected INTEGER CHECK (not_collected >= 0), -- messages in the mailbox after the last run,
	                                             -- with those that wait for the target's answer
	record_created TEXT NOT NULL,
	record_updated TEXT NOT NULL,                -- of the definition, not of a run
	reference TEXT CHECK (reference <> ''),      -- where a mail says what it is about, 'header:X-Order'.
	                                             -- NULL: nobody looks
	same_reference TEXT NOT NULL DEFAULT 'link' CHECK (same_reference IN
		('refuse', 'link', 'replace')),      -- what becomes of a second mail about the same
	claim_order TEXT NOT NULL DEFAULT 'due' CHECK (claim_order IN ('due', 'deadline')), -- deadline: of one
	                                             -- priority, the entry that has to be done first comes first
	CHECK ((last_action IS NULL) = (last_message IS NULL))
) STRICT;

-- How collecting the mail of a queue is going; no row: nothing has been tried yet. A run that goes well and a
-- change of the definition forget the refusals and lift the stop.
CREATE TABLE queue_health (
	queue_id INTEGER PRIMARY KEY REFERENCES work_queue (id) ON DELETE CASCADE,
	last_success TEXT,                           -- end of the last run that went well
	refusals INTEGER NOT NULL DEFAULT 0 CHECK (refusals >= 0), -- sign-ins refused in a row
	refused_at TEXT,                             -- the last of them
	stopped_at TEXT,                             -- from then on `load` and `watch` leave the queue alone
	stopped_reason TEXT,
	CHECK ((refused_at IS NULL) = (refusals = 0)),
	CHECK ((stopped_at IS NULL) = (stopped_reason IS NULL))
) STRICT;

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

-- Until when something is good that a queue needs: a certificate, a refresh token. A change of the definition
-- forgets it.
CREATE TABLE queue_end (
	queue_id INTEGER NOT NULL REFERENCES work_queue (id) ON DELETE CASCADE,
	what TEXT NOT NULL, -- 'certificate of the mail server'
	begins_at TEXT CHECK (begins_at IS strftime('%Y-%m-%dT%H:%M:%fZ', begins_at)), -- NULL: not known
	ends_at TEXT NOT NULL CHECK (ends_at IS strftime('%Y-%m-%dT%H:%M:%fZ', ends_at)),
	noted_at TEXT NOT NULL CHECK (noted_at IS strftime('%Y-%m-%dT%H:%M:%fZ', noted_at)),
	PRIMARY KEY (queue_id, what)
) STRICT;

CREATE TRIGGER queue_end_altered AFTER UPDATE OF connection_string, user_name, credential_source,
	credential_reference ON work_queue
BEGIN
	DELETE FROM queue_end WHERE queue_id = NEW.id;
END;

-- What the last sign-in of a queue was worth: a weaker one is refused (inqueue-connection(5), SIGNING IN). A change of
-- what the queue signs in with forgets it, and so does `inqueue queue alter --accept-downgrade`.
CREATE TABLE queue_sign_in (
	queue_id INTEGER PRIMARY KEY REFERENCES work_queue (id) ON DELETE CASCADE,
	mechanism TEXT NOT NULL,                     -- 'SCRAM-SHA-256'
	tls INTEGER NOT NULL CHECK (tls = 0 OR tls = 1),
	noted_at TEXT NOT NULL CHECK (noted_at IS strftime('%Y-%m-%dT%H:%M:%fZ', noted_at)) -- when it was so first
) STRICT;

CREATE TRIGGER queue_sign_in_altered AFTER UPDATE OF connection_string, user_name, credential_source,
	credential_reference ON work_queue
WHEN NEW.connection_string <> OLD.connection_string OR NEW.user_name <> OLD.user_name
	OR NEW.credential_source <> OLD.credential_source OR NEW.credential_reference IS NOT OLD.credential_reference
BEGIN
	DELETE FROM queue_sign_in WHERE queue_id = NEW.id;
END;

-- The files that `watch` writes its logs to, while it runs.
CREATE TABLE log_file (
	kind TEXT PRIMARY KEY CHECK (kind IN ('events', 'protocol')),
	path TEXT NOT NULL,
	error TEXT, -- why it could not be written last; NULL: it could
	noted_at TEXT NOT NULL CHECK (noted_at IS strftime('%Y-%m-%dT%H:%M:%fZ', noted_at))
) STRICT;

-- What each run of a queue has done, for 30 days. A run that found nothing new has no row: last_action of the queue says
-- when that was.
CREATE TABLE run (
	id INTEGER PRIMARY KEY,
	queue_id INTEGER NOT NULL REFERENCES work_queue (id) ON DELETE CASCADE,
	began_at TEXT NOT NULL CHECK (began_at IS strftime('%Y-%m-%dT%H:%M:%fZ', began_at)),
	ended_at TEXT NOT NULL CHECK (ended_at IS strftime('%Y-%m-%dT%H:%M:%fZ', ended_at)),
	loaded INTEGER NOT NULL CHECK (loaded >= 0), -- entries made, without the bad ones
	moved INTEGER NOT NULL CHECK (moved >= 0),   -- messages, also those that an earlier run had stored
	bad INTEGER NOT NULL CHECK (bad >= 0),       -- entries made in state bad
	error TEXT                                   -- NULL: it went well
) STRICT;

CREATE INDEX run_ended ON run (queue_id, ended_at);

-- What changes while an entry is worked off, apart from what the mail says: a change of state rewrites a
-- row of 100 bytes and not the bodies. Read it through the view entry.
--
--   new      waiting for a worker, at once or from next_attempt_at on; not while held
--   claimed  a worker has it until lease_until; lease_token is that worker's proof. From lease_until on
--            anybody may claim it again, until when its worker can still finish it
--   done     finished
--   failed   tried in vain: error_kind 'business' (final at once), or 'application' (max_attempts of its
--            queue are used up); an entry in state new with an error is to be tried again
--   bad      could not be loaded: error_kind 'load'; workers never get it
--
-- Workers get entries by priority (higher first), then, where claim_order of the queue is 'deadline', by deadline_at
-- (none last), then by next_attempt_at (none first), then by id, once next_attempt_at has come. attempt_count counts claims: a claim adds one, a release takes it back.
--
-- Any program may claim and finish entries with one statement each, beside all others that do:
--
--   UPDATE entry_status
--   SET state = 'claimed', lease_owner = 'robot-7', lease_token = lower(hex(randomblob(16))),
--       lease_until = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+10 minutes'),
--       last_attempt_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), attempt_count = attempt_count + 1
--   WHERE id = (SELECT id FROM next_entry WHERE queue = 'invoices')
--   RETURNING id, lease_token, lease_until, attempt_count;
--
--   UPDATE entry_status
--   SET state = 'done', lease_owner = NULL, lease_token = NULL, lease_until = NULL,
--       error_kind = NULL, error_text = NULL
--   WHERE id = :id AND lease_token = :token
--   RETURNING id;   -- no row: somebody else has the entry by now
CREATE TABLE entry_status (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	queue_id INTEGER NOT NULL REFERENCES work_queue (id) ON DELETE CASCADE,
	state TEXT NOT NULL CHECK (
		state = 'new' OR state = 'claimed' OR state = 'done' OR state = 'failed' OR state = 'bad'),
	priority INTEGER NOT NULL DEFAULT 0,
	held INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1)), -- an operator keeps it from workers
	attempt_count INTEGER NOT NULL DEFAULT 0 CHECK (attempt_count >= 0),
	error_kind TEXT CHECK (
		error_kind = 'business' OR error_kind = 'application' OR error_kind = 'load'),
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
	deadline_at TEXT CHECK (deadline_at IS strftime('%Y-%m-%dT%H:%M:%fZ', deadline_at)), -- when it has to be done
	risk_at TEXT CHECK (risk_at IS strftime('%Y-%m-%dT%H:%M:%fZ', risk_at)), -- when somebody should look after it
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
CREATE INDEX entry_status_claim
	ON entry_status (queue_id, priority DESC, coalesce(next_attempt_at, ''), id)
	WHERE state = 'new' AND held = 0;
CREATE INDEX entry_status_claim_deadline
	ON entry_status (queue_id, priority DESC, deadline_at, coalesce(next_attempt_at, ''), id)
	WHERE state = 'new' AND held = 0 AND deadline_at IS NOT NULL;
-- Which leases end next, and which that have ended can be claimed.
CREATE INDEX entry_status_lease
	ON entry_status (queue_id, lease_until, attempt_count, held, priority, next_attempt_at, state)
	WHERE state = 'claimed';
-- What is overdue, or at risk.
CREATE INDEX entry_status_deadline ON entry_status (deadline_at, id)
	WHERE deadline_at IS NOT NULL AND (state = 'new' OR state = 'claimed');
CREATE INDEX entry_status_risk ON entry_status (risk_at, id)
	WHERE risk_at IS NOT NULL AND (state = 'new' OR state = 'claimed');
-- Lists and counts.
CREATE INDEX entry_status_state ON entry_status (queue_id, state, id);

-- What a claim may not do. Its time is last_attempt_at.
CREATE TRIGGER entry_status_claimed BEFORE UPDATE OF state, lease_token ON entry_status
WHEN NEW.state = 'claimed' AND NEW.lease_token IS NOT OLD.lease_token
BEGIN
	SELECT CASE
	WHEN OLD.state NOT IN ('new', 'claimed')
		THEN RAISE(ABORT, 'only an entry in state new can be claimed')
	WHEN NEW.attempt_count <> OLD.attempt_count + 1
		THEN RAISE(ABORT, 'a claim is an attempt: set attempt_count = attempt_count + 1')
	WHEN NEW.last_attempt_at IS NULL OR NEW.last_attempt_at >= NEW.lease_until
		THEN RAISE(ABORT, 'a claim sets last_attempt_at, to a time before lease_until')
	WHEN OLD.held
		THEN RAISE(ABORT, 'the entry is held')
	WHEN OLD.state = 'claimed' AND OLD.lease_until > NEW.last_attempt_at
		THEN RAISE(ABORT, 'another worker has the entry until its lease ends')
	WHEN OLD.next_attempt_at > NEW.last_attempt_at
		THEN RAISE(ABORT, 'the entry is not due before next_attempt_at')
	END;
END;

-- A lease that ended was an attempt. What was claimed for the last time so becomes a failure at the next claim
-- in its queue; every other entry keeps its token until somebody claims that very entry.
CREATE TRIGGER entry_status_exhausted AFTER UPDATE OF lease_token ON entry_status
WHEN NEW.state = 'claimed' AND NEW.lease_token IS NOT OLD.lease_token
BEGIN
	UPDATE entry_status SET state = 'failed', error_kind = 'application',
		error_text = 'lease ended: nothing was heard of worker ' || lease_owner || ' until '
			|| lease_until,
		lease_owner = NULL, lease_token = NULL, lease_until = NULL,
		record_updated = NEW.last_attempt_at
	WHERE queue_id = NEW.queue_id AND state = 'claimed' AND lease_until <= NEW.last_attempt_at
		AND attempt_count >= (SELECT max_attempts FROM work_queue WHERE id = NEW.queue_id);
END;

-- For changes by hand; the program sets record_updated itself.
CREATE TRIGGER entry_status_updated AFTER UPDATE ON entry_status
WHEN NEW.record_updated = OLD.record_updated
BEGIN
	UPDATE entry_status SET record_updated = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
	WHERE id = NEW.id;
END;

CREATE TRIGGER work_queue_updated AFTER UPDATE OF name, class_name, external_source,
	connection_string, user_name, credential_source, credential_reference, paused, max_attempts,
	retry_delay_ms, reference, same_reference, claim_order ON work_queue
WHEN NEW.record_updated = OLD.record_updated
BEGIN
	UPDATE work_queue SET record_updated = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
	WHERE id = NEW.id;
END;

-- Words that operators put on entries, to find them and to claim by them.
CREATE TABLE entry_tag (
	entry_id INTEGER NOT NULL REFERENCES entry_status (id) ON DELETE CASCADE,
	tag TEXT NOT NULL CHECK (tag <> '' AND instr(tag, ' ') = 0),
	PRIMARY KEY (entry_id, tag)
) STRICT, WITHOUT ROWID;

CREATE INDEX entry_tag_tag ON entry_tag (tag, entry_id);

-- Every change of an entry after it was loaded, in its own transaction, whoever made it. Written by
-- triggers, and never changed; read it through the view history.
--
--   claimed     a worker got it; duration_ms: how long it had been due, since it was loaded or last given back
--   extended    its worker went on, until detail
--   completed   its worker finished it; duration_ms, here and below: how long that worker had it
--   failed      its worker failed, why; state says whether that is final (failed) or not (new)
--   expired     its worker was not heard of until the lease ended
--   released    its worker gave it back; or somebody took it back from the worker that detail names
--   deferred    not before detail
--   changed     somebody set the deadline, or the time of risk, that detail names
--   retried, reloaded, discarded, held, unheld, priority, tagged, untagged, note
--               an operator did that, why; detail: the priority, the tag. A note with the detail progress or
--               output is what a worker said of it
CREATE TABLE entry_event (
	entry_id INTEGER NOT NULL REFERENCES entry_status (id) ON DELETE CASCADE,
	number INTEGER NOT NULL,                     -- from 1, for each entry
	at TEXT NOT NULL CHECK (at IS strftime('%Y-%m-%dT%H:%M:%fZ', at)),
	change TEXT NOT NULL CHECK (
		change = 'claimed' OR change = 'extended' OR change = 'completed'
		OR change = 'failed' OR change = 'expired' OR change = 'released'
		OR change = 'deferred' OR change = 'retried' OR change = 'reloaded'
		OR change = 'discarded' OR change = 'held' OR change = 'unheld'
		OR change = 'priority' OR change = 'tagged' OR change = 'untagged'
		OR change = 'note' OR change = 'changed'),
	state TEXT NOT NULL,                         -- afterwards
	attempt INTEGER NOT NULL,                    -- attempt_count before a release takes one back
	who TEXT,                                    -- worker or operator; NULL: somebody with SQL
	why TEXT,
	detail TEXT,
	duration_ms INTEGER,
	PRIMARY KEY (entry_id, number)
) STRICT, WITHOUT ROWID;

-- Who makes the changes of this transaction, and why, where that is not plain from the lease: put a row in
-- before them and take it out after them.
CREATE TABLE change_author (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	who TEXT,
	why TEXT
) STRICT;

-- Before the claim that it makes room for.
CREATE TRIGGER entry_status_expired BEFORE UPDATE OF lease_token ON entry_status
WHEN OLD.state = 'claimed' AND NEW.state = 'claimed' AND NEW.lease_token <> OLD.lease_token
BEGIN
	INSERT INTO entry_event (entry_id, number, at, change, state, attempt, who, why, duration_ms)
	VALUES (NEW.id,
		(SELECT coalesce(max(number), 0) + 1 FROM entry_event WHERE entry_id = NEW.id),
		NEW.last_attempt_at, 'expired', 'new', OLD.attempt_count, OLD.lease_owner,
		'lease ended: nothing was heard of worker ' || OLD.lease_owner || ' until ' || OLD.lease_until,
		CAST(round((julianday(NEW.last_attempt_at) - julianday(OLD.last_attempt_at)) * 86400000) AS INTEGER));
END;

CREATE TRIGGER entry_status_event
AFTER UPDATE OF state, lease_token, lease_until, next_attempt_at, priority, held, error_kind, deadline_at, risk_at
	ON entry_status
WHEN NEW.state <> OLD.state OR NEW.lease_token IS NOT OLD.lease_token
	OR NEW.lease_until IS NOT OLD.lease_until OR NEW.next_attempt_at IS NOT OLD.next_attempt_at
	OR NEW.priority <> OLD.priority OR NEW.held <> OLD.held OR NEW.error_kind IS NOT OLD.error_kind
	OR NEW.deadline_at IS NOT OLD.deadline_at OR NEW.risk_at IS NOT OLD.risk_at
BEGIN
	INSERT INTO entry_event (entry_id, number, at, change, state, attempt, who, why, detail, duration_ms)
	SELECT NEW.id,
		(SELECT coalesce(max(number), 0) + 1 FROM entry_event WHERE entry_id = NEW.id),
		at, change, NEW.state, max(OLD.attempt_count, NEW.attempt_count),
		CASE WHEN change = 'expired' THEN OLD.lease_owner
			ELSE coalesce((SELECT who FROM change_author), NEW.lease_owner, OLD.lease_owner) END,
		CASE WHEN change = 'failed' OR change = 'expired' OR change = 'discarded' THEN NEW.error_text
			ELSE (SELECT why FROM change_author) END,
		CASE change WHEN 'extended' THEN NEW.lease_until WHEN 'deferred' THEN NEW.next_attempt_at
			WHEN 'priority' THEN CAST(NEW.priority AS TEXT)
			WHEN 'changed' THEN
				CASE WHEN NEW.deadline_at IS NOT OLD.deadline_at
					THEN 'deadline ' || coalesce(NEW.deadline_at, 'none')
				WHEN NEW.risk_at IS NOT OLD.risk_at THEN 'risk ' || coalesce(NEW.risk_at, 'none') END
			WHEN 'released' THEN
				CASE WHEN (SELECT who FROM change_author) IS NOT NULL THEN OLD.lease_owner END END,
		CASE WHEN change = 'claimed' THEN
			CAST(round((julianday(at) - julianday(max(NEW.record_created, coalesce(NEW.next_attempt_at, ''),
				coalesce((SELECT e.at FROM entry_event e WHERE e.entry_id = NEW.id AND (e.change = 'retried'
					OR e.change = 'reloaded' OR e.change = 'released' OR e.change = 'expired'
					OR e.change = 'unheld') ORDER BY e.number DESC LIMIT 1), '')))) * 86400000) AS INTEGER)
		WHEN OLD.state = 'claimed' AND NEW.state <> 'claimed' THEN
			CAST(round((julianday(at) - julianday(OLD.last_attempt_at)) * 86400000) AS INTEGER) END
	FROM (SELECT
		CASE WHEN NEW.record_updated <> OLD.record_updated THEN NEW.record_updated
			ELSE strftime('%Y-%m-%dT%H:%M:%fZ', 'now') END AS at,
		CASE
		WHEN NEW.state = 'claimed' AND NEW.lease_token IS NOT OLD.lease_token THEN 'claimed'
		WHEN NEW.lease_until > OLD.lease_until THEN 'extended'
		WHEN OLD.state = 'claimed' AND NEW.state = 'done' THEN 'completed'
		WHEN OLD.state = 'claimed' AND NEW.error_text GLOB 'lease ended: *'
			AND NEW.error_text IS NOT OLD.error_text THEN 'expired'
		WHEN OLD.state = 'claimed' AND NEW.state = 'failed' THEN 'failed'
		WHEN OLD.state = 'claimed' AND NEW.state = 'new' AND NEW.attempt_count = OLD.attempt_count
			THEN 'failed'
		WHEN NEW.state = OLD.state AND (NEW.deadline_at IS NOT OLD.deadline_at OR NEW.risk_at IS NOT OLD.risk_at)
			THEN 'changed'
		WHEN NEW.state = 'new' AND NEW.next_attempt_at IS NOT NULL
			AND NEW.next_attempt_at IS NOT OLD.next_attempt_at THEN 'deferred'
		WHEN OLD.state = 'claimed' AND NEW.state = 'new' THEN 'released'
		WHEN OLD.state = 'bad' AND NEW.state = 'new' THEN 'reloaded'
		WHEN NEW.state = 'new' AND NEW.held = OLD.held AND NEW.priority = OLD.priority THEN 'retried'
		WHEN NEW.state = 'failed' AND NEW.error_kind IS NOT OLD.error_kind THEN 'discarded'
		WHEN NEW.held > OLD.held THEN 'held'
		WHEN NEW.held < OLD.held THEN 'unheld'
		WHEN NEW.priority <> OLD.priority THEN 'priority'
		ELSE 'changed' END AS change);
END;

CREATE TRIGGER entry_tag_added AFTER INSERT ON entry_tag
BEGIN
	INSERT INTO entry_event (entry_id, number, at, change, state, attempt, who, why, detail)
	SELECT s.id, (SELECT coalesce(max(number), 0) + 1 FROM entry_event WHERE entry_id = s.id),
		strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), 'tagged', s.state, s.attempt_count,
		(SELECT who FROM change_author), (SELECT why FROM change_author), NEW.tag
	FROM entry_status s WHERE s.id = NEW.entry_id;
END;

-- Nothing where the tag goes with its entry.
CREATE TRIGGER entry_tag_removed AFTER DELETE ON entry_tag
BEGIN
	INSERT INTO entry_event (entry_id, number, at, change, state, attempt, who, why, detail)
	SELECT s.id, (SELECT coalesce(max(number), 0) + 1 FROM entry_event WHERE entry_id = s.id),
		strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), 'untagged', s.state, s.attempt_count,
		(SELECT who FROM change_author), (SELECT why FROM change_author), OLD.tag
	FROM entry_status s WHERE s.id = OLD.entry_id;
END;

CREATE TRIGGER entry_event_kept BEFORE UPDATE ON entry_event
BEGIN
	SELECT RAISE(ABORT, 'what has happened cannot be changed');
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
	reply_plain TEXT, -- what message_body says beside the mail that it quotes; NULL: not looked for yet
	signature TEXT CHECK (signature = 'not verified' OR signature = 'broken'), -- of S/MIME or PGP/MIME: nobody
	                  -- has been asked whose it is; or the content is not what was signed. NULL: not signed
	auto_class TEXT CHECK (auto_class = 'human' OR auto_class = 'auto-generated' OR auto_class = 'auto-replied'
		OR auto_class = 'bounce' OR auto_class = 'list' OR auto_class = 'calendar'), -- who wrote it; NULL:
	                  -- not looked at, as of entries in state bad and of those that older versions loaded
	auto_reason TEXT, -- the field that decided: 'Auto-Submitted: auto-replied'; NULL: none
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

-- Automatic mail; a query says auto_class <> 'human' to have this index.
CREATE INDEX entry_mail_auto_class ON entry_mail (auto_class, entry_id) WHERE auto_class <> 'human';

CREATE TABLE attachment (
	entry_id INTEGER NOT NULL REFERENCES entry_status (id) ON DELETE CASCADE,
	position INTEGER NOT NULL CHECK (position > 0), -- from 1, in the order of the mail
	file_name TEXT NOT NULL CHECK (
		file_name <> '' AND file_name <> '.' AND file_name <> '..' AND instr(file_name, '/') = 0),
	declared_name TEXT,                             -- as the mail has it, unsafe as a file name
	content_type TEXT NOT NULL,
	disposition TEXT,
	content_id TEXT,                                -- as cid: links in the HTML body name it
	size INTEGER NOT NULL CHECK (size >= 0),
	sha256 TEXT NOT NULL REFERENCES content (sha256),
	PRIMARY KEY (entry_id, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX attachment_content ON attachment (sha256);

-- Which mails belong together, within a queue: those that hang on one message id, whether its mail is there or
-- not, by their own, their parent's (In-Reply-To, else the last reference) or their first reference's. Subjects
-- do not count, nor do ids that are malformed, or that more than 100 mails of the queue have. An entry that
-- is alone has no row: the view entry gives it its own id for a thread.
CREATE TABLE entry_thread (
	entry_id INTEGER PRIMARY KEY REFERENCES entry_status (id) ON DELETE CASCADE,
	thread_id INTEGER NOT NULL,                  -- the first entry of the thread, though it may be gone
	parent_id INTEGER                            -- the entry that this one answers; NULL: it is not there
) STRICT;

CREATE INDEX entry_thread_thread ON entry_thread (thread_id, entry_id);

-- The message ids that a mail names, the nearest first.
CREATE TABLE entry_reference (
	entry_id INTEGER NOT NULL REFERENCES entry_status (id) ON DELETE CASCADE,
	position INTEGER NOT NULL CHECK (position >= 0),
	id TEXT NOT NULL,                            -- '<...>'
	joins INTEGER NOT NULL CHECK (joins IN (0, 1)), -- 1: the thread hangs on it
	PRIMARY KEY (entry_id, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX entry_reference_id ON entry_reference (id, entry_id);
CREATE INDEX entry_mail_message_id ON entry_mail (message_id) WHERE message_id IS NOT NULL;

-- What an entry is about, where its queue says how mail tells that (reference of work_queue). The first entry with a
-- reference has no same_as; those that came later have the id of the first, though it may be gone.
CREATE TABLE entry_key (
	entry_id INTEGER PRIMARY KEY REFERENCES entry_status (id) ON DELETE CASCADE,
	queue_id INTEGER NOT NULL,                   -- that of the entry
	reference TEXT NOT NULL CHECK (reference <> '' AND length(CAST(reference AS BLOB)) <= 998),
	same_as INTEGER CHECK (same_as <> entry_id)
) STRICT;

CREATE INDEX entry_key_reference ON entry_key (reference, queue_id, entry_id);
CREATE UNIQUE INDEX entry_key_first ON entry_key (queue_id, reference) WHERE same_as IS NULL;

-- What workers say of an entry: how far they are, and what came of it. A worker writes it with its token, as any
-- program may:
--
--   INSERT INTO entry_result (entry_id, output, output_at)
--   SELECT id, :json, strftime('%Y-%m-%dT%H:%M:%fZ', 'now') FROM entry_status WHERE id = :id AND lease_token = :token
--   ON CONFLICT (entry_id) DO UPDATE SET output = excluded.output, output_at = excluded.output_at
--   RETURNING entry_id;   -- no row: somebody else has the entry by now
--
-- What was said last stays when the entry is tried again; the history has what was said before.
CREATE TABLE entry_result (
	entry_id INTEGER PRIMARY KEY REFERENCES entry_status (id) ON DELETE CASCADE,
	output TEXT CHECK (output <> '' AND length(CAST(output AS BLOB)) <= 1048576), -- JSON of any kind
	output_at TEXT CHECK (output_at IS strftime('%Y-%m-%dT%H:%M:%fZ', output_at)),
	progress TEXT CHECK (progress <> '' AND length(progress) <= 1000),
	progress_at TEXT CHECK (progress_at IS strftime('%Y-%m-%dT%H:%M:%fZ', progress_at)),
	CHECK ((output IS NULL) = (output_at IS NULL)),
	CHECK ((progress IS NULL) = (progress_at IS NULL))
) STRICT;

CREATE TRIGGER entry_result_output AFTER INSERT ON entry_result
WHEN NEW.output IS NOT NULL
BEGIN
	INSERT INTO entry_event (entry_id, number, at, change, state, attempt, who, why, detail)
	SELECT s.id, (SELECT coalesce(max(number), 0) + 1 FROM entry_event WHERE entry_id = s.id),
		NEW.output_at, 'note', s.state, s.attempt_count,
		coalesce((SELECT who FROM change_author), s.lease_owner), length(CAST(NEW.output AS BLOB)) || ' bytes', 'output'
	FROM entry_status s WHERE s.id = NEW.entry_id;
END;

CREATE TRIGGER entry_result_output_again AFTER UPDATE OF output ON entry_result
WHEN NEW.output IS NOT NULL
BEGIN
	INSERT INTO entry_event (entry_id, number, at, change, state, attempt, who, why, detail)
	SELECT s.id, (SELECT coalesce(max(number), 0) + 1 FROM entry_event WHERE entry_id = s.id),
		NEW.output_at, 'note', s.state, s.attempt_count,
		coalesce((SELECT who FROM change_author), s.lease_owner), length(CAST(NEW.output AS BLOB)) || ' bytes', 'output'
	FROM entry_status s WHERE s.id = NEW.entry_id;
END;

CREATE TRIGGER entry_result_progress AFTER INSERT ON entry_result
WHEN NEW.progress IS NOT NULL
BEGIN
	INSERT INTO entry_event (entry_id, number, at, change, state, attempt, who, why, detail)
	SELECT s.id, (SELECT coalesce(max(number), 0) + 1 FROM entry_event WHERE entry_id = s.id),
		NEW.progress_at, 'note', s.state, s.attempt_count,
		coalesce((SELECT who FROM change_author), s.lease_owner), NEW.progress, 'progress'
	FROM entry_status s WHERE s.id = NEW.entry_id;
END;

CREATE TRIGGER entry_result_progress_again AFTER UPDATE OF progress ON entry_result
WHEN NEW.progress IS NOT NULL
BEGIN
	INSERT INTO entry_event (entry_id, number, at, change, state, attempt, who, why, detail)
	SELECT s.id, (SELECT coalesce(max(number), 0) + 1 FROM entry_event WHERE entry_id = s.id),
		NEW.progress_at, 'note', s.state, s.attempt_count,
		coalesce((SELECT who FROM change_author), s.lease_owner), NEW.progress, 'progress'
	FROM entry_status s WHERE s.id = NEW.entry_id;
END;

-- What the calendars of a mail announce: events, tasks, busy times. Times are RFC 3339 in UTC
-- ('2026-01-31T12:00:00Z'), days ('2026-01-31'), or, where the calendar does not say in which zone, local times
-- ('2026-01-31T12:00:00').
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

-- The recipients that a bounce (auto_class) says could not be delivered to.
CREATE TABLE entry_bounce (
	entry_id INTEGER NOT NULL REFERENCES entry_status (id) ON DELETE CASCADE,
	position INTEGER NOT NULL CHECK (position > 0), -- from 1, in the order of the mail
	kind TEXT NOT NULL CHECK (kind IN ('hard', 'soft')), -- soft: it may go well later
	address TEXT,                                   -- NULL where the mail names none
	original_address TEXT,                          -- that the message was sent to, where that is another one
	status TEXT,                                    -- '5.1.1' (RFC 3463)
	diagnostic TEXT,                                -- what the server said
	original_id TEXT,                               -- Message-ID of the message that came back
	PRIMARY KEY (entry_id, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX entry_bounce_address ON entry_bounce (address) WHERE address IS NOT NULL;
CREATE INDEX entry_bounce_original_id ON entry_bounce (original_id) WHERE original_id IS NOT NULL;

-- Which message of which mailbox has become which entry, and how far the server has been told. A message is
-- known by (queue_id, source, uid_validity, uid). Rows stay when the message is gone, and when the entry is.
--
--   awaiting  the entry is in the database, and the message stays unread in the mailbox until the target has
--             answered: acknowledge 'delivery'
--   stored    the entry is in the database, the message still in the mailbox
--   copied    a copy is in the target folder too
--   moved     finished
--   left      finished, but the server could not remove the original: it is flagged \Deleted
--   read      finished: the message stays in the mailbox, marked read
CREATE TABLE pickup (
	queue_id INTEGER NOT NULL REFERENCES work_queue (id) ON DELETE CASCADE,
	source TEXT NOT NULL,           -- account and folder: 'robot@imap.example.com/INBOX'
	uid_validity INTEGER NOT NULL,
	uid INTEGER NOT NULL,
	state TEXT NOT NULL CHECK (
		state = 'stored' OR state = 'moved' OR state = 'copied' OR state = 'left' OR state = 'awaiting'
		OR state = 'read'),
	target TEXT NOT NULL CHECK (target IN ('dropbox', 'badmail')),
	acknowledge TEXT NOT NULL DEFAULT 'load' CHECK (acknowledge IN ('load', 'delivery')),
	target_uid_validity INTEGER,    -- the message in the target folder, where the server said
	target_uid INTEGER,
	entry_id INTEGER NOT NULL,
	raw_sha256 TEXT NOT NULL CHECK (length(raw_sha256) = 64),
	raw_size INTEGER NOT NULL,
	internal_date TEXT NOT NULL,
	record_created TEXT NOT NULL,
	record_updated TEXT NOT NULL,
	uid_next INTEGER,               -- of the mailbox when the run began: what came later has this UID at least
	target_folder INTEGER,          -- the target folder: its number in pickup_folder; NULL: noted before this was kept
	PRIMARY KEY (queue_id, source, uid_validity, uid)
) STRICT, WITHOUT ROWID;

CREATE INDEX pickup_unfinished ON pickup (queue_id, source, uid_validity, uid)
	WHERE state IN ('stored', 'copied');
CREATE INDEX pickup_awaiting ON pickup (queue_id, source, uid_validity, uid) WHERE state = 'awaiting';
-- A mailbox that got a new UIDVALIDITY is recognised by the bytes of its messages. The date comes first because
-- mail arrives in its order: digests alone would scatter a large mailbox over all pages of the index.
CREATE INDEX pickup_match ON pickup (queue_id, internal_date, raw_sha256);
-- The messages that an answer of the target is about.
CREATE INDEX pickup_delivery ON pickup (entry_id) WHERE acknowledge = 'delivery';

-- The target folders of a queue, since it first moved mail there. What lay in one before that is not the queue's own:
-- the messages with UIDs below first_uid, as long as the folder has this UIDVALIDITY.
CREATE TABLE pickup_folder (
	queue_id INTEGER NOT NULL REFERENCES work_queue (id) ON DELETE CASCADE,
	folder TEXT NOT NULL,           -- account, and the folder as the server names it
	uid_validity INTEGER NOT NULL,
	first_uid INTEGER NOT NULL,
	record_created TEXT NOT NULL,
	target TEXT CHECK (target IN ('dropbox', 'badmail')), -- as pickup has it; NULL: noted before this was kept
	number INTEGER,                 -- from 1 in each queue; never that of another folder
	PRIMARY KEY (queue_id, folder)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX pickup_folder_number ON pickup_folder (queue_id, number);

-- Messages of the ledger that are not where it has them, and that nobody misses any more: somebody has accepted it
-- (`inqueue verify NAME --accept-missing`).
CREATE TABLE pickup_gone (
	queue_id INTEGER NOT NULL REFERENCES work_queue (id) ON DELETE CASCADE,
	source TEXT NOT NULL,
	uid_validity INTEGER NOT NULL,
	uid INTEGER NOT NULL,
	accepted_at TEXT NOT NULL,
	accepted_by TEXT NOT NULL,
	PRIMARY KEY (queue_id, source, uid_validity, uid)
) STRICT, WITHOUT ROWID;

-- Messages that a run could not get past. They are loaded one by one, after all others; one that was tried
-- alone three times becomes a bad entry. Where the server sends no other message either, a try does not count.
-- The row goes when the message is picked up.
CREATE TABLE pickup_attempt (
	queue_id INTEGER NOT NULL REFERENCES work_queue (id) ON DELETE CASCADE,
	source TEXT NOT NULL,
	uid_validity INTEGER NOT NULL,
	uid INTEGER NOT NULL,
	tries INTEGER NOT NULL CHECK (tries >= 0), -- alone; 0: it was among several when a run failed
	reason TEXT NOT NULL,                      -- of the last failure
	record_updated TEXT NOT NULL,
	PRIMARY KEY (queue_id, source, uid_validity, uid)
) STRICT, WITHOUT ROWID;

-- What a queue does with mail by itself: each rule, tried in the order of the numbers. `inqueue help rules` says how one
-- is written.
CREATE TABLE queue_rule (
	queue_id INTEGER NOT NULL REFERENCES work_queue (id) ON DELETE CASCADE,
	number INTEGER NOT NULL CHECK (number > 0),
	rule TEXT NOT NULL CHECK (rule <> ''),       -- 'if header :contains "subject" "urgent" { priority 5; }'
	PRIMARY KEY (queue_id, number)
) STRICT, WITHOUT ROWID;

-- The version of a queue's rules, which rises with each change of one of them.
CREATE TABLE queue_rules (
	queue_id INTEGER PRIMARY KEY REFERENCES work_queue (id) ON DELETE CASCADE,
	version INTEGER NOT NULL CHECK (version > 0)
) STRICT;

-- Which rules an entry has met, in their order, and what they did.
CREATE TABLE entry_rule (
	entry_id INTEGER NOT NULL REFERENCES entry_status (id) ON DELETE CASCADE,
	position INTEGER NOT NULL CHECK (position > 0),
	number INTEGER NOT NULL,                     -- of the rule
	version INTEGER NOT NULL,                    -- of the queue's rules
	did TEXT NOT NULL,                           -- 'priority 5; tag "urgent"'
	at TEXT NOT NULL CHECK (at IS strftime('%Y-%m-%dT%H:%M:%fZ', at)),
	PRIMARY KEY (entry_id, position)
) STRICT, WITHOUT ROWID;

-- Mail that has no entry: a rule has skipped it, or its queue has refused it because another entry has its reference.
CREATE TABLE entry_skip (
	queue_id INTEGER NOT NULL REFERENCES work_queue (id) ON DELETE CASCADE,
	entry_id INTEGER NOT NULL,                   -- what the ledger has in place of an entry
	number INTEGER NOT NULL,                     -- of the rule; 0: none, it was refused
	version INTEGER NOT NULL,
	at TEXT NOT NULL CHECK (at IS strftime('%Y-%m-%dT%H:%M:%fZ', at)),
	sender TEXT,
	subject TEXT,
	reference TEXT,                              -- that it was refused for
	same_as INTEGER,                             -- the entry that has it
	PRIMARY KEY (queue_id, entry_id)
) STRICT, WITHOUT ROWID;

-- Mail out of files that was skipped, refused or given to another queue, so that an import does not read it again: of mail
-- out of mailboxes the ledger knows that.
CREATE TABLE import_known (
	queue_id INTEGER NOT NULL REFERENCES work_queue (id) ON DELETE CASCADE,
	raw_sha256 TEXT NOT NULL CHECK (length(raw_sha256) = 64),
	PRIMARY KEY (queue_id, raw_sha256)
) STRICT, WITHOUT ROWID;

-- When mail of an address came, for the test `rate`; only of queues that have a rule with it, and only as far back as
-- it looks.
CREATE TABLE arrival (
	queue_id INTEGER NOT NULL REFERENCES work_queue (id) ON DELETE CASCADE,
	address TEXT NOT NULL,
	at TEXT NOT NULL,
	entry_id INTEGER NOT NULL,
	PRIMARY KEY (queue_id, address, at, entry_id)
) STRICT, WITHOUT ROWID;

-- Tokens by which programs on other machines may ask for work over HTTP (`inqueue serve`). A token itself is not in here:
-- whoever made it has seen it once. It may what the words before its own may, too: read, work, operate, define.
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

CREATE VIEW entry AS
SELECT
	s.id,
	q.name AS queue,
	s.queue_id,
	s.state,
	s.priority,
	s.held,
	(SELECT group_concat(t.tag, ' ') FROM entry_tag t WHERE t.entry_id = s.id) AS tags,
	s.attempt_count,
	s.error_kind,
	s.error_text,
	s.last_attempt_at,
	s.next_attempt_at,
	s.lease_owner,
	s.lease_token,
	s.lease_until,
	s.deadline_at,
	s.risk_at,
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
	m.reply_plain,
	m.message_body_size,
	m.html_body_size,
	m.message_id,
	m.in_reply_to,
	m.thread_references,
	coalesce(t.thread_id, s.id) AS thread_id,
	t.parent_id,
	k.reference,
	k.same_as,
	m.headers,
	m.defects,
	m.signature,
	m.auto_class,
	m.auto_reason,
	m.raw_sha256,
	m.raw_size,
	m.raw_content IS NOT NULL AS raw_kept,
	(SELECT count(*) FROM attachment a WHERE a.entry_id = s.id) AS attachment_count,
	r.output,
	r.output_at,
	r.progress,
	r.progress_at,
	s.record_created,
	s.record_updated
FROM entry_status s
JOIN work_queue q ON q.id = s.queue_id
JOIN entry_mail m ON m.entry_id = s.id
LEFT JOIN entry_thread t ON t.entry_id = s.id
LEFT JOIN entry_key k ON k.entry_id = s.id
LEFT JOIN entry_result r ON r.entry_id = s.id;

-- Threads of more than one mail, the latest first. open: entries that are not finished; subject: that of the first
-- mail that is there.
CREATE VIEW thread AS
SELECT t.thread_id, q.name AS queue, count(*) AS entries,
	sum(s.state = 'new' OR s.state = 'claimed') AS open,
	min(m.date_received) AS first_at, max(m.date_received) AS last_at,
	(SELECT f.subject FROM entry_thread e JOIN entry_mail f ON f.entry_id = e.entry_id
		WHERE e.thread_id = t.thread_id ORDER BY e.entry_id LIMIT 1) AS subject
FROM entry_thread t
JOIN entry_status s ON s.id = t.entry_id
JOIN work_queue q ON q.id = s.queue_id
JOIN entry_mail m ON m.entry_id = t.entry_id
GROUP BY t.thread_id
ORDER BY last_at DESC, t.thread_id DESC;

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

-- Where entries are posted to: a target with a name may be used by several queues, one without belongs to one.
-- Nothing secret is in here: secret, password and header_secrets say where the program gets it from.
CREATE TABLE target (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	name TEXT UNIQUE CHECK (name <> ''),         -- NULL: it belongs to one queue
	url TEXT NOT NULL,                           -- with a user's name, if any, and no password
	format TEXT NOT NULL CHECK (format IN ('multipart', 'json', 'raw')),
	secret TEXT,                                 -- 'file:/path', 'env:NAME', 'command:[...]', ...
	headers TEXT,                                -- 'Name: value', a line each
	header_secrets TEXT,                         -- 'Name: file:/path', a line each
	password TEXT,                               -- as secret
	connect_timeout_ms INTEGER NOT NULL CHECK (connect_timeout_ms > 0),
	timeout_ms INTEGER NOT NULL CHECK (timeout_ms > 0),
	ca_file TEXT,
	crl_file TEXT,                               -- revocation lists
	client_certificate TEXT,
	allow_private INTEGER NOT NULL CHECK (allow_private IN (0, 1)),
	insecure INTEGER NOT NULL DEFAULT 0 CHECK (insecure IN (0, 1)), -- http to other machines, in clear
	redirects TEXT NOT NULL DEFAULT 'any' CHECK (redirects IN ('any', 'same-host', 'none')), -- that are followed
	trust_hosts TEXT,                            -- get the credentials after a redirect, 'HOST[:PORT]', a line each
	concurrency INTEGER NOT NULL CHECK (concurrency > 0),
	stopped TEXT,                                -- why nothing is delivered; NULL: it is
	refused_run INTEGER NOT NULL DEFAULT 0,      -- answers 401, 403, 404, 410 since another one came
	recipient TEXT,                              -- header fields that envelope[to] comes from, 'A,B'; NULL: the
	                                             -- topmost of X-Original-To, Delivered-To, Envelope-To
	proxy TEXT                                   -- 'http://HOST:PORT', 'environment'; NULL: none
) STRICT;

-- The target of a queue. No row: its entries are posted nowhere.
CREATE TABLE queue_target (
	queue_id INTEGER PRIMARY KEY REFERENCES work_queue (id) ON DELETE CASCADE,
	target_id INTEGER NOT NULL REFERENCES target (id),
	acknowledge TEXT NOT NULL CHECK (acknowledge IN ('load', 'delivery')) -- when the mail server is told
) STRICT;

CREATE INDEX queue_target_target ON queue_target (target_id);

-- Each queue with the fields of its target.
CREATE VIEW delivery_target AS
SELECT q.queue_id, t.name AS target, t.url, t.format, t.secret, t.headers, t.header_secrets, t.password,
	t.connect_timeout_ms, t.timeout_ms, t.ca_file, t.crl_file, t.client_certificate, t.allow_private, t.insecure,
	t.redirects, t.trust_hosts, t.concurrency, q.acknowledge, t.stopped, t.refused_run, t.recipient, t.proxy
FROM queue_target q JOIN target t ON t.id = q.target_id;

-- The own target of a queue that has another one now, or none.
CREATE TRIGGER queue_target_replaced AFTER UPDATE OF target_id ON queue_target
WHEN NEW.target_id <> OLD.target_id
BEGIN
	DELETE FROM target WHERE id = OLD.target_id AND name IS NULL;
END;

CREATE TRIGGER queue_target_gone AFTER DELETE ON queue_target
BEGIN
	DELETE FROM target WHERE id = OLD.target_id AND name IS NULL;
END;

CREATE TRIGGER target_deleted BEFORE DELETE ON target
WHEN EXISTS (SELECT 1 FROM queue_target WHERE target_id = OLD.id)
BEGIN
	SELECT RAISE(ABORT, 'queues use this target');
END;

-- An entry that is finished, by whomever, ends the wait of its message: the loader's next look marks it read
-- and moves it. After the last attempt it goes to the bad-mail folder.
CREATE TRIGGER pickup_answered AFTER UPDATE OF state ON entry_status
WHEN NEW.state IN ('done', 'failed') AND OLD.state NOT IN ('done', 'failed')
BEGIN
	UPDATE pickup SET state = 'stored', record_updated = NEW.record_updated,
		target = CASE WHEN NEW.state = 'failed' AND NEW.error_kind = 'application' THEN 'badmail'
			ELSE 'dropbox' END
	WHERE entry_id = NEW.id AND acknowledge = 'delivery' AND state = 'awaiting';
END;

-- An entry that is to be delivered again makes its message wait again, where that is still in the mailbox.
CREATE TRIGGER pickup_asked_again AFTER UPDATE OF state ON entry_status
WHEN NEW.state = 'new' AND OLD.state IN ('done', 'failed')
	AND EXISTS (SELECT 1 FROM queue_target t WHERE t.queue_id = NEW.queue_id AND t.acknowledge = 'delivery')
BEGIN
	UPDATE pickup SET state = 'awaiting', target = 'dropbox', record_updated = NEW.record_updated
	WHERE entry_id = NEW.id AND acknowledge = 'delivery' AND state IN ('stored', 'read');
END;

-- Nothing waits for a target that is not asked for it.
CREATE TRIGGER pickup_released AFTER UPDATE OF acknowledge ON queue_target
WHEN NEW.acknowledge = 'load' AND OLD.acknowledge = 'delivery'
BEGIN
	UPDATE pickup SET state = 'stored' WHERE queue_id = NEW.queue_id AND state = 'awaiting';
END;

CREATE TRIGGER pickup_target_dropped AFTER DELETE ON queue_target
WHEN OLD.acknowledge = 'delivery'
BEGIN
	UPDATE pickup SET state = 'stored' WHERE queue_id = OLD.queue_id AND state = 'awaiting';
END;

-- Every attempt to deliver an entry. A row is written once, together with what became of the entry.
--
--   delivered    the target answered 2xx; the entry is done
--   rejected     it answered 4xx: the entry has failed for good
--   retry        it answered 5xx, 408, 425 or 429
--   unreachable  there was no answer, or none that means anything; why stands in error
CREATE TABLE delivery (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	entry_id INTEGER NOT NULL REFERENCES entry_status (id) ON DELETE CASCADE,
	attempt INTEGER NOT NULL,                    -- attempt_count of the entry
	at TEXT NOT NULL CHECK (at IS strftime('%Y-%m-%dT%H:%M:%fZ', at)), -- when it ended
	outcome TEXT NOT NULL CHECK (
		outcome = 'delivered' OR outcome = 'rejected' OR outcome = 'retry' OR outcome = 'unreachable'),
	status INTEGER,                              -- of the last answer; NULL: there was none
	duration_ms INTEGER NOT NULL,
	answer TEXT,                                 -- the beginning of its body, as text
	error TEXT
) STRICT;

CREATE INDEX delivery_entry ON delivery (entry_id, id);

-- Foreign keys are off in a new connection, and then a row could go without those that belong to it. With foreign
-- keys on these have gone with it by the time such a trigger looks for them.
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

CREATE TRIGGER entry_status_deleted AFTER DELETE ON entry_status
WHEN EXISTS (SELECT 1 FROM entry_mail WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM entry_event WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM attachment WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM entry_tag WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM delivery WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM entry_calendar WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM entry_rule WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM entry_bounce WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM entry_thread WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM entry_reference WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM entry_result WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM entry_key WHERE entry_id = OLD.id)
BEGIN
	SELECT RAISE(ABORT, 'say PRAGMA foreign_keys = ON first, so that all that belongs to the entry goes with it');
END;

CREATE TRIGGER content_deleted AFTER DELETE ON content
WHEN EXISTS (SELECT 1 FROM attachment WHERE sha256 = OLD.sha256)
	OR EXISTS (SELECT 1 FROM entry_mail WHERE raw_content = OLD.sha256)
	OR EXISTS (SELECT 1 FROM entry_mail WHERE message_body_content = OLD.sha256)
	OR EXISTS (SELECT 1 FROM entry_mail WHERE html_body_content = OLD.sha256)
BEGIN
	SELECT RAISE(ABORT, 'an entry uses this content: delete entries, and `inqueue purge` deletes what none uses');
END;

-- The view entry shows no entry without its mail, and workers would get it all the same.
CREATE TRIGGER entry_mail_deleted AFTER DELETE ON entry_mail
WHEN EXISTS (SELECT 1 FROM entry_status WHERE id = OLD.entry_id)
BEGIN
	SELECT RAISE(ABORT, 'an entry goes as a whole: PRAGMA foreign_keys = ON, then DELETE FROM entry_status');
END;

-- What rows of other tables point to stays what it is.
CREATE TRIGGER work_queue_kept BEFORE UPDATE OF id ON work_queue WHEN NEW.id <> OLD.id
BEGIN
	SELECT RAISE(ABORT, 'the id of a queue cannot be changed');
END;

CREATE TRIGGER entry_status_kept BEFORE UPDATE OF id ON entry_status WHEN NEW.id <> OLD.id
BEGIN
	SELECT RAISE(ABORT, 'the id of an entry cannot be changed');
END;

CREATE TRIGGER content_kept BEFORE UPDATE OF id, sha256 ON content
WHEN NEW.id <> OLD.id OR NEW.sha256 <> OLD.sha256
BEGIN
	SELECT RAISE(ABORT, 'the id and the digest of a content cannot be changed');
END;

CREATE TRIGGER entry_status_moved BEFORE UPDATE OF queue_id ON entry_status
WHEN NOT EXISTS (SELECT 1 FROM work_queue WHERE id = NEW.queue_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no queue with this queue_id');
END;

CREATE TRIGGER entry_tag_allowed BEFORE INSERT ON entry_tag
WHEN NOT EXISTS (SELECT 1 FROM entry_status WHERE id = NEW.entry_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no entry with this entry_id');
END;

CREATE TRIGGER entry_calendar_allowed BEFORE INSERT ON entry_calendar
WHEN NOT EXISTS (SELECT 1 FROM entry_status WHERE id = NEW.entry_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no entry with this entry_id');
END;

CREATE TRIGGER entry_result_allowed BEFORE INSERT ON entry_result
WHEN NOT EXISTS (SELECT 1 FROM entry_status WHERE id = NEW.entry_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no entry with this entry_id');
END;

CREATE TRIGGER entry_bounce_allowed BEFORE INSERT ON entry_bounce
WHEN NOT EXISTS (SELECT 1 FROM entry_status WHERE id = NEW.entry_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no entry with this entry_id');
END;

CREATE TRIGGER attachment_altered BEFORE UPDATE OF entry_id, sha256 ON attachment
WHEN NOT EXISTS (SELECT 1 FROM entry_status WHERE id = NEW.entry_id)
	OR NOT EXISTS (SELECT 1 FROM content WHERE sha256 = NEW.sha256)
BEGIN
	SELECT RAISE(ABORT, 'an attachment has an entry, and its bytes in content: put these in first');
END;

-- REPLACE deletes the row that is there, and a trigger on DELETE does not run. The tables that a load or a claim writes
-- (entry_status, entry_mail, entry_thread, entry_reference, content, attachment, pickup, entry_event) have no such trigger on INSERT: SQLite would keep
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

CREATE TRIGGER entry_bounce_moved BEFORE UPDATE OF entry_id ON entry_bounce
WHEN NOT EXISTS (SELECT 1 FROM entry_status WHERE id = NEW.entry_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no entry with this entry_id');
END;

CREATE TRIGGER entry_result_moved BEFORE UPDATE OF entry_id ON entry_result
WHEN NOT EXISTS (SELECT 1 FROM entry_status WHERE id = NEW.entry_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no entry with this entry_id');
END;

CREATE TRIGGER entry_thread_moved BEFORE UPDATE OF entry_id ON entry_thread
WHEN NOT EXISTS (SELECT 1 FROM entry_status WHERE id = NEW.entry_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no entry with this entry_id');
END;

CREATE TRIGGER entry_reference_moved BEFORE UPDATE OF entry_id ON entry_reference
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

CREATE TRIGGER queue_target_allowed BEFORE INSERT ON queue_target
WHEN NOT EXISTS (SELECT 1 FROM work_queue WHERE id = NEW.queue_id)
	OR NOT EXISTS (SELECT 1 FROM target WHERE id = NEW.target_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no queue with this queue_id, or no target with this target_id');
END;

CREATE TRIGGER queue_target_moved BEFORE UPDATE OF queue_id, target_id ON queue_target
WHEN NOT EXISTS (SELECT 1 FROM work_queue WHERE id = NEW.queue_id)
	OR NOT EXISTS (SELECT 1 FROM target WHERE id = NEW.target_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no queue with this queue_id, or no target with this target_id');
END;

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

CREATE TRIGGER queue_rule_allowed BEFORE INSERT ON queue_rule
WHEN NOT EXISTS (SELECT 1 FROM work_queue WHERE id = NEW.queue_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no queue with this queue_id');
END;

CREATE TRIGGER queue_rule_moved BEFORE UPDATE OF queue_id ON queue_rule
WHEN NOT EXISTS (SELECT 1 FROM work_queue WHERE id = NEW.queue_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no queue with this queue_id');
END;

CREATE TRIGGER queue_rules_allowed BEFORE INSERT ON queue_rules
WHEN NOT EXISTS (SELECT 1 FROM work_queue WHERE id = NEW.queue_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no queue with this queue_id');
END;

CREATE TRIGGER queue_rules_moved BEFORE UPDATE OF queue_id ON queue_rules
WHEN NOT EXISTS (SELECT 1 FROM work_queue WHERE id = NEW.queue_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no queue with this queue_id');
END;

CREATE TRIGGER queue_rule_added AFTER INSERT ON queue_rule
BEGIN
	INSERT INTO queue_rules (queue_id, version) VALUES (NEW.queue_id, 1)
	ON CONFLICT (queue_id) DO UPDATE SET version = version + 1;
END;

CREATE TRIGGER queue_rule_altered AFTER UPDATE ON queue_rule
BEGIN
	INSERT INTO queue_rules (queue_id, version) VALUES (NEW.queue_id, 1)
	ON CONFLICT (queue_id) DO UPDATE SET version = version + 1;
END;

-- Nothing where the rules go with their queue.
CREATE TRIGGER queue_rule_removed AFTER DELETE ON queue_rule
WHEN EXISTS (SELECT 1 FROM work_queue WHERE id = OLD.queue_id)
BEGIN
	INSERT INTO queue_rules (queue_id, version) VALUES (OLD.queue_id, 1)
	ON CONFLICT (queue_id) DO UPDATE SET version = version + 1;
END;

CREATE TRIGGER entry_rule_allowed BEFORE INSERT ON entry_rule
WHEN NOT EXISTS (SELECT 1 FROM entry_status WHERE id = NEW.entry_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no entry with this entry_id');
END;

CREATE TRIGGER entry_rule_moved BEFORE UPDATE OF entry_id ON entry_rule
WHEN NOT EXISTS (SELECT 1 FROM entry_status WHERE id = NEW.entry_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no entry with this entry_id');
END;

CREATE TRIGGER entry_key_allowed BEFORE INSERT ON entry_key
WHEN NOT EXISTS (SELECT 1 FROM entry_status WHERE id = NEW.entry_id AND queue_id = NEW.queue_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no entry with this entry_id in the queue with this queue_id');
END;

CREATE TRIGGER entry_key_moved BEFORE UPDATE OF entry_id, queue_id ON entry_key
WHEN NOT EXISTS (SELECT 1 FROM entry_status WHERE id = NEW.entry_id AND queue_id = NEW.queue_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no entry with this entry_id in the queue with this queue_id');
END;

CREATE TRIGGER entry_skip_allowed BEFORE INSERT ON entry_skip
WHEN NOT EXISTS (SELECT 1 FROM work_queue WHERE id = NEW.queue_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no queue with this queue_id');
END;

CREATE TRIGGER entry_skip_moved BEFORE UPDATE OF queue_id ON entry_skip
WHEN NOT EXISTS (SELECT 1 FROM work_queue WHERE id = NEW.queue_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no queue with this queue_id');
END;

CREATE TRIGGER arrival_allowed BEFORE INSERT ON arrival
WHEN NOT EXISTS (SELECT 1 FROM work_queue WHERE id = NEW.queue_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no queue with this queue_id');
END;

CREATE TRIGGER arrival_moved BEFORE UPDATE OF queue_id ON arrival
WHEN NOT EXISTS (SELECT 1 FROM work_queue WHERE id = NEW.queue_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no queue with this queue_id');
END;

CREATE TRIGGER import_known_allowed BEFORE INSERT ON import_known
WHEN NOT EXISTS (SELECT 1 FROM work_queue WHERE id = NEW.queue_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no queue with this queue_id');
END;

CREATE TRIGGER import_known_moved BEFORE UPDATE OF queue_id ON import_known
WHEN NOT EXISTS (SELECT 1 FROM work_queue WHERE id = NEW.queue_id)
BEGIN
	SELECT RAISE(ABORT, 'there is no queue with this queue_id');
END;

-- Entries, each by the outcome of its last attempt.
CREATE VIEW delivery_overview AS
SELECT q.id, q.name, t.stopped,
	coalesce(sum(d.outcome = 'delivered'), 0) AS delivered,
	coalesce(sum(d.outcome = 'rejected'), 0) AS rejected,
	coalesce(sum(d.outcome = 'retry'), 0) AS retry,
	coalesce(sum(d.outcome = 'unreachable'), 0) AS unreachable,
	max(d.at) AS last_at
FROM work_queue q JOIN delivery_target t ON t.queue_id = q.id
LEFT JOIN entry_status s ON s.queue_id = q.id
LEFT JOIN delivery d ON d.id = (SELECT max(l.id) FROM delivery l WHERE l.entry_id = s.id)
GROUP BY q.id;

-- unfinished_pickups: messages stored here that still have to be moved on the server.
-- oldest_waiting: since when the oldest entry in state new has been in the queue.
-- expired: claimed entries whose lease has ended, to be had by the next worker; claimed: the others.
CREATE VIEW queue_overview AS
SELECT
	q.id,
	q.name,
	q.paused,
	q.last_message,
	q.last_action,
	q.not_collected,
	(SELECT count(*) FROM entry_status s WHERE s.queue_id = q.id AND s.state = 'new') AS new,
	(SELECT count(*) FROM entry_status s WHERE s.queue_id = q.id AND s.state = 'claimed'
		AND s.lease_until > strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) AS claimed,
	(SELECT count(*) FROM entry_status s WHERE s.queue_id = q.id AND s.state = 'claimed'
		AND s.lease_until <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) AS expired,
	(SELECT count(*) FROM entry_status s WHERE s.queue_id = q.id AND s.state = 'done') AS done,
	(SELECT count(*) FROM entry_status s WHERE s.queue_id = q.id AND s.state = 'failed') AS failed,
	(SELECT count(*) FROM entry_status s WHERE s.queue_id = q.id AND s.state = 'bad') AS bad,
	(SELECT count(*) FROM pickup p INDEXED BY pickup_unfinished
		WHERE p.queue_id = q.id AND p.state IN ('stored', 'copied')) AS unfinished_pickups,
	(SELECT s.record_created FROM entry_status s WHERE s.queue_id = q.id AND s.state = 'new'
		ORDER BY s.id LIMIT 1) AS oldest_waiting
FROM work_queue q;

-- A row per queue: the entry that the next claim is to take, NULL when there is none. An entry whose lease
-- has ended stands among the others. Looked up level by level of priority, so that entries that are not due
-- yet cost nothing. `inqueue claim` has a statement of its own for the same choice (entry_claim.c): it goes by
-- filters and by a time that it passes, and a view takes no parameters. e2e.claim_model compares the two.
CREATE VIEW next_entry AS
SELECT q.id AS queue_id, q.name AS queue, (
	WITH RECURSIVE
	clock (now, by_deadline) AS (SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), q.claim_order = 'deadline'),
	level (priority) AS (
		SELECT (SELECT s.priority FROM entry_status s
			WHERE s.queue_id = q.id AND s.state = 'new' AND s.held = 0
			ORDER BY s.priority DESC LIMIT 1)
		UNION ALL
		SELECT (SELECT s.priority FROM entry_status s
			WHERE s.queue_id = q.id AND s.state = 'new' AND s.held = 0
				AND s.priority < level.priority
			ORDER BY s.priority DESC LIMIT 1)
		FROM level WHERE level.priority IS NOT NULL),
	candidate (id) AS (
		SELECT * FROM (
			SELECT coalesce((SELECT s.id FROM entry_status s INDEXED BY entry_status_claim_deadline
				WHERE s.queue_id = q.id AND s.state = 'new' AND s.held = 0
					AND s.priority = level.priority
					AND coalesce(s.next_attempt_at, '') <= clock.now
					AND s.deadline_at IS NOT NULL AND clock.by_deadline
				ORDER BY s.deadline_at, coalesce(s.next_attempt_at, ''), s.id LIMIT 1),
				(SELECT s.id FROM entry_status s
				WHERE s.queue_id = q.id AND s.state = 'new' AND s.held = 0
					AND s.priority = level.priority
					AND coalesce(s.next_attempt_at, '') <= clock.now
				ORDER BY coalesce(s.next_attempt_at, ''), s.id LIMIT 1)) AS first
			FROM level, clock WHERE level.priority IS NOT NULL AND first IS NOT NULL LIMIT 1)
		UNION ALL
		SELECT s.id FROM clock CROSS JOIN entry_status s
		WHERE s.queue_id = q.id AND s.state = 'claimed' AND s.lease_until <= clock.now
			AND s.held = 0 AND s.attempt_count < q.max_attempts
			AND coalesce(s.next_attempt_at, '') <= clock.now)
	SELECT s.id FROM candidate JOIN entry_status s ON s.id = candidate.id CROSS JOIN clock
	ORDER BY s.priority DESC, CASE WHEN clock.by_deadline THEN coalesce(s.deadline_at, '~') END,
		coalesce(s.next_attempt_at, ''), s.id LIMIT 1) AS id
FROM work_queue q;

-- What workers can have now, in the order in which they get it. waiting_since: when it became due.
CREATE VIEW waiting AS
SELECT e.id, e.queue, e.priority, e.sender, e.subject, e.tags, e.attempt_count,
	max(e.record_created, coalesce(e.next_attempt_at, '')) AS waiting_since
FROM entry e
WHERE e.held = 0 AND (
	(e.state = 'new' AND coalesce(e.next_attempt_at, '') <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
	OR (e.state = 'claimed' AND e.lease_until <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now')))
ORDER BY e.queue, e.priority DESC,
	CASE (SELECT claim_order FROM work_queue WHERE id = e.queue_id)
		WHEN 'deadline' THEN coalesce(e.deadline_at, '~') END,
	coalesce(e.next_attempt_at, ''), e.id;

-- What workers have. seconds_left: of the lease; negative: it has ended, the next worker may have it.
CREATE VIEW working AS
SELECT e.id, e.queue, e.lease_owner AS worker, e.last_attempt_at AS since, e.lease_until,
	CAST(round((julianday(e.lease_until) - julianday('now')) * 86400) AS INTEGER) AS seconds_left,
	e.attempt_count, e.sender, e.subject
FROM entry e
WHERE e.state = 'claimed'
ORDER BY e.lease_until, e.id;

-- What should be finished by now and is not, the oldest first. worker: who has it.
CREATE VIEW overdue AS
SELECT e.id, e.queue, e.state, e.deadline_at,
	CAST(round((julianday('now') - julianday(e.deadline_at)) * 86400) AS INTEGER) AS seconds_over,
	e.lease_owner AS worker, e.sender, e.subject
FROM entry e
WHERE (e.state = 'new' OR e.state = 'claimed') AND e.deadline_at <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
ORDER BY e.deadline_at, e.id;

-- What somebody should look after, and is not overdue yet.
CREATE VIEW at_risk AS
SELECT e.id, e.queue, e.state, e.risk_at, e.deadline_at, e.lease_owner AS worker, e.sender, e.subject
FROM entry e
WHERE (e.state = 'new' OR e.state = 'claimed') AND e.risk_at <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
	AND (e.deadline_at IS NULL OR e.deadline_at > strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
ORDER BY e.risk_at, e.id;

-- What has failed, newest first. final: 0 where it will be tried again at next_attempt_at.
CREATE VIEW failure AS
SELECT e.id, e.queue, e.error_kind, e.error_text, e.attempt_count, e.last_attempt_at AS failed_at,
	e.state = 'failed' AS final, CASE WHEN e.state = 'new' THEN e.next_attempt_at END AS next_attempt_at,
	e.sender, e.subject
FROM entry e
WHERE e.state = 'failed' OR (e.state = 'new' AND e.error_kind IS NOT NULL)
ORDER BY e.last_attempt_at DESC, e.id DESC;

-- number 0: the entry was loaded.
CREATE VIEW history AS
SELECT s.id AS entry_id, q.name AS queue, 0 AS number, s.record_created AS at, 'loaded' AS change,
	NULL AS who, NULL AS why, NULL AS detail, NULL AS state, 0 AS attempt, NULL AS duration_ms
FROM entry_status s JOIN work_queue q ON q.id = s.queue_id
UNION ALL
SELECT r.entry_id, q.name, 0, r.at, 'rule', 'rule ' || r.number, 'version ' || r.version, r.did, NULL, 0, NULL
FROM entry_rule r JOIN entry_status s ON s.id = r.entry_id JOIN work_queue q ON q.id = s.queue_id
UNION ALL
SELECT e.entry_id, q.name, e.number, e.at, e.change, e.who, e.why, e.detail, e.state, e.attempt,
	e.duration_ms
FROM entry_event e JOIN entry_status s ON s.id = e.entry_id JOIN work_queue q ON q.id = s.queue_id;

-- Times in milliseconds. has: how many entries the worker has now.
CREATE VIEW worker_overview AS
SELECT q.name AS queue, e.who AS worker,
	(SELECT count(*) FROM entry_status c WHERE c.queue_id = q.id AND c.state = 'claimed'
		AND c.lease_owner = e.who) AS has,
	sum(e.change = 'completed') AS completed,
	sum(e.change = 'failed') AS failed,
	sum(e.change = 'expired') AS expired,
	CAST(avg(CASE WHEN e.change = 'completed' THEN e.duration_ms END) AS INTEGER) AS average_ms,
	max(e.at) AS last_seen
FROM entry_event e JOIN entry_status s ON s.id = e.entry_id JOIN work_queue q ON q.id = s.queue_id
WHERE e.change IN ('claimed', 'extended', 'completed', 'failed', 'expired')
	OR (e.change = 'released' AND e.detail IS NULL)
GROUP BY q.id, e.who
ORDER BY q.name, e.who;

-- Days are UTC.
CREATE VIEW day_overview AS
SELECT queue, substr(at, 1, 10) AS day,
	sum(change = 'loaded') AS loaded,
	sum(change = 'completed') AS completed,
	sum(change = 'failed' AND state = 'failed') AS failed,
	sum(change = 'failed' AND state = 'new') AS to_be_tried_again,
	sum(change = 'expired') AS expired
FROM history
GROUP BY queue, day
ORDER BY queue, day;
