/*
 * auto_class.h - who wrote a message: a person, a program, a list, or a mail server that could not deliver
 * another one.
 *
 * Rules:  the first that fits: bounce, calendar, auto-replied, auto-generated, list, human.
 *         "Auto-Submitted: no" says that no program wrote it. X-Auto-Response-Suppress, Precedence and
 *         an address such as no-reply decide nothing alone. The class never changes what becomes of a
 *         message.
 * Source: RFC 3834 (Auto-Submitted), 2919 and 2369 (List-Id, List-Post), 5546 (METHOD of
 *         calendars), 8098 (read receipts), 5965 (complaints), 3461 to 3464 (bounces).
 */
#ifndef MIME_AUTO_CLASS_H
#define MIME_AUTO_CLASS_H

#include "mime/header.h"
#include "mime/output.h"

#include <glib.h>

/* Fills auto_class, auto_reason and bounces. Everything else of the message has been read. Errors are the output's. */
void auto_class_fill(struct mime_message *message, const struct header *header,
		     struct mime_output *output);

/* The value of the first field of that name as one line; NULL where there is none. Caller frees. */
char *auto_class_field(const struct header *header, const char *name);

/* --- bounces ------------------------------------------------------------------ */
/*
 * What a mail server says of a message that it could not deliver, or not yet.
 *
 * Rules: parts of type message/delivery-status count first (RFC 3464), wherever they stand outside
 *        of a forwarded message; then a text, where a field says that a mail server may have
 *        written it (an empty Return-Path, a sender MAILER-DAEMON, X-Failed-Recipients, …) and
 *        the text has words that mail servers use.
 * Kinds: "soft" where the status is 4.x.x or x.2.2 (the mailbox is full), and where the server still
 *        tries; else "hard".
 * Caps:  BOUNCES_MAX rows of a message, BOUNCE_BYTES_MAX of each text that is read.
 */

enum { BOUNCES_MAX = 100, BOUNCE_BYTES_MAX = 128 * 1024, BOUNCE_LINE_MAX = 1000 };

/* Fills the rows and returns what decided, for auto_reason; NULL: the message is no bounce. */
char *bounces_read(struct mime_message *message, const struct header *header,
		   struct mime_output *output);

/* --- the two halves of that ---------------------------------------------------- */

/* Adds a row for each recipient that a delivery-status part names; "delivered" and the like add
 * none. Returns whether it names any. `text` is UTF-8 with "\n" line ends. */
bool bounce_status_read(const char *text, GArray *rows);

/* The words of `text` that only a mail server uses of a failure; NULL where there are none. `is_certain`:
 * fields say so already, and a status code is enough. Caller frees. */
char *bounce_text_phrase(const char *text, bool is_certain);

/* Adds a row for each recipient that the text complains of. `failed` (may be NULL) names them;
 * addresses in `own` (lower case) are not taken from the text. */
void bounce_text_read(const char *text, const char *failed, const char *own, GArray *rows);

/* Has it an "@" with something on both sides, and is it no command? */
bool bounce_is_address(const char *text);

/* The value of the field in the header block that the text has, as of a returned message. Caller frees;
 * NULL where there is none. */
char *bounce_text_field(const char *text, const char *name);

/* "5.1.1" in a text, or an SMTP reply's class as "5.0.0"; NULL where there is neither. Caller frees. */
char *bounce_status_find(const char *text);

/* Ends a row: its kind, and texts that fit into a line. */
void bounce_row_add(GArray *rows, struct mime_bounce *row, bool is_delay);

#endif
