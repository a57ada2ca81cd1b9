/* What is kept about the collecting of a queue's mail. */
#include "queue_fixture.h"

#include "queue/queue_health.h"

static struct queue_health find(struct fixture *f, int64_t id)
{
	struct queue_health health;
	assert_ok(queue_health_find(f->store, id, &health, &f->err), &f->err);
	return health;
}

static uint32_t refuse(struct fixture *f, int64_t id, int64_t now_ms)
{
	uint32_t refusals = 0;
	assert_ok(queue_health_note_refusal(f->store, id, "refused", 3, now_ms, &refusals, &f->err),
		  &f->err);
	return refusals;
}

static void test_nothing_is_known_at_first(void **state)
{
	struct fixture *f = *state;
	struct queue_health health = find(f, put_queue(f, "invoices"));
	assert_int_equal(health.last_success_ms, 0);
	assert_int_equal(health.refusals, 0);
	assert_int_equal(health.stopped_ms, 0);
	assert_null(health.stopped_reason);
}

static void test_a_run_that_goes_well_notes_itself(void **state)
{
	struct fixture *f = *state;
	const int64_t id = put_queue(f, "invoices");
	assert_ok(work_queue_note_action(f->store, id, "OK; 3 items.", 0, NOW_MS + 1000, &f->err),
		  &f->err);
	assert_ok(work_queue_note_action(f->store, id, "Error: no", -1, NOW_MS + 2000, &f->err),
		  &f->err);
	assert_int_equal(find(f, id).last_success_ms, NOW_MS + 1000);
	assert_ok(work_queue_note_action(f->store, id, "OK; 0 items.", 0, NOW_MS + 3000, &f->err),
		  &f->err);
	assert_int_equal(find(f, id).last_success_ms, NOW_MS + 3000);
}

static void test_the_third_refusal_stops(void **state)
{
	struct fixture *f = *state;
	const int64_t id = put_queue(f, "invoices");
	assert_int_equal(refuse(f, id, NOW_MS), 1);
	assert_int_equal(refuse(f, id, NOW_MS + 1), 2);
	struct queue_health health = find(f, id);
	assert_int_equal(health.refusals, 2);
	assert_int_equal(health.refused_ms, NOW_MS + 1);
	assert_int_equal(health.stopped_ms, 0);
	assert_int_equal(refuse(f, id, NOW_MS + 2), 3);
	health = find(f, id);
	assert_int_equal(health.stopped_ms, NOW_MS + 2);
	assert_string_equal(health.stopped_reason, "refused");
	queue_health_clear(&health);
}

static void test_success_forgets_refusals(void **state)
{
	struct fixture *f = *state;
	const int64_t id = put_queue(f, "invoices");
	refuse(f, id, NOW_MS);
	refuse(f, id, NOW_MS);
	assert_ok(work_queue_note_action(f->store, id, "OK; 0 items.", 0, NOW_MS, &f->err),
		  &f->err);
	assert_int_equal(find(f, id).refusals, 0);
	assert_int_equal(refuse(f, id, NOW_MS), 1);
}

static void test_a_changed_definition_lifts_the_stop(void **state)
{
	struct fixture *f = *state;
	const int64_t id = put_queue(f, "invoices");
	struct work_queue *queue;
	for (int i = 0; i < 3; i++)
		refuse(f, id, NOW_MS);
	assert_ok(work_queue_find(f->store, "invoices", &queue, &f->err), &f->err);
	assert_ok(work_queue_alter(f->store, queue, NOW_MS, &f->err), &f->err);
	work_queue_free(queue);
	struct queue_health health = find(f, id);
	assert_int_equal(health.refusals, 0);
	assert_int_equal(health.stopped_ms, 0);
	assert_null(health.stopped_reason);
}

static void test_it_goes_with_its_queue(void **state)
{
	struct fixture *f = *state;
	const int64_t id = put_queue(f, "invoices");
	refuse(f, id, NOW_MS);
	assert_ok(work_queue_drop(f->store, id, true, &f->err), &f->err);
	assert_int_equal(find(f, id).refusals, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_store, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_nothing_is_known_at_first),
	    TEST(test_a_run_that_goes_well_notes_itself),
	    TEST(test_the_third_refusal_stops),
	    TEST(test_success_forgets_refusals),
	    TEST(test_a_changed_definition_lifts_the_stop),
	    TEST(test_it_goes_with_its_queue),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
