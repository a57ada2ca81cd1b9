-- Rules of queues, what they did to entries, and mail that they skipped.

CREATE TABLE queue_rule (
	queue_id INTEGER NOT NULL REFERENCES work_queue (id) ON DELETE CASCADE,
	number INTEGER NOT NULL CHECK (number > 0),
	rule TEXT NOT NULL CHECK (rule <> ''),       -- 'if header :contains "subject" "urgent" { priority 5; }'
	PRIMARY KEY (queue_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE queue_rules (
	queue_id INTEGER PRIMARY KEY REFERENCES work_queue (id) ON DELETE CASCADE,
	version INTEGER NOT NULL CHECK (version > 0)
) STRICT;

CREATE TABLE entry_rule (
	entry_id INTEGER NOT NULL REFERENCES entry_status (id) ON DELETE CASCADE,
	position INTEGER NOT NULL CHECK (position > 0),
	number INTEGER NOT NULL,                     -- of the rule
	version INTEGER NOT NULL,                    -- of the queue's rules
	did TEXT NOT NULL,                           -- 'priority 5; tag "urgent"'
	at TEXT NOT NULL CHECK (at IS strftime('%Y-%m-%dT%H:%M:%fZ', at)),
	PRIMARY KEY (entry_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE entry_skip (
	queue_id INTEGER NOT NULL REFERENCES work_queue (id) ON DELETE CASCADE,
	entry_id INTEGER NOT NULL,                   -- what the ledger has in place of an entry
	number INTEGER NOT NULL,                     -- of the rule
	version INTEGER NOT NULL,
	at TEXT NOT NULL CHECK (at IS strftime('%Y-%m-%dT%H:%M:%fZ', at)),
	sender TEXT,
	subject TEXT,
	PRIMARY KEY (queue_id, entry_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE import_known (
	queue_id INTEGER NOT NULL REFERENCES work_queue (id) ON DELETE CASCADE,
	raw_sha256 TEXT NOT NULL CHECK (length(raw_sha256) = 64),
	PRIMARY KEY (queue_id, raw_sha256)
) STRICT, WITHOUT ROWID;

CREATE TABLE arrival (
	queue_id INTEGER NOT NULL REFERENCES work_queue (id) ON DELETE CASCADE,
	address TEXT NOT NULL,
	at TEXT NOT NULL,
	entry_id INTEGER NOT NULL,
	PRIMARY KEY (queue_id, address, at, entry_id)
) STRICT, WITHOUT ROWID;

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
	OR EXISTS (SELECT 1 FROM queue_rule WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM queue_rules WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM entry_skip WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM import_known WHERE queue_id = OLD.id)
	OR EXISTS (SELECT 1 FROM arrival WHERE queue_id = OLD.id)
BEGIN
	SELECT RAISE(ABORT, 'say PRAGMA foreign_keys = ON first, so that all that belongs to the queue goes with it');
END;

DROP TRIGGER entry_status_deleted;
CREATE TRIGGER entry_status_deleted AFTER DELETE ON entry_status
WHEN EXISTS (SELECT 1 FROM entry_mail WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM entry_event WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM attachment WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM entry_tag WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM delivery WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM entry_calendar WHERE entry_id = OLD.id)
	OR EXISTS (SELECT 1 FROM entry_rule WHERE entry_id = OLD.id)
BEGIN
	SELECT RAISE(ABORT, 'say PRAGMA foreign_keys = ON first, so that all that belongs to the entry goes with it');
END;

DROP VIEW history;
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
