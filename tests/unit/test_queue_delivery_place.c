/* Places at a target that two processes share. */
#include "queue_fixture.h"

#include "queue/delivery.h"

#include <signal.h>
#include <sys/socket.h>

#define TARGET "https://example.com:443"
#define MOST   2

/* What the other process is to do: 'h'ave or 's'hare. */
struct order {
	char what;
	int32_t used;
	int64_t now_ms;
};

struct other {
	pid_t pid;
	int line;
};

static struct work_queue_lock *held; /* until the process ends or closes the store */

static struct delivery_places *open_places(struct fixture *f, int64_t queue_id)
{
	assert_ok(store_open(f->path, STORE_WRITE, &f->store, &f->err), &f->err);
	assert_ok(work_queue_lock_delivery(f->store, queue_id, &held, &f->err), &f->err);
	return delivery_places_open(f->store, TARGET, MOST);
}

static _Noreturn void obey(struct fixture *f, int line)
{
	struct order order;
	struct delivery_places *places = open_places(f, 2);
	while (read(line, &order, sizeof order) == (ssize_t)sizeof order) {
		bool have = false;
		if (order.what == 'h')
			have = delivery_places_have(places, order.used);
		else
			delivery_places_share(places, order.used, order.now_ms);
		if (write(line, &have, sizeof have) != (ssize_t)sizeof have)
			_exit(1);
	}
	_exit(0);
}

static struct other start_other(struct fixture *f)
{
	int ends[2];
	assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	const struct other other = {.pid = fork(), .line = ends[0]};
	if (other.pid == 0) {
		close(ends[0]);
		obey(f, ends[1]);
	}
	close(ends[1]);
	return other;
}

static bool tell(const struct other *other, struct order order)
{
	bool have;
	assert_int_equal(sizeof order, write(other->line, &order, sizeof order));
	assert_int_equal(sizeof have, read(other->line, &have, sizeof have));
	return have;
}

static void end_other(const struct other *other)
{
	close(other->line);
	assert_int_equal(0, wait_for(other->pid));
}

static int setup_two_queues(void **state)
{
	if (setup_store(state) != 0)
		return -1;
	struct fixture *f = *state;
	put_queue(f, "invoices");
	put_queue(f, "orders");
	store_close(f->store);
	f->store = NULL;
	return 0;
}

static void test_together_they_have_no_more_than_there_are(void **state)
{
	struct fixture *f = *state;
	const struct other other = start_other(f);
	struct delivery_places *places = open_places(f, 1);
	assert_true(delivery_places_have(places, 0));
	assert_true(tell(&other, (struct order){'h', 0, 0}));
	assert_false(delivery_places_have(places, 1));
	assert_false(tell(&other, (struct order){'h', 1, 0}));
	/* What it has it may use again. */
	assert_true(delivery_places_have(places, 0));
	delivery_places_close(places);
	assert_true(tell(&other, (struct order){'h', 1, 0}));
	work_queue_unlock(held);
	end_other(&other);
}

static void test_a_killed_process_has_none(void **state)
{
	struct fixture *f = *state;
	const struct other other = start_other(f);
	assert_true(tell(&other, (struct order){'h', 0, 0}));
	assert_true(tell(&other, (struct order){'h', 1, 0}));
	struct delivery_places *places = open_places(f, 1);
	assert_false(delivery_places_have(places, 0));
	kill(other.pid, SIGKILL);
	assert_int_equal(-1, wait_for(other.pid));
	close(other.line);
	assert_true(delivery_places_have(places, 0));
	assert_true(delivery_places_have(places, 1));
	delivery_places_close(places);
	work_queue_unlock(held);
}

static void test_who_waits_gets_one_of_those_that_are_not_used(void **state)
{
	struct fixture *f = *state;
	const struct other other = start_other(f);
	struct delivery_places *places = open_places(f, 1);
	assert_true(delivery_places_have(places, 0));
	assert_true(delivery_places_have(places, 1));
	delivery_places_share(places, 0, 1000);
	assert_true(delivery_places_have(places, 1));
	assert_false(tell(&other, (struct order){'h', 0, 0}));
	delivery_places_share(places, 2, 1000);
	assert_false(tell(&other, (struct order){'h', 0, 0}));
	delivery_places_share(places, 1, 1000);
	/* It is kept for the other. */
	assert_false(delivery_places_have(places, 1));
	assert_true(tell(&other, (struct order){'h', 0, 0}));
	delivery_places_close(places);
	work_queue_unlock(held);
	end_other(&other);
}

static void test_another_target_has_its_own(void **state)
{
	struct fixture *f = *state;
	const struct other other = start_other(f);
	assert_true(tell(&other, (struct order){'h', 0, 0}));
	assert_true(tell(&other, (struct order){'h', 1, 0}));
	delivery_places_close(open_places(f, 1));
	struct delivery_places *places =
	    delivery_places_open(f->store, "https://example.com:8443", 1);
	assert_true(delivery_places_have(places, 0));
	delivery_places_close(places);
	work_queue_unlock(held);
	end_other(&other);
}

static void test_the_last_place_changes_hands(void **state)
{
	struct fixture *f = *state;
	const struct other other = start_other(f);
	assert_true(tell(&other, (struct order){'h', 0, 0}));
	delivery_places_close(open_places(f, 1));
	/* Who asks for one only. */
	struct delivery_places *places = delivery_places_open(f->store, TARGET, 1);
	assert_false(delivery_places_have(places, 0));
	tell(&other, (struct order){'s', 0, 1000});
	assert_false(delivery_places_have(places, 0));
	tell(&other, (struct order){'s', 0, 1999});
	assert_false(delivery_places_have(places, 0));
	tell(&other, (struct order){'s', 1, 2000});
	assert_false(delivery_places_have(places, 0));
	tell(&other, (struct order){'s', 0, 2000});
	assert_true(delivery_places_have(places, 0));
	delivery_places_close(places);
	work_queue_unlock(held);
	end_other(&other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_two_queues, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_together_they_have_no_more_than_there_are),
	    TEST(test_a_killed_process_has_none),
	    TEST(test_who_waits_gets_one_of_those_that_are_not_used),
	    TEST(test_the_last_place_changes_hands),
	    TEST(test_another_target_has_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
