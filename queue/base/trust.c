/* Asks who owns a file and its folders, and who may write to them. The way to a command is walked from
 * link to link, because whoever can turn one of them chooses the command. */
#include "queue/base/trust.h"

#include "queue/base/scoped.h"

#include <errno.h>
#include <glib.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINKS_MAX = 40, WRITABLE = S_IWGRP | S_IWOTH };

static bool given;

void trust_owners(bool pass)
{
	given = pass;
}

/* Root may write everywhere in any case, so that its files add no danger. */
static bool is_ours(const struct stat *status)
{
	return status->st_uid == 0 || status->st_uid == geteuid();
}

/* "bob", or "user 4711" where nobody is called so. Caller frees. */
static char *owner_name(uid_t owner)
{
	const struct passwd *user = getpwuid(owner);
	return user != NULL ? g_strdup(user->pw_name) : g_strdup_printf("user %u", (unsigned)owner);
}

/* `danger` is what its writer can do, `otherwise` another way out, or "". */
static int refuse(const char *what, const char *path, const struct stat *status, const char *danger,
		  const char *otherwise, struct error *err)
{
	g_autofree char *owner = owner_name(status->st_uid);
	if (!is_ours(status))
		return error_set(err, ERROR_CONFIGURATION,
				 "%s '%s' belongs to %s, who can %s: run this as %s, chown it%s",
				 what, path, owner, danger, owner, otherwise);
	return error_set(err, ERROR_CONFIGURATION,
			 "%s '%s' can be changed by other users (mode %04o), who can %s: "
			 "chmod go-w it%s",
			 what, path, (unsigned)(status->st_mode & 07777), danger, otherwise);
}

/* A file that is not there passes. */
static int check(const char *what, const char *path, mode_t excused, const char *danger,
		 struct error *err)
{
	struct stat status;
	if (stat(path, &status) != 0)
		return 0;
	const bool writable = (status.st_mode & WRITABLE) != 0 && (status.st_mode & excused) == 0;
	if (is_ours(&status) && !writable)
		return 0;
	return refuse(what, path, &status, danger, ", or allow it with --trust-owner", err);
}

/* By the descriptor: the folder that is checked is the one that is written to. A folder that cannot be
 * looked at is not refused here, because whoever uses it gets the error and words it. */
int trust_check_folder(const char *path, int folder, struct error *err)
{
	struct stat status;
	if (given || fstat(folder, &status) != 0)
		return 0;
	const bool writable = (status.st_mode & WRITABLE) != 0 && (status.st_mode & S_ISVTX) == 0;
	if (is_ours(&status) && !writable)
		return 0;
	return refuse("folder", path, &status, "replace what is written to it",
		      ", name a folder of your own, or allow it with --trust-owner", err);
}

/* The folder of what a path leads to, and that of the link where the path is one. */
static int check_folders(const char *what, const char *path, mode_t excused, const char *danger,
			 struct error *err)
{
	g_autofree char *named = g_path_get_dirname(path);
	char *resolved = realpath(path, NULL);
	int failed = check(what, named, excused, danger, err);
	if (failed == 0 && resolved != NULL) {
		g_autofree char *folder = g_path_get_dirname(resolved);
		failed = check(what, folder, excused, danger, err);
	}
	free(resolved);
	return failed;
}

int trust_check_database(const char *path, struct error *err)
{
	return given ? 0 : trust_look_at_database(path, err);
}

int trust_look_at_database(const char *path, struct error *err)
{
	static const char danger[] = "make inqueue run commands as you";
	static const char *const beside[] = {"", "-wal", "-shm", "-journal"};
	struct stat status;
	if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
		return 0;
	if (check_folders("the database's folder", path, 0, danger, err) != 0)
		return -1;
	for (size_t i = 0; i < G_N_ELEMENTS(beside); i++) {
		g_autofree char *name = g_strconcat(path, beside[i], NULL);
		if (check("database", name, 0, danger, err) != 0)
			return -1;
	}
	return 0;
}

