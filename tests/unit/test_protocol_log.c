/* The log of the protocol: what it shows, and what it never does. */
#include "loader/imap/wire/protocol_log.h"

#include "loader/base/redact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

static char *folder;
static char *path;

static int setup(void **state)
{
	struct error err;

	(void)state;
	folder = g_dir_make_tmp("protocol-XXXXXX", NULL);
	path = g_build_filename(folder, "imap.log", NULL);
	return protocol_log_open(path, &err);
}

static int teardown(void **state)
{
	(void)state;
	g_unlink(path);
	g_rmdir(folder);
	g_free(path);
	g_free(folder);
	return 0;
}

/* The lines without time and process. */
static char *shown(void)
{
	g_autofree char *text = NULL;
	GString *lines = g_string_new(NULL);

	assert_true(g_file_get_contents(path, &text, NULL, NULL));
	g_auto(GStrv) all = g_strsplit(text, "\n", -1);
	for (char **line = all; *line; line++) {
		const char *host = strstr(*line, " h ");

		if (host)
			g_string_append_printf(lines, "%s\n", host + 3);
	}
	return g_string_free(lines, FALSE);
}

static void put(struct protocol_log *log, enum protocol_side side, const char *text)
{
	protocol_log_put(log, side, text, strlen(text), false);
}

static void hide(struct protocol_log *log, enum protocol_side side, const char *text)
{
	protocol_log_put(log, side, text, strlen(text), true);
}

static void test_lines_of_both_sides_in_whatever_pieces(void **state)
{
	struct protocol_log *log = protocol_log_new("h");

	(void)state;
	put(log, PROTOCOL_CLIENT, "7 UID SEA");
	put(log, PROTOCOL_CLIENT, "RCH UNDELETED\r\n");
	put(log, PROTOCOL_SERVER, "* SEARCH 1\x1b[2J\r\n7 OK gr\xfc\xdf\r\n");
	protocol_log_free(log);

	g_autofree char *lines = shown();

	assert_string_equal(lines, "C: 7 UID SEARCH UNDELETED\nS: * SEARCH 1\\x1b[2J\n"
				   "S: 7 OK gr\\xfc\\xdf\n");
}

/* Wherever the line is cut, and with the size of a literal at its end. */
static void test_a_secret_is_not_shown(void **state)
{
	(void)state;
	redact_add("correct horse", strlen("correct horse"));
	for (size_t before = 4000; before < 4200; before += 7) {
		struct protocol_log *log = protocol_log_new("h");
		g_autofree char *dots = g_strnfill(before, '.');
		put(log, PROTOCOL_SERVER, "* OK you say correct ");
		put(log, PROTOCOL_SERVER, "horse\r\n* OK ");
		put(log, PROTOCOL_SERVER, dots);
		put(log, PROTOCOL_SERVER, "correct horse {12}\r\ncorrect hors\r\n");
		protocol_log_free(log);
	}

	g_autofree char *lines = shown();

	assert_non_null(strstr(lines, "S: * OK you say ***\n"));
	assert_null(strstr(lines, "cor"));
}

static void test_only_its_owner_reads_it(void **state)
{
	struct stat status;
	struct error err;

	(void)state;
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(protocol_log_open("/nowhere/imap.log", &err), -1);
	assert_int_equal(err.kind, ERROR_IO);
	assert_non_null(strstr(err.text, "/nowhere/imap.log"));
}

static void test_a_message_is_not_shown(void **state)
{
	struct protocol_log *log = protocol_log_new("h");

	(void)state;
	put(log, PROTOCOL_SERVER, "* 1 FETCH (BODY[] {14}\r\nSecret\r\n{3}");
	put(log, PROTOCOL_SERVER, "\r\nx FLAGS ())\r\n7 OK done\r\n");
	protocol_log_free(log);

	g_autofree char *lines = shown();

	assert_null(strstr(lines, "Secret"));
	assert_string_equal(lines, "S: * 1 FETCH (BODY[] {14}\nS:  FLAGS ())\nS: 7 OK done\n");
}

/* What a line is too long for must not make its literal part of the log. */
static void test_nor_is_one_behind_a_line_that_is_cut(void **state)
{
	struct protocol_log *log = protocol_log_new("h");
	g_autofree char *flags = g_strnfill(5000, 'f');
	g_autofree char *line = g_strdup_printf("* 1 FETCH (FLAGS (%s) BODY[] {8}\r\n", flags);

	(void)state;
	put(log, PROTOCOL_SERVER, line);
	put(log, PROTOCOL_SERVER, "Secret\r\n)\r\n");
	protocol_log_free(log);

	g_autofree char *lines = shown();

	assert_null(strstr(lines, "Secret"));
	assert_int_equal(strcspn(lines, "\n"), strlen("S: ") + 4096);
	assert_non_null(strstr(lines, "\nS: )\n"));
}

static void test_nor_is_one_behind_a_nul(void **state)
{
	static const char bytes[] = "* 1 FETCH (X \0 BODY[] {8}\r\nSecret\r\n)\r\n";
	struct protocol_log *log = protocol_log_new("h");

	(void)state;
	protocol_log_put(log, PROTOCOL_SERVER, bytes, sizeof bytes - 1, false);
	protocol_log_free(log);

	g_autofree char *lines = shown();

	assert_string_equal(lines, "S: * 1 FETCH (X ? BODY[] {8}\nS: )\n");
}

static void test_a_sign_in_is_a_number_of_bytes(void **state)
{
	struct protocol_log *log = protocol_log_new("h");

	(void)state;
	put(log, PROTOCOL_CLIENT, "1 CAPABILITY\r\n");
	hide(log, PROTOCOL_CLIENT, "2 LOGIN robot ");
	hide(log, PROTOCOL_CLIENT, "secret\r\n");
	hide(log, PROTOCOL_SERVER, "2 OK\r\n");
	put(log, PROTOCOL_CLIENT, "3 NOOP\r\n");
	hide(log, PROTOCOL_CLIENT, "4 LOGIN");
	protocol_log_free(log);

	g_autofree char *lines = shown();

	assert_string_equal(lines, "C: 1 CAPABILITY\nC: [sign-in, 22 bytes are not shown]\n"
				   "S: [sign-in, 6 bytes are not shown]\nC: 3 NOOP\n"
				   "C: [sign-in, 7 bytes are not shown]\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_lines_of_both_sides_in_whatever_pieces),
	    TEST(test_a_secret_is_not_shown),
	    TEST(test_only_its_owner_reads_it),
	    TEST(test_a_message_is_not_shown),
	    TEST(test_nor_is_one_behind_a_line_that_is_cut),
	    TEST(test_nor_is_one_behind_a_nul),
	    TEST(test_a_sign_in_is_a_number_of_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
