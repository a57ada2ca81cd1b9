/* Stores and reads targets. Each is a row of `target`; `queue_target` says which one a queue has. A
 * trigger deletes the own target of a queue that has another one, or is gone. */
#include "queue/work_queue_target.h"

#include "queue/store_internal.h"
#include "queue/work_queue_internal.h"

#include <glib.h>
#include <string.h>

/* In the order of target_from_row(). */
#define COLUMNS                                                                                    \
	"t.name, t.url, t.format, t.secret, t.headers, t.connect_timeout_ms, t.timeout_ms,"        \
	" t.ca_file, t.client_certificate, t.allow_private, t.concurrency, t.stopped,"             \
	" t.header_secrets, t.password, t.insecure, t.crl_file, t.redirects, t.trust_hosts,"       \
	" t.recipient, t.proxy"

static void target_from_row(const struct statement *row, struct work_queue_target *ret_target)
{
	*ret_target = (struct work_queue_target){
	    .name = g_strdup(statement_text(row, 0)),
	    .url = g_strdup(statement_text(row, 1)),
	    .format = g_strdup(statement_text(row, 2)),
	    .secret = g_strdup(statement_text(row, 3)),
	    .headers = g_strdup(statement_text(row, 4)),
	    .connect_timeout_ms = statement_int(row, 5),
	    .timeout_ms = statement_int(row, 6),
	    .ca_file = g_strdup(statement_text(row, 7)),
	    .client_certificate = g_strdup(statement_text(row, 8)),
	    .allow_private = statement_int(row, 9) != 0,
	    .concurrency = (int32_t)statement_int(row, 10),
	    .stopped = g_strdup(statement_text(row, 11)),
	    .header_secrets = g_strdup(statement_text(row, 12)),
	    .password = g_strdup(statement_text(row, 13)),
	    .insecure = statement_int(row, 14) != 0,
	    .crl_file = g_strdup(statement_text(row, 15)),
	    .redirects = g_strdup(statement_text(row, 16)),
	    .trust_hosts = g_strdup(statement_text(row, 17)),
	    .recipient = g_strdup(statement_text(row, 18)),
	    .proxy = g_strdup(statement_text(row, 19)),
	};
}

void work_queue_target_clear(struct work_queue_target *target)
{
	g_free(target->name);
	g_free(target->url);
	g_free(target->format);
	g_free(target->secret);
	g_free(target->headers);
	g_free(target->header_secrets);
	g_free(target->password);
	g_free(target->ca_file);
	g_free(target->crl_file);
	g_free(target->redirects);
	g_free(target->trust_hosts);
	g_free(target->recipient);
	g_free(target->proxy);
	g_free(target->client_certificate);
	g_free(target->stopped);
	*target = (struct work_queue_target){0};
}

/* ---- rows ---- */

/* Id 0 makes a new row. A target that was stopped goes on with a definition that does not say so:
 * its run of refusals begins anew. */
static int target_write(struct store *store, int64_t id, const struct work_queue_target *target,
			int64_t *ret_id, struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "INSERT INTO target (id, name, url, format, secret, headers, connect_timeout_ms,"
	    " timeout_ms, ca_file, client_certificate, allow_private, concurrency, stopped,"
	    " header_secrets, password, insecure, crl_file, redirects, trust_hosts,"
	    " recipient, proxy)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,"
	    " ?18, ?19, ?20, ?21)"
	    " ON CONFLICT (id) DO UPDATE SET name = ?2, url = ?3, format = ?4, secret = ?5,"
	    " headers = ?6, connect_timeout_ms = ?7, timeout_ms = ?8, ca_file = ?9,"
	    " client_certificate = ?10, allow_private = ?11, concurrency = ?12, stopped = ?13,"
	    " header_secrets = ?14, password = ?15, insecure = ?16, crl_file = ?17,"
	    " redirects = ?18, trust_hosts = ?19, recipient = ?20, proxy = ?21,"
	    " refused_run = CASE WHEN ?13 IS NULL THEN 0 ELSE refused_run END");
	if (id != 0)
		statement_bind_int(statement, 1, id);
	else
		statement_bind_null(statement, 1);
	statement_bind_text(statement, 2, target->name);
	statement_bind_text(statement, 3, target->url);
	statement_bind_text(statement, 4, target->format);
	statement_bind_text(statement, 5, target->secret);
	statement_bind_text(statement, 6, target->headers);
	statement_bind_int(statement, 7, target->connect_timeout_ms);
	statement_bind_int(statement, 8, target->timeout_ms);
	statement_bind_text(statement, 9, target->ca_file);
	statement_bind_text(statement, 10, target->client_certificate);
	statement_bind_int(statement, 11, target->allow_private);
	statement_bind_int(statement, 12, target->concurrency);
	statement_bind_text(statement, 13, target->stopped);
	statement_bind_text(statement, 14, target->header_secrets);
	statement_bind_text(statement, 15, target->password);
	statement_bind_int(statement, 16, target->insecure);
	statement_bind_text(statement, 17, target->crl_file);
	statement_bind_text(statement, 18, target->redirects);
	statement_bind_text(statement, 19, target->trust_hosts);
	statement_bind_text(statement, 20, target->recipient);
	statement_bind_text(statement, 21, target->proxy);
	if (statement_step(statement, err) != 0)
		return -1;
	*ret_id = id != 0 ? id : engine_last_id(store->engine);
	return 0;
}

