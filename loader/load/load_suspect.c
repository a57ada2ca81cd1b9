/*
 * Loads the messages that a run has failed at before, each in a batch of its own that is stored and
 * moved before the next one comes: if the worker dies, it is known which message it was.
 */
#include "loader/load/load_internal.h"

#include "loader/base/service.h"
#include "queue/base/scoped.h"
#include "queue/pickup.h"

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
