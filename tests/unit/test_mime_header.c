/* Fields of a header: folds, encoded words, raw 8-bit bytes, and what they become in an entry. */
#include "mime_fixture.h"

#include "mime/header.h"

static void assert_word(const char *raw, const char *expected)
{
	struct defects *defects = defects_new();
	g_autofree char *text = word_decode(raw, strlen(raw), NULL, "field Subject", defects);

	assert_string_equal(text, expected);
	defects_free(defects);
}

static void test_plain_text_is_unfolded(void **state)
{
	(void)state;
	assert_word("a plain subject", "a plain subject");
	assert_word("  folded\r\n here", "folded here");
	assert_word("tab\tinside", "tab inside");
}

static void test_encoded_words(void **state)
{
	(void)state;
	assert_word("=?utf-8?Q?Caf=C3=A9_au_lait?=", "Café au lait");
	assert_word("=?iso-8859-1?q?Gr=FC=DFe?=", "Grüße");
	assert_word("=?koi8-r?B?8NLJ18XU?=", "Привет");
	assert_word("=?ISO-2022-JP?B?GyRCQEE1YT1xGyhC?=", "請求書");
	assert_word("=?utf-8*de?Q?Stra=C3=9Fe?=", "Straße");
}

static void test_blanks_between_words_go_others_stay(void **state)
{
	(void)state;
	assert_word("=?utf-8?Q?a?= =?utf-8?Q?b?=", "ab");
	assert_word("=?utf-8?Q?a?=\r\n =?iso-8859-1?Q?=E9?=", "aé");
	assert_word("Re: =?utf-8?Q?a?= and b", "Re: a and b");
	assert_word("=?utf-8?Q?a_?= =?utf-8?Q?b?=", "a b");
}

static void test_a_character_split_between_words_is_joined(void **state)
{
	(void)state;
	assert_word("=?utf-8?Q?=C3?= =?utf-8?Q?=A9t=C3=A9?=", "été");
	assert_word("=?utf-8?B?5pel?= =?UTF-8?B?5g==?= =?utf-8?B?nKw=?=", "日本");
}

/* Each of neighbouring base64 words may have its own padding. */
static void test_padded_base64_words_lose_nothing(void **state)
{
	(void)state;
	assert_word("=?utf-8?B?0J/RgA==?= =?utf-8?B?0LjQsg==?= =?utf-8?B?0LXRgg==?=", "Привет");
	assert_word("=?utf-8?B?YQ?= =?utf-8?B?Yg?=", "ab");
}

static void test_words_cut_anywhere(void **state)
{
	(void)state;
	/* Inside of a group of four, and of a character. */
	assert_word("=?utf-8?B?0J/RgNC40?= =?utf-8?B?LLQtdGC?=", "Привет");
	assert_word("=?utf-8?B?0J/Rg?= =?utf-8?B?NC40LLQt?= =?UTF-8?B?dGC?=", "Привет");
	assert_word("=?utf-8?B?0J/RgNC?= =?utf-8?B?40LLQtdGC?=", "Привет");
	assert_word("=?utf-8?B?0?= =?utf-8?B?J?= =?utf-8?B?8?= =?utf-8?B?=?=", "П");
	assert_word("=?koi8-r?B?8NLJ1?= =?koi8-r?B?8XU?=", "Привет");
	assert_word("=?utf-8?Q?=D0=9F=?= =?utf-8?Q?D1=80=D0?= =?utf-8?Q?=B8?=", "При");
	assert_word("=?utf-8?Q?=D?= =?utf-8?Q?0=9F?=", "П");
	/* Of another encoding: bytes are joined, texts are not. */
	assert_word("=?utf-8?B?0J/R?= =?utf-8?Q?=80=D0=B8?=", "При");
}

static void test_words_without_padding_are_whole(void **state)
{
	(void)state;
	assert_word("=?utf-8?B?0J/RgA?= =?utf-8?B?0LjQsg?= =?utf-8?B?0LXRgg?=", "Привет");
	assert_word("=?utf-8?B?YQ?= =?utf-8?B?YmM?= =?utf-8?B?ZGU?=", "abcde");
}

