#include "loader/flow/parser.h"

#include "loader/base/clock.h"
#include "loader/base/scoped.h"
#include "loader/flow/parsed.h"
#include "loader/flow/parser_child.h"
#include "loader/flow/spool.h"
#include "mime/library.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum {
	PARSER_MAX_TRIES = 3,
	PARSER_SOCKET_BYTES = 1024 * 1024, /* wanted, so that the process need not be waited on */
	PARSER_UNREAD = 250,		   /* answers that its socket holds in any case */
	PARSER_WALL_FACTOR = 6		   /* wall time allowed per CPU time allowed */
};

struct parser_job {
	struct parser_request request;
	unsigned tries;	       /* deaths of the parser at this message */
	bool header_only_left; /* given up but for the header */
	bool given_up;
	char *failure;
	struct parser_reply reply;
};

struct parser {
	struct mime_options options;
	int input;
	int output;
	int socket; /* -1: no process */
	pid_t process;
	bool stands_still;    /* it is stopped */
	GArray *jobs;	      /* struct parser_job, the batch */
	size_t answered;      /* jobs before this one are through */
	size_t sent;	      /* jobs before this one are through or with the process */
	uint64_t free_offset; /* of the output file, behind everything answered */
	uint64_t output_size; /* of the same, when the batch was through */
	uint64_t output_max;  /* it may get so long; 0 = any */
	struct parser_fork_hooks hooks;
};

SCOPED_DEFINE(struct mime_message *, mime_message_free)

static struct parser_job *parser_job_at(const struct parser *parser, size_t index)
{
	return &g_array_index(parser->jobs, struct parser_job, index);
}

static void parser_job_clear(void *job)
{
	g_free(((struct parser_job *)job)->failure);
}

struct parser *parser_new(const struct mime_options *options, int input, int output)
{
	struct parser *parser = g_new0(struct parser, 1);
	parser->options = *options;
	parser->input = input;
	parser->output = output;
	parser->socket = -1;
	parser->jobs = g_array_new(FALSE, TRUE, sizeof(struct parser_job));
	g_array_set_clear_func(parser->jobs, parser_job_clear);
	return parser;
}

void parser_set_fork_hooks(struct parser *parser, const struct parser_fork_hooks *hooks)
{
	parser->hooks = *hooks;
}

void parser_set_output_max(struct parser *parser, uint64_t bytes)
{
	parser->output_max = bytes;
}

