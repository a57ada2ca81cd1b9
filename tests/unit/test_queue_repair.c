/* The ledger put in order, failures that are counted, a bad entry replaced, and a sound database
 * told from a damaged one. */
#include "queue_fixture.h"

#include "queue/entry.h"
#include "queue/pickup.h"
#include "queue/pickup_repair.h"
#include "queue/store.h"

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
	row.pickup.target_folder = 5;
	row.pickup.target_uid_validity = 9;
	row.pickup.target_uid = 77;
	assert_ok(pickup_redirect(f->store, &row.source, &row.pickup, NOW_MS, &f->err), &f->err);
	assert_int_equal(77, ask_number(f->store, "SELECT target_uid FROM pickup"
						  " WHERE target = 'dropbox'"
						  " AND target_folder = 5"));
	assert_ok(pickup_forget(f->store, &row.source, 5, &f->err), &f->err);
	assert_error(pickup_find_entry(f->store, id, &row, &source, &f->err), &f->err,
		     REASON_MISSING, "did not come from a mailbox");
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

/* ---- what is gone ---- */

static int note_gone(const struct pickup_with_entry *row, void *context)
{
	*(bool *)context = row->gone;
	return 0;
}

static void test_what_is_gone_is_accepted_until_it_is_found(void **state)
{
	struct fixture *f = *state;
	struct pickup_with_entry row;
	char *source = NULL;
	bool gone = false;
	int64_t id = put_bad_entry(f);
	put(f, &inbox, 5, id);
	for (int i = 0; i < 2; i++)
		assert_ok(pickup_accept_gone(f->store, &inbox, 5, id, "ann", "it is gone", NOW_MS,
					     &f->err),
			  &f->err);
	assert_ok(pickup_walk(f->store, inbox.queue_id, note_gone, &gone, &f->err), &f->err);
	assert_true(gone);
	g_autofree char *who = ask_text(f->store, "SELECT who || ': ' || why FROM entry_event");
	assert_string_equal("ann: it is gone", who);
	assert_ok(pickup_find_entry(f->store, id, &row, &source, &f->err), &f->err);
	assert_ok(pickup_redirect(f->store, &row.source, &row.pickup, NOW_MS, &f->err), &f->err);
	assert_ok(pickup_walk(f->store, inbox.queue_id, note_gone, &gone, &f->err), &f->err);
	assert_false(gone);
	free(source);
}

/* ---- folders ---- */

#define ARCHIVE	    "robot@imap.example.com/Archive"
#define DONE_FOLDER "robot@imap.example.com/Done"

static void test_a_folder_is_noted_once(void **state)
{
	struct fixture *f = *state;
	struct pickup_folder folder;
	const uint32_t uid_next[] = {100, 200};
	assert_error(pickup_folder_find(f->store, inbox.queue_id, ARCHIVE, &folder, &f->err),
		     &f->err, REASON_MISSING, "is not noted");
	for (size_t i = 0; i < G_N_ELEMENTS(uid_next); i++)
		assert_ok(pickup_folder_note(f->store, inbox.queue_id, ARCHIVE, PICKUP_DROPBOX, 9,
					     uid_next[i], NOW_MS, &f->err),
			  &f->err);
	assert_ok(pickup_folder_find(f->store, inbox.queue_id, ARCHIVE, &folder, &f->err), &f->err);
	assert_int_equal(1, folder.number);
	assert_int_equal(9, folder.uid_validity);
	assert_int_equal(100, folder.first_uid);
	assert_ok(pickup_folder_note(f->store, inbox.queue_id, DONE_FOLDER, PICKUP_DROPBOX, 9, 1,
				     NOW_MS, &f->err),
		  &f->err);
	assert_ok(pickup_folder_find(f->store, inbox.queue_id, DONE_FOLDER, &folder, &f->err),
		  &f->err);
	assert_int_equal(2, folder.number);
}

