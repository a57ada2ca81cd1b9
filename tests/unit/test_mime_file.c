/* Messages as files: what is read of them, one after the other, and how much memory a large one takes. */
#include "mime_fixture.h"

#include <errno.h>
#include <fcntl.h>

#define TEXT	    "Content-Type: text/plain; charset=utf-8\r\n\r\n"
#define HTML	    "Content-Type: text/html; charset=utf-8\r\n\r\n"
#define MIXED(b)    "Content-Type: multipart/mixed; boundary=" b "\r\n\r\n"
#define MULTI(s, b) "Content-Type: multipart/" s "; boundary=" b "\r\n\r\n"

static void test_contents_follow_what_is_in_the_file(void **state)
{
	struct mime_options options = mime_options_default();
	const char raw[] = "garbage" HEADER "\r\nHello" HEADER;
	size_t length = strlen(HEADER) + strlen("\r\nHello");
	int input = memory_file(raw, sizeof(raw) - 1);
	struct parsed parsed = {.output = memory_file("before", 6), .output_end = 6};

	(void)state;
	parsed_fill(&parsed, &options, input, 7, length);
	assert_int_equal(parsed.message->text_body.offset, 6);
	assert_int_equal(parsed.output_end, 11);
	assert_text(&parsed, "Hello");
	assert_int_equal(lseek(input, 0, SEEK_CUR), sizeof(raw) - 1);
	close(input);
	parsed_clear(&parsed);
}

static void test_files_that_fail(void **state)
{
	struct mime_options options = mime_options_default();
	struct mime_message *message = NULL;
	int input = memory_file("\r\nHello", 7);
	int full = open("/dev/full", O_RDWR);
	struct mime_output *output = mime_output_new(full);

	(void)state;
	assert_int_equal(-1, mime_parse(&options, input, 0, 8, output, &message));
	assert_int_equal(errno, EIO);
	assert_int_equal(-1, mime_parse(&options, -1, 0, 7, output, &message));
	assert_int_equal(errno, EBADF);
	assert_null(message);
	assert_int_equal(0, mime_output_tell(output));
	assert_int_equal(0, mime_output_flush(output));

	assert_int_equal(0, mime_parse(&options, input, 0, 7, output, &message));
	assert_int_equal(-1, mime_output_flush(output));
	assert_int_equal(errno, ENOSPC);
	mime_message_free(message);
	message = NULL;
	/* It stays so until a new beginning. */
	assert_int_equal(-1, mime_parse(&options, input, 0, 7, output, &message));
	assert_int_equal(errno, ENOSPC);
	assert_null(message);
	mime_output_seek(output, 0);
	assert_int_equal(0, mime_parse(&options, input, 0, 7, output, &message));
	mime_message_free(message);
	mime_output_free(output);
	close(input);
	close(full);
}

/* Messages share a buffer; one that cannot be read does not take the others' content with it. */
static void test_messages_one_after_the_other(void **state)
{
	struct mime_options options = mime_options_default();
	struct parsed first = {.output = memory_file("", 0)};
	struct parsed second = first;
	struct mime_message *none = NULL;
	int input = memory_file("\r\nfirst\r\nsecond", 15);
	struct mime_output *output = mime_output_new(first.output);

	(void)state;
	assert_int_equal(0, mime_parse(&options, input, 0, 7, output, &first.message));
	assert_int_equal(-1, mime_parse(&options, input, 0, 100, output, &none));
	assert_int_equal(0, mime_parse(&options, input, 7, 8, output, &second.message));
	mime_output_write(output, "!", 1);
	assert_int_equal(0, mime_output_flush(output));
	first.output_end = second.output_end = mime_output_tell(output);
	assert_int_equal(strlen("firstsecond!"), first.output_end);
	assert_text(&first, "first");
	assert_text(&second, "second");
	mime_output_free(output);
	mime_message_free(second.message);
	close(input);
	parsed_clear(&first);
}

static char *digest_of_attachment(int input, uint64_t offset, uint64_t size)
{
	struct mime_options options = mime_options_default();
	struct parsed parsed = {.output = memory_file("", 0)};

	parsed_fill(&parsed, &options, input, offset, size);
	assert_int_equal(1, parsed.message->attachment_count);
	assert_string_equal("[]", parsed.message->defects);
	g_autofree char *text = content_text(&parsed, &parsed.message->attachments[0].content);
	char *digest =
	    g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)text,
					(gsize)parsed.message->attachments[0].content.size);
	parsed_clear(&parsed);
	return digest;
}

/* In a file that holds more than it. */
static void test_a_large_message(void **state)
{
	static const char head[] =
	    HEADER MIXED("b") "--b\r\n" TEXT "Text\r\n--b\r\nContent-Type: image/png\r\n"
			      "Content-Transfer-Encoding: base64\r\n\r\n";
	enum { BEFORE = 4097, BYTES = 9000001 };
	g_autofree guchar *bytes = g_malloc(BYTES);
	g_autoptr(GString) file = g_string_new(NULL);
	g_autofree char *wanted = NULL;

	(void)state;
	for (guint32 i = 0, next = 1; i < BYTES; i++, next = next * 1103515245 + 12345)
		bytes[i] = (guchar)(next >> 16);
	wanted = g_compute_checksum_for_data(G_CHECKSUM_SHA256, bytes, BYTES);
	g_autofree char *base64 = g_base64_encode(bytes, BYTES);
	for (int i = 0; i < BEFORE; i++)
		g_string_append_c(file, '\n');
	g_string_append(file, head);
	for (const char *at = base64; *at; at += strnlen(at, 76))
		g_string_append_printf(file, "%.76s\r\n", at);
	g_string_append(file, "--b--\r\n");

	int input = memory_file(file->str, file->len);
	g_autofree char *digest = digest_of_attachment(input, BEFORE, file->len - BEFORE);
	assert_string_equal(wanted, digest);

	/* Shorter than it should be. */
	struct mime_options options = mime_options_default();
	struct mime_message *message = NULL;
	int file_of_output = memory_file("", 0);
	struct mime_output *output = mime_output_new(file_of_output);
	assert_int_equal(-1, mime_parse(&options, input, BEFORE, file->len, output, &message));
	assert_int_equal(errno, EIO);
	mime_output_free(output);
	close(file_of_output);
	close(input);
}

/* The body is in the file before its reply is looked for. */
static void test_reply_before_a_large_attachment(void **state)
{
	g_autofree char *large = g_strnfill(100000, 'x');
	g_autofree char *raw = g_strconcat(
	    HEADER MIXED("m") "--m\r\n" TEXT "Yes, please.\r\n\r\n> Do you want it?\r\n--m\r\n"
			      "Content-Type: application/pdf\r\n\r\n",
	    large, "\r\n--m--\r\n", NULL);
	struct parsed parsed = parse(raw);

	(void)state;
	assert_string_equal(parsed.message->reply_plain, "Yes, please.");
	parsed_clear(&parsed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_reply_before_a_large_attachment),
	    cmocka_unit_test(test_contents_follow_what_is_in_the_file),
	    cmocka_unit_test(test_files_that_fail),
	    cmocka_unit_test(test_messages_one_after_the_other),
	    cmocka_unit_test(test_a_large_message),
	};

	return cmocka_run_group_tests(tests, open_mime, close_mime);
}
