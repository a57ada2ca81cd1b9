/* The ledger: what has been picked up, how far it got, and how it is recognised under a new
 * UIDVALIDITY. */
#include "queue_fixture.h"

#include "queue/pickup_internal.h"
#include "queue/pickup_repair.h"

static const struct pickup_source inbox = {1, "robot@imap.example.com/INBOX", 7};
static const struct pickup_source inbox_renewed = {1, "robot@imap.example.com/INBOX", 8};
static const struct pickup_source elsewhere = {1, "robot@imap.example.net/INBOX", 7};

static int setup_queue(void **state)
{
	if (setup_store(state) != 0)
		return -1;
	return put_queue(*state, "invoices") == inbox.queue_id ? 0 : -1;
}

static struct pickup pickup_of(uint32_t uid, enum pickup_state state, int64_t entry_id)
{
	return (struct pickup){
	    .uid = uid,
	    .state = state,
	    .target = PICKUP_DROPBOX,
	    .entry_id = entry_id,
	    .raw_sha256 = {1, 2, 3},
	    .raw_size = 1000,
	    .internal_date_s = NOW_S,
	};
}

static void put(struct fixture *f, const struct pickup_source *source, uint32_t uid,
		enum pickup_state state, int64_t entry_id)
{
	const struct pickup pickup = pickup_of(uid, state, entry_id);
	assert_ok(pickup_put(f->store, source, &pickup, NOW_MS, &f->err), &f->err);
}

static int collect(const struct pickup *pickup, void *context)
{
	g_string_append_printf(context, "%u:%s ", pickup->uid, pickup_state_format(pickup->state));
	return pickup->uid == 666 ? 6 : 0;
}

static void assert_rows(struct fixture *f, const struct pickup_source *source, bool unfinished,
			const char *expected)
{
	g_autoptr(GString) rows = g_string_new("");
	assert_int_equal(
	    0, pickup_list(f->store, source, 1, UINT32_MAX, unfinished, collect, rows, &f->err));
	assert_string_equal(expected, rows->str);
}

static int copy_pickup(const struct pickup *pickup, void *context)
{
	*(struct pickup *)context = *pickup;
	return 0;
}

static void test_a_row_comes_back_as_it_was_put(void **state)
{
	struct fixture *f = *state;
	struct pickup put_row = pickup_of(UINT32_MAX, PICKUP_COPIED, 42);
	struct pickup got;
	put_row.target = PICKUP_BADMAIL;
	put_row.target_folder = 3;
	put_row.target_uid_validity = UINT32_MAX;
	put_row.target_uid = 9;
	assert_ok(pickup_put(f->store, &inbox, &put_row, NOW_MS, &f->err), &f->err);
	assert_ok(
	    pickup_list(f->store, &inbox, UINT32_MAX, UINT32_MAX, true, copy_pickup, &got, &f->err),
	    &f->err);
	assert_int_equal(UINT32_MAX, got.uid);
	assert_int_equal(PICKUP_COPIED, got.state);
	assert_int_equal(PICKUP_BADMAIL, got.target);
	assert_int_equal(42, got.entry_id);
	assert_memory_equal(put_row.raw_sha256, got.raw_sha256, 32);
	assert_int_equal(1000, got.raw_size);
	assert_int_equal(NOW_S, got.internal_date_s);
	assert_int_equal(3, got.target_folder);
	assert_int_equal(UINT32_MAX, got.target_uid_validity);
	assert_int_equal(9, got.target_uid);
}

static void test_a_message_is_picked_up_once(void **state)
{
	struct fixture *f = *state;
	const struct pickup pickup = pickup_of(5, PICKUP_STORED, 2);
	put(f, &inbox, 5, PICKUP_STORED, 1);
	assert_error(pickup_put(f->store, &inbox, &pickup, NOW_MS, &f->err), &f->err, REASON_EXISTS,
		     "UID 5 of robot@imap.example.com/INBOX has been picked up already");
	/* The same number in another mailbox, or after a new UIDVALIDITY, is another message. */
	put(f, &inbox_renewed, 5, PICKUP_STORED, 3);
	put(f, &elsewhere, 5, PICKUP_STORED, 4);
}

static void test_lists_are_by_uid_within_bounds(void **state)
{
	struct fixture *f = *state;
	put(f, &inbox, 30, PICKUP_MOVED, 3);
	put(f, &inbox, 10, PICKUP_STORED, 1);
	put(f, &inbox, 20, PICKUP_LEFT, 2);
	put(f, &inbox, 15, PICKUP_COPIED, 4);
	put(f, &elsewhere, 11, PICKUP_STORED, 5);
	assert_rows(f, &inbox, false, "10:stored 15:copied 20:left 30:moved ");
	assert_rows(f, &inbox, true, "10:stored 15:copied ");
	assert_rows(f, &inbox_renewed, false, "");
	g_autoptr(GString) rows = g_string_new("");
	assert_int_equal(0, pickup_list(f->store, &inbox, 15, 20, false, collect, rows, &f->err));
	assert_string_equal("15:copied 20:left ", rows->str);
}

