/* Sets curl up for one request of a post (fields, safety, limits) and gives it the body, takes
 * the answer, and keeps the trace. */
#include "loader/http/client_internal.h"

#include "loader/base/children.h"
#include "loader/base/clock.h"
#include "loader/base/redact.h"
#include "loader/base/secret.h"
#include "loader/http/address.h"
#include "loader/http/proxy.h"
#include "loader/http/reach.h"
#include "loader/http/target.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- curl's calls ---- */

/* Keeps as much of the answer as shows secrets whole, and counts the rest; a target that never
 * stops is cut off. */
static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
	struct http_transfer *transfer = context;
	const size_t length = size * count;
	const size_t enough = redact_enough(ANSWER_KEPT);
	const size_t room = enough - MIN(enough, transfer->kept->len);
	g_string_append_len(transfer->kept, bytes, (gssize)MIN(length, room));
	transfer->answer_bytes += length;
	/* curl ends the transfer when fewer bytes are taken than it gave. */
	return transfer->answer_bytes > ANSWER_MAX ? 0 : length;
}

/* Called for each line. A header has its own limit, because curl would take any number of fields; and an
 * end, which curl would do without where the connection ends. */
static size_t take_header(char *bytes, size_t size, size_t count, void *context)
{
	struct http_transfer *transfer = context;
	const size_t length = size * count;
	if (length > 5 && memcmp(bytes, "HTTP/", 5) == 0)
		transfer->header_ended = false;
	if (length > 0 && (*bytes == '\r' || *bytes == '\n'))
		transfer->header_ended = true;
	transfer->header_bytes += length;
	return transfer->header_bytes > ANSWER_MAX ? 0 : length;
}

/* curl sends what one call gives, so this puts as many pieces of the body together as fit. */
static size_t give_body(char *bytes, size_t size, size_t count, void *context)
{
	struct http_transfer *transfer = context;
	const size_t room = size * count;
	size_t given = 0;
	for (size_t next = 1; next > 0 && given < room; given += next) {
		if (body_read(transfer->body, bytes + given, room - given, &next,
			      &transfer->body_error) != 0)
			return CURL_READFUNC_ABORT;
	}
	return given;
}

/* curl sends the body again, always from its beginning, when a kept connection turns out to be
 * dead. */
static int seek_body(void *context, curl_off_t offset, int origin)
{
	struct http_transfer *transfer = context;
	if (offset != 0 || origin != SEEK_SET)
		return CURL_SEEKFUNC_CANTSEEK;
	body_rewind(transfer->body);
	return CURL_SEEKFUNC_OK;
}

static bool has_credentials(const struct http_transfer *transfer)
{
	return target_has_user(transfer->url) ||
	       (transfer->secret_fields != NULL && *transfer->secret_fields != NULL);
}

/* What a proxy connects to cannot be seen from here, so that the URL alone is judged. */
static bool refuses_through_proxy(struct http_transfer *transfer)
{
	const struct http_options *options = &transfer->client->options;
	transfer->refused_private = !options->allow_private && reach_says_private(transfer->url);
	transfer->refused_clear =
	    target_is_clear(transfer->url) && (!options->insecure || has_credentials(transfer));
	return transfer->refused_private || transfer->refused_clear;
}

/* Checks the address of this very connection: what a name meant a moment ago does not count. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)purpose;
	struct http_transfer *transfer = context;
	if (transfer->proxy != NULL)
		return refuses_through_proxy(transfer)
			   ? CURL_SOCKET_BAD
			   : socket(address->family, address->socktype | SOCK_CLOEXEC,
				    address->protocol);
	if (!transfer->client->options.allow_private && address_is_private(&address->addr)) {
		transfer->refused_private = true;
		return CURL_SOCKET_BAD;
	}
	if (target_is_clear(transfer->url) && !address_is_loopback(&address->addr) &&
	    (!transfer->client->options.insecure || has_credentials(transfer))) {
		transfer->refused_clear = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* curl calls this before it sends a request, also over a connection that it has kept. */
static int judge_server(void *context, char *remote, char *local, int remote_port, int local_port)
{
	(void)remote;
	(void)local;
	(void)remote_port;
	(void)local_port;
	struct http_transfer *transfer = context;
	/* A connection to a proxy that was kept may have served another host. */
	if (transfer->proxy != NULL && refuses_through_proxy(transfer))
		return CURL_PREREQFUNC_ABORT;
	if (target_is_clear(transfer->url))
		return CURL_PREREQFUNC_OK;
	g_autofree char *host = target_name(transfer->url);
	transfer->verdict = certificate_judge(transfer->client->trust, transfer->curl, host,
					      transfer->stapled, &transfer->refusal);
	return transfer->verdict == CERTIFICATE_GOOD ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

/* `field` is "Name: value"; the colon is compared as well, so that "X-Key" is not "X-Key-Id". */
static bool has_name(const char *line, size_t length, const char *field)
{
	const size_t size = strcspn(field, ":") + 1;
	return length > size && g_ascii_strncasecmp(line, field, size) == 0;
}

/* The values of these fields do not stand in a trace. */
static bool is_secret(const struct http_transfer *transfer, const char *line, size_t length)
{
	static const char *const names[] = {
	    "authorization:", "proxy-authorization:", "cookie:", "set-cookie:"};
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		if (has_name(line, length, names[i]))
			return true;
	}
	for (char **field = transfer->secret_fields; field != NULL && *field != NULL; field++) {
		if (has_name(line, length, *field))
			return true;
	}
	return false;
}

