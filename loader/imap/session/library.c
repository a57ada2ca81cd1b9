/*
 * What of libetpan is worked around, and what the doctor tells of the libraries. The catch-all is
 * an extension that libetpan asks after all others: it reads an untagged response that libetpan
 * does not know to its end and forgets it, where libetpan alone would lose its place in the stream.
 */
#include "loader/imap/names/server_words.h"
#include "loader/imap/session/session_internal.h"

#include <curl/curl.h>
#include <libetpan/libetpan_version.h>
#include <libetpan/mailimap_extension.h>
#include <stdlib.h>
#include <string.h>

/* --- what is told of the libraries ------------------------------------- */

const char *imapc_library_at(unsigned index)
{
	static char etpan[32];
	switch (index) {
	case 0:
		g_snprintf(etpan, sizeof etpan, "libetpan %d.%d", libetpan_get_version_major(),
			   libetpan_get_version_minor());
		return etpan;
	case 1:
		return curl_version();
	default:
		return NULL;
	}
}

/* The newest version in which all of this was seen. */
enum { ETPAN_MAJOR_TRIED = 1, ETPAN_MINOR_TRIED = 9 };

static bool is_tried(void)
{
	int major = libetpan_get_version_major();

	return major < ETPAN_MAJOR_TRIED ||
	       (major == ETPAN_MAJOR_TRIED && libetpan_get_version_minor() <= ETPAN_MINOR_TRIED);
}

void imapc_workarounds(void (*tell)(const char *words, void *context), void *context)
{
	static const char *const words[] = {
	    "its TLS verifies nothing: curl makes the connection",
	    "its parser can be crashed: workers are processes, and start again",
	    "unknown answers end a session: a catch-all passes over them",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
		g_autofree char *row = g_strdup_printf(
		    "libetpan%s: %s", is_tried() ? "" : " up to 1.9, this one has not been tried",
		    words[i]);
		tell(row, context);
	}
}

/* --- the catch-all ----------------------------------------------------- */

/* More digits are no size that a server could mean. */
#define LITERAL_DIGITS_MAX 10

static struct mailimap_extension_api extension;

/* The size of the literal that the line ends with, "{n}", "{n+}" or "~{n}"; false if there is none.
 */
static bool parse_literal(const char *line, size_t size, uint64_t *ret_size)
{
	size_t end = size;

	if (end < 3 || line[end - 1] != '}')
		return false;
	end -= line[end - 2] == '+' ? 2 : 1;

	size_t start = end;

	while (start > 0 && g_ascii_isdigit(line[start - 1]))
		start--;
	if (start == end || end - start > LITERAL_DIGITS_MAX || start == 0 ||
	    line[start - 1] != '{')
		return false;
	*ret_size = g_ascii_strtoull(line + start, NULL, 10);
	return true;
}

/* In pieces: a literal may be larger than memory. */
static int skip_literal(struct imapc_session *session, mailstream *stream, uint64_t size)
{
	char bytes[8192];

	while (size > 0) {
		ssize_t got = mailstream_read(stream, bytes, MIN(size, sizeof bytes));

		if (got <= 0)
			return -1;
		size -= (uint64_t)got;
		transport_progress(session->transport);
	}
	return 0;
}

/*
 * Moves *index to the line end of the response, for the caller to parse. Where libetpan has already
 * consumed a literal it left "{0}" and the following line is in the buffer.
 */
static int skip_response(struct imapc_session *session, mailstream *stream, MMAPString *lines,
			 size_t *index)
{
	for (size_t start = *index;;) {
		const char *line = lines->str + start;
		const char *newline = memchr(line, '\n', lines->len - start);
		uint64_t literal_size = 0;

		if (!newline)
			return MAILIMAP_ERROR_PARSE;

		size_t length = (size_t)(newline - line);

		if (length > 0 && line[length - 1] == '\r')
			length--;
		if (!parse_literal(line, length, &literal_size)) {
			*index = start + length;
			return MAILIMAP_NO_ERROR;
		}
		start += (size_t)(newline - line) + 1;
		if (start == lines->len && (skip_literal(session, stream, literal_size) < 0 ||
					    !mailstream_read_line_append(stream, lines)))
			return MAILIMAP_ERROR_STREAM;
	}
}

/* A FETCH or LIST that libetpan could have read, but for what is wrong with it. */
static void note_unread(struct imapc_session *session, const char *answer, size_t size)
{
	static const char *const words[IMAPC_UNREADS] = {"FETCH", "LIST"};
	const size_t number = strspn(answer, "0123456789");
	const char *word = answer + number + (number > 0 && answer[number] == ' ');

	for (int kind = 0; kind < IMAPC_UNREADS; kind++) {
		const size_t length = strlen(words[kind]);

		if (g_ascii_strncasecmp(word, words[kind], length) == 0 &&
		    !g_ascii_isalnum(word[length]) && session->unread[kind] == NULL)
			session->unread[kind] = server_words(answer, size);
	}
}

int imapc_refuse_unread(const struct imapc_session *session, enum imapc_unread kind,
			struct error *err)
{
	if (session->unread[kind] == NULL)
		return 0;
	return error_set(err, ERROR_PROTOCOL, "the answer of %s makes no sense: \"* %s\"",
			 session->server->url, session->unread[kind]);
}

void imapc_forget_unread(struct imapc_session *session)
{
	for (int kind = 0; kind < IMAPC_UNREADS; kind++)
		g_clear_pointer(&session->unread[kind], g_free);
}

static int parse_anything(int caller, mailstream *stream, MMAPString *lines,
			  struct mailimap_parser_context *context, size_t *index,
			  struct mailimap_extension_data **result, size_t progress_rate,
			  progress_function *progress)
{
	(void)progress_rate;
	(void)progress;
	if (caller != MAILIMAP_EXTENDED_PARSER_RESPONSE_DATA || !stream)
		return MAILIMAP_ERROR_PARSE;

	struct imapc_session *session = context->msg_body_handler_context;
	const size_t start = *index;
	int skipped = skip_response(session, stream, lines, index);

	if (skipped != MAILIMAP_NO_ERROR)
		return skipped;
	note_unread(session, lines->str + start, *index - start);
	context->msg_body_parse_in_progress = false;
	imapc_fetch_abandon(session);
	*result = mailimap_extension_data_new(&extension, 0, NULL);
	return *result ? MAILIMAP_NO_ERROR : MAILIMAP_ERROR_MEMORY;
}

/* It stands for no capability; libetpan wants a name. */
static char extension_name[] = "X-TOLERANT";

static void free_nothing(struct mailimap_extension_data *data)
{
	free(data);
}

static struct mailimap_extension_api extension = {
    .ext_name = extension_name,
    .ext_id = -1,
    .ext_parser = parse_anything,
    .ext_free = free_nothing,
};

void imapc_tolerate(void)
{
	static gsize done = 0;

	if (g_once_init_enter(&done)) {
		mailimap_extension_register(&extension);
		g_once_init_leave(&done, 1);
	}
}
