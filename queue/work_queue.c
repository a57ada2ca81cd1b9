/* Stores and reads the definitions of queues; their targets are in work_queue_target.c. */
#include "queue/work_queue.h"

#include "queue/base/nearest.h"
#include "queue/entry_internal.h"
#include "queue/store_internal.h"
#include "queue/work_queue_internal.h"

#include <glib.h>
#include <string.h>

#define NAME_MAX_BYTES 100

#define COLUMNS                                                                                    \
	"id, name, class_name, external_source, connection_string, user_name, credential_source,"  \
	" credential_reference, paused, last_message, last_action, not_collected, record_created," \
	" record_updated, max_attempts, retry_delay_ms, reference, same_reference,"                \
	" claim_order,"                                                                            \
	" (SELECT mechanism FROM queue_sign_in WHERE queue_id = work_queue.id),"                   \
	" (SELECT tls FROM queue_sign_in WHERE queue_id = work_queue.id)"

/* Names stand on command lines, in file names and in logs. */
static bool name_is_valid(const char *name)
{
	const size_t size = name != NULL ? strlen(name) : 0;
	/* A name must not look like an option, nor make a hidden file where it is part of a
	 * file's name. */
	if (size == 0 || size > NAME_MAX_BYTES || name[0] == '-' || name[0] == '.' ||
	    !g_utf8_validate(name, -1, NULL))
		return false;
	for (const char *at = name; *at != '\0'; at = g_utf8_next_char(at)) {
		const gunichar c = g_utf8_get_char(at);
		if (c < 0x80 ? !g_ascii_isalnum((char)c) && strchr("._-", (int)c) == NULL
			     : !g_unichar_isgraph(c))
			return false;
	}
	return true;
}

int name_check(const char *of, const char *name, struct error *err)
{
	if (name_is_valid(name))
		return 0;
	g_autofree char *printable = g_strescape(name != NULL ? name : "", NULL);
	return error_because(err, REASON_INVALID,
			     "'%.200s' cannot be the name of a %s: use 1 to %d bytes of letters, "
			     "digits, '.', '_' and '-', the first neither '.' nor '-'",
			     printable, of, NAME_MAX_BYTES);
}

int work_queue_check_name(const char *name, struct error *err)
{
	return name_check("queue", name, err);
}

/* The schema's own text does not name the queue. */
static int name_conflict(struct store *store, const struct work_queue *queue, int64_t id,
			 int result, struct error *err)
{
	if (result == 0)
		return 0;
	struct error ignored;
	scoped_statement *statement =
	    engine_prepare(store->engine, "SELECT 1 FROM work_queue WHERE name = ? AND id <> ?");
	statement_bind_text(statement, 1, queue->name);
	statement_bind_int(statement, 2, id);
	if (statement_step(statement, &ignored) == 1)
		error_because(err, REASON_EXISTS,
			      "there is a queue '%s' already; `inqueue queue alter` changes it",
			      queue->name);
	return result;
}

bool work_queue_has_mailbox(const struct work_queue *queue)
{
	return strcmp(queue->external_source, "File") != 0;
}

/* 0 is "not chosen": the default depends on whether the queue has a target, which may change
 * later. */
int32_t work_queue_attempts(const struct work_queue *queue)
{
	if (queue->max_attempts != 0)
		return queue->max_attempts;
	const bool posts = queue->target.url != NULL || queue->target.name != NULL;
	return posts ? WORK_QUEUE_MAX_DELIVERIES : WORK_QUEUE_MAX_ATTEMPTS;
}

/* ---- definitions ---- */

/* Parameters 1 to 8 and 11 to 15 are the definition, 9 is the time. */
static void bind_definition(struct statement *statement, const struct work_queue *queue,
			    int64_t now_ms)
{
	char now[VALUE_TIME_MAX];
	value_format_time_ms(now_ms, now);
	statement_bind_text(statement, 1, queue->name);
	statement_bind_text(statement, 2, queue->class_name);
	statement_bind_text(statement, 3, queue->external_source);
	statement_bind_text(statement, 4, queue->connection_string);
	statement_bind_text(statement, 5, queue->user_name);
	statement_bind_text(statement, 6, queue->credential_source);
	statement_bind_text(statement, 7, queue->credential_reference);
	statement_bind_int(statement, 8, queue->paused);
	statement_bind_text(statement, 9, now);
	statement_bind_int(statement, 11, work_queue_attempts(queue));
	statement_bind_int(statement, 12, queue->retry_delay_ms);
	statement_bind_text(statement, 13, queue->reference);
	statement_bind_text(statement, 14, work_queue_same_format(queue->same_reference));
	statement_bind_text(statement, 15, work_queue_order_format(queue->order));
}

