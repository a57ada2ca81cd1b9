/*
 * import.h - mail in files becomes entries of a queue.
 *
 * Each message becomes the entry that a load would make of it: bare line feeds become CRLF first, as
 * a mail server sends them, and the digest is made of that. A message whose digest an entry of the
 * queue already has is passed over, wherever that entry came from. Files are moved, if they are to
 * be, after the commit that has stored all of their messages; so a run that dies at any moment
 * leaves nothing twice: the next one finds the digests.
 *
 * Order:   entries come in the order of the paths, in a folder in that of the files' names, in an
 *          mbox and a tar in that of the messages, however many parsers work.
 * Errors:  texts do not name the queue. A file that cannot be read or moved stops nothing: the first
 *          such fault is the error of the whole run, the others are told. TEMPORARY when the queue
 *          is being loaded, or the run was asked to stop.
 * Memory:  about 100 bytes for each entry of the queue, whatever the size of messages. On the disk
 *          of the database 16 MiB, or the largest message, wait for each job.
 * Threads: one.
 */
#ifndef LOADER_IMPORT_IMPORT_H
#define LOADER_IMPORT_IMPORT_H

#include "queue/base/error.h"
#include "queue/store.h"
#include "queue/work_queue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* So many parsers work where nobody says how many; a load has as many. */
#define IMPORT_JOBS 4

struct import_result {
	uint64_t loaded;  /* entries made, without the bad ones */
	uint64_t bad;	  /* entries made in state bad */
	uint64_t skipped; /* messages that a rule has skipped */
	uint64_t refused; /* messages whose reference another entry has */
	uint64_t known;	  /* messages that the queue has an entry of */
	uint64_t size_bytes;
	uint64_t faults;   /* files that could not be read or moved */
	bool went_through; /* all paths were looked at; an error is about single files */
};

struct import_options {
	const char *database; /* path; messages wait beside it */
	const char *archive;  /* folder for files whose messages are entries; NULL: they stay */
	const char *failed;   /* folder for files with a bad entry; NULL: they stay */
	uint64_t limit;	      /* new entries at most; 0 = all */
	unsigned jobs;	      /* parsers side by side, 1 at least */
	/* The paths were found in a folder: what a folder's files must be counts for each (its name,
	 * no link), and one that is gone is no fault. "-" is none. */
	bool found;
	bool dry_run; /* change nothing; `plan` is told what would be done */
	void (*plan)(const char *step, void *context);
	/* Told after each message: how many there were, and their bytes. */
	void (*progress)(uint64_t done, uint64_t size_bytes, void *context);
	/* Told of each fault but the first. */
	void (*noted)(const char *words, void *context);
	void *context; /* of the callbacks */
};

/*
 * Imports what lies in `paths`: files with a message, mbox files, folders with *.eml and *.mbox
 * files at any depth, Maildirs, and "-" for a tar on standard input. Links in folders are not
 * followed. *ret_result is filled also when it fails.
 */
int import_run(struct store *store, const struct work_queue *queue, char *const *paths,
	       size_t count, const struct import_options *options, struct import_result *ret_result,
	       struct error *err);

#endif
