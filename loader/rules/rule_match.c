/* Compares a value with a key: equal, contained, by wildcards, by an expression of PCRE2. Case is folded as
 * Unicode has it. An expression is stopped after so many steps, because a stranger chooses the value: "(a+)+$"
 * would run for hours. */
#include "loader/rules/rules_internal.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

enum {
	STEPS_MAX = 100000,
	DEPTH_MAX = 10000,
	HEAP_MAX_KIB = 16 * 1024,
};

struct rule_key {
	char *text;
	char *folded;
	pcre2_code *code; /* of MATCH_REGEX */
	pcre2_match_context *limits;
	pcre2_match_data *data;
};

struct rule_value *rule_value_new(const char *text, size_t size)
{
	struct rule_value *value = g_new0(struct rule_value, 1);
	value->text = g_strndup(text, rule_text_valid(text, MIN(size, RULE_VALUE_MAX)));
	return value;
}

void rule_value_free(void *data)
{
	struct rule_value *value = data;
	if (value == NULL)
		return;
	g_free(value->text);
	g_free(value->folded);
	g_free(value);
}

static const char *value_folded(struct rule_value *value)
{
	if (value->folded == NULL)
		value->folded = rule_text_fold(value->text);
	return value->folded;
}

/* UCP: \w and \b know the letters of all alphabets. \C would cut a character in two. */
static int compile(struct rule_key *key, struct error *err)
{
	int number;
	PCRE2_SIZE at;
	key->code = pcre2_compile((PCRE2_SPTR)key->text, PCRE2_ZERO_TERMINATED,
				  PCRE2_UTF | PCRE2_UCP | PCRE2_CASELESS | PCRE2_NEVER_BACKSLASH_C,
				  &number, &at, NULL);
	if (key->code == NULL) {
		PCRE2_UCHAR words[256] = {0};
		pcre2_get_error_message(number, words, sizeof words);
		return error_set(err, ERROR_CONFIGURATION,
				 "the expression \"%s\" is wrong behind character %ld: %s",
				 key->text, g_utf8_strlen(key->text, (gssize)at),
				 (const char *)words);
	}
	key->data = pcre2_match_data_create(2, NULL);
	key->limits = pcre2_match_context_create(NULL);
	pcre2_set_match_limit(key->limits, STEPS_MAX);
	pcre2_set_depth_limit(key->limits, DEPTH_MAX);
	pcre2_set_heap_limit(key->limits, HEAP_MAX_KIB);
	return 0;
}

void rule_key_free(void *data)
{
	struct rule_key *key = data;
	if (key == NULL)
		return;
	pcre2_match_data_free(key->data);
	pcre2_match_context_free(key->limits);
	pcre2_code_free(key->code);
	g_free(key->folded);
	g_free(key->text);
	g_free(key);
}
SCOPED_DEFINE(struct rule_key *, rule_key_free)

int rule_key_new(enum rule_match match, const char *text, struct rule_key **ret_key,
		 struct error *err)
{
	scoped(rule_key_free) struct rule_key *key = g_new0(struct rule_key, 1);
	key->text = g_strdup(text);
	key->folded = rule_text_fold(text);
	if (match == MATCH_REGEX && compile(key, err) != 0)
		return -1;
	*ret_key = steal(&key);
	return 0;
}

/* One character of a pattern: '*' any characters, '?' any one; behind a backslash both are themselves. */
static const char *pattern_next(const char *pattern)
{
	if (*pattern == '\\' && pattern[1] != '\0')
		pattern++;
	return g_utf8_next_char(pattern);
}

static bool pattern_takes(const char *pattern, const char *text)
{
	if (*pattern == '?')
		return true;
	if (*pattern == '\\' && pattern[1] != '\0')
		pattern++;
	return g_utf8_get_char(pattern) == g_utf8_get_char(text);
}

/* Only the last '*' is ever widened: what stands before it has matched as early as it can. So the work
 * is at most the product of both lengths. */
static bool matches_wildcards(const char *pattern, const char *text)
{
	const char *star = NULL;
	const char *retry = NULL;
	while (*text != '\0') {
		if (*pattern == '*') {
			star = ++pattern;
			retry = text;
		} else if (*pattern != '\0' && pattern_takes(pattern, text)) {
			pattern = pattern_next(pattern);
			text = g_utf8_next_char(text);
		} else if (star != NULL) {
			pattern = star;
			retry = text = g_utf8_next_char(retry);
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

static bool matches_expression(const struct rule_key *key, const char *text, bool *ret_gave_up)
{
	const int result =
	    pcre2_match(key->code, (PCRE2_SPTR)text, strlen(text), 0, 0, key->data, key->limits);
	if (result < 0 && result != PCRE2_ERROR_NOMATCH)
		*ret_gave_up = true;
	return result >= 0;
}

bool rule_key_matches(const struct rule_key *key, enum rule_match match, struct rule_value *value,
		      bool *ret_gave_up)
{
	switch (match) {
	case MATCH_IS:
		return strcmp(value_folded(value), key->folded) == 0;
	case MATCH_CONTAINS:
		return strstr(value_folded(value), key->folded) != NULL;
	case MATCH_MATCHES:
		return matches_wildcards(key->folded, value_folded(value));
	case MATCH_REGEX:
		return matches_expression(key, value->text, ret_gave_up);
	}
	return false;
}

bool rule_key_captures(const struct rule_key *key)
{
	uint32_t count = 0;
	pcre2_pattern_info(key->code, PCRE2_INFO_CAPTURECOUNT, &count);
	return count > 0;
}

char *rule_key_capture(const struct rule_key *key, const struct rule_value *value,
		       bool *ret_gave_up)
{
	PCRE2_UCHAR *bytes = NULL;
	PCRE2_SIZE size;
	if (!matches_expression(key, value->text, ret_gave_up) ||
	    pcre2_substring_get_bynumber(key->data, 1, &bytes, &size) != 0)
		return NULL;
	char *copy = g_strndup((const char *)bytes, size);
	pcre2_substring_free(bytes);
	return copy;
}
