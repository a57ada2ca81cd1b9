/* A target as a whole: its defaults, what no field of it can know alone, and what it has to do with
 * the queues that use it. */
#include "loader/define/definition_internal.h"

#include "loader/http/post.h"
#include "loader/http/reach.h"
#include "loader/http/target.h"
#include "loader/imap/names/connection_string.h"
#include "queue/base/scoped.h"

#include <string.h>

/* Goes through the functions that take an operator's words, so that defaults pass the same checks. */
void definition_target_init(struct work_queue_target *draft)
{
	struct error ignored;
	definition_target_set_format(draft, DEFINITION_FORMAT, &ignored);
	definition_target_set_connect_timeout(draft, DEFINITION_CONNECT_TIMEOUT, &ignored);
	definition_target_set_timeout(draft, DEFINITION_TIMEOUT, &ignored);
	definition_target_set_concurrency(draft, DEFINITION_CONCURRENCY, &ignored);
	definition_target_set_redirects(draft, DEFINITION_REDIRECTS, &ignored);
}

/* Checks what no field can know alone. */
int definition_target_check(const struct work_queue_target *draft, struct error *err)
{
	if (draft->url == NULL)
		return error_set(err, ERROR_CONFIGURATION,
				 "deliver-to is needed, e.g. https://app.example.com/mail");
	if (draft->password != NULL && !target_has_user(draft->url))
		return error_set(err, ERROR_CONFIGURATION,
				 "deliver-password needs the user's name in deliver-to, "
				 "https://NAME@host/…");
	return 0;
}

/* A change of something else does not bring up what was settled before. */
static bool target_leads_there(const struct work_queue_target *before,
			       const struct work_queue_target *draft)
{
	return before != NULL && before->allow_private == draft->allow_private &&
	       g_strcmp0(before->proxy, draft->proxy) == 0 &&
	       g_strcmp0(before->url, draft->url) == 0;
}

int definition_target_check_reach(const struct work_queue_target *before,
				  const struct work_queue_target *draft, bool resolve,
				  struct error *err)
{
	if (draft->url == NULL || draft->allow_private || target_leads_there(before, draft))
		return 0;
	if (!reach_is_private(draft->url, resolve) &&
	    (draft->proxy == NULL || !reach_says_private(draft->url)))
		return 0;
	g_autofree char *host = target_host(draft->url);
	return error_set(err, ERROR_CONFIGURATION,
			 "deliver-to: %s leads to this machine or to a private network: "
			 "allow-private=true lets entries go there",
			 host);
}

/* acknowledge=delivery needs a target and a mailbox, the raw format the raw message. */
static int target_check_queue(const struct work_queue *draft, struct error *err)
{
	if (draft->target.url == NULL && draft->on_delivery)
		return error_set(err, ERROR_CONFIGURATION,
				 "acknowledge=delivery needs deliver-to or target: nothing else "
				 "would ever mark the mail read");
	if (draft->on_delivery && !work_queue_has_mailbox(draft))
		return error_set(err, ERROR_CONFIGURATION,
				 "acknowledge=delivery is about mail in a mailbox: a queue with "
				 "external source File has none");
	if (draft->target.url == NULL ||
	    strcmp(draft->target.format, post_format_name(POST_RAW)) != 0)
		return 0;
	scoped(connection_string_free) struct connection_string *server = NULL;
	if (connection_string_parse_local(draft->connection_string, &server, err) != 0)
		return error_prefix(err, "connection-string");
	if (!server->keep_raw)
		return error_set(err, ERROR_CONFIGURATION,
				 "deliver-format=raw needs keepRaw=True in the connection string");
	return 0;
}

/* What a target with a name holds is known once it has been looked up. */
int definition_target_check_of(const struct work_queue *draft, struct error *err)
{
	if (draft->target.name != NULL && draft->target.url == NULL)
		return 0;
	if (draft->target.url != NULL && definition_target_check(&draft->target, err) != 0)
		return -1;
	return target_check_queue(draft, err);
}

