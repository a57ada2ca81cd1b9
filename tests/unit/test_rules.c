/* Rules: what is understood, what is refused, what matches, and what comes of it. */
#include "loader/rules/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <glib.h>

static const char *body_text;
static uint64_t sender_count;
static const char *parent_words;

static int64_t read_body(void *context, char *bytes, size_t room, struct error *err)
{
	const size_t size = MIN(room, strlen(body_text));
	(void)context;
	(void)err;
	for (size_t i = 0; i < size; i++)
		bytes[i] = body_text[i];
	return (int64_t)size;
}

static int count_sender(void *context, const char *address, int64_t since_ms, uint64_t *ret_count,
			struct error *err)
{
	(void)context;
	(void)err;
	assert_string_equal("ann@example.com", address);
	assert_int_equal(1000000 - 3600000, since_ms);
	*ret_count = sender_count;
	return 0;
}

static int parent_tags(void *context, char ***ret_tags, struct error *err)
{
	(void)context;
	(void)err;
	*ret_tags = parent_words != NULL ? g_strsplit(parent_words, " ", -1) : NULL;
	return 0;
}

static struct entry_attachment files[] = {
    {.file_name = (char *)"Rechnung.PDF", .content_type = (char *)"application/pdf"},
    {.file_name = (char *)"logo.png", .content_type = (char *)"image/png"},
};

static const struct entry the_entry = {
    .sender = (char *)"Ann Lee <Ann@Example.com>",
    .recipient = (char *)"\"Doe; <x> \\\" J\" <doe@example.org>; bob@mail.example.net; just a name",
    .headers =
	(char *)"[[\"Subject\",\"RE: STRASSE äÖ urgent\"],[\"X-A\",\"1\"],[\"x-a\",\"zwei\"],"
		"[\"X-Empty\",\"\"]]",
    .raw_size = 2048,
    .auto_class = (char *)"list",
    .attachments = files,
    .attachment_count = 2,
};

static struct rule_outcome try_text(const char *text)
{
	scoped(rules_free) struct rules *rules = rules_new();
	struct rule_outcome outcome;
	struct error err;
	const struct rule_mail mail = {.entry = &the_entry,
				       .read_body = read_body,
				       .count_sender = count_sender,
				       .parent_tags = parent_tags,
				       .now_ms = 1000000};
	if (rules_add(rules, 1, text, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	assert_int_equal(0, rules_try(rules, &mail, NULL, NULL, &outcome, &err));
	return outcome;
}

static bool holds(const char *test)
{
	g_autofree char *text = g_strdup_printf("if %s { tag \"t\"; }", test);
	struct rule_outcome outcome = try_text(text);
	const bool result = outcome.tags[0] != NULL;
	rule_outcome_clear(&outcome);
	return result;
}

static void test_what_is_true_of_a_mail(void **state)
{
	(void)state;
	static const char *const tests[] = {
	    "true",
	    "not false",
	    "header \"X-A\" \"1\"",
	    "header \"x-a\" \"ZWEI\"",
	    "header :is [\"x-b\", \"x-a\"] [\"2\", \"zwei\"]",
	    "header :contains \"subject\" \"strasse ÄÖ\"",
	    "header :contains \"subject\" \"straße\"",
	    "header :matches \"subject\" \"re:*urg?nt\"",
	    "header :matches \"subject\" \"*STRASSE ??*\"",
	    "header :regex \"subject\" \"^re: \\w+ äö\\b\"",
	    "header :is \"x-empty\" \"\"",
	    "exists \"x-empty\"",
	    "exists [\"subject\", \"x-a\"]",
	    "address \"from\" \"ann@example.com\"",
	    "address :localpart :is \"from\" \"ANN\"",
	    "address :domain \"to\" \"example.org\"",
	    "address :domain :matches \"to\" \"*.example.net\"",
	    "address :all :contains [\"cc\", \"to\"] \"bob@\"",
	    "body :contains \"hello\"",
	    "body :regex \"invoice\\s+(\\d+)\"",
	    "size :over 2047",
	    "size :under 3K",
	    "attachment :matches \"*.pdf\"",
	    "attachment :type \"image/png\"",
	    "attachments :over 1",
	    "any (false, all (true, not false))",
	    "allof (true, anyof (false, true))",
	    "rate :over 20 \"1h\"",
	    "auto_class [\"bounce\", \"list\"]",
	};
	body_text = "Well, HELLO\ninvoice  17";
	sender_count = 20;
	for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
		if (!holds(tests[i]))
			fail_msg("should be true: %s", tests[i]);
	}
}

static void test_what_is_not_true_of_a_mail(void **state)
{
	(void)state;
	static const char *const tests[] = {
	    "false",
	    "header \"x-a\" \"zwe\"",
	    "header \"missing\" \"\"",
	    "header :contains \"missing\" \"\"",
	    "not header :contains \"subject\" \"\"",
	    "header :matches \"subject\" \"re:*urg?n\"",
	    "header :regex \"subject\" \"^urgent\"",
	    "exists [\"subject\", \"missing\"]",
	    "address \"to\" \"x\"",
	    "address \"to\" \"just a name\"",
	    "address :domain \"from\" \"ample.com\"",
	    "address \"bcc\" \"bob@mail.example.net\"",
	    "body \"hello\"",
	    "size :over 2048",
	    "size :under 2K",
	    "attachment \"rechnung\"",
	    "attachments :under 2",
	    "reply",
	    "auto_class \"human\"",
	    "rate :over 21 \"1h\"",
	};
	body_text = "Well, HELLO\ninvoice  17";
	sender_count = 20;
	for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
		if (holds(tests[i]))
			fail_msg("should be false: %s", tests[i]);
	}
}

