/*
 * apply.h - work queues from a file, so that an installation can be kept in version control.
 *
 * The file is a GLib key file: a group `[queue NAME]` for each queue, its keys the fields of
 * definition.h. Queues are created or altered until they are as the file says; queues that the file
 * does not name are left alone. All or nothing: a fault anywhere changes nothing.
 */
#ifndef LOADER_DEFINE_APPLY_H
#define LOADER_DEFINE_APPLY_H

#include "queue/base/error.h"
#include "queue/store.h"

#include <stdint.h>

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
