/* Reads entries: one by its id, or all that a filter lets through. A list is read
 * in chunks, which are handed on between them: the caller may wait for somebody, and a statement
 * half read holds up writers. Writes a filter as SQL, for all statements that choose entries by one. */
#include "queue/entry.h"

#include "queue/entry_internal.h"
#include "queue/store_internal.h"

#include <glib.h>
#include <string.h>

/* The view's columns without the bodies. */
#define COLUMNS                                                                                    \
	"id, queue_id, queue, state, priority, attempt_count, error_kind, error_text,"             \
	" last_attempt_at, next_attempt_at, lease_until, lease_owner, subject, sender, recipient," \
	" cc, bcc, reply_to, message_id, in_reply_to, thread_references, date_sent,"               \
	" date_received, headers, defects, raw_sha256, raw_size, raw_kept,"                        \
	" message_body_size IS NOT NULL, html_body_size IS NOT NULL, record_created,"              \
	" record_updated, attachment_count, lease_token, held, tags, signature, auto_class, "      \
	"auto_reason, thread_id, parent_id, progress, progress_at, output_at, deadline_at, "       \
	"risk_at, reference, same_as"

/* 200 rows are read in a moment; 1 MiB bounds the memory where each has long headers. */
#define CHUNK_ENTRIES 200
#define CHUNK_BYTES   ((size_t)1024 * 1024)

static char *copy_text(const struct statement *row, int column, size_t *size)
{
	const char *text = statement_text(row, column);
	if (text != NULL)
		*size += strlen(text);
	return g_strdup(text);
}

/* *size grows by the bytes of its texts, so that a chunk of long headers ends early. */
static struct entry *entry_from_row(const struct statement *row, size_t *size)
{
	struct entry *entry = g_new0(struct entry, 1);
	entry->id = statement_int(row, 0);
	entry->queue_id = statement_int(row, 1);
	entry->queue_name = copy_text(row, 2, size);
	/* The schema knows no other states than we do. */
	(void)entry_state_parse(statement_text(row, 3), &entry->state);
	entry->priority = (int32_t)statement_int(row, 4);
	entry->attempt_count = (int32_t)statement_int(row, 5);
	entry->error_kind = copy_text(row, 6, size);
	entry->error_text = copy_text(row, 7, size);
	entry->last_attempt_at_ms = value_parse_time_ms(statement_text(row, 8));
	entry->next_attempt_at_ms = value_parse_time_ms(statement_text(row, 9));
	entry->lease_until_ms = value_parse_time_ms(statement_text(row, 10));
	entry->lease_owner = copy_text(row, 11, size);
	entry->subject = copy_text(row, 12, size);
	entry->sender = copy_text(row, 13, size);
	entry->recipient = copy_text(row, 14, size);
	entry->cc = copy_text(row, 15, size);
	entry->bcc = copy_text(row, 16, size);
	entry->reply_to = copy_text(row, 17, size);
	entry->message_id = copy_text(row, 18, size);
	entry->in_reply_to = copy_text(row, 19, size);
	entry->thread_references = copy_text(row, 20, size);
	entry->date_sent_s = value_parse_time_s(statement_text(row, 21));
	entry->date_received_s = value_parse_time_s(statement_text(row, 22));
	entry->headers = copy_text(row, 23, size);
	entry->defects = copy_text(row, 24, size);
	entry->raw_incomplete = statement_is_null(row, 25);
	if (!entry->raw_incomplete)
		value_parse_sha256(statement_text(row, 25), entry->raw_sha256);
	entry->raw_size = (uint64_t)statement_int(row, 26);
	entry->raw_kept = statement_int(row, 27) != 0;
	entry->has_message_body = statement_int(row, 28) != 0;
	entry->has_html_body = statement_int(row, 29) != 0;
	entry->record_created_ms = value_parse_time_ms(statement_text(row, 30));
	entry->record_updated_ms = value_parse_time_ms(statement_text(row, 31));
	entry->attachment_count = (size_t)statement_int(row, 32);
	entry->lease_token = copy_text(row, 33, size);
	entry->held = statement_int(row, 34) != 0;
	entry->tags = copy_text(row, 35, size);
	entry->signature = copy_text(row, 36, size);
	entry->auto_class = copy_text(row, 37, size);
	entry->auto_reason = copy_text(row, 38, size);
	entry->thread_id = statement_int(row, 39);
	entry->parent_id = statement_int(row, 40);
	entry->progress = copy_text(row, 41, size);
	entry->progress_at_ms = value_parse_time_ms(statement_text(row, 42));
	entry->output_at_ms = value_parse_time_ms(statement_text(row, 43));
	entry->deadline_at_ms = value_parse_time_ms(statement_text(row, 44));
	entry->risk_at_ms = value_parse_time_ms(statement_text(row, 45));
	entry->reference = copy_text(row, 46, size);
	entry->same_as = statement_int(row, 47);
	return entry;
}

