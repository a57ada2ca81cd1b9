/* Where a message's header begins and ends, what its structured fields mean, and which of its lines
 * delimit parts, when mailers and what handles mail on its way have not kept to the rules. */
#include "mime_fixture.h"

#include "mime/content_field.h"

#define PICTURE "Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n"

/* --- structured fields ------------------------------------------------------ */

static void assert_clean(const char *raw, const char *expected)
{
	g_autofree char *clean = content_field_clean(raw, strlen(raw));

	assert_string_equal(expected, clean);
}

static void test_strict_fields_stay(void **state)
{
	(void)state;
	assert_clean("text/plain", "text/plain");
	assert_clean(" text/plain; charset=utf-8;format=flowed",
		     "text/plain; charset=\"utf-8\"; format=\"flowed\"");
	assert_clean("multipart/mixed;\r\n\tboundary=\"a b\"", "multipart/mixed; boundary=\"a b\"");
	assert_clean("attachment; filename=\"a;b.txt\"; size=7",
		     "attachment; filename=\"a;b.txt\"; size=\"7\"");
	assert_clean("attachment; filename*0*=utf-8''a%20; filename*1=b.txt",
		     "attachment; filename*0*=utf-8''a%20; filename*1=b.txt");
	assert_clean("", "");
}

static void test_comments_go(void **state)
{
	(void)state;
	assert_clean("(a) text (b (c) \\)) / (d) plain (e); (f) charset (g) = (h) utf-8 (i)",
		     "text/plain; charset=\"utf-8\"");
	assert_clean("attachment; filename=\"a (1).txt\" (the first)",
		     "attachment; filename=\"a (1).txt\"");
	/* In a file name without quotes it is none. */
	assert_clean("attachment; filename=a (1).txt; size=1",
		     "attachment; filename=a (1).txt; size=\"1\"");
	assert_clean("text/plain (never closed; charset=utf-8", "text/plain");
}

static void test_quoted_pairs(void **state)
{
	(void)state;
	assert_clean("multipart/mixed; boundary=\"b\\1\\\"\"",
		     "multipart/mixed; boundary=\"b1\\\"\"");
	assert_clean("\"text/html\"; charset=\"u\\tf-8\"", "text/html; charset=\"utf-8\"");
	assert_clean("x; name=\"C:\\Temp\\a.txt\"", "x; name=\"C:\\Temp\\a.txt\"");
	assert_clean("x; name=\"a\\\"b\"", "x; name=\"a\\\"b\"");
}

static void test_separators_that_are_missing_or_wrong(void **state)
{
	(void)state;
	assert_clean("text/html charset=utf-8 format=flowed",
		     "text/html; charset=\"utf-8\"; format=\"flowed\"");
	assert_clean("text/plain, charset=utf-8, format=flowed",
		     "text/plain; charset=\"utf-8\"; format=\"flowed\"");
	assert_clean("multipart/mixed boundary=\"b\"type=\"x\"",
		     "multipart/mixed; boundary=\"b\"; type=\"x\"");
	assert_clean("text/plain;;; charset = utf-8 ;", "text/plain; charset=\"utf-8\"");
	assert_clean("multipart/mixed; boundary=a,b(c", "multipart/mixed; boundary=\"a,b(c\"");
	assert_clean("multipart/mixed; boundary=\"never closed",
		     "multipart/mixed; boundary=\"never closed\"");
}

static void test_values_that_are_missing(void **state)
{
	(void)state;
	assert_clean("charset=utf-8", "; charset=\"utf-8\"");
	assert_clean("; charset=utf-8", "; charset=\"utf-8\"");
	assert_clean("filename=\"a/b.txt\"", "; filename=\"a/b.txt\"");
	assert_clean("attachment; =x; y; z=", "attachment; z=\"\"");
}

static void assert_type(const char *value, const char *expected)
{
	g_autofree char *type = content_field_type(value);

	if (expected)
		assert_string_equal(expected, type);
	else
		assert_null(type);
}

static void test_types(void **state)
{
	(void)state;
	assert_type("Text/HTML", "text/html");
	assert_type("text/plain>", "text/plain");
	assert_type("text/plain/x", "text/plain");
	assert_type("text", NULL);
	assert_type("text/", NULL);
	assert_type("/plain", NULL);
	assert_type("", NULL);
}

