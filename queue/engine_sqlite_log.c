/* The write-ahead log (WAL): puts a database into that mode once, and empties the log into the
 * database, after commits and under the write lock. The reasons stand above checkpoint(). */
#include "queue/engine_sqlite_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A commit that leaves the log longer than this empties it, and the commit that begins it anew
 * cuts its file to this length: while nobody reads, the file holds this much and the largest
 * transaction. 1,000 mixed messages, 328 MB, in transactions of 50 took 12.1 s with 4 MiB, 11.7
 * s with 16 MiB and 12.7 s with 64 MiB, where a checkpoint kept writers out for a second; pages
 * of 4 and 64 KiB instead of 16 were no faster. */
#define LIMIT_BYTES INT64_C(16777216)
/* A process leaves no more than this behind: the next one to open the database reads all of it
 * and computes its checksums, for nothing. */
#define LEFT_BYTES INT64_C(1048576)
/* A checkpoint waits this long for a writer, then gives up: the next commit tries again. */
#define PATIENCE_MS INT64_C(50)
/* While readers hold a checkpoint up, it is tried again this often. */
#define RETRY_US INT64_C(1000000)

/* ---- one at each connection ---- */

static int note_pages(void *context, sqlite3 *db, const char *name, int pages)
{
	struct engine *engine = context;
	(void)db;
	(void)name;
	engine->log_pages = pages;
	return SQLITE_OK;
}

/* The log's files stay when the last connection closes: a reader can make none, and can read
 * nothing without them. */
static void leave_alone(sqlite3 *db)
{
	int yes = 1;
	sqlite3_wal_autocheckpoint(db, 0);
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &yes);
}

void engine_log_attach(struct engine *engine)
{
	leave_alone(engine->db);
	sqlite3_wal_hook(engine->db, note_pages, engine);
	engine->log_limit_bytes = LIMIT_BYTES;
}

void engine_set_log_limit(struct engine *engine, int64_t size_bytes)
{
	engine->log_limit_bytes = size_bytes;
}

/* A longer log is cut to this when it is begun anew. */
static int keep_at_most(struct engine *engine, int64_t size_bytes, struct error *err)
{
	g_autofree char *sql =
	    g_strdup_printf("PRAGMA journal_size_limit = %" G_GINT64_FORMAT, size_bytes);
	return engine_execute(engine, sql, err);
}

/* ---- a database that has one ---- */

int engine_log_refuse(const struct engine *engine, struct error *err)
{
	return error_because(err, REASON_IO,
			     "database '%s' lies on a file system where processes cannot share "
			     "memory: move it to a disk of this machine, or name another with "
			     "--database",
			     engine->location);
}

/* Gives the log's files the owner and permissions of the database, which may have changed since
 * they were made. It does not open them: closing one would drop SQLite's locks. */
static void follow_database(const struct engine *engine, const char *suffix,
			    const struct stat *database)
{
	g_autofree char *path = engine_sibling(engine, suffix);
	struct stat status;
	const mode_t mode = database->st_mode & 0666;
	if (lstat(path, &status) != 0 || !S_ISREG(status.st_mode))
		return;
	if (geteuid() == 0 &&
	    (status.st_uid != database->st_uid || status.st_gid != database->st_gid))
		(void)!lchown(path, database->st_uid, database->st_gid);
	if ((status.st_mode & 0777) != mode)
		(void)!fchmodat(AT_FDCWD, path, mode, AT_SYMLINK_NOFOLLOW);
}

static int ask(struct engine *engine, const char *sql, char **ret_text, struct error *err)
{
	scoped_statement *statement = engine_prepare(engine, sql);
	if (statement_step(statement, err) != 1)
		return -1;
	*ret_text = g_strdup(statement_text(statement, 0));
	return 0;
}

/* Tries a shared mapping in the database's folder before the header says that there is a log: a
 * file system refuses one only when it is made. */
static bool can_share_memory(const char *path)
{
	g_autofree char *folder = g_path_get_dirname(path);
	const int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, 1) != 0) {
		/* A later step says what is wrong with the folder. */
		if (fd >= 0)
			close(fd);
		return true;
	}
	void *memory = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	const bool shared = memory != MAP_FAILED || errno == ENOMEM;
	if (memory != MAP_FAILED)
		munmap(memory, 1);
	close(fd);
	return shared;
}

static int fail_conversion(const struct engine *engine, struct error *err)
{
	return error_because(err, REASON_BUSY,
			     "database '%s' must be put into WAL mode once, and has been in use "
			     "by another process for %g s: end that one, then run again",
			     engine->location, (double)engine->patience_ms / 1000);
}

/* Puts a database that has a rollback journal into WAL mode, once. The change of its header is a
 * transaction like any other, and needs a moment in which nobody reads. Where readers leave none
 * for as long as we wait, the command fails and the database stays as it is: with the journal, a
 * reader could keep the first commit from ending. */
static int convert(struct engine *engine, const char *path, struct error *err)
{
	g_autofree char *before = NULL;
	g_autofree char *mode = NULL;
	if (ask(engine, "PRAGMA journal_mode", &before, err) != 0)
		return -1;
	if (strcmp(before, "wal") == 0)
		return 0;
	if (!can_share_memory(path))
		return engine_log_refuse(engine, err);
	/* SQLite calls the busy handler here only when it has got half way. */
	for (int count = 0; ask(engine, "PRAGMA journal_mode = WAL", &mode, err) != 0; count++) {
		if (err->reason != REASON_BUSY)
			return -1;
		if (engine_wait_for_others(engine, count) == 0)
			return fail_conversion(engine, err);
	}
	return strcmp(mode, "wal") == 0 ? 0 : engine_log_refuse(engine, err);
}

