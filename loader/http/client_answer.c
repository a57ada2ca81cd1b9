/* Judges an answer: what it says as text, without the secrets that were sent; whether another
 * request follows; and what went wrong where there is none. */
#include "loader/http/client_internal.h"

#include "loader/base/clock.h"
#include "loader/base/secret.h"
#include "loader/http/target.h"

#include <string.h>

enum { REDIRECTS_MAX = 3 };

/* ---- the text of an answer ---- */

/* Every place is replaced: an answer may repeat its request several times. */
static void hide(GString *text, const char *secret)
{
	if (secret != NULL && *secret != '\0')
		g_string_replace(text, secret, "***", 0);
}

/* The value of a field, and the token behind its scheme: "Bearer TOKEN". */
static void hide_value(GString *text, const char *field)
{
	const char *value = strchr(field, ':') + 1;
	value += strspn(value, " ");
	hide(text, value);
	const char *last = strrchr(value, ' ');
	hide(text, last != NULL ? last + 1 : NULL);
}

/* curl sends user and password as base64: an answer that repeats the request has that form. */
static void hide_password(GString *text, const char *url)
{
	char *user;
	char *password;
	if (!target_find_credentials(url, &user, &password))
		return;
	char *pair = g_strconcat(user, ":", password, NULL);
	char *base64 = g_base64_encode((const guchar *)pair, strlen(pair));
	hide(text, base64);
	hide(text, password);
	secret_wipe(base64);
	secret_wipe(pair);
	secret_wipe(password);
	g_free(user);
}

/* A target may repeat its request in its answer, and answers are kept in the database. */
static void hide_secrets(const struct http_transfer *transfer)
{
	for (char **field = transfer->secret_fields; field != NULL && *field != NULL; field++)
		hide_value(transfer->kept, *field);
	hide_password(transfer->kept, transfer->url);
}

/* Control characters have no place in a database that people read. Caller frees; NULL for an
 * empty answer. */
static char *answer_text(const struct http_transfer *transfer)
{
	GString *kept = transfer->kept;
	if (kept->len == 0)
		return NULL;
	for (gsize i = 0; i < kept->len; i++) {
		if (kept->str[i] == '\0')
			kept->str[i] = ' ';
	}
	hide_secrets(transfer);
	g_string_truncate(kept, MIN(kept->len, ANSWER_KEPT));
	char *text = g_utf8_make_valid(kept->str, (gssize)kept->len);
	for (char *at = text; *at != '\0'; at++) {
		if (g_ascii_iscntrl(*at) && *at != '\n' && *at != '\t')
			*at = ' ';
	}
	return text;
}

/* ---- what it means ---- */

/* 304 and the like answer no post. All five are followed with the method and the body of the
 * post: one that became a GET, as browsers do it, would deliver nothing. */
static bool is_redirect(int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* The causes that an operator can do something about come first; else curl's own words. */
static int explain_failure(const struct http_transfer *transfer, CURLcode code, struct error *err)
{
	const struct http_options *options = &transfer->client->options;
	g_autofree char *host = target_host(transfer->url);
	const char *text =
	    *transfer->curl_text != '\0' ? transfer->curl_text : curl_easy_strerror(code);
	if (transfer->refused_private)
		return error_set(err, ERROR_UNREACHABLE,
				 "%s has an address of this machine or network: allow-private lets "
				 "entries go there",
				 host);
	if (transfer->refused_clear && options->insecure)
		return error_set(err, ERROR_UNREACHABLE,
				 "%s: credentials do not go in clear to another machine: use "
				 "https://",
				 host);
	if (transfer->refused_clear)
		return error_set(
		    err, ERROR_UNREACHABLE,
		    "%s: mail does not go in clear to another machine: use https://, or "
		    "allow it with deliver-insecure",
		    host);
	if (transfer->verdict == CERTIFICATE_REFUSED) {
		*err = transfer->refusal;
		return -1;
	}
	if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_INVALIDCERTSTATUS) {
		g_autofree char *name = target_name(transfer->url);
		return certificate_explain(transfer->client->trust, transfer->curl, name,
					   transfer->stapled, text, err);
	}
	if (transfer->header_bytes > ANSWER_MAX)
		return error_set(err, ERROR_UNREACHABLE,
				 "%s: the header of the answer is longer than 64 KiB", host);
	if (code == CURLE_OPERATION_TIMEDOUT)
		return error_set(err, ERROR_UNREACHABLE,
				 "%s did not answer in time (%.1f s to connect, %.1f s in all): %s",
				 host, (double)options->connect_timeout_ms / 1000,
				 (double)options->timeout_ms / 1000, text);
	/* Either side may have refused it. */
	const bool handshake = code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CONNECT_ERROR;
	if (handshake && options->client_certificate != NULL)
		return error_set(err, ERROR_UNREACHABLE, "%s: client certificate '%s': %s", host,
				 options->client_certificate, text);
	return error_set(err, ERROR_UNREACHABLE, "%s: %s", host, text);
}

