/*
 * mailbox_name.h - folder names between the operator's form and the server's.
 *
 * Operator: Unicode (UTF-8), '/' between levels.
 * Server:   modified UTF-7 (RFC 3501 5.1.3), its own delimiter. Pure functions. Results are the
 *           caller's to free().
 */
#ifndef LOADER_IMAP_NAMES_MAILBOX_NAME_H
#define LOADER_IMAP_NAMES_MAILBOX_NAME_H

#include "queue/base/error.h"

#include <stdbool.h>

/*
 * To the server's form. delimiter '\0' = the server has no hierarchy: '/' stays. "INBOX" in any
 * case becomes "INBOX", also as the first level. Errors (CONFIGURATION): empty name or level,
 * invalid UTF-8, CR, LF or other control characters, a level that holds the server's delimiter
 * (when that is not '/'), longer than 1,000 bytes.
 */
int mailbox_name_encode(const char *name, char delimiter, char **ret_wire, struct error *err);

/* To the operator's form; what is not valid modified UTF-7 is kept as it is, with invalid bytes as
 * U+FFFD. Never fails. */
char *mailbox_name_decode(const char *wire, char delimiter);

/*
 * Do two names in the server's form stand for one folder: INBOX in any case, also as the first
 * level; modified UTF-7 by what it says, however it is written; a delimiter at the end says
 * nothing. This is the one place that knows when two folders are the same.
 */
bool mailbox_name_is_same(const char *wire, const char *other, char delimiter);

/*
 * May two names in the operator's form be one folder on a server whose namespaces are not known
 * yet: the same name, or one that is the other below further levels ("INBOX/Work" and "Work").
 */
bool mailbox_name_may_be_same(const char *name, const char *other);

/*
 * Is it no folder's name but the attribute of one: "\Archive" and the others of RFC 6154 and RFC
 * 8457, in any case? Which folder has it only the server knows, so that such a name may be the same
 * as any other. Returns the attribute as these write it, with its backslash, or NULL.
 */
const char *mailbox_name_attribute(const char *name);

#endif
