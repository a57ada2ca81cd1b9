/* The table of quirks, and the reasons for which one has a place at a server. */
#include "loader/imap/names/quirks.h"

#include <glib.h>
#include <string.h>

static const struct {
	const char *name; /* as disable= takes it */
	const char *capability;
	const char *hosts[3];
	const char *words;
} quirks[QUIRK_COUNT] = {
    [QUIRK_ID] = {"ID",
		  "ID",
		  {NULL},
		  "name and version of this program are told to the server after the sign-in"},
    [QUIRK_GMAIL] = {"GMAIL",
		     "X-GM-EXT-1",
		     {"imap.gmail.com", "imap.googlemail.com", NULL},
		     "All Mail is no source, and messages leave a folder by MOVE alone"},
};

static bool offers(const char *capabilities, const char *name)
{
	g_auto(GStrv) words = g_strsplit(capabilities, " ", -1);

	return g_strv_contains((const char *const *)words, name);
}

/* Why the quirk has a place at this server; NULL where it has none. Caller frees. */
static char *find_reason(enum quirk quirk, const struct connection_string *server,
			 const char *capabilities)
{
	if (capabilities && offers(capabilities, quirks[quirk].capability))
		return g_strdup_printf("the server offers %s", quirks[quirk].capability);
	for (const char *const *host = quirks[quirk].hosts; *host; host++) {
		if (!g_ascii_strcasecmp(server->url, *host))
			return g_strdup_printf("the server is %s", *host);
	}
	return NULL;
}

/* disable= of the connection string: an operator whose server is not as its name says. */
static bool is_disabled(enum quirk quirk, const struct connection_string *server)
{
	return server->disable &&
	       g_strv_contains((const char *const *)server->disable, quirks[quirk].name);
}

bool quirk_is_in_force(enum quirk quirk, const struct connection_string *server,
		       const char *capabilities)
{
	g_autofree char *reason = find_reason(quirk, server, capabilities);

	return reason && !is_disabled(quirk, server);
}

char *quirk_describe(enum quirk quirk, const struct connection_string *server,
		     const char *capabilities)
{
	g_autofree char *reason = find_reason(quirk, server, capabilities);

	if (is_disabled(quirk, server))
		return g_strdup_printf("%s: not in force, disable= names it", quirks[quirk].name);
	return reason
		   ? g_strdup_printf("%s: %s (%s)", quirks[quirk].name, quirks[quirk].words, reason)
		   : NULL;
}
