/* The places at a mail account: who came first gets the next one, and who dies leaves the line. */
#include "queue_fixture.h"

#include "queue/connection_place.h"

#include <poll.h>
#include <signal.h>

static const char account[] = "robot@example.com@imap.example.com:993";

enum { LINE = 5, PATIENCE_MS = 30000 };

struct line {
	int said[2]; /* what the children say: one byte each time */
	pid_t pids[LINE];
};

/* The child says '-' when it has asked once, its number when it has a place, and gives that back. */
static int wait_in_line(struct fixture *f, const struct line *line, int number)
{
	scoped(connection_place_close) struct connection_place *place = NULL;
	const char has = (char)('0' + number);
	int taken = 0;
	if (connection_place_open(f->path, account, 1, &place, &f->err) != 0 ||
	    connection_place_take(place, &f->err) != 0 || write(line->said[1], "-", 1) != 1)
		return 1;
	for (int waited_ms = 0; taken == 0 && waited_ms < PATIENCE_MS; waited_ms++) {
		poll(NULL, 0, 1);
		taken = connection_place_take(place, &f->err);
	}
	return taken == 1 && write(line->said[1], &has, 1) == 1 ? 0 : 1;
}

static char hear(const struct line *line)
{
	char said = '?';
	assert_int_equal(1, read(line->said[0], &said, 1));
	return said;
}

static void line_up(struct fixture *f, struct line *line)
{
	assert_int_equal(0, pipe(line->said));
	for (int i = 0; i < LINE; i++) {
		line->pids[i] = fork();
		if (line->pids[i] == 0)
			_exit(wait_in_line(f, line, i));
		assert_int_equal('-', hear(line));
	}
}

static void line_close(const struct line *line)
{
	close(line->said[0]);
	close(line->said[1]);
}

static void test_who_came_first_gets_the_next_one(void **state)
{
	struct fixture *f = *state;
	scoped(connection_place_close) struct connection_place *place = NULL;
	struct line line;
	assert_ok(connection_place_open(f->path, account, 1, &place, &f->err), &f->err);
	assert_int_equal(1, connection_place_take(place, &f->err));
	line_up(f, &line);
	assert_int_equal(LINE, connection_place_awaited(place));
	connection_place_give(place);
	/* Who has just had it comes last. */
	while (connection_place_take(place, &f->err) == 0)
		poll(NULL, 0, 1);
	for (int i = 0; i < LINE; i++)
		assert_int_equal('0' + i, hear(&line));
	for (int i = 0; i < LINE; i++)
		assert_int_equal(0, wait_for(line.pids[i]));
	assert_int_equal(0, connection_place_awaited(place));
	line_close(&line);
}

static void test_who_dies_leaves_the_line(void **state)
{
	struct fixture *f = *state;
	scoped(connection_place_close) struct connection_place *place = NULL;
	struct line line;
	assert_ok(connection_place_open(f->path, account, 1, &place, &f->err), &f->err);
	assert_int_equal(1, connection_place_take(place, &f->err));
	line_up(f, &line);
	for (int i = 0; i < LINE; i += 2) {
		assert_int_equal(0, kill(line.pids[i], SIGKILL));
		waitpid(line.pids[i], NULL, 0);
	}
	connection_place_give(place);
	for (int i = 1; i < LINE; i += 2) {
		assert_int_equal('0' + i, hear(&line));
		assert_int_equal(0, wait_for(line.pids[i]));
	}
	line_close(&line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_who_came_first_gets_the_next_one, setup_store,
					    teardown),
	    cmocka_unit_test_setup_teardown(test_who_dies_leaves_the_line, setup_store, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
