/* Tries rules on a mail: each test says true or false, and what was compared; the actions of the rules that fired
 * are summed up, the later one counting where two set the same. */
#include "loader/rules/rules_internal.h"

#include <string.h>

/* How much of a compared value is shown to a person. */
enum { SHOWN_CHARACTERS = 200 };

/* Many values are shown one after the other: "billing@example.com | boss@example.com". */
static void show(GString *shown, const char *text)
{
	if (shown == NULL)
		return;
	const long room = SHOWN_CHARACTERS - g_utf8_strlen(shown->str, (gssize)shown->len);
	if (room <= 0)
		return;
	g_autofree char *cut = g_utf8_substring(text, 0, MIN(room, g_utf8_strlen(text, -1)));
	g_string_append_printf(shown, "%s%s", shown->len > 0 ? " | " : "", cut);
}

/* ---- tests ---- */

/* Any of the values against any of the keys, as in Sieve. The values of a mail are compared in the order in which
 * they stand there. */
static bool try_values(const struct rule_test *test, struct rule_facts *facts,
		       const GPtrArray *values, GString *shown)
{
	bool found = false;
	for (guint i = 0; i < values->len; i++) {
		struct rule_value *value = g_ptr_array_index(values, i);
		show(shown, value->text);
		for (guint k = 0; k < test->keys->len && !found; k++)
			found = rule_key_matches(g_ptr_array_index(test->keys, k), test->match,
						 value, &facts->gave_up);
		if (found)
			break;
	}
	return found;
}

/* The fields in the order in which the rule names them; the first that fits is enough. */
static bool try_header(const struct rule_test *test, struct rule_facts *facts, GString *shown)
{
	for (guint i = 0; i < test->names->len; i++) {
		const char *name = g_ptr_array_index(test->names, i);
		const GPtrArray *values = test->kind == TEST_ADDRESS
					      ? rule_facts_address(facts, name, test->part)
					      : rule_facts_header(facts, name);
		if (try_values(test, facts, values, shown))
			return true;
	}
	return false;
}

/* All of them have to be there (RFC 5228, section 5.5). */
static bool try_exists(const struct rule_test *test, struct rule_facts *facts, GString *shown)
{
	for (guint i = 0; i < test->names->len; i++) {
		const char *name = g_ptr_array_index(test->names, i);
		if (rule_facts_header(facts, name)->len == 0)
			return false;
		show(shown, name);
	}
	return true;
}

/* The body is one value, the beginning of a long one. */
static int try_body(const struct rule_test *test, struct rule_facts *facts, bool *ret_true,
		    GString *shown, struct error *err)
{
	struct rule_value *body;
	if (rule_facts_body(facts, &body, err) != 0)
		return -1;
	show(shown, body->text);
	*ret_true = false;
	for (guint k = 0; k < test->keys->len && !*ret_true; k++)
		*ret_true = rule_key_matches(g_ptr_array_index(test->keys, k), test->match, body,
					     &facts->gave_up);
	return 0;
}

/* "over 2" is more than two, "under 2" fewer (RFC 5228, section 5.9). */
static bool try_count(const struct rule_test *test, uint64_t count, GString *shown)
{
	g_autofree char *text = g_strdup_printf("%" PRIu64, count);
	show(shown, text);
	return test->is_over ? count > (uint64_t)test->number : count < (uint64_t)test->number;
}

/* By name or by type, one value for each attachment. */
static bool try_attachment(const struct rule_test *test, struct rule_facts *facts, GString *shown)
{
	const struct entry *entry = facts->mail->entry;
	g_autoptr(GPtrArray) values = g_ptr_array_new_with_free_func(rule_value_free);
	for (size_t i = 0; i < entry->attachment_count; i++) {
		const char *text = test->part == PART_NAME ? entry->attachments[i].file_name
							   : entry->attachments[i].content_type;
		g_ptr_array_add(values, rule_value_new(text, strlen(text)));
	}
	return try_values(test, facts, values, shown);
}

/* Nobody has classed the mail of an entry that an older version loaded. */
static bool try_auto_class(const struct rule_test *test, struct rule_facts *facts, GString *shown)
{
	const char *class = facts->mail->entry->auto_class;
	g_autoptr(GPtrArray) values = g_ptr_array_new_with_free_func(rule_value_free);
	if (class != NULL)
		g_ptr_array_add(values, rule_value_new(class, strlen(class)));
	return try_values(test, facts, values, shown);
}

