#include "loader/flow/deliver.h"

#include "loader/base/clock.h"
#include "loader/base/scoped.h"
#include "loader/base/stop.h"
#include "loader/flow/deliver_post.h"
#include "loader/flow/from_queue.h"
#include "loader/flow/target_secret.h"
#include "loader/http/client.h"
#include "loader/http/signature.h"

#include <inttypes.h>
#include <string.h>

/* A lease outlives its delivery by this. */
#define LEASE_SLACK_MS INT64_C(60000)
/* So often in a row unreachable: what waits need not find out, too. */
#define UNREACHABLE_MAX	  3
#define RETRY_AFTER_MAX_S (INT64_C(24) * 3600)

SCOPED_DEFINE(struct target_secrets *, target_secrets_clear)
SCOPED_DEFINE(struct http_client *, http_client_free)
SCOPED_DEFINE(struct deliver_post *, deliver_post_free)
SCOPED_DEFINE(struct work_queue_lock *, work_queue_unlock)

struct deliver {
	struct store *store;
	const struct work_queue *queue;
	struct http_client *client;
	const struct target_secrets *secrets;
	uint64_t left; /* may still be begun */
	bool enough;   /* no more are to be begun */
	int unreachable_run;
	struct deliver_result *result;
};

/* An entry that is being delivered. */
struct deliver_item {
	struct entry_lease lease;
	struct deliver_post *post;
};

static void deliver_item_free(struct deliver_item *item)
{
	if (item == NULL)
		return;
	deliver_post_free(item->post);
	g_free(item);
}
SCOPED_DEFINE(struct deliver_item *, deliver_item_free)

/* ---- sending ---- */

static int deliver_sign(const struct secret *secret, const struct deliver_post *post,
			int64_t time_s, GPtrArray *fields, struct error *err)
{
	char signature[SIGNATURE_SIZE];
	const struct signature_input input = {
	    .key = secret_text(secret), .id = post->key, .time_s = time_s};
	if (signature_make(&input, post->body, signature, err) != 0)
		return -1;
	g_ptr_array_add(fields, g_strconcat("webhook-signature: ", signature, NULL));
	return 0;
}

static int deliver_start(struct http_client *client, const struct work_queue *queue,
			 const struct target_secrets *secrets, const struct deliver_post *post,
			 void *context, struct error *err)
{
	const int64_t time_s = clock_now_ms() / 1000;
	g_autoptr(GPtrArray) fields = g_ptr_array_new_with_free_func(g_free);
	g_ptr_array_add(fields, g_strconcat("Idempotency-Key: ", post->key, NULL));
	g_ptr_array_add(fields, g_strconcat("webhook-id: ", post->key, NULL));
	g_ptr_array_add(fields, g_strdup_printf("webhook-timestamp: %" PRId64, time_s));
	if (secrets->key != NULL && deliver_sign(secrets->key, post, time_s, fields, err) != 0)
		return -1;
	g_ptr_array_add(fields, NULL);
	g_auto(GStrv) own =
	    queue->target.headers != NULL ? g_strsplit(queue->target.headers, "\n", -1) : NULL;
	const struct http_request request = {.url = secrets->url,
					     .content_type = post->content_type,
					     .fields = (char *const *)fields->pdata,
					     .home_fields = own,
					     .secret_fields = secrets->fields,
					     .body = post->body,
					     .size_bytes = post->size_bytes};
	http_client_start(client, &request, context);
	return 0;
}

static struct http_client *deliver_connect(const struct work_queue_target *target, bool trace)
{
	const struct http_options options = {.connect_timeout_ms = target->connect_timeout_ms,
					     .timeout_ms = target->timeout_ms,
					     .concurrency = target->concurrency,
					     .ca_file = target->ca_file,
					     .client_certificate = target->client_certificate,
					     .allow_private = target->allow_private,
					     .trace = trace};
	return http_client_new(&options);
}

/* ---- what became of it ---- */

static enum delivery_outcome deliver_judge(const struct http_answer *answer)
{
	if (answer->error.kind == ERROR_UNREACHABLE)
		return DELIVERY_UNREACHABLE;
	/* The body could not be made. */
	if (answer->error.kind != ERROR_NONE)
		return DELIVERY_RETRY;
	if (answer->status < 300)
		return DELIVERY_DELIVERED;
	const bool later = answer->status == 408 || answer->status == 425 || answer->status == 429;
	return answer->status < 500 && !later ? DELIVERY_REJECTED : DELIVERY_RETRY;
}

