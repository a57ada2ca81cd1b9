/* Where passwords come from, and what is refused. */
#include "loader/base/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[sizeof "/tmp/inqueue-test-secret-XXXXXX"];
static char path[sizeof folder + 32];

static int setup(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/inqueue-test-secret-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/password", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static void write_file(const char *text, mode_t mode)
{
	unlink(path);
	assert_true(g_file_set_contents(path, text, -1, NULL));
	assert_int_equal(chmod(path, mode), 0);
}

static void assert_secret(enum secret_source source, const char *reference, const char *expected)
{
	struct error err;
	struct secret *secret = NULL;
	if (secret_read(source, reference, &secret, &err) != 0)
		fail_msg("%s", err.text);
	assert_string_equal(secret_text(secret), expected);
	secret_free(secret);
}

static void assert_refused(enum secret_source source, const char *reference, enum error_kind kind,
			   const char *words)
{
	struct error err;
	struct secret *secret = NULL;
	assert_int_equal(secret_read(source, reference, &secret, &err), -1);
	assert_null(secret);
	assert_int_equal(err.kind, kind);
	if (strstr(err.text, words) == NULL)
		fail_msg("'%s' is not in '%s'", words, err.text);
}

static void a_file_gives_its_first_line(void **state)
{
	(void)state;
	write_file("correct horse; \"battery\"\r\nsecond line\n", 0600);
	assert_secret(SECRET_FILE, path, "correct horse; \"battery\"");
}

static void a_file_that_others_can_read_is_refused(void **state)
{
	(void)state;
	write_file("secret\n", 0640);
	assert_refused(SECRET_FILE, path, ERROR_CONFIGURATION, "chmod 600");
}

static void a_missing_or_empty_file_is_named(void **state)
{
	(void)state;
	assert_refused(SECRET_FILE, path, ERROR_CONFIGURATION, path);
	write_file("\n", 0600);
	assert_refused(SECRET_FILE, path, ERROR_CREDENTIALS, "is empty");
}

static void an_environment_variable_works(void **state)
{
	(void)state;
	setenv("INQUEUE_TEST_SECRET", "from the environment", 1);
	assert_secret(SECRET_ENV, "INQUEUE_TEST_SECRET", "from the environment");
	/* It is taken out of there, and read again. */
	assert_string_equal("", getenv("INQUEUE_TEST_SECRET"));
	assert_secret(SECRET_ENV, "INQUEUE_TEST_SECRET", "from the environment");
	setenv("INQUEUE_TEST_SECRET", "another one", 1);
	assert_secret(SECRET_ENV, "INQUEUE_TEST_SECRET", "another one");
	assert_refused(SECRET_ENV, "INQUEUE_TEST_OTHER", ERROR_CONFIGURATION,
		       "INQUEUE_TEST_OTHER is not set");
}

static void a_credential_comes_from_its_folder_only(void **state)
{
	(void)state;
	write_file("from systemd\n", 0400);
	unsetenv("CREDENTIALS_DIRECTORY");
	assert_refused(SECRET_CREDENTIAL, "password", ERROR_CONFIGURATION, "LoadCredential=");
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	assert_secret(SECRET_CREDENTIAL, "password", "from systemd");
	assert_refused(SECRET_CREDENTIAL, "../password", ERROR_CONFIGURATION, "not a path");
	unsetenv("CREDENTIALS_DIRECTORY");
}

/* As newer systemd makes it: an access control list shows as permissions of the group. */
static void a_credential_may_be_readable_by_an_access_list(void **state)
{
	(void)state;
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	write_file("from systemd\n", 0440);
	assert_secret(SECRET_CREDENTIAL, "password", "from systemd");
	write_file("from systemd\n", 0444);
	assert_refused(SECRET_CREDENTIAL, "password", ERROR_CONFIGURATION, "by other users");
	unsetenv("CREDENTIALS_DIRECTORY");
}

static void a_command_is_run_without_a_shell(void **state)
{
	(void)state;
	assert_secret(SECRET_COMMAND, "[\"/usr/bin/printf\",\"%s\\\\nmore\",\"$HOME;x\"]",
		      "$HOME;x");
}

static void a_command_that_fails_is_named_but_not_its_output(void **state)
{
	(void)state;
	struct error err;
	struct secret *secret = NULL;
	assert_int_equal(secret_read(SECRET_COMMAND, "[\"/bin/sh\",\"-c\",\"echo hidden; exit 7\"]",
				     &secret, &err),
			 -1);
	assert_int_equal(err.kind, ERROR_CREDENTIALS);
	assert_string_equal(err.text, "password command '/bin/sh' failed (exit status 7)");
	assert_refused(SECRET_COMMAND, "[\"/nonexistent/command\"]", ERROR_CONFIGURATION,
		       "/nonexistent/command");
	assert_refused(SECRET_COMMAND, "not json", ERROR_CONFIGURATION, "JSON list");
}

static void endless_output_is_refused(void **state)
{
	(void)state;
	assert_refused(SECRET_COMMAND, "[\"/bin/cat\",\"/dev/zero\"]", ERROR_CREDENTIALS,
		       "'/bin/cat' failed");
}

static void a_process_that_reads_one_leaves_no_core(void **state)
{
	(void)state;
	struct rlimit limit;
	write_file("correct horse\n", 0600);
	assert_secret(SECRET_FILE, path, "correct horse");
	assert_int_equal(getrlimit(RLIMIT_CORE, &limit), 0);
	assert_int_equal(limit.rlim_max, 0);
#ifndef __SANITIZE_ADDRESS__
	assert_int_equal(prctl(PR_GET_DUMPABLE), 0);
#endif
}

static void a_kept_secret_is_private_and_comes_back(void **state)
{
	(void)state;
	struct error err;
	struct stat status;
	struct secret *secret = secret_new("kept", 4);
	assert_int_equal(secret_keep(secret, path, &err), 0);
	assert_int_equal(secret_keep(secret, path, &err), 0);
	secret_free(secret);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_secret(SECRET_PROMPT, path, "kept");
}

static void names_of_sources_are_inverse(void **state)
{
	(void)state;
	for (enum secret_source source = SECRET_PROMPT; source <= SECRET_TOKEN_COMMAND; source++) {
		enum secret_source back;
		assert_int_equal(secret_source_parse(secret_source_format(source), &back), 0);
		assert_int_equal(back, source);
	}
	enum secret_source none;
	assert_int_equal(secret_source_parse("nonsense", &none), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_file_gives_its_first_line, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_file_that_others_can_read_is_refused, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(a_missing_or_empty_file_is_named, setup, teardown),
	    cmocka_unit_test_setup_teardown(an_environment_variable_works, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_credential_comes_from_its_folder_only, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(a_credential_may_be_readable_by_an_access_list, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(a_command_is_run_without_a_shell, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_command_that_fails_is_named_but_not_its_output, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(endless_output_is_refused, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_process_that_reads_one_leaves_no_core, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(a_kept_secret_is_private_and_comes_back, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(names_of_sources_are_inverse, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
