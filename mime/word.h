/*
 * word.h - header text: unfolded, encoded words decoded (RFC 2047), raw 8-bit bytes understood.
 *
 * Rules: neighbouring words of one charset and encoding are joined before they are decoded, so that
 *        a character survives wherever it was cut; blanks between words go; a broken word stays as
 *        it is written.
 */
#ifndef MIME_WORD_H
#define MIME_WORD_H

#include "mime/defects.h"

#include <stdbool.h>

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
