/* Reads the condition of a rule: one table says what each test takes, and in which words. Tags come in any
 * order, as in Sieve. */
#include "loader/rules/rules_internal.h"

#include "loader/base/clock.h"
#include "queue/base/nearest.h"

#include <string.h>

/* A test within a test within … : as deep as Sieve's usual limit. */
enum { TEST_DEPTH = 32 };

enum test_words {
	WORDS_NONE = 0,
	WORDS_TEST = 1 << 0,   /* another test */
	WORDS_TESTS = 1 << 1,  /* several, in parentheses */
	WORDS_MATCH = 1 << 2,  /* :is, :contains, :matches, :regex; then keys at the end */
	WORDS_NAMES = 1 << 3,  /* names of fields */
	WORDS_COUNT = 1 << 4,  /* :over or :under, and a number */
	WORDS_PERIOD = 1 << 5, /* "1h" */
	WORDS_WHERE = 1 << 6,  /* :all, :localpart, :domain */
	WORDS_WHAT = 1 << 7,   /* :name, :type */
};

/* Both names of Sieve and shorter ones (any, all) are known; a test is shown as it was written. */
static const struct test_row {
	const char *name;
	enum rule_test_kind kind;
	unsigned words;
} rows[] = {
    {"true", TEST_TRUE, WORDS_NONE},
    {"false", TEST_FALSE, WORDS_NONE},
    {"not", TEST_NOT, WORDS_TEST},
    {"any", TEST_ANY, WORDS_TESTS},
    {"all", TEST_ALL, WORDS_TESTS},
    {"anyof", TEST_ANY, WORDS_TESTS},
    {"allof", TEST_ALL, WORDS_TESTS},
    {"header", TEST_HEADER, WORDS_MATCH | WORDS_NAMES},
    {"address", TEST_ADDRESS, WORDS_MATCH | WORDS_NAMES | WORDS_WHERE},
    {"exists", TEST_EXISTS, WORDS_NAMES},
    {"body", TEST_BODY, WORDS_MATCH},
    {"size", TEST_SIZE, WORDS_COUNT},
    {"attachment", TEST_ATTACHMENT, WORDS_MATCH | WORDS_WHAT},
    {"attachments", TEST_ATTACHMENTS, WORDS_COUNT},
    {"reply", TEST_REPLY, WORDS_NONE},
    {"auto_class", TEST_AUTO_CLASS, WORDS_MATCH},
    {"parent_tag", TEST_PARENT_TAG, WORDS_MATCH},
    {"rate", TEST_RATE, WORDS_COUNT | WORDS_PERIOD},
};

/* `value` is what the tag sets in its group; of one group a test takes one tag. */
static const struct tag_row {
	const char *name;
	unsigned words; /* the group that it belongs to */
	int value;
} tags[] = {
    {"is", WORDS_MATCH, MATCH_IS},	     {"contains", WORDS_MATCH, MATCH_CONTAINS},
    {"matches", WORDS_MATCH, MATCH_MATCHES}, {"regex", WORDS_MATCH, MATCH_REGEX},
    {"all", WORDS_WHERE, PART_ALL},	     {"localpart", WORDS_WHERE, PART_LOCAL},
    {"domain", WORDS_WHERE, PART_DOMAIN},    {"name", WORDS_WHAT, PART_NAME},
    {"type", WORDS_WHAT, PART_TYPE},	     {"over", WORDS_COUNT, true},
    {"under", WORDS_COUNT, false},
};

void rule_test_free(void *data)
{
	struct rule_test *test = data;
	if (test == NULL)
		return;
	g_clear_pointer(&test->names, g_ptr_array_unref);
	g_clear_pointer(&test->keys, g_ptr_array_unref);
	g_clear_pointer(&test->tests, g_ptr_array_unref);
	g_free(test->text);
	g_free(test);
}
SCOPED_DEFINE(struct rule_test *, rule_test_free)

