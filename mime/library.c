#include "mime/library.h"

#include "mime/binding.h"

#include <gmime/gmime.h>

const char *mime_library(void)
{
	static char words[80];

	if (binding_open() < 0)
		return NULL;
	g_snprintf(words, sizeof(words), "libxml2 %s, GMime %u.%u.%u", LIBXML_DOTTED_VERSION,
		   gmime_major_version, gmime_minor_version, gmime_micro_version);
	return words;
}

const char *mime_library_fault(void)
{
	return binding_open() < 0 ? binding_fault() : NULL;
}
