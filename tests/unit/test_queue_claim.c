/* Claims, leases and their tokens; what happens to entries in the hands of workers. */
#include "queue_fixture.h"

#include "queue/entry_claim.h"

#define MINUTE_MS INT64_C(60000)

static struct entry_lease claim(struct fixture *f, int64_t queue_id, int64_t now_ms)
{
	const struct entry_wish wish = {
	    .queue_id = queue_id, .worker = "ada", .lease_ms = 10 * MINUTE_MS};
	struct entry_lease lease = {0};
	size_t count;
	assert_ok(entry_claim(f->store, &wish, now_ms, &lease, 1, &count, &f->err), &f->err);
	return lease;
}

static void change(struct fixture *f, const char *sql)
{
	assert_ok(engine_execute(f->store->engine, sql, &f->err), &f->err);
}

static void assert_text(struct fixture *f, const char *expected, const char *sql)
{
	g_autofree char *text = ask_text(f->store, sql);
	assert_string_equal(expected, text != NULL ? text : "NULL");
}

#define HISTORY "SELECT group_concat(change, ' ') FROM history WHERE entry_id = 1"

static void test_a_claim_is_a_lease_with_a_token(void **state)
{
	struct fixture *f = *state;
	const int64_t queue_id = put_queue(f, "invoices");
	const int64_t id = put_plain_entry(f, queue_id);
	const struct entry_lease lease = claim(f, queue_id, NOW_MS + 5);
	assert_int_equal(id, lease.entry_id);
	assert_int_equal(32, strlen(lease.token));
	assert_int_equal(NOW_MS + 5 + 10 * MINUTE_MS, lease.until_ms);
	assert_int_equal(1, lease.attempt);
	assert_text(f, "claimed ada 2026-01-31T12:10:00.005Z 2026-01-31T12:00:00.005Z",
		    "SELECT state || ' ' || lease_owner || ' ' ||"
		    " lease_until || ' ' || last_attempt_at FROM entry");
	assert_int_equal(0, claim(f, queue_id, NOW_MS + 6).entry_id);
	assert_ok(entry_complete(f->store, id, lease.token, NOW_MS + 7, &f->err), &f->err);
	assert_text(f, "done", "SELECT state FROM entry");
	assert_text(f, "loaded claimed completed", HISTORY);
	assert_int_equal(2, ask_number(f->store, "SELECT duration_ms FROM entry_event"
						 " WHERE change = 'completed'"));
	assert_int_equal(5, ask_number(f->store, "SELECT duration_ms FROM entry_event"
						 " WHERE change = 'claimed'"));
}

static void test_tokens_differ(void **state)
{
	struct fixture *f = *state;
	const int64_t queue_id = put_queue(f, "invoices");
	put_plain_entry(f, queue_id);
	put_plain_entry(f, queue_id);
	const struct entry_lease first = claim(f, queue_id, NOW_MS + 1);
	const struct entry_lease second = claim(f, queue_id, NOW_MS + 1);
	assert_string_not_equal(first.token, second.token);
}

static void test_the_order_is_priority_then_due_time_then_id(void **state)
{
	struct fixture *f = *state;
	const int64_t queue_id = put_queue(f, "invoices");
	for (int i = 0; i < 7; i++)
		put_plain_entry(f, queue_id);
	put_plain_entry(f, put_queue(f, "others"));
	change(f, "UPDATE entry_status SET priority = 5 WHERE id IN (3, 4, 6)");
	change(f, "UPDATE entry_status SET priority = -1 WHERE id = 1");
	change(f, "UPDATE entry_status SET next_attempt_at = '2026-01-31T11:00:00.000Z'"
		  " WHERE id IN (2, 3)");
	change(f, "UPDATE entry_status SET next_attempt_at = '2026-01-31T12:05:00.000Z'"
		  " WHERE id = 6");
	change(f, "UPDATE entry_status SET held = 1 WHERE id = 7");
	const int64_t expected[] = {4, 3, 5, 2, 1, 0};
	for (size_t i = 0; i < G_N_ELEMENTS(expected); i++)
		assert_int_equal(expected[i], claim(f, queue_id, NOW_MS + 1).entry_id);
	assert_int_equal(6, claim(f, queue_id, NOW_MS + 5 * MINUTE_MS).entry_id);
}

