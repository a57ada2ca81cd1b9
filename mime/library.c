#include "mime/library.h"

#include <gmime/gmime.h>
#include <libxml/xmlversion.h>

char *mime_library(void)
{
	return g_strdup_printf("libxml2 %s, GMime %u.%u.%u", LIBXML_DOTTED_VERSION,
			       gmime_major_version, gmime_minor_version, gmime_micro_version);
}
