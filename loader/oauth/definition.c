/* What an account is: the table of its settings, the presets of providers and of sovereign clouds, and
 * what each grant needs. */
#include "loader/oauth/oauth_internal.h"

#include "loader/base/clock.h"
#include "queue/base/nearest.h"

#include <string.h>

/* ---- presets ---- */

/* {tenant} stands for the setting. */
struct preset {
	const char *provider;
	const char *cloud;
	const char *token_url;
	const char *authorize_url;
	const char *device_url;
	const char *revoke_url;
	const char *scope;	    /* of a person */
	const char *scope_app_only; /* of an application by itself */
	const char *imap;	    /* the mail server */
};

#define ENTRA(host) "https://" host "/{tenant}/oauth2/v2.0/"
#define ENTRA_CLOUD(name, host, outlook, scope_host)                                               \
	{                                                                                          \
		"microsoft365", name, ENTRA(host) "token", ENTRA(host) "authorize",                \
		    ENTRA(host) "devicecode", NULL,                                                \
		    "https://" scope_host "/IMAP.AccessAsUser.All offline_access",                 \
		    "https://" outlook "/.default", outlook                                        \
	}

/* https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud;
 * https://developers.google.com/identity/protocols/oauth2. The first of a provider is its default. */
static const struct preset presets[] = {
    ENTRA_CLOUD("global", "login.microsoftonline.com", "outlook.office365.com",
		"outlook.office.com"),
    ENTRA_CLOUD("us", "login.microsoftonline.us", "outlook.office365.us", "outlook.office365.us"),
    ENTRA_CLOUD("us-dod", "login.microsoftonline.us", "outlook-dod.office365.us",
		"outlook-dod.office365.us"),
    ENTRA_CLOUD("china", "login.partner.microsoftonline.cn", "partner.outlook.cn",
		"partner.outlook.cn"),
    {"gmail", "global", "https://oauth2.googleapis.com/token",
     "https://accounts.google.com/o/oauth2/v2/auth", NULL, "https://oauth2.googleapis.com/revoke",
     "https://mail.google.com/", "https://mail.google.com/", "imap.gmail.com"},
    {"custom", "global", NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};

static const struct preset *preset_find(const char *provider, const char *cloud)
{
	for (size_t i = 0; provider != NULL && i < G_N_ELEMENTS(presets); i++) {
		if (strcmp(presets[i].provider, provider) == 0 &&
		    (cloud == NULL || strcmp(presets[i].cloud, cloud) == 0))
			return &presets[i];
	}
	return NULL;
}

/* ---- settings ---- */

enum { FIELD_MAX_BYTES = 4096 };

enum field_kind {
	FIELD_TEXT,   /* any line of text */
	FIELD_CHOICE, /* one of the words in `choices` */
	FIELD_HOST,   /* becomes a part of an address; `choices` says what it is */
	FIELD_URL,
	FIELD_PROXY,
	FIELD_FILE,
	FIELD_SOURCE, /* of a secret */
	FIELD_DAY
};

struct field_row {
	struct oauth_field field;
	enum field_kind kind;
	const char *choices;
	bool identity; /* a token belongs to it */
};

/* The order is that of the help. `identity`: another value means another user or client, whose tokens are not
 * ours. */
static const struct field_row rows[] = {
    {{"provider", "NAME", "microsoft365, gmail or custom"},
     FIELD_CHOICE,
     "microsoft365 gmail custom",
     true},
    {{"cloud", "NAME", "of microsoft365: global, us, us-dod or china"},
     FIELD_CHOICE,
     "global us us-dod china",
     true},
    {{"grant", "NAME",
      "certificate or secret (the application by itself), code or device (a person signs in), "
      "service-account (Google), refresh-token (of a source); left out: by what else is given"},
     FIELD_CHOICE,
     "certificate secret code device service-account refresh-token",
     true},
    {{"tenant", "ID", "Entra's directory: its id or a domain of it"},
     FIELD_HOST,
     "a directory's id, or a domain of it",
     true},
    {{"client-id", "ID", "of the application, as the provider has given it"},
     FIELD_TEXT,
     NULL,
     true},
    {{"user", "NAME", "the mailbox; who is to sign in"}, FIELD_TEXT, NULL, true},
    {{"client-secret", "SOURCE",
      "of the application: file:PATH, env:VARIABLE, command:COMMAND or credential:NAME; without "
      "it the secret is asked for and kept in the account's file"},
     FIELD_SOURCE,
     NULL,
     false},
    {{"secret-ends", "DAY", "when that secret ends (YYYY-MM-DD), to be warned 30 days before"},
     FIELD_DAY,
     NULL,
     false},
    {{"certificate", "FILE", "of the application (PEM); may hold its key as well"},
     FIELD_FILE,
     NULL,
     false},
    {{"key", "SOURCE",
      "the certificate's private key (PEM), or Google's key file (JSON): file:PATH, "
      "credential:NAME, …"},
     FIELD_SOURCE,
     NULL,
     false},
    {{"refresh-token", "SOURCE",
      "of somebody who has signed in elsewhere: file:PATH, env:VARIABLE, command:COMMAND or "
      "credential:NAME; read at login, and again when the one that is kept is refused"},
     FIELD_SOURCE,
     NULL,
     false},
    {{"algorithm", "NAME", "PS256 or RS256: how the certificate's key signs"},
     FIELD_CHOICE,
     "PS256 RS256",
     false},
    {{"scope", "TEXT", "instead of the provider's"}, FIELD_TEXT, NULL, true},
    {{"token-url", "URL", "instead of the provider's"}, FIELD_URL, NULL, true},
    {{"authorize-url", "URL", "the same, where a person signs in (code)"}, FIELD_URL, NULL, false},
    {{"device-url", "URL", "the same, where a device code is asked for"}, FIELD_URL, NULL, false},
    {{"revoke-url", "URL", "the same, where tokens are revoked (RFC 7009)"},
     FIELD_URL,
     NULL,
     false},
    {{"imap-server", "HOST", "where `oauth check` signs in when no queue has this account"},
     FIELD_HOST,
     "the name or the IP address of a host, without a port",
     false},
    {{"ca-file", "FILE", "trust these certificate authorities instead of the system's"},
     FIELD_FILE,
     NULL,
     false},
    {{"proxy", "URL",
      "http://, socks5:// or socks5h:// and HOST:PORT, to the endpoints; without a user name"},
     FIELD_PROXY,
     NULL,
     false},
};

bool oauth_field_at(size_t index, struct oauth_field *ret_field)
{
	if (index >= G_N_ELEMENTS(rows))
		return false;
	*ret_field = rows[index].field;
	return true;
}

static const struct field_row *row_find(const char *field)
{
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		if (strcmp(rows[i].field.name, field) == 0)
			return &rows[i];
	}
	return NULL;
}

