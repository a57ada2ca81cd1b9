/* Writes down attempts to deliver: the claim of a deliverer, the end of an attempt with what
 * becomes of its entry, and the breaker that stops a target after a run of answers that blame
 * it. Lists attempts, and counts entries by the outcome of their last one. */
#include "queue/delivery.h"

#include "queue/entry_operate.h"
#include "queue/store_internal.h"

#include <string.h>

static const char *const outcome_names[] = {
    [DELIVERY_DELIVERED] = "delivered",
    [DELIVERY_REJECTED] = "rejected",
    [DELIVERY_RETRY] = "retry",
    [DELIVERY_UNREACHABLE] = "unreachable",
};

const char *delivery_outcome_format(enum delivery_outcome outcome)
{
	return outcome_names[outcome];
}

/* The deliverer holds the right to deliver the queue, so an entry that is still claimed for
 * delivery belongs to a run that died. Ending its lease makes it claimable again. */
int delivery_recover(struct store *store, int64_t queue_id, int64_t now_ms, struct error *err)
{
	char now[VALUE_TIME_MAX];
	value_format_time_ms(now_ms, now);
	bool own;
	if (store_enter(store, &own, err) != 0)
		return -1;
	int result;
	{
		scoped_statement *statement = engine_prepare(
		    store->engine, "UPDATE entry_status SET lease_until = ?1, record_updated = ?1"
				   " WHERE queue_id = ?2 AND state = 'claimed'"
				   " AND lease_owner = '" DELIVERY_WORKER "' AND lease_until > ?1");
		statement_bind_text(statement, 1, now);
		statement_bind_int(statement, 2, queue_id);
		result = statement_step(statement, err);
	}
	return store_leave(store, own, result, err);
}

int delivery_claim(struct store *store, int64_t queue_id, int64_t lease_ms, int64_t due_ms,
		   int64_t now_ms, struct entry_lease *ret_leases, size_t room, size_t *ret_count,
		   struct error *err)
{
	const struct entry_wish wish = {.queue_id = queue_id,
					.worker = DELIVERY_WORKER,
					.lease_ms = lease_ms,
					.due_ms = due_ms};
	return entry_claim(store, &wish, now_ms, ret_leases, room, ret_count, err);
}

/* ---- the end of an attempt ---- */

