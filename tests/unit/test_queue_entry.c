/* Entries: storing them with their content, and finding them. */
#include "queue_fixture.h"

static void test_state_names_are_what_the_database_has(void **state)
{
	(void)state;
	static const char *const names[] = {"new", "claimed", "done", "failed", "bad"};
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		enum entry_state parsed;
		assert_string_equal(names[i], entry_state_format((enum entry_state)i));
		assert_int_equal(0, entry_state_parse(names[i], &parsed));
		assert_int_equal(i, parsed);
	}
	enum entry_state untouched = ENTRY_DONE;
	assert_int_equal(-1, entry_state_parse("New", &untouched));
	assert_int_equal(-1, entry_state_parse("", &untouched));
	assert_int_equal(-1, entry_state_parse(NULL, &untouched));
	assert_int_equal(ENTRY_DONE, untouched);
}

static void test_an_entry_comes_back_as_it_was_put(void **state)
{
	struct fixture *f = *state;
	const int64_t queue_id = put_queue(f, "invoices");
	struct entry_contents contents = {
	    .message_body = content_of("Hello\nWörld\n", 13),
	    .html_body = content_of("<p>Hello</p>", 12),
	    .raw = content_of("Subject: x\r\n\r\nHello\r\n", 21),
	};
	const struct entry_content bytes[] = {content_of("", 0), content_of("%PDF", 4)};
	contents.attachments = bytes;
	struct entry_attachment attachments[] = {
	    {.file_name = (char *)"empty.txt",
	     .declared_name = (char *)"../empty.txt",
	     .content_type = (char *)"text/plain",
	     .disposition = (char *)"attachment",
	     .content_id = (char *)"1@example.com"},
	    {.file_name = (char *)"noname1.pdf", .content_type = (char *)"application/pdf"},
	};
	struct entry put = plain_entry(queue_id);
	put.priority = -3;
	put.cc = (char *)"b@example.com; c@example.com";
	put.message_id = (char *)"<1@example.com>";
	put.defects = (char *)"[\"no-date\"]";
	put.raw_size = 21;
	memcpy(put.raw_sha256, contents.raw.sha256, sizeof put.raw_sha256);
	put.attachments = attachments;
	put.attachment_count = 2;
	const int64_t id = put_entry(f, &put, &contents);

	struct entry *got;
	assert_ok(entry_find(f->store, id, &got, &f->err), &f->err);
	assert_int_equal(id, got->id);
	assert_int_equal(queue_id, got->queue_id);
	assert_string_equal("invoices", got->queue_name);
	assert_int_equal(ENTRY_NEW, got->state);
	assert_int_equal(-3, got->priority);
	assert_int_equal(0, got->attempt_count);
	assert_null(got->error_kind);
	assert_int_equal(0, got->next_attempt_at_ms);
	assert_string_equal("Invoice 4711", got->subject);
	assert_string_equal("Ada <ada@example.com>", got->sender);
	assert_string_equal("b@example.com; c@example.com", got->cc);
	assert_null(got->bcc);
	assert_string_equal("<1@example.com>", got->message_id);
	assert_int_equal(put.date_sent_s, got->date_sent_s);
	assert_int_equal(put.date_received_s, got->date_received_s);
	assert_string_equal(put.headers, got->headers);
	assert_string_equal("[\"no-date\"]", got->defects);
	assert_memory_equal(put.raw_sha256, got->raw_sha256, 32);
	assert_int_equal(21, got->raw_size);
	assert_true(got->raw_kept);
	assert_true(got->has_message_body);
	assert_true(got->has_html_body);
	assert_int_equal(NOW_MS, got->record_created_ms);
	assert_int_equal(NOW_MS, got->record_updated_ms);
	assert_int_equal(2, got->attachment_count);
	assert_int_equal(1, got->attachments[0].position);
	assert_string_equal("empty.txt", got->attachments[0].file_name);
	assert_string_equal("../empty.txt", got->attachments[0].declared_name);
	assert_string_equal("text/plain", got->attachments[0].content_type);
	assert_string_equal("attachment", got->attachments[0].disposition);
	assert_string_equal("1@example.com", got->attachments[0].content_id);
	assert_int_equal(0, got->attachments[0].size_bytes);
	assert_string_equal("noname1.pdf", got->attachments[1].file_name);
	assert_null(got->attachments[1].declared_name);
	assert_null(got->attachments[1].disposition);
	assert_int_equal(4, got->attachments[1].size_bytes);
	assert_memory_equal(bytes[1].sha256, got->attachments[1].sha256, 32);
	entry_free(got);

	g_autoptr(GByteArray) read = g_byte_array_new();
	assert_ok(entry_read(f->store, id, ENTRY_MESSAGE_BODY, 0, append_bytes, read, &f->err),
		  &f->err);
	assert_ok(entry_read(f->store, id, ENTRY_HTML_BODY, 0, append_bytes, read, &f->err),
		  &f->err);
	assert_ok(entry_read(f->store, id, ENTRY_RAW, 0, append_bytes, read, &f->err), &f->err);
	assert_ok(entry_read(f->store, id, ENTRY_ATTACHMENT, 1, append_bytes, read, &f->err),
		  &f->err);
	assert_ok(entry_read(f->store, id, ENTRY_ATTACHMENT, 2, append_bytes, read, &f->err),
		  &f->err);
	g_byte_array_append(read, (const guint8 *)"", 1);
	assert_string_equal("Hello\nWörld\n<p>Hello</p>Subject: x\r\n\r\nHello\r\n%PDF",
			    (char *)read->data);
	close(contents.message_body.fd);
	close(contents.html_body.fd);
	close(contents.raw.fd);
	close(bytes[0].fd);
	close(bytes[1].fd);
}

