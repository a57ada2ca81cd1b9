/* Log lines: text and JSON, quoting, levels, priorities for the journal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loader/base/log.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Standard error is a pipe during a test. */
static int pipe_ends[2];
static int kept;

static int setup(void **state)
{
	(void)state;
	unsetenv("JOURNAL_STREAM");
	kept = dup(STDERR_FILENO);
	return pipe(pipe_ends) == 0 && dup2(pipe_ends[1], STDERR_FILENO) >= 0 ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	dup2(kept, STDERR_FILENO);
	close(kept);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	return 0;
}

static char *written(void)
{
	char bytes[4096];
	ssize_t size = read(pipe_ends[0], bytes, sizeof bytes - 1);
	assert_true(size > 0);
	bytes[size] = '\0';
	return g_strdup(bytes);
}

static void test_a_line_of_keys_and_values(void **state)
{
	(void)state;
	log_open(LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
	log_event(LOG_LEVEL_INFO, "stored", log_text("queue", "invoices"), log_number("uid", 7),
		  log_text("folder", "In \"box\"\n"), log_text("empty", ""));
	g_autofree char *line = written();
	assert_true(g_str_has_prefix(line, "time=20"));
	assert_string_equal(strstr(line, " level"), " level=info event=stored queue=invoices uid=7"
						    " folder=\"In \\\"box\\\"\\x0a\" empty=\"\"\n");
}

static void test_a_line_of_json(void **state)
{
	(void)state;
	log_open(LOG_FORMAT_JSON, LOG_LEVEL_INFO);
	log_event(LOG_LEVEL_WARNING, "failed", log_text("error", "\"\xff\n"), log_number("n", -1));
	g_autofree char *line = written();
	assert_true(g_str_has_prefix(line, "{\"time\":\"20"));
	assert_true(g_str_has_suffix(line, "\"level\":\"warning\",\"event\":\"failed\",\"error\":"
					   "\"\\\"\xef\xbf\xbd\\n\",\"n\":-1}\n"));
}

static void test_levels_above_the_chosen_one_are_dropped(void **state)
{
	(void)state;
	log_open(LOG_FORMAT_TEXT, LOG_LEVEL_WARNING);
	log_event(LOG_LEVEL_NOTICE, "quiet", log_number("n", 1));
	log_event(LOG_LEVEL_ERROR, "loud", log_number("n", 2));
	g_autofree char *line = written();
	assert_null(strstr(line, "quiet"));
	assert_non_null(strstr(line, "level=error event=loud n=2\n"));
}

static void test_the_journal_gets_the_priority_and_no_time(void **state)
{
	struct stat status;
	char stream[64];
	(void)state;
	assert_int_equal(fstat(STDERR_FILENO, &status), 0);
	snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)status.st_dev,
		 (uintmax_t)status.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_open(LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
	log_event(LOG_LEVEL_WARNING, "failed", log_number("n", 1));
	g_autofree char *line = written();
	assert_string_equal(line, "<4>level=warning event=failed n=1\n");
}

static void test_somebody_elses_journal_stream_is_none(void **state)
{
	(void)state;
	setenv("JOURNAL_STREAM", "1:1", 1);
	log_open(LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
	log_event(LOG_LEVEL_WARNING, "failed", log_number("n", 1));
	g_autofree char *line = written();
	assert_true(g_str_has_prefix(line, "time="));
}

static void test_names(void **state)
{
	enum log_level level;
	enum log_format format;
	(void)state;
	assert_int_equal(log_level_parse("debug", &level), 0);
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	assert_int_equal(log_level_parse("DEBUG", &level), -1);
	assert_int_equal(log_format_parse("json", &format), 0);
	assert_int_equal(format, LOG_FORMAT_JSON);
	assert_int_equal(log_format_parse("", &format), -1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_a_line_of_keys_and_values),
	    TEST(test_a_line_of_json),
	    TEST(test_levels_above_the_chosen_one_are_dropped),
	    TEST(test_the_journal_gets_the_priority_and_no_time),
	    TEST(test_somebody_elses_journal_stream_is_none),
	    cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