/* ---- of a queue ---- */

/* A stored queue that has just as many attempts as it would have by default: nobody has chosen
 * them. */
static bool target_has_chosen_attempts(const struct work_queue *draft)
{
	struct work_queue unchosen = *draft;
	unchosen.max_attempts = 0;
	return draft->id == 0 || draft->max_attempts != work_queue_attempts(&unchosen);
}

/* The first target of a stored queue needs the defaults that a new queue has had from the start. */
int definition_target_set_of(struct work_queue *draft, const char *field, target_setter *set,
			     const char *value, struct error *err)
{
	if (draft->target.name != NULL)
		return error_set(
		    err, ERROR_CONFIGURATION,
		    "%s: the queue uses target '%s': `inqueue target alter %s` changes "
		    "that for all its queues, an empty target gives the queue its own",
		    field, draft->target.name, draft->target.name);
	if (draft->target.format == NULL)
		definition_target_init(&draft->target);
	const bool chosen = target_has_chosen_attempts(draft);
	if (set(&draft->target, value, err) != 0)
		return -1;
	if (!chosen)
		draft->max_attempts = 0;
	return 0;
}

/* A queue has a target of its own or one with a name. An own one of a stored queue gives way. */
int definition_target_set_name(struct work_queue *draft, const char *value, struct error *err)
{
	struct error ignored;
	const bool same = draft->target.name != NULL && strcmp(draft->target.name, value) == 0;
	if (same || (*value == '\0' && draft->target.name == NULL))
		return 0;
	if (*value != '\0' && work_queue_check_name(value, &ignored) != 0)
		return error_set(err, ERROR_CONFIGURATION,
				 "target: takes the name of a target; `inqueue target list` shows "
				 "them");
	if (draft->id == 0 && draft->target.url != NULL)
		return error_set(err, ERROR_CONFIGURATION,
				 "target: the queue has a target of its own by deliver-to; a queue "
				 "has one or the other");
	const bool chosen = target_has_chosen_attempts(draft);
	work_queue_target_clear(&draft->target);
	if (*value != '\0')
		draft->target.name = g_strdup(value);
	else
		definition_target_init(&draft->target);
	if (!chosen)
		draft->max_attempts = 0;
	return 0;
}

int definition_target_set_acknowledge(struct work_queue *draft, const char *value,
				      struct error *err)
{
	const bool delivery = g_ascii_strcasecmp(value, "delivery") == 0;
	if (!delivery && g_ascii_strcasecmp(value, "load") != 0)
		return error_set(err, ERROR_CONFIGURATION, "acknowledge: takes load or delivery");
	draft->on_delivery = delivery;
	return 0;
}

struct target_users {
	const char *name; /* NULL: of any target that has one */
	struct error *err;
};

static int target_check_user(const struct work_queue *queue, void *context)
{
	const struct target_users *users = context;
	if (queue->target.name == NULL ||
	    (users->name != NULL && strcmp(queue->target.name, users->name) != 0))
		return 0;
	if (target_check_queue(queue, users->err) != 0)
		return error_prefix(users->err, "queue '%s'", queue->name);
	return 0;
}

/* A target that is altered must fit every queue that uses it: "raw" needs keepRaw=True in each. */
int definition_check_users(struct store *store, const char *target_name, struct error *err)
{
	struct target_users users = {.name = target_name, .err = err};
	return work_queue_list(store, target_check_user, &users, err);
}

/* Puts the stored target in the place of its name, so that it can be judged together with its queue. */
int definition_resolve(struct store *store, struct work_queue *draft, struct error *err)
{
	if (draft->target.name == NULL || draft->target.url != NULL)
		return 0;
	struct work_queue_target found;
	if (work_queue_target_find(store, draft->target.name, &found, err) != 0)
		return -1;
	work_queue_target_clear(&draft->target);
	draft->target = found;
	return 0;
}
