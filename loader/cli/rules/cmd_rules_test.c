/* `rules test`: what the rules make of a mail, of an entry, of the last entries, by the code that loading uses. */
#include "loader/cli/rules/rules_internal.h"

#include "loader/base/clock.h"
#include "loader/cli/frame/output.h"
#include "loader/make/make_entry.h"
#include "queue/base/scoped.h"

#include <glib.h>
#include <inttypes.h>

/* A queue without rules is an error: a test of nothing would look like "nothing fits". */
int rules_of_invocation(const struct invocation *invocation, struct store *store,
			struct work_queue **ret_queue, struct rules **ret_rules, struct error *err)
{
	if (invocation_find_queue(invocation, store, 0, ret_queue, err) != 0 ||
	    rules_open(store, (*ret_queue)->id, ret_rules, err) != 0)
		return -1;
	return *ret_rules != NULL
		   ? 0
		   : error_set(err, ERROR_NO,
			       "queue '%s' has no rules: `inqueue rules set %s 1 RULE`",
			       (*ret_queue)->name, (*ret_queue)->name);
}

/* Actions stand one behind the other, as in the history of an entry. */
static void add_part(GString *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add_part(GString *text, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	if (text->len > 0)
		g_string_append(text, "; ");
	g_string_append_vprintf(text, format, args);
	va_end(args);
}

/* 0 is no time: no rule has said one. */
static void add_time(GString *text, const char *action, int64_t span_ms)
{
	char span[DURATION_TEXT_SIZE];
	if (span_ms <= 0)
		return;
	duration_format(span_ms, span);
	add_part(text, "%s %s", action, span);
}

/* Where the mail is skipped, nothing else that the rules said comes to pass. */
char *rules_summary(const struct rule_outcome *outcome)
{
	GString *text = g_string_new(NULL);
	if (outcome->skipped)
		add_part(text, "skip");
	if (outcome->queue != NULL && !outcome->skipped)
		add_part(text, "queue %s", outcome->queue);
	if (outcome->has_priority && !outcome->skipped)
		add_part(text, "priority %" PRId32, outcome->priority);
	for (char **tag = outcome->tags; *tag != NULL && !outcome->skipped; tag++)
		add_part(text, "tag %s", *tag);
	add_time(text, "defer", outcome->skipped ? 0 : outcome->defer_ms);
	add_time(text, "deadline", outcome->skipped ? 0 : outcome->deadline_ms);
	add_time(text, "risk", outcome->skipped ? 0 : outcome->risk_ms);
	if (outcome->held && !outcome->skipped)
		add_part(text, "hold");
	if (text->len == 0)
		g_string_append(text, "nothing");
	return g_string_free(text, FALSE);
}

/* ---- one mail, condition by condition ---- */

/* What all three ways of testing have in common. */
struct testing {
	struct store *store;
	const struct rules *rules;
	json_t *findings; /* NULL: for people */
};

/* Deeper conditions stand further to the right, below the one that they decide. */
static void tell_finding(const struct rule_finding *finding, void *context)
{
	const struct testing *testing = context;
	if (testing->findings != NULL) {
		json_array_append_new(testing->findings,
				      json_pack("{s:I, s:i, s:s, s:b, s:s?}", "rule",
						(json_int_t)finding->number, "depth",
						(int)finding->depth, "test", finding->test, "true",
						(int)finding->is_true, "value", finding->value));
		return;
	}
	if (finding->depth == 0)
		output_line("rule %" PRIu32, finding->number);
	output_line("%*s%-5s  %s", (int)(finding->depth + 1) * 2, "",
		    finding->is_true ? "true" : "false", finding->test);
	if (finding->value != NULL)
		output_line("%*s       compared: %s", (int)(finding->depth + 1) * 2, "",
			    finding->value);
}

/* What all rules come to together, and below it, for programs, what each of them said. */
/* `reference`: what the mail is about; NULL where nobody knows. */
static void tell_outcome(struct testing *testing, const struct rule_outcome *outcome,
			 const char *reference)
{
	g_autofree char *summary = rules_summary(outcome);
	json_t *fired = json_array();
	for (size_t i = 0; i < outcome->fired_count; i++)
		json_array_append_new(fired, json_pack("{s:I, s:s}", "rule",
						       (json_int_t)outcome->fired[i].number, "did",
						       outcome->fired[i].did));
	if (testing->findings != NULL) {
		output_json_print(json_pack("{s:s, s:s?, s:o, s:o}", "outcome", summary,
					    "reference", reference, "fired", fired, "conditions",
					    steal(&testing->findings)));
		return;
	}
	json_decref(fired);
	output_line("outcome: %s", summary);
	if (reference != NULL)
		output_line("reference: %s", reference);
}

/* A mail in a file has no entry: it is tried as if it arrived now, in this queue. */
static int test_new(const struct entry *entry, const struct entry_contents *contents, void *context,
		    struct error *err)
{
	struct testing *testing = context;
	struct rule_outcome outcome;
	g_autofree char *reference = NULL;
	if (entry->state == ENTRY_BAD)
		return error_set(err, ERROR_DATA,
				 "no rule is tried on it: it would be a bad entry: %s",
				 entry->error_text);
	if (rules_find_reference(testing->rules, testing->store, entry, contents, &reference,
				 err) != 0 ||
	    rules_try_new(testing->rules, testing->store, entry, contents, clock_now_ms(),
			  tell_finding, testing, &outcome, err) != 0)
		return -1;
	tell_outcome(testing, &outcome, reference);
	rule_outcome_clear(&outcome);
	return 0;
}

/* An entry is tried as of its arrival: what came later does not count. */
static int test_entry(struct testing *testing, const struct work_queue *queue,
		      const struct invocation *invocation, struct error *err)
{
	scoped(entry_free) struct entry *entry = NULL;
	struct rule_outcome outcome;
	uint64_t id;
	if (invocation_number(invocation, "entry", 1, &id, err) != 0 ||
	    entry_find(testing->store, (int64_t)id, &entry, err) != 0)
		return -1;
	if (entry->state == ENTRY_BAD)
		return error_set(err, ERROR_NO, "entry %" PRIu64 " is bad: no rule is tried on it",
				 id);
	/* An entry of another queue is tried as if it had come here. */
	entry->queue_id = queue->id;
	if (rules_try_entry(testing->rules, testing->store, entry, tell_finding, testing, &outcome,
			    err) != 0)
		return -1;
	tell_outcome(testing, &outcome, entry->reference);
	rule_outcome_clear(&outcome);
	return 0;
}

/* ---- many, a line for each ---- */

/* Numbers for programs, in the order in which the rules were tried. */
static json_t *fired_json(const struct rule_outcome *outcome)
{
	json_t *numbers = json_array();
	for (size_t i = 0; i < outcome->fired_count; i++)
		json_array_append_new(numbers, json_integer(outcome->fired[i].number));
	return numbers;
}

/* "1, 20" */
static char *fired_words(const struct rule_outcome *outcome)
{
	GString *text = g_string_new(NULL);
	for (size_t i = 0; i < outcome->fired_count; i++)
		g_string_append_printf(text, "%s%" PRIu32, i > 0 ? ", " : "",
				       outcome->fired[i].number);
	return g_string_free(text, FALSE);
}

/* An entry that no rule fits has its row as well: "nothing". */
void rules_tell_row(const struct rules_trying *trying, const struct entry *entry,
		    const struct rule_outcome *outcome)
{
	g_autofree char *id = g_strdup_printf("%" PRId64, entry->id);
	g_autofree char *numbers = fired_words(outcome);
	g_autofree char *summary = rules_summary(outcome);
	const char *cells[] = {id, entry->subject, numbers, summary};
	if (trying->table != NULL)
		output_table_add(trying->table, cells);
	else
		output_json_print(json_pack("{s:I, s:s?, s:o, s:s}", "id", (json_int_t)entry->id,
					    "subject", entry->subject, "rules", fired_json(outcome),
					    "outcome", summary));
}

/* A list has no attachments and calendars: the rules may ask for them. */
int rules_try_listed(const struct rules_trying *trying, const struct entry *listed,
		     struct entry **ret_entry, struct rule_outcome *ret_outcome)
{
	scoped(entry_free) struct entry *entry = NULL;
	if (entry_find(trying->store, listed->id, &entry, trying->err) != 0 ||
	    rules_try_entry(trying->rules, trying->store, entry, NULL, NULL, ret_outcome,
			    trying->err) != 0)
		return -1;
	*ret_entry = steal(&entry);
	return 0;
}

/* A bad entry is passed over: no rule was tried on it either. */
static int test_listed(const struct entry *listed, void *context)
{
	const struct rules_trying *trying = context;
	scoped(entry_free) struct entry *entry = NULL;
	struct rule_outcome outcome;
	if (listed->state == ENTRY_BAD)
		return 0;
	if (rules_try_listed(trying, listed, &entry, &outcome) != 0)
		return -1;
	rules_tell_row(trying, entry, &outcome);
	rule_outcome_clear(&outcome);
	return 0;
}

/* NULL with --json: rows are printed as they are found. */
struct output_table *rules_table_new(const struct invocation *invocation)
{
	static const struct output_column columns[] = {{"ID", OUTPUT_RIGHT, false},
						       {"SUBJECT", OUTPUT_CUT, false},
						       {"RULES", OUTPUT_LEFT, false},
						       {"OUTCOME", OUTPUT_WRAP, false}};
	return invocation->json ? NULL : output_table_new(columns, G_N_ELEMENTS(columns));
}

/* The newest first: these are the ones that an operator remembers. */
static int test_last(struct testing *testing, const struct work_queue *queue,
		     const struct invocation *invocation, struct error *err)
{
	struct entry_filter filter = {.queue_id = queue->id, .newest_first = true};
	struct rules_trying trying = {.store = testing->store, .rules = testing->rules, .err = err};
	if (invocation_number(invocation, "last", 1, &filter.limit, err) != 0)
		return -1;
	trying.table = rules_table_new(invocation);
	const int failed = entry_list(testing->store, &filter, test_listed, &trying, err);
	if (trying.table != NULL)
		output_table_print(trying.table);
	return failed;
}

/* Reads only, also for a file: the mail is parsed and tried, and its entry is thrown away. */
int cmd_rules_test(const struct invocation *invocation, struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	scoped(work_queue_free) struct work_queue *queue = NULL;
	scoped(rules_free) struct rules *rules = NULL;
	const bool has_file = invocation->argument_count > 1;
	const bool has_entry = invocation_flag(invocation, "entry");
	const bool has_last = invocation_flag(invocation, "last");
	bool bad;
	if (has_file + has_entry + has_last != 1)
		return error_set(err, ERROR_USAGE, "name one of a file, --entry ID and --last N");
	if (invocation_open(invocation, STORE_READ, &store, err) != 0 ||
	    rules_of_invocation(invocation, store, &queue, &rules, err) != 0)
		return -1;
	struct testing testing = {store, rules, invocation->json ? json_array() : NULL};
	int failed;
	if (has_last)
		failed = test_last(&testing, queue, invocation, err);
	else if (has_entry)
		failed = test_entry(&testing, queue, invocation, err);
	else
		failed = make_file(queue->id, invocation->arguments[1], clock_now_ms() / 1000,
				   test_new, &testing, &bad, err);
	json_decref(testing.findings);
	return failed;
}
