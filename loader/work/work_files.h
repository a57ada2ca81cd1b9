/*
 * work_files.h - an entry as files for a command: a private folder below the temporary one, with
 * entry.json and a folder attachments.
 *
 * Life:   work_files_write() .. work_files_free(), which deletes the folder and whatever the
 *         command has left in it.
 * Errors: IO, those of the database.
 */
#ifndef LOADER_WORK_WORK_FILES_H
#define LOADER_WORK_WORK_FILES_H

#include "loader/work/work.h"
#include "queue/base/scoped.h"

struct work_files;

int work_files_write(struct store *store, const struct entry_lease *lease,
		     struct work_files **ret_files, struct error *err);

/* Can anything at all be written where the files of entries go? */
int work_files_probe(struct error *err);

/* The path of entry.json, borrowed. */
const char *work_files_entry(const struct work_files *files);

/* Our environment and INQUEUE_*. Caller frees with g_strfreev(). */
char **work_files_environment(const struct work_files *files, const struct work_options *options,
			      const struct entry_lease *lease);

/* Takes NULL. */
void work_files_free(struct work_files *files);
SCOPED_DEFINE(struct work_files *, work_files_free)

#endif