static void test_parts_that_are_not_there_are_missing_by_name(void **state)
{
	struct fixture *f = *state;
	const int64_t id = put_plain_entry(f, put_queue(f, "invoices"));
	struct store *store = f->store;
	struct error *err = &f->err;
	struct entry *entry = NULL;
	assert_ok(entry_find(store, id, &entry, err), err);
	assert_false(entry->has_message_body);
	assert_false(entry->has_html_body);
	assert_false(entry->raw_kept);
	entry_free(entry);
	assert_error(entry_read(store, id, ENTRY_MESSAGE_BODY, 0, append_bytes, NULL, err), err,
		     REASON_MISSING, "has no text body");
	assert_error(entry_read(store, id, ENTRY_HTML_BODY, 0, append_bytes, NULL, err), err,
		     REASON_MISSING, "has no HTML body");
	assert_error(entry_read(store, id, ENTRY_RAW, 0, append_bytes, NULL, err), err,
		     REASON_MISSING, "has no raw message (keepRaw=True");
	assert_error(entry_read(store, id, ENTRY_ATTACHMENT, 1, append_bytes, NULL, err), err,
		     REASON_MISSING, "has no attachment 1");
	assert_error(entry_read(store, 99, ENTRY_RAW, 0, append_bytes, NULL, err), err,
		     REASON_MISSING, "there is no entry 99");
	assert_error(entry_find(store, 99, &entry, err), err, REASON_MISSING,
		     "there is no entry 99");
}

static void test_an_empty_body_is_a_body(void **state)
{
	struct fixture *f = *state;
	const struct entry put = plain_entry(put_queue(f, "invoices"));
	const struct entry_contents contents = {.message_body = content_of("", 0)};
	const int64_t id = put_entry(f, &put, &contents);
	struct entry *got;
	assert_ok(entry_find(f->store, id, &got, &f->err), &f->err);
	assert_true(got->has_message_body);
	assert_false(got->has_html_body);
	entry_free(got);
	assert_ok(entry_read(f->store, id, ENTRY_MESSAGE_BODY, 0, append_bytes, NULL, &f->err),
		  &f->err);
	close(contents.message_body.fd);
}

static void assert_reply(struct fixture *f, int64_t id, const char *expected)
{
	char *reply;
	assert_ok(entry_find_reply(f->store, id, &reply, &f->err), &f->err);
	assert_int_equal(0, g_strcmp0(expected, reply));
	g_free(reply);
}

static void test_a_reply_is_noted_once_it_was_looked_for(void **state)
{
	struct fixture *f = *state;
	struct entry put = plain_entry(put_queue(f, "invoices"));
	const struct entry_contents nothing = {0};
	const struct entry_contents contents = {.message_body = content_of("Yes.\n", 5)};
	assert_reply(f, put_entry(f, &put, &nothing), "");
	const int64_t id = put_entry(f, &put, &contents);
	assert_reply(f, id, NULL);
	assert_ok(store_begin(f->store, &f->err), &f->err);
	assert_ok(entry_note_reply(f->store, id, "Yes.", &f->err), &f->err);
	assert_ok(store_commit(f->store, &f->err), &f->err);
	assert_reply(f, id, "Yes.");
	put.reply_plain = (char *)"No.";
	assert_reply(f, put_entry(f, &put, &contents), "No.");
	char *untouched = NULL;
	assert_error(entry_find_reply(f->store, 99, &untouched, &f->err), &f->err, REASON_MISSING,
		     "99");
	assert_null(untouched);
	close(contents.message_body.fd);
}

