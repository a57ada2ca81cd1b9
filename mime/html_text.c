/* libxml2 tells of elements and texts; each element has a row in a table that says how it
 * breaks lines. */
#include "mime/html.h"

#include "mime/sink.h"

#include <libxml/HTMLparser.h>
#include <string.h>

/* No page needs more blanks or empty cells in a row than these. */
enum { PASS_ON = 16384, BLANKS_MAX = 200, CELLS_MAX = 1000 };

#define RULE "____________________"

/* libxml2 makes its tables at the first use: before the sandbox, which lets nothing be opened. */
void html_text_open(void)
{
	xmlInitParser();
}

void html_text_close(void)
{
	xmlCleanupParser();
}

enum effect {
	EFFECT_NONE,
	EFFECT_DROP,
	EFFECT_LINE,
	EFFECT_PARAGRAPH,
	EFFECT_CELL,
	EFFECT_ROW,
	EFFECT_RULE,
	EFFECT_LINK,
	EFFECT_PRE,
	EFFECT_BREAK
};

/* libxml2 gives names in lower case. */
static enum effect effect_of(const char *name)
{
	static const struct {
		const char *name;
		enum effect effect;
	} effects[] = {
	    {"head", EFFECT_DROP},	 {"title", EFFECT_DROP},    {"br", EFFECT_BREAK},
	    {"li", EFFECT_LINE},	 {"div", EFFECT_PARAGRAPH}, {"p", EFFECT_PARAGRAPH},
	    {"tr", EFFECT_ROW},		 {"td", EFFECT_CELL},	    {"th", EFFECT_CELL},
	    {"hr", EFFECT_RULE},	 {"a", EFFECT_LINK},	    {"pre", EFFECT_PRE},
	    {"h1", EFFECT_LINE},	 {"h2", EFFECT_LINE},	    {"h3", EFFECT_LINE},
	    {"h4", EFFECT_LINE},	 {"h5", EFFECT_LINE},	    {"h6", EFFECT_LINE},
	    {"ul", EFFECT_LINE},	 {"ol", EFFECT_LINE},	    {"dl", EFFECT_LINE},
	    {"dt", EFFECT_LINE},	 {"dd", EFFECT_LINE},	    {"table", EFFECT_LINE},
	    {"blockquote", EFFECT_LINE}, {"center", EFFECT_LINE},   {"address", EFFECT_LINE},
	    {"section", EFFECT_LINE},	 {"article", EFFECT_LINE},  {"header", EFFECT_LINE},
	    {"footer", EFFECT_LINE},	 {"form", EFFECT_LINE},	    {"fieldset", EFFECT_LINE},
	    {"figure", EFFECT_LINE},	 {"main", EFFECT_LINE},	    {"nav", EFFECT_LINE},
	    {"caption", EFFECT_LINE},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(effects); i++)
		if (strcmp(name, effects[i].name) == 0)
			return effects[i].effect;
	return EFFECT_NONE;
}

/* In pieces, so that memory stays the same for a document of any length. */
static void pass_on(struct html_text *html)
{
	sink_write(html->next, html->out->str, html->out->len);
	g_string_truncate(html->out, 0);
}

/* Not in a cell that has no text yet: it stays in its row. */
static void want_newlines(struct html_text *html, unsigned count)
{
	if (html->tabs > 0)
		return;
	html->newlines = MAX(html->newlines, count);
	html->blanks = 0;
}

static void end_row(struct html_text *html)
{
	html->tabs = 0;
	html->in_row = false;
	want_newlines(html, 2);
}

/* What is due before text: newlines, and a tab or blanks. */
static void settle(struct html_text *html)
{
	unsigned blanks = html->blanks;

	for (unsigned i = 0; i < html->newlines && html->started; i++)
		g_string_append_c(html->out, '\n');
	for (unsigned i = 0; i < html->tabs; i++)
		g_string_append_c(html->out, '\t');
	if (html->preserved == 0 && (html->newlines > 0 || !html->started))
		blanks = 0;
	for (unsigned i = 0; i < blanks; i++)
		g_string_append_c(html->out, ' ');
	html->newlines = 0;
	html->blanks = 0;
	html->tabs = 0;
	html->row_started = true;
	html->started = true;
	if (html->out->len > PASS_ON)
		pass_on(html);
}

