/* The locks on a queue: one process at a time loads it, and one watches it. */
#include "peer_fixture.h"

#include "queue/base/trust.h"
#include "queue/work_queue.h"

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
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
