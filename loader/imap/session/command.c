/*
 * Sends commands, reads their answers and judges them: the one place that knows deadlines, the
 * server's own words, and what ends a session. Commands are text of ours; libetpan's parser reads
 * the answers. For conversations (IDLE, AUTHENTICATE) it reads single lines instead.
 */
#include "loader/imap/names/server_words.h"
#include "loader/imap/session/session_internal.h"

#include <stdarg.h>
#include <string.h>

/* A server may tell of other clients' changes, once for each message. */
#define MESSAGES_MAX 100000

void imapc_expect(struct imapc_session *session, size_t answers, uint64_t size_bytes,
		  uint64_t literal_bytes)
{
	session->expected = (struct transport_expected){
	    .answers = (uint32_t)MIN(answers, INT32_MAX / 2),
	    .size_bytes = size_bytes,
	    .literal_bytes = literal_bytes,
	};
}

void imapc_begin(struct imapc_session *session)
{
	struct transport_expected expected = session->expected;

	session->expected = (struct transport_expected){0};
	imapc_forget_unread(session);
	expected.answers += MIN(imapc_count_messages(session), MESSAGES_MAX);
	transport_begin(session->transport, session->server->timeout_s * 1000);
	transport_expect(session->transport, &expected);
}

/* The transport is broken as well: nothing that libetpan still does reaches the server. */
void imapc_kill(struct imapc_session *session)
{
	session->alive = false;
	transport_break(session->transport);
}

/* Line breaks, which a quoted string cannot hold, have been refused where the text came from. */
char *imapc_quote(const char *text)
{
	GString *quoted = g_string_new("\"");

	for (const char *at = text; *at; at++) {
		if (*at == '"' || *at == '\\')
			g_string_append_c(quoted, '\\');
		g_string_append_c(quoted, *at);
	}
	g_string_append_c(quoted, '"');
	return g_string_free(quoted, FALSE);
}

/* libetpan keeps the lines of an answer until the next command; the tagged one is the last. */
static const char *find_last_line(const MMAPString *lines, size_t *ret_size)
{
	size_t end = lines->len;

	while (end > 0 && (lines->str[end - 1] == '\n' || lines->str[end - 1] == '\r'))
		end--;

	size_t start = end;

	while (start > 0 && lines->str[start - 1] != '\n')
		start--;
	*ret_size = end - start;
	return lines->str + start;
}

const char *imapc_status_of_answer(const struct imapc_session *session, char **ret_words)
{
	static const char *const states[] = {"OK", "NO", "BAD"};
	size_t size = 0;
	const char *line = find_last_line(session->imap->imap_stream_buffer, &size);
	g_autofree char *answer = g_strndup(line, size);
	g_autofree char *tag = g_strdup_printf("%d ", session->imap->imap_tag);

	for (size_t i = 0; i < G_N_ELEMENTS(states); i++) {
		const char *state = answer + strlen(tag);
		size_t length = strlen(states[i]);

		if (g_str_has_prefix(answer, tag) &&
		    !g_ascii_strncasecmp(state, states[i], length) &&
		    (state[length] == ' ' || state[length] == '\0')) {
			*ret_words = server_words(state + length, strlen(state + length));
			return states[i];
		}
	}
	*ret_words = server_words(answer, strlen(answer));
	return NULL;
}

/* A BYE tells why the server hangs up; it may stand anywhere in the answer. */
static char *find_farewell(const struct imapc_session *session)
{
	const MMAPString *lines = session->imap->imap_stream_buffer;
	const char *end = lines->str + lines->len;

	for (const char *line = lines->str; line < end;) {
		const char *line_end = memchr(line, '\n', (size_t)(end - line));

		if (!line_end)
			line_end = end;
		if (line_end - line > 6 && !g_ascii_strncasecmp(line, "* BYE ", 6))
			return server_words(line + 6, (size_t)(line_end - line) - 6);
		line = line_end + 1;
	}
	return NULL;
}

