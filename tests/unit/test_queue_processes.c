/* Several processes at one database: the lock on a queue, waiting writers, readers beside them, and
 * death. */
#include "queue_fixture.h"

#include "queue/base/trust.h"
#include "queue/store.h"
#include "queue/work_queue.h"

#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* A child that opens the database itself, says so through *ret_ready, and ends when *ret_go is
 * closed. */
struct peer {
	pid_t pid;
	int ready; /* reads one byte: the result of `begin` */
	int go;	   /* close it to let the peer end */
};

/* `begin` returns 0 when the peer is where the test wants it. */
static struct peer peer_start(struct fixture *f, int (*begin)(struct fixture *))
{
	int ready[2];
	int go[2];
	assert_int_equal(0, pipe(ready));
	assert_int_equal(0, pipe(go));
	const struct peer peer = {.pid = fork(), .ready = ready[0], .go = go[1]};
	if (peer.pid == 0) {
		close(go[1]);
		const char result =
		    (char)(store_open(f->path, STORE_WRITE, &f->store, &f->err) == 0 ? begin(f)
										     : 1);
		char end;
		if (write(ready[1], &result, 1) != 1 || read(go[0], &end, 1) < 0)
			_exit(1);
		_exit(0);
	}
	close(ready[1]);
	close(go[0]);
	return peer;
}

static void peer_wait_ready(const struct peer *peer)
{
	char result = 1;
	assert_int_equal(1, read(peer->ready, &result, 1));
	assert_int_equal(0, result);
}

static void peer_end(const struct peer *peer)
{
	close(peer->go);
	close(peer->ready);
	assert_int_equal(0, wait_for(peer->pid));
}

static void peer_kill(const struct peer *peer)
{
	kill(peer->pid, SIGKILL);
	close(peer->go);
	close(peer->ready);
	assert_int_equal(-1, wait_for(peer->pid));
}

/* A database with the queue "invoices" (id 1), closed: a store is not carried over a fork. */
static int setup_closed(void **state)
{
	if (setup_store(state) != 0)
		return -1;
	struct fixture *f = *state;
	put_queue(f, "invoices");
	put_queue(f, "orders");
	store_close(f->store);
	f->store = NULL;
	return 0;
}

static void open_again(struct fixture *f)
{
	assert_ok(store_open(f->path, STORE_WRITE, &f->store, &f->err), &f->err);
}

/* ---- the lock on a queue ---- */

static int take_lock(struct fixture *f)
{
	struct work_queue_lock *lock;
	return work_queue_lock(f->store, 1, &lock, &f->err);
}

static void test_one_process_at_a_time_loads_a_queue(void **state)
{
	struct fixture *f = *state;
	struct work_queue_lock *lock = NULL;
	struct work_queue_lock *other = NULL;
	const struct peer peer = peer_start(f, take_lock);
	peer_wait_ready(&peer);
	open_again(f);
	g_autofree char *text = g_strdup_printf(
	    "queue 'invoices' is being loaded by another process (process %d)", (int)peer.pid);
	assert_error(work_queue_lock(f->store, 1, &lock, &f->err), &f->err, REASON_BUSY, text);
	assert_null(lock);
	/* Other queues are free. */
	assert_ok(work_queue_lock(f->store, 2, &other, &f->err), &f->err);
	peer_end(&peer);
	assert_ok(work_queue_lock(f->store, 1, &lock, &f->err), &f->err);
	work_queue_unlock(lock);
	work_queue_unlock(other);
	work_queue_unlock(NULL);
}

static void test_a_killed_process_holds_no_lock(void **state)
{
	struct fixture *f = *state;
	struct work_queue_lock *lock;
	const struct peer peer = peer_start(f, take_lock);
	peer_wait_ready(&peer);
	peer_kill(&peer);
	open_again(f);
	assert_ok(work_queue_lock(f->store, 1, &lock, &f->err), &f->err);
	work_queue_unlock(lock);
}

static int take_lock_and_fork(struct fixture *f)
{
	if (take_lock(f) != 0)
		return 1;
	const pid_t child = fork();
	if (child == 0) {
		/* A parser that outlives its worker. */
		pause();
		_exit(0);
	}
	char text[16];
	const int length = snprintf(text, sizeof text, "%d", (int)child);
	g_autofree char *path = g_build_filename(f->folder, "child", NULL);
	return child > 0 && g_file_set_contents(path, text, length, NULL) ? 0 : 1;
}