static int check_choice(const struct field_row *row, const char *value, struct error *err)
{
	g_auto(GStrv) choices = g_strsplit(row->choices, " ", -1);
	if (g_strv_contains((const char *const *)choices, value))
		return 0;
	struct nearest nearest = nearest_begin(value);
	for (char **choice = choices; *choice != NULL; choice++)
		nearest_try(&nearest, *choice);
	g_autofree char *known = g_strjoinv(", ", choices);
	return error_set(err, ERROR_CONFIGURATION, "%s: '%s' is not known%s%s; it takes %s",
			 row->field.name, value, nearest.best != NULL ? ", did you mean " : "",
			 nearest.best != NULL ? nearest.best : "", known);
}

/* Codes, secrets and tokens go there: in clear only inside this machine. */
static int check_url(const char *field, const char *value, struct error *err)
{
	g_autoptr(GUri) uri = g_uri_parse(value, G_URI_FLAGS_NONE, NULL);
	const char *scheme = uri != NULL ? g_uri_get_scheme(uri) : "";
	const char *host = uri != NULL ? g_uri_get_host(uri) : NULL;
	const bool loopback =
	    host != NULL && (strcmp(host, "127.0.0.1") == 0 || strcmp(host, "::1") == 0);
	if (host == NULL || *host == '\0' || g_uri_get_userinfo(uri) != NULL ||
	    !(strcmp(scheme, "https") == 0 || (strcmp(scheme, "http") == 0 && loopback)))
		return error_set(err, ERROR_CONFIGURATION,
				 "%s: takes an https:// address without a user name (http:// for "
				 "127.0.0.1 only)",
				 field);
	return 0;
}

