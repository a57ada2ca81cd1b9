/* Access tokens that last: one process asks for a new one, under the account's lock, and what it gets is
 * on disk before anybody uses it. What the server refuses is noted as well, so that many processes do not
 * ask again and again. */
#include "loader/oauth/oauth_internal.h"

#include "loader/base/clock.h"
#include "queue/base/scoped.h"

#include <string.h>

enum {
	WAIT_DEFAULT_S = 5,		  /* where the server names no time */
	WAIT_MAX_S = 15 * 60,		  /* longer ones are asked again earlier */
	REFUSED_TOO_YOUNG_MS = 10 * 1000, /* another token would not be better */
	MARGIN_MAX_MS = 30 * 1000	  /* a token that ends in a moment is no token any more */
};

/* ---- what is at hand ---- */

struct present {
	const char *token; /* NULL: none that is alive */
	bool fresh;	   /* it need not be renewed yet */
};

/* Times in the future come from a clock that was set back since. The margin is the time to
 * connect and to sign in, at the end of which the token must still be alive: 30 s of an hour, 3
 * s of a token that lives for a minute. */
static struct present account_present(const struct oauth_account *account, const char *user,
				      int64_t now_ms)
{
	const json_t *entry = json_object_get(json_object_get(account->document, "tokens"),
					      account_token_key(account, user));
	const int64_t issued_ms = account_number(entry, "issued");
	const int64_t expires_ms = account_number(entry, "expires");
	const int64_t margin_ms = MIN((expires_ms - issued_ms) / 20, MARGIN_MAX_MS);
	struct present present = {.token =
				      json_string_value(json_object_get(entry, "access_token"))};
	if (now_ms < issued_ms || now_ms >= expires_ms - margin_ms)
		present.token = NULL;
	present.fresh = present.token != NULL && now_ms < account_number(entry, "renew");
	return present;
}

static struct secret *present_take(const struct present *present)
{
	return secret_new(present->token, strlen(present->token));
}

/* ---- asking ---- */

/* The proof of who the client is belongs to one request: a server may take each only once (RFC
 * 7523, 3). */
static int ask_once(struct oauth_account *account, const char *user, const char *refresh_token,
		    struct oauth_answer *ret_answer, struct error *err)
{
	g_autofree char *url = oauth_setting(account, "token-url");
	scoped(form_free) struct oauth_form *form = NULL;
	if (grant_form(account, user, refresh_token, &form, err) != 0)
		return -1;
	return oauth_post(account, url, form, ret_answer, err);
}

static bool is_invalid_grant(const struct oauth_answer *answer)
{
	return !answer_is_good(answer) &&
	       g_strcmp0(answer_text(answer, "error"), "invalid_grant") == 0;
}

/* What the source offers begins a sign-in of its own. That it was taken is noted with what came of it: it is not
 * sent again. */
static int ask_offered(struct oauth_account *account, const char *user,
		       const struct secret *offered, struct oauth_answer *ret_answer,
		       struct error *err)
{
	if (ask_once(account, user, secret_text(offered), ret_answer, err) != 0)
		return -1;
	if (!answer_is_good(ret_answer))
		return 0;
	json_object_set_new(account->document, "refresh_token", json_string(secret_text(offered)));
	json_object_set_new(account->document, "refresh_token_taken",
			    json_string(secret_text(offered)));
	json_object_del(account->document, "refresh_token_before");
	json_object_del(account->document, "refresh_token_ends");
	return 0;
}

/* A refresh token that was written down, but whose answer never counted for the server, is refused; then
 * the one before it may still do. Only a good answer takes the place of the refusal. */
static void ask_with_before(struct oauth_account *account, const char *user,
			    struct oauth_answer *answer)
{
	const char *before = account_text(account, "refresh_token_before");
	struct oauth_answer second = {0};
	struct error ignored;
	if (before == NULL || ask_once(account, user, before, &second, &ignored) != 0)
		return;
	if (!answer_is_good(&second)) {
		answer_clear(&second);
		return;
	}
	answer_clear(answer);
	*answer = second;
	/* Where no new one came, the one before is the one. */
	json_object_set(account->document, "refresh_token",
			json_object_get(account->document, "refresh_token_before"));
}

/* The kept refresh token was refused. A new one in the source goes before the older one: somebody has put it there
 * for this. */