/* Charset, type and encoding as the entry shows them. */
static void test_fields_in_a_message(void **state)
{
	static const char two_fields[] = "Content-Type: TEXT / PLAIN ; CHARSET=ISO-8859-1\r\n"
					 "Content-Transfer-Encoding: 8BIT (as it is)\r\n";
	static const char *const fields[] = {
	    "Content-Type: text/plain, charset=iso-8859-1\r\n",
	    "Content-Type: text/plain charset=iso-8859-1\r\n",
	    "Content-Type: charset=iso-8859-1\r\n",
	    two_fields,
	    "Content-Type: \"text/plain\"; charset=\"iso-8859\\-1\"\r\n",
	};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
		g_autofree char *raw = g_strconcat(HEADER, fields[i],
						   "\r\nGr\xfc\xdf"
						   "e\r\n",
						   NULL);
		struct parsed parsed = parse(raw);
		assert_text(&parsed, "Grüße\n");
		assert_null(strstr(parsed.message->defects, "charset"));
		parsed_clear(&parsed);
	}
}

/* --- the header's beginning -------------------------------------------------- */

static void test_what_may_stand_before_the_header(void **state)
{
	static const struct {
		const char *before;
		const char *defect;
	} starts[] = {
	    {"\r\n", "before the header: blanks or a byte order mark"},
	    {"  \t\r\n\r\n \r\n", "before the header: blanks or a byte order mark"},
	    {"\xef\xbb\xbf", "before the header: blanks or a byte order mark"},
	    {"\xef\xbb\xbf\r\n", "before the header: blanks or a byte order mark"},
	    {"   ", "before the header: blanks or a byte order mark"},
	    {"*** scanned by a gateway ***\r\n",
	     "before the header: '*** scanned by a gateway ***'"},
	    {"250 OK\r\n\r\nqueued\r\n", "before the header: '250 OK', 'queued'"},
	};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(starts); i++) {
		g_autofree char *raw =
		    g_strconcat(starts[i].before, HEADER, "Subject: s\r\n\r\nText\r\n", NULL);
		struct parsed parsed = parse(raw);
		assert_string_equal(parsed.message->sender, "Ann <ann@example.com>");
		assert_string_equal(parsed.message->subject, "s");
		assert_true(parsed.message->has_date_sent);
		assert_text(&parsed, "Text\n");
		assert_defect(&parsed, starts[i].defect);
		parsed_clear(&parsed);
	}
}

static void test_what_is_no_header(void **state)
{
	static const char *const texts[] = {
	    "Hello,\n\nFrom: here to there\nall is well.\n",
	    "one\ntwo\nthree\nfour\n" HEADER "\n",
	    "\nSubject: of a letter\n\nText\n",
	    "Hello\nnote: x\nwarning: y\n",
	};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		struct parsed parsed = parse(texts[i]);
		assert_string_equal("[]", parsed.message->headers);
		assert_defect(&parsed, "no header");
		parsed_clear(&parsed);
	}
}

/* A part is not searched for its header: what stands behind an empty line is its text. */
static void test_a_part_that_begins_with_its_text(void **state)
{
	struct parsed parsed = parse(HEADER "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
					    "--b\r\n\r\nFrom: a\r\nTo: b\r\n--b--\r\n");

	(void)state;
	assert_text(&parsed, "From: a\nTo: b");
	parsed_clear(&parsed);

	parsed = parse(HEADER "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
			      "--b\r\n \r\nText\r\n--b--\r\n");
	assert_text(&parsed, " \nText");
	assert_string_equal(parsed.message->defects, "[]");
	parsed_clear(&parsed);
}

/* --- the header's end --------------------------------------------------------- */

static void test_a_line_of_blanks(void **state)
{
	struct parsed parsed = parse(HEADER "Subject: s\r\n \t \r\nHello,\r\nhow are you?\r\n");

	(void)state;
	assert_string_equal(parsed.message->subject, "s");
	assert_text(&parsed, "Hello,\nhow are you?\n");
	assert_defect(&parsed, "the line between header and text holds blanks");
	parsed_clear(&parsed);

	/* RFC 5322, 4.2: a fold, where the header goes on. */
	parsed = parse(HEADER "X-Old: a\r\n \t \r\nSubject: s\r\n\r\nText\r\n");
	assert_string_equal(parsed.message->subject, "s");
	assert_text(&parsed, "Text\n");
	assert_string_equal(parsed.message->defects, "[]");
	parsed_clear(&parsed);
}