static void test_a_long_list_is_complete_and_can_be_ended(void **state)
{
	struct fixture *f = *state;
	assert_ok(store_begin(f->store, &f->err), &f->err);
	for (uint32_t uid = 1; uid <= 3000; uid++)
		put(f, &inbox, uid * 2, PICKUP_STORED, uid);
	assert_ok(store_commit(f->store, &f->err), &f->err);
	g_autoptr(GString) rows = g_string_new("");
	assert_int_equal(6, pickup_list(f->store, &inbox, 660, 700, true, collect, rows, &f->err));
	assert_string_equal("660:stored 662:stored 664:stored 666:stored ", rows->str);
	g_string_truncate(rows, 0);
	assert_int_equal(
	    0, pickup_list(f->store, &inbox, 667, UINT32_MAX, true, collect, rows, &f->err));
	unsigned count = 0;
	for (const char *at = rows->str; (at = strchr(at, ':')) != NULL; at++)
		count++;
	assert_int_equal(3000 - 333, count);
}

static void test_marks_move_rows_on(void **state)
{
	struct fixture *f = *state;
	const uint32_t uids[] = {1, 3, 99};
	const struct pickup_copies copies = {
	    .folder = 2, .uid_validity = 44, .uids = (const uint32_t[]){501, 0, 503}};
	struct pickup got;
	for (uint32_t uid = 1; uid <= 3; uid++)
		put(f, &inbox, uid, PICKUP_STORED, uid);
	put(f, &elsewhere, 1, PICKUP_STORED, 4);
	assert_ok(
	    pickup_mark(f->store, &inbox, uids, 3, PICKUP_MOVED, &copies, NOW_MS + 1, &f->err),
	    &f->err);
	assert_rows(f, &inbox, false, "1:moved 2:stored 3:moved ");
	assert_rows(f, &elsewhere, false, "1:stored ");
	assert_ok(pickup_list(f->store, &inbox, 1, 1, false, copy_pickup, &got, &f->err), &f->err);
	assert_int_equal(2, got.target_folder);
	assert_int_equal(44, got.target_uid_validity);
	assert_int_equal(501, got.target_uid);
	assert_ok(pickup_list(f->store, &inbox, 3, 3, false, copy_pickup, &got, &f->err), &f->err);
	assert_int_equal(2, got.target_folder);
	assert_int_equal(0, got.target_uid);
}

/* Asked for again while the loader was marking it on the server: its next look takes that back. */
static void test_what_waits_for_an_answer_again_is_not_read(void **state)
{
	struct fixture *f = *state;
	static const uint32_t uids[] = {1, 2};
	put(f, &inbox, 1, PICKUP_STORED, 1);
	put(f, &inbox, 2, PICKUP_AWAITING, 2);
	assert_ok(pickup_mark(f->store, &inbox, uids, 2, PICKUP_READ, NULL, NOW_MS, &f->err),
		  &f->err);
	assert_rows(f, &inbox, false, "1:read 2:awaiting ");
	assert_ok(pickup_mark(f->store, &inbox, uids, 2, PICKUP_MOVED, NULL, NOW_MS, &f->err),
		  &f->err);
	assert_rows(f, &inbox, false, "1:moved 2:moved ");
}

static void test_a_mark_keeps_what_it_does_not_know(void **state)
{
	struct fixture *f = *state;
	const uint32_t uid = 1;
	struct pickup pickup = pickup_of(uid, PICKUP_COPIED, 1);
	pickup.target_folder = 2;
	pickup.target_uid_validity = 44;
	pickup.target_uid = 501;
	assert_ok(pickup_put(f->store, &inbox, &pickup, NOW_MS, &f->err), &f->err);
	assert_ok(pickup_mark(f->store, &inbox, &uid, 1, PICKUP_LEFT, NULL, NOW_MS, &f->err),
		  &f->err);
	assert_ok(pickup_list(f->store, &inbox, 1, 1, false, copy_pickup, &pickup, &f->err),
		  &f->err);
	assert_int_equal(PICKUP_LEFT, pickup.state);
	assert_int_equal(2, pickup.target_folder);
	assert_int_equal(44, pickup.target_uid_validity);
	assert_int_equal(501, pickup.target_uid);
}

