/* File names that are safe wherever a robot saves them. */
#include "mime_fixture.h"

#include "mime/file_name.h"

static void assert_clean(const char *name, const char *expected)
{
	g_autofree char *clean = mime_file_name_clean(name);

	assert_string_equal(clean, expected);
}

static void test_good_names_stay(void **state)
{
	(void)state;
	assert_clean("invoice 2025-03.pdf", "invoice 2025-03.pdf");
	assert_clean("請求書 (2).pdf", "請求書 (2).pdf");
	assert_clean("a", "a");
}

static void test_only_the_last_component(void **state)
{
	(void)state;
	assert_clean("../../etc/passwd", "passwd");
	assert_clean("C:\\Users\\ann\\list.csv", "list.csv");
	assert_clean("/absolute/name.txt", "name.txt");
	assert_clean("folder/", "folder_");
	assert_clean("..", "noname");
	assert_clean("a/..", "noname");
}

static void test_odd_characters(void **state)
{
	(void)state;
	assert_clean("a<b>c:d\"e|f?g*h.txt", "a_b_c_d_e_f_g_h.txt");
	assert_clean("tab\there\nand.txt", "tab here and.txt");
	assert_clean("bell\a\x7f.txt", "bell.txt");
	assert_clean("in\xe2\x80\xaevoice\xe2\x80\x8b.txt", "invoice.txt");
	assert_clean("bad\xff.txt", "bad\xef\xbf\xbd.txt");
}

static void test_ends(void **state)
{
	(void)state;
	assert_clean(".hidden", "hidden");
	assert_clean("  blank.txt  ", "blank.txt");
	assert_clean("dots...", "dots");
	assert_clean(" . ", "noname");
	assert_clean("", "noname");
}

static void test_device_names(void **state)
{
	(void)state;
	assert_clean("CON", "_CON");
	assert_clean("nul.txt", "_nul.txt");
	assert_clean("com1.log", "_com1.log");
	assert_clean("console.txt", "console.txt");
	assert_clean("com.txt", "com.txt");
}

static void test_what_others_take_for_something_else(void **state)
{
	(void)state;
	assert_clean("-rf", "_-rf");
	assert_clean("－rf", "_－rf");
	assert_clean("—rf", "_—rf");
	assert_clean("~root", "_~root");
	assert_clean("a-b~c.txt", "a-b~c.txt");
	assert_clean("COM¹", "_COM¹");
	assert_clean("lpt³.txt", "_lpt³.txt");
	assert_clean("CONIN$", "_CONIN$");
	assert_clean("NUL.tar.gz", "_NUL.tar.gz");
	assert_clean("a／b＼c⁄d∕e.txt", "a_b_c_d_e.txt");
	assert_clean("C：x＊.txt", "C_x_.txt");
	assert_clean("．．name．", "name");
	assert_clean("name.txt\u00a0\u3000", "name.txt");
	assert_clean("\u3000…", "noname");
	assert_clean("Re\u0301sume\u0301.pdf", "R\u00e9sum\u00e9.pdf");
}

static void assert_same(const char *one, const char *other, bool expected)
{
	g_autofree char *first = mime_file_name_key(one);
	g_autofree char *second = mime_file_name_key(other);

	assert_int_equal(expected, strcmp(first, second) == 0);
}

static void test_names_that_a_system_takes_for_one(void **state)
{
	(void)state;
	assert_same("A.pdf", "a.PDF", true);
	assert_same("Stra\u00dfe", "STRASSE", true);
	assert_same("R\u00e9sum\u00e9", "Re\u0301sume\u0301", true);
	assert_same("\uff41.pdf", "a.pdf", true);
	assert_same("a.pdf", "b.pdf", false);
}

static void test_long_names_keep_their_extension(void **state)
{
	g_autofree char *stem = g_strnfill(400, 'x');
	g_autofree char *name = g_strconcat(stem, ".pdf", NULL);
	g_autofree char *clean = mime_file_name_clean(name);
	g_autoptr(GString) wide = g_string_new(NULL);

	(void)state;
	assert_int_equal(strlen(clean), 200);
	assert_true(g_str_has_suffix(clean, "x.pdf"));

	for (int i = 0; i < 150; i++)
		g_string_append(wide, "請");
	g_string_append(wide, ".xlsx");
	g_autofree char *cut = mime_file_name_clean(wide->str);
	assert_true(strlen(cut) <= 200);
	assert_true(g_utf8_validate(cut, -1, NULL));
	assert_true(g_str_has_suffix(cut, "請.xlsx"));
}

static void test_extensions_of_types(void **state)
{
	(void)state;
	assert_string_equal(file_name_extension("application/pdf"), ".pdf");
	assert_string_equal(file_name_extension("message/rfc822"), ".eml");
	assert_string_equal(file_name_extension("application/x-none"), ".bin");
	assert_string_equal(file_name_type("report.v2.PDF"), "application/pdf");
	assert_string_equal(file_name_type("photo.jpeg"), "image/jpeg");
	assert_string_equal(file_name_type("values.dat"), "application/octet-stream");
	assert_string_equal(file_name_type("README"), "application/octet-stream");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_good_names_stay),
	    cmocka_unit_test(test_only_the_last_component),
	    cmocka_unit_test(test_odd_characters),
	    cmocka_unit_test(test_ends),
	    cmocka_unit_test(test_device_names),
	    cmocka_unit_test(test_what_others_take_for_something_else),
	    cmocka_unit_test(test_names_that_a_system_takes_for_one),
	    cmocka_unit_test(test_long_names_keep_their_extension),
	    cmocka_unit_test(test_extensions_of_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
