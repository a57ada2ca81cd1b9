/* Looks into an access token as far as it is a JSON web token (RFC 7519) and nobody encrypted it: for what,
 * for whom, until when. Its signature is the mail server's business. The token itself is never shown. */
#include "loader/oauth/oauth_internal.h"

#include "loader/base/clock.h"

#include <string.h>

#define MOMENT_MAX_S 253402300799.0 /* the end of the year 9999 */

enum { CLAIM_MAX = 200 };

/* The claims as an object; NULL for a token that says nothing to anybody but its server. */
static json_t *token_claims(const struct secret *token)
{
	const char *text = secret_text(token);
	const char *first = strchr(text, '.');
	const char *second = first != NULL ? strchr(first + 1, '.') : NULL;
	if (second == NULL)
		return NULL;
	GString *part = g_string_new_len(first + 1, second - first - 1);
	g_string_replace(part, "-", "+", 0);
	g_string_replace(part, "_", "/", 0);
	while (part->len % 4 != 0)
		g_string_append_c(part, '=');
	gsize size = 0;
	guchar *bytes = g_base64_decode(part->str, &size);
	json_t *claims = json_loadb((const char *)bytes, size, 0, NULL);
	explicit_bzero(bytes, size);
	explicit_bzero(part->str, part->len);
	g_free(bytes);
	g_string_free(part, TRUE);
	return claims;
}

/* A text, or a list of texts with blanks between; NULL for none. Caller frees. */
static char *claim_text(const json_t *claims, const char *name)
{
	const json_t *value = json_object_get(claims, name);
	if (json_is_string(value))
		return g_strndup(json_string_value(value), CLAIM_MAX);
	if (!json_is_array(value))
		return NULL;
	g_autoptr(GString) all = g_string_new(NULL);
	for (size_t i = 0; i < json_array_size(value) && all->len < CLAIM_MAX; i++) {
		const char *one = json_string_value(json_array_get(value, i));
		g_string_append_printf(all, "%s%s", i > 0 ? " " : "", one != NULL ? one : "?");
	}
	return g_strndup(all->str, CLAIM_MAX);
}

/* Says one claim, and hands it out; NULL where it is not there. Caller frees. */
static char *claim_tell(const json_t *claims, const char *name,
			void (*each)(const char *name, const char *value, void *context),
			void *context)
{
	char *text = claim_text(claims, name);
	if (text != NULL)
		each(name, text, context);
	return text;
}

/* RFC 7519, 2: seconds, with a fraction where the server likes; 0 for none. */
static int64_t claim_moment_s(const json_t *claims, const char *name)
{
	const double moment_s = json_number_value(json_object_get(claims, name));
	return (int64_t)CLAMP(moment_s, 0.0, MOMENT_MAX_S);
}

/* The claim that is wrong is shown: an operator compares it with what the provider's pages say. */
static int claim_refuse(const struct oauth_account *account, const char *why, const char *value,
			const char *way_out, struct error *err)
{
	return error_set(err, ERROR_CREDENTIALS, "account '%s': %s ('%s'): %s", account->name, why,
			 value != NULL ? value : "none", way_out);
}

/* What a token of Entra must say before Exchange takes it: for whom it is, and with which right. */
static int check_entra(const struct oauth_account *account, const char *audience,
		       const char *scopes, const char *roles, struct error *err)
{
	const bool app_only = account_is_app_only(account);
	/* "https://outlook.office365.com", of every cloud; or its number. */
	if (audience != NULL && strstr(audience, "outlook") == NULL &&
	    strcmp(audience, "00000002-0000-0ff1-ce00-000000000000") != 0) {
		g_autofree char *way_out =
		    g_strdup_printf("the scope is wrong: `inqueue oauth login %s --scope ''` takes "
				    "the provider's",
				    account->name);
		return claim_refuse(account, "the token is for another service", audience, way_out,
				    err);
	}
	if (app_only && (roles == NULL || strstr(roles, "IMAP.AccessAsApp") == NULL))
		return claim_refuse(
		    account, "the application may not use IMAP", roles,
		    "give it the application permission IMAP.AccessAsApp with admin "
		    "consent in the app registration, API permissions",
		    err);
	if (!app_only && (scopes == NULL || strstr(scopes, "IMAP.AccessAsUser.All") == NULL))
		return claim_refuse(account, "the token gives no right to IMAP", scopes,
				    "consent is missing: the delegated permission "
				    "IMAP.AccessAsUser.All, then sign in again",
				    err);
	return 0;
}

