-- Through which HTTP proxy a target is reached.

ALTER TABLE target ADD COLUMN proxy TEXT;

DROP VIEW delivery_target;
CREATE VIEW delivery_target AS
SELECT q.queue_id, t.name AS target, t.url, t.format, t.secret, t.headers, t.header_secrets, t.password,
	t.connect_timeout_ms, t.timeout_ms, t.ca_file, t.crl_file, t.client_certificate, t.allow_private, t.insecure,
	t.redirects, t.trust_hosts, t.concurrency, q.acknowledge, t.stopped, t.refused_run, t.recipient, t.proxy
FROM queue_target q JOIN target t ON t.id = q.target_id;
