/* Text bodies: transfer encodings, charsets, format=flowed. */
#include "mime_fixture.h"

#include "mime/charset.h"
#include "mime/transfer.h"

#include <errno.h>
#include <iconv.h>

/* A message of one text part with these fields. */
static struct parsed parse_text(const char *fields, const char *body, size_t length)
{
	g_autoptr(GString) raw = g_string_new(HEADER);
	struct mime_options options = mime_options_default();

	g_string_append(raw, fields);
	g_string_append(raw, "\r\n\r\n");
	g_string_append_len(raw, body, (gssize)length);
	return parse_bytes(raw->str, raw->len, &options);
}

static void assert_body(const char *fields, const char *body, const char *expected,
			const char *defect)
{
	struct parsed parsed = parse_text(fields, body, strlen(body));

	assert_text(&parsed, expected);
	if (defect)
		assert_defect(&parsed, defect);
	else
		assert_string_equal(parsed.message->defects, "[]");
	parsed_clear(&parsed);
}

#define PLAIN	       "Content-Type: text/plain"
#define ENCODED(name)  PLAIN "; charset=utf-8\r\nContent-Transfer-Encoding: " name
#define CHARSET(label) PLAIN "; charset=" label

static void test_identity(void **state)
{
	(void)state;
	assert_body(ENCODED("7bit"), "a\r\nb\r\n", "a\nb\n", NULL);
	assert_body(ENCODED("8BIT"), "\xe2\x82\xac", "€", NULL);
	assert_body(ENCODED("binary"), "a\nb\rc", "a\nb\nc", NULL);
	assert_body(ENCODED("x-strange"), "a=3D", "a=3D", "transfer encoding 'x-strange' unknown");
}

static void test_base64(void **state)
{
	(void)state;
	assert_body(ENCODED("base64"), "aGVs\r\nbG8=\r\n", "hello", NULL);
	assert_body(ENCODED("base64"), "aGVsbG8", "hello", NULL);
	assert_body(ENCODED("base64"), "aGVsbA", "hell", NULL);
	assert_body(ENCODED("base64"), "aGVsbG8=IHlvdQ==", "hello you", "damaged");
	assert_body(ENCODED("base64"), "aGV*sbG8=", "hello", "damaged");
	/* The footer of a mailing list is not encoded, with padding before it and without. */
	assert_body(ENCODED("base64"),
		    "aMOkbGxvCg==\r\n\r\n____\r\nTo leave: mail list@example.com\r\n",
		    "hällo\n____\nTo leave: mail list@example.com\n", "damaged");
	assert_body(ENCODED("base64"), "aMOkbGwsIHlv\r\n-- \r\nto leave: list@example.com",
		    "häll, yo-- \nto leave: list@example.com", "damaged");
	assert_body(ENCODED("base64"), "Hello\r\n\r\nthis: is not encoded.\r\n",
		    "Hello\n\nthis: is not encoded.\n", "damaged");
	assert_body(ENCODED("base64"), "aGVsbG8=A", "hello", "damaged");
	assert_body(ENCODED("base64"), "", "", NULL);
}

static void test_quoted_printable(void **state)
{
	const char *const qp = ENCODED("quoted-printable");

	(void)state;
	assert_body(qp, "=E2=82=AC 5", "€ 5", NULL);
	assert_body(qp, "soft=\r\n break", "soft break", NULL);
	assert_body(qp, "soft= \t\r\n break", "soft break", NULL);
	assert_body(qp, "soft=\n break", "soft break", NULL);
	assert_body(qp, "trailing  \r\nblanks\t\r\n", "trailing\nblanks\n", NULL);
	assert_body(qp, "in  the   middle", "in  the   middle", NULL);
	assert_body(qp, "lower=e2=82=ac", "lower€", NULL);
	assert_body(qp, "1 =2 =ZZ =", "1 =2 =ZZ ", "damaged");
	assert_body(qp, "=3D=", "=", NULL);
	assert_body(qp, "=", "", NULL);
}

struct text {
	struct sink sink;
	GString *bytes;
};

static void text_write(struct sink *sink, const void *bytes, size_t length)
{
	g_string_append_len(((struct text *)sink)->bytes, bytes, (gssize)length);
}

