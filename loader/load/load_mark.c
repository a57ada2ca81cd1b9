#include "loader/load/load_internal.h"

#include "loader/base/clock.h"

/* A set of messages that the server has moved. */
struct load_moved {
	uint32_t *uids;
	size_t count;
	uint32_t target_uid_validity;
	uint32_t *target_uids; /* NULL: not known */
};

static void load_moved_free(void *pointer)
{
	struct load_moved *moved = pointer;
	g_free(moved->uids);
	g_free(moved->target_uids);
	g_free(moved);
}

GPtrArray *load_moved_list_new(void)
{
	return g_ptr_array_new_with_free_func(load_moved_free);
}

void load_moved_hand_over(GPtrArray *from, GPtrArray *to)
{
	while (from->len > 0)
		g_ptr_array_add(to, g_ptr_array_steal_index(from, 0));
}

int load_mark(struct load *load, const uint32_t *uids, size_t count, enum pickup_state state,
	      const struct imapc_copy *copy, struct error *err)
{
	load_hold(load);
	int failed = pickup_mark(load->store, &load->source, uids, count, state,
				 copy != NULL ? copy->uid_validity : 0,
				 copy != NULL ? copy->uids : NULL, clock_now_ms(), err);
	load_go_on(load);
	return failed == 0 ? 0 : -1;
}

int load_mark_moved(struct load *load, const uint32_t *uids, size_t count,
		    const struct imapc_copy *copy, struct error *err)
{
	if (load->moved == NULL)
		return load_mark(load, uids, count, PICKUP_MOVED, copy, err);
	struct load_moved *moved = g_new0(struct load_moved, 1);
	moved->uids = g_memdup2(uids, count * sizeof *uids);
	moved->count = count;
	if (copy != NULL) {
		moved->target_uid_validity = copy->uid_validity;
		moved->target_uids = g_memdup2(copy->uids, count * sizeof *copy->uids);
	}
	g_ptr_array_add(load->moved, moved);
	return 0;
}

int load_moved_store(struct load *load, const GPtrArray *list, struct error *err)
{
	for (guint i = 0; i < list->len; i++) {
		const struct load_moved *moved = g_ptr_array_index(list, i);
		if (pickup_mark(load->store, &load->source, moved->uids, moved->count, PICKUP_MOVED,
				moved->target_uid_validity, moved->target_uids, clock_now_ms(),
				err) != 0)
			return -1;
	}
	return 0;
}
