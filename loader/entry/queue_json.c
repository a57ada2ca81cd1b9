/* The JSON of queues and of histories. */
#include "loader/entry/queue_json.h"

#include "loader/entry/json_internal.h"
#include "queue/delivery.h"
#include "queue/entry_claim.h"
#include "queue/queue_health.h"

/* A clock that was wrong for an hour may have left thousands; twenty show what is the matter. */
enum { OVERLONG_MAX = 20 };

/* Entries by the outcome of their last attempt; null where the queue has no target, so that 0 means that nothing
 * was posted. */
static json_t *queue_json_delivery(const struct work_queue *queue,
				   const uint64_t delivered[DELIVERY_OUTCOMES])
{
	if (queue->target.url == NULL)
		return json_null();
	json_t *object = json_object();
	for (enum delivery_outcome i = 0; i < DELIVERY_OUTCOMES; i++)
		json_object_set_new(object, delivery_outcome_format(i),
				    json_integer((json_int_t)delivered[i]));
	json_object_set_new(object, "stopped", entry_json_text(queue->target.stopped));
	return object;
}

/* A monitor reads these; the words for people are those of entry_overlong_format(). */
static int queue_json_add_overlong(const struct entry_overlong *overlong, void *context)
{
	json_array_append_new(context,
			      json_pack("{s:I, s:s, s:o}", "id", (json_int_t)overlong->entry_id,
					"worker", overlong->worker, "lease_until",
					entry_json_time_ms(overlong->until_ms)));
	return 0;
}

static json_t *queue_json_pack(const struct work_queue *queue, const struct queue_health *health,
			       const struct work_queue_counts *counts,
			       const uint64_t delivered[DELIVERY_OUTCOMES])
{
	return json_pack(
	    "{s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, "
	    "s:o, s:I, s:o}",
	    "queue", queue->name, "paused", (int)queue->paused, "last_action",
	    entry_json_time_ms(queue->last_action_ms), "last_message",
	    entry_json_text(queue->last_message), "last_success",
	    entry_json_time_ms(health->last_success_ms), "stopped_at",
	    entry_json_time_ms(health->stopped_ms), "stopped_reason",
	    entry_json_text(health->stopped_reason), "new", (json_int_t)counts->new_entries,
	    "claimed", (json_int_t)counts->claimed, "expired", (json_int_t)counts->expired, "done",
	    (json_int_t)counts->done, "failed", (json_int_t)counts->failed, "discarded",
	    (json_int_t)counts->discarded, "bad", (json_int_t)counts->bad, "overdue",
	    (json_int_t)counts->overdue, "at_risk", (json_int_t)counts->at_risk, "oldest_new",
	    entry_json_time_ms(counts->oldest_new_ms), "not_collected",
	    queue->not_collected >= 0 ? json_integer(queue->not_collected) : json_null(),
	    "unfinished_moves", (json_int_t)counts->unfinished_pickups, "delivery",
	    queue_json_delivery(queue, delivered));
}

int queue_json_status(struct store *store, const struct work_queue *queue, int64_t now_ms,
		      json_t **ret_document, struct error *err)
{
	struct work_queue_counts counts;
	uint64_t delivered[DELIVERY_OUTCOMES];
	struct queue_health health;
	json_auto_t *overlong = json_array();
	if (work_queue_count(store, queue->id, &counts, err) != 0 ||
	    delivery_count(store, queue->id, delivered, err) != 0 ||
	    entry_overlong_list(store, queue->id, now_ms, OVERLONG_MAX, queue_json_add_overlong,
				overlong, err) != 0 ||
	    queue_health_find(store, queue->id, &health, err) != 0)
		return -1;
	*ret_document = queue_json_pack(queue, &health, &counts, delivered);
	json_object_set(*ret_document, "overlong_leases", overlong);
	queue_health_clear(&health);
	return 0;
}

/* null says that an event has no such part. */
json_t *entry_json_event(const struct entry_event *event)
{
	return json_pack("{s:I, s:o, s:s, s:o, s:I, s:o, s:o, s:o, s:o}", "number",
			 (json_int_t)event->number, "at", entry_json_time_ms(event->at_ms),
			 "change", event->change, "state", entry_json_text(event->state), "attempt",
			 (json_int_t)event->attempt, "who", entry_json_text(event->who), "why",
			 entry_json_text(event->why), "detail", entry_json_text(event->detail),
			 "duration_ms",
			 event->duration_ms >= 0 ? json_integer(event->duration_ms) : json_null());
}