static void test_rows_belong_to_the_transaction_that_is_open(void **state)
{
	struct fixture *f = *state;
	const uint32_t uid = 1;
	put(f, &inbox, uid, PICKUP_STORED, 1);
	assert_ok(store_begin(f->store, &f->err), &f->err);
	put(f, &inbox, 2, PICKUP_STORED, 2);
	assert_ok(pickup_mark(f->store, &inbox, &uid, 1, PICKUP_MOVED, NULL, NOW_MS, &f->err),
		  &f->err);
	store_rollback(f->store);
	assert_rows(f, &inbox, false, "1:stored ");
}

/* ---- recognising ---- */

static int match(struct fixture *f, const struct pickup_source *source, struct pickup *ret_pickup)
{
	const struct pickup like = pickup_of(0, PICKUP_STORED, 0);
	return pickup_match(f->store, source, like.raw_sha256, like.raw_size, like.internal_date_s,
			    ret_pickup, &f->err);
}

static void test_a_message_is_recognised_after_a_new_uid_validity(void **state)
{
	struct fixture *f = *state;
	struct pickup old;
	put(f, &inbox, 5, PICKUP_STORED, 41);
	assert_ok(match(f, &inbox_renewed, &old), &f->err);
	assert_int_equal(5, old.uid);
	assert_int_equal(41, old.entry_id);
	assert_int_equal(PICKUP_STORED, old.state);
	assert_ok(match(f, &elsewhere, &old), &f->err);
	/* In its own generation it is known by its UID: an equal message there is another one. */
	assert_error(match(f, &inbox, &old), &f->err, REASON_MISSING, "picked up before");
}

static void test_an_entry_is_taken_over_once(void **state)
{
	struct fixture *f = *state;
	struct pickup old;
	put(f, &inbox, 5, PICKUP_STORED, 41);
	put(f, &inbox, 6, PICKUP_STORED, 42);
	assert_ok(match(f, &inbox_renewed, &old), &f->err);
	assert_int_equal(41, old.entry_id);
	put(f, &inbox_renewed, 1, PICKUP_STORED, old.entry_id);
	assert_ok(match(f, &inbox_renewed, &old), &f->err);
	assert_int_equal(42, old.entry_id);
	put(f, &inbox_renewed, 2, PICKUP_STORED, old.entry_id);
	/* A third message with these bytes is a new one. */
	assert_error(match(f, &inbox_renewed, &old), &f->err, REASON_MISSING, "picked up before");
}

static void test_an_entry_is_taken_over_once_through_several_generations(void **state)
{
	struct fixture *f = *state;
	const struct pickup_source third = {1, inbox.source, 9};
	struct pickup old;
	put(f, &inbox, 5, PICKUP_STORED, 41);
	put(f, &inbox_renewed, 1, PICKUP_STORED, 41);
	assert_ok(match(f, &third, &old), &f->err);
	put(f, &third, 1, PICKUP_STORED, old.entry_id);
	assert_error(match(f, &third, &old), &f->err, REASON_MISSING, "picked up before");
}

static void test_an_unfinished_row_is_found_first(void **state)
{
	struct fixture *f = *state;
	struct pickup old;
	put(f, &inbox, 5, PICKUP_MOVED, 41);
	put(f, &inbox, 6, PICKUP_STORED, 42);
	assert_ok(match(f, &inbox_renewed, &old), &f->err);
	assert_int_equal(42, old.entry_id);
}

static void test_only_the_same_message_of_the_same_queue_matches(void **state)
{
	struct fixture *f = *state;
	const struct pickup_source other_queue = {put_queue(f, "orders"), inbox.source, 8};
	const struct pickup like = pickup_of(5, PICKUP_STORED, 41);
	const unsigned char other_sha256[32] = {9};
	struct pickup old;
	put(f, &inbox, 5, PICKUP_STORED, 41);
	assert_error(match(f, &other_queue, &old), &f->err, REASON_MISSING, "");
	assert_error(pickup_match(f->store, &inbox_renewed, other_sha256, like.raw_size,
				  like.internal_date_s, &old, &f->err),
		     &f->err, REASON_MISSING, "");
	assert_error(pickup_match(f->store, &inbox_renewed, like.raw_sha256, like.raw_size + 1,
				  like.internal_date_s, &old, &f->err),
		     &f->err, REASON_MISSING, "");
	assert_error(pickup_match(f->store, &inbox_renewed, like.raw_sha256, like.raw_size,
				  like.internal_date_s + 1, &old, &f->err),
		     &f->err, REASON_MISSING, "");
}

#define ARCHIVE "robot@imap.example.com/Archive"

static void put_like(struct fixture *f, uint32_t uid, enum pickup_state state,
		     enum pickup_target target, int64_t days_later)
{
	struct pickup pickup = pickup_of(uid, state, uid);
	pickup.target = target;
	pickup.internal_date_s += days_later * 86400;
	assert_ok(pickup_put(f->store, &inbox, &pickup, NOW_MS, &f->err), &f->err);
}

