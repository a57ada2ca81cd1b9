/*
 * The parser's process: it may die, and the batch goes on. The inqueue-parser beside this test is
 * the real one, in which messages can name the fault they want (parser_faults.c).
 */
#include "parser_faults.h"

#include "loader/parse/parser.h"
#include "loader/parse/spool.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	int spool;
	uint64_t spool_end;
	int output;
	struct parser *parser;
};

int __real_prlimit(pid_t pid, __rlimit_resource_t resource, const struct rlimit *limit,
		   struct rlimit *old);
int __wrap_prlimit(pid_t pid, __rlimit_resource_t resource, const struct rlimit *limit,
		   struct rlimit *old);

/* Ten seconds of CPU time are one here. */
int __wrap_prlimit(pid_t pid, __rlimit_resource_t resource, const struct rlimit *limit,
		   struct rlimit *old)
{
	struct rlimit sooner = {.rlim_cur = 1};
	if (limit == NULL)
		return __real_prlimit(pid, resource, NULL, old);
	assert_true(limit->rlim_cur > 10);
	sooner.rlim_max = limit->rlim_max;
	return __real_prlimit(pid, resource, &sooner, old);
}

static int setup(void **state)
{
	struct error err;
	struct fixture *fixture = calloc(1, sizeof *fixture);
	assert_non_null(fixture);
	struct mime_options options = mime_options_default();
	assert_int_equal(spool_open("/tmp", &fixture->spool, &err), 0);
	assert_int_equal(spool_open_in_memory(&fixture->output, &err), 0);
	fixture->parser = parser_new(&options, fixture->spool, fixture->output);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	parser_stop(fixture->parser);
	close(fixture->spool);
	close(fixture->output);
	free(fixture);
	return 0;
}

/* More than a socket holds. */
enum { MANY = 3000 };

static size_t submit(struct fixture *fixture, const char *message)
{
	struct error err;
	size_t index;
	assert_int_equal(
	    spool_write(fixture->spool, fixture->spool_end, message, strlen(message), &err), 0);
	assert_int_equal(parser_submit(fixture->parser, fixture->spool_end, strlen(message), false,
				       &index, &err),
			 0);
	fixture->spool_end += strlen(message);
	return index;
}

static void finish(struct fixture *fixture)
{
	struct error err;
	assert_int_equal(parser_finish(fixture->parser, &err), 0);
}

static void assert_subject(struct fixture *fixture, size_t index, const char *subject)
{
	struct error err;
	struct mime_message *message = NULL;
	const char *failure = NULL;
	assert_int_equal(parser_read(fixture->parser, index, &message, &failure, &err), 0);
	assert_null(failure);
	assert_string_equal(message->subject, subject);
	mime_message_free(message);
}

/* The message is given up for `reason`; its subject, if any, was still read. */
static void assert_given_up(struct fixture *fixture, size_t index, const char *subject,
			    const char *reason)
{
	struct error err;
	struct mime_message *message = NULL;
	const char *failure = NULL;
	assert_int_equal(parser_read(fixture->parser, index, &message, &failure, &err), 0);
	if (failure == NULL || strstr(failure, reason) == NULL)
		fail_msg("'%s' instead of '%s': %s", failure, reason, message->subject);
	if (subject != NULL)
		assert_string_equal(message->subject, subject);
	else
		assert_null(message->subject);
	mime_message_free(message);
}

static void messages_of_a_batch_keep_their_order(void **state)
{
	struct fixture *fixture = *state;
	size_t indices[MANY];
	for (size_t i = 0; i < MANY; i++)
		indices[i] =
		    submit(fixture, i % 2 == 0 ? "Subject: even\n\nx\n" : "Subject: odd\n\nx\n");
	finish(fixture);
	for (size_t i = 0; i < MANY; i++)
		assert_subject(fixture, indices[i], i % 2 == 0 ? "even" : "odd");
}

static void a_message_that_kills_the_parser_does_not_stop_the_others(void **state)
{
	struct fixture *fixture = *state;
	size_t before = submit(fixture, "Subject: before\n\nx\n");
	size_t poison = submit(fixture, "Subject: crash-always\n\nx\n");
	size_t after = submit(fixture, "Subject: after\n\nx\n");
	finish(fixture);
	assert_subject(fixture, before, "before");
	assert_given_up(fixture, poison, NULL, "the parser ended (status 3)");
	assert_subject(fixture, after, "after");
}

