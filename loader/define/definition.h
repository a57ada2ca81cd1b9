/*
 * definition.h - the fields of a work queue's definition as an operator writes them, on a command
 * line or in a file; one table knows them all.
 *
 * File:      a GLib key file with a group `[queue NAME]` for each queue, whose keys are the fields.
 * Ownership: a draft is a struct work_queue that the caller frees with work_queue_free().
 * Errors:    CONFIGURATION, naming the field and what it takes.
 */
#ifndef LOADER_DEFINE_DEFINITION_H
#define LOADER_DEFINE_DEFINITION_H

#include "queue/base/error.h"
#include "queue/store.h"
#include "queue/work_queue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One row of the table: rows 0.. until false is returned. Texts are static. */
struct definition_field {
	const char *name;    /* "connection-string" */
	const char *value;   /* what it takes, e.g. "TEXT"; NULL: nothing, it is a switch */
	const char *meaning; /* for help */
	const char
	    *standard; /* what holds where the field is left out; NULL: nothing, or see `meaning` */
	bool foreign;  /* belongs to other external sources; refused unless empty */
};
bool definition_field_at(size_t index, struct definition_field *ret_field);

/* A draft with the defaults: class Mail, external source IMAP, password asked for. */
struct work_queue *definition_new(const char *name);

/* Sets one field of the draft. Names match in any case, with or without '-'. */
int definition_set(struct work_queue *draft, const char *field, const char *value,
		   struct error *err);

/* The draft as a whole: connection string and user name are there and right. */
int definition_check(const struct work_queue *draft, struct error *err);

/* Equal in all that an operator defines. */
bool definition_equals(const struct work_queue *left, const struct work_queue *right);

/* ---- a file of queues, so that an installation can be kept in version control ---- */

enum apply_outcome { APPLY_CREATED, APPLY_ALTERED, APPLY_UNCHANGED };

/*
 * Applies the file; `tell` hears the outcome for each queue, after everything is committed. A field
 * that the file leaves out has its default. Errors: CONFIGURATION, naming file, group and key; IO;
 * those of the database.
 */
int apply_file(struct store *store, const char *path, int64_t now_ms,
	       void (*tell)(const char *queue_name, enum apply_outcome outcome, void *context),
	       void *context, struct error *err);

#endif