static void test_a_delimiter_ends_its_own_header(void **state)
{
	static const char *const ends[] = {"", "This is a message in MIME format.\r\n",
					   "One line.\r\nAnother one.\r\n\r\n"};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
		g_autofree char *raw = g_strconcat(
		    HEADER "Content-Type: multipart/mixed;\r\n boundary=\"--b: 1\"\r\n", ends[i],
		    "----b: 1\r\nContent-Type: text/html\r\n\r\n<p>x</p>\r\n----b: 1--\r\n", NULL);
		struct parsed parsed = parse(raw);
		assert_html(&parsed, "<p>x</p>");
		assert_int_equal(0, parsed.message->attachment_count);
		assert_defect(&parsed, "no blank line between header and text");
		parsed_clear(&parsed);
	}
}

static void test_a_part_without_its_empty_line(void **state)
{
	struct parsed parsed = parse(HEADER "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
					    "--b\r\nContent-Type: text/plain\r\nHello,\r\n"
					    "it is late.\r\n--b\r\n" PICTURE "--b--\r\n");

	(void)state;
	assert_text(&parsed, "Hello,\nit is late.");
	assert_attachment(&parsed, 0, "noname1.png", "image/png", "hello");
	parsed_clear(&parsed);
}

/* --- repeated types ------------------------------------------------------------ */

static void test_which_content_type_counts(void **state)
{
	struct parsed parsed = parse(HEADER "Content-Type: multipart/mixed; boundary=none\r\n"
					    "Content-Type: text/html\r\n\r\n<p>x</p>\r\n--b\r\n");

	(void)state;
	assert_html(&parsed, "<p>x</p>\n--b\n");
	assert_defect(&parsed, "field Content-Type repeated; text/html counts");
	parsed_clear(&parsed);

	parsed = parse(HEADER "Content-Type: multipart/mixed; boundary=a\r\n"
			      "Content-Type: multipart/alternative; boundary=b\r\n\r\n"
			      "--b\r\n\r\none\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>one</p>"
			      "\r\n--b--\r\n");
	assert_text(&parsed, "one");
	assert_html(&parsed, "<p>one</p>");
	parsed_clear(&parsed);
}

static void test_a_first_delimiter_that_got_lost(void **state)
{
	struct parsed parsed = parse(HEADER "Content-Type: multipart/mixed; boundary=b\r\n"
					    "Content-Type: text/plain; charset=iso-8859-1\r\n"
					    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
					    "Gr=FC=DFe\r\n--b\r\n" PICTURE "--b--\r\n");

	(void)state;
	assert_text(&parsed, "Grüße");
	assert_attachment(&parsed, 0, "noname1.png", "image/png", "hello");
	assert_defect(&parsed, "delimiter before the first part of multipart/mixed missing");
	parsed_clear(&parsed);
}

/* --- delimiters ------------------------------------------------------------------ */

static void test_what_stands_behind_a_boundary(void **state)
{
	static const char *const lines[][2] = {
	    {"--b 1", "--b 1--"},
	    {"--b 1 \t", "--b 1 --"},
	    {"--b 1 text behind it", "--b 1-- text"},
	    {"--b 1 a b", "--b 1\t-- \t"},
	};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
		g_autofree char *raw =
		    g_strconcat(HEADER "Content-Type: multipart/mixed; boundary=\"b 1 \"\r\n\r\n",
				lines[i][0], "\r\n\r\ntext\r\n", lines[i][0], "\r\n" PICTURE,
				lines[i][1], "\r\nepilogue\r\n", NULL);
		struct parsed parsed = parse(raw);
		assert_text(&parsed, "text");
		assert_attachment(&parsed, 0, "noname1.png", "image/png", "hello");
		assert_int_equal(1, parsed.message->attachment_count);
		assert_string_equal(parsed.message->defects, "[]");
		parsed_clear(&parsed);
	}
}

