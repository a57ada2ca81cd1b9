/*
 * Tells apart the forms that one label stands for in mail: what the bytes are allows only one of
 * them.
 */
#include "mime/charset.h"

#include <string.h>

enum { ESC = 0x1b };

static void discard(struct sink *sink, const void *bytes, size_t length)
{
	(void)sink;
	(void)bytes;
	(void)length;
}

static bool reads_into(struct text_source *source, const struct charset *charset,
		       uint64_t errors_max, struct sink *sink)
{
	struct conversion conversion;

	conversion_init(&conversion, charset, errors_max, sink);
	source->feed(source, &conversion.sink);
	return conversion_finish(&conversion);
}

bool charset_form_reads(struct text_source *source, const struct charset *charset,
			uint64_t errors_max)
{
	struct sink nowhere = {discard};

	return reads_into(source, charset, errors_max, &nowhere);
}

struct control_search {
	struct sink sink;
	bool found;
};

static void control_search_write(struct sink *sink, const void *bytes, size_t length)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i + 1 < length; i++)
		if (at[i] == 0xc2 && at[i + 1] < 0xa0)
			((struct control_search *)sink)->found = true;
}

/* glibc reads the lead bytes of Shift-JIS as controls of EUC-JP; no text has those. */
static bool reads_without_controls(struct text_source *source, const struct charset *charset)
{
	struct control_search search = {.sink = {control_search_write}};

	return reads_into(source, charset, 0, &search.sink) && !search.found;
}

struct shift_search {
	struct sink sink;
	int matched; /* of ESC $ */
	bool found;
};

/* A piece may end inside of the sequence. */
static void shift_search_write(struct sink *sink, const void *bytes, size_t length)
{
	struct shift_search *search = (struct shift_search *)sink;
	const char *at = bytes;

	for (size_t i = 0; i < length; i++) {
		if (search->matched == 0) {
			const char *escape = memchr(at + i, ESC, length - i);
			if (!escape)
				return;
			i = (size_t)(escape - at);
		}
		search->found =
		    search->found || (search->matched == 2 && (at[i] == '@' || at[i] == 'B'));
		if (at[i] == ESC)
			search->matched = 1;
		else
			search->matched = search->matched == 1 && at[i] == '$' ? 2 : 0;
	}
}

bool charset_form_has_shifts(struct text_source *source)
{
	struct shift_search search = {.sink = {shift_search_write}};

	source->feed(source, &search.sink);
	return search.found;
}

/* A text that does switch is what its label says. */
const struct charset *charset_form_eight_bit(struct text_source *source,
					     const struct charset *charset)
{
	static const struct {
		const char *label;
		const char *form;
	} forms[] = {{"iso-2022-jp", "euc-jp"},
		     {"iso-2022-jp", "shift_jis"},
		     {"iso-2022-kr", "euc-kr"},
		     {"hz-gb-2312", "gb18030"}};

	for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
		if (strcmp(charset_name(charset), forms[i].label) != 0)
			continue;
		if (charset_form_has_shifts(source))
			return NULL;
		const struct charset *form = charset_find(forms[i].form);
		if (form && reads_without_controls(source, form))
			return form;
	}
	return NULL;
}

/* Where the zero bytes of UTF-16 stand: before ASCII letters, or behind them. */
struct zero_count {
	struct sink sink;
	uint64_t size;
	uint64_t high;	   /* bytes above 127 */
	uint64_t zeros[2]; /* at even, at odd offsets */
};

static void zero_count_write(struct sink *sink, const void *bytes, size_t length)
{
	struct zero_count *count = (struct zero_count *)sink;
	const unsigned char *at = bytes;

	for (size_t i = 0; i < length; i++) {
		count->zeros[(count->size + i) % 2] += at[i] == 0;
		count->high += at[i] >> 7;
	}
	count->size += length;
}

/* A Latin letter has its zero byte before it in one form, and behind it in the other. */
const struct charset *charset_form_wide(struct text_source *source, const struct charset *charset)
{
	struct zero_count count = {.sink = {zero_count_write}};

	source->feed(source, &count.sink);
	if (count.zeros[0] + count.zeros[1] == 0 && count.high == 0)
		return charset_find("utf-8");
	if (strcmp(charset_name(charset), "utf-16") != 0)
		return charset;
	return charset_find(count.zeros[0] > count.zeros[1] ? "utf-16be" : "utf-16le");
}
