/* Leads a database to the current schema: whose it is, the copy before (room for it, permissions,
 * durability), the steps, the version. All of it is one transaction. */
#include "queue/store_internal.h"

#include "queue/engine_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* ---- the copy before ---- */

/* More upgrades to one version than anybody tries. */
enum { COPIES_MAX = 1000 };

#define UNFINISHED ".unfinished"

/* Another process may keep us from reading this long: it commits what it has begun. */
enum { PATIENCE_MS = 30000 };

static void close_engine(struct engine **engine)
{
	engine_close(*engine);
}

/* errno must be that of the step that failed. */
static int fail(const char *path, struct error *err)
{
	return error_because(err, engine_reason_of(errno), "cannot make the copy '%s': %s", path,
			     g_strerror(errno));
}

/* The copy belongs to the database's owner, whoever runs the program. */
static int create(const char *database, const char *path, struct error *err)
{
	struct stat status;
	if (stat(database, &status) != 0)
		return fail(path, err);
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fail(path, err);
	const bool done = fchmod(fd, 0600) == 0;
	if (!done)
		fail(path, err);
	if (geteuid() == 0)
		(void)!fchown(fd, status.st_uid, status.st_gid);
	close(fd);
	return done ? 0 : -1;
}

/* Looks for room first, so that no disk is filled for nothing. */
static int check_room(struct engine *source, const char *path, struct error *err)
{
	uint64_t needed;
	struct statvfs disk;
	if (engine_copy_size(source, &needed, err) != 0)
		return -1;
	if (statvfs(path, &disk) != 0 || (uint64_t)disk.f_bavail * disk.f_frsize >= needed)
		return 0;
	errno = ENOSPC;
	return fail(path, err);
}

/* A second engine reads: the caller's own is in a transaction, in which SQLite copies nothing. */
static int write_copy(const char *database, const char *path, struct error *err)
{
	struct engine *source __attribute__((cleanup(close_engine))) = NULL;
	if (engine_open(database, ENGINE_WRITE, &source, err) != 0)
		return -1;
	engine_set_patience_ms(source, PATIENCE_MS);
	if (check_room(source, path, err) != 0)
		return -1;
	return engine_copy(source, path, err);
}

static int sync_file(const char *path, struct error *err)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(path, err);
	const bool done = fsync(fd) == 0;
	if (!done)
		fail(path, err);
	close(fd);
	return done ? 0 : -1;
}

static char *name_copy(const struct engine *engine, int64_t version, const char *more)
{
	g_autofree char *suffix =
	    g_strdup_printf(".before-schema-%" G_GINT64_FORMAT "%s", version, more);
	return engine_sibling(engine, suffix);
}

/* "….before-schema-4", or with .2, .3 … behind it where that name is taken. */
static char *free_name(const struct engine *engine, int64_t version)
{
	struct stat status;
	char *path = name_copy(engine, version, "");
	for (int i = 2; i <= COPIES_MAX && lstat(path, &status) == 0; i++) {
		g_autofree char *more = g_strdup_printf(".%d", i);
		g_free(path);
		path = name_copy(engine, version, more);
	}
	return path;
}

/* No other process gives such a name meanwhile: it would need the right to write. */
static int give_name(const char *from, const char *to, struct error *err)
{
	struct stat status;
	if (lstat(to, &status) == 0) {
		errno = EEXIST;
		return fail(to, err);
	}
	g_autofree char *folder = g_path_get_dirname(to);
	if (rename(from, to) != 0)
		return fail(to, err);
	if (engine_sync_folder(folder) == 0)
		return 0;
	fail(to, err);
	unlink(to);
	return -1;
}

/* Takes away what a copy that a kill cut short has left; nobody else uses the names. */
static void copy_clean(const struct engine *engine, int64_t version)
{
	g_autofree char *unfinished = name_copy(engine, version, UNFINISHED);
	g_autofree char *journal = name_copy(engine, version, UNFINISHED "-journal");
	unlink(unfinished);
	unlink(journal);
}

/* The caller's engine holds the right to write and has not written, so that nobody changes what is
 * copied. The copy has its name only when it is whole and on disk; after an error nothing of it is
 * left. */
static int copy_make(const struct engine *engine, int64_t version, char **ret_path,
		     struct error *err)
{
	g_autofree char *database = engine_sibling(engine, "");
	g_autofree char *unfinished = name_copy(engine, version, UNFINISHED);
	g_autofree char *path = free_name(engine, version);
	copy_clean(engine, version);
	if (create(database, unfinished, err) != 0)
		return -1;
	if (write_copy(database, unfinished, err) != 0 || sync_file(unfinished, err) != 0 ||
	    give_name(unfinished, path, err) != 0) {
		copy_clean(engine, version);
		return -1;
	}
	*ret_path = g_steal_pointer(&path);
	return 0;
}

/* ---- the upgrade ---- */

/* The versions of an upgrade, and the copy that it has made, or why there is none. */
struct upgrade {
	int64_t from, to;
	char *copy;
	char *no_room;
};

