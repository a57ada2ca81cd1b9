/*
 * What GMime is not asked to do, and why: each test shows a fault of the library, and is skipped
 * with a word where the library has none any more. What works around it can then go.
 */
#include "mime_fixture.h"

#include <gmime/gmime.h>

static int open_gmime(void **state)
{
	(void)state;
	g_mime_init();
	return 0;
}

static GMimeObject *read_part(const char *raw)
{
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(raw, strlen(raw));
	GMimeParser *parser = g_mime_parser_new_with_stream(stream);
	GMimeObject *object = g_mime_parser_construct_part(parser, NULL);

	g_object_unref(parser);
	g_object_unref(stream);
	return object;
}

static char *content_of(GMimeObject *part)
{
	GMimeStream *stream = g_mime_stream_mem_new();

	if (GMIME_IS_PART(part))
		g_mime_data_wrapper_write_to_stream(g_mime_part_get_content(GMIME_PART(part)),
						    stream);
	GByteArray *bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
	char *content = g_strndup((const char *)bytes->data, bytes->len);
	g_object_unref(stream);
	return content;
}

static void assert_fault(bool fault, const char *workaround)
{
	if (fault)
		return;
	print_message("GMime %u.%u.%u needs it no longer: %s\n", gmime_major_version,
		      gmime_minor_version, gmime_micro_version, workaround);
	skip();
}

static void assert_content_fault(const char *raw, const char *right, const char *workaround)
{
	GMimeObject *part = read_part(raw);
	g_autofree char *content = part ? content_of(part) : g_strdup("");
	bool fault = strcmp(content, right) != 0;

	g_clear_object(&part);
	assert_fault(fault, workaround);
}

static void assert_count_fault(const char *raw, int right, const char *workaround)
{
	GMimeObject *part = read_part(raw);
	int count = part && GMIME_IS_MULTIPART(part)
			? g_mime_multipart_get_count(GMIME_MULTIPART(part))
			: -1;

	g_clear_object(&part);
	assert_fault(count != right, workaround);
}

static void test_a_text_without_an_empty_line_before_it(void **state)
{
	(void)state;
	assert_content_fault("Content-Type: text/plain\nHello\n\nBye\n", "Hello\n\nBye\n",
			     "header blocks read by mime/header.c: the text that follows is kept");
}

static void test_a_header_that_something_stands_before(void **state)
{
	(void)state;
	assert_content_fault("junk\nContent-Type: text/plain\n\nHello\n", "Hello\n",
			     "header_start() of mime/header.c");
}

static void test_a_content_type_without_a_semicolon(void **state)
{
	(void)state;
	assert_count_fault("Content-Type: multipart/mixed boundary=\"b\"\n\n--b\n\none\n--b--\n", 1,
			   "mime/content_field.c for semicolons that are missing");
}

static void test_a_content_type_that_is_repeated(void **state)
{
	(void)state;
	assert_count_fault("Content-Type: text/plain\nContent-Type: multipart/mixed; boundary=b\n"
			   "Content-Type: text/plain\n\n--b\n\none\n--b--\n",
			   1, "choose_type() of mime/skeleton.c");
}

static void test_a_boundary_that_looks_like_an_encoded_word(void **state)
{
	(void)state;
	assert_count_fault("Content-Type: multipart/mixed; boundary=\"=?utf-8?Q?b?=\"\n\n"
			   "--=?utf-8?Q?b?=\n\none\n--=?utf-8?Q?b?=--\n",
			   1, "boundary_shown() of mime/skeleton.c");
}

static void test_a_blank_at_the_end_of_a_boundary(void **state)
{
	(void)state;
	assert_count_fault("Content-Type: multipart/mixed; boundary=\"b \"\n\n--b\n\none\n--b--\n",
			   1, "boundary_of() of mime/skeleton.c");
}

