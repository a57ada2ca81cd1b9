/* Operators' changes, the history they leave, purging, figures, and waiting for changes. */
#include "queue_fixture.h"

#include "queue/entry_claim.h"
#include "queue/entry_operate.h"
#include "queue/queue_health.h"
#include "queue/store.h"

#include <poll.h>

static void change(struct fixture *f, const char *sql)
{
	assert_ok(engine_execute(f->store->engine, sql, &f->err), &f->err);
}

static bool operate(struct fixture *f, int64_t entry_id, struct entry_order order)
{
	bool changed = false;
	order.who = "ada";
	assert_ok(entry_operate(f->store, entry_id, &order, NOW_MS + 1, &changed, &f->err),
		  &f->err);
	return changed;
}

static int collect(const struct entry_event *event, void *context)
{
	g_string_append_printf(context, "%s:%s:%s ", event->change,
			       event->who != NULL ? event->who : "-",
			       event->why != NULL ? event->why : "-");
	return event->change[0] == 'n' ? 7 : 0;
}

static void test_history_names_who_and_why(void **state)
{
	struct fixture *f = *state;
	const int64_t id = put_plain_entry(f, put_queue(f, "invoices"));
	assert_true(operate(f, id, (struct entry_order){.operation = ENTRY_HOLD, .why = "wait"}));
	assert_false(operate(f, id, (struct entry_order){.operation = ENTRY_HOLD}));
	assert_true(operate(f, id, (struct entry_order){.operation = ENTRY_TAG, .tag = "vip"}));
	assert_ok(entry_note(f->store, id, "bob", "rang", NOW_MS + 2, &f->err), &f->err);
	g_autoptr(GString) events = g_string_new("");
	assert_int_equal(7, entry_event_list(f->store, id, collect, events, &f->err));
	assert_string_equal("loaded:-:- held:ada:wait tagged:ada:- note:bob:rang ", events->str);
	assert_int_equal(0, ask_number(f->store, "SELECT count(*) FROM change_author"));
	assert_error(entry_event_list(f->store, 99, collect, events, &f->err), &f->err,
		     REASON_MISSING, "there is no entry 99");
	assert_error(entry_note(f->store, 99, "bob", "x", NOW_MS, &f->err), &f->err, REASON_MISSING,
		     "there is no entry 99");
}

static struct entry_lease claim(struct fixture *f, int64_t now_ms)
{
	const struct entry_wish wish = {
	    .queue_id = 1, .worker = "robot-7", .lease_ms = ENTRY_LEASE_MAX_MS};
	struct entry_lease lease = {0};
	size_t count;
	assert_ok(entry_claim(f->store, &wish, now_ms, &lease, 1, &count, &f->err), &f->err);
	assert_int_equal(1, count);
	return lease;
}

static void test_a_claim_is_taken_back_without_its_token(void **state)
{
	struct fixture *f = *state;
	const int64_t id = put_plain_entry(f, put_queue(f, "invoices"));
	const struct entry_order order = {.operation = ENTRY_TAKE_BACK, .why = "gone"};
	assert_false(operate(f, id, order));
	const struct entry_lease lease = claim(f, NOW_MS);
	assert_true(operate(f, id, order));
	assert_error(entry_complete(f->store, id, lease.token, NOW_MS, &f->err), &f->err,
		     REASON_REFUSED, "the lease of this token is over, the entry is new");
	g_autoptr(GString) events = g_string_new("");
	assert_ok(entry_event_list(f->store, id, collect, events, &f->err), &f->err);
	assert_string_equal("loaded:-:- claimed:robot-7:- released:ada:gone ", events->str);
	assert_int_equal(1, claim(f, NOW_MS).attempt);
}

static int name_overlong(const struct entry_overlong *overlong, void *context)
{
	g_string_append_printf(context, "%d:%s:%s ", (int)overlong->entry_id, overlong->queue_name,
			       overlong->worker);
	return 0;
}

static void assert_overlong(struct fixture *f, int64_t queue_id, int64_t now_ms, int64_t limit,
			    const char *expected)
{
	g_autoptr(GString) names = g_string_new("");
	assert_ok(
	    entry_overlong_list(f->store, queue_id, now_ms, limit, name_overlong, names, &f->err),
	    &f->err);
	assert_string_equal(expected, names->str);
}

static void test_leases_that_no_clock_in_order_gave_are_named(void **state)
{
	struct fixture *f = *state;
	const int64_t queue_id = put_queue(f, "invoices");
	const int64_t other_id = put_queue(f, "orders");
	for (int i = 0; i < 2; i++)
		put_plain_entry(f, queue_id);
	claim(f, NOW_MS);
	claim(f, NOW_MS + 1);
	assert_overlong(f, queue_id, NOW_MS + 1, 10, "");
	assert_overlong(f, queue_id, NOW_MS, 10, "2:invoices:robot-7 ");
	assert_overlong(f, 0, NOW_MS - 1, 10, "2:invoices:robot-7 1:invoices:robot-7 ");
	assert_overlong(f, 0, NOW_MS - 1, 1, "2:invoices:robot-7 ");
	assert_overlong(f, other_id, NOW_MS - 1, 10, "");
}

