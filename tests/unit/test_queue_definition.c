/* Definitions of queues: storing, altering, finding, counting, dropping. */
#include "queue_fixture.h"

#include "queue/pickup.h"

static void test_a_definition_comes_back_as_it_was_put(void **state)
{
	struct fixture *f = *state;
	const int64_t id = put_queue(f, "invoices");
	struct work_queue *queue;
	assert_ok(work_queue_find(f->store, "invoices", &queue, &f->err), &f->err);
	assert_int_equal(id, queue->id);
	assert_string_equal("invoices", queue->name);
	assert_string_equal("Mail", queue->class_name);
	assert_string_equal("IMAP", queue->external_source);
	assert_string_equal("url=imap.example.com;ssl=True", queue->connection_string);
	assert_string_equal("robot@example.com", queue->user_name);
	assert_string_equal("file", queue->credential_source);
	assert_string_equal("/run/robot.password", queue->credential_reference);
	assert_false(queue->paused);
	assert_null(queue->last_message);
	assert_int_equal(0, queue->last_action_ms);
	assert_int_equal(-1, queue->not_collected);
	assert_int_equal(NOW_MS, queue->record_created_ms);
	assert_int_equal(NOW_MS, queue->record_updated_ms);
	work_queue_free(queue);
}

static void assert_name(struct fixture *f, const char *name, bool valid)
{
	struct work_queue queue = {
	    .name = (char *)name,
	    .class_name = (char *)"Mail",
	    .external_source = (char *)"IMAP",
	    .connection_string = (char *)"url=h",
	    .user_name = (char *)"u",
	    .credential_source = (char *)"prompt",
	};
	int64_t id;
	if (valid)
		assert_ok(work_queue_put(f->store, &queue, NOW_MS, &id, &f->err), &f->err);
	else
		assert_error(work_queue_put(f->store, &queue, NOW_MS, &id, &f->err), &f->err,
			     REASON_INVALID, "cannot be the name of a queue: use 1 to 100 bytes");
}

static void test_names_are_safe_in_files_commands_and_terminals(void **state)
{
	struct fixture *f = *state;
	g_autofree char *longest = g_strnfill(100, 'q');
	g_autofree char *too_long = g_strnfill(101, 'q');
	assert_name(f, "a", true);
	assert_name(f, "Help-Desk_2.de", true);
	assert_name(f, "Störungen", true);
	assert_name(f, "請求書", true);
	assert_name(f, longest, true);
	assert_name(f, too_long, false);
	assert_name(f, "", false);
	assert_name(f, NULL, false);
	assert_name(f, "a b", false);
	assert_name(f, "a/b", false);
	assert_name(f, "a\nb", false);
	assert_name(f, "-x", false);
	assert_name(f, ".", false);
	assert_name(f, "..", false);
	assert_name(f, "caf\xe9", false);	/* not UTF-8 */
	assert_name(f, "a\xc2\x85", false);	/* a control character beyond ASCII */
	assert_name(f, "a\xc2\xa0", false);	/* no-break space */
	assert_name(f, "a\xe2\x80\xae", false); /* turns the text of the line around */
}

static void test_a_name_is_taken_once(void **state)
{
	struct fixture *f = *state;
	put_queue(f, "invoices");
	const int64_t orders_id = put_queue(f, "orders");
	struct work_queue *queue;
	int64_t id = 0;
	assert_ok(work_queue_find(f->store, "orders", &queue, &f->err), &f->err);
	assert_int_equal(orders_id, queue->id);
	g_free(queue->name);
	queue->name = g_strdup("invoices");
	assert_error(work_queue_put(f->store, queue, NOW_MS, &id, &f->err), &f->err, REASON_EXISTS,
		     "there is a queue 'invoices' already");
	assert_error(work_queue_alter(f->store, queue, NOW_MS, &f->err), &f->err, REASON_EXISTS,
		     "there is a queue 'invoices' already");
	assert_int_equal(0, id);
	work_queue_free(queue);
}