/* The entry that this mail answers may be purged: it has no tags then, and the test is false. */
static int try_parent_tag(const struct rule_test *test, struct rule_facts *facts, bool *ret_true,
			  GString *shown, struct error *err)
{
	const GPtrArray *values;
	if (rule_facts_parent_tags(facts, &values, err) != 0)
		return -1;
	*ret_true = try_values(test, facts, values, shown);
	return 0;
}

/* The mail itself counts: "over 20" holds from the 21st on. */
static int try_rate(const struct rule_test *test, struct rule_facts *facts, bool *ret_true,
		    GString *shown, struct error *err)
{
	const struct rule_mail *mail = facts->mail;
	g_autofree char *sender = rule_mail_sender(mail->entry);
	uint64_t count = 0;
	*ret_true = false;
	if (sender == NULL)
		return 0;
	if (mail->count_sender(mail->context, sender, mail->now_ms - test->period_ms, &count,
			       err) != 0)
		return -1;
	*ret_true = try_count(test, count + 1, shown);
	return 0;
}

/* Stops at the condition that decides, as Sieve does (RFC 5228, section 5.2 and 5.3). */
static int try_inner(const struct rule_test *test, struct rule_facts *facts, bool *ret_true,
		     struct error *err)
{
	const bool ends_with = test->kind == TEST_ANY;
	bool is_true = false;
	for (guint i = 0; i < test->tests->len; i++) {
		if (rule_test_try(g_ptr_array_index(test->tests, i), facts, &is_true, NULL, err) !=
		    0)
			return -1;
		if (test->kind != TEST_NOT && is_true == ends_with)
			break;
	}
	*ret_true = test->kind == TEST_NOT ? !is_true : is_true;
	return 0;
}

/* An error is one of the database or the disk: no mail makes a test fail. */
int rule_test_try(const struct rule_test *test, struct rule_facts *facts, bool *ret_true,
		  GString *shown, struct error *err)
{
	const struct entry *entry = facts->mail->entry;
	switch (test->kind) {
	case TEST_NOT:
	case TEST_ANY:
	case TEST_ALL:
		return try_inner(test, facts, ret_true, err);
	case TEST_BODY:
		return try_body(test, facts, ret_true, shown, err);
	case TEST_RATE:
		return try_rate(test, facts, ret_true, shown, err);
	case TEST_HEADER:
	case TEST_ADDRESS:
		*ret_true = try_header(test, facts, shown);
		return 0;
	case TEST_EXISTS:
		*ret_true = try_exists(test, facts, shown);
		return 0;
	case TEST_SIZE:
		*ret_true = try_count(test, entry->raw_size, shown);
		return 0;
	case TEST_ATTACHMENT:
		*ret_true = try_attachment(test, facts, shown);
		return 0;
	case TEST_ATTACHMENTS:
		*ret_true = try_count(test, entry->attachment_count, shown);
		return 0;
	case TEST_REPLY:
		*ret_true = entry->in_reply_to != NULL || entry->thread_references != NULL;
		return 0;
	case TEST_AUTO_CLASS:
		*ret_true = try_auto_class(test, facts, shown);
		return 0;
	case TEST_PARENT_TAG:
		return try_parent_tag(test, facts, ret_true, shown, err);
	case TEST_TRUE:
	case TEST_FALSE:
		*ret_true = test->kind == TEST_TRUE;
		return 0;
	}
	return error_set(err, ERROR_SOFTWARE, "a test of a rule is not known");
}

/* ---- who wants to know ---- */

/* Where nobody wants to know, `trace` is NULL, and nothing is shown or copied. */
struct tracing {
	void (*trace)(const struct rule_finding *finding, void *context);
	void *context;
	uint32_t number;
};

/* Also the tests that decided nothing: an operator wants to see why each is what it is. */
static int trace_test(const struct tracing *tracing, const struct rule_test *test, unsigned depth,
		      struct rule_facts *facts, struct error *err)
{
	g_autoptr(GString) shown = g_string_new(NULL);
	struct rule_finding finding = {tracing->number, depth, test->text, NULL, false};
	if (rule_test_try(test, facts, &finding.is_true, shown, err) != 0)
		return -1;
	finding.value = shown->len > 0 ? shown->str : NULL;
	tracing->trace(&finding, tracing->context);
	for (guint i = 0; i < test->tests->len; i++) {
		if (trace_test(tracing, g_ptr_array_index(test->tests, i), depth + 1, facts, err) !=
		    0)
			return -1;
	}
	return 0;
}

/* ---- what comes of it ---- */

struct summing {
	struct rule_outcome outcome;
	GPtrArray *tags;
	GArray *fired;
	bool ended;
};

static void fired_clear(struct rule_fired *fired)
{
	g_free(fired->did);
}