/* Decodes it in pieces of that size; "!" in front when it is damaged. */
static GString *quoted_printable_pieces(const GString *raw, size_t piece)
{
	struct text text = {.sink = {text_write}, .bytes = g_string_new(NULL)};
	struct quoted_printable quoted;

	quoted_printable_init(&quoted, &text.sink);
	for (size_t at = 0; at < raw->len; at += piece)
		sink_write(&quoted.sink, raw->str + at, MIN(piece, raw->len - at));
	if (!quoted_printable_finish(&quoted))
		g_string_prepend_c(text.bytes, '!');
	return text.bytes;
}

/* Whatever is decoded at once is what it is byte by byte. */
static void test_quoted_printable_in_pieces(void **state)
{
	/* Longer than what is looked at at once. */
	g_autofree char *text = g_strnfill(200, 'x');
	const char *const pieces[] = {"=",    "=3D",  "=e9", "=\r\n", "=\n", "\r\n", "\n",
				      "\r",   " ",    "\t",  "a",     "F",   "\xe9", "=\r",
				      "= \n", "text", "=Z",  "=4",    "==",  text};
	g_autoptr(GRand) random = g_rand_new_with_seed(6);

	(void)state;
	for (int i = 0; i < 20000; i++) {
		g_autoptr(GString) raw = g_string_new(NULL);
		gint32 count = g_rand_int_range(random, 1, i % 100 == 0 ? 500 : 12);
		for (gint32 j = 0; j < count; j++)
			g_string_append(raw,
					pieces[g_rand_int_range(random, 0, G_N_ELEMENTS(pieces))]);
		g_autoptr(GString) single = quoted_printable_pieces(raw, 1);
		for (size_t piece = 2; piece < 6000; piece = piece * 3 - 1) {
			g_autoptr(GString) whole = quoted_printable_pieces(raw, piece);
			if (!g_string_equal(single, whole))
				fail_msg("'%s' in pieces of %zu is '%s', else '%s'", raw->str,
					 piece, whole->str, single->str);
		}
	}
}

static void test_uuencode(void **state)
{
	(void)state;
	assert_body(ENCODED("x-uuencode"), "begin 644 a.txt\r\n+:&5L;&\\@=V]R;&0\r\n`\r\nend\r\n",
		    "hello world", NULL);
	assert_body(ENCODED("x-uuencode"), "no begin", "no begin", "damaged");
}

static void test_labelled_charsets(void **state)
{
	static const struct {
		const char *label;
		const char *converter;
		const char *text;
	} cases[] = {
	    {"utf-8", "UTF-8", "Grüße, 請求書"},
	    {"iso-8859-1", "ISO-8859-1", "Grüße"},
	    {"ISO_8859-1:1987", "ISO-8859-1", "Grüße"},
	    {"latin1", "CP1252", "“quoted” – 5 €"},
	    {"iso-8859-2", "ISO-8859-2", "Zażółć gęślą jaźń"},
	    {"iso-8859-15", "ISO-8859-15", "5 €"},
	    {"windows-1250", "CP1250", "Zażółć gęślą jaźń"},
	    {"cp1251", "CP1251", "Счёт"},
	    {"windows-1253", "CP1253", "Τιμολόγιο"},
	    {"windows-1255", "CP1255", "חשבונית"},
	    {"windows-1256", "CP1256", "فاتورة"},
	    {"koi8-r", "KOI8-R", "Счёт"},
	    {"koi8-u", "KOI8-U", "Рахунок їжі"},
	    {"gb2312", "GBK", "发票問題"},
	    {"gbk", "GBK", "发票"},
	    {"gb18030", "GB18030", "发票€"},
	    {"big5", "BIG5", "發票"},
	    {"shift_jis", "CP932", "請求書①ｱｲｳ"},
	    {"x-sjis", "CP932", "請求書"},
	    {"euc-jp", "EUC-JP-MS", "請求書①"},
	    {"iso-2022-jp", "ISO-2022-JP", "請求書 ABC"},
	    {"euc-kr", "UHC", "청구서 똠"},
	    {"ks_c_5601-1987", "UHC", "청구서"},
	    {"iso-2022-kr", "ISO-2022-KR", "청구서"},
	    {"tis-620", "CP874", "ใบแจ้งหนี้"},
	    {"macintosh", "MACINTOSH", "Grüße"},
	    {"utf-7", "UTF-7", "Grüße"},
	    {"utf-16", "UTF-16", "Grüße 請求"},
	    {"utf-16le", "UTF-16LE", "請求書"},
	    {"utf-16be", "UTF-16BE", "請求書"},
	    {"ibm850", "IBM850", "Grüße"},
	    {"cp437", "IBM437", "Grüße"},
	    {"ibm866", "IBM866", "Счет"},
	    {"viscii", "VISCII", "Hóa đơn"},
	};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		gsize length = 0;
		g_autofree char *bytes =
		    g_convert(cases[i].text, -1, cases[i].converter, "UTF-8", NULL, &length, NULL);
		g_autofree char *fields = g_strconcat(CHARSET(""), cases[i].label, NULL);
		assert_non_null(bytes);
		struct parsed parsed = parse_text(fields, bytes, length);
		g_autofree char *text = content_text(&parsed, &parsed.message->text_body);
		if (strcmp(text, cases[i].text) != 0)
			fail_msg("%s: '%s', not '%s'", cases[i].label, text, cases[i].text);
		assert_string_equal(parsed.message->defects, "[]");
		parsed_clear(&parsed);
	}
}

