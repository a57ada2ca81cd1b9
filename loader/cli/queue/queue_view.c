/* Shows the definition of a queue, for people line by line and for programs as JSON. Secrets are
 * not in a definition, only their sources. */
#include "loader/cli/queue/queue_internal.h"

#include "loader/base/clock.h"
#include "loader/cli/frame/output.h"
#include "loader/cli/frame/queue_state.h"
#include "loader/source/mailbox.h"

#include <glib.h>

/* "file /etc/inqueue/invoices.password", "prompt". Caller frees. */
static char *queue_view_credential(const struct work_queue *queue)
{
	if (work_queue_has_mailbox(queue) && !mailbox_needs_secret(queue))
		return g_strdup("none, the certificate in clientCert signs in");
	return queue->credential_reference != NULL
		   ? g_strdup_printf("%s %s", queue->credential_source, queue->credential_reference)
		   : g_strdup(queue->credential_source);
}

/* The words that --acknowledge takes. */
static const char *queue_view_acknowledge(const struct work_queue *queue)
{
	return queue->on_delivery ? "delivery" : "load";
}

/* Fields that stand a line each become a list. */
static json_t *queue_view_lines_json(const char *lines)
{
	json_t *list = json_array();
	g_auto(GStrv) each = g_strsplit(lines != NULL ? lines : "", "\n", -1);
	for (char **line = each; *line != NULL; line++)
		json_array_append_new(list, json_string(*line));
	return list;
}

/* Of secrets the sources alone ("file:/etc/inqueue/key"): a definition has nothing else. */
json_t *target_view_json(const struct work_queue_target *target)
{
	return json_pack(
	    "{s:s?, s:s, s:s, s:s?, s:s?, s:o, s:o, s:s?, s:s?, s:s?, s:I, s:I, s:s, s:o, s:b, "
	    "s:b, s:i, s:s?, s:s?, s:s?}",
	    "target", target->name, "deliver_to", target->url, "format", target->format, "secret",
	    target->secret, "password", target->password, "headers",
	    queue_view_lines_json(target->headers), "header_secrets",
	    queue_view_lines_json(target->header_secrets), "ca_file", target->ca_file, "crl_file",
	    target->crl_file, "client_certificate", target->client_certificate,
	    "connect_timeout_ms", (json_int_t)target->connect_timeout_ms, "timeout_ms",
	    (json_int_t)target->timeout_ms, "redirects", target->redirects, "trust_hosts",
	    queue_view_lines_json(target->trust_hosts), "allow_private", (int)target->allow_private,
	    "insecure", (int)target->insecure, "concurrency", (int)target->concurrency, "recipient",
	    target->recipient, "proxy", target->proxy, "stopped", target->stopped);
}

/* null where the queue has no target. */
static json_t *queue_view_delivery_json(const struct work_queue *queue)
{
	if (queue->target.url == NULL)
		return json_null();
	json_t *object = target_view_json(&queue->target);
	json_object_set_new(object, "acknowledge", json_string(queue_view_acknowledge(queue)));
	return object;
}

/* All fields are there in any case; null says that one is not set. */
json_t *queue_view_json(const struct work_queue *queue)
{
	json_t *object =
	    json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "name", queue->name, "class",
		      queue->class_name, "external_source", queue->external_source,
		      "connection_string", queue->connection_string, "user_name", queue->user_name,
		      "credential_source", queue->credential_source, "paused", (int)queue->paused);
	json_object_set_new(object, "credential_reference",
			    output_json_text(queue->credential_reference));
	json_object_set_new(object, "max_attempts", json_integer(queue->max_attempts));
	json_object_set_new(object, "retry_delay_ms", json_integer(queue->retry_delay_ms));
	json_object_set_new(object, "reference", output_json_text(queue->reference));
	json_object_set_new(object, "same_reference",
			    output_json_text(work_queue_same_format(queue->same_reference)));
	json_object_set_new(object, "order",
			    output_json_text(work_queue_order_format(queue->order)));
	json_object_set_new(object, "delivery", queue_view_delivery_json(queue));
	json_object_set_new(object, "last_action", output_json_time_ms(queue->last_action_ms));
	json_object_set_new(object, "last_message", output_json_text(queue->last_message));
	json_object_set_new(object, "not_collected",
			    queue->not_collected >= 0 ? json_integer(queue->not_collected)
						      : json_null());
	json_object_set_new(object, "record_created",
			    output_json_time_ms(queue->record_created_ms));
	json_object_set_new(object, "record_updated",
			    output_json_time_ms(queue->record_updated_ms));
	return object;
}

