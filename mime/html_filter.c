/* A scanner that knows where it is in a tag, a quoted value or a comment, whatever pieces the
 * HTML comes in. */
#include "mime/html.h"

#include "mime/ascii.h"

#include <stdbool.h>
#include <string.h>

/* Many tags and texts go on as one piece. */
static void piece_pass(struct html_filter *filter)
{
	sink_write(filter->next, filter->piece->str, filter->piece->len);
	g_string_truncate(filter->piece, 0);
}

/* The form feed counts in HTML as well. */
static bool is_html_space(char c)
{
	return ascii_is_white((unsigned char)c) || c == '\f';
}

/* Nothing but a "<" ends a text, so that all before it is taken at once. */
static const char *text_take(struct html_filter *filter, const char *at, const char *end)
{
	const char *open = memchr(at, '<', (size_t)(end - at));
	const char *stop = open ? open : end;

	g_string_append_len(filter->piece, at, stop - at);
	/* A text that fills many pieces has to be cut somewhere: between characters, as it came. */
	if (filter->piece->len >= (open ? HTML_PIECE : 8 * HTML_PIECE))
		piece_pass(filter);
	if (!open)
		return end;
	filter->state = HTML_OPEN;
	return open + 1;
}

/* A "<" in front of anything else is a letter of the text: "a < b". */
static const char *open_take(struct html_filter *filter, const char *at)
{
	if (*at == '!') {
		filter->state = HTML_BANG;
		filter->dashes = 0;
		return at + 1;
	}
	if (*at == '?') {
		filter->state = HTML_DECLARATION;
		return at + 1;
	}
	if (!g_ascii_isalpha(*at) && *at != '/') {
		g_string_append(filter->piece, "&lt;");
		filter->state = HTML_TEXT;
		return at;
	}
	filter->tag_start = filter->piece->len;
	g_string_append_c(filter->piece, '<');
	filter->state = HTML_TAG;
	filter->tag_length = 0;
	filter->name_length = 0;
	filter->name[0] = '\0';
	filter->before = '<';
	return at;
}

/* HTML, "raw text elements": in these nothing is a tag but their own end. */
static bool is_raw_element(const struct html_filter *filter)
{
	return strcmp(filter->name, "script") == 0 || strcmp(filter->name, "style") == 0;
}

/* The name is what comes before the first blank or slash; "/" itself begins an end tag. */
static void name_add(struct html_filter *filter, char c)
{
	bool in_name = filter->tag_length == filter->name_length && !is_html_space(c) && c != '>';

	if (in_name && filter->name_length < HTML_NAME_MAX) {
		filter->name[filter->name_length++] = g_ascii_tolower(c);
		filter->name[filter->name_length] = '\0';
	}
}

