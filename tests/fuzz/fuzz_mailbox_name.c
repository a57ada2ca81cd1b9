/* Folder names: what a server says is always shown, and what can be sent comes back as it was. */
#include "loader/imap/names/mailbox_name.h"

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

static void check_wire(const char *wire)
{
	for (const char *at = wire; *at != '\0'; at++)
		require(*at >= ' ' && *at <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char delimiters[] = {'/', '.', '\\', '\0'};
	char delimiter = delimiters[size % sizeof delimiters];
	g_autofree char *name = g_strndup((const char *)data, size);
	char *wire = NULL;
	struct error err;

	char *shown = mailbox_name_decode(name, delimiter);
	require(g_utf8_validate(shown, -1, NULL));
	free(shown);
	if (mailbox_name_encode(name, delimiter, &wire, &err) != 0) {
		require(err.kind == ERROR_CONFIGURATION && *err.text != '\0');
		return 0;
	}
	check_wire(wire);
	char *back = mailbox_name_decode(wire, delimiter);
	if (g_ascii_strncasecmp(name, "inbox", 5) != 0)
		require(strcmp(back, name) == 0);
	free(back);
	free(wire);
	return 0;
}
