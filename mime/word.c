/* Splits a field into encoded words and what stands between them, and decodes neighbours
 * together. */
#include "mime/header.h"

#include "mime/ascii.h"
#include "mime/charset.h"
#include "mime/transfer.h"

#include <string.h>

enum { CHARSET_LENGTH_MAX = 60, WORD_LENGTH_MAX = 2048, ESC = 0x1b };

static bool is_charset_character(char c)
{
	return c > ' ' && c != '?' && c != '=' && c != '"' && c != '<' && c != '>' && c != '(' &&
	       c != ')' && c != ',';
}

/* RFC 2231 lets a language follow the charset: "utf-8*de". */
static size_t without_language(const char *charset, size_t length)
{
	const char *star = memchr(charset, '*', length);

	return star ? (size_t)(star - charset) : length;
}

bool word_parse(const char *text, size_t length, struct word *ret_word)
{
	const char *end = text + length;

	if (length < 8 || text[0] != '=' || text[1] != '?')
		return false;
	/* A bound on how far each "=?" is followed keeps hostile headers linear. */
	if (length > WORD_LENGTH_MAX)
		end = text + WORD_LENGTH_MAX;
	const char *at = text + 2;
	while (at < end && is_charset_character(*at) && at - text <= CHARSET_LENGTH_MAX)
		at++;
	size_t charset_length = (size_t)(at - text) - 2;
	if (charset_length == 0 || end - at < 5 || at[0] != '?' || at[2] != '?' ||
	    !strchr("bBqQ", at[1]))
		return false;

	bool is_base64 = at[1] == 'b' || at[1] == 'B';
	const char *body = at + 3;
	const char *close = body;
	/* A "?" may stand unencoded in a broken Q word; only "?=" ends it. */
	while ((close = memchr(close, '?', (size_t)(end - close))) && close + 1 < end &&
	       close[1] != '=')
		close++;
	if (!close || close + 1 >= end)
		return false;
	*ret_word = (struct word){
	    .charset = text + 2,
	    .charset_length = without_language(text + 2, charset_length),
	    .is_base64 = is_base64,
	    .text = body,
	    .text_length = (size_t)(close - body),
	    .length = (size_t)(close + 2 - text),
	};
	return true;
}

/* The text of an encoded word, borrowed. */
struct coded {
	const char *text;
	size_t length;
};

/* Decoding under way: what is done, and the run of words or of plain text at hand. */
struct decoding {
	GString *done;
	GString *run;	/* its bytes; plain text is UTF-8 */
	char *charset;	/* of the run; NULL for plain text */
	GArray *coded;	/* of struct coded: the words at its end that are not decoded yet */
	bool is_base64; /* they are */
	const char *what;
	struct defects *defects;
};

static void words_decode(const GArray *coded, bool is_base64, GString *bytes)
{
	for (guint i = 0; i < coded->len; i++) {
		const struct coded *word = &g_array_index(coded, struct coded, i);
		transfer_decode_word(word->text, word->length, is_base64, bytes);
	}
}

static void words_decode_joined(const GArray *coded, bool is_base64, GString *bytes)
{
	g_autoptr(GString) joined = g_string_new(NULL);

	for (guint i = 0; i < coded->len; i++) {
		const struct coded *word = &g_array_index(coded, struct coded, i);
		g_string_append_len(joined, word->text, (gssize)word->length);
	}
	transfer_decode_word(joined->str, joined->len, is_base64, bytes);
}

/* How many bits of the last of `count` characters belong to no byte, when it ends there. */
static unsigned loose_bits(char last, size_t count)
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = strchr(alphabet, last);
	unsigned value = at ? (unsigned)(at - alphabet) : 0;

	return count % 4 == 2 ? value & 15 : value & 3;
}

/*
 * A word of base64 that ends inside a group of four was cut off a longer one, or its padding was
 * left out. Cut it was when its last character holds bits of a byte to come; otherwise when the
 * words cannot be read one by one, and all together end as base64 does.
 */
