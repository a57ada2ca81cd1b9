/* A request: who asks, whether he may, and what he says. Nothing is done before all of that is known. */
#include "loader/serve/serve_internal.h"

#include "loader/base/clock.h"
#include "loader/base/log.h"
#include "queue/base/scoped.h"

#include <string.h>

/* A use is written down no more often than this: it would cost a commit for each request. */
enum { NOTE_USE_MS = 60000 };

static const char *header(const struct request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

/* ---- may this request be answered at all? ---- */

/* Without its port. Caller frees. */
static char *host_alone(const char *host)
{
	const char *end = strrchr(host, ':');
	if (end == NULL || strchr(end, ']') != NULL)
		return g_strdup(host);
	return g_strndup(host, (gsize)(end - host));
}

/* A page of a stranger whose name leads to this machine would be asked for by that name (DNS rebinding). */
static bool is_for_us(const struct request *request)
{
	static const char *const own[] = {"localhost", "127.0.0.1", "[::1]"};
	const struct serve *serve = request->serve;
	const char *value = header(request, MHD_HTTP_HEADER_HOST);
	if (serve->socket.is_local)
		return true;
	if (value == NULL)
		return false;
	g_autofree char *host = host_alone(value);
	for (size_t i = 0; i < G_N_ELEMENTS(own); i++) {
		if (g_ascii_strcasecmp(host, own[i]) == 0)
			return true;
	}
	for (char **name = serve->options->hosts; name != NULL && *name != NULL; name++) {
		if (g_ascii_strcasecmp(host, *name) == 0)
			return true;
	}
	return g_ascii_strcasecmp(host, serve->socket.host) == 0;
}

/* Browsers say where a request comes from that a page makes. */
static bool is_from_elsewhere(const struct request *request)
{
	const char *origin = header(request, MHD_HTTP_HEADER_ORIGIN);
	const char *host = header(request, MHD_HTTP_HEADER_HOST);
	if (origin == NULL)
		return false;
	const char *name = strstr(origin, "://");
	return name == NULL || host == NULL || g_ascii_strcasecmp(name + 3, host) != 0;
}

static bool is_too_many(const struct request *request)
{
	return GPOINTER_TO_UINT(g_hash_table_lookup(
		   request->serve->networks, request->caller->network)) > SERVE_CONNECTIONS_OF_ONE;
}

static void note_use(const struct request *request, int64_t now_ms)
{
	struct error ignored;
	if (now_ms - request->token->last_used_at_ms >= NOTE_USE_MS)
		token_note_use(request->serve->store, request->token->id, request->caller->address,
			       now_ms, &ignored);
}

/* 0, or the status of a problem. A token is looked for at each request, so that a revoked one ends on a connection that
 * is open, too. */
static unsigned check_token(struct request *request, struct error *err)
{
	static const char scheme[] = "Bearer ";
	const char *value = header(request, MHD_HTTP_HEADER_AUTHORIZATION);
	const int64_t now_ms = clock_now_ms();
	struct store *store = request->serve->store;
	bool any;
	if (token_any(store, now_ms, &any, err) != 0)
		return MHD_HTTP_SERVICE_UNAVAILABLE;
	if (!any) {
		error_set(err, ERROR_TEMPORARY,
			  "no token exists yet; `inqueue token create NAME --may work` on the "
			  "server makes one");
		return MHD_HTTP_SERVICE_UNAVAILABLE;
	}
	if (value == NULL || g_ascii_strncasecmp(value, scheme, strlen(scheme)) != 0) {
		error_set(err, ERROR_CREDENTIALS,
			  "a token is needed, in the header Authorization: Bearer inq_...");
		return MHD_HTTP_UNAUTHORIZED;
	}
	if (token_find(store, value + strlen(scheme), now_ms, &request->token, err) != 0) {
		if (err->reason != REASON_MISSING)
			return MHD_HTTP_SERVICE_UNAVAILABLE;
		log_event(LOG_LEVEL_NOTICE, "token_refused",
			  log_text("address", request->caller->address));
		return MHD_HTTP_UNAUTHORIZED;
	}
	note_use(request, now_ms);
	return 0;
}

static unsigned refuse_right(const struct request *request, struct error *err)
{
	error_set(err, ERROR_CREDENTIALS, "the token '%s' may %s, and this takes %s",
		  request->token->name, token_right_format(request->token->may),
		  token_right_format(request->route->right));
	return MHD_HTTP_FORBIDDEN;
}

static unsigned refuse_queue(const struct request *request, struct error *err)
{
	error_set(err, ERROR_CREDENTIALS, "the token '%s' is for the queue '%s' alone",
		  request->token->name, request->token->queue_name);
	return MHD_HTTP_FORBIDDEN;
}

/* The queue that the path names, or that of the entry that it names. */
static unsigned find_queue(struct request *request, struct error *err)
{
	struct store *store = request->serve->store;
	int64_t queue_id = 0;
	if (request->queue_name != NULL) {
		if (request->token->queue_id != 0 &&
		    strcmp(request->queue_name, request->token->queue_name) != 0)
			return refuse_queue(request, err);
		if (work_queue_find(store, request->queue_name, &request->queue, err) != 0)
			return err->reason == REASON_MISSING ? MHD_HTTP_NOT_FOUND
							     : MHD_HTTP_SERVICE_UNAVAILABLE;
		return 0;
	}
	if (request->entry_id == 0)
		return 0;
	if (entry_find_queue(store, request->entry_id, &queue_id, err) != 0)
		return err->reason == REASON_MISSING ? MHD_HTTP_NOT_FOUND
						     : MHD_HTTP_SERVICE_UNAVAILABLE;
	return request->token->queue_id == 0 || request->token->queue_id == queue_id
		   ? 0
		   : refuse_queue(request, err);
}

static bool is_long(const struct request *request)
{
	const char *text = header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
	guint64 size = 0;
	return text != NULL &&
	       !g_ascii_string_to_unsigned(text, 10, 0, SERVE_BODY_BYTES, &size, NULL);
}

/* All that can be said before the body is there. */
static unsigned check(struct request *request, const char *method, const char *path,
		      struct error *err)
{
	if (framing_check(request->connection, err) != 0)
		return MHD_HTTP_BAD_REQUEST;
	unsigned status = route_find(method, path, request, err);
	if (request->route != NULL && request->route->open)
		return 0;
	if (!is_for_us(request) || is_from_elsewhere(request)) {
		error_set(err, ERROR_CREDENTIALS,
			  "this host, or this origin, is none of the server's: --host names those "
			  "that it answers for");
		return MHD_HTTP_FORBIDDEN;
	}
	if (is_too_many(request)) {
		error_set(err, ERROR_TEMPORARY, "more than %d connections of one address",
			  SERVE_CONNECTIONS_OF_ONE);
		return MHD_HTTP_TOO_MANY_REQUESTS;
	}
	const unsigned refused = check_token(request, err);
	if (refused != 0 || status != 0)
		return refused != 0 ? refused : status;
	if (request->token->may < request->route->right)
		return refuse_right(request, err);
	status = find_queue(request, err);
	if (status == 0 && is_long(request)) {
		error_set(err, ERROR_USAGE, "a request takes at most %d bytes", SERVE_BODY_BYTES);
		return MHD_HTTP_CONTENT_TOO_LARGE;
	}
	if (status == 0 && route_check_parameters(request, err) != 0)
		return MHD_HTTP_BAD_REQUEST;
	return status;
}

/* ---- its life ---- */

static struct request *request_new(struct serve *serve, struct MHD_Connection *connection)
{
	struct request *request = g_new0(struct request, 1);
	request->serve = serve;
	request->connection = connection;
	request->caller =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
	request->body = g_byte_array_new();
	request->link.data = request;
	serve->requests++;
	return request;
}

/* A body that is too large is read to its end, and forgotten. */
static void take(struct request *request, const char *bytes, size_t size)
{
	request->too_large =
	    request->too_large || request->body->len + size > (size_t)SERVE_BODY_BYTES;
	if (!request->too_large)
		g_byte_array_append(request->body, (const guint8 *)bytes, (guint)size);
}

static int read_body(struct request *request, struct error *err)
{
	json_error_t wrong;
	if (request->json != NULL || request->body->len == 0)
		return 0;
	request->json = json_loadb((const char *)request->body->data, request->body->len,
				   JSON_REJECT_DUPLICATES, &wrong);
	if (!json_is_object(request->json))
		return error_set(err, ERROR_USAGE, "the body is no JSON object%s%s",
				 request->json == NULL ? ": " : "",
				 request->json == NULL ? wrong.text : "");
	return 0;
}

static enum MHD_Result request_answer(struct request *request)
{
	struct error err;
	if (request->too_large)
		return answer_problem(request, MHD_HTTP_CONTENT_TOO_LARGE,
				      "a request takes at most 2097152 bytes");
	if (read_body(request, &err) != 0)
		return answer_error(request, &err);
	return request->route->answer(request);
}

enum MHD_Result request_handle(void *serve, struct MHD_Connection *connection, const char *url,
			       const char *method, const char *version, const char *upload,
			       size_t *upload_size, void **context)
{
	struct request *request = *context;
	struct error err;
	(void)version;
	if (request == NULL) {
		request = request_new(serve, connection);
		*context = request;
		caller_expect(request->caller);
		const unsigned status = check(request, method, url, &err);
		if (status == MHD_HTTP_SERVICE_UNAVAILABLE && err.kind != ERROR_TEMPORARY)
			return answer_error(request, &err);
		return status != 0 ? answer_problem(request, status, err.text) : MHD_YES;
	}
	if (*upload_size > 0) {
		take(request, upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	return request_answer(request);
}

void request_end(void *serve, struct MHD_Connection *connection, void **context,
		 enum MHD_RequestTerminationCode code)
{
	struct request *request = *context;
	struct serve *server = serve;
	(void)connection;
	if (request == NULL)
		return;
	server->requests--;
	if (code != MHD_REQUEST_TERMINATED_COMPLETED_OK)
		claim_give_back(request);
	caller_expect(request->caller);
	claim_clear(request);
	token_free(request->token);
	work_queue_free(request->queue);
	json_decref(request->json);
	g_byte_array_unref(request->body);
	g_free(request->queue_name);
	g_free(request);
	*context = NULL;
}

/* ---- what it says ---- */

const char *request_parameter(const struct request *request, const char *name)
{
	const char *value = NULL;
	if (MHD_lookup_connection_value_n(request->connection, MHD_GET_ARGUMENT_KIND, name,
					  strlen(name), &value, NULL) != MHD_YES)
		return NULL;
	return value != NULL ? value : "";
}

int request_number(const struct request *request, const char *name, uint64_t least, uint64_t most,
		   uint64_t standard, uint64_t *ret_number, struct error *err)
{
	const char *text = request_parameter(request, name);
	guint64 number = standard;
	if (text != NULL && !g_ascii_string_to_unsigned(text, 10, least, most, &number, NULL))
		return error_set(err, ERROR_USAGE,
				 "%s takes a number from %" G_GUINT64_FORMAT
				 " to %" G_GUINT64_FORMAT,
				 name, least, most);
	*ret_number = number;
	return 0;
}

int request_span(const char *text, const char *name, int64_t least_ms, int64_t most_ms,
		 int64_t *ret_ms, struct error *err)
{
	char least[DURATION_TEXT_SIZE];
	char most[DURATION_TEXT_SIZE];
	if (duration_parse(text, ret_ms) == 0 && *ret_ms >= least_ms && *ret_ms <= most_ms)
		return 0;
	duration_format(least_ms, least);
	duration_format(most_ms, most);
	return error_set(err, ERROR_USAGE, "%s takes a time from %s to %s: 30s, 10m, 12h", name,
			 least, most);
}

static const char *body_value(const char *name, const void *context)
{
	return json_string_value(json_object_get(context, name));
}

int request_text(const struct request *request, const char *name, bool needed,
		 const char **ret_text, struct error *err)
{
	const struct choice choice = {.value = body_value, .context = request->json, .mark = ""};
	const json_t *value = json_object_get(request->json, name);
	*ret_text = NULL;
	if (value == NULL || json_is_null(value))
		return needed ? error_set(err, ERROR_USAGE, "%s is needed in the body", name) : 0;
	if (!json_is_string(value))
		return error_set(err, ERROR_USAGE, "%s takes text", name);
	return choice_line(&choice, name, ret_text, err);
}

int request_only(const struct request *request, const char *const *names, struct error *err)
{
	const char *key;
	json_t *value;
	if (request->json == NULL)
		return 0;
	json_object_foreach(request->json, key, value)
	{
		if (!g_strv_contains(names, key))
			return error_set(err, ERROR_USAGE, "unknown member '%.100s' of the body",
					 key);
	}
	return 0;
}