/* What GMime would decode or convert, quote or take for an end. */
static void test_odd_boundaries(void **state)
{
	static const char *const boundaries[] = {"=?utf-8?Q?=C3=A9?=",
						 "M\xc3\xbcller",
						 "M\xfcller",
						 "\x01\x02",
						 "a\"b",
						 "a\\b",
						 "a%20b",
						 "--",
						 "utf-8''a",
						 "a;b",
						 "@{}[]|~"};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(boundaries); i++) {
		g_autoptr(GString) quoted = g_string_new(NULL);
		for (const char *c = boundaries[i]; *c; c++)
			g_string_append_printf(quoted, "%s%c", strchr("\"\\", *c) ? "\\" : "", *c);
		g_autofree char *raw = g_strdup_printf(
		    HEADER "Content-Type: multipart/mixed; boundary=\"%s\"\r\n\r\n"
			   "--%s\r\n\r\ntext\r\n--%s\r\n" PICTURE "--%s--\r\nepilogue\r\n",
		    quoted->str, boundaries[i], boundaries[i], boundaries[i]);
		struct parsed parsed = parse(raw);
		assert_text(&parsed, "text");
		assert_attachment(&parsed, 0, "noname1.png", "image/png", "hello");
		assert_null(strstr(parsed.message->defects, "multipart"));
		parsed_clear(&parsed);
	}
}

/* --- encoded multiparts ----------------------------------------------------------- */

static void test_an_encoded_multipart_in_a_part(void **state)
{
	struct parsed parsed =
	    parse(HEADER
		  "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n"
		  "Content-Type: multipart/alternative; boundary=\"=_b\"\r\n"
		  "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
		  "--=3D_b\r\nContent-Type: text/plain; charset=3Dutf-8\r\n\r\n"
		  "Gr=C3=BC=C3=9Fe=\r\n!\r\n--=3D_b\r\nContent-Type: text/html; charset=3Dutf-8\r\n"
		  "\r\n<p>Gr=C3=BC=C3=9Fe!</p>\r\n--=3D_b--\r\n\r\n--a\r\n" PICTURE "--a--\r\n");

	(void)state;
	assert_text(&parsed, "Grüße!");
	assert_html(&parsed, "<p>Grüße!</p>");
	assert_attachment(&parsed, 0, "noname1.png", "image/png", "hello");
	assert_string_equal("[\"multipart/alternative as a whole encoded; decoded\"]",
			    parsed.message->defects);
	parsed_clear(&parsed);
}

/* The encoding of a multipart that is not encoded says nothing. */
static void test_a_multipart_that_only_says_so(void **state)
{
	struct parsed parsed = parse(HEADER "Content-Type: multipart/mixed; boundary=b\r\n"
					    "Content-Transfer-Encoding: base64\r\n\r\n"
					    "--b\r\n\r\ntext\r\n--b\r\n" PICTURE "--b--\r\n");

	(void)state;
	assert_text(&parsed, "text");
	assert_attachment(&parsed, 0, "noname1.png", "image/png", "hello");
	assert_string_equal(parsed.message->defects, "[]");
	parsed_clear(&parsed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_strict_fields_stay),
	    cmocka_unit_test(test_comments_go),
	    cmocka_unit_test(test_quoted_pairs),
	    cmocka_unit_test(test_separators_that_are_missing_or_wrong),
	    cmocka_unit_test(test_values_that_are_missing),
	    cmocka_unit_test(test_types),
	    cmocka_unit_test(test_fields_in_a_message),
	    cmocka_unit_test(test_what_may_stand_before_the_header),
	    cmocka_unit_test(test_what_is_no_header),
	    cmocka_unit_test(test_a_part_that_begins_with_its_text),
	    cmocka_unit_test(test_a_line_of_blanks),
	    cmocka_unit_test(test_a_delimiter_ends_its_own_header),
	    cmocka_unit_test(test_a_part_without_its_empty_line),
	    cmocka_unit_test(test_which_content_type_counts),
	    cmocka_unit_test(test_a_first_delimiter_that_got_lost),
	    cmocka_unit_test(test_what_stands_behind_a_boundary),
	    cmocka_unit_test(test_odd_boundaries),
	    cmocka_unit_test(test_an_encoded_multipart_in_a_part),
	    cmocka_unit_test(test_a_multipart_that_only_says_so),
	};

	return cmocka_run_group_tests(tests, open_mime, close_mime);
}
