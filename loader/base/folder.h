/*
 * folder.h - the folder that somebody names for files: found without a link of another user on the way,
 * and safe from others.
 *
 * Life:    the descriptor is the caller's to close. Names are looked up in it, not by the path,
 *          which may be made to lead elsewhere meanwhile.
 * Errors:  CONFIGURATION where a link or the folder is another user's, or others may write to it
 *          and it is not sticky (the folder itself passes with trust_owners(), a link never); IO.
 * Threads: no shared state.
 */
#ifndef LOADER_BASE_FOLDER_H
#define LOADER_BASE_FOLDER_H

#include "queue/base/error.h"

#include <stdbool.h>
#include <sys/types.h>

/* Opens it; with `make` what is missing of the path is made with 0700. Source: path_resolution(7). */
int folder_open(const char *path, bool make, int *ret_descriptor, struct error *err);

/* A folder of this name in one that is open at `path`; made with 0700 where it is missing, and no
 * link. */
int folder_open_inside(int folder, const char *path, const char *name, int *ret_descriptor,
		       struct error *err);

/* Makes a file in it that has no name, 0600. Returns 0 or an errno. Source: open(2), O_TMPFILE. */
int folder_open_nameless(const char *path, int *ret_descriptor);

/* Such a file once more, for reading alone. Returns 0 or an errno. Source: proc(5), /proc/PID/fd. */
int folder_open_again(int descriptor, int *ret_descriptor);

/* Whether this file or folder lies in that folder, at any depth, and through whatever links; what is not there lies
 * where the nearest folder on its path does. */
bool folder_has(const char *folder, const char *path);

/* For files that nobody keeps: $TMPDIR, else /var/tmp rather than /tmp, which may be memory. A process that has
 * given its rights up may still write there. */
const char *folder_temporary(void);

/* folder_has() of it. */
bool folder_temporary_has(const char *path);

/* The mode of files that are written into it, unless somebody names another. */
enum { FOLDER_FILE_MODE = 0600 };

/* "640" as a mode, at most 0777. -1 for any other text. */
int folder_mode_parse(const char *text, mode_t *ret_mode);

#endif