/* Entry 8 is not due, 9 is held; the others have one priority, but for 3 and 4. The last lease of 7 has ended. */
static void put_deadlines(struct fixture *f)
{
	const int64_t queue_id = put_queue(f, "invoices");
	for (int i = 0; i < 9; i++)
		put_plain_entry(f, queue_id);
	change(f, "UPDATE work_queue SET claim_order = 'deadline'");
	change(f, "UPDATE entry_status SET priority = 5 WHERE id IN (3, 4)");
	change(f,
	       "UPDATE entry_status SET deadline_at = '2026-02-0' || (9 - id) || 'T12:00:00.000Z'"
	       " WHERE id IN (2, 4, 5, 7, 8)");
	change(f, "UPDATE entry_status SET next_attempt_at = '2026-01-31T12:05:00.000Z'"
		  " WHERE id = 8");
	change(f, "UPDATE entry_status SET held = 1, deadline_at = '2026-01-01T12:00:00.000Z'"
		  " WHERE id = 9");
	change(f, "UPDATE entry_status SET state = 'claimed', lease_owner = 'x', lease_token = 'x',"
		  " lease_until = '2026-01-31T11:00:00.000Z',"
		  " last_attempt_at = '2026-01-31T10:00:00.000Z', attempt_count = 1 WHERE id = 7");
}

static const int64_t by_deadline[] = {4, 3, 7, 5, 2, 1, 6, 0};

static void test_a_queue_may_want_the_order_of_deadlines(void **state)
{
	struct fixture *f = *state;
	put_deadlines(f);
	for (size_t i = 0; i < G_N_ELEMENTS(by_deadline); i++)
		assert_int_equal(by_deadline[i], claim(f, 1, NOW_MS + 1).entry_id);
	assert_int_equal(8, claim(f, 1, NOW_MS + 5 * MINUTE_MS).entry_id);
}

static void test_several_at_once_share_a_token(void **state)
{
	struct fixture *f = *state;
	const int64_t queue_id = put_queue(f, "invoices");
	for (int i = 0; i < 3; i++)
		put_plain_entry(f, queue_id);
	const struct entry_wish wish = {.queue_id = queue_id, .worker = "ada", .lease_ms = 1000};
	struct entry_lease leases[5];
	size_t count;
	assert_ok(entry_claim(f->store, &wish, NOW_MS, leases, 2, &count, &f->err), &f->err);
	assert_int_equal(2, count);
	assert_string_equal(leases[0].token, leases[1].token);
	assert_ok(entry_claim(f->store, &wish, NOW_MS, leases, 5, &count, &f->err), &f->err);
	assert_int_equal(1, count);
	assert_int_equal(3, leases[0].entry_id);
}

static int64_t claim_like(struct fixture *f, struct entry_wish wish)
{
	struct entry_lease lease = {0};
	size_t count;
	wish.queue_id = 1;
	wish.worker = "ada";
	wish.lease_ms = 1000;
	assert_ok(entry_claim(f->store, &wish, NOW_MS, &lease, 1, &count, &f->err), &f->err);
	return lease.entry_id;
}

/* Filters, and a reference, choose among the same entries in the same order. */
static void test_filters_keep_the_order_of_deadlines(void **state)
{
	struct fixture *f = *state;
	put_deadlines(f);
	change(f, "UPDATE entry_mail SET subject = 'Order'");
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(by_deadline[i],
				 claim_like(f, (struct entry_wish){.subject = "order"}));
	change(f, "INSERT INTO entry_key SELECT id, 1, '7', nullif(1, id) FROM entry_status");
	for (size_t i = 3; i < G_N_ELEMENTS(by_deadline); i++)
		assert_int_equal(by_deadline[i],
				 claim_like(f, (struct entry_wish){.reference = "7"}));
	assert_int_equal(0, claim_like(f, (struct entry_wish){.reference = "8"}));
}

