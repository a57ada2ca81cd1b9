/* Settles an entry for its worker: complete, release, defer, extend, fail. Each is one update on
 * condition that the token is still the entry's; when no row was changed, the error says who has
 * the entry instead. */
#include "queue/entry_claim.h"

#include "queue/entry_internal.h"
#include "queue/store_internal.h"

#include <glib.h>
#include <string.h>

#define RETRY_DELAY_MAX_MS INT64_C(3600000)

/* Says what has become of the entry, to somebody whose token is no longer good. */
static int fail_stale(struct store *store, int64_t entry_id, struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine, "SELECT state, lease_owner, lease_until FROM entry_status WHERE id = ?");
	statement_bind_int(statement, 1, entry_id);
	const int result = statement_step(statement, err);
	if (result < 0)
		return -1;
	if (result == 0)
		return store_no_entry(entry_id, err);
	const char *state = statement_text(statement, 0);
	if (strcmp(state, "claimed") == 0)
		return error_because(err, REASON_REFUSED,
				     "entry %" G_GINT64_FORMAT
				     ": the token is not that of its lease; worker '%.100s' has "
				     "the entry until %s; nothing was changed",
				     entry_id, statement_text(statement, 1),
				     statement_text(statement, 2));
	return error_because(err, REASON_REFUSED,
			     "entry %" G_GINT64_FORMAT
			     ": the lease of this token is over, the entry is %s; nothing was "
			     "changed",
			     entry_id, state);
}

#define SETTLE "UPDATE entry_status SET record_updated = ?1, "
#define FREE   "lease_owner = NULL, lease_token = NULL, lease_until = NULL"
#define OWN    " WHERE id = ?2 AND lease_token = ?3"

/* One update of an entry whose token is good. `text` and `time_ms` are its parameters ?4 and ?5. */
struct settlement {
	int64_t entry_id;
	const char *token;
	int64_t now_ms;
	const char *sql;
	const char *why;  /* for its history, or NULL */
	const char *text; /* or NULL */
	int64_t time_ms;  /* 0 = none */
};

/* The update changes exactly one row or the token is stale; nothing else can be wrong. */
static int settle(struct store *store, const struct settlement *settlement, struct error *err)
{
	char now[VALUE_TIME_MAX];
	char time[VALUE_TIME_MAX];
	value_format_time_ms(settlement->now_ms, now);
	value_format_time_ms(settlement->time_ms, time);
	{
		scoped_statement *statement = engine_prepare(store->engine, settlement->sql);
		statement_bind_text(statement, 1, now);
		statement_bind_int(statement, 2, settlement->entry_id);
		statement_bind_text(statement, 3, settlement->token);
		if (settlement->text != NULL)
			statement_bind_text(statement, 4, settlement->text);
		if (settlement->time_ms != 0)
			statement_bind_text(statement, 5, time);
		if (statement_step(statement, err) != 0)
			return -1;
	}
	return engine_changes(store->engine) == 1 ? 0
						  : fail_stale(store, settlement->entry_id, err);
}

/* A reason goes into the history as the words of the worker itself. */
static int settle_as_author(struct store *store, const struct settlement *settlement,
			    struct error *err)
{
	if (settlement->why == NULL)
		return settle(store, settlement, err);
	if (change_author_set(store, NULL, settlement->why, err) != 0 ||
	    settle(store, settlement, err) != 0)
		return -1;
	return change_author_clear(store, err);
}

static int settle_in_transaction(struct store *store, const struct settlement *settlement,
				 struct error *err)
{
	bool own;
	if (store_enter(store, &own, err) != 0)
		return -1;
	return store_leave(store, own, settle_as_author(store, settlement, err), err);
}

/* A failure of an earlier attempt is forgotten; the history has it. */
int entry_complete(struct store *store, int64_t entry_id, const char *token, int64_t now_ms,
		   struct error *err)
{
	const struct settlement settlement = {
	    .entry_id = entry_id,
	    .token = token,
	    .now_ms = now_ms,
	    .sql = SETTLE "state = 'done', error_kind = NULL, error_text = NULL, " FREE OWN,
	};
	return settle_in_transaction(store, &settlement, err);
}

/* ---- what came of it, and how far it is ---- */

/* A row for the entry whose token is good, or none. */
#define SAY(column)                                                                                \
	"INSERT INTO entry_result (entry_id, " column ", " column "_at)"                           \
	" SELECT id, ?4, ?1 FROM entry_status" OWN " ON CONFLICT (entry_id) DO UPDATE SET " column \
	" = excluded." column ", " column "_at = excluded." column "_at"

static int say(struct store *store, int64_t entry_id, const char *token, const char *sql,
	       const char *text, int64_t now_ms, struct error *err)
{
	const struct settlement settlement = {
	    .entry_id = entry_id, .token = token, .now_ms = now_ms, .sql = sql, .text = text};
	return settle_in_transaction(store, &settlement, err);
}

