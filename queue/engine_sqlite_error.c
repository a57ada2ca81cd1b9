/* Says in words what a result of SQLite means to the caller: the reason by which the program
 * decides, and the way out for the person who reads it. */
#include "queue/engine_sqlite_internal.h"

#include <errno.h>
#include <unistd.h>

static int fail_full(const struct engine *engine, struct error *err)
{
	return error_because(err, REASON_FULL,
			     "no space left for database '%s': free some on its file system (or "
			     "raise its quota), then run again",
			     engine->location);
}

static int fail_read_only(const struct engine *engine, struct error *err)
{
	return error_because(err, REASON_READ_ONLY,
			     "database '%s' cannot be written: check the permissions of the file "
			     "and of its folder, and whether the file system is mounted read-only",
			     engine->location);
}

/* A reader can make neither the log nor its index, and can read nothing without them. */
static bool lacks_log(const struct engine *engine)
{
	g_autofree char *log = engine_sibling(engine, "-wal");
	g_autofree char *index = engine_sibling(engine, "-shm");
	return engine->access == ENGINE_READ &&
	       (access(log, R_OK) != 0 || access(index, R_OK) != 0);
}

static int fail_log(const struct engine *engine, struct error *err)
{
	return error_because(
	    err, REASON_READ_ONLY,
	    "database '%s' cannot be read without '%s-wal' and '%s-shm', which are missing or may "
	    "not be read: `inqueue status`, run by its owner, brings them back",
	    engine->location, engine->location, engine->location);
}

/* The disk's own errno tells a full disk and a missing permission from a failing disk. */
static int fail_io(const struct engine *engine, int code, struct error *err)
{
	if (code == SQLITE_IOERR_SHMMAP)
		return engine_log_refuse(engine, err);
	const int error = sqlite3_system_errno(engine->db);
	switch (error) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return fail_full(engine, err);
	case EROFS:
	case EACCES:
	case EPERM:
		return fail_read_only(engine, err);
	default:
		return error_because(err, REASON_IO,
				     "database '%s': %s (%s): check the disk and the kernel log",
				     engine->location, sqlite3_errstr(code),
				     error != 0 ? g_strerror(error) : "no reason given");
	}
}

/* Only "this is there already" is something a caller can answer; every other rule of the schema
 * that is broken is invalid data. */
static int fail_constraint(const struct engine *engine, int code, struct error *err)
{
	const bool taken = code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY;
	return error_because(err, taken ? REASON_EXISTS : REASON_INVALID, "database '%s': %s",
			     engine->location, sqlite3_errmsg(engine->db));
}

/* The low byte is SQLite's class of errors; the extended codes tell apart what the caller can
 * act on. */
int engine_fail(const struct engine *engine, int code, struct error *err)
{
	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return error_because(err, REASON_BUSY,
				     "database '%s' is locked by another process for more than "
				     "%g s: end it, or try again later",
				     engine->location, (double)engine->patience_ms / 1000);
	case SQLITE_FULL:
		return fail_full(engine, err);
	case SQLITE_READONLY:
		return lacks_log(engine) ? fail_log(engine, err) : fail_read_only(engine, err);
	case SQLITE_CANTOPEN:
		return lacks_log(engine) ? fail_log(engine, err) : fail_io(engine, code, err);
	case SQLITE_IOERR:
		return fail_io(engine, code, err);
	case SQLITE_NOTADB:
		return error_because(err, REASON_FOREIGN,
				     "'%s' is not a database; name another with --database",
				     engine->location);
	case SQLITE_CORRUPT:
		return error_because(err, REASON_CORRUPT,
				     "database '%s' is damaged: restore a backup, or save what "
				     "can be read with `sqlite3 '%s' .recover`",
				     engine->location, engine->location);
	case SQLITE_CONSTRAINT:
		return fail_constraint(engine, code, err);
	case SQLITE_TOOBIG:
		return error_because(err, REASON_INVALID,
				     "database '%s': a value is larger than 1,000,000,000 bytes",
				     engine->location);
	default:
		return error_because(err, REASON_SOFTWARE, "database '%s': %s", engine->location,
				     sqlite3_errmsg(engine->db));
	}
}
