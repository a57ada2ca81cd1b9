/*
 * What GMime is not asked to do, and why: each test shows a fault of the library, and is skipped
 * with a word where the library has none any more. What works around it can then go.
 */
#include "mime_fixture.h"

#include <gmime/gmime.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* Frees what was found: skip() leaves a test without the end of its scopes. */
static bool differs(char *found, const char *right)
{
	const bool result = g_strcmp0(found, right) != 0;
	g_free(found);
	return result;
}

/* The caller holds no memory. */
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
	bool fault = differs(part ? content_of(part) : g_strdup(""), right);

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

/* --- fields -------------------------------------------------------------------- */

static void assert_text_fault(const char *field, const char *right, const char *workaround)
{
	assert_fault(differs(g_mime_utils_header_decode_text(NULL, field), right), workaround);
}

static void test_padding_in_consecutive_base64_words(void **state)
{
	(void)state;
	assert_text_fault("=?utf-8?B?YQ==?= =?utf-8?B?Yg==?=", "ab",
			  "mime/word.c for padded base64 words in a row");
}

static void test_a_shift_jis_word_that_says_iso_2022_jp(void **state)
{
	(void)state;
	assert_text_fault("=?iso-2022-jp?B?k/qWew==?=", "日本",
			  "charset_choose() of mime/charset_choice.c for words");
}

static void test_unencoded_windows_1252_in_a_field(void **state)
{
	(void)state;
	assert_text_fault("\x80 5", "€ 5", "charset_choose_bytes() for fields that are not ASCII");
}

static void assert_name_fault(const char *disposition, const char *right, const char *workaround)
{
	char *raw = g_strdup_printf("Content-Type: application/octet-stream\n"
				    "Content-Disposition: attachment; %s\n\nx\n",
				    disposition);
	GMimeObject *part = read_part(raw);
	bool fault = g_strcmp0(g_mime_part_get_filename(GMIME_PART(part)), right) != 0;

	g_object_unref(part);
	g_free(raw);
	assert_fault(fault, workaround);
}

static void test_a_plain_name_before_an_encoded_one(void **state)
{
	(void)state;
	assert_name_fault("filename=\"x.pdf\"; filename*=utf-8''%C3%BC.pdf", "ü.pdf",
			  "parameters_parse() of mime/parameter.c for RFC 2231");
}

static void test_a_name_behind_a_missing_semicolon(void **state)
{
	(void)state;
	assert_name_fault("size=1 filename=\"a b.pdf\"", "a b.pdf",
			  "mime/content_field.c for semicolons that are missing");
}

static void assert_addresses_fault(const char *field, const char *right, const char *workaround)
{
	InternetAddressList *list = internet_address_list_parse(NULL, field);
	bool fault =
	    differs(list ? internet_address_list_to_string(list, NULL, FALSE) : NULL, right);

	g_clear_object(&list);
	assert_fault(fault, workaround);
}

static void test_addresses_behind_a_semicolon(void **state)
{
	(void)state;
	assert_addresses_fault("ann@example.com; bob@example.com",
			       "ann@example.com, bob@example.com", "mime/address.c for semicolons");
}

static void test_an_address_without_brackets_behind_a_name(void **state)
{
	(void)state;
	assert_addresses_fault("Ann Lee ann@example.com", "Ann Lee <ann@example.com>",
			       "mime/address_bare.c");
}

/* It recurses for each. */
static void test_groups_in_groups(void **state)
{
	(void)state;
	pid_t child = fork();
	int status;

	if (child == 0) {
		g_autoptr(GString) field = g_string_new(NULL);
		setrlimit(RLIMIT_CORE, &(struct rlimit){0});
		signal(SIGSEGV, SIG_DFL);
		for (int i = 0; i < 1000000; i++)
			g_string_append(field, "a:");
		internet_address_list_parse(NULL, field->str);
		_exit(0);
	}
	assert_int_equal(child, waitpid(child, &status, 0));
	assert_fault(status != 0, "mime/address_reader.c for nested groups");
}

static void assert_date_fault(const char *field, const char *right, const char *workaround)
{
	GDateTime *date = g_mime_utils_header_decode_date(field);
	bool fault = differs(date ? g_date_time_format(date, "%Y-%m-%d %H:%M:%S %z") : NULL, right);

	g_clear_pointer(&date, g_date_time_unref);
	assert_fault(fault, workaround);
}

static void test_an_hour_in_the_afternoon(void **state)
{
	(void)state;
	assert_date_fault("Mon, 3 Mar 2025 08:00:00 PM +0000", "2025-03-03 20:00:00 +0000",
			  "mime/date.c for PM");
}

static void test_a_zone_that_no_place_has(void **state)
{
	(void)state;
	assert_date_fault("Mon, 3 Mar 2025 08:00:00 +9999", NULL, "mime/date.c for zones");
}

static void test_a_time_with_dots(void **state)
{
	(void)state;
	assert_date_fault("Mon, 3 Mar 2025 8.15.30 +0000", "2025-03-03 08:15:30 +0000",
			  "mime/date.c for dots in times");
}

static void test_a_date_of_iso_8601(void **state)
{
	(void)state;
	assert_date_fault("2025-03-03T08:00:00Z", "2025-03-03 08:00:00 +0000",
			  "mime/date.c for ISO 8601");
}

/* --- what it keeps, and what it loses -------------------------------------------- */

static void test_lines_that_end_in_cr(void **state)
{
	(void)state;
	assert_content_fault("Content-Type: text/plain\r\rHello\r", "Hello\r",
			     "cr_lines of mime/input.c");
}

