/* `rules apply`: entries that wait get what the rules of today say. The first pass shows what would be changed, the
 * second one changes it. */
#include "loader/cli/rules/rules_internal.h"

#include "loader/base/clock.h"
#include "loader/cli/entry/filter.h"
#include "loader/cli/frame/output.h"
#include "queue/base/scoped.h"
#include "queue/entry_operate.h"
#include "queue/rule.h"

#include <glib.h>
#include <inttypes.h>

/* The first pass asks only whether anything would change. */
static int order_one(const struct rules_trying *trying, const struct entry *entry,
		     const struct entry_order *order, bool *changes)
{
	bool changed = false;
	if (!trying->change) {
		*changes = true;
		return 0;
	}
	if (entry_operate(trying->store, entry->id, order, clock_now_ms(), &changed, trying->err) !=
	    0)
		return -1;
	*changes |= changed;
	return 0;
}

/* A row of the list has them with blanks between. */
static bool has_tag(const struct entry *entry, const char *tag)
{
	g_auto(GStrv) tags = g_strsplit(entry->tags != NULL ? entry->tags : "", " ", -1);
	return g_strv_contains((const char *const *)tags, tag);
}

/* Counted from the arrival, as loading does. */
static int order_time(const struct rules_trying *trying, const struct entry *entry,
		      struct entry_order *order, enum entry_operation operation, int64_t span_ms,
		      int64_t has_ms, bool *changes)
{
	order->operation = operation;
	order->time_ms = entry->record_created_ms + span_ms;
	return span_ms > 0 && order->time_ms != has_ms ? order_one(trying, entry, order, changes)
						       : 0;
}

/* What the entry has already is left out, so that its history tells of changes alone. */
static int order_all(const struct rules_trying *trying, const struct entry *entry,
		     const struct rule_outcome *outcome, bool *changes)
{
	g_autofree char *why = g_strdup_printf("rules, version %" PRIu32, trying->version);
	struct entry_order order = {.who = invocation_who(trying->invocation), .why = why};
	*changes = false;
	if (outcome->has_priority && outcome->priority != entry->priority) {
		order.operation = ENTRY_PRIORITY;
		order.priority = outcome->priority;
		if (order_one(trying, entry, &order, changes) != 0)
			return -1;
	}
	if (order_time(trying, entry, &order, ENTRY_DEADLINE, outcome->deadline_ms,
		       entry->deadline_at_ms, changes) != 0 ||
	    order_time(trying, entry, &order, ENTRY_RISK, outcome->risk_ms, entry->risk_at_ms,
		       changes) != 0)
		return -1;
	order.operation = ENTRY_TAG;
	for (char **tag = outcome->tags; *tag != NULL; tag++) {
		order.tag = *tag;
		if (!has_tag(entry, *tag) && order_one(trying, entry, &order, changes) != 0)
			return -1;
	}
	order.operation = ENTRY_HOLD;
	return outcome->held && !entry->held ? order_one(trying, entry, &order, changes) : 0;
}

/* Called in both passes, so that what was shown and what is changed go one way. */
static int apply_listed(const struct entry *listed, void *context)
{
	struct rules_trying *trying = context;
	scoped(entry_free) struct entry *entry = NULL;
	struct rule_outcome outcome;
	bool changes;
	if (rules_try_listed(trying, listed, &entry, &outcome) != 0)
		return -1;
	int failed = order_all(trying, entry, &outcome, &changes);
	/* In place of what loading put down: an operator asks by which rule the entry has its priority now. */
	if (failed == 0 && changes && trying->change)
		failed = rules_note_fired(trying->rules, trying->store, entry->id, &outcome,
					  clock_now_ms(), trying->err);
	if (failed == 0 && changes) {
		if (!trying->change)
			rules_tell_row(trying, entry, &outcome);
		trying->changed++;
	}
	rule_outcome_clear(&outcome);
	return failed;
}

/* The first pass shows what would be changed, the second one changes it. */
static int apply_pass(struct rules_trying *trying, const struct entry_filter *filter, bool change)
{
	trying->change = change;
	trying->changed = 0;
	trying->table = !change ? rules_table_new(trying->invocation) : NULL;
	const int failed = entry_list(trying->store, filter, apply_listed, trying, trying->err);
	if (trying->table != NULL && trying->changed > 0 && failed == 0)
		output_table_print(steal(&trying->table));
	g_clear_pointer(&trying->table, output_table_free);
	return failed;
}

/* Only entries that wait (new): what a worker has, or has done, was decided by the rules of its day. */
static int apply_filter(const struct invocation *invocation, struct store *store,
			const struct work_queue *queue, struct entry_filter *ret_filter,
			struct error *err)
{
	bool any;
	if (filter_read(invocation, store, ret_filter, &any, err) != 0)
		return -1;
	if (!any && !invocation_flag(invocation, "all"))
		return error_set(
		    err, ERROR_USAGE,
		    "which entries? Name a filter (--since, --sender, --tag …), or --all");
	ret_filter->queue_id = queue->id;
	ret_filter->states = ENTRY_IN(ENTRY_NEW);
	return 0;
}

/* All in one transaction: an operator who sees an error knows that nothing was changed. */
static int apply_change(struct rules_trying *trying, const struct entry_filter *filter)
{
	if (store_begin(trying->store, trying->err) != 0)
		return -1;
	if (apply_pass(trying, filter, true) != 0) {
		store_rollback(trying->store);
		return -1;
	}
	return store_commit(trying->store, trying->err) == 0 ? 0 : -1;
}

/* Programs have counted the rows: with --json nothing else is printed. */
static void tell_count(const struct rules_trying *trying, const char *what)
{
	if (!trying->invocation->json)
		output_line("%" PRIu64 " %s %s", trying->changed,
			    trying->changed == 1 ? "entry" : "entries", what);
}

/* A dry run opens the database for reading alone, so that it works beside everything. */
int cmd_rules_apply(const struct invocation *invocation, struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	scoped(work_queue_free) struct work_queue *queue = NULL;
	scoped(rules_free) struct rules *rules = NULL;
	const bool dry_run = invocation_flag(invocation, "dry-run");
	struct entry_filter filter;
	if (invocation_open(invocation, dry_run ? STORE_READ : STORE_WRITE, &store, err) != 0 ||
	    rules_of_invocation(invocation, store, &queue, &rules, err) != 0 ||
	    apply_filter(invocation, store, queue, &filter, err) != 0)
		return -1;
	struct rules_trying trying = {
	    .store = store, .rules = rules, .err = err, .invocation = invocation};
	if (rule_version(store, queue->id, &trying.version, err) != 0 ||
	    apply_pass(&trying, &filter, false) != 0)
		return -1;
	if (dry_run || trying.changed == 0) {
		tell_count(&trying, "to be changed");
		return 0;
	}
	if (!invocation_flag(invocation, "yes") &&
	    !output_ask("Change %" PRIu64 " %s", trying.changed,
			trying.changed == 1 ? "entry" : "entries"))
		return error_set(err, ERROR_NO, "nothing was changed");
	if (apply_change(&trying, &filter) != 0)
		return -1;
	tell_count(&trying, "changed");
	return 0;
}
