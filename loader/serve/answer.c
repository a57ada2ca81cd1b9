/* Answers. What may be long is sent in pieces, out of a file without a name or out of the database, so that no memory
 * grows with it; each piece that a caller has taken gives it time for the next. */
#include "loader/serve/serve_internal.h"

#include "loader/base/folder.h"
#include "loader/base/log.h"
#include "loader/base/visible.h"
#include "queue/base/scoped.h"
#include "queue/entry.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { PIECE_BYTES = 65536 };

#define JSON_TYPE    "application/json"
#define PROBLEM_TYPE "application/problem+json"

/* What a browser may do with an answer, whatever it is: nothing. */
static void add_headers(struct MHD_Response *response, const char *type)
{
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "Content-Security-Policy", "default-src 'none'; sandbox");
	MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
}

static enum MHD_Result answer(struct request *request, unsigned status,
			      struct MHD_Response *response)
{
	log_event(LOG_LEVEL_DEBUG, "request",
		  log_text("path", request->route != NULL ? request->route->path : "none"),
		  log_number("status", status),
		  log_text("token", request->token != NULL ? request->token->name : ""),
		  log_text("address", request->caller->address));
	caller_expect(request->caller);
	const enum MHD_Result result = MHD_queue_response(request->connection, status, response);
	MHD_destroy_response(response);
	return result;
}

/* The bytes are copied. */
static struct MHD_Response *response_of(const char *type, const void *bytes, size_t size)
{
	struct MHD_Response *response =
	    MHD_create_response_from_buffer(size, (void *)bytes, MHD_RESPMEM_MUST_COPY);
	add_headers(response, type);
	return response;
}

/* ---- problems (RFC 9457) ---- */

static const char *title_of(unsigned status)
{
	switch (status) {
	case MHD_HTTP_BAD_REQUEST:
		return "Bad Request";
	case MHD_HTTP_UNAUTHORIZED:
		return "Unauthorized";
	case MHD_HTTP_FORBIDDEN:
		return "Forbidden";
	case MHD_HTTP_NOT_FOUND:
		return "Not Found";
	case MHD_HTTP_METHOD_NOT_ALLOWED:
		return "Method Not Allowed";
	case MHD_HTTP_CONFLICT:
		return "Conflict";
	case MHD_HTTP_CONTENT_TOO_LARGE:
		return "Content Too Large";
	case MHD_HTTP_UNPROCESSABLE_CONTENT:
		return "Unprocessable Content";
	case MHD_HTTP_TOO_MANY_REQUESTS:
		return "Too Many Requests";
	case MHD_HTTP_SERVICE_UNAVAILABLE:
		return "Service Unavailable";
	default:
		return "Internal Server Error";
	}
}

