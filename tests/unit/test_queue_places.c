/* Databases in places that cannot be written, or hold little. */
#include "place_fixture.h"
#include "queue_fixture.h"

#include "queue/base/trust.h"
#include "queue/store.h"

#include <sys/resource.h>

static void make_database(struct fixture *f)
{
	assert_ok(store_open(f->path, STORE_CREATE, &f->store, &f->err), &f->err);
	put_queue(f, "invoices");
	store_close(f->store);
	f->store = NULL;
}

static int expect_status(struct fixture *f, int result, enum error_reason status)
{
	if (result == -1 && f->err.reason == status)
		return 0;
	print_error("result %d, status %d, text: %s\n", result, (int)f->err.reason, f->err.text);
	return 1;
}

static int open_write(struct fixture *f)
{
	return expect_status(f, store_open(f->path, STORE_WRITE, &f->store, &f->err),
			     REASON_READ_ONLY);
}

static int read_and_try_to_write(struct fixture *f)
{
	if (store_open(f->path, STORE_READ, &f->store, &f->err) != 0)
		return expect_status(f, 0, REASON_NONE);
	struct work_queue *queue;
	if (work_queue_find(f->store, "invoices", &queue, &f->err) != 0)
		return 2;
	work_queue_free(queue);
	store_close(f->store);
	return open_write(f);
}

static void test_a_file_without_write_permission_can_be_read(void **state)
{
	struct fixture *f = *state;
	make_database(f);
	assert_int_equal(0, chmod(f->folder, 0755));
	assert_int_equal(0, chmod(f->path, 0444));
	make_log_readable(f);
	assert_int_equal(0, as_ordinary_user(f, read_and_try_to_write));
}

static int write_into_closed_folder(struct fixture *f)
{
	trust_owners(true);
	if (store_open(f->path, STORE_WRITE, &f->store, &f->err) == 0)
		return expect_status(f,
				     work_queue_note_action(f->store, 1, "OK", 0, NOW_MS, &f->err),
				     REASON_READ_ONLY);
	return expect_status(f, -1, REASON_READ_ONLY);
}

static void test_a_folder_without_write_permission_is_read_only(void **state)
{
	struct fixture *f = *state;
	make_database(f);
	/* The file may be written, but no journal can be made beside it. */
	assert_int_equal(0, chmod(f->path, 0666));
	assert_int_equal(0, chmod(f->folder, 0555));
	assert_int_equal(0, as_ordinary_user(f, write_into_closed_folder));
	assert_int_equal(0, chmod(f->folder, 0755));
}

static int create_in_closed_folder(struct fixture *f)
{
	return expect_status(f, store_open(f->path, STORE_CREATE, &f->store, &f->err),
			     REASON_READ_ONLY);
}

static void test_no_database_is_made_in_a_folder_without_permission(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(0, chmod(f->folder, 0555));
	assert_int_equal(0, as_ordinary_user(f, create_in_closed_folder));
	assert_int_equal(0, chmod(f->folder, 0755));
}

static int open_unreadable(struct fixture *f)
{
	const int result = store_open(f->path, STORE_READ, &f->store, &f->err);
	return strstr(f->err.text, "Permission denied") == NULL
		   ? 3
		   : expect_status(f, result, REASON_IO);
}

static void test_a_file_of_somebody_else_is_an_error_that_says_so(void **state)
{
	struct fixture *f = *state;
	make_database(f);
	assert_int_equal(0, chmod(f->folder, 0755));
	assert_int_equal(0, chmod(f->path, 0));
	assert_int_equal(0, as_ordinary_user(f, open_unreadable));
	assert_int_equal(0, chmod(f->path, 0600));
}

static int on_read_only_file_system(struct fixture *f)
{
	make_database(f);
	if (mount(NULL, f->folder, NULL, MS_REMOUNT | MS_RDONLY, NULL) != 0)
		return CANNOT_MOUNT;
	return read_and_try_to_write(f);
}

static void test_a_read_only_file_system_can_be_read(void **state)
{
	assert_int_equal(0, with_mount(*state, "size=2m,mode=0755", on_read_only_file_system));
}

static int fill(struct fixture *f)
{
	const size_t size = 300000;
	g_autofree char *text = g_strnfill(size, 'x');
	const struct entry_contents contents = {.message_body = content_of(text, size)};
	const struct entry entry = plain_entry(1);
	int result = 0;
	int64_t stored = 0;
	int64_t id;
	while (result == 0 && store_begin(f->store, &f->err) == 0) {
		result = entry_put(f->store, &entry, &contents, NOW_MS, &id, &f->err);
		if (result == 0)
			result = store_commit(f->store, &f->err);
		else
			store_rollback(f->store);
		stored += result == 0;
	}
	close(contents.message_body.fd);
	if (expect_status(f, result, REASON_FULL) != 0)
		return 1;
	/* What was committed is there, what was not is gone. */
	return ask_number(f->store, "SELECT count(*) FROM entry") == stored ? 0 : 2;
}

static int on_small_file_system(struct fixture *f)
{
	make_database(f);
	if (store_open(f->path, STORE_WRITE, &f->store, &f->err) != 0)
		return 3;
	if (fill(f) != 0)
		return 4;
	g_autofree char *check = ask_text(f->store, "PRAGMA integrity_check");
	return g_strcmp0(check, "ok") == 0 ? 0 : 5;
}

static void test_a_full_disk_is_full_and_keeps_what_was_committed(void **state)
{
	assert_int_equal(0, with_mount(*state, "size=2m", on_small_file_system));
}

static int create_on_tiny_file_system(struct fixture *f)
{
	return expect_status(f, store_open(f->path, STORE_CREATE, &f->store, &f->err), REASON_FULL);
}

static void test_a_creation_without_space_says_so(void **state)
{
	assert_int_equal(0, with_mount(*state, "size=64k", create_on_tiny_file_system));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_folder, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_a_file_without_write_permission_can_be_read),
	    TEST(test_a_folder_without_write_permission_is_read_only),
	    TEST(test_no_database_is_made_in_a_folder_without_permission),
	    TEST(test_a_file_of_somebody_else_is_an_error_that_says_so),
	    TEST(test_a_read_only_file_system_can_be_read),
	    TEST(test_a_full_disk_is_full_and_keeps_what_was_committed),
	    TEST(test_a_creation_without_space_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
