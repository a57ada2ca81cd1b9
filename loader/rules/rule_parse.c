/* Reads a rule, and the set of them: `if TEST { ACTIONS }`. One table says what each action takes. What a
 * rule says twice, and rules that can never count, are found here. */
#include "loader/rules/rules_internal.h"

#include "loader/base/clock.h"

#include <string.h>

/* Where a rule with `rate` names no action, the storm is held back. */
static const char default_hold[] = "hold";

/* `expected` ends an error: "a time such as \"2h\" is expected". */
static const struct action_row {
	const char *name;
	enum rule_action_kind kind;
	enum rule_word_kind takes; /* WORD_END: nothing */
	const char *expected;
} rows[] = {
    {"priority", ACTION_PRIORITY, WORD_NUMBER, "a number"},
    {"tag", ACTION_TAG, WORD_STRING, "a word without blanks, such as \"urgent\""},
    {"defer", ACTION_DEFER, WORD_STRING, "a time such as \"2h\""},
    {"deadline", ACTION_DEADLINE, WORD_STRING, "a time such as \"4h\""},
    {"risk", ACTION_RISK, WORD_STRING, "a time such as \"2h\""},
    {"hold", ACTION_HOLD, WORD_END, NULL},
    {"queue", ACTION_QUEUE, WORD_STRING, "the name of a queue"},
    {"skip", ACTION_SKIP, WORD_END, NULL},
    {"stop", ACTION_STOP, WORD_END, NULL},
};

static const char *action_name(enum rule_action_kind kind)
{
	size_t at = 0;
	while (rows[at].kind != kind)
		at++;
	return rows[at].name;
}

static void action_clear(void *data)
{
	struct rule_action *action = data;
	g_free(action->text);
	g_free(action->words);
}

void rule_free(void *data)
{
	struct rule *rule = data;
	if (rule == NULL)
		return;
	rule_test_free(rule->test);
	g_array_unref(rule->actions);
	g_free(rule);
}

/* Actions are cleared one by one, because each owns its words. */
static struct rule *rule_new(void)
{
	struct rule *rule = g_new0(struct rule, 1);
	rule->actions = g_array_new(FALSE, TRUE, sizeof(struct rule_action));
	g_array_set_clear_func(rule->actions, action_clear);
	return rule;
}
SCOPED_DEFINE(struct rule *, rule_free)

static const struct rule_action *action_at(const struct rule *rule, guint index)
{
	return &g_array_index(rule->actions, struct rule_action, index);
}

/* ---- actions ---- */

/* Tags add up; of all others a rule has one. */
static bool is_set_already(const struct rule *rule, enum rule_action_kind kind)
{
	for (guint i = 0; i < rule->actions->len; i++) {
		if (action_at(rule, i)->kind == kind && kind != ACTION_TAG)
			return true;
	}
	return false;
}

/* False: the word is of the right kind, but says nothing that the action could do ("defer \"soon\""). */
static bool take_value(struct rule_action *action, const struct rule_reader *reader)
{
	const char *text = reader->text->str;
	switch (action->kind) {
	case ACTION_PRIORITY:
		action->number = reader->number;
		return reader->number <= INT32_MAX && reader->number >= INT32_MIN;
	case ACTION_DEFER:
	case ACTION_DEADLINE:
	case ACTION_RISK:
		return duration_parse(text, &action->number) == 0 && action->number > 0;
	case ACTION_TAG:
		action->text = g_strdup(text);
		return *text != '\0' && strpbrk(text, " \t\r\n") == NULL;
	case ACTION_QUEUE:
		action->text = g_strdup(text);
		return *text != '\0';
	case ACTION_HOLD:
	case ACTION_SKIP:
	case ACTION_STOP:
		break;
	}
	return true;
}