/* A name or an address alone: it becomes a part of a URL, where "/" or "@" would lead elsewhere. */
static int check_host(const struct field_row *row, const char *value, struct error *err)
{
	const size_t good = strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					  "0123456789._-");
	if (value[good] == '\0' || g_hostname_is_ip_address(value))
		return 0;
	return error_set(err, ERROR_CONFIGURATION, "%s: takes %s", row->field.name, row->choices);
}

/* The definition is shown: a password has no place in it. */
static int check_proxy(const char *field, const char *value, struct error *err)
{
	static const char *const schemes[] = {"http", "socks5", "socks5h", NULL};
	g_autoptr(GUri) uri = g_uri_parse(value, G_URI_FLAGS_NONE, NULL);
	if (uri != NULL && g_strv_contains(schemes, g_uri_get_scheme(uri)) &&
	    g_uri_get_host(uri) != NULL && *g_uri_get_host(uri) != '\0' &&
	    g_uri_get_port(uri) > 0 && g_uri_get_userinfo(uri) == NULL)
		return 0;
	return error_set(err, ERROR_CONFIGURATION,
			 "%s: takes http://, socks5:// or socks5h:// and HOST:PORT, without a user "
			 "name or password: use a proxy that asks for none",
			 field);
}

/* 2026-01-31 and no other form, though ISO 8601 knows more of them. */
static int check_day(const char *field, const char *value, struct error *err)
{
	g_autofree char *moment = g_strconcat(value, "T00:00:00Z", NULL);
	g_autoptr(GDateTime) day = g_date_time_new_from_iso8601(moment, NULL);
	return day != NULL && strlen(value) == strlen("2026-01-31")
		   ? 0
		   : error_set(err, ERROR_CONFIGURATION, "%s: takes a day, YYYY-MM-DD", field);
}

/* A setting goes into forms, URLs and messages for the operator, where a line break would begin
 * something else. */
static int check_line(const char *field, const char *value, struct error *err)
{
	bool odd = !g_utf8_validate(value, -1, NULL);
	if (strlen(value) > FIELD_MAX_BYTES)
		return error_set(err, ERROR_CONFIGURATION, "%s: is longer than %d bytes", field,
				 FIELD_MAX_BYTES);
	for (const char *at = value; *at != '\0'; at++)
		odd = odd || g_ascii_iscntrl(*at);
	return odd ? error_set(err, ERROR_CONFIGURATION,
			       "%s: must be UTF-8 text without control characters", field)
		   : 0;
}

/* The form in which the value is kept: paths absolute, commands as JSON. */
static int field_store(const struct field_row *row, const char *value, char **ret_stored,
		       struct error *err)
{
	const char *field = row->field.name;
	if (check_line(field, value, err) != 0)
		return -1;
	if (row->kind == FIELD_SOURCE)
		return secret_named_parse(field, value, ret_stored, err);
	if ((row->kind == FIELD_CHOICE && check_choice(row, value, err) != 0) ||
	    (row->kind == FIELD_HOST && check_host(row, value, err) != 0) ||
	    (row->kind == FIELD_PROXY && check_proxy(field, value, err) != 0) ||
	    (row->kind == FIELD_URL && check_url(field, value, err) != 0) ||
	    (row->kind == FIELD_DAY && check_day(field, value, err) != 0))
		return -1;
	*ret_stored =
	    row->kind == FIELD_FILE ? g_canonicalize_filename(value, NULL) : g_strdup(value);
	return 0;
}