/* Keeps the attempt with the target's answer, for `delivery show` and for the breaker. */
static int record(struct store *store, const struct delivery *delivery, struct error *err)
{
	char at[VALUE_TIME_MAX];
	value_format_time_ms(delivery->at_ms, at);
	scoped_statement *statement =
	    engine_prepare(store->engine, "INSERT INTO delivery (entry_id, attempt, at, outcome,"
					  " status, duration_ms, answer, error)"
					  " VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
	statement_bind_int(statement, 1, delivery->entry_id);
	statement_bind_int(statement, 2, delivery->attempt);
	statement_bind_text(statement, 3, at);
	statement_bind_text(statement, 4, delivery_outcome_format(delivery->outcome));
	if (delivery->status != 0)
		statement_bind_int(statement, 5, delivery->status);
	else
		statement_bind_null(statement, 5);
	statement_bind_int(statement, 6, delivery->duration_ms);
	statement_bind_text(statement, 7, delivery->answer);
	statement_bind_text(statement, 8, delivery->error);
	return statement_step(statement, err);
}

/* Retry-After may only make the next attempt later, never earlier than the queue's own delay. */
static int put_off(struct store *store, int64_t entry_id, int64_t until_ms, int64_t now_ms,
		   struct error *err)
{
	char now[VALUE_TIME_MAX];
	char until[VALUE_TIME_MAX];
	value_format_time_ms(now_ms, now);
	value_format_time_ms(until_ms, until);
	scoped_statement *statement = engine_prepare(
	    store->engine, "UPDATE entry_status SET next_attempt_at = ?1, record_updated = ?2"
			   " WHERE id = ?3");
	statement_bind_text(statement, 1, until);
	statement_bind_text(statement, 2, now);
	statement_bind_int(statement, 3, entry_id);
	return statement_step(statement, err);
}

/* Completes the entry, or fails it: for good when the target rejected it, else to be tried
 * again. */
static int finish_entry(struct store *store, const struct delivery_end *end, int64_t *ret_next_ms,
			struct error *err)
{
	const struct delivery *delivery = &end->delivery;
	*ret_next_ms = 0;
	if (delivery->outcome == DELIVERY_DELIVERED)
		return entry_complete(store, delivery->entry_id, end->token, delivery->at_ms, err);
	const enum entry_failure failure =
	    delivery->outcome == DELIVERY_REJECTED ? ENTRY_BUSINESS : ENTRY_APPLICATION;
	g_autofree char *answered =
	    g_strdup_printf("the target answered %d", (int)delivery->status);
	const char *why = delivery->error != NULL ? delivery->error : answered;
	if (entry_fail(store, delivery->entry_id, end->token, failure, why, delivery->at_ms,
		       ret_next_ms, err) != 0)
		return -1;
	if (*ret_next_ms == 0 || end->not_before_ms <= *ret_next_ms)
		return 0;
	*ret_next_ms = end->not_before_ms;
	return put_off(store, delivery->entry_id, end->not_before_ms, delivery->at_ms, err);
}

/* ---- the breaker ---- */

bool delivery_blames_target(int32_t status)
{
	return status == 401 || status == 403 || status == 404 || status == 410;
}

/* Queues that use one target have one run. */
#define TARGET_ID                                                                                  \
	"(SELECT target_id FROM queue_target WHERE queue_id ="                                     \
	" (SELECT queue_id FROM entry_status WHERE id = ?1))"
#define OF_ENTRY " WHERE id = " TARGET_ID

/* Adds this answer to the run of answers that blame the target, and writes how long the run is
 * now. */
static int lengthen_run(struct store *store, const struct delivery *delivery, int64_t *ret_run,
			struct error *err)
{
	scoped_statement *statement =
	    engine_prepare(store->engine, "UPDATE target SET refused_run = refused_run + 1" OF_ENTRY
					  " RETURNING refused_run");
	statement_bind_int(statement, 1, delivery->entry_id);
	const int result = statement_step(statement, err);
	if (result < 0)
		return -1;
	*ret_run = result == 1 ? statement_int(statement, 0) : 0;
	return 0;
}

/* An answer that blames nobody ends the run. The condition keeps the usual case, no run, from
 * writing a page. */
static int end_run(struct store *store, const struct delivery *delivery, struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine, "UPDATE target SET refused_run = 0" OF_ENTRY " AND refused_run > 0");
	statement_bind_int(statement, 1, delivery->entry_id);
	return statement_step(statement, err);
}

/* Writes how many answers in a row have blamed the target, with this one; most answers do not.
 * RETURNING costs a temporary table for each statement, so only answers that lengthen the run
 * use it. */
static int count_run(struct store *store, const struct delivery *delivery, int64_t *ret_run,
		     struct error *err)
{
	*ret_run = 0;
	return delivery_blames_target(delivery->status)
		   ? lengthen_run(store, delivery, ret_run, err)
		   : end_run(store, delivery, err);
}

/* The reason is kept with the target: `queue show`, `status` and the next run print it. */
static int stop_target(struct store *store, const struct delivery *delivery, int64_t run,
		       struct error *err)
{
	g_autofree char *why = g_strdup_printf(
	    "the target answered %d, and refused %d entries in a row: correct URL or credentials",
	    (int)delivery->status, (int)run);
	scoped_statement *statement =
	    engine_prepare(store->engine, "UPDATE target SET stopped = ?2" OF_ENTRY);
	statement_bind_int(statement, 1, delivery->entry_id);
	statement_bind_text(statement, 2, why);
	return statement_step(statement, err);
}