static void test_the_parents_tags_are_those_of_the_entry_that_is_answered(void **state)
{
	(void)state;
	parent_words = "urgent new";
	assert_true(holds("parent_tag \"NEW\""));
	assert_true(holds("parent_tag :matches [\"x\", \"urg*\"]"));
	assert_false(holds("parent_tag [\"urgen\", \"urgent new\"]"));
	parent_words = NULL;
	assert_false(holds("parent_tag :contains \"\""));
}

/* Text is folded several bytes at a time: at no place a letter is left out, or a mark taken for one. */
static void test_case_does_not_count_wherever_a_letter_stands(void **state)
{
	(void)state;
	static const char letters[] = "@AZ[`az{ 0~ ÄRGER Straße ΣΑΣ Ж\u1e9e 漢字 X";
	for (size_t offset = 0; offset < 40; offset++) {
		g_autofree char *pad = g_strnfill(offset, 'Q');
		g_autofree char *text = g_strconcat(pad, letters, pad, NULL);
		g_autofree char *folded = g_utf8_casefold(text, -1);
		g_autofree char *same = g_strdup_printf("body :is \"%s\"", folded);
		g_autofree char *at = g_strdup_printf("body :is \"%s`\"", pad);
		g_autofree char *bracket = g_strdup_printf("body :is \"%s{\"", pad);
		body_text = text;
		assert_true(holds(same));
		g_autofree char *mark = g_strconcat(pad, "@", NULL);
		body_text = mark;
		assert_false(holds(at));
		mark[offset] = '[';
		assert_false(holds(bracket));
	}
}

/* No character is divided at 64 KiB, and nothing behind a byte that is no UTF-8 is compared. */
static void test_values_end_where_their_text_does(void **state)
{
	(void)state;
	enum { END = 64 * 1024 };
	g_autoptr(GString) text = g_string_new(NULL);
	while (text->len < END - 1)
		g_string_append_c(text, 'a');
	g_string_append(text, "äb");
	body_text = text->str;
	assert_true(holds("body :regex \"^a+$\""));
	text->str[END - 2] = '\n';
	assert_false(holds("body :contains \"ä\""));
	body_text = "well ä\xff then";
	assert_true(holds("body :is \"WELL Ä\""));
	body_text = "\xc3";
	assert_true(holds("body :is \"\""));
}

static void test_wildcards_stand_for_themselves_behind_a_backslash(void **state)
{
	(void)state;
	body_text = "100% *sure*?";
	assert_true(holds("body :matches \"100% \\*sure\\*\\?\""));
	body_text = "100% Xsure*?";
	assert_false(holds("body :matches \"100% \\*sure\\*\\?\""));
}