static void free_element(void *entry)
{
	entry_free(entry);
}

/* ---- one ---- */

/* NULL with *err where the entry is not there, or cannot be read. */
static struct entry *read_entry(struct store *store, int64_t entry_id, struct error *err)
{
	scoped_statement *statement =
	    engine_prepare(store->engine, "SELECT " COLUMNS " FROM entry WHERE id = ?");
	statement_bind_int(statement, 1, entry_id);
	const int result = statement_step(statement, err);
	size_t size = 0;
	if (result > 0)
		return entry_from_row(statement, &size);
	if (result == 0)
		store_no_entry(entry_id, err);
	return NULL;
}

int entry_find_queue(struct store *store, int64_t entry_id, int64_t *ret_queue_id,
		     struct error *err)
{
	scoped_statement *statement =
	    engine_prepare(store->engine, "SELECT queue_id FROM entry_status WHERE id = ?");
	statement_bind_int(statement, 1, entry_id);
	const int result = statement_step(statement, err);
	if (result <= 0)
		return result == 0 ? store_no_entry(entry_id, err) : -1;
	*ret_queue_id = statement_int(statement, 0);
	return 0;
}

int entry_find(struct store *store, int64_t entry_id, struct entry **ret_entry, struct error *err)
{
	__attribute__((cleanup(entry_free_scoped))) struct entry *entry =
	    read_entry(store, entry_id, err);
	if (entry == NULL || entry_attachments_read(store, entry, err) != 0 ||
	    entry_calendars_read(store, entry, err) != 0 ||
	    entry_output_read(store, entry, err) != 0 || entry_bounces_read(store, entry, err) != 0)
		return -1;
	*ret_entry = g_steal_pointer(&entry);
	return 0;
}

/* ---- many ---- */

/* The text differs by filter and order only, so that engine_prepare() finds it again. */
static char *list_sql(const struct entry_filter *filter)
{
	GString *sql = g_string_new("SELECT " COLUMNS " FROM entry WHERE ");
	g_string_append(sql, filter->newest_first ? "id < ?1" : "id > ?1");
	entry_filter_append(filter, sql);
	g_string_append(sql, filter->newest_first ? " ORDER BY id DESC" : " ORDER BY id");
	g_string_append(sql, " LIMIT ?2");
	return g_string_free(sql, FALSE);
}

/* The entries behind `after`; an empty chunk is the end. It ends after 200 entries or 1 MiB of
 * texts. */
static int read_chunk(struct store *store, const char *sql, const struct entry_filter *filter,
		      int64_t after, uint64_t limit, GPtrArray *chunk, struct error *err)
{
	scoped_statement *statement = engine_prepare(store->engine, sql);
	statement_bind_int(statement, 1, after);
	statement_bind_int(statement, 2, (int64_t)MIN(limit, CHUNK_ENTRIES));
	entry_filter_bind(filter, statement);
	size_t size = 0;
	int result = 1;
	while (size < CHUNK_BYTES && (result = statement_step(statement, err)) == 1)
		g_ptr_array_add(chunk, entry_from_row(statement, &size));
	return result < 0 ? -1 : 0;
}

/* Goes on behind the last id, so that entries that come in or go meanwhile are neither listed
 * twice nor skipped. */
int entry_list(struct store *store, const struct entry_filter *filter,
	       int (*each)(const struct entry *entry, void *context), void *context,
	       struct error *err)
{
	g_autofree char *sql = list_sql(filter);
	g_autoptr(GPtrArray) chunk = g_ptr_array_new_with_free_func(free_element);
	int64_t after = filter->after_id != 0  ? filter->after_id
			: filter->newest_first ? INT64_MAX
					       : 0;
	uint64_t left = filter->limit != 0 ? filter->limit : UINT64_MAX;
	do {
		g_ptr_array_set_size(chunk, 0);
		if (read_chunk(store, sql, filter, after, left, chunk, err) != 0)
			return -1;
		for (guint i = 0; i < chunk->len; i++) {
			const struct entry *entry = g_ptr_array_index(chunk, i);
			const int result = each(entry, context);
			if (result != 0)
				return result;
			after = entry->id;
		}
		left -= chunk->len;
	} while (chunk->len > 0 && left > 0);
	return 0;
}

