/* Opening a database: what is made, what is refused untouched, and how it is kept. */
#include "place_fixture.h"
#include "queue_fixture.h"

#include "queue/base/trust.h"
#include "queue/store.h"

#include <sys/resource.h>

static char *read_bytes(const char *path, gsize *ret_size)
{
	char *bytes = NULL;
	assert_true(g_file_get_contents(path, &bytes, ret_size, NULL));
	return bytes;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What lies in the folder, sorted. */
static char *list_folder(struct fixture *f)
{
	g_autoptr(GDir) dir = g_dir_open(f->folder, 0, NULL);
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	const char *name;
	while ((name = g_dir_read_name(dir)) != NULL)
		g_ptr_array_add(names, g_strdup(name));
	g_ptr_array_sort(names, compare_names);
	g_ptr_array_add(names, NULL);
	return g_strjoinv(" ", (char **)names->pdata);
}

/* Opening fails in each mode, and the folder holds the same bytes as before and nothing more. */
static void assert_untouched(struct fixture *f, enum error_reason status, const char *part)
{
	gsize size_before;
	gsize size_after;
	g_autofree char *before = read_bytes(f->path, &size_before);
	g_autofree char *names_before = list_folder(f);
	static const enum store_mode modes[] = {STORE_READ, STORE_WRITE, STORE_CREATE};
	for (size_t i = 0; i < G_N_ELEMENTS(modes); i++)
		assert_error(store_open(f->path, modes[i], &f->store, &f->err), &f->err, status,
			     part);
	assert_null(f->store);
	g_autofree char *after = read_bytes(f->path, &size_after);
	assert_int_equal(size_before, size_after);
	assert_memory_equal(before, after, size_before);
	g_autofree char *names_after = list_folder(f);
	assert_string_equal(names_before, names_after);
}

static void write_database(struct fixture *f, const char *sql)
{
	g_autofree char *command = NULL;
	const char *const argv[] = {"sqlite3", f->path, sql, NULL};
	int status = -1;
	assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL,
				 &command, NULL, &status, NULL));
	assert_int_equal(0, status);
}

static mode_t mode_of(const char *path)
{
	struct stat status;
	assert_int_equal(0, stat(path, &status));
	return status.st_mode & 07777;
}

/* ---- making one ---- */

static void test_create_makes_folder_and_file_for_the_owner_alone(void **state)
{
	struct fixture *f = *state;
	g_autofree char *folder = g_build_filename(f->folder, "a", "b", NULL);
	g_autofree char *path = g_build_filename(folder, "queue.db", NULL);
	static const mode_t masks[] = {0, 0777};
	for (size_t i = 0; i < G_N_ELEMENTS(masks); i++) {
		const mode_t mask = umask(masks[i]);
		const int result = store_open(path, STORE_CREATE, &f->store, &f->err);
		umask(mask);
		assert_ok(result, &f->err);
		assert_int_equal(0700, mode_of(folder));
		assert_int_equal(0600, mode_of(path));
		store_close(f->store);
		f->store = NULL;
		remove_folder(folder);
	}
}

static void test_create_opens_what_is_there(void **state)
{
	struct fixture *f = *state;
	assert_ok(store_open(f->path, STORE_CREATE, &f->store, &f->err), &f->err);
	const int64_t id = put_queue(f, "invoices");
	store_close(f->store);
	assert_ok(store_open(f->path, STORE_CREATE, &f->store, &f->err), &f->err);
	struct work_queue *queue;
	assert_ok(work_queue_find(f->store, "invoices", &queue, &f->err), &f->err);
	assert_int_equal(id, queue->id);
	work_queue_free(queue);
}

static void test_create_goes_into_an_empty_file(void **state)
{
	struct fixture *f = *state;
	assert_true(g_file_set_contents(f->path, "", 0, NULL));
	assert_error(store_open(f->path, STORE_WRITE, &f->store, &f->err), &f->err, REASON_MISSING,
		     "the file is empty");
	assert_ok(store_open(f->path, STORE_CREATE, &f->store, &f->err), &f->err);
	put_queue(f, "invoices");
}