static void upgrade_clear(struct upgrade *upgrade)
{
	g_free(upgrade->copy);
	g_free(upgrade->no_room);
}

/* Version 1 is the first one; each upgrade adds one. */
int64_t store_upgrade_target(const struct store_schema *schema)
{
	int64_t version = 1;
	while (schema->upgrades[version - 1] != NULL)
		version++;
	return version;
}

int store_identify(struct store *store, int64_t version, struct engine_identity *ret_identity,
		   struct error *err)
{
	if (engine_identify(store->engine, STORE_APPLICATION, ret_identity, err) != 0)
		return -1;
	if (ret_identity->application != STORE_APPLICATION &&
	    (ret_identity->application != 0 || !ret_identity->empty))
		return error_because(err, REASON_FOREIGN,
				     "'%s' is another program's database; name another with "
				     "--database",
				     engine_location(store->engine));
	if (ret_identity->version > version)
		return engine_fail_newer(store->engine, ret_identity->version, version, err);
	return 0;
}

/* No room for a copy does not stop the upgrade; the caller says that there is none. Any other
 * failure does. */
static int make_copy(struct store *store, const struct store_options *options,
		     struct upgrade *upgrade, struct error *err)
{
	if (options->no_copy) {
		copy_clean(store->engine, upgrade->to);
		return 0;
	}
	if (copy_make(store->engine, upgrade->to, &upgrade->copy, err) == 0)
		return 0;
	if (err->reason == REASON_FULL) {
		upgrade->no_room = g_strdup(err->text);
		return 0;
	}
	return error_because(err, err->reason,
			     "%s; this inqueue keeps a copy of the older database before it "
			     "brings it up to date, unless you give --no-backup",
			     err->text);
}

/* Each step leads from one version to the next, so that an old database takes the path that
 * others have taken. */
static int run_steps(struct store *store, const struct store_schema *schema,
		     const struct upgrade *upgrade, struct error *err)
{
	for (int64_t from = upgrade->from; from < upgrade->to; from++)
		if (engine_execute(store->engine, schema->upgrades[from - 1], err) != 0)
			return error_because(err, err->reason,
					     "%s (bringing it from schema %" G_GINT64_FORMAT
					     " to %" G_GINT64_FORMAT "; it is as it was)",
					     err->text, from, from + 1);
	return 0;
}

/* In a transaction that may write, so that nobody else does. */
static int write_schema(struct store *store, const struct store_schema *schema,
			const struct store_options *options, struct upgrade *upgrade,
			struct error *err)
{
	/* Again, because another process may have been faster. */
	struct engine_identity identity;
	if (store_identify(store, upgrade->to, &identity, err) != 0)
		return -1;
	if (identity.version == upgrade->to)
		return 0;
	if (identity.empty) {
		if (engine_execute(store->engine, schema->current, err) != 0)
			return -1;
	} else {
		upgrade->from = identity.version;
		if (make_copy(store, options, upgrade, err) != 0)
			return -1;
		if (run_steps(store, schema, upgrade, err) != 0 ||
		    engine_trust_schema(store->engine, schema->current, err) != 0)
			return -1;
	}
	return engine_set_identity(store->engine, STORE_APPLICATION, upgrade->to, err);
}

static int write_all(struct store *store, const struct store_schema *schema,
		     const struct store_options *options, struct upgrade *upgrade,
		     struct error *err)
{
	if (store_begin(store, err) != 0)
		return -1;
	return store_leave(store, true, write_schema(store, schema, options, upgrade, err), err);
}

/* A new database has been laid out, not upgraded: nobody needs to know. */
static void report(const struct store_options *options, const struct upgrade *upgrade)
{
	const struct store_upgraded upgraded = {.from = upgrade->from,
						.to = upgrade->to,
						.copy = upgrade->copy,
						.no_room = upgrade->no_room};
	if (upgrade->from != 0 && options->upgraded != NULL)
		options->upgraded(&upgraded, options->context);
}

/* Foreign keys are off during the steps: a table that is made anew must not take the rows that
 * refer to it along. SQLite takes that setting outside of a transaction only. */
int store_upgrade(struct store *store, const struct store_schema *schema,
		  const struct store_options *options, struct error *err)
{
	struct upgrade upgrade
	    __attribute__((cleanup(upgrade_clear))) = {.to = store_upgrade_target(schema)};
	struct error ignored;
	if (engine_execute(store->engine, "PRAGMA foreign_keys = OFF", err) != 0)
		return -1;
	const int result = write_all(store, schema, options, &upgrade, err);
	if (result == 0)
		report(options, &upgrade);
	/* After an I/O error the commit may be found done all the same: then the copy is needed. */
	else if (upgrade.copy != NULL && err->reason != REASON_IO)
		unlink(upgrade.copy);
	if (engine_execute(store->engine, "PRAGMA foreign_keys = ON",
			   result == 0 ? err : &ignored) != 0)
		return -1;
	return result;
}
