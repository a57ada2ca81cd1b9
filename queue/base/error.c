/* Fills errors. Each text goes through a copy, because its arguments may point into the old one. */
#include "queue/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The words of the manual and of `inqueue help` come from here. */
static const struct error_meaning meanings[] = {
    {ERROR_NONE, "done", NULL},
    {ERROR_NO, "no",
     "there is no such queue or entry, there is nothing to claim, or a problem is left"},
    {ERROR_USAGE, "usage", "the command line is wrong"},
    {ERROR_DATA, "data", "the database belongs to another program, or to a newer inqueue"},
    {ERROR_UNREACHABLE, "unreachable", "host, port or TLS"},
    {ERROR_SOFTWARE, "software",
     "a fault of inqueue; where a server has brought it to a crash, the error names the server"},
    {ERROR_IO, "this machine's files", "the disk is full, read-only or unreadable"},
    {ERROR_TEMPORARY, "temporary",
     "something is locked or throttled, or another load of the queue is running"},
    {ERROR_PROTOCOL, "protocol", "the server broke it, or refused a command"},
    {ERROR_CREDENTIALS, "credentials",
     "the server refused the user name, the password or a permission"},
    {ERROR_CONFIGURATION, "configuration",
     "the queue's definition must be changed, the owner or the mode of a file, or what the kernel "
     "allows (seccomp)"},
};

bool error_meaning_at(size_t index, struct error_meaning *ret_meaning)
{
	if (index >= sizeof meanings / sizeof meanings[0])
		return false;
	*ret_meaning = meanings[index];
	return true;
}

/* A text that is too long is cut at its end: what was built in front of it names the thing. */
static void fill(struct error *err, enum error_kind kind, enum error_reason reason,
		 const char *format, va_list args)
{
	char text[sizeof err->text];
	vsnprintf(text, sizeof text, format, args);
	memcpy(err->text, text, sizeof text);
	err->kind = kind;
	err->reason = reason;
	err->wait_ms = 0;
}

/* What the caller can do follows from the reason, so that both can never disagree. */
static enum error_kind kind_of(enum error_reason reason)
{
	static const enum error_kind kinds[] = {
	    [REASON_NONE] = ERROR_NONE,		 [REASON_MISSING] = ERROR_NO,
	    [REASON_EXISTS] = ERROR_NO,		 [REASON_REFUSED] = ERROR_NO,
	    [REASON_BUSY] = ERROR_TEMPORARY,	 [REASON_FULL] = ERROR_IO,
	    [REASON_READ_ONLY] = ERROR_IO,	 [REASON_IO] = ERROR_IO,
	    [REASON_CORRUPT] = ERROR_IO,	 [REASON_FOREIGN] = ERROR_DATA,
	    [REASON_NEWER] = ERROR_DATA,	 [REASON_INVALID] = ERROR_DATA,
	    [REASON_SOFTWARE] = ERROR_SOFTWARE,	 [REASON_SIGN_IN] = ERROR_CREDENTIALS,
	    [REASON_PATIENCE] = ERROR_TEMPORARY, [REASON_TOKEN_EXPIRED] = ERROR_TEMPORARY,
	};
	return kinds[reason];
}

/* For errors that are told and not acted on. */
void error_fill(struct error *err, enum error_kind kind, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fill(err, kind, REASON_NONE, format, args);
	va_end(args);
}

/* For errors that a caller acts on: the reason says more than the kind. */
void error_fill_because(struct error *err, enum error_reason reason, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fill(err, kind_of(reason), reason, format, args);
	va_end(args);
}

/* Kind, reason and wait stay: only the text is built outward. */
void error_put_before(struct error *err, const char *format, ...)
{
	char prefix[sizeof err->text];
	va_list args;
	va_start(args, format);
	vsnprintf(prefix, sizeof prefix, format, args);
	va_end(args);
	const struct error before = *err;
	error_fill(err, before.kind, "%s: %s", prefix, before.text);
	err->reason = before.reason;
	err->wait_ms = before.wait_ms;
}