static void test_alter_replaces_the_definition_and_keeps_the_rest(void **state)
{
	struct fixture *f = *state;
	const int64_t id = put_queue(f, "invoices");
	struct work_queue *queue;
	assert_ok(work_queue_note_action(f->store, id, "OK; 3 items.", 4, NOW_MS + 1, &f->err),
		  &f->err);
	assert_ok(work_queue_find(f->store, "invoices", &queue, &f->err), &f->err);
	queue->paused = true;
	g_free(queue->credential_reference);
	queue->credential_reference = NULL;
	assert_ok(work_queue_alter(f->store, queue, NOW_MS + 2, &f->err), &f->err);
	work_queue_free(queue);

	assert_ok(work_queue_find(f->store, "invoices", &queue, &f->err), &f->err);
	assert_true(queue->paused);
	assert_null(queue->credential_reference);
	assert_string_equal("OK; 3 items.", queue->last_message);
	assert_int_equal(NOW_MS + 1, queue->last_action_ms);
	assert_int_equal(4, queue->not_collected);
	assert_int_equal(NOW_MS, queue->record_created_ms);
	assert_int_equal(NOW_MS + 2, queue->record_updated_ms);
	queue->id = id + 1;
	assert_error(work_queue_alter(f->store, queue, NOW_MS, &f->err), &f->err, REASON_MISSING,
		     "there is no queue with the id");
	work_queue_free(queue);
}

static void test_a_run_that_could_not_count_leaves_the_number_unknown(void **state)
{
	struct fixture *f = *state;
	const int64_t id = put_queue(f, "invoices");
	struct work_queue *queue;
	assert_ok(work_queue_note_action(f->store, id, "OK; 3 items.", 4, NOW_MS, &f->err),
		  &f->err);
	assert_ok(work_queue_note_action(f->store, id, "Error: no", -1, NOW_MS, &f->err), &f->err);
	assert_ok(work_queue_find(f->store, "invoices", &queue, &f->err), &f->err);
	assert_int_equal(-1, queue->not_collected);
	assert_int_equal(NOW_MS, queue->record_updated_ms);
	work_queue_free(queue);
	assert_error(work_queue_note_action(f->store, id + 1, "OK", 0, NOW_MS, &f->err), &f->err,
		     REASON_MISSING, "no queue");
}

static void test_an_unknown_queue_is_missing_by_name(void **state)
{
	struct fixture *f = *state;
	struct work_queue *queue = NULL;
	struct work_queue_counts counts;
	assert_error(work_queue_find(f->store, "nope", &queue, &f->err), &f->err, REASON_MISSING,
		     "there is no queue 'nope'; `inqueue queue list` shows them");
	assert_null(queue);
	assert_error(work_queue_count(f->store, 9, &counts, &f->err), &f->err, REASON_MISSING,
		     "id 9");
	assert_error(work_queue_drop(f->store, 9, true, &f->err), &f->err, REASON_MISSING, "id 9");
}

static int collect_names(const struct work_queue *queue, void *context)
{
	g_string_append_printf(context, "%s ", queue->name);
	return strcmp(queue->name, "stop") == 0 ? 7 : 0;
}

static void test_the_list_is_by_name_and_can_be_ended(void **state)
{
	struct fixture *f = *state;
	put_queue(f, "beta");
	put_queue(f, "alpha");
	g_autoptr(GString) names = g_string_new("");
	assert_int_equal(0, work_queue_list(f->store, collect_names, names, &f->err));
	assert_string_equal("alpha beta ", names->str);
	put_queue(f, "stop");
	put_queue(f, "zeta");
	g_string_truncate(names, 0);
	assert_int_equal(7, work_queue_list(f->store, collect_names, names, &f->err));
	assert_string_equal("alpha beta stop ", names->str);
}