/* Tokens of another user or client would sign in as that one, without a word. */
static void account_forget_tokens(struct oauth_account *account)
{
	static const char *const keys[] = {"refresh_token", "refresh_token_before",
					   "refresh_token_ends", "wait"};
	json_object_clear(json_object_get(account->document, "tokens"));
	/* A token of the source that was never replaced may be good for the new settings, too; one
	 * that was replaced must not be sent again: a provider would revoke all that came of it. */
	if (g_strcmp0(account_text(account, "refresh_token"),
		      account_text(account, "refresh_token_taken")) == 0)
		json_object_del(account->document, "refresh_token_taken");
	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
		json_object_del(account->document, keys[i]);
}

int oauth_account_set(struct oauth_account *account, const char *field, const char *value,
		      struct error *err)
{
	const struct field_row *row = row_find(field);
	json_t *definition = json_object_get(account->document, "definition");
	g_autofree char *stored = NULL;
	if (row == NULL)
		return error_set(err, ERROR_CONFIGURATION, "unknown setting '%s'", field);
	if (*value != '\0' && field_store(row, value, &stored, err) != 0)
		return -1;
	if (row->identity && g_strcmp0(stored, account_setting(account, field)) != 0)
		account_forget_tokens(account);
	/* What was asked for belongs to the client that it was asked for. */
	if (strcmp(field, "client-id") == 0 || strcmp(field, "client-secret") == 0)
		json_object_del(account->document, "client_secret");
	if (stored == NULL)
		json_object_del(definition, field);
	else
		json_object_set_new(definition, field, json_string(stored));
	return 0;
}

/* What a preset has for a setting; {tenant} is filled in. Caller frees. */
static char *preset_setting(const struct oauth_account *account, const char *field)
{
	const struct preset *preset =
	    preset_find(account_setting(account, "provider"), account_setting(account, "cloud"));
	if (preset == NULL)
		return NULL;
	const struct {
		const char *field;
		const char *value;
	} known[] = {
	    {"token-url", preset->token_url},
	    {"authorize-url", preset->authorize_url},
	    {"device-url", preset->device_url},
	    {"revoke-url", preset->revoke_url},
	    {"scope", account_is_app_only(account) ? preset->scope_app_only : preset->scope},
	    {"imap-server", preset->imap},
	    {"algorithm", "PS256"},
	};
	for (size_t i = 0; i < G_N_ELEMENTS(known); i++) {
		if (strcmp(known[i].field, field) != 0 || known[i].value == NULL)
			continue;
		const char *tenant = account_setting(account, "tenant");
		GString *text = g_string_new(known[i].value);
		g_string_replace(text, "{tenant}", tenant != NULL ? tenant : "common", 0);
		return g_string_free(text, FALSE);
	}
	return NULL;
}

/* What is given counts before what the provider's preset has. */
char *oauth_setting(const struct oauth_account *account, const char *field)
{
	const char *given = account_setting(account, field);
	if (given != NULL)
		return g_strdup(given);
	return strcmp(field, "grant") == 0 ? account_grant(account)
					   : preset_setting(account, field);
}

/* Left out, the grant is the best that what is given allows: one that needs no person before one that does. */
char *account_grant(const struct oauth_account *account)
{
	const char *given = account_setting(account, "grant");
	const bool microsoft = g_strcmp0(account_setting(account, "provider"), "microsoft365") == 0;
	if (given != NULL)
		return g_strdup(given);
	if (account_setting(account, "refresh-token") != NULL)
		return g_strdup("refresh-token");
	if (account_setting(account, "certificate") != NULL)
		return g_strdup("certificate");
	if (account_setting(account, "key") != NULL)
		return g_strdup("service-account");
	if (microsoft && account_setting(account, "client-secret") != NULL)
		return g_strdup("secret");
	return g_strdup("code");
}

bool account_is_grant(const struct oauth_account *account, const char *grant)
{
	g_autofree char *own = account_grant(account);
	return strcmp(own, grant) == 0;
}

/* No mailbox of its own: the token is for the application, and Exchange says which mailboxes that may open. */
bool account_is_app_only(const struct oauth_account *account)
{
	return account_is_grant(account, "certificate") || account_is_grant(account, "secret");
}

bool oauth_needs_person(const struct oauth_account *account)
{
	return account_is_grant(account, "code") || account_is_grant(account, "device");
}
