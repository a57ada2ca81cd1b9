#include "loader/cli/frame/command.h"

#include "loader/base/clock.h"
#include "loader/base/duration.h"
#include "queue/queue_health.h"

#include <glib.h>
#include <string.h>

enum { CMD_STATUS_MAX_AGE_MS = 15 * 60 * 1000 };

struct cmd_status_check {
	struct store *store;
	const char *only; /* NULL: all queues */
	int64_t now_ms;
	int64_t max_age_ms;
	GString *faults; /* one line for all of them */
	struct error *err;
};

static void cmd_status_add_fault(struct cmd_status_check *check, const struct work_queue *queue,
				 const struct queue_health *health)
{
	char age[DURATION_TEXT_SIZE];
	duration_format(check->now_ms - health->last_success_ms, age);
	g_string_append_printf(check->faults, "%s'%s': ", check->faults->len > 0 ? "; " : "",
			       queue->name);
	if (health->stopped_ms != 0)
		g_string_append_printf(check->faults, "stopped: %s", health->stopped_reason);
	else if (health->last_success_ms == 0)
		g_string_append_printf(check->faults, "no good look yet, %s",
				       queue->last_message != NULL ? queue->last_message
								   : "and no try either");
	else
		g_string_append_printf(check->faults, "last good look %s ago, %s", age,
				       queue->last_message);
}

/* A queue that is new has as much time as others have between two looks. */
static int cmd_status_check_queue(const struct work_queue *queue, void *context)
{
	struct cmd_status_check *check = context;
	struct queue_health health;
	if (queue->paused || (check->only != NULL && strcmp(check->only, queue->name) != 0))
		return 0;
	if (queue_health_find(check->store, queue->id, &health, check->err) != 0)
		return -1;
	int64_t last_ms =
	    health.last_success_ms != 0 ? health.last_success_ms : queue->record_created_ms;
	if (health.stopped_ms != 0 || check->now_ms - last_ms > check->max_age_ms)
		cmd_status_add_fault(check, queue, &health);
	queue_health_clear(&health);
	return 0;
}

int cmd_status_check(const struct invocation *invocation, struct store *store, struct error *err)
{
	g_autoptr(GString) faults = g_string_new(NULL);
	struct cmd_status_check check = {
	    .store = store,
	    .only = invocation->argument_count > 0 ? invocation->arguments[0] : NULL,
	    .now_ms = clock_now_ms(),
	    .faults = faults,
	    .err = err};
	if (invocation_duration(invocation, "max-age", 1, CMD_STATUS_MAX_AGE_MS, &check.max_age_ms,
				err) != 0)
		return -1;
	if (work_queue_list(store, cmd_status_check_queue, &check, err) != 0)
		return -1;
	return faults->len > 0 ? error_set(err, ERROR_NO, "%s", faults->str) : 0;
}