static void test_content_is_taken_from_where_it_stands_in_the_file(void **state)
{
	struct fixture *f = *state;
	struct entry_contents contents = {.message_body = content_of("before|body|after", 17)};
	contents.message_body.offset = 7;
	contents.message_body.size_bytes = 4;
	const struct entry put = plain_entry(put_queue(f, "invoices"));
	const int64_t id = put_entry(f, &put, &contents);
	g_autofree char *body = ask_text(f->store, "SELECT message_body FROM entry");
	assert_string_equal("body", body);
	assert_int_equal(1, id);
	close(contents.message_body.fd);
}

static void test_a_digest_is_made_of_the_bytes_that_are_stored(void **state)
{
	struct fixture *f = *state;
	/* Whole and in pieces. */
	static const size_t mib = 1 << 20;
	const size_t sizes[] = {0, 4, mib, mib + 1};
	struct entry_attachment attachment = {.file_name = (char *)"a.bin",
					      .content_type = (char *)"application/octet-stream"};
	struct entry put = plain_entry(put_queue(f, "invoices"));
	put.attachments = &attachment;
	put.attachment_count = 1;
	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
		g_autofree char *bytes = g_strnfill(sizes[i], 'x');
		const struct entry_content content = content_of(bytes, sizes[i]);
		struct entry_content undigested = content;
		memset(undigested.sha256, 0, sizeof undigested.sha256);
		struct entry *got;
		const int64_t id =
		    put_entry(f, &put, &(struct entry_contents){.attachments = &undigested});
		assert_ok(entry_find(f->store, id, &got, &f->err), &f->err);
		assert_memory_equal(content.sha256, got->attachments[0].sha256, 32);
		entry_free(got);
		close(content.fd);
	}
}

static void test_the_same_bytes_are_stored_once(void **state)
{
	struct fixture *f = *state;
	const struct entry_content logo = content_of("logo", 4);
	const struct entry_content twice[] = {logo, logo};
	struct entry_attachment attachments[] = {
	    {.file_name = (char *)"a.png", .content_type = (char *)"image/png"},
	    {.file_name = (char *)"b.png", .content_type = (char *)"image/png"},
	};
	struct entry put = plain_entry(put_queue(f, "invoices"));
	put.attachments = attachments;
	put.attachment_count = 2;
	put_entry(f, &put, &(struct entry_contents){.attachments = twice});
	put_entry(f, &put, &(struct entry_contents){.attachments = twice});
	assert_int_equal(1, ask_number(f->store, "SELECT count(*) FROM content"));
	assert_int_equal(4, ask_number(f->store, "SELECT count(*) FROM attachment_data"
						 " WHERE CAST(data AS TEXT) = 'logo'"));
	close(logo.fd);
}

static void test_a_bad_entry_has_its_reason_and_its_raw_bytes(void **state)
{
	struct fixture *f = *state;
	const struct entry_contents contents = {.raw = content_of("garbage", 7)};
	struct entry put = plain_entry(put_queue(f, "invoices"));
	put.state = ENTRY_BAD;
	put.error_kind = (char *)"load";
	put.error_text = (char *)"the parser died three times";
	memcpy(put.raw_sha256, contents.raw.sha256, sizeof put.raw_sha256);
	const int64_t id = put_entry(f, &put, &contents);
	struct entry *got;
	assert_ok(entry_find(f->store, id, &got, &f->err), &f->err);
	assert_int_equal(ENTRY_BAD, got->state);
	assert_string_equal("load", got->error_kind);
	assert_string_equal("the parser died three times", got->error_text);
	assert_true(got->raw_kept);
	entry_free(got);
	close(contents.raw.fd);
}

static void assert_refused(struct fixture *f, const struct entry *entry,
			   const struct entry_contents *contents, enum error_reason status,
			   const char *part)
{
	int64_t id = -5;
	assert_ok(store_begin(f->store, &f->err), &f->err);
	assert_error(entry_put(f->store, entry, contents, NOW_MS, &id, &f->err), &f->err, status,
		     part);
	store_rollback(f->store);
	assert_int_equal(-5, id);
	assert_int_equal(0, ask_number(f->store, "SELECT (SELECT count(*) FROM entry_status) +"
						 " (SELECT count(*) FROM content)"));
}

