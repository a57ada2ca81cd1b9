#include "queue/entry_filter.h"

#include "queue/value.h"

enum { FIRST = 10 };

void entry_filter_append(const struct entry_filter *filter, GString *sql)
{
	if (filter->queue_id != 0)
		g_string_append(sql, " AND queue_id = ?10");
	if (filter->by_state)
		g_string_append(sql, " AND state = ?11");
	if (filter->sender != NULL)
		g_string_append(sql, " AND instr(lower(sender), lower(?12)) > 0");
	if (filter->subject != NULL)
		g_string_append(sql, " AND instr(lower(subject), lower(?13)) > 0");
	if (filter->received_from_s != 0)
		g_string_append(sql, " AND date_received >= ?14");
	if (filter->received_until_s != 0)
		g_string_append(sql, " AND date_received < ?15");
	if (filter->tag != NULL)
		g_string_append(sql, " AND id IN (SELECT entry_id FROM entry_tag WHERE tag = ?16)");
	if (filter->only_held)
		g_string_append(sql, " AND held = 1");
	if (filter->changed_before_ms != 0)
		g_string_append(sql, " AND record_updated < ?17");
}

static void bind_time_s(struct statement *statement, int parameter, int64_t time_s)
{
	char time[VALUE_TIME_MAX];
	value_format_time_s(time_s, time);
	statement_bind_text(statement, parameter, time);
}

void entry_filter_bind(const struct entry_filter *filter, struct statement *statement)
{
	if (filter->queue_id != 0)
		statement_bind_int(statement, FIRST, filter->queue_id);
	if (filter->by_state)
		statement_bind_text(statement, FIRST + 1, entry_state_format(filter->state));
	if (filter->sender != NULL)
		statement_bind_text(statement, FIRST + 2, filter->sender);
	if (filter->subject != NULL)
		statement_bind_text(statement, FIRST + 3, filter->subject);
	if (filter->received_from_s != 0)
		bind_time_s(statement, FIRST + 4, filter->received_from_s);
	if (filter->received_until_s != 0)
		bind_time_s(statement, FIRST + 5, filter->received_until_s);
	if (filter->tag != NULL)
		statement_bind_text(statement, FIRST + 6, filter->tag);
	if (filter->changed_before_ms != 0) {
		char time[VALUE_TIME_MAX];
		value_format_time_ms(filter->changed_before_ms, time);
		statement_bind_text(statement, FIRST + 7, time);
	}
}
