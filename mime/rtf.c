/* Bytes become tokens (rtf_token.c); here a token becomes text, by the group that it stands in. */
#include "mime/rtf.h"

#include "mime/charset.h"

#include <glib.h>
#include <string.h>

enum { DEFAULT_PAGE = 1252, PIECE = 4096 };

/* What a group inherits from the one around it. */
struct group {
	bool skipped;	     /* nothing of it is text */
	bool in_fonts;	     /* the table of fonts */
	bool in_tag;	     /* \*\htmltag: HTML as it was */
	bool only_rtf;	     /* \htmlrtf: not of the HTML */
	unsigned code_page;  /* 0: the document's */
	unsigned substitute; /* \uc: characters behind \u for readers that do not know it */
};

struct rtf {
	struct rtf_tokens tokens;
	enum rtf_form form;
	struct sink *next;
	struct group groups[RTF_DEPTH_MAX];
	size_t depth;  /* of the group in `groups` */
	size_t deeper; /* groups within it that have no place there */
	bool is_from_html;
	bool starred;		      /* \* has come: what follows may be passed over */
	unsigned page;		      /* the document's */
	unsigned to_pass;	      /* characters that stand for one that has come */
	unsigned font;		      /* in the table of fonts */
	guint16 fonts[RTF_FONTS_MAX]; /* their code pages */
	gunichar high;		      /* the first half of a character */
	GString *bytes;		      /* text in `bytes_page`, still to be converted */
	unsigned bytes_page;
	GString *out; /* UTF-8, still to be passed on */
};

static struct group *group_of(struct rtf *rtf)
{
	return &rtf->groups[rtf->depth];
}

/* --- what comes out -------------------------------------------------------- */

static void out_flush(struct rtf *rtf)
{
	sink_write(rtf->next, rtf->out->str, rtf->out->len);
	g_string_truncate(rtf->out, 0);
}

/* windows-1252 stands for numbers without a charset: it reads any bytes. */
static void bytes_flush(struct rtf *rtf)
{
	const char *label = code_page_label(rtf->bytes_page);
	const struct charset *charset = charset_find(label ? label : "windows-1252");
	struct charset_choice choice = {charset ? charset : charset_find("windows-1252"),
					UINT64_MAX};

	if (rtf->bytes->len > 0)
		charset_append(rtf->out, rtf->bytes->str, rtf->bytes->len, choice);
	g_string_truncate(rtf->bytes, 0);
	if (rtf->out->len >= PIECE)
		out_flush(rtf);
}

/* RTF that was made of HTML holds both: the tags, and between them what only a reader of RTF
 * needs. */
static bool is_shown(struct rtf *rtf)
{
	const struct group *group = group_of(rtf);

	if (group->skipped || group->in_fonts)
		return false;
	return rtf->form == RTF_TEXT ? !group->in_tag : group->in_tag || !group->only_rtf;
}

static void text_put(struct rtf *rtf, const char *text)
{
	if (!is_shown(rtf))
		return;
	bytes_flush(rtf);
	g_string_append(rtf->out, text);
}

/* Between tags these would be tags. */
static bool entity_put(struct rtf *rtf, unsigned char byte)
{
	const char *entity = byte == '<'   ? "&lt;"
			     : byte == '>' ? "&gt;"
			     : byte == '&' ? "&amp;"
					   : NULL;

	if (rtf->form != RTF_HTML || group_of(rtf)->in_tag || !entity)
		return false;
	text_put(rtf, entity);
	return true;
}

static void byte_put(struct rtf *rtf, unsigned char byte)
{
	const struct group *group = group_of(rtf);
	unsigned page = group->code_page != 0 ? group->code_page : rtf->page;

	/* It stands for a character that \u has given. */
	if (rtf->to_pass > 0) {
		rtf->to_pass--;
		return;
	}
	if (!is_shown(rtf) || entity_put(rtf, byte))
		return;
	if (page != rtf->bytes_page || rtf->bytes->len >= PIECE)
		bytes_flush(rtf);
	rtf->bytes_page = page;
	g_string_append_c(rtf->bytes, (char)byte);
}

