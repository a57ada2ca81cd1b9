#include "mime/json_text.h"

#include <string.h>

void json_text_append(GString *json, const char *text)
{
	g_string_append_c(json, '"');
	for (;;) {
		size_t plain = strcspn(text, "\"\\\n\t\r");
		g_string_append_len(json, text, (gssize)plain);
		text += plain;
		if (!*text)
			break;
		g_string_append_c(json, '\\');
		g_string_append_c(json, *text == '\n'	? 'n'
					: *text == '\t' ? 't'
					: *text == '\r' ? 'r'
							: *text);
		text++;
	}
	g_string_append_c(json, '"');
}
