/* Messages that are broken or meant to break: each gives an entry, soon, and says what was wrong.
 */
#include "mime_fixture.h"

static struct parsed parse_string(const GString *raw)
{
	struct mime_options options = mime_options_default();

	return parse_bytes(raw->str, raw->len, &options);
}

/* The whole message is the only attachment. */
static void assert_kept_whole(const struct parsed *parsed, const GString *raw)
{
	assert_int_equal(parsed->message->attachment_count, 1);
	assert_string_equal(parsed->message->attachments[0].file_name, "original.eml");
	assert_string_equal(parsed->message->attachments[0].content_type, "message/rfc822");
	assert_int_equal(parsed->message->attachments[0].content.size, raw->len);
}

static GString *repeated(const char *start, const char *piece, size_t count)
{
	GString *raw = g_string_new(HEADER);

	g_string_append(raw, start);
	for (size_t i = 0; i < count; i++)
		g_string_append(raw, piece);
	return raw;
}

static void test_nothing(void **state)
{
	struct parsed parsed = parse("");

	(void)state;
	assert_text(&parsed, "");
	assert_string_equal(parsed.message->headers, "[]");
	assert_defect(&parsed, "no header");
	assert_defect(&parsed, "no From field");
	parsed_clear(&parsed);
}

static void test_a_few_bytes(void **state)
{
	static const char *const texts[] = {"x", "\n",	     "\r", "\r\n", ":",
					    " ", "\r\n\r\n", "a:", "--"};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		struct parsed parsed = parse(texts[i]);
		assert_int_equal(parsed.message->attachment_count, 0);
		assert_true(parsed.message->text_body.present);
		parsed_clear(&parsed);
	}
}

static void test_text_without_a_header(void **state)
{
	struct parsed parsed = parse("Hello world,\r\nthis is no mail.\r\n");

	(void)state;
	assert_text(&parsed, "Hello world,\nthis is no mail.\n");
	parsed_clear(&parsed);
}

static void test_an_mbox_line_in_front(void **state)
{
	struct parsed parsed = parse("From ann Mon Mar  3\n" HEADER "\nHello\n");

	(void)state;
	assert_text(&parsed, "Hello\n");
	assert_string_equal(parsed.message->sender, "Ann <ann@example.com>");
	assert_string_equal(parsed.message->defects, "[\"starts with an mbox 'From ' line\"]");
	parsed_clear(&parsed);
}

static void test_line_ends_of_all_kinds(void **state)
{
	static const char crlf[] =
	    HEADER "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\n"
		   "Content-Type: image/gif\r\n\r\nGIF\r\n--b--\r\n";
	g_auto(GStrv) lines = g_strsplit(crlf, "\r\n", -1);
	static const char *const ends[] = {"\r\n", "\n", "\r"};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
		g_autofree char *raw = g_strjoinv(ends[i], lines);
		struct parsed parsed = parse(raw);
		assert_text(&parsed, "one");
		assert_attachment(&parsed, 0, "noname1.gif", "image/gif", "GIF");
		assert_string_equal(parsed.message->defects, "[]");
		parsed_clear(&parsed);
	}
}

static void test_zero_bytes(void **state)
{
	static const char raw[] = HEADER "Subject: a\0b\r\nContent-Type: multipart/mixed; "
					 "boundary=b\r\n\r\n--b\r\n\r\none\0two\r\n--b\r\n"
					 "Content-Type: image/gif\r\n\r\nG\0F\r\n--b--\r\n";
	struct mime_options options = mime_options_default();
	struct parsed parsed = parse_bytes(raw, sizeof(raw) - 1, &options);

	(void)state;
	assert_string_equal(parsed.message->subject, "ab");
	assert_text(&parsed, "onetwo");
	assert_int_equal(parsed.message->attachments[0].content.size, 3);
	parsed_clear(&parsed);
}

static void test_content_type_twice(void **state)
{
	struct parsed parsed = parse(HEADER "Content-Type: multipart/mixed; boundary=b\r\n"
					    "Content-Type: text/plain\r\n\r\n"
					    "--b\r\n\r\ntext\r\n--b--\r\n");

	(void)state;
	assert_text(&parsed, "text");
	assert_defect(&parsed, "field Content-Type repeated; multipart/mixed counts");
	parsed_clear(&parsed);
}

static void test_unreadable_content_types(void **state)
{
	struct parsed parsed = parse(HEADER "Content-Type: text\r\n\r\nHello");

	(void)state;
	assert_text(&parsed, "Hello");
	assert_defect(&parsed, "Content-Type 'text' unreadable; read as text/plain");
	parsed_clear(&parsed);

	parsed = parse(HEADER "Content-Type: \x01<what>\r\n\r\nHello");
	assert_text(&parsed, "Hello");
	parsed_clear(&parsed);

	/* But a file is a file. */
	parsed = parse(HEADER "Content-Type: pdf; name=a.pdf\r\n\r\nPDF");
	assert_text(&parsed, "(none)");
	assert_attachment(&parsed, 0, "a.pdf", "application/octet-stream", "PDF");
	parsed_clear(&parsed);
}

