/* Operators change entries: by id, all of them or none, or all that a filter lets through. */
#include "loader/cli/entry/entry_internal.h"

#include "loader/base/clock.h"
#include "loader/cli/frame/output.h"
#include "loader/entry/choice.h"
#include "queue/base/scoped.h"
#include "queue/entry_operate.h"

#include <inttypes.h>
#include <stdio.h>

/* The number is printed also where it is 0: a script reads it in any case. */
static void cmd_operate_print(const struct invocation *invocation, uint64_t changed)
{
	if (invocation->json)
		output_json_print(json_pack("{s:I}", "changed", (json_int_t)changed));
	else
		output_line("%" PRIu64 " %s changed", changed, changed == 1 ? "entry" : "entries");
}

/* Why the order does not fit the entry. Caller frees. */
static char *cmd_operate_unfit(const struct entry_order *order, const struct entry *entry)
{
	char until[CLOCK_TEXT_SIZE];
	output_time_s(entry->lease_until_ms / 1000, until);
	return choice_unfit(order, entry, until, clock_now_ms());
}

/* Looks at the entry again to say why it was left as it is. */
static int cmd_operate_note_unfit(struct store *store, int64_t entry_id,
				  const struct entry_order *order, GPtrArray *unfit,
				  struct error *err)
{
	scoped(entry_free) struct entry *entry = NULL;
	if (entry_find(store, entry_id, &entry, err) != 0)
		return -1;
	g_ptr_array_add(unfit, cmd_operate_unfit(order, entry));
	return 0;
}

/* All of the entries or none: an id that does not exist, or is none, ends the transaction
 * without a commit, and store_close() rolls it back. An entry that the order does not fit is no
 * such error: it stays as it is, and `unfit` gets why. */
static int cmd_operate_ids(const struct invocation *invocation, struct store *store,
			   const struct entry_order *order, uint64_t *ret_changed, GPtrArray *unfit,
			   struct error *err)
{
	*ret_changed = 0;
	if (store_begin(store, err) != 0)
		return -1;
	for (size_t i = 0; i < invocation->argument_count; i++) {
		int64_t id;
		bool changed;
		if (invocation_entry_id(invocation, i, &id, err) != 0)
			return -1;
		if (entry_operate(store, id, order, clock_now_ms(), &changed, err) != 0)
			return -1;
		*ret_changed += changed;
		if (!changed && cmd_operate_note_unfit(store, id, order, unfit, err) != 0)
			return -1;
	}
	if (store_commit(store, err) != 0)
		return -1;
	return 0;
}

/* Without any filter only --all changes all entries: a forgotten argument must not discard a
 * whole queue. */
static int cmd_operate_filter(const struct invocation *invocation, struct store *store,
			      const struct entry_order *order, struct entry_filter *ret_filter,
			      struct error *err)
{
	bool any;
	if (filter_read(invocation, store, ret_filter, &any, err) != 0)
		return -1;
	if (!any && !invocation_flag(invocation, "all"))
		return error_set(err, ERROR_USAGE,
				 "which entries? Name ids, a filter (--queue, --state, --tag, "
				 "--older-than …), or --all");
	/* What a target refuses waits until somebody has mended it, so that it goes again at once.
	 */
	const bool posts = invocation->command->run == cmd_delivery_retry;
	ret_filter->only_posted = posts;
	/* Entries that are done are done again only where --state says so, and what somebody has given up
	 * stays so. */
	ret_filter->not_discarded =
	    order->operation == ENTRY_RETRY && (ret_filter->states & ENTRY_DISCARDED) == 0;
	if (order->operation == ENTRY_RETRY && ret_filter->states == 0)
		ret_filter->states = ENTRY_IN(ENTRY_FAILED) | (posts ? ENTRY_IN(ENTRY_NEW) : 0);
	return 0;
}

static int cmd_operate_count(const struct entry *entry, void *context)
{
	(void)entry;
	++*(uint64_t *)context;
	return 0;
}

/* As many as the same filter would take with these states. */
static int cmd_operate_count_of(struct store *store, const struct entry_filter *given,
				const struct entry_order *order, unsigned states,
				uint64_t *ret_count, struct error *err)
{
	struct entry_filter filter = *given;
	*ret_count = 0;
	filter.states = states;
	filter.not_discarded = false;
	filter.order = order;
	filter.now_ms = clock_now_ms();
	return entry_list(store, &filter, cmd_operate_count, ret_count, err);
}

