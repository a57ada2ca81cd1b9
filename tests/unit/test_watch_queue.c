/* What the supervisor makes of what a worker tells, and of its silence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loader/base/log.h"
#include "loader/watch/watch_internal.h"

#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RETRY_MS = 5000 };

enum { MINUTE_MS = 60000, START_MS = 1000000 };

struct fixture {
	struct watch_queue *queue;
	int worker_end;
};

/* A worker that only waits, and the pipe that the queue listens at. */
static int setup(void **state)
{
	static struct fixture fixture;
	int ends[2];
	log_open(LOG_FORMAT_TEXT, LOG_LEVEL_ERROR);
	fixture.queue = watch_queue_new(1, "invoices", RETRY_MS);
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	fixture.queue->pipe = ends[0];
	fixture.worker_end = ends[1];
	fixture.queue->worker = fork();
	if (fixture.queue->worker == 0)
		for (;;)
			pause();
	assert_true(fixture.queue->worker > 0);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	if (f->queue->worker != 0) {
		kill(f->queue->worker, SIGKILL);
		waitpid(f->queue->worker, NULL, 0);
	}
	close(f->worker_end);
	watch_queue_free(f->queue);
	return 0;
}

static void tell(struct fixture *f, const struct watch_message *message, int64_t now_ms)
{
	assert_int_equal(write(f->worker_end, message, sizeof *message), sizeof *message);
	watch_queue_listen(f->queue, now_ms);
}

static void tell_news(struct fixture *f, enum watch_news news, int64_t command_ms, int64_t wait_ms)
{
	struct watch_message message;
	memset(&message, 0, sizeof message);
	message.news = news;
	message.command_ms = command_ms;
	message.wait_ms = wait_ms;
	tell(f, &message, START_MS);
}

static bool is_alive(const struct fixture *f)
{
	int status;
	return waitpid(f->queue->worker, &status, WNOHANG) == 0;
}

static void assert_is_killed_after(struct fixture *f, int64_t silence_ms)
{
	int status;
	watch_queue_check(f->queue, START_MS + silence_ms);
	assert_true(is_alive(f));
	watch_queue_check(f->queue, START_MS + silence_ms + 1);
	assert_int_equal(waitpid(f->queue->worker, &status, 0), f->queue->worker);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	f->queue->worker = 0;
}

static void test_a_worker_that_hangs_is_killed(void **state)
{
	tell_news(*state, WATCH_ALIVE, 0, 0);
	assert_is_killed_after(*state, (int64_t)3 * MINUTE_MS);
}

/* The connection and each command may take an hour, if the queue's timeout= says so. */
static void test_a_server_gets_the_time_that_the_definition_gives_it(void **state)
{
	tell_news(*state, WATCH_STARTED, (int64_t)60 * MINUTE_MS, 0);
	assert_is_killed_after(*state, (int64_t)183 * MINUTE_MS);
}

static void test_who_waits_for_mail_is_silent_for_longer(void **state)
{
	tell_news(*state, WATCH_STARTED, MINUTE_MS, 0);
	tell_news(*state, WATCH_WAITING, 0, (int64_t)25 * MINUTE_MS);
	assert_is_killed_after(*state, (int64_t)31 * MINUTE_MS);
}

static void test_a_failure_is_followed_by_a_pause(void **state)
{
	struct fixture *f = *state;
	struct watch_message message;
	memset(&message, 0, sizeof message);
	message.news = WATCH_FAILED;
	error_fill(&message.err, ERROR_UNREACHABLE, "no connection");
	tell(f, &message, START_MS);
	assert_in_range(f->queue->start_ms, START_MS + 3750, START_MS + 6250);
	tell(f, &message, START_MS);
	assert_in_range(f->queue->start_ms, START_MS + 7500, START_MS + 12500);
	tell_news(f, WATCH_LOOKED, 0, 0);
	tell(f, &message, START_MS);
	assert_in_range(f->queue->start_ms, START_MS + 3750, START_MS + 6250);
}

static void refuse(struct fixture *f, uint32_t refusals)
{
	struct watch_message message;
	memset(&message, 0, sizeof message);
	message.news = WATCH_REFUSED;
	message.refusals = refusals;
	error_fill(&message.err, ERROR_CREDENTIALS, "sign-in refused");
	f->queue->wanted = true;
	tell(f, &message, START_MS);
}

static void test_the_third_refusal_is_the_last(void **state)
{
	struct fixture *f = *state;
	refuse(f, 1);
	assert_in_range(f->queue->start_ms, START_MS + 45000, START_MS + 75000);
	refuse(f, 2);
	assert_in_range(f->queue->start_ms, START_MS + 225000, START_MS + 375000);
	assert_true(f->queue->wanted);
	refuse(f, 3);
	assert_false(f->queue->wanted);
	assert_string_equal(watch_queue_state(f->queue), "stopped");
}

/* Better no mail than a locked account. */
static void test_a_refusal_that_cannot_be_counted_is_the_last_too(void **state)
{
	struct fixture *f = *state;
	refuse(f, 0);
	assert_false(f->queue->wanted);
	assert_true(f->queue->uncounted);
}

static guint32 throw_in_a_worker(void)
{
	int ends[2];
	guint32 thrown;
	const pid_t parent = getpid();
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	const pid_t worker = fork();
	if (worker == 0) {
		watch_worker_prepare(parent);
		thrown = g_random_int();
		_exit(write(ends[1], &thrown, sizeof thrown) == sizeof thrown ? 0 : 1);
	}
	assert_int_equal(read(ends[0], &thrown, sizeof thrown), sizeof thrown);
	assert_int_equal(waitpid(worker, NULL, 0), worker);
	close(ends[0]);
	close(ends[1]);
	return thrown;
}

/* The supervisor has dice already; with these, all would wait in step. */
static void test_each_worker_has_dice_of_its_own(void **state)
{
	(void)state;
	g_random_int();
	assert_int_not_equal(throw_in_a_worker(), throw_in_a_worker());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_a_worker_that_hangs_is_killed),
	    TEST(test_a_server_gets_the_time_that_the_definition_gives_it),
	    TEST(test_who_waits_for_mail_is_silent_for_longer),
	    TEST(test_a_failure_is_followed_by_a_pause),
	    TEST(test_the_third_refusal_is_the_last),
	    TEST(test_a_refusal_that_cannot_be_counted_is_the_last_too),
	    cmocka_unit_test(test_each_worker_has_dice_of_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
