/* Reads RTF byte by byte, with a state for each place in a token that a piece of input may end at. */
#include "mime/rtf.h"

#include <glib.h>
#include <string.h>

enum state { IN_TEXT, BEHIND_BACKSLASH, IN_WORD, IN_NUMBER, IN_HEX, IN_SECOND_HEX };

/* A longer number stays at this, so that no digit makes it overflow. */
static const int64_t number_max = INT32_MAX;

static void emit(struct rtf_tokens *tokens, enum rtf_token_kind kind, unsigned char byte)
{
	struct rtf_token token = {.kind = kind, .byte = byte};

	tokens->take(tokens->context, &token);
}

/* \bin is not handed on: the bytes behind it are a picture's, and may look like anything. */
static void emit_word(struct rtf_tokens *tokens)
{
	int64_t number = tokens->has_number ? tokens->number : 1;
	struct rtf_token token = {.kind = RTF_TOKEN_WORD,
				  .word = tokens->word,
				  .number = (int)(tokens->is_negative ? -number : number)};

	tokens->word[tokens->length] = '\0';
	tokens->state = IN_TEXT;
	if (strcmp(tokens->word, "bin") == 0)
		tokens->to_pass =
		    token.number > 0 && tokens->has_number ? (uint64_t)token.number : 0;
	else
		tokens->take(tokens->context, &token);
}

static void word_begin(struct rtf_tokens *tokens, unsigned char c)
{
	tokens->word[0] = (char)c;
	tokens->length = 1;
	tokens->has_number = false;
	tokens->is_negative = false;
	tokens->number = 0;
}

/* Line ends are there for those who look at the file; RTF has words for its own. */
static void take_text(struct rtf_tokens *tokens, unsigned char c)
{
	if (c == '{')
		emit(tokens, RTF_TOKEN_OPEN, c);
	else if (c == '}')
		emit(tokens, RTF_TOKEN_CLOSE, c);
	else if (c == '\\')
		tokens->state = BEHIND_BACKSLASH;
	else if (c != '\r' && c != '\n' && c != '\0')
		emit(tokens, RTF_TOKEN_BYTE, c);
}

/* A word is letters. Anything else behind a backslash is a word of one character: \{, \~, \*. */
static void take_backslash(struct rtf_tokens *tokens, unsigned char c)
{
	word_begin(tokens, c);
	if (g_ascii_isalpha(c))
		tokens->state = IN_WORD;
	else if (c == '\'')
		tokens->state = IN_HEX;
	else
		emit_word(tokens);
}

/* A blank behind a word belongs to it. */
static void word_end(struct rtf_tokens *tokens, unsigned char c)
{
	emit_word(tokens);
	if (tokens->to_pass > 0 && c != ' ')
		tokens->to_pass--;
	else if (c != ' ')
		take_text(tokens, c);
}

/* A name that is too long is none that a reader knows, but its end has to be found. */
static void take_word(struct rtf_tokens *tokens, unsigned char c)
{
	if (g_ascii_isalpha(c)) {
		if (tokens->length < RTF_WORD_MAX)
			tokens->word[tokens->length++] = (char)c;
	} else if (g_ascii_isdigit(c) || c == '-') {
		tokens->has_number = true;
		tokens->is_negative = c == '-';
		tokens->number = c == '-' ? 0 : c - '0';
		tokens->state = IN_NUMBER;
	} else {
		word_end(tokens, c);
	}
}

/* The number ends where its digits do, whatever stands there. */
static void take_number(struct rtf_tokens *tokens, unsigned char c)
{
	if (g_ascii_isdigit(c))
		tokens->number = MIN(tokens->number * 10 + (c - '0'), number_max);
	else
		word_end(tokens, c);
}

/* What is no digit is text: somebody has forgotten to escape a backslash. */
static void take_hex(struct rtf_tokens *tokens, unsigned char c)
{
	bool is_second = tokens->state == IN_SECOND_HEX;
	int digit = g_ascii_xdigit_value((char)c);

	tokens->state = IN_TEXT;
	if (digit < 0) {
		take_text(tokens, c);
	} else if (is_second) {
		emit(tokens, RTF_TOKEN_BYTE, (unsigned char)(tokens->byte << 4 | digit));
	} else {
		tokens->byte = (unsigned char)digit;
		tokens->state = IN_SECOND_HEX;
	}
}

/* A state for each place that a piece may end at: nothing is read twice. */
static void take(struct rtf_tokens *tokens, unsigned char c)
{
	switch (tokens->state) {
	case BEHIND_BACKSLASH:
		take_backslash(tokens, c);
		break;
	case IN_WORD:
		take_word(tokens, c);
		break;
	case IN_NUMBER:
		take_number(tokens, c);
		break;
	case IN_HEX:
	case IN_SECOND_HEX:
		take_hex(tokens, c);
		break;
	default:
		take_text(tokens, c);
		break;
	}
}

/* The bytes of a picture are passed over in one step. */
static void tokens_write(struct sink *sink, const void *bytes, size_t length)
{
	struct rtf_tokens *tokens = (struct rtf_tokens *)sink;
	const unsigned char *at = bytes;

	while (length > 0) {
		size_t passed = (size_t)MIN((uint64_t)length, MAX(tokens->to_pass, 1U));
		if (tokens->to_pass > 0)
			tokens->to_pass -= passed;
		else
			take(tokens, *at);
		at += passed;
		length -= passed;
	}
}

void rtf_tokens_init(struct rtf_tokens *tokens,
		     void (*take_token)(void *context, const struct rtf_token *token),
		     void *context)
{
	*tokens = (struct rtf_tokens){
	    .sink = {tokens_write}, .take = take_token, .context = context, .state = IN_TEXT};
}
