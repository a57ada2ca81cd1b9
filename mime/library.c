#include "mime/library.h"

#include <gmime/gmime.h>
#include <libxml/parser.h>

const char *mime_library_at(unsigned index)
{
	static char text[32];
	switch (index) {
	case 0:
		g_snprintf(text, sizeof text, "GMime %u.%u.%u", gmime_major_version,
			   gmime_minor_version, gmime_micro_version);
		return text;
	case 1:
		return "libxml2 " LIBXML_DOTTED_VERSION;
	default:
		return NULL;
	}
}
