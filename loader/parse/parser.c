#include "loader/parse/parser.h"

#include "loader/base/clock.h"
#include "loader/parse/parser_process_internal.h"
#include "loader/parse/spool.h"
#include "loader/parser/protocol/protocol.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum {
	PARSER_MAX_TRIES = 3,
	PARSER_UNREAD = 250,		  /* answers that its socket holds in any case */
	PARSER_PACKET_BYTES = 256 * 1024, /* of messages: so many are not waited for */
	PARSER_WALL_FACTOR = 6		  /* wall time allowed per CPU time allowed */
};

struct parser_job {
	struct protocol_request request;
	size_t packet;	       /* messages in the packet that this one was sent in */
	unsigned tries;	       /* deaths of the parser at this message */
	bool header_only_left; /* given up but for the header */
	bool given_up;
	char *failure;
	struct protocol_reply reply;
};

struct parser {
	struct mime_options options;
	struct parser_files files;
	struct parser_process process;
	unsigned false_starts; /* in a row: it died before it was ready */
	bool one_by_one;       /* it has died: packets of one message tell at which */
	GArray *jobs;	       /* struct parser_job, the batch */
	size_t answered;       /* jobs before this one are through */
	size_t sent;	       /* jobs before this one are through or with the process */
	uint64_t free_offset;  /* of the output file, behind everything answered */
	uint64_t output_size;  /* of the same, when the batch was through */
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
	parser->files = (struct parser_files){.input = input, .output = output};
	parser->process.socket = -1;
	parser->jobs = g_array_new(FALSE, TRUE, sizeof(struct parser_job));
	g_array_set_clear_func(parser->jobs, parser_job_clear);
	return parser;
}

void parser_set_output_max(struct parser *parser, uint64_t bytes)
{
	parser->files.output_max = bytes;
}

void parser_stop(struct parser *parser)
{
	if (parser == NULL)
		return;
	parser_process_end(&parser->process);
	g_array_unref(parser->jobs);
	g_free(parser);
}

static int parser_wake(struct parser *parser, struct error *err)
{
	if (parser->process.socket >= 0)
		return 0;
	return parser_process_start(&parser->process, &parser->options, &parser->files, err);
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
	size_t max = parser->one_by_one ? 1 : PROTOCOL_PACKET_MAX;
	size_t count = 0;
	uint64_t bytes = 0;
	while (count < max && parser->sent + count < parser->jobs->len &&
	       bytes < PARSER_PACKET_BYTES)
		bytes += parser_job_at(parser, parser->sent + count++)->request.size;
	bool full = count == max || bytes >= PARSER_PACKET_BYTES;
	bool idle = parser->sent == parser->answered;
	return full || idle || !more_to_come ? count : 0;
}

static bool parser_send_packet(struct parser *parser, size_t count)
{
	struct protocol_request requests[PROTOCOL_PACKET_MAX];
	for (size_t i = 0; i < count; i++) {
		struct parser_job *job = parser_job_at(parser, parser->sent + i);
		job->packet = count;
		requests[i] = job->request;
		requests[i].restart = parser->sent + i == parser->answered;
		requests[i].output_end = parser->free_offset;
	}
	return parser_process_send(&parser->process, requests, count);
}

/* Sends what is not with the process yet, as far as its socket takes it. */
static void parser_send(struct parser *parser, bool more_to_come)
{
	size_t count;
	while ((count = parser_packet(parser, more_to_come)) > 0 &&
	       parser_send_packet(parser, count))
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
				       (unsigned long long)protocol_cpu_limit_s(job->request.size));
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ)
		return g_strdup("parsing made too much of it");
	if (WIFSIGNALED(status))
		return g_strdup_printf("parsing crashed or used too much memory (signal %d)",
				       WTERMSIG(status));
	return g_strdup_printf("the parser ended (status %d)", WEXITSTATUS(status));
}

/* It died before it was ready: that is no message's fault. A signal may have been meant for others,
 * such as one for want of memory. */
static int parser_start_again(struct parser *parser, int status, struct error *err)
{
	g_autofree char *path = parser_process_path();
	if (WIFSIGNALED(status) && ++parser->false_starts < PARSER_MAX_TRIES)
		return 0;
	if (WIFSIGNALED(status))
		return error_set(err, ERROR_IO,
				 "starting the parser: '%s' was ended by signal %d, %u times", path,
				 WTERMSIG(status), parser->false_starts);
	return error_set(err, ERROR_IO,
			 "starting the parser: '%s' ended at once, with status %d; install inqueue "
			 "again",
			 path, WEXITSTATUS(status));
}

/*
 * The process died at the first message without an answer, or, where that came with others, at one
 * of them: count it, or find out which it was, and begin again behind the last answer.
 */
static int parser_recover(struct parser *parser, bool late, struct error *err)
{
	int status = parser_process_end(&parser->process);
	parser->sent = parser->answered;
	if (!parser->process.has_greeted)
		return parser_start_again(parser, status, err);
	struct parser_job *job = parser_job_at(parser, parser->answered);
	if (job->packet > 1) {
		parser->one_by_one = true;
		return 0;
	}
	job->tries++;
	if (job->tries < PARSER_MAX_TRIES)
		return 0;
	g_autofree char *reason = parser_describe_death(job, status, late);
	if (!job->header_only_left)
		parser_job_fail(job, reason);
	if (job->header_only_left || job->request.is_text) {
		job->given_up = true;
		parser->answered++;
		parser->sent = parser->answered;
		return 0;
	}
	job->header_only_left = true;
	job->request.header_only = true;
	job->tries = PARSER_MAX_TRIES - 1;
	return 0;
}

