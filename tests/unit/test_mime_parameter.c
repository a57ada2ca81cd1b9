/* Parameters of Content-Type and Content-Disposition. */
#include "mime_fixture.h"

#include "mime/content_field.h"

static void assert_parameter(const char *raw, const char *name, const char *expected)
{
	struct defects *defects = defects_new();
	struct parameters *parameters = parameters_parse(raw, strlen(raw));
	g_autofree char *text = parameters_text(parameters, name, NULL, defects);

	assert_string_equal(text ? text : "(null)", expected);
	parameters_free(parameters);
	defects_free(defects);
}

static void assert_value(const char *raw, const char *expected)
{
	struct parameters *parameters = parameters_parse(raw, strlen(raw));

	assert_string_equal(parameters_value(parameters), expected);
	parameters_free(parameters);
}

static void test_values(void **state)
{
	(void)state;
	assert_value("Text/HTML; charset=utf-8", "text/html");
	assert_value(" attachment", "attachment");
	assert_value("text/plain (a comment); x=y", "text/plain");
	assert_value("", "");
	assert_value("; charset=utf-8", "");
}

static void test_plain_parameters(void **state)
{
	(void)state;
	assert_parameter("text/plain; charset=utf-8", "charset", "utf-8");
	assert_parameter("text/plain; CHARSET = \"utf-8\" ; x=y", "charset", "utf-8");
	assert_parameter("text/plain; charset=utf-8 (plain)", "charset", "utf-8");
	assert_parameter("a/b; boundary=\"a;b=c\\\"d\"", "boundary", "a;b=c\"d");
	assert_parameter("a/b; x=1; x=2", "x", "1");
	assert_parameter("a/b; x", "x", "(null)");
	assert_parameter("a/b; x=", "x", "");
	assert_parameter("a/b; =x; y=z", "y", "z");
}

static void test_file_names_as_mail_has_them(void **state)
{
	(void)state;
	assert_parameter("attachment; filename=two words.pdf", "filename", "two words.pdf");
	assert_parameter("attachment; filename=\"C:\\Temp\\list.csv\"", "filename",
			 "C:\\Temp\\list.csv");
	assert_parameter("attachment; filename=\"=?utf-8?Q?=E2=82=AC.txt?=\"", "filename", "€.txt");
	assert_parameter("attachment; filename=\"=?utf-8?B?0J/RgA==?=\r\n =?utf-8?B?0Lgu?= txt\"",
			 "filename", "При. txt");
	assert_parameter("attachment; filename=\"\xe2\x82\xac.txt\"", "filename", "€.txt");
	assert_parameter("attachment; filename=\"never closed.txt", "filename", "never closed.txt");
}

static void test_rfc2231(void **state)
{
	(void)state;
	assert_parameter("a; filename*=utf-8''%E2%82%AC%20rates.txt", "filename", "€ rates.txt");
	assert_parameter("a; filename*=iso-8859-1'de'Gr%FC%DFe.txt", "filename", "Grüße.txt");
	assert_parameter("a; filename*0=long; filename*1=\"er name\"; filename*2=.txt", "filename",
			 "longer name.txt");
	assert_parameter("a; filename*0*=utf-8''%E2; filename*1*=%82%AC; filename*2=\"%.txt\"",
			 "filename", "€%.txt");
	assert_parameter("a; filename*1=b; filename*0=a", "filename", "ab");
	assert_parameter("a; filename*=utf-8''100%", "filename", "100%");
	assert_parameter("a; filename*=plain.txt", "filename", "plain.txt");
}

static void assert_gap(const char *raw, const char *expected, const char *expected_defects)
{
	struct defects *defects = defects_new();
	struct parameters *parameters = parameters_parse(raw, strlen(raw));
	g_autofree char *text = parameters_text(parameters, "filename", NULL, defects);
	g_autofree char *list = defects_format(defects);

	assert_string_equal(text ? text : "(null)", expected);
	assert_string_equal(list, expected_defects);
	parameters_free(parameters);
	defects_free(defects);
}

