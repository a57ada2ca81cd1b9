#include "queue/work_queue_target.h"

#include "queue/store_private.h"

static int drop(struct store *store, int64_t queue_id, struct error *err)
{
	scoped_statement *statement =
	    engine_prepare(store->engine, "DELETE FROM delivery_target WHERE queue_id = ?");
	statement_bind_int(statement, 1, queue_id);
	return statement_step(statement, err);
}

int work_queue_target_put(struct store *store, int64_t queue_id,
			  const struct work_queue_target *target, struct error *err)
{
	if (target->url == NULL)
		return drop(store, queue_id, err);
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "INSERT INTO delivery_target (queue_id, url, format, secret, headers,"
	    " connect_timeout_ms, timeout_ms, ca_file, client_certificate, allow_private,"
	    " concurrency, stopped, acknowledge,"
	    " header_secrets, password)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"
	    " ON CONFLICT (queue_id) DO UPDATE SET url = ?2, format = ?3, secret = ?4,"
	    " headers = ?5, connect_timeout_ms = ?6, timeout_ms = ?7, ca_file = ?8,"
	    " client_certificate = ?9, allow_private = ?10, concurrency = ?11, stopped = ?12,"
	    " acknowledge = ?13, header_secrets = ?14, password = ?15,"
	    " refused_run = CASE WHEN ?12 IS NULL THEN 0 ELSE refused_run END");
	statement_bind_int(statement, 1, queue_id);
	statement_bind_text(statement, 2, target->url);
	statement_bind_text(statement, 3, target->format);
	statement_bind_text(statement, 4, target->secret);
	statement_bind_text(statement, 5, target->headers);
	statement_bind_int(statement, 6, target->connect_timeout_ms);
	statement_bind_int(statement, 7, target->timeout_ms);
	statement_bind_text(statement, 8, target->ca_file);
	statement_bind_text(statement, 9, target->client_certificate);
	statement_bind_int(statement, 10, target->allow_private);
	statement_bind_int(statement, 11, target->concurrency);
	statement_bind_text(statement, 12, target->stopped);
	statement_bind_text(statement, 13, target->on_delivery ? "delivery" : "load");
	statement_bind_text(statement, 14, target->header_secrets);
	statement_bind_text(statement, 15, target->password);
	return statement_step(statement, err);
}

int work_queue_target_read(struct store *store, int64_t queue_id, struct work_queue_target *target,
			   struct error *err)
{
	scoped_statement *row = engine_prepare(
	    store->engine, "SELECT url, format, secret, headers, connect_timeout_ms, timeout_ms,"
			   " ca_file, client_certificate, allow_private, concurrency, stopped,"
			   " acknowledge = 'delivery', header_secrets, password FROM "
			   "delivery_target WHERE queue_id = ?");
	statement_bind_int(row, 1, queue_id);
	const int result = statement_step(row, err);
	if (result != 1)
		return result;
	target->url = g_strdup(statement_text(row, 0));
	target->format = g_strdup(statement_text(row, 1));
	target->secret = g_strdup(statement_text(row, 2));
	target->headers = g_strdup(statement_text(row, 3));
	target->connect_timeout_ms = statement_int(row, 4);
	target->timeout_ms = statement_int(row, 5);
	target->ca_file = g_strdup(statement_text(row, 6));
	target->client_certificate = g_strdup(statement_text(row, 7));
	target->allow_private = statement_int(row, 8) != 0;
	target->concurrency = (int32_t)statement_int(row, 9);
	target->stopped = g_strdup(statement_text(row, 10));
	target->on_delivery = statement_int(row, 11) != 0;
	target->header_secrets = g_strdup(statement_text(row, 12));
	target->password = g_strdup(statement_text(row, 13));
	return 0;
}

void work_queue_target_clear(struct work_queue_target *target)
{
	g_free(target->url);
	g_free(target->format);
	g_free(target->secret);
	g_free(target->headers);
	g_free(target->header_secrets);
	g_free(target->password);
	g_free(target->ca_file);
	g_free(target->client_certificate);
	g_free(target->stopped);
}