static void test_a_child_does_not_keep_its_parents_lock_alive(void **state)
{
	struct fixture *f = *state;
	struct work_queue_lock *lock;
	/* So that the orphan becomes ours, to be waited for. */
	assert_int_equal(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
	const struct peer peer = peer_start(f, take_lock_and_fork);
	peer_wait_ready(&peer);
	g_autofree char *path = g_build_filename(f->folder, "child", NULL);
	g_autofree char *pid = NULL;
	assert_true(g_file_get_contents(path, &pid, NULL, NULL));
	peer_kill(&peer);
	open_again(f);
	const int result = work_queue_lock(f->store, 1, &lock, &f->err);
	/* The child was alive all the time. */
	const pid_t child = (pid_t)strtol(pid, NULL, 10);
	assert_int_equal(0, waitpid(child, NULL, WNOHANG));
	assert_int_equal(0, kill(child, SIGKILL));
	assert_int_equal(-1, wait_for(child));
	assert_ok(result, &f->err);
	work_queue_unlock(lock);
}

static void test_a_process_has_a_lock_once(void **state)
{
	struct fixture *f = *state;
	struct work_queue_lock *first;
	struct work_queue_lock *second;
	struct work_queue_lock *again = NULL;
	open_again(f);
	assert_ok(work_queue_lock(f->store, 1, &first, &f->err), &f->err);
	assert_ok(work_queue_lock(f->store, 2, &second, &f->err), &f->err);
	assert_error(work_queue_lock(f->store, 1, &again, &f->err), &f->err, REASON_BUSY,
		     "invoices");
	work_queue_unlock(second);
	/* Letting one go keeps the other. */
	const pid_t child = fork();
	if (child == 0) {
		struct fixture own = *f;
		struct error err;
		const bool busy = store_open(f->path, STORE_WRITE, &own.store, &err) == 0 &&
				  work_queue_lock(own.store, 1, &again, &err) == -1 &&
				  work_queue_lock(own.store, 2, &again, &err) == 0;
		_exit(busy ? 0 : 1);
	}
	assert_int_equal(0, wait_for(child));
	work_queue_unlock(first);
}

static int take_watch(struct fixture *f)
{
	struct work_queue_watch *watch;
	int holder;
	return work_queue_watch_open(f->path, &watch, &f->err) == 0 &&
		       work_queue_watch_take(watch, 1, &holder, &f->err) == 1
		   ? 0
		   : 1;
}

static void test_one_process_at_a_time_watches_a_queue(void **state)
{
	struct fixture *f = *state;
	struct work_queue_watch *watch;
	struct work_queue_lock *lock;
	int holder = 0;
	const struct peer peer = peer_start(f, take_watch);
	peer_wait_ready(&peer);
	assert_ok(work_queue_watch_open(f->path, &watch, &f->err), &f->err);
	assert_int_equal(work_queue_watch_take(watch, 1, &holder, &f->err), 0);
	assert_int_equal(holder, peer.pid);
	/* Other queues are free. */
	assert_int_equal(work_queue_watch_take(watch, 2, &holder, &f->err), 1);
	peer_kill(&peer);
	assert_int_equal(work_queue_watch_take(watch, 1, &holder, &f->err), 1);
	assert_int_equal(work_queue_watch_take(watch, 1, &holder, &f->err), 1);
	work_queue_watch_close(watch);
	/* Who watches a queue does not hinder who loads it. */
	const struct peer other = peer_start(f, take_watch);
	peer_wait_ready(&other);
	open_again(f);
	assert_ok(work_queue_lock(f->store, 1, &lock, &f->err), &f->err);
	work_queue_unlock(lock);
	peer_end(&other);
}

static void test_the_right_to_watch_can_be_given_back(void **state)
{
	struct fixture *f = *state;
	struct work_queue_watch *watch;
	int holder;
	assert_ok(work_queue_watch_open(f->path, &watch, &f->err), &f->err);
	assert_int_equal(work_queue_watch_take(watch, 1, &holder, &f->err), 1);
	work_queue_watch_give(watch, 1);
	const struct peer peer = peer_start(f, take_watch);
	peer_wait_ready(&peer);
	peer_end(&peer);
	work_queue_watch_close(watch);
	assert_error(work_queue_watch_open("/nowhere/inqueue.db", &watch, &f->err), &f->err,
		     REASON_IO, "/nowhere/inqueue.db");
}

/* Whoever may write to the database may lock beside it, whoever was first and whatever his umask.
 */
static void test_the_lock_file_belongs_to_whom_the_database_does(void **state)
{
	struct fixture *f = *state;
	struct work_queue_lock *lock;
	struct stat database;
	struct stat status;
	assert_int_equal(0, chmod(f->path, 0660));
	if (geteuid() == 0)
		assert_int_equal(0, chown(f->path, 4711, 4712));
	assert_int_equal(0, stat(f->path, &database));
	const mode_t before = umask(077);
	trust_owners(true);
	open_again(f);
	trust_owners(false);
	assert_ok(work_queue_lock(f->store, 1, &lock, &f->err), &f->err);
	umask(before);
	g_autofree char *path = g_strconcat(f->path, "-lock", NULL);
	assert_int_equal(0, stat(path, &status));
	assert_int_equal(0660, status.st_mode & 07777);
	assert_int_equal(database.st_uid, status.st_uid);
	assert_int_equal(database.st_gid, status.st_gid);
	work_queue_unlock(lock);
}

/* ---- writers and readers ---- */

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
	    TEST(test_one_process_at_a_time_loads_a_queue),
	    TEST(test_a_killed_process_holds_no_lock),
	    TEST(test_a_child_does_not_keep_its_parents_lock_alive),
	    TEST(test_a_process_has_a_lock_once),
	    TEST(test_one_process_at_a_time_watches_a_queue),
	    TEST(test_the_right_to_watch_can_be_given_back),
	    TEST(test_the_lock_file_belongs_to_whom_the_database_does),
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
