/*
 * output.h - the file that decoded content goes to (mime.h), from inside, and one content in it.
 *
 * Units:  offsets in the file.
 * Errors: a failed read or write is remembered in `error` (an errno); later calls do nothing.
 */
#ifndef MIME_OUTPUT_H
#define MIME_OUTPUT_H

#include "mime/mime.h"
#include "mime/sink.h"

struct mime_output {
	int fd;
	int error;
	uint64_t start; /* of the buffer in the file; everything before it has been written */
	size_t length;	/* bytes in the buffer */
	unsigned char *buffer;
};

/* Bytes to be written as one content: give it to whatever takes a sink. */
struct content_writer {
	struct sink sink;
	struct mime_output *output;
	struct mime_content *content;
};

/* Back to an earlier offset: what was written from there on is given up. */
void output_rewind(struct mime_output *output, uint64_t offset);

/* Reads what was written before; returns the bytes read, 0 at the end or on error. */
size_t output_read(struct mime_output *output, uint64_t offset, void *bytes, size_t length);

/* Passes [begin, end) on, which was written before. */
void output_copy(struct mime_output *output, uint64_t begin, uint64_t end, struct sink *sink);

/* Starts a content at the end of the output; content_restart() gives up what it has so far. */
void content_begin(struct content_writer *writer, struct mime_output *output,
		   struct mime_content *content);
void content_restart(struct content_writer *writer);

/*
 * Scratch: decoded bytes that are kept to be read more than once, in memory while few, else in the
 * output. scratch_init() .. scratch_clear(); first all writes, then reads. Between the first write
 * and the last one nobody else may write to the output. Errors are the output's.
 */
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