/* The no-break space is a blank, too: mailers write it for any of them. */
static bool is_text_space(gunichar c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == 0xa0;
}

/* In pre each blank and each newline counts; elsewhere many are one. */
static void put_blank(struct html_text *html, gunichar c)
{
	if (html->preserved == 0)
		html->blanks = html->tabs > 0 ? 0 : 1;
	else if (c == '\n')
		want_newlines(html, MIN(html->newlines + 1, 2));
	else
		html->blanks = MIN(html->blanks + 1, BLANKS_MAX);
}

static void put_character(struct html_text *html, gunichar c)
{
	if (is_text_space(c)) {
		put_blank(html, c);
		return;
	}
	settle(html);
	g_string_append_unichar(html->out, c);
}

/* &#150; means what windows-1252 has there: HTML, "numeric character reference end state". */
static gunichar character_meant(gunichar c)
{
	static const gunichar table[32] = {
	    0x20ac, ' ',    0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
	    0x2039, 0x0152, ' ',    0x017d, ' ',    ' ',    0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
	    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, ' ',    0x017e, 0x0178};

	if (c >= 0x80 && c < 0xa0)
		return table[c - 0x80];
	/* Soft hyphens and spaces without width are seen by nobody, and would keep a word from being
	 * found. */
	return c == 0xad || c == 0xfeff || c == 0x200b ? 0 : c;
}

/* How many ASCII characters at the beginning are neither blanks nor controls. */
static size_t word_length(const char *at, const char *end)
{
	const char *from = at;

	for (; at < end; at++)
		if (*at <= ' ' || *at == 0x7f)
			break;
	return (size_t)(at - from);
}

/* Words of ASCII, which is most of all text, are copied whole; the rest is looked at one by one. */
static void on_characters(void *context, const xmlChar *text, int length)
{
	struct html_text *html = context;
	const char *at = (const char *)text;
	const char *end = at + length;

	if (html->dropped > 0)
		return;
	while (at < end) {
		size_t word = word_length(at, end);
		if (word > 0) {
			settle(html);
			g_string_append_len(html->out, at, (gssize)word);
			at += word;
			continue;
		}
		gunichar c = character_meant(g_utf8_get_char(at));
		if (c != 0)
			put_character(html, c);
		at = g_utf8_next_char(at);
	}
}

/* The address stands in brackets in front of the words of the link: "here" alone would lead nowhere. */
static void put_link(struct html_text *html, const xmlChar **attributes)
{
	for (size_t i = 0; attributes && attributes[i]; i += 2) {
		const char *value = (const char *)attributes[i + 1];
		if (g_ascii_strcasecmp((const char *)attributes[i], "href") != 0 || !value)
			continue;
		g_autofree char *valid = g_utf8_make_valid(value, -1);
		g_autofree char *address = clean_line(valid, 0);
		if (!*address)
			return;
		settle(html);
		g_string_append_printf(html->out, "[%s]", address);
		html->blanks = 1;
		return;
	}
}

/* A line of its own, whatever stands around it. */
static void put_rule(struct html_text *html)
{
	want_newlines(html, 1);
	settle(html);
	g_string_append(html->out, RULE);
	want_newlines(html, 1);
}

/* A tab leads from each cell to the next one, so that whoever reads the text can take a row apart. */
static void start_cell(struct html_text *html)
{
	if (html->in_row) {
		/* A paragraph inside the cell before ends with the cell. */
		if (html->row_started)
			html->newlines = 0;
		html->tabs = MIN(html->tabs + 1, CELLS_MAX);
	}
	html->blanks = 0;
	html->in_row = true;
}

/* A table inside a cell begins in the row of that cell. */
static void start_row(struct html_text *html)
{
	html->in_row = false;
	html->row_started = false;
	want_newlines(html, 2);
}