/* They come in packets: which one it was has to be found out. */
static void messages_that_kill_the_parser_are_told_from_their_neighbours(void **state)
{
	enum { COUNT = 100 };
	struct fixture *fixture = *state;
	for (size_t i = 0; i < COUNT; i++) {
		bool poison = i == 40 || i == 41 || i == COUNT - 1;
		submit(fixture, poison ? "Subject: crash-always\n\nx\n" : "Subject: good\n\nx\n");
	}
	finish(fixture);
	for (size_t i = 0; i < COUNT; i++) {
		if (i == 40 || i == 41 || i == COUNT - 1)
			assert_given_up(fixture, i, NULL, "the parser ended (status 3)");
		else
			assert_subject(fixture, i, "good");
	}
}

static void a_parser_that_answers_nonsense_is_ended(void **state)
{
	struct fixture *fixture = *state;
	size_t before = submit(fixture, "Subject: before\n\nx\n");
	size_t poison = submit(fixture, "Subject: babble\n\nx\n");
	size_t after = submit(fixture, "Subject: after\n\nx\n");
	finish(fixture);
	assert_subject(fixture, before, "before");
	assert_given_up(fixture, poison, "babble", "parsing crashed");
	assert_subject(fixture, after, "after");
}

static void the_header_of_a_poisonous_message_is_still_read(void **state)
{
	struct fixture *fixture = *state;
	size_t poison = submit(fixture, "Subject: crash-in-body\n\nx\n");
	finish(fixture);
	assert_given_up(fixture, poison, "crash-in-body", "the parser ended (status 3)");
}

static void a_full_disk_is_the_machines_fault_not_the_messages(void **state)
{
	struct fixture *fixture = *state;
	struct mime_options options = mime_options_default();
	struct error err;
	parser_stop(fixture->parser);
	close(fixture->output);
	fixture->output = open("/dev/full", O_RDWR | O_CLOEXEC);
	fixture->parser = parser_new(&options, fixture->spool, fixture->output);
	submit(fixture, "Subject: invoice\n\nx\n");
	assert_int_equal(parser_finish(fixture->parser, &err), -1);
	assert_int_equal(err.kind, ERROR_IO);
	assert_non_null(strstr(err.text, "No space left on device"));
}

/* Whatever a message makes the parser say, it is that message's, and the others come through. */
static void a_forged_answer_is_its_messages_death(void **state)
{
	static const struct {
		const char *word;
		const char *reason;
	} forged[] = {
	    {"reply-beyond", "makes no sense"},	    {"reply-2^63", "makes no sense"},
	    {"reply-wrapped", "makes no sense"},    {"reply-endless", "makes no sense"},
	    {"reply-of-another", "makes no sense"}, {"reply-error", "Input/output error"},
	    {"reply-no-error", "parsing failed"},
	};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < G_N_ELEMENTS(forged); i++) {
		g_autofree char *mail = g_strdup_printf("Subject: %s\n\nx\n", forged[i].word);
		parser_begin(fixture->parser);
		size_t before = submit(fixture, "Subject: before\n\nx\n");
		size_t poison = submit(fixture, mail);
		size_t after = submit(fixture, "Subject: after\n\nx\n");
		finish(fixture);
		assert_subject(fixture, before, "before");
		assert_given_up(fixture, poison, forged[i].word, forged[i].reason);
		assert_subject(fixture, after, "after");
	}
}

static void a_record_that_breaks_a_promise_is_not_believed(void **state)
{
	static const char *const forged[] = {
	    "body-beyond",	   "body-2^63",	     "body-wrapped", "body-of-another",
	    "body-control",	   "body-c1",	     "body-no-utf8", "subject-control",
	    "subject-lines",	   "date-beyond",    "headers-cut",  "headers-none",
	    "defects-object",	   "signature-good", "name-above",   "type-lines",
	    "attachments-overlap",
	};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < G_N_ELEMENTS(forged); i++) {
		g_autofree char *mail = g_strdup_printf("Subject: %s\n\nx\n", forged[i]);
		parser_begin(fixture->parser);
		size_t before = submit(fixture, "Subject: before\n\nx\n");
		size_t poison = submit(fixture, mail);
		finish(fixture);
		assert_subject(fixture, before, "before");
		assert_given_up(fixture, poison, NULL, "the parser's answer");
	}
}

