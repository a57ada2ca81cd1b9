/* Whether an account has what its grant needs, and where its secrets come from: none is read before somebody asks
 * for a token. */
#include "loader/oauth/oauth_internal.h"

#include <string.h>

/* What each grant cannot do without. */
static const struct {
	const char *grant;
	const char *field;
} needs[] = {
    {"certificate", "client-id"},
    {"certificate", "certificate"},
    {"certificate", "token-url"},
    {"certificate", "scope"},
    {"secret", "client-id"},
    {"secret", "token-url"},
    {"secret", "scope"},
    {"code", "client-id"},
    {"code", "token-url"},
    {"code", "authorize-url"},
    {"code", "scope"},
    {"device", "client-id"},
    {"device", "token-url"},
    {"device", "device-url"},
    {"device", "scope"},
    {"service-account", "key"},
    {"service-account", "scope"},
    {"service-account", "token-url"},
    {"refresh-token", "client-id"},
    {"refresh-token", "refresh-token"},
    {"refresh-token", "token-url"},
    {"refresh-token", "scope"},
};

/* An application by itself belongs to one directory. */
static int check_tenant(const struct oauth_account *account, struct error *err)
{
	static const char *const several[] = {"common", "organizations", "consumers", NULL};
	const char *tenant = account_setting(account, "tenant");
	if (!account_is_app_only(account) ||
	    g_strcmp0(account_setting(account, "provider"), "microsoft365") != 0 ||
	    (tenant != NULL && !g_strv_contains(several, tenant)))
		return 0;
	return error_set(err, ERROR_CONFIGURATION,
			 "account '%s': --tenant is needed: the directory's id, as the app "
			 "registration's overview shows it",
			 account->name);
}

/* Google's device flow has no right to mail. */
static int check_device(const struct oauth_account *account, struct error *err)
{
	if (!account_is_grant(account, "device") ||
	    g_strcmp0(account_setting(account, "provider"), "gmail") != 0)
		return 0;
	return error_set(err, ERROR_CONFIGURATION,
			 "account '%s': Google gives no device code for mail: --grant code, on a "
			 "machine without a browser with --paste",
			 account->name);
}

/* Where a person signs in, or nobody has to, it would never be read. */
static int check_refresh_token(const struct oauth_account *account, struct error *err)
{
	if (account_setting(account, "refresh-token") == NULL ||
	    account_is_grant(account, "refresh-token"))
		return 0;
	return error_set(err, ERROR_CONFIGURATION,
			 "account '%s': --refresh-token is for --grant refresh-token; "
			 "--refresh-token '' takes it back",
			 account->name);
}

/* Names what is missing first in the order of the table: one option at a time, as a person gives them. */
int oauth_account_check(const struct oauth_account *account, struct error *err)
{
	g_autofree char *grant = account_grant(account);
	if (account_setting(account, "provider") == NULL)
		return error_set(
		    err, ERROR_CONFIGURATION,
		    "account '%s': --provider is needed: microsoft365, gmail or custom",
		    account->name);
	if (check_device(account, err) != 0 || check_refresh_token(account, err) != 0)
		return -1;
	for (size_t i = 0; i < G_N_ELEMENTS(needs); i++) {
		g_autofree char *value = oauth_setting(account, needs[i].field);
		if (strcmp(needs[i].grant, grant) == 0 && value == NULL)
			return error_set(err, ERROR_CONFIGURATION,
					 "account '%s': --%s is needed for --grant %s",
					 account->name, needs[i].field, grant);
	}
	return check_tenant(account, err);
}

/* A public client, as people sign in with, has none. */
bool oauth_account_lacks_secret(const struct oauth_account *account)
{
	const bool person =
	    account_is_grant(account, "code") || account_is_grant(account, "refresh-token");
	const bool google = person && g_strcmp0(account_setting(account, "provider"), "gmail") == 0;
	return (account_is_grant(account, "secret") || google) &&
	       account_setting(account, "client-secret") == NULL &&
	       account_text(account, "client_secret") == NULL;
}

void oauth_account_keep_secret(struct oauth_account *account, const struct secret *secret)
{
	json_object_set_new(account->document, "client_secret", json_string(secret_text(secret)));
}

int account_client_secret(const struct oauth_account *account, struct secret **ret_secret,
			  struct error *err)
{
	const char *kept = account_text(account, "client_secret");
	const char *source = account_setting(account, "client-secret");
	*ret_secret = NULL;
	if (source != NULL) {
		if (secret_named_read("client-secret", source, ret_secret, err) != 0)
			return error_prefix(err, "account '%s'", account->name);
	} else if (kept != NULL) {
		*ret_secret = secret_new(kept, strlen(kept));
	} else if (oauth_account_lacks_secret(account)) {
		return error_set(err, ERROR_CONFIGURATION,
				 "account '%s' has no client secret: `inqueue oauth login %s` asks "
				 "for it",
				 account->name, account->name);
	}
	return 0;
}

/* RFC 6749, A.17. */
static bool is_refresh_token(const char *text)
{
	const char *at = text;
	while (g_ascii_isprint(*at))
		at++;
	return at > text && *at == '\0' && at - text <= TOKEN_MAX_BYTES;
}

int account_offered_token(const struct oauth_account *account, struct secret **ret_token,
			  struct error *err)
{
	scoped(secret_free) struct secret *token = NULL;
	const char *source = account_setting(account, "refresh-token");
	*ret_token = NULL;
	if (source == NULL || !account_is_grant(account, "refresh-token"))
		return 0;
	if (secret_named_read("refresh-token", source, &token, err) != 0)
		return -1;
	if (!is_refresh_token(secret_text(token)))
		return error_set(err, ERROR_CREDENTIALS,
				 "refresh-token: what its source holds is no token: it has up to "
				 "12 KiB of printable ASCII");
	if (g_strcmp0(account_text(account, "refresh_token_taken"), secret_text(token)) != 0)
		*ret_token = steal(&token);
	return 0;
}

/* One file may hold both, certificate and key. */
char *account_key_source(const struct oauth_account *account)
{
	const char *key = account_setting(account, "key");
	const char *certificate = account_setting(account, "certificate");
	return key != NULL ? g_strdup(key) : g_strconcat("file:", certificate, NULL);
}

void oauth_account_list_sources(const struct oauth_account *account,
				void (*each)(enum secret_source source, const char *reference,
					     void *context),
				void *context)
{
	static const char *const named[] = {"client-secret", "key", "refresh-token"};
	static const char *const files[] = {"certificate", "ca-file"};
	enum secret_source source;
	const char *reference;
	for (size_t i = 0; i < G_N_ELEMENTS(named); i++) {
		const char *stored = account_setting(account, named[i]);
		if (stored != NULL && secret_named_split(stored, &source, &reference))
			each(source, reference, context);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
		const char *path = account_setting(account, files[i]);
		if (path != NULL)
			each(SECRET_FILE, path, context);
	}
}
