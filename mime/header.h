/*
 * header.h - a header block: its fields as written, unfolded, where it ends, and what it says, down to
 * its encoded words.
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

/* --- the block -------------------------------------------------------------- */

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

/* --- what the fields say ---------------------------------------------------- */
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

/* --- dates ------------------------------------------------------------------ */
/*
 * Reads the Date field (RFC 5322, section 3.3 and its obsolete forms; RFC 850, ctime, ISO 8601 and
 * what scripts write by kindness) as seconds since 1970-01-01 UTC. Weekday, seconds and zone may be
 * missing (UTC then), comments are skipped, years may have two digits. Returns false, and writes
 * nothing, when it is no date, or when something in it is not understood: an unknown or impossible
 * zone, a day that may be a month (3/4/2026).
 */
bool date_parse(const char *text, size_t length, int64_t *ret_time, bool *ret_has_zone);

/* --- words ------------------------------------------------------------------ */
/*
 * Header text: unfolded, encoded words decoded (RFC 2047), raw 8-bit bytes understood.
 *
 * Rules: neighbouring words of one charset and encoding are joined before they are decoded, so that
 *        a character survives wherever it was cut; blanks between words go; a broken word stays as
 *        it is written.
 */

/* An encoded word at the start of `text`: its parts, borrowed. */
struct word {
	const char *charset;
	size_t charset_length;
	bool is_base64;
	const char *text;
	size_t text_length;
	size_t length; /* of all, "=?" to "?=" */
};

bool word_parse(const char *text, size_t length, struct word *ret_word);

/*
 * The raw bytes of a field's value as one line of UTF-8. `hint` (may be NULL) is the charset to
 * expect of raw 8-bit bytes; `what` names the field in defects. Caller frees.
 */
char *word_decode(const char *raw, size_t length, const char *hint, const char *what,
		  struct defects *defects);

/*
 * The two halves of that, for those who take a field apart in between: bytes of Shift-JIS may look
 * like quotes. The first makes UTF-8 of all but the encoded words; NULL where there is nothing to
 * do.
 */
char *word_plain_to_utf8(const char *raw, size_t length, const char *hint, const char *what,
			 struct defects *defects, size_t *ret_length);
char *word_decode_utf8(const char *text, size_t length, const char *what, struct defects *defects);

#endif