static void test_entries_that_cannot_be_are_refused(void **state)
{
	struct fixture *f = *state;
	const struct entry_contents none = {0};
	const int64_t queue_id = put_queue(f, "invoices");
	struct entry entry = plain_entry(queue_id);
	entry.state = ENTRY_CLAIMED;
	assert_refused(f, &entry, &none, REASON_INVALID, "claimed means leased");
	entry.state = ENTRY_BAD;
	assert_refused(f, &entry, &none, REASON_INVALID, "bad means an error of kind load");
	entry.state = ENTRY_FAILED;
	assert_refused(f, &entry, &none, REASON_INVALID, "failed means an error");
	entry = plain_entry(queue_id + 1);
	assert_refused(f, &entry, &none, REASON_INVALID, "FOREIGN KEY");

	const struct entry_content bytes = content_of("x", 1);
	struct entry_attachment attachment = {.file_name = (char *)"a/b",
					      .content_type = (char *)"text/plain"};
	entry = plain_entry(queue_id);
	entry.attachments = &attachment;
	entry.attachment_count = 1;
	assert_refused(f, &entry, &(struct entry_contents){.attachments = &bytes}, REASON_INVALID,
		       "file_name");
	close(bytes.fd);
}

static void test_an_entry_needs_an_open_transaction(void **state)
{
	struct fixture *f = *state;
	const struct entry entry = plain_entry(put_queue(f, "invoices"));
	int64_t id;
	assert_error(entry_put(f->store, &entry, &(struct entry_contents){0}, NOW_MS, &id, &f->err),
		     &f->err, REASON_SOFTWARE, "outside a transaction");
}

static void test_content_that_cannot_be_read_is_an_error(void **state)
{
	struct fixture *f = *state;
	const struct entry entry = plain_entry(put_queue(f, "invoices"));
	struct entry_contents contents = {.message_body = content_of("short", 5)};
	contents.message_body.size_bytes = 6;
	assert_refused(f, &entry, &contents, REASON_IO, "the file is shorter than it was");
	contents.message_body.size_bytes = UINT64_C(2) * 1024 * 1024; /* in pieces */
	assert_refused(f, &entry, &contents, REASON_IO, "the file is shorter than it was");
	close(contents.message_body.fd);
	contents.message_body.fd = -1;
	assert_refused(f, &entry, &contents, REASON_IO, "Bad file descriptor");
	contents.message_body.size_bytes = UINT64_C(1000000001);
	assert_refused(f, &entry, &contents, REASON_INVALID, "at most 1,000,000,000");
}

static void test_a_digest_that_is_there_with_another_size_is_refused(void **state)
{
	struct fixture *f = *state;
	const struct entry entry = plain_entry(put_queue(f, "invoices"));
	const struct entry_content one = content_of("one", 3);
	struct entry_content liar = content_of("three", 5);
	liar.hashed = true;
	memcpy(liar.sha256, one.sha256, sizeof liar.sha256);
	const struct entry_content pair[] = {one, liar};
	struct entry_attachment attachments[] = {
	    {.file_name = (char *)"1", .content_type = (char *)"text/plain"},
	    {.file_name = (char *)"2", .content_type = (char *)"text/plain"},
	};
	struct entry put = entry;
	put.attachments = attachments;
	put.attachment_count = 2;
	assert_refused(f, &put, &(struct entry_contents){.attachments = pair}, REASON_INVALID,
		       "with another size");
	close(one.fd);
	close(liar.fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_store, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_state_names_are_what_the_database_has),
	    TEST(test_an_entry_comes_back_as_it_was_put),
	    TEST(test_parts_that_are_not_there_are_missing_by_name),
	    TEST(test_an_empty_body_is_a_body),
	    TEST(test_a_reply_is_noted_once_it_was_looked_for),
	    TEST(test_content_is_taken_from_where_it_stands_in_the_file),
	    TEST(test_a_digest_is_made_of_the_bytes_that_are_stored),
	    TEST(test_the_same_bytes_are_stored_once),
	    TEST(test_a_bad_entry_has_its_reason_and_its_raw_bytes),
	    TEST(test_entries_that_cannot_be_are_refused),
	    TEST(test_an_entry_needs_an_open_transaction),
	    TEST(test_content_that_cannot_be_read_is_an_error),
	    TEST(test_a_digest_that_is_there_with_another_size_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
