#include "loader/cli/command.h"

#include "loader/base/scoped.h"
#include "loader/cli/output.h"
#include "loader/flow/reload.h"
#include "loader/flow/verify.h"

#include <inttypes.h>

SCOPED_DEFINE(struct store *, store_close)
SCOPED_DEFINE(struct work_queue *, work_queue_free)

static void cmd_verify_json(const struct verify_finding *finding, void *context)
{
	(void)context;
	output_json_print(
	    json_pack("{s:s, s:s, s:o, s:o, s:s}", "problem",
		      verify_problem_format(finding->problem), "folder", finding->folder, "uid",
		      finding->uid != 0 ? json_integer(finding->uid) : json_null(), "entry_id",
		      finding->entry_id != 0 ? json_integer(finding->entry_id) : json_null(),
		      "meaning", verify_problem_describe(finding->problem)));
}

static void cmd_verify_row(const struct verify_finding *finding, void *context)
{
	char uid[16] = "-";
	char entry[24] = "-";
	if (finding->uid != 0)
		g_snprintf(uid, sizeof uid, "%" PRIu32, finding->uid);
	if (finding->entry_id != 0)
		g_snprintf(entry, sizeof entry, "%" PRId64, finding->entry_id);
	const char *const cells[] = {verify_problem_format(finding->problem), finding->folder, uid,
				     entry, verify_problem_describe(finding->problem)};
	output_table_add(context, cells);
}

/* What is left decides. */
static int cmd_verify_judge(const struct verify_result *result, bool repair, struct error *err)
{
	uint64_t left = result->problems - MIN(result->problems, result->repaired);
	if (left == 0)
		return 0;
	if (repair)
		return error_set(err, ERROR_NO,
				 "%" PRIu64 " of %" PRIu64 " problems could not be repaired", left,
				 result->problems);
	return error_set(err, ERROR_NO,
			 "%" PRIu64 " problems; `inqueue verify --repair` finishes what can be "
			 "finished",
			 result->problems);
}

int cmd_verify(const struct invocation *invocation, struct error *err)
{
	static const struct output_column columns[] = {
	    {"PROBLEM", OUTPUT_LEFT}, {"FOLDER", OUTPUT_LEFT}, {"UID", OUTPUT_RIGHT},
	    {"ENTRY", OUTPUT_RIGHT},  {"MEANING", OUTPUT_CUT},
	};
	scoped(store_close) struct store *store = NULL;
	scoped(work_queue_free) struct work_queue *queue = NULL;
	if (invocation_open(invocation, STORE_WRITE, &store, err) != 0 ||
	    invocation_find_queue(invocation, store, 0, &queue, err) != 0)
		return -1;
	struct output_table *table =
	    invocation->json ? NULL : output_table_new(columns, G_N_ELEMENTS(columns));
	const struct verify_options options = {.database = invocation->database,
					       .repair = invocation_flag(invocation, "repair"),
					       .report =
						   table != NULL ? cmd_verify_row : cmd_verify_json,
					       .context = table};
	struct verify_result result;
	int failed = verify_run(store, queue, &options, &result, err);
	if (table != NULL)
		output_table_print(table);
	if (failed != 0)
		return error_prefix(err, "verify '%s'", queue->name);
	return cmd_verify_judge(&result, options.repair, err);
}

int cmd_reload(const struct invocation *invocation, struct error *err)
{
	int64_t id;
	scoped(store_close) struct store *store = NULL;
	if (invocation_entry_id(invocation, 0, &id, err) != 0 ||
	    invocation_open(invocation, STORE_WRITE, &store, err) != 0)
		return -1;
	return reload_entry(store, id, invocation->database, err);
}
