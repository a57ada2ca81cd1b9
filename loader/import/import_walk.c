/*
 * Finds the files with messages: those that are named, *.eml and *.mbox in folders at any depth,
 * and those in cur and new of a Maildir. Names that begin with a dot, links, and whatever lies in a
 * Maildir's tmp are left alone.
 */
#include "loader/import/import_internal.h"

#include "queue/base/scoped.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>

enum { IMPORT_MAX_DEPTH = 64 };

static int import_compare_names(const FTSENT **left, const FTSENT **right)
{
	return strcmp((*left)->fts_name, (*right)->fts_name);
}

static bool import_has_folder(const char *path, const char *name)
{
	g_autofree char *inside = g_build_filename(path, name, NULL);
	return g_file_test(inside, G_FILE_TEST_IS_DIR);
}

static bool import_is_maildir(const char *path)
{
	return import_has_folder(path, "cur") && import_has_folder(path, "new");
}

/* Is the folder at `path` cur, new or tmp (`name`) of a Maildir? */
static bool import_is_of_maildir(const char *path, const char *name)
{
	g_autofree char *above = g_path_get_dirname(path);
	g_autofree char *own = g_path_get_basename(path);
	return strcmp(own, name) == 0 && import_is_maildir(above);
}

/* Is this the folder that files are moved to? It is not searched: they have been imported. */
static bool import_is_target(const char *target, const FTSENT *folder)
{
	struct stat status;
	return target != NULL && stat(target, &status) == 0 &&
	       status.st_dev == folder->fts_statp->st_dev &&
	       status.st_ino == folder->fts_statp->st_ino;
}

static void import_fault_at(struct import *import, const char *path, enum error_kind kind,
			    const char *words)
{
	struct error fault;
	error_fill(&fault, kind, "'%s': %s", path, words);
	import_note_fault(import, &fault);
}

static bool import_enters(struct import *import, const FTSENT *folder)
{
	if (folder->fts_level > IMPORT_MAX_DEPTH) {
		import_fault_at(import, folder->fts_path, ERROR_DATA,
				"folders lie too deep in each other; name this one");
		return false;
	}
	return (folder->fts_level == FTS_ROOTLEVEL ||
		(!import_is_target(import->options->archive, folder) &&
		 !import_is_target(import->options->failed, folder))) &&
	       !import_is_of_maildir(folder->fts_path, "tmp");
}

/* "1700000000.M1P2.host:2,ST": the flags of a Maildir stand behind ":2,". */
bool import_name_is_deleted(const char *name)
{
	const char *flags = strstr(name, ":2,");
	return flags != NULL && strchr(flags, 'T') != NULL;
}

static bool import_wants(const struct import *import, const FTSENT *file)
{
	if (file->fts_level == FTS_ROOTLEVEL && !import->options->found)
		return true;
	if (file->fts_name[0] == '.')
		return false;
	/* fts keeps one path, that of the file at hand. */
	g_autofree char *folder = g_path_get_dirname(file->fts_path);
	if (import_is_of_maildir(folder, "tmp"))
		return false;
	if (import_is_of_maildir(folder, "cur") || import_is_of_maildir(folder, "new"))
		return !import_name_is_deleted(file->fts_name);
	return import_name_ends(file->fts_name, ".eml") ||
	       import_name_ends(file->fts_name, ".mbox");
}

static int import_visit(struct import *import, FTS *tree, FTSENT *found, struct error *err)
{
	switch (found->fts_info) {
	case FTS_D:
		if (!import_enters(import, found))
			fts_set(tree, found, FTS_SKIP);
		return 0;
	case FTS_F:
		return import_wants(import, found) ? import_read(import, found->fts_path, err) : 0;
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		import_fault_at(import, found->fts_path,
				found->fts_errno == ENOENT ? ERROR_NO : ERROR_IO,
				g_strerror(found->fts_errno));
		return 0;
	case FTS_DEFAULT:
		if (found->fts_level == FTS_ROOTLEVEL)
			import_fault_at(import, found->fts_path, ERROR_DATA, "is not a file");
		return 0;
	default:
		return 0;
	}
}

