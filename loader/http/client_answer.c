/* Judges an answer: what it says as text, without secrets; whether another
 * request follows; and what went wrong where there is none. */
#include "loader/http/client_internal.h"

#include "loader/base/clock.h"
#include "loader/base/redact.h"
#include "loader/base/secret.h"
#include "loader/http/target.h"

#include <string.h>

enum { REDIRECTS_MAX = 3, EXPECTATION_FAILED = 417, PROXY_AUTHENTICATION = 407 };

/* curl adds `Expect: 100-continue` to a post that is larger. */
#define EXPECT_ABOVE ((uint64_t)1024 * 1024)

/* ---- the text of an answer ---- */

/* Control characters have no place in a database that people read. Caller frees; NULL for an
 * empty answer. */
static char *answer_text(const struct http_transfer *transfer)
{
	const GString *kept = transfer->kept;
	if (kept->len == 0)
		return NULL;
	g_autofree char *harmless = redact_cut(kept->str, kept->len, ANSWER_KEPT);
	char *text = g_utf8_make_valid(harmless, -1);
	for (char *at = text; *at != '\0'; at++) {
		if (g_ascii_iscntrl(*at) && *at != '\n' && *at != '\t')
			*at = ' ';
	}
	return text;
}

/* ---- what it means ---- */

/* Who an error is about: with a proxy between, either may be at fault. Caller frees. */
static char *answer_peer(const struct http_transfer *transfer)
{
	g_autofree char *host = target_host(transfer->url);
	if (transfer->proxy == NULL)
		return g_steal_pointer(&host);
	g_autofree char *proxy = target_host(transfer->proxy);
	return g_strdup_printf("%s through the proxy %s", host, proxy);
}

/* 304 and the like answer no post. All five are followed with the method and the body of the
 * post: one that became a GET, as browsers do it, would deliver nothing. */
static bool is_redirect(int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static int explain_proxy_password(const char *host, struct error *err)
{
	return error_set(err, ERROR_UNREACHABLE,
			 "%s: answer 407, the proxy asks for a user and password, which "
			 "deliver-proxy=environment takes from https_proxy and http_proxy",
			 host);
}

/* The causes that an operator can do something about come first; else curl's own words. */
static int explain_failure(const struct http_transfer *transfer, CURLcode code, struct error *err)
{
	const struct http_options *options = &transfer->client->options;
	g_autofree char *host = answer_peer(transfer);
	g_autofree char *target = target_host(transfer->url);
	long tunnel_status = 0;
	curl_easy_getinfo(transfer->curl, CURLINFO_HTTP_CONNECTCODE, &tunnel_status);
	/* One that fills its buffer has been cut, and may end within a secret. */
	const size_t size = strlen(transfer->curl_text);
	const char *text =
	    size > 0 && size < CURL_ERROR_SIZE - 1 ? transfer->curl_text : curl_easy_strerror(code);
	if (transfer->refused_private)
		return error_set(err, ERROR_UNREACHABLE,
				 "%s leads to this machine or to a private network: "
				 "allow-private=true lets entries go there",
				 target);
	if (transfer->refused_clear && options->insecure)
		return error_set(err, ERROR_UNREACHABLE,
				 "%s: credentials do not go in clear to another machine: use "
				 "https://",
				 target);
	if (transfer->refused_clear)
		return error_set(
		    err, ERROR_UNREACHABLE,
		    "%s: mail does not go in clear to another machine: use https://, or "
		    "allow it with deliver-insecure",
		    target);
	if (tunnel_status == PROXY_AUTHENTICATION)
		return explain_proxy_password(host, err);
	if (transfer->verdict == CERTIFICATE_REFUSED) {
		*err = transfer->refusal;
		return -1;
	}
	if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_INVALIDCERTSTATUS) {
		g_autofree char *name = target_name(transfer->url);
		return certificate_explain(transfer->client->trust, transfer->curl, name,
					   transfer->stapled, text, err);
	}
	if (code == CURLE_SSL_CONNECT_ERROR) {
		g_autofree char *name = target_name(transfer->url);
		if (certificate_explain_handshake(name, text, err) != 0)
			return -1;
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
	const struct http_options *options = &transfer->client->options;
	char *location = NULL;
	g_autofree char *host = answer_peer(transfer);
	if (options->redirects == TARGET_REDIRECTS_NONE) {
		error_fill(err, ERROR_UNREACHABLE,
			   "%s answered %d: deliver-redirects=none follows no redirect", host,
			   status);
		return false;
	}
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
	if (target_follow(transfer->url, location, options->trusted_hosts, &url, &foreign, err) !=
	    0)
		return false;
	if (foreign && options->redirects == TARGET_REDIRECTS_SAME_HOST) {
		g_autofree char *other = target_host(url);
		error_fill(err, ERROR_UNREACHABLE,
			   "%s redirects to %s, and deliver-redirects=same-host does not go there: "
			   "deliver-trust-host names hosts that may be",
			   host, other);
		g_free(url);
		return false;
	}
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
	if (!transfer->header_ended) {
		g_autofree char *host = answer_peer(transfer);
		error_fill(err, ERROR_UNREACHABLE,
			   "%s closed the connection within the header of its answer", host);
		return 0;
	}
	return (int)status;
}

/* An answer that is none of HTTP's says nothing about the entry, so it counts as no answer. */
static void check_status(const struct http_transfer *transfer, int status, struct error *err)
{
	g_autofree char *host = answer_peer(transfer);
	if (status == PROXY_AUTHENTICATION && transfer->proxy != NULL)
		explain_proxy_password(host, err);
	else if (status < 200 || (status >= 300 && status < 400) || status > 599)
		error_fill(err, ERROR_UNREACHABLE,
			   "%s answered %d, which says nothing about the entry", host, status);
}

/* 417 to a large post is about the `Expect: 100-continue` that curl adds to it, and says nothing about
 * the mail. RFC 9110, 10.1.1: it is sent again without. */
static bool refuses_expect(const struct http_transfer *transfer, int status)
{
	return status == EXPECTATION_FAILED && transfer->size_bytes > EXPECT_ABOVE &&
	       !transfer->no_expect;
}

/* A target may repeat its request wherever it has a say: as the name of a host that it redirects to,
 * as the reason behind its status. */
static void hide_secrets(const struct http_transfer *transfer, struct http_answer *answer)
{
	if (answer->error.kind != ERROR_NONE)
		redact_error(&answer->error);
	if (transfer->trace != NULL)
		answer->trace = redact(transfer->trace->str, transfer->trace->len);
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
	if (refuses_expect(transfer, answer.status)) {
		transfer->no_expect = true;
		return false;
	}
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
	hide_secrets(transfer, &answer);
	*ret_answer = answer;
	return true;
}