/* Takes `did` over. */
static void note_fired(struct summing *summing, uint32_t number, char *did)
{
	struct rule_fired fired = {number, did};
	g_array_append_val(summing->fired, fired);
}

/* The last rule that says a thing counts; tags add up, a hold stays. */
static void act(struct summing *summing, const struct rule *rule, const struct rule_action *action)
{
	struct rule_outcome *outcome = &summing->outcome;
	switch (action->kind) {
	case ACTION_PRIORITY:
		outcome->has_priority = true;
		outcome->priority = (int32_t)action->number;
		return;
	case ACTION_TAG:
		if (!g_ptr_array_find_with_equal_func(summing->tags, action->text, g_str_equal,
						      NULL))
			g_ptr_array_add(summing->tags, g_strdup(action->text));
		return;
	case ACTION_DEFER:
		outcome->defer_ms = action->number;
		return;
	case ACTION_DEADLINE:
		outcome->deadline_ms = action->number;
		return;
	case ACTION_RISK:
		outcome->risk_ms = action->number;
		return;
	case ACTION_HOLD:
		outcome->held = true;
		return;
	case ACTION_QUEUE:
		g_free(outcome->queue);
		outcome->queue = g_strdup(action->text);
		outcome->queue_by = rule->number;
		return;
	case ACTION_SKIP:
		outcome->skipped = true;
		outcome->skipped_by = rule->number;
		summing->ended = true;
		return;
	case ACTION_STOP:
		summing->ended = true;
		return;
	}
}

/* What the rule says is put down also where a later one overrules it: the history shows both. */
static void fire(struct summing *summing, const struct rule *rule)
{
	GString *did = g_string_new(NULL);
	for (guint i = 0; i < rule->actions->len; i++) {
		const struct rule_action *action =
		    &g_array_index(rule->actions, struct rule_action, i);
		g_string_append_printf(did, "%s%s", i > 0 ? "; " : "", action->words);
		act(summing, rule, action);
	}
	note_fired(summing, rule->number, g_string_free(did, FALSE));
}

/* An expression that was given up counts as no match, and is noted: an operator would look for it in vain. */
static int try_rule(struct summing *summing, const struct rule *rule, struct rule_facts *facts,
		    const struct tracing *tracing, struct error *err)
{
	bool is_true = false;
	facts->gave_up = false;
	if (!summing->ended && rule_test_try(rule->test, facts, &is_true, NULL, err) != 0)
		return -1;
	if (facts->gave_up)
		note_fired(summing, rule->number,
			   g_strdup("gave up: an expression needs too many steps for this mail"));
	if (is_true)
		fire(summing, rule);
	return tracing->trace != NULL ? trace_test(tracing, rule->test, 0, facts, err) : 0;
}

/* With a trace all rules are tried, also behind one that ends the list: it changes nothing, and shows why. */
int rules_try(const struct rules *rules, const struct rule_mail *mail,
	      void (*trace)(const struct rule_finding *finding, void *context), void *context,
	      struct rule_outcome *ret_outcome, struct error *err)
{
	struct rule_facts facts;
	struct summing summing = {.tags = g_ptr_array_new_with_free_func(g_free),
				  .fired = g_array_new(TRUE, TRUE, sizeof(struct rule_fired))};
	int failed = 0;
	rule_facts_open(&facts, mail);
	for (guint i = 0; i < rules->list->len && failed == 0; i++) {
		const struct rule *rule = g_ptr_array_index(rules->list, i);
		const struct tracing tracing = {trace, context, rule->number};
		failed = try_rule(&summing, rule, &facts, &tracing, err);
		if (failed != 0)
			error_put_before(err, "rule %" PRIu32, rule->number);
		if (summing.ended && trace == NULL)
			break;
	}
	rule_facts_close(&facts);
	g_ptr_array_add(summing.tags, NULL);
	summing.outcome.tags = (char **)g_ptr_array_free(summing.tags, FALSE);
	summing.outcome.fired_count = summing.fired->len;
	summing.outcome.fired = (struct rule_fired *)(void *)g_array_free(summing.fired, FALSE);
	if (failed != 0)
		rule_outcome_clear(&summing.outcome);
	else
		*ret_outcome = summing.outcome;
	return failed == 0 ? 0 : -1;
}

/* May be called again: nothing is left to release. */
void rule_outcome_clear(struct rule_outcome *outcome)
{
	for (size_t i = 0; i < outcome->fired_count; i++)
		fired_clear(&outcome->fired[i]);
	g_free(outcome->fired);
	g_strfreev(outcome->tags);
	g_free(outcome->queue);
	*outcome = (struct rule_outcome){0};
}
