/*
 * APPEND as a conversation: the command with the size, the server's "+" unless it needs none, the
 * bytes, the answer. libetpan's own wants the whole message in memory. A connection that is lost
 * before the last piece has gone out has brought nothing; after that nobody can tell.
 */
#include "loader/imap/session/append.h"

#include "loader/base/crlf.h"
#include "loader/imap/session/session_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <libetpan/uidplus.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PIECE_BYTES ((size_t)32 * 1024)

/* Without waiting for "+": a round trip costs more than such a message, and a larger one may still
 * be refused before its bytes have gone out. LITERAL- allows less (RFC 7888). */
#define LITERAL_PLUS_BYTES  ((uint64_t)64 * 1024)
#define LITERAL_MINUS_BYTES ((uint64_t)4096)

/* Of silence after the last byte: servers scan, count and sync what they have got. */
#define ANSWER_BYTES_PER_S ((uint64_t)1024 * 1024)

/* --- the file ---------------------------------------------------------- */

/* The file's bytes as they go out: a piece of it, with CRLF at the ends of lines. */
struct outgoing {
	int descriptor;
	uint64_t offset;
	struct crlf lines;
	char piece[2 * PIECE_BYTES];
};

/* *ret_size is 0 at the end. */
static int next_piece(struct outgoing *file, size_t *ret_read, size_t *ret_size, struct error *err)
{
	char bytes[PIECE_BYTES];
	ssize_t got;

	do {
		got = pread(file->descriptor, bytes, sizeof bytes, (off_t)file->offset);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return error_set(err, ERROR_IO, "%s", g_strerror(errno));

	const char *nul = memchr(bytes, '\0', (size_t)got);

	if (nul)
		return error_set(err, ERROR_DATA,
				 "there is a NUL byte at offset %" PRIu64
				 ", which no mail may hold: nothing was sent",
				 file->offset + (uint64_t)(nul - bytes));
	file->offset += (uint64_t)got;
	*ret_read = (size_t)got;
	*ret_size = crlf_convert(&file->lines, bytes, (size_t)got, file->piece);
	return 0;
}

int append_measure(int descriptor, uint64_t *ret_file_bytes, uint64_t *ret_size_bytes,
		   int (*head)(const char *bytes, size_t size, void *context, struct error *err),
		   void *context, struct error *err)
{
	g_autofree struct outgoing *file = g_new0(struct outgoing, 1);
	uint64_t total = 0;
	size_t taken = 0;
	size_t size = 0;

	file->descriptor = descriptor;
	do {
		if (next_piece(file, &taken, &size, err) < 0)
			return -1;
		total += size;
		if (size > 0 && head && head(file->piece, size, context, err) < 0)
			return -1;
	} while (taken > 0);
	if (total == 0)
		return error_set(err, ERROR_DATA, "the file is empty");
	*ret_file_bytes = file->offset;
	*ret_size_bytes = total;
	return 0;
}

/* --- the command ------------------------------------------------------- */

bool append_flags_are_valid(const char *flags)
{
	static const char *const known[] = {"\\Seen", "\\Answered", "\\Flagged", "\\Deleted",
					    "\\Draft"};
	g_auto(GStrv) words = g_strsplit(flags, " ", -1);

	for (char **word = words; *word; word++) {
		bool is_known = false;

		for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
			is_known = is_known || !g_ascii_strcasecmp(*word, known[i]);
		if (is_known)
			continue;
		if (!**word)
			return false;
		for (const char *at = *word; *at; at++) {
			if (!g_ascii_isgraph(*at) || strchr("(){%*\"\\]", *at))
				return false;
		}
	}
	return true;
}

/* "03-Mar-2026 09:30:00 +0000" (RFC 3501, date-time); `time_s` is within four digits of a year. */
static char *format_date(int64_t time_s)
{
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t seconds = (time_t)time_s;
	struct tm parts;

	gmtime_r(&seconds, &parts);
	return g_strdup_printf("%2d-%s-%04d %02d:%02d:%02d +0000", parts.tm_mday,
			       months[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour,
			       parts.tm_min, parts.tm_sec);
}

/* A refusal whose way out is known says it; Cyrus has no code for a quota. */
static int explain_refusal(const struct imapc_session *session, struct error *err)
{
	g_autofree char *words = NULL;
	const char *status = imapc_status_of_answer(session, &words);
	g_autofree char *lower = g_ascii_strdown(words, -1);

	if (!session->alive || !status || strcmp(status, "NO") != 0)
		return -1;
	if (g_str_has_prefix(lower + strspn(lower, " "), "[trycreate]"))
		return error_set(err, ERROR_NO,
				 "the folder does not exist; `inqueue mail createFolder` makes it "
				 "(the server refused: %s)",
				 words);
	if (strstr(lower, "quota"))
		return error_set(err, ERROR_TEMPORARY,
				 "the mailbox is full: delete mail, or have its quota raised (the "
				 "server refused: %s)",
				 words);
	return -1;
}

static bool needs_no_permission(const struct imapc_session *session, uint64_t size_bytes)
{
	if (imapc_has_capability(session, "LITERAL+"))
		return size_bytes <= LITERAL_PLUS_BYTES;
	return imapc_has_capability(session, "LITERAL-") && size_bytes <= LITERAL_MINUS_BYTES;
}

static int send_command(struct imapc_session *session, const char *wire,
			const struct imapc_append *append, bool at_once, struct error *err)
{
	g_autofree char *quoted = imapc_quote(wire);
	g_autofree char *date = format_date(append->date_s);
	g_autofree char *command = g_strdup_printf("APPEND %s (%s) \"%s\" {%" PRIu64 "%s}\r\n",
						   quoted, append->flags ? append->flags : "", date,
						   append->size_bytes, at_once ? "+" : "");

	imapc_begin(session);
	if (mailimap_send_current_tag(session->imap) != MAILIMAP_NO_ERROR ||
	    imapc_send_text(session, command) != MAILIMAP_NO_ERROR)
		return imapc_judge(session, MAILIMAP_ERROR_STREAM, err);
	if (at_once || imapc_await_permission(session, err) == 0)
		return 0;
	return session->alive ? explain_refusal(session, err) : -1;
}

/* --- the bytes --------------------------------------------------------- */

/* What is sent no longer is what was measured. The server drops a message whose end never comes. */
static int drop_changed(struct imapc_session *session, struct error *err)
{
	imapc_kill(session);
	return error_set(
	    err, ERROR_DATA,
	    "the file was changed while it was sent: the connection was dropped before "
	    "its end, so that nothing was appended");
}

/* The file ends where it ended when it was measured, and what is left of the message with it. */
static bool is_as_measured(const struct outgoing *file, const struct imapc_append *append,
			   size_t size, uint64_t left)
{
	char more;

	if (file->offset != append->file_bytes)
		return size < left;
	return size == left && pread(file->descriptor, &more, 1, (off_t)file->offset) == 0;
}

/* The last piece does not go out before the file is known to end with it. */
static int send_bytes(struct imapc_session *session, const struct imapc_append *append,
		      struct imapc_appended *appended, struct error *err)
{
	g_autofree struct outgoing *file = g_new0(struct outgoing, 1);
	mailstream *stream = session->imap->imap_stream;
	uint64_t left = append->size_bytes;

	file->descriptor = append->descriptor;
	if (transport_announce_literal(session->transport, append->size_bytes) < 0)
		return imapc_judge(session, MAILIMAP_ERROR_STREAM, err);
	while (left > 0) {
		size_t taken = 0;
		size_t size = 0;

		if (next_piece(file, &taken, &size, err) < 0) {
			imapc_kill(session);
			return -1;
		}
		if (taken == 0 || !is_as_measured(file, append, size, left))
			return drop_changed(session, err);
		left -= size;
		if (left == 0 && mailstream_flush(stream) >= 0)
			appended->may_have_arrived = true;
		if (mailstream_write(stream, file->piece, size) < 0)
			return imapc_judge(session, MAILIMAP_ERROR_STREAM, err);
	}
	if (imapc_send_text(session, "\r\n") != MAILIMAP_NO_ERROR)
		return imapc_judge(session, MAILIMAP_ERROR_STREAM, err);
	return 0;
}

/* --- the answer -------------------------------------------------------- */

static void take_place(const struct imapc_session *session, struct imapc_appended *appended)
{
	clist *list = session->imap->imap_response_info->rsp_extension_list;

	for (clistiter *at = clist_begin(list); at; at = clist_next(at)) {
		const struct mailimap_extension_data *data = clist_content(at);

		if (data->ext_extension != &mailimap_extension_uidplus ||
		    data->ext_type != MAILIMAP_UIDPLUS_RESP_CODE_APND || !data->ext_data)
			continue;

		const struct mailimap_uidplus_resp_code_apnd *code = data->ext_data;
		clistiter *first = clist_begin(code->uid_set->set_list);
		const struct mailimap_set_item *item = first ? clist_content(first) : NULL;

		if (item) {
			appended->uid_validity = code->uid_uidvalidity;
			appended->uid = item->set_first;
		}
	}
}

static int read_verdict(struct imapc_session *session, const struct imapc_append *append,
			struct imapc_appended *appended, struct error *err)
{
	const uint64_t more_ms = append->size_bytes / ANSWER_BYTES_PER_S * 1000;
	const uint64_t full_ms = (uint64_t)session->server->timeout_s * 1000 + more_ms;

	transport_begin(session->transport, (uint32_t)MIN(full_ms, (uint64_t)INT32_MAX));
	mmap_string_truncate(session->imap->imap_stream_buffer, 0);
	if (imapc_judge(session, imapc_read_answer(session), err) < 0) {
		/* A refusal is an answer: it has not arrived. */
		appended->may_have_arrived = !session->alive;
		return explain_refusal(session, err);
	}
	take_place(session, appended);
	return 0;
}

int append_message(struct imapc_session *session, const char *wire,
		   const struct imapc_append *append, struct imapc_appended *ret_appended,
		   struct error *err)
{
	*ret_appended = (struct imapc_appended){0};
	if (!session->alive)
		return error_set(err, ERROR_UNREACHABLE, "the connection to %s is gone",
				 session->server->url);

	bool at_once = needs_no_permission(session, append->size_bytes);

	if (send_command(session, wire, append, at_once, err) < 0 ||
	    send_bytes(session, append, ret_appended, err) < 0)
		return -1;
	return read_verdict(session, append, ret_appended, err);
}

/* --- APPENDLIMIT ------------------------------------------------------- */

#define LIMIT_NAME "APPENDLIMIT"

/* A folder of its own may have another one, or none (NIL). libetpan does not know the word, and
 * passes over the line. */
static uint64_t read_folder_limit(const struct imapc_session *session)
{
	g_auto(GStrv) lines = g_strsplit(session->imap->imap_stream_buffer->str, "\n", -1);
	guint64 limit = APPEND_BYTES_MAX;

	for (char **line = lines; *line; line++) {
		/* The folder's name stands before the last list. */
		const char *list = strrchr(*line, '(');

		if (g_ascii_strncasecmp(*line, "* STATUS ", strlen("* STATUS ")) || !list ||
		    g_ascii_strncasecmp(list + 1, LIMIT_NAME " ", strlen(LIMIT_NAME " ")))
			continue;

		g_autofree char *number = g_strdup(list + 1 + strlen(LIMIT_NAME " "));

		number[strspn(number, "0123456789")] = '\0';
		if (!g_ascii_string_to_unsigned(number, 10, 0, APPEND_BYTES_MAX, &limit, NULL))
			limit = APPEND_BYTES_MAX;
	}
	return limit;
}

int append_find_limit(struct imapc_session *session, const char *wire, uint64_t *ret_max_bytes,
		      struct error *err)
{
	guint64 limit = APPEND_BYTES_MAX;

	*ret_max_bytes = APPEND_BYTES_MAX;
	for (guint i = 0; i < session->capabilities->len; i++) {
		const char *name = g_ptr_array_index(session->capabilities, i);

		if (g_str_has_prefix(name, LIMIT_NAME "=") &&
		    g_ascii_string_to_unsigned(name + strlen(LIMIT_NAME "="), 10, 0,
					       APPEND_BYTES_MAX, &limit, NULL))
			*ret_max_bytes = limit;
	}
	if (!imapc_has_capability(session, LIMIT_NAME))
		return 0;

	g_autofree char *quoted = imapc_quote(wire);

	/* A server that refuses says it when the message comes. */
	if (imapc_command(session, err, "STATUS %s (" LIMIT_NAME ")", quoted) < 0)
		return session->alive ? 0 : -1;
	*ret_max_bytes = read_folder_limit(session);
	return 0;
}