static void test_multiparts_nobody_can_take_apart(void **state)
{
	struct parsed parsed = parse(HEADER "Content-Type: multipart/mixed\r\n\r\nHello\r\n");

	(void)state;
	assert_text(&parsed, "Hello\n");
	assert_defect(&parsed, "multipart/mixed without a boundary; taken as text");
	parsed_clear(&parsed);

	parsed = parse(HEADER "Content-Type: multipart/mixed; boundary=b\r\n\r\nHello\r\n--c\r\n");
	assert_text(&parsed, "Hello\n--c\n");
	assert_defect(&parsed, "multipart/mixed without parts; taken as text");
	parsed_clear(&parsed);
}

static void test_a_multipart_cut_off(void **state)
{
	struct parsed parsed = parse(HEADER "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
					    "--b\r\n\r\ntext\r\n--b\r\nContent-Type: image/gif\r\n"
					    "Content-Transfer-Encoding: base64\r\n\r\nR0lGOD");

	(void)state;
	assert_text(&parsed, "text");
	assert_attachment(&parsed, 0, "noname1.gif", "image/gif", "GIF8");
	assert_defect(&parsed, "multipart/mixed has no end; the message may be cut off");
	parsed_clear(&parsed);
}

static void test_one_boundary_for_two_multiparts(void **state)
{
	struct parsed parsed = parse(
	    HEADER
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
	    "Content-Type: multipart/alternative; boundary=b\r\n\r\n"
	    "--b\r\n\r\ntext\r\n--b--\r\n--b\r\nContent-Type: image/gif\r\n\r\nGIF\r\n--b--\r\n");

	(void)state;
	assert_text(&parsed, "text");
	assert_attachment(&parsed, 0, "noname1.gif", "image/gif", "GIF");
	parsed_clear(&parsed);
}

static void test_boundaries_that_begin_alike(void **state)
{
	struct parsed parsed = parse(
	    HEADER "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
		   "Content-Type: multipart/alternative; boundary=bb\r\n\r\n--bb\r\n\r\ntext\r\n"
		   "--bb--\r\n--b  \r\nContent-Type: image/gif\r\n\r\n--bc\r\n--b--\r\n");

	(void)state;
	assert_text(&parsed, "text");
	assert_attachment(&parsed, 0, "noname1.gif", "image/gif", "--bc");
	assert_string_equal(parsed.message->defects, "[]");
	parsed_clear(&parsed);
}

static void test_parts_without_a_header_or_a_content(void **state)
{
	struct parsed parsed =
	    parse(HEADER "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
			 "no header here\r\n--b\r\nContent-Type: image/gif\r\n"
			 "--b\r\n--b\r\nContent-Type: image/png\r\n\r\n--b--\r\n");

	(void)state;
	assert_text(&parsed, "no header here");
	assert_attachment(&parsed, 0, "noname1.gif", "image/gif", "");
	assert_attachment(&parsed, 1, "noname2.png", "image/png", "");
	parsed_clear(&parsed);
}

static void test_the_longest_boundary(void **state)
{
	g_autofree char *boundary = g_strnfill(2048, 'b');
	g_autofree char *raw = g_strdup_printf(
	    HEADER
	    "Content-Type: multipart/mixed; boundary=\"%s\"\r\n\r\n--%s\r\n\r\ntext\r\n--%s--\r\n",
	    boundary, boundary, boundary);
	struct parsed parsed = parse(raw);

	(void)state;
	assert_text(&parsed, "text");
	assert_string_equal(parsed.message->defects, "[]");
	parsed_clear(&parsed);
}

static void test_a_longer_boundary(void **state)
{
	g_autofree char *boundary = g_strnfill(2049, 'b');
	g_autofree char *text = g_strdup_printf(
	    HEADER
	    "Content-Type: multipart/mixed; boundary=\"%s\"\r\n\r\n--%s\r\n\r\ntext\r\n--%s--\r\n",
	    boundary, boundary, boundary);
	g_autoptr(GString) raw = g_string_new(text);
	struct parsed parsed = parse_string(raw);

	(void)state;
	assert_kept_whole(&parsed, raw);
	assert_defect(&parsed, "boundary longer than 2048 bytes");
	parsed_clear(&parsed);
}

#define MIXED "Content-Type: multipart/mixed; boundary=b\r\n\r\n"

