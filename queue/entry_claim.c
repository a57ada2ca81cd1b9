/* Claims entries, and says when a claim is worth while. One statement chooses the entry and
 * gives it its lease. */
#include "queue/entry_claim.h"

#include "queue/store_internal.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/random.h>

/* The priorities at which entries wait, highest first. A claim looks for the first due entry of
 * each priority in turn: the index has entries by priority and then by due time, so one look
 * cannot skip all those of a higher priority that are not due yet. */
#define LEVELS                                                                                     \
	"WITH RECURSIVE level (priority) AS ("                                                     \
	" SELECT (SELECT priority FROM entry_status WHERE queue_id = ?1 AND state = 'new'"         \
	" AND held = 0 ORDER BY priority DESC LIMIT 1)"                                            \
	" UNION ALL SELECT (SELECT s.priority FROM entry_status s WHERE s.queue_id = ?1"           \
	" AND s.state = 'new' AND s.held = 0 AND s.priority < level.priority"                      \
	" ORDER BY s.priority DESC LIMIT 1) FROM level WHERE level.priority IS NOT NULL)"

/* The index has coalesce(…, '') as well: an entry without a time is due from the beginning. */
#define BY_DUE " coalesce(s.next_attempt_at, ''), s.id LIMIT 1"

/* Of a queue that wants it so, entries with a deadline come first, the earliest before the others; '~' is behind
 * any time. */
#define WANTS_DEADLINE "(SELECT claim_order FROM work_queue WHERE id = ?1) = 'deadline'"
#define ORDER                                                                                      \
	" ORDER BY s.priority DESC, CASE WHEN " WANTS_DEADLINE                                     \
	" THEN coalesce(s.deadline_at, '~') END," BY_DUE

/* The same of queues of one kind, which an index may serve. */
#define ORDER_DUE      " ORDER BY s.priority DESC," BY_DUE
#define ORDER_DEADLINE " ORDER BY s.priority DESC, coalesce(s.deadline_at, '~')," BY_DUE

/* % and _ in a text mean themselves. */
#define FILTERS                                                                                    \
	" AND (?6 IS NULL OR holds_text(m.sender, ?6))"                                            \
	" AND (?7 IS NULL OR holds_text(m.subject, ?7))"                                           \
	" AND (?8 IS NULL OR EXISTS (SELECT 1 FROM entry_tag t"                                    \
	" WHERE t.entry_id = s.id AND t.tag = ?8))"

/* Where entries are looked for that filters are about: in the order of claims, or, of a reference, among those
 * that have it, which are few. */
#define ALL " FROM entry_status s JOIN entry_mail m ON m.entry_id = s.id WHERE"
#define REFERRED                                                                                   \
	" FROM entry_key k CROSS JOIN entry_status s ON s.id = k.entry_id"                         \
	" JOIN entry_mail m ON m.entry_id = s.id"                                                  \
	" WHERE k.reference = ?10 AND k.queue_id = ?1 AND"

/* Read at each claim, as WANTS_DEADLINE, so that a change of the definition counts for entries that wait already. */
#define ATTEMPTS "(SELECT max_attempts FROM work_queue WHERE id = ?1)"

/* Entries whose worker has not finished in time, and that another worker may have. */
#define ENDED                                                                                      \
	" s.queue_id = ?1 AND s.state = 'claimed' AND s.lease_until <= ?2 AND s.held = 0"          \
	" AND s.attempt_count < " ATTEMPTS

#define CLAIM                                                                                      \
	"UPDATE entry_status SET state = 'claimed', lease_owner = ?3, lease_token = ?4,"           \
	" lease_until = ?5, last_attempt_at = ?2, attempt_count = attempt_count + 1,"              \
	" record_updated = ?2 WHERE id = ("

#define CLAIMED                                                                                    \
	" SELECT s.id FROM candidate CROSS JOIN entry_status s ON s.id = candidate.id" ORDER       \
	") RETURNING id, attempt_count"

/* A level has entries with a deadline in an index of their own. Where none of these is due, none that is due has a
 * deadline. */
#define AT_LEVEL                                                                                   \
	" WHERE s.queue_id = ?1 AND s.state = 'new' AND s.held = 0"                                \
	" AND s.priority = level.priority AND coalesce(s.next_attempt_at, '') <= ?9"