/* glibc knows no HZ, and refuses row 13 of JIS X 0208, which holds the circled digits. */
static void test_seven_bit_encodings_glibc_cannot_read(void **state)
{
	(void)state;
	assert_body(CHARSET("hz-gb-2312"), "a~{;a~}b~~~{7\"F1~}", "a会b~发票", NULL);
	assert_body(CHARSET("iso-2022-jp"), "\x1b$B-!@A5a=q\x1b(B 1", "①請求書 1", NULL);
	assert_body(CHARSET("iso-2022-jp"), "\x1b(I1\x1b(B!", "ｱ!", NULL);
}

static void test_wrong_labels(void **state)
{
	(void)state;
	assert_body(CHARSET("utf-8"),
		    "Gr\xfc\xdf"
		    "e aus M\xfcnchen und K\xf6ln",
		    "Grüße aus München und Köln", "not utf-8 as it says");
	assert_body(CHARSET("iso-2022-jp"),
		    "Gr\xc3\xbc\xc3\x9f"
		    "e",
		    "Grüße", "the text is not iso-2022-jp as it says; read as utf-8");
	assert_body(CHARSET("us-ascii"),
		    "Gr\xc3\xbc\xc3\x9f"
		    "e",
		    "Grüße", "8-bit bytes in the text without a charset; read as utf-8");
	assert_body(CHARSET("x-unknown"), "caf\xe9", "café",
		    "charset 'x-unknown' of the text unknown; read as windows-1252");
}

static void test_a_few_bad_bytes_do_not_spoil_utf8(void **state)
{
	g_autoptr(GString) body = g_string_new(NULL);
	g_autoptr(GString) expected = g_string_new(NULL);

	(void)state;
	for (int i = 0; i < 200; i++) {
		g_string_append(body, "naïve Grüße ");
		g_string_append(expected, "naïve Grüße ");
	}
	g_string_append(body, "cut \xe2\x82");
	g_string_append(expected, "cut \xef\xbf\xbd");
	assert_body(CHARSET("utf-8"), body->str, expected->str,
		    "some bytes of the text are not utf-8");
}

static void test_no_label(void **state)
{
	(void)state;
	assert_body("X-No: type", "caf\xc3\xa9", "café", "read as utf-8");
	assert_body("X-No: type", "caf\xe9", "café", "read as windows-1252");
	assert_body("X-No: type", "\xf3\xde\xc5\xd4 \xda\xc1 \xd5\xd3\xcc\xd5\xc7\xc9",
		    "Счет за услуги", "read as koi8-r");
	assert_body(PLAIN, "\xef\xbb\xbfwith a mark", "with a mark", NULL);
}

