#include "loader/cli/frame/command.h"

#include "loader/base/clock.h"
#include "loader/base/duration.h"
#include "loader/cli/frame/output.h"
#include "queue/base/scoped.h"
#include "queue/entry_operate.h"

static int cmd_history_json(const struct entry_event *event, void *context)
{
	(void)context;
	output_json_print(json_pack(
	    "{s:I, s:o, s:s, s:o, s:I, s:o, s:o, s:o, s:o}", "number", (json_int_t)event->number,
	    "at", output_json_time_ms(event->at_ms), "change", event->change, "state",
	    output_json_text(event->state), "attempt", (json_int_t)event->attempt, "who",
	    output_json_text(event->who), "why", output_json_text(event->why), "detail",
	    output_json_text(event->detail), "duration_ms",
	    event->duration_ms >= 0 ? json_integer(event->duration_ms) : json_null()));
	return 0;
}

static int cmd_history_row(const struct entry_event *event, void *context)
{
	char at[CLOCK_TEXT_SIZE];
	char took[DURATION_TEXT_SIZE] = "";
	clock_format_s(event->at_ms / 1000, at);
	if (event->duration_ms >= 0)
		duration_format(event->duration_ms, took);
	const char *const cells[] = {at,   event->change, event->state, event->who, event->detail,
				     took, event->why};
	output_table_add(context, cells);
	return 0;
}

int cmd_history(const struct invocation *invocation, struct error *err)
{
	static const struct output_column columns[] = {
	    {"AT", OUTPUT_LEFT},  {"CHANGE", OUTPUT_LEFT}, {"STATE", OUTPUT_LEFT},
	    {"WHO", OUTPUT_LEFT}, {"DETAIL", OUTPUT_LEFT}, {"AFTER", OUTPUT_RIGHT},
	    {"WHY", OUTPUT_CUT},
	};
	int64_t id;
	scoped(store_close) struct store *store = NULL;
	if (invocation_entry_id(invocation, 0, &id, err) != 0 ||
	    invocation_open(invocation, STORE_READ, &store, err) != 0)
		return -1;
	if (invocation->json)
		return entry_event_list(store, id, cmd_history_json, NULL, err) == 0 ? 0 : -1;
	struct output_table *table = output_table_new(columns, G_N_ELEMENTS(columns));
	const int failed = entry_event_list(store, id, cmd_history_row, table, err);
	if (failed == 0)
		output_table_print(table);
	else
		output_table_free(table);
	return failed == 0 ? 0 : -1;
}
