/* Whatever the connection string parser takes must survive printing and parsing again. */
#include "loader/imap/names/connection_string.h"

#include <glib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

static void compare(const struct connection_string *one, const struct connection_string *other)
{
	require(one->pair_count == other->pair_count);
	for (size_t i = 0; i < one->pair_count; i++) {
		require(!strcmp(one->pairs[i].key, other->pairs[i].key));
		require(!strcmp(one->pairs[i].value, other->pairs[i].value));
	}
	require(!strcmp(one->url, other->url));
	require(one->port == other->port && one->ssl == other->ssl);
	require(one->timeout_s == other->timeout_s && one->max_size_bytes == other->max_size_bytes);
	require(!strcmp(one->mailbox, other->mailbox) && !strcmp(one->dropbox, other->dropbox));
	require(!strcmp(one->badmail, other->badmail) && !strcmp(one->search, other->search));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size);
	struct connection_string *first = NULL;
	struct connection_string *second = NULL;
	struct error err = {0};

	if (connection_string_parse(text, &first, &err) != 0) {
		require(err.kind == ERROR_CONFIGURATION && *err.text);
		return 0;
	}

	g_autofree char *formatted = connection_string_format(first);
	g_autofree char *again = NULL;

	require(connection_string_parse(formatted, &second, &err) == 0);
	compare(first, second);
	again = connection_string_format(second);
	require(!strcmp(formatted, again));
	connection_string_free(first);
	connection_string_free(second);
	return 0;
}