/* Both have the same UIDVALIDITY. */
static void test_a_uid_counts_in_its_own_folder(void **state)
{
	struct fixture *f = *state;
	static const char *const folders[] = {ARCHIVE, DONE_FOLDER};
	struct pickup_folder folder;
	uint32_t last;
	for (uint32_t i = 0; i < G_N_ELEMENTS(folders); i++) {
		const struct pickup pickup = {.uid = i + 1,
					      .state = PICKUP_MOVED,
					      .target_folder = i + 1,
					      .target_uid_validity = 9,
					      .target_uid = 50 - 10 * i};
		assert_ok(pickup_folder_note(f->store, inbox.queue_id, folders[i], PICKUP_DROPBOX,
					     9, 20, NOW_MS, &f->err),
			  &f->err);
		assert_ok(pickup_put(f->store, &inbox, &pickup, NOW_MS, &f->err), &f->err);
	}
	for (uint32_t i = 0; i < G_N_ELEMENTS(folders); i++) {
		assert_ok(pickup_folder_last_uid(f->store, inbox.queue_id, folders[i],
						 PICKUP_DROPBOX, 9, &last, &f->err),
			  &f->err);
		assert_int_equal(50 - 10 * i, last);
		assert_ok(
		    pickup_folder_find(f->store, inbox.queue_id, folders[i], &folder, &f->err),
		    &f->err);
		assert_int_equal(20, folder.first_uid);
	}
}

/* As in a database that had no notes yet. */
static void test_the_ledger_tells_how_long_a_folder_has_been_used(void **state)
{
	struct fixture *f = *state;
	struct pickup_folder folder;
	const uint32_t target_uids[] = {70, 60, 50};
	for (uint32_t i = 0; i < G_N_ELEMENTS(target_uids); i++) {
		/* The last one is in another folder. */
		const struct pickup pickup = {.uid = i + 1,
					      .state = PICKUP_MOVED,
					      .target = i < 2 ? PICKUP_DROPBOX : PICKUP_BADMAIL,
					      .target_uid_validity = 9,
					      .target_uid = target_uids[i]};
		assert_ok(pickup_put(f->store, &inbox, &pickup, NOW_MS, &f->err), &f->err);
	}
	assert_ok(pickup_folder_note(f->store, inbox.queue_id, ARCHIVE, PICKUP_DROPBOX, 9, 100,
				     NOW_MS, &f->err),
		  &f->err);
	assert_ok(pickup_folder_find(f->store, inbox.queue_id, ARCHIVE, &folder, &f->err), &f->err);
	assert_int_equal(60, folder.first_uid);
}

static int add_uid(const struct pickup_elsewhere *found, void *context)
{
	*(uint64_t *)context += found->uid;
	return 0;
}

static uint64_t uids_elsewhere(struct fixture *f, int64_t queue_id, const char *folder)
{
	uint64_t uids = 0;
	const struct pickup_place place = {.queue_id = queue_id,
					   .account = "robot@imap.example.com/",
					   .folder = folder,
					   .source = folder,
					   .uid_validity = 9};
	assert_ok(pickup_elsewhere_walk(f->store, &place, add_uid, &uids, &f->err), &f->err);
	return uids;
}

