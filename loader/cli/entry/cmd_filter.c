#include "loader/cli/entry/cmd_filter.h"

#include "loader/base/clock.h"
#include "queue/base/scoped.h"

static int cmd_filter_queue(const struct invocation *invocation, struct store *store,
			    struct entry_filter *filter, struct error *err)
{
	scoped(work_queue_free) struct work_queue *queue = NULL;
	const char *name = invocation_text(invocation, "queue");
	if (name == NULL)
		return 0;
	if (work_queue_find(store, name, &queue, err) != 0)
		return -1;
	filter->queue_id = queue->id;
	return 0;
}

int cmd_filter_read(const struct invocation *invocation, struct store *store,
		    struct entry_filter *ret_filter, bool *ret_any, struct error *err)
{
	int64_t age_ms;
	const char *state = invocation_text(invocation, "state");
	struct entry_filter filter = {
	    .by_state = state != NULL,
	    .sender = invocation_text(invocation, "sender"),
	    .subject = invocation_text(invocation, "subject"),
	    .tag = invocation_text(invocation, "tag"),
	    .only_held = invocation_flag(invocation, "held"),
	};
	if (state != NULL && entry_state_parse(state, &filter.state) != 0)
		return error_set(err, ERROR_USAGE,
				 "--state takes new, claimed, done, failed or bad");
	if (invocation_duration(invocation, "older-than", 0, -1, &age_ms, err) != 0 ||
	    cmd_filter_queue(invocation, store, &filter, err) != 0)
		return -1;
	if (age_ms >= 0)
		filter.changed_before_ms = clock_now_ms() - age_ms;
	*ret_any = filter.by_state || filter.sender != NULL || filter.subject != NULL ||
		   filter.tag != NULL || filter.only_held || age_ms >= 0 || filter.queue_id != 0;
	*ret_filter = filter;
	return 0;
}