static void test_filters_choose_among_the_waiting(void **state)
{
	struct fixture *f = *state;
	struct entry entry = plain_entry(put_queue(f, "invoices"));
	put_entry(f, &entry, &(struct entry_contents){0});
	entry.sender = (char *)"Bob <bob@example.com>";
	put_entry(f, &entry, &(struct entry_contents){0});
	entry.subject = (char *)"Order 100%";
	put_entry(f, &entry, &(struct entry_contents){0});
	entry.subject = NULL;
	put_entry(f, &entry, &(struct entry_contents){0});
	change(f, "INSERT INTO entry_tag VALUES (4, 'urgent')");
	assert_int_equal(2, claim_like(f, (struct entry_wish){.sender = "BOB@"}));
	assert_int_equal(3, claim_like(f, (struct entry_wish){.sender = "bob", .subject = "0%"}));
	assert_int_equal(0, claim_like(f, (struct entry_wish){.tag = "urg"}));
	assert_int_equal(4, claim_like(f, (struct entry_wish){.tag = "urgent"}));
	assert_int_equal(1, claim_like(f, (struct entry_wish){0}));
}

static void test_a_stale_token_changes_nothing_and_is_told_so(void **state)
{
	struct fixture *f = *state;
	const int64_t queue_id = put_queue(f, "invoices");
	put_plain_entry(f, queue_id);
	const struct entry_lease first = claim(f, queue_id, NOW_MS + 1);
	const struct entry_lease second = claim(f, queue_id, first.until_ms);
	assert_int_equal(1, second.entry_id);
	assert_int_equal(2, second.attempt);
	int64_t next_ms;
	const char *token = first.token;
	const int64_t now_ms = first.until_ms + 1;
	const char *words = "entry 1: the token is not that of its lease; worker 'ada' has the "
			    "entry until 2026-01-31T12:20:00.001Z; nothing was changed";
	assert_error(entry_complete(f->store, 1, token, now_ms, &f->err), &f->err, REASON_REFUSED,
		     words);
	assert_error(entry_fail(f->store, 1, token, ENTRY_BUSINESS, "x", now_ms, &next_ms, &f->err),
		     &f->err, REASON_REFUSED, words);
	assert_error(
	    entry_fail(f->store, 1, token, ENTRY_APPLICATION, "x", now_ms, &next_ms, &f->err),
	    &f->err, REASON_REFUSED, words);
	assert_error(entry_release(f->store, 1, token, "why", now_ms, &f->err), &f->err,
		     REASON_REFUSED, words);
	assert_error(entry_defer(f->store, 1, token, now_ms + 1, NULL, now_ms, &f->err), &f->err,
		     REASON_REFUSED, words);
	assert_error(entry_extend(f->store, 1, token, now_ms + 1, now_ms, &f->err), &f->err,
		     REASON_REFUSED, words);
	assert_text(f, "loaded claimed expired claimed", HISTORY);
	assert_int_equal(0, ask_number(f->store, "SELECT count(*) FROM change_author"));
	assert_ok(entry_complete(f->store, 1, second.token, now_ms, &f->err), &f->err);
	assert_error(entry_complete(f->store, 1, second.token, now_ms, &f->err), &f->err,
		     REASON_REFUSED, "the lease of this token is over, the entry is done");
	assert_error(entry_complete(f->store, 9, token, now_ms, &f->err), &f->err, REASON_MISSING,
		     "there is no entry 9");
}

