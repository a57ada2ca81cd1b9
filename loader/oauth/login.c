/* A person signs in, here or by a device code (RFC 8628), and the tokens are kept; and the other way round:
 * what was given is taken back. */
#include "loader/oauth/oauth_internal.h"

#include "loader/base/clock.h"
#include "loader/base/visible.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum {
	DEVICE_LIFE_MAX_S = 1800,
	DEVICE_PAUSE_S =
	    5, /* RFC 8628, 3.2: where the server names none; and what slow_down adds */
	DEVICE_PAUSE_MAX_S = 60
};

#define GRANT_DEVICE "urn:ietf:params:oauth:grant-type:device_code"

/* A number that a server makes up cannot make us wait for longer than `most`. */
static int64_t answer_number_of(const struct oauth_answer *answer, const char *key,
				int64_t otherwise, int64_t most)
{
	const double number = json_number_value(json_object_get(answer->document, key));
	return number >= 1 ? (int64_t)MIN(number, (double)most) : otherwise;
}

/* ---- device code ---- */

static int device_begin(const struct oauth_account *account, struct oauth_answer *ret_answer,
			struct error *err)
{
	g_autofree char *url = oauth_setting(account, "device-url");
	g_autofree char *scope = oauth_setting(account, "scope");
	scoped(form_free) struct oauth_form *form = form_new(NULL);
	form_add(form, "client_id", account_setting(account, "client-id"));
	form_add(form, "scope", scope);
	if (oauth_post(account, url, form, ret_answer, err) != 0)
		return -1;
	if (!answer_is_good(ret_answer))
		return explain_answer(account, url, ret_answer, err);
	if (answer_text(ret_answer, "device_code") == NULL ||
	    answer_text(ret_answer, "user_code") == NULL)
		return error_set(
		    err, ERROR_PROTOCOL,
		    "account '%s': the answer to the request for a device code holds none",
		    account->name);
	return 0;
}

/* Older servers write verification_url. */
static void device_show(const struct oauth_answer *begun, const struct oauth_prompt *prompt)
{
	const char *address = answer_text(begun, "verification_uri");
	if (address == NULL)
		address = answer_text(begun, "verification_url");
	g_autofree char *page =
	    visible_line(address != NULL && *address != '\0' ? address : "the provider's page");
	g_autofree char *code = visible_line(answer_text(begun, "user_code"));
	g_autofree char *text =
	    g_strdup_printf("Open %s with any browser, and enter the code %s\n", page, code);
	prompt->show(text, prompt->context);
}

/* *ret_more: nobody has entered the code yet. */
static int device_ask(const struct oauth_account *account, const char *device_code,
		      struct oauth_answer *ret_answer, bool *ret_more, int64_t *pause_s,
		      struct error *err)
{
	g_autofree char *url = oauth_setting(account, "token-url");
	scoped(form_free) struct oauth_form *form = form_new(GRANT_DEVICE);
	if (grant_add_client(account, form, err) != 0)
		return -1;
	form_add(form, "device_code", device_code);
	if (oauth_post(account, url, form, ret_answer, err) != 0) {
		/* RFC 8628, 3.5: after a time-out the client asks less often. */
		*ret_more = err->kind == ERROR_TEMPORARY;
		*pause_s = MIN(*pause_s * 2, DEVICE_PAUSE_MAX_S);
		return *ret_more ? 0 : -1;
	}
	const char *word = answer_text(ret_answer, "error");
	const bool slower = g_strcmp0(word, "slow_down") == 0 || answer_is_transient(ret_answer);
	*ret_more = slower || g_strcmp0(word, "authorization_pending") == 0;
	*pause_s = MIN(*pause_s + (slower ? DEVICE_PAUSE_S : 0), DEVICE_PAUSE_MAX_S);
	return 0;
}

/* Asks until the code has ended, half an hour at most (DEVICE_LIFE_MAX_S): a person has walked to another machine. */
static int device_poll(const struct oauth_account *account, const struct oauth_answer *begun,
		       struct oauth_answer *ret_answer, struct error *err)
{
	int64_t pause_s = answer_number_of(begun, "interval", DEVICE_PAUSE_S, DEVICE_PAUSE_MAX_S);
	const int64_t deadline_ms =
	    clock_monotonic_ms() +
	    answer_number_of(begun, "expires_in", DEVICE_LIFE_MAX_S, DEVICE_LIFE_MAX_S) * 1000;
	while (clock_left_ms(deadline_ms) > 0) {
		bool more = false;
		const int64_t left_ms = clock_left_ms(deadline_ms);
		poll(NULL, 0, (int)MIN(pause_s * 1000, left_ms));
		if (device_ask(account, answer_text(begun, "device_code"), ret_answer, &more,
			       &pause_s, err) != 0)
			return -1;
		if (!more)
			return 0;
		answer_clear(ret_answer);
	}
	return error_set(
	    err, ERROR_CREDENTIALS,
	    "account '%s': nobody has entered the code in time: `inqueue oauth login %s` "
	    "shows another",
	    account->name, account->name);
}

