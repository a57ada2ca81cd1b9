/* HTML turned to text, rule by rule. */
#include "mime_fixture.h"

#include "mime/text.h"

static struct parsed parse_html(const char *html)
{
	g_autofree char *raw =
	    g_strconcat(HEADER "Content-Type: text/html; charset=utf-8\r\n\r\n", html, NULL);

	return parse(raw);
}

static void assert_html_text(const char *html, const char *expected)
{
	struct parsed parsed = parse_html(html);
	g_autofree char *text = content_text(&parsed, &parsed.message->text_body);

	if (strcmp(text, expected) != 0)
		fail_msg("%s\nbecame '%s', not '%s'", html, text, expected);
	parsed_clear(&parsed);
}

static void test_head_script_and_style_are_dropped(void **state)
{
	(void)state;
	assert_html_text(
	    "<html><head><title>t</title><style>p{}</style></head><body>a</body></html>", "a");
	assert_html_text("a<script>if (1 < 2) x('</p>');</script>b<STYLE><!-- x --></STYLE >c",
			 "abc");
	assert_html_text("a<!-- <p>no</p> -->b<!---->c<!-->d", "abcd");
	assert_html_text("<!DOCTYPE html><?xml:namespace prefix = o ?><![if !mso]>a<![endif]>"
			 "<!--[if mso]>b<![endif]-->",
			 "a");
}

static void test_br_and_li_start_a_line(void **state)
{
	(void)state;
	assert_html_text("a<br>b<br/>c", "a\nb\nc");
	assert_html_text("a<ul><li>b</li><li>c</li></ul>d", "a\nb\nc\nd");
	assert_html_text("<ol><li>a<li>b</ol>", "a\nb");
}

static void test_div_p_and_tr_are_paragraphs(void **state)
{
	(void)state;
	assert_html_text("<p>a</p><p>b</p>c", "a\n\nb\n\nc");
	assert_html_text("<p>a<p>b", "a\n\nb");
	assert_html_text("a<div>b<div>c</div></div>d", "a\n\nb\n\nc\n\nd");
	assert_html_text("<table><tr><td>a</td></tr><tr><td>b</td></tr></table>", "a\n\nb");
}

static void test_cells_are_parted_by_tabs(void **state)
{
	(void)state;
	assert_html_text("<tr><td>a</td><td>b</td><td>c</td></tr>", "a\tb\tc");
	assert_html_text("<tr> <td> a </td> <td></td>\n<td><p>c</p></td> </tr>", "a\t\tc");
	assert_html_text("<tr><td>a</td></tr><tr><td></td><td>b</td></tr>", "a\n\n\tb");
	assert_html_text("<tr><td>a</td><td><table><tr><td>b</td><td>c</td></tr></table></td></tr>",
			 "a\tb\tc");
}

static void test_hr_is_a_rule(void **state)
{
	(void)state;
	assert_html_text("a<hr>b", "a\n____________________\nb");
}

static void test_links_show_their_address(void **state)
{
	(void)state;
	assert_html_text("see <a href=\"https://example.com/?a=1&amp;b=2\">here</a>.",
			 "see [https://example.com/?a=1&b=2] here.");
	assert_html_text("<a href='mailto:a@example.com'>a@example.com</a>",
			 "[mailto:a@example.com] a@example.com");
	assert_html_text("<a name=x>anchor</a> <a href=''>empty</a>", "anchor empty");
}

static void test_entities_are_decoded(void **state)
{
	(void)state;
	assert_html_text("&lt;b&gt; &amp;amp; &quot;x&quot; &apos;", "<b> &amp; \"x\" '");
	assert_html_text("&euro; &eacute; &#8364; &#x20AC; &#128512; &hellip;", "€ é € € 😀 …");
	assert_html_text("a&nbsp;&nbsp;b", "a b");
	assert_html_text("&#147;x&#148; &#150;", "“x” –");
	assert_html_text("soft&shy;hyphen AT&T &unknown;", "softhyphen AT&T &unknown;");
}

static void test_blanks_run_together(void **state)
{
	(void)state;
	assert_html_text("  a \n\t b  ", "a b");
	assert_html_text("<b>a</b> <i>b</i>", "a b");
	assert_html_text("<b>a</b><i>b</i>", "ab");
	assert_html_text("<p> a </p> <p> b </p>", "a\n\nb");
	assert_html_text("<pre>one\n  two   three\n</pre>four", "one\n  two   three\nfour");
}