static void test_an_ended_lease_that_nobody_took_is_still_good(void **state)
{
	struct fixture *f = *state;
	const int64_t queue_id = put_queue(f, "invoices");
	put_plain_entry(f, queue_id);
	const struct entry_lease lease = claim(f, queue_id, NOW_MS + 1);
	assert_ok(entry_complete(f->store, 1, lease.token, lease.until_ms + MINUTE_MS, &f->err),
		  &f->err);
}

static int64_t due(struct fixture *f, int64_t queue_id, int64_t now_ms)
{
	const struct entry_wish any = {.queue_id = queue_id};
	const struct entry_wish ada = {.queue_id = queue_id, .sender = "ada@"};
	int64_t due_ms;
	int64_t filtered_ms;
	assert_ok(entry_claim_due(f->store, &any, now_ms, &due_ms, &f->err), &f->err);
	assert_ok(entry_claim_due(f->store, &ada, now_ms, &filtered_ms, &f->err), &f->err);
	assert_int_equal(due_ms, filtered_ms);
	return due_ms;
}

static void put_second_first(struct fixture *f)
{
	change(f, "UPDATE entry_status SET priority = 1 WHERE id = 2");
}

static void test_a_claim_of_another_entry_takes_nothing_away(void **state)
{
	struct fixture *f = *state;
	const int64_t queue_id = put_queue(f, "invoices");
	for (int i = 0; i < 2; i++)
		put_plain_entry(f, queue_id);
	const struct entry_lease first = claim(f, queue_id, NOW_MS + 1);
	put_second_first(f);
	const struct entry_lease second = claim(f, queue_id, first.until_ms);
	assert_int_equal(2, second.entry_id);
	assert_ok(entry_extend(f->store, 1, first.token, first.until_ms + MINUTE_MS, first.until_ms,
			       &f->err),
		  &f->err);
	assert_int_equal(0, claim(f, queue_id, first.until_ms + 1).entry_id);
	assert_ok(entry_complete(f->store, 1, first.token, first.until_ms + 2, &f->err), &f->err);
	assert_text(f, "loaded claimed extended completed", HISTORY);
}

static void test_only_the_last_attempt_is_ended_by_a_claim_of_another_entry(void **state)
{
	struct fixture *f = *state;
	const int64_t queue_id = put_queue(f, "invoices");
	for (int i = 0; i < 2; i++)
		put_plain_entry(f, queue_id);
	change(f, "UPDATE work_queue SET max_attempts = 1");
	const struct entry_lease first = claim(f, queue_id, NOW_MS + 1);
	put_second_first(f);
	assert_int_equal(2, claim(f, queue_id, first.until_ms).entry_id);
	assert_error(entry_complete(f->store, 1, first.token, first.until_ms + 1, &f->err), &f->err,
		     REASON_REFUSED, "the lease of this token is over, the entry is failed");
}

static void test_an_ended_lease_is_claimed_in_its_place_in_the_order(void **state)
{
	struct fixture *f = *state;
	const int64_t queue_id = put_queue(f, "invoices");
	for (int i = 0; i < 4; i++)
		put_plain_entry(f, queue_id);
	change(f, "UPDATE entry_status SET priority = 1 WHERE id = 3");
	const struct entry_wish two = {
	    .queue_id = queue_id, .worker = "ada", .lease_ms = 10 * MINUTE_MS};
	struct entry_lease leases[4];
	size_t count;
	assert_ok(entry_claim(f->store, &two, NOW_MS + 1, leases, 2, &count, &f->err), &f->err);
	change(f, "UPDATE entry_status SET priority = 1 WHERE id = 4");
	assert_ok(entry_claim(f->store, &two, leases[0].until_ms, leases, 4, &count, &f->err),
		  &f->err);
	assert_int_equal(4, count);
	const int64_t expected[] = {3, 4, 1, 2};
	for (size_t i = 0; i < G_N_ELEMENTS(expected); i++)
		assert_int_equal(expected[i], leases[i].entry_id);
	assert_text(f, "loaded claimed expired claimed", HISTORY);
	assert_text(f,
		    "lease ended: nothing was heard of worker ada until 2026-01-31T12:10:00.001Z",
		    "SELECT why FROM entry_event WHERE entry_id = 1 AND change = 'expired'");
}

