/* Which address is answered by what, and what a token has to be good for. openapi.json says the same, and a test holds
 * the two against each other. */
#include "loader/serve/serve_internal.h"

#include "queue/base/nearest.h"

#include <string.h>

static const char *const claim_parameters[] = {"wait",	  "count", "lease",	"worker", "sender",
					       "subject", "tag",   "reference", NULL};
static const char *const list_parameters[] = {
    "state",	  "sender", "subject", "text",	  "error",  "since",	 "until",
    "older-than", "tag",    "held",    "overdue", "thread", "reference", "auto-class",
    "worker",	  "after",  "limit",   "newest",  NULL};

static const struct route routes[] = {
    {"GET", "/health", TOKEN_READ, true, NULL, get_health},
    {"GET", "/metrics", TOKEN_READ, false, NULL, get_metrics},
    {"GET", "/v1/openapi.json", TOKEN_READ, false, NULL, get_openapi},
    {"GET", "/v1/queues", TOKEN_READ, false, NULL, get_queues},
    {"GET", "/v1/queues/{queue}", TOKEN_READ, false, NULL, get_queue},
    {"GET", "/v1/queues/{queue}/entries", TOKEN_READ, false, list_parameters, get_entries},
    {"POST", "/v1/queues/{queue}/claim", TOKEN_WORK, false, claim_parameters, post_claim},
    {"GET", "/v1/entries/{id}", TOKEN_READ, false, NULL, get_entry},
    {"GET", "/v1/entries/{id}/history", TOKEN_READ, false, NULL, get_history},
    {"GET", "/v1/entries/{id}/message.eml", TOKEN_READ, false, NULL, get_message},
    {"GET", "/v1/entries/{id}/parts/{n}", TOKEN_READ, false, NULL, get_part},
    {"POST", "/v1/entries/{id}/complete", TOKEN_WORK, false, NULL, post_complete},
    {"POST", "/v1/entries/{id}/fail", TOKEN_WORK, false, NULL, post_fail},
    {"POST", "/v1/entries/{id}/release", TOKEN_WORK, false, NULL, post_release},
    {"POST", "/v1/entries/{id}/extend", TOKEN_WORK, false, NULL, post_extend},
    {"POST", "/v1/entries/{id}/defer", TOKEN_WORK, false, NULL, post_defer},
    {"POST", "/v1/entries/{id}/progress", TOKEN_WORK, false, NULL, post_progress},
    {"POST", "/v1/entries/{id}/retry", TOKEN_OPERATE, false, NULL, post_retry},
    {"POST", "/v1/entries/{id}/discard", TOKEN_OPERATE, false, NULL, post_discard},
    {"POST", "/v1/entries/{id}/hold", TOKEN_OPERATE, false, NULL, post_hold},
    {"POST", "/v1/entries/{id}/unhold", TOKEN_OPERATE, false, NULL, post_unhold},
    {"POST", "/v1/entries/{id}/priority", TOKEN_OPERATE, false, NULL, post_priority},
    {"POST", "/v1/entries/{id}/tag", TOKEN_OPERATE, false, NULL, post_tag},
    {"POST", "/v1/entries/{id}/note", TOKEN_OPERATE, false, NULL, post_note},
};

/* What a path names is set aside; numbers that are none match nothing. */
struct named {
	const char *queue;
	int64_t entry_id;
	uint32_t part;
};

static bool match_segment(const char *pattern, const char *segment, struct named *named)
{
	gint64 number;
	if (strcmp(pattern, "{queue}") == 0) {
		named->queue = segment;
		return true;
	}
	if (strcmp(pattern, "{id}") == 0 &&
	    g_ascii_string_to_signed(segment, 10, 1, INT64_MAX, &number, NULL)) {
		named->entry_id = number;
		return true;
	}
	if (strcmp(pattern, "{n}") == 0 &&
	    g_ascii_string_to_signed(segment, 10, 1, INT32_MAX, &number, NULL)) {
		named->part = (uint32_t)number;
		return true;
	}
	return strcmp(pattern, segment) == 0;
}

static bool match(const struct route *route, char **segments, struct named *named)
{
	g_auto(GStrv) patterns = g_strsplit(route->path, "/", -1);
	if (g_strv_length(patterns) != g_strv_length(segments))
		return false;
	for (size_t i = 0; patterns[i] != NULL; i++) {
		if (!match_segment(patterns[i], segments[i], named))
			return false;
	}
	return true;
}

/* HEAD is GET without the bytes, which the library leaves out. */
static bool is_method(const struct route *route, const char *method)
{
	return strcmp(route->method, method) == 0 ||
	       (strcmp(route->method, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

unsigned route_find(const char *method, const char *path, struct request *request,
		    struct error *err)
{
	g_auto(GStrv) segments = g_strsplit(path, "/", 16);
	const char *other = NULL;
	for (size_t i = 0; i < G_N_ELEMENTS(routes); i++) {
		struct named named = {0};
		if (!match(&routes[i], segments, &named))
			continue;
		other = routes[i].method;
		if (!is_method(&routes[i], method))
			continue;
		request->route = &routes[i];
		request->queue_name = g_strdup(named.queue);
		request->entry_id = named.entry_id;
		request->part = named.part;
		return 0;
	}
	if (other != NULL) {
		error_set(err, ERROR_USAGE, "here only %s is answered", other);
		return MHD_HTTP_METHOD_NOT_ALLOWED;
	}
	error_set(err, ERROR_NO,
		  "there is nothing at this address; /v1/openapi.json lists what is");
	return MHD_HTTP_NOT_FOUND;
}

struct unknown {
	const char *const *known;
	char *name; /* the first that is none of them */
	char *meant;
};

static enum MHD_Result look(void *context, enum MHD_ValueKind kind, const char *key,
			    const char *value)
{
	struct unknown *unknown = context;
	struct nearest nearest = nearest_begin(key);
	(void)kind;
	(void)value;
	for (size_t i = 0; unknown->known != NULL && unknown->known[i] != NULL; i++) {
		if (strcmp(unknown->known[i], key) == 0)
			return MHD_YES;
		nearest_try(&nearest, unknown->known[i]);
	}
	unknown->name = g_strdup(key);
	unknown->meant = g_strdup(nearest.best);
	return MHD_NO;
}

/* A misspelt filter would let everything through. */
int route_check_parameters(const struct request *request, struct error *err)
{
	struct unknown unknown = {.known = request->route->parameters};
	MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, look, &unknown);
	if (unknown.name == NULL)
		return 0;
	error_set(err, ERROR_USAGE, "unknown parameter '%.100s'%s%s%s", unknown.name,
		  unknown.meant != NULL ? ": did you mean " : "",
		  unknown.meant != NULL ? unknown.meant : "", unknown.meant != NULL ? "?" : "");
	g_free(unknown.name);
	g_free(unknown.meant);
	return -1;
}