/* The entries that got the answers of this run: those of the last deliveries to the target. */
static GArray *list_run(struct store *store, int64_t entry_id, int64_t run, struct error *err)
{
	g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(int64_t));
	scoped_statement *statement = engine_prepare(
	    store->engine, "SELECT DISTINCT entry_id FROM (SELECT d.entry_id FROM delivery d"
			   " JOIN entry_status s ON s.id = d.entry_id"
			   " WHERE s.queue_id IN (SELECT queue_id FROM queue_target"
			   " WHERE target_id = " TARGET_ID ")"
			   " ORDER BY d.id DESC LIMIT ?2)");
	statement_bind_int(statement, 1, entry_id);
	statement_bind_int(statement, 2, run);
	int result;
	while ((result = statement_step(statement, err)) == 1) {
		const int64_t id = statement_int(statement, 0);
		g_array_append_val(ids, id);
	}
	return result == 0 ? g_steal_pointer(&ids) : NULL;
}

/* Stops the target and gives its entries their attempts back: the URL or the credentials are
 * wrong, not the mail. */
static int trip(struct store *store, const struct delivery *delivery, int64_t run,
		struct error *err)
{
	const struct entry_order order = {.operation = ENTRY_RETRY,
					  .who = DELIVERY_WORKER,
					  .why = "the target is wrong, not the entry"};
	if (stop_target(store, delivery, run, err) != 0)
		return -1;
	g_autoptr(GArray) ids = list_run(store, delivery->entry_id, run, err);
	if (ids == NULL)
		return -1;
	for (guint i = 0; i < ids->len; i++) {
		bool changed;
		if (entry_operate(store, g_array_index(ids, int64_t, i), &order, delivery->at_ms,
				  &changed, err) != 0)
			return -1;
	}
	return 0;
}

static int settle(struct store *store, const struct delivery_end *end, int64_t *ret_next_ms,
		  bool *ret_stopped, struct error *err)
{
	int64_t run;
	if (record(store, &end->delivery, err) != 0 ||
	    finish_entry(store, end, ret_next_ms, err) != 0 ||
	    count_run(store, &end->delivery, &run, err) != 0)
		return -1;
	*ret_stopped = run >= DELIVERY_REFUSED_MAX;
	return *ret_stopped ? trip(store, &end->delivery, run, err) : 0;
}

/* When somebody else has the entry by now, the attempt is kept in a transaction of its own: the
 * post was made all the same. */
int delivery_settle(struct store *store, const struct delivery_end *end, int64_t *ret_next_ms,
		    bool *ret_stopped, struct error *err)
{
	bool own;
	if (store_enter(store, &own, err) != 0)
		return -1;
	if (store_leave(store, own, settle(store, end, ret_next_ms, ret_stopped, err), err) == 0)
		return 0;
	if (!own || err->reason != REASON_REFUSED)
		return -1;
	/* Somebody else has the entry by now, but the post was made. */
	struct error record_err;
	if (store_enter(store, &own, &record_err) == 0)
		(void)store_leave(store, own, record(store, &end->delivery, &record_err),
				  &record_err);
	return -1;
}

/* ---- lists ---- */

/* So many rows at a time: no statement is held while the caller prints. */
#define CHUNK 200

/* The schema allows these words only, so that an unknown one cannot occur. */
static enum delivery_outcome outcome_parse(const char *text)
{
	enum delivery_outcome outcome = DELIVERY_DELIVERED;
	while (outcome < DELIVERY_UNREACHABLE &&
	       strcmp(text, delivery_outcome_format(outcome)) != 0)
		outcome++;
	return outcome;
}

static void delivery_clear(void *pointer)
{
	struct delivery *delivery = pointer;
	g_free(delivery->queue_name);
	g_free(delivery->answer);
	g_free(delivery->error);
}

