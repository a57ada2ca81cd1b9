/* Sends one post: its idempotency key, its signature, the operator's fields; says what an answer
 * means for the entry; and posts a sample for `deliver --test`. */
#include "loader/deliver/deliver_internal.h"

#include "loader/base/clock.h"
#include "loader/http/post.h"
#include "queue/base/scoped.h"

#include <inttypes.h>

/* Reads the whole body; a post without a secret is not signed and costs one reading less. */
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

/* The operator's fields, the signature and secrets are for the target alone: a redirect to another
 * host does not get them, unless the operator trusts it. */
int deliver_send(struct http_client *client, const struct work_queue *queue,
		 const struct target_secrets *secrets, const struct deliver_post *post,
		 void *context, struct error *err)
{
	const int64_t time_s = clock_now_ms() / 1000;
	g_autoptr(GPtrArray) fields = g_ptr_array_new_with_free_func(g_free);
	g_ptr_array_add(fields, g_strconcat("Idempotency-Key: ", post->key, NULL));
	g_ptr_array_add(fields, g_strconcat("webhook-id: ", post->key, NULL));
	g_ptr_array_add(fields, g_strdup_printf("webhook-timestamp: %" PRId64, time_s));
	g_ptr_array_add(fields, NULL);
	g_autoptr(GPtrArray) own = g_ptr_array_new_with_free_func(g_free);
	g_auto(GStrv) lines =
	    g_strsplit(queue->target.headers != NULL ? queue->target.headers : "", "\n", -1);
	for (char **line = lines; *line != NULL; line++)
		g_ptr_array_add(own, g_strdup(*line));
	if (secrets->key != NULL && deliver_sign(secrets->key, post, time_s, own, err) != 0)
		return -1;
	g_ptr_array_add(own, NULL);
	const struct http_request request = {.url = secrets->url,
					     .content_type = post->content_type,
					     .fields = (char *const *)fields->pdata,
					     .home_fields = (char *const *)own->pdata,
					     .secret_fields = secrets->fields,
					     .body = post->body,
					     .size_bytes = post->size_bytes};
	http_client_start(client, &request, context);
	return 0;
}

int deliver_connect(const struct work_queue_target *target, bool trace,
		    struct http_client **ret_client, struct error *err)
{
	enum target_redirects redirects = TARGET_REDIRECTS_NONE;
	if (target_redirects_parse(target->redirects, &redirects) != 0)
		return error_set(err, ERROR_CONFIGURATION, "deliver-redirects: unknown '%s'",
				 target->redirects);
	const struct http_options options = {.connect_timeout_ms = target->connect_timeout_ms,
					     .timeout_ms = target->timeout_ms,
					     .concurrency = target->concurrency,
					     .ca_file = target->ca_file,
					     .crl_file = target->crl_file,
					     .redirects = redirects,
					     .trusted_hosts = target->trust_hosts,
					     .client_certificate = target->client_certificate,
					     .proxy = target->proxy,
					     .allow_private = target->allow_private,
					     .insecure = target->insecure,
					     .trace = trace};
	return http_client_open(&options, ret_client, err);
}

/* 2xx: done. 4xx: the entry is refused for good, but for the three codes that ask for another
 * try. 5xx: again later. */
enum delivery_outcome deliver_judge(const struct http_answer *answer)
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

/* ---- a sample ---- */

/* A refusal of the sample says that the definition is wrong, not a mail. */
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
	if (deliver_check_target(queue, err) != 0 ||
	    target_secrets_read(&queue->target, release, err) != 0 ||
	    deliver_post_sample(queue, &post, err) != 0)
		return -1;
	scoped(http_client_free) struct http_client *client = NULL;
	if (deliver_connect(&queue->target, true, &client, err) != 0 ||
	    deliver_send(client, queue, &secrets, post, NULL, err) != 0)
		return -1;
	struct http_answer answer;
	void *context;
	while (!http_client_wait(client, DELIVER_TURN_MS, &answer, &context))
		;
	*ret_trace = g_strconcat(answer.trace, answer.text, NULL);
	const int failed = deliver_explain(&answer, err);
	http_answer_clear(&answer);
	return failed;
}
