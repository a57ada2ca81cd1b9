/*
 * fields.h - what a message's header says, put into struct mime_message.
 */
#ifndef MIME_FIELDS_H
#define MIME_FIELDS_H

#include "mime/header.h"
#include "mime/mime.h"

/*
 * The charset of raw 8-bit bytes in a header: one for all of its fields, since one program wrote
 * them. `hint` (may be NULL) is the charset of the message's text, which is tried first; it is the
 * answer where there are no such bytes. Caller frees.
 */
char *fields_charset(const struct header *header, const char *hint);

/*
 * Fills subject, addresses, identifiers, date and headers. `hint` (may be NULL) is what
 * fields_charset() says.
 */
void fields_fill(struct mime_message *message, const struct header *header, const char *hint,
		 struct defects *defects);

#endif