/* Names are in lower case by now (rule_word.c). */
static const struct test_row *find_row(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	}
	return NULL;
}

/* A misspelt test is the most frequent mistake: the nearest one is named. */
static int fail_unknown(const struct rule_reader *reader, struct error *err)
{
	struct nearest nearest = nearest_begin(reader->text->str);
	for (size_t i = 0; i < G_N_ELEMENTS(rows) && reader->kind == WORD_NAME; i++)
		nearest_try(&nearest, rows[i].name);
	if (nearest.best == NULL)
		return rule_reader_fail(reader, "a test, such as header or address,", err);
	return error_set(err, ERROR_CONFIGURATION, "there is no test '%s': did you mean '%s'?",
			 reader->text->str, nearest.best);
}

/* ---- what a test takes ---- */

/* One string, or several in brackets; `add` gets each. */
static int read_strings(struct rule_reader *reader, const char *expected,
			int (*add)(struct rule_test *test, const char *text, struct error *err),
			struct rule_test *test, struct error *err)
{
	const bool is_list = rule_reader_is_mark(reader, '[');
	do {
		if (is_list && rule_reader_next(reader, err) != 0)
			return -1;
		if (reader->kind != WORD_STRING)
			return rule_reader_fail(reader, expected, err);
		if (add(test, reader->text->str, err) != 0 || rule_reader_next(reader, err) != 0)
			return -1;
	} while (is_list && rule_reader_is_mark(reader, ','));
	return is_list ? rule_reader_skip(reader, ']', err) : 0;
}

/* Names of fields have no case; addresses are read of five fields only, which the entry keeps apart. */
static int add_name(struct rule_test *test, const char *text, struct error *err)
{
	g_autofree char *name = g_ascii_strdown(text, -1);
	if (test->kind == TEST_ADDRESS && !rule_address_name(name))
		return error_set(
		    err, ERROR_CONFIGURATION,
		    "address knows \"from\", \"to\", \"cc\", \"bcc\" and \"reply-to\", not "
		    "\"%s\"; header reads any field",
		    text);
	g_ptr_array_add(test->names, steal(&name));
	return 0;
}

/* The match is known by now: tags stand in front of names and keys. An expression is compiled once, here. */
static int add_key(struct rule_test *test, const char *text, struct error *err)
{
	struct rule_key *key = NULL;
	if (rule_key_new(test->match, text, &key, err) != 0)
		return -1;
	g_ptr_array_add(test->keys, key);
	return 0;
}

/* What a tag means depends on its group: `all` is a part of an address, and no count. */
static void set_tag(struct rule_test *test, const struct tag_row *tag)
{
	if (tag->words == WORDS_MATCH)
		test->match = (enum rule_match)tag->value;
	else if (tag->words == WORDS_COUNT)
		test->is_over = tag->value;
	else
		test->part = (enum rule_part)tag->value;
}

/* Two of one group would contradict each other. */
static int read_tags(struct rule_reader *reader, const struct test_row *row, struct rule_test *test,
		     struct error *err)
{
	unsigned seen = 0;
	while (reader->kind == WORD_TAG) {
		const struct tag_row *tag = NULL;
		for (size_t i = 0; i < G_N_ELEMENTS(tags); i++) {
			if ((tags[i].words & row->words) != 0 &&
			    strcmp(tags[i].name, reader->text->str) == 0)
				tag = &tags[i];
		}
		if (tag == NULL || (seen & tag->words) != 0) {
			g_autofree char *expected = g_strdup_printf(
			    tag == NULL ? "a word that '%s' takes" : "one such word for '%s'",
			    row->name);
			return rule_reader_fail(reader, expected, err);
		}
		seen |= tag->words;
		set_tag(test, tag);
		if (rule_reader_next(reader, err) != 0)
			return -1;
	}
	return (row->words & WORDS_COUNT) != 0 && (seen & WORDS_COUNT) == 0
		   ? rule_reader_fail(reader, ":over or :under", err)
		   : 0;
}

