#include "loader/imap/library.h"

#include <curl/curl.h>
#include <glib.h>
#include <libetpan/libetpan_version.h>

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