static void test_utf16_without_label_but_with_mark(void **state)
{
	struct parsed parsed = parse_text(PLAIN, "\xff\xfeH\0i\0", 6);

	(void)state;
	assert_text(&parsed, "Hi");
	parsed_clear(&parsed);
}

static void test_control_characters_go(void **state)
{
	const char body[] = "a\0b\x07"
			    "c\x1b[0m\x7f d\x0c"
			    "e\xc2\x85"
			    "f\xc2\x9b"
			    "g\tend";
	struct parsed parsed = parse_text(CHARSET("utf-8"), body, sizeof(body) - 1);

	(void)state;
	assert_body(CHARSET("utf-8"), "20 °C\r\n½\a", "20 °C\n½", NULL);
	assert_text(&parsed, "abc[0m d\ne\nfg\tend");
	parsed_clear(&parsed);
}

#define FLOWED PLAIN "; charset=utf-8; format=flowed"

static void test_flowed_paragraphs_are_joined(void **state)
{
	(void)state;
	assert_body(FLOWED, "one \r\ntwo \r\nthree\r\n\r\nnext\r\n", "one two three\n\nnext\n",
		    NULL);
	assert_body(FLOWED "; delsp=yes", "one \r\ntwo\r\n", "onetwo\n", NULL);
	assert_body(FLOWED, " >stuffed\r\n From here\r\n", ">stuffed\nFrom here\n", NULL);
	assert_body(FLOWED, "text \r\n-- \r\nAnn \r\nLee\r\n", "text \n-- \nAnn Lee\n", NULL);
	assert_body(FLOWED, "no end ", "no end ", NULL);
}

static void test_flowed_quotes_keep_their_depth(void **state)
{
	(void)state;
	assert_body(FLOWED, ">a \r\n>b\r\n>\r\n>>c \r\nd\r\n", "> a b\n>\n>> c \nd\n", NULL);
	assert_body(FLOWED, "> a \r\n> b\r\n", "> a b\n", NULL);
}

static void test_a_flowed_line_without_end(void **state)
{
	g_autofree char *line = g_strnfill(300000, 'x');
	g_autofree char *body = g_strconcat(">", line, " \r\n> y\r\n", NULL);
	struct parsed parsed = parse_text(FLOWED, body, strlen(body));

	(void)state;
	assert_true(parsed.message->text_body.size >= 300000);
	parsed_clear(&parsed);
}

/* More than fits in memory at once: pieces meet in the middle of characters. */
static void test_long_text_in_every_kind_of_charset(void **state)
{
	static const char *const charsets[] = {"utf-8", "utf-16le", "gb18030", "iso-2022-jp"};
	g_autoptr(GString) text = g_string_new(NULL);

	(void)state;
	for (int i = 0; i < 30000; i++)
		g_string_append_printf(text, "%d 請求書の送付について\n", i);
	for (size_t i = 0; i < G_N_ELEMENTS(charsets); i++) {
		gsize length = 0;
		g_autofree char *bytes =
		    g_convert(text->str, -1, charsets[i], "UTF-8", NULL, &length, NULL);
		g_autofree char *fields = g_strconcat(CHARSET(""), charsets[i], NULL);
		struct parsed parsed = parse_text(fields, bytes, length);
		assert_text(&parsed, text->str);
		parsed_clear(&parsed);
	}
}

static void read_with_glibc(iconv_t converter, const GString *raw, GString *text)
{
	char out[256];
	char *in = raw->str;
	size_t left = raw->len;

	while (left > 0) {
		char *to = out;
		size_t room = sizeof(out);
		int error = iconv(converter, &in, &left, &to, &room) == (size_t)-1 ? errno : 0;
		g_string_append_len(text, out, (gssize)(sizeof(out) - room));
		if (error == EILSEQ) {
			g_string_append(text, "\xef\xbf\xbd");
			in++;
			left--;
		}
	}
	char *to = out;
	size_t room = sizeof(out);
	iconv(converter, NULL, NULL, &to, &room);
	g_string_append_len(text, out, (gssize)(sizeof(out) - room));
}

/* As glibc reads them, though most are looked up in a table: all bytes, each behind and in front of
 * every other one, with what cannot be read and with accents that follow their letter. */