/* A character beyond 16 bits comes as two words, in the halves that UTF-16 has. */
static void character_put(struct rtf *rtf, gunichar c)
{
	if (c >= 0xd800 && c < 0xdc00) {
		rtf->high = c;
		return;
	}
	if (c >= 0xdc00 && c < 0xe000)
		c = rtf->high ? 0x10000 + ((rtf->high - 0xd800) << 10) + (c - 0xdc00) : 0xfffd;
	rtf->high = 0;
	if (!is_shown(rtf) || c == 0)
		return;
	bytes_flush(rtf);
	g_string_append_unichar(rtf->out, c);
}

/* --- what words do ---------------------------------------------------------- */

static void group_skip(struct rtf *rtf, int number)
{
	(void)number;
	group_of(rtf)->skipped = true;
}

/* What a reader of RTF sees in place of the HTML's own. */
static void only_for_text(struct rtf *rtf, int number)
{
	(void)number;
	if (rtf->form == RTF_HTML)
		group_of(rtf)->skipped = true;
}

static void fonts_begin(struct rtf *rtf, int number)
{
	(void)number;
	group_of(rtf)->in_fonts = true;
}

static void page_set(struct rtf *rtf, int number)
{
	if (number > 0)
		rtf->page = (unsigned)number;
}

static void page_set_mac(struct rtf *rtf, int number)
{
	(void)number;
	rtf->page = 10000;
}

static void page_set_dos(struct rtf *rtf, int number)
{
	rtf->page = number > 0 ? (unsigned)number : 437;
}

/* In the table of fonts the word begins a row; elsewhere it chooses a font. */
static void font_set(struct rtf *rtf, int number)
{
	if (number < 0 || number >= RTF_FONTS_MAX)
		return;
	if (group_of(rtf)->in_fonts)
		rtf->font = (unsigned)number;
	else
		group_of(rtf)->code_page = rtf->fonts[number];
}

static void font_charset(struct rtf *rtf, int number)
{
	if (group_of(rtf)->in_fonts && number > 0)
		rtf->fonts[rtf->font] = (guint16)code_page_of_font((unsigned)number);
}

static void font_reset(struct rtf *rtf, int number)
{
	(void)number;
	group_of(rtf)->code_page = 0;
}

static void substitute_set(struct rtf *rtf, int number)
{
	if (number >= 0 && number < 16)
		group_of(rtf)->substitute = (unsigned)number;
}

static void unicode_put(struct rtf *rtf, int number)
{
	rtf->to_pass = 0;
	character_put(rtf, (gunichar)(number & 0xffff));
	rtf->to_pass = group_of(rtf)->substitute;
}

static void line_end(struct rtf *rtf, int number)
{
	(void)number;
	text_put(rtf, "\n");
}

static void cell_end(struct rtf *rtf, int number)
{
	(void)number;
	text_put(rtf, "\t");
}

static void from_html(struct rtf *rtf, int number)
{
	rtf->is_from_html = number != 0;
}

static void only_rtf(struct rtf *rtf, int number)
{
	group_of(rtf)->only_rtf = number != 0;
}

static void tag_begin(struct rtf *rtf, int number)
{
	(void)number;
	group_of(rtf)->in_tag = true;
}

/* `number` is 1 where the word has none. */
struct word {
	const char *name;
	void (*act)(struct rtf *rtf, int number);
};

/* In the order of strcmp(), for bsearch(). */
static const struct word words[] = {
    {"ansicpg", page_set},	{"author", group_skip},
    {"bkmkend", group_skip},	{"bkmkstart", group_skip},
    {"cell", cell_end},		{"colortbl", group_skip},
    {"comment", group_skip},	{"f", font_set},
    {"fcharset", font_charset}, {"filetbl", group_skip},
    {"fldinst", group_skip},	{"fonttbl", fonts_begin},
    {"footer", group_skip},	{"footerf", group_skip},
    {"footerl", group_skip},	{"footerr", group_skip},
    {"fromhtml", from_html},	{"header", group_skip},
    {"headerf", group_skip},	{"headerl", group_skip},
    {"headerr", group_skip},	{"htmlrtf", only_rtf},
    {"htmltag", tag_begin},	{"info", group_skip},
    {"line", line_end},		{"listoverridetable", group_skip},
    {"listtable", group_skip},	{"mac", page_set_mac},
    {"mhtmltag", group_skip},	{"nonshppict", group_skip},
    {"objdata", group_skip},	{"page", line_end},
    {"par", line_end},		{"pc", page_set_dos},
    {"pca", page_set_dos},	{"pict", group_skip},
    {"plain", font_reset},	{"pntext", only_for_text},
    {"row", line_end},		{"sect", line_end},
    {"stylesheet", group_skip}, {"tab", cell_end},
    {"u", unicode_put},		{"uc", substitute_set},
    {"xe", group_skip},
};

