/* JSON web tokens by which an application proves who it is (RFC 7523): Entra's with the digest of a
 * certificate, Google's on behalf of a mailbox. */
#include "loader/oauth/oauth_internal.h"

#include <string.h>

/* Entra takes ten minutes, Google at most an hour. */
enum { ASSERTION_LIFE_S = 600, SERVICE_LIFE_S = 3600 };

/* "HEADER.CLAIMS", ready to be signed; takes both documents over. Caller frees. */
static char *assertion_text(json_t *header, json_t *claims)
{
	char *first = json_dumps(header, JSON_COMPACT);
	char *second = json_dumps(claims, JSON_COMPACT);
	g_autofree char *left = base64_url(first, strlen(first));
	g_autofree char *right = base64_url(second, strlen(second));
	g_free(first);
	g_free(second);
	json_decref(header);
	json_decref(claims);
	return g_strconcat(left, ".", right, NULL);
}

/* https://learn.microsoft.com/entra/identity-platform/certificate-credentials: PS256 goes with the
 * SHA-256 of the certificate, RS256 with its SHA-1. */
static json_t *client_header(const char *algorithm, const struct key_certificate *certificate)
{
	const bool modern = strcmp(algorithm, "PS256") == 0;
	return json_pack("{s:s, s:s, s:s}", "alg", algorithm, "typ", "JWT",
			 modern ? "x5t#S256" : "x5t",
			 modern ? certificate->sha256 : certificate->sha1);
}

/* "jti" is random, since a server may take each assertion once (RFC 7523, 3). */
int assertion_of_client(const struct oauth_account *account, int64_t now_s, char **ret_assertion,
			struct error *err)
{
	g_autofree char *source = account_key_source(account);
	g_autofree char *url = oauth_setting(account, "token-url");
	g_autofree char *algorithm = oauth_setting(account, "algorithm");
	g_autofree char *number = g_uuid_string_random();
	const char *client = account_setting(account, "client-id");
	const int64_t end_s = now_s + ASSERTION_LIFE_S;
	scoped(secret_free) struct secret *pem = NULL;
	struct key_certificate certificate;
	/* One file may hold both. */
	const char *field = account_setting(account, "key") != NULL ? "key" : "certificate";
	if (secret_named_read_text(field, source, &pem, err) != 0 ||
	    key_certificate_read(account_setting(account, "certificate"), pem, &certificate, err) !=
		0)
		return error_prefix(err, "account '%s'", account->name);
	g_autofree char *text =
	    assertion_text(client_header(algorithm, &certificate),
			   json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "aud", url, "iss",
				     client, "sub", client, "jti", number, "iat", (json_int_t)now_s,
				     "nbf", (json_int_t)now_s, "exp", (json_int_t)end_s));
	key_certificate_clear(&certificate);
	return key_sign(pem, algorithm, text, ret_assertion, err) != 0
		   ? error_prefix(err, "account '%s'", account->name)
		   : 0;
}

static int service_refuse(const struct oauth_account *account, struct error *err)
{
	return error_set(err, ERROR_CONFIGURATION,
			 "account '%s': the key is no key file of a Google service account: JSON "
			 "with \"client_email\" and \"private_key\"",
			 account->name);
}

/* https://developers.google.com/identity/protocols/oauth2/service-account. "sub" is the mailbox: an administrator
 * of the Workspace has let the service account act for all of them. */
int assertion_of_service(const struct oauth_account *account, const char *user, int64_t now_s,
			 char **ret_assertion, struct error *err)
{
	scoped(secret_free) struct secret *file = NULL;
	scoped(secret_free) struct secret *pem = NULL;
	g_autofree char *url = oauth_setting(account, "token-url");
	g_autofree char *scope = oauth_setting(account, "scope");
	const int64_t end_s = now_s + SERVICE_LIFE_S;
	if (secret_named_read_text("key", account_setting(account, "key"), &file, err) != 0)
		return error_prefix(err, "account '%s'", account->name);
	json_auto_t *key = json_loads(secret_text(file), 0, NULL);
	const char *issuer = json_string_value(json_object_get(key, "client_email"));
	const char *private_key = json_string_value(json_object_get(key, "private_key"));
	const char *id = json_string_value(json_object_get(key, "private_key_id"));
	if (issuer == NULL || private_key == NULL)
		return service_refuse(account, err);
	pem = secret_new(private_key, strlen(private_key));
	g_autofree char *text = assertion_text(
	    json_pack("{s:s, s:s, s:s*}", "alg", "RS256", "typ", "JWT", "kid", id),
	    json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "iss", issuer, "scope", scope, "aud", url,
		      "sub", user, "iat", (json_int_t)now_s, "exp", (json_int_t)end_s));
	return key_sign(pem, "RS256", text, ret_assertion, err) != 0
		   ? error_prefix(err, "account '%s'", account->name)
		   : 0;
}
