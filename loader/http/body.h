/*
 * body.h - the body of a request, made while it is sent.
 *
 * A body is a row of pieces: texts, and sources whose bytes go out as they are, as base64, as the
 * inside of a JSON string, or with the line ends of mail. It can be read any number of times, and is the same each time.
 *
 * Life:      body_new(), body_add_…(), body_measure() or body_read() as often as needed,
 *            body_free().
 * Ownership: texts are copied; sources are borrowed until body_free().
 * Errors:    those of the sources.
 * Memory:    the texts, and 64 KiB; a source is open only while it is read.
 * Threads:   one at a time.
 */
#ifndef LOADER_HTTP_BODY_H
#define LOADER_HTTP_BODY_H

#include "queue/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that lie somewhere: `open` begins a stream of them, `read` copies the next ones, at most
 * `room`, and writes how many: 0 at the end. */
struct body_source {
	uint64_t size_bytes;
	int (*open)(void *place, void **ret_stream, struct error *err);
	int (*read)(void *stream, void *bytes, size_t room, size_t *ret_size, struct error *err);
	void (*close)(void *stream);
	void *place;
};

/* A text in memory, borrowed. */
struct body_source body_source_of(const char *text);

enum body_encoding {
	BODY_AS_IS,
	BODY_BASE64, /* without line breaks */
	BODY_JSON,   /* UTF-8 text, with what JSON wants escaped */
	BODY_CRLF /* text whose lines end with CRLF, also where the source has a line feed alone */
};

struct body;

/* An empty body; never NULL. */
struct body *body_new(void);
void body_free(struct body *body); /* takes NULL */

/* Add a piece behind the others. These two take it as it is. */
void body_add_text(struct body *body, const char *text);
void body_add_format(struct body *body, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* As the inside of a JSON string. */
void body_add_json(struct body *body, const char *text);
/* With CRLF for each line feed that stands alone. */
void body_add_crlf(struct body *body, const char *text);
/* The source must give size_bytes bytes, the same ones each time. */
void body_add_source(struct body *body, const struct body_source *source,
		     enum body_encoding encoding);

/* Reads from the beginning again. */
void body_rewind(struct body *body);

/* Copies the next bytes, at most `room`; writes how many, 0 at the end. */
int body_read(struct body *body, void *bytes, size_t room, size_t *ret_size, struct error *err);

/* How many bytes it has. Sources that go out as JSON or with CRLF are read for that. Rewinds. */
int body_measure(struct body *body, uint64_t *ret_size, struct error *err);

#endif
