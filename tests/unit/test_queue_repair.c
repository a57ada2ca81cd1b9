/* The ledger put in order, failures that are counted, a bad entry replaced, and a sound database
 * told from a damaged one. */
#include "queue_fixture.h"

#include "queue/entry_replace.h"
#include "queue/integrity.h"
#include "queue/pickup_attempt.h"
#include "queue/pickup_repair.h"

static const struct pickup_source inbox = {1, "robot@imap.example.com/INBOX", 7};

static int setup_queue(void **state)
{
	if (setup_store(state) != 0)
		return -1;
	return put_queue(*state, "invoices") == inbox.queue_id ? 0 : -1;
}

static void put(struct fixture *f, const struct pickup_source *source, uint32_t uid,
		int64_t entry_id)
{
	const struct pickup pickup = {.uid = uid,
				      .state = PICKUP_MOVED,
				      .target = PICKUP_BADMAIL,
				      .entry_id = entry_id,
				      .raw_sha256 = {1, 2, 3},
				      .raw_size = 10,
				      .internal_date_s = NOW_S};
	assert_ok(pickup_put(f->store, source, &pickup, NOW_MS, &f->err), &f->err);
}

static int64_t put_bad_entry(struct fixture *f)
{
	struct entry entry = plain_entry(inbox.queue_id);
	entry.state = ENTRY_BAD;
	entry.error_kind = (char *)"load";
	entry.error_text = (char *)"parsing did not end";
	return put_entry(f, &entry, &(struct entry_contents){0});
}

/* ---- the ledger ---- */

struct walked {
	uint32_t rows;
	uint32_t with_entry;
	uint64_t uids;
};

static int walk(const struct pickup_with_entry *row, void *context)
{
	struct walked *walked = context;
	walked->rows++;
	walked->with_entry += row->has_entry;
	walked->uids += row->pickup.uid;
	return 0;
}

static void test_a_walk_sees_every_row_of_every_source(void **state)
{
	struct fixture *f = *state;
	const struct pickup_source other = {1, "robot@imap.example.com/Work", 3};
	struct walked walked = {0};
	assert_ok(store_begin(f->store, &f->err), &f->err);
	for (uint32_t uid = 1; uid <= 1200; uid++)
		put(f, uid % 2 ? &inbox : &other, uid, 1000 + uid);
	assert_ok(store_commit(f->store, &f->err), &f->err);
	put(f, &inbox, 5000, put_bad_entry(f));
	assert_ok(pickup_walk(f->store, inbox.queue_id, walk, &walked, &f->err), &f->err);
	assert_int_equal(1201, walked.rows);
	assert_int_equal(1, walked.with_entry);
	assert_int_equal(1200 * 1201 / 2 + 5000, walked.uids);
}

static void test_a_row_is_found_by_its_entry_and_redirected(void **state)
{
	struct fixture *f = *state;
	struct pickup_with_entry row;
	char *source = NULL;
	int64_t id = put_bad_entry(f);
	put(f, &inbox, 5, id);
	assert_ok(pickup_find_entry(f->store, id, &row, &source, &f->err), &f->err);
	assert_string_equal(inbox.source, row.source.source);
	assert_int_equal(ENTRY_BAD, row.entry_state);
	row.pickup.target = PICKUP_DROPBOX;
	row.pickup.target_uid_validity = 9;
	row.pickup.target_uid = 77;
	assert_ok(pickup_redirect(f->store, &row.source, &row.pickup, NOW_MS, &f->err), &f->err);
	assert_int_equal(77, ask_number(f->store, "SELECT target_uid FROM pickup"
						  " WHERE target = 'dropbox'"));
	assert_ok(pickup_forget(f->store, &row.source, 5, &f->err), &f->err);
	assert_error(pickup_find_entry(f->store, id, &row, &source, &f->err), &f->err,
		     QUEUE_MISSING, "did not come from a mailbox");
	free(source);
}

static int note_superseded(const struct pickup_with_entry *row, void *context)
{
	g_string_append_printf(context, "%u:%d ", row->source.uid_validity, row->superseded);
	return 0;
}

static void test_the_last_row_of_an_entry_stands_for_its_message(void **state)
{
	struct fixture *f = *state;
	struct pickup_source later = inbox;
	struct pickup pickup;
	g_autoptr(GString) list = g_string_new(NULL);
	int64_t id = put_bad_entry(f);
	put(f, &inbox, 5, id);
	put(f, &inbox, 6, put_bad_entry(f));
	later.uid_validity = inbox.uid_validity + 1;
	pickup = (struct pickup){
	    .uid = 1, .entry_id = id, .raw_sha256 = {1, 2, 3}, .internal_date_s = NOW_S};
	assert_ok(pickup_put(f->store, &later, &pickup, NOW_MS + 1, &f->err), &f->err);
	assert_ok(pickup_walk(f->store, inbox.queue_id, note_superseded, list, &f->err), &f->err);
	g_autofree char *wanted = g_strdup_printf("%u:1 %u:0 %u:0 ", inbox.uid_validity,
						  inbox.uid_validity, later.uid_validity);
	assert_string_equal(wanted, list->str);
}