static bool words_are_cut(const GArray *coded, const char *charset)
{
	size_t total = 0;
	bool may_be = false;

	for (guint i = 0; i < coded->len; i++) {
		const struct coded *word = &g_array_index(coded, struct coded, i);
		bool is_padded = word->length > 0 && word->text[word->length - 1] == '=';

		total += word->length;
		if (i + 1 == coded->len || is_padded || word->length % 4 == 0)
			continue;
		if (word->length % 4 == 1 ||
		    loose_bits(word->text[word->length - 1], word->length) != 0)
			return true;
		may_be = true;
	}
	if (!may_be || total % 4 != 0)
		return false;
	g_autoptr(GString) single = g_string_new(NULL);
	words_decode(coded, true, single);
	return !charset_reads(single->str, single->len, charset);
}

/* Writers that count bytes cut words inside of "=E2", or of four characters of base64. */
static void coded_end(struct decoding *decoding)
{
	const GArray *coded = decoding->coded;

	if (coded->len > 1 && (!decoding->is_base64 || words_are_cut(coded, decoding->charset)))
		words_decode_joined(coded, decoding->is_base64, decoding->run);
	else
		words_decode(coded, decoding->is_base64, decoding->run);
	g_array_set_size(decoding->coded, 0);
}

/* Blanks at the ends of a run become one; none is lost. */
static void append_trimmed(GString *done, char *text)
{
	size_t length = strlen(text);

	if (text[0] == ' ')
		g_string_append_c(done, ' ');
	bool ends_blank = length > 0 && text[length - 1] == ' ';
	g_strstrip(text);
	g_string_append(done, text);
	if (*text && ends_blank)
		g_string_append_c(done, ' ');
}

static void run_end(struct decoding *decoding)
{
	GString *run = decoding->run;

	coded_end(decoding);
	if (run->len > 0) {
		/* The blanks that clean_line() would trim matter here. */
		g_autofree char *text = charset_text(
		    run->str, run->len, decoding->charset ? decoding->charset : "utf-8", NULL,
		    decoding->what, decoding->defects);
		append_trimmed(decoding->done, g_strdelimit(text, "\n\t", ' '));
	}
	g_string_truncate(run, 0);
	g_clear_pointer(&decoding->charset, g_free);
}

/* Neighbours in one charset are one run: a character may be cut between two words. */
static void add_word(struct decoding *decoding, const struct word *word)
{
	struct coded coded = {word->text, word->text_length};
	bool joins =
	    decoding->charset && strlen(decoding->charset) == word->charset_length &&
	    g_ascii_strncasecmp(decoding->charset, word->charset, word->charset_length) == 0;

	if (!joins) {
		run_end(decoding);
		decoding->charset = g_strndup(word->charset, word->charset_length);
	} else if (decoding->is_base64 != word->is_base64) {
		coded_end(decoding);
	}
	decoding->is_base64 = word->is_base64;
	g_array_append_val(decoding->coded, coded);
}

static size_t blanks(const char *at, const char *end)
{
	const char *from = at;

	while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
		at++;
	return (size_t)(at - from);
}

/* Plain text, up to where an encoded word may begin; a fold is one blank. */
static const char *add_plain(struct decoding *decoding, const char *at, const char *end)
{
	if (decoding->charset)
		run_end(decoding);
	do {
		if (*at != '\r' && *at != '\n' && *at)
			g_string_append_c(decoding->run, *at == '\t' ? ' ' : *at);
		at++;
	} while (at < end && !(at[0] == '=' && at + 1 < end && at[1] == '?'));
	return at;
}

static void decode(struct decoding *decoding, const char *at, const char *end)
{
	struct word word;

	while (at < end) {
		if (word_parse(at, (size_t)(end - at), &word)) {
			add_word(decoding, &word);
			at += word.length;
			/* Blanks between two words say nothing (RFC 2047, 6.2). */
			size_t gap = blanks(at, end);
			struct word next;
			if (word_parse(at + gap, (size_t)(end - at) - gap, &next))
				at += gap;
		} else {
			at = add_plain(decoding, at, end);
		}
	}
	run_end(decoding);
}

static bool is_fold(unsigned char c)
{
	return c == '\t' || c == '\r' || c == '\n';
}

