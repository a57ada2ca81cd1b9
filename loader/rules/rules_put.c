/* Stores a new entry as the rules of its queue say, and by what it is about: a queue may refuse a second mail with a
 * reference, or let it take the place of those that wait. */
#include "loader/rules/rules_internal.h"

#include "queue/entry_operate.h"
#include "queue/rule.h"
#include "queue/work_queue.h"

/* Who did it, in the history of an entry. */
static const char author[] = "rules";

/* ---- what queues make of references ---- */

void queue_reference_free(void *data)
{
	struct queue_reference *of_queue = data;
	rule_reference_free(of_queue->reference);
	g_free(of_queue);
}

/* A definition that an older version took and this one does not is an error of the load, not of the mail. */
static int read_reference(struct store *store, int64_t queue_id, struct queue_reference *of_queue,
			  struct error *err)
{
	g_autofree char *text = NULL;
	if (work_queue_find_reference(store, queue_id, &text, &of_queue->same, err) != 0)
		return -1;
	return text == NULL || rule_reference_parse(text, &of_queue->reference, err) == 0
		   ? 0
		   : error_prefix(err, "reference");
}

/* A rule may give mail to many queues, each of which has a say of its own. */
int rules_reference_of(const struct rules *rules, struct store *store, int64_t queue_id,
		       const struct queue_reference **ret_reference, struct error *err)
{
	struct queue_reference *of_queue = g_hash_table_lookup(rules->references, &queue_id);
	if (of_queue == NULL) {
		of_queue = g_new0(struct queue_reference, 1);
		if (read_reference(store, queue_id, of_queue, err) != 0) {
			queue_reference_free(of_queue);
			return -1;
		}
		g_hash_table_insert(rules->references, g_memdup2(&queue_id, sizeof queue_id),
				    of_queue);
	}
	*ret_reference = of_queue;
	return 0;
}

/* For mail that is only to be looked at: what it is about, and nothing is stored. */
int rules_find_reference(const struct rules *rules, struct store *store, const struct entry *entry,
			 const struct entry_contents *contents, char **ret_reference,
			 struct error *err)
{
	const struct queue_reference *of_queue;
	bool gave_up;
	*ret_reference = NULL;
	if (rules == NULL || entry->state == ENTRY_BAD)
		return 0;
	if (rules_reference_of(rules, store, entry->queue_id, &of_queue, err) != 0)
		return -1;
	return of_queue->reference != NULL ? rules_find_new(of_queue->reference, store, entry,
							    contents, ret_reference, &gave_up, err)
					   : 0;
}

/* ---- storing ---- */

/* A queue that is not there any more gets nothing: the entry stays where it came, and its history says so. */
static int find_queue(struct store *store, struct rule_outcome *outcome, int64_t *ret_id,
		      struct error *err)
{
	scoped(work_queue_free) struct work_queue *queue = NULL;
	if (outcome->queue == NULL)
		return 0;
	if (work_queue_find(store, outcome->queue, &queue, err) == 0) {
		*ret_id = queue->id;
		return 0;
	}
	if (err->reason != REASON_MISSING)
		return -1;
	for (size_t i = 0; i < outcome->fired_count; i++) {
		struct rule_fired *fired = &outcome->fired[i];
		if (fired->number != outcome->queue_by)
			continue;
		g_autofree char *did = steal(&fired->did);
		fired->did = g_strdup_printf("%s (there is no queue '%s': it stays here)", did,
					     outcome->queue);
	}
	return 0;
}

/* The version tells which text of the rules it was, long after they have changed. */
int rules_note_fired(const struct rules *rules, struct store *store, int64_t entry_id,
		     const struct rule_outcome *outcome, int64_t now_ms, struct error *err)
{
	g_autofree struct entry_rule *rows = g_new0(struct entry_rule, outcome->fired_count + 1);
	for (size_t i = 0; i < outcome->fired_count; i++)
		rows[i] = (struct entry_rule){outcome->fired[i].number, rules->version,
					      outcome->fired[i].did};
	return entry_rules_put(store, entry_id, rows, outcome->fired_count, now_ms, err);
}

/* As an operator would, so that the history tells of each tag and who has put it on. */
static int put_tags(const struct rules *rules, struct store *store, int64_t entry_id,
		    const struct rule_outcome *outcome, int64_t now_ms, struct error *err)
{
	g_autofree char *why = g_strdup_printf("version %" PRIu32, rules->version);
	for (char **tag = outcome->tags; *tag != NULL; tag++) {
		const struct entry_order order = {
		    .operation = ENTRY_TAG, .tag = *tag, .who = author, .why = why};
		bool changed;
		if (entry_operate(store, entry_id, &order, now_ms, &changed, err) != 0)
			return -1;
	}
	return 0;
}

/* Skipped mail counts as well: a storm that is skipped is still a storm. */
static int note_arrival(const struct rules *rules, struct store *store, const struct entry *entry,
			int64_t entry_id, int64_t now_ms, struct error *err)
{
	const int64_t rate_ms = rules_rate_ms(rules);
	g_autofree char *sender = rate_ms > 0 ? rule_mail_sender(entry) : NULL;
	return sender != NULL ? arrival_note(store, entry->queue_id, sender, entry_id, now_ms,
					     now_ms - rate_ms, err)
			      : 0;
}