static void test_at_most_two_newlines_in_a_row(void **state)
{
	(void)state;
	assert_html_text("a<br><br><br><br>b", "a\n\nb");
	assert_html_text("<p>a</p><p>&nbsp;</p><div><br></div><p>b</p>", "a\n\nb");
	assert_html_text("<br><br>a<br><br>", "a");
}

static void test_odd_documents_lose_no_text(void **state)
{
	(void)state;
	assert_html_text("plain", "plain");
	assert_html_text("</b>a</div> b", "a b");
	assert_html_text("<html><body>a</body></html>b<body>c", "abc");
	assert_html_text("<head>a</head>b", "ab");
	assert_html_text("a < b > c <3", "a < b > c <3");
	assert_html_text("<p title='>'>a</p>", "a");
	assert_html_text("<svg><g>a</g></svg><x-y>b</x-y><o:p>c</o:p>", "abc");
	assert_html_text("a<", "a<");
	assert_html_text("", "");
}

static void test_the_html_itself_stays(void **state)
{
	struct parsed parsed = parse_html("<p>a\r\n&amp;</p>");

	(void)state;
	assert_html(&parsed, "<p>a\n&amp;</p>");
	parsed_clear(&parsed);
}

static void test_charset_named_in_the_document(void **state)
{
	struct parsed parsed = parse(HEADER "Content-Type: text/html\r\n\r\n"
					    "<META http-equiv=Content-Type content=\"text/html; "
					    "charset=windows-1251\"><p>\xd1\xf7\xb8\xf2</p>");

	(void)state;
	assert_text(&parsed, "Счёт");
	assert_string_equal(parsed.message->defects, "[]");
	parsed_clear(&parsed);

	g_autofree char *short_form = text_html_charset("<meta charset='UTF-8'>", 22);
	assert_string_equal(short_form, "utf-8");
	assert_null(text_html_charset("<meta name=x><p>charset=no</p>", 30));
}

static void repeat(GString *text, const char *piece, size_t bytes)
{
	while (text->len < bytes)
		g_string_append(text, piece);
}

/* Quadratic searches, tokens without end, stacks without end: each ends soon and keeps what
 * follows. */
static void test_hostile_documents(void **state)
{
	static const struct {
		const char *start;
		const char *piece;
		const char *end;
	} cases[] = {
	    {"", "<div>", "last"},
	    {"", "<b><i>", "</b>last"},
	    {"", "<b></i>", "last"},
	    {"", "<table><tr><td>", "last"},
	    {"<a href=\"", "x", "\">last"},
	    {"<!--", "-", "-->last"},
	    {"<script>", "</", "</script>last"},
	    {"<x ", "a=1 ", ">last"},
	    {"<", "x", ">last"},
	    {"<?", "<", ">last"},
	    {"", "&#x41;&", " last"},
	    {"", "<p", " last"},
	    {"<pre>", " ", "last"},
	    {"", "<td>", "last"},
	    {"<!", "x", ">last"},
	};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GString) html = g_string_new(cases[i].start);
		repeat(html, cases[i].piece, 1000000);
		g_string_append(html, cases[i].end);
		struct parsed parsed = parse_html(html->str);
		g_autofree char *text = content_text(&parsed, &parsed.message->text_body);
		if (!g_str_has_suffix(text, "last") && i != 11)
			fail_msg("case %zu ends in '%s'", i,
				 text + strlen(text) - MIN(strlen(text), 20));
		parsed_clear(&parsed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_head_script_and_style_are_dropped),
	    cmocka_unit_test(test_br_and_li_start_a_line),
	    cmocka_unit_test(test_div_p_and_tr_are_paragraphs),
	    cmocka_unit_test(test_cells_are_parted_by_tabs),
	    cmocka_unit_test(test_hr_is_a_rule),
	    cmocka_unit_test(test_links_show_their_address),
	    cmocka_unit_test(test_entities_are_decoded),
	    cmocka_unit_test(test_blanks_run_together),
	    cmocka_unit_test(test_at_most_two_newlines_in_a_row),
	    cmocka_unit_test(test_odd_documents_lose_no_text),
	    cmocka_unit_test(test_the_html_itself_stays),
	    cmocka_unit_test(test_charset_named_in_the_document),
	    cmocka_unit_test(test_hostile_documents),
	};

	return cmocka_run_group_tests(tests, open_mime, close_mime);
}
