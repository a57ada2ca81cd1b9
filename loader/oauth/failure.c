/* What a token endpoint refuses, sorted by what to do about it: tables of Entra's numbers (AADSTS) and of
 * the words of RFC 6749, 7009 and 8628, each with its kind and the way out. */
#include "loader/oauth/oauth_internal.h"

#include "loader/base/redact.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 300 };

/* {login} is `inqueue oauth login NAME`. */
struct failure {
	long number;	  /* Entra's; 0: any */
	const char *word; /* RFC 6749, 5.2; NULL: any */
	const char *said; /* part of the description; NULL: anything */
	enum error_kind kind;
	const char *sentence;
};

#define SIGN_IN_AGAIN "`{login}` signs in again"
#define NEW_TOKEN     "put a new refresh token where --refresh-token names its source"

/* https://learn.microsoft.com/entra/identity-platform/reference-error-codes. */
static const struct failure numbers[] = {
    {7000222, NULL, NULL, ERROR_CREDENTIALS,
     "the client secret has expired: make a new one in the app registration, then `{login} "
     "--client-secret SOURCE`; a certificate lasts longer"},
    {7000215, NULL, NULL, ERROR_CREDENTIALS,
     "the client secret is wrong: it is the secret's value that counts, not its id; `{login} "
     "--client-secret SOURCE` takes the right one"},
    {700016, NULL, NULL, ERROR_CREDENTIALS,
     "the application is not known in this directory: correct --client-id (the Application "
     "(client) id, not an object id) or --tenant with `{login}`"},
    {90002, NULL, NULL, ERROR_CREDENTIALS,
     "there is no such directory: correct --tenant, or --cloud, with `{login}`"},
    {900023, NULL, NULL, ERROR_CREDENTIALS,
     "there is no such directory: correct --tenant with `{login}`"},
    {65001, NULL, NULL, ERROR_CREDENTIALS,
     "consent is missing: an administrator grants it in the app registration, API permissions, or "
     "a person by `{login}`"},
    {90094, NULL, NULL, ERROR_CREDENTIALS,
     "an administrator has to consent: in the app registration, API permissions, Grant admin "
     "consent"},
    {65004, NULL, NULL, ERROR_CREDENTIALS,
     "the person who signed in declined to consent: " SIGN_IN_AGAIN},
    {50173, NULL, NULL, ERROR_CREDENTIALS,
     "the sign-in no longer counts, as after a change of the password: " SIGN_IN_AGAIN},
    {70043, NULL, NULL, ERROR_CREDENTIALS,
     "the directory's sign-in frequency is over: " SIGN_IN_AGAIN
     "; an application by itself (--grant certificate) is not asked"},
    {700082, NULL, NULL, ERROR_CREDENTIALS,
     "the refresh token was not used for too long: " SIGN_IN_AGAIN},
    {70008, NULL, NULL, ERROR_CREDENTIALS, "the refresh token has expired: " SIGN_IN_AGAIN},
    {50076, NULL, NULL, ERROR_CREDENTIALS, "a second factor is asked for: " SIGN_IN_AGAIN},
    {50079, NULL, NULL, ERROR_CREDENTIALS, "a second factor must be set up: " SIGN_IN_AGAIN},
    {50034, NULL, NULL, ERROR_CREDENTIALS,
     "the user is not known in this directory: correct --tenant, or sign in as another user, with "
     "`{login}`"},
    {50057, NULL, NULL, ERROR_CREDENTIALS,
     "the user's account is disabled: an administrator enables it, then `{login}`"},
    {53003, NULL, NULL, ERROR_CREDENTIALS,
     "a Conditional Access policy of the directory blocks this sign-in; device codes are often "
     "blocked: `{login} --grant code`, or an application by itself (--grant certificate)"},
    {530033, NULL, NULL, ERROR_CREDENTIALS,
     "a policy of the directory blocks device codes: `{login} --grant code`, or an application by "
     "itself (--grant certificate)"},
    {700027, NULL, NULL, ERROR_CREDENTIALS,
     "the certificate is not the application's: upload it in the app registration, Certificates & "
     "secrets, or name the right one with `{login} --certificate FILE`"},
    {700024, NULL, NULL, ERROR_CREDENTIALS,
     "the proof of who the application is comes from another time: set this machine's clock"},
    {7000218, NULL, NULL, ERROR_CREDENTIALS,
     "the application has to prove who it is: allow public client flows in the app registration, "
     "Authentication, or `{login} --client-secret SOURCE`"},
    {7000229, NULL, NULL, ERROR_CREDENTIALS,
     "the application has no Enterprise application in this directory: an administrator consents "
     "to it once"},
    {7000112, NULL, NULL, ERROR_CREDENTIALS,
     "the application is disabled in this directory: an administrator enables it in Enterprise "
     "applications"},
    {70011, NULL, NULL, ERROR_CREDENTIALS, "the scope is wrong: correct it with `{login} --scope`"},
    {1002012, NULL, NULL, ERROR_CREDENTIALS,
     "the scope is wrong, an application by itself asks for …/.default: `{login} --scope ''` takes "
     "the right one"},
    {500011, NULL, NULL, ERROR_CREDENTIALS,
     "the scope names a service that this directory does not have: `{login} --scope ''` takes the "
     "right one"},
};

