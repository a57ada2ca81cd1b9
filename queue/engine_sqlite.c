/* Creates, opens and closes a database, and runs its transactions. The waits for other processes
 * are ours: SQLite's busy handler is engine_wait_for_others(). */
#include "queue/engine_internal.h"

#include "queue/engine_sqlite_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- creating ---- */

enum error_reason engine_reason_of(int number)
{
	switch (number) {
	case ENOSPC:
	case EDQUOT:
		return REASON_FULL;
	case EROFS:
	case EACCES:
	case EPERM:
		return REASON_READ_ONLY;
	default:
		return REASON_IO;
	}
}

static int fail_create(const char *what, const char *path, struct error *err)
{
	return error_because(err, engine_reason_of(errno),
			     "cannot create the %s '%s': %s; name another place with --database",
			     what, path, g_strerror(errno));
}

int engine_sync_folder(const char *folder)
{
	const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	const int result = fsync(fd);
	close(fd);
	return result;
}

/* Makes the parents first, and syncs each new name, so that a power failure does not take the
 * folder away from under the database. */
static int folder_create(const char *folder, struct error *err)
{
	struct stat status;
	if (stat(folder, &status) == 0)
		return 0;
	g_autofree char *parent = g_path_get_dirname(folder);
	if (folder_create(parent, err) != 0)
		return -1;
	if (mkdir(folder, 0700) != 0)
		/* Another process was faster. */
		return errno == EEXIST ? 0 : fail_create("folder", folder, err);
	/* The umask may have taken the owner's own rights away. */
	if (chmod(folder, 0700) != 0 || engine_sync_folder(parent) != 0)
		return fail_create("folder", folder, err);
	return 0;
}

/* Makes an empty file with the right permissions before SQLite opens it: SQLite would go by the
 * umask. */