static int ask_again(struct oauth_account *account, const char *user, struct oauth_answer *answer,
		     struct error *err)
{
	scoped(secret_free) struct secret *offered = NULL;
	const int unread = account_offered_token(account, &offered, err);
	if (offered != NULL) {
		answer_clear(answer);
		if (ask_offered(account, user, offered, answer, err) != 0)
			return -1;
		if (!is_invalid_grant(answer))
			return 0;
	}
	ask_with_before(account, user, answer);
	if (unread == 0 || answer_is_good(answer))
		return 0;
	answer_clear(answer);
	return error_prefix(
	    err, "account '%s': the refresh token at hand is refused, and no other is found",
	    account->name);
}

/* What the source offers is taken first where nothing is kept, and at a login, which is how an operator says that
 * something new is there. */
static int ask(struct oauth_account *account, const char *user, bool login,
	       struct oauth_answer *ret_answer, struct error *err)
{
	scoped(secret_free) struct secret *offered = NULL;
	const char *kept = account_text(account, "refresh_token");
	if ((login || kept == NULL) && account_offered_token(account, &offered, err) != 0)
		return error_prefix(err, "account '%s'", account->name);
	if (offered != NULL)
		return ask_offered(account, user, offered, ret_answer, err);
	if (ask_once(account, user, kept, ret_answer, err) != 0)
		return -1;
	return is_invalid_grant(ret_answer) && !account_is_app_only(account)
		   ? ask_again(account, user, ret_answer, err)
		   : 0;
}

/* ---- waiting ---- */

/* All processes heed it; the text has no secret. */
static void account_note_wait(struct oauth_account *account, int64_t retry_after_s,
			      const struct error *why)
{
	const int64_t wait_s =
	    CLAMP(retry_after_s > 0 ? retry_after_s : WAIT_DEFAULT_S, 1, WAIT_MAX_S);
	const int64_t until_ms = clock_now_ms() + wait_s * 1000;
	json_object_set_new(
	    account->document, "wait",
	    json_pack("{s:I, s:s}", "until", (json_int_t)until_ms, "why", why->text));
}

/* True, and *err, while the server wants to be left alone. */
static bool account_waits(const struct oauth_account *account, int64_t now_ms, struct error *err)
{
	const json_t *wait = json_object_get(account->document, "wait");
	const int64_t left_ms = account_number(wait, "until") - now_ms;
	const char *why = json_string_value(json_object_get(wait, "why"));
	char words[DURATION_TEXT_SIZE];
	if (why == NULL || left_ms <= 0 || left_ms > WAIT_MAX_S * INT64_C(1000))
		return false;
	duration_format((left_ms + 999) / 1000 * 1000, words);
	error_fill(err, ERROR_TEMPORARY, "%s; asked again in %s", why, words);
	return true;
}

/* Asks and writes down what came of it. The lock is held. Only a refusal that passes by itself
 * is noted: where a person has to mend something, such as a secret, the next run shows at once
 * whether it is mended. */
static int account_renew(struct oauth_account *account, const char *user, bool login,
			 struct error *err)
{
	g_autofree char *url = oauth_setting(account, "token-url");
	struct oauth_answer answer = {0};
	struct error ignored;
	if (account_reserve(account, err) != 0)
		return -1;
	int failed = ask(account, user, login, &answer, err);
	if (failed == 0 && !answer_is_good(&answer))
		failed = explain_answer(account, url, &answer, err);
	else if (failed == 0)
		failed = account_take_tokens(account, user, &answer, err);
	if (failed != 0 && err->kind == ERROR_TEMPORARY)
		account_note_wait(account, answer.retry_after_s, err);
	answer_clear(&answer);
	if (failed == 0)
		return account_write(account, err);
	if (err->kind == ERROR_TEMPORARY)
		account_write(account, &ignored);
	else
		account_give_room_back(account);
	return -1;
}

/* The file may be another one by now. */
static int account_read_again(struct oauth_account *account, struct error *err)
{
	scoped(oauth_account_free) struct oauth_account *newer = NULL;
	if (oauth_account_open(account->path, &newer, err) != 0)
		return -1;
	json_decref(account->document);
	account->document = json_incref(newer->document);
	return 0;
}

/* Under the lock, with what another process may have brought meanwhile. */
static int account_renew_unless_fresh(struct oauth_account *account, const char *user,
				      struct error *err)
{
	if (account_read_again(account, err) != 0)
		return -1;
	if (account_present(account, user, clock_now_ms()).fresh)
		return 0;
	if (account_waits(account, clock_now_ms(), err))
		return -1;
	return account_renew(account, user, false, err);
}

/* A token that lives is used while another process asks for the next one, and while the server refuses
 * to give one. */
