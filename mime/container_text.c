/* A text that is encoded, in which files are encoded once more: decoded, it is taken apart like any
 * other text. */
#include "mime/container_internal.h"

#include "mime/text_files.h"

#include <string.h>

/* Looks for a line that begins with "beg", as it comes. */
struct search {
	struct sink sink;
	unsigned matched; /* letters of the line so far; MATCH_NONE: it begins otherwise */
	bool found;
};

static const char wanted[] = "beg";

enum { MATCH_NONE = sizeof(wanted) };

static void search_write(struct sink *sink, const void *bytes, size_t length)
{
	struct search *search = (struct search *)sink;
	const char *at = bytes;
	const char *end = at + length;

	while (at < end && !search->found) {
		if (search->matched == MATCH_NONE) {
			at = memchr(at, '\n', (size_t)(end - at));
			if (!at)
				return;
			search->matched = 0;
		} else if (g_ascii_tolower(*at) == wanted[search->matched]) {
			search->matched++;
			search->found = search->matched == strlen(wanted);
		} else {
			search->matched = *at == '\n' ? 0 : MATCH_NONE;
		}
		at++;
	}
}

bool container_may_hold_files(struct part *part)
{
	struct search search = {.sink = {search_write}};

	if (!part_is(part, "text/plain") || part->transfer == TRANSFER_IDENTITY ||
	    part->transfer == TRANSFER_UUENCODE)
		return false;
	/* Nobody encodes plain letters in quoted-printable: what is sought stands there as it is. */
	if (part->transfer == TRANSFER_QUOTED_PRINTABLE)
		input_copy(part->input, part->begin, part->end, &search.sink);
	else
		transfer_decode(part->input, part->begin, part->end, part->transfer, &search.sink);
	return search.found;
}

void container_open_text(struct containers *containers, struct part *part)
{
	struct input *input = container_decode(containers, part);
	struct part *text = input ? part_new(input, "text/plain", 0, input->size) : NULL;

	if (!text)
		return;
	struct parameters *swapped = text->content;
	text->content = part->content;
	part->content = swapped;
	text_files_take_out(text, containers->defects);
	if (text->is_multipart) {
		part->is_multipart = true;
		g_free(part->type);
		part->type = g_strdup(text->type);
		g_ptr_array_add(part->children, text);
		return;
	}
	swapped = part->content;
	part->content = text->content;
	text->content = swapped;
	part_free(text);
}