/* A clock that is off makes good tokens useless, here or there. */
static int check_times(const struct oauth_account *account, const json_t *claims, int64_t now_ms,
		       struct error *err)
{
	const int64_t begins_s = claim_moment_s(claims, "nbf");
	const int64_t ends_s = claim_moment_s(claims, "exp");
	const int64_t early_s = begins_s - now_ms / 1000;
	g_autofree char *clock = describe_clock(begins_s != 0 && early_s > 0 ? early_s : 0);
	if (*clock != '\0')
		return error_set(err, ERROR_CREDENTIALS,
				 "account '%s': the token is not valid yet%s", account->name,
				 clock);
	if (ends_s != 0 && ends_s <= now_ms / 1000)
		return error_set(err, ERROR_CREDENTIALS,
				 "account '%s': the token has ended already, though it is new: set "
				 "this machine's clock",
				 account->name);
	return 0;
}

/* The claims are told before they are judged: with a refusal the operator sees what the token
 * says. */
int oauth_inspect(const struct oauth_account *account, const struct secret *token, int64_t now_ms,
		  void (*each)(const char *name, const char *value, void *context), void *context,
		  struct error *err)
{
	json_auto_t *claims = token_claims(token);
	if (!json_is_object(claims))
		return 0;
	g_autofree char *audience = claim_tell(claims, "aud", each, context);
	g_autofree char *scopes = claim_tell(claims, "scp", each, context);
	g_autofree char *roles = claim_tell(claims, "roles", each, context);
	g_autofree char *tenant = claim_tell(claims, "tid", each, context);
	g_autofree char *user = claim_tell(claims, "upn", each, context);
	const int64_t ends_s = claim_moment_s(claims, "exp");
	char end[CLOCK_TEXT_SIZE];
	clock_format_s(ends_s, end);
	if (ends_s != 0)
		each("exp", end, context);
	if (check_times(account, claims, now_ms, err) != 0)
		return -1;
	return g_strcmp0(account_setting(account, "provider"), "microsoft365") == 0
		   ? check_entra(account, audience, scopes, roles, err)
		   : 0;
}

/* For a mail server that refuses a token which the provider gave: most often the mailbox, not the token, is what
 * is wrong. */
const char *oauth_advice(const struct oauth_account *account)
{
	const char *provider = account_setting(account, "provider");
	if (g_strcmp0(provider, "microsoft365") == 0)
		return account_is_app_only(account)
			   ? "the token is good, so look at Exchange: New-ServicePrincipal with "
			     "the object id of the Enterprise application (not that of the app "
			     "registration), Add-MailboxPermission -AccessRights FullAccess for it "
			     "(takes up to an hour), a licence, IMAP switched on for the mailbox, "
			     "and the mailbox's address as --user-name"
			   : "the token is good, so look at Exchange: IMAP switched on for the "
			     "mailbox, a licence, FullAccess to a shared mailbox, and the "
			     "mailbox's address as --user-name";
	if (g_strcmp0(provider, "gmail") == 0)
		return "the token is good, so look at Google: IMAP switched on in Gmail's settings "
		       "and by the Workspace's administrator, and the mailbox's address as "
		       "--user-name";
	return "the token is good, so ask whoever runs the mail server whether it takes this "
	       "token's scope, and whether --user-name is the mailbox that the token is for";
}