int trust_check_secret(const char *what, const char *path, struct error *err)
{
	static const char danger[] = "change it";
	g_autofree char *folder = g_strdup_printf("the folder of the %s", what);
	if (given)
		return 0;
	if (check(what, path, 0, danger, err) != 0)
		return -1;
	return check_folders(folder, path, S_ISVTX, "replace it", err);
}

/* ---- commands ---- */

/* Whoever may write to a folder may put another file in place of `child`; in a sticky one, only of what
 * is their own. */
static bool folder_keeps(const struct stat *folder, const struct stat *child)
{
	const bool writable = (folder->st_mode & WRITABLE) != 0;
	return is_ours(folder) &&
	       (!writable || ((folder->st_mode & S_ISVTX) != 0 && is_ours(child)));
}

/* Where the way goes on at a link: `rest` is what follows it. Caller frees. */
static char *follow(const char *folder, const char *link, const char *rest)
{
	g_autofree char *target = g_file_read_link(link, NULL);
	if (target == NULL)
		return NULL;
	return target[0] == '/' ? g_strconcat(target, "/", rest, NULL)
				: g_strconcat(folder, "/", target, "/", rest, NULL);
}

/* One walk from the root to the first link, or to the end. *ret_next is where to begin anew, or NULL.
 */
static int walk(const char *what, const char *named, const char *path, char **ret_next,
		struct error *err)
{
	static const char danger[] = "put another command in its place";
	g_auto(GStrv) names = g_strsplit(path, "/", -1);
	g_autoptr(GString) at = g_string_new("/");
	g_autofree char *folder_of = g_strdup_printf("a folder above the %s,", what);
	struct stat folder;
	*ret_next = NULL;
	for (size_t i = 0; names[i] != NULL; i++) {
		g_autofree char *before = g_strdup(at->str);
		struct stat child;
		if (*names[i] == '\0' || strcmp(names[i], ".") == 0)
			continue;
		if (strcmp(names[i], "..") == 0) {
			g_autofree char *parent = g_path_get_dirname(at->str);
			g_string_assign(at, parent);
			continue;
		}
		g_string_append_printf(at, "%s%s", at->len > 1 ? "/" : "", names[i]);
		if (stat(before, &folder) != 0 || lstat(at->str, &child) != 0)
			return error_set(err, ERROR_CONFIGURATION, "%s '%s': %s", what, named,
					 g_strerror(errno));
		if (!folder_keeps(&folder, &child))
			return refuse(folder_of, before, &folder, danger, "", err);
		if (!S_ISLNK(child.st_mode))
			continue;
		g_autofree char *rest = g_strjoinv("/", names + i + 1);
		*ret_next = follow(before, at->str, rest);
		return *ret_next != NULL ? 0
					 : error_set(err, ERROR_CONFIGURATION, "%s '%s': %s", what,
						     named, g_strerror(errno));
	}
	return 0;
}

/* Every walk begins at the root: a link may lead anywhere, also above what was walked already. */
int trust_check_command(const char *what, const char *path, struct error *err)
{
	static const char danger[] = "change what it does";
	struct stat status;
	g_autofree char *way = g_strdup(path);
	if (path[0] != '/')
		return error_set(err, ERROR_CONFIGURATION,
				 "%s '%s' must be named by its whole path, /…/%s", what, path,
				 path);
	for (int links = 0; way != NULL; links++) {
		char *next;
		if (links > LINKS_MAX)
			return error_set(err, ERROR_CONFIGURATION, "%s '%s': %s", what, path,
					 g_strerror(ELOOP));
		if (walk(what, path, way, &next, err) != 0)
			return -1;
		g_free(way);
		way = next;
	}
	if (stat(path, &status) != 0)
		return error_set(err, ERROR_CONFIGURATION, "%s '%s': %s", what, path,
				 g_strerror(errno));
	if (!S_ISREG(status.st_mode))
		return error_set(err, ERROR_CONFIGURATION, "%s '%s' is no file", what, path);
	return is_ours(&status) && (status.st_mode & WRITABLE) == 0
		   ? 0
		   : refuse(what, path, &status, danger, "", err);
}