int engine_create(const char *location, struct error *err)
{
	struct stat status;
	if (stat(location, &status) == 0)
		return 0;
	if (errno != ENOENT)
		return fail_create("database", location, err);
	if (engine_check_place(location, err) != 0)
		return -1;

	g_autofree char *folder = g_path_get_dirname(location);
	if (folder_create(folder, err) != 0)
		return -1;

	const int fd = open(location, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		/* Another process was faster: then it exists, which is what was asked for. */
		return errno == EEXIST ? 0 : fail_create("database", location, err);
	const bool done =
	    fchmod(fd, 0600) == 0 && fsync(fd) == 0 && engine_sync_folder(folder) == 0;
	if (!done)
		fail_create("database", location, err);
	close(fd);
	return done ? 0 : -1;
}

/* ---- waiting for others ---- */

/* Of the locks beside the log: https://www.sqlite.org/walformat.html#wal_locks */
enum { WRITE_LOCK = 0 };

/* Tries the writer's lock in the shared memory of the log and gives it back at once. */
bool engine_another_writes(struct engine *engine)
{
	sqlite3_file *file = engine->file;
	const sqlite3_io_methods *methods = file->pMethods;
	/* Giving the lock back would give away what this connection itself holds. */
	if (engine_in_transaction(engine) || methods->iVersion < 2)
		return false;
	const int code =
	    methods->xShmLock(file, WRITE_LOCK, 1, SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE);
	if (code == SQLITE_OK)
		methods->xShmLock(file, WRITE_LOCK, 1, SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE);
	return code == SQLITE_BUSY;
}

/* SQLite's own waits grow, so that the process that has waited longest asks least often: single
 * transactions waited for seconds beside three busy writers. These waits are short and random.
 * Each try to begin a transaction begins to read first, and that keeps the log from being
 * emptied; with hundreds of waiting processes the log stayed long and both cores busy. So a
 * process that wants to write asks for the writer's lock alone, and asks more often again when
 * half of its patience is gone: who has waited longest is the likeliest to be next. */
int engine_wait_for_others(void *context, int count)
{
	struct engine *engine = context;
	int64_t now_us = g_get_monotonic_time();
	if (count == 0) {
		engine->patience_end_us = now_us + engine->patience_ms * 1000;
		engine->asked = 0;
	}
	do {
		const int64_t left_us = engine->patience_end_us - now_us;
		if (left_us <= 0)
			return 0;
		const bool often = engine->asked++ < 20 || left_us < engine->patience_ms * 1000 / 2;
		g_usleep((gulong)g_random_int_range(200, often ? 2000 : 10000));
		now_us = g_get_monotonic_time();
	} while (engine->begins_to_write && engine_another_writes(engine));
	return 1;
}

void engine_set_patience_ms(struct engine *engine, int64_t patience_ms)
{
	engine->patience_ms = patience_ms;
}

/* ---- open and close ---- */

/* Tells a file that is missing, a folder and a FIFO apart before SQLite says "unable to open"
 * for each. */
static int check_location(const char *location, struct error *err)
{
	struct stat status;
	if (stat(location, &status) != 0) {
		if (errno == ENOENT)
			return error_because(err, REASON_MISSING,
					     "no database at '%s'; `inqueue queue create` makes "
					     "one, or name another with --database",
					     location);
		return error_because(err, REASON_IO, "cannot open database '%s': %s", location,
				     g_strerror(errno));
	}
	/* Opening a FIFO would wait for ever. */
	if (!S_ISREG(status.st_mode))
		return error_because(err, REASON_FOREIGN,
				     "'%s' is %s, not a database; name another with --database",
				     location, S_ISDIR(status.st_mode) ? "a folder" : "no file");
	return 0;
}

/* By itself SQLite keeps what it needs to take a statement back in memory up to 64 KiB only, four of
 * our pages: each claim would make a temporary file, and a kill could leave it behind. And it counts
 * its memory under a lock, which nobody asks for. */
static void configure_sqlite(void)
{
	enum { STATEMENT_JOURNAL_BYTES = 4 << 20 };
	static gsize done;
	if (!g_once_init_enter(&done))
		return;
	sqlite3_config(SQLITE_CONFIG_STMTJRNL_SPILL, STATEMENT_JOURNAL_BYTES);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	g_once_init_leave(&done, 1);
}

/* The path is made absolute or begins with "./", because SQLite takes "file:…" and ":memory:"
 * for something else. */
static int open_handle(struct engine *engine, struct error *err)
{
	configure_sqlite();
	/* "file:…" and ":memory:" are names of files here. */
	g_autofree char *path = engine->location[0] == '/'
				    ? g_strdup(engine->location)
				    : g_strconcat("./", engine->location, NULL);
	/* A reader opens it for writing, too: it rolls back what a killed writer has left half
	 * done. */
	const int code = sqlite3_open_v2(
	    path, &engine->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
	    NULL);
	if (code == SQLITE_OK) {
		if (engine->access == ENGINE_WRITE && sqlite3_db_readonly(engine->db, "main") == 1)
			return engine_fail(engine, SQLITE_READONLY, err);
		sqlite3_file_control(engine->db, "main", SQLITE_FCNTL_FILE_POINTER, &engine->file);
		return 0;
	}
	if (engine->db == NULL)
		return error_because(err, REASON_SOFTWARE, "out of memory");
	if ((code & 0xff) == SQLITE_CANTOPEN)
		return error_because(
		    err, REASON_IO, "cannot open database '%s': %s; run as its owner",
		    engine->location, g_strerror(sqlite3_system_errno(engine->db)));
	return engine_fail(engine, code, err);
}

/* A schema in the file may have been written by a stranger: SQL in it must not reach further
 * than our own queries do. */
static void harden(struct engine *engine)
{
	sqlite3 *db = engine->db;
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
	engine_trust_nothing(engine);
	sqlite3_busy_handler(db, engine_wait_for_others, engine);
	engine_log_attach(engine);
	engine_text_attach(engine);
	/* These only change the connection, and cannot fail. */
	sqlite3_exec(db, "PRAGMA cell_size_check = ON", NULL, NULL, NULL);
	if (engine->access == ENGINE_READ)
		sqlite3_exec(db, "PRAGMA query_only = ON", NULL, NULL, NULL);
}

/* A handle that could not be opened is closed like any other, by engine_close(). */
int engine_open(const char *location, enum engine_access access, struct engine **ret_engine,
		struct error *err)
{
	if (check_location(location, err) != 0 || engine_check_place(location, err) != 0)
		return -1;
	struct engine *engine = g_new0(struct engine, 1);
	engine->access = access;
	engine->location = g_strdup(location);
	engine->statements = g_hash_table_new_full(engine_statement_hash, g_str_equal, g_free,
						   engine_statement_free);
	if (open_handle(engine, err) != 0) {
		engine_close(engine);
		return -1;
	}
	harden(engine);
	*ret_engine = engine;
	return 0;
}

void engine_close(struct engine *engine)
{
	if (engine == NULL)
		return;
	engine_rollback(engine);
	engine_log_leave(engine);
	g_hash_table_destroy(engine->statements);
	sqlite3_close(engine->db);
	g_free(engine->location);
	g_free(engine->piece);
	g_free(engine);
}

const char *engine_location(const struct engine *engine)
{
	return engine->location;
}

char *engine_sibling(const struct engine *engine, const char *suffix)
{
	return g_strconcat(sqlite3_db_filename(engine->db, "main"), suffix, NULL);
}

/* ---- how it is kept ---- */

/* Pages of 16 KiB hold most entries without overflow. Incremental auto-vacuum lets a purge make
 * the file smaller without copying it, and finds a place inside a large content without reading
 * all pages before it. */
int engine_lay_out(struct engine *engine, struct error *err)
{
	return engine_execute(engine, "PRAGMA page_size = 16384; PRAGMA auto_vacuum = INCREMENTAL;",
			      err);
}

/* In WAL mode synchronous = FULL syncs the log at each commit, which makes a commit durable.
 * secure_delete would cost a write for every page that is freed; deleted mail is no better
 * protected than mail that is kept. */
static int keep_safely(struct engine *engine, struct error *err)
{
	if (engine_execute(engine, "PRAGMA synchronous = FULL; PRAGMA secure_delete = OFF;", err) !=
	    0)
		return -1;
	return engine_log_require(engine, err);
}

int engine_configure(struct engine *engine, struct error *err)
{
	/* Not before the schema is there: SQLite turns the size into a number of pages when it
	 * is set, with the page size that it knows then. */
	if (engine_execute(engine, "PRAGMA cache_size = -4096", err) != 0)
		return -1;
	return engine->access == ENGINE_WRITE ? keep_safely(engine, err) : 0;
}

static int64_t unused_pages(struct engine *engine, struct error *err)
{
	scoped_statement *statement = engine_prepare(engine, "PRAGMA freelist_count");
	return statement_step(statement, err) == 1 ? statement_int(statement, 0) : -1;
}

/* Frees 1,000 pages at a time, each in a transaction of its own, so that others can write
 * between them. */
int engine_shrink(struct engine *engine, struct error *err)
{
	int64_t before = INT64_MAX;
	int64_t unused;
	/* A database that another program has laid out may not get smaller at all. */
	while ((unused = unused_pages(engine, err)) > 0 && unused < before) {
		if (engine_execute(engine, "PRAGMA incremental_vacuum(1000)", err) != 0)
			return -1;
		before = unused;
		engine_log_bound(engine);
	}
	/* The file itself gets shorter when the log is emptied. */
	engine_log_give_back(engine);
	return unused < 0 ? -1 : 0;
}

/* ---- transactions ---- */

int engine_execute(struct engine *engine, const char *sql, struct error *err)
{
	const int code = sqlite3_exec(engine->db, sql, NULL, NULL, NULL);
	return code == SQLITE_OK ? 0 : engine_fail(engine, code, err);
}

/* Another program may have upgraded the database since it was opened, or changed its schema. */
static int begun(struct engine *engine, struct error *err)
{
	if (engine_check_version(engine, err) == 0 && engine_check_schema(engine, err) == 0)
		return 0;
	engine_rollback(engine);
	return -1;
}

int engine_begin(struct engine *engine, struct error *err)
{
	engine->begins_to_write = true;
	const int failed = engine_execute(engine, "BEGIN IMMEDIATE", err);
	engine->begins_to_write = false;
	return failed != 0 ? -1 : begun(engine, err);
}

int engine_begin_look(struct engine *engine, struct error *err)
{
	return engine_execute(engine, "BEGIN DEFERRED", err) != 0 ? -1 : begun(engine, err);
}

/* A commit that fails is undone, so that the caller never goes on inside a transaction that is
 * half over. */
int engine_commit(struct engine *engine, struct error *err)
{
	const int code = sqlite3_exec(engine->db, "COMMIT", NULL, NULL, NULL);
	if (code == SQLITE_OK) {
		engine_log_bound(engine);
		return 0;
	}
	engine_fail(engine, code, err);
	engine_rollback(engine);
	return -1;
}

void engine_rollback(struct engine *engine)
{
	if (engine->db != NULL && engine_in_transaction(engine))
		sqlite3_exec(engine->db, "ROLLBACK", NULL, NULL, NULL);
}

bool engine_in_transaction(const struct engine *engine)
{
	return sqlite3_get_autocommit(engine->db) == 0;
}