static pid_t process_of(struct fixture *fixture)
{
	struct error err;
	struct mime_message *message = NULL;
	const char *failure = NULL;
	size_t index = submit(fixture, "Subject: number\n\nx\n");
	finish(fixture);
	assert_int_equal(parser_read(fixture->parser, index, &message, &failure, &err), 0);
	pid_t pid = (pid_t)strtol(message->subject, NULL, 10);
	mime_message_free(message);
	assert_true(pid > 0);
	return pid;
}

static void batches_do_not_share_a_process(void **state)
{
	struct fixture *fixture = *state;
	pid_t first = process_of(fixture);
	assert_int_equal(first, process_of(fixture));
	parser_begin_again(fixture->parser);
	assert_int_equal(first, process_of(fixture));
	parser_begin(fixture->parser);
	assert_int_not_equal(first, process_of(fixture));
}

static void suspects_do_not_share_a_process(void **state)
{
	struct fixture *fixture = *state;
	pid_t first = process_of(fixture);
	assert_int_equal(first, process_of(fixture));
	parser_begin_suspect(fixture->parser);
	pid_t second = process_of(fixture);
	assert_int_not_equal(first, second);
	assert_int_not_equal(second, process_of(fixture));
}

static void the_parser_cannot_open_files_sockets_or_processes(void **state)
{
	struct fixture *fixture = *state;
	size_t index = submit(fixture, "Subject: escape\n\nx\n");
	finish(fixture);
	assert_subject(fixture, index, "escape");
}

static void a_message_that_hangs_the_parser_ends_with_its_cpu_time(void **state)
{
	struct fixture *fixture = *state;
	size_t poison = submit(fixture, "Subject: hang-in-body\n\nx\n");
	size_t after = submit(fixture, "Subject: after\n\nx\n");
	finish(fixture);
	assert_given_up(fixture, poison, "hang-in-body", "parsing took more than 10 s of CPU time");
	assert_subject(fixture, after, "after");
}

static void a_parser_that_does_nothing_is_late(void **state)
{
	struct fixture *fixture = *state;
	size_t poison = submit(fixture, "Subject: still-in-body\n\nx\n");
	size_t after = submit(fixture, "Subject: after\n\nx\n");
	finish(fixture);
	assert_given_up(fixture, poison, "still-in-body", "parsing did not end");
	assert_subject(fixture, after, "after");
}

static void a_message_that_makes_too_much_ends_there(void **state)
{
	struct fixture *fixture = *state;
	parser_set_output_max(fixture->parser, OUTPUT_MAX);
	size_t poison = submit(fixture, "Subject: flood\n\nx\n");
	size_t after = submit(fixture, "Subject: after\n\nx\n");
	finish(fixture);
	assert_given_up(fixture, poison, "flood", "what parsing made of it was too long");
	assert_subject(fixture, after, "after");
}

static void the_parser_gets_no_more_than_its_memory(void **state)
{
#if defined(__SANITIZE_ADDRESS__)
	(void)state;
	skip(); /* the sanitizer's own memory would count */
#else
	struct fixture *fixture = *state;
	size_t index = submit(fixture, "Subject: grow\n\nx\n");
	finish(fixture);
	assert_subject(fixture, index, "grow");
#endif
}

static void the_parser_has_no_descriptors_but_its_own(void **state)
{
	struct fixture *fixture = *state;
	int inherited = open("/dev/null", O_RDONLY);
	assert_true(inherited > STDERR_FILENO);
	size_t index = submit(fixture, "Subject: descriptors\n\nx\n");
	finish(fixture);
	close(inherited);
	assert_subject(fixture, index, "descriptors");
}

static void the_parser_knows_none_of_the_workers_variables(void **state)
{
	struct fixture *fixture = *state;
	setenv("INQUEUE_TEST_PASSWORD", "correct horse", 1);
	size_t index = submit(fixture, "Subject: variables\n\nx\n");
	finish(fixture);
	unsetenv("INQUEUE_TEST_PASSWORD");
	assert_subject(fixture, index, "variables");
}

