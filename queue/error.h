/*
 * error.h - what can go wrong with the database.
 *
 * `status` says what the caller can do, `text` is one line for a person, naming the database or the
 * queue. Filled once by the function that returns -1; NULL is not allowed.
 */
#ifndef QUEUE_ERROR_H
#define QUEUE_ERROR_H

enum queue_status {
	QUEUE_OK = 0,
	QUEUE_MISSING,	 /* no such queue, entry, attachment, or no such database */
	QUEUE_EXISTS,	 /* the name is taken */
	QUEUE_REFUSED,	 /* the operation is not allowed in this state */
	QUEUE_BUSY,	 /* locked by another process longer than we wait */
	QUEUE_FULL,	 /* no space left on the device */
	QUEUE_READ_ONLY, /* the database, its folder or its file system cannot be written */
	QUEUE_IO,	 /* reading or writing failed otherwise */
	QUEUE_FOREIGN,	 /* not a database, or another program's */
	QUEUE_NEWER,	 /* written by a newer version of this program */
	QUEUE_CORRUPT,	 /* the database is damaged */
	QUEUE_INVALID,	 /* a value breaks the schema's rules */
	QUEUE_SOFTWARE	 /* a fault of this library */
};

struct queue_error {
	enum queue_status status;
	char text[512];
};

/* Fills *err; arguments may point into err->text. Always returns -1, so that `return
 * queue_error_set(…)` works. */
int queue_error_set(struct queue_error *err, enum queue_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
