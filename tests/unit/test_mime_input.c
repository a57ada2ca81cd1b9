/* Lines that begin with two dashes, wherever the borders of the window fall, and wherever in its file the
 * message begins. */
#include "mime_fixture.h"

#include "mime/input.h"

/* Of a message that is mapped piece by piece. */
enum { WINDOW = 262144, LINES = 120000, BEFORE = 5 };

/* What a look at each line finds. */
static uint64_t find_slowly(struct input *input, uint64_t first_line, uint64_t *ret_previous_end)
{
	struct line line;
	uint64_t offset = first_line;

	while (input_line(input, offset, &line)) {
		if (line.length >= 2 && memcmp(line.text, "--", 2) == 0)
			return offset;
		*ret_previous_end = line.end;
		offset = line.next;
	}
	return input->size;
}

/* All of them, one after the other; returns how many. */
static unsigned assert_found(const GString *raw)
{
	const uint64_t size = raw->len;
	g_autofree char *bytes = g_strdup_printf("%*s%s", BEFORE, "", raw->str);
	int file = memory_file(bytes, BEFORE + raw->len);
	struct input *slow = input_new(file, BEFORE, size);
	struct input *fast = input_new(file, BEFORE, size);
	unsigned count = 0;

	for (uint64_t offset = 0; offset < size; count++) {
		uint64_t wanted_end = UINT64_MAX;
		uint64_t end = UINT64_MAX;
		uint64_t wanted = find_slowly(slow, offset, &wanted_end);

		assert_int_equal(wanted, input_find_dashes(fast, offset, &end));
		if (wanted == size)
			break;
		assert_int_equal(wanted_end, end);

		struct line line;
		assert_true(input_line(slow, wanted, &line));
		offset = line.next;
	}
	input_free(slow);
	input_free(fast);
	close(file);
	return count;
}

static void test_around_the_end_of_a_window(void **state)
{
	static const char *const endings[] = {"\n", "\r\n", "\r"};
	static const char *const lines[] = {"--b", "-", "-b", "--", "----", "x--b", ""};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(endings); i++) {
		for (size_t j = 0; j < G_N_ELEMENTS(lines); j++) {
			for (size_t at = WINDOW - 6; at < WINDOW + 6; at++) {
				g_autoptr(GString) raw = g_string_new(endings[i]);

				while (raw->len < at - strlen(endings[i]))
					g_string_append_c(raw, raw->len % 7 == 0 ? '-' : 'x');
				g_string_append_printf(raw, "%s%s%s--%s", endings[i], lines[j],
						       endings[i], endings[i]);
				assert_in_range(assert_found(raw), 1, 2);
			}
		}
	}
}

static void test_dashes_of_all_kinds(void **state)
{
	static const char *const words[] = {"-",    "--",  "---", "\n", "\r\n", "\r",
					    "text", "a-b", "--b", "",	" --",	"\n--"};
	g_autoptr(GString) raw = g_string_new(NULL);
	guint32 next = 1;

	(void)state;
	for (int i = 0; i < LINES; i++) {
		next = next * 1103515245 + 12345;
		g_string_append(raw, words[(next >> 16) % G_N_ELEMENTS(words)]);
	}
	assert_in_range(assert_found(raw), LINES / 20, LINES);
}

static void test_nothing_but_dashes(void **state)
{
	g_autoptr(GString) raw = g_string_new(NULL);

	(void)state;
	while (raw->len < (size_t)3 * WINDOW)
		g_string_append(raw, "--------");
	assert_int_equal(1, assert_found(raw));
	g_string_prepend_c(raw, 'x');
	assert_int_equal(0, assert_found(raw));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_around_the_end_of_a_window),
	    cmocka_unit_test(test_dashes_of_all_kinds),
	    cmocka_unit_test(test_nothing_but_dashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