static void test_ended_leases_that_a_claim_passes_over(void **state)
{
	struct fixture *f = *state;
	const int64_t queue_id = put_queue(f, "invoices");
	put_plain_entry(f, queue_id);
	const struct entry_lease lease = claim(f, queue_id, NOW_MS + 1);
	const struct entry_wish nobody = {
	    .queue_id = queue_id, .worker = "bob", .lease_ms = 1000, .sender = "nobody"};
	struct entry_lease other;
	size_t count;
	int64_t due_ms;
	assert_ok(entry_claim(f->store, &nobody, lease.until_ms, &other, 1, &count, &f->err),
		  &f->err);
	assert_int_equal(0, count);
	assert_ok(entry_claim_due(f->store, &nobody, lease.until_ms, &due_ms, &f->err), &f->err);
	assert_int_equal(0, due_ms);
	change(f, "UPDATE entry_status SET held = 1");
	assert_int_equal(0, claim(f, queue_id, lease.until_ms).entry_id);
	assert_int_equal(0, due(f, queue_id, lease.until_ms));
	change(f, "UPDATE entry_status SET held = 0,"
		  " next_attempt_at = '2026-01-31T12:30:00.000Z'");
	assert_int_equal(0, claim(f, queue_id, lease.until_ms).entry_id);
	assert_int_equal(NOW_MS + 30 * MINUTE_MS, due(f, queue_id, lease.until_ms));
	change(f, "UPDATE entry_status SET next_attempt_at = NULL");
	assert_int_equal(lease.until_ms, due(f, queue_id, lease.until_ms));
	assert_int_equal(1, claim(f, queue_id, lease.until_ms).entry_id);
}

static void test_a_last_attempt_is_ended_though_nothing_can_be_claimed(void **state)
{
	struct fixture *f = *state;
	const int64_t queue_id = put_queue(f, "invoices");
	put_plain_entry(f, queue_id);
	change(f, "UPDATE work_queue SET max_attempts = 1");
	const struct entry_lease lease = claim(f, queue_id, NOW_MS + 1);
	change(f, "UPDATE entry_status SET held = 1");
	assert_int_equal(lease.until_ms, due(f, queue_id, lease.until_ms));
	assert_int_equal(0, claim(f, queue_id, lease.until_ms).entry_id);
	assert_text(f, "failed", "SELECT state FROM entry");
	assert_int_equal(0, due(f, queue_id, lease.until_ms));
}

static void test_leases_that_end_count_as_attempts(void **state)
{
	struct fixture *f = *state;
	const int64_t queue_id = put_queue(f, "invoices");
	put_plain_entry(f, queue_id);
	int64_t now_ms = NOW_MS + 1;
	for (int attempt = 1; attempt <= 3; attempt++) {
		const struct entry_lease lease = claim(f, queue_id, now_ms);
		assert_int_equal(attempt, lease.attempt);
		assert_int_equal(0, claim(f, queue_id, lease.until_ms - 1).entry_id);
		now_ms = lease.until_ms;
	}
	assert_int_equal(0, claim(f, queue_id, now_ms).entry_id);
	assert_text(f, "failed application", "SELECT state || ' ' || error_kind FROM entry");
	assert_text(f,
		    "lease ended: nothing was heard of worker ada until 2026-01-31T12:30:00.001Z",
		    "SELECT error_text FROM entry");
	assert_text(f, "loaded claimed expired claimed expired claimed expired", HISTORY);
}

