#include "loader/cli/frame/command.h"

#include "loader/cli/frame/output.h"
#include "loader/define/doctor.h"
#include "queue/base/scoped.h"

static void cmd_doctor_json(enum doctor_state state, const char *what, const char *words,
			    void *context)
{
	(void)context;
	output_json_print(json_pack("{s:s, s:s, s:s}", "state", doctor_state_format(state), "what",
				    what, "words", words));
}

static void cmd_doctor_row(enum doctor_state state, const char *what, const char *words,
			   void *context)
{
	const char *const cells[] = {doctor_state_format(state), what, words};
	output_table_add(context, cells);
}

int cmd_doctor(const struct invocation *invocation, struct error *err)
{
	static const struct output_column columns[] = {
	    {"STATE", OUTPUT_LEFT},
	    {"WHAT", OUTPUT_LEFT},
	    {"FINDING", OUTPUT_LEFT},
	};
	scoped(store_close) struct store *store = NULL;
	if (invocation_open(invocation, STORE_READ, &store, err) != 0)
		return -1;
	struct output_table *table =
	    invocation->json ? NULL : output_table_new(columns, G_N_ELEMENTS(columns));
	int wrong = doctor_run(store, invocation->database,
			       table != NULL ? cmd_doctor_row : cmd_doctor_json, table, err);
	if (table != NULL)
		output_table_print(table);
	if (wrong < 0)
		return -1;
	return wrong == 0 ? 0 : error_set(err, ERROR_CONFIGURATION, "%d things are wrong", wrong);
}