#define FIRST_DEADLINE                                                                             \
	"(SELECT s.id FROM entry_status s INDEXED BY entry_status_claim_deadline" AT_LEVEL         \
	" AND s.deadline_at IS NOT NULL AND " WANTS_DEADLINE " ORDER BY s.deadline_at," BY_DUE ")"

/* The view next_entry makes the same choice, for programs that claim in SQL. It stands in the
 * schema a second time because a view takes no parameters: a claim of this program has filters,
 * and goes by the time of its caller, the view by the clock. e2e.claim_model claims in both
 * ways and compares them with one model. */
static const char claim_any[] =
    CLAIM LEVELS ", candidate (id) AS ("
		 " SELECT * FROM (SELECT coalesce(" FIRST_DEADLINE
		 ", (SELECT s.id FROM entry_status s" AT_LEVEL " ORDER BY" BY_DUE ")) AS first"
		 " FROM level WHERE level.priority IS NOT NULL AND first IS NOT NULL LIMIT 1)"
		 " UNION ALL SELECT * FROM (SELECT s.id FROM entry_status s WHERE" ENDED
		 " AND coalesce(s.next_attempt_at, '') <= ?9" ORDER "))" CLAIMED;

#define CLAIM_FILTERED(from, order)                                                                \
	CLAIM "WITH candidate (id) AS ("                                                           \
	      " SELECT * FROM (SELECT s.id" from                                                   \
	      " s.queue_id = ?1 AND s.state = 'new' AND s.held = 0"                                \
	      " AND coalesce(s.next_attempt_at, '') <= ?9" FILTERS order ")"                       \
	      " UNION ALL SELECT * FROM (SELECT s.id" from ENDED                                   \
	      " AND coalesce(s.next_attempt_at, '') <= ?9" FILTERS order "))" CLAIMED

static const char claim_filtered_due[] = CLAIM_FILTERED(ALL, ORDER_DUE);
static const char claim_filtered_deadline[] = CLAIM_FILTERED(ALL, ORDER_DEADLINE);
static const char claim_referred[] = CLAIM_FILTERED(REFERRED, ORDER);

/* A lease that ends later makes an entry claimable; one that has ended and was the last makes it
 * a failure. Both are worth a claim. */
#define NEXT_LEASE                                                                                 \
	" UNION ALL SELECT (SELECT lease_until FROM entry_status WHERE queue_id = ?1"              \
	" AND state = 'claimed' AND lease_until > ?2 ORDER BY lease_until LIMIT 1)"                \
	" UNION ALL SELECT min(lease_until) FROM entry_status WHERE queue_id = ?1"                 \
	" AND state = 'claimed' AND lease_until <= ?2 AND attempt_count >= " ATTEMPTS

static const char due_any[] =
    LEVELS " SELECT min(due) FROM (SELECT (SELECT coalesce(s.next_attempt_at, '')"
	   " FROM entry_status s WHERE s.queue_id = ?1 AND s.state = 'new' AND s.held = 0"
	   " AND s.priority = level.priority ORDER BY coalesce(s.next_attempt_at, ''), s.id"
	   " LIMIT 1) AS due FROM level WHERE level.priority IS NOT NULL"
	   " UNION ALL SELECT min(coalesce(s.next_attempt_at, '')) FROM entry_status s"
	   " WHERE" ENDED NEXT_LEASE ")";

#define DUE_FILTERED(from)                                                                         \
	"SELECT min(due) FROM (SELECT min(coalesce(s.next_attempt_at, '')) AS due" from            \
	" s.queue_id = ?1 AND s.state = 'new' AND s.held = 0" FILTERS                              \
	" UNION ALL SELECT min(coalesce(s.next_attempt_at, ''))" from ENDED FILTERS NEXT_LEASE ")"

static const char due_filtered[] = DUE_FILTERED(ALL);
static const char due_referred[] = DUE_FILTERED(REFERRED);

/* Filters need the mail beside the state, and a walk over entries; without them the index alone
 * finds the next entry. */
static bool is_filtered(const struct entry_wish *wish)
{
	return wish->sender != NULL || wish->subject != NULL || wish->tag != NULL ||
	       wish->reference != NULL;
}

static const char *choose(const struct entry_wish *wish, const char *any, const char *filtered,
			  const char *referred)
{
	if (wish->reference != NULL)
		return referred;
	return is_filtered(wish) ? filtered : any;
}

