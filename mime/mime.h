/*
 * mime.h - from the bytes of a message to what it says: header fields, bodies, attachments.
 *
 * Life:      mime_open() once per process, before any sandbox is entered; mime_parse() per message;
 *            mime_message_free() per result, mime_output_flush() before its contents are read.
 * Units:     sizes and offsets in bytes, times in seconds since 1970-01-01 UTC.
 * Ownership: a struct mime_message owns all its strings; descriptors stay the caller's.
 * Text:      every string and every body is valid UTF-8 without control characters other than
 *            newline and tab (no CR, no NUL, no C1, no U+FEFF at the start); lines end in "\n".
 * Errors:    parsing cannot fail: any bytes give a message, and a list of defects. Only reading and
 *            writing the two files can fail; then errno says why.
 * Threads:   one at a time.
 * Memory:    bounded by the caps below and by the headers, not by the size of the message: content
 *            goes to the output file.
 * Sandbox:   after mime_open() no function here opens a file, starts a thread or needs the network.
 * Source:    RFC 5322, 2045-2047, 2183, 2231, 2387, 2557, 6532, 8621 (4.1.4); and the work-queue
 *            loader's rules for what a body and what an attachment is (inqueue-entries(7)).
 */
#ifndef MIME_MIME_H
#define MIME_MIME_H

#include "mime/message.h"

/*
 * Makes ready all that needs files later on: the libraries that read mail, charset converters, the
 * detector. Returns 0, or -1 when a needed converter (UTF-8, ISO-8859-1) is missing on this
 * machine; a second time it costs nothing. mime_close() undoes it.
 */
int mime_open(void);
void mime_close(void);

/* The libraries that read mail: "libxml2 2.9.14, GMime 3.2.13". Caller frees with g_free(). */
char *mime_library(void);

/*
 * The file that decoded content goes to, of one message after the other (pwrite, pread), beginning
 * at offset 0. 64 KiB of it stay in memory until mime_output_flush(): small messages share a write.
 */
struct mime_output;

/* mime_output_free() closes nothing, and writes nothing. */
struct mime_output *mime_output_new(int fd);
void mime_output_free(struct mime_output *output);

/* Where the next byte goes. */
uint64_t mime_output_tell(const struct mime_output *output);

/* Goes on there; what has not been flushed is dropped, a failure forgotten. */
void mime_output_seek(struct mime_output *output, uint64_t offset);

/* Bytes that go with a message. A failure is told by mime_output_flush(). */
void mime_output_write(struct mime_output *output, const void *bytes, size_t length);

/* Returns -1 with errno when a write has failed since the last mime_output_seek(). */
int mime_output_flush(struct mime_output *output);

/*
 * The reply (reply.h) in the text at [offset, offset + size) of input_fd, which is a text body as
 * mime_parse() writes it. The caller frees with g_free(). Returns -1 with errno when a read fails.
 */
int mime_reply(int input_fd, uint64_t offset, uint64_t size, char **ret_reply);

/*
 * Parses the message at [offset, offset + size) of input_fd (read with pread); its content goes to
 * the output. Returns -1 with errno when a read or a write fails; *ret_message is then untouched,
 * and the output where it was.
 */
int mime_parse(const struct mime_options *options, int input_fd, uint64_t offset, uint64_t size,
	       struct mime_output *output, struct mime_message **ret_message);

#endif
