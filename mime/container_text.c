/* Takes uuencoded files out of a text: each is a part, and so is the text around it. A text that is
 * encoded itself is decoded first. */
#include "mime/container_internal.h"

#include "mime/transfer.h"

#include <string.h>

/* --- files between the lines ------------------------------------------------- */

/* A text that was sent as a file stays one file. */
static bool may_hold_files(const struct part *part)
{
	return part_is(part, "text/plain") && part->transfer == TRANSFER_IDENTITY &&
	       !part_is_named(part) &&
	       strcmp(parameters_value(part->disposition), "attachment") != 0;
}

/* Of the same charset and format as the text it was cut from. */
static struct part *text_new(const struct part *whole, uint64_t begin, uint64_t end)
{
	static const char *const kept[] = {"charset", "format", "delsp"};
	struct part *text = part_new(whole->input, "text/plain", begin, end);
	g_autoptr(GString) field = g_string_new(NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(kept); i++) {
		const char *value = parameters_bytes(whole->content, kept[i]);
		if (value && !strpbrk(value, "\"\\"))
			g_string_append_printf(field, "; %s=\"%s\"", kept[i], value);
	}
	parameters_free(text->content);
	text->content = parameters_parse(field->str, field->len);
	return text;
}

/* Uuencode says nothing of the type of a file. */
static struct part *file_new(const struct part *whole, const struct uuencoded *file)
{
	struct part *part =
	    part_new(whole->input, "application/octet-stream", file->data, file->data_end);

	part->transfer = file->is_base64 ? TRANSFER_BASE64 : TRANSFER_UUENCODE;
	if (file->name) {
		g_autofree char *field = g_strconcat("; name=", g_strstrip(file->name), NULL);
		parameters_free(part->content);
		part->content = parameters_parse(field, strlen(field));
	}
	return part;
}

void container_take_out_files(struct part *part, struct defects *defects)
{
	uint64_t begin = part->begin;
	struct uuencoded file;

	if (!may_hold_files(part))
		return;
	/* A text and a file each time. */
	while (part->children->len < 2 * CONTAINERS_FILES_MAX &&
	       uuencode_find(part->input, begin, part->end, &file)) {
		g_ptr_array_add(part->children, text_new(part, begin, file.begin));
		g_ptr_array_add(part->children, file_new(part, &file));
		if (file.damaged)
			defects_add(defects, "uuencoded file in the text damaged");
		g_free(file.name);
		begin = file.end;
	}
	if (part->children->len == 0)
		return;
	g_ptr_array_add(part->children, text_new(part, begin, part->end));
	part->is_multipart = true;
	g_free(part->type);
	part->type = g_strdup("multipart/mixed");
}

/* Looks for a line that begins with "beg", as it comes. */
struct search {
	struct sink sink;
	unsigned matched; /* letters of the line so far; MATCH_NONE: it begins otherwise */
	bool found;
};

static const char wanted[] = "beg";

enum { MATCH_NONE = sizeof(wanted) };

/* The line may lie in several pieces. */
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

/* The parts are cut from the decoded text, which has the parameters of the part: its charset. */
void container_open_text(struct containers *containers, struct part *part)
{
	struct input *input = container_decode(containers, part);
	struct part *text = input ? part_new(input, "text/plain", 0, input->size) : NULL;

	if (!text)
		return;
	struct parameters *swapped = text->content;
	text->content = part->content;
	part->content = swapped;
	container_take_out_files(text, containers->defects);
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
