/* Rules and a database: reads the rules of a queue, tries them on what is to be stored or is stored, and stores
 * a new entry as they say. */
#include "loader/rules/rules_internal.h"

#include "queue/entry_operate.h"
#include "queue/rule.h"
#include "queue/work_queue.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const char author[] = "rules";

/* ---- the rules of a queue ---- */

struct opening {
	struct rules *rules;
	struct error *err;
};

static int open_rule(uint32_t number, const char *text, void *context)
{
	struct opening *opening = context;
	return rules_add(opening->rules, number, text, opening->err);
}

int rules_open(struct store *store, int64_t queue_id, struct rules **ret_rules, struct error *err)
{
	scoped(rules_free) struct rules *rules = rules_new();
	struct opening opening = {rules, err};
	*ret_rules = NULL;
	if (rule_version(store, queue_id, &rules->version, err) != 0 ||
	    rule_list(store, queue_id, open_rule, &opening, err) != 0)
		return -1;
	if (rules->list->len > 0)
		*ret_rules = steal(&rules);
	return 0;
}

struct naming {
	struct store *store;
	struct error *err;
	int failed;
};

static void find_named(uint32_t number, const char *name, void *context)
{
	struct naming *naming = context;
	scoped(work_queue_free) struct work_queue *queue = NULL;
	if (naming->failed == 0 && work_queue_find(naming->store, name, &queue, naming->err) != 0)
		naming->failed = error_prefix(naming->err, "rule %" PRIu32, number);
}

int rules_check(struct store *store, int64_t queue_id, struct error *err)
{
	scoped(rules_free) struct rules *rules = NULL;
	struct naming naming = {store, err, 0};
	if (rules_open(store, queue_id, &rules, err) != 0)
		return -1;
	if (rules != NULL)
		rules_each_queue(rules, find_named, &naming);
	return naming.failed;
}

/* ---- a mail that is to be stored, or is ---- */

struct source {
	struct store *store;
	int64_t queue_id;
	const struct entry *entry;
	int64_t before_id;		  /* of the entries that count as earlier */
	const struct entry_content *body; /* of a new one */
	int64_t entry_id;		  /* of a stored one */
	size_t room;
	GString *text; /* of its body */
};

static int64_t source_read_new(void *context, char *bytes, size_t room, struct error *err)
{
	const struct source *source = context;
	const struct entry_content *body = source->body;
	size_t size = 0;
	room = body->present ? (size_t)MIN(room, body->size_bytes) : 0;
	while (size < room) {
		const ssize_t got =
		    pread(body->fd, bytes + size, room - size, (off_t)(body->offset + size));
		if (got == 0)
			break;
		if (got < 0)
			return error_set(err, ERROR_IO, "reading the body for the rules: %s",
					 g_strerror(errno));
		size += (size_t)got;
	}
	return (int64_t)size;
}

/* Ends the reading where there is enough. */
static int source_take(const void *bytes, size_t size, void *context)
{
	struct source *source = context;
	g_string_append_len(source->text, bytes,
			    (gssize)MIN(size, source->room - source->text->len));
	return source->text->len < source->room ? 0 : -1;
}

static int64_t source_read_stored(void *context, char *bytes, size_t room, struct error *err)
{
	struct source *source = context;
	g_autoptr(GString) text = g_string_new(NULL);
	source->text = text;
	source->room = room;
	if (entry_read(source->store, source->entry_id, ENTRY_MESSAGE_BODY, 0, source_take, source,
		       err) != 0 &&
	    err->reason != REASON_MISSING && text->len < room)
		return -1;
	memcpy(bytes, text->str, text->len);
	return (int64_t)text->len;
}

/* Of a stored entry only those count that came before it, so that a trial says what loading said. */
static int source_count(void *context, const char *address, int64_t since_ms, uint64_t *ret_count,
			struct error *err)
{
	const struct source *source = context;
	return arrival_count(source->store, source->queue_id, address, since_ms, source->before_id,
			     ret_count, err);
}

static int source_parent(void *context, char ***ret_tags, struct error *err)
{
	const struct source *source = context;
	return entry_parent_tags(source->store, source->queue_id, source->entry, source->before_id,
				 ret_tags, err);
}

int rules_try_new(const struct rules *rules, struct store *store, const struct entry *entry,
		  const struct entry_contents *contents, int64_t now_ms,
		  void (*trace)(const struct rule_finding *finding, void *context), void *context,
		  struct rule_outcome *ret_outcome, struct error *err)
{
	struct source source = {.store = store,
				.queue_id = entry->queue_id,
				.entry = entry,
				.before_id = INT64_MAX,
				.body = &contents->message_body};
	const struct rule_mail mail = {.entry = entry,
				       .read_body = source_read_new,
				       .count_sender = source_count,
				       .parent_tags = source_parent,
				       .context = &source,
				       .now_ms = now_ms};
	return rules_try(rules, &mail, trace, context, ret_outcome, err);
}

int rules_try_entry(const struct rules *rules, struct store *store, const struct entry *entry,
		    void (*trace)(const struct rule_finding *finding, void *context), void *context,
		    struct rule_outcome *ret_outcome, struct error *err)
{
	struct source source = {.store = store,
				.queue_id = entry->queue_id,
				.entry = entry,
				.before_id = entry->id,
				.entry_id = entry->id};
	const struct rule_mail mail = {.entry = entry,
				       .read_body = source_read_stored,
				       .count_sender = source_count,
				       .parent_tags = source_parent,
				       .context = &source,
				       .now_ms = entry->record_created_ms};
	return rules_try(rules, &mail, trace, context, ret_outcome, err);
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

/* Most mail meets no rule, and then costs no statement. */
static int put_fired(const struct rules *rules, struct store *store, int64_t entry_id,
		     const struct rule_outcome *outcome, int64_t now_ms, struct error *err)
{
	g_autofree struct entry_rule *rows = g_new0(struct entry_rule, outcome->fired_count + 1);
	for (size_t i = 0; i < outcome->fired_count; i++)
		rows[i] = (struct entry_rule){outcome->fired[i].number, rules->version,
					      outcome->fired[i].did};
	return outcome->fired_count > 0
		   ? entry_rules_put(store, entry_id, rows, outcome->fired_count, now_ms, err)
		   : 0;
}

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
	if (outcome->has_priority)
		changed.priority = outcome->priority;
	if (outcome->defer_ms > 0)
		changed.next_attempt_at_ms = now_ms + outcome->defer_ms;
	if (outcome->deadline_ms > 0)
		changed.deadline_at_ms = now_ms + outcome->deadline_ms;
	if (outcome->risk_ms > 0)
		changed.risk_at_ms = now_ms + outcome->risk_ms;
	changed.held = outcome->held;
	ret_stored->elsewhere = changed.queue_id != entry->queue_id;
	if (entry_put(store, &changed, contents, now_ms, &ret_stored->entry_id, err) != 0)
		return -1;
	return put_fired(rules, store, ret_stored->entry_id, outcome, now_ms, err) == 0
		   ? put_tags(rules, store, ret_stored->entry_id, outcome, now_ms, err)
		   : -1;
}

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