enum { QUEUE_VIEW_LABEL = 18 };

static void queue_view_print_text(const char *label, const char *text)
{
	output_field(label, QUEUE_VIEW_LABEL, text);
}

/* A line for each line that is kept; NULL prints nothing. */
static void queue_view_print_lines(const char *label, const char *lines)
{
	g_auto(GStrv) each = g_strsplit(lines != NULL ? lines : "", "\n", -1);
	for (char **line = each; *line != NULL; line++)
		queue_view_print_text(label, *line);
}

/* A definition has all three in any case. */
static void queue_view_print_limits(const struct work_queue_target *target)
{
	char connect[DURATION_TEXT_SIZE];
	char all[DURATION_TEXT_SIZE];
	duration_format(target->connect_timeout_ms, connect);
	duration_format(target->timeout_ms, all);
	g_autofree char *limits = g_strdup_printf("%s to connect, %s in all", connect, all);
	g_autofree char *posts = g_strdup_printf("%d", (int)target->concurrency);
	queue_view_print_text("time limits", limits);
	queue_view_print_text("posts at a time", posts);
}

void target_view_print(const struct work_queue_target *target)
{
	queue_view_print_text("target", target->name);
	g_autofree char *to = g_strdup_printf("%s (%s)", target->url, target->format);
	queue_view_print_text("deliver to", to);
	queue_view_print_lines("its password", target->password);
	queue_view_print_lines("header field", target->headers);
	queue_view_print_lines("header field", target->header_secrets);
	queue_view_print_lines("recipient from", target->recipient);
	queue_view_print_lines("signed with", target->secret);
	queue_view_print_lines("trusts", target->ca_file);
	queue_view_print_lines("revocation lists", target->crl_file);
	queue_view_print_lines("shows certificate", target->client_certificate);
	if (strcmp(target->redirects, "any") != 0)
		queue_view_print_text("follows redirects", target->redirects);
	queue_view_print_lines("trusted host", target->trust_hosts);
	queue_view_print_lines("through proxy", target->proxy);
	queue_view_print_lines("private addresses", target->allow_private ? "allowed" : NULL);
	queue_view_print_lines("in clear",
			       target->insecure ? "allowed, without credentials" : NULL);
	queue_view_print_limits(target);
}

/* What the last run has left. */
static void queue_view_print_last(const struct work_queue *queue)
{
	char last_action[CLOCK_TEXT_SIZE] = "never";
	if (queue->last_action_ms != 0)
		output_time_s(queue->last_action_ms / 1000, last_action);
	queue_view_print_text("last action", last_action);
	queue_view_print_text("last message",
			      queue->last_message != NULL ? queue->last_message : "");
	g_autofree char *left = g_strdup_printf("%lld", (long long)queue->not_collected);
	queue_view_print_text("not collected", queue->not_collected >= 0 ? left : NULL);
}

/* The definition first, with the state in the words of `status`, then what the last run has left. */
void queue_view_print(const struct work_queue *queue, const struct queue_health *health,
		      const struct work_queue_counts *counts)
{
	g_autofree char *credential = queue_view_credential(queue);
	g_autofree char *reason = queue_state_reason(queue, health, counts);
	char retry_delay[DURATION_TEXT_SIZE];
	duration_format(queue->retry_delay_ms, retry_delay);
	g_autofree char *attempts = g_strdup_printf("at most %d, the second after %s",
						    (int)queue->max_attempts, retry_delay);
	queue_view_print_text("name", queue->name);
	queue_view_print_text("class", queue->class_name);
	queue_view_print_text("external source", queue->external_source);
	queue_view_print_text("connection string", queue->connection_string);
	queue_view_print_text("user name", queue->user_name);
	queue_view_print_text("password source", credential);
	queue_view_print_text("state", queue_state_word(queue, health, counts));
	queue_view_print_text("reason", reason);
	queue_view_print_text("attempts", attempts);
	if (queue->order != WORK_QUEUE_DUE)
		queue_view_print_text("order of claims", work_queue_order_format(queue->order));
	queue_view_print_text("reference", queue->reference);
	if (queue->reference != NULL)
		queue_view_print_text("same reference",
				      work_queue_same_format(queue->same_reference));
	if (queue->target.url != NULL) {
		target_view_print(&queue->target);
		queue_view_print_text("acknowledge",
				      queue->on_delivery
					  ? "delivery: mail is moved once the target has answered"
					  : "load: mail is moved once it is stored");
	}
	queue_view_print_last(queue);
}