/* Each text, and what the error has to say. */
static void test_what_is_refused_is_named(void **state)
{
	(void)state;
	static const char *const rules[][2] = {
	    {"", "the rule ends where 'if' is expected"},
	    {"when true { stop; }", "character 1, 'when': 'if' is expected"},
	    {"if true", "ends where '{'"},
	    {"if true { }", "an action is expected"},
	    {"if true { stop }", "';' is expected"},
	    {"if true { stop;", "ends where an action"},
	    {"if true { stop; } x", "the end of the rule"},
	    {"if true { priority \"1\"; }", "a number is expected"},
	    {"if true { priority 3000000000; }", "2147483647"},
	    {"if true { priority 1; priority 2; }", "says 'priority' twice"},
	    {"if true { tag \"a b\"; }", "without blanks"},
	    {"if true { defer \"soon\"; }", "a time such as"},
	    {"if true { fly; }", "an action (priority, tag"},
	    {"if haeder \"a\" \"b\" { stop; }", "did you mean 'header'?"},
	    {"if header \"a\" { stop; }", "a text to compare with"},
	    {"if header :over \"a\" \"b\" { stop; }", "a word that 'header' takes"},
	    {"if header :is :contains \"a\" \"b\" { stop; }", "one such word for 'header'"},
	    {"if header \"a\" [\"b\" \"c\"] { stop; }", "']' is expected"},
	    {"if header \"a\" \"b { stop; }", "character 15: a \" ends no string"},
	    {"if header “a” \"b\" { stop; }", "a straight quotation mark"},
	    {"if header :regex \"a\" \"(b\" { stop; }", "the expression \"(b\" is wrong behind"},
	    {"if address \"subject\" \"b\" { stop; }", "address knows"},
	    {"if size 10 { stop; }", ":over or :under"},
	    {"if size :over 1X { stop; }", "K, M or G"},
	    {"if any true { stop; }", "'(' is expected"},
	    {"if rate :over 5 \"x\" { stop; }", "a time such as"},
	};
	for (size_t i = 0; i < G_N_ELEMENTS(rules); i++) {
		scoped(rules_free) struct rules *set = rules_new();
		struct error err = {0};
		assert_int_equal(-1, rules_add(set, 7, rules[i][0], &err));
		assert_int_equal(ERROR_CONFIGURATION, err.kind);
		assert_true(g_str_has_prefix(err.text, "rule 7: "));
		if (strstr(err.text, rules[i][1]) == NULL)
			fail_msg("%s: %s", rules[i][0], err.text);
	}
}

static void test_tests_end_at_a_depth_of_32(void **state)
{
	(void)state;
	for (size_t depth = 31; depth <= 32; depth++) {
		scoped(rules_free) struct rules *set = rules_new();
		g_autoptr(GString) text = g_string_new("if ");
		struct error err;
		for (size_t i = 0; i < depth; i++)
			g_string_append(text, "not ");
		g_string_append(text, "true { stop; }");
		assert_int_equal(depth == 31 ? 0 : -1, rules_add(set, 1, text->str, &err));
	}
}

/* ---- what comes of it ---- */

static struct rules *set_of(const char *const *texts)
{
	struct rules *rules = rules_new();
	struct error err;
	for (uint32_t i = 0; texts[i] != NULL; i++)
		assert_int_equal(0, rules_add(rules, i + 1, texts[i], &err));
	return rules;
}

static struct rule_outcome try_set(const char *const *texts)
{
	scoped(rules_free) struct rules *rules = set_of(texts);
	const struct rule_mail mail = {
	    .entry = &the_entry, .read_body = read_body, .count_sender = count_sender};
	struct rule_outcome outcome;
	struct error err;
	assert_int_equal(0, rules_try(rules, &mail, NULL, NULL, &outcome, &err));
	return outcome;
}