static void test_sections_that_are_missing(void **state)
{
	static const char missing[] = "[\"sections of parameter 'filename' are missing\"]";

	(void)state;
	assert_gap("a; filename*1=invoice.; filename*2=pdf", "invoice.pdf", missing);
	assert_gap("a; filename*0=invoice.; filename*2=pdf", "invoice.pdf", missing);
	assert_gap("a; filename*7=pdf; filename*3=invoice.", "invoice.pdf", missing);
	assert_gap("a; filename*1*=utf-8''%E2%82%AC; filename*2*=.txt", "€.txt", missing);
	assert_gap("a; filename*1*=%E2%82%AC; filename*2*='a'b.txt", "€'a'b.txt",
		   "[\"sections of parameter 'filename' are missing\","
		   "\"8-bit bytes in a parameter without a charset; read as utf-8\"]");
	assert_gap("a; filename*0=a; filename*0=b; filename*1=c", "ac", "[]");
	assert_gap("a; filename*1=b; filename=\"whole.txt\"", "whole.txt", "[]");
	assert_gap("a; filename*1=b; filename*=whole.txt", "whole.txt", "[]");
}

static void test_a_forgotten_star(void **state)
{
	(void)state;
	assert_parameter("a; filename=\"utf-8''%E2%82%AC%20rates.txt\"", "filename", "€ rates.txt");
	assert_parameter("a; filename=\"50%41''s.txt\"", "filename", "50%41''s.txt");
	assert_parameter("a; filename=\"utf-8''s.txt\"", "filename", "utf-8''s.txt");
}

static void test_names_in_utf16(void **state)
{
	(void)state;
	assert_parameter("a; filename*=utf-16''%FE%FF%20%AC%00.%00t%00x%00t", "filename", "€.txt");
	assert_parameter("a; filename*=utf-16''%20%AC%00.%00t%00x%00t", "filename", "€.txt");
	assert_parameter("a; filename*=utf-16''%AC%20.%00t%00x%00t%00", "filename", "€.txt");
	assert_parameter("a; filename*=utf-16le''%AC%20.%00t%00x%00t%00", "filename", "€.txt");
	assert_parameter("a; filename=\"=?UTF-16BE?Q?=20=AC=00.=00t=00x=00t?=\"", "filename",
			 "€.txt");
	assert_parameter("a; filename*=utf-16''plain.txt", "filename", "plain.txt");
}

static void test_the_extended_form_wins(void **state)
{
	(void)state;
	assert_parameter("a; filename=\"? rates.txt\"; filename*=utf-8''%E2%82%AC%20rates.txt",
			 "filename", "€ rates.txt");
	assert_parameter("a; filename*=utf-8''%E2%82%AC%20rates.txt; filename=\"? rates.txt\"",
			 "filename", "€ rates.txt");
}

static void test_zero_bytes_do_not_cut(void **state)
{
	(void)state;
	assert_parameter("a; filename*=utf-8''a%00.exe", "filename", "a.exe");
}

static void test_many_parameters_are_capped(void **state)
{
	g_autoptr(GString) raw = g_string_new("a/b");

	(void)state;
	for (int i = 0; i < 20000; i++)
		g_string_append(raw, "; x*0*=y");
	assert_parameter(raw->str, "x", "y");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_plain_parameters),
	    cmocka_unit_test(test_file_names_as_mail_has_them),
	    cmocka_unit_test(test_rfc2231),
	    cmocka_unit_test(test_sections_that_are_missing),
	    cmocka_unit_test(test_a_forgotten_star),
	    cmocka_unit_test(test_names_in_utf16),
	    cmocka_unit_test(test_the_extended_form_wins),
	    cmocka_unit_test(test_zero_bytes_do_not_cut),
	    cmocka_unit_test(test_many_parameters_are_capped),
	};

	return cmocka_run_group_tests(tests, open_mime, close_mime);
}
