/* The authorization code grant with PKCE (RFC 6749, 4.1; RFC 7636; RFC 8252): a person signs in with a
 * browser, which brings the code to a loopback address of this machine; on a machine without a browser the
 * person pastes the address that the browser was sent to. `state` tells our answer from a stranger's. */
#include "loader/oauth/oauth_internal.h"

#include "loader/base/clock.h"
#include "loader/base/redact.h"
#include "queue/base/scoped.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/crypto.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	PERSON_TIMEOUT_MS = 10 * 60 * 1000, /* to sign in */
	VISITOR_TIMEOUT_MS = 5000,	    /* to send a request */
	VISITORS_MAX = 200,
	VISIT_MAX_BYTES = 16 * 1024,
	RANDOM_BYTES = 32
};

struct code_login {
	char *verifier;
	char *state;
	char *redirect;
	int listener; /* -1: the address is pasted */
	int browser;  /* that has brought the code, and waits; -1: none */
};

static void code_login_clear(struct code_login *login)
{
	secret_wipe(login->verifier);
	g_free(login->state);
	g_free(login->redirect);
	if (login->listener >= 0)
		close(login->listener);
}

/* 256 bits (RFC 7636, 7.1, asks for as many), in the letters of URLs. */
static char *random_text(void)
{
	unsigned char bytes[RANDOM_BYTES];
	if (gnutls_rnd(GNUTLS_RND_KEY, bytes, sizeof bytes) < 0)
		abort();
	char *text = base64_url(bytes, sizeof bytes);
	explicit_bzero(bytes, sizeof bytes);
	return text;
}

/* RFC 7636, 4.2. Caller frees. */
static char *challenge_of(const char *verifier)
{
	unsigned char digest[32];
	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, verifier, strlen(verifier), digest) < 0)
		abort();
	return base64_url(digest, sizeof digest);
}

/* Any free port of 127.0.0.1; providers let the port of a loopback address vary (RFC 8252, 7.3). */
static int listen_here(int *ret_listener, uint16_t *ret_port, struct error *err)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	scoped(descriptor_close) int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || bind(listener, (const struct sockaddr *)&address, size) != 0 ||
	    listen(listener, 8) != 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &size) != 0)
		return error_set(err, ERROR_IO, "listening on 127.0.0.1: %s", g_strerror(errno));
	*ret_port = ntohs(address.sin_port);
	*ret_listener = descriptor_steal(&listener);
	return 0;
}

/* Entra knows the loopback address as "localhost", all others as RFC 8252 writes it. */
static int code_login_begin(struct code_login *login, const struct oauth_account *account,
			    bool paste, struct error *err)
{
	const bool entra = g_strcmp0(account_setting(account, "provider"), "microsoft365") == 0;
	uint16_t port = 0;
	login->verifier = random_text();
	redact_add(login->verifier, strlen(login->verifier));
	login->state = random_text();
	if (!paste && listen_here(&login->listener, &port, err) != 0)
		return -1;
	const char *host = entra ? "localhost" : "127.0.0.1";
	login->redirect = paste ? g_strdup_printf("http://%s/", host)
				: g_strdup_printf("http://%s:%u/", host, (unsigned)port);
	return 0;
}

/* Caller frees. */
static char *code_address(const struct code_login *login, const struct oauth_account *account)
{
	g_autofree char *url = oauth_setting(account, "authorize-url");
	g_autofree char *scope = oauth_setting(account, "scope");
	g_autofree char *challenge = challenge_of(login->verifier);
	const bool google = g_strcmp0(account_setting(account, "provider"), "gmail") == 0;
	scoped(form_free) struct oauth_form *form = form_new(NULL);
	form_add(form, "response_type", "code");
	form_add(form, "client_id", account_setting(account, "client-id"));
	form_add(form, "redirect_uri", login->redirect);
	form_add(form, "scope", scope);
	form_add(form, "state", login->state);
	form_add(form, "code_challenge", challenge);
	form_add(form, "code_challenge_method", "S256");
	form_add(form, "login_hint", account_setting(account, "user"));
	/* Without these Google gives a refresh token to the first sign-in only. */
	form_add(form, "access_type", google ? "offline" : NULL);
	form_add(form, "prompt", google ? "consent" : NULL);
	return g_strconcat(url, strchr(url, '?') != NULL ? "&" : "?", form->text->str, NULL);
}

