/*
 * Moves files whose messages are committed, and never replaces one: where the name is taken in the
 * folder, it gets a number. Another file system gets a copy, which is on the disk before the file
 * goes.
 */
#include "loader/import/import_internal.h"

#include "loader/parse/spool.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

struct import_file *import_file_new(const char *path, const struct stat *status)
{
	struct import_file *file = g_new0(struct import_file, 1);
	file->holders = 1;
	file->path = g_strdup(path);
	file->status = *status;
	return file;
}

void import_file_let_go(struct import *import, struct import_file *file)
{
	struct error fault;
	if (--file->holders > 0)
		return;
	if (!file->stays && !import->options->dry_run) {
		const char *folder = file->bad ? import->options->failed : import->options->archive;
		if (folder != NULL && import_move(file->path, &file->status, folder, &fault) != 0)
			import_note_fault(import, &fault);
	}
	g_free(file->path);
	g_free(file);
}

/* "mail.eml", "mail.2.eml", "mail.3.eml". Caller frees. */
static char *import_number_name(const char *folder, const char *path, unsigned number)
{
	g_autofree char *base = g_path_get_basename(path);
	const char *end = strrchr(base, '.');
	if (number == 1)
		return g_build_filename(folder, base, NULL);
	if (end == NULL || end == base)
		end = base + strlen(base);
	g_autofree char *name = g_strdup_printf("%.*s.%u%s", (int)(end - base), base, number, end);
	return g_build_filename(folder, name, NULL);
}

/* Gives a nameless file a name that is free. */
static int import_link(const char *from, const char *path, const char *folder)
{
	for (unsigned number = 1;; number++) {
		g_autofree char *to = import_number_name(folder, path, number);
		if (linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW) == 0)
			return 0;
		if (errno != EEXIST)
			return -1;
	}
}

/* RENAME_NOREPLACE: a file that somebody puts there meanwhile stays what it is. */
static int import_rename(const char *path, const char *folder)
{
	for (unsigned number = 1;; number++) {
		g_autofree char *to = import_number_name(folder, path, number);
		if (renameat2(AT_FDCWD, path, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
			return 0;
		if (errno != EEXIST)
			return -1;
	}
}

static int import_copy_bytes(int from, int to, struct error *err)
{
	char piece[IMPORT_PIECE_BYTES];
	uint64_t done = 0;
	ssize_t got;
	while ((got = pread(from, piece, sizeof piece, (off_t)done)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_set(err, ERROR_IO, "%s", g_strerror(errno));
		if (spool_write(to, done, piece, (size_t)got, err) != 0)
			return -1;
		done += (uint64_t)got;
	}
	return 0;
}

static int import_sync_folder(const char *folder)
{
	scoped(descriptor_close) int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return descriptor >= 0 ? fsync(descriptor) : -1;
}

/* The copy has no name until it is whole. */
static int import_copy(const char *path, const char *folder, struct error *err)
{
	struct stat status;
	scoped(descriptor_close) int from = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	scoped(descriptor_close) int to = -1;
	if (from < 0 || fstat(from, &status) != 0)
		return error_set(err, ERROR_IO, "%s", g_strerror(errno));
	if (spool_open(folder, &to, err) != 0 || import_copy_bytes(from, to, err) != 0)
		return -1;
	const struct timespec times[] = {status.st_atim, status.st_mtim};
	g_autofree char *nameless = g_strdup_printf("/proc/self/fd/%d", to);
	if (fchmod(to, status.st_mode & 07777) != 0 || futimens(to, times) != 0 || fsync(to) != 0 ||
	    import_link(nameless, path, folder) != 0 || import_sync_folder(folder) != 0 ||
	    unlink(path) != 0)
		return error_set(err, ERROR_IO, "%s", g_strerror(errno));
	return 0;
}

/* By device, inode, size and time, as it was read. */
static bool import_is_same(const char *path, const struct stat *status)
{
	struct stat now;
	return lstat(path, &now) == 0 && now.st_dev == status->st_dev &&
	       now.st_ino == status->st_ino && now.st_size == status->st_size &&
	       now.st_mtim.tv_sec == status->st_mtim.tv_sec &&
	       now.st_mtim.tv_nsec == status->st_mtim.tv_nsec;
}

static bool import_lies_in(const char *path, const char *folder)
{
	struct stat own;
	struct stat wanted;
	g_autofree char *above = g_path_get_dirname(path);
	return stat(above, &own) == 0 && stat(folder, &wanted) == 0 &&
	       own.st_dev == wanted.st_dev && own.st_ino == wanted.st_ino;
}

int import_move(const char *path, const struct stat *status, const char *folder, struct error *err)
{
	/* Moved, it would only get another name, and, where the folder is watched, arrive anew. */
	if (import_lies_in(path, folder))
		return 0;
	/* Somebody else has been at it: what is there now has not been read. */
	if (!import_is_same(path, status))
		return error_set(err, ERROR_IO,
				 "'%s' was changed while it was read, and stays: import it again",
				 path);
	if (import_rename(path, folder) == 0)
		return 0;
	if (errno != EXDEV)
		return error_set(err, ERROR_IO, "moving '%s' to '%s': %s", path, folder,
				 g_strerror(errno));
	if (import_copy(path, folder, err) != 0)
		return error_prefix(err, "moving '%s' to '%s'", path, folder);
	return 0;
}