static const struct failure words[] = {
    {0, "unauthorized_client", NULL, ERROR_CREDENTIALS,
     "the client may not do this: for a Google service account an administrator enters its numeric "
     "client id with the scope https://mail.google.com/ under Domain-wide delegation (up to 24 "
     "hours until it counts); else allow this grant where the application is registered"},
    {0, "invalid_grant", "reasonable timeframe", ERROR_CREDENTIALS,
     "the proof of who the account is comes from another time: set this machine's clock"},
    {0, "invalid_grant", "Invalid email or User ID", ERROR_CREDENTIALS,
     "there is no such mailbox in the Workspace: correct the queue's --user-name"},
    {0, "invalid_grant", "Invalid JWT Signature", ERROR_CREDENTIALS,
     "the service account's key was deleted: make a new key file, then `{login} --key file:FILE`"},
    {0, "invalid_grant", NULL, ERROR_CREDENTIALS,
     "what this account signs in with no longer counts (revoked, replaced, used before, or too "
     "old): " SIGN_IN_AGAIN},
    {0, "invalid_client", NULL, ERROR_CREDENTIALS,
     "the client is not known, or its secret is wrong: correct it with `{login} --client-id ID "
     "--client-secret SOURCE`"},
    {0, "invalid_scope", NULL, ERROR_CREDENTIALS,
     "the scope is wrong: correct it with `{login} --scope`"},
    {0, "access_denied", NULL, ERROR_CREDENTIALS,
     "the person who was asked did not agree, or a policy forbids it: " SIGN_IN_AGAIN},
    {0, "expired_token", NULL, ERROR_CREDENTIALS,
     "nobody has entered the code in time: `{login}` shows another"},
    {0, "unsupported_grant_type", NULL, ERROR_CREDENTIALS,
     "the server does not know this grant: choose another with `{login} --grant`"},
    {0, "invalid_request", NULL, ERROR_CREDENTIALS,
     "the server finds the request wrong: correct the account with `{login}`"},
    {0, "interaction_required", NULL, ERROR_CREDENTIALS, "a person is needed: " SIGN_IN_AGAIN},
    {0, "temporarily_unavailable", NULL, ERROR_TEMPORARY, "the server asks for patience"},
    {0, "server_error", NULL, ERROR_TEMPORARY, "the server has a fault of its own"},
    {0, "slow_down", NULL, ERROR_TEMPORARY, "the server asks for patience"},
};

/* "AADSTS7000222: The provided client secret keys …": the number is stable, the words are not. 0 for none. */
static long answer_number(const struct oauth_answer *answer)
{
	const char *description = answer_text(answer, "error_description");
	const char *at = description != NULL ? strstr(description, "AADSTS") : NULL;
	return at != NULL ? strtol(at + strlen("AADSTS"), NULL, 10) : 0;
}

/* Entra's number says more than the word beside it: invalid_grant stands for most of the causes
 * above. */