static void test_a_long_history_comes_whole(void **state)
{
	struct fixture *f = *state;
	const int64_t id = put_plain_entry(f, put_queue(f, "invoices"));
	for (int32_t i = 1; i <= 450; i++)
		operate(f, id, (struct entry_order){.operation = ENTRY_PRIORITY, .priority = i});
	g_autoptr(GString) events = g_string_new("");
	assert_ok(entry_event_list(f->store, id, collect, events, &f->err), &f->err);
	assert_int_equal(strlen("loaded:-:- ") + 450 * strlen("priority:ada:- "), events->len);
}

static void test_many_are_changed_at_once_and_counted(void **state)
{
	struct fixture *f = *state;
	const int64_t queue_id = put_queue(f, "invoices");
	for (int i = 0; i < 5; i++)
		put_plain_entry(f, queue_id);
	put_plain_entry(f, put_queue(f, "orders"));
	const struct entry_filter filter = {.queue_id = queue_id};
	const struct entry_order order = {
	    .operation = ENTRY_PRIORITY, .priority = 4, .who = "ada", .why = "late"};
	uint64_t changed;
	operate(f, 2, (struct entry_order){.operation = ENTRY_PRIORITY, .priority = 4});
	assert_ok(entry_operate_all(f->store, &filter, &order, NOW_MS + 2, &changed, &f->err),
		  &f->err);
	assert_int_equal(4, changed);
	assert_int_equal(4, ask_number(f->store, "SELECT count(*) FROM entry_event"
						 " WHERE who = 'ada' AND why = 'late'"));
	assert_int_equal(0, ask_number(f->store, "SELECT priority FROM entry WHERE id = 6"));
}

static void test_purge_leaves_the_ledger_and_open_entries(void **state)
{
	struct fixture *f = *state;
	const int64_t queue_id = put_queue(f, "invoices");
	put_plain_entry(f, queue_id);
	put_plain_entry(f, queue_id);
	change(f, "UPDATE entry_status SET state = 'done' WHERE id = 1");
	change(f, "INSERT INTO pickup SELECT 1, 's', 1, 7, 'moved', 'dropbox', 'load', 2, 8, 1,"
		  " printf('%064d', 1), 9, '2026-01-31T12:00:00Z', record_created, record_created,"
		  " NULL, NULL FROM work_queue");
	const struct entry_filter all = {0};
	uint64_t count;
	assert_ok(entry_purge(f->store, &all, &count, &f->err), &f->err);
	assert_int_equal(1, count);
	assert_int_equal(2, ask_number(f->store, "SELECT min(id) FROM entry"));
	assert_int_equal(1, ask_number(f->store, "SELECT count(*) FROM pickup"));
	assert_ok(store_shrink(f->store, &f->err), &f->err);
}

static void test_a_queue_without_work_has_no_times(void **state)
{
	struct fixture *f = *state;
	const int64_t queue_id = put_queue(f, "invoices");
	put_plain_entry(f, queue_id);
	struct queue_stats stats;
	assert_ok(queue_stats_read(f->store, queue_id, 0, &stats, &f->err), &f->err);
	assert_int_equal(1, stats.loaded);
	assert_int_equal(0, stats.completed);
	assert_int_equal(-1, stats.waiting.p50_ms);
	assert_int_equal(-1, stats.working.max_ms);
	assert_ok(queue_stats_read(f->store, queue_id, NOW_MS + 1, &stats, &f->err), &f->err);
	assert_int_equal(0, stats.loaded);
}

static bool is_readable(const struct store_watch *watch)
{
	struct pollfd descriptor = {.fd = store_watch_descriptor(watch), .events = POLLIN};
	return poll(&descriptor, 1, 0) == 1;
}

static void test_a_watch_tells_of_commits_until_it_is_cleared(void **state)
{
	struct fixture *f = *state;
	struct store_watch *watch;
	const int64_t queue_id = put_queue(f, "invoices");
	assert_ok(store_watch_open(f->store, &watch, &f->err), &f->err);
	assert_false(is_readable(watch));
	put_plain_entry(f, queue_id);
	assert_true(is_readable(watch));
	store_watch_clear(watch);
	assert_false(is_readable(watch));
	assert_int_equal(1, ask_number(f->store, "SELECT count(*) FROM entry"));
	assert_false(is_readable(watch));
	store_watch_close(watch);
	store_watch_close(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_store, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_history_names_who_and_why),
	    TEST(test_a_claim_is_taken_back_without_its_token),
	    TEST(test_leases_that_no_clock_in_order_gave_are_named),
	    TEST(test_a_long_history_comes_whole),
	    TEST(test_many_are_changed_at_once_and_counted),
	    TEST(test_purge_leaves_the_ledger_and_open_entries),
	    TEST(test_a_queue_without_work_has_no_times),
	    TEST(test_a_watch_tells_of_commits_until_it_is_cleared),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
