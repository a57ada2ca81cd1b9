/*
 * error.h - errors as values: what the caller can do, why it went wrong, and a text for a person.
 *
 * Life:      a struct error lives on the stack of whoever handles it; nothing to release.
 * Ownership: texts are copied in and cut at the buffer's end.
 * Threads:   no shared state.
 *
 * A function that can fail takes `struct error *err` last, returns -1 and fills *err exactly once;
 * callers add what they know in front with error_prefix(). Whoever handles the error prints it;
 * nobody else does. `err` may not be NULL. After a success *err means nothing.
 */
#ifndef QUEUE_BASE_ERROR_H
#define QUEUE_BASE_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the caller can do. The values are the program's exit codes (sysexits.h, plus 0 and 1 as grep
 * has them). */
enum error_kind {
	ERROR_NONE = 0,		 /* nothing wrong */
	ERROR_NO = 1,		 /* the answer is no: no such queue or entry, nothing there */
	ERROR_USAGE = 64,	 /* the command line is wrong */
	ERROR_DATA = 65,	 /* input is not what it should be */
	ERROR_UNREACHABLE = 69,	 /* host unknown, port closed, no answer, TLS not trusted */
	ERROR_SOFTWARE = 70,	 /* a fault of this program */
	ERROR_IO = 74,		 /* this machine: disk full, read-only, unreadable */
	ERROR_TEMPORARY = 75,	 /* will pass: busy, locked, throttled */
	ERROR_PROTOCOL = 76,	 /* the server broke the protocol or refused a command */
	ERROR_CREDENTIALS = 77,	 /* user name, password or permission refused */
	ERROR_CONFIGURATION = 78 /* the queue's definition must be changed */
};

struct error_meaning {
	enum error_kind kind;
	const char *word;    /* "usage" */
	const char *meaning; /* "the command line is wrong"; NULL where the word says it all */
};

/* What the exit codes say, for help and manual: rows 0.. until false is returned. */
bool error_meaning_at(size_t index, struct error_meaning *ret_meaning);

/* Why, where a caller acts on it. Most errors have no more than their kind. */
enum error_reason {
	REASON_NONE = 0,
	REASON_MISSING,	  /* NO: no such queue, entry, attachment, or no such database */
	REASON_EXISTS,	  /* NO: the name is taken */
	REASON_REFUSED,	  /* NO: the operation is not allowed in this state */
	REASON_BUSY,	  /* TEMPORARY: the database is locked by another process for too long */
	REASON_FULL,	  /* IO: no space left on the device */
	REASON_READ_ONLY, /* IO: the database, its folder or its file system cannot be written */
	REASON_IO,	  /* IO: reading or writing failed otherwise */
	REASON_CORRUPT,	  /* IO: the database is damaged */
	REASON_FOREIGN,	  /* DATA: not a database, or another program's */
	REASON_NEWER,	  /* DATA: written by a newer version of this program */
	REASON_INVALID,	  /* DATA: a value breaks the schema's rules */
	REASON_SOFTWARE,  /* SOFTWARE: a fault of this program */
	REASON_SIGN_IN,	  /* CREDENTIALS: a mail server refuses the sign-in; asking again may lock
				the account */
	REASON_PATIENCE,  /* TEMPORARY: a mail server asks to be left alone for a while */
	REASON_TOKEN_EXPIRED /* TEMPORARY: the access token of a session has ended; another sign-in
				goes on */
};

struct error {
	enum error_kind kind;
	enum error_reason reason;
	uint32_t wait_ms; /* PATIENCE: so long; 0: the server does not say */
	char text[1024];  /* one line of UTF-8, no newline */
};

void error_fill(struct error *err, enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void error_fill_because(struct error *err, enum error_reason reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void error_put_before(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * error_set(err, kind, format, …) fills *err with a kind and a text; error_because(err, reason,
 * format, …) fills it with a reason, and the kind that belongs to it; error_prefix(err, format, …)
 * puts text and ": " in front of what *err says and leaves the rest. Arguments may point into
 * err->text. All are the value -1, so that `return error_set(…)` works, and macros, so that
 * compilers and analysers see that.
 */
#define error_set(...)                                                                             \
	(__extension__({                                                                           \
		error_fill(__VA_ARGS__);                                                           \
		-1;                                                                                \
	}))
#define error_because(...)                                                                         \
	(__extension__({                                                                           \
		error_fill_because(__VA_ARGS__);                                                   \
		-1;                                                                                \
	}))
#define error_prefix(...)                                                                          \
	(__extension__({                                                                           \
		error_put_before(__VA_ARGS__);                                                     \
		-1;                                                                                \
	}))

#endif