static void the_parser_tells_its_libraries(void **state)
{
	struct fixture *fixture = *state;
	struct error err;
	char *libraries = NULL;
	assert_int_equal(parser_libraries(fixture->parser, &libraries, &err), 0);
	assert_non_null(strstr(libraries, "GMime 3."));
	free(libraries);
	size_t index = submit(fixture, "Subject: first\n\nx\n");
	finish(fixture);
	assert_subject(fixture, index, "first");
}

static void a_text_gives_a_reply(void **state)
{
	struct fixture *fixture = *state;
	static const char text[] = "Yes.\n\nOn Tue, 3 Mar 2026, Robot wrote:\n> Is it?\n";
	struct error err;
	size_t index;
	struct mime_message *message = NULL;
	const char *failure = NULL;
	assert_int_equal(spool_write(fixture->spool, 0, text, strlen(text), &err), 0);
	assert_int_equal(parser_submit_text(fixture->parser, 0, strlen(text), &index, &err), 0);
	finish(fixture);
	assert_int_equal(parser_read(fixture->parser, index, &message, &failure, &err), 0);
	assert_null(failure);
	assert_string_equal(message->reply_plain, "Yes.");
	mime_message_free(message);
}

static void a_new_batch_starts_afresh(void **state)
{
	struct fixture *fixture = *state;
	submit(fixture, "Subject: first\n\nx\n");
	finish(fixture);
	parser_begin(fixture->parser);
	size_t index = submit(fixture, "Subject: second\n\nx\n");
	assert_int_equal(index, 0);
	finish(fixture);
	assert_subject(fixture, index, "second");
}

static uint64_t scribbled(const struct fixture *fixture)
{
	uint64_t count = 0;
	struct error err;
	assert_int_equal(spool_read(fixture->output, SCRIBBLE_AT, &count, sizeof count, &err), 0);
	return count;
}

static void wait_for_scribbling(const struct fixture *fixture)
{
	uint64_t before = scribbled(fixture);
	for (int turn = 0; scribbled(fixture) == before; turn++) {
		assert_in_range(turn, 0, 60000);
		poll(NULL, 0, 1);
	}
}

static void a_parser_that_is_through_stands_still(void **state)
{
	struct fixture *fixture = *state;
	struct error err;
	const uint64_t nothing = 0;
	assert_int_equal(spool_write(fixture->output, SCRIBBLE_AT, &nothing, sizeof nothing, &err),
			 0);
	submit(fixture, "Subject: scribble\n\nx\n");
	wait_for_scribbling(fixture);
	finish(fixture);
	uint64_t before = scribbled(fixture);
	/* Thousands of its turns. */
	poll(NULL, 0, 20);
	assert_int_equal(before, scribbled(fixture));
	parser_begin_again(fixture->parser);
	size_t index = submit(fixture, "Subject: next\n\nx\n");
	wait_for_scribbling(fixture);
	finish(fixture);
	assert_subject(fixture, index, "next");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(messages_of_a_batch_keep_their_order, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		messages_that_kill_the_parser_are_told_from_their_neighbours, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_parser_that_answers_nonsense_is_ended, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(
		a_message_that_kills_the_parser_does_not_stop_the_others, setup, teardown),
	    cmocka_unit_test_setup_teardown(the_header_of_a_poisonous_message_is_still_read, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(a_forged_answer_is_its_messages_death, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_record_that_breaks_a_promise_is_not_believed, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(batches_do_not_share_a_process, setup, teardown),
	    cmocka_unit_test_setup_teardown(suspects_do_not_share_a_process, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_full_disk_is_the_machines_fault_not_the_messages,
					    setup, teardown),
	    cmocka_unit_test_setup_teardown(the_parser_cannot_open_files_sockets_or_processes,
					    setup, teardown),
	    cmocka_unit_test_setup_teardown(a_parser_that_does_nothing_is_late, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_message_that_hangs_the_parser_ends_with_its_cpu_time,
					    setup, teardown),
	    cmocka_unit_test_setup_teardown(a_message_that_makes_too_much_ends_there, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(the_parser_gets_no_more_than_its_memory, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(the_parser_has_no_descriptors_but_its_own, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(the_parser_knows_none_of_the_workers_variables, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(the_parser_tells_its_libraries, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_text_gives_a_reply, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_new_batch_starts_afresh, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_parser_that_is_through_stands_still, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
