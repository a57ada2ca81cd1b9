/* Content of entries read in pieces: in little memory, up to an end that the receiver or another process brings. */
#include "queue_fixture.h"

#include <limits.h>

#define LARGE_SIZE (UINT64_C(200) * 1024 * 1024)

#ifdef __SANITIZE_ADDRESS__
#define PEAK_LIMIT_KIB LONG_MAX /* it keeps what is freed, to find who still uses it */
#else
#define PEAK_LIMIT_KIB (32L * 1024)
#endif

static long peak_memory_kib(void)
{
	g_autofree char *status = NULL;
	assert_true(g_file_get_contents("/proc/self/status", &status, NULL, NULL));
	return strtol(strstr(status, "VmHWM:") + 6, NULL, 10);
}

static void reset_peak_memory(void)
{
	const int fd = open("/proc/self/clear_refs", O_WRONLY);
	assert_int_equal(1, write(fd, "5", 1));
	close(fd);
}

struct count {
	uint64_t bytes;
	uint64_t marks;
	size_t largest;
};

static int count_bytes(const void *bytes, size_t size, void *context)
{
	struct count *count = context;
	count->bytes += size;
	count->largest = MAX(count->largest, size);
	for (const char *at = bytes;
	     (at = memchr(at, '!', size - (size_t)(at - (const char *)bytes))); at++)
		count->marks++;
	return 0;
}

static void test_200_mb_go_in_and_out_in_little_memory(void **state)
{
	struct fixture *f = *state;
	struct entry_content large = content_of("!", 1);
	assert_int_equal(0, ftruncate(large.fd, (off_t)LARGE_SIZE));
	assert_int_equal(1, pwrite(large.fd, "!", 1, (off_t)LARGE_SIZE / 2 + 12345));
	assert_int_equal(1, pwrite(large.fd, "!", 1, (off_t)LARGE_SIZE - 1));
	large.size_bytes = LARGE_SIZE;
	struct entry_attachment attachment = {.file_name = (char *)"large.bin",
					      .content_type = (char *)"application/octet-stream"};
	struct entry entry = plain_entry(put_queue(f, "invoices"));
	entry.attachments = &attachment;
	entry.attachment_count = 1;

	reset_peak_memory();
	const int64_t id = put_entry(f, &entry, &(struct entry_contents){.attachments = &large});
	struct count count = {0};
	assert_ok(entry_read(f->store, id, ENTRY_ATTACHMENT, 1, count_bytes, &count, &f->err),
		  &f->err);
	const long peak_kib = peak_memory_kib();
	assert_int_equal(LARGE_SIZE, count.bytes);
	assert_int_equal(3, count.marks);
	assert_true(count.largest <= 65536);
	assert_true(peak_kib < PEAK_LIMIT_KIB);
	close(large.fd);
}

static void test_a_body_above_1_mib_reads_like_any_other(void **state)
{
	struct fixture *f = *state;
	const size_t size = (size_t)3 * 1024 * 1024 + 1;
	g_autofree char *text = g_strnfill(size, 'x');
	const struct entry_contents contents = {.message_body = content_of(text, size)};
	const struct entry entry = plain_entry(put_queue(f, "invoices"));
	const int64_t id = put_entry(f, &entry, &contents);
	assert_int_equal(1, ask_number(f->store, "SELECT count(*) FROM content"));
	assert_int_equal(size, ask_number(f->store, "SELECT length(message_body) FROM entry"
						    " WHERE typeof(message_body) = 'text'"));
	struct count count = {0};
	assert_ok(entry_read(f->store, id, ENTRY_MESSAGE_BODY, 0, count_bytes, &count, &f->err),
		  &f->err);
	assert_int_equal(size, count.bytes);
	close(contents.message_body.fd);
}

static int refuse(const void *bytes, size_t size, void *context)
{
	(void)bytes;
	(void)size;
	(*(int *)context)++;
	return -1;
}

static void test_a_receiver_that_stops_gets_its_own_error_back(void **state)
{
	struct fixture *f = *state;
	g_autofree char *text = g_strnfill(200000, 'x');
	const struct entry_contents contents = {.message_body = content_of(text, 200000)};
	const struct entry entry = plain_entry(put_queue(f, "invoices"));
	const int64_t id = put_entry(f, &entry, &contents);
	int calls = 0;
	assert_error(entry_read(f->store, id, ENTRY_MESSAGE_BODY, 0, refuse, &calls, &f->err),
		     &f->err, REASON_IO, "");
	assert_string_equal("", f->err.text);
	assert_int_equal(1, calls);
	close(contents.message_body.fd);
}

static int drop_queue(const void *bytes, size_t size, void *context)
{
	struct fixture *f = context;
	(void)bytes;
	(void)size;
	struct error ignored;
	work_queue_drop(f->store, 1, true, &ignored);
	return 0;
}

static void test_content_deleted_while_it_is_read_is_missing(void **state)
{
	struct fixture *f = *state;
	const size_t size = (size_t)3 * 1024 * 1024;
	g_autofree char *text = g_strnfill(size, 'x');
	const struct entry_contents contents = {.message_body = content_of(text, size)};
	const struct entry entry = plain_entry(put_queue(f, "invoices"));
	const int64_t id = put_entry(f, &entry, &contents);
	assert_error(entry_read(f->store, id, ENTRY_MESSAGE_BODY, 0, drop_queue, f, &f->err),
		     &f->err, REASON_MISSING, "was deleted");
	close(contents.message_body.fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_store, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_200_mb_go_in_and_out_in_little_memory),
	    TEST(test_a_body_above_1_mib_reads_like_any_other),
	    TEST(test_a_receiver_that_stops_gets_its_own_error_back),
	    TEST(test_content_deleted_while_it_is_read_is_missing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