enum MHD_Result answer_problem(struct request *request, unsigned status, const char *detail)
{
	json_auto_t *problem = json_pack("{s:s, s:s, s:i, s:s}", "type", "about:blank", "title",
					 title_of(status), "status", (int)status, "detail", detail);
	g_autofree char *text = json_dumps(problem, JSON_COMPACT);
	struct MHD_Response *response = response_of(PROBLEM_TYPE, text, strlen(text));
	claim_give_back(request);
	if (status == MHD_HTTP_UNAUTHORIZED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
	if (status == MHD_HTTP_SERVICE_UNAVAILABLE || status == MHD_HTTP_TOO_MANY_REQUESTS)
		MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
	return answer(request, status, response);
}

static unsigned status_of(const struct error *err)
{
	switch (err->kind) {
	case ERROR_USAGE:
		return MHD_HTTP_BAD_REQUEST;
	case ERROR_NO:
		return err->reason == REASON_MISSING ? MHD_HTTP_NOT_FOUND : MHD_HTTP_CONFLICT;
	case ERROR_TEMPORARY:
		return MHD_HTTP_SERVICE_UNAVAILABLE;
	case ERROR_DATA:
		return err->reason == REASON_INVALID ? MHD_HTTP_UNPROCESSABLE_CONTENT
						     : MHD_HTTP_INTERNAL_SERVER_ERROR;
	default:
		return MHD_HTTP_INTERNAL_SERVER_ERROR;
	}
}

/* Of a fault of this machine a caller learns no more than that there is one. */
enum MHD_Result answer_error(struct request *request, const struct error *err)
{
	const unsigned status = status_of(err);
	if (err->reason == REASON_NEWER)
		request->serve->outdated = *err;
	if (status != MHD_HTTP_INTERNAL_SERVER_ERROR)
		return answer_problem(request, status, err->text);
	log_event(LOG_LEVEL_ERROR, "failed", log_text("error", err->text));
	return answer_problem(request, status, "a fault of the server, which its log names");
}

/* ---- what is short ---- */

enum MHD_Result answer_nothing(struct request *request)
{
	struct MHD_Response *response =
	    MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	return answer(request, MHD_HTTP_NO_CONTENT, response);
}

enum MHD_Result answer_bytes(struct request *request, const char *type, const void *bytes,
			     size_t size)
{
	return answer(request, MHD_HTTP_OK, response_of(type, bytes, size));
}

static int write_document(FILE *out, struct request *request, struct error *err)
{
	(void)err;
	g_autofree char *text = json_dumps(request->json, JSON_COMPACT);
	visible_write(VISIBLE_JSON, text, out);
	return 0;
}

/* It takes the place of the body, which nobody reads any more. */
enum MHD_Result answer_json(struct request *request, json_t *document)
{
	json_decref(request->json);
	request->json = document;
	return answer_written(request, write_document);
}

/* ---- what is written first ---- */

struct written {
	struct caller *caller;
	FILE *file;
};

static ssize_t written_read(void *context, uint64_t position, char *bytes, size_t room)
{
	struct written *written = context;
	caller_expect(written->caller);
	const ssize_t size = pread(fileno(written->file), bytes, room, (off_t)position);
	return size > 0 ? size : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void written_free(void *context)
{
	struct written *written = context;
	fclose(written->file);
	g_free(written);
}

static int open_file(FILE **ret_file, struct error *err)
{
	scoped(descriptor_close) int descriptor = -1;
	const int number = folder_open_nameless(folder_temporary(), &descriptor);
	*ret_file = number == 0 ? fdopen(descriptor, "w+") : NULL;
	if (*ret_file == NULL)
		return error_set(err, ERROR_IO, "a file in '%s': %s", folder_temporary(),
				 g_strerror(number != 0 ? number : errno));
	descriptor_steal(&descriptor);
	return 0;
}

enum MHD_Result answer_written(struct request *request,
			       int (*write)(FILE *out, struct request *request, struct error *err))
{
	struct error err;
	FILE *file;
	if (open_file(&file, &err) != 0)
		return answer_error(request, &err);
	if (write(file, request, &err) != 0) {
		fclose(file);
		return answer_error(request, &err);
	}
	if (fflush(file) != 0 || ferror(file)) {
		error_set(&err, ERROR_IO, "a file in '%s': %s", folder_temporary(),
			  g_strerror(errno));
		fclose(file);
		return answer_error(request, &err);
	}
	struct written *written = g_new(struct written, 1);
	*written = (struct written){request->caller, file};
	struct MHD_Response *response = MHD_create_response_from_callback(
	    (uint64_t)ftello(file), PIECE_BYTES, written_read, written, written_free);
	add_headers(response, JSON_TYPE);
	return answer(request, MHD_HTTP_OK, response);
}

/* ---- out of the database ---- */

struct part {
	struct caller *caller;
	struct entry_source *source;
};

/* Pieces follow each other. */
static ssize_t part_read(void *context, uint64_t position, char *bytes, size_t room)
{
	struct part *part = context;
	struct error err;
	size_t size;
	(void)position;
	caller_expect(part->caller);
	if (entry_source_read(part->source, bytes, room, &size, &err) == 0 && size > 0)
		return (ssize_t)size;
	return MHD_CONTENT_READER_END_WITH_ERROR;
}

static void part_free(void *context)
{
	struct part *part = context;
	entry_source_close(part->source);
	g_free(part);
}

/* RFC 6266 with the form of RFC 8187, which takes a name of any letters. */
static void add_name(struct MHD_Response *response, const char *name)
{
	g_autofree char *escaped = g_uri_escape_string(name, NULL, FALSE);
	g_autofree char *value = g_strdup_printf("attachment; filename*=UTF-8''%s", escaped);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_DISPOSITION, value);
}

enum MHD_Result answer_part(struct request *request, enum entry_part part, uint32_t position,
			    const char *type, const char *name)
{
	struct error err;
	struct entry_source *source;
	if (entry_source_open(request->serve->store, request->entry_id, part, position, &source,
			      &err) != 0)
		return answer_error(request, &err);
	struct part *sent = g_new(struct part, 1);
	*sent = (struct part){request->caller, source};
	struct MHD_Response *response = MHD_create_response_from_callback(
	    entry_source_size(source), PIECE_BYTES, part_read, sent, part_free);
	add_headers(response, type);
	add_name(response, name);
	return answer(request, MHD_HTTP_OK, response);
}
