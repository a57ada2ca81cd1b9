/* Makes the copy of a database that is about to be upgraded: room for it, its permissions, its
 * name, its durability. */
#include "queue/store_internal.h"

#include "queue/engine_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

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

/* A kill leaves these two; nobody else uses the names. */
void store_copy_clean(const struct engine *engine, int64_t version)
{
	g_autofree char *unfinished = name_copy(engine, version, UNFINISHED);
	g_autofree char *journal = name_copy(engine, version, UNFINISHED "-journal");
	unlink(unfinished);
	unlink(journal);
}

/* The copy has its name only when it is whole and on disk; whatever a killed one has left is
 * removed first. */
int store_copy_make(const struct engine *engine, int64_t version, char **ret_path,
		    struct error *err)
{
	g_autofree char *database = engine_sibling(engine, "");
	g_autofree char *unfinished = name_copy(engine, version, UNFINISHED);
	g_autofree char *path = free_name(engine, version);
	store_copy_clean(engine, version);
	if (create(database, unfinished, err) != 0)
		return -1;
	if (write_copy(database, unfinished, err) != 0 || sync_file(unfinished, err) != 0 ||
	    give_name(unfinished, path, err) != 0) {
		store_copy_clean(engine, version);
		return -1;
	}
	*ret_path = g_steal_pointer(&path);
	return 0;
}