static void test_older_rows_name_their_folder_when_the_next_one_is_noted(void **state)
{
	struct fixture *f = *state;
	static const char *const folders[] = {ARCHIVE, DONE_FOLDER, "robot@imap.example.com/New"};
	struct pickup_folder folder;
	bool is_new;
	for (uint32_t uid = 1; uid <= 3; uid++) {
		/* The last row is of bad mail. */
		const struct pickup pickup = {.uid = uid,
					      .state = PICKUP_MOVED,
					      .target = uid < 3 ? PICKUP_DROPBOX : PICKUP_BADMAIL,
					      .target_uid_validity = 9,
					      .target_uid = uid};
		assert_ok(pickup_put(f->store, &inbox, &pickup, NOW_MS, &f->err), &f->err);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
		assert_ok(pickup_folder_is_new(f->store, inbox.queue_id, folders[i], PICKUP_DROPBOX,
					       9, &is_new, &f->err),
			  &f->err);
		assert_int_equal(i > 0, is_new);
		assert_ok(pickup_folder_note(f->store, inbox.queue_id, folders[i], PICKUP_DROPBOX,
					     9, 100, NOW_MS, &f->err),
			  &f->err);
		assert_ok(pickup_folder_is_new(f->store, inbox.queue_id, folders[i], PICKUP_DROPBOX,
					       9, &is_new, &f->err),
			  &f->err);
		assert_false(is_new);
		assert_ok(
		    pickup_folder_find(f->store, inbox.queue_id, folders[i], &folder, &f->err),
		    &f->err);
		assert_int_equal(i == 0 ? 1 : 100, folder.first_uid);
		assert_int_equal(i == 0 ? 0 : 2, ask_number(f->store, "SELECT count(*) FROM pickup"
								      " WHERE target_folder = 1"));
	}
	/* Three are noted now: one more row may be in each of them. */
	const struct pickup pickup = {
	    .uid = 4, .state = PICKUP_MOVED, .target_uid_validity = 9, .target_uid = 4};
	assert_ok(pickup_put(f->store, &inbox, &pickup, NOW_MS, &f->err), &f->err);
	assert_ok(pickup_folder_note(f->store, inbox.queue_id, "robot@imap.example.com/Newest",
				     PICKUP_DROPBOX, 9, 100, NOW_MS, &f->err),
		  &f->err);
	assert_int_equal(2, ask_number(f->store, "SELECT count(*) FROM pickup"
						 " WHERE target_folder IS NULL"));
}

static void add_source(const char *source, void *context)
{
	g_string_append_printf(context, "%s ", source);
}

static void test_sources_of_other_queues_are_listed(void **state)
{
	struct fixture *f = *state;
	g_autoptr(GString) list = g_string_new(NULL);
	const int64_t orders = put_queue(f, "orders");
	const char *const sources[] = {"ann@imap.example.com/INBOX", "robot@imap.example.com/INBOX",
				       "robot@imap.example.com/Work",
				       "robot@imap.example.net/INBOX"};
	for (uint32_t i = 0; i < 2 * G_N_ELEMENTS(sources); i++) {
		const struct pickup_source source = {orders, sources[i / 2], 7};
		put(f, &source, i + 1, i + 1);
	}
	put(f, &inbox, 1, 1);
	assert_ok(pickup_source_list(f->store, inbox.queue_id, "robot@imap.example.com/",
				     add_source, list, &f->err),
		  &f->err);
	assert_string_equal("robot@imap.example.com/INBOX robot@imap.example.com/Work ", list->str);
	g_string_truncate(list, 0);
	assert_ok(pickup_source_list(f->store, orders, "robot@imap.example.com/", add_source, list,
				     &f->err),
		  &f->err);
	assert_string_equal("robot@imap.example.com/INBOX ", list->str);
}

/* By its place, which has the same name there. */
static bool is_found_for_another_account(struct fixture *f, int64_t queue_id, const char *folder,
					 const struct pickup *like)
{
	bool found;
	const char *account = "robot@localhost/";
	g_autofree char *there = g_strconcat(account, strrchr(folder, '/') + 1, NULL);
	const struct pickup_place place = {
	    .queue_id = queue_id, .account = account, .folder = there, .uid_validity = 9};
	struct pickup placed = *like;
	placed.target_uid = 5;
	assert_ok(pickup_elsewhere_find(f->store, &place, &placed, &found, &f->err), &f->err);
	return found;
}

static void change_rows(struct fixture *f, const char *sql)
{
	assert_ok(engine_execute(f->store->engine, sql, &f->err), &f->err);
}

