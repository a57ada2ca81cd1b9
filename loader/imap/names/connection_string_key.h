/*
 * connection_string_key.h - the keys of a connection string: what each takes, and how it is set.
 *
 * Internal to the connection string. A row of the table is the only place that knows a key.
 */
#ifndef LOADER_IMAP_NAMES_CONNECTION_STRING_KEY_H
#define LOADER_IMAP_NAMES_CONNECTION_STRING_KEY_H

#include "loader/imap/names/connection_string.h"

struct connection_string_key {
	struct connection_string_key_help help;
	/* Checks `value` and writes it to *string. Errors name what the key takes, not the key. */
	int (*set)(struct connection_string *string, const char *value, struct error *err);
	bool default_in_words; /* help.default_value is no value that `set` takes */
};

/* In any case; NULL when there is no such key. */
const struct connection_string_key *connection_string_key_find(const char *name);

/* Sets every key to its default; url and port have none until connection_string_key_complete(). */
int connection_string_key_preset(struct connection_string *string, struct error *err);

/* What only shows when all keys are known: url is there, the port, the three folders differ. */
int connection_string_key_complete(struct connection_string *string, struct error *err);

#endif