/* A filter of `retry` takes failed entries, and `list` with the same words has just shown others: where it
 * finds none, it says which option takes those that wait for their next attempt, and those that were
 * discarded. */
static int cmd_operate_hint(const struct invocation *invocation, struct store *store,
			    const struct entry_order *order, const struct entry_filter *given,
			    struct error *err)
{
	uint64_t waiting = 0;
	uint64_t discarded;
	if (order->operation != ENTRY_RETRY)
		return 0;
	if (invocation_text(invocation, "state") == NULL &&
	    cmd_operate_count_of(store, given, order, ENTRY_IN(ENTRY_NEW), &waiting, err) != 0)
		return -1;
	if (waiting > 0)
		output_say("no entry of these has failed; %" PRIu64 " %s for the next attempt: "
			   "--state new takes %s",
			   waiting, waiting == 1 ? "waits" : "wait", waiting == 1 ? "it" : "them");
	if (!given->not_discarded)
		return 0;
	if (cmd_operate_count_of(store, given, order, ENTRY_DISCARDED, &discarded, err) != 0)
		return -1;
	if (discarded > 0)
		output_say("%" PRIu64 " of these %s discarded: --state discarded takes %s",
			   discarded, discarded == 1 ? "was" : "were",
			   discarded == 1 ? "it" : "them");
	return 0;
}

/* A filter that finds nothing is no error: a script runs it each night. */
static int cmd_operate_filtered(const struct invocation *invocation, struct store *store,
				const struct entry_order *order, uint64_t *ret_changed,
				struct error *err)
{
	struct entry_filter filter;
	if (cmd_operate_filter(invocation, store, order, &filter, err) != 0 ||
	    entry_operate_all(store, &filter, order, clock_now_ms(), ret_changed, err) != 0)
		return -1;
	/* Who asks for bad ones in so many words has not been given any. */
	if (order->operation == ENTRY_RETRY && (filter.states & ENTRY_IN(ENTRY_BAD)) != 0)
		output_say("bad entries could not be loaded, and are left as they are; after the "
			   "cause is gone: inqueue reload ID");
	return *ret_changed > 0 ? 0 : cmd_operate_hint(invocation, store, order, &filter, err);
}

/* ---- a dry run ---- */

/* An id that does not exist, or is none, is an error; of one that the order does not fit is said why. */
static int cmd_operate_preview_ids(const struct invocation *invocation, struct store *store,
				   struct entry_filter *filter, struct entry_preview *preview,
				   struct error *err)
{
	for (size_t i = 0; i < invocation->argument_count; i++) {
		scoped(entry_free) struct entry *entry = NULL;
		const uint64_t before = preview->count;
		if (invocation_entry_id(invocation, i, &filter->entry_id, err) != 0)
			return -1;
		if (entry_find(store, filter->entry_id, &entry, err) != 0 ||
		    entry_list(store, filter, entry_preview_add, preview, err) != 0)
			return -1;
		if (preview->count > before)
			continue;
		g_autofree char *words = cmd_operate_unfit(filter->order, entry);
		output_say("%s", words);
	}
	return 0;
}

/* Opens the database for reading only. */
static int cmd_operate_preview(const struct invocation *invocation, const struct entry_order *order,
			       struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	struct entry_filter filter = {0};
	struct entry_preview preview;
	const bool by_id = invocation->argument_count > 0;
	if (invocation_open(invocation, STORE_READ, &store, err) != 0 ||
	    (!by_id && cmd_operate_filter(invocation, store, order, &filter, err) != 0))
		return -1;
	filter.order = order;
	filter.now_ms = clock_now_ms();
	if (entry_preview_begin(invocation, store, &filter, &preview, err) != 0)
		return -1;
	if (by_id ? cmd_operate_preview_ids(invocation, store, &filter, &preview, err) != 0
		  : entry_list(store, &filter, entry_preview_add, &preview, err) != 0) {
		entry_preview_free(&preview);
		return -1;
	}
	const bool none = preview.count == 0;
	entry_preview_end(&preview, "changed");
	return none && !by_id ? cmd_operate_hint(invocation, store, order, &filter, err) : 0;
}

/* Prints why entries were left as they are, each on a line of its own. Where nothing at all was
 * changed, the last reason is the error, so that the command ends with 1 and says nothing
 * twice. */