/* Ends the process and returns its wait status; 0 when there is none. */
static int parser_reap(struct parser *parser, bool kill_it)
{
	if (parser->socket < 0)
		return 0;
	descriptor_close_scoped(&parser->socket);
	parser->socket = -1;
	if (kill_it)
		kill(parser->process, SIGKILL);
	int status = 0;
	while (waitpid(parser->process, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

void parser_stop(struct parser *parser)
{
	if (parser == NULL)
		return;
	parser_reap(parser, true);
	g_array_unref(parser->jobs);
	g_free(parser);
}

static pid_t parser_fork(const struct parser *parser, int socket)
{
	const struct parser_fork_hooks *hooks = &parser->hooks;
	if (hooks->before != NULL)
		hooks->before(hooks->context);
	pid_t process = fork();
	if (process == 0) {
		struct parser_child child = {.options = &parser->options,
					     .socket = socket,
					     .input = parser->input,
					     .output = parser->output,
					     .output_max = parser->output_max};
		parser_child_run(&child);
	}
	int saved = errno;
	if (hooks->after != NULL)
		hooks->after(hooks->context);
	errno = saved;
	return process;
}

/* With less room than wanted all goes on, with more waiting. */
static void parser_widen(int socket)
{
	const int size = PARSER_SOCKET_BYTES;
	(void)setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

int parser_wake(struct parser *parser, struct error *err)
{
	int sockets[2];
	if (parser->socket >= 0)
		return 0;
	/* Here, for all the processes that come: the modules of 40 charsets cost more than most
	 * messages. */
	if (mime_open() != 0)
		return error_set(err, ERROR_IO, "starting the parser: %s",
				 mime_library_fault() != NULL
				     ? mime_library_fault()
				     : "no converter for UTF-8 and ISO-8859-1 (iconv)");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
		return error_set(err, ERROR_IO, "starting the parser: %s", g_strerror(errno));
	parser_widen(sockets[0]);
	parser_widen(sockets[1]);
	pid_t process = parser_fork(parser, sockets[1]);
	int saved = errno;
	close(sockets[1]);
	if (process < 0) {
		close(sockets[0]);
		return error_set(err, ERROR_IO, "starting the parser: %s", g_strerror(saved));
	}
	parser->process = process;
	parser->socket = sockets[0];
	parser->stands_still = false;
	return 0;
}

void parser_begin(struct parser *parser)
{
	g_array_set_size(parser->jobs, 0);
	parser->answered = 0;
	parser->sent = 0;
	parser->free_offset = 0;
}

/* Sends what is not with the process yet, as far as its socket takes it. A dead process is noticed
 * later. */
static void parser_send(struct parser *parser)
{
	while (parser->sent < parser->jobs->len) {
		struct parser_request *request = &parser_job_at(parser, parser->sent)->request;
		request->restart = parser->sent == parser->answered;
		request->output_end = parser->free_offset;
		if (send(parser->socket, request, sizeof *request, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
		parser->sent++;
	}
}

static void parser_job_fail(struct parser_job *job, const char *reason)
{
	g_free(job->failure);
	job->failure = g_strdup(reason);
}

/* What the end of the process tells about the message it was at. */
static char *parser_describe_death(const struct parser_job *job, int status, bool late)
{
	if (late)
		return g_strdup("parsing did not end");
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPROF)
		return g_strdup_printf("parsing took more than %llu s of CPU time",
				       (unsigned long long)parser_cpu_limit_s(job->request.size));
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ)
		return g_strdup("parsing made too much of it");
	if (WIFSIGNALED(status))
		return g_strdup_printf("parsing crashed or used too much memory (signal %d)",
				       WTERMSIG(status));
	return g_strdup_printf("the parser ended (status %d)", WEXITSTATUS(status));
}

/* The process died at the first message without an answer: count it, and begin again behind the
 * last answer. */
static void parser_recover(struct parser *parser, bool late)
{
	struct parser_job *job = parser_job_at(parser, parser->answered);
	int status = parser_reap(parser, late);
	parser->sent = parser->answered;
	job->tries++;
	if (job->tries < PARSER_MAX_TRIES)
		return;
	g_autofree char *reason = parser_describe_death(job, status, late);
	if (job->header_only_left) {
		job->given_up = true;
		parser->answered++;
		parser->sent = parser->answered;
		return;
	}
	parser_job_fail(job, reason);
	job->header_only_left = true;
	job->request.header_only = true;
	job->tries = PARSER_MAX_TRIES - 1;
}

/* 1: a reply was taken; 0: the process is dead or silent. */
static int parser_receive(struct parser *parser, bool *ret_late, struct parser_reply *ret_reply)
{
	uint64_t limit_s =
	    parser_cpu_limit_s(parser_job_at(parser, parser->answered)->request.size);
	int64_t deadline_ms = clock_monotonic_ms() + (int64_t)(limit_s * 1000 * PARSER_WALL_FACTOR);
	*ret_late = false;
	for (;;) {
		ssize_t got = recv(parser->socket, ret_reply, sizeof *ret_reply, MSG_DONTWAIT);
		if (got >= 0 || errno != EAGAIN)
			return got == (ssize_t)sizeof *ret_reply;
		int64_t left_ms = deadline_ms - clock_monotonic_ms();
		struct pollfd wait = {.fd = parser->socket, .events = POLLIN};
		int ready = left_ms > 0 ? poll(&wait, 1, (int)left_ms) : 0;
		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0) {
			*ret_late = true;
			return 0;
		}
	}
}

static int parser_take(struct parser *parser, const struct parser_reply *reply, struct error *err)
{
	if (reply->error != 0)
		return error_set(err, ERROR_IO, "parsing a message: %s", g_strerror(reply->error));
	parser_job_at(parser, parser->answered)->reply = *reply;
	parser->free_offset = reply->record_offset + reply->record_size;
	parser->answered++;
	return 0;
}

/* Takes the next reply, or deals with the death of the process. */
static int parser_advance(struct parser *parser, struct error *err)
{
	bool late;
	struct parser_reply reply;
	parser_send(parser);
	if (parser_receive(parser, &late, &reply) == 1)
		return parser_take(parser, &reply, err);
	parser_recover(parser, late);
	return 0;
}

static void parser_go_on(struct parser *parser)
{
	if (parser->stands_still)
		kill(parser->process, SIGCONT);
	parser->stands_still = false;
}

int parser_submit(struct parser *parser, uint64_t offset, uint64_t size, bool header_only,
		  size_t *ret_index, struct error *err)
{
	struct parser_job job = {
	    .request = {.offset = offset, .size = size, .header_only = header_only}};
	struct parser_reply reply;
	if (parser->jobs->len == 0 && parser_wake(parser, err) != 0)
		return -1;
	parser_go_on(parser);
	g_array_append_val(parser->jobs, job);
	*ret_index = parser->jobs->len - 1;
	/* Before the process has to wait for room for its answers. */
	while (parser->answered + PARSER_UNREAD < parser->sent &&
	       recv(parser->socket, &reply, sizeof reply, MSG_DONTWAIT) == (ssize_t)sizeof reply) {
		if (parser_take(parser, &reply, err) != 0)
			return -1;
	}
	parser_send(parser);
	return 0;
}

/* Content lies within this: a process that is out of control cannot make the file shorter. */
static int parser_measure(struct parser *parser, struct error *err)
{
	struct stat output;
	if (fstat(parser->output, &output) != 0)
		return error_set(err, ERROR_IO, "temporary file: %s", g_strerror(errno));
	parser->output_size = (uint64_t)output.st_size;
	return 0;
}

/* It is waiting for work, unless it has been taken over. */
static void parser_stand_still(struct parser *parser)
{
	int status = 0;
	if (parser->socket < 0 || parser->stands_still)
		return;
	kill(parser->process, SIGSTOP);
	while (waitpid(parser->process, &status, WUNTRACED) < 0 && errno == EINTR)
		;
	parser->stands_still = WIFSTOPPED(status);
	if (parser->stands_still)
		return;
	/* It has died. */
	descriptor_close_scoped(&parser->socket);
	parser->socket = -1;
}

int parser_proceed(struct parser *parser, bool *ret_ended, struct error *err)
{
	while (parser->answered < parser->jobs->len && parser->socket >= 0) {
		if (parser_advance(parser, err) != 0)
			return -1;
	}
	*ret_ended = parser->answered == parser->jobs->len;
	if (!*ret_ended)
		return 0;
	parser_stand_still(parser);
	return parser_measure(parser, err);
}

int parser_finish(struct parser *parser, struct error *err)
{
	bool ended;
	while (parser_proceed(parser, &ended, err) == 0) {
		if (ended)
			return 0;
		if (parser_wake(parser, err) != 0)
			return -1;
	}
	return -1;
}

struct mime_message *parser_no_message(void)
{
	struct mime_message *message = calloc(1, sizeof *message);
	g_assert(message != NULL);
	message->headers = g_strdup("[]");
	message->defects = g_strdup("[]");
	return message;
}

/* The record of a message; -1 without *err when the bytes are nonsense. */
static int parser_read_record(const struct parser *parser, const struct parser_reply *reply,
			      struct mime_message **ret_message, struct error *err)
{
	if (reply->record_size > PARSED_MAX_SIZE)
		return error_set(err, ERROR_SOFTWARE, "the parser's answer is too long");
	g_autofree unsigned char *record = g_malloc(reply->record_size + 1);
	if (spool_read(parser->output, reply->record_offset, record, reply->record_size, err) != 0)
		return -1;
	if (parsed_parse(record, reply->record_size, parser->output_size, ret_message) != 0)
		return error_set(err, ERROR_SOFTWARE, "the parser's answer makes no sense");
	return 0;
}

int parser_read(struct parser *parser, size_t index, struct mime_message **ret_message,
		const char **ret_failure, struct error *err)
{
	struct parser_job *job = parser_job_at(parser, index);
	scoped(mime_message_free) struct mime_message *message = NULL;
	if (job->given_up) {
		message = parser_no_message();
	} else if (parser_read_record(parser, &job->reply, &message, err) != 0) {
		if (err->kind != ERROR_SOFTWARE)
			return -1;
		parser_job_fail(job, err->text);
		message = parser_no_message();
	}
	*ret_failure = job->failure;
	*ret_message = steal(&message);
	return 0;
}
