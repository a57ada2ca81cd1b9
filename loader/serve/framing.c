/* Whether a request can be read in one way alone. A proxy in front may read one with two lengths, or two hosts, differently
 * from this server, and whoever sends it would smuggle a request past the proxy (RFC 9112, 11.2). */
#include "loader/serve/serve_internal.h"

#include <string.h>

enum { HOST, LENGTH, CODING, AUTHORIZATION, KINDS };

static const char *const names[KINDS] = {
    [HOST] = MHD_HTTP_HEADER_HOST,
    [LENGTH] = MHD_HTTP_HEADER_CONTENT_LENGTH,
    [CODING] = MHD_HTTP_HEADER_TRANSFER_ENCODING,
    [AUTHORIZATION] = MHD_HTTP_HEADER_AUTHORIZATION,
};

struct headers {
	guint counts[KINDS];
	bool has_blank;	 /* a name that ends with one, which some take for the name without it */
	bool has_coding; /* another one than chunked */
};

static enum MHD_Result look(void *context, enum MHD_ValueKind kind, const char *name,
			    const char *value)
{
	struct headers *headers = context;
	(void)kind;
	headers->has_blank = headers->has_blank || strpbrk(name, " \t") != NULL;
	for (size_t i = HOST; i < KINDS; i++)
		headers->counts[i] += g_ascii_strcasecmp(name, names[i]) == 0;
	if (g_ascii_strcasecmp(name, names[CODING]) == 0)
		headers->has_coding = value == NULL || g_ascii_strcasecmp(value, "chunked") != 0;
	return MHD_YES;
}

int framing_check(struct MHD_Connection *connection, struct error *err)
{
	struct headers headers = {0};
	MHD_get_connection_values(connection, MHD_HEADER_KIND, look, &headers);
	for (size_t i = HOST; i < KINDS; i++) {
		if (headers.counts[i] > 1)
			return error_set(err, ERROR_USAGE, "the header %s is there more than once",
					 names[i]);
	}
	if (headers.counts[LENGTH] != 0 && headers.counts[CODING] != 0)
		return error_set(err, ERROR_USAGE,
				 "Content-Length and Transfer-Encoding exclude each other");
	if (headers.has_coding)
		return error_set(err, ERROR_USAGE, "Transfer-Encoding takes chunked");
	if (headers.has_blank)
		return error_set(err, ERROR_USAGE, "the name of a header has no blank");
	return 0;
}

size_t framing_unescape(void *context, struct MHD_Connection *connection, char *text)
{
	const size_t length = MHD_http_unescape(text);
	(void)context;
	(void)connection;
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\0')
			text[i] = '\1';
	}
	return length;
}