/* The words of the action are kept as they were written: history and `rules test` show them. */
static int parse_action(struct rule_reader *reader, struct rule *rule, struct error *err)
{
	const struct action_row *row = NULL;
	struct rule_action action = {0};
	const size_t begin = reader->begin;
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		if (reader->kind == WORD_NAME && strcmp(rows[i].name, reader->text->str) == 0)
			row = &rows[i];
	}
	if (row == NULL)
		return rule_reader_fail(reader,
					"an action (priority, tag, defer, deadline, risk, hold, "
					"queue, skip, stop) or '}'",
					err);
	if (is_set_already(rule, row->kind))
		return error_set(err, ERROR_CONFIGURATION, "the rule says '%s' twice", row->name);
	action.kind = row->kind;
	if (rule_reader_next(reader, err) != 0)
		return -1;
	if (row->takes != WORD_END) {
		if (reader->kind != row->takes || !take_value(&action, reader)) {
			action_clear(&action);
			return rule_reader_fail(reader, row->expected, err);
		}
		const size_t end = reader->end;
		action.words = g_strndup(reader->source + begin, end - begin);
		g_array_append_val(rule->actions, action);
		return rule_reader_next(reader, err) != 0 ? -1 : rule_reader_skip(reader, ';', err);
	}
	action.words = g_strdup(row->name);
	g_array_append_val(rule->actions, action);
	return rule_reader_skip(reader, ';', err);
}

/* Anywhere within the condition. */
static bool asks_rate(const struct rule_test *test)
{
	for (guint i = 0; i < test->tests->len; i++) {
		if (asks_rate(g_ptr_array_index(test->tests, i)))
			return true;
	}
	return test->kind == TEST_RATE;
}

/* No action is the same as forgetting one, but for `rate`: a storm has one obvious answer. */
static int parse_actions(struct rule_reader *reader, struct rule *rule, struct error *err)
{
	if (reader->kind == WORD_END && asks_rate(rule->test)) {
		struct rule_action hold = {.kind = ACTION_HOLD, .words = g_strdup(default_hold)};
		g_array_append_val(rule->actions, hold);
		return 0;
	}
	if (rule_reader_skip(reader, '{', err) != 0)
		return -1;
	while (!rule_reader_is_mark(reader, '}')) {
		if (parse_action(reader, rule, err) != 0)
			return -1;
	}
	if (rule->actions->len == 0)
		return rule_reader_fail(reader, "an action", err);
	return rule_reader_next(reader, err);
}

/* One rule and nothing behind it: two rules in one text would have one number. */
int rule_parse(const char *text, struct rule *rule, struct error *err)
{
	struct rule_reader reader;
	rule_reader_open(&reader, text);
	int failed = rule_reader_next(&reader, err);
	if (failed == 0 && (reader.kind != WORD_NAME || strcmp(reader.text->str, "if") != 0))
		failed = rule_reader_fail(&reader, "'if'", err);
	if (failed == 0)
		failed = rule_reader_next(&reader, err);
	if (failed == 0)
		failed = rule_parse_test(&reader, 0, &rule->test, err);
	if (failed == 0)
		failed = parse_actions(&reader, rule, err);
	if (failed == 0 && reader.kind != WORD_END)
		failed = rule_reader_fail(&reader, "the end of the rule", err);
	rule_reader_close(&reader);
	return failed == 0 ? 0 : -1;
}

/* ---- a set of them ---- */

/* What queues make of references is read once for each queue, and kept beside the rules. */
struct rules *rules_new(void)
{
	struct rules *rules = g_new0(struct rules, 1);
	rules->list = g_ptr_array_new_with_free_func(rule_free);
	rules->references =
	    g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, queue_reference_free);
	return rules;
}

void rules_free(struct rules *rules)
{
	if (rules == NULL)
		return;
	g_ptr_array_unref(rules->list);
	g_hash_table_unref(rules->references);
	g_free(rules);
}

/* A million leaves room between any two rules. */
int rules_number_parse(const char *text, uint32_t *ret_number, struct error *err)
{
	enum { NUMBER_MAX = 1000000 };
	guint64 number;
	if (!g_ascii_string_to_unsigned(text, 10, 1, NUMBER_MAX, &number, NULL))
		return error_set(err, ERROR_CONFIGURATION,
				 "'%s' is not the number of a rule: 1 to %d is expected", text,
				 (int)NUMBER_MAX);
	*ret_number = (uint32_t)number;
	return 0;
}

/* UTF-8 before all else: expressions and folding take nothing else. */
int rules_add(struct rules *rules, uint32_t number, const char *text, struct error *err)
{
	scoped(rule_free) struct rule *rule = rule_new();
	rule->number = number;
	if (!g_utf8_validate(text, -1, NULL))
		return error_set(err, ERROR_CONFIGURATION, "rule %" PRIu32 " is not UTF-8", number);
	if (rule_parse(text, rule, err) != 0)
		return error_prefix(err, "rule %" PRIu32, number);
	g_ptr_array_add(rules->list, steal(&rule));
	return 0;
}