static void test_other_queues_are_asked_what_they_have_in_a_folder(void **state)
{
	struct fixture *f = *state;
	int64_t orders = put_queue(f, "orders");
	struct pickup like = {.raw_sha256 = {7}, .raw_size = 10, .internal_date_s = NOW_S};
	const struct pickup_place place = {
	    .queue_id = orders, .account = "robot@imap.example.com/", .folder = ARCHIVE};
	bool found;
	assert_ok(store_begin(f->store, &f->err), &f->err);
	for (uint32_t uid = 1; uid <= 2001; uid++) {
		const struct pickup pickup = {.uid = uid,
					      .state = PICKUP_MOVED,
					      .target_uid_validity = 9,
					      .target_uid = uid,
					      .raw_sha256 = {7},
					      .raw_size = 10,
					      .internal_date_s = NOW_S};
		assert_ok(pickup_put(f->store, &inbox, &pickup, NOW_MS, &f->err), &f->err);
	}
	assert_ok(store_commit(f->store, &f->err), &f->err);
	assert_int_equal(2001 * 2002 / 2, uids_elsewhere(f, orders, ARCHIVE));
	assert_int_equal(0, uids_elsewhere(f, inbox.queue_id, ARCHIVE));
	/* The other queue's folder has the same UIDVALIDITY, and is another one. */
	assert_ok(pickup_folder_note(f->store, inbox.queue_id, ARCHIVE, PICKUP_DROPBOX, 9, 1,
				     NOW_MS, &f->err),
		  &f->err);
	assert_int_equal(0, uids_elsewhere(f, orders, DONE_FOLDER));
	assert_int_equal(2001 * 2002 / 2, uids_elsewhere(f, orders, ARCHIVE));
	/* So has the folder of its bad mail, in which it has none. */
	assert_ok(pickup_folder_note(f->store, inbox.queue_id, "robot@imap.example.com/Bad",
				     PICKUP_BADMAIL, 9, 1, NOW_MS, &f->err),
		  &f->err);
	assert_int_equal(0, uids_elsewhere(f, orders, "robot@imap.example.com/Bad"));
	assert_ok(pickup_elsewhere_find(f->store, &place, &like, &found, &f->err), &f->err);
	assert_true(found);
	assert_true(is_found_for_another_account(f, orders, ARCHIVE, &like));
	change_rows(f, "UPDATE pickup SET target_folder = 1");
	assert_int_equal(2001 * 2002 / 2, uids_elsewhere(f, orders, ARCHIVE));
	assert_int_equal(0, uids_elsewhere(f, orders, "robot@imap.example.com/Bad"));
	assert_true(is_found_for_another_account(f, orders, ARCHIVE, &like));
	assert_false(is_found_for_another_account(f, orders, DONE_FOLDER, &like));
	like.internal_date_s++;
	assert_ok(pickup_elsewhere_find(f->store, &place, &like, &found, &f->err), &f->err);
	assert_false(found);
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
	    &f->err, REASON_REFUSED, "is not bad but new");
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
	assert_ok(store_check(f->store, join_problem, problems, &f->err), &f->err);
	assert_string_equal("", problems->str);
	assert_ok(store_schema_version(f->store, &version, &f->err), &f->err);
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
	assert_ok(store_check(f->store, join_problem, problems, &f->err), &f->err);
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
	    TEST(test_what_is_gone_is_accepted_until_it_is_found),
	    TEST(test_a_folder_is_noted_once),
	    TEST(test_a_uid_counts_in_its_own_folder),
	    TEST(test_older_rows_name_their_folder_when_the_next_one_is_noted),
	    TEST(test_sources_of_other_queues_are_listed),
	    TEST(test_the_ledger_tells_how_long_a_folder_has_been_used),
	    TEST(test_other_queues_are_asked_what_they_have_in_a_folder),
	    TEST(test_only_what_failed_alone_counts),
	    TEST(test_a_bad_entry_is_replaced_under_its_id),
	    TEST(test_a_sound_database_has_no_problems),
	    TEST(test_missing_objects_and_rows_are_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