static int explain_end(struct imapc_session *session, struct error *err)
{
	/* The server's last words explain more than a lost connection. */
	g_autofree char *farewell = find_farewell(session);

	imapc_kill(session);
	if (!farewell)
		return transport_explain(session->transport, err);

	g_autofree char *did = g_strdup_printf("%s closed the connection", session->server->url);

	return server_words_explain(err, ERROR_UNREACHABLE, did, farewell);
}

int imapc_judge(struct imapc_session *session, int result, struct error *err)
{
	g_autofree char *words = NULL;

	if (result == MAILIMAP_ERROR_STREAM)
		return explain_end(session, err);

	/* libetpan's parser returns the same for OK and NO: the tagged line decides. An OK counts
	 * if libetpan could read all that came before it. */
	const char *status = imapc_status_of_answer(session, &words);

	if (status && !strcmp(status, "OK") && result == MAILIMAP_NO_ERROR)
		return 0;
	if (status && !strcmp(status, "NO"))
		return server_words_explain(err, ERROR_PROTOCOL, "the server refused", words);
	/* Microsoft answers so as well where it understands, but is busy or will not. */
	if (status && !strcmp(status, "BAD"))
		return server_words_explain(err, ERROR_PROTOCOL, "the server did not understand",
					    words);
	imapc_kill(session);
	return error_set(err, ERROR_PROTOCOL, "the answer of %s makes no sense: \"%s%s%s\"",
			 session->server->url, status ? status : "", status ? " " : "", words);
}

static int send_command(struct imapc_session *session, const char *command, size_t length)
{
	mailstream *stream = session->imap->imap_stream;

	if (mailimap_send_current_tag(session->imap) != MAILIMAP_NO_ERROR ||
	    mailstream_write(stream, command, length) < 0 ||
	    mailstream_write(stream, "\r\n", 2) < 0 || mailstream_flush(stream) < 0)
		return MAILIMAP_ERROR_STREAM;
	return MAILIMAP_NO_ERROR;
}

int imapc_read_answer(struct imapc_session *session)
{
	struct mailimap_response *response = NULL;

	if (!mailimap_read_line(session->imap))
		return MAILIMAP_ERROR_STREAM;

	int result = mailimap_parse_response(session->imap, &response);

	if (result == MAILIMAP_NO_ERROR)
		mailimap_response_free(response);
	return result;
}

/* With a new UIDVALIDITY each known UID means another message, which the next command would
 * change. */
static int check_numbering(struct imapc_session *session, struct error *err)
{
	const struct mailimap_selection_info *selection = session->imap->imap_selection_info;

	if (session->uid_validity == 0 || !selection ||
	    selection->sel_uidvalidity == session->uid_validity)
		return 0;
	imapc_kill(session);
	return error_set(err, ERROR_TEMPORARY,
			 "%s changed the UIDVALIDITY of the open folder from %u to %u: its "
			 "messages have other numbers now; try again",
			 session->server->url, session->uid_validity, selection->sel_uidvalidity);
}

static int refuse_dead(const struct imapc_session *session, struct error *err)
{
	return error_set(err, ERROR_UNREACHABLE, "the connection to %s is gone",
			 session->server->url);
}

int imapc_command(struct imapc_session *session, struct error *err, const char *format, ...)
{
	va_list args;

	if (!session->alive)
		return refuse_dead(session, err);
	va_start(args, format);
	g_autofree char *command = g_strdup_vprintf(format, args);
	va_end(args);

	imapc_begin(session);
	mmap_string_truncate(session->imap->imap_stream_buffer, 0);

	int result = send_command(session, command, strlen(command));

	if (result == MAILIMAP_NO_ERROR)
		result = imapc_read_answer(session);
	return imapc_judge(session, result, err) < 0 ? -1 : check_numbering(session, err);
}

/* --- conversations, line by line ---------------------------------------- */

/* The kinds of lines that a conversation tells apart. */
static enum imapc_line classify(const struct imapc_session *session, const char *line)
{
	g_autofree char *tag = g_strdup_printf("%d ", session->imap->imap_tag);
	size_t length = strcspn(line, "\r\n");

