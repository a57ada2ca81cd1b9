/*
 * Messages that may be what a run fails at. The worker writes which ones it is at into memory shared
 * with its supervisor, who counts a failure against each of them after the worker's death. The next
 * runs load these each in a batch of its own, which is stored and moved before the next one comes:
 * if the worker dies, it is known which message it was.
 */
#include "loader/load/load_internal.h"

#include "loader/base/clock.h"
#include "loader/base/service.h"
#include "queue/base/scoped.h"
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

/* A slot belongs to one batch, so that two threads of the worker never write the same one. */
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

/* --- the next runs load them ------------------------------------------------- */

struct load_suspect {
	uint32_t uid;
	uint32_t tries;
	char *reason;
};

static void load_suspect_clear(void *suspect)
{
	g_free(((struct load_suspect *)suspect)->reason);
}

static int load_suspect_collect(const struct pickup_attempt *attempt, void *context)
{
	struct load_suspect suspect = {
	    .uid = attempt->uid, .tries = attempt->tries, .reason = g_strdup(attempt->reason)};
	g_array_append_val((GArray *)context, suspect);
	return 0;
}

int load_list_suspects(struct load *load, GArray **ret_suspects, struct error *err)
{
	g_autoptr(GArray) suspects = g_array_new(FALSE, FALSE, sizeof(struct load_suspect));
	g_array_set_clear_func(suspects, load_suspect_clear);
	if (pickup_attempt_list(load->store, &load->source, load_suspect_collect, suspects, err) !=
	    0)
		return -1;
	*ret_suspects = steal(&suspects);
	return 0;
}

static int load_compare_tries(const void *left, const void *right)
{
	const struct load_suspect *first = left;
	const struct load_suspect *second = right;
	if (first->tries != second->tries)
		return first->tries < second->tries ? -1 : 1;
	return (first->uid > second->uid) - (first->uid < second->uid);
}

/* Both lists are ascending. Suspects that the mailbox still has are gathered at the front of their
 * array; one that is not found there any more has been taken by somebody else. */
size_t load_part_suspects(GArray *suspects, uint32_t *uids, size_t count)
{
	size_t kept = 0;
	guint present = 0;
	guint next = 0;
	for (size_t i = 0; i < count; i++) {
		struct load_suspect *all = (struct load_suspect *)(void *)suspects->data;
		while (next < suspects->len && all[next].uid < uids[i])
			next++;
		if (next == suspects->len || all[next].uid != uids[i]) {
			uids[kept++] = uids[i];
			continue;
		}
		struct load_suspect found = all[next];
		all[next++] = all[present];
		all[present++] = found;
	}
	g_array_set_size(suspects, present);
	g_array_sort(suspects, load_compare_tries);
	return kept;
}

static int load_suspect(struct load *load, const struct load_suspect *suspect, struct error *err)
{
	struct imapc_size size = {.uid = suspect->uid};
	if (load_sizes(load, &size, 1, err) != 0)
		return -1;
	/* Fetching it tells what is wrong. */
	if (size.size_bytes == UINT64_MAX)
		size.size_bytes = 0;
	if (suspect->tries >= LOAD_MAX_TRIES)
		return load_give_up(load, &size, suspect->reason, err);
	if (load_push(load, &size, 1, err) != 0)
		return -1;
	return load_drain(load, err);
}

int load_suspects(struct load *load, const GArray *suspects, size_t limit, struct error *err)
{
	int failed = 0;
	load->suspecting = true;
	for (guint i = 0; i < suspects->len && i < limit && failed == 0 && !stop_requested(); i++)
		failed = load_suspect(load, &g_array_index(suspects, struct load_suspect, i), err);
	load->suspecting = false;
	return failed;
}