static void set_state(struct fixture *f, int64_t entry_id, const char *assignments)
{
	g_autofree char *sql = g_strdup_printf(
	    "UPDATE entry_status SET %s WHERE id = %" G_GINT64_FORMAT, assignments, entry_id);
	assert_ok(engine_execute(f->store->engine, sql, &f->err), &f->err);
}

static void test_counts_are_by_state(void **state)
{
	struct fixture *f = *state;
	const int64_t id = put_queue(f, "invoices");
	const int64_t other = put_queue(f, "orders");
	put_plain_entry(f, other);
	int64_t entries[6];
	for (size_t i = 0; i < 6; i++)
		entries[i] = put_plain_entry(f, id);
	set_state(f, entries[0],
		  "state = 'claimed', lease_owner = 'w', lease_token = 't',"
		  " lease_until = '9999-01-31T13:00:00.000Z', attempt_count = 1,"
		  " last_attempt_at = '2026-01-31T12:00:00.000Z'");
	set_state(f, entries[4],
		  "state = 'claimed', lease_owner = 'w', lease_token = 't',"
		  " lease_until = '2026-01-31T13:00:00.000Z', attempt_count = 1,"
		  " last_attempt_at = '2026-01-31T12:00:00.000Z'");
	set_state(f, entries[1], "state = 'done'");
	set_state(f, entries[2], "state = 'failed', error_kind = 'business', error_text = 'x'");
	set_state(f, entries[3], "state = 'bad', error_kind = 'load', error_text = 'x'");
	struct work_queue_counts counts;
	assert_ok(work_queue_count(f->store, id, &counts, &f->err), &f->err);
	assert_int_equal(1, counts.new_entries);
	assert_int_equal(1, counts.claimed);
	assert_int_equal(1, counts.expired);
	assert_int_equal(1, counts.done);
	assert_int_equal(1, counts.failed);
	assert_int_equal(1, counts.bad);
	assert_int_equal(0, counts.unfinished_pickups);
	assert_int_equal(NOW_MS, counts.oldest_new_ms);
}

static void put_pickup(struct fixture *f, int64_t queue_id, enum pickup_state state, uint32_t uid)
{
	const struct pickup_source source = {queue_id, "robot@imap.example.com/INBOX", 1};
	const struct pickup pickup = {.uid = uid, .state = state, .entry_id = 1};
	assert_ok(pickup_put(f->store, &source, &pickup, NOW_MS, &f->err), &f->err);
}

static void test_a_queue_with_open_work_is_dropped_by_force_only(void **state)
{
	struct fixture *f = *state;
	const int64_t id = put_queue(f, "invoices");
	const int64_t entry_id = put_plain_entry(f, id);
	put_pickup(f, id, PICKUP_STORED, 5);
	assert_error(work_queue_drop(f->store, id, false, &f->err), &f->err, REASON_REFUSED,
		     "1 open entries and 1 messages still to be moved");
	set_state(f, entry_id, "state = 'done'");
	assert_error(work_queue_drop(f->store, id, false, &f->err), &f->err, REASON_REFUSED,
		     "0 open entries and 1 messages still to be moved");
	assert_ok(work_queue_drop(f->store, id, true, &f->err), &f->err);
	assert_int_equal(0, ask_number(f->store, "SELECT (SELECT count(*) FROM entry_status) +"
						 " (SELECT count(*) FROM entry_mail) +"
						 " (SELECT count(*) FROM pickup) +"
						 " (SELECT count(*) FROM work_queue)"));
}

static void test_finished_work_does_not_hold_up_a_drop(void **state)
{
	struct fixture *f = *state;
	const int64_t id = put_queue(f, "invoices");
	put_pickup(f, id, PICKUP_MOVED, 5);
	put_pickup(f, id, PICKUP_LEFT, 6);
	set_state(f, put_plain_entry(f, id), "state = 'done'");
	assert_ok(work_queue_drop(f->store, id, false, &f->err), &f->err);
}

