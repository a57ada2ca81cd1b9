/* Any bytes are HTML, in any pieces: what comes out is text without markup's control characters,
 * and at most two newlines in a row. */
#include "mime/html.h"
#include "mime/mime.h"

#include <glib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct collector {
	struct sink sink;
	GString *text;
};

static void collect(struct sink *sink, const void *bytes, size_t length)
{
	g_string_append_len(((struct collector *)sink)->text, bytes, (gssize)length);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	if (mime_open() != 0)
		abort();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* The parser is always given UTF-8. */
	g_autofree char *valid = g_utf8_make_valid((const char *)data, (gssize)size);
	g_autoptr(GString) text = g_string_new(NULL);
	struct collector collector = {.sink = {.write = collect}, .text = text};
	struct html_text html;
	struct html_filter filter;
	size_t length = strlen(valid);
	size_t piece = size > 0 ? (size_t)data[0] + 1 : 1;

	html_text_init(&html, &collector.sink);
	html_filter_init(&filter, &html.sink);
	for (size_t done = 0; done < length; done += piece)
		sink_write(&filter.sink, valid + done, MIN(piece, length - done));
	html_filter_finish(&filter);
	html_text_finish(&html);
	if (!g_utf8_validate(text->str, (gssize)text->len, NULL) || strstr(text->str, "\n\n\n"))
		abort();
	return 0;
}
