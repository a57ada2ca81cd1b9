/* Sends the messages of a batch to a process, a packet at a time, and takes its answers in their order.
 * When the process dies, or is not believed any more, another one goes on behind the last answer; the
 * message that it was at is tried again alone, then its header, then it is given up. */
#include "loader/parse/parser.h"

#include "loader/base/clock.h"
#include "loader/parse/parser_internal.h"
#include "queue/base/scoped.h"

#include <signal.h>
#include <sys/wait.h>

enum {
	/* Three, because a death may be the fault of the machine (out of memory) and not of the message. */
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
	struct parser_answer answer;
};

struct parser {
	struct mime_options options;
	struct parser_files files;
	struct parser_process process;
	unsigned false_starts; /* in a row: it died before it was ready */
	GArray *jobs;	       /* struct parser_job, the batch */
	size_t answered;       /* jobs before this one are through */
	size_t sent;	       /* jobs before this one are through or with the process */
	size_t suspects_end;   /* jobs before this one get a process each, and are waited for */
	uint64_t bytes_sent;   /* of the messages that are with the process */
	uint64_t free_offset;  /* of the output file, behind everything answered */
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

void parser_begin_again(struct parser *parser)
{
	g_array_set_size(parser->jobs, 0);
	parser->answered = 0;
	parser->sent = 0;
	parser->bytes_sent = 0;
	parser->suspects_end = 0;
	parser->free_offset = 0;
}

void parser_begin(struct parser *parser)
{
	parser_begin_again(parser);
	parser_process_end(&parser->process);
}

void parser_begin_suspect(struct parser *parser)
{
	parser_begin(parser);
	parser->suspects_end = SIZE_MAX;
}

/* How many messages the next packet has. 0: it is not full yet, and more are to come. A packet for each message
 * would cost a load of small ones a sixth more time (protocol.h), so that one that is not full is sent only where
 * the process would else idle, or nothing follows. A suspect goes alone. */
static size_t parser_packet(const struct parser *parser, bool more_to_come)
{
	const size_t max = PROTOCOL_PACKET_MAX;
	size_t count = 0;
	uint64_t bytes = 0;
	if (parser->answered < parser->suspects_end)
		return parser->sent == parser->answered && parser->sent < parser->jobs->len;
	while (count < max && parser->sent + count < parser->jobs->len &&
	       bytes < PARSER_PACKET_BYTES)
		bytes += parser_job_at(parser, parser->sent + count++)->request.size;
	bool full = count == max || bytes >= PARSER_PACKET_BYTES;
	bool idle = parser->sent == parser->answered;
	return full || idle || !more_to_come ? count : 0;
}

/* The first message that nobody has answered says where its output begins: what a process that died has written
 * behind the last answer is overwritten. All others go on behind the one before. */
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

/* Sends what is not with the process yet, as far as its socket takes it, and gives it time for all
 * that it has then. */
static int parser_send(struct parser *parser, bool more_to_come, struct error *err)
{
	size_t count;
	size_t before = parser->sent;
	while ((count = parser_packet(parser, more_to_come)) > 0 &&
	       parser_send_packet(parser, count)) {
		for (size_t end = parser->sent + count; parser->sent < end; parser->sent++)
			parser->bytes_sent += parser_job_at(parser, parser->sent)->request.size;
	}
	if (parser->sent == before)
		return 0;
	return parser_process_allow(&parser->process, protocol_cpu_limit_s(parser->bytes_sent),
				    err);
}

static void parser_job_fail(struct parser_job *job, const char *reason)
{
	g_free(job->failure);
	job->failure = g_strdup(reason);
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

/* The message has been tried often enough: only its header is looked at, once, so that its entry has sender and
 * subject. A text has no header, and is given up. */
static void parser_give_up(struct parser *parser, struct parser_job *job)
{
	if (job->header_only_left || job->request.is_text) {
		job->given_up = true;
		parser->answered++;
		parser->sent = parser->answered;
		return;
	}
	job->header_only_left = true;
	job->request.header_only = true;
	job->tries = PARSER_MAX_TRIES - 1;
}

/*
 * The process is over at the first message without an answer, or, where that came with others, at one
 * of them: from here on each of these is suspect. Begins again behind the last answer.
 */
static int parser_recover(struct parser *parser, const struct parser_doubt *doubt,
			  struct error *err)
{
	int status = parser_process_end(&parser->process);
	parser->sent = parser->answered;
	parser->bytes_sent = 0;
	if (!parser->process.has_greeted)
		return parser_start_again(parser, status, err);
	struct parser_job *job = parser_job_at(parser, parser->answered);
	if (parser_doubt_check_machine(doubt, parser->files.output, parser->free_offset,
				       job->request.size, err) != 0)
		return -1;
	parser->suspects_end = MAX(parser->suspects_end, parser->answered + job->packet);
	if (job->packet > 1 || ++job->tries < PARSER_MAX_TRIES)
		return 0;
	g_autofree char *reason = parser_doubt_describe(doubt, status, job->request.size);
	if (!job->header_only_left)
		parser_job_fail(job, reason);
	parser_give_up(parser, job);
	return 0;
}

/* What has come from the process. Does not wait. More answers than there were questions: a message has taken it
 * over. */
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

/* Wall time for the packet that is to be answered next, as for one message of its size: a packet of 40 MB has 20 s
 * of CPU time, and so two minutes. Generous, because the machine may be busy. */
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

/* Waits for the next news. Where there are none for too long the process is late, and over. */
static int parser_receive(struct parser *parser, struct parser_answers *ret_answers,
			  enum parser_news *ret_news, struct parser_doubt *doubt, struct error *err)
{
	struct parser_patience patience =
	    parser_patience_begin(&parser->process, parser_patience_ms(parser));
	while (parser_receive_now(parser, ret_answers, ret_news, err) == 0) {
		if (*ret_news != PARSER_NOTHING)
			return 0;
		if (parser_process_await(&parser->process, &patience))
			continue;
		*ret_news = PARSER_OVER;
		doubt->late = true;
		return 0;
	}
	return -1;
}

/* The message is through. A suspect one has had a process of its own, whose end costs no other message anything. */
static void parser_job_done(struct parser *parser, struct parser_job *job)
{
	parser->free_offset = parser_answer_end(&job->answer);
	parser->bytes_sent -= job->request.size;
	if (parser->answered++ < parser->suspects_end)
		parser_process_end(&parser->process);
}

/* Takes the answers up to the first one that is not believed. */
static int parser_take(struct parser *parser, const struct parser_answers *answers,
		       struct parser_doubt *doubt, struct error *err)
{
	uint64_t output_size;
	if (parser_answer_room(parser->files.output, &output_size, err) != 0)
		return -1;
	for (size_t i = 0; i < answers->count; i++) {
		const struct protocol_reply *reply = &answers->replies[i];
		struct parser_job *job = parser_job_at(parser, parser->answered);
		doubt->error = reply->error;
		doubt->forged =
		    !parser_answer_take(reply, parser->free_offset, output_size, &job->answer);
		if (doubt->error != 0 || doubt->forged)
			return 0;
		parser_job_done(parser, job);
	}
	return 0;
}

/* Answers are taken up to the first that is not believed; that one, and an end, begin another process. */
static int parser_hear(struct parser *parser, enum parser_news news,
		       const struct parser_answers *answers, struct parser_doubt *doubt,
		       struct error *err)
{
	if (news == PARSER_ANSWERS && parser_take(parser, answers, doubt, err) != 0)
		return -1;
	if (news == PARSER_OVER || doubt->error != 0 || doubt->forged)
		return parser_recover(parser, doubt, err);
	return 0;
}

/* Takes the next reply, or deals with the death of the process. */
static int parser_advance(struct parser *parser, struct error *err)
{
	enum parser_news news;
	struct parser_answers answers;
	struct parser_doubt doubt = {0};
	if (parser_wake(parser, err) != 0 || parser_send(parser, false, err) != 0 ||
	    parser_receive(parser, &answers, &news, &doubt, err) != 0)
		return -1;
	return parser_hear(parser, news, &answers, &doubt, err);
}

/* Takes answers before the process has to wait for room for them: it would then read no further packet, and both
 * sides would stand still. */
static int parser_make_room(struct parser *parser, struct error *err)
{
	while (parser->process.socket >= 0 && parser->answered + PARSER_UNREAD < parser->sent) {
		enum parser_news news;
		struct parser_answers answers;
		struct parser_doubt doubt = {0};
		if (parser_receive_now(parser, &answers, &news, err) != 0)
			return -1;
		if (news == PARSER_NOTHING || news == PARSER_OVER)
			return 0;
		if (parser_hear(parser, news, &answers, &doubt, err) != 0)
			return -1;
	}
	return 0;
}

/* A process that dies here is not replaced at once: parser_finish() does that, when it sees that answers are
 * missing. */
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
	return parser->process.socket >= 0 ? parser_send(parser, true, err) : 0;
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

int parser_finish(struct parser *parser, struct error *err)
{
	while (parser->answered < parser->jobs->len) {
		if (parser_advance(parser, err) != 0)
			return -1;
	}
	parser_process_stand_still(&parser->process);
	return 0;
}

/* The words come from the process, and go to a terminal: they are made valid. */
int parser_libraries(struct parser *parser, char **ret_libraries, struct error *err)
{
	while (!parser->process.has_greeted) {
		if (parser_advance(parser, err) != 0)
			return -1;
	}
	*ret_libraries = g_utf8_make_valid(parser->process.greeting.libraries, -1);
	return 0;
}

/* An answer that makes no sense is the fault of its message, and no error of the run; a file that cannot be read
 * is. */
int parser_read(struct parser *parser, size_t index, struct mime_message **ret_message,
		const char **ret_failure, struct error *err)
{
	struct parser_job *job = parser_job_at(parser, index);
	scoped(mime_message_free) struct mime_message *message = NULL;
	if (job->given_up) {
		message = parser_no_message();
	} else if (parser_answer_read(&job->answer, parser->files.output, &message, err) != 0) {
		if (err->kind != ERROR_SOFTWARE)
			return -1;
		parser_job_fail(job, err->text);
		message = parser_no_message();
	}
	*ret_failure = job->failure;
	*ret_message = steal(&message);
	return 0;
}
