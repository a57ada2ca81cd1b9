#include "loader/imap/session/session_internal.h"

#include <string.h>

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
