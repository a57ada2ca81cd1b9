/*
 * export.h - an entry outside of the database: as a JSON document of one line, its content as files.
 *
 * Memory: bodies and attachments are copied from the database in pieces, so that memory does not
 *         grow with them.
 * Files:  a file appears whole or not at all, under a safe name, inside the given folder only, which
 *         folder_open() finds; an existing file is left alone unless the caller says otherwise.
 * Errors: IO where something cannot be written, CONFIGURATION where the folder is another user's,
 *         those of the database.
 */
#ifndef LOADER_ENTRY_EXPORT_H
#define LOADER_ENTRY_EXPORT_H

#include "queue/base/error.h"
#include "queue/entry.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* ---- JSON ---- */

/* The columns without headers and bodies. */
void entry_json_write_columns(FILE *out, const struct entry *entry);

/* The lease token and the paths that a worker gets beside the entry. */
struct entry_json_claim {
	const char *token;
	const GPtrArray *paths; /* of the saved attachments, by position; NULL = not saved */
};

/* All of it: columns, headers, attachments, bodies. `claim` may be NULL. */
int entry_json_write(FILE *out, struct store *store, const struct entry *entry,
		     const struct entry_json_claim *claim, struct error *err);

/* Where bodies come from: hands the bytes of one to `write` as entry_read() does. */
struct entry_json_source {
	int (*read)(enum entry_part part, int (*write)(const void *bytes, size_t size, void *to),
		    void *to, void *context, struct error *err);
	void *context;
};

/* The date_sent_s of a mail that does not say when it was sent, before it has an entry. */
#define ENTRY_JSON_NO_DATE INT64_MIN

/* What a mail itself says, without what only a database gives: id, queue, state and the like. */
int entry_json_write_mail(FILE *out, const struct entry *entry,
			  const struct entry_json_source *source, struct error *err);

/* ---- files ---- */

enum save_existing { SAVE_REFUSE, SAVE_REPLACE, SAVE_NUMBER /* "name (2).pdf" */ };

struct save_options {
	const char *folder; /* made if missing */
	bool by_entry;	    /* in a folder of it that is named by the entry's id */
	enum save_existing existing;
	mode_t mode;	     /* of the files; 0 = FOLDER_FILE_MODE */
	bool raw;	     /* the raw message, as "entry-ID.eml", instead of attachments */
	uint32_t attachment; /* only the one at this position; 0 = all */
	void (*saved)(const char *path, void *context); /* told after each file */
	void *context;
};

/* Saves; files saved before an error stay. Errors: NO (no such entry, attachment, or no raw message
 * kept), IO, those of the database. */
int save_entry(struct store *store, int64_t entry_id, const struct save_options *options,
	       struct error *err);

#endif
