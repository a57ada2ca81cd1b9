#include "loader/flow/load_internal.h"

#include "loader/base/clock.h"
#include "loader/base/scoped.h"
#include "loader/flow/spool.h"
#include "queue/pickup_attempt.h"

SCOPED_DEFINE(GArray *, g_array_unref)

static int load_compare_items(const void *left, const void *right)
{
	uint32_t first = ((const struct load_item *)left)->uid;
	uint32_t second = ((const struct load_item *)right)->uid;
	return (first > second) - (first < second);
}

/*
 * Looks at what was asked for and did not come. Gone messages are nobody's fault; one that is still
 * there stays for the next run and is said at the end of this one.
 */
static int load_account_for(struct load *load, const struct imapc_size *sizes, size_t count,
			    const GArray *items, struct error *err)
{
	load->result->not_collected -= (int64_t)items->len;
	if (items->len == count)
		return 0;
	g_autofree uint32_t *missing = g_new(uint32_t, count);
	size_t missing_count = 0;
	for (size_t i = 0, next = 0; i < count; i++) {
		if (next < items->len &&
		    g_array_index(items, struct load_item, next).uid == sizes[i].uid)
			next++;
		else
			missing[missing_count++] = sizes[i].uid;
	}
	g_autofree uint32_t *present = NULL;
	size_t present_count;
	if (imapc_search_present(load->mailbox->session, missing, missing_count, &present,
				 &present_count, err) != 0)
		return -1;
	load->result->not_collected -= (int64_t)(missing_count - present_count);
	if (load->withheld == 0 && present_count > 0)
		load->withheld_uid = present[0];
	load->withheld += present_count;
	return 0;
}

/*
 * A body of no bytes for a message that has some: the server has answered NIL, which means that it
 * cannot get at the message. It counts as not sent.
 */
static void load_drop_withheld(GArray *items, const struct imapc_size *sizes, size_t count)
{
	guint kept = 0;
	for (guint i = 0, next = 0; i < items->len; i++) {
		const struct load_item *item = &g_array_index(items, struct load_item, i);
		while (next < count && sizes[next].uid < item->uid)
			next++;
		bool withheld = item->size_bytes == 0 && next < count &&
				sizes[next].uid == item->uid && sizes[next].size_bytes > 0;
		if (!withheld)
			g_array_index(items, struct load_item, kept++) = *item;
	}
	g_array_set_size(items, kept);
}

/* Is this failure perhaps the fault of a message, which will fail the same way again? */
static bool load_may_be_a_messages_fault(const struct error *err)
{
	return err->kind == ERROR_PROTOCOL || err->kind == ERROR_UNREACHABLE ||
	       err->kind == ERROR_DATA || err->kind == ERROR_SOFTWARE;
}

/* Remembers what had not arrived when the fetch failed, so that the next run gets past it. */
static void load_note_suspects(struct load *load, const struct imapc_size *sizes, size_t count,
			       const GArray *items, const struct error *failure)
{
	g_autofree uint32_t *uids = g_new(uint32_t, count);
	size_t missing = 0;
	for (size_t i = 0; i < count; i++) {
		bool arrived = false;
		for (guint j = 0; j < items->len && !arrived; j++)
			arrived = g_array_index(items, struct load_item, j).uid == sizes[i].uid;
		if (!arrived)
			uids[missing++] = sizes[i].uid;
	}
	/* If this fails too, the run's own failure is what is to be said. */
	struct queue_error ignored;
	if (missing > 0)
		pickup_attempt_add(load->store, &load->source, uids, missing, failure->text,
				   clock_now_ms(), &ignored);
}

/* From here to the commit a crash is put down to these messages. */
static void load_take_position(const struct load *load, const struct imapc_size *sizes,
			       size_t count)
{
	struct load_position *position = load->options->position;
	if (position == NULL)
		return;
	position->count = 0;
	position->uid_validity = load->source.uid_validity;
	g_strlcpy(position->source, load->source.source, sizeof position->source);
	for (size_t i = 0; i < count && i < G_N_ELEMENTS(position->uids); i++)
		position->uids[position->count++] = sizes[i].uid;
}

static int load_bring(struct load *load, const struct imapc_size *sizes, size_t count,
		      GArray *items, GArray *rows, struct error *err)
{
	if (load_fetch(load, sizes, count, items, err) != 0) {
		if (load_may_be_a_messages_fault(err))
			load_note_suspects(load, sizes, count, items, err);
		return error_prefix(err, "fetch UID %u to %u", sizes[0].uid, sizes[count - 1].uid);
	}
	if (parser_finish(load->parser, err) != 0)
		return -1;
	g_array_sort(items, load_compare_items);
	load_drop_withheld(items, sizes, count);
	for (guint i = 0; i < items->len; i++)
		g_array_index(items, struct load_item, i).suspect = load->suspecting;
	return items->len > 0 ? load_store(load, items, rows, err) : 0;
}

int load_batch(struct load *load, const struct imapc_size *sizes, size_t count, struct error *err)
{
	scoped(g_array_unref) GArray *items = g_array_new(FALSE, FALSE, sizeof(struct load_item));
	scoped(g_array_unref) GArray *rows = g_array_new(FALSE, FALSE, sizeof(struct pickup));
	load->spool_end = 0;
	if (spool_clear(load->spool, err) != 0 || parser_begin(load->parser, err) != 0)
		return -1;
	load_take_position(load, sizes, count);
	int failed = load_bring(load, sizes, count, items, rows, err);
	load_take_position(load, NULL, 0);
	if (failed != 0 || load_account_for(load, sizes, count, items, err) != 0)
		return -1;
	return load_move(load, rows, err);
}

int load_give_up(struct load *load, const struct imapc_size *size, const char *reason,
		 struct error *err)
{
	scoped(g_array_unref) GArray *items = g_array_new(FALSE, FALSE, sizeof(struct load_item));
	scoped(g_array_unref) GArray *rows = g_array_new(FALSE, FALSE, sizeof(struct pickup));
	g_autofree char *refused = g_strdup_printf(
	    "could not be fetched in %d tries: %s; the message is in the bad-mail folder",
	    LOAD_MAX_TRIES, reason);
	struct load_item item = {.uid = size->uid,
				 .announced_size_bytes = size->size_bytes,
				 .internal_date_s = clock_now_ms() / 1000,
				 .refused = refused,
				 .not_fetched = true,
				 .suspect = true};
	g_array_append_val(items, item);
	if (load_store(load, items, rows, err) != 0)
		return -1;
	load->result->not_collected--;
	return load_move(load, rows, err);
}