static void test_a_creation_that_was_cut_short_is_finished(void **state)
{
	struct fixture *f = *state;
	/* The header is on disk, the schema is not. */
	write_database(f, "PRAGMA page_size = 16384; PRAGMA auto_vacuum = INCREMENTAL; VACUUM");
	assert_ok(store_open(f->path, STORE_CREATE, &f->store, &f->err), &f->err);
	put_queue(f, "invoices");
}

static void test_names_that_mean_something_to_sqlite_are_plain_files(void **state)
{
	struct fixture *f = *state;
	g_autofree char *old = g_get_current_dir();
	assert_int_equal(0, chdir(f->folder));
	assert_ok(store_open("file:q.db?mode=memory", STORE_CREATE, &f->store, &f->err), &f->err);
	put_queue(f, "invoices");
	const bool exists = g_file_test("file:q.db?mode=memory", G_FILE_TEST_IS_REGULAR);
	assert_int_equal(0, chdir(old));
	assert_true(exists);
}

/* ---- nothing to open ---- */

static void test_a_missing_database_is_missing_and_says_what_to_do(void **state)
{
	struct fixture *f = *state;
	g_autofree char *text = g_strdup_printf(
	    "no database at '%s'; `inqueue queue create` makes one, or name another "
	    "with --database",
	    f->path);
	assert_error(store_open(f->path, STORE_READ, &f->store, &f->err), &f->err, REASON_MISSING,
		     text);
	assert_error(store_open(f->path, STORE_WRITE, &f->store, &f->err), &f->err, REASON_MISSING,
		     text);
	assert_false(g_file_test(f->path, G_FILE_TEST_EXISTS));
}

static void test_what_is_no_regular_file_is_foreign(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(0, mkfifo(f->path, 0600));
	assert_error(store_open(f->path, STORE_CREATE, &f->store, &f->err), &f->err, REASON_FOREIGN,
		     "is no file, not a database");
	assert_error(store_open(f->folder, STORE_READ, &f->store, &f->err), &f->err, REASON_FOREIGN,
		     "is a folder, not a database");
}

static void test_a_path_through_a_file_is_an_error(void **state)
{
	struct fixture *f = *state;
	assert_true(g_file_set_contents(f->path, "", 0, NULL));
	g_autofree char *path = g_build_filename(f->path, "queue.db", NULL);
	assert_error(store_open(path, STORE_READ, &f->store, &f->err), &f->err, REASON_IO,
		     "Not a directory");
	assert_error(store_open(path, STORE_CREATE, &f->store, &f->err), &f->err, REASON_IO,
		     "Not a directory");
}

/* ---- not ours ---- */

static void test_a_file_that_is_no_database_is_foreign(void **state)
{
	struct fixture *f = *state;
	g_autofree char *text = g_strnfill(5000, 'x');
	assert_true(g_file_set_contents(f->path, text, -1, NULL));
	assert_untouched(f, REASON_FOREIGN, "is not a database");
	assert_true(g_file_set_contents(f->path, "x", 1, NULL));
	assert_untouched(f, REASON_FOREIGN, "is not a database");
}

static void test_another_programs_database_is_foreign(void **state)
{
	struct fixture *f = *state;
	write_database(f, "CREATE TABLE other (a); PRAGMA application_id = 4711");
	assert_untouched(f, REASON_FOREIGN, "is another program's database");
}

static void test_another_programs_database_without_a_number_is_foreign(void **state)
{
	struct fixture *f = *state;
	write_database(f, "CREATE TABLE work_queue (a); PRAGMA user_version = 1");
	assert_untouched(f, REASON_FOREIGN, "is another program's database");
}

static void test_another_programs_wal_is_left_alone(void **state)
{
	struct fixture *f = *state;
	write_database(f, "CREATE TABLE other (a); PRAGMA application_id = 4711;"
			  " PRAGMA journal_mode = WAL");
	assert_untouched(f, REASON_FOREIGN, "is another program's database");
}