static void test_japanese_under_another_label(void **state)
{
	(void)state;
	assert_word("=?ISO-2022-JP?B?g2OBW4OL?=", "ツール");
	assert_word("=?ISO-2022-JP?B?pcShvKXr?=", "ツール"); /* EUC-JP */
	assert_word("=?ISO-2022-JP?B?GyRCJUQhPCVrGyhC?=", "ツール");
	assert_word("=?UTF-16?B?IKwAMQ==?=", "€1");
	assert_word("\x1b$B%D!<%k\x1b(B", "ツール");
	assert_word("=?utf-8?B?GyRCJUQhPCVrGyhC?=", "ツール");
	assert_word("\x1b[1mbold", "[1mbold");
}

static void test_broken_words_stay_as_written(void **state)
{
	(void)state;
	assert_word("=?utf-8?X?abc?=", "=?utf-8?X?abc?=");
	assert_word("=?utf-8?Q?never closed", "=?utf-8?Q?never closed");
	assert_word("=??Q?x?=", "=??Q?x?=");
	assert_word("=?", "=?");
}

static void test_common_misuse_is_understood(void **state)
{
	(void)state;
	assert_word("=?utf-8?Q?with blanks inside?=", "with blanks inside");
	assert_word("in=?utf-8?Q?_the_?=middle", "in the middle");
	assert_word("=?utf-8?Q?what? a mark?=", "what? a mark");
}

static void test_raw_8bit_bytes(void **state)
{
	(void)state;
	assert_word("Gr\xc3\xbc\xc3\x9f"
		    "e",
		    "Grüße");
	assert_word("Gr\xfc\xdf"
		    "e aus M\xfcnchen",
		    "Grüße aus München");
	assert_word("\xf0\xd2\xc9\xd7\xc5\xd4, \xd7\xd9\xd3\xd9\xcc\xc1\xc0 \xd3\xde\xc5\xd4",
		    "Привет, высылаю счет");
}

static void test_unknown_charset_is_a_defect(void **state)
{
	struct defects *defects = defects_new();
	g_autofree char *text =
	    word_decode("=?x-none?Q?Caf=E9?=", 19, NULL, "field Subject", defects);
	g_autofree char *list = defects_format(defects);

	(void)state;
	assert_string_equal(text, "Café");
	assert_string_equal(
	    list, "[\"charset 'x-none' of field Subject unknown; read as windows-1252\"]");
	defects_free(defects);
}

static void test_control_characters_go(void **state)
{
	(void)state;
	assert_word("=?utf-8?Q?a=00b=07c=1B[1m?=", "abc[1m");
	assert_word("=?utf-8?Q?two=0D=0Alines?=", "two lines");
	assert_word("=?utf-8?Q?=EF=BB=BFmark?=", "mark");
}

static void test_all_fields_of_an_entry(void **state)
{
	struct parsed parsed = parse("From: Ann <ann@example.com>, Bob <bob@example.com>\r\n"
				     "To: =?utf-8?Q?J=C3=B6rg?= <joerg@example.com>\r\n"
				     "To: second@example.com\r\n"
				     "Cc: c@example.com\r\nBcc: b@example.com\r\n"
				     "Reply-To: r@example.com\r\n"
				     "Subject: =?utf-8?Q?=E2=82=AC?=\r\n"
				     "Date: Mon, 3 Mar 2025 09:00:00 +0100\r\n"
				     "Message-ID:  <1@example.com> (made here)\r\n"
				     "In-Reply-To: <0@example.com>\r\n"
				     "References: <a@example.com>\r\n\t <0@example.com>\r\n"
				     "X-Odd:\r\n"
				     "\r\ntext\r\n");
	const struct mime_message *message = parsed.message;

	(void)state;
	assert_string_equal(message->subject, "€");
	assert_string_equal(message->sender, "Ann <ann@example.com>");
	assert_string_equal(message->recipient, "Jörg <joerg@example.com>; second@example.com");
	assert_string_equal(message->cc, "c@example.com");
	assert_string_equal(message->bcc, "b@example.com");
	assert_string_equal(message->reply_to, "r@example.com");
	assert_string_equal(message->message_id, "<1@example.com>");
	assert_string_equal(message->in_reply_to, "<0@example.com>");
	assert_string_equal(message->thread_references, "<a@example.com> <0@example.com>");
	assert_true(message->has_date_sent);
	assert_int_equal(message->date_sent, 1740988800);
	assert_string_equal(message->defects, "[]");
	assert_true(g_str_has_prefix(message->headers,
				     "[[\"From\",\"Ann <ann@example.com>, Bob <bob@example.com>\"],"
				     "[\"To\",\"Jörg <joerg@example.com>\"],"));
	assert_true(g_str_has_suffix(message->headers, "[\"X-Odd\",\"\"]]"));
	parsed_clear(&parsed);
}

