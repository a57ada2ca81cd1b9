/*
 * Counts open parentheses in what a server says, answer by answer. A literal is skipped by its
 * size, so that mail costs nothing. In "* OK …", tagged answers and "+ …" the rest of the line is
 * text for people, in which "{12}" announces no literal: if it did, a server could hide a nested
 * answer in it.
 */
#include "loader/imap/wire/nesting.h"

#include <glib.h>
#include <string.h>

enum brace { BRACE_NONE, BRACE_OPEN, BRACE_DIGITS, BRACE_PLUS, BRACE_CLOSED };

/* Larger numbers are no size of a literal (RFC 3501, 9), whatever is expected. */
#define NUMBER_MAX UINT64_C(4294967295)

static void follow_brace(struct nesting *nesting, char c)
{
	const bool digit = g_ascii_isdigit(c);
	if (c == '{') {
		nesting->brace = BRACE_OPEN;
		nesting->number = 0;
	} else if (digit && (nesting->brace == BRACE_OPEN || nesting->brace == BRACE_DIGITS)) {
		nesting->brace = BRACE_DIGITS;
		if (nesting->number <= NUMBER_MAX)
			nesting->number = nesting->number * 10 + (uint64_t)(c - '0');
	} else if (c == '+' && nesting->brace == BRACE_DIGITS) {
		nesting->brace = BRACE_PLUS;
	} else if (c == '}' && (nesting->brace == BRACE_DIGITS || nesting->brace == BRACE_PLUS)) {
		nesting->brace = BRACE_CLOSED;
	} else if (c != '\r') {
		nesting->brace = BRACE_NONE;
	}
}

/* True if the rest of the line is text for people. */
static bool is_text(const struct nesting *nesting)
{
	static const char *const states[] = {"* OK", "* NO", "* BAD", "* BYE", "* PREAUTH"};
	if (nesting->start_size == 0 || nesting->start[0] != '*')
		return true;
	for (size_t i = 0; i < G_N_ELEMENTS(states); i++) {
		const size_t length = strlen(states[i]);
		if (nesting->start_size >= length &&
		    g_ascii_strncasecmp(nesting->start, states[i], length) == 0)
			return true;
	}
	return false;
}

static void end_line(struct nesting *nesting)
{
	nesting->quoted = false;
	nesting->escaped = false;
	nesting->in_answer = nesting->brace == BRACE_CLOSED && !is_text(nesting);
	nesting->brace = BRACE_NONE;
	/* The answer goes on behind the literal: its depth stays. */
	if (nesting->in_answer) {
		nesting->literal_left = nesting->number;
		if (nesting->number > NUMBER_MAX ||
		    (nesting->literal_max > 0 && nesting->number > nesting->literal_max))
			nesting->fault = NESTING_LONG_LITERAL;
		return;
	}
	nesting->answers++;
	if (nesting->answers_max > 0 && nesting->answers > nesting->answers_max)
		nesting->fault = NESTING_MANY_ANSWERS;
	nesting->depth = 0;
	nesting->quoted_depth = 0;
	nesting->start_size = 0;
	nesting->numbers = (struct numbers){0};
}

static void follow_parenthesis(struct nesting *nesting, bool open)
{
	if (open) {
		nesting->quoted_depth++;
		nesting->depth += !nesting->quoted;
		return;
	}
	nesting->quoted_depth -= nesting->quoted_depth > 0;
	nesting->depth -= !nesting->quoted && nesting->depth > 0;
}

static void follow(struct nesting *nesting, char c)
{
	if (!nesting->in_answer && nesting->start_size < sizeof nesting->start)
		nesting->start[nesting->start_size++] = c;
	if (!nesting->quoted && numbers_feed(&nesting->numbers, c) != 0) {
		nesting->fault = NESTING_LARGE_NUMBER;
		return;
	}
	if (c == '\n') {
		end_line(nesting);
		return;
	}
	follow_brace(nesting, c);
	if (c == '(' || c == ')')
		follow_parenthesis(nesting, c == '(');
	else if (c == '"' && !nesting->escaped)
		nesting->quoted = !nesting->quoted;
	nesting->escaped = c == '\\' && nesting->quoted && !nesting->escaped;
}

/* A literal is stepped over as a whole; all other bytes are looked at. */
int nesting_feed(struct nesting *nesting, const char *bytes, size_t size)
{
	for (size_t i = 0; i < size;) {
		const size_t skipped = (size_t)MIN(nesting->literal_left, (uint64_t)(size - i));
		nesting->literal_left -= skipped;
		i += skipped;
		if (i < size)
			follow(nesting, bytes[i++]);
		if (nesting->depth > NESTING_MAX || nesting->quoted_depth > NESTING_QUOTED_MAX)
			nesting->fault = NESTING_DEEP;
		if (nesting->fault != NESTING_NO_FAULT)
			return -1;
	}
	return 0;
}
