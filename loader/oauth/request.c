/* One request to an endpoint: a form goes by POST over a connection that curl makes and the room
 * certificate judges, a JSON object comes back. No redirect is followed: tokens and secrets go where the
 * account says. Buffers that held a secret are wiped. */
#include "loader/oauth/oauth_internal.h"

#include "loader/base/clock.h"
#include "loader/base/redact.h"
#include "loader/certificate/certificate.h"

#include <curl/curl.h>
#include <string.h>

enum {
	REQUEST_MAX_BYTES = 64 * 1024,
	REQUEST_CONNECT_MS = 10000,
	REQUEST_TIMEOUT_MS = 30000,
	CLOCK_OFF_S = 300
};

/* ---- the form ---- */

struct oauth_form *form_new(const char *grant_type)
{
	struct oauth_form *form = g_new0(struct oauth_form, 1);
	/* It does not grow, so that no copy of a secret is left behind. */
	form->text = g_string_sized_new(REQUEST_MAX_BYTES);
	form_add(form, "grant_type", grant_type);
	return form;
}

/* NULL adds nothing, so that callers need not ask what an account has. */
void form_add(struct oauth_form *form, const char *name, const char *value)
{
	if (value == NULL)
		return;
	char *escaped = g_uri_escape_string(value, NULL, FALSE);
	g_string_append_printf(form->text, "%s%s=%s", form->text->len > 0 ? "&" : "", name,
			       escaped);
	secret_wipe(escaped);
}

void form_free(struct oauth_form *form)
{
	if (form == NULL)
		return;
	explicit_bzero(form->text->str, form->text->len);
	g_string_free(form->text, TRUE);
	g_free(form);
}

/* ---- the answer ---- */

void answer_clear(struct oauth_answer *answer)
{
	json_decref(answer->document);
	answer->document = NULL;
}

const char *answer_text(const struct oauth_answer *answer, const char *key)
{
	return json_string_value(json_object_get(answer->document, key));
}

/* Some servers refuse with status 200. */
bool answer_is_good(const struct oauth_answer *answer)
{
	return answer->status / 100 == 2 && answer->document != NULL &&
	       answer_text(answer, "error") == NULL;
}

char *describe_clock(int64_t clock_off_s)
{
	const int64_t off_s = clock_off_s < 0 ? -clock_off_s : clock_off_s;
	char words[DURATION_TEXT_SIZE];
	if (off_s < CLOCK_OFF_S)
		return g_strdup("");
	duration_format(off_s * 1000, words);
	return g_strdup_printf(
	    "; this machine's clock is %s %s that of the token server: set it first", words,
	    clock_off_s > 0 ? "behind" : "ahead of");
}

/* ---- curl ---- */

struct request {
	CURL *curl;
	struct certificate_trust *trust;
	char *host;
	bool stapled;
	enum certificate_verdict verdict;
	struct error refusal;
	char curl_text[CURL_ERROR_SIZE];
	int64_t date_s; /* -1: the server has not said */
	size_t header_bytes;
	size_t length;
	char bytes[REQUEST_MAX_BYTES];
};

static void request_free(struct request *request)
{
	if (request == NULL)
		return;
	curl_easy_cleanup(request->curl);
	certificate_trust_close(request->trust);
	explicit_bzero(request->bytes, sizeof request->bytes);
	g_free(request->host);
	g_free(request);
}
SCOPED_DEFINE(struct request *, request_free)

/* Fewer bytes than curl gave end the transfer: the answer is too long. */
static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
	struct request *request = context;
	const size_t length = size * count;
	if (length > sizeof request->bytes - request->length)
		return 0;
	memcpy(request->bytes + request->length, bytes, length);
	request->length += length;
	return length;
}

/* The date tells a clock that is off (describe_clock()), which else makes good assertions useless without a
 * reason. */
static size_t take_header(char *bytes, size_t size, size_t count, void *context)
{
	struct request *request = context;
	const size_t length = size * count;
	request->header_bytes += length;
	if (length > strlen("date:") && g_ascii_strncasecmp(bytes, "date:", strlen("date:")) == 0) {
		g_autofree char *date =
		    g_strndup(bytes + strlen("date:"), length - strlen("date:"));
		request->date_s = curl_getdate(date, NULL);
	}
	return request->header_bytes > REQUEST_MAX_BYTES ? 0 : length;
}

/* curl calls this when the connection stands and nothing has been sent: no secret goes to a
 * server that is not the right one. Plain http is for this machine only, which check_url() has
 * made sure of. */
