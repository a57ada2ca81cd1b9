#include "loader/imap/session/library.h"

#include <curl/curl.h>
#include <glib.h>
#include <libetpan/libetpan_version.h>
#include <stdbool.h>

const char *imapc_library_at(unsigned index)
{
	static char etpan[32];
	switch (index) {
	case 0:
		g_snprintf(etpan, sizeof etpan, "libetpan %d.%d", libetpan_get_version_major(),
			   libetpan_get_version_minor());
		return etpan;
	case 1:
		return curl_version();
	default:
		return NULL;
	}
}

/* The newest version in which all of this was seen. */
enum { ETPAN_MAJOR_TRIED = 1, ETPAN_MINOR_TRIED = 9 };

static bool is_tried(void)
{
	int major = libetpan_get_version_major();

	return major < ETPAN_MAJOR_TRIED ||
	       (major == ETPAN_MAJOR_TRIED && libetpan_get_version_minor() <= ETPAN_MINOR_TRIED);
}

void imapc_workarounds(void (*tell)(const char *words, void *context), void *context)
{
	static const char *const words[] = {
	    "its TLS verifies nothing: curl makes the connection",
	    "its parser can be crashed: workers are processes, and start again",
	    "unknown answers end a session: a catch-all passes over them",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
		g_autofree char *row = g_strdup_printf(
		    "libetpan%s: %s", is_tried() ? "" : " up to 1.9, this one has not been tried",
		    words[i]);
		tell(row, context);
	}
}
