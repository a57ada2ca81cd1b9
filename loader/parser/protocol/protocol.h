/*
 * protocol.h - what a worker and the parser's program say to each other.
 *
 * The parser is started with a socket that keeps packet borders, the file of raw messages, and the
 * file for what they hold, under the numbers below. The worker sends one protocol_setup; the parser
 * answers with one protocol_greeting when it is ready, and ends if it is of another version. Then
 * the worker sends packets of some protocol_requests, one for each message, and the parser answers
 * each packet with one of as many protocol_replies, after writing content and the records
 * (parsed_format()) to the output file. After an error it answers the rest of the packet no more.
 *
 * Versions: both sides are of one version, or do not talk. A struct protocol_version is the
 *           beginning of both first packets, and never changes; its words change with every version
 *           of the program, and their number with everything else here.
 */
#ifndef LOADER_PARSER_PROTOCOL_PROTOCOL_H
#define LOADER_PARSER_PROTOCOL_PROTOCOL_H

#include "mime/message.h"

#include <stdbool.h>
#include <stdint.h>

/* Descriptors that the parser begins with, beside the standard ones. */
enum { PROTOCOL_SOCKET = 3, PROTOCOL_INPUT = 4, PROTOCOL_OUTPUT = 5 };

struct protocol_version {
	char magic[16];
	char words[48]; /* end with NUL */
};

extern const struct protocol_version protocol_version;

struct protocol_setup {
	struct protocol_version version;
	struct mime_options options;
	uint64_t output_max; /* the output file gets no longer; 0 = any */
};

struct protocol_greeting {
	struct protocol_version version;
	char libraries[64]; /* that read mail, with their versions */
	char failure[128];  /* "", or why it cannot begin */
};

/* A packet costs more than a small message does: with one in each, an import of 10,000
 * takes 17 % more CPU time. */
enum { PROTOCOL_PACKET_MAX = 32 };

struct protocol_request {
	uint64_t offset;
	uint64_t size;
	uint64_t output_end; /* where free space begins in the output file */
	bool restart;	     /* output_end counts; else the parser goes on behind its last record */
	bool header_only;
	bool is_text; /* no message but a text body, of which the reply is wanted */
};

struct protocol_reply {
	int error; /* errno, or 0 */
	uint64_t record_offset;
	uint64_t record_size;
};

/* CPU time a message of this size may take, in seconds. */
uint64_t protocol_cpu_limit_s(uint64_t size);

/* --- a parsed message as bytes ----------------------------------------------- */
/*
 * A parsed message crosses as bytes from the parser's process to the worker's.
 *
 * parsed_format() and parsed_parse() are inverse. The reader trusts nothing, because a parser that has
 * been taken over by a message could write anything: lengths and counts are checked, contents lie
 * in what the output file has for this message, and all promises of mime/message.h are kept.
 */

/* Bytes [begin, end) of the parser's output file. */
struct parsed_range {
	uint64_t begin;
	uint64_t end;
};

enum {
	PARSED_MAX_SIZE = 64 * 1024 * 1024,
	PARSED_MAX_ATTACHMENTS = 100000,
	PARSED_MAX_CALENDARS = 1000,
	PARSED_MAX_BOUNCES = 1000
};

/* The caller frees the bytes with free(). */
void parsed_format(const struct mime_message *message, unsigned char **ret_bytes, size_t *ret_size);

/*
 * Returns -1 when the bytes are not what parsed_format() writes, when a promise of message.h is not
 * kept, or when content lies outside `range`. What bodies say is not looked at: parsed_is_text(). The
 * message is freed with mime_message_free().
 */
int parsed_parse(const unsigned char *bytes, size_t size, const struct parsed_range *range,
		 struct mime_message **ret_message);

/* Is this UTF-8 of whole characters, without control characters other than newline and tab? */
bool parsed_is_text(const char *text, size_t size);

#endif
