/*
 * skeleton.h - a message reduced to what decides its structure, small enough for GMime.
 *
 * A multipart becomes its delimiter lines, one Content-Type per header block, and a dot for every
 * run of content. GMime holds prologues in memory, needs 2 kB per part and 500 bytes per field,
 * loses what stands behind long boundaries, zero bytes and repeated fields: the skeleton has none
 * of these, and whatever the size of the message, GMime sees some kilobytes. Boundaries are
 * replaced by "b0", "b1", …
 *
 * Life:      skeleton_read() .. skeleton_free().
 * Memory:    by the caps of the options.
 */
#ifndef MIME_SKELETON_H
#define MIME_SKELETON_H

#include "mime/part.h"

struct skeleton {
	GString *text;
	GPtrArray *blocks;  /* of struct header; of the parts, without the message's own */
	GPtrArray *parts;   /* of struct part, one per block, taken by whoever builds the tree */
	GArray *delimiters; /* of struct delimiter, in order */
	bool capped;
};

struct delimiter {
	size_t at;	      /* in the skeleton */
	uint64_t content_end; /* of the content before it, in the input */
};

/* Name of the field that numbers the blocks in the skeleton. */
#define SKELETON_BLOCK "X-Block"

struct skeleton *skeleton_read(struct input *input, const struct header *top,
			       const struct mime_options *options, struct defects *defects);
void skeleton_free(struct skeleton *skeleton);

/* Where content that ends at `at` in the skeleton ends in the input. */
uint64_t skeleton_content_end(const struct skeleton *skeleton, struct input *input, size_t at);

#endif
