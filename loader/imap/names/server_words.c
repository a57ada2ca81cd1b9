/*
 * Makes a server's words fit for our errors, and finds out what they stand for: by the response
 * code in brackets, and by phrases that well-known providers use. The two tables are all that is
 * known of what servers say.
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
	enum error_reason reason;
	const char *advice;
};

/* RFC 3501, RFC 5530; THROTTLED and WEBALERT are Gmail's. */
static const struct known_words codes[] = {
    {"TRYCREATE", ERROR_CONFIGURATION, REASON_NONE, NULL},
    {"NONEXISTENT", ERROR_CONFIGURATION, REASON_NONE, NULL},
    {"CANNOT", ERROR_CONFIGURATION, REASON_NONE, NULL},
    {"UNAVAILABLE", ERROR_TEMPORARY, REASON_NONE, NULL},
    {"LIMIT", ERROR_TEMPORARY, REASON_NONE, NULL},
    {"INUSE", ERROR_TEMPORARY, REASON_NONE, NULL},
    {"OVERQUOTA", ERROR_TEMPORARY, REASON_NONE, NULL},
    {"THROTTLED", ERROR_TEMPORARY, REASON_PATIENCE, NULL},
    {"NOPERM", ERROR_CREDENTIALS, REASON_NONE, NULL},
    {"AUTHENTICATIONFAILED", ERROR_CREDENTIALS, REASON_NONE, NULL},
    {"AUTHORIZATIONFAILED", ERROR_CREDENTIALS, REASON_NONE, NULL},
    {"EXPIRED", ERROR_CREDENTIALS, REASON_NONE, NULL},
    {"PRIVACYREQUIRED", ERROR_CREDENTIALS, REASON_NONE, NULL},
};

#define BROWSER "sign in to this account in a web browser once, then try again"

/* In lower case. What a provider means beyond its response code, or instead of one. The first
 * block is Microsoft's, the second Google's, the third Yahoo's, NetEase's and Cyrus's. */
static const struct known_words phrases[] = {
    {"authenticated but not connected", ERROR_TEMPORARY, REASON_PATIENCE,
     "signed in, but the mailbox cannot be opened: licence, IMAP switched off, app permission, "
     "user name of a shared mailbox"},
    {"accesstokenexpired", ERROR_TEMPORARY, REASON_TOKEN_EXPIRED, NULL},
    {"is throttled", ERROR_TEMPORARY, REASON_PATIENCE, NULL},
    {"suggested backoff time", ERROR_TEMPORARY, REASON_PATIENCE, NULL},
    {"server unavailable", ERROR_TEMPORARY, REASON_PATIENCE, NULL},
    {"too many simultaneous connections", ERROR_TEMPORARY, REASON_PATIENCE,
     "too many programs use this account at once"},
    {"too many connections", ERROR_TEMPORARY, REASON_PATIENCE, NULL},
    {"web login required", ERROR_CREDENTIALS, REASON_NONE, BROWSER},
    {"log in via your web browser", ERROR_CREDENTIALS, REASON_NONE, BROWSER},
    {"[webalert", ERROR_CREDENTIALS, REASON_NONE, BROWSER},
    {"application-specific password required", ERROR_CREDENTIALS, REASON_NONE,
     "use an app password of the account, or an access token (--token-command)"},
    {"not enabled for imap use", ERROR_CREDENTIALS, REASON_NONE,
     "switch IMAP on in the settings of the account"},
    {"imap access is disabled", ERROR_CREDENTIALS, REASON_NONE,
     "ask the administrator of the domain to switch IMAP on"},
    {"exceeded command or bandwidth limits", ERROR_TEMPORARY, REASON_PATIENCE, NULL},
    {"rate limit hit", ERROR_TEMPORARY, REASON_PATIENCE,
     "the account is asked too often: let runs be rarer, or poll= longer"},
    {"unsafe login", ERROR_CREDENTIALS, REASON_NONE,
     "the provider wants to be told this program's name: take ID out of disable="},
    {"permission denied", ERROR_CREDENTIALS, REASON_NONE, NULL},
    {"mailbox does not exist", ERROR_CONFIGURATION, REASON_NONE, NULL},
    {"invalid mailbox name", ERROR_CONFIGURATION, REASON_NONE, NULL},
    {"over quota", ERROR_TEMPORARY, REASON_NONE, NULL},
};

static const struct known_words *find_code(const char *words)
{
	for (size_t i = 0; *words == '[' && i < G_N_ELEMENTS(codes); i++) {
		size_t length = strlen(codes[i].text);

		/* The whole code: "[LIMITED]" is not "[LIMIT]". */
		if (!g_ascii_strncasecmp(words + 1, codes[i].text, length) &&
		    (words[1 + length] == ']' || words[1 + length] == ' '))
			return &codes[i];
	}
	return NULL;
}

static const struct known_words *find_phrase(const char *lower)
{
	for (size_t i = 0; i < G_N_ELEMENTS(phrases); i++) {
		if (strstr(lower, phrases[i].text))
			return &phrases[i];
	}
	return NULL;
}

/* "Suggested Backoff Time: 299961 milliseconds". The C library takes "-5" for a number near the largest. */
static uint32_t parse_wait_ms(const char *lower)
{
	static const char before[] = "suggested backoff time: ";
	const char *at = strstr(lower, before);
	bool number = at && g_ascii_isdigit(at[strlen(before)]);
	guint64 wait_ms = number ? g_ascii_strtoull(at + strlen(before), NULL, 10) : 0;

	return (uint32_t)MIN(wait_ms, SERVER_WAIT_MAX_MS);
}

struct server_meaning server_words_meaning(const char *words, enum error_kind otherwise)
{
	/* In lower case, as servers disagree on capitals. */
	g_autofree char *lower = g_ascii_strdown(words, -1);
	const struct known_words *phrase = find_phrase(lower);
	const struct known_words *code = find_code(words + strspn(words, " "));
	struct server_meaning meaning = {.kind = otherwise, .wait_ms = parse_wait_ms(lower)};

	/* A code has the last word on the kind, a phrase says more of why. */
	if (phrase) {
		meaning.kind = phrase->kind;
		meaning.reason = phrase->reason;
		meaning.advice = phrase->advice;
	}
	if (code && (!phrase || code->kind != phrase->kind)) {
		meaning.kind = code->kind;
		meaning.reason = code->reason;
	}
	return meaning;
}

int server_words_error(struct error *err, const struct server_meaning *meaning)
{
	err->kind = meaning->kind;
	err->reason = meaning->reason;
	err->wait_ms = meaning->wait_ms;
	return -1;
}

int server_words_explain(struct error *err, enum error_kind otherwise, const char *did,
			 const char *words)
{
	const struct server_meaning meaning = server_words_meaning(words, otherwise);

	if (meaning.advice)
		error_set(err, meaning.kind, "%s (%s: \"%s\")", meaning.advice, did, words);
	else
		error_set(err, meaning.kind, "%s: %s", did, words);
	return server_words_error(err, &meaning);
}