static void test_the_later_rule_counts_and_tags_add_up(void **state)
{
	(void)state;
	static const char *const texts[] = {"if true { priority 1; tag \"a\"; tag \"b\"; }",
					    "if false { priority 9; }",
					    "if true { priority -2; tag \"a\"; hold; }", NULL};
	struct rule_outcome outcome = try_set(texts);
	assert_true(outcome.has_priority);
	assert_int_equal(-2, outcome.priority);
	assert_string_equal("a", outcome.tags[0]);
	assert_string_equal("b", outcome.tags[1]);
	assert_null(outcome.tags[2]);
	assert_true(outcome.held);
	assert_int_equal(2, outcome.fired_count);
	assert_int_equal(3, outcome.fired[1].number);
	assert_string_equal("priority -2; tag \"a\"; hold", outcome.fired[1].did);
	rule_outcome_clear(&outcome);
}

static void test_nothing_comes_behind_stop_and_skip(void **state)
{
	(void)state;
	static const char *const texts[] = {"if true { queue \"q\"; stop; }", "if true { hold; }",
					    NULL};
	static const char *const skips[] = {"if true { skip; }", "if true { hold; }", NULL};
	struct rule_outcome outcome = try_set(texts);
	assert_string_equal("q", outcome.queue);
	assert_false(outcome.held);
	rule_outcome_clear(&outcome);
	outcome = try_set(skips);
	assert_true(outcome.skipped);
	assert_int_equal(1, outcome.skipped_by);
	assert_false(outcome.held);
	rule_outcome_clear(&outcome);
}

static void test_a_storm_is_held_unless_the_rule_says_otherwise(void **state)
{
	(void)state;
	sender_count = 100;
	struct rule_outcome outcome = try_text("if rate :over 20 \"1h\"");
	assert_true(outcome.held);
	rule_outcome_clear(&outcome);
}

/* CPU time of the thread, which other processes do not add to: without a limit this would take years. */
static void test_an_expression_that_would_run_for_years_gives_up(void **state)
{
	(void)state;
	g_autofree char *text = g_strnfill((gsize)64 * 1024, 'a');
	text[64 * 1024 - 1] = '!';
	body_text = text;
	struct rule_outcome outcome = try_text("if body :regex \"^(a+)+$\" { hold; }");
	assert_false(outcome.held);
	assert_int_equal(1, outcome.fired_count);
	assert_true(g_str_has_prefix(outcome.fired[0].did, "gave up: "));
	rule_outcome_clear(&outcome);
}

/* ---- what can never count ---- */

static void collect(const char *words, void *context)
{
	g_string_append_printf(context, "%s\n", words);
}

static void test_rules_that_can_never_count_are_named(void **state)
{
	(void)state;
	static const char *const texts[] = {"if reply { priority 1; }", "if true { priority 3; }",
					    "if true { tag \"x\"; stop; }", "if reply { hold; }",
					    NULL};
	scoped(rules_free) struct rules *rules = set_of(texts);
	g_autoptr(GString) words = g_string_new(NULL);
	rules_warn(rules, collect, words);
	assert_string_equal(
	    "what rule 1 sets with 'priority' never counts: rule 2 sets it for every mail\n"
	    "rule 4 is never reached: rule 3 ends every mail's rules\n",
	    words->str);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_is_true_of_a_mail),
	    cmocka_unit_test(test_what_is_not_true_of_a_mail),
	    cmocka_unit_test(test_the_parents_tags_are_those_of_the_entry_that_is_answered),
	    cmocka_unit_test(test_case_does_not_count_wherever_a_letter_stands),
	    cmocka_unit_test(test_values_end_where_their_text_does),
	    cmocka_unit_test(test_wildcards_stand_for_themselves_behind_a_backslash),
	    cmocka_unit_test(test_what_is_refused_is_named),
	    cmocka_unit_test(test_tests_end_at_a_depth_of_32),
	    cmocka_unit_test(test_the_later_rule_counts_and_tags_add_up),
	    cmocka_unit_test(test_nothing_comes_behind_stop_and_skip),
	    cmocka_unit_test(test_a_storm_is_held_unless_the_rule_says_otherwise),
	    cmocka_unit_test(test_an_expression_that_would_run_for_years_gives_up),
	    cmocka_unit_test(test_rules_that_can_never_count_are_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