static const struct failure *failure_find(const struct oauth_answer *answer, long number)
{
	const char *word = answer_text(answer, "error");
	const char *description = answer_text(answer, "error_description");
	for (size_t i = 0; number != 0 && i < G_N_ELEMENTS(numbers); i++) {
		if (numbers[i].number == number)
			return &numbers[i];
	}
	for (size_t i = 0; word != NULL && i < G_N_ELEMENTS(words); i++) {
		if (strcmp(words[i].word, word) == 0 &&
		    (words[i].said == NULL ||
		     (description != NULL && strstr(description, words[i].said) != NULL)))
			return &words[i];
	}
	return NULL;
}

/* 90xxx: the service itself has a problem. */
bool answer_is_transient(const struct oauth_answer *answer)
{
	const long number = answer_number(answer);
	return answer->status == 429 || answer->status == 408 || answer->status >= 500 ||
	       (number >= 90000 && number <= 90099 && number != 90002 && number != 90094);
}

/* One line of what a stranger says, without secrets, and short: it goes into an error. */
char *answer_quote(const char *said)
{
	g_autofree char *first = g_strndup(said, strcspn(said, "\r\n"));
	g_autofree char *safe = redact_cut(first, strlen(first), WORDS_MAX);
	char *valid = g_utf8_make_valid(safe, -1);
	for (char *at = valid; *at != '\0'; at++) {
		if (g_ascii_iscntrl(*at))
			*at = '?';
	}
	return valid;
}

/* The server's own words in parentheses; "" for none. Caller frees. */
static char *answer_words(const struct oauth_answer *answer)
{
	const char *said = answer_text(answer, "error_description");
	if (said == NULL || *said == '\0')
		said = answer_text(answer, "error");
	if (said == NULL || *said == '\0')
		return g_strdup("");
	g_autofree char *quoted = answer_quote(said);
	return g_strdup_printf(" (%s)", quoted);
}

static int explain_known(const struct oauth_account *account, const struct failure *failure,
			 const struct oauth_answer *answer, struct error *err)
{
	g_autofree char *login = g_strdup_printf("inqueue oauth login %s", account->name);
	g_autofree char *clock = describe_clock(answer->clock_off_s);
	g_autofree char *said = answer_words(answer);
	g_autoptr(GString) sentence = g_string_new(failure->sentence);
	if (account_is_grant(account, "refresh-token"))
		g_string_replace(sentence, SIGN_IN_AGAIN, NEW_TOKEN, 0);
	g_string_replace(sentence, "{login}", login, 0);
	error_fill(err, failure->kind, "account '%s': %s%s%s", account->name, sentence->str, clock,
		   said);
	if (failure->kind == ERROR_CREDENTIALS)
		err->reason = REASON_SIGN_IN;
	return -1;
}

static int explain_patience(const struct oauth_account *account, const char *host,
			    const struct oauth_answer *answer, struct error *err)
{
	g_autofree char *said = answer_words(answer);
	return error_set(err, ERROR_TEMPORARY, "account '%s': %s asks for patience: status %ld%s",
			 account->name, host, answer->status, said);
}

/* A server that is busy is asked again, whatever else it says; only then its words are looked up. */
int explain_answer(const struct oauth_account *account, const char *url,
		   const struct oauth_answer *answer, struct error *err)
{
	const long number = answer_number(answer);
	const struct failure *failure = failure_find(answer, number);
	g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);
	const char *host = g_uri_get_host(uri);
	if (answer_is_transient(answer))
		return explain_patience(account, host, answer, err);
	if (failure != NULL)
		return explain_known(account, failure, answer, err);
	if (answer->document == NULL)
		return error_set(err, ERROR_PROTOCOL,
				 "account '%s': %s answers status %ld and no JSON: is it a token "
				 "endpoint, is a proxy between?",
				 account->name, host, answer->status);
	g_autofree char *clock = describe_clock(answer->clock_off_s);
	g_autofree char *said = answer_words(answer);
	error_fill(err, ERROR_CREDENTIALS,
		   "account '%s': %s refuses, status %ld%s%s; `inqueue oauth "
		   "login %s` corrects the account",
		   account->name, host, answer->status, said, clock, account->name);
	err->reason = REASON_SIGN_IN;
	return -1;
}
