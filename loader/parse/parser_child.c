#include "loader/parse/parser_child.h"

#include "loader/parse/parsed.h"
#include "loader/parse/parser.h"
#include "loader/parse/parser_sandbox.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>

enum { PARSER_CPU_BASE_S = 10, PARSER_CPU_BYTES_PER_S = 4 * 1024 * 1024 };

uint64_t parser_cpu_limit_s(uint64_t size)
{
	return PARSER_CPU_BASE_S + size / PARSER_CPU_BYTES_PER_S;
}

/* SIGPROF ends the process when the time is used up. */
static void parser_child_limit_cpu(uint64_t size)
{
	struct itimerval limit = {.it_value = {.tv_sec = (time_t)parser_cpu_limit_s(size)}};
	setitimer(ITIMER_PROF, &limit, NULL);
}

static int parser_child_answer(const struct parser_child *child,
			       const struct parser_request *request, struct mime_output *output,
			       struct parser_reply *reply)
{
	struct mime_options options = *child->options;
	options.header_only = request->header_only;
	scoped(mime_message_free) struct mime_message *message = NULL;
	if (mime_parse(&options, child->input, request->offset, request->size, output, &message) !=
	    0)
		return -1;
	g_autofree unsigned char *record = NULL;
	size_t record_size;
	parsed_format(message, &record, &record_size);
	reply->record_offset = mime_output_tell(output);
	reply->record_size = record_size;
	mime_output_write(output, record, record_size);
	return 0;
}

/* Returns how many replies there are: the last one may tell an error. */
static size_t parser_child_answer_packet(const struct parser_child *child,
					 const struct parser_request *requests, size_t count,
					 struct mime_output *output, struct parser_reply *replies)
{
	for (size_t i = 0; i < count; i++) {
		if (requests[i].restart)
			mime_output_seek(output, requests[i].output_end);
		parser_child_limit_cpu(requests[i].size);
		errno = 0;
		if (parser_child_answer(child, &requests[i], output, &replies[i]) != 0) {
			replies[i].error = errno != 0 ? errno : EIO;
			return i + 1;
		}
	}
	if (mime_output_flush(output) != 0)
		replies[0].error = errno;
	return count;
}

static void parser_child_leave_signals(void)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
	for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
		signal(numbers[i], SIG_IGN);
	signal(SIGPROF, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The raw messages are not the parser's to change: they have their digests already. */
static int parser_child_reopen(int input)
{
	char path[64];
	g_snprintf(path, sizeof path, "/proc/self/fd/%d", input);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* SIGXFSZ ends the process at the first byte beyond. */
static int parser_child_limit_output(const struct parser_child *child)
{
	const struct rlimit limit = {child->output_max, child->output_max};
	return child->output_max != 0 ? setrlimit(RLIMIT_FSIZE, &limit) : 0;
}

static int parser_child_enter(struct parser_child *child)
{
	parser_child_leave_signals();
	setpriority(PRIO_PROCESS, 0, PARSER_NICE);
	child->input = parser_child_reopen(child->input);
	if (child->input < 0 || mime_open() != 0 || parser_child_limit_output(child) != 0)
		return -1;
	const int kept[] = {child->socket, child->input, child->output};
	return parser_sandbox_enter(kept, G_N_ELEMENTS(kept));
}

_Noreturn void parser_child_run(struct parser_child *child)
{
	if (parser_child_enter(child) != 0) {
		struct parser_reply refused = {.error = errno != 0 ? errno : EINVAL};
		send(child->socket, &refused, sizeof refused, MSG_NOSIGNAL);
		_exit(EXIT_FAILURE);
	}
	struct mime_output *output = mime_output_new(child->output);
	struct parser_request requests[PARSER_PACKET_MAX];
	ssize_t got;
	while ((got = recv(child->socket, requests, sizeof requests, 0)) > 0) {
		size_t count = (size_t)got / sizeof requests[0];
		struct parser_reply replies[PARSER_PACKET_MAX] = {{0}};
		size_t done = parser_child_answer_packet(child, requests, count, output, replies);
		if (send(child->socket, replies, done * sizeof replies[0], MSG_NOSIGNAL) < 0)
			break;
	}
	_exit(EXIT_SUCCESS);
}