static int insert(struct store *store, const struct work_queue *queue, int64_t now_ms,
		  struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "INSERT INTO work_queue (name, class_name, external_source, connection_string,"
	    " user_name, credential_source, credential_reference, paused, record_created,"
	    " record_updated, max_attempts, retry_delay_ms, reference, same_reference,"
	    " claim_order)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?11, ?12, ?13, ?14, ?15)");
	bind_definition(statement, queue, now_ms);
	return name_conflict(store, queue, 0, statement_step(statement, err), err);
}

/* The name is checked before the transaction begins: nobody waits for a misspelt one. */
int work_queue_put(struct store *store, const struct work_queue *queue, int64_t now_ms,
		   int64_t *ret_id, struct error *err)
{
	bool own;
	if (work_queue_check_name(queue->name, err) != 0 || store_enter(store, &own, err) != 0)
		return -1;
	int result = insert(store, queue, now_ms, err);
	const int64_t id = engine_last_id(store->engine);
	if (result == 0)
		result = target_put_of_queue(store, id, queue, err);
	if (store_leave(store, own, result, err) != 0)
		return -1;
	*ret_id = id;
	return 0;
}

/* Changes the definition only: what runs have noted stays. */
static int update(struct store *store, const struct work_queue *queue, int64_t now_ms,
		  struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "UPDATE work_queue SET name = ?1, class_name = ?2, external_source = ?3,"
	    " connection_string = ?4, user_name = ?5, credential_source = ?6,"
	    " credential_reference = ?7, paused = ?8, record_updated = ?9, max_attempts = ?11,"
	    " retry_delay_ms = ?12, reference = ?13, same_reference = ?14, claim_order = ?15 WHERE "
	    "id = ?10");
	bind_definition(statement, queue, now_ms);
	statement_bind_int(statement, 10, queue->id);
	if (statement_step(statement, err) != 0)
		return name_conflict(store, queue, queue->id, -1, err);
	if (engine_changes(store->engine) != 1)
		return store_no_queue(queue->id, err);
	return target_put_of_queue(store, queue->id, queue, err);
}

int work_queue_alter(struct store *store, const struct work_queue *queue, int64_t now_ms,
		     struct error *err)
{
	bool own;
	if (work_queue_check_name(queue->name, err) != 0 || store_enter(store, &own, err) != 0)
		return -1;
	return store_leave(store, own, update(store, queue, now_ms, err), err);
}

/* Without the target, which target_read_of_queue() adds. */
static struct work_queue *queue_from_row(const struct statement *row)
{
	struct work_queue *queue = g_new0(struct work_queue, 1);
	queue->id = statement_int(row, 0);
	queue->name = g_strdup(statement_text(row, 1));
	queue->class_name = g_strdup(statement_text(row, 2));
	queue->external_source = g_strdup(statement_text(row, 3));
	queue->connection_string = g_strdup(statement_text(row, 4));
	queue->user_name = g_strdup(statement_text(row, 5));
	queue->credential_source = g_strdup(statement_text(row, 6));
	queue->credential_reference = g_strdup(statement_text(row, 7));
	queue->paused = statement_int(row, 8) != 0;
	queue->last_message = g_strdup(statement_text(row, 9));
	queue->last_action_ms = value_parse_time_ms(statement_text(row, 10));
	queue->not_collected = statement_is_null(row, 11) ? -1 : statement_int(row, 11);
	queue->record_created_ms = value_parse_time_ms(statement_text(row, 12));
	queue->record_updated_ms = value_parse_time_ms(statement_text(row, 13));
	queue->max_attempts = (int32_t)statement_int(row, 14);
	queue->retry_delay_ms = statement_int(row, 15);
	queue->reference = g_strdup(statement_text(row, 16));
	/* The schema knows no other words than we do. */
	(void)work_queue_same_parse(statement_text(row, 17), &queue->same_reference);
	(void)work_queue_order_parse(statement_text(row, 18), &queue->order);
	queue->last_sign_in = (struct work_queue_sign_in){
	    .mechanism = g_strdup(statement_text(row, 19)), .tls = statement_int(row, 20) != 0};
	return queue;
}

/* The words name the command that lists such things. */
int name_missing(struct store *store, const char *of, const char *name, struct error *err)
{
	scoped_statement *row =
	    engine_prepare(store->engine, strcmp(of, "queue") == 0 ? "SELECT name FROM work_queue"
					  : strcmp(of, "token") == 0
					      ? "SELECT name FROM token"
					      : "SELECT name FROM target WHERE name IS NOT NULL");
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	struct nearest nearest = nearest_begin(name);
	while (statement_step(row, err) == 1)
		g_ptr_array_add(names, g_strdup(statement_text(row, 0)));
	for (guint i = 0; i < names->len; i++)
		nearest_try(&nearest, g_ptr_array_index(names, i));
	return error_because(
	    err, REASON_MISSING, "there is no %s '%.200s'%s%s%s `inqueue %s list` shows them", of,
	    name, nearest.best != NULL ? ": did you mean " : ";",
	    nearest.best != NULL ? nearest.best : "", nearest.best != NULL ? "?" : "", of);
}

