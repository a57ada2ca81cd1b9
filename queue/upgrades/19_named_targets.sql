-- Targets with a name, which several queues use. The target that a queue has stays its own.

DROP VIEW delivery_overview;
DROP TRIGGER pickup_asked_again;

CREATE TABLE target (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	name TEXT UNIQUE CHECK (name <> ''),
	url TEXT NOT NULL,
	format TEXT NOT NULL CHECK (format IN ('multipart', 'json', 'raw')),
	secret TEXT,
	headers TEXT,
	header_secrets TEXT,
	password TEXT,
	connect_timeout_ms INTEGER NOT NULL CHECK (connect_timeout_ms > 0),
	timeout_ms INTEGER NOT NULL CHECK (timeout_ms > 0),
	ca_file TEXT,
	crl_file TEXT,
	client_certificate TEXT,
	allow_private INTEGER NOT NULL CHECK (allow_private IN (0, 1)),
	insecure INTEGER NOT NULL DEFAULT 0 CHECK (insecure IN (0, 1)),
	redirects TEXT NOT NULL DEFAULT 'any' CHECK (redirects IN ('any', 'same-host', 'none')),
	trust_hosts TEXT,
	concurrency INTEGER NOT NULL CHECK (concurrency > 0),
	stopped TEXT,
	refused_run INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE queue_target (
	queue_id INTEGER PRIMARY KEY REFERENCES work_queue (id) ON DELETE CASCADE,
	target_id INTEGER NOT NULL REFERENCES target (id),
	acknowledge TEXT NOT NULL CHECK (acknowledge IN ('load', 'delivery'))
) STRICT;

CREATE INDEX queue_target_target ON queue_target (target_id);

INSERT INTO target (id, url, format, secret, headers, header_secrets, password, connect_timeout_ms, timeout_ms, ca_file, crl_file,
	client_certificate, allow_private, insecure, redirects, trust_hosts, concurrency, stopped, refused_run)
SELECT (SELECT count(*) FROM delivery_target o WHERE o.queue_id <= d.queue_id), url, format, secret, headers, header_secrets, password, connect_timeout_ms, timeout_ms, ca_file, crl_file,
	client_certificate, allow_private, insecure, redirects, trust_hosts, concurrency, stopped, refused_run
FROM delivery_target d ORDER BY queue_id;
INSERT INTO queue_target (queue_id, target_id, acknowledge)
SELECT queue_id, (SELECT count(*) FROM delivery_target o WHERE o.queue_id <= d.queue_id), acknowledge
FROM delivery_target d;
DROP TABLE delivery_target;

CREATE VIEW delivery_target AS
SELECT q.queue_id, t.name AS target, t.url, t.format, t.secret, t.headers, t.header_secrets, t.password,
	t.connect_timeout_ms, t.timeout_ms, t.ca_file, t.crl_file, t.client_certificate, t.allow_private, t.insecure,
	t.redirects, t.trust_hosts, t.concurrency, q.acknowledge, t.stopped, t.refused_run
FROM queue_target q JOIN target t ON t.id = q.target_id;

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

CREATE TRIGGER pickup_asked_again AFTER UPDATE OF state ON entry_status
WHEN NEW.state = 'new' AND OLD.state IN ('done', 'failed')
	AND EXISTS (SELECT 1 FROM queue_target t WHERE t.queue_id = NEW.queue_id AND t.acknowledge = 'delivery')
BEGIN
	UPDATE pickup SET state = 'awaiting', target = 'dropbox', record_updated = NEW.record_updated
	WHERE entry_id = NEW.id AND acknowledge = 'delivery' AND state IN ('stored', 'read');
END;

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
BEGIN
	SELECT RAISE(ABORT, 'say PRAGMA foreign_keys = ON first, so that all that belongs to the queue goes with it');
END;

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