static void test_missing_fields_are_null(void **state)
{
	struct parsed parsed = parse("Sender: robot@example.com\r\n\r\n");

	(void)state;
	assert_null(parsed.message->subject);
	assert_null(parsed.message->recipient);
	assert_null(parsed.message->message_id);
	assert_null(parsed.message->thread_references);
	assert_false(parsed.message->has_date_sent);
	assert_string_equal(parsed.message->sender, "robot@example.com");
	assert_defect(&parsed, "no From field; Sender taken");
	assert_defect(&parsed, "no Date field");
	parsed_clear(&parsed);
}

static void test_headers_are_json(void **state)
{
	struct parsed parsed = parse(HEADER "Subject: \"quoted\" \\ and </b>\r\n\r\n");

	(void)state;
	assert_true(g_str_has_suffix(parsed.message->headers,
				     "[\"Subject\",\"\\\"quoted\\\" \\\\ and </b>\"]]"));
	parsed_clear(&parsed);
}

static void test_a_fold_without_its_blank(void **state)
{
	struct parsed parsed =
	    parse(HEADER "Subject: one\r\ntwo\r\nX-Next: x\r\n\r\ntext of the mail\r\n");

	(void)state;
	assert_string_equal(parsed.message->subject, "one two");
	assert_text(&parsed, "text of the mail\n");
	assert_defect(&parsed, "a line in the header is no field");
	parsed_clear(&parsed);
}

static void test_no_blank_line_before_the_text(void **state)
{
	struct parsed parsed = parse(HEADER "Subject: s\r\nDear all,\r\nhello\r\n\r\nBye\r\n");

	(void)state;
	assert_string_equal(parsed.message->subject, "s");
	assert_text(&parsed, "Dear all,\nhello\n\nBye\n");
	assert_defect(&parsed, "no blank line between header and text");
	parsed_clear(&parsed);
}

static void test_raw_fields_in_the_charset_of_the_text(void **state)
{
	struct parsed parsed = parse(HEADER "Subject: \xd3\xde\xc5\xd4\r\n"
					    "Content-Type: text/plain; charset=koi8-r\r\n\r\n");

	(void)state;
	assert_string_equal(parsed.message->subject, "счет");
	parsed_clear(&parsed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_plain_text_is_unfolded),
	    cmocka_unit_test(test_encoded_words),
	    cmocka_unit_test(test_blanks_between_words_go_others_stay),
	    cmocka_unit_test(test_a_character_split_between_words_is_joined),
	    cmocka_unit_test(test_padded_base64_words_lose_nothing),
	    cmocka_unit_test(test_words_cut_anywhere),
	    cmocka_unit_test(test_words_without_padding_are_whole),
	    cmocka_unit_test(test_japanese_under_another_label),
	    cmocka_unit_test(test_broken_words_stay_as_written),
	    cmocka_unit_test(test_common_misuse_is_understood),
	    cmocka_unit_test(test_raw_8bit_bytes),
	    cmocka_unit_test(test_unknown_charset_is_a_defect),
	    cmocka_unit_test(test_control_characters_go),
	    cmocka_unit_test(test_all_fields_of_an_entry),
	    cmocka_unit_test(test_missing_fields_are_null),
	    cmocka_unit_test(test_headers_are_json),
	    cmocka_unit_test(test_a_fold_without_its_blank),
	    cmocka_unit_test(test_no_blank_line_before_the_text),
	    cmocka_unit_test(test_raw_fields_in_the_charset_of_the_text),
	};

	return cmocka_run_group_tests(tests, open_mime, close_mime);
}