static void test_the_most_parts(void **state)
{
	g_autoptr(GString) raw =
	    repeated(MIXED, "--b\r\nContent-Type: image/gif\r\n\r\nGIF\r\n", 1000);
	struct parsed parsed = parse_string(raw);

	(void)state;
	assert_int_equal(parsed.message->attachment_count, 1000);
	parsed_clear(&parsed);
	g_string_truncate(raw, 0);
	g_string_append(raw, HEADER MIXED);
	for (int i = 0; i < 1000; i++)
		g_string_append(raw, "--b\r\n\r\ntext\r\n");
	parsed = parse_string(raw);
	assert_int_equal(parsed.message->attachment_count, 0);
	assert_int_equal(parsed.message->text_body.size, 1000 * strlen("text\n"));
	parsed_clear(&parsed);
}

static void test_a_million_parts(void **state)
{
	static const char *const pieces[] = {
	    "--b\r\n\r\ntext\r\n", "--b\r\n",
	    "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c--\r\n"};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(pieces); i++) {
		g_autoptr(GString) raw = repeated(MIXED, pieces[i], 1000000);
		struct parsed parsed = parse_string(raw);
		assert_kept_whole(&parsed, raw);
		assert_defect(&parsed, "more than 1000 parts; the message is attached whole");
		parsed_clear(&parsed);
	}
}

/* Decoded, each is a message's parts again; all count as one message's. */
static void test_encoded_multiparts(void **state)
{
	g_autoptr(GString) raw = g_string_new(HEADER MIXED);
	g_autoptr(GString) parts = g_string_new(NULL);

	(void)state;
	for (int i = 0; i < 100; i++)
		g_string_append(parts, "--c\r\n\r\nx\r\n");
	g_autofree char *encoded = g_base64_encode((const guchar *)parts->str, parts->len);
	for (int i = 0; i < 100; i++)
		g_string_append_printf(raw,
				       "--b\r\nContent-Transfer-Encoding: base64\r\n"
				       "Content-Type: multipart/mixed; boundary=c\r\n\r\n%s\r\n",
				       encoded);
	struct parsed parsed = parse_string(raw);
	assert_kept_whole(&parsed, raw);
	assert_defect(&parsed, "more than 1000 parts; the message is attached whole");
	parsed_clear(&parsed);
}

static GString *nested(unsigned depth)
{
	GString *raw = g_string_new(HEADER "Content-Type: multipart/mixed; boundary=b0\r\n\r\n");

	for (unsigned i = 1; i < depth; i++)
		g_string_append_printf(
		    raw, "--b%u\r\nContent-Type: multipart/mixed; boundary=b%u\r\n\r\n", i - 1, i);
	g_string_append_printf(raw, "--b%u\r\n\r\ndeep\r\n", depth - 1);
	for (unsigned i = depth; i > 0; i--)
		g_string_append_printf(raw, "--b%u--\r\n", i - 1);
	return raw;
}

static void test_nesting(void **state)
{
	g_autoptr(GString) deepest = nested(50);
	struct parsed parsed = parse_string(deepest);

	(void)state;
	assert_text(&parsed, "deep");
	assert_string_equal(parsed.message->defects, "[]");
	parsed_clear(&parsed);

	for (unsigned depth = 51; depth <= 51000; depth *= 10) {
		g_autoptr(GString) deeper = nested(depth);
		parsed = parse_string(deeper);
		assert_kept_whole(&parsed, deeper);
		assert_defect(&parsed, "the message is attached whole");
		parsed_clear(&parsed);
	}
}

static void test_a_million_fields(void **state)
{
	g_autoptr(GString) raw = repeated("", "X-Field: y\r\n", 1000000);
	g_string_append(raw, "\r\ntext");
	struct parsed parsed = parse_string(raw);

	(void)state;
	assert_text(&parsed, "text");
	assert_string_equal(parsed.message->sender, "Ann <ann@example.com>");
	assert_kept_whole(&parsed, raw);
	assert_defect(&parsed, "header longer than 262144 bytes or 2000 fields");
	parsed_clear(&parsed);
}

static void test_a_field_of_megabytes(void **state)
{
	g_autoptr(GString) raw = repeated("X-Long: ", "abcdefghij", 1000000);
	g_string_append(raw, "\r\nSubject: s\r\n\r\ntext");
	struct parsed parsed = parse_string(raw);

	(void)state;
	assert_text(&parsed, "text");
	assert_kept_whole(&parsed, raw);
	parsed_clear(&parsed);
}