/* Copies the texts: the statement is reset before the caller sees them. */
static struct delivery delivery_from_row(const struct statement *row)
{
	return (struct delivery){
	    .id = statement_int(row, 0),
	    .queue_name = g_strdup(statement_text(row, 1)),
	    .entry_id = statement_int(row, 2),
	    .attempt = (int32_t)statement_int(row, 3),
	    .at_ms = value_parse_time_ms(statement_text(row, 4)),
	    .outcome = outcome_parse(statement_text(row, 5)),
	    .status = (int32_t)statement_int(row, 6),
	    .duration_ms = statement_int(row, 7),
	    .answer = g_strdup(statement_text(row, 8)),
	    .error = g_strdup(statement_text(row, 9)),
	};
}

/* The next rows behind the one that was listed last. */
static int read_chunk(struct store *store, const struct delivery_filter *filter, int64_t last_id,
		      uint64_t limit, GArray *chunk, struct error *err)
{
	g_autofree char *sql = g_strconcat(
	    "SELECT d.id, q.name, d.entry_id, d.attempt, d.at, d.outcome, d.status, d.duration_ms,"
	    " d.answer, d.error FROM delivery d JOIN entry_status s ON s.id = d.entry_id"
	    " JOIN work_queue q ON q.id = s.queue_id"
	    " WHERE (?2 = 0 OR s.queue_id = ?2) AND (?3 = 0 OR d.entry_id = ?3) AND d.id ",
	    filter->newest_first ? "< ?1 ORDER BY d.id DESC" : "> ?1 ORDER BY d.id", " LIMIT ?4",
	    NULL);
	scoped_statement *statement = engine_prepare(store->engine, sql);
	statement_bind_int(statement, 1, last_id);
	statement_bind_int(statement, 2, filter->queue_id);
	statement_bind_int(statement, 3, filter->entry_id);
	statement_bind_int(statement, 4, (int64_t)limit);
	int result;
	while ((result = statement_step(statement, err)) == 1) {
		const struct delivery delivery = delivery_from_row(statement);
		g_array_append_val(chunk, delivery);
	}
	return result;
}

/* Goes on behind the last id that was listed, so that attempts that come in meanwhile are
 * neither skipped nor listed twice. */
int delivery_list(struct store *store, const struct delivery_filter *filter,
		  int (*each)(const struct delivery *delivery, void *context), void *context,
		  struct error *err)
{
	int64_t last_id = filter->newest_first ? INT64_MAX : 0;
	uint64_t left = filter->limit != 0 ? filter->limit : UINT64_MAX;
	g_autoptr(GArray) chunk = g_array_new(FALSE, FALSE, sizeof(struct delivery));
	g_array_set_clear_func(chunk, delivery_clear);
	do {
		g_array_set_size(chunk, 0);
		if (read_chunk(store, filter, last_id, MIN(left, CHUNK), chunk, err) != 0)
			return -1;
		for (guint i = 0; i < chunk->len; i++) {
			const struct delivery *delivery = &g_array_index(chunk, struct delivery, i);
			const int result = each(delivery, context);
			if (result != 0)
				return result;
			last_id = delivery->id;
		}
		left -= chunk->len;
	} while (chunk->len == CHUNK && left > 0);
	return 0;
}

/* The view has counted them already, for `queue_overview` and for people who ask in SQL. */
int delivery_count(struct store *store, int64_t queue_id, uint64_t ret_counts[DELIVERY_OUTCOMES],
		   struct error *err)
{
	memset(ret_counts, 0, DELIVERY_OUTCOMES * sizeof *ret_counts);
	scoped_statement *statement = engine_prepare(
	    store->engine, "SELECT delivered, rejected, retry, unreachable FROM delivery_overview"
			   " WHERE id = ?");
	statement_bind_int(statement, 1, queue_id);
	const int result = statement_step(statement, err);
	if (result < 0)
		return -1;
	for (int i = 0; result == 1 && i < DELIVERY_OUTCOMES; i++)
		ret_counts[i] = (uint64_t)statement_int(statement, i);
	return 0;
}
