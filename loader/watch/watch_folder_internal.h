/*
 * watch_folder_internal.h - a folder whose files are mail: what has come into it, and the loop that
 * imports it.
 *
 * Life:      watch_folder_open() .. watch_folder_close(). First the folder itself has arrived, with all
 *            that is in it; watch_folder_take() adds what has happened since.
 * Errors:    CONFIGURATION (the folder is not there, or not any more), IO (the kernel's limits).
 * Threads:   one.
 */
#ifndef LOADER_WATCH_WATCH_FOLDER_INTERNAL_H
#define LOADER_WATCH_WATCH_FOLDER_INTERNAL_H

#include "loader/import/import.h"
#include "loader/watch/watch.h"
#include "queue/base/error.h"
#include "queue/base/scoped.h"
#include "queue/work_queue.h"

#include <stddef.h>
#include <stdint.h>

struct watch_folder;

/* `archive` and `failed` (NULL: none) are borrowed, and are not watched where they lie in it. */
int watch_folder_open(const char *path, const char *archive, const char *failed,
		      struct watch_folder **ret_folder, struct error *err);
/* Takes NULL. */
void watch_folder_close(struct watch_folder *folder);
SCOPED_DEFINE(struct watch_folder *, watch_folder_close)

/* Readable when something has happened. */
int watch_folder_descriptor(const struct watch_folder *folder);

/* Without links. */
const char *watch_folder_path(const struct watch_folder *folder);

/* Takes the events that have come by now; does not wait. */
int watch_folder_take(struct watch_folder *folder, struct error *err);

/* How often events were lost, and the whole folder has arrived again. */
uint64_t watch_folder_losses(const struct watch_folder *folder);

/* Files and folders that have arrived, each once, until watch_folder_forget(). */
char *const *watch_folder_arrived(const struct watch_folder *folder, size_t *ret_count);
void watch_folder_forget(struct watch_folder *folder);

/* What the loop tells its process. */
struct watch_import_report {
	void (*alive)(void *context);
	void (*busy)(void *context); /* another process has the queue; it will look again */
	void (*looked)(const struct import_result *result, void *context);
	void (*waiting)(int64_t wait_ms, void *context);
	void (*incomplete)(const char *words, void *context); /* single files failed */
	void *context;
};

/* Does the queue have a folder that is to be watched? */
bool watch_import_is_wanted(const struct work_queue *queue);

/* Imports what comes into the queue's folder until the end is wanted; `wake` is readable then. */
int watch_import(const struct work_queue *queue, const struct watch_options *options, int wake,
		 const struct watch_import_report *report, struct error *err);

#endif