/* A queue and its target are two rows; the caller sees one thing. */
int work_queue_find(struct store *store, const char *name, struct work_queue **ret_queue,
		    struct error *err)
{
	scoped_statement *statement =
	    engine_prepare(store->engine, "SELECT " COLUMNS " FROM work_queue WHERE name = ?");
	statement_bind_text(statement, 1, name);
	const int result = statement_step(statement, err);
	if (result == 0)
		return name_missing(store, "queue", name, err);
	if (result < 0)
		return -1;
	struct work_queue *queue = queue_from_row(statement);
	if (target_read_of_queue(store, queue, err) != 0) {
		work_queue_free(queue);
		return -1;
	}
	*ret_queue = queue;
	return 0;
}

int work_queue_find_reference(struct store *store, int64_t queue_id, char **ret_reference,
			      enum work_queue_same *ret_same, struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine, "SELECT reference, same_reference FROM work_queue WHERE id = ?");
	statement_bind_int(statement, 1, queue_id);
	const int result = statement_step(statement, err);
	if (result == 0)
		return store_no_queue(queue_id, err);
	if (result < 0)
		return -1;
	*ret_reference = g_strdup(statement_text(statement, 0));
	(void)work_queue_same_parse(statement_text(statement, 1), ret_same);
	return 0;
}

void work_queue_free(struct work_queue *queue)
{
	if (queue == NULL)
		return;
	g_free(queue->name);
	g_free(queue->class_name);
	g_free(queue->external_source);
	g_free(queue->connection_string);
	g_free(queue->user_name);
	g_free(queue->credential_source);
	g_free(queue->credential_reference);
	g_free(queue->reference);
	work_queue_target_clear(&queue->target);
	g_free(queue->last_message);
	g_free(queue->last_sign_in.mechanism);
	g_free(queue);
}

static void free_element(void *queue)
{
	work_queue_free(queue);
}

int work_queue_list(struct store *store, int (*each)(const struct work_queue *queue, void *context),
		    void *context, struct error *err)
{
	/* All of them first: `each` may print to a pipe nobody reads, and must not hold up writers.
	 */
	g_autoptr(GPtrArray) queues = g_ptr_array_new_with_free_func(free_element);
	{
		scoped_statement *statement = engine_prepare(
		    store->engine, "SELECT " COLUMNS " FROM work_queue ORDER BY name");
		int result;
		while ((result = statement_step(statement, err)) == 1)
			g_ptr_array_add(queues, queue_from_row(statement));
		if (result < 0)
			return -1;
	}
	int result = 0;
	for (guint i = 0; i < queues->len && result == 0; i++) {
		struct work_queue *queue = g_ptr_array_index(queues, i);
		result = target_read_of_queue(store, queue, err);
		if (result == 0)
			result = each(queue, context);
	}
	return result;
}

/* Open entries are work that nobody would do any more; unfinished moves would leave mail where
 * the next queue finds it. */
static int check_droppable(struct store *store, int64_t queue_id, bool force, struct error *err)
{
	struct work_queue_counts counts = {0};
	if (work_queue_count(store, queue_id, &counts, err) != 0)
		return -1;
	const uint64_t open_entries = counts.new_entries + counts.claimed + counts.expired;
	if (force || (open_entries == 0 && counts.unfinished_pickups == 0))
		return 0;
	return error_because(err, REASON_REFUSED,
			     "%" G_GUINT64_FORMAT " open entries and "
			     "%" G_GUINT64_FORMAT " messages still to be moved on the server: "
			     "finish them first, or drop it with --force",
			     open_entries, counts.unfinished_pickups);
}

/* Entries, attachments and the ledger go with their queue, by foreign keys; content is shared,
 * and goes where nobody else uses it. */
static int drop(struct store *store, int64_t queue_id, bool force, struct error *err)
{
	if (check_droppable(store, queue_id, force, err) != 0)
		return -1;
	scoped_statement *queue =
	    engine_prepare(store->engine, "DELETE FROM work_queue WHERE id = ?");
	statement_bind_int(queue, 1, queue_id);
	if (statement_step(queue, err) != 0)
		return -1;
	return content_drop_unused(store, err);
}

int work_queue_drop(struct store *store, int64_t queue_id, bool force, struct error *err)
{
	bool own;
	if (store_enter(store, &own, err) != 0)
		return -1;
	return store_leave(store, own, drop(store, queue_id, force, err), err);
}