/* Nothing to decode: nearly all fields of nearly all mail. */
static bool is_plain(const char *raw, size_t length)
{
	const unsigned char *at = (const unsigned char *)raw;
	const char *end = raw + length;

	for (size_t i = 0; (i += ascii_span(at + i, length - i)) < length; i++)
		if (!is_fold(at[i]))
			return false;
	for (const char *sign = raw; (sign = memchr(sign, '=', (size_t)(end - sign))); sign++)
		if (sign + 1 < end && sign[1] == '?')
			return false;
	return true;
}

static char *unfold(const char *raw, size_t length)
{
	char *text = g_malloc(length + 1);
	size_t used = 0;

	for (size_t i = 0; i < length; i++) {
		size_t span = ascii_span((const unsigned char *)raw + i, length - i);

		memcpy(text + used, raw + i, span);
		used += span;
		i += span;
		if (i < length && raw[i] == '\t')
			text[used++] = ' ';
	}
	text[used] = '\0';
	return g_strstrip(text);
}

/* The length of the word at `at`; 0 when none begins there. */
static size_t word_length(const char *at, const char *end)
{
	struct word word;

	return *at == '=' && word_parse(at, (size_t)(end - at), &word) ? word.length : 0;
}

/* Goes through plain text and words in turn; `word` may be NULL. */
static void split_plain(const char *raw, size_t length,
			void (*plain)(void *context, const char *at, size_t length),
			void (*word)(void *context, const char *at, size_t length), void *context)
{
	const char *end = raw + length;
	const char *from = raw;

	for (const char *at = raw; at < end;) {
		size_t skip = word_length(at, end);
		at += skip > 0 ? skip : 1;
		if (skip == 0 && at < end)
			continue;
		const char *until = skip > 0 ? at - skip : at;
		if (until > from)
			plain(context, from, (size_t)(until - from));
		if (skip > 0 && word)
			word(context, until, skip);
		from = at;
	}
}

static void gather(void *context, const char *at, size_t length)
{
	g_string_append_len(context, at, (gssize)length);
}

/* Plain text on its way to UTF-8. */
struct converting {
	GString *text;
	struct charset_choice choice;
};

static void convert_plain(void *context, const char *at, size_t length)
{
	struct converting *converting = context;

	charset_append(converting->text, at, length, converting->choice);
}

static void copy_word(void *context, const char *at, size_t length)
{
	g_string_append_len(((struct converting *)context)->text, at, (gssize)length);
}

/* ESC begins the shifts of ISO-2022-JP, which has no byte above 127. */
static bool is_seven_bit(const char *raw, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((raw[i] & 0x80) || raw[i] == ESC)
			return false;
	return true;
}

char *word_plain_to_utf8(const char *raw, size_t length, const char *hint, const char *what,
			 struct defects *defects, size_t *ret_length)
{
	if (is_seven_bit(raw, length))
		return NULL;

	g_autoptr(GString) plain = g_string_new(NULL);
	struct converting converting = {.text = g_string_sized_new(length)};
	split_plain(raw, length, gather, NULL, plain);
	converting.choice = charset_choose_bytes(plain->str, plain->len, hint, what, defects);
	split_plain(raw, length, convert_plain, copy_word, &converting);
	*ret_length = converting.text->len;
	return g_string_free(converting.text, FALSE);
}

char *word_decode_utf8(const char *text, size_t length, const char *what, struct defects *defects)
{
	if (is_plain(text, length))
		return unfold(text, length);

	struct decoding decoding = {
	    .done = g_string_sized_new(length),
	    .run = g_string_sized_new(length),
	    .coded = g_array_new(FALSE, FALSE, sizeof(struct coded)),
	    .what = what,
	    .defects = defects,
	};

	decode(&decoding, text, text + length);
	g_string_free(decoding.run, TRUE);
	g_array_unref(decoding.coded);
	return g_strstrip(g_string_free(decoding.done, FALSE));
}

char *word_decode(const char *raw, size_t length, const char *hint, const char *what,
		  struct defects *defects)
{
	if (is_plain(raw, length))
		return unfold(raw, length);

	size_t converted_length = length;
	g_autofree char *converted =
	    word_plain_to_utf8(raw, length, hint, what, defects, &converted_length);

	return word_decode_utf8(converted ? converted : raw, converted_length, what, defects);
}