static void test_another_programs_wal_without_a_number_is_left_alone(void **state)
{
	struct fixture *f = *state;
	write_database(f, "CREATE TABLE other (a); PRAGMA journal_mode = WAL");
	assert_untouched(f, REASON_FOREIGN, "is another program's database");
}

static void test_a_newer_version_is_refused(void **state)
{
	struct fixture *f = *state;
	assert_ok(store_open(f->path, STORE_CREATE, &f->store, &f->err), &f->err);
	/* As the newer one leaves it: in the log. */
	assert_ok(engine_execute(f->store->engine, "PRAGMA user_version = 1000", &f->err), &f->err);
	store_close(f->store);
	f->store = NULL;
	g_autofree char *words =
	    g_strdup_printf("was written by a newer inqueue (schema 1000, this one knows %d)",
			    (int)store_schema_newest());
	assert_untouched(f, REASON_NEWER, words);
}

static void test_a_damaged_database_is_corrupt(void **state)
{
	struct fixture *f = *state;
	assert_ok(store_open(f->path, STORE_CREATE, &f->store, &f->err), &f->err);
	put_plain_entry(f, put_queue(f, "invoices"));
	store_close(f->store);
	f->store = NULL;
	/* Out of the log, into the file. */
	write_database(f, "PRAGMA wal_checkpoint");
	const int fd = open(f->path, O_WRONLY);
	g_autofree char *garbage = g_strnfill(16384, 'x');
	for (off_t page = 2; page < 20; page++)
		assert_int_equal(16384, pwrite(fd, garbage, 16384, page * 16384));
	close(fd);
	assert_ok(store_open(f->path, STORE_READ, &f->store, &f->err), &f->err);
	struct work_queue *queue;
	assert_error(work_queue_find(f->store, "invoices", &queue, &f->err), &f->err,
		     REASON_CORRUPT, "is damaged: restore a backup");
}

/* ---- how it is kept ---- */

static void test_a_commit_survives_power_loss(void **state)
{
	struct fixture *f = *state;
	assert_ok(store_open(f->path, STORE_CREATE, &f->store, &f->err), &f->err);
	g_autofree char *journal = ask_text(f->store, "PRAGMA journal_mode");
	assert_string_equal("wal", journal);
	assert_int_equal(2, ask_number(f->store, "PRAGMA synchronous")); /* FULL */
}

static void test_the_settings_are_those_that_were_measured(void **state)
{
	struct fixture *f = *state;
	static const enum store_mode modes[] = {STORE_CREATE, STORE_WRITE, STORE_READ};
	for (size_t i = 0; i < G_N_ELEMENTS(modes); i++) {
		assert_ok(store_open(f->path, modes[i], &f->store, &f->err), &f->err);
		/* Nobody but who holds the write lock. */
		assert_int_equal(0, ask_number(f->store, "PRAGMA wal_autocheckpoint"));
		assert_int_equal(16384, ask_number(f->store, "PRAGMA page_size"));
		assert_int_equal(-4096, ask_number(f->store, "PRAGMA cache_size"));
		assert_int_equal(2, ask_number(f->store, "PRAGMA auto_vacuum")); /* incremental */
		assert_int_equal(1, ask_number(f->store, "PRAGMA foreign_keys"));
		assert_int_equal(1, ask_number(f->store, "PRAGMA cell_size_check"));
		assert_int_equal(0, ask_number(f->store, "PRAGMA trusted_schema"));
		assert_int_equal(0x696E7175, ask_number(f->store, "PRAGMA application_id"));
		assert_int_equal(store_schema_newest(),
				 ask_number(f->store, "PRAGMA user_version"));
		if (modes[i] != STORE_READ)
			assert_int_equal(0, ask_number(f->store, "PRAGMA secure_delete"));
		store_close(f->store);
	}
	f->store = NULL;
}

