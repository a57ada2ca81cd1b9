/* What of a parsed message is taken as it is, and what is made anew. */
#include "loader/load/load_internal.h"
#include "loader/parse/spool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static int take(const struct entry *entry, const struct entry_contents *contents, void *context,
		struct error *err)
{
	(void)err;
	assert_string_equal("Invoice", entry->subject);
	assert_true(contents->message_body.present);
	assert_int_equal(1, entry->attachment_count);
	assert_int_equal(strlen("Twelve."), contents->attachments[0].size_bytes);
	/* Whatever the parser may say of it: the digest is made of the bytes. */
	assert_false(contents->attachments[0].hashed);
	assert_true(contents->raw.hashed);
	(*(int *)context)++;
	return 0;
}

static void test_no_digest_of_an_attachment_is_taken(void **state)
{
	static const char message[] = "Subject: Invoice\r\nMIME-Version: 1.0\r\n"
				      "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
				      "--b\r\n\r\nPlease pay.\r\n"
				      "--b\r\nContent-Type: application/octet-stream\r\n\r\n"
				      "Twelve.\r\n--b--\r\n";
	struct mailbox mailbox = {0};
	struct work_queue queue = {.id = 1};
	struct load_options options = {.database = "/tmp/none.db"};
	struct load load = {.queue = &queue, .options = &options, .mailbox = &mailbox};
	struct load_item item = {
	    .uid = 1, .size_bytes = sizeof message - 1, .spooled_bytes = sizeof message - 1};
	struct load_batch batch;
	struct error err;
	int taken = 0;
	bool bad = true;
	(void)state;
	assert_int_equal(0, connection_string_parse("url=imap.example.com", &mailbox.server, &err));
	assert_int_equal(0, load_batch_open(&load, false, &batch, &err));
	assert_int_equal(0, spool_write(batch.spool, 0, message, sizeof message - 1, &err));
	assert_int_equal(
	    0, parser_submit(batch.parser, 0, sizeof message - 1, false, &item.parser_index, &err));
	assert_int_equal(0, parser_finish(batch.parser, &err));
	assert_int_equal(0, load_make_entry(&load, &batch, &item, take, &taken, &bad, &err));
	assert_false(bad);
	assert_int_equal(1, taken);
	load_batch_close(&batch);
	connection_string_free(mailbox.server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_no_digest_of_an_attachment_is_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