/* One line of the trace for each line of the header or body. */
static void trace_lines(const struct http_transfer *transfer, const char *mark, const char *bytes,
			size_t size)
{
	while (size > 0) {
		const char *end = memchr(bytes, '\n', size);
		const size_t length = end != NULL ? (size_t)(end - bytes) + 1 : size;
		g_autofree char *line = g_strndup(bytes, length);
		const bool secret = is_secret(transfer, bytes, length);
		if (secret)
			*(strchr(line, ':') + 1) = '\0';
		g_strchomp(line);
		g_string_append_printf(transfer->trace, "%s %s%s\n", mark, line,
				       secret ? " ***" : "");
		bytes += length;
		size -= length;
	}
}

/* The body is traced as well: a receiver's developer wants to see it. */
static int trace(CURL *curl, curl_infotype type, char *bytes, size_t size, void *context)
{
	(void)curl;
	struct http_transfer *transfer = context;
	if (type == CURLINFO_HEADER_OUT || type == CURLINFO_DATA_OUT)
		trace_lines(transfer, ">", bytes, size);
	else if (type == CURLINFO_HEADER_IN)
		trace_lines(transfer, "<", bytes, size);
	return 0;
}

/* ---- a request ---- */

/* A request to another host must not carry what is meant for the target alone. */
void http_transfer_leave_home(struct http_transfer *transfer)
{
	g_strfreev(transfer->home_fields);
	for (char **field = transfer->secret_fields; field != NULL && *field != NULL; field++)
		secret_wipe(*field);
	g_free(transfer->secret_fields);
	transfer->home_fields = transfer->secret_fields = NULL;
	transfer->abroad = true;
}

static void add_fields(struct http_transfer *transfer, char *const *fields)
{
	for (; fields != NULL && *fields != NULL; fields++)
		transfer->fields = curl_slist_append(transfer->fields, *fields);
}

/* curl keeps a pointer to the list, so that it lives as long as the request. */
static void set_fields(struct http_transfer *transfer)
{
	curl_slist_free_all(transfer->fields);
	transfer->fields = NULL;
	g_autofree char *type = g_strconcat("Content-Type: ", transfer->content_type, NULL);
	transfer->fields = curl_slist_append(transfer->fields, type);
	if (transfer->no_expect)
		transfer->fields = curl_slist_append(transfer->fields, "Expect:");
	add_fields(transfer, transfer->own_fields);
	add_fields(transfer, transfer->home_fields);
	add_fields(transfer, transfer->secret_fields);
	curl_easy_setopt(transfer->curl, CURLOPT_HTTPHEADER, transfer->fields);
}

/* Only http and https; redirects are followed by ourselves, with our own rules; no server is
 * believed that loader/certificate refuses. */
static void set_safety(struct http_transfer *transfer)
{
	const struct http_options *options = &transfer->client->options;
	CURL *curl = transfer->curl;
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	/* Empty texts keep curl from the environment: what it took past the proxy, or to one,
	 * would hide the address from the check. A proxy that makes a tunnel gets no field of
	 * the post. */
	curl_easy_setopt(curl, CURLOPT_PROXY, transfer->proxy != NULL ? transfer->proxy : "");
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "");
	curl_easy_setopt(curl, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
	curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, transfer);
	certificate_prepare(transfer->client->trust, curl, transfer->stapled);
	curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, judge_server);
	curl_easy_setopt(curl, CURLOPT_PREREQDATA, transfer);
	const char *certificate = transfer->abroad ? NULL : options->client_certificate;
	curl_easy_setopt(curl, CURLOPT_SSLCERT, certificate);
	curl_easy_setopt(curl, CURLOPT_SSLKEY, certificate);
}

/* The time limit is that of the delivery: redirects share it. */
static void set_limits(struct http_transfer *transfer)
{
	const struct http_options *options = &transfer->client->options;
	const int64_t spent_ms = clock_monotonic_ms() - transfer->started_ms;
	curl_easy_setopt(transfer->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(transfer->curl, CURLOPT_CONNECTTIMEOUT_MS,
			 (long)options->connect_timeout_ms);
	/* 0 would mean no limit. */
	curl_easy_setopt(transfer->curl, CURLOPT_TIMEOUT_MS,
			 (long)MAX(options->timeout_ms - spent_ms, 1));
}

/* curl gives each of its calls the transfer as context. */
static void set_calls(struct http_transfer *transfer)
{
	CURL *curl = transfer->curl;
	curl_easy_setopt(curl, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer->curl_text);
	curl_easy_setopt(curl, CURLOPT_READFUNCTION, give_body);
	curl_easy_setopt(curl, CURLOPT_READDATA, transfer);
	curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, seek_body);
	curl_easy_setopt(curl, CURLOPT_SEEKDATA, transfer);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer);
	if (transfer->trace != NULL) {
		curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L);
		curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, trace);
		curl_easy_setopt(curl, CURLOPT_DEBUGDATA, transfer);
	}
}

/* Everything is set for each request, because a redirect may have changed host and credentials. */
void http_transfer_prepare(struct http_transfer *transfer)
{
	CURL *curl = transfer->curl;
	body_rewind(transfer->body);
	g_string_truncate(transfer->kept, 0);
	transfer->answer_bytes = transfer->header_bytes = 0;
	transfer->header_ended = false;
	*transfer->curl_text = '\0';
	transfer->stapled = transfer->client->stapled;
	secret_wipe(transfer->proxy);
	transfer->proxy = proxy_choose(transfer->client->options.proxy, transfer->url);
	transfer->verdict = CERTIFICATE_GOOD;
	g_autofree char *host = target_host(transfer->url);
	supervise_note_peer(host);
	curl_easy_setopt(curl, CURLOPT_URL, transfer->url);
	curl_easy_setopt(curl, CURLOPT_POST, 1L);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)transfer->size_bytes);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "inqueue/" INQUEUE_VERSION);
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, 65536L);
	set_fields(transfer);
	set_safety(transfer);
	set_limits(transfer);
	set_calls(transfer);
}
