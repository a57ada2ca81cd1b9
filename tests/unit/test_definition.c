/* The fields of a work queue, and the file that defines queues. */
#include "loader/define/definition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void assert_set(struct work_queue *draft, const char *field, const char *value)
{
	struct error err;
	if (definition_set(draft, field, value, &err) != 0)
		fail_msg("%s", err.text);
}

static void assert_refused(struct work_queue *draft, const char *field, const char *value,
			   const char *words)
{
	struct error err;
	assert_int_equal(definition_set(draft, field, value, &err), -1);
	assert_int_equal(err.kind, ERROR_CONFIGURATION);
	if (strstr(err.text, words) == NULL)
		fail_msg("'%s' is not in '%s'", words, err.text);
}

static int setup(void **state)
{
	*state = definition_new("invoices");
	return 0;
}

static int teardown(void **state)
{
	work_queue_free(*state);
	return 0;
}

static void a_new_queue_has_the_defaults(void **state)
{
	const struct work_queue *draft = *state;
	assert_string_equal(draft->class_name, "Mail");
	assert_string_equal(draft->external_source, "IMAP");
	assert_string_equal(draft->credential_source, "prompt");
	assert_false(draft->paused);
}

static void names_match_however_they_are_written(void **state)
{
	struct work_queue *draft = *state;
	assert_set(draft, "connectionString", "url=imap.example.com");
	assert_set(draft, "User Name", "robot@example.com");
	assert_set(draft, "PASSWORD_FILE", "/etc/inqueue/invoices.password");
	assert_string_equal(draft->connection_string, "url=imap.example.com");
	assert_string_equal(draft->user_name, "robot@example.com");
	assert_string_equal(draft->credential_source, "file");
	assert_string_equal(draft->credential_reference, "/etc/inqueue/invoices.password");
}

static void a_relative_password_file_becomes_absolute(void **state)
{
	struct work_queue *draft = *state;
	char *here = getcwd(NULL, 0);
	assert_set(draft, "password-file", "x/../password");
	assert_memory_equal(draft->credential_reference, here, strlen(here));
	assert_non_null(strstr(draft->credential_reference, "/password"));
	assert_null(strstr(draft->credential_reference, ".."));
	free(here);
}

static void a_command_is_split_into_words(void **state)
{
	struct work_queue *draft = *state;
	assert_set(draft, "password-command", "cat 'mail box'");
	assert_string_equal(draft->credential_source, "command");
	assert_true(g_str_has_prefix(draft->credential_reference, "[\"/"));
	assert_true(g_str_has_suffix(draft->credential_reference, "/cat\",\"mail box\"]"));
	assert_refused(draft, "password-command", "cat 'show", "password-command");
	assert_refused(draft, "password-command", "no-such-command show", "no-such-command");
	assert_set(draft, "token-command", "/opt/later/token fetch");
	assert_string_equal(draft->credential_reference, "[\"/opt/later/token\",\"fetch\"]");
	assert_set(draft, "token-command", "cat token");
	assert_string_equal(draft->credential_source, "token-command");
}

static void wrong_values_are_named(void **state)
{
	struct work_queue *draft = *state;
	assert_refused(draft, "class", "Document", "class Mail");
	assert_refused(draft, "external-source", "FTP", "takes IMAP or File");
	assert_refused(draft, "connection-string", "url=imap.example.com;colour=red", "colour");
	assert_refused(draft, "user-name", "a\r\nb", "control characters");
	assert_refused(draft, "paused", "perhaps", "true or false");
	assert_refused(draft, "colour", "red", "unknown field 'colour'; known are class");
}

static void fields_of_other_sources_must_remain_empty(void **state)
{
	struct work_queue *draft = *state;
	static const char *const foreign[] = {"path", "searchPattern", "mode", "stateXPath",
					      "state"};
	for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
		assert_set(draft, foreign[i], "");
		assert_refused(draft, foreign[i], "x", "must remain empty");
	}
}

static void what_is_missing_is_said(void **state)
{
	struct work_queue *draft = *state;
	struct error err;
	assert_int_equal(definition_check(draft, &err), -1);
	assert_non_null(strstr(err.text, "connection-string is needed"));
	assert_set(draft, "connection-string", "url=imap.example.com");
	assert_int_equal(definition_check(draft, &err), -1);
	assert_non_null(strstr(err.text, "user-name is needed"));
	assert_set(draft, "user-name", "robot");
	assert_int_equal(definition_check(draft, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_new_queue_has_the_defaults, setup, teardown),
	    cmocka_unit_test_setup_teardown(names_match_however_they_are_written, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_relative_password_file_becomes_absolute, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(a_command_is_split_into_words, setup, teardown),
	    cmocka_unit_test_setup_teardown(wrong_values_are_named, setup, teardown),
	    cmocka_unit_test_setup_teardown(fields_of_other_sources_must_remain_empty, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(what_is_missing_is_said, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