static void test_a_long_boundary(void **state)
{
	g_autofree char *boundary = g_strnfill(70000, 'b');
	g_autofree char *raw =
	    g_strdup_printf("Content-Type: multipart/mixed; boundary=%s\n\n--%s\n\none\n--%s--\n",
			    boundary, boundary, boundary);

	(void)state;
	assert_count_fault(raw, 1, "max_boundary of mime/skeleton.c");
}

static void test_a_quoted_transfer_encoding(void **state)
{
	(void)state;
	assert_content_fault("Content-Transfer-Encoding: \"base64\"\n\naGVsbG8=\n", "hello",
			     "part_from_header() of mime/part.c for quotes");
}

static void test_a_multipart_in_base64(void **state)
{
	(void)state;
	assert_count_fault("Content-Type: multipart/mixed; boundary=b\n"
			   "Content-Transfer-Encoding: base64\n\nLS1iCgpvbmUKLS1iLS0K\n",
			   1, "mime/part_tree.c for multiparts that are encoded");
}

static void test_text_behind_a_boundary(void **state)
{
	(void)state;
	assert_count_fault("Content-Type: multipart/mixed; boundary=b\n\n--b  text\n\none\n--b--\n",
			   1, "is_delimiter() of mime/skeleton.c for text behind a boundary");
}

static void test_a_charset_behind_a_comma(void **state)
{
	(void)state;
	GMimeObject *part = read_part("Content-Type: text/plain, charset=koi8-r\n\nx\n");
	bool fault = g_strcmp0(g_mime_object_get_content_type_parameter(part, "charset"), "koi8-r");

	g_object_unref(part);
	assert_fault(fault, "mime/content_field.c for commas");
}

static void test_fields_without_end(void **state)
{
	enum { FIELDS = 100000 };
	g_autoptr(GString) raw = g_string_new(NULL);

	(void)state;
	for (int i = 0; i < FIELDS; i++)
		g_string_append(raw, "X: y\n");
	g_string_append(raw, "\nz\n");
	GMimeObject *part = read_part(raw->str);
	int count = g_mime_header_list_get_count(g_mime_object_get_header_list(part));
	g_object_unref(part);
	assert_fault(count >= FIELDS, "max_headers of mime/header.c");
}

static void test_parts_without_end(void **state)
{
	enum { PARTS = 20000 };
	g_autoptr(GString) raw = g_string_new("Content-Type: multipart/mixed; boundary=b\n\n");

	(void)state;
	for (int i = 0; i < PARTS; i++)
		g_string_append(raw, "--b\n\nx\n");
	GMimeObject *part = read_part(raw->str);
	int count = g_mime_multipart_get_count(GMIME_MULTIPART(part));
	g_object_unref(part);
	assert_fault(count >= PARTS, "max_parts of mime/skeleton.c");
}

/* A blank at the end of a line is lost on the way. */
static void test_a_uuencoded_line_that_is_shorter_than_it_says(void **state)
{
	(void)state;
	assert_content_fault("Content-Transfer-Encoding: x-uuencode\n\n"
			     "begin 644 a\n#86)\n#86)C\n`\nend\n",
			     "ab@abc", "decode_line() of mime/uuencode.c");
}

static void assert_charset_fault(const char *charset, const char *body, const char *right,
				 const char *workaround)
{
	char *raw = g_strdup_printf("Content-Type: text/plain; charset=%s\n\n%s\n", charset, body);
	GMimeObject *part = read_part(raw);
	bool fault = differs(g_mime_text_part_get_text(GMIME_TEXT_PART(part)), right);

	g_object_unref(part);
	g_free(raw);
	assert_fault(fault, workaround);
}

static void test_text_in_a_charset_that_is_too_narrow(void **state)
{
	(void)state;
	assert_charset_fault("us-ascii", "\xc3\xbc", "ü\n",
			     "charset_choose() of mime/charset_choice.c for texts");
}

static void test_text_in_an_unknown_charset(void **state)
{
	(void)state;
	assert_charset_fault("x-unknown", "\xfc", "ü\n",
			     "charset_choose() of mime/charset_choice.c for labels");
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
	    cmocka_unit_test(test_padding_in_consecutive_base64_words),
	    cmocka_unit_test(test_a_shift_jis_word_that_says_iso_2022_jp),
	    cmocka_unit_test(test_unencoded_windows_1252_in_a_field),
	    cmocka_unit_test(test_a_plain_name_before_an_encoded_one),
	    cmocka_unit_test(test_a_name_behind_a_missing_semicolon),
	    cmocka_unit_test(test_addresses_behind_a_semicolon),
	    cmocka_unit_test(test_groups_in_groups),
	    cmocka_unit_test(test_an_hour_in_the_afternoon),
	    cmocka_unit_test(test_a_zone_that_no_place_has),
	    cmocka_unit_test(test_a_time_with_dots),
	    cmocka_unit_test(test_a_date_of_iso_8601),
	    cmocka_unit_test(test_lines_that_end_in_cr),
	    cmocka_unit_test(test_a_long_boundary),
	    cmocka_unit_test(test_a_quoted_transfer_encoding),
	    cmocka_unit_test(test_a_multipart_in_base64),
	    cmocka_unit_test(test_text_behind_a_boundary),
	    cmocka_unit_test(test_a_charset_behind_a_comma),
	    cmocka_unit_test(test_fields_without_end),
	    cmocka_unit_test(test_parts_without_end),
	    cmocka_unit_test(test_a_uuencoded_line_that_is_shorter_than_it_says),
	    cmocka_unit_test(test_text_in_a_charset_that_is_too_narrow),
	    cmocka_unit_test(test_text_in_an_unknown_charset),
	    cmocka_unit_test(test_an_address_without_brackets_behind_a_name),
	};

	return cmocka_run_group_tests(tests, open_gmime, NULL);
}
