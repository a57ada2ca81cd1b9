/* Lists of entries: filtered, in their order, and no burden for writers. */
#include "queue_fixture.h"

struct listed {
	GString *ids;
	int stop_at;
};

static int collect_ids(const struct entry *entry, void *context)
{
	struct listed *listed = context;
	assert_null(entry->attachments);
	g_string_append_printf(listed->ids, "%d ", (int)entry->id);
	return listed->stop_at != 0 && entry->id == listed->stop_at ? 3 : 0;
}

static void assert_listed(struct fixture *f, const struct entry_filter *filter,
			  const char *expected)
{
	g_autoptr(GString) ids = g_string_new("");
	struct listed listed = {.ids = ids};
	assert_ok(entry_list(f->store, filter, collect_ids, &listed, &f->err), &f->err);
	assert_string_equal(expected, ids->str);
}

static void put_listed_entries(struct fixture *f)
{
	const int64_t first = put_queue(f, "first");
	const int64_t second = put_queue(f, "second");
	struct entry entry = plain_entry(first);
	put_entry(f, &entry, &(struct entry_contents){0});
	entry.subject = (char *)"100% off_er";
	entry.date_received_s = NOW_S;
	put_entry(f, &entry, &(struct entry_contents){0});
	entry.sender = NULL;
	entry.subject = NULL;
	entry.state = ENTRY_DONE;
	put_entry(f, &entry, &(struct entry_contents){0});
	entry = plain_entry(second);
	entry.sender = (char *)"Bob <BOB@example.com>";
	put_entry(f, &entry, &(struct entry_contents){0});
}

static void test_lists_are_by_id_and_filtered(void **state)
{
	struct fixture *f = *state;
	put_listed_entries(f);
	assert_listed(f, &(struct entry_filter){0}, "1 2 3 4 ");
	assert_listed(f, &(struct entry_filter){.newest_first = true}, "4 3 2 1 ");
	assert_listed(f, &(struct entry_filter){.limit = 2}, "1 2 ");
	assert_listed(f, &(struct entry_filter){.newest_first = true, .limit = 1}, "4 ");
	assert_listed(f, &(struct entry_filter){.queue_id = 1}, "1 2 3 ");
	assert_listed(f, &(struct entry_filter){.queue_id = 3}, "");
	assert_listed(f, &(struct entry_filter){.states = ENTRY_IN(ENTRY_NEW)}, "1 2 4 ");
	assert_listed(f, &(struct entry_filter){.queue_id = 1, .states = ENTRY_IN(ENTRY_DONE)},
		      "3 ");
	assert_listed(f,
		      &(struct entry_filter){.states = ENTRY_IN(ENTRY_NEW) | ENTRY_IN(ENTRY_DONE)},
		      "1 2 3 4 ");
	assert_listed(f, &(struct entry_filter){.entry_id = 3}, "3 ");
	assert_listed(f, &(struct entry_filter){.sender = "bob@EXAMPLE"}, "4 ");
	assert_listed(f, &(struct entry_filter){.subject = "invoice"}, "1 4 ");
	assert_listed(f, &(struct entry_filter){.received_from_s = NOW_S}, "2 3 ");
	assert_listed(f, &(struct entry_filter){.received_until_s = NOW_S}, "1 4 ");
}

static void test_filters_take_wild_cards_as_plain_characters(void **state)
{
	struct fixture *f = *state;
	put_listed_entries(f);
	assert_listed(f, &(struct entry_filter){.subject = "%"}, "2 ");
	assert_listed(f, &(struct entry_filter){.subject = "_"}, "2 ");
	assert_listed(f, &(struct entry_filter){.subject = "' OR 1 --"}, "");
}

static void test_texts_are_found_whatever_their_case(void **state)
{
	struct fixture *f = *state;
	struct entry entry = plain_entry(put_queue(f, "first"));
	entry.subject = (char *)"\xc3\x84RGER mit Stra\xc3\x9f"
				"en, A\xcc\x88RGER, \xd0\xaf";
	put_entry(f, &entry, &(struct entry_contents){0});
	assert_listed(f, &(struct entry_filter){.subject = "\xc3\xa4rger mit"}, "1 ");
	assert_listed(f, &(struct entry_filter){.subject = "STRASSEN, \xc3\xa4rger"}, "1 ");
	assert_listed(f, &(struct entry_filter){.subject = "\xd1\x8f"}, "1 ");
	assert_listed(f, &(struct entry_filter){.subject = "arger"}, "");
	assert_listed(f, &(struct entry_filter){.text = "\xd1\x8f"}, "1 ");
}

static void test_a_list_ends_when_the_receiver_says_so(void **state)
{
	struct fixture *f = *state;
	put_listed_entries(f);
	g_autoptr(GString) ids = g_string_new("");
	struct listed listed = {.ids = ids, .stop_at = 2};
	assert_int_equal(
	    3, entry_list(f->store, &(struct entry_filter){0}, collect_ids, &listed, &f->err));
	assert_string_equal("1 2 ", ids->str);
}

static int count_and_claim(const struct entry *entry, void *context)
{
	struct fixture *f = context;
	static int count;
	(void)entry;
	/* A slow reader holds up nobody: the list keeps no lock while it hands out. */
	if (++count == 1) {
		struct store *other;
		assert_ok(store_open(f->path, STORE_WRITE, &other, &f->err), &f->err);
		engine_set_patience_ms(other->engine, 0);
		assert_ok(
		    engine_execute(other->engine, "UPDATE entry_status SET priority = 1", &f->err),
		    &f->err);
		store_close(other);
	}
	return count == 500 ? 5 : 0;
}

static void test_a_long_list_holds_up_no_writer(void **state)
{
	struct fixture *f = *state;
	const struct entry entry = plain_entry(put_queue(f, "invoices"));
	int64_t id;
	assert_ok(store_begin(f->store, &f->err), &f->err);
	for (int i = 0; i < 500; i++)
		assert_ok(
		    entry_put(f->store, &entry, &(struct entry_contents){0}, NOW_MS, &id, &f->err),
		    &f->err);
	assert_ok(store_commit(f->store, &f->err), &f->err);
	assert_int_equal(
	    5, entry_list(f->store, &(struct entry_filter){0}, count_and_claim, f, &f->err));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_store, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_lists_are_by_id_and_filtered),
	    TEST(test_filters_take_wild_cards_as_plain_characters),
	    TEST(test_texts_are_found_whatever_their_case),
	    TEST(test_a_list_ends_when_the_receiver_says_so),
	    TEST(test_a_long_list_holds_up_no_writer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
