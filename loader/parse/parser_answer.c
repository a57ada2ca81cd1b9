/* Judges what a parser process has answered: whether the record lies where it may and can be read (protocol.h),
 * and whether bodies are text, a piece of whole characters after the other. Says how a process has ended, and
 * tells faults of this machine from what a process only claims. */
#include "loader/parse/parser_internal.h"

#include "loader/parse/parser.h"
#include "loader/parse/spool.h"
#include "loader/parser/protocol/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Of a message of usual size record and contents fit, and are read by one call. */
enum { STRETCH_BYTES = 64 * 1024 };

/* Its lists are empty, not missing: the entry has them in any case. */
struct mime_message *parser_no_message(void)
{
	struct mime_message *message = calloc(1, sizeof *message);
	g_assert(message != NULL);
	message->headers = g_strdup("[]");
	message->defects = g_strdup("[]");
	return message;
}

/* An answer in front of `begin` would be another message's; one behind the file is none. No record is longer than
 * PARSED_MAX_SIZE: a longer one would only take memory. */
bool parser_answer_take(const struct protocol_reply *reply, uint64_t begin, uint64_t output_size,
			struct parser_answer *ret_answer)
{
	if (reply->record_offset < begin || reply->record_offset > output_size ||
	    reply->record_size > output_size - reply->record_offset ||
	    reply->record_size > PARSED_MAX_SIZE)
		return false;
	*ret_answer = (struct parser_answer){.begin = begin,
					     .record_offset = reply->record_offset,
					     .record_size = reply->record_size};
	return true;
}

uint64_t parser_answer_end(const struct parser_answer *answer)
{
	return answer->record_offset + answer->record_size;
}

/* How many bytes at the end may be the beginning of a character: at most three, since UTF-8 takes four for one. */
static size_t unfinished(const char *bytes, size_t size)
{
	size_t at = size;
	/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): all of `size` has been read */
	while (at > 0 && size - at < 3 && ((unsigned char)bytes[at - 1] & 0xc0) == 0x80)
		at--;
	return at > 0 && (unsigned char)bytes[at - 1] >= 0xc0 ? size - at + 1 : 0;
}

/* A stretch of the output file: most answers lie in one. */
struct stretch {
	int output;
	uint64_t begin;
	uint64_t end;
	char bytes[STRETCH_BYTES];
};

/* At most STRETCH_BYTES; good until the next call. NULL on an error. */
static const char *stretch_at(struct stretch *stretch, uint64_t offset, size_t size,
			      struct error *err)
{
	if (offset < stretch->begin || offset + size > stretch->end) {
		if (spool_read(stretch->output, offset, stretch->bytes, size, err) != 0)
			return NULL;
		stretch->begin = offset;
		stretch->end = offset + size;
	}
	return stretch->bytes + (offset - stretch->begin);
}

/* Bodies may be long (hundreds of megabytes): they are not in the record, and never as a whole in memory. */
static int check_body(const struct mime_content *body, struct stretch *stretch, struct error *err)
{
	for (uint64_t done = 0; done < body->size;) {
		size_t size = (size_t)MIN(body->size - done, STRETCH_BYTES);
		const char *piece = stretch_at(stretch, body->offset + done, size, err);
		if (piece == NULL)
			return -1;
		bool is_last = done + size == body->size;
		size_t whole = is_last ? size : size - unfinished(piece, size);
		if (!parsed_is_text(piece, whole))
			return error_set(err, ERROR_SOFTWARE, "the parser's answer is no text");
		done += whole;
	}
	return 0;
}

/* The parser stands still or is gone: nobody changes the record between check and use. */
static int read_record(const struct parser_answer *answer, struct stretch *stretch,
		       struct mime_message **ret_message, struct error *err)
{
	const struct parsed_range range = {answer->begin, answer->record_offset};
	g_autofree char *copy = NULL;
	const char *record;
	if (answer->record_size <= STRETCH_BYTES) {
		record = stretch_at(stretch, answer->record_offset, answer->record_size, err);
	} else {
		record = copy = g_malloc(answer->record_size);
		if (spool_read(stretch->output, answer->record_offset, copy, answer->record_size,
			       err) != 0)
			return -1;
	}
	if (record == NULL)
		return -1;
	if (parsed_parse((const unsigned char *)record, answer->record_size, &range, ret_message) !=
	    0)
		return error_set(err, ERROR_SOFTWARE, "the parser's answer makes no sense");
	return 0;
}

/* A short answer is read at once, with the contents in front of its record. */
int parser_answer_read(const struct parser_answer *answer, int output,
		       struct mime_message **ret_message, struct error *err)
{
	scoped(mime_message_free) struct mime_message *message = NULL;
	const uint64_t size = parser_answer_end(answer) - answer->begin;
	struct stretch stretch;
	stretch.output = output;
	stretch.begin = stretch.end = 0;
	if ((size <= STRETCH_BYTES &&
	     stretch_at(&stretch, answer->begin, (size_t)size, err) == NULL) ||
	    read_record(answer, &stretch, &message, err) != 0 ||
	    check_body(&message->text_body, &stretch, err) != 0 ||
	    check_body(&message->html_body, &stretch, err) != 0)
		return -1;
	*ret_message = steal(&message);
	return 0;
}

int parser_answer_room(int output, uint64_t *ret_bytes, struct error *err)
{
	struct stat status;
	if (fstat(output, &status) != 0)
		return error_set(err, ERROR_IO, "temporary file: %s", g_strerror(errno));
	*ret_bytes = (uint64_t)status.st_size;
	return 0;
}

/* --- doubts ------------------------------------------------------------------ */

/* SIGXCPU and SIGXFSZ are how the kernel enforces limits of time and of the output file. */
static char *describe_signal(int number, uint64_t message_bytes)
{
	if (number == SIGXCPU)
		return g_strdup_printf("parsing took more than %llu s of CPU time",
				       (unsigned long long)protocol_cpu_limit_s(message_bytes));
	if (number == SIGXFSZ)
		return g_strdup("what parsing made of it was too long");
	return g_strdup_printf("parsing crashed or used too much memory (signal %d)", number);
}

char *parser_doubt_describe(const struct parser_doubt *doubt, int wait_status,
			    uint64_t message_bytes)
{
	if (doubt->late)
		return g_strdup("parsing did not end");
	if (doubt->error != 0)
		return g_strdup_printf("parsing failed: %s", g_strerror(doubt->error));
	if (doubt->forged)
		return g_strdup("the parser's answer makes no sense");
	if (WIFSIGNALED(wait_status))
		return describe_signal(WTERMSIG(wait_status), message_bytes);
	return g_strdup_printf("the parser ended (status %d)", WEXITSTATUS(wait_status));
}

/* A process that has been taken over could stop every run by saying that the disk is full. So this asks for the
 * room itself: where the disk is full, there is none for the message either. */
int parser_doubt_check_machine(const struct parser_doubt *doubt, int output, uint64_t offset,
			       uint64_t message_bytes, struct error *err)
{
	if (doubt->error == 0)
		return 0;
	int failed = posix_fallocate(output, (off_t)offset, (off_t)MAX(message_bytes, 1));
	if (failed != 0 && failed != EINTR)
		return error_set(err, ERROR_IO, "parsing a message: %s", g_strerror(doubt->error));
	return 0;
}