/* 0 where there is none. */
static int target_ask_id(struct statement *statement, int64_t *ret_id, struct error *err)
{
	const int result = statement_step(statement, err);
	*ret_id = result == 1 ? statement_int(statement, 0) : 0;
	return result < 0 ? -1 : 0;
}

static int target_find_id(struct store *store, const char *name, int64_t *ret_id, struct error *err)
{
	scoped_statement *statement =
	    engine_prepare(store->engine, "SELECT id FROM target WHERE name = ?");
	statement_bind_text(statement, 1, name);
	return target_ask_id(statement, ret_id, err);
}

/* ---- of a queue ---- */

static int target_find_own_id(struct store *store, int64_t queue_id, int64_t *ret_id,
			      struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine, "SELECT t.id FROM queue_target q JOIN target t ON t.id = q.target_id"
			   " WHERE q.queue_id = ? AND t.name IS NULL");
	statement_bind_int(statement, 1, queue_id);
	return target_ask_id(statement, ret_id, err);
}

/* A row of the queue's own, or that of the name. */
static int target_choose(struct store *store, int64_t queue_id,
			 const struct work_queue_target *target, int64_t *ret_id, struct error *err)
{
	int64_t id;
	if (target->name == NULL)
		return target_find_own_id(store, queue_id, &id, err) == 0
			   ? target_write(store, id, target, ret_id, err)
			   : -1;
	if (target_find_id(store, target->name, ret_id, err) != 0)
		return -1;
	return *ret_id != 0 ? 0 : name_missing(store, "target", target->name, err);
}

/* The rows of attempts to deliver belong to entries, and stay. */
static int target_drop_of_queue(struct store *store, int64_t queue_id, struct error *err)
{
	scoped_statement *statement =
	    engine_prepare(store->engine, "DELETE FROM queue_target WHERE queue_id = ?");
	statement_bind_int(statement, 1, queue_id);
	return statement_step(statement, err);
}

int target_put_of_queue(struct store *store, int64_t queue_id, const struct work_queue *queue,
			struct error *err)
{
	int64_t id;
	if (queue->target.url == NULL && queue->target.name == NULL)
		return target_drop_of_queue(store, queue_id, err);
	if (target_choose(store, queue_id, &queue->target, &id, err) != 0)
		return -1;
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "INSERT INTO queue_target (queue_id, target_id, acknowledge) VALUES (?1, ?2, ?3)"
	    " ON CONFLICT (queue_id) DO UPDATE SET target_id = ?2, acknowledge = ?3");
	statement_bind_int(statement, 1, queue_id);
	statement_bind_int(statement, 2, id);
	statement_bind_text(statement, 3, queue->on_delivery ? "delivery" : "load");
	return statement_step(statement, err);
}

int target_read_of_queue(struct store *store, struct work_queue *queue, struct error *err)
{
	scoped_statement *row = engine_prepare(
	    store->engine, "SELECT " COLUMNS ", q.acknowledge = 'delivery' FROM queue_target q"
			   " JOIN target t ON t.id = q.target_id WHERE q.queue_id = ?");
	statement_bind_int(row, 1, queue->id);
	const int result = statement_step(row, err);
	if (result != 1)
		return result;
	target_from_row(row, &queue->target);
	queue->on_delivery = statement_int(row, 20) != 0;
	return 0;
}

/* ---- with a name ---- */

/* Names follow the rule of queues. */
static int target_check_name(struct store *store, const char *name, int64_t id, struct error *err)
{
	int64_t taken;
	if (name_check("target", name, err) != 0)
		return -1;
	if (target_find_id(store, name, &taken, err) != 0)
		return -1;
	if (taken != 0 && taken != id)
		return error_because(err, REASON_EXISTS,
				     "there is a target '%s' already; `inqueue target alter` "
				     "changes it",
				     name);
	return 0;
}

static int target_add(struct store *store, const struct work_queue_target *target,
		      struct error *err)
{
	int64_t id;
	return target_check_name(store, target->name, 0, err) == 0
		   ? target_write(store, 0, target, &id, err)
		   : -1;
}

