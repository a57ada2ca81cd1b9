/* Puts what the database knows of a queue into one word, and a reason where something is wrong. */
#include "loader/cli/frame/queue_state.h"

#include <glib.h>
#include <inttypes.h>

static const char error_prefix_text[] = "Error: ";

/* A run notes its failure in the queue's last message. */
static bool queue_state_failed(const struct work_queue *queue)
{
	return queue->last_message != NULL &&
	       g_str_has_prefix(queue->last_message, error_prefix_text);
}

const char *queue_state_word(const struct work_queue *queue, const struct queue_health *health,
			     const struct work_queue_counts *counts)
{
	if (queue->paused)
		return "paused";
	if (health->stopped_ms != 0)
		return "stopped";
	if (queue->target.url != NULL && queue->target.stopped != NULL)
		return "delivery stopped";
	if (queue_state_failed(queue))
		return "error";
	if (counts->undelivered > 0)
		return "not delivered";
	return counts->unfinished_pickups > 0 ? "not moved" : "active";
}

/* Caller frees. */
static char *queue_state_delivery(const struct work_queue *queue)
{
	const char *name = queue->target.name;
	return g_strdup_printf("delivery%s%s%s: %s, then `inqueue queue resume %s`",
			       name != NULL ? " to target '" : "", name != NULL ? name : "",
			       name != NULL ? "'" : "", queue->target.stopped, queue->name);
}

/* Every fault is named, also those that the word does not tell. */
char *queue_state_reason(const struct work_queue *queue, const struct queue_health *health,
			 const struct work_queue_counts *counts)
{
	g_autoptr(GPtrArray) reasons = g_ptr_array_new_with_free_func(g_free);
	if (health->stopped_ms != 0)
		g_ptr_array_add(
		    reasons,
		    g_strdup_printf("%s; correct the %sdefinition, then `inqueue queue resume %s`",
				    health->stopped_reason,
				    health->refusals > 0 ? "password or the " : "", queue->name));
	else if (queue_state_failed(queue))
		g_ptr_array_add(reasons,
				g_strdup(queue->last_message + sizeof error_prefix_text - 1));
	if (queue->target.url != NULL && queue->target.stopped != NULL)
		g_ptr_array_add(reasons, queue_state_delivery(queue));
	else if (counts->undelivered > 0)
		g_ptr_array_add(
		    reasons,
		    g_strdup_printf("%" PRIu64 " %s been posted in vain, and %s tried "
				    "again: `inqueue list %s --state new` says why",
				    counts->undelivered,
				    counts->undelivered == 1 ? "entry has" : "entries have",
				    counts->undelivered == 1 ? "is" : "are", queue->name));
	if (counts->unfinished_pickups > 0)
		g_ptr_array_add(reasons,
				g_strdup_printf("%" PRIu64
						" loaded message%s not yet moved in the mailbox: "
						"the next run finishes that",
						counts->unfinished_pickups,
						counts->unfinished_pickups == 1 ? " is" : "s are"));
	if (reasons->len == 0)
		return NULL;
	g_ptr_array_add(reasons, NULL);
	return g_strjoinv("; ", (char **)reasons->pdata);
}
