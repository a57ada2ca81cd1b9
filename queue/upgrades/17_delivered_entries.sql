-- What is delivered is counted by entries, not by attempts.

DROP VIEW delivery_overview;
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
