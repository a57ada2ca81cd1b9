#include "mime/library.h"

#include "mime/binding.h"

#include <stdbool.h>
#include <string.h>

const char *mime_library_at(unsigned index)
{
	static char text[32];
	if (binding_open() < 0)
		return NULL;
	switch (index) {
	case 0:
		g_snprintf(text, sizeof text, "GMime %u.%u.%u", *bound.gmime_major_version,
			   *bound.gmime_minor_version, *bound.gmime_micro_version);
		return text;
	case 1:
		return "libxml2 " LIBXML_DOTTED_VERSION;
	default:
		return NULL;
	}
}

const char *mime_library_fault(void)
{
	return binding_open() < 0 ? binding_fault() : NULL;
}

/* The newest version that crashes on address groups in each other. */
enum { GMIME_MAJOR_TRIED = 3, GMIME_MINOR_TRIED = 2 };

static bool cuts_encoded_words(void)
{
	bound.g_mime_init();
	g_autofree char *text =
	    bound.g_mime_utils_header_decode_text(NULL, "=?utf-8?b?w6k=?= =?utf-8?b?w6k=?=");
	return strcmp(text, "\u00e9\u00e9") != 0;
}

static bool cuts_base64(void)
{
	GMimeEncoding decoder;
	char bytes[16];
	bound.g_mime_encoding_init_decode(&decoder, GMIME_CONTENT_ENCODING_BASE64);
	size_t count = bound.g_mime_encoding_step(&decoder, "QQ==QQ==", 8, bytes);
	count += bound.g_mime_encoding_flush(&decoder, "", 0, bytes + count);
	return count < 2;
}

static bool is_tried(void)
{
	return *bound.gmime_major_version < GMIME_MAJOR_TRIED ||
	       (*bound.gmime_major_version == GMIME_MAJOR_TRIED &&
		*bound.gmime_minor_version <= GMIME_MINOR_TRIED);
}

void mime_workarounds(void (*tell)(const char *words, void *context), void *context)
{
	if (binding_open() < 0)
		return;
	if (cuts_encoded_words())
		tell("GMime cuts encoded words: decoded here", context);
	if (cuts_base64())
		tell("GMime cuts base64: decoded here", context);
	tell(is_tried() ? "GMime crashes on nested address groups: parsed here, in a sandbox"
			: "GMime up to 3.2 crashes on nested address groups, this one has not been "
			  "tried: parsed here, in a sandbox",
	     context);
}