static void deliver_note(struct deliver *deliver, const struct delivery *delivery,
			 enum error_kind kind)
{
	struct deliver_result *result = deliver->result;
	result->counts[delivery->outcome]++;
	if (delivery->outcome == DELIVERY_DELIVERED)
		return;
	if (delivery->error != NULL)
		error_fill(&result->last, kind, "entry %" PRId64 ": %s", delivery->entry_id,
			   delivery->error);
	else
		error_fill(&result->last, kind, "entry %" PRId64 ": the target answered %d",
			   delivery->entry_id, (int)delivery->status);
}

static int deliver_settle(struct deliver *deliver, const struct deliver_item *item,
			  const struct delivery *outcome, int64_t not_before_ms, struct error *err)
{
	struct delivery_end end = {
	    .delivery = *outcome, .token = item->lease.token, .not_before_ms = not_before_ms};
	struct queue_error queue_err;
	int64_t next_ms;
	bool stopped = false;
	if (delivery_settle(deliver->store, &end, &next_ms, &stopped, &queue_err) != 0)
		return error_from_queue(err, &queue_err);
	deliver->result->stopped = deliver->result->stopped || stopped;
	deliver->enough = deliver->enough || stopped;
	return 0;
}

static int deliver_finish(struct deliver *deliver, const struct deliver_item *item,
			  const struct http_answer *answer, struct error *err)
{
	const int64_t now_ms = clock_now_ms();
	const struct delivery outcome = {
	    .entry_id = item->lease.entry_id,
	    .attempt = item->lease.attempt,
	    .at_ms = now_ms,
	    .outcome = deliver_judge(answer),
	    .status = answer->status,
	    .duration_ms = answer->duration_ms,
	    .answer = answer->text,
	    .error = answer->error.kind != ERROR_NONE ? (char *)answer->error.text : NULL,
	};
	const bool unreachable = outcome.outcome == DELIVERY_UNREACHABLE;
	const bool pause = outcome.outcome == DELIVERY_RETRY && answer->retry_after_s > 0;
	deliver->unreachable_run = unreachable ? deliver->unreachable_run + 1 : 0;
	deliver->enough = deliver->enough || pause || deliver->unreachable_run >= UNREACHABLE_MAX;
	deliver_note(deliver, &outcome, unreachable ? ERROR_UNREACHABLE : ERROR_TEMPORARY);
	const int64_t wait_s = MIN(answer->retry_after_s, RETRY_AFTER_MAX_S);
	return deliver_settle(deliver, item, &outcome, pause ? now_ms + wait_s * 1000 : 0, err);
}

/* An entry that can never be posted as the queue wants it: nobody need ask the target. */
static int deliver_refuse(struct deliver *deliver, const struct deliver_item *item,
			  const struct error *why, struct error *err)
{
	const struct delivery outcome = {.entry_id = item->lease.entry_id,
					 .attempt = item->lease.attempt,
					 .at_ms = clock_now_ms(),
					 .outcome = DELIVERY_REJECTED,
					 .error = (char *)why->text};
	deliver_note(deliver, &outcome, ERROR_NO);
	return deliver_settle(deliver, item, &outcome, 0, err);
}

/* ---- a run ---- */

/* Claims the next entry and sends it off; without one, there is nothing more to begin. */
static int deliver_begin(struct deliver *deliver, struct error *err)
{
	struct queue_error queue_err;
	scoped(deliver_item_free) struct deliver_item *item = g_new0(struct deliver_item, 1);
	bool found;
	if (delivery_claim(deliver->store, deliver->queue->id,
			   deliver->queue->target.timeout_ms + LEASE_SLACK_MS, clock_now_ms(),
			   &item->lease, &found, &queue_err) != 0)
		return error_from_queue(err, &queue_err);
	if (!found) {
		deliver->enough = true;
		return 0;
	}
	deliver->left--;
	if (deliver_post_of_entry(deliver->store, deliver->queue, item->lease.entry_id, &item->post,
				  err) != 0) {
		const struct error why = *err;
		return why.kind == ERROR_NO ? deliver_refuse(deliver, item, &why, err) : -1;
	}
	if (deliver_start(deliver->client, deliver->queue, deliver->secrets, item->post, item,
			  err) != 0)
		return -1;
	(void)steal(&item);
	return 0;
}