/* ---- what the browser brings ---- */

/* A parameter of an address, decoded; NULL for none. Caller frees with secret_wipe(). */
static char *query_value(const char *query, const char *name)
{
	g_auto(GStrv) pairs = g_strsplit(query, "&", 64);
	const size_t length = strlen(name);
	char *value = NULL;
	for (char **pair = pairs; *pair != NULL; pair++) {
		if (value == NULL && strncmp(*pair, name, length) == 0 && (*pair)[length] == '=') {
			g_strdelimit(*pair, "+", ' ');
			value = g_uri_unescape_string(*pair + length + 1, NULL);
		}
		explicit_bzero(*pair, strlen(*pair));
	}
	return value;
}

/* Takes the code out of "…?code=…&state=…". 1: it is none of ours, the next may be. */
static int take_code(const struct code_login *login, const struct oauth_account *account,
		     const char *address, struct secret **ret_code, struct error *err)
{
	const char *mark = strchr(address, '?');
	char *query =
	    g_strndup(mark != NULL ? mark + 1 : "", mark != NULL ? strcspn(mark + 1, " #\r\n") : 0);
	char *code = query_value(query, "code");
	g_autofree char *state = query_value(query, "state");
	g_autofree char *refusal = query_value(query, "error");
	g_autofree char *description = query_value(query, "error_description");
	int result = 1;
	if (state != NULL && strcmp(state, login->state) == 0 && code != NULL && *code != '\0') {
		*ret_code = secret_new(code, strlen(code));
		result = 0;
	} else if (state != NULL && strcmp(state, login->state) == 0 && refusal != NULL) {
		g_autofree char *word = g_utf8_make_valid(refusal, -1);
		g_autofree char *words =
		    description != NULL ? g_utf8_make_valid(description, -1) : NULL;
		struct oauth_answer answer = {.status = 400,
					      .document = json_pack("{s:s, s:s*}", "error", word,
								    "error_description", words)};
		g_autofree char *url = oauth_setting(account, "authorize-url");
		result = explain_answer(account, url, &answer, err);
		answer_clear(&answer);
	}
	secret_wipe(query);
	secret_wipe(code);
	return result;
}

/* The first line of a request is enough; what comes slowly or is long is not ours. */
static bool read_request(int visitor, char *bytes, size_t size)
{
	const int64_t deadline_ms = clock_monotonic_ms() + VISITOR_TIMEOUT_MS;
	size_t length = 0;
	while (length < size - 1) {
		struct pollfd wait = {.fd = visitor, .events = POLLIN};
		const int64_t left_ms = clock_left_ms(deadline_ms);
		if (left_ms == 0 || poll(&wait, 1, (int)left_ms) <= 0)
			return false;
		const ssize_t got = recv(visitor, bytes + length, size - 1 - length, MSG_DONTWAIT);
		if (got <= 0)
			return false;
		length += (size_t)got;
		bytes[length] = '\0';
		if (strstr(bytes, "\r\n\r\n") != NULL)
			return strncmp(bytes, "GET /", strlen("GET /")) == 0;
	}
	return false;
}

/* The browser shows this to a person. A browser that has gone already is no failure: the code
 * has been read. */
static void answer_visitor(int visitor, const char *status, const char *words)
{
	g_autofree char *page = g_strdup_printf(
	    "HTTP/1.1 %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\n"
	    "Cache-Control: no-store\r\nConnection: close\r\n\r\n%s",
	    status, strlen(words), words);
	(void)!send(visitor, page, strlen(page), MSG_NOSIGNAL);
}

void login_tell_browser(int browser, bool signed_in)
{
	if (browser < 0)
		return;
	if (signed_in)
		answer_visitor(browser, "200 OK", "Signed in. This window can be closed.\n");
	else
		answer_visitor(browser, "400 Bad Request",
			       "The sign-in failed. The terminal says why.\n");
	close(browser);
}