int work_queue_target_put(struct store *store, const struct work_queue_target *target,
			  struct error *err)
{
	bool own;
	if (store_enter(store, &own, err) != 0)
		return -1;
	return store_leave(store, own, target_add(store, target, err), err);
}

/* A `watch` that runs goes by the time of a queue's definition. */
static int target_touch_queues(struct store *store, int64_t id, int64_t now_ms, struct error *err)
{
	char now[VALUE_TIME_MAX];
	value_format_time_ms(now_ms, now);
	scoped_statement *statement = engine_prepare(
	    store->engine, "UPDATE work_queue SET record_updated = ?1"
			   " WHERE id IN (SELECT queue_id FROM queue_target WHERE target_id = ?2)");
	statement_bind_text(statement, 1, now);
	statement_bind_int(statement, 2, id);
	return statement_step(statement, err);
}

static int target_change(struct store *store, const char *name,
			 const struct work_queue_target *target, int64_t now_ms, struct error *err)
{
	int64_t id;
	if (target_find_id(store, name, &id, err) != 0)
		return -1;
	if (id == 0)
		return name_missing(store, "target", name, err);
	if (target_check_name(store, target->name, id, err) != 0 ||
	    target_write(store, id, target, &id, err) != 0)
		return -1;
	return target_touch_queues(store, id, now_ms, err);
}

int work_queue_target_alter(struct store *store, const char *name,
			    const struct work_queue_target *target, int64_t now_ms,
			    struct error *err)
{
	bool own;
	if (store_enter(store, &own, err) != 0)
		return -1;
	return store_leave(store, own, target_change(store, name, target, now_ms, err), err);
}

int work_queue_target_find(struct store *store, const char *name,
			   struct work_queue_target *ret_target, struct error *err)
{
	scoped_statement *row =
	    engine_prepare(store->engine, "SELECT " COLUMNS " FROM target t WHERE t.name = ?");
	statement_bind_text(row, 1, name);
	const int result = statement_step(row, err);
	if (result < 0)
		return -1;
	if (result == 0)
		return name_missing(store, "target", name, err);
	target_from_row(row, ret_target);
	return 0;
}

static void target_clear_element(void *target)
{
	work_queue_target_clear(target);
}

/* All of them first: `each` may print to a pipe that nobody reads, and must not hold up writers. */
int work_queue_target_list(struct store *store,
			   int (*each)(const struct work_queue_target *target, void *context),
			   void *context, struct error *err)
{
	g_autoptr(GArray) targets = g_array_new(FALSE, FALSE, sizeof(struct work_queue_target));
	g_array_set_clear_func(targets, target_clear_element);
	int result;
	{
		scoped_statement *row = engine_prepare(
		    store->engine,
		    "SELECT " COLUMNS " FROM target t WHERE t.name IS NOT NULL ORDER BY t.name");
		while ((result = statement_step(row, err)) == 1) {
			struct work_queue_target target;
			target_from_row(row, &target);
			g_array_append_val(targets, target);
		}
	}
	for (guint i = 0; i < targets->len && result == 0; i++)
		result = each(&g_array_index(targets, struct work_queue_target, i), context);
	return result;
}

int work_queue_target_queues(struct store *store, const char *name, char **ret_names,
			     struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "SELECT coalesce(group_concat(name, ', '), '') FROM (SELECT q.name FROM work_queue q"
	    " JOIN queue_target u ON u.queue_id = q.id JOIN target t ON t.id = u.target_id"
	    " WHERE t.name = ? ORDER BY q.name)");
	statement_bind_text(statement, 1, name);
	if (statement_step(statement, err) != 1)
		return -1;
	*ret_names = g_strdup(statement_text(statement, 0));
	return 0;
}

static int target_drop(struct store *store, const char *name, struct error *err)
{
	g_autofree char *queues = NULL;
	int64_t id;
	if (target_find_id(store, name, &id, err) != 0)
		return -1;
	if (id == 0)
		return name_missing(store, "target", name, err);
	if (work_queue_target_queues(store, name, &queues, err) != 0)
		return -1;
	if (*queues != '\0')
		return error_because(err, REASON_REFUSED,
				     "target '%s' is used by %s: give each another one first, by "
				     "`inqueue queue alter NAME --target OTHER`",
				     name, queues);
	scoped_statement *statement =
	    engine_prepare(store->engine, "DELETE FROM target WHERE id = ?");
	statement_bind_int(statement, 1, id);
	return statement_step(statement, err);
}

int work_queue_target_drop(struct store *store, const char *name, struct error *err)
{
	bool own;
	if (store_enter(store, &own, err) != 0)
		return -1;
	return store_leave(store, own, target_drop(store, name, err), err);
}