/* ---- failures ---- */

static int list_attempt(const struct pickup_attempt *attempt, void *context)
{
	g_string_append_printf(context, "%u:%u:%s ", attempt->uid, attempt->tries, attempt->reason);
	return 0;
}

static void test_only_what_failed_alone_counts(void **state)
{
	struct fixture *f = *state;
	const uint32_t uids[] = {3, 4};
	g_autoptr(GString) list = g_string_new(NULL);
	assert_ok(pickup_attempt_add(f->store, &inbox, uids, 2, false, "cut", NOW_MS, &f->err),
		  &f->err);
	assert_ok(pickup_attempt_add(f->store, &inbox, &uids[1], 1, true, "crash", NOW_MS, &f->err),
		  &f->err);
	assert_ok(pickup_attempt_add(f->store, &inbox, &uids[1], 1, true, "crash", NOW_MS, &f->err),
		  &f->err);
	assert_ok(pickup_attempt_list(f->store, &inbox, list_attempt, list, &f->err), &f->err);
	assert_string_equal("3:0:cut 4:2:crash ", list->str);
	assert_ok(pickup_attempt_clear(f->store, &inbox, 4, &f->err), &f->err);
	assert_int_equal(1, ask_number(f->store, "SELECT count(*) FROM pickup_attempt"));
}

/* ---- a bad entry ---- */

static void test_a_bad_entry_is_replaced_under_its_id(void **state)
{
	struct fixture *f = *state;
	int64_t id = put_bad_entry(f);
	struct entry entry = plain_entry(inbox.queue_id);
	entry.subject = (char *)"readable now";
	assert_ok(store_begin(f->store, &f->err), &f->err);
	assert_ok(entry_replace(f->store, id, &entry, &(struct entry_contents){0}, NOW_MS, &f->err),
		  &f->err);
	assert_error(
	    entry_replace(f->store, id, &entry, &(struct entry_contents){0}, NOW_MS, &f->err),
	    &f->err, QUEUE_REFUSED, "is not bad but new");
	assert_ok(store_commit(f->store, &f->err), &f->err);
	assert_int_equal(1, ask_number(f->store, "SELECT count(*) FROM entry"));
	assert_int_equal(id, ask_number(f->store, "SELECT id FROM entry WHERE state = 'new'"
						  " AND subject = 'readable now'"
						  " AND error_text IS NULL"));
}

/* ---- soundness ---- */

static void join_problem(const char *problem, void *context)
{
	g_string_append_printf(context, "%s\n", problem);
}

static void test_a_sound_database_has_no_problems(void **state)
{
	struct fixture *f = *state;
	g_autoptr(GString) problems = g_string_new(NULL);
	int64_t version = 0;
	assert_ok(integrity_check(f->store, join_problem, problems, &f->err), &f->err);
	assert_string_equal("", problems->str);
	assert_ok(integrity_schema_version(f->store, &version, &f->err), &f->err);
	assert_true(version >= 1);
}

static void test_missing_objects_and_rows_are_told(void **state)
{
	struct fixture *f = *state;
	g_autoptr(GString) problems = g_string_new(NULL);
	put_plain_entry(f, inbox.queue_id);
	assert_ok(engine_execute(f->store->engine,
				 "DROP INDEX pickup_match; DROP TRIGGER entry_status_deleted;"
				 " PRAGMA foreign_keys = OFF;"
				 " DELETE FROM entry_status",
				 &f->err),
		  &f->err);
	assert_ok(integrity_check(f->store, join_problem, problems, &f->err), &f->err);
	assert_non_null(strstr(problems->str, "'pickup_match' of the schema is missing"));
	assert_non_null(strstr(problems->str, "of entry_mail points to a row of entry_status"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_queue, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_a_walk_sees_every_row_of_every_source),
	    TEST(test_a_row_is_found_by_its_entry_and_redirected),
	    TEST(test_the_last_row_of_an_entry_stands_for_its_message),
	    TEST(test_only_what_failed_alone_counts),
	    TEST(test_a_bad_entry_is_replaced_under_its_id),
	    TEST(test_a_sound_database_has_no_problems),
	    TEST(test_missing_objects_and_rows_are_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