static void import_close_tree(FTS *tree)
{
	if (tree != NULL)
		fts_close(tree);
}

SCOPED_DEFINE(FTS *, import_close_tree)

static int import_walk_from(struct import *import, char *path, struct error *err)
{
	char *roots[] = {path, NULL};
	FTSENT *found;
	scoped(import_close_tree) FTS *tree =
	    fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, import_compare_names);
	if (tree == NULL)
		return error_set(err, ERROR_IO, "'%s': %s", path, g_strerror(errno));
	while (!import_is_over(import) && (found = fts_read(tree)) != NULL) {
		if (import_visit(import, tree, found, err) != 0)
			return -1;
	}
	return 0;
}

/* A path that is named may be a link: what it leads to is meant. One that was found may be gone. */
int import_walk(struct import *import, const char *path, struct error *err)
{
	struct stat status;
	if (import->options->found) {
		g_autofree char *own = g_strdup(path);
		return lstat(path, &status) == 0 ? import_walk_from(import, own, err) : 0;
	}
	if (strcmp(path, "-") == 0)
		return import_read_tar(import, err);
	g_autofree char *real = realpath(path, NULL);
	if (real != NULL)
		return import_walk_from(import, real, err);
	import_fault_at(import, path, errno == ENOENT ? ERROR_NO : ERROR_IO, g_strerror(errno));
	return 0;
}

/* --- one file ----------------------------------------------------------- */
/*
 * Reads files and says what each holds: one message, or an mbox. A message is pushed piece by piece,
 * so that memory does not grow with it.
 */

void import_note_unread(struct import *import, struct import_file *file, int number)
{
	file->stays = true;
	import_fault_at(import, file->path, ERROR_IO, g_strerror(number));
}

void import_note_no_mbox(struct import *import, struct import_file *file)
{
	file->stays = true;
	import_fault_at(import, file->path, ERROR_DATA,
			"is no mbox: that begins with a line 'From ADDRESS DATE'");
}

/* The whole file is a message. */
static int import_read_message(struct import *import, struct import_file *file, int descriptor,
			       struct error *err)
{
	char piece[IMPORT_PIECE_BYTES];
	ssize_t got;
	import_begin(import, file);
	while ((got = read(descriptor, piece, sizeof piece)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			import_note_unread(import, file, errno);
			return 0;
		}
		if (import_write(import, piece, (size_t)got, err) != 0)
			return -1;
	}
	return import_end(import, file->path, file->status.st_mtime, true, err);
}

bool import_name_ends(const char *name, const char *end)
{
	const char *dot = strrchr(name, '.');
	return dot != NULL && g_ascii_strcasecmp(dot, end) == 0;
}

/* A file that is named may have any name. One message that was saved with its "From " is still one
 * message. */
static bool import_is_mbox(const char *path, int descriptor)
{
	char first[5];
	if (import_name_ends(path, ".mbox"))
		return true;
	return !import_name_ends(path, ".eml") &&
	       pread(descriptor, first, sizeof first, 0) == (ssize_t)sizeof first &&
	       memcmp(first, "From ", sizeof first) == 0;
}

int import_read(struct import *import, const char *path, struct error *err)
{
	struct stat status;
	/* O_NONBLOCK: a pipe that has taken the file's place since it was found would be waited for. */
	scoped(descriptor_close) int descriptor =
	    open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (descriptor < 0 || fstat(descriptor, &status) != 0) {
		import_fault_at(import, path, ERROR_IO, g_strerror(errno));
		return 0;
	}
	struct import_file *file = import_file_new(path, &status);
	int failed = import_is_mbox(path, descriptor)
			 ? import_read_mbox(import, file, descriptor, err)
			 : import_read_message(import, file, descriptor, err);
	file->stays |= failed != 0;
	import_file_let_go(import, file);
	return failed;
}
