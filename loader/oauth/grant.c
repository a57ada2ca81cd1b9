/* How an access token is asked for, by each grant, and what of the answer is kept. */
#include "loader/oauth/oauth_internal.h"

#include "loader/base/clock.h"
#include "loader/base/redact.h"

#include <gnutls/crypto.h>
#include <stdlib.h>
#include <string.h>

/* A token that says nothing of its life is asked for again after an hour; one of a year, after a day. */
enum {
	LIFE_DEFAULT_S = 3600,
	LIFE_MAX_S = 86400,
	REFRESH_LIFE_MAX_S = 10 * 366 * 86400,
	TOKENS_MAX_BYTES = 512 * 1024,
	ENTRA_REFRESH_LIFE_S = 90 * 86400,
	RENEW_PERCENT = 80,
	JITTER_PERCENT = 5
};

#define GRANT_ASSERTION	 "urn:ietf:params:oauth:grant-type:jwt-bearer"
#define CLIENT_ASSERTION "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

/* A token of a Google service account is for one mailbox; those of other grants are for all that
 * the account may open. */
const char *account_token_key(const struct oauth_account *account, const char *user)
{
	return account_is_grant(account, "service-account") ? user : "*";
}

/* A client proves who it is by an assertion where it has a certificate, else by its secret, if it has one. */
int grant_add_client(const struct oauth_account *account, struct oauth_form *form,
		     struct error *err)
{
	scoped(secret_free) struct secret *secret = NULL;
	char *assertion = NULL;
	form_add(form, "client_id", account_setting(account, "client-id"));
	if (account_setting(account, "certificate") != NULL) {
		if (assertion_of_client(account, clock_now_ms() / 1000, &assertion, err) != 0)
			return -1;
		redact_add(assertion, strlen(assertion));
		form_add(form, "client_assertion_type", CLIENT_ASSERTION);
		form_add(form, "client_assertion", assertion);
		secret_wipe(assertion);
		return 0;
	}
	if (account_client_secret(account, &secret, err) != 0)
		return -1;
	form_add(form, "client_secret", secret != NULL ? secret_text(secret) : NULL);
	return 0;
}

/* The signed statement is all that is needed to get a token for as long as it counts: it is
 * hidden and wiped as a secret is. */
static int grant_service(const struct oauth_account *account, const char *user,
			 struct oauth_form **ret_form, struct error *err)
{
	char *assertion = NULL;
	if (assertion_of_service(account, user, clock_now_ms() / 1000, &assertion, err) != 0)
		return -1;
	redact_add(assertion, strlen(assertion));
	struct oauth_form *form = form_new(GRANT_ASSERTION);
	form_add(form, "assertion", assertion);
	secret_wipe(assertion);
	*ret_form = form;
	return 0;
}

int grant_form(const struct oauth_account *account, const char *user, const char *refresh_token,
	       struct oauth_form **ret_form, struct error *err)
{
	g_autofree char *scope = oauth_setting(account, "scope");
	if (account_is_grant(account, "service-account"))
		return grant_service(account, user, ret_form, err);
	const bool app_only = account_is_app_only(account);
	if (refresh_token == NULL && account_is_grant(account, "refresh-token"))
		return error_set(err, ERROR_CREDENTIALS,
				 "account '%s': the refresh token in its source was used before: "
				 "put a new one there",
				 account->name);
	if (!app_only && refresh_token == NULL)
		return error_set(
		    err, ERROR_CREDENTIALS,
		    "nobody has signed in for account '%s' yet: `inqueue oauth login %s`",
		    account->name, account->name);
	scoped(form_free) struct oauth_form *form =
	    form_new(app_only ? "client_credentials" : "refresh_token");
	if (grant_add_client(account, form, err) != 0)
		return -1;
	form_add(form, "refresh_token", app_only ? NULL : refresh_token);
	form_add(form, "scope", scope);
	*ret_form = steal(&form);
	return 0;
}

/* ---- what comes back ---- */

static int refuse_token(const struct oauth_account *account, const char *why, struct error *err)
{
	return error_set(err, ERROR_PROTOCOL, "account '%s': the token server's answer holds %s",
			 account->name, why);
}

/* RFC 6750, 2.1: anything else could end the line of a command. */
static bool is_token(const char *text)
{
	for (const char *at = text; at != NULL && *at != '\0'; at++) {
		if (!g_ascii_isgraph(*at))
			return false;
	}
	return text != NULL && *text != '\0';
}

/* Some servers write the number as a text, "3599". It is bounded while it is still a
 * floating-point number, since 1e300 fits no integer. */
static int64_t answer_seconds(const struct oauth_answer *answer, const char *key, int64_t otherwise)
{
	const json_t *value = json_object_get(answer->document, key);
	const double seconds = json_is_string(value)
				   ? g_ascii_strtod(json_string_value(value), NULL)
				   : json_number_value(value);
	return seconds >= 1 ? (int64_t)MIN(seconds, REFRESH_LIFE_MAX_S) : otherwise;
}

static uint32_t random_number(void)
{
	uint32_t number;
	if (gnutls_rnd(GNUTLS_RND_NONCE, &number, sizeof number) < 0)
		abort();
	return number;
}

