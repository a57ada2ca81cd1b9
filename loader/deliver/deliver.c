/* One delivery run: claims entries, posts several at a time, takes the answers, and decides when
 * it is enough. deliver_turn() keeps the database up to date. */
#include "loader/deliver/deliver_internal.h"

#include "loader/base/clock.h"
#include "loader/base/folder.h"
#include "loader/base/service.h"
#include "loader/base/starter.h"
#include "loader/confine/confine.h"
#include "loader/http/target.h"
#include "loader/parse/parser.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <unistd.h>

/* An entry whose lease leaves less than this beside the time of a post goes back to the queue:
 * the lease must not end during the post. */
#define STALE_MS INT64_C(30000)
/* While posts are under way, a run looks for new entries this often. */
#define LOOK_MS INT64_C(1000)
/* After this many entries in a row that could not reach the target a run ends: the others would
 * find out the same. */
#define UNREACHABLE_MAX	  3
#define RETRY_AFTER_MAX_S (INT64_C(24) * 3600)
/* glibc returns memory above this to the system; with its own limit it would do so for the
 * buffers of each post, which costs more than the post. */
#define MEMORY_KEPT (1024 * 1024)

void deliver_item_free(struct deliver_item *item)
{
	if (item == NULL)
		return;
	deliver_post_free(item->post);
	http_answer_clear(&item->answer);
	g_free(item);
}

/* ---- what became of it ---- */

/* Counts what became of the entry, and keeps the last thing that went wrong as the words of the
 * run. */
static void deliver_note(struct deliver *deliver, const struct deliver_item *item,
			 enum error_kind kind)
{
	struct deliver_result *result = deliver->result;
	result->counts[item->outcome]++;
	if (item->outcome == DELIVERY_DELIVERED)
		return;
	if (item->answer.error.kind != ERROR_NONE)
		error_fill(&result->last, kind, "entry %" PRId64 ": %s", item->lease.entry_id,
			   item->answer.error.text);
	else
		error_fill(&result->last, kind, "entry %" PRId64 ": the target answered %d",
			   item->lease.entry_id, item->answer.status);
}

static void deliver_end(struct deliver *deliver, struct deliver_item *item)
{
	item->ended_ms = clock_now_ms();
	g_queue_push_tail(&deliver->ended, item);
}

/* An answer ends the entry's attempt; a pause that the target asks for, or several entries in a
 * row without an answer, end the run. */
static void deliver_answered(struct deliver *deliver, struct deliver_item *item)
{
	const struct http_answer *answer = &item->answer;
	item->outcome = deliver_judge(answer);
	deliver_end(deliver, item);
	const bool unreachable = item->outcome == DELIVERY_UNREACHABLE;
	const bool pause = item->outcome == DELIVERY_RETRY && answer->retry_after_s > 0;
	if (pause) {
		item->not_before_ms =
		    item->ended_ms + MIN(answer->retry_after_s, RETRY_AFTER_MAX_S) * 1000;
		deliver->result->pause_until_ms =
		    MAX(deliver->result->pause_until_ms, item->not_before_ms);
	}
	deliver->blamed = deliver->blamed || delivery_blames_target(answer->status);
	deliver->unreachable_run = unreachable ? deliver->unreachable_run + 1 : 0;
	deliver->enough = deliver->enough || pause || deliver->unreachable_run >= UNREACHABLE_MAX;
	deliver_note(deliver, item, unreachable ? ERROR_UNREACHABLE : ERROR_TEMPORARY);
	/* The post is not needed any more, and may be large. */
	deliver_post_free(steal(&item->post));
}

/* The entry can never be posted as the queue wants it, so nobody need ask the target. */
static void deliver_refuse(struct deliver *deliver, struct deliver_item *item,
			   const struct error *why)
{
	item->outcome = DELIVERY_REJECTED;
	item->answer.error = *why;
	deliver_note(deliver, item, ERROR_NO);
	deliver_end(deliver, item);
}

/* ---- a run ---- */