/* What has come from the process. Does not wait. */
static int parser_receive_now(struct parser *parser, struct parser_answers *ret_answers,
			      enum parser_news *ret_news, struct error *err)
{
	if (parser_process_receive(&parser->process, ret_answers, ret_news, err) != 0)
		return -1;
	if (parser->process.has_greeted)
		parser->false_starts = 0;
	if (*ret_news == PARSER_ANSWERS && ret_answers->count > parser->sent - parser->answered)
		*ret_news = PARSER_OVER;
	return 0;
}

/* Wall time for the packet that is to be answered next: as for one message of its size. */
static int64_t parser_patience_ms(const struct parser *parser)
{
	uint64_t bytes = 0;
	for (size_t i = parser->answered; i < parser->jobs->len; i++) {
		const struct parser_job *job = parser_job_at(parser, i);
		if (i > parser->answered && i >= parser->answered + job->packet)
			break;
		bytes += job->request.size;
	}
	return (int64_t)(protocol_cpu_limit_s(bytes) * 1000 * PARSER_WALL_FACTOR);
}

/* Waits for the next news. *ret_late: there were none for too long, which ends the process. */
static int parser_receive(struct parser *parser, struct parser_answers *ret_answers,
			  enum parser_news *ret_news, bool *ret_late, struct error *err)
{
	int64_t deadline_ms = clock_monotonic_ms() + parser_patience_ms(parser);
	*ret_late = false;
	while (parser_receive_now(parser, ret_answers, ret_news, err) == 0) {
		if (*ret_news != PARSER_NOTHING)
			return 0;
		int64_t left_ms = deadline_ms - clock_monotonic_ms();
		struct pollfd wait = {.fd = parser->process.socket, .events = POLLIN};
		int ready = left_ms > 0 ? poll(&wait, 1, (int)left_ms) : 0;
		if (ready > 0 || (ready < 0 && errno == EINTR))
			continue;
		*ret_news = PARSER_OVER;
		*ret_late = true;
		return 0;
	}
	return -1;
}

static int parser_take(struct parser *parser, const struct parser_answers *answers,
		       struct error *err)
{
	for (size_t i = 0; i < answers->count; i++) {
		const struct protocol_reply *reply = &answers->replies[i];
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
	enum parser_news news;
	struct parser_answers answers;
	if (parser_wake(parser, err) != 0)
		return -1;
	parser_send(parser, false);
	if (parser_receive(parser, &answers, &news, &late, err) != 0)
		return -1;
	if (news == PARSER_ANSWERS)
		return parser_take(parser, &answers, err);
	return news == PARSER_OVER ? parser_recover(parser, late, err) : 0;
}

/* Before the process has to wait for room for its answers. */
static int parser_make_room(struct parser *parser, struct error *err)
{
	struct parser_answers answers;
	while (parser->process.socket >= 0 && parser->answered + PARSER_UNREAD < parser->sent) {
		enum parser_news news;
		if (parser_receive_now(parser, &answers, &news, err) != 0)
			return -1;
		if (news == PARSER_NOTHING || news == PARSER_OVER)
			return 0;
		if (news == PARSER_ANSWERS && parser_take(parser, &answers, err) != 0)
			return -1;
	}
	return 0;
}

static int parser_put(struct parser *parser, const struct protocol_request *request,
		      size_t *ret_index, struct error *err)
{
	struct parser_job job = {.request = *request};
	if (parser->jobs->len == 0 && parser_wake(parser, err) != 0)
		return -1;
	parser_process_go_on(&parser->process);
	g_array_append_val(parser->jobs, job);
	*ret_index = parser->jobs->len - 1;
	if (parser_make_room(parser, err) != 0)
		return -1;
	parser_send(parser, true);
	return 0;
}

int parser_submit(struct parser *parser, uint64_t offset, uint64_t size, bool header_only,
		  size_t *ret_index, struct error *err)
{
	const struct protocol_request request = {
	    .offset = offset, .size = size, .header_only = header_only};
	return parser_put(parser, &request, ret_index, err);
}

int parser_submit_text(struct parser *parser, uint64_t offset, uint64_t size, size_t *ret_index,
		       struct error *err)
{
	const struct protocol_request request = {.offset = offset, .size = size, .is_text = true};
	return parser_put(parser, &request, ret_index, err);
}

/* Content lies within this: a process that is out of control cannot make the file shorter. */
static int parser_measure(struct parser *parser, struct error *err)
{
	struct stat output;
	if (fstat(parser->files.output, &output) != 0)
		return error_set(err, ERROR_IO, "temporary file: %s", g_strerror(errno));
	parser->output_size = (uint64_t)output.st_size;
	return 0;
}

int parser_finish(struct parser *parser, struct error *err)
{
	while (parser->answered < parser->jobs->len) {
		if (parser_advance(parser, err) != 0)
			return -1;
	}
	parser_process_stand_still(&parser->process);
	return parser_measure(parser, err);
}

int parser_libraries(struct parser *parser, char **ret_libraries, struct error *err)
{
	while (!parser->process.has_greeted) {
		if (parser_advance(parser, err) != 0)
			return -1;
	}
	*ret_libraries = g_utf8_make_valid(parser->process.greeting.libraries, -1);
	return 0;
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
static int parser_read_record(const struct parser *parser, const struct protocol_reply *reply,
			      struct mime_message **ret_message, struct error *err)
{
	if (reply->record_size > PARSED_MAX_SIZE)
		return error_set(err, ERROR_SOFTWARE, "the parser's answer is too long");
	g_autofree unsigned char *record = g_malloc(reply->record_size + 1);
	if (spool_read(parser->files.output, reply->record_offset, record, reply->record_size,
		       err) != 0)
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
