/*
 * Those who have come to a keeper's socket and have not said yet what they want. Nobody is waited
 * for: what each has said so far is kept until its line is whole. One epoll descriptor stands for
 * the listener and all of them, so that a lent session can be watched beside it.
 */
#include "loader/mailbox/mail_connection_internal.h"

#include "queue/base/scoped.h"

#include <errno.h>
#include <glib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* No word is as long, and no more callers are there at once: of more, those who have been silent
 * longest go. */
enum { MAIL_CALLERS_MAX = 64, MAIL_CALLERS_WORD_MAX = 1024 };

struct mail_caller {
	int socket;
	GString *line;
};

struct mail_callers {
	int listener;
	int descriptor;
	GPtrArray *silent; /* struct mail_caller, in the order of their coming */
	bool (*obey)(void *context, int socket, const char *line);
	void *context;
};

/* Closing takes it out of epoll as well. */
static void mail_caller_free(void *pointer)
{
	struct mail_caller *caller = pointer;
	if (caller->socket >= 0)
		close(caller->socket);
	g_string_free(caller->line, TRUE);
	g_free(caller);
}

static int mail_callers_watch(const struct mail_callers *callers, int socket, void *who)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = who};
	return epoll_ctl(callers->descriptor, EPOLL_CTL_ADD, socket, &event);
}

int mail_callers_open(int listener, bool (*obey)(void *context, int socket, const char *line),
		      void *context, struct mail_callers **ret_callers, struct error *err)
{
	scoped(mail_callers_close) struct mail_callers *callers = g_new0(struct mail_callers, 1);
	callers->listener = listener;
	callers->obey = obey;
	callers->context = context;
	callers->silent = g_ptr_array_new_with_free_func(mail_caller_free);
	callers->descriptor = epoll_create1(EPOLL_CLOEXEC);
	if (callers->descriptor < 0 || mail_callers_watch(callers, listener, NULL) != 0)
		return error_set(err, ERROR_IO, "epoll: %s", g_strerror(errno));
	*ret_callers = steal(&callers);
	return 0;
}

void mail_callers_close(struct mail_callers *callers)
{
	if (callers == NULL)
		return;
	g_ptr_array_free(callers->silent, TRUE);
	if (callers->descriptor >= 0)
		close(callers->descriptor);
	g_free(callers);
}

int mail_callers_descriptor(const struct mail_callers *callers)
{
	return callers->descriptor;
}

/* A process of another user gets no answer at all, whatever the mode of the socket says. */
static void mail_callers_accept(struct mail_callers *callers)
{
	scoped(descriptor_close) int socket = accept4(callers->listener, NULL, NULL, SOCK_CLOEXEC);
	if (socket < 0 || !mail_socket_is_ours(socket))
		return;
	struct mail_caller *caller = g_new0(struct mail_caller, 1);
	caller->line = g_string_new(NULL);
	caller->socket = descriptor_steal(&socket);
	if (callers->silent->len == MAIL_CALLERS_MAX)
		g_ptr_array_remove_index(callers->silent, 0);
	g_ptr_array_add(callers->silent, caller);
	if (mail_callers_watch(callers, caller->socket, caller) != 0)
		g_ptr_array_remove(callers->silent, caller);
}

/* Takes no byte beyond the line. 1: it is whole, 0: not yet, -1: there will be none. */
static int mail_caller_hear(struct mail_caller *caller)
{
	char byte;
	for (;;) {
		const ssize_t got = recv(caller->socket, &byte, 1, MSG_DONTWAIT);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return 0;
		if (got <= 0 || caller->line->len == MAIL_CALLERS_WORD_MAX)
			return -1;
		if (byte == '\n')
			return 1;
		g_string_append_c(caller->line, byte);
	}
}

/* Whoever has spoken is silent no more: the keeper has the socket, or it is closed. */
static void mail_callers_hear(struct mail_callers *callers, struct mail_caller *caller)
{
	const int heard = mail_caller_hear(caller);
	if (heard == 0)
		return;
	if (heard > 0) {
		epoll_ctl(callers->descriptor, EPOLL_CTL_DEL, caller->socket, NULL);
		if (callers->obey(callers->context, caller->socket, caller->line->str))
			caller->socket = -1;
	}
	g_ptr_array_remove(callers->silent, caller);
}

/* One at a time: what is done for one may close another. The session that is lent has its turn again
 * after as many as may be there. */
void mail_callers_attend(void *pointer)
{
	struct mail_callers *callers = pointer;
	struct epoll_event event;
	for (int i = 0; i < MAIL_CALLERS_MAX && epoll_wait(callers->descriptor, &event, 1, 0) > 0;
	     i++) {
		if (event.data.ptr != NULL)
			mail_callers_hear(callers, event.data.ptr);
		else
			mail_callers_accept(callers);
	}
}