/* The mail is settled as one that a rule has skipped: the ledger has it, and it moves. */
static int refuse(struct store *store, const struct entry *entry, int64_t first_id, int64_t now_ms,
		  struct rules_stored *ret_stored, struct error *err)
{
	struct entry refused = *entry;
	refused.same_as = first_id;
	ret_stored->refused = true;
	if (entry_skip(store, &refused, NULL, now_ms, &ret_stored->entry_id, err) != 0)
		return -1;
	return entry_note_refused(store, first_id, entry, now_ms, err);
}

/* A second mail is refused where the queue says so; "replace" takes the place of those that nobody has begun. */
static int put_referring(struct store *store, const struct entry *entry,
			 const struct entry_contents *contents, enum work_queue_same same,
			 int64_t now_ms, struct rules_stored *ret_stored, struct error *err)
{
	int64_t first_id = 0;
	if (same == WORK_QUEUE_REFUSE &&
	    entry_reference_find(store, entry->queue_id, entry->reference, &first_id, err) != 0)
		return -1;
	if (first_id != 0)
		return refuse(store, entry, first_id, now_ms, ret_stored, err);
	if (entry_put(store, entry, contents, now_ms, &ret_stored->entry_id, err) != 0)
		return -1;
	return same == WORK_QUEUE_REPLACE
		   ? entry_replace_waiting(store, ret_stored->entry_id, now_ms, err)
		   : 0;
}

/* The entry as the rules have made it, by the say of the queue that gets it. */
static int put_by_reference(const struct rules *rules, struct store *store,
			    const struct entry *entry, const struct entry_contents *contents,
			    int64_t now_ms, struct rules_stored *ret_stored, struct error *err)
{
	const struct queue_reference *of_queue;
	g_autofree char *reference = NULL;
	struct entry changed = *entry;
	bool gave_up = false;
	if (rules_reference_of(rules, store, entry->queue_id, &of_queue, err) != 0 ||
	    (of_queue->reference != NULL &&
	     rules_find_new(of_queue->reference, store, entry, contents, &reference, &gave_up,
			    err) != 0))
		return -1;
	changed.reference = reference;
	if (reference != NULL)
		return put_referring(store, &changed, contents, of_queue->same, now_ms, ret_stored,
				     err);
	if (entry_put(store, entry, contents, now_ms, &ret_stored->entry_id, err) != 0)
		return -1;
	return gave_up ? entry_note(store, ret_stored->entry_id, "reference",
				    "gave up: the expression needs too many steps for this mail",
				    now_ms, err)
		       : 0;
}

/* Times count from now, the arrival: `rules apply` later counts from record_created, which is the same moment. */
static void change(struct entry *entry, const struct rule_outcome *outcome, int64_t now_ms)
{
	if (outcome->has_priority)
		entry->priority = outcome->priority;
	if (outcome->defer_ms > 0)
		entry->next_attempt_at_ms = now_ms + outcome->defer_ms;
	if (outcome->deadline_ms > 0)
		entry->deadline_at_ms = now_ms + outcome->deadline_ms;
	if (outcome->risk_ms > 0)
		entry->risk_at_ms = now_ms + outcome->risk_ms;
	entry->held = outcome->held;
}

/* Most mail meets no rule, and then costs no statement more. */
static int put_as_said(const struct rules *rules, struct store *store, const struct entry *entry,
		       const struct entry_contents *contents, struct rule_outcome *outcome,
		       int64_t now_ms, struct rules_stored *ret_stored, struct error *err)
{
	struct entry changed = *entry;
	if (outcome->skipped) {
		const struct entry_rule rule = {outcome->skipped_by, rules->version, "skip"};
		ret_stored->skipped = true;
		return entry_skip(store, entry, &rule, now_ms, &ret_stored->entry_id, err);
	}
	if (find_queue(store, outcome, &changed.queue_id, err) != 0)
		return -1;
	change(&changed, outcome, now_ms);
	ret_stored->elsewhere = changed.queue_id != entry->queue_id;
	if (put_by_reference(rules, store, &changed, contents, now_ms, ret_stored, err) != 0)
		return -1;
	if (ret_stored->refused || outcome->fired_count == 0)
		return 0;
	return rules_note_fired(rules, store, ret_stored->entry_id, outcome, now_ms, err) == 0
		   ? put_tags(rules, store, ret_stored->entry_id, outcome, now_ms, err)
		   : -1;
}

/* A bad entry is no mail that could be tried. The arrival is noted last: the mail itself counts in its own test,
 * not as an earlier one. */
int rules_put(const struct rules *rules, struct store *store, const struct entry *entry,
	      const struct entry_contents *contents, int64_t now_ms,
	      struct rules_stored *ret_stored, struct error *err)
{
	struct rule_outcome outcome = {0};
	*ret_stored = (struct rules_stored){0};
	if (rules == NULL || entry->state == ENTRY_BAD)
		return entry_put(store, entry, contents, now_ms, &ret_stored->entry_id, err);
	if (rules_try_new(rules, store, entry, contents, now_ms, NULL, NULL, &outcome, err) != 0)
		return -1;
	int failed = put_as_said(rules, store, entry, contents, &outcome, now_ms, ret_stored, err);
	rule_outcome_clear(&outcome);
	if (failed == 0)
		failed = note_arrival(rules, store, entry, ret_stored->entry_id, now_ms, err);
	return failed == 0 ? 0 : -1;
}
