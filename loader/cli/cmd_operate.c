#include "loader/cli/cmd_filter.h"

#include "loader/base/clock.h"
#include "loader/base/scoped.h"
#include "loader/cli/output.h"
#include "loader/flow/from_queue.h"
#include "queue/entry_operate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

SCOPED_DEFINE(struct store *, store_close)

/* Who sits at the keyboard. */
static const char *cmd_operate_who(const struct invocation *invocation)
{
	const char *named = invocation_text(invocation, "by");
	const char *before_sudo = getenv("SUDO_USER");
	if (named != NULL)
		return named;
	return before_sudo != NULL ? before_sudo : g_get_user_name();
}

static void cmd_operate_print(const struct invocation *invocation, uint64_t changed)
{
	if (invocation->json)
		output_json_print(json_pack("{s:I}", "changed", (json_int_t)changed));
	else
		printf("%" PRIu64 " %s changed\n", changed, changed == 1 ? "entry" : "entries");
}

/* All of them or none; entries that the order does not fit are left as they are. */
static int cmd_operate_ids(const struct invocation *invocation, struct store *store,
			   const struct entry_order *order, uint64_t *ret_changed,
			   struct error *err)
{
	struct queue_error queue_err;
	*ret_changed = 0;
	if (store_begin(store, &queue_err) != 0)
		return error_from_queue(err, &queue_err);
	for (size_t i = 0; i < invocation->argument_count; i++) {
		int64_t id;
		bool changed;
		if (invocation_entry_id(invocation, i, &id, err) != 0)
			return -1;
		if (entry_operate(store, id, order, clock_now_ms(), &changed, &queue_err) != 0)
			return error_from_queue(err, &queue_err);
		*ret_changed += changed;
	}
	if (store_commit(store, &queue_err) != 0)
		return error_from_queue(err, &queue_err);
	return 0;
}

static int cmd_operate_filtered(const struct invocation *invocation, struct store *store,
				const struct entry_order *order, uint64_t *ret_changed,
				struct error *err)
{
	struct queue_error queue_err;
	struct entry_filter filter;
	bool any;
	if (cmd_filter_read(invocation, store, &filter, &any, err) != 0)
		return -1;
	if (!any && !invocation_flag(invocation, "all"))
		return error_set(err, ERROR_USAGE,
				 "which entries? Name ids, a filter (--queue, --state, --tag, "
				 "--older-than …), or --all");
	/* What is done is done again only when that is said. */
	if (order->operation == ENTRY_RETRY && !filter.by_state) {
		filter.by_state = true;
		filter.state = ENTRY_FAILED;
	}
	if (entry_operate_all(store, &filter, order, clock_now_ms(), ret_changed, &queue_err) != 0)
		return error_from_queue(err, &queue_err);
	return 0;
}

static int cmd_operate(const struct invocation *invocation, struct entry_order *order,
		       struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	uint64_t changed;
	order->who = cmd_operate_who(invocation);
	if (invocation_line(invocation, "reason", &order->why, err) != 0 ||
	    invocation_open(invocation, STORE_WRITE, &store, err) != 0)
		return -1;
	const bool by_id = invocation->argument_count > 0;
	if (by_id ? cmd_operate_ids(invocation, store, order, &changed, err) != 0
		  : cmd_operate_filtered(invocation, store, order, &changed, err) != 0)
		return -1;
	cmd_operate_print(invocation, changed);
	if (by_id && changed == 0)
		return error_set(err, ERROR_NO,
				 "nothing to change: see `inqueue %s --help` for the entries it is "
				 "meant for",
				 invocation->command->name);
	return 0;
}

int cmd_retry(const struct invocation *invocation, struct error *err)
{
	struct entry_order order = {.operation = ENTRY_RETRY};
	return cmd_operate(invocation, &order, err);
}

int cmd_discard(const struct invocation *invocation, struct error *err)
{
	struct entry_order order = {.operation = ENTRY_DISCARD};
	return cmd_operate(invocation, &order, err);
}

int cmd_hold(const struct invocation *invocation, struct error *err)
{
	struct entry_order order = {.operation = ENTRY_HOLD};
	return cmd_operate(invocation, &order, err);
}

int cmd_unhold(const struct invocation *invocation, struct error *err)
{
	struct entry_order order = {.operation = ENTRY_UNHOLD};
	return cmd_operate(invocation, &order, err);
}

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

int cmd_note(const struct invocation *invocation, struct error *err)
{
	int64_t id;
	struct queue_error queue_err;
	const char *text = invocation->arguments[1];
	scoped(store_close) struct store *store = NULL;
	if (invocation_entry_id(invocation, 0, &id, err) != 0)
		return -1;
	if (*text == '\0' || !g_utf8_validate(text, -1, NULL))
		return error_set(err, ERROR_USAGE, "a note is UTF-8 text");
	if (invocation_open(invocation, STORE_WRITE, &store, err) != 0)
		return -1;
	if (entry_note(store, id, cmd_operate_who(invocation), text, clock_now_ms(), &queue_err) !=
	    0)
		return error_from_queue(err, &queue_err);
	return 0;
}
