/*
 * address.h - lists of mailboxes as mail writes them (RFC 5322, section 3.4, with its obsolete
 * forms).
 *
 * Rules:  groups are flattened; comments go, except an old-style name behind a bare address; ","
 *         and ";" separate, but a word without an address before a comma belongs to the mailbox
 *         behind it (Lee, Ann <ann@example.com>); encoded words are decoded in names, quoted or
 *         not; junk is kept as text.
 *
 * Output: "Name <addr>", or the bare address; a name that holds one of , ; < > @ " or a backslash
 *         stands in quotes.
 */
#ifndef MIME_ADDRESS_H
#define MIME_ADDRESS_H

#include "mime/defects.h"

#include <stddef.h>

/* What a mailbox is known by: the better, the higher. */
enum address_kind {
	ADDRESS_ABSENT, /* there is no mailbox */
	ADDRESS_NAME,	/* a name, or junk */
	ADDRESS_LOCAL,	/* an address without a domain: MAILER-DAEMON */
	ADDRESS_FULL,
};

/* The mailboxes of a field's raw value joined with "; "; NULL when there is none. Caller frees. */
char *address_list_format(const char *raw, size_t length, const char *hint, const char *what,
			  struct defects *defects);

/* Only one of them: the first of the best kind. */
char *address_first_format(const char *raw, size_t length, const char *hint, const char *what,
			   struct defects *defects, enum address_kind *ret_kind);

#endif