static int compare_words(const void *name, const void *word)
{
	return strcmp(name, ((const struct word *)word)->name);
}

/* Words that stand for characters, each followed by them. */
static const char *const marks[][2] = {
    {"bullet", "•"},  {"emdash", "—"},	  {"emspace", " "}, {"endash", "–"},
    {"enspace", " "}, {"ldblquote", "“"}, {"lquote", "‘"},  {"rdblquote", "”"},
    {"rquote", "’"},  {"~", "\xc2\xa0"},  {"_", "-"},	    {"{", "{"},
    {"}", "}"},	      {"\\", "\\"},	  {"\n", "\n"},	    {"\r", "\n"}};

static void mark_put(struct rtf *rtf, const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(marks); i++) {
		if (strcmp(marks[i][0], name) != 0)
			continue;
		if (rtf->to_pass > 0)
			rtf->to_pass--;
		else
			text_put(rtf, marks[i][1]);
		return;
	}
}

/* \* lets a reader pass over the group when it does not know the word behind it. */
static void word_act(struct rtf *rtf, const char *name, int number)
{
	bool starred = rtf->starred;

	rtf->starred = strcmp(name, "*") == 0;
	const struct word *word =
	    bsearch(name, words, G_N_ELEMENTS(words), sizeof(words[0]), compare_words);
	if (word)
		word->act(rtf, number);
	else if (starred)
		group_of(rtf)->skipped = true;
	else
		mark_put(rtf, name);
}

/* --- tokens ----------------------------------------------------------------- */

/* Deeper groups are counted, so that no end is taken for another group's. */
static void group_open(struct rtf *rtf)
{
	if (rtf->depth + 1 >= RTF_DEPTH_MAX) {
		rtf->deeper++;
		return;
	}
	rtf->groups[rtf->depth + 1] = rtf->groups[rtf->depth];
	rtf->depth++;
}

static void group_close(struct rtf *rtf)
{
	if (rtf->deeper > 0)
		rtf->deeper--;
	else if (rtf->depth > 0)
		rtf->depth--;
}

static void token_take(void *context, const struct rtf_token *token)
{
	struct rtf *rtf = context;

	if (token->kind == RTF_TOKEN_OPEN || token->kind == RTF_TOKEN_CLOSE)
		rtf->to_pass = 0;
	if (token->kind != RTF_TOKEN_WORD)
		rtf->starred = false;
	switch (token->kind) {
	case RTF_TOKEN_OPEN:
		group_open(rtf);
		break;
	case RTF_TOKEN_CLOSE:
		group_close(rtf);
		break;
	case RTF_TOKEN_WORD:
		word_act(rtf, token->word, token->number);
		break;
	case RTF_TOKEN_BYTE:
		byte_put(rtf, token->byte);
		break;
	}
}

struct rtf *rtf_new(enum rtf_form form, struct sink *next)
{
	struct rtf *rtf = g_new0(struct rtf, 1);

	rtf_tokens_init(&rtf->tokens, token_take, rtf);
	rtf->form = form;
	rtf->next = next;
	rtf->page = DEFAULT_PAGE;
	rtf->groups[0].substitute = 1;
	rtf->bytes = g_string_new(NULL);
	rtf->out = g_string_new(NULL);
	return rtf;
}

void rtf_free(struct rtf *rtf)
{
	if (!rtf)
		return;
	g_string_free(rtf->bytes, TRUE);
	g_string_free(rtf->out, TRUE);
	g_free(rtf);
}

struct sink *rtf_sink(struct rtf *rtf)
{
	return &rtf->tokens.sink;
}

void rtf_finish(struct rtf *rtf)
{
	bytes_flush(rtf);
	out_flush(rtf);
}

bool rtf_is_from_html(const struct rtf *rtf)
{
	return rtf->is_from_html;
}
