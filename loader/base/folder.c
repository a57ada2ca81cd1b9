/* Walks from descriptor to descriptor, a name at a time. A link of ours is followed by hand; nobody
 * can put another one in its place between the look at it and the step. */
#include "loader/base/folder.h"

#include "queue/base/scoped.h"
#include "queue/base/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* As many as Linux itself follows (path_resolution(7)): links that lead to each other end here. */
enum { LINKS_MAX = 40 };

struct walk {
	const char *path; /* as it was given */
	int at;		  /* descriptor of the folder reached */
	GQueue names;	  /* char *, still to go */
	int links;
	bool make;
};

static void walk_clear(struct walk *walk)
{
	if (walk->at >= 0)
		close(walk->at);
	g_queue_clear_full(&walk->names, g_free);
}

static int walk_fail(const struct walk *walk, struct error *err)
{
	return error_set(err, ERROR_IO, "folder '%s': %s", walk->path, g_strerror(errno));
}

/* Puts the names of a path in front of those that are still to go. */
static void walk_add(struct walk *walk, const char *path)
{
	g_auto(GStrv) names = g_strsplit(path, "/", -1);
	for (guint i = g_strv_length(names); i-- > 0;) {
		if (*names[i] != '\0')
			g_queue_push_head(&walk->names, g_strdup(names[i]));
	}
}

static int walk_step_to(struct walk *walk, int folder, struct error *err)
{
	if (folder < 0)
		return walk_fail(walk, err);
	if (walk->at >= 0)
		close(walk->at);
	walk->at = folder;
	return 0;
}

/* An absolute path begins at the root, another one where the walk stands. */
static int walk_begin(struct walk *walk, const char *path, struct error *err)
{
	const char *start = path[0] == '/' ? "/" : ".";
	walk_add(walk, path);
	if (walk->at >= 0 && path[0] != '/')
		return 0;
	return walk_step_to(walk, open(start, O_PATH | O_DIRECTORY | O_CLOEXEC), err);
}

/* A link of root's or of ours was set up by whom we trust; one of anybody else may lead anywhere. */
static int walk_follow(struct walk *walk, const char *name, const struct stat *link,
		       struct error *err)
{
	char target[PATH_MAX];
	if (link->st_uid != 0 && link->st_uid != geteuid())
		return error_set(
		    err, ERROR_CONFIGURATION,
		    "folder '%s': '%s' is a link of another user, and is not followed: "
		    "name the folder that is meant",
		    walk->path, name);
	const ssize_t size = readlinkat(walk->at, name, target, sizeof target - 1);
	if (size < 0)
		return walk_fail(walk, err);
	target[size] = '\0';
	if (++walk->links > LINKS_MAX) {
		errno = ELOOP;
		return walk_fail(walk, err);
	}
	return walk_begin(walk, target, err);
}

/* O_NOFOLLOW with O_PATH opens a link itself: the kind and the owner are those of what was opened. */
static int walk_step(struct walk *walk, const char *name, struct error *err)
{
	enum { FLAGS = O_PATH | O_NOFOLLOW | O_CLOEXEC };
	struct stat status;
	int next = openat(walk->at, name, FLAGS);
	if (next < 0 && errno == ENOENT && walk->make && mkdirat(walk->at, name, 0700) == 0)
		next = openat(walk->at, name, FLAGS);
	if (next < 0 || fstat(next, &status) != 0)
		return walk_step_to(walk, next, err);
	if (!S_ISLNK(status.st_mode))
		return walk_step_to(walk, next, err);
	close(next);
	return walk_follow(walk, name, &status, err);
}