/* Who brings the code hears more when the provider has taken it. */
static int receive_visitor(struct code_login *login, const struct oauth_account *account,
			   int visitor, struct secret **ret_code, struct error *err)
{
	char bytes[VISIT_MAX_BYTES];
	int result = 1;
	if (read_request(visitor, bytes, sizeof bytes))
		result = take_code(login, account, bytes, ret_code, err);
	explicit_bzero(bytes, sizeof bytes);
	if (result <= 0) {
		login->browser = visitor;
	} else {
		answer_visitor(visitor, "400 Bad Request", "This is no answer to the sign-in.\n");
		close(visitor);
	}
	return result;
}

/* Any program of this machine can call here, and browsers ask for /favicon.ico: what does not
 * know the state is passed over. The time is bounded as a whole, so that visitors cannot prolong
 * it. */
static int await_browser(struct code_login *login, const struct oauth_account *account,
			 struct secret **ret_code, struct error *err)
{
	const int64_t deadline_ms = clock_monotonic_ms() + PERSON_TIMEOUT_MS;
	for (int i = 0; i < VISITORS_MAX; i++) {
		struct pollfd wait = {.fd = login->listener, .events = POLLIN};
		const int64_t left_ms = clock_left_ms(deadline_ms);
		if (left_ms == 0 || poll(&wait, 1, (int)left_ms) == 0)
			break;
		const int visitor = accept4(login->listener, NULL, NULL, SOCK_CLOEXEC);
		if (visitor < 0)
			continue;
		const int result = receive_visitor(login, account, visitor, ret_code, err);
		if (result <= 0)
			return result;
	}
	return error_set(err, ERROR_CREDENTIALS,
			 "account '%s': nobody has signed in within ten minutes", account->name);
}

/* One try: a second one would need a new code, and so another sign-in. */
static int await_paste(const struct code_login *login, const struct oauth_account *account,
		       const struct oauth_prompt *prompt, struct secret **ret_code,
		       struct error *err)
{
	scoped(secret_free) struct secret *pasted = NULL;
	if (prompt->ask("The address that the browser was sent to: ", &pasted, prompt->context,
			err) != 0)
		return -1;
	if (take_code(login, account, secret_text(pasted), ret_code, err) == 1)
		error_fill(err, ERROR_CREDENTIALS,
			   "account '%s': the address is no answer to this sign-in: copy all of "
			   "the address bar, with code= and state=",
			   account->name);
	return *ret_code != NULL ? 0 : -1;
}

/* ---- the exchange ---- */

/* RFC 7636, 4.5: the verifier proves that this code was asked for here. Somebody who has seen
 * the code alone gets nothing for it. */
static int exchange(const struct code_login *login, const struct oauth_account *account,
		    const struct secret *code, struct oauth_answer *ret_answer, struct error *err)
{
	g_autofree char *url = oauth_setting(account, "token-url");
	g_autofree char *scope = oauth_setting(account, "scope");
	scoped(form_free) struct oauth_form *form = form_new("authorization_code");
	if (grant_add_client(account, form, err) != 0)
		return -1;
	form_add(form, "code", secret_text(code));
	form_add(form, "redirect_uri", login->redirect);
	form_add(form, "code_verifier", login->verifier);
	form_add(form, "scope", scope);
	return oauth_post(account, url, form, ret_answer, err);
}

/* *ret_browser is a socket that still waits for its page: login_tell_browser(). */
int login_by_code(const struct oauth_account *account, bool paste,
		  const struct oauth_prompt *prompt, struct oauth_answer *ret_answer,
		  int *ret_browser, struct error *err)
{
	struct code_login login = {.listener = -1, .browser = -1};
	scoped(secret_free) struct secret *code = NULL;
	int failed = code_login_begin(&login, account, paste, err);
	if (failed == 0) {
		g_autofree char *address = code_address(&login, account);
		g_autofree char *text = g_strdup_printf(
		    paste
			? "Sign in with a browser of any machine at\n\n%s\n\nIt is sent to an "
			  "address of 127.0.0.1 or localhost in the end, and shows an error there: "
			  "that address is the answer.\n"
			: "Sign in with a browser of this machine at\n\n%s\n",
		    address);
		prompt->show(text, prompt->context);
		failed = paste ? await_paste(&login, account, prompt, &code, err)
			       : await_browser(&login, account, &code, err);
	}
	if (failed == 0)
		failed = exchange(&login, account, code, ret_answer, err);
	*ret_browser = login.browser;
	code_login_clear(&login);
	return failed;
}
