/* Several processes at one database: waiting writers, readers beside them, and death. */
#include "peer_fixture.h"

#include <poll.h>
#include <sqlite3.h>
#include <sys/syscall.h>

static int begin_and_write(struct fixture *f)
{
	int64_t id;
	const struct entry entry = plain_entry(1);
	return store_begin(f->store, &f->err) == 0 &&
		       entry_put(f->store, &entry, &(struct entry_contents){0}, NOW_MS, &id,
				 &f->err) == 0
		   ? 0
		   : 1;
}

static void test_readers_go_on_while_a_transaction_is_open(void **state)
{
	struct fixture *f = *state;
	const struct peer peer = peer_start(f, begin_and_write);
	peer_wait_ready(&peer);
	assert_ok(store_open(f->path, STORE_READ, &f->store, &f->err), &f->err);
	engine_set_patience_ms(f->store->engine, 0);
	assert_int_equal(0, ask_number(f->store, "SELECT count(*) FROM entry"));
	peer_end(&peer);
}

static void test_a_second_writer_waits_and_then_says_who_is_to_blame(void **state)
{
	struct fixture *f = *state;
	const struct peer peer = peer_start(f, begin_and_write);
	peer_wait_ready(&peer);
	store_close(f->store);
	assert_ok(store_open_within(f->path, STORE_WRITE, 50, &f->store, &f->err), &f->err);
	const int64_t before_us = g_get_monotonic_time();
	assert_error(store_begin(f->store, &f->err), &f->err, REASON_BUSY,
		     "is locked by another process for more than 0.05 s");
	assert_true(g_get_monotonic_time() - before_us >= 50000);
	peer_end(&peer);
	assert_ok(store_begin(f->store, &f->err), &f->err);
}

static int locks_for_reading;

/* In place of SQLite's fcntl(). */
static int count_locks(int descriptor, int command, ...)
{
	va_list arguments;
	va_start(arguments, command);
	void *argument = va_arg(arguments, void *);
	va_end(arguments);
	const struct flock *lock = argument;
	if (command == F_SETLK && lock->l_type == F_RDLCK)
		locks_for_reading++;
	return fcntl(descriptor, command, argument);
}

/* Hundreds of waiting writers would keep the log from being emptied, and the processors busy. */
static void test_who_waits_to_write_does_not_begin_to_read(void **state)
{
	struct fixture *f = *state;
	sqlite3_vfs *files = sqlite3_vfs_find(NULL);
	const struct peer peer = peer_start(f, begin_and_write);
	peer_wait_ready(&peer);
	assert_ok(store_open_within(f->path, STORE_WRITE, 200, &f->store, &f->err), &f->err);
	assert_int_equal(SQLITE_OK,
			 files->xSetSystemCall(files, "fcntl", (sqlite3_syscall_ptr)count_locks));
	assert_error(store_begin(f->store, &f->err), &f->err, REASON_BUSY, "locked by another");
	files->xSetSystemCall(files, "fcntl", NULL);
	assert_int_equal(1, locks_for_reading);
	peer_end(&peer);
}

/* A statement that is not finished, by a process that does not mean to. */
static void test_a_commit_does_not_wait_for_a_reader(void **state)
{
	struct fixture *f = *state;
	struct store *reader;
	open_again(f);
	engine_set_patience_ms(f->store->engine, 0);
	assert_ok(store_open(f->path, STORE_READ, &reader, &f->err), &f->err);
	struct statement *statement = engine_prepare(reader->engine, "SELECT name FROM work_queue");
	assert_int_equal(1, statement_step(statement, &f->err));
	assert_int_equal(0, begin_and_write(f));
	assert_ok(store_commit(f->store, &f->err), &f->err);
	/* He goes on with what he began to read. */
	assert_int_equal(0, ask_number(reader, "SELECT count(*) FROM entry"));
	assert_int_equal(1, ask_number(f->store, "SELECT count(*) FROM entry"));
	statement_release(statement);
	assert_int_equal(1, ask_number(reader, "SELECT count(*) FROM entry"));
	store_close(reader);
}

/* Descriptors of a process whose commits wait within their sync, or -1. */
static int in_sync = -1;
static int out_of_sync = -1;

/* In place of the system's, for SQLite too. */
__attribute__((visibility("default"))) int fdatasync(int descriptor);
int fdatasync(int descriptor)
{
	char byte = 0;
	if (in_sync >= 0 && (write(in_sync, &byte, 1) != 1 || read(out_of_sync, &byte, 1) != 1))
		_exit(1);
	return (int)syscall(SYS_fdatasync, descriptor);
}

static void wait_for_wakeup(const struct store_watch *watch)
{
	struct pollfd polled = {.fd = store_watch_descriptor(watch), .events = POLLIN};
	assert_int_equal(1, poll(&polled, 1, 60000));
}