/* Posts the first ready entry, unless its lease is too short by now. */
static int deliver_begin(struct deliver *deliver, struct error *err)
{
	scoped(deliver_item_free) struct deliver_item *item = g_queue_pop_head(&deliver->ready);
	const int64_t left_ms = item->lease.until_ms - clock_now_ms();
	if (left_ms < deliver->queue->target.timeout_ms + STALE_MS) {
		g_queue_push_tail(&deliver->unused, steal(&item));
		return 0;
	}
	if (deliver_post_of_entry(deliver->store, deliver->queue, item->lease.entry_id, &item->post,
				  err) != 0) {
		if (err->kind != ERROR_NO)
			return -1;
		deliver_refuse(deliver, steal(&item), err);
		return 0;
	}
	if (deliver_send(deliver->client, deliver->queue, deliver->secrets, item->post, item,
			 err) != 0)
		return -1;
	(void)steal(&item);
	return 0;
}

static bool deliver_has_room(const struct deliver *deliver)
{
	return delivery_places_have(deliver->places, http_client_pending(deliver->client));
}

/* After an answer that blames the target nothing is posted until the breaker has had its say in
 * the next turn. */
static int deliver_fill(struct deliver *deliver, struct error *err)
{
	if (deliver->enough) {
		while (!g_queue_is_empty(&deliver->ready))
			g_queue_push_tail(&deliver->unused, g_queue_pop_head(&deliver->ready));
		return 0;
	}
	while (!deliver->blamed && deliver_has_room(deliver) &&
	       !g_queue_is_empty(&deliver->ready)) {
		if (deliver_begin(deliver, err) != 0)
			return -1;
	}
	return 0;
}

/* Nothing is under way, and nothing more is to come. */
static bool deliver_is_over(struct deliver *deliver)
{
	return http_client_pending(deliver->client) == 0 && g_queue_is_empty(&deliver->ready) &&
	       (deliver->enough || deliver->drained);
}

/* A turn is a durable commit: answers wait for it up to DELIVER_TURN_MS, so that many share one. */
static bool deliver_wants_turn(struct deliver *deliver)
{
	const struct deliver_item *oldest = g_queue_peek_head(&deliver->ended);
	if (!deliver->enough && !deliver->drained && g_queue_is_empty(&deliver->ready) &&
	    deliver_has_room(deliver))
		return true;
	if (deliver_is_over(deliver))
		return oldest != NULL || !g_queue_is_empty(&deliver->unused);
	return oldest != NULL &&
	       (deliver->blamed || clock_now_ms() - oldest->ended_ms >= DELIVER_TURN_MS);
}

static void deliver_wait(struct deliver *deliver)
{
	struct http_answer answer;
	void *context;
	if (http_client_wait(deliver->client, DELIVER_TURN_MS, &answer, &context)) {
		struct deliver_item *item = context;
		item->answer = answer;
		deliver_answered(deliver, item);
	}
	delivery_places_share(deliver->places, http_client_pending(deliver->client),
			      clock_monotonic_ms());
	/* An entry that arrives while others wait for slow answers is claimed as soon as there
	 * is room. */
	if (deliver->left > 0 && clock_monotonic_ms() - deliver->turned_ms >= LOOK_MS)
		deliver->drained = false;
}

static int deliver_all(struct deliver *deliver, struct error *err)
{
	for (;;) {
		deliver->enough = deliver->enough || stop_requested();
		if (deliver_fill(deliver, err) != 0)
			return -1;
		if (deliver_wants_turn(deliver)) {
			if (deliver_turn(deliver, err) != 0)
				return -1;
		} else if (deliver_is_over(deliver)) {
			return 0;
		} else {
			deliver_wait(deliver);
		}
	}
}

static void deliver_allow_secret(const char *field, enum secret_source source,
				 const char *reference, void *context)
{
	(void)field;
	(void)context;
	g_autofree char *path = secret_path(source, reference);
	secret_allow(source, reference);
	confine_allow(path);
}

void deliver_allow(const struct work_queue *queue)
{
	target_secret_list(&queue->target, deliver_allow_secret, NULL);
	confine_allow(queue->target.ca_file);
	confine_allow(queue->target.crl_file);
	confine_allow(queue->target.client_certificate);
}

/* The parser finds what a mail says beside what it quotes. Which processes there are is settled by the
 * first call. */
