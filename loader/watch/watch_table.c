/* The table of queues: compares it with the definitions in the database, adds, alters and ends
 * queues by what is new, and counts and logs their states. */
#include "loader/watch/watch_internal.h"

#include "loader/base/clock.h"
#include "loader/base/log.h"
#include "loader/base/secret.h"
#include "loader/define/target_secret.h"
#include "queue/base/scoped.h"
#include "queue/queue_health.h"

#include <string.h>

/* A worker that needs longer than this to sign in waits for its server, and does not keep others
 * from starting. */
enum { WATCH_STARTING_MS = 1000 };

/* One look at all definitions. */
struct watch_reading {
	struct watch_table *table;
	struct store *store;
	int64_t now_ms;
	struct error *err;
};

static void watch_table_free_queue(void *queue)
{
	watch_queue_free(queue);
}

struct watch_table *watch_table_new(const struct watch_options *options)
{
	struct watch_table *table = g_new0(struct watch_table, 1);
	table->options = options;
	table->queues = g_ptr_array_new_with_free_func(watch_table_free_queue);
	return table;
}

void watch_table_free(struct watch_table *table)
{
	if (table == NULL)
		return;
	g_ptr_array_unref(table->queues);
	g_free(table);
}

/* Without names all are meant, also those that are yet to be created. */
static bool watch_table_is_meant(const struct watch_options *options, const char *name)
{
	for (size_t i = 0; i < options->name_count; i++) {
		if (strcmp(options->names[i], name) == 0)
			return true;
	}
	return options->name_count == 0;
}

/* By its id, which stays when a queue is renamed. */
static struct watch_queue *watch_table_find(const struct watch_table *table, int64_t id)
{
	for (guint i = 0; i < table->queues->len; i++) {
		if (watch_table_at(table, i)->id == id)
			return watch_table_at(table, i);
	}
	return NULL;
}

/* The pauses between refused sign-ins outlive the supervisor: they are counted in the database. */
static int64_t watch_table_first_start(const struct watch_queue *queue,
				       const struct queue_health *health, int64_t now_ms)
{
	if (health->refusals == 0)
		return now_ms;
	int64_t pause_ms =
	    watch_policy_refusal_ms(&queue->policy, health->refusals, g_random_int());
	int64_t passed_ms = clock_now_ms() - health->refused_ms;
	return now_ms + MAX(0, pause_ms - MAX(0, passed_ms));
}

/* Logs the state that follows from the definition. */
static void watch_table_log(const struct watch_queue *queue, const char *event)
{
	log_event(LOG_LEVEL_INFO, event, log_text("queue", queue->name),
		  log_text("state", queue->wanted ? "starting" : watch_queue_state(queue)));
}

/* As an error: nothing is loaded before somebody does something. */
static void watch_table_log_stop(const struct watch_queue *queue, const struct queue_health *health)
{
	log_event(LOG_LEVEL_ERROR, "stopped", log_text("queue", queue->name),
		  log_text("error", health->stopped_reason));
}

/* A queue of files alone is watched where it has a folder. */
static bool watch_table_collects(const struct work_queue *definition)
{
	return !definition->paused &&
	       (work_queue_has_mailbox(definition) || watch_import_is_wanted(definition));
}

/* A queue that is paused or stopped has its place as well: its state is told and counted. */
static void watch_table_add(struct watch_reading *reading, const struct work_queue *definition,
			    const struct queue_health *health)
{
	struct watch_table *table = reading->table;
	struct watch_queue *queue =
	    watch_queue_new(definition->id, definition->name, table->options->retry_ms);
	queue->start_ms = watch_table_first_start(queue, health, reading->now_ms);
	queue->updated_ms = definition->record_updated_ms;
	queue->wanted = watch_table_collects(definition) && health->stopped_ms == 0;
	queue->stopped = health->stopped_ms != 0;
	queue->defined = true;
	watch_deliver_update(&queue->deliver, definition, false);
	g_ptr_array_add(table->queues, queue);
	if (queue->stopped)
		watch_table_log_stop(queue, health);
	else
		watch_table_log(queue, "watching");
}

/* A worker by an older definition ends; another one starts at once if the queue is still wanted. */
static void watch_table_update(struct watch_reading *reading, struct watch_queue *queue,
			       const struct work_queue *definition,
			       const struct queue_health *health)
{
	bool altered = queue->updated_ms != definition->record_updated_ms;
	queue->uncounted = queue->uncounted && !altered;
	bool stopped = health->stopped_ms != 0 || queue->uncounted;
	bool stopped_elsewhere = stopped && !queue->stopped;
	bool wanted = watch_table_collects(definition) && !stopped;
	bool changed = altered || wanted != queue->wanted;
	queue->defined = true;
	queue->wanted = wanted;
	queue->stopped = stopped;
	watch_deliver_update(&queue->deliver, definition, altered);
	if (!changed)
		return;
	if (strcmp(queue->name, definition->name) != 0) {
		g_free(queue->name);
		queue->name = g_strdup(definition->name);
	}
	queue->updated_ms = definition->record_updated_ms;
	if (stopped_elsewhere)
		watch_table_log_stop(queue, health);
	else
		watch_table_log(queue, "altered");
	watch_queue_end(queue, reading->now_ms);
}