static int cmd_operate_tell_unfit(uint64_t changed, const GPtrArray *unfit, struct error *err)
{
	const guint told = changed == 0 && unfit->len > 0 ? unfit->len - 1 : unfit->len;
	for (guint i = 0; i < told; i++)
		output_say("%s", (const char *)g_ptr_array_index(unfit, i));
	if (changed > 0)
		return 0;
	return error_set(err, ERROR_NO, "%s", (const char *)g_ptr_array_index(unfit, told));
}

/* All or nothing is done, and said. */
static int cmd_operate_run(const struct invocation *invocation, struct entry_order *order,
			   struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	uint64_t changed;
	order->who = invocation_who(invocation);
	if (invocation_line(invocation, "reason", &order->why, err) != 0 ||
	    invocation_open(invocation, STORE_WRITE, &store, err) != 0)
		return -1;
	const bool by_id = invocation->argument_count > 0;
	g_autoptr(GPtrArray) unfit = g_ptr_array_new_with_free_func(g_free);
	if (by_id ? cmd_operate_ids(invocation, store, order, &changed, unfit, err) != 0
		  : cmd_operate_filtered(invocation, store, order, &changed, err) != 0)
		return -1;
	cmd_operate_print(invocation, changed);
	return by_id ? cmd_operate_tell_unfit(changed, unfit, err) : 0;
}

/* One path for all operations: they differ in their order only. */
int cmd_operate(const struct invocation *invocation, struct entry_order *order, struct error *err)
{
	return invocation_flag(invocation, "dry-run") ? cmd_operate_preview(invocation, order, err)
						      : cmd_operate_run(invocation, order, err);
}

/* From here on each command only says which order it is. */
int cmd_retry(const struct invocation *invocation, struct error *err)
{
	struct entry_order order = {.operation = ENTRY_RETRY};
	return cmd_operate(invocation, &order, err);
}

/* By a filter it takes more than `retry`: those that wait for their next attempt, too. */
int cmd_delivery_retry(const struct invocation *invocation, struct error *err)
{
	return cmd_retry(invocation, err);
}

/* An entry that a worker has is not given up under it: the order does not fit it, and its
 * worker is named. */
int cmd_discard(const struct invocation *invocation, struct error *err)
{
	struct entry_order order = {.operation = ENTRY_DISCARD};
	return cmd_operate(invocation, &order, err);
}

/* An operator who takes an entry from a worker says why: the worker's people will ask. */
int cmd_take_back(const struct invocation *invocation, struct error *err)
{
	struct entry_order order = {.operation = ENTRY_TAKE_BACK};
	if (invocation_text(invocation, "token") != NULL ||
	    invocation_text(invocation, "reason") == NULL)
		return error_set(err, ERROR_USAGE,
				 "--force needs --reason TEXT, for the history; leave --token out");
	return cmd_operate_run(invocation, &order, err);
}

/* A claimed entry is held as well: it stays with its worker, and nobody gets it once it comes
 * back. */
int cmd_hold(const struct invocation *invocation, struct error *err)
{
	struct entry_order order = {.operation = ENTRY_HOLD};
	return cmd_operate(invocation, &order, err);
}

/* What is held stays so however long: only this ends it. */
int cmd_unhold(const struct invocation *invocation, struct error *err)
{
	struct entry_order order = {.operation = ENTRY_UNHOLD};
	return cmd_operate(invocation, &order, err);
}

/* A million either way leaves room for everybody's own scale. */
int cmd_priority(const struct invocation *invocation, struct error *err)
{
	struct entry_order order = {.operation = ENTRY_PRIORITY};
	const char *text = invocation_text(invocation, "to");
	gint64 priority;
	if (text == NULL || !g_ascii_string_to_signed(text, 10, -1000000, 1000000, &priority, NULL))
		return error_set(err, ERROR_USAGE,
				 "--to takes the priority, from -1000000 to 1000000");
	order.priority = (int32_t)priority;
	return cmd_operate(invocation, &order, err);
}

/* One tag at a time, put on or taken off. */
int cmd_tag(const struct invocation *invocation, struct error *err)
{
	const char *add;
	const char *remove;
	if (invocation_word(invocation, "add", &add, err) != 0 ||
	    invocation_word(invocation, "remove", &remove, err) != 0)
		return -1;
	if ((add == NULL) == (remove == NULL))
		return error_set(err, ERROR_USAGE, "one of --add TAG and --remove TAG is needed");
	struct entry_order order = {.operation = add != NULL ? ENTRY_TAG : ENTRY_UNTAG,
				    .tag = add != NULL ? add : remove};
	return cmd_operate(invocation, &order, err);
}
