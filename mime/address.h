/*
 * address.h - lists of mailboxes as mail writes them (RFC 5322, section 3.4, with its obsolete
 * forms).
 *
 * Rules:     groups are flattened; comments go, except an old-style name behind a bare address; ","
 * and ";" separate; encoded words are decoded in names, quoted or not; junk is kept as text.
 * Output:    "Name <addr>", or the bare address; a name that holds one of , ; < > @ " or a
 * backslash stands in quotes.
 */
#ifndef MIME_ADDRESS_H
#define MIME_ADDRESS_H

#include "mime/defects.h"

#include <stddef.h>

/* The mailboxes of a field's raw value joined with "; "; NULL when there is none. Caller frees. */
char *address_list_format(const char *raw, size_t length, const char *hint, const char *what,
			  struct defects *defects);

/* Only the first of them. */
char *address_first_format(const char *raw, size_t length, const char *hint, const char *what,
			   struct defects *defects);

#endif