/* All is written, but nobody can see it before it is on disk: nothing is written after that. */
static void test_a_commit_is_told_of_once_it_can_be_seen(void **state)
{
	struct fixture *f = *state;
	struct store_watch *watch;
	int begun[2];
	int go_on[2];
	char byte = 0;
	assert_int_equal(0, pipe(begun));
	assert_int_equal(0, pipe(go_on));
	const pid_t child = fork();
	if (child == 0) {
		if (store_open(f->path, STORE_WRITE, &f->store, &f->err) != 0 ||
		    begin_and_write(f) != 0)
			_exit(1);
		in_sync = begun[1];
		out_of_sync = go_on[0];
		_exit(store_commit(f->store, &f->err) == 0 ? 0 : 1);
	}
	open_again(f);
	assert_ok(store_watch_open(f->store, &watch, &f->err), &f->err);
	assert_int_equal(1, read(begun[0], &byte, 1));
	store_watch_clear(watch);
	assert_int_equal(0, ask_number(f->store, "SELECT count(*) FROM entry"));
	/* He is looked after, again and again. */
	wait_for_wakeup(watch);
	store_watch_clear(watch);
	/* The folder is synced after the log. */
	assert_int_equal(2, write(go_on[1], "12", 2));
	assert_int_equal(0, wait_for(child));
	wait_for_wakeup(watch);
	store_watch_clear(watch);
	assert_int_equal(1, ask_number(f->store, "SELECT count(*) FROM entry"));
	store_watch_close(watch);
	const int descriptors[] = {begun[0], begun[1], go_on[0], go_on[1]};
	for (size_t i = 0; i < G_N_ELEMENTS(descriptors); i++)
		close(descriptors[i]);
}

static void test_what_a_killed_writer_left_is_undone(void **state)
{
	struct fixture *f = *state;
	const struct peer peer = peer_start(f, begin_and_write);
	peer_wait_ready(&peer);
	peer_kill(&peer);
	assert_ok(store_open(f->path, STORE_READ, &f->store, &f->err), &f->err);
	assert_int_equal(0, ask_number(f->store, "SELECT count(*) FROM entry"));
	g_autofree char *check = ask_text(f->store, "PRAGMA integrity_check");
	assert_string_equal("ok", check);
}

static int spill(struct fixture *f)
{
	/* More than the page cache holds goes to the file before the commit. */
	struct entry_content large = content_of("x", 1);
	large.size_bytes = UINT64_C(20) * 1024 * 1024;
	if (ftruncate(large.fd, (off_t)large.size_bytes) != 0)
		return 1;
	const struct entry entry = plain_entry(1);
	int64_t id;
	return store_begin(f->store, &f->err) == 0 &&
		       entry_put(f->store, &entry, &(struct entry_contents){.message_body = large},
				 NOW_MS, &id, &f->err) == 0
		   ? 0
		   : 1;
}

static void test_a_large_transaction_that_was_killed_is_undone(void **state)
{
	struct fixture *f = *state;
	g_autofree char *log = g_strconcat(f->path, "-wal", NULL);
	struct stat status;
	const struct peer peer = peer_start(f, spill);
	peer_wait_ready(&peer);
	peer_kill(&peer);
	assert_int_equal(0, stat(log, &status));
	assert_true(status.st_size > 10000000);
	assert_ok(store_open(f->path, STORE_READ, &f->store, &f->err), &f->err);
	assert_int_equal(0, ask_number(f->store, "SELECT count(*) FROM entry"));
	g_autofree char *check = ask_text(f->store, "PRAGMA integrity_check");
	assert_string_equal("ok", check);
	/* What is committed next is written over it. */
	store_close(f->store);
	open_again(f);
	assert_int_equal(0, begin_and_write(f));
	assert_ok(store_commit(f->store, &f->err), &f->err);
	assert_int_equal(1, ask_number(f->store, "SELECT count(*) FROM entry"));
}

#define WRITERS	     4
#define TRANSACTIONS 50

static int write_many(struct fixture *f)
{
	const struct entry entry = plain_entry(1);
	int64_t id;
	for (int i = 0; i < TRANSACTIONS; i++)
		if (store_begin(f->store, &f->err) != 0 ||
		    entry_put(f->store, &entry, &(struct entry_contents){0}, NOW_MS, &id,
			      &f->err) != 0 ||
		    store_commit(f->store, &f->err) != 0)
			return 1;
	return 0;
}

static void test_writers_at_once_all_get_their_turn(void **state)
{
	struct fixture *f = *state;
	struct peer peers[WRITERS];
	for (size_t i = 0; i < WRITERS; i++)
		peers[i] = peer_start(f, write_many);
	for (size_t i = 0; i < WRITERS; i++)
		peer_wait_ready(&peers[i]);
	/* Later peers hold copies of the earlier ones' pipes. */
	for (size_t i = WRITERS; i > 0; i--)
		peer_end(&peers[i - 1]);
	open_again(f);
	assert_int_equal(WRITERS * TRANSACTIONS,
			 ask_number(f->store, "SELECT count(*) FROM entry"));
}

static void test_a_database_made_by_several_at_once_is_made_once(void **state)
{
	struct fixture *f = *state;
	g_free(f->path);
	f->path = g_build_filename(f->folder, "together", "queue.db", NULL);
	pid_t children[WRITERS];
	for (size_t i = 0; i < WRITERS; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			const int result = store_open(f->path, STORE_CREATE, &f->store, &f->err);
			if (result != 0)
				print_error("%s\n", f->err.text);
			_exit(result == 0 ? 0 : 1);
		}
	}
	for (size_t i = 0; i < WRITERS; i++)
		assert_int_equal(0, wait_for(children[i]));
	open_again(f);
	put_queue(f, "invoices");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_closed, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_readers_go_on_while_a_transaction_is_open),
	    TEST(test_a_second_writer_waits_and_then_says_who_is_to_blame),
	    TEST(test_who_waits_to_write_does_not_begin_to_read),
	    TEST(test_a_commit_does_not_wait_for_a_reader),
	    TEST(test_a_commit_is_told_of_once_it_can_be_seen),
	    TEST(test_what_a_killed_writer_left_is_undone),
	    TEST(test_a_large_transaction_that_was_killed_is_undone),
	    TEST(test_writers_at_once_all_get_their_turn),
	    TEST(test_a_database_made_by_several_at_once_is_made_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
