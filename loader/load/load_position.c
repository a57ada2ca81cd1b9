/*
 * Which messages a run is at, in memory shared with its supervisor: the worker writes it, and after
 * the worker's death the supervisor counts a failure against each message it finds there. A slot
 * belongs to one batch, so that two threads of the worker never write the same one.
 */
#include "loader/load/load_internal.h"

#include "loader/base/clock.h"
#include "queue/pickup.h"

#include <glib.h>
#include <sys/mman.h>

struct load_position *load_position_new(void)
{
	void *shared = mmap(NULL, sizeof(struct load_position), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return shared != MAP_FAILED ? shared : NULL;
}

void load_position_free(struct load_position *position)
{
	if (position != NULL)
		munmap(position, sizeof *position);
}

/* --- the worker writes ---------------------------------------------------- */

void load_take_position(const struct load *load, const struct load_batch *batch,
			const struct imapc_size *sizes, size_t count)
{
	struct load_position *position = load->options->position;
	size_t slot = (size_t)(batch - load->batches);
	if (position == NULL)
		return;
	position->uid_validity = load->source.uid_validity;
	g_strlcpy(position->source, load->source.source, sizeof position->source);
	for (size_t i = 0; i < count; i++)
		position->batches[slot].uids[i] = sizes[i].uid;
	position->batches[slot].count = (uint32_t)count;
}

void load_take_position_to_store(const struct load *load, const struct load_batch *batch)
{
	struct load_position *position = load->options->position;
	size_t slot = (size_t)(batch - load->batches);
	if (position == NULL)
		return;
	for (guint i = 0; i < batch->items->len; i++)
		position->batches[slot].uids[i] =
		    g_array_index(batch->items, struct load_item, i).uid;
	position->batches[slot].count = batch->items->len;
}

/* --- its supervisor reads ------------------------------------------------- */

static void load_position_blame_batch(struct load_position *position, size_t batch,
				      struct store *store, const struct pickup_source *source,
				      const char *reason)
{
	struct error ignored;
	/* The worker may have died while it wrote: its words are not trusted. */
	uint32_t count = MIN(position->batches[batch].count, (uint32_t)LOAD_POSITION_UIDS);
	/* A message that was alone is known to be the one; among others each is only suspected. */
	if (count > 0)
		pickup_attempt_add(store, source, position->batches[batch].uids, count, count == 1,
				   reason, clock_now_ms(), &ignored);
	position->batches[batch].count = 0;
}

void load_position_blame(struct load_position *position, struct store *store, int64_t queue_id,
			 const char *reason)
{
	if (position == NULL)
		return;
	position->source[sizeof position->source - 1] = '\0';
	const struct pickup_source source = {.queue_id = queue_id,
					     .source = position->source,
					     .uid_validity = position->uid_validity};
	for (size_t i = 0; i < LOAD_POSITION_BATCHES; i++)
		load_position_blame_batch(position, i, store, &source, reason);
}