static void test_application_failures_are_retried_ever_later(void **state)
{
	struct fixture *f = *state;
	const int64_t queue_id = put_queue(f, "invoices");
	put_plain_entry(f, queue_id);
	change(f, "UPDATE work_queue SET max_attempts = 4, retry_delay_ms = 1000");
	int64_t now_ms = NOW_MS + 1;
	int64_t next_ms;
	for (int attempt = 1; attempt <= 3; attempt++) {
		const struct entry_lease lease = claim(f, queue_id, now_ms);
		now_ms++;
		assert_ok(entry_fail(f->store, 1, lease.token, ENTRY_APPLICATION, "no reply",
				     now_ms, &next_ms, &f->err),
			  &f->err);
		const int64_t delay_ms = INT64_C(1000) << (attempt - 1);
		assert_in_range(next_ms - now_ms, delay_ms * 3 / 4, delay_ms * 5 / 4);
		assert_int_equal(0, claim(f, queue_id, next_ms - 1).entry_id);
		now_ms = next_ms;
	}
	const struct entry_lease last = claim(f, queue_id, now_ms);
	assert_ok(entry_fail(f->store, 1, last.token, ENTRY_APPLICATION, "no reply", now_ms + 1,
			     &next_ms, &f->err),
		  &f->err);
	assert_int_equal(0, next_ms);
	assert_text(f, "failed application no reply 4",
		    "SELECT state || ' ' || error_kind || ' ' || error_text || ' ' ||"
		    " attempt_count FROM entry");
	assert_text(f, "no reply", "SELECT why FROM entry_event WHERE change = 'failed'");
}

static void test_the_delay_grows_to_an_hour(void **state)
{
	struct fixture *f = *state;
	const int64_t queue_id = put_queue(f, "invoices");
	put_plain_entry(f, queue_id);
	change(f, "UPDATE work_queue SET max_attempts = 1000, retry_delay_ms = 86400000");
	change(f, "UPDATE entry_status SET attempt_count = 900");
	int64_t next_ms;
	const struct entry_lease lease = claim(f, queue_id, NOW_MS + 1);
	assert_ok(
	    entry_fail(f->store, 1, lease.token, ENTRY_APPLICATION, "x", NOW_MS, &next_ms, &f->err),
	    &f->err);
	assert_in_range(next_ms - NOW_MS, 45 * MINUTE_MS, 75 * MINUTE_MS);
}

static void test_business_failures_are_final(void **state)
{
	struct fixture *f = *state;
	const int64_t queue_id = put_queue(f, "invoices");
	put_plain_entry(f, queue_id);
	int64_t next_ms = 7;
	const struct entry_lease lease = claim(f, queue_id, NOW_MS + 1);
	assert_ok(entry_fail(f->store, 1, lease.token, ENTRY_BUSINESS, "no such customer",
			     NOW_MS + 2, &next_ms, &f->err),
		  &f->err);
	assert_int_equal(0, next_ms);
	assert_text(f, "failed business", "SELECT state || ' ' || error_kind FROM entry");
	assert_int_equal(0, claim(f, queue_id, NOW_MS + 60 * MINUTE_MS).entry_id);
}

static void test_what_is_given_back_does_not_count(void **state)
{
	struct fixture *f = *state;
	const int64_t queue_id = put_queue(f, "invoices");
	put_plain_entry(f, queue_id);
	struct entry_lease lease = claim(f, queue_id, NOW_MS + 1);
	assert_ok(entry_release(f->store, 1, lease.token, "wrong desk", NOW_MS + 2, &f->err),
		  &f->err);
	lease = claim(f, queue_id, NOW_MS + 3);
	assert_int_equal(1, lease.attempt);
	assert_ok(
	    entry_defer(f->store, 1, lease.token, NOW_MS + MINUTE_MS, NULL, NOW_MS + 4, &f->err),
	    &f->err);
	assert_int_equal(0, claim(f, queue_id, NOW_MS + MINUTE_MS - 1).entry_id);
	lease = claim(f, queue_id, NOW_MS + MINUTE_MS);
	assert_int_equal(1, lease.attempt);
	assert_text(f, "loaded claimed released claimed deferred claimed", HISTORY);
	assert_text(f, "ada wrong desk",
		    "SELECT who || ' ' || why FROM entry_event"
		    " WHERE change = 'released'");
}

