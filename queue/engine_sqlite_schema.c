/* Asks SQLite about a database as a whole: whose it is, the version of its schema, whether it is
 * whole; and copies it. */
#include "queue/engine_internal.h"

#include "queue/engine_sqlite_internal.h"

#include <glib.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>

/* ---- whose database ---- */

static uint32_t big_endian_32(const unsigned char *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

/* Reads the beginning of the file without SQL: a question to SQLite would make files beside
 * another program's database in WAL mode. It uses SQLite's own descriptor, because closing
 * another one would drop this process's locks. */
static bool read_header(struct engine *engine, unsigned char ret_header[100])
{
	sqlite3_file *file = engine->file;
	return file->pMethods->xRead(file, ret_header, 100, 0) == SQLITE_OK &&
	       memcmp(ret_header, "SQLite format 3", 16) == 0;
}

static int ask_number(struct engine *engine, const char *sql, int64_t *ret_number,
		      struct error *err)
{
	scoped_statement *statement = engine_prepare(engine, sql);
	if (statement_step(statement, err) != 1)
		return -1;
	*ret_number = statement_int(statement, 0);
	return 0;
}

/* Not from pragma_application_id and its like: a view may have that name. The version is asked in
 * another text than that of engine_check_version(), which each first row calls. */
static int ask_identity(struct engine *engine, struct engine_identity *ret_identity,
			struct error *err)
{
	int64_t empty;
	if (ask_number(engine, "PRAGMA main.application_id", &ret_identity->application, err) !=
		0 ||
	    ask_number(engine, "PRAGMA user_version", &ret_identity->version, err) != 0 ||
	    ask_number(engine, "SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", &empty, err) != 0)
		return -1;
	ret_identity->empty = empty != 0;
	return 0;
}

/* A header that names another program is believed as it stands, so that SQLite never touches
 * that file. */
int engine_identify(struct engine *engine, int64_t application,
		    struct engine_identity *ret_identity, struct error *err)
{
	unsigned char header[100];
	if (read_header(engine, header)) {
		const struct engine_identity identity = {
		    .application = big_endian_32(header + 68),
		    .version = big_endian_32(header + 60),
		};
		/* A database of ours gets its application number before it has a log. */
		const bool has_log = header[18] == 2;
		if (identity.application != application && (identity.application != 0 || has_log)) {
			*ret_identity = identity;
			return 0;
		}
	}
	if (ask_identity(engine, ret_identity, err) != 0)
		return -1;
	/* SQLite takes a file of a few bytes for an empty database, and would write over them. */
	struct stat status;
	if (ret_identity->empty && !read_header(engine, header) &&
	    stat(sqlite3_db_filename(engine->db, "main"), &status) == 0 && status.st_size > 0)
		return engine_fail(engine, SQLITE_NOTADB, err);
	return 0;
}

int engine_set_identity(struct engine *engine, int64_t application, int64_t version,
			struct error *err)
{
	g_autofree char *sql = g_strdup_printf("PRAGMA application_id = %" G_GINT64_FORMAT
					       "; PRAGMA user_version = %" G_GINT64_FORMAT ";",
					       application, version);
	return engine_execute(engine, sql, err);
}

/* ---- the version of its schema, and a copy ---- */

/* Unused pages are not copied. */
int engine_copy_size(struct engine *engine, uint64_t *ret_bytes, struct error *err)
{
	scoped_statement *statement =
	    engine_prepare(engine, "SELECT (page_count - freelist_count) * page_size FROM"
				   " pragma_page_count, pragma_freelist_count, pragma_page_size");
	if (statement_step(statement, err) != 1)
		return -1;
	*ret_bytes = (uint64_t)statement_int(statement, 0);
	return 0;
}

int engine_copy(struct engine *engine, const char *path, struct error *err)
{
	scoped_statement *statement = engine_prepare(engine, "VACUUM INTO ?");
	statement_bind_text(statement, 1, path);
	return statement_step(statement, err);
}

void engine_expect_version(struct engine *engine, int64_t version)
{
	engine->version = version;
}

int engine_fail_newer(const struct engine *engine, int64_t found, int64_t known, struct error *err)
{
	return error_because(
	    err, REASON_NEWER,
	    "database '%s' was written by a newer inqueue (schema %" G_GINT64_FORMAT
	    ", this one knows %" G_GINT64_FORMAT
	    "): install that version, and restart what still runs with this one",
	    engine->location, found, known);
}

/* Not by statement_step(), which calls this. */
int engine_check_version(struct engine *engine, struct error *err)
{
	if (engine->version == 0)
		return 0;
	struct statement *statement = engine_prepare(engine, "PRAGMA main.user_version");
	int code = statement->failure;
	if (code == SQLITE_OK)
		code = sqlite3_step(statement->handle);
	const int64_t found = code == SQLITE_ROW ? statement_int(statement, 0) : 0;
	statement_release(statement);
	if (code != SQLITE_ROW)
		return engine_fail(engine, code, err);
	return found > engine->version ? engine_fail_newer(engine, found, engine->version, err) : 0;
}

/* ---- is it whole? ---- */

/* The first version whose WAL survives two checkpoints beside a commit. */
enum { SQLITE_WAL_IS_SAFE = 3051003 };

/* Every row of the answer is a problem, unless it says "ok". */
static int report_rows(struct engine *engine, const char *sql,
		       void (*report)(const char *problem, void *context), void *context,
		       struct error *err)
{
	scoped_statement *statement = engine_prepare(engine, sql);
	int result;
	while ((result = statement_step(statement, err)) == 1) {
		const char *problem = statement_text(statement, 0);
		if (g_strcmp0(problem, "ok") != 0)
			report(problem, context);
	}
	return result;
}

/* Asks SQLite for damaged pages and indexes first, then for rows that refer to rows that are not
 * there. */
int engine_check(struct engine *engine, void (*report)(const char *problem, void *context),
		 void *context, struct error *err)
{
	static const char *const questions[] = {
	    "SELECT integrity_check FROM pragma_integrity_check LIMIT 100",
	    "SELECT format('row %s of %s points to a row of %s that is not there', \"rowid\","
	    " \"table\", parent) FROM pragma_foreign_key_check LIMIT 100",
	};
	for (size_t i = 0; i < G_N_ELEMENTS(questions); i++)
		if (report_rows(engine, questions[i], report, context, err) != 0)
			return -1;
	return 0;
}

int engine_has_object(struct engine *engine, const char *name, bool *ret_there, struct error *err)
{
	scoped_statement *statement =
	    engine_prepare(engine, "SELECT count(*) FROM sqlite_schema WHERE name = ?");
	statement_bind_text(statement, 1, name);
	if (statement_step(statement, err) != 1)
		return -1;
	*ret_there = statement_int(statement, 0) > 0;
	return 0;
}

const char *engine_version(void)
{
	static char text[64];
	g_snprintf(text, sizeof text, "SQLite %s", sqlite3_libversion());
	return text;
}

const char *engine_workaround(void)
{
	return sqlite3_libversion_number() < SQLITE_WAL_IS_SAFE
		   ? "before SQLite 3.51.3 a checkpoint can lose a commit beside it: checkpoints "
		     "run under the write lock only"
		   : NULL;
}