static void watch_table_keep_secret(const char *field, enum secret_source source,
				    const char *reference, void *context)
{
	(void)field;
	(void)context;
	if (source == SECRET_ENV)
		secret_keep_variable(reference);
}

/* Workers live on with what the supervisor has in its environment when it makes them. */
static void watch_table_keep_secrets(const struct work_queue *definition)
{
	enum secret_source source;
	if (definition->credential_reference != NULL &&
	    secret_source_parse(definition->credential_source, &source) == 0)
		watch_table_keep_secret("password", source, definition->credential_reference, NULL);
	target_secret_list(&definition->target, watch_table_keep_secret, NULL);
}

static int watch_table_take(const struct work_queue *definition, void *context)
{
	struct watch_reading *reading = context;
	struct queue_health health;
	if (!watch_table_is_meant(reading->table->options, definition->name))
		return 0;
	watch_table_keep_secrets(definition);
	if (queue_health_find(reading->store, definition->id, &health, reading->err) != 0)
		return -1;
	struct watch_queue *queue = watch_table_find(reading->table, definition->id);
	if (queue == NULL)
		watch_table_add(reading, definition, &health);
	else
		watch_table_update(reading, queue, definition, &health);
	queue_health_clear(&health);
	return 0;
}

/* Queues that the last reading did not find have been dropped. */
static void watch_table_end_dropped(struct watch_table *table, int64_t now_ms)
{
	for (guint i = 0; i < table->queues->len; i++) {
		struct watch_queue *queue = watch_table_at(table, i);
		if (!queue->defined)
			watch_deliver_update(&queue->deliver, NULL, false);
		if (queue->defined || !queue->wanted)
			continue;
		log_event(LOG_LEVEL_INFO, "dropped", log_text("queue", queue->name));
		queue->wanted = false;
		watch_queue_end(queue, now_ms);
	}
}

/* The database is open for this call only, because its cache would stay in memory for as long as
 * the service runs. */
int watch_table_read(struct watch_table *table, int64_t patience_ms, int64_t now_ms,
		     struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	struct watch_reading reading = {.table = table, .now_ms = now_ms, .err = err};
	if (store_open_within(table->options->database, STORE_READ, patience_ms, &store, err) != 0)
		return -1;
	reading.store = store;
	for (guint i = 0; i < table->queues->len; i++)
		watch_table_at(table, i)->defined = false;
	if (work_queue_list(store, watch_table_take, &reading, err) != 0)
		return -1;
	watch_table_end_dropped(table, now_ms);
	return 0;
}

/* A dropped queue keeps its place until its processes have ended: they are reaped by it. */
void watch_table_sweep(struct watch_table *table)
{
	for (guint i = table->queues->len; i > 0; i--) {
		const struct watch_queue *queue = watch_table_at(table, i - 1);
		if (!queue->defined && queue->worker == 0 && queue->deliver.process == 0)
			g_ptr_array_remove_index(table->queues, i - 1);
	}
}

/* ---- what the supervisor says of them ---- */

guint watch_table_count(const struct watch_table *table, enum watch_phase phase)
{
	guint count = 0;
	for (guint i = 0; i < table->queues->len; i++) {
		const struct watch_queue *queue = watch_table_at(table, i);
		if (queue->wanted && queue->ours && queue->phase == phase)
			count++;
	}
	return count;
}

/* A worker that has just been started has not been heard of for less than WATCH_STARTING_MS. */
guint watch_table_count_starting(const struct watch_table *table, int64_t now_ms)
{
	guint count = 0;
	for (guint i = 0; i < table->queues->len; i++) {
		const struct watch_queue *queue = watch_table_at(table, i);
		if (queue->phase == WATCH_PHASE_STARTING &&
		    now_ms - queue->heard_ms < WATCH_STARTING_MS)
			count++;
	}
	return count;
}

guint watch_table_count_elsewhere(const struct watch_table *table)
{
	guint count = 0;
	for (guint i = 0; i < table->queues->len; i++)
		count += watch_table_at(table, i)->elsewhere ? 1 : 0;
	return count;
}

/* For USR1: a line for each queue, as the supervisor sees it, without asking anybody. */
void watch_table_log_status(const struct watch_table *table, int64_t now_ms)
{
	for (guint i = 0; i < table->queues->len; i++) {
		const struct watch_queue *queue = watch_table_at(table, i);
		int64_t start_in_ms = queue->wanted && queue->phase == WATCH_PHASE_PAUSE
					  ? MAX(0, queue->start_ms - now_ms)
					  : 0;
		log_event(LOG_LEVEL_NOTICE, "status", log_text("queue", queue->name),
			  log_text("state", watch_queue_state(queue)),
			  log_number("worker", queue->worker),
			  log_number("stored", (int64_t)queue->stored),
			  log_number("retry_in_ms", start_in_ms));
	}
}