/* Before the first transaction that writes: refuses what cannot work, converts, and fits the
 * log's files to the database. */
int engine_log_require(struct engine *engine, struct error *err)
{
	g_autofree char *path = engine_sibling(engine, "");
	g_autofree char *page_bytes = NULL;
	struct stat database;
	/* A look at a database in WAL mode makes what files it lacks. */
	if (convert(engine, path, err) != 0 ||
	    ask(engine, "SELECT page_size FROM pragma_page_size, sqlite_schema LIMIT 1",
		&page_bytes, err) != 0)
		return -1;
	engine->log_page_bytes = g_ascii_strtoll(page_bytes, NULL, 10);
	if (stat(path, &database) == 0) {
		follow_database(engine, "-wal", &database);
		follow_database(engine, "-shm", &database);
	}
	return keep_at_most(engine, LIMIT_BYTES, err);
}

/* ---- emptying it ---- */

static void close_handle(sqlite3 **db)
{
	sqlite3_close(*db);
}
#define scoped_handle __attribute__((cleanup(close_handle))) sqlite3

/*
 * SQLite from 3.7.0 up to 3.51.2 can lose commits when a checkpoint runs while somebody commits a
 * transaction that begins the log anew (the "WAL-reset bug"): the checkpoint takes frames of the
 * new log for those it has seen in the old one. So no connection of ours ever checkpoints by
 * itself, neither after commits (wal_autocheckpoint) nor when it is the last to close; and a
 * checkpoint runs only on a second connection while the first one of the same process holds the
 * write lock (BEGIN IMMEDIATE): nobody can commit, ours or not, before it is through. FULL, RESTART
 * and TRUNCATE would not do instead: they try for the write lock themselves, but go on without a
 * word as PASSIVE when they do not get it. For the same reason the log is begun anew, and cut, by
 * commits only, never by a checkpoint.
 *
 * What other programs do is theirs: with SQLite's default they checkpoint after a commit, without
 * the write lock. That meets the fault only where the log has been emptied between that commit and
 * their checkpoint, and a third one commits within its first steps. `PRAGMA wal_autocheckpoint = 0`
 * in their connections rules it out.
 *
 * Here `engine` holds the write lock. *ret_all: nothing is left in the log that the database lacks.
 */
static int checkpoint(struct engine *engine, bool *ret_all)
{
	scoped_handle *second = NULL;
	int in_log = -1;
	int copied = -1;
	int code = sqlite3_open_v2(
	    sqlite3_db_filename(engine->db, "main"), &second,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	if (code != SQLITE_OK)
		return code;
	leave_alone(second);
	/* A connection opens the log at its first look at the database. */
	code = sqlite3_exec(second, "PRAGMA synchronous = FULL; PRAGMA schema_version", NULL, NULL,
			    NULL);
	if (code == SQLITE_OK)
		code = sqlite3_wal_checkpoint_v2(second, "main", SQLITE_CHECKPOINT_PASSIVE, &in_log,
						 &copied);
	*ret_all = code == SQLITE_OK && copied == in_log;
	return code;
}

/* The next commit begins the log anew and cuts its file; this commit changes nothing else. */
static void cut(struct engine *engine, struct error *err)
{
	g_autofree char *number = NULL;
	if (engine_begin(engine, err) != 0)
		return;
	if (ask(engine, "PRAGMA application_id", &number, err) == 0) {
		g_autofree char *same = g_strconcat("PRAGMA application_id = ", number, NULL);
		engine_execute(engine, same, err);
	}
	if (sqlite3_exec(engine->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		engine_rollback(engine);
}

int64_t engine_log_size(const struct engine *engine)
{
	g_autofree char *path = engine_sibling(engine, "-wal");
	struct stat status;
	return stat(path, &status) == 0 ? status.st_size : 0;
}

static void empty(struct engine *engine, bool and_cut)
{
	struct error err;
	bool all = false;
	if (engine_begin(engine, &err) != 0)
		return;
	checkpoint(engine, &all);
	engine_rollback(engine);
	if (all && and_cut)
		cut(engine, &err);
}

static void empty_soon(struct engine *engine, bool and_cut)
{
	const int64_t patience_ms = engine->patience_ms;
	engine->patience_ms = MIN(patience_ms, PATIENCE_MS);
	empty(engine, and_cut);
	engine->patience_ms = patience_ms;
}

static int64_t bytes_in_log(const struct engine *engine)
{
	return engine->log_pages * engine->log_page_bytes;
}

/* A failure here is no error: everything stays in the log, and the next commit tries again. */
void engine_log_bound(struct engine *engine)
{
	const int64_t size_bytes = bytes_in_log(engine);
	const int64_t now_us = g_get_monotonic_time();
	if (size_bytes < engine->log_limit_bytes) {
		engine->log_tried_bytes = 0;
		return;
	}
	/* While readers hold it up, each try costs two syncs and gets only a little further. */
	if (engine->log_tried_bytes != 0 &&
	    size_bytes < engine->log_tried_bytes + engine->log_limit_bytes &&
	    now_us < engine->log_tried_us + RETRY_US)
		return;
	engine->log_tried_bytes = size_bytes;
	engine->log_tried_us = now_us;
	empty_soon(engine, engine_log_size(engine) > LIMIT_BYTES);
}

/* The process that closes the database saves the next one the reading of a long log, where it
 * need not wait for that. */
void engine_log_leave(struct engine *engine)
{
	if (bytes_in_log(engine) > LEFT_BYTES)
		empty_soon(engine, true);
}

void engine_log_give_back(struct engine *engine)
{
	struct error err;
	if (keep_at_most(engine, 0, &err) == 0)
		empty(engine, true);
	keep_at_most(engine, LIMIT_BYTES, &err);
}
