/* Attempts to deliver entries: what is kept, what becomes of the entry, and when delivery stops. */
#include "queue_fixture.h"

#include "queue/delivery.h"
#include "queue/entry.h"

#define LEASE_MS INT64_C(60000)

static int64_t put_target_queue(struct fixture *f)
{
	struct work_queue queue = {
	    .name = (char *)"invoices",
	    .class_name = (char *)"Mail",
	    .external_source = (char *)"IMAP",
	    .connection_string = (char *)"url=imap.example.com;ssl=True",
	    .user_name = (char *)"robot@example.com",
	    .credential_source = (char *)"file",
	    .retry_delay_ms = 1000,
	    .target = {.url = (char *)"https://example.com/mail",
		       .format = (char *)"json",
		       .redirects = (char *)"any",
		       .headers = (char *)"X-Team: accounts",
		       .connect_timeout_ms = 10000,
		       .timeout_ms = 30000,
		       .concurrency = 4,
		       .allow_private = true},
	};
	int64_t id = 0;
	assert_ok(work_queue_put(f->store, &queue, NOW_MS, &id, &f->err), &f->err);
	return id;
}

static struct work_queue *find_queue(struct fixture *f)
{
	struct work_queue *queue = NULL;
	assert_ok(work_queue_find(f->store, "invoices", &queue, &f->err), &f->err);
	return queue;
}

static struct entry_lease claim(struct fixture *f, int64_t queue_id, int64_t now_ms)
{
	struct entry_lease lease = {0};
	size_t count;
	assert_ok(delivery_claim(f->store, queue_id, LEASE_MS, now_ms, now_ms, &lease, 1, &count,
				 &f->err),
		  &f->err);
	assert_int_equal(1, count);
	return lease;
}

struct end {
	int64_t next_ms;
	bool stopped;
};

static struct end settle(struct fixture *f, const struct entry_lease *lease, int status,
			 int64_t now_ms, int64_t not_before_ms)
{
	const struct delivery_end end = {
	    .delivery = {.entry_id = lease->entry_id,
			 .attempt = lease->attempt,
			 .at_ms = now_ms,
			 .outcome = status < 300   ? DELIVERY_DELIVERED
				    : status < 500 ? DELIVERY_REJECTED
						   : DELIVERY_RETRY,
			 .status = status,
			 .duration_ms = 12,
			 .answer = (char *)"thank you"},
	    .token = lease->token,
	    .not_before_ms = not_before_ms,
	};
	struct end result = {0};
	assert_ok(delivery_settle(f->store, &end, &result.next_ms, &result.stopped, &f->err),
		  &f->err);
	return result;
}

static void test_a_target_is_kept_with_its_queue(void **state)
{
	struct fixture *f = *state;
	put_target_queue(f);
	struct work_queue *queue = find_queue(f);
	assert_string_equal("https://example.com/mail", queue->target.url);
	assert_string_equal("X-Team: accounts", queue->target.headers);
	assert_true(queue->target.allow_private);
	assert_int_equal(WORK_QUEUE_MAX_DELIVERIES, queue->max_attempts);
	queue->target.timeout_ms = 5000;
	assert_ok(work_queue_alter(f->store, queue, NOW_MS, &f->err), &f->err);
	assert_int_equal(5000, ask_number(f->store, "SELECT timeout_ms FROM delivery_target"));
	g_free(queue->target.url);
	queue->target.url = NULL;
	assert_ok(work_queue_alter(f->store, queue, NOW_MS, &f->err), &f->err);
	assert_int_equal(0, ask_number(f->store, "SELECT count(*) FROM delivery_target"));
	work_queue_free(queue);
}

static int count_one(const struct delivery *delivery, void *context)
{
	int *count = context;
	(*count)++;
	assert_string_equal("thank you", delivery->answer);
	assert_string_equal("invoices", delivery->queue_name);
	return 0;
}

static void test_the_attempt_and_the_entry_are_written_together(void **state)
{
	struct fixture *f = *state;
	const int64_t queue_id = put_target_queue(f);
	put_plain_entry(f, queue_id);
	struct entry_lease lease = claim(f, queue_id, NOW_MS + 1);
	const struct end first = settle(f, &lease, 503, NOW_MS + 10, 0);
	assert_in_range(first.next_ms, NOW_MS + 10 + 750, NOW_MS + 10 + 1250);
	lease = claim(f, queue_id, first.next_ms);
	assert_int_equal(2, lease.attempt);
	assert_int_equal(0, settle(f, &lease, 200, first.next_ms + 5, 0).next_ms);
	g_autofree char *state_now = ask_text(f->store, "SELECT state FROM entry");
	assert_string_equal("done", state_now);
	int count = 0;
	assert_ok(delivery_list(f->store, &(struct delivery_filter){.queue_id = queue_id},
				count_one, &count, &f->err),
		  &f->err);
	assert_int_equal(2, count);
	uint64_t counts[DELIVERY_OUTCOMES];
	assert_ok(delivery_count(f->store, queue_id, counts, &f->err), &f->err);
	assert_int_equal(1, counts[DELIVERY_DELIVERED]);
	assert_int_equal(0, counts[DELIVERY_RETRY]);
}

static void test_retry_after_only_makes_it_later(void **state)
{
	struct fixture *f = *state;
	const int64_t queue_id = put_target_queue(f);
	put_plain_entry(f, queue_id);
	struct entry_lease lease = claim(f, queue_id, NOW_MS + 1);
	const struct end late = settle(f, &lease, 503, NOW_MS + 2, NOW_MS + 500000);
	assert_int_equal(NOW_MS + 500000, late.next_ms);
	lease = claim(f, queue_id, NOW_MS + 500000);
	const struct end early = settle(f, &lease, 503, NOW_MS + 500001, NOW_MS + 500002);
	assert_true(early.next_ms > NOW_MS + 500002);
}