	if (g_str_has_prefix(line, tag))
		return IMAPC_LINE_TAGGED;
	if (*line == '+')
		return IMAPC_LINE_CONTINUE;
	if (!g_ascii_strncasecmp(line, "* BYE", 5))
		return IMAPC_LINE_BYE;
	if (length > 0 && line[length - 1] == '}')
		return IMAPC_LINE_LITERAL;
	if (line[0] != '*' || line[1] != ' ' || !g_ascii_isdigit(line[2]))
		return IMAPC_LINE_OTHER;

	const char *word = line + 2 + strspn(line + 2, "0123456789");

	return !g_ascii_strncasecmp(word, " EXISTS", 7) || !g_ascii_strncasecmp(word, " RECENT", 7)
		   ? IMAPC_LINE_NEWS
		   : IMAPC_LINE_OTHER;
}

int imapc_send_text(struct imapc_session *session, const char *text)
{
	mailstream *stream = session->imap->imap_stream;

	if (mailstream_write(stream, text, strlen(text)) < 0 || mailstream_flush(stream) < 0)
		return MAILIMAP_ERROR_STREAM;
	return MAILIMAP_NO_ERROR;
}

int imapc_read_line(struct imapc_session *session, enum imapc_line *ret_kind)
{
	mmap_string_truncate(session->imap->imap_stream_buffer, 0);

	const char *line = mailimap_read_line(session->imap);

	transport_progress(session->transport);
	if (!line)
		return MAILIMAP_ERROR_STREAM;
	*ret_kind = classify(session, line);
	return *ret_kind == IMAPC_LINE_BYE ? MAILIMAP_ERROR_STREAM : MAILIMAP_NO_ERROR;
}

/* --- literals ------------------------------------------------------------ */

int imapc_await_permission(struct imapc_session *session, struct error *err)
{
	for (int i = 0; i < IMAPC_LINES_MAX; i++) {
		enum imapc_line kind = IMAPC_LINE_OTHER;
		int result = imapc_read_line(session, &kind);

		if (result != MAILIMAP_NO_ERROR)
			return imapc_judge(session, result, err);
		if (kind == IMAPC_LINE_CONTINUE)
			return 0;
		if (kind == IMAPC_LINE_LITERAL)
			break;
		if (kind == IMAPC_LINE_TAGGED) {
			/* An OK to a message that it has not got makes no sense. */
			if (imapc_judge(session, MAILIMAP_NO_ERROR, err) < 0)
				return -1;
			break;
		}
	}
	imapc_kill(session);
	return error_set(err, ERROR_PROTOCOL, "%s does not ask for the message it was offered",
			 session->server->url);
}

/* Text, and the literal behind it. */
static int send_literal(struct imapc_session *session, const char *text, const char *literal,
			struct error *err)
{
	g_autofree char *line = g_strdup_printf("%s{%zu}\r\n", text, strlen(literal));

	if (imapc_send_text(session, line) != MAILIMAP_NO_ERROR)
		return imapc_judge(session, MAILIMAP_ERROR_STREAM, err);
	if (imapc_await_permission(session, err) < 0)
		return -1;
	if (transport_announce_literal(session->transport, strlen(literal)) < 0 ||
	    imapc_send_text(session, literal) != MAILIMAP_NO_ERROR)
		return imapc_judge(session, MAILIMAP_ERROR_STREAM, err);
	return 0;
}

int imapc_command_parts(struct imapc_session *session, char *const *parts, struct error *err)
{
	if (!session->alive)
		return refuse_dead(session, err);
	imapc_begin(session);
	if (mailimap_send_current_tag(session->imap) != MAILIMAP_NO_ERROR)
		return imapc_judge(session, MAILIMAP_ERROR_STREAM, err);
	for (; parts[1]; parts += 2) {
		if (send_literal(session, parts[0], parts[1], err) < 0)
			return -1;
	}

	g_autofree char *rest = g_strconcat(parts[0], "\r\n", NULL);
	int result = imapc_send_text(session, rest);

	mmap_string_truncate(session->imap->imap_stream_buffer, 0);
	if (result == MAILIMAP_NO_ERROR)
		result = imapc_read_answer(session);
	return imapc_judge(session, result, err) < 0 ? -1 : check_numbering(session, err);
}