/* It reads its input in pieces of 4,096 bytes. */
static void test_the_middle_of_a_long_line(void **state)
{
	static const char *const workaround =
	    "contents left out of what GMime is given (mime/skeleton.c), as for long lines";
	bool fault = false;

	(void)state;
	for (size_t length = 3800; length < 4400 && !fault; length++) {
		g_autofree char *line = g_strnfill(length, 'x');
		g_autofree char *raw =
		    g_strdup_printf("Content-Type: multipart/mixed; boundary=b\n\n--b\n\n%s--b\n"
				    "\n--b--\n",
				    line);
		GMimeObject *part = read_part(raw);
		fault = g_mime_multipart_get_count(GMIME_MULTIPART(part)) != 1;
		g_object_unref(part);
	}
	assert_fault(fault, workaround);
}

/* What stands before the parts is kept in memory, whatever its size. */
static void test_what_stands_before_the_parts(void **state)
{
	g_autofree char *text = g_strnfill(1 << 20, 'x');
	g_autofree char *raw = g_strconcat("Content-Type: multipart/mixed; boundary=b\n\n", text,
					   "\n--b\n\none\n--b--\n", NULL);
	GMimeObject *part = read_part(raw);
	const char *prologue = g_mime_multipart_get_prologue(GMIME_MULTIPART(part));
	bool fault = prologue && strlen(prologue) == 1 << 20;

	(void)state;
	g_object_unref(part);
	assert_fault(fault, "contents left out of what GMime is given (mime/skeleton.c)");
}

#define BASE64 "Content-Transfer-Encoding: base64\n\n"
#define QUOTED "Content-Transfer-Encoding: quoted-printable\n\n"

static void test_base64_behind_padding(void **state)
{
	(void)state;
	assert_content_fault(BASE64 "YQ==\nYg==\n", "ab", "mime/base64.c for data behind padding");
}

static void test_base64_without_padding(void **state)
{
	(void)state;
	assert_content_fault(BASE64 "aGVsbG8\n", "hello",
			     "mime/base64.c for padding that is missing");
}

/* RFC 2045, 6.7, rule 3 */
static void test_blanks_at_the_end_of_quoted_printable_lines(void **state)
{
	(void)state;
	assert_content_fault(QUOTED "a  \nb=  \nc\n", "a\nbc\n",
			     "mime/quoted_printable.c for blanks");
}

static void test_an_equals_sign_before_an_escape(void **state)
{
	(void)state;
	assert_content_fault(QUOTED "==3D\n", "==\n", "mime/quoted_printable.c for damage");
}

/* It goes into a message, and hides its bytes. */
static void test_a_forwarded_message(void **state)
{
	GMimeObject *part = read_part("Content-Type: message/rfc822\n\nSubject: x\n\ny\n");
	bool fault = GMIME_IS_MESSAGE_PART(part);

	(void)state;
	g_object_unref(part);
	assert_fault(fault, "block_write() of mime/skeleton.c calls it text");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_text_without_an_empty_line_before_it),
	    cmocka_unit_test(test_a_header_that_something_stands_before),
	    cmocka_unit_test(test_a_content_type_without_a_semicolon),
	    cmocka_unit_test(test_a_content_type_that_is_repeated),
	    cmocka_unit_test(test_a_boundary_that_looks_like_an_encoded_word),
	    cmocka_unit_test(test_a_blank_at_the_end_of_a_boundary),
	    cmocka_unit_test(test_the_middle_of_a_long_line),
	    cmocka_unit_test(test_what_stands_before_the_parts),
	    cmocka_unit_test(test_base64_behind_padding),
	    cmocka_unit_test(test_base64_without_padding),
	    cmocka_unit_test(test_blanks_at_the_end_of_quoted_printable_lines),
	    cmocka_unit_test(test_an_equals_sign_before_an_escape),
	    cmocka_unit_test(test_a_forwarded_message),
	};

	return cmocka_run_group_tests(tests, open_gmime, NULL);
}
