/* What strangers have written is made visible: for people, for JSON, in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loader/base/visible.h"

#include <glib.h>
#include <jansson.h>
#include <string.h>

/* In pieces of `piece` bytes. Caller frees. */
static char *shown_in(enum visible_form form, const char *bytes, size_t size, size_t piece)
{
	struct visible visible = {.form = form};
	GString *out = g_string_new(NULL);
	for (size_t at = 0; at < size; at += piece)
		visible_append(&visible, bytes + at, MIN(piece, size - at), out);
	visible_end(&visible, out);
	return g_string_free(out, FALSE);
}

/* The same however the text is cut. */
static void assert_shown(enum visible_form form, const char *text, const char *expected)
{
	for (size_t piece = 1; piece <= strlen(text) + 1; piece++) {
		g_autofree char *shown = shown_in(form, text, strlen(text), piece);
		assert_string_equal(shown, expected);
	}
}

static void test_plain_text_stays(void **state)
{
	(void)state;
	static const char *const texts[] = {"",
					    "Invoice 4711",
					    "Grüße, 請求書 ☃ \\o/ C:\\x1b",
					    "a\u0301\u00a0b \u00ab\u00bb",
					    "\uac00\u3042\ufe0f",
					    "\U0001f600\U0001f1e9\U0001f1ea"};
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		assert_shown(VISIBLE_LINE, texts[i], texts[i]);
		assert_shown(VISIBLE_TEXT, texts[i], texts[i]);
		assert_shown(VISIBLE_JSON, texts[i], texts[i]);
	}
}

static void test_every_control_character_is_visible(void **state)
{
	(void)state;
	for (unsigned c = 1; c < 0xa0; c++) {
		char text[8] = "a";
		char expected[16];
		if ((c >= ' ' && c < 0x7f) || c == '\n' || c == '\t')
			continue;
		text[1 + g_unichar_to_utf8(c, text + 1)] = 'z';
		g_snprintf(expected, sizeof expected, c < 0x80 ? "a\\x%02xz" : "a\\u%04xz", c);
		assert_shown(VISIBLE_LINE, text, expected);
		assert_shown(VISIBLE_TEXT, text, expected);
		assert_shown(VISIBLE_QUOTED, text, expected);
		g_snprintf(expected, sizeof expected, "a\\u%04xz", c);
		assert_shown(VISIBLE_JSON_STRING, text, expected);
	}
}

static void test_what_turns_or_hides_text_is_visible(void **state)
{
	(void)state;
	static const gunichar hidden[] = {
	    0x00ad, 0x034f, 0x061c, 0x115f,  0x180e,  0x200b,  0x200c,	0x200d, 0x200e,
	    0x200f, 0x2028, 0x2029, 0x202a,  0x202b,  0x202c,  0x202d,	0x202e, 0x2060,
	    0x2061, 0x2066, 0x2067, 0x2068,  0x2069,  0x206f,  0x2800,	0x3164, 0xfeff,
	    0xfff9, 0xfffb, 0xffa0, 0x1d173, 0xe0001, 0xe0041, 0xe007f, 0xe0100};
	for (size_t i = 0; i < G_N_ELEMENTS(hidden); i++) {
		char text[8] = "a";
		char expected[16];
		text[1 + g_unichar_to_utf8(hidden[i], text + 1)] = 'z';
		g_snprintf(expected, sizeof expected,
			   hidden[i] > 0xffff ? "a\\U%08xz" : "a\\u%04xz", hidden[i]);
		assert_shown(VISIBLE_LINE, text, expected);
		assert_shown(VISIBLE_TEXT, text, expected);
	}
}

static void test_a_joiner_stays_where_writing_needs_it(void **state)
{
	(void)state;
	const char *family = "\U0001f468\u200d\U0001f469\u200d\U0001f467";
	const char *persian = "\u0645\u06cc\u200c\u0631\u0648\u0645";
	const char *hindi = "\u0915\u094d\u200d\u0937";
	assert_shown(VISIBLE_LINE, family, family);
	assert_shown(VISIBLE_LINE, persian, persian);
	assert_shown(VISIBLE_LINE, hindi, hindi);
	assert_shown(VISIBLE_LINE, "\u0645\u200c\u200c\u0631", "\u0645\u200c\\u200c\u0631");
	assert_shown(VISIBLE_LINE, "\u0645-\u200cx \u4eba\u200d\u4eba",
		     "\u0645-\\u200cx \u4eba\\u200d\u4eba");
}

static void test_bytes_that_are_no_utf8_are_visible(void **state)
{
	(void)state;
	assert_shown(VISIBLE_LINE, "a\xff z", "a\\xff z");
	assert_shown(VISIBLE_LINE, "\x9b[31m", "\\x9b[31m");
	assert_shown(VISIBLE_TEXT, "a\xc3", "a\\xc3");
	assert_shown(VISIBLE_TEXT, "\xf0\x9f\x98", "\\xf0\\x9f\\x98");
	assert_shown(VISIBLE_TEXT, "\xed\xa0\x80\xc0\x8a", "\\xed\\xa0\\x80\\xc0\\x8a");
	assert_shown(VISIBLE_TEXT, "\xe2\x80z", "\\xe2\\x80z");
	assert_shown(VISIBLE_JSON_STRING, "a\xffz", "a\ufffdz");
}

static void test_line_breaks(void **state)
{
	(void)state;
	assert_shown(VISIBLE_LINE, "a\nb\tc\r\nd\re\r", "a b c d\\x0de\\x0d");
	assert_shown(VISIBLE_TEXT, "a\nb\tc\r\nd\re\r", "a\nb\tc\nd\\x0de\\x0d");
	assert_shown(VISIBLE_QUOTED, "a\"\\\n", "a\\\"\\\\\\x0a");
	assert_shown(VISIBLE_JSON_STRING, "a\"\\\n\t\r\n", "a\\\"\\\\\\n\\t\\u000d\\n");
}

static void test_a_nul_is_visible(void **state)
{
	(void)state;
	g_autofree char *shown = shown_in(VISIBLE_TEXT, "a\0b", 3, 1);
	assert_string_equal(shown, "a\\x00b");
}

/* The text of a document goes through as a whole, its quotes and backslashes are its own. */
static void test_json_keeps_the_value(void **state)
{
	(void)state;
	const char *value = "\"\\\u202e\xc2\x9b\x7f\x1b\U000e0041\\\U0001f600\ufeff";
	json_t *before = json_pack("{s:s}", "text", value);
	g_autofree char *text = json_dumps(before, JSON_COMPACT);
	g_autofree char *shown = shown_in(VISIBLE_JSON, text, strlen(text), 3);
	json_t *after = json_loads(shown, 0, NULL);
	assert_non_null(after);
	assert_true(json_equal(before, after));
	assert_null(strstr(shown, "\u202e"));
	assert_non_null(strstr(shown, "\\udb40\\udc41"));
	json_decref(before);
	json_decref(after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_plain_text_stays),
	    cmocka_unit_test(test_every_control_character_is_visible),
	    cmocka_unit_test(test_what_turns_or_hides_text_is_visible),
	    cmocka_unit_test(test_a_joiner_stays_where_writing_needs_it),
	    cmocka_unit_test(test_bytes_that_are_no_utf8_are_visible),
	    cmocka_unit_test(test_line_breaks),
	    cmocka_unit_test(test_a_nul_is_visible),
	    cmocka_unit_test(test_json_keeps_the_value),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
