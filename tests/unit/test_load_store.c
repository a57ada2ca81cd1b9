/* What a parser that a message has taken over may say, and what of it is believed. mime_parse() is
 * wrapped (linker option --wrap): it lies about digests. */
#include "loader/flow/load_internal.h"
#include "loader/flow/spool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static bool lies;

int __real_mime_parse(const struct mime_options *options, int input, uint64_t offset, uint64_t size,
		      int output, uint64_t *output_end, struct mime_message **ret_message);
int __wrap_mime_parse(const struct mime_options *options, int input, uint64_t offset, uint64_t size,
		      int output, uint64_t *output_end, struct mime_message **ret_message);

int __wrap_mime_parse(const struct mime_options *options, int input, uint64_t offset, uint64_t size,
		      int output, uint64_t *output_end, struct mime_message **ret_message)
{
	int failed =
	    __real_mime_parse(options, input, offset, size, output, output_end, ret_message);
	if (failed == 0 && lies)
		(*ret_message)->text_body.sha256[0] ^= 1;
	return failed;
}

static int take(struct load *load, const struct entry *entry, const struct entry_contents *contents,
		void *context, struct error *err)
{
	(void)load;
	(void)err;
	assert_string_equal("Invoice", entry->subject);
	assert_true(contents->message_body.present);
	(*(int *)context)++;
	return 0;
}

/* One message through the parser; returns what load_make_entry() does. */
static int make(struct error *err, int *taken)
{
	static const char message[] = "Subject: Invoice\r\n\r\nPlease pay.\r\n";
	struct connection_string server = {.max_size_bytes = 1000000};
	struct mailbox mailbox = {.server = &server};
	struct work_queue queue = {.id = 1};
	struct load_options options = {.database = "/tmp/none.db"};
	struct load load = {.queue = &queue, .options = &options, .mailbox = &mailbox};
	struct load_batch batch;
	struct load_item item = {
	    .uid = 1, .size_bytes = sizeof message - 1, .spooled_bytes = sizeof message - 1};
	bool bad = true;
	assert_int_equal(0, load_batch_open(&load, false, &batch, err));
	assert_int_equal(0, spool_write(batch.spool, 0, message, sizeof message - 1, err));
	assert_int_equal(
	    0, parser_submit(batch.parser, 0, sizeof message - 1, false, &item.parser_index, err));
	assert_int_equal(0, parser_finish(batch.parser, err));
	int failed = load_make_entry(&load, &batch, &item, take, taken, &bad, err);
	load_batch_close(&batch);
	assert_true(failed != 0 || !bad);
	return failed;
}

static void test_an_honest_digest_is_taken(void **state)
{
	struct error err;
	int taken = 0;
	(void)state;
	lies = false;
	assert_int_equal(0, make(&err, &taken));
	assert_int_equal(1, taken);
}

static void test_a_wrong_digest_is_the_messages_fault(void **state)
{
	struct error err;
	int taken = 0;
	(void)state;
	lies = true;
	assert_int_equal(-1, make(&err, &taken));
	assert_int_equal(ERROR_SOFTWARE, err.kind);
	assert_non_null(strstr(err.text, "digest"));
	assert_int_equal(0, taken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_an_honest_digest_is_taken),
	    cmocka_unit_test(test_a_wrong_digest_is_the_messages_fault),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