/* NULL leaves a filter out. */
static void bind_filters(struct statement *statement, const struct entry_wish *wish)
{
	statement_bind_text(statement, 6, wish->sender);
	statement_bind_text(statement, 7, wish->subject);
	statement_bind_text(statement, 8, wish->tag);
	if (wish->reference != NULL)
		statement_bind_text(statement, 10, wish->reference);
}

/* Entries whose last attempt ended with its lease have failed for good. A claim ends them as
 * well, by a trigger of the schema, but there may be nothing to claim. */
static int end_exhausted(struct store *store, int64_t queue_id, const char *now, struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "UPDATE entry_status SET state = 'failed', error_kind = 'application',"
	    " error_text = 'lease ended: nothing was heard of worker ' || lease_owner"
	    " || ' until ' || lease_until,"
	    " lease_owner = NULL, lease_token = NULL, lease_until = NULL, record_updated = ?2"
	    " WHERE queue_id = ?1 AND state = 'claimed' AND lease_until <= ?2"
	    " AND attempt_count >= " ATTEMPTS);
	statement_bind_int(statement, 1, queue_id);
	statement_bind_text(statement, 2, now);
	return statement_step(statement, err);
}

/* Asked where filters leave no index to go by but one that a queue of this kind has. */
static int wants_deadline(struct store *store, const struct entry_wish *wish, bool *ret_wants,
			  struct error *err)
{
	*ret_wants = false;
	if (!is_filtered(wish))
		return 0;
	scoped_statement *statement = engine_prepare(
	    store->engine, "SELECT claim_order = 'deadline' FROM work_queue WHERE id = ?");
	statement_bind_int(statement, 1, wish->queue_id);
	const int result = statement_step(statement, err);
	*ret_wants = result == 1 && statement_int(statement, 0) != 0;
	return result < 0 ? -1 : 0;
}

/* 1: claimed, 0: there is none. */
static int claim_one(struct store *store, const struct entry_wish *wish, bool by_deadline,
		     const char *now, const char *until, struct entry_lease *lease,
		     struct error *err)
{
	char due[VALUE_TIME_MAX];
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    choose(wish, claim_any, by_deadline ? claim_filtered_deadline : claim_filtered_due,
		   claim_referred));
	statement_bind_int(statement, 1, wish->queue_id);
	statement_bind_text(statement, 2, now);
	statement_bind_text(statement, 3, wish->worker);
	statement_bind_text(statement, 4, lease->token);
	statement_bind_text(statement, 5, until);
	value_format_time_ms(wish->due_ms, due);
	statement_bind_text(statement, 9, wish->due_ms != 0 ? due : now);
	if (is_filtered(wish))
		bind_filters(statement, wish);
	const int result = statement_step(statement, err);
	if (result != 1)
		return result;
	lease->entry_id = statement_int(statement, 0);
	lease->attempt = (int32_t)statement_int(statement, 1);
	return 1;
}

/* One statement for each entry, all in the caller's transaction and with one token. */
static int claim_many(struct store *store, const struct entry_wish *wish, int64_t now_ms,
		      const struct entry_lease *lease, struct entry_lease *ret_leases, size_t room,
		      size_t *ret_count, struct error *err)
{
	char now[VALUE_TIME_MAX];
	char until[VALUE_TIME_MAX];
	value_format_time_ms(now_ms, now);
	value_format_time_ms(lease->until_ms, until);
	bool by_deadline;
	if (end_exhausted(store, wish->queue_id, now, err) != 0 ||
	    wants_deadline(store, wish, &by_deadline, err) != 0)
		return -1;
	size_t count = 0;
	for (int found = 1; count < room && found == 1; count += (size_t)found) {
		ret_leases[count] = *lease;
		found = claim_one(store, wish, by_deadline, now, until, &ret_leases[count], err);
		if (found < 0)
			return -1;
	}
	*ret_count = count;
	return 0;
}

