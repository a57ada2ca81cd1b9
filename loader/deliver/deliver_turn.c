/* The turn of a delivery run: one durable transaction writes down what has ended, gives back
 * what is not used, and claims the next entries. */
#include "loader/deliver/deliver_internal.h"

#include "loader/base/clock.h"

/* A lease lasts this much longer than a post may take. */
#define LEASE_SLACK_MS INT64_C(60000)
/* The largest number of entries that a turn claims. */
#define BATCH_MAX ((size_t)128)
/* A claim counts as an attempt, also for the entries that a run has in hand when it dies. Where
 * a queue allows fewer attempts than this, a turn claims no more than are posted at once. */
#define ATTEMPTS_FEW 10

static struct delivery_end turn_end_of(const struct deliver_item *item)
{
	const struct http_answer *answer = &item->answer;
	const bool answered = answer->error.kind == ERROR_NONE;
	return (struct delivery_end){
	    .delivery = {.entry_id = item->lease.entry_id,
			 .attempt = item->lease.attempt,
			 .at_ms = item->ended_ms,
			 .outcome = item->outcome,
			 .status = answer->status,
			 .duration_ms = answer->duration_ms,
			 .answer = answer->text,
			 .error = answered ? NULL : (char *)answer->error.text},
	    .token = item->lease.token,
	    .not_before_ms = item->not_before_ms};
}

/* Another worker may have the entry by now, or an operator may have deleted it; that is no
 * reason to end the run. */
static int turn_settle(struct deliver *deliver, const struct deliver_item *item, struct error *err)
{
	const struct delivery_end end = turn_end_of(item);
	const bool wanted_again =
	    item->outcome == DELIVERY_RETRY || item->outcome == DELIVERY_UNREACHABLE;
	struct deliver_result *result = deliver->result;
	int64_t next_ms;
	bool stopped = false;
	const int failed = delivery_settle(deliver->store, &end, &next_ms, &stopped, err);
	result->stopped = result->stopped || stopped;
	deliver->enough = deliver->enough || stopped;
	if (failed == 0) {
		result->given_up += wanted_again && next_ms == 0;
		return 0;
	}
	if (err->reason != REASON_REFUSED && err->reason != REASON_MISSING)
		return -1;
	/* Somebody else has the entry by now, or has deleted it: the others go on. */
	result->last = *err;
	return 0;
}

/* Entries that were claimed and not posted keep their attempt. */
static int turn_give_back(struct deliver *deliver, const struct deliver_item *item,
			  struct error *err)
{
	if (entry_release(deliver->store, item->lease.entry_id, item->lease.token,
			  "claimed, but not posted", clock_now_ms(), err) == 0 ||
	    err->reason == REASON_REFUSED || err->reason == REASON_MISSING)
		return 0;
	return -1;
}

/* Claims as many entries as were posted in the time of a turn: more would wait in our hands,
 * fewer would make more turns. It finds that number by doubling and halving. */
static size_t turn_batch(const struct deliver *deliver, int64_t now_ms)
{
	const size_t at_once = (size_t)deliver->queue->target.concurrency;
	const size_t most =
	    deliver->queue->max_attempts < ATTEMPTS_FEW ? at_once : MAX(BATCH_MAX, at_once);
	if (deliver->batch == 0)
		return at_once;
	const bool fast = now_ms - deliver->turned_ms < DELIVER_TURN_MS;
	return CLAMP(fast ? deliver->batch * 2 : deliver->batch / 2, at_once, most);
}

static int turn_claim(struct deliver *deliver, GArray *leases, struct error *err)
{
	size_t count;
	if (deliver->enough || deliver->drained || !g_queue_is_empty(&deliver->ready))
		return 0;
	const int64_t now_ms = clock_monotonic_ms();
	deliver->batch = turn_batch(deliver, now_ms);
	deliver->turned_ms = now_ms;
	const size_t room = (size_t)MIN(deliver->batch, deliver->left);
	g_array_set_size(leases, (guint)room);
	if (delivery_claim(deliver->store, deliver->queue->id,
			   deliver->queue->target.timeout_ms + LEASE_SLACK_MS, deliver->began_ms,
			   clock_now_ms(), (struct entry_lease *)(void *)leases->data, room, &count,
			   err) != 0)
		return -1;
	g_array_set_size(leases, (guint)count);
	deliver->left -= count;
	deliver->drained = count < room || deliver->left == 0;
	return 0;
}

static int turn_all(struct deliver *deliver, GArray *leases, struct error *err)
{
	for (GList *at = deliver->ended.head; at != NULL; at = at->next) {
		if (turn_settle(deliver, at->data, err) != 0)
			return -1;
	}
	for (GList *at = deliver->unused.head; at != NULL; at = at->next) {
		if (turn_give_back(deliver, at->data, err) != 0)
			return -1;
	}
	return turn_claim(deliver, leases, err);
}

static void turn_forget(GQueue *items)
{
	struct deliver_item *item;
	while ((item = g_queue_pop_head(items)) != NULL)
		deliver_item_free(item);
}

/* Items are made after the commit: a claim that was undone must not be posted. */
int deliver_turn(struct deliver *deliver, struct error *err)
{
	g_autoptr(GArray) leases = g_array_new(FALSE, FALSE, sizeof(struct entry_lease));
	if (store_begin(deliver->store, err) != 0)
		return -1;
	if (turn_all(deliver, leases, err) != 0) {
		store_rollback(deliver->store);
		return -1;
	}
	if (store_commit(deliver->store, err) != 0)
		return -1;
	deliver->blamed = false;
	turn_forget(&deliver->ended);
	turn_forget(&deliver->unused);
	for (guint i = 0; i < leases->len; i++) {
		struct deliver_item *item = g_new0(struct deliver_item, 1);
		item->lease = g_array_index(leases, struct entry_lease, i);
		g_queue_push_tail(&deliver->ready, item);
	}
	return 0;
}