/* For the check of a set: names are looked up when rules are stored, and once more when mail comes, since a queue
 * may be dropped in between. */
void rules_each_queue(const struct rules *rules,
		      void (*each)(uint32_t number, const char *queue_name, void *context),
		      void *context)
{
	for (guint i = 0; i < rules->list->len; i++) {
		const struct rule *rule = g_ptr_array_index(rules->list, i);
		for (guint k = 0; k < rule->actions->len; k++) {
			if (action_at(rule, k)->kind == ACTION_QUEUE)
				each(rule->number, action_at(rule, k)->text, context);
		}
	}
}

/* Arrivals are kept for as long as the rule that looks back furthest. */
static int64_t test_rate_ms(const struct rule_test *test)
{
	int64_t longest = test->kind == TEST_RATE ? test->period_ms : 0;
	for (guint i = 0; i < test->tests->len; i++)
		longest = MAX(longest, test_rate_ms(g_ptr_array_index(test->tests, i)));
	return longest;
}

int64_t rules_rate_ms(const struct rules *rules)
{
	int64_t longest = 0;
	for (guint i = 0; i < rules->list->len; i++) {
		const struct rule *rule = g_ptr_array_index(rules->list, i);
		longest = MAX(longest, test_rate_ms(rule->test));
	}
	return longest;
}

/* ---- rules that can never count ---- */

/* An action counts wherever in the rule it stands. */
static bool rule_has(const struct rule *rule, enum rule_action_kind kind)
{
	for (guint i = 0; i < rule->actions->len; i++) {
		if (action_at(rule, i)->kind == kind)
			return true;
	}
	return false;
}

/* The number of a later rule that always sets the same; 0 = none. A rule that ends the list, or may be the last
 * one in some other way, is not overruled: "if header … { priority 5; stop; }" counts. */
static uint32_t overruled_by(const struct rules *rules, guint at, enum rule_action_kind kind)
{
	for (guint i = at; i < rules->list->len; i++) {
		const struct rule *rule = g_ptr_array_index(rules->list, i);
		if (i > at && rule->test->kind == TEST_TRUE && rule_has(rule, kind))
			return rule->number;
		if (rule_has(rule, ACTION_STOP) || rule_has(rule, ACTION_SKIP))
			return 0;
	}
	return 0;
}

/* A later rule that sets the same for every mail leaves nothing of what this one says. */
static void warn_overruled(const struct rules *rules, guint at,
			   void (*warn)(const char *words, void *context), void *context)
{
	static const enum rule_action_kind single[] = {ACTION_PRIORITY, ACTION_DEFER,
						       ACTION_DEADLINE, ACTION_RISK, ACTION_QUEUE};
	const struct rule *rule = g_ptr_array_index(rules->list, at);
	for (size_t i = 0; i < G_N_ELEMENTS(single); i++) {
		const uint32_t by =
		    rule_has(rule, single[i]) ? overruled_by(rules, at, single[i]) : 0;
		if (by == 0)
			continue;
		g_autofree char *words =
		    g_strdup_printf("what rule %" PRIu32 " sets with '%s' never counts: rule "
				    "%" PRIu32 " sets it for every mail",
				    rule->number, action_name(single[i]), by);
		warn(words, context);
	}
}

/* Warnings and no errors: a rule may be switched off for a while by one above it. */
void rules_warn(const struct rules *rules, void (*warn)(const char *words, void *context),
		void *context)
{
	const struct rule *ends = NULL;
	for (guint i = 0; i < rules->list->len; i++) {
		const struct rule *rule = g_ptr_array_index(rules->list, i);
		if (ends != NULL) {
			g_autofree char *words =
			    g_strdup_printf("rule %" PRIu32 " is never reached: rule %" PRIu32
					    " ends every mail's rules",
					    rule->number, ends->number);
			warn(words, context);
			continue;
		}
		warn_overruled(rules, i, warn, context);
		if (rule->test->kind == TEST_TRUE &&
		    (rule_has(rule, ACTION_STOP) || rule_has(rule, ACTION_SKIP)))
			ends = rule;
	}
}