int entry_list_digests(struct store *store, int64_t queue_id,
		       int (*each)(const unsigned char sha256[32], bool is_bad, void *context),
		       void *context, struct error *err)
{
	unsigned char sha256[32];
	int result;
	scoped_statement *statement = engine_prepare(
	    store->engine, "SELECT m.raw_sha256, s.state = 'bad' FROM entry_status s"
			   " JOIN entry_mail m ON m.entry_id = s.id"
			   " WHERE s.queue_id = ?1 AND m.raw_sha256 IS NOT NULL"
			   " UNION ALL SELECT raw_sha256, 0 FROM import_known WHERE queue_id = ?1");
	statement_bind_int(statement, 1, queue_id);
	while ((result = statement_step(statement, err)) == 1) {
		value_parse_sha256(statement_text(statement, 0), sha256);
		result = each(sha256, statement_int(statement, 1) != 0, context);
		if (result != 0)
			return result;
	}
	return result;
}

/* ---- a filter as SQL ---- */

/* Only what is set becomes a condition: "?12 IS NULL OR …" would keep SQLite from using its indices.
 * These numbers belong to filters; callers use 1 to 9 in the same statement, an order has 21 to 23, and 27. */
enum {
	PARAMETER_QUEUE = 10,
	PARAMETER_SENDER = 11,
	PARAMETER_SUBJECT = 12,
	PARAMETER_FROM = 13,
	PARAMETER_UNTIL = 14,
	PARAMETER_TAG = 15,
	PARAMETER_CHANGED = 16,
	PARAMETER_TEXT = 17,
	PARAMETER_ERROR = 18,
	PARAMETER_WORKER = 19,
	PARAMETER_ENTRY = 20,
	PARAMETER_AUTO_CLASS = 24,
	PARAMETER_THREAD = 25,
	PARAMETER_OVERDUE = 26,
	PARAMETER_REFERENCE = 28
};

/* A parameter of the filter that is a text, and what it has to do with the entry. */
struct text_condition {
	int parameter;
	const char *text; /* NULL where it is not set */
	const char *sql;
};

enum { TEXT_CONDITIONS = 8 };

/* A body is looked at after the subject. */
static void list_texts(const struct entry_filter *filter,
		       struct text_condition ret_conditions[TEXT_CONDITIONS])
{
	const struct text_condition conditions[TEXT_CONDITIONS] = {
	    {PARAMETER_SENDER, filter->sender, " AND holds_text(sender, ?11)"},
	    {PARAMETER_SUBJECT, filter->subject, " AND holds_text(subject, ?12)"},
	    {PARAMETER_TAG, filter->tag,
	     " AND id IN (SELECT entry_id FROM entry_tag WHERE tag = ?15)"},
	    {PARAMETER_REFERENCE, filter->reference,
	     " AND id IN (SELECT entry_id FROM entry_key WHERE reference = ?28)"},
	    {PARAMETER_TEXT, filter->text,
	     " AND (holds_text(subject, ?17) OR holds_text(message_body, ?17)"
	     " OR holds_text(html_body, ?17))"},
	    {PARAMETER_ERROR, filter->error, " AND holds_text(error_text, ?18)"},
	    {PARAMETER_WORKER, filter->worker, " AND lease_owner = ?19"},
	    /* The index leaves out what people wrote. */
	    {PARAMETER_AUTO_CLASS, filter->auto_class,
	     g_strcmp0(filter->auto_class, "human") == 0
		 ? " AND auto_class = ?24"
		 : " AND auto_class <> 'human' AND auto_class = ?24"},
	};
	for (size_t i = 0; i < TEXT_CONDITIONS; i++)
		ret_conditions[i] = conditions[i];
}

