#include "loader/source/refusal.h"

#include "loader/base/clock.h"
#include "queue/queue_health.h"

int refusal_check(struct store *store, const struct work_queue *queue, struct error *err)
{
	struct queue_health health;
	if (queue_health_find(store, queue->id, &health, err) != 0)
		return -1;
	if (health.stopped_ms != 0)
		error_fill(err, health.refusals > 0 ? ERROR_CREDENTIALS : ERROR_CONFIGURATION,
			   "collecting is stopped: %s; correct the %sdefinition, then `inqueue "
			   "queue resume %s`",
			   health.stopped_reason, health.refusals > 0 ? "password or the " : "",
			   queue->name);
	queue_health_clear(&health);
	return health.stopped_ms != 0 ? -1 : 0;
}

int refusal_note(struct store *store, const struct work_queue *queue, const struct error *refusal,
		 uint32_t *ret_refusals, struct error *err)
{
	if (queue_health_note_refusal(store, queue->id, refusal->text, REFUSAL_MAX, clock_now_ms(),
				      ret_refusals, err) != 0)
		return -1;
	return 0;
}
