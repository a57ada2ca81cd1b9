#include "mime/word.h"

#include "mime/ascii.h"
#include "mime/charset_choice.h"
#include "mime/transfer.h"

#include <string.h>

enum { CHARSET_LENGTH_MAX = 60, WORD_LENGTH_MAX = 2048 };

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

/* Decoding under way: what is done, and the bytes of the run of words or of plain text at hand. */
struct decoding {
	GString *done;
	GString *run;
	char *charset; /* of the run; NULL for plain text */
	const char *hint;
	const char *what;
	struct defects *defects;
};

static void run_end(struct decoding *decoding)
{
	GString *run = decoding->run;

	if (run->len == 0) {
		g_clear_pointer(&decoding->charset, g_free);
		return;
	}
	/* charset_line() trims; the blanks around a run matter. */
	if (run->str[0] == ' ')
		g_string_append_c(decoding->done, ' ');
	g_autofree char *text = charset_line(run->str, run->len, decoding->charset, decoding->hint,
					     decoding->what, decoding->defects);
	g_string_append(decoding->done, text);
	if (*text && run->str[run->len - 1] == ' ')
		g_string_append_c(decoding->done, ' ');
	g_string_truncate(run, 0);
	g_clear_pointer(&decoding->charset, g_free);
}

static void add_word(struct decoding *decoding, const struct word *word)
{
	bool joins =
	    decoding->charset && strlen(decoding->charset) == word->charset_length &&
	    g_ascii_strncasecmp(decoding->charset, word->charset, word->charset_length) == 0;

	if (!joins) {
		run_end(decoding);
		decoding->charset = g_strndup(word->charset, word->charset_length);
	}
	transfer_decode_word(word->text, word->text_length, word->is_base64, decoding->run);
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

char *word_decode(const char *raw, size_t length, const char *hint, const char *what,
		  struct defects *defects)
{
	if (is_plain(raw, length))
		return unfold(raw, length);

	struct decoding decoding = {
	    .done = g_string_sized_new(length),
	    .run = g_string_sized_new(length),
	    .hint = hint,
	    .what = what,
	    .defects = defects,
	};

	decode(&decoding, raw, raw + length);
	g_string_free(decoding.run, TRUE);
	return g_strstrip(g_string_free(decoding.done, FALSE));
}