int deliver_confine(const char *database, struct error *err)
{
	static bool done;
	parser_allow();
	if (!done && starter_begin(err) != 0)
		return -1;
	done = true;
	work_queue_lock_make(database);
	return confine_to_database(database, folder_temporary(), err);
}

static int deliver_check_file(const char *field, const char *path, struct error *err)
{
	if (path == NULL || access(path, R_OK) == 0)
		return 0;
	return error_set(err, ERROR_CONFIGURATION, "%s: '%s': %s", field, path, g_strerror(errno));
}

int deliver_check_target(const struct work_queue *queue, struct error *err)
{
	const struct work_queue_target *target = &queue->target;
	if (target->url == NULL)
		return error_set(err, ERROR_CONFIGURATION,
				 "the queue has no target: `inqueue queue alter %s --deliver-to "
				 "URL` or --target "
				 "NAME sets one",
				 queue->name);
	return deliver_check_file("deliver-client-certificate", target->client_certificate, err);
}

static int deliver_check(const struct work_queue *queue, struct error *err)
{
	if (deliver_check_target(queue, err) != 0)
		return -1;
	if (queue->target.stopped != NULL)
		return error_set(err, ERROR_CONFIGURATION,
				 "delivery has stopped: %s, then `inqueue queue resume %s`",
				 queue->target.stopped, queue->name);
	return 0;
}

static void deliver_drop(gpointer item)
{
	deliver_item_free(item);
}

/* After an error: writes down what was posted and gives back what was not, as far as the
 * database is able to. The rest goes back to the queue when its lease ends. */
static void deliver_give_up(struct deliver *deliver)
{
	struct error ignored;
	deliver->enough = true;
	while (http_client_pending(deliver->client) > 0)
		deliver_wait(deliver);
	if (deliver_fill(deliver, &ignored) == 0)
		(void)deliver_turn(deliver, &ignored);
	g_queue_clear_full(&deliver->ready, deliver_drop);
	g_queue_clear_full(&deliver->ended, deliver_drop);
	g_queue_clear_full(&deliver->unused, deliver_drop);
}

/* A run that has nothing to post does not wait for a place at the target. */
static int deliver_is_due(const struct deliver *deliver, bool *ret_due, struct error *err)
{
	const struct entry_wish any = {.queue_id = deliver->queue->id};
	int64_t due_ms;
	if (entry_claim_due(deliver->store, &any, deliver->began_ms, &due_ms, err) != 0)
		return -1;
	*ret_due = due_ms == deliver->began_ms;
	return 0;
}

static int deliver_what_is_due(struct deliver *deliver, struct error *err)
{
	bool due;
	if (deliver_is_due(deliver, &due, err) != 0)
		return -1;
	return due ? deliver_all(deliver, err) : 0;
}

int deliver_run(struct store *store, const struct work_queue *queue, uint64_t limit,
		struct deliver_result *ret_result, struct error *err)
{
	*ret_result = (struct deliver_result){.last = {.kind = ERROR_NONE}};
	struct target_secrets secrets = {0};
	scoped(target_secrets_clear) struct target_secrets *release = &secrets;
	scoped(work_queue_unlock) struct work_queue_lock *lock = NULL;
	if (deliver_check(queue, err) != 0 ||
	    target_secrets_read(&queue->target, release, err) != 0)
		return -1;
	if (work_queue_lock_delivery(store, queue->id, &lock, err) != 0 ||
	    delivery_recover(store, queue->id, clock_now_ms(), err) != 0)
		return -1;
	scoped(http_client_free) struct http_client *client = NULL;
	if (deliver_connect(&queue->target, false, &client, err) != 0)
		return -1;
	g_autofree char *origin = target_origin(queue->target.url);
	scoped(delivery_places_close) struct delivery_places *places =
	    delivery_places_open(store, origin, queue->target.concurrency);
	struct deliver deliver = {.store = store,
				  .queue = queue,
				  .client = client,
				  .places = places,
				  .secrets = &secrets,
				  .began_ms = clock_now_ms(),
				  .left = limit != 0 ? limit : UINT64_MAX,
				  .result = ret_result};
	mallopt(M_TRIM_THRESHOLD, MEMORY_KEPT);
	const int failed = deliver_what_is_due(&deliver, err);
	if (failed != 0)
		deliver_give_up(&deliver);
	return failed;
}