/* One transaction: no entry is done without its output. */
int entry_complete_with(struct store *store, int64_t entry_id, const char *token,
			const char *output, int64_t now_ms, struct error *err)
{
	bool own;
	if (output == NULL)
		return entry_complete(store, entry_id, token, now_ms, err);
	if (store_enter(store, &own, err) != 0)
		return -1;
	const int failed = say(store, entry_id, token, SAY("output"), output, now_ms, err) != 0 ||
			   entry_complete(store, entry_id, token, now_ms, err) != 0;
	return store_leave(store, own, failed ? -1 : 0, err);
}

int entry_note_progress(struct store *store, int64_t entry_id, const char *token,
			const char *progress, int64_t now_ms, struct error *err)
{
	return say(store, entry_id, token, SAY("progress"), progress, now_ms, err);
}

/* The attempt that the claim counted is taken back, and the entry can be claimed at once. */
int entry_release(struct store *store, int64_t entry_id, const char *token, const char *why,
		  int64_t now_ms, struct error *err)
{
	const struct settlement settlement = {
	    .entry_id = entry_id,
	    .token = token,
	    .now_ms = now_ms,
	    .why = why,
	    .sql = SETTLE "state = 'new', attempt_count = attempt_count - 1, " FREE OWN,
	};
	return settle_in_transaction(store, &settlement, err);
}

int entry_defer(struct store *store, int64_t entry_id, const char *token, int64_t due_ms,
		const char *why, int64_t now_ms, struct error *err)
{
	const struct settlement settlement = {
	    .entry_id = entry_id,
	    .token = token,
	    .now_ms = now_ms,
	    .why = why,
	    .time_ms = due_ms,
	    .sql = SETTLE "state = 'new', attempt_count = attempt_count - 1,"
			  " next_attempt_at = ?5, " FREE OWN,
	};
	return settle_in_transaction(store, &settlement, err);
}

/* A lease that has ended can still be extended while nobody else has claimed the entry: the
 * token is good until then. */
int entry_extend(struct store *store, int64_t entry_id, const char *token, int64_t until_ms,
		 int64_t now_ms, struct error *err)
{
	const struct settlement settlement = {
	    .entry_id = entry_id,
	    .token = token,
	    .now_ms = now_ms,
	    .time_ms = until_ms,
	    .sql = SETTLE "lease_until = ?5" OWN,
	};
	return settle_in_transaction(store, &settlement, err);
}

/* ---- failing ---- */

/* Doubles with each attempt up to an hour; a random quarter more or less keeps entries that
 * failed together from coming back together. */
static int64_t retry_delay(int64_t delay_ms, int64_t attempt)
{
	for (; attempt > 1 && delay_ms < RETRY_DELAY_MAX_MS; attempt--)
		delay_ms *= 2;
	delay_ms = MIN(delay_ms, RETRY_DELAY_MAX_MS);
	return delay_ms - delay_ms / 4 + (int64_t)(g_random_double() * (double)delay_ms / 2);
}

/* When an entry that fails now is tried again; 0 = never. Its token is checked later, by the
 * update. */
static int next_attempt(struct store *store, int64_t entry_id, int64_t now_ms, int64_t *ret_next_ms,
			struct error *err)
{
	scoped_statement *statement =
	    engine_prepare(store->engine, "SELECT s.attempt_count, q.max_attempts, q.retry_delay_ms"
					  " FROM entry_status s JOIN work_queue q"
					  " ON q.id = s.queue_id WHERE s.id = ?");
	statement_bind_int(statement, 1, entry_id);
	const int result = statement_step(statement, err);
	if (result != 1)
		return result;
	const int64_t attempt = statement_int(statement, 0);
	if (attempt < statement_int(statement, 1))
		*ret_next_ms = now_ms + retry_delay(statement_int(statement, 2), attempt);
	return 0;
}

/* A business failure is final whatever the attempts are; the entry itself is wrong. */
static int fail_entry(struct store *store, struct settlement *settlement,
		      enum entry_failure failure, struct error *err)
{
	settlement->sql =
	    SETTLE "state = 'failed', error_kind = 'business', error_text = ?4, " FREE OWN;
	if (failure == ENTRY_BUSINESS)
		return settle(store, settlement, err);
	if (next_attempt(store, settlement->entry_id, settlement->now_ms, &settlement->time_ms,
			 err) != 0)
		return -1;
	settlement->sql = SETTLE
	    "state = CASE WHEN ?5 IS NULL THEN 'failed' ELSE 'new' END, next_attempt_at = ?5,"
	    " error_kind = 'application', error_text = ?4, " FREE OWN;
	return settle(store, settlement, err);
}

int entry_fail(struct store *store, int64_t entry_id, const char *token, enum entry_failure failure,
	       const char *reason, int64_t now_ms, int64_t *ret_next_attempt_ms, struct error *err)
{
	struct settlement settlement = {
	    .entry_id = entry_id, .token = token, .now_ms = now_ms, .text = reason};
	bool own;
	if (store_enter(store, &own, err) != 0)
		return -1;
	if (store_leave(store, own, fail_entry(store, &settlement, failure, err), err) != 0)
		return -1;
	*ret_next_attempt_ms = settlement.time_ms;
	return 0;
}