static int account_refresh(struct oauth_account *account, const char *user, struct error *err)
{
	const bool alive = account_present(account, user, clock_now_ms()).token != NULL;
	const int64_t deadline_ms = clock_monotonic_ms() + (alive ? 0 : ACCOUNT_LOCK_WAIT_MS);
	scoped(descriptor_close) int lock = -1;
	struct error ignored;
	if (account_lock(account, deadline_ms, &lock, err) != 0)
		return alive ? 0 : -1;
	if (account_renew_unless_fresh(account, user, err) == 0)
		return 0;
	/* What could not be written down is not used: only the file counts. */
	if (account_read_again(account, &ignored) != 0)
		return -1;
	return account_present(account, user, clock_now_ms()).token != NULL ? 0 : -1;
}

/* Without the lock where the token at hand is fresh: most runs neither wait nor write. */
int oauth_token(const char *path, const char *user, struct secret **ret_token, struct error *err)
{
	scoped(oauth_account_free) struct oauth_account *account = NULL;
	if (oauth_account_open(path, &account, err) != 0) {
		/* To a command a missing account is a wrong argument; here a queue names it. */
		if (err->reason == REASON_MISSING)
			err->kind = ERROR_CONFIGURATION;
		return -1;
	}
	struct present present = account_present(account, user, clock_now_ms());
	if (!present.fresh) {
		if (account_refresh(account, user, err) != 0)
			return -1;
		present = account_present(account, user, clock_now_ms());
	}
	if (present.token == NULL)
		return error_set(err, ERROR_TEMPORARY,
				 "account '%s': the new token has ended before it could be used",
				 account->name);
	*ret_token = present_take(&present);
	return 0;
}

/* Whatever is at hand, and whatever the server said before: an operator wants to know now. */
int oauth_login_by_itself(const char *path, const char *user, struct error *err)
{
	scoped(oauth_account_free) struct oauth_account *account = NULL;
	scoped(descriptor_close) int lock = -1;
	if (oauth_account_open(path, &account, err) != 0 ||
	    account_lock(account, clock_monotonic_ms() + ACCOUNT_LOCK_WAIT_MS, &lock, err) != 0 ||
	    account_read_again(account, err) != 0)
		return -1;
	return account_renew(account, user, true, err);
}

/* The token is taken out only where it is still the one at hand. One that is a few seconds old
 * stays: a mail server that refuses every token, as one with IMAP switched off does, would else
 * be offered a new one by every run of every queue. */
bool oauth_token_refused(const char *path, const char *user, const struct secret *token)
{
	scoped(oauth_account_free) struct oauth_account *account = NULL;
	scoped(descriptor_close) int lock = -1;
	struct error ignored;
	if (oauth_account_open(path, &account, &ignored) != 0 ||
	    account_lock(account, clock_monotonic_ms() + ACCOUNT_LOCK_WAIT_MS, &lock, &ignored) !=
		0 ||
	    account_read_again(account, &ignored) != 0)
		return false;
	json_t *tokens = json_object_get(account->document, "tokens");
	const char *key = account_token_key(account, user);
	const json_t *entry = json_object_get(tokens, key);
	const char *present = json_string_value(json_object_get(entry, "access_token"));
	if (g_strcmp0(present, secret_text(token)) != 0)
		return true; /* another process has brought a newer one */
	if (clock_now_ms() - account_number(entry, "issued") < REFUSED_TOO_YOUNG_MS)
		return false;
	json_object_del(tokens, key);
	return account_write(account, &ignored) == 0;
}

/* ---- the definition ---- */

/* All but what the operator defines, which is the draft's. */
static void take_over(struct oauth_account *account, const struct oauth_account *present)
{
	static const char *const keys[] = {"tokens", "refresh_token", "refresh_token_before",
					   "refresh_token_ends", "refresh_token_taken"};
	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
		json_t *value = json_object_get(present->document, keys[i]);
		if (value != NULL)
			json_object_set(account->document, keys[i], value);
	}
}

/* Tokens that are on disk count where the draft was made from that file and kept its own. */
int oauth_account_save(struct oauth_account *account, struct error *err)
{
	scoped(oauth_account_free) struct oauth_account *present = NULL;
	scoped(descriptor_close) int lock = -1;
	struct error ignored;
	const bool has_tokens = account_text(account, "refresh_token") != NULL ||
				json_object_size(json_object_get(account->document, "tokens")) > 0;
	if (account_lock(account, clock_monotonic_ms() + ACCOUNT_LOCK_WAIT_MS, &lock, err) != 0)
		return -1;
	if (has_tokens && oauth_account_open(account->path, &present, &ignored) == 0)
		take_over(account, present);
	return account_write(account, err);
}