static void test_single_bytes_are_what_glibc_says(void **state)
{
	static const char *const charsets[][2] = {
	    {"iso-8859-1", "CP1252"},	{"windows-1251", "CP1251"},	{"windows-1255", "CP1255"},
	    {"windows-1258", "CP1258"}, {"iso-8859-15", "ISO-8859-15"}, {"koi8-r", "KOI8-R"},
	    {"windows-874", "CP874"},	{"ibm866", "IBM866"},		{"viscii", "VISCII"},
	    {"tcvn", "TCVN"},		{"iso-8859-8", "ISO-8859-8"}};
	g_autoptr(GString) raw = g_string_new(NULL);

	(void)state;
	for (unsigned i = 0; i < 256; i++) {
		for (unsigned j = 0; j < 256; j++) {
			g_string_append_c(raw, (char)i);
			g_string_append_c(raw, (char)j);
		}
	}
	for (size_t i = 0; i < G_N_ELEMENTS(charsets); i++) {
		g_autoptr(GString) expected = g_string_new(NULL);
		struct text text = {.sink = {text_write}, .bytes = g_string_new(NULL)};
		struct conversion conversion;

		iconv_t converter = iconv_open("UTF-8", charsets[i][1]);
		read_with_glibc(converter, raw, expected);
		iconv_close(converter);
		conversion_init(&conversion, charset_find(charsets[i][0]), UINT64_MAX, &text.sink);
		for (size_t at = 0; at < raw->len; at += 1000)
			sink_write(&conversion.sink, raw->str + at, MIN(1000, raw->len - at));
		assert_true(conversion_finish(&conversion));
		assert_int_equal(expected->len, text.bytes->len);
		assert_memory_equal(expected->str, text.bytes->str, expected->len);
		g_string_free(text.bytes, TRUE);
	}
}

/* Each line of the table must be good for something on this machine. */
static void test_all_charsets_of_the_table_are_there(void **state)
{
	static const char *const names[] = {
	    "us-ascii",	  "windows-1254", "windows-1257", "windows-1258", "iso-8859-3",
	    "iso-8859-4", "iso-8859-5",	  "iso-8859-6",	  "iso-8859-7",	  "iso-8859-8-i",
	    "iso-8859-9", "iso-8859-10",  "iso-8859-13",  "iso-8859-14",  "iso-8859-16",
	    "big5-hkscs", "utf-32",	  "ibm852",	  "ibm855",	  "x-mac-cyrillic",
	    "x-mac-ce",	  "tcvn",	  "cp949",	  "windows-31j",  "UTF8",
	};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (!charset_find(names[i]))
			fail_msg("%s is not known", names[i]);
	assert_null(charset_find("x-unknown"));
	assert_null(charset_find(""));
	assert_null(charset_find("a name much longer than any charset ever had, to be cut off"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_identity),
	    cmocka_unit_test(test_base64),
	    cmocka_unit_test(test_quoted_printable),
	    cmocka_unit_test(test_quoted_printable_in_pieces),
	    cmocka_unit_test(test_uuencode),
	    cmocka_unit_test(test_labelled_charsets),
	    cmocka_unit_test(test_seven_bit_encodings_glibc_cannot_read),
	    cmocka_unit_test(test_wrong_labels),
	    cmocka_unit_test(test_a_few_bad_bytes_do_not_spoil_utf8),
	    cmocka_unit_test(test_no_label),
	    cmocka_unit_test(test_utf16_without_label_but_with_mark),
	    cmocka_unit_test(test_control_characters_go),
	    cmocka_unit_test(test_flowed_paragraphs_are_joined),
	    cmocka_unit_test(test_flowed_quotes_keep_their_depth),
	    cmocka_unit_test(test_a_flowed_line_without_end),
	    cmocka_unit_test(test_long_text_in_every_kind_of_charset),
	    cmocka_unit_test(test_single_bytes_are_what_glibc_says),
	    cmocka_unit_test(test_all_charsets_of_the_table_are_there),
	};

	return cmocka_run_group_tests(tests, open_mime, close_mime);
}
