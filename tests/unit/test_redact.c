/* What peers repeat of a secret is hidden, in every form; other words are not. */
#include "loader/base/redact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glib.h>
#include <string.h>

#define SECRET "p\"ss & w\\rt<\303\244>%41+x/9"

static int setup(void **state)
{
	(void)state;
	redact_add(SECRET, strlen(SECRET));
	return 0;
}

static void check_whole(const char *bytes, size_t size, const char *expected)
{
	g_autofree char *result = redact(bytes, size);
	assert_string_equal(result, expected);
}

static void check(const char *text, const char *expected)
{
	check_whole(text, strlen(text), expected);
}

/* The form stands between other words, and alone. */
static void check_hidden(const char *form)
{
	g_autofree char *text = g_strdup_printf("before: %s; after", form);
	check(text, "before: ***; after");
	check(form, "***");
}

/* Each byte as two digits. */
static char *encode(const char *before, const char *digits, const char *text)
{
	GString *coded = g_string_new(NULL);
	for (const char *at = text; *at != '\0'; at++) {
		const unsigned char byte = (unsigned char)*at;
		g_string_append_printf(coded, "%s%c%c", before, digits[byte >> 4],
				       digits[byte & 15]);
	}
	return g_string_free(coded, FALSE);
}

#define LOWER "0123456789abcdef"
#define UPPER "0123456789ABCDEF"

static void test_as_it_is(void **state)
{
	(void)state;
	check_hidden(SECRET);
	check("nothing of it: p\"ss & w\\rt", "nothing of it: p\"ss & w\\rt");
	check("", "");
	check(SECRET SECRET " and " SECRET, "*** and ***");
}

static void test_each_form(void **state)
{
	(void)state;
	/* IMAP; JSON, with and without letters beyond ASCII; HTML, by name and number; URLs. */
	check_hidden("p\\\"ss & w\\\\rt<\303\244>%41+x/9");
	check_hidden("p\\\"ss & w\\\\rt<\\u00E4>%41+x\\/9");
	check_hidden("p\\u0022ss & w\\u005crt\\u003c\\u00e4\\u003e%41+x/9");
	check_hidden("p&quot;ss &amp; w\\rt&lt;\303\244&gt;%41+x/9");
	check_hidden("p&#34;ss &#x26; w\\rt&#60;&#xE4;&#62;%41+x/9");
	check_hidden("p%22ss%20%26%20w%5Crt%3C%C3%A4%3E%2541%2Bx%2F9");
	check_hidden("p%22ss+%26+w%5crt%3c%c3%a4%3e%2541%2bx%2f9");
	g_autofree char *lower = encode("", LOWER, SECRET);
	check_hidden(lower);
	g_autofree char *upper = encode("", UPPER, SECRET);
	check_hidden(upper);
	g_autofree char *escaped = encode("\\x", LOWER, SECRET);
	check_hidden(escaped);
	g_autofree char *all = encode("%", UPPER, SECRET);
	check_hidden(all);
}

static void test_inside_base64(void **state)
{
	(void)state;
	/* At each offset, with and without what follows: PLAIN, LOGIN, XOAUTH2, Basic. */
	static const char *const befores[] = {"", "\001ann\001", "ann:", "user=ann\001\001auth=B "};
	static const char *const afters[] = {"", "!", "\001\001"};
	for (size_t i = 0; i < G_N_ELEMENTS(befores) * G_N_ELEMENTS(afters); i++) {
		g_autofree char *plain = g_strconcat(befores[i % G_N_ELEMENTS(befores)], SECRET,
						     afters[i / G_N_ELEMENTS(befores)], NULL);
		g_autofree char *blob = g_base64_encode((const guchar *)plain, strlen(plain));
		check_hidden(blob);
		/* Something may stand right before it. */
		g_autofree char *glued = g_strconcat("x", blob, NULL);
		check_hidden(glued);
		g_strdelimit(blob, "+", '-');
		g_strdelimit(blob, "/", '_');
		check_hidden(blob);
	}
}

static void test_forms_in_forms(void **state)
{
	(void)state;
	g_autofree char *base64 = g_base64_encode((const guchar *)SECRET, strlen(SECRET));
	g_autofree char *url = g_uri_escape_string(base64, NULL, FALSE);
	g_autofree char *hex = encode("", LOWER, base64);
	g_autofree char *again = g_base64_encode((const guchar *)base64, strlen(base64));
	check_hidden(url);
	check_hidden(hex);
	check_hidden(again);
	check_hidden("p&#92;&quot;ss &amp; w\\\\rt&lt;\303\244&gt;%41+x/9");
}