int login_by_device(const struct oauth_account *account, const struct oauth_prompt *prompt,
		    struct oauth_answer *ret_answer, struct error *err)
{
	struct oauth_answer begun = {0};
	int failed = device_begin(account, &begun, err);
	if (failed == 0) {
		device_show(&begun, prompt);
		failed = device_poll(account, &begun, ret_answer, err);
	}
	answer_clear(&begun);
	return failed;
}

/* ---- keeping ---- */

/* The file may have been written meanwhile: a person takes minutes. */
static int login_keep(const char *path, const struct oauth_answer *answer, struct error *err)
{
	scoped(oauth_account_free) struct oauth_account *account = NULL;
	scoped(descriptor_close) int lock = -1;
	if (oauth_account_open(path, &account, err) != 0 ||
	    account_lock(account, clock_monotonic_ms() + ACCOUNT_LOCK_WAIT_MS, &lock, err) != 0)
		return -1;
	oauth_account_free(steal(&account));
	if (oauth_account_open(path, &account, err) != 0 ||
	    account_take_tokens(account, "", answer, err) != 0)
		return -1;
	/* The one before was another sign-in's. */
	json_object_del(account->document, "refresh_token_before");
	if (account_text(account, "refresh_token") == NULL)
		return error_set(
		    err, ERROR_CREDENTIALS,
		    "account '%s': the provider gave no refresh token, so that the "
		    "sign-in would end within the hour: the scope needs offline_access, "
		    "or what the provider calls so",
		    account->name);
	return account_write(account, err);
}

/* The browser waits for its last page until the tokens are on disk: "Signed in" is true when it is said. */
int oauth_login_by_person(const char *path, bool paste, const struct oauth_prompt *prompt,
			  struct error *err)
{
	scoped(oauth_account_free) struct oauth_account *account = NULL;
	struct oauth_answer answer = {0};
	int browser = -1;
	if (oauth_account_open(path, &account, err) != 0)
		return -1;
	g_autofree char *url = oauth_setting(account, "token-url");
	int failed = account_is_grant(account, "device")
			 ? login_by_device(account, prompt, &answer, err)
			 : login_by_code(account, paste, prompt, &answer, &browser, err);
	if (failed == 0 && !answer_is_good(&answer))
		failed = explain_answer(account, url, &answer, err);
	if (failed == 0)
		failed = login_keep(path, &answer, err);
	login_tell_browser(browser, failed == 0);
	answer_clear(&answer);
	return failed;
}

/* ---- the way back ---- */

/* RFC 7009. A refresh token takes the access tokens made of it along. */
static int revoke_there(const struct oauth_account *account, const char *url, const char *token,
			struct error *err)
{
	struct oauth_answer answer = {0};
	scoped(form_free) struct oauth_form *form = form_new(NULL);
	form_add(form, "token", token);
	if (grant_add_client(account, form, err) != 0 ||
	    oauth_post(account, url, form, &answer, err) != 0)
		return -1;
	/* Google says invalid_token of one that has ended: all is well then. */
	const bool gone = answer.status / 100 == 2 ||
			  g_strcmp0(answer_text(&answer, "error"), "invalid_token") == 0;
	const int failed = gone ? 0 : explain_answer(account, url, &answer, err);
	answer_clear(&answer);
	return failed;
}

/* An account whose provider could not be told is kept, for that token still counts there. */
static int revoke_say_way_out(const struct oauth_account *account, struct error *err)
{
	g_autofree char *said = g_strdup(err->text);
	error_fill(err, err->kind,
		   "%s; the account is kept: `inqueue oauth revoke %s --here` deletes it without "
		   "telling its provider",
		   said, account->name);
	return -1;
}

/* The provider is told first. The other way round, an interruption would leave a refresh token
 * that counts and that nobody here knows any more. */
int oauth_revoke(const char *path, bool tell, bool *ret_told, struct error *err)
{
	scoped(oauth_account_free) struct oauth_account *account = NULL;
	scoped(descriptor_close) int lock = -1;
	if (oauth_account_open(path, &account, err) != 0 ||
	    account_lock(account, clock_monotonic_ms() + ACCOUNT_LOCK_WAIT_MS, &lock, err) != 0)
		return -1;
	oauth_account_free(steal(&account));
	if (oauth_account_open(path, &account, err) != 0)
		return -1;
	g_autofree char *url = oauth_setting(account, "revoke-url");
	g_autofree char *draft = g_strconcat(path, ".new", NULL);
	const char *token = account_text(account, "refresh_token");
	*ret_told = tell && url != NULL && token != NULL;
	if (*ret_told && revoke_there(account, url, token, err) != 0)
		return revoke_say_way_out(account, err);
	unlink(draft);
	return unlink(path) == 0
		   ? 0
		   : error_set(err, ERROR_IO, "account file '%s': %s", path, g_strerror(errno));
}
