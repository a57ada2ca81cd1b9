/* The versions of the program and of what it is linked with: a report of a fault needs them. */
#include "loader/define/check_internal.h"

#include "loader/imap/session/session.h"
#include "loader/parse/parser.h"
#include "loader/parse/spool.h"
#include "queue/base/scoped.h"
#include "queue/store.h"

#include <inttypes.h>

/* Starts a parser, which shows that its program is there, and of this version. */
int versions_ask_parser(char **ret_libraries, struct error *err)
{
	const struct mime_options options = mime_options_default();
	scoped(descriptor_close) int nothing = -1;
	if (spool_open_in_memory(&nothing, err) != 0)
		return -1;
	scoped(parser_stop) struct parser *parser = parser_new(&options, nothing, nothing);
	return parser_libraries(parser, ret_libraries, err);
}

/* "SQLite 3.40.1"; row 0.. until NULL. */
const char *versions_library_at(unsigned index)
{
	return index == 0 ? store_engine_version() : imapc_library_at(index - 1);
}

/* A parser that does not start is said here as well: --version is what people are asked for first. */
char *doctor_version(void)
{
	g_autoptr(GString) words = g_string_new("inqueue " INQUEUE_VERSION);
	const char *name;
	g_string_append_printf(words, "\nschema %" PRId64, store_schema_newest());
	for (unsigned i = 0; (name = versions_library_at(i)) != NULL; i++)
		g_string_append_printf(words, "%s%s", i == 0 ? "\nlibraries: " : ", ", name);
	g_autofree char *libraries = NULL;
	struct error err;
	const bool told = versions_ask_parser(&libraries, &err) == 0;
	g_string_append_printf(words, "\nparser: %s", told ? libraries : err.text);
	return g_string_free(g_steal_pointer(&words), FALSE);
}
