/* Writes a filter as SQL, for all statements that choose entries by one. Only what is set becomes a
 * condition: "?12 IS NULL OR …" would keep SQLite from using its indices. */
#include "queue/entry_internal.h"

/* These numbers belong to filters; callers use 1 to 9 in the same statement, an order has 21 to 23. */
enum {
	PARAMETER_QUEUE = 10,
	PARAMETER_SENDER,
	PARAMETER_SUBJECT,
	PARAMETER_FROM,
	PARAMETER_UNTIL,
	PARAMETER_TAG,
	PARAMETER_CHANGED,
	PARAMETER_TEXT,
	PARAMETER_ERROR,
	PARAMETER_WORKER,
	PARAMETER_ENTRY
};

/* A parameter of the filter that is a text, and what it has to do with the entry. */
struct text_condition {
	int parameter;
	const char *text; /* NULL where it is not set */
	const char *sql;
};

enum { TEXT_CONDITIONS = 6 };

/* A body is looked at after the subject. */
static void list_texts(const struct entry_filter *filter,
		       struct text_condition ret_conditions[TEXT_CONDITIONS])
{
	const struct text_condition conditions[TEXT_CONDITIONS] = {
	    {PARAMETER_SENDER, filter->sender, " AND holds_text(sender, ?11)"},
	    {PARAMETER_SUBJECT, filter->subject, " AND holds_text(subject, ?12)"},
	    {PARAMETER_TAG, filter->tag,
	     " AND id IN (SELECT entry_id FROM entry_tag WHERE tag = ?15)"},
	    {PARAMETER_TEXT, filter->text,
	     " AND (holds_text(subject, ?17) OR holds_text(message_body, ?17)"
	     " OR holds_text(html_body, ?17))"},
	    {PARAMETER_ERROR, filter->error, " AND holds_text(error_text, ?18)"},
	    {PARAMETER_WORKER, filter->worker, " AND lease_owner = ?19"},
	};
	for (size_t i = 0; i < TEXT_CONDITIONS; i++)
		ret_conditions[i] = conditions[i];
}

/* The words are ours: they may stand in the text itself, and SQLite finds its index by them. */
static void append_states(unsigned states, GString *sql)
{
	const char *before = " AND state IN (";
	if (states == 0)
		return;
	for (enum entry_state state = ENTRY_NEW; state <= ENTRY_BAD; state++) {
		if ((states & ENTRY_IN(state)) == 0)
			continue;
		g_string_append_printf(sql, "%s'%s'", before, entry_state_format(state));
		before = ", ";
	}
	g_string_append_c(sql, ')');
}

void entry_filter_append(const struct entry_filter *filter, GString *sql)
{
	struct text_condition texts[TEXT_CONDITIONS];
	if (filter->entry_id != 0)
		g_string_append(sql, " AND id = ?20");
	if (filter->queue_id != 0)
		g_string_append(sql, " AND queue_id = ?10");
	append_states(filter->states, sql);
	if (filter->received_from_s != 0)
		g_string_append(sql, " AND date_received >= ?13");
	if (filter->received_until_s != 0)
		g_string_append(sql, " AND date_received < ?14");
	if (filter->only_held)
		g_string_append(sql, " AND held = 1");
	if (filter->only_posted)
		g_string_append(sql, " AND queue_id IN (SELECT queue_id FROM queue_target)");
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
	if (filter->received_from_s != 0)
		bind_time_s(statement, PARAMETER_FROM, filter->received_from_s);
	if (filter->received_until_s != 0)
		bind_time_s(statement, PARAMETER_UNTIL, filter->received_until_s);
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
