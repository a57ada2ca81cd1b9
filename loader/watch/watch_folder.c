/*
 * Watches a folder and the folders in it by inotify: files that were closed after writing, files
 * and folders that were moved in, new folders. Where the kernel has lost count of what happened,
 * the whole folder is to be looked at again.
 */
#include "loader/watch/watch_internal.h"

#include <dirent.h>
#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

/* As deep as an import goes. */
enum { WATCH_FOLDER_DEPTH = 64 };

#define WATCH_FOLDER_ARRIVALS (IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE)
#define WATCH_FOLDER_ENDS     (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)

struct watch_folder {
	int events;
	int root;	     /* watch descriptor */
	char *path;	     /* without links */
	const char *archive; /* not watched, nor is the next; NULL: none */
	const char *failed;
	GHashTable *folders; /* watch descriptor -> char * */
	GHashTable *known;   /* the paths in `arrived` */
	GPtrArray *arrived;  /* char *, in the order of the events */
	uint64_t losses;
};

SCOPED_DEFINE(DIR *, closedir)

/* Each path once, however many events name it: a file that is written in pieces has several. */
static void watch_folder_note(struct watch_folder *folder, const char *path)
{
	char *own = g_strdup(path);
	if (g_hash_table_add(folder->known, own))
		g_ptr_array_add(folder->arrived, own);
}

/* By device and inode, because a path may lead there by links. */
static bool watch_folder_is(const char *path, const struct stat *status)
{
	struct stat other;
	return path != NULL && stat(path, &other) == 0 && other.st_dev == status->st_dev &&
	       other.st_ino == status->st_ino;
}

/* --- folders ----------------------------------------------------------- */

static int watch_folder_watch(struct watch_folder *folder, const char *path, uint32_t more,
			      struct error *err)
{
	int watch = inotify_add_watch(folder->events, path,
				      WATCH_FOLDER_ARRIVALS | IN_ONLYDIR | IN_DONT_FOLLOW | more);
	if (watch >= 0) {
		g_hash_table_insert(folder->folders, GINT_TO_POINTER(watch), g_strdup(path));
		return watch;
	}
	if (errno == ENOSPC)
		return error_set(err, ERROR_IO,
				 "folder '%s': the kernel watches no more folders; "
				 "fs.inotify.max_user_watches is too small",
				 path);
	return error_set(err, ERROR_CONFIGURATION, "folder '%s' cannot be watched: %s", path,
			 g_strerror(errno));
}

/* A folder that is gone by now, or may not be entered, is named by the import that finds it. */
static int watch_folder_watch_inside(struct watch_folder *folder, const char *path, unsigned depth,
				     struct error *err)
{
	scoped(closedir) DIR *listing = opendir(path);
	const struct dirent *found;
	while (listing != NULL && depth < WATCH_FOLDER_DEPTH &&
	       (found = readdir(listing)) != NULL) {
		struct stat status;
		g_autofree char *inner = g_build_filename(path, found->d_name, NULL);
		if (strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0 ||
		    lstat(inner, &status) != 0 || !S_ISDIR(status.st_mode) ||
		    watch_folder_is(folder->archive, &status) ||
		    watch_folder_is(folder->failed, &status))
			continue;
		if ((watch_folder_watch(folder, inner, 0, err) < 0 && errno == ENOSPC) ||
		    watch_folder_watch_inside(folder, inner, depth + 1, err) != 0)
			return -1;
	}
	return 0;
}

/* Watched first, looked at then: what comes in between is seen twice rather than never. */
static int watch_folder_add_all(struct watch_folder *folder, struct error *err)
{
	folder->root = watch_folder_watch(folder, folder->path, WATCH_FOLDER_ENDS, err);
	if (folder->root < 0 || watch_folder_watch_inside(folder, folder->path, 0, err) != 0)
		return -1;
	watch_folder_note(folder, folder->path);
	return 0;
}

/* A folder that has come is watched, and looked at as a whole: files may be in it already. */
static int watch_folder_add(struct watch_folder *folder, const char *path, struct error *err)
{
	struct stat status;
	if (lstat(path, &status) != 0 || watch_folder_is(folder->archive, &status) ||
	    watch_folder_is(folder->failed, &status))
		return 0;
	if ((watch_folder_watch(folder, path, 0, err) < 0 && errno == ENOSPC) ||
	    watch_folder_watch_inside(folder, path, 1, err) != 0)
		return -1;
	watch_folder_note(folder, path);
	return 0;
}