static void test_a_drop_keeps_content_that_others_use(void **state)
{
	struct fixture *f = *state;
	const int64_t first = put_queue(f, "first");
	const int64_t second = put_queue(f, "second");
	const struct entry_content shared = content_of("shared", 6);
	const struct entry_content own = content_of("own", 3);
	const struct entry_content both[] = {shared, own};
	struct entry_attachment attachments[] = {
	    {.file_name = (char *)"a.txt", .content_type = (char *)"text/plain"},
	    {.file_name = (char *)"b.txt", .content_type = (char *)"text/plain"},
	};
	struct entry entry = plain_entry(first);
	entry.attachments = attachments;
	entry.attachment_count = 2;
	memcpy(entry.raw_sha256, own.sha256, sizeof entry.raw_sha256);
	put_entry(f, &entry, &(struct entry_contents){.attachments = both, .raw = own});
	/* The other queue has it as a raw message. */
	struct entry other = plain_entry(second);
	memcpy(other.raw_sha256, shared.sha256, sizeof other.raw_sha256);
	const int64_t other_id = put_entry(f, &other, &(struct entry_contents){.raw = shared});
	assert_int_equal(2, ask_number(f->store, "SELECT count(*) FROM content"));

	assert_ok(work_queue_drop(f->store, first, true, &f->err), &f->err);
	assert_int_equal(1, ask_number(f->store, "SELECT count(*) FROM content"));
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	assert_ok(entry_read(f->store, other_id, ENTRY_RAW, 0, append_bytes, bytes, &f->err),
		  &f->err);
	assert_int_equal(6, bytes->len);
	assert_memory_equal("shared", bytes->data, 6);
	assert_ok(work_queue_drop(f->store, second, true, &f->err), &f->err);
	assert_int_equal(0, ask_number(f->store, "SELECT count(*) FROM content"));
	close(shared.fd);
	close(own.fd);
}

static void test_ids_of_dropped_queues_are_not_used_again(void **state)
{
	struct fixture *f = *state;
	const int64_t id = put_queue(f, "invoices");
	assert_ok(work_queue_drop(f->store, id, false, &f->err), &f->err);
	assert_true(put_queue(f, "invoices") > id);
}

static void test_a_change_belongs_to_the_transaction_that_is_open(void **state)
{
	struct fixture *f = *state;
	assert_ok(store_begin(f->store, &f->err), &f->err);
	put_queue(f, "invoices");
	store_rollback(f->store);
	assert_int_equal(0, ask_number(f->store, "SELECT count(*) FROM work_queue"));
}

static void test_an_update_by_hand_is_dated(void **state)
{
	struct fixture *f = *state;
	put_queue(f, "invoices");
	assert_ok(engine_execute(f->store->engine, "UPDATE work_queue SET paused = 1", &f->err),
		  &f->err);
	struct work_queue *queue;
	assert_ok(work_queue_find(f->store, "invoices", &queue, &f->err), &f->err);
	assert_true(queue->paused);
	assert_int_not_equal(NOW_MS, queue->record_updated_ms);
	work_queue_free(queue);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_store, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_a_definition_comes_back_as_it_was_put),
	    TEST(test_names_are_safe_in_files_commands_and_terminals),
	    TEST(test_a_name_is_taken_once),
	    TEST(test_alter_replaces_the_definition_and_keeps_the_rest),
	    TEST(test_a_run_that_could_not_count_leaves_the_number_unknown),
	    TEST(test_an_unknown_queue_is_missing_by_name),
	    TEST(test_the_list_is_by_name_and_can_be_ended),
	    TEST(test_counts_are_by_state),
	    TEST(test_a_queue_with_open_work_is_dropped_by_force_only),
	    TEST(test_finished_work_does_not_hold_up_a_drop),
	    TEST(test_a_drop_keeps_content_that_others_use),
	    TEST(test_ids_of_dropped_queues_are_not_used_again),
	    TEST(test_a_change_belongs_to_the_transaction_that_is_open),
	    TEST(test_an_update_by_hand_is_dated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
