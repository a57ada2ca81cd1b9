#include "loader/parse/parser.h"

#include "loader/base/clock.h"
#include "loader/parse/parsed.h"
#include "loader/parse/parser_child.h"
#include "loader/parse/spool.h"
#include "mime/library.h"
#include "queue/base/scoped.h"

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
	PARSER_PACKET_BYTES = 256 * 1024,  /* of messages: so many are not waited for */
	PARSER_WALL_FACTOR = 6		   /* wall time allowed per CPU time allowed */
};

struct parser_job {
	struct parser_request request;
	size_t packet;	       /* messages in the packet that this one was sent in */
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
	bool one_by_one;      /* it has died: packets of one message tell at which */
	GArray *jobs;	      /* struct parser_job, the batch */
	size_t answered;      /* jobs before this one are through */
	size_t sent;	      /* jobs before this one are through or with the process */
	uint64_t free_offset; /* of the output file, behind everything answered */
	uint64_t output_size; /* of the same, when the batch was through */
	uint64_t output_max;  /* it may get so long; 0 = any */
	struct parser_fork_hooks hooks;
};

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

/* Ends the process, which may have ended already or not want to, and returns its wait status; 0
 * when there is none. */
static int parser_reap(struct parser *parser)
{
	if (parser->socket < 0)
		return 0;
	descriptor_close_scoped(&parser->socket);
	parser->socket = -1;
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
	parser_reap(parser);
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
	parser->one_by_one = false;
}

/* How many messages the next packet has; 0: it is not full yet, and more are to come. */
static size_t parser_packet(const struct parser *parser, bool more_to_come)
{
	size_t max = parser->one_by_one ? 1 : PARSER_PACKET_MAX;
	size_t count = 0;
	uint64_t bytes = 0;
	while (count < max && parser->sent + count < parser->jobs->len &&
	       bytes < PARSER_PACKET_BYTES)
		bytes += parser_job_at(parser, parser->sent + count++)->request.size;
	bool full = count == max || bytes >= PARSER_PACKET_BYTES;
	bool idle = parser->sent == parser->answered;
	return full || idle || !more_to_come ? count : 0;
}

static ssize_t parser_send_packet(struct parser *parser, size_t count)
{
	struct parser_request requests[PARSER_PACKET_MAX];
	for (size_t i = 0; i < count; i++) {
		struct parser_job *job = parser_job_at(parser, parser->sent + i);
		job->packet = count;
		requests[i] = job->request;
		requests[i].restart = parser->sent + i == parser->answered;
		requests[i].output_end = parser->free_offset;
	}
	return send(parser->socket, requests, count * sizeof requests[0],
		    MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Sends what is not with the process yet, as far as its socket takes it. A dead process is noticed
 * later. */
static void parser_send(struct parser *parser, bool more_to_come)
{
	size_t count;
	while ((count = parser_packet(parser, more_to_come)) > 0 &&
	       parser_send_packet(parser, count) >= 0)
		parser->sent += count;
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

/*
 * The process died at the first message without an answer, or, where that came with others, at one
 * of them: count it, or find out which it was, and begin again behind the last answer.
 */
static void parser_recover(struct parser *parser, bool late)
{
	struct parser_job *job = parser_job_at(parser, parser->answered);
	int status = parser_reap(parser);
	parser->sent = parser->answered;
	if (job->packet > 1) {
		parser->one_by_one = true;
		return;
	}
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

/* The answers to a packet. */
struct parser_answers {
	struct parser_reply replies[PARSER_PACKET_MAX];
	size_t count; /* 0: not what a parser sends */
};

/* As recv(): -1 with EAGAIN when there is none yet. */
static int parser_receive_now(const struct parser *parser, struct parser_answers *ret_answers)
{
	ssize_t got =
	    recv(parser->socket, ret_answers->replies, sizeof ret_answers->replies, MSG_DONTWAIT);
	ret_answers->count = got > 0 ? (size_t)got / sizeof ret_answers->replies[0] : 0;
	/* A process that cannot begin says so before it is asked anything. */
	bool is_refusal = ret_answers->count == 1 && ret_answers->replies[0].error != 0;
	if (ret_answers->count > parser->sent - parser->answered && !is_refusal)
		ret_answers->count = 0;
	return got < 0 ? -1 : 0;
}

/* Wall time for the packet that is to be answered next: as for one message of its size. */
static int64_t parser_patience_ms(const struct parser *parser)
{
	size_t end = MIN(parser->answered + MAX(parser_job_at(parser, parser->answered)->packet, 1),
			 parser->jobs->len);
	uint64_t bytes = 0;
	for (size_t i = parser->answered; i < end; i++)
		bytes += parser_job_at(parser, i)->request.size;
	return (int64_t)(parser_cpu_limit_s(bytes) * 1000 * PARSER_WALL_FACTOR);
}

/* 1: there are answers; 0: the process is dead or silent. */
static int parser_receive(struct parser *parser, bool *ret_late, struct parser_answers *ret_answers)
{
	int64_t deadline_ms = clock_monotonic_ms() + parser_patience_ms(parser);
	*ret_late = false;
	for (;;) {
		if (parser_receive_now(parser, ret_answers) == 0 || errno != EAGAIN)
			return ret_answers->count > 0;
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

static int parser_take(struct parser *parser, const struct parser_answers *answers,
		       struct error *err)
{
	for (size_t i = 0; i < answers->count; i++) {
		const struct parser_reply *reply = &answers->replies[i];
		if (reply->error != 0)
			return error_set(err, ERROR_IO, "parsing a message: %s",
					 g_strerror(reply->error));
		parser_job_at(parser, parser->answered)->reply = *reply;
		parser->free_offset = reply->record_offset + reply->record_size;
		parser->answered++;
	}
	return 0;
}

/* Takes the next reply, or deals with the death of the process. */
static int parser_advance(struct parser *parser, struct error *err)
{
	bool late;
	struct parser_answers answers;
	parser_send(parser, false);
	if (parser_receive(parser, &late, &answers) == 1)
		return parser_take(parser, &answers, err);
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
	struct parser_answers answers;
	if (parser->jobs->len == 0 && parser_wake(parser, err) != 0)
		return -1;
	parser_go_on(parser);
	g_array_append_val(parser->jobs, job);
	*ret_index = parser->jobs->len - 1;
	/* Before the process has to wait for room for its answers. */
	while (parser->answered + PARSER_UNREAD < parser->sent &&
	       parser_receive_now(parser, &answers) == 0 && answers.count > 0) {
		if (parser_take(parser, &answers, err) != 0)
			return -1;
	}
	parser_send(parser, true);
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