int watch_folder_open(const char *path, const char *archive, const char *failed,
		      struct watch_folder **ret_folder, struct error *err)
{
	scoped(watch_folder_close) struct watch_folder *folder = g_new0(struct watch_folder, 1);
	folder->archive = archive;
	folder->failed = failed;
	folder->folders = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	folder->known = g_hash_table_new(g_str_hash, g_str_equal);
	folder->arrived = g_ptr_array_new_with_free_func(g_free);
	folder->events = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (folder->events < 0)
		return error_set(err, ERROR_IO, "inotify: %s", g_strerror(errno));
	folder->path = realpath(path, NULL);
	if (folder->path == NULL)
		return error_set(err, ERROR_CONFIGURATION,
				 "folder '%s': %s: create it, or correct watchFolder=", path,
				 g_strerror(errno));
	if (watch_folder_add_all(folder, err) != 0)
		return -1;
	*ret_folder = steal(&folder);
	return 0;
}

void watch_folder_close(struct watch_folder *folder)
{
	if (folder == NULL)
		return;
	if (folder->events >= 0)
		close(folder->events);
	g_hash_table_unref(folder->folders);
	g_hash_table_unref(folder->known);
	g_ptr_array_unref(folder->arrived);
	free(folder->path);
	g_free(folder);
}

/* --- events ------------------------------------------------------------ */

/* In new and cur of a Maildir a file is whole from the beginning: it may have been linked there. */
static bool watch_folder_is_of_maildir(const char *path)
{
	g_autofree char *name = g_path_get_basename(path);
	g_autofree char *above = g_path_get_dirname(path);
	g_autofree char *beside = g_build_filename(above, "tmp", NULL);
	return (strcmp(name, "new") == 0 || strcmp(name, "cur") == 0) &&
	       g_file_test(beside, G_FILE_TEST_IS_DIR);
}

/* The root that goes away ends the watch; a folder in it that goes away is only forgotten. */
static int watch_folder_take_event(struct watch_folder *folder, const struct inotify_event *event,
				   struct error *err)
{
	const char *above = g_hash_table_lookup(folder->folders, GINT_TO_POINTER(event->wd));
	if ((event->mask & IN_Q_OVERFLOW) != 0) {
		folder->losses++;
		return watch_folder_add_all(folder, err);
	}
	if (event->wd == folder->root && (event->mask & WATCH_FOLDER_ENDS) != 0)
		return error_set(err, ERROR_CONFIGURATION,
				 "folder '%s' was removed or moved away: nothing is imported from "
				 "it until it is there again",
				 folder->path);
	if ((event->mask & IN_IGNORED) != 0)
		g_hash_table_remove(folder->folders, GINT_TO_POINTER(event->wd));
	if (above == NULL || event->len == 0)
		return 0;
	g_autofree char *path = g_build_filename(above, event->name, NULL);
	if ((event->mask & IN_ISDIR) != 0)
		return watch_folder_add(folder, path, err);
	/* Elsewhere a file that was only created is not written yet. */
	if ((event->mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) != 0 ||
	    watch_folder_is_of_maildir(above))
		watch_folder_note(folder, path);
	return 0;
}

int watch_folder_take(struct watch_folder *folder, struct error *err)
{
	_Alignas(struct inotify_event) char bytes[16 * 1024];
	ssize_t got;
	while ((got = read(folder->events, bytes, sizeof bytes)) > 0) {
		const struct inotify_event *event;
		for (const char *at = bytes; at < bytes + got; at += sizeof *event + event->len) {
			event = (const void *)at;
			if (watch_folder_take_event(folder, event, err) != 0)
				return -1;
		}
	}
	return 0;
}

int watch_folder_descriptor(const struct watch_folder *folder)
{
	return folder->events;
}

const char *watch_folder_path(const struct watch_folder *folder)
{
	return folder->path;
}

uint64_t watch_folder_losses(const struct watch_folder *folder)
{
	return folder->losses;
}

char *const *watch_folder_arrived(const struct watch_folder *folder, size_t *ret_count)
{
	*ret_count = folder->arrived->len;
	return (char *const *)folder->arrived->pdata;
}

void watch_folder_forget(struct watch_folder *folder)
{
	g_hash_table_remove_all(folder->known);
	g_ptr_array_set_size(folder->arrived, 0);
}
