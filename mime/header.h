/*
 * header.h - a header block: its fields as written, unfolded, where it ends, and what it says.
 *
 * Life:      header_read() .. header_free().
 * Ownership: fields are borrowed from the header.
 * Rules:     a line that is neither field nor fold is taken for a fold that lost its blank, unless
 *            no field follows it: then the text began there and the blank line is missing. A
 *            delimiter of its own multipart ends the block, too, and so does a line of blanks,
 *            where no field follows.
 * Memory:    max_size bytes of fields; what is longer is passed over with a defect, and its end is
 *            found.
 */
#ifndef MIME_HEADER_H
#define MIME_HEADER_H

#include "mime/defects.h"
#include "mime/input.h"
#include "mime/mime.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- the block --------------------------------------------------------------- */

struct field {
	const char *name;
	const char
	    *value; /* raw bytes, unfolded; may hold zero bytes, and has one behind its end */
	size_t length;
};

struct header {
	char *bytes; /* that the fields point into */
	struct field *fields;
	size_t count;
	uint64_t start; /* offset of the block */
	uint64_t body;	/* offset of what follows it */
	size_t size;	/* bytes kept */
	bool capped;	/* some fields were passed over */
};

struct header_limits {
	size_t max_size;
	size_t max_fields;
	/* True for a line that ends the block though it is no blank line; may be NULL. */
	bool (*stops)(void *context, const struct line *line);
	void *context;
};

/*
 * Where the header of a message begins that is expected at `offset`: behind a byte order mark,
 * blank lines, an indent, and three lines of anything, if there are two fields of mail behind them.
 * Else, and where it begins as it should, that is `offset`.
 */
uint64_t header_start(struct input *input, uint64_t offset, struct defects *defects);

struct header *header_read(struct input *input, uint64_t offset, const struct header_limits *limits,
			   struct defects *defects);
void header_free(struct header *header);

/* In any case. */
bool field_is(const struct field *field, const char *name);

/* The first field of that name, in any case; NULL when there is none. */
const struct field *header_find(const struct header *header, const char *name);

/* How many fields have that name. */
size_t header_count(const struct header *header, const char *name);

/* --- what the fields say ----------------------------------------------------- */
/*
 * The charset of raw 8-bit bytes in a header: one for all of its fields, since one program wrote
 * them. `hint` (may be NULL) is the charset of the message's text, which is tried first; it is the
 * answer where there are no such bytes. Caller frees.
 */
char *fields_charset(const struct header *header, const char *hint);

/*
 * Fills the message's subject, addresses, identifiers, date and headers. `hint` (may be NULL) is what
 * fields_charset() says.
 */
void fields_fill(struct mime_message *message, const struct header *header, const char *hint,
		 struct defects *defects);

/* --- dates ------------------------------------------------------------------- */
/*
 * Reads the Date field (RFC 5322, section 3.3 and its obsolete forms; RFC 850, ctime, ISO 8601 and
 * what scripts write by kindness) as seconds since 1970-01-01 UTC. Weekday, seconds and zone may be
 * missing (UTC then), comments are skipped, years may have two digits. Returns false, and writes
 * nothing, when it is no date, or when something in it is not understood: an unknown or impossible
 * zone, a day that may be a month (3/4/2026).
 */
bool date_parse(const char *text, size_t length, int64_t *ret_time, bool *ret_has_zone);

#endif