static void test_a_reader_cannot_write(void **state)
{
	struct fixture *f = *state;
	assert_ok(store_open(f->path, STORE_CREATE, &f->store, &f->err), &f->err);
	put_queue(f, "invoices");
	store_close(f->store);
	assert_ok(store_open(f->path, STORE_READ, &f->store, &f->err), &f->err);
	assert_error(work_queue_note_action(f->store, 1, "OK", 0, NOW_MS, &f->err), &f->err,
		     REASON_READ_ONLY, "cannot be written");
}

/* What the file system's clock does not tell apart is one moment. */
static void await_next_moment(struct fixture *f)
{
	g_autofree char *path = g_build_filename(f->folder, "probe", NULL);
	struct stat first;
	struct stat now;
	assert_true(g_file_set_contents(path, "x", 1, NULL));
	assert_int_equal(0, stat(path, &first));
	do {
		assert_true(g_file_set_contents(path, "x", 1, NULL));
		assert_int_equal(0, stat(path, &now));
	} while (now.st_mtim.tv_sec == first.st_mtim.tv_sec &&
		 now.st_mtim.tv_nsec == first.st_mtim.tv_nsec);
}

static void test_every_commit_gives_another_stamp(void **state)
{
	struct fixture *f = *state;
	g_autofree char *link = g_build_filename(f->folder, "link.db", NULL);
	assert_int_equal(0, store_stamp(f->path));
	assert_ok(store_open(f->path, STORE_CREATE, &f->store, &f->err), &f->err);
	assert_int_equal(0, symlink(f->path, link));
	static const char *const names[] = {"invoices", "orders", "quotes"};
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		const uint64_t before = store_stamp(link);
		assert_int_equal(before, store_stamp(f->path));
		await_next_moment(f);
		put_queue(f, names[i]);
		assert_int_not_equal(before, store_stamp(link));
	}
}

static void test_a_transaction_is_all_or_nothing(void **state)
{
	struct fixture *f = *state;
	assert_ok(store_open(f->path, STORE_CREATE, &f->store, &f->err), &f->err);
	store_rollback(f->store); /* harmless outside */
	assert_ok(store_begin(f->store, &f->err), &f->err);
	put_queue(f, "rolled-back");
	store_rollback(f->store);
	assert_ok(store_begin(f->store, &f->err), &f->err);
	assert_error(store_begin(f->store, &f->err), &f->err, REASON_SOFTWARE, "transaction");
	put_queue(f, "closed");
	store_close(f->store); /* rolls back */
	assert_ok(store_open(f->path, STORE_WRITE, &f->store, &f->err), &f->err);
	assert_int_equal(0, ask_number(f->store, "SELECT count(*) FROM work_queue"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_folder, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_create_makes_folder_and_file_for_the_owner_alone),
	    TEST(test_create_opens_what_is_there),
	    TEST(test_create_goes_into_an_empty_file),
	    TEST(test_a_creation_that_was_cut_short_is_finished),
	    TEST(test_names_that_mean_something_to_sqlite_are_plain_files),
	    TEST(test_a_missing_database_is_missing_and_says_what_to_do),
	    TEST(test_what_is_no_regular_file_is_foreign),
	    TEST(test_a_path_through_a_file_is_an_error),
	    TEST(test_a_file_that_is_no_database_is_foreign),
	    TEST(test_another_programs_database_is_foreign),
	    TEST(test_another_programs_database_without_a_number_is_foreign),
	    TEST(test_another_programs_wal_is_left_alone),
	    TEST(test_another_programs_wal_without_a_number_is_left_alone),
	    TEST(test_a_newer_version_is_refused),
	    TEST(test_a_damaged_database_is_corrupt),
	    TEST(test_a_commit_survives_power_loss),
	    TEST(test_the_settings_are_those_that_were_measured),
	    TEST(test_a_reader_cannot_write),
	    TEST(test_every_commit_gives_another_stamp),
	    TEST(test_a_transaction_is_all_or_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
