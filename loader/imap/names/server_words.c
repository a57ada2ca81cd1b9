/*
 * Makes a server's words fit for our errors, and finds out what kind of error they stand for: by
 * the response code in brackets, else by phrases that well-known servers use.
 */
#include "loader/imap/names/server_words.h"

#include "loader/base/redact.h"

#include <glib.h>
#include <string.h>

#define WORDS_BYTES_MAX ((size_t)200)

char *server_words(const char *bytes, size_t size)
{
	/* A server may send megabytes in a line: only the beginning is looked at. */
	g_autofree char *harmless = redact_cut(bytes, size, 4 * WORDS_BYTES_MAX);
	g_autofree char *valid = g_utf8_make_valid(harmless, -1);
	g_autoptr(GString) words = g_string_new(NULL);

	g_strstrip(valid);
	for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
		gunichar c = g_utf8_get_char(at);

		/* Room for the longest character and the ellipsis. */
		if (words->len + strlen("…") + 4 > WORDS_BYTES_MAX) {
			g_string_append(words, "…");
			break;
		}
		g_string_append_unichar(words, g_unichar_isprint(c) ? c : '?');
	}
	return g_string_free(g_steal_pointer(&words), FALSE);
}

struct known_words {
	const char *text;
	enum error_kind kind;
};

/* RFC 3501, RFC 5530; THROTTLED is Gmail's. */
static const struct known_words codes[] = {
    {"TRYCREATE", ERROR_CONFIGURATION},
    {"NONEXISTENT", ERROR_CONFIGURATION},
    {"CANNOT", ERROR_CONFIGURATION},
    {"UNAVAILABLE", ERROR_TEMPORARY},
    {"LIMIT", ERROR_TEMPORARY},
    {"INUSE", ERROR_TEMPORARY},
    {"OVERQUOTA", ERROR_TEMPORARY},
    {"THROTTLED", ERROR_TEMPORARY},
    {"NOPERM", ERROR_CREDENTIALS},
    {"AUTHENTICATIONFAILED", ERROR_CREDENTIALS},
    {"AUTHORIZATIONFAILED", ERROR_CREDENTIALS},
    {"EXPIRED", ERROR_CREDENTIALS},
    {"PRIVACYREQUIRED", ERROR_CREDENTIALS},
};

/* Cyrus says the first ones instead of a code; Gmail and Outlook ask for patience with the
 * others. */
static const struct known_words phrases[] = {
    {"permission denied", ERROR_CREDENTIALS},
    {"mailbox does not exist", ERROR_CONFIGURATION},
    {"invalid mailbox name", ERROR_CONFIGURATION},
    {"over quota", ERROR_TEMPORARY},
    {"too many connections", ERROR_TEMPORARY},
    {"too many simultaneous connections", ERROR_TEMPORARY},
    {"is throttled", ERROR_TEMPORARY},
};

/* In lower case, as servers disagree on capitals. */
static enum error_kind find_phrase(const char *words, enum error_kind otherwise)
{
	g_autofree char *lower = g_ascii_strdown(words, -1);

	for (size_t i = 0; i < G_N_ELEMENTS(phrases); i++) {
		if (strstr(lower, phrases[i].text))
			return phrases[i].kind;
	}
	return otherwise;
}

enum error_kind server_words_kind(const char *words, enum error_kind otherwise)
{
	words += strspn(words, " ");
	if (*words != '[')
		return find_phrase(words, otherwise);
	for (size_t i = 0; i < G_N_ELEMENTS(codes); i++) {
		size_t length = strlen(codes[i].text);

		/* The whole code: "[LIMITED]" is not "[LIMIT]". */
		if (!g_ascii_strncasecmp(words + 1, codes[i].text, length) &&
		    (words[1 + length] == ']' || words[1 + length] == ' '))
			return codes[i].kind;
	}
	return find_phrase(words, otherwise);
}
