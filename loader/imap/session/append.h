/*
 * append.h - puts a message into a folder (RFC 3501 6.3.11).
 *
 * The message goes from its file to the server piece by piece, with CRLF for bare line feeds; what
 * the file will be on the wire is measured first, because the size goes ahead of the bytes.
 *
 * Waiting: the server may take `timeout_s` for its "+", as long for each pause while the bytes go
 *          out, and after the last byte a second more for each MiB.
 * Errors:  those of session.h. Texts name neither the file nor the folder.
 * Threads: as in session.h.
 * Source:  RFC 3501, RFC 4315 (APPENDUID), RFC 7888 (LITERAL+, LITERAL-), RFC 7889 (APPENDLIMIT).
 */
#ifndef LOADER_IMAP_SESSION_APPEND_H
#define LOADER_IMAP_SESSION_APPEND_H

#include "loader/imap/session/session.h"

/* The size of a literal is a number of 32 bits (RFC 3501). */
#define APPEND_BYTES_MAX ((uint64_t)UINT32_MAX)

/* A message in a file. */
struct imapc_append {
	int descriptor;	     /* read from its beginning; its own position does not count */
	uint64_t file_bytes; /* there */
	uint64_t size_bytes; /* on the wire, as append_measure() says */
	const char *flags;   /* "\\Seen \\Flagged"; NULL: none */
	int64_t date_s;	     /* the internal date */
};

/* What became of it. */
struct imapc_appended {
	uint32_t uid_validity; /* of the folder; 0 when the server did not say (no APPENDUID) */
	uint32_t uid;	       /* likewise */
	/* After a failure: all bytes may have reached the server, whose answer did not come. */
	bool may_have_arrived;
};

/*
 * Reads the whole file and says how many bytes it is on the wire. `head` gets its first bytes as
 * they go out, and may be NULL. Errors: IO; DATA (empty; a NUL byte, which no literal may hold).
 */
int append_measure(int descriptor, uint64_t *ret_file_bytes, uint64_t *ret_size_bytes,
		   int (*head)(const char *bytes, size_t size, void *context, struct error *err),
		   void *context, struct error *err);

/* The largest message that the server takes into the folder; APPEND_BYTES_MAX where it does not say.
 * Errors: those that end a session. */
int append_find_limit(struct imapc_session *session, const char *wire, uint64_t *ret_max_bytes,
		      struct error *err);

/*
 * APPEND. *ret_appended is filled also when it fails. A file that is changed meanwhile is not
 * appended, and ends the session (DATA).
 */
int append_message(struct imapc_session *session, const char *wire,
		   const struct imapc_append *append, struct imapc_appended *ret_appended,
		   struct error *err);

/* Are these the names of flags that a message can be given? "\\Seen $Forwarded". */
bool append_flags_are_valid(const char *flags);

#endif