static void test_base64_in_lines(void **state)
{
	(void)state;
	g_autofree char *base64 = g_base64_encode((const guchar *)SECRET, strlen(SECRET));
	g_autofree char *lines = g_strdup_printf("%.10s\r\n%s", base64, base64 + 10);
	check_hidden(lines);
}

/* A secret of "%41" alone would read "A" where the text is decoded. */
static void test_secret_that_looks_encoded(void **state)
{
	(void)state;
	redact_add("&amp;%2541\\u0042", strlen("&amp;%2541\\u0042"));
	check_hidden("&amp;%2541\\u0042");
	check_hidden("&amp;amp;%2541\\u0042");
	check_hidden("%26amp%3B%252541%5Cu0042");
}

static void test_short_secret_is_a_word(void **state)
{
	(void)state;
	redact_add("ab", 2);
	check("LOGIN ann ab", "LOGIN ann ***");
	check("LOGIN \"ann\" \"ab\"", "LOGIN \"ann\" \"***\"");
	check("able cab, ab1", "able cab, ab1");
	check("YWI=", "***");
	check_whole("\0ann\0ab", 7, " ann ***");
}

static void test_cut(void **state)
{
	(void)state;
	g_autofree char *long_secret = g_strnfill(100, 'q');
	redact_add(long_secret, 100);
	for (size_t before = 0; before < 400; before++) {
		g_autofree char *text =
		    g_strdup_printf("%*s%s%2000s", (int)before, "", long_secret, "");
		g_autofree char *result = redact_cut(text, strlen(text), 200);
		assert_true(strlen(result) <= 200);
		assert_null(strchr(result, 'q'));
		/* The beginning of a longer text, cut in the middle of the secret. */
		g_autofree char *start = redact_cut(text, MIN(strlen(text), redact_enough(20)), 20);
		assert_true(strlen(start) <= 20);
		assert_null(strchr(start, 'q'));
	}
	check("short", "short");
}

/* However it is divided, and whatever stands around it. */
static void test_stream(void **state)
{
	(void)state;
	g_autofree char *spaces = g_strnfill(5000, '.');
	g_autofree char *text = g_strconcat(spaces, SECRET, spaces, SECRET, NULL);
	g_autofree char *expected = g_strconcat(spaces, "***", spaces, "***", NULL);
	for (size_t step = 1; step < 6000; step = step * 3 + 1) {
		g_autoptr(GString) stream = g_string_new(NULL);
		g_autoptr(GString) result = g_string_new(NULL);
		for (size_t i = 0; i < strlen(text); i += step) {
			g_string_append_len(stream, text + i, (gssize)MIN(step, strlen(text) - i));
			g_autofree char *taken = stream->len > 3000 ? redact_take(stream) : NULL;
			g_string_append(result, taken != NULL ? taken : "");
		}
		g_autofree char *rest = redact(stream->str, stream->len);
		g_string_append(result, rest);
		assert_string_equal(result->str, expected);
	}
}

static void test_list_for_another_process(void **state)
{
	(void)state;
	g_autofree char *list = redact_export();
	assert_null(strstr(list, "p\""));
	redact_import(list);
	redact_import("nonsense 1:2 ffffffffffffffff:1:1 1:1:0 ");
	g_autofree char *same = redact_export();
	assert_string_equal(same, list);
}

/* The last ones count. */
static void test_many(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++) {
		g_autofree char *secret = g_strdup_printf("secret-number-%d", i);
		redact_add(secret, strlen(secret));
	}
	check("secret-number-999, secret-number-0", "***, secret-number-0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_as_it_is),
	    cmocka_unit_test(test_each_form),
	    cmocka_unit_test(test_inside_base64),
	    cmocka_unit_test(test_forms_in_forms),
	    cmocka_unit_test(test_base64_in_lines),
	    cmocka_unit_test(test_secret_that_looks_encoded),
	    cmocka_unit_test(test_short_secret_is_a_word),
	    cmocka_unit_test(test_cut),
	    cmocka_unit_test(test_stream),
	    cmocka_unit_test(test_list_for_another_process),
	    cmocka_unit_test(test_many),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
