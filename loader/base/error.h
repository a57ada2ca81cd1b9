/*
 * error.h - errors as values: a kind that says what the caller can do, and a text for a person.
 *
 * Life:      a struct error lives on the stack of whoever handles it; nothing to release.
 * Ownership: texts are copied in and cut at the buffer's end.
 * Threads:   no shared state.
 *
 * A function that can fail takes `struct error *err` last, returns -1 and fills *err exactly once;
 * callers add what they know in front with error_prefix(). Whoever handles the error prints it;
 * nobody else does. `err` may not be NULL.
 */
#ifndef LOADER_BASE_ERROR_H
#define LOADER_BASE_ERROR_H

#include <stdbool.h>

/* The values are the program's exit codes (sysexits.h, plus 0 and 1 as grep has them). */
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

struct error {
	enum error_kind kind;
	bool sign_in_refused; /* by a mail server: asking again may lock the account */
	bool outdated;	      /* the database is newer than this program: it cannot go on */
	char text[1024];      /* one line of UTF-8, no newline */
};

void error_fill(struct error *err, enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void error_put_before(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * error_set(err, kind, format, …) fills *err with a kind and a text; error_prefix(err, format, …)
 * puts text and ": " in front of what *err says and leaves the rest. Both are the value -1, so that
 * `return error_set(…)` works, and macros, so that compilers and analysers see that.
 */
#define error_set(...)                                                                             \
	(__extension__({                                                                           \
		error_fill(__VA_ARGS__);                                                           \
		-1;                                                                                \
	}))
#define error_prefix(...)                                                                          \
	(__extension__({                                                                           \
		error_put_before(__VA_ARGS__);                                                     \
		-1;                                                                                \
	}))

#endif
