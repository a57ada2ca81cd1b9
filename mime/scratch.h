/*
 * scratch.h - decoded bytes kept to be read more than once: in memory while few, else in the output
 * file.
 *
 * Life:   scratch_init() .. scratch_clear(); first all writes, then reads. Between the first write
 *         and the last one nobody else may write to the output.
 * Memory: SCRATCH_MEMORY bytes at most.
 * Errors: the output's.
 */
#ifndef MIME_SCRATCH_H
#define MIME_SCRATCH_H

#include "mime/output.h"

enum { SCRATCH_MEMORY = 1 << 20 };

struct scratch {
	struct sink sink; /* write here */
	struct mime_output *output;
	unsigned char *memory;
	size_t capacity;
	bool in_file;
	uint64_t file_offset;
	uint64_t size;
};

void scratch_init(struct scratch *scratch, struct mime_output *output);
void scratch_clear(struct scratch *scratch);

/* Up to `length` bytes at `offset`; 0 at the end. */
size_t scratch_read(struct scratch *scratch, uint64_t offset, void *bytes, size_t length);

#endif