static void test_equal_messages_in_the_target_are_counted(void **state)
{
	struct fixture *f = *state;
	const char *account = "robot@imap.example.com/";
	const struct pickup_source of_account = {put_queue(f, "orders"),
						 "robot@imap.example.com/Orders", 3};
	const struct pickup_source of_another = {of_account.queue_id, "ann@imap.example.com/INBOX",
						 3};
	struct pickup like = pickup_of(9, PICKUP_STORED, 9);
	uint64_t count;
	put_like(f, 1, PICKUP_MOVED, PICKUP_DROPBOX, 0);
	put_like(f, 2, PICKUP_LEFT, PICKUP_DROPBOX, 7);
	put_like(f, 3, PICKUP_COPIED, PICKUP_DROPBOX, -7);
	put_like(f, 4, PICKUP_MOVED, PICKUP_DROPBOX, 8);
	put_like(f, 5, PICKUP_STORED, PICKUP_DROPBOX, 0);
	put_like(f, 6, PICKUP_MOVED, PICKUP_BADMAIL, 0);
	put(f, &elsewhere, 7, PICKUP_MOVED, 7);
	put(f, &of_account, 8, PICKUP_MOVED, 8);
	put(f, &of_another, 8, PICKUP_MOVED, 9);
	assert_ok(pickup_count_delivered(f->store, 1, account, ARCHIVE, &like, &count, &f->err),
		  &f->err);
	assert_int_equal(5, count);
	like.target = PICKUP_BADMAIL;
	assert_ok(pickup_count_delivered(f->store, 1, account, ARCHIVE, &like, &count, &f->err),
		  &f->err);
	assert_int_equal(1, count);
	like.raw_sha256[0]++;
	assert_ok(pickup_count_delivered(f->store, 1, account, ARCHIVE, &like, &count, &f->err),
		  &f->err);
	assert_int_equal(0, count);
}

static void test_equal_messages_in_another_folder_are_not_counted(void **state)
{
	struct fixture *f = *state;
	struct pickup like = pickup_of(9, PICKUP_MOVED, 9);
	uint64_t count;
	static const char *const folders[] = {ARCHIVE, "robot@imap.example.com/Archive 2"};
	for (uint32_t i = 0; i < 2; i++) {
		assert_ok(pickup_folder_note(f->store, 1, folders[i], PICKUP_DROPBOX, 44, 1, NOW_MS,
					     &f->err),
			  &f->err);
		like.uid = like.target_folder = i + 1;
		assert_ok(pickup_put(f->store, &inbox, &like, NOW_MS, &f->err), &f->err);
	}
	for (size_t i = 0; i < 2; i++) {
		assert_ok(pickup_count_delivered(f->store, 1, "robot@imap.example.com/", folders[i],
						 &like, &count, &f->err),
			  &f->err);
		assert_int_equal(1, count);
	}
}

/* ---- at size ---- */

static char *plan_of(struct fixture *f, const char *sql)
{
	g_autofree char *explain = g_strconcat("EXPLAIN QUERY PLAN ", sql, NULL);
	GString *plan = g_string_new("");
	scoped_statement *statement = engine_prepare(f->store->engine, explain);
	while (statement_step(statement, &f->err) == 1)
		g_string_append_printf(plan, "%s\n", statement_text(statement, 3));
	return g_string_free(plan, FALSE);
}

static void test_the_overview_does_not_read_the_finished_ledger(void **state)
{
	struct fixture *f = *state;
	g_autofree char *plan = plan_of(f, "SELECT unfinished_pickups FROM queue_overview");
	assert_non_null(strstr(plan, "INDEX pickup_unfinished"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_queue, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_a_row_comes_back_as_it_was_put),
	    TEST(test_a_message_is_picked_up_once),
	    TEST(test_lists_are_by_uid_within_bounds),
	    TEST(test_a_long_list_is_complete_and_can_be_ended),
	    TEST(test_marks_move_rows_on),
	    TEST(test_what_waits_for_an_answer_again_is_not_read),
	    TEST(test_a_mark_keeps_what_it_does_not_know),
	    TEST(test_rows_belong_to_the_transaction_that_is_open),
	    TEST(test_a_message_is_recognised_after_a_new_uid_validity),
	    TEST(test_an_entry_is_taken_over_once),
	    TEST(test_an_entry_is_taken_over_once_through_several_generations),
	    TEST(test_an_unfinished_row_is_found_first),
	    TEST(test_only_the_same_message_of_the_same_queue_matches),
	    TEST(test_equal_messages_in_the_target_are_counted),
	    TEST(test_equal_messages_in_another_folder_are_not_counted),
	    TEST(test_the_overview_does_not_read_the_finished_ledger),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