static int judge_server(void *context, char *peer, char *local, int peer_port, int local_port)
{
	(void)peer;
	(void)local;
	(void)peer_port;
	(void)local_port;
	struct request *request = context;
	char *scheme = NULL;
	curl_easy_getinfo(request->curl, CURLINFO_SCHEME, &scheme);
	if (scheme != NULL && g_ascii_strcasecmp(scheme, "http") == 0)
		return CURL_PREREQFUNC_OK;
	request->verdict = certificate_judge(request->trust, request->curl, request->host,
					     request->stapled, &request->refusal);
	return request->verdict == CERTIFICATE_GOOD ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

static void request_set_up(struct request *request, const struct oauth_account *account,
			   const char *url, const struct oauth_form *form)
{
	const char *proxy = account_setting(account, "proxy");
	CURL *curl = request->curl;
	request->date_s = -1;
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https,http");
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, form->text->str);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)form->text->len);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "inqueue/" INQUEUE_VERSION);
	/* A redirect would take the client secret, in the body of the POST, to an address that
	 * the account does not name. */
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	/* A proxy of the environment is meant for browsers; the account names its own. */
	curl_easy_setopt(curl, CURLOPT_PROXY, proxy != NULL ? proxy : "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)REQUEST_CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)REQUEST_TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, request->curl_text);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, request);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, request);
	curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, judge_server);
	curl_easy_setopt(curl, CURLOPT_PREREQDATA, request);
	certificate_prepare(request->trust, curl, request->stapled);
}

/* Follows the host's name: "login.example.com is not reached". */
static const char *request_problem(CURLcode code)
{
	switch (code) {
	case CURLE_UNSUPPORTED_PROTOCOL: /* "HTTP/0.9" is what curl calls any other one */
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_CONTENT_ENCODING:
		return "does not answer as a web server does";
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
		return "ends the connection before it has answered";
	default:
		return "is not reached";
	}
}

static int request_explain(struct request *request, const struct oauth_account *account,
			   CURLcode code, struct error *err)
{
	if (request->verdict == CERTIFICATE_REFUSED)
		*err = request->refusal;
	else if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_INVALIDCERTSTATUS)
		certificate_explain(request->trust, request->curl, request->host, request->stapled,
				    request->curl_text, err);
	else if (code == CURLE_WRITE_ERROR)
		error_fill(err, ERROR_PROTOCOL, "%s answers with more than 64 KiB", request->host);
	else if (code == CURLE_OPERATION_TIMEDOUT)
		error_fill(err, ERROR_TEMPORARY, "%s does not answer in time: %s", request->host,
			   request->curl_text);
	else
		error_fill(
		    err, ERROR_UNREACHABLE, "%s %s: %s", request->host, request_problem(code),
		    *request->curl_text != '\0' ? request->curl_text : curl_easy_strerror(code));
	redact_error(err);
	return error_prefix(err, "account '%s'", account->name);
}

/* Whatever becomes of the answer, what it says of itself later shows none of them. */
static void answer_hide_secrets(const struct oauth_answer *answer)
{
	static const char *const names[] = {"access_token", "refresh_token", "id_token",
					    "device_code"};
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		const char *secret = answer_text(answer, names[i]);
		if (secret != NULL)
			redact_add(secret, strlen(secret));
	}
}

/* An answer that is no JSON object, such as a proxy's page, is still one: the status says what
 * to do. */
static void request_take(const struct request *request, struct oauth_answer *answer)
{
	curl_off_t retry_after_s = 0;
	curl_easy_getinfo(request->curl, CURLINFO_RESPONSE_CODE, &answer->status);
	curl_easy_getinfo(request->curl, CURLINFO_RETRY_AFTER, &retry_after_s);
	answer->retry_after_s = retry_after_s;
	answer->document = json_loadb(request->bytes, request->length, 0, NULL);
	if (!json_is_object(answer->document)) {
		json_decref(answer->document);
		answer->document = NULL;
	}
	answer_hide_secrets(answer);
	if (request->date_s >= 0)
		answer->clock_off_s = request->date_s - clock_now_ms() / 1000;
}

static int request_open(const struct oauth_account *account, const char *url,
			struct request **ret_request, struct error *err)
{
	scoped(request_free) struct request *request = g_new0(struct request, 1);
	g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);
	const struct certificate_files files = {.ca_file = account_setting(account, "ca-file"),
						.ca_option = "ca-file",
						.crl_option = "ca-file"};
	request->host = g_strdup(uri != NULL ? g_uri_get_host(uri) : "");
	request->curl = curl_easy_init();
	if (certificate_trust_open(&files, &request->trust, err) != 0)
		return error_prefix(err, "account '%s'", account->name);
	*ret_request = steal(&request);
	return 0;
}

/* A server whose certificate demands a staple is asked a second time, with one. */
int oauth_post(const struct oauth_account *account, const char *url, const struct oauth_form *form,
	       struct oauth_answer *ret_answer, struct error *err)
{
	scoped(request_free) struct request *request = NULL;
	struct oauth_answer answer = {.asked_ms = clock_now_ms()};
	if (request_open(account, url, &request, err) != 0)
		return -1;
	request_set_up(request, account, url, form);
	CURLcode code = curl_easy_perform(request->curl);
	if (request->verdict == CERTIFICATE_STAPLE) {
		request->stapled = true;
		request_set_up(request, account, url, form);
		code = curl_easy_perform(request->curl);
	}
	if (code != CURLE_OK)
		return request_explain(request, account, code, err);
	request_take(request, &answer);
	*ret_answer = answer;
	return 0;
}
