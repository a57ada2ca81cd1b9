/*
 * make_entry.h - the entry that a message becomes, wherever it comes from.
 *
 * A load and an import both bring a raw message into a spool and hand it to a parser
 * (loader/parse/). From there on a message is treated the same: this room asks the parser what it
 * says, decides whether it is a bad entry, and hands columns and contents to the caller, who stores
 * them.
 *
 * Ownership: what is handed over is borrowed for the call.
 * Errors:    those of the callback; IO and SOFTWARE of the parser.
 * Threads:   as in parser.h.
 */
#ifndef LOADER_MAKE_MAKE_ENTRY_H
#define LOADER_MAKE_MAKE_ENTRY_H

#include "loader/imap/names/connection_string.h"
#include "loader/parse/parser.h"
#include "queue/base/error.h"
#include "queue/entry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A message that lies in a spool, and that the parser is through with. */
struct make_message {
	struct parser *parser;
	size_t parser_index;
	int output;	     /* of the parser */
	int spool;	     /* holds the raw message */
	uint64_t offset;     /* where it begins in the spool */
	uint64_t size_bytes; /* in the spool; the digest is made of these */
	uint64_t raw_size;   /* of the message, as the entry says it */
	bool is_whole;	     /* all of it is in the spool */
	bool has_no_digest;  /* of the whole message: it was never seen whole */
	unsigned char raw_sha256[32];
	int64_t received_s;	/* 0: not known */
	bool received_is_guess; /* a Received field says better when it was sent */
	const char
	    *no_received; /* why it is not known, for the defects: "the server gives no date …" */
	const char *failure; /* makes the entry bad whatever the parser says; NULL: nothing does */
	bool is_refused;     /* nothing that the parser says can be stored; `failure` says why */
	bool keep_raw;	     /* also of an entry that is not bad */
};

/* Stores an entry; what it is given is borrowed for the call. */
typedef int (*make_put)(const struct entry *entry, const struct entry_contents *contents,
			void *context, struct error *err);

/*
 * Makes the entry of a message for a queue, and hands it to `put`. *ret_bad: it could not be loaded,
 * and the entry says why.
 */
int make_entry(int64_t queue_id, const struct make_message *message, make_put put, void *context,
	       bool *ret_bad, struct error *err);

/* The same of what the parser has said (parser_read()), whatever message->parser is. */
int make_entry_of(int64_t queue_id, const struct make_message *message,
		  const struct mime_message *parsed, const char *parser_failure, make_put put,
		  void *context, bool *ret_bad, struct error *err);

/*
 * Makes the entry of the message in a file, as of the time `received_s`. Errors: NO (there is no such file), DATA (it is no
 * regular file), IO; those of `put`.
 */
int make_file(int64_t queue_id, const char *path, int64_t received_s, make_put put, void *context,
	      bool *ret_bad, struct error *err);

/* The SHA-256 of bytes in a file, without a copy of them in memory. IO. */
int make_digest(int descriptor, uint64_t offset, uint64_t size_bytes, unsigned char ret_sha256[32],
		struct error *err);

/* Why a message is too large to be loaded. Caller frees. */
char *make_too_large(uint64_t size_bytes, uint64_t max_size_bytes);

/* What a definition asks of the parser. */
struct mime_options make_options(const struct connection_string *definition);

/* How long the parser's output may get for raw messages of so many bytes; 0: any length. */
uint64_t make_output_max(uint64_t raw_bytes);

#endif