/* 128 random bits: nobody guesses the token of another worker. */
static int token_make(char token[ENTRY_TOKEN_SIZE], struct error *err)
{
	unsigned char bytes[(ENTRY_TOKEN_SIZE - 1) / 2];
	if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
		return error_because(err, REASON_SOFTWARE, "no random numbers: %s",
				     g_strerror(errno));
	for (size_t i = 0; i < sizeof bytes; i++)
		g_snprintf(token + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

/* The token is made before the transaction begins: others wait for its end. */
int entry_claim(struct store *store, const struct entry_wish *wish, int64_t now_ms,
		struct entry_lease *ret_leases, size_t room, size_t *ret_count, struct error *err)
{
	struct entry_lease lease = {.until_ms = now_ms + wish->lease_ms};
	bool own;
	if (token_make(lease.token, err) != 0 || store_enter(store, &own, err) != 0)
		return -1;
	return store_leave(
	    store, own, claim_many(store, wish, now_ms, &lease, ret_leases, room, ret_count, err),
	    err);
}

/* Reads only, so that a worker that waits locks nobody out. */
int entry_claim_due(struct store *store, const struct entry_wish *wish, int64_t now_ms,
		    int64_t *ret_due_ms, struct error *err)
{
	char now[VALUE_TIME_MAX];
	scoped_statement *statement =
	    engine_prepare(store->engine, choose(wish, due_any, due_filtered, due_referred));
	statement_bind_int(statement, 1, wish->queue_id);
	value_format_time_ms(now_ms, now);
	statement_bind_text(statement, 2, now);
	if (is_filtered(wish))
		bind_filters(statement, wish);
	if (statement_step(statement, err) != 1)
		return -1;
	const char *due = statement_text(statement, 0);
	*ret_due_ms = due != NULL ? MAX(value_parse_time_ms(due), now_ms) : 0;
	return 0;
}

/* ---- leases that are too long ---- */

static void overlong_clear(void *data)
{
	struct entry_overlong *overlong = data;
	g_free((char *)overlong->queue_name);
	g_free((char *)overlong->worker);
}

/* Such a lease ends later than the longest one that could be given now, so that the claimer's
 * clock was ahead. */
static int list_overlong(struct store *store, int64_t queue_id, int64_t now_ms, int64_t limit,
			 GArray *found, struct error *err)
{
	char latest[VALUE_TIME_MAX];
	value_format_time_ms(now_ms + ENTRY_LEASE_MAX_MS, latest);
	scoped_statement *statement =
	    engine_prepare(store->engine, "SELECT s.id, q.name, s.lease_owner, s.lease_until"
					  " FROM work_queue q JOIN entry_status s"
					  " ON s.queue_id = q.id AND s.state = 'claimed'"
					  " AND s.lease_until > ?2 WHERE ?1 IN (0, q.id)"
					  " ORDER BY s.lease_until DESC, s.id LIMIT ?3");
	statement_bind_int(statement, 1, queue_id);
	statement_bind_text(statement, 2, latest);
	statement_bind_int(statement, 3, limit);
	int result;
	while ((result = statement_step(statement, err)) == 1) {
		const struct entry_overlong overlong = {
		    .entry_id = statement_int(statement, 0),
		    .queue_name = g_strdup(statement_text(statement, 1)),
		    .worker = g_strdup(statement_text(statement, 2)),
		    .until_ms = value_parse_time_ms(statement_text(statement, 3))};
		g_array_append_val(found, overlong);
	}
	return result;
}

/* Calls `each` when the list is whole, so that no statement is held while it prints. */
int entry_overlong_list(struct store *store, int64_t queue_id, int64_t now_ms, int64_t limit,
			int (*each)(const struct entry_overlong *overlong, void *context),
			void *context, struct error *err)
{
	g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(struct entry_overlong));
	g_array_set_clear_func(found, overlong_clear);
	int result = list_overlong(store, queue_id, now_ms, limit, found, err);
	for (guint i = 0; i < found->len && result == 0; i++)
		result = each(&g_array_index(found, struct entry_overlong, i), context);
	return result;
}

char *entry_overlong_format(const struct entry_overlong *overlong)
{
	char until[VALUE_TIME_MAX];
	value_format_time_ms(overlong->until_ms, until);
	return g_strdup_printf("worker '%.100s' has it until %s, longer than any lease lasts (%d "
			       "days): a clock was wrong; `inqueue release %" G_GINT64_FORMAT
			       " --force --reason TEXT` ends it",
			       overlong->worker, until, (int)(ENTRY_LEASE_MAX_MS / 86400000),
			       overlong->entry_id);
}