static int deliver_wait(struct deliver *deliver, struct error *err)
{
	struct http_answer answer;
	void *context;
	if (!http_client_wait(deliver->client, &answer, &context))
		return 0;
	scoped(deliver_item_free) struct deliver_item *item = context;
	const int failed = deliver_finish(deliver, item, &answer, err);
	http_answer_clear(&answer);
	return failed;
}

static int deliver_all(struct deliver *deliver, struct error *err)
{
	for (;;) {
		deliver->enough = deliver->enough || deliver->left == 0 || stop_requested();
		const int pending = http_client_pending(deliver->client);
		if (deliver->enough && pending == 0)
			return 0;
		const bool more = !deliver->enough && pending < deliver->queue->target.concurrency;
		if ((more ? deliver_begin(deliver, err) : deliver_wait(deliver, err)) != 0)
			return -1;
	}
}

static int deliver_check(const struct work_queue *queue, struct error *err)
{
	if (queue->target.url == NULL)
		return error_set(
		    err, ERROR_CONFIGURATION,
		    "it has no target: `inqueue queue alter %s --deliver-to URL` sets one",
		    queue->name);
	if (queue->target.stopped != NULL)
		return error_set(err, ERROR_CONFIGURATION,
				 "delivery has stopped: %s `inqueue queue resume %s` lets it go on",
				 queue->target.stopped, queue->name);
	return 0;
}

/* What is still under way after an error goes back to the queue by its lease. */
static void deliver_give_up(struct deliver *deliver)
{
	struct http_answer answer;
	void *context;
	while (http_client_pending(deliver->client) > 0) {
		if (!http_client_wait(deliver->client, &answer, &context))
			continue;
		http_answer_clear(&answer);
		deliver_item_free(context);
	}
}

int deliver_run(struct store *store, const struct work_queue *queue, uint64_t limit,
		struct deliver_result *ret_result, struct error *err)
{
	*ret_result = (struct deliver_result){.last = {.kind = ERROR_NONE}};
	struct queue_error queue_err;
	struct target_secrets secrets = {0};
	scoped(target_secrets_clear) struct target_secrets *release = &secrets;
	scoped(work_queue_unlock) struct work_queue_lock *lock = NULL;
	if (deliver_check(queue, err) != 0 ||
	    target_secrets_read(&queue->target, release, err) != 0)
		return -1;
	if (work_queue_lock_delivery(store, queue->id, &lock, &queue_err) != 0 ||
	    delivery_recover(store, queue->id, clock_now_ms(), &queue_err) != 0)
		return error_from_queue(err, &queue_err);
	scoped(http_client_free) struct http_client *client =
	    deliver_connect(&queue->target, false);
	struct deliver deliver = {.store = store,
				  .queue = queue,
				  .client = client,
				  .secrets = &secrets,
				  .left = limit != 0 ? limit : UINT64_MAX,
				  .result = ret_result};
	if (deliver_all(&deliver, err) == 0)
		return 0;
	deliver_give_up(&deliver);
	return -1;
}

/* ---- a sample ---- */

static int deliver_explain(const struct http_answer *answer, struct error *err)
{
	switch (deliver_judge(answer)) {
	case DELIVERY_DELIVERED:
		return 0;
	case DELIVERY_UNREACHABLE:
		*err = answer->error;
		return -1;
	default:
		return error_set(err, answer->status < 500 ? ERROR_CONFIGURATION : ERROR_TEMPORARY,
				 "the target answered %d", answer->status);
	}
}

int deliver_test(const struct work_queue *queue, char **ret_trace, struct error *err)
{
	*ret_trace = NULL;
	struct target_secrets secrets = {0};
	scoped(target_secrets_clear) struct target_secrets *release = &secrets;
	scoped(deliver_post_free) struct deliver_post *post = NULL;
	if (queue->target.url == NULL)
		return deliver_check(queue, err);
	if (target_secrets_read(&queue->target, release, err) != 0 ||
	    deliver_post_sample(queue, &post, err) != 0)
		return -1;
	scoped(http_client_free) struct http_client *client = deliver_connect(&queue->target, true);
	if (deliver_start(client, queue, &secrets, post, NULL, err) != 0)
		return -1;
	struct http_answer answer;
	void *context;
	while (!http_client_wait(client, &answer, &context))
		;
	*ret_trace = g_strconcat(answer.trace, answer.text, NULL);
	const int failed = deliver_explain(&answer, err);
	http_answer_clear(&answer);
	return failed;
}