/* Longer than the window that the input is read through, shorter than the cap. */
static void test_a_long_field_is_whole(void **state)
{
	g_autoptr(GString) raw = repeated("Subject: ", "abcdefghi ", 20000);
	g_string_append(raw, "end\r\n\r\ntext");
	struct parsed parsed = parse_string(raw);

	(void)state;
	assert_int_equal(strlen(parsed.message->subject), 200003);
	assert_true(g_str_has_suffix(parsed.message->subject, "abcdefghi end"));
	assert_string_equal(parsed.message->defects, "[]");
	parsed_clear(&parsed);
}

static void test_defects_are_capped_and_clean(void **state)
{
	g_autoptr(GString) raw = g_string_new(HEADER MIXED);

	(void)state;
	for (int i = 0; i < 200; i++)
		g_string_append_printf(raw, "--b\r\nContent-Type: \x1b[%d<x>\r\n\r\n\r\n", i);
	struct parsed parsed = parse_string(raw);
	assert_null(strchr(parsed.message->defects, '\x1b'));
	g_auto(GStrv) parts = g_strsplit(parsed.message->defects, "\",\"", -1);
	assert_int_equal(g_strv_length(parts), 50);
	parsed_clear(&parsed);
}

/* Bytes with a structure of their own, changed here and there: whatever comes out is text. */
static void test_random_damage(void **state)
{
	static const char seed[] = HEADER
	    "Subject: =?utf-8?B?4oKs?= =?iso-2022-jp?Q?=1B$B@A=1B(B?=\r\n"
	    "To: G: \"a, b\" <a@example.com>, =?utf-8?Q?x?= <b@example.com> (c);\r\n"
	    "Content-Type: multipart/related; boundary=\"b\"; start*0*=utf-8''%3C; "
	    "start*1=x\r\n\r\n"
	    "--b\r\nContent-Type: text/html; charset=gb18030\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	    "<table><tr><td>a=\r\nb<a href=3D\"x\">=B7=A2</a><!-- c --><script>d</script>&euro;\r\n"
	    "--b\r\nContent-Type: text/plain; format=flowed; charset=utf-16\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\n/v8AYQBi\r\n--b--\r\n";
	g_autoptr(GRand) random = g_rand_new_with_seed(20250303);

	(void)state;
	for (int round = 0; round < 3000; round++) {
		g_autoptr(GString) raw = g_string_new_len(seed, sizeof(seed) - 1);
		for (int i = g_rand_int_range(random, 1, 12); i > 0; i--) {
			gsize at = (gsize)g_rand_int_range(random, 0, (gint32)raw->len - 20);
			if (g_rand_boolean(random))
				raw->str[at] = (char)g_rand_int_range(random, 0, 256);
			else
				g_string_erase(raw, (gssize)at, g_rand_int_range(random, 1, 8));
		}
		struct parsed parsed = parse_string(raw);
		g_autofree char *text = content_text(&parsed, &parsed.message->text_body);
		assert_true(g_utf8_validate(text, -1, NULL));
		assert_true(g_utf8_validate(parsed.message->headers, -1, NULL));
		assert_true(g_utf8_validate(parsed.message->defects, -1, NULL));
		for (const char *c = text; *c; c++)
			if ((unsigned char)*c < ' ' && *c != '\n' && *c != '\t')
				fail_msg("round %d: byte %d in '%s' from\n%s", round, *c, text,
					 raw->str);
		parsed_clear(&parsed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_nothing),
	    cmocka_unit_test(test_a_few_bytes),
	    cmocka_unit_test(test_text_without_a_header),
	    cmocka_unit_test(test_an_mbox_line_in_front),
	    cmocka_unit_test(test_line_ends_of_all_kinds),
	    cmocka_unit_test(test_zero_bytes),
	    cmocka_unit_test(test_content_type_twice),
	    cmocka_unit_test(test_unreadable_content_types),
	    cmocka_unit_test(test_multiparts_nobody_can_take_apart),
	    cmocka_unit_test(test_a_multipart_cut_off),
	    cmocka_unit_test(test_one_boundary_for_two_multiparts),
	    cmocka_unit_test(test_boundaries_that_begin_alike),
	    cmocka_unit_test(test_parts_without_a_header_or_a_content),
	    cmocka_unit_test(test_the_longest_boundary),
	    cmocka_unit_test(test_a_longer_boundary),
	    cmocka_unit_test(test_the_most_parts),
	    cmocka_unit_test(test_a_million_parts),
	    cmocka_unit_test(test_encoded_multiparts),
	    cmocka_unit_test(test_nesting),
	    cmocka_unit_test(test_a_million_fields),
	    cmocka_unit_test(test_a_field_of_megabytes),
	    cmocka_unit_test(test_a_long_field_is_whole),
	    cmocka_unit_test(test_defects_are_capped_and_clean),
	    cmocka_unit_test(test_random_damage),
	};

	return cmocka_run_group_tests(tests, open_mime, close_mime);
}
