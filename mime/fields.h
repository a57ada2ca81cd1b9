/*
 * fields.h - what a message's header says, put into struct mime_message.
 */
#ifndef MIME_FIELDS_H
#define MIME_FIELDS_H

#include "mime/header.h"
#include "mime/mime.h"

/*
 * Fills subject, addresses, identifiers, date and headers. `hint` (may be NULL) is the charset of
 * the message's text: raw 8-bit bytes in fields are probably in it too.
 */
void fields_fill(struct mime_message *message, const struct header *header, const char *hint,
		 struct defects *defects);

#endif