static const char *first_to_end(json_t *tokens)
{
	const char *first = NULL;
	int64_t first_ms = INT64_MAX;
	const char *user;
	json_t *entry;
	json_object_foreach(tokens, user, entry)
	{
		const int64_t end_ms = account_number(entry, "expires");
		if (first == NULL || end_ms < first_ms) {
			first = user;
			first_ms = end_ms;
		}
	}
	return first;
}

/* Mailboxes that no queue has any more leave their tokens here. */
static void make_room(json_t *tokens)
{
	while (json_dumpb(tokens, NULL, 0, 0) > TOKENS_MAX_BYTES)
		json_object_del(tokens, first_to_end(tokens));
}

/* Its life is counted from before the request. It is renewed at 75 to 85 % of it, by chance:
 * accounts that signed in together would else ask together ever after. */
static void take_access_token(struct oauth_account *account, const char *user,
			      const struct oauth_answer *answer, const char *token)
{
	json_t *tokens = json_object_get(account->document, "tokens");
	const char *key = account_token_key(account, user);
	const int64_t life_ms =
	    MIN(answer_seconds(answer, "expires_in", LIFE_DEFAULT_S), LIFE_MAX_S) * 1000;
	const int64_t jitter = random_number() % (2 * JITTER_PERCENT * 100 + 1);
	const int64_t share = RENEW_PERCENT * 100 - JITTER_PERCENT * 100 + jitter;
	const int64_t renew_ms = answer->asked_ms + life_ms * share / 10000;
	const int64_t end_ms = answer->asked_ms + life_ms;
	make_room(tokens);
	json_object_set_new(tokens, key,
			    json_pack("{s:s, s:I, s:I, s:I}", "access_token", token, "issued",
				      (json_int_t)answer->asked_ms, "renew", (json_int_t)renew_ms,
				      "expires", (json_int_t)end_ms));
}

/* The one before stays as a second try. When it ends is what the server says (Google), or what is known
 * of it (Entra). */
static void take_refresh_token(struct oauth_account *account, const struct oauth_answer *answer)
{
	const char *token = answer_text(answer, "refresh_token");
	const char *present = account_text(account, "refresh_token");
	const bool entra = g_strcmp0(account_setting(account, "provider"), "microsoft365") == 0;
	if (token == NULL || *token == '\0')
		return;
	const int64_t life_s =
	    answer_seconds(answer, "refresh_token_expires_in", entra ? ENTRA_REFRESH_LIFE_S : 0);
	const int64_t end_ms = life_s > 0 ? answer->asked_ms + life_s * 1000 : 0;
	if (present != NULL && strcmp(present, token) != 0)
		json_object_set_new(account->document, "refresh_token_before",
				    json_string(present));
	json_object_set_new(account->document, "refresh_token", json_string(token));
	json_object_set_new(account->document, "refresh_token_ends",
			    json_integer((json_int_t)end_ms));
}

/* A person can take single rights out of what is asked for: then the mail server would refuse, without a
 * reason. Servers write a scope with or without what stands before its last slash. */
static int check_scope(const struct oauth_account *account, const struct oauth_answer *answer,
		       struct error *err)
{
	g_autofree char *wanted = oauth_setting(account, "scope");
	const char *given = answer_text(answer, "scope");
	if (given == NULL || account_is_app_only(account))
		return 0;
	g_auto(GStrv) scopes = g_strsplit(wanted, " ", -1);
	for (char **scope = scopes; *scope != NULL; scope++) {
		const bool mail = strcmp(*scope, "https://mail.google.com/") == 0 ||
				  strstr(*scope, "IMAP.") != NULL;
		const char *last = g_str_has_suffix(*scope, "/") ? *scope : strrchr(*scope, '/');
		if (mail && strstr(given, last != NULL ? last : *scope) == NULL) {
			g_autofree char *quoted = answer_quote(given);
			return error_set(
			    err, ERROR_CREDENTIALS,
			    "account '%s': consent to mail is missing, the token is for "
			    "'%s': `inqueue oauth login %s`, and leave the right to mail "
			    "ticked",
			    account->name, quoted, account->name);
		}
	}
	return 0;
}

static bool is_long(const char *token)
{
	return token != NULL && strlen(token) > TOKEN_MAX_BYTES;
}

/* All is checked before anything is taken over: an answer counts as a whole. */
int account_take_tokens(struct oauth_account *account, const char *user,
			const struct oauth_answer *answer, struct error *err)
{
	const char *token = answer_text(answer, "access_token");
	const char *type = answer_text(answer, "token_type");
	if (!is_token(token) || (type != NULL && g_ascii_strcasecmp(type, "Bearer") != 0))
		return refuse_token(account, "no access token", err);
	if (is_long(token) || is_long(answer_text(answer, "refresh_token")))
		return refuse_token(account, "a token of more than 12 KiB", err);
	if (check_scope(account, answer, err) != 0)
		return -1;
	take_refresh_token(account, answer);
	take_access_token(account, user, answer, token);
	/* The server gives tokens again: nobody need wait for it any longer. */
	json_object_del(account->document, "wait");
	return 0;
}