/* "." is opened at the end, because a descriptor of O_PATH can neither list nor sync. */
int folder_open(const char *path, bool make, int *ret_descriptor, struct error *err)
{
	struct walk walk
	    __attribute__((cleanup(walk_clear))) = {.path = path, .at = -1, .make = make};
	g_queue_init(&walk.names);
	if (walk_begin(&walk, path, err) != 0)
		return -1;
	while (!g_queue_is_empty(&walk.names)) {
		g_autofree char *name = g_queue_pop_head(&walk.names);
		if (walk_step(&walk, name, err) != 0)
			return -1;
	}
	scoped(descriptor_close) int folder =
	    openat(walk.at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return walk_fail(&walk, err);
	if (trust_check_folder(path, folder, err) != 0)
		return -1;
	*ret_descriptor = descriptor_steal(&folder);
	return 0;
}

/* One name, and no link for it: the folder above has been judged, this one is judged by what was opened. */
int folder_open_inside(int folder, const char *path, const char *name, int *ret_descriptor,
		       struct error *err)
{
	enum { FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };
	g_autofree char *whole = g_build_filename(path, name, NULL);
	scoped(descriptor_close) int inside = openat(folder, name, FLAGS);
	if (inside < 0 && errno == ENOENT && mkdirat(folder, name, 0700) == 0)
		inside = openat(folder, name, FLAGS);
	if (inside < 0)
		return error_set(err, ERROR_IO, "folder '%s': %s", whole, g_strerror(errno));
	if (trust_check_folder(whole, inside, err) != 0)
		return -1;
	*ret_descriptor = descriptor_steal(&inside);
	return 0;
}

/* For file systems without O_TMPFILE: a name that lives for a moment. */
static int open_named(const char *path)
{
	g_autofree char *name = g_build_filename(path, ".inqueue-spool-XXXXXX", NULL);
	const int descriptor = g_mkstemp_full(name, O_RDWR | O_CLOEXEC, 0600);
	if (descriptor >= 0)
		unlink(name);
	return descriptor;
}

int folder_open_nameless(const char *path, int *ret_descriptor)
{
	int descriptor = open(path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (descriptor < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
		descriptor = open_named(path);
	if (descriptor < 0)
		return errno;
	*ret_descriptor = descriptor;
	return 0;
}

/* A new opening of the same file, with rights of its own; dup(2) would share those of the old one. */
int folder_open_again(int descriptor, int *ret_descriptor)
{
	g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", descriptor);
	const int opened = open(path, O_RDONLY | O_CLOEXEC);
	if (opened < 0)
		return errno;
	*ret_descriptor = opened;
	return 0;
}

const char *folder_temporary(void)
{
	const char *named = g_getenv("TMPDIR");
	return named != NULL && *named != '\0' ? named : "/var/tmp";
}

/* The part of a path that is there, without links; what is yet to be made lies in it. The caller frees. */
static char *find_real(const char *path)
{
	g_autofree char *at = g_canonicalize_filename(path, NULL);
	char *real;
	while ((real = realpath(at, NULL)) == NULL && strcmp(at, "/") != 0) {
		char *above = g_path_get_dirname(at);
		g_free(at);
		at = above;
	}
	return real;
}

/* Compared without links, and by whole names: "/tmpfiles" does not lie in "/tmp". */
bool folder_has(const char *folder, const char *path)
{
	g_autofree char *inner = find_real(path);
	g_autofree char *outer = realpath(folder, NULL);
	const size_t length = outer != NULL ? strlen(outer) : 0;
	return inner != NULL && outer != NULL && g_str_has_prefix(inner, outer) &&
	       (inner[length] == '/' || inner[length] == '\0' || length == 1);
}

bool folder_temporary_has(const char *path)
{
	return folder_has(folder_temporary(), path);
}

/* Octal digits as of chmod(1), "640", without the bits for set-user-ID and the like. */
int folder_mode_parse(const char *text, mode_t *ret_mode)
{
	mode_t mode = 0;
	if (*text == '\0' || strlen(text) > 4)
		return -1;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '7')
			return -1;
		mode = mode * 8 + (mode_t)(*text - '0');
	}
	if (mode > 0777)
		return -1;
	*ret_mode = mode;
	return 0;
}
