/*
 * transfer.h - content transfer encodings (RFC 2045), forgiving as mail needs it.
 *
 * Rules:  base64 goes on behind padding, does without it, and skips what is not of its alphabet,
 *         unless that is so much that the text has not been encoded at all, or that a text which
 *         has not been encoded follows: that stays as it is; quoted-printable keeps
 *         a "=" that means nothing; uuencode starts at its "begin" line.
 * Memory: a few kB, whatever the size.
 */
#ifndef MIME_TRANSFER_H
#define MIME_TRANSFER_H

#include "mime/input.h"
#include "mime/sink.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* --- a part's encoding ------------------------------------------------------- */

enum transfer { TRANSFER_IDENTITY, TRANSFER_BASE64, TRANSFER_QUOTED_PRINTABLE, TRANSFER_UUENCODE };

/* The encoding a Content-Transfer-Encoding names; false (and identity) when it is none we know. */
bool transfer_parse(const char *name, enum transfer *ret_transfer);

/* Decodes [begin, end) of the input into the sink; false when the encoding was damaged. */
bool transfer_decode(struct input *input, uint64_t begin, uint64_t end, enum transfer transfer,
		     struct sink *sink);

/* The text of an encoded word (RFC 2047), "B" or "Q", appended to `bytes`. */
void transfer_decode_word(const char *text, size_t length, bool is_base64, GString *bytes);

/* --- base64 ------------------------------------------------------------------ */
/*
 * Base64 decoding as a sink (RFC 2045, section 6.8).
 *
 * Life:   base64_init(), pieces through the sink, base64_finish(); nothing to release.
 * Damage: characters outside the alphabet, data behind padding, and a lone last character are
 *         survived and reported; missing padding is not even that.
 */

struct base64 {
	struct sink sink; /* write here */
	struct sink *next;
	uint32_t bits;
	unsigned count; /* characters in bits, 0-3 */
	bool padded;
	bool damaged;
};

void base64_init(struct base64 *base64, struct sink *next);

/* Passes on the last bytes; false when something was damaged. */
bool base64_finish(struct base64 *base64);

/* --- quoted-printable -------------------------------------------------------- */
/*
 * Quoted-printable decoding as a sink (RFC 2045, section 6.7).
 *
 * Life:   quoted_printable_init(), pieces through the sink, quoted_printable_finish().
 * Damage: a "=" that begins neither two hexadecimal digits nor a line end stays in the text and is
 *         reported. Blanks before a line end go, as the RFC says.
 */

enum { QUOTED_HELD_MAX = 256 };

struct quoted_printable {
	struct sink sink; /* write here */
	struct sink *next;
	size_t held_length;
	unsigned char held[QUOTED_HELD_MAX]; /* "=…" or blanks whose meaning is still open */
	bool damaged;
};

void quoted_printable_init(struct quoted_printable *quoted, struct sink *next);

/* Passes on what is left; false when something was damaged. */
bool quoted_printable_finish(struct quoted_printable *quoted);

/* --- uuencode ---------------------------------------------------------------- */
/*
 * Uuencoded files: as the encoding "x-uuencode" of old mail, and between the lines of
 * a text (POSIX, uuencode(1)).
 */

/* A file between the lines of a text. */
struct uuencoded {
	uint64_t begin; /* offset of its "begin" line, or of its first line where that is missing */
	uint64_t data;	/* what uuencode_decode() reads begins here */
	uint64_t data_end; /* and ends here */
	uint64_t end;	   /* offset behind its "end" line, or behind its last one */
	char *name;	   /* NULL where none can be read */
	bool damaged;	/* "begin" or "end" is missing or cannot be read, or a line between them */
	bool is_base64; /* uuencode -m: what lies in [data, data_end) is base64 */
};

/*
 * The first file in [begin, end). A "begin" line needs one line of data behind it; one that is
 * damaged (no mode, no name, other letters), or missing, needs three full lines. Between full lines
 * one may be damaged. The name is the caller's.
 */
bool uuencode_find(struct input *input, uint64_t begin, uint64_t end, struct uuencoded *ret_file);

/*
 * Decodes the first file in [begin, end) into the sink. Without a "begin" line or a first line of
 * data everything is passed on as it is. False when that, or the "end" line, is missing.
 */
bool uuencode_decode(struct input *input, uint64_t begin, uint64_t end, struct sink *sink);

#endif
