/*
 * charset_choice.h - which charset bytes are in, when their label may be missing or wrong.
 *
 * Order: a byte order mark; the label, where everything reads in it; UTF-8, where everything reads;
 *        the label of a multi-byte charset, where nearly everything reads; what detection says;
 *        windows-1252.
 * Life:  charset_choice_open() once, charset_choice_close().
 */
#ifndef MIME_CHARSET_CHOICE_H
#define MIME_CHARSET_CHOICE_H

#include "mime/charset.h"
#include "mime/defects.h"

/* Bytes that can be gone through again and again. */
struct text_source {
	void (*feed)(struct text_source *source, struct sink *sink);
};

struct charset_choice {
	const struct charset *charset;
	uint64_t errors_max;
};

int charset_choice_open(void);
void charset_choice_close(void);

/*
 * `label` may be NULL; `hint` (may be NULL) is tried in place of detection where there is no label.
 * `what`
 * ("the text", "field Subject") names the bytes in defects.
 */
struct charset_choice charset_choose(struct text_source *source, const char *label,
				     const char *hint, const char *what, struct defects *defects);

/* Converts the source into the sink as chosen. */
void charset_convert(struct text_source *source, struct charset_choice choice, struct sink *sink);

/* Converts bytes in memory to clean UTF-8. Caller frees. */
char *charset_text(const char *bytes, size_t length, const char *label, const char *hint,
		   const char *what, struct defects *defects);

/* The same, as one line. */
char *charset_line(const char *bytes, size_t length, const char *label, const char *hint,
		   const char *what, struct defects *defects);

/* For unlabelled bytes in memory: the choice, and what the bytes are by it. */
struct charset_choice charset_choose_bytes(const char *bytes, size_t length, const char *hint,
					   const char *what, struct defects *defects);
void charset_append(GString *text, const char *bytes, size_t length, struct charset_choice choice);

/* True when the label is known and everything reads in it. */
bool charset_reads(const char *bytes, size_t length, const char *label);

/* The name of the charset of bytes that have no label and are not UTF-8. */
const char *charset_guess(const char *bytes, size_t length, const char *hint);

#endif