static void test_a_token_that_is_no_longer_good_keeps_the_attempt(void **state)
{
	struct fixture *f = *state;
	const int64_t queue_id = put_target_queue(f);
	put_plain_entry(f, queue_id);
	const struct entry_lease old = claim(f, queue_id, NOW_MS + 1);
	const struct entry_lease young = claim(f, queue_id, NOW_MS + 1 + LEASE_MS);
	const struct delivery_end end = {.delivery = {.entry_id = old.entry_id,
						      .attempt = old.attempt,
						      .at_ms = NOW_MS + LEASE_MS + 2,
						      .outcome = DELIVERY_DELIVERED,
						      .status = 200},
					 .token = old.token};
	int64_t next_ms;
	bool stopped;
	assert_error(delivery_settle(f->store, &end, &next_ms, &stopped, &f->err), &f->err,
		     REASON_REFUSED, "the token is not that of its lease");
	assert_int_equal(1, ask_number(f->store, "SELECT count(*) FROM delivery"));
	settle(f, &young, 200, NOW_MS + LEASE_MS + 3, 0);
}

static void test_a_run_of_blame_stops_the_target(void **state)
{
	struct fixture *f = *state;
	const int64_t queue_id = put_target_queue(f);
	for (int i = 0; i < DELIVERY_REFUSED_MAX + 1; i++)
		put_plain_entry(f, queue_id);
	struct entry_lease lease;
	for (int i = 1; i < DELIVERY_REFUSED_MAX; i++) {
		lease = claim(f, queue_id, NOW_MS + i);
		assert_false(settle(f, &lease, 404, NOW_MS + i, 0).stopped);
	}
	lease = claim(f, queue_id, NOW_MS + 10);
	assert_true(settle(f, &lease, 410, NOW_MS + 10, 0).stopped);
	assert_int_equal(DELIVERY_REFUSED_MAX + 1,
			 ask_number(f->store, "SELECT count(*) FROM entry WHERE state = 'new'"));
	struct work_queue *queue = find_queue(f);
	assert_non_null(strstr(queue->target.stopped, "the target answered 410"));
	g_free(queue->target.stopped);
	queue->target.stopped = NULL;
	assert_ok(work_queue_alter(f->store, queue, NOW_MS, &f->err), &f->err);
	work_queue_free(queue);
	lease = claim(f, queue_id, NOW_MS + 11);
	assert_false(settle(f, &lease, 404, NOW_MS + 11, 0).stopped);
}

static void test_entries_of_a_dead_deliverer_come_back_at_once(void **state)
{
	struct fixture *f = *state;
	const int64_t queue_id = put_target_queue(f);
	put_plain_entry(f, queue_id);
	claim(f, queue_id, NOW_MS + 1);
	assert_ok(delivery_recover(f->store, queue_id, NOW_MS + 2, &f->err), &f->err);
	assert_int_equal(2, claim(f, queue_id, NOW_MS + 2).attempt);
}

static void test_one_delivers_a_queue_at_a_time_beside_one_who_loads(void **state)
{
	struct fixture *f = *state;
	const int64_t queue_id = put_target_queue(f);
	struct work_queue_lock *load = NULL;
	struct work_queue_lock *deliver = NULL;
	struct work_queue_lock *second = NULL;
	assert_ok(work_queue_lock(f->store, queue_id, &load, &f->err), &f->err);
	assert_ok(work_queue_lock_delivery(f->store, queue_id, &deliver, &f->err), &f->err);
	assert_error(work_queue_lock_delivery(f->store, queue_id, &second, &f->err), &f->err,
		     REASON_BUSY, "queue 'invoices' is being delivered");
	work_queue_unlock(deliver);
	work_queue_unlock(load);
}

static void test_a_part_is_read_piece_by_piece(void **state)
{
	struct fixture *f = *state;
	const int64_t queue_id = put_queue(f, "invoices");
	const size_t size = 3 * 1024 * 1024 + 5;
	g_autofree char *bytes = g_malloc(size);
	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)('a' + i * 7 % 26);
	struct entry entry = plain_entry(queue_id);
	struct entry_contents contents = {.message_body = content_of(bytes, size)};
	const int64_t id = put_entry(f, &entry, &contents);
	struct entry_source *source = NULL;
	assert_ok(entry_source_open(f->store, id, ENTRY_MESSAGE_BODY, 0, &source, &f->err),
		  &f->err);
	assert_int_equal(size, entry_source_size(source));
	g_autoptr(GByteArray) seen = g_byte_array_new();
	char piece[10007];
	size_t got = 1;
	while (got > 0) {
		assert_ok(entry_source_read(source, piece, sizeof piece, &got, &f->err), &f->err);
		g_byte_array_append(seen, (const guint8 *)piece, (guint)got);
	}
	assert_int_equal(size, seen->len);
	assert_memory_equal(bytes, seen->data, size);
	entry_source_close(source);
	assert_error(entry_source_open(f->store, id, ENTRY_ATTACHMENT, 1, &source, &f->err),
		     &f->err, REASON_MISSING, "has no attachment 1");
	close(contents.message_body.fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_store, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_a_target_is_kept_with_its_queue),
	    TEST(test_the_attempt_and_the_entry_are_written_together),
	    TEST(test_retry_after_only_makes_it_later),
	    TEST(test_a_token_that_is_no_longer_good_keeps_the_attempt),
	    TEST(test_a_run_of_blame_stops_the_target),
	    TEST(test_entries_of_a_dead_deliverer_come_back_at_once),
	    TEST(test_one_delivers_a_queue_at_a_time_beside_one_who_loads),
	    TEST(test_a_part_is_read_piece_by_piece),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