/* Tags of the document as a whole; its text is the same without them. */
static bool is_frame(const struct html_filter *filter)
{
	static const char *const names[] = {"html", "head", "body"};
	const char *name = filter->name + (filter->name[0] == '/');

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* A tag lies whole in the piece, so that it can be taken back. */
static void tag_end(struct html_filter *filter)
{
	filter->state = is_raw_element(filter) ? HTML_RAW : HTML_TEXT;
	filter->matched = 0;
	if (is_frame(filter))
		g_string_truncate(filter->piece, filter->tag_start);
}

/* A tag that is too long is cut, and closed where it ends. */
static const char *tag_take(struct html_filter *filter, const char *at)
{
	char c = *at;

	name_add(filter, c);
	if (filter->tag_length++ < HTML_TAG_MAX || c == '>')
		g_string_append_c(filter->piece, c);
	if (c == '>') {
		tag_end(filter);
	} else if ((c == '"' || c == '\'') && filter->before == '=' &&
		   filter->tag_length < HTML_TAG_MAX) {
		filter->state = HTML_QUOTED;
		filter->quote = c;
		filter->value_length = 0;
	}
	if (!is_html_space(c))
		filter->before = c;
	return at + 1;
}

/* A ">" in quotes ends no tag. Of a long value the beginning is kept: some hold a whole picture. */
static const char *quoted_take(struct html_filter *filter, const char *at, const char *end)
{
	const char *close = memchr(at, filter->quote, (size_t)(end - at));
	const char *stop = close ? close : end;
	size_t length = (size_t)(stop - at);
	size_t room = HTML_VALUE_MAX - MIN(filter->value_length, (size_t)HTML_VALUE_MAX);

	/* Cut between characters: the parser is told that all of it is UTF-8. */
	size_t kept = MIN(length, room);
	while (kept < length && kept > 0 && ((unsigned char)at[kept] & 0xc0) == 0x80)
		kept--;
	g_string_append_len(filter->piece, at, (gssize)kept);
	filter->value_length += length;
	filter->tag_length += kept;
	if (!close)
		return end;
	g_string_append_c(filter->piece, filter->quote);
	filter->state = HTML_TAG;
	filter->before = filter->quote;
	return close + 1;
}

/* Two dashes begin a comment; anything else goes up to the next ">" (HTML, "bogus comment state"). */
static const char *bang_take(struct html_filter *filter, const char *at)
{
	if (*at != '-') {
		filter->state = HTML_DECLARATION;
		return at;
	}
	if (++filter->dashes == 2)
		filter->state = HTML_COMMENT;
	return at + 1;
}

/* More dashes may stand before the ">": "--->" ends a comment, too. */
static const char *comment_take(struct html_filter *filter, const char *at)
{
	if (*at == '>' && filter->dashes >= 2)
		filter->state = HTML_TEXT;
	filter->dashes = *at == '-' ? filter->dashes + 1 : 0;
	return at + 1;
}

/* "<!DOCTYPE", "<?xml", "<![CDATA[": nobody is to read what stands in them. */
static const char *declaration_take(struct html_filter *filter, const char *at, const char *end)
{
	const char *close = memchr(at, '>', (size_t)(end - at));

	if (!close)
		return end;
	filter->state = HTML_TEXT;
	return close + 1;
}

/* Everything up to "</script" or "</style" goes; the end tag itself is passed on. */
static const char *raw_take(struct html_filter *filter, const char *at)
{
	size_t wanted = filter->name_length + 2;
	char expected = filter->matched == 0   ? '<'
			: filter->matched == 1 ? '/'
					       : filter->name[filter->matched - 2];

	if (g_ascii_tolower(*at) == expected)
		filter->matched++;
	else
		filter->matched = *at == '<' ? 1 : 0;
	if (filter->matched == wanted) {
		g_string_append_printf(filter->piece, "</%s", filter->name);
		filter->state = HTML_TAG;
		filter->name[0] = '\0';
		filter->name_length = 0;
		filter->tag_length = wanted;
		filter->before = '/';
	}
	return at + 1;
}

/* Each of them takes a byte or changes the state, so that this comes to an end. */
static const char *take(struct html_filter *filter, const char *at, const char *end)
{
	switch (filter->state) {
	case HTML_OPEN:
		return open_take(filter, at);
	case HTML_TAG:
		return tag_take(filter, at);
	case HTML_QUOTED:
		return quoted_take(filter, at, end);
	case HTML_BANG:
		return bang_take(filter, at);
	case HTML_COMMENT:
		return comment_take(filter, at);
	case HTML_DECLARATION:
		return declaration_take(filter, at, end);
	case HTML_RAW:
		return raw_take(filter, at);
	case HTML_TEXT:
		break;
	}
	return text_take(filter, at, end);
}

static void html_filter_write(struct sink *sink, const void *bytes, size_t length)
{
	struct html_filter *filter = (struct html_filter *)sink;
	const char *at = bytes;
	const char *end = at + length;

	while (at < end)
		at = take(filter, at, end);
}

void html_filter_init(struct html_filter *filter, struct sink *next)
{
	*filter = (struct html_filter){
	    .sink = {html_filter_write},
	    .next = next,
	    .piece = g_string_sized_new(HTML_PIECE),
	};
}

/* A "<" at the very end begins no tag. */
void html_filter_finish(struct html_filter *filter)
{
	if (filter->state == HTML_OPEN)
		g_string_append(filter->piece, "&lt;");
	piece_pass(filter);
	g_string_free(filter->piece, TRUE);
}