/* The words are ours: they may stand in the text itself, and SQLite finds its index by them. */
static void append_states(const struct entry_filter *filter, GString *sql)
{
	const char *before = "state IN (";
	if (filter->not_discarded)
		g_string_append(sql, " AND NOT " ENTRY_IS_DISCARDED);
	if (filter->states == 0)
		return;
	g_string_append(sql, " AND (");
	for (enum entry_state state = ENTRY_NEW; state <= ENTRY_BAD; state++) {
		if ((filter->states & ENTRY_IN(state)) == 0)
			continue;
		g_string_append_printf(sql, "%s'%s'", before, entry_state_format(state));
		before = ", ";
	}
	const bool has_states = *before == ',';
	if (has_states)
		g_string_append_c(sql, ')');
	if ((filter->states & ENTRY_DISCARDED) != 0)
		g_string_append(sql, has_states ? " OR " ENTRY_IS_DISCARDED : ENTRY_IS_DISCARDED);
	g_string_append_c(sql, ')');
}

void entry_filter_append(const struct entry_filter *filter, GString *sql)
{
	struct text_condition texts[TEXT_CONDITIONS];
	if (filter->entry_id != 0)
		g_string_append(sql, " AND id = ?20");
	if (filter->queue_id != 0)
		g_string_append(sql, " AND queue_id = ?10");
	if (filter->thread_of != 0)
		g_string_append(sql, " AND id IN (SELECT ?25 UNION SELECT t.entry_id"
				     " FROM entry_thread f JOIN entry_thread t"
				     " ON t.thread_id = f.thread_id WHERE f.entry_id = ?25)");
	append_states(filter, sql);
	if (filter->received_from_s != 0)
		g_string_append(sql, " AND date_received >= ?13");
	if (filter->received_until_s != 0)
		g_string_append(sql, " AND date_received < ?14");
	if (filter->only_held)
		g_string_append(sql, " AND held = 1");
	if (filter->only_posted)
		g_string_append(sql, " AND queue_id IN (SELECT queue_id FROM queue_target)");
	if (filter->overdue_at_ms != 0)
		g_string_append(sql, " AND (state = 'new' OR state = 'claimed')"
				     " AND deadline_at IS NOT NULL AND deadline_at <= ?26");
	if (filter->changed_before_ms != 0)
		g_string_append(sql, " AND record_updated < ?16");
	list_texts(filter, texts);
	for (size_t i = 0; i < TEXT_CONDITIONS; i++)
		g_string_append(sql, texts[i].text != NULL ? texts[i].sql : "");
	if (filter->order != NULL)
		g_string_append_printf(sql,
				       " AND EXISTS (SELECT 1 FROM entry_status WHERE id = entry.id"
				       " AND %s)",
				       entry_order_condition(filter->order));
}

static void bind_time_s(struct statement *statement, int parameter, int64_t time_s)
{
	char time[VALUE_TIME_MAX];
	value_format_time_s(time_s, time);
	statement_bind_text(statement, parameter, time);
}

/* Binds exactly the parameters that entry_filter_append() has put into the text: SQLite refuses
 * others. */
void entry_filter_bind(const struct entry_filter *filter, struct statement *statement)
{
	char time[VALUE_TIME_MAX];
	struct text_condition texts[TEXT_CONDITIONS];
	if (filter->entry_id != 0)
		statement_bind_int(statement, PARAMETER_ENTRY, filter->entry_id);
	if (filter->queue_id != 0)
		statement_bind_int(statement, PARAMETER_QUEUE, filter->queue_id);
	if (filter->thread_of != 0)
		statement_bind_int(statement, PARAMETER_THREAD, filter->thread_of);
	if (filter->received_from_s != 0)
		bind_time_s(statement, PARAMETER_FROM, filter->received_from_s);
	if (filter->received_until_s != 0)
		bind_time_s(statement, PARAMETER_UNTIL, filter->received_until_s);
	if (filter->overdue_at_ms != 0) {
		value_format_time_ms(filter->overdue_at_ms, time);
		statement_bind_text(statement, PARAMETER_OVERDUE, time);
	}
	if (filter->changed_before_ms != 0) {
		value_format_time_ms(filter->changed_before_ms, time);
		statement_bind_text(statement, PARAMETER_CHANGED, time);
	}
	list_texts(filter, texts);
	for (size_t i = 0; i < TEXT_CONDITIONS; i++) {
		if (texts[i].text != NULL)
			statement_bind_text(statement, texts[i].parameter, texts[i].text);
	}
	if (filter->order != NULL)
		entry_order_bind(filter->order, filter->now_ms, statement);
}