/* What is inside of a dropped element is counted and not looked at: its tags mean nothing outside. */
static void on_start(void *context, const xmlChar *name, const xmlChar **attributes)
{
	struct html_text *html = context;
	enum effect effect = effect_of((const char *)name);

	html->depth++;
	if (effect == EFFECT_DROP)
		html->dropped++;
	if (html->dropped > 0)
		return;
	switch (effect) {
	case EFFECT_BREAK:
		want_newlines(html, MIN(html->newlines + 1, 2));
		break;
	case EFFECT_LINE:
		want_newlines(html, 1);
		break;
	case EFFECT_PARAGRAPH:
		want_newlines(html, 2);
		break;
	case EFFECT_ROW:
		start_row(html);
		break;
	case EFFECT_CELL:
		start_cell(html);
		break;
	case EFFECT_RULE:
		put_rule(html);
		break;
	case EFFECT_LINK:
		put_link(html, attributes);
		break;
	case EFFECT_PRE:
		html->preserved++;
		want_newlines(html, 1);
		break;
	default:
		break;
	}
}

/* The end of an element that was never open comes here as well: no count may fall below 0. */
static void on_end(void *context, const xmlChar *name)
{
	struct html_text *html = context;
	enum effect effect = effect_of((const char *)name);

	if (html->depth > 0)
		html->depth--;
	if (effect == EFFECT_DROP && html->dropped > 0) {
		html->dropped--;
		return;
	}
	if (html->dropped > 0)
		return;
	if (effect == EFFECT_PRE && html->preserved > 0)
		html->preserved--;
	if (effect == EFFECT_ROW)
		end_row(html);
	else if (effect == EFFECT_PARAGRAPH)
		want_newlines(html, 2);
	else if (effect == EFFECT_LINE || effect == EFFECT_PRE)
		want_newlines(html, 1);
}

/*
 * The filter takes all html, head and body tags away and the parser gets these two in front: what
 * stands behind an end tag that came too early would be lost otherwise.
 */
static void parser_open(struct html_text *html)
{
	static const char start[] = "<html><body>";
	xmlSAXHandler handler = {
	    .startElement = on_start,
	    .endElement = on_end,
	    .characters = on_characters,
	    .ignorableWhitespace = on_characters,
	};

	html->parser =
	    htmlCreatePushParserCtxt(&handler, html, NULL, 0, NULL, XML_CHAR_ENCODING_UTF8);
	if (!html->parser)
		return;
	htmlCtxtUseOptions(html->parser, HTML_PARSE_RECOVER | HTML_PARSE_NOERROR |
					     HTML_PARSE_NOWARNING | HTML_PARSE_NONET |
					     HTML_PARSE_IGNORE_ENC);
	htmlParseChunk(html->parser, start, (int)strlen(start), 0);
}

/* The last call lets libxml2 hand out what it still holds back. */
static void parser_close(struct html_text *html)
{
	if (!html->parser)
		return;
	htmlParseChunk(html->parser, NULL, 0, 1);
	htmlFreeParserCtxt(html->parser);
	html->parser = NULL;
}

/* A stack too deep makes every end tag search it: the parser starts afresh, and forgets what is
 * open. */
static void limit_depth(struct html_text *html)
{
	if (html->depth <= HTML_DEPTH_MAX)
		return;
	parser_close(html);
	html->depth = html->dropped = html->preserved = 0;
	parser_open(html);
}

/* The depth is looked at between two pieces: the parser cannot be replaced by what it calls. */
static void html_text_write(struct sink *sink, const void *bytes, size_t length)
{
	struct html_text *html = (struct html_text *)sink;

	if (html->parser)
		htmlParseChunk(html->parser, bytes, (int)length, 0);
	limit_depth(html);
}

void html_text_init(struct html_text *html, struct sink *next)
{
	*html = (struct html_text){
	    .sink = {html_text_write},
	    .next = next,
	    .out = g_string_sized_new(1024),
	};
	parser_open(html);
}

void html_text_finish(struct html_text *html)
{
	parser_close(html);
	pass_on(html);
	g_string_free(html->out, TRUE);
}
