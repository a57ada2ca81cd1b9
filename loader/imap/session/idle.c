/*
 * IDLE as a conversation of lines: until the server has news of the mailbox, the time is up, or
 * another descriptor is readable. libetpan's own mailimap_idle() waits its whole time, and fails on
 * untagged data before the "+".
 */
#include "loader/imap/session/session_internal.h"

#include <string.h>

static int read_line(struct imapc_session *session, enum imapc_line *ret_kind, struct error *err)
{
	int result = imapc_read_line(session, ret_kind);

	if (result == MAILIMAP_NO_ERROR && *ret_kind != IMAPC_LINE_LITERAL)
		return 0;
	if (result != MAILIMAP_NO_ERROR)
		return imapc_judge(session, result, err);
	imapc_kill(session);
	return error_set(err, ERROR_PROTOCOL, "%s sent a literal while it should only tell of news",
			 session->server->url);
}

/* Reads until a line of this kind; notes news in between. A server that never comes to it is
 * dropped. */
static int read_until(struct imapc_session *session, enum imapc_line wanted, bool *news,
		      struct error *err)
{
	for (int i = 0; i < IMAPC_LINES_MAX; i++) {
		enum imapc_line kind = IMAPC_LINE_OTHER;

		if (read_line(session, &kind, err) < 0)
			return -1;
		*news |= kind == IMAPC_LINE_NEWS;
		if (kind == wanted)
			return 0;
		if (kind == IMAPC_LINE_TAGGED)
			return imapc_judge(session, MAILIMAP_ERROR_PARSE, err);
	}
	imapc_kill(session);
	return error_set(err, ERROR_PROTOCOL, "%s does not come to an end with IDLE",
			 session->server->url);
}

/* libetpan may have read ahead, which does not show at the socket. */
static bool has_line_waiting(const struct imapc_session *session)
{
	return session->imap->imap_stream->read_buffer_len > 0;
}

static int wait_for_news(struct imapc_session *session, int wake, int64_t timeout_ms, bool *news,
			 enum imapc_idle_end *ret_end, struct error *err)
{
	const int64_t end_us = g_get_monotonic_time() + timeout_ms * 1000;

	for (int i = 0; !*news && i < IMAPC_LINES_MAX; i++) {
		const int64_t left_us = end_us - g_get_monotonic_time();
		enum imapc_line kind = IMAPC_LINE_OTHER;

		if (!has_line_waiting(session)) {
			switch (transport_wait(session->transport, wake, left_us / 1000)) {
			case TRANSPORT_WOKEN:
				*ret_end = IMAPC_IDLE_WOKEN;
				return 0;
			case TRANSPORT_TIME_IS_UP:
				*ret_end = IMAPC_IDLE_TIME_IS_UP;
				return 0;
			case TRANSPORT_READABLE:
				break;
			}
		}
		imapc_begin(session);
		if (read_line(session, &kind, err) < 0)
			return -1;
		*news = kind == IMAPC_LINE_NEWS;
		if (kind == IMAPC_LINE_TAGGED)
			return imapc_judge(session, MAILIMAP_ERROR_PARSE, err);
	}
	return 0;
}

/* News may come before the "+", which says that the server is waiting. */
static int begin(struct imapc_session *session, bool *news, struct error *err)
{
	if (!session->alive)
		return error_set(err, ERROR_UNREACHABLE, "the connection to %s is gone",
				 session->server->url);
	imapc_begin(session);
	if (mailimap_send_current_tag(session->imap) != MAILIMAP_NO_ERROR ||
	    imapc_send_text(session, "IDLE\r\n") != MAILIMAP_NO_ERROR)
		return imapc_judge(session, MAILIMAP_ERROR_STREAM, err);
	return read_until(session, IMAPC_LINE_CONTINUE, news, err);
}

/* The server may tell of news until it has read DONE. */
static int end(struct imapc_session *session, bool *news, struct error *err)
{
	imapc_begin(session);
	if (imapc_send_text(session, "DONE\r\n") != MAILIMAP_NO_ERROR)
		return imapc_judge(session, MAILIMAP_ERROR_STREAM, err);
	if (read_until(session, IMAPC_LINE_TAGGED, news, err) < 0)
		return -1;
	return imapc_judge(session, MAILIMAP_NO_ERROR, err);
}

int imapc_idle(struct imapc_session *session, int wake, int64_t timeout_ms,
	       enum imapc_idle_end *ret_end, struct error *err)
{
	bool news = false;
	enum imapc_idle_end idle_end = IMAPC_IDLE_CHANGED;

	if (begin(session, &news, err) < 0 ||
	    wait_for_news(session, wake, timeout_ms, &news, &idle_end, err) < 0 ||
	    end(session, &news, err) < 0)
		return error_prefix(err, "wait for mail");
	*ret_end = news ? IMAPC_IDLE_CHANGED : idle_end;
	return 0;
}