static void test_a_heartbeat_keeps_the_lease(void **state)
{
	struct fixture *f = *state;
	const int64_t queue_id = put_queue(f, "invoices");
	put_plain_entry(f, queue_id);
	const struct entry_lease lease = claim(f, queue_id, NOW_MS + 1);
	assert_ok(
	    entry_extend(f->store, 1, lease.token, NOW_MS + 60 * MINUTE_MS, NOW_MS + 2, &f->err),
	    &f->err);
	assert_int_equal(0, claim(f, queue_id, lease.until_ms).entry_id);
	assert_int_equal(1, claim(f, queue_id, NOW_MS + 60 * MINUTE_MS).entry_id);
	assert_text(f, "2026-01-31T13:00:00.000Z",
		    "SELECT detail FROM entry_event WHERE change = 'extended'");
}

static void test_the_next_due_time_is_known(void **state)
{
	struct fixture *f = *state;
	const int64_t queue_id = put_queue(f, "invoices");
	const int64_t now_ms = NOW_MS + 1;
	const struct entry_wish nobody = {.queue_id = queue_id, .sender = "nobody"};
	int64_t due_ms = 1;
	assert_int_equal(0, due(f, queue_id, now_ms));
	put_plain_entry(f, queue_id);
	put_plain_entry(f, queue_id);
	assert_int_equal(now_ms, due(f, queue_id, now_ms));
	change(f, "UPDATE entry_status SET next_attempt_at = '2026-01-31T12:30:00.000Z',"
		  " priority = id");
	assert_int_equal(NOW_MS + 30 * MINUTE_MS, due(f, queue_id, now_ms));
	change(f, "UPDATE entry_status SET next_attempt_at = '2026-01-31T12:20:00.000Z'"
		  " WHERE id = 1");
	assert_int_equal(NOW_MS + 20 * MINUTE_MS, due(f, queue_id, now_ms));
	change(f, "UPDATE entry_status SET next_attempt_at = NULL WHERE id = 1");
	const struct entry_lease lease = claim(f, queue_id, now_ms);
	assert_int_equal(lease.until_ms, due(f, queue_id, now_ms));
	assert_ok(entry_claim_due(f->store, &nobody, now_ms, &due_ms, &f->err), &f->err);
	assert_int_equal(lease.until_ms, due_ms);
	change(f, "UPDATE entry_status SET held = 1 WHERE state = 'new'");
	assert_int_equal(lease.until_ms, due(f, queue_id, now_ms));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_store, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_a_claim_is_a_lease_with_a_token),
	    TEST(test_tokens_differ),
	    TEST(test_the_order_is_priority_then_due_time_then_id),
	    TEST(test_a_queue_may_want_the_order_of_deadlines),
	    TEST(test_filters_keep_the_order_of_deadlines),
	    TEST(test_several_at_once_share_a_token),
	    TEST(test_filters_choose_among_the_waiting),
	    TEST(test_a_stale_token_changes_nothing_and_is_told_so),
	    TEST(test_an_ended_lease_that_nobody_took_is_still_good),
	    TEST(test_a_claim_of_another_entry_takes_nothing_away),
	    TEST(test_only_the_last_attempt_is_ended_by_a_claim_of_another_entry),
	    TEST(test_an_ended_lease_is_claimed_in_its_place_in_the_order),
	    TEST(test_ended_leases_that_a_claim_passes_over),
	    TEST(test_a_last_attempt_is_ended_though_nothing_can_be_claimed),
	    TEST(test_leases_that_end_count_as_attempts),
	    TEST(test_application_failures_are_retried_ever_later),
	    TEST(test_the_delay_grows_to_an_hour),
	    TEST(test_business_failures_are_final),
	    TEST(test_what_is_given_back_does_not_count),
	    TEST(test_a_heartbeat_keeps_the_lease),
	    TEST(test_the_next_due_time_is_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
