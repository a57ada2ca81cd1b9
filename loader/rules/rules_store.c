/* Rules and a database: reads the rules of a queue, and tries them on what is to be stored or is stored. */
#include "loader/rules/rules_internal.h"

#include "queue/rule.h"
#include "queue/work_queue.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* ---- the rules of a queue ---- */

struct opening {
	struct rules *rules;
	struct error *err;
};

/* In the order of the numbers, which is that of the list. */
static int open_rule(uint32_t number, const char *text, void *context)
{
	struct opening *opening = context;
	return rules_add(opening->rules, number, text, opening->err);
}

/* NULL where there is neither a rule nor a reference: most queues, whose mail then costs no statement more. */
int rules_open(struct store *store, int64_t queue_id, struct rules **ret_rules, struct error *err)
{
	scoped(rules_free) struct rules *rules = rules_new();
	struct opening opening = {rules, err};
	const struct queue_reference *reference;
	*ret_rules = NULL;
	if (rule_version(store, queue_id, &rules->version, err) != 0 ||
	    rule_list(store, queue_id, open_rule, &opening, err) != 0 ||
	    rules_reference_of(rules, store, queue_id, &reference, err) != 0)
		return -1;
	if (rules->list->len > 0 || reference->reference != NULL)
		*ret_rules = steal(&rules);
	return 0;
}

struct naming {
	struct store *store;
	struct error *err;
	int failed;
};

/* The first name that is missing is the error; the others are named when that one is mended. */
static void find_named(uint32_t number, const char *name, void *context)
{
	struct naming *naming = context;
	scoped(work_queue_free) struct work_queue *queue = NULL;
	if (naming->failed == 0 && work_queue_find(naming->store, name, &queue, naming->err) != 0)
		naming->failed = error_prefix(naming->err, "rule %" PRIu32, number);
}

/* A rule that gives mail to a queue which is not there would keep it where it came. */
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

/* Where the facts come from that are not in the entry: a body, arrivals, the entry that it answers. */
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

/* From the parser's file: the entry is not stored yet. Its beginning is enough (RULE_VALUE_MAX). */
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

/* A body that was ended by source_take() is no error: there was enough. */
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

/* The parent as it was when this mail came: one that was loaded later does not count. */
static int source_parent(void *context, char ***ret_tags, struct error *err)
{
	const struct source *source = context;
	return entry_parent_tags(source->store, source->queue_id, source->entry, source->before_id,
				 ret_tags, err);
}

/* Everything in the database is earlier than a mail that is not stored. */
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

/* A reference asks for neither arrivals nor a parent. */
int rules_find_new(const struct rule_reference *reference, struct store *store,
		   const struct entry *entry, const struct entry_contents *contents,
		   char **ret_found, bool *ret_gave_up, struct error *err)
{
	struct source source = {.store = store, .entry = entry, .body = &contents->message_body};
	const struct rule_mail mail = {
	    .entry = entry, .read_body = source_read_new, .context = &source};
	struct rule_facts facts;
	rule_facts_open(&facts, &mail);
	const int failed = rule_reference_find(reference, &facts, ret_found, err);
	*ret_gave_up = facts.gave_up;
	rule_facts_close(&facts);
	return failed;
}

/* By the time of its arrival, so that the answer is that of the load. */
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
