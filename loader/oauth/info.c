/* What is known of an account without asking anybody: whose it is, when what it has ends, and what should
 * be mended before that. */
#include "loader/oauth/oauth_internal.h"

#include "loader/base/clock.h"

#include <string.h>

#define DAY_MS INT64_C(86400000)

/* A new certificate often needs an administrator, a new sign-in only the person: the one is
 * warned of earlier. */
enum { WARN_CLIENT_DAYS = 30, WARN_REFRESH_DAYS = 14 };

static int64_t secret_ends_ms(const struct oauth_account *account)
{
	const char *day = account_setting(account, "secret-ends");
	if (day == NULL)
		return 0;
	g_autofree char *moment = g_strconcat(day, "T00:00:00Z", NULL);
	g_autoptr(GDateTime) end = g_date_time_new_from_iso8601(moment, NULL);
	return end != NULL ? g_date_time_to_unix(end) * 1000 : 0;
}

/* 0 where the file cannot be read; whoever signs says so. */
static int64_t certificate_ends_ms(const struct oauth_account *account)
{
	const char *path = account_setting(account, "certificate");
	struct key_certificate certificate;
	struct error ignored;
	if (path == NULL || key_certificate_read(path, NULL, &certificate, &ignored) != 0)
		return 0;
	key_certificate_clear(&certificate);
	return certificate.ends_ms;
}

/* The access token that lives longest. */
static int64_t token_ends_ms(const struct oauth_account *account)
{
	int64_t latest_ms = 0;
	const char *user;
	json_t *entry;
	json_object_foreach(json_object_get(account->document, "tokens"), user, entry)
	{
		latest_ms = MAX(latest_ms, account_number(entry, "expires"));
	}
	return latest_ms;
}

/* A service account and an application by itself have none. */
static bool has_refresh_token(const struct oauth_account *account)
{
	return oauth_needs_person(account) || account_is_grant(account, "refresh-token");
}

void oauth_describe(const struct oauth_account *account, struct oauth_info *ret_info)
{
	*ret_info = (struct oauth_info){
	    .provider = account_setting(account, "provider"),
	    .user = account_setting(account, "user"),
	    .grant = account_grant(account),
	    .signed_in =
		!has_refresh_token(account) || account_text(account, "refresh_token") != NULL,
	    .secret_ends_ms = secret_ends_ms(account),
	    .certificate_ends_ms = certificate_ends_ms(account),
	    .refresh_ends_ms = has_refresh_token(account)
				   ? account_number(account->document, "refresh_token_ends")
				   : 0,
	    .token_ends_ms = token_ends_ms(account)};
}

void oauth_info_clear(struct oauth_info *info)
{
	g_free(info->grant);
	info->grant = NULL;
}

struct warning {
	const struct oauth_account *account;
	int64_t now_ms;
	void (*each)(const char *words, void *context);
	void *context;
};

/* `way_out` follows `inqueue oauth login NAME`. */
static void warn_of_end(const struct warning *warning, const char *what, int64_t ends_ms, int days,
			const char *before, const char *way_out)
{
	char day[CLOCK_TEXT_SIZE];
	char left[DURATION_TEXT_SIZE];
	const int64_t left_ms = ends_ms - warning->now_ms;
	if (ends_ms == 0 || left_ms > days * DAY_MS)
		return;
	clock_format_s(ends_ms / 1000, day);
	duration_format(left_ms > 0 ? left_ms / DAY_MS * DAY_MS : 0, left);
	g_autofree char *when = left_ms <= 0 ? g_strdup_printf("has ended (%.10s)", day)
					     : g_strdup_printf("ends in %s (%.10s)", left, day);
	g_autofree char *words = g_strdup_printf(
	    "account '%s': the %s %s: %s`inqueue oauth login %s%s`", warning->account->name, what,
	    when, before, warning->account->name, way_out);
	warning->each(words, warning->context);
}

/* For an account by certificate the refresh token says nothing: it has none (oauth_describe()). */
void oauth_warnings(const struct oauth_account *account, int64_t now_ms,
		    void (*each)(const char *words, void *context), void *context)
{
	const struct warning warning = {account, now_ms, each, context};
	const bool sourced = account_is_grant(account, "refresh-token");
	struct oauth_info info;
	oauth_describe(account, &info);
	warn_of_end(&warning, "certificate", info.certificate_ends_ms, WARN_CLIENT_DAYS,
		    "upload a new one in the app registration, then ", " --certificate FILE");
	warn_of_end(&warning, "client secret", info.secret_ends_ms, WARN_CLIENT_DAYS,
		    "make a new one in the app registration, then ",
		    " --client-secret SOURCE --secret-ends DAY");
	warn_of_end(&warning, "refresh token", info.refresh_ends_ms, WARN_REFRESH_DAYS,
		    sourced ? "put a new one into its source, then " : "", "");
	if (!info.signed_in) {
		g_autofree char *words =
		    g_strdup_printf("account '%s': %s yet: `inqueue oauth login %s`", account->name,
				    sourced ? "no refresh token of its source has been taken"
					    : "nobody has signed in",
				    account->name);
		each(words, context);
	}
	oauth_info_clear(&info);
}