/* A count below 0 would be true of all mail, or of none. */
static int read_count(struct rule_reader *reader, struct rule_test *test, struct error *err)
{
	if (reader->kind != WORD_NUMBER || reader->number < 0)
		return rule_reader_fail(reader, "a number", err);
	test->number = reader->number;
	return rule_reader_next(reader, err);
}

/* A period of 0 would count nobody. */
static int read_period(struct rule_reader *reader, struct rule_test *test, struct error *err)
{
	if (reader->kind != WORD_STRING ||
	    duration_parse(reader->text->str, &test->period_ms) != 0 || test->period_ms <= 0)
		return rule_reader_fail(reader, "a time such as \"1h\"", err);
	return rule_reader_next(reader, err);
}

/* The depth is counted by tests, and not by parentheses: `not not …` goes as deep. */
static int add_test(struct rule_reader *reader, unsigned depth, struct rule_test *test,
		    struct error *err)
{
	struct rule_test *inner = NULL;
	if (rule_parse_test(reader, depth + 1, &inner, err) != 0)
		return -1;
	g_ptr_array_add(test->tests, inner);
	return 0;
}

/* At least one: `any ()` would be false and `all ()` true, which nobody means. */
static int read_tests(struct rule_reader *reader, unsigned depth, struct rule_test *test,
		      struct error *err)
{
	if (!rule_reader_is_mark(reader, '('))
		return rule_reader_fail(reader, "'('", err);
	do {
		if (rule_reader_next(reader, err) != 0 || add_test(reader, depth, test, err) != 0)
			return -1;
	} while (rule_reader_is_mark(reader, ','));
	return rule_reader_skip(reader, ')', err);
}

/* In this order in every test: tags, tests, names, keys, count, period. */
static int read_words(struct rule_reader *reader, const struct test_row *row, unsigned depth,
		      struct rule_test *test, struct error *err)
{
	if (read_tags(reader, row, test, err) != 0)
		return -1;
	if ((row->words & WORDS_TEST) != 0)
		return add_test(reader, depth, test, err);
	if ((row->words & WORDS_TESTS) != 0)
		return read_tests(reader, depth, test, err);
	if ((row->words & WORDS_NAMES) != 0 &&
	    read_strings(reader, "the name of a field, such as \"subject\"", add_name, test, err) !=
		0)
		return -1;
	if ((row->words & WORDS_MATCH) != 0 &&
	    read_strings(reader, "a text to compare with, such as \"urgent\"", add_key, test,
			 err) != 0)
		return -1;
	if ((row->words & WORDS_COUNT) != 0 && read_count(reader, test, err) != 0)
		return -1;
	return (row->words & WORDS_PERIOD) != 0 ? read_period(reader, test, err) : 0;
}

/* The words of a test are kept for `rules test`, without the blanks and comments behind them. */
int rule_parse_test(struct rule_reader *reader, unsigned depth, struct rule_test **ret_test,
		    struct error *err)
{
	const struct test_row *row = reader->kind == WORD_NAME ? find_row(reader->text->str) : NULL;
	if (row == NULL)
		return fail_unknown(reader, err);
	if (depth >= TEST_DEPTH)
		return rule_reader_fail(reader, "fewer than 32 tests within each other", err);
	scoped(rule_test_free) struct rule_test *test = g_new0(struct rule_test, 1);
	const size_t begin = reader->begin;
	test->kind = row->kind;
	test->part = (row->words & WORDS_WHAT) != 0 ? PART_NAME : PART_ALL;
	test->names = g_ptr_array_new_with_free_func(g_free);
	test->keys = g_ptr_array_new_with_free_func(rule_key_free);
	test->tests = g_ptr_array_new_with_free_func(rule_test_free);
	if (rule_reader_next(reader, err) != 0 || read_words(reader, row, depth, test, err) != 0)
		return -1;
	test->text = g_strndup(reader->source + begin, reader->before - begin);
	*ret_test = steal(&test);
	return 0;
}
