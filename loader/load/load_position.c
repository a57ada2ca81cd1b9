#include "loader/load/load_position.h"

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

static void load_position_blame_batch(struct load_position *position, size_t batch,
				      struct store *store, const struct pickup_source *source,
				      const char *reason)
{
	struct error ignored;
	/* The worker may have died while it wrote. */
	uint32_t count = MIN(position->batches[batch].count, (uint32_t)LOAD_POSITION_UIDS);
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
