/*
 * skeleton.h - a message as GMime is given it: its header blocks and delimiter lines, put right,
 * and one byte in place of each stretch between them.
 *
 * Life:    skeleton_new(), skeleton_read(), skeleton_free().
 * Offsets: places in the text and places in the input belong together (skeleton_offset()), so that
 *          a line can be put right, put in, or left out.
 * Caps:    max_parts (three delimiter lines each), max_boundary, and 16 times max_header_size of
 *          header blocks. The text ends where one of them is reached, and `capped` is set.
 * Memory:  the text and a struct part for each header block; nothing of the contents.
 */
#ifndef MIME_SKELETON_H
#define MIME_SKELETON_H

#include "mime/part.h"

#include <glib.h>

struct skeleton {
	struct input *input;
	const struct mime_options *options;
	struct defects *defects;
	GString *text;
	GArray *runs;		/* of struct skeleton_run, by place in the text */
	GArray *blocks;		/* of struct skeleton_block, by place in the text */
	GArray *delimiters;	/* of struct skeleton_delimiter, in order */
	GHashTable *boundaries; /* as the mail has them, and as they stand in the text */
	size_t parts_before;	/* of the message, in other skeletons */
	size_t header_bytes;
	unsigned searches; /* for delimiters further down */
	bool capped;
};

/* Everything from here on in the text stands for what is at `offset` of the input. */
struct skeleton_run {
	size_t place;
	uint64_t offset;
};

/* A header block: a multipart's where it begins, that of any other part where its content does. */
struct skeleton_block {
	size_t place;
	struct part *part; /* NULL once it is taken */
};

struct skeleton_delimiter {
	const char *boundary; /* as it stands in the text; borrowed */
	bool closing;
	uint64_t previous_end; /* offset behind the text of the line before */
};

struct skeleton *skeleton_new(struct input *input, const struct mime_options *options,
			      struct defects *defects);
void skeleton_free(struct skeleton *skeleton);

/* Reads the message whose header block is `top`. */
void skeleton_read(struct skeleton *skeleton, const struct header *top);

/* Reads the content of a multipart that lies in the input from its start to its end; takes it. */
void skeleton_read_multipart(struct skeleton *skeleton, struct part *multipart);

/* The part whose block has that place; the caller's from now on. */
struct part *skeleton_take_part(struct skeleton *skeleton, size_t place);

/* The same where it is the only one, and no multipart; else NULL, and nothing is taken. */
struct part *skeleton_take_only_part(struct skeleton *skeleton);

uint64_t skeleton_offset(const struct skeleton *skeleton, size_t place);

/* The boundary of a multipart as it stands in the text; NULL where it has none. */
const char *skeleton_boundary(const struct skeleton *skeleton, const struct part *multipart);

/* --- delimiters (skeleton_delimiter.c) ---------------------------------------- */

/* Makes the boundary of a multipart known; false where that cannot be divided. */
bool skeleton_add_boundary(struct skeleton *skeleton, const struct part *multipart);

/*
 * The boundary that a line delimits parts of, as it stands in the text; NULL for any other line.
 * *ret_closing says whether it ends the last of them.
 */
const char *skeleton_delimited(const struct skeleton *skeleton, const struct line *line,
			       bool *ret_closing);

/* Does the line delimit parts? For struct header_limits; the context is the skeleton. */
bool skeleton_is_delimiter(void *skeleton, const struct line *line);

/* Does a line from `offset` on delimit parts of the multipart, before other lines do? */
bool skeleton_delimiter_follows(struct skeleton *skeleton, uint64_t offset,
				const struct part *multipart);

#endif
