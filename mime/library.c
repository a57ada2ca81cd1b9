#include "mime/library.h"

#include "mime/binding.h"

#include <stddef.h>

const char *mime_library(void)
{
	return binding_open() == 0 ? "libxml2 " LIBXML_DOTTED_VERSION : NULL;
}

const char *mime_library_fault(void)
{
	return binding_open() < 0 ? binding_fault() : NULL;
}
