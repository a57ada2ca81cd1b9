/*
 * parsed.h - a parsed message as bytes, to cross from the parser's process to the worker's.
 *
 * The two functions are inverse. The reader trusts nothing: lengths, counts and content ranges are
 * checked, because a parser that has been taken over by a message could write anything.
 */
#ifndef LOADER_PARSER_PROTOCOL_PARSED_H
#define LOADER_PARSER_PROTOCOL_PARSED_H

#include "mime/message.h"

enum {
	PARSED_MAX_SIZE = 64 * 1024 * 1024,
	PARSED_MAX_ATTACHMENTS = 100000,
	PARSED_MAX_CALENDARS = 1000
};

/* The caller frees the bytes with free(). */
void parsed_format(const struct mime_message *message, unsigned char **ret_bytes, size_t *ret_size);

/*
 * Returns -1 when the bytes are not what parsed_format() writes, or when content lies outside
 * [0, content_size) of the parser's output file. The message is freed with mime_message_free().
 */
int parsed_parse(const unsigned char *bytes, size_t size, uint64_t content_size,
		 struct mime_message **ret_message);

#endif
