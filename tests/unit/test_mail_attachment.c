/* Attachments as files: names that are free, and nothing but whole files. */
#include "loader/mailbox/mail_internal.h"

#include "queue/base/scoped.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static void test_variants_of_a_name(void **state)
{
	static const struct {
		const char *name;
		unsigned n;
		const char *variant;
	} rows[] = {
	    {"a.pdf", 0, "a.pdf"},  {"a.pdf", 1, "a1.pdf"}, {"a.tar.gz", 2, "a.tar2.gz"},
	    {"noext", 1, "noext1"}, {"dot.", 3, "dot3."},   {"a.pdf", 12, "a12.pdf"},
	};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *variant = mail_attachment_vary(rows[i].name, rows[i].n);

		assert_string_equal(rows[i].variant, variant);
	}
}

struct place {
	char *folder;
	int content;
};

static int make_place(void **state)
{
	struct place *place = g_new0(struct place, 1);

	place->folder = g_dir_make_tmp("test-mail-attachment-XXXXXX", NULL);
	place->content = open(place->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	assert_int_equal(7, pwrite(place->content, "_bytes_", 7, 0));
	*state = place;
	return place->content < 0 ? -1 : 0;
}

static int remove_place(void **state)
{
	struct place *place = *state;
	g_autoptr(GDir) listing = g_dir_open(place->folder, 0, NULL);
	const char *name;

	while ((name = g_dir_read_name(listing)) != NULL) {
		g_autofree char *path = g_build_filename(place->folder, name, NULL);

		assert_int_equal(0, remove(path));
	}
	assert_int_equal(0, rmdir(place->folder));
	close(place->content);
	g_free(place->folder);
	g_free(place);
	return 0;
}

/* Saves the bytes under a wished name and returns the name they got, or NULL. */
static char *save(const struct place *place, struct mail_attachment_saver *saver, const char *wish)
{
	const struct mime_attachment attachment = {
	    .file_name = (char *)wish, .content = {.present = true, .offset = 1, .size = 5}};
	g_autofree char *path = NULL;
	struct error err;

	if (mail_attachment_save(saver, place->content, &attachment, &path, &err) != 0)
		return NULL;
	assert_true(g_str_has_prefix(path, place->folder));

	g_autofree char *bytes = NULL;

	assert_true(g_file_get_contents(path, &bytes, NULL, NULL));
	assert_string_equal("bytes", bytes);
	return g_strdup(path + strlen(place->folder) + 1);
}

static void test_unique_names(void **state)
{
	static const char *const got[] = {"a.pdf", "a1.pdf", "a2.pdf"};
	const struct place *place = *state;
	scoped(mail_attachment_close) struct mail_attachment_saver *saver = NULL;
	struct error err;

	assert_int_equal(
	    0, mail_attachment_open(place->folder, MAIL_EXISTING_NUMBERED, 0, &saver, &err));
	for (size_t i = 0; i < G_N_ELEMENTS(got); i++) {
		g_autofree char *name = save(place, saver, "a.pdf");

		assert_string_equal(got[i], name);
	}
}

static void test_replacing(void **state)
{
	const struct place *place = *state;
	scoped(mail_attachment_close) struct mail_attachment_saver *saver = NULL;
	struct error err;

	assert_int_equal(
	    0, mail_attachment_open(place->folder, MAIL_EXISTING_REPLACED, 0, &saver, &err));
	for (int i = 0; i < 2; i++) {
		g_autofree char *name = save(place, saver, "../../a.pdf");

		assert_string_equal("a.pdf", name);
	}
}

static void test_failure_leaves_nothing(void **state)
{
	const struct place *place = *state;
	scoped(mail_attachment_close) struct mail_attachment_saver *saver = NULL;
	const struct mime_attachment beyond = {
	    .file_name = (char *)"a.pdf", .content = {.present = true, .offset = 1, .size = 500}};
	char *path = NULL;
	struct error err;

	assert_int_equal(
	    0, mail_attachment_open(place->folder, MAIL_EXISTING_REPLACED, 0, &saver, &err));
	assert_int_equal(-1, mail_attachment_save(saver, place->content, &beyond, &path, &err));
	assert_int_equal(ERROR_IO, err.kind);
	assert_null(path);

	g_autoptr(GDir) listing = g_dir_open(place->folder, 0, NULL);

	assert_null(g_dir_read_name(listing));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_variants_of_a_name),
	    cmocka_unit_test_setup_teardown(test_unique_names, make_place, remove_place),
	    cmocka_unit_test_setup_teardown(test_replacing, make_place, remove_place),
	    cmocka_unit_test_setup_teardown(test_failure_leaves_nothing, make_place, remove_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
