/* Looks into the beginning of a text or HTML part. */
#include "mime/part_text.h"

#include "mime/html.h"

#include <string.h>

static GString *beginning_of(const struct part *part)
{
	struct string_sink target = string_sink_to(g_string_new(NULL));
	uint64_t end = MIN(part->end, part->begin + PART_TEXT_BYTES);

	transfer_decode(part->input, part->begin, end, part->transfer, &target.sink);
	return target.string;
}

static GString *text_of_html(const GString *html)
{
	struct string_sink target = string_sink_to(g_string_new(NULL));
	g_autofree char *valid = g_utf8_make_valid(html->str, (gssize)html->len);
	struct html_filter filter;
	struct html_text text;

	html_text_init(&text, &target.sink);
	html_filter_init(&filter, &text.sink);
	sink_write(&filter.sink, valid, strlen(valid));
	html_filter_finish(&filter);
	html_text_finish(&text);
	return target.string;
}

/* In any charset: what is above a blank, but for byte order marks and the no-break space. */
static bool are_blank(const GString *bytes)
{
	for (gsize i = 0; i < bytes->len; i++) {
		unsigned char c = (unsigned char)bytes->str[i];
		if (c > ' ' && c != 0xa0 && c != 0xc2 && c != 0xef && c != 0xbb && c != 0xbf &&
		    c != 0xfe && c != 0xff)
			return false;
	}
	return true;
}

static bool is_html(const struct part *part)
{
	return strstr(part->type, "html") != NULL;
}

bool part_has_text(struct part *part)
{
	if (part->text == PART_TEXT_UNKNOWN) {
		g_autoptr(GString) bytes = beginning_of(part);
		g_autoptr(GString) text = is_html(part) ? text_of_html(bytes) : NULL;
		bool more = part->end - part->begin > PART_TEXT_BYTES;
		part->text =
		    more || !are_blank(text ? text : bytes) ? PART_TEXT_SOME : PART_TEXT_BLANK;
	}
	return part->text == PART_TEXT_SOME;
}

bool part_shows(struct part *part)
{
	if (part_has_text(part))
		return true;
	g_autoptr(GString) bytes = beginning_of(part);
	g_autofree char *lower = g_ascii_strdown(bytes->str, (gssize)bytes->len);
	return strstr(lower, "<img") != NULL;
}
