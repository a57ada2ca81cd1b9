#include "loader/load/load_acknowledge.h"

void load_acknowledge_begin(const struct load *load, bool found, struct pickup *pickup)
{
	/* A copy that the ledger knows of is not made again. */
	if (found && pickup->state == PICKUP_COPIED)
		return;
	const bool answered = found && pickup->state != PICKUP_AWAITING;
	const bool waits = load->mailbox->on_delivery && pickup->target == PICKUP_DROPBOX;
	pickup->on_delivery = load->mailbox->on_delivery;
	pickup->state = waits && !answered ? PICKUP_AWAITING : PICKUP_STORED;
}

bool load_acknowledge_stays(const struct load *load, enum pickup_target target)
{
	return load->mailbox->stays && target == PICKUP_DROPBOX;
}

int load_acknowledge_read(struct load *load, const uint32_t *uids, size_t count, struct error *err)
{
	if (count == 0)
		return 0;
	if (imapc_add_flags(load->mailbox->session, uids, count, "\\Seen", err) != 0)
		return -1;
	return load_mark(load, uids, count, PICKUP_READ, NULL, err);
}

static int load_acknowledge_collect(const struct pickup *pickup, void *context)
{
	g_array_append_val((GArray *)context, pickup->uid);
	return 0;
}

int load_acknowledge_unread(struct load *load, struct error *err)
{
	struct imapc_session *session = load->mailbox->session;
	g_autoptr(GArray) uids = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	g_autofree uint32_t *seen = NULL;
	size_t seen_count;
	if (!load->mailbox->on_delivery)
		return 0;
	if (pickup_list_awaiting(load->store, &load->source, load_acknowledge_collect, uids, err) !=
	    0)
		return -1;
	if (imapc_search_seen(session, (const uint32_t *)(const void *)uids->data, uids->len, &seen,
			      &seen_count, err) != 0)
		return -1;
	if (seen_count == 0)
		return 0;
	/* Not before it is known that the folders differ. */
	if (mailbox_find_targets(load->mailbox, err) != 0)
		return -1;
	return imapc_remove_flags(session, seen, seen_count, "\\Seen", err);
}

char *load_acknowledge_plan(const struct load *load)
{
	const struct mailbox *mailbox = load->mailbox;
	const char *dropbox = mailbox->server->dropbox;
	if (!mailbox->on_delivery)
		return g_strdup_printf("move to '%s'", dropbox);
	if (mailbox->stays)
		return g_strdup("leave it unread until it is delivered");
	return g_strdup_printf("leave it unread until it is delivered, then move to '%s'", dropbox);
}