/* True: there is another request to be made. */
static bool follow(struct http_transfer *transfer, int status, struct error *err)
{
	char *location = NULL;
	g_autofree char *host = target_host(transfer->url);
	const struct curl_header *field;
	if (curl_easy_header(transfer->curl, "Location", 0, CURLH_HEADER, -1,
			     (struct curl_header **)&field) == CURLHE_OK)
		location = field->value;
	if (location == NULL || *location == '\0') {
		error_fill(err, ERROR_UNREACHABLE, "%s answered %d without a Location", host,
			   status);
		return false;
	}
	if (transfer->redirects == REDIRECTS_MAX) {
		error_fill(err, ERROR_UNREACHABLE,
			   "the target redirects more than %d times in a row", REDIRECTS_MAX);
		return false;
	}
	char *url;
	bool foreign;
	if (target_follow(transfer->url, location, &url, &foreign, err) != 0)
		return false;
	secret_wipe(transfer->url);
	transfer->url = url;
	transfer->redirects++;
	if (foreign)
		http_transfer_leave_home(transfer);
	return true;
}

/* The status of an answer that is whole, or long enough for us; else 0 and *err. */
static int read_status(const struct http_transfer *transfer, CURLcode code, struct error *err)
{
	long status = 0;
	curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
	const bool enough = code == CURLE_WRITE_ERROR && transfer->answer_bytes > ANSWER_MAX;
	if (transfer->body_error.kind != ERROR_NONE) {
		*err = transfer->body_error;
		return 0;
	}
	if (code != CURLE_OK && !enough) {
		explain_failure(transfer, code, err);
		return 0;
	}
	return (int)status;
}

/* An answer that is none of HTTP's says nothing about the entry, so it counts as no answer. */
static void check_status(const struct http_transfer *transfer, int status, struct error *err)
{
	g_autofree char *host = target_host(transfer->url);
	if (status < 200 || (status >= 300 && status < 400) || status > 599)
		error_fill(err, ERROR_UNREACHABLE,
			   "%s answered %d, which says nothing about the entry", host, status);
}

/* True when the post has ended; *ret_answer is the caller's then. */
bool http_transfer_judge(struct http_transfer *transfer, CURLcode code,
			 struct http_answer *ret_answer)
{
	struct http_answer answer = {.error = {.kind = ERROR_NONE}};
	if (transfer->verdict == CERTIFICATE_STAPLE) {
		transfer->client->stapled = true;
		return false;
	}
	answer.status = read_status(transfer, code, &answer.error);
	if (is_redirect(answer.status)) {
		if (follow(transfer, answer.status, &answer.error))
			return false;
	} else if (answer.error.kind == ERROR_NONE) {
		check_status(transfer, answer.status, &answer.error);
	}
	curl_off_t wait_s = 0;
	curl_easy_getinfo(transfer->curl, CURLINFO_RETRY_AFTER, &wait_s);
	answer.retry_after_s = wait_s;
	answer.redirects = transfer->redirects;
	answer.duration_ms = clock_monotonic_ms() - transfer->started_ms;
	if (answer.status != 0)
		answer.text = answer_text(transfer);
	if (transfer->trace != NULL)
		answer.trace = g_strdup(transfer->trace->str);
	*ret_answer = answer;
	return true;
}
