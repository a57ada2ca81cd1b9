/* Makes ready what needs files, locks itself in, and works off one packet of requests after the
 * other. */
#include "loader/parser/program/program.h"

#include "loader/parser/program/sandbox_internal.h"
#include "loader/parser/protocol/protocol.h"
#include "mime/mime.h"

#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sysexits.h>

/* What works on mail that is here already gives way to what the server waits for. */
enum { PARSER_NICE = 5 };

/* A message that has a reply, and nothing else. */
static int read_text(const struct protocol_request *request, struct mime_message **ret_message)
{
	char *reply;
	if (mime_reply(PROTOCOL_INPUT, request->offset, request->size, &reply) != 0)
		return -1;
	struct mime_message *message = g_new0(struct mime_message, 1);
	message->reply_plain = reply;
	message->headers = g_strdup("[]");
	message->defects = g_strdup("[]");
	*ret_message = message;
	return 0;
}

static int read_message(const struct mime_options *base, const struct protocol_request *request,
			struct mime_output *output, struct mime_message **ret_message)
{
	struct mime_options options = *base;
	options.header_only = request->header_only;
	if (request->is_text)
		return read_text(request, ret_message);
	return mime_parse(&options, PROTOCOL_INPUT, request->offset, request->size, output,
			  ret_message);
}

static int answer(const struct mime_options *options, const struct protocol_request *request,
		  struct mime_output *output, struct protocol_reply *reply)
{
	struct mime_message *message;
	if (read_message(options, request, output, &message) != 0)
		return -1;
	g_autofree unsigned char *record = NULL;
	size_t record_size;
	parsed_format(message, &record, &record_size);
	mime_message_free(message);
	reply->record_offset = mime_output_tell(output);
	reply->record_size = record_size;
	mime_output_write(output, record, record_size);
	return 0;
}

/* Returns how many replies there are: the last one may tell an error. */
static size_t answer_packet(const struct mime_options *options,
			    const struct protocol_request *requests, size_t count,
			    struct mime_output *output, struct protocol_reply *replies)
{
	for (size_t i = 0; i < count; i++) {
		if (requests[i].restart)
			mime_output_seek(output, requests[i].output_end);
		errno = 0;
		if (answer(options, &requests[i], output, &replies[i]) != 0) {
			replies[i].error = errno != 0 ? errno : EIO;
			return i + 1;
		}
	}
	if (mime_output_flush(output) != 0)
		replies[0].error = errno;
	return count;
}

static void work(const struct mime_options *options)
{
	struct mime_output *output = mime_output_new(PROTOCOL_OUTPUT);
	struct protocol_request requests[PROTOCOL_PACKET_MAX];
	ssize_t got;
	while ((got = recv(PROTOCOL_SOCKET, requests, sizeof requests, 0)) > 0) {
		size_t count = (size_t)got / sizeof requests[0];
		struct protocol_reply replies[PROTOCOL_PACKET_MAX] = {{0}};
		size_t done = answer_packet(options, requests, count, output, replies);
		if (send(PROTOCOL_SOCKET, replies, done * sizeof replies[0], MSG_NOSIGNAL) < 0)
			break;
	}
	mime_output_free(output);
}

/* The worker decides when it ends, and has blocked all signals until here. */
static void leave_signals(void)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
	for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
		signal(numbers[i], SIG_IGN);
	signal(SIGXCPU, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* SIGXFSZ ends the process at the first byte beyond. */
static int limit_output(uint64_t output_max)
{
	const struct rlimit limit = {output_max, output_max};
	return output_max != 0 ? setrlimit(RLIMIT_FSIZE, &limit) : 0;
}

static int lock_in(const struct protocol_setup *setup)
{
	static const int kept[] = {PROTOCOL_SOCKET, PROTOCOL_INPUT, PROTOCOL_OUTPUT};
	setpriority(PRIO_PROCESS, 0, PARSER_NICE);
	if (limit_output(setup->output_max) != 0)
		return -1;
	return sandbox_enter(kept, G_N_ELEMENTS(kept));
}

/* Writes why it cannot begin. */
static int begin(const struct protocol_setup *setup, struct protocol_greeting *greeting)
{
	g_autofree char *libraries = mime_library();
	g_strlcpy(greeting->libraries, libraries, sizeof greeting->libraries);
	if (mime_open() != 0)
		g_strlcpy(greeting->failure, "no converter for UTF-8 and ISO-8859-1 (iconv)",
			  sizeof greeting->failure);
	else if (lock_in(setup) != 0)
		g_snprintf(greeting->failure, sizeof greeting->failure, "sandbox: %s",
			   g_strerror(errno));
	else
		return 0;
	return -1;
}

int parser_program(void)
{
	struct protocol_setup setup;
	struct protocol_greeting greeting = {.version = protocol_version};
	leave_signals();
	ssize_t got = recv(PROTOCOL_SOCKET, &setup, sizeof setup, 0);
	if (got == 0)
		return EXIT_SUCCESS;
	if (got < (ssize_t)sizeof setup.version ||
	    memcmp(setup.version.magic, protocol_version.magic, sizeof setup.version.magic) != 0) {
		fputs("inqueue-parser: this program is started by inqueue\n", stderr);
		return EX_USAGE;
	}
	bool same = got == sizeof setup &&
		    memcmp(&setup.version, &protocol_version, sizeof setup.version) == 0;
	bool ready = same && begin(&setup, &greeting) == 0;
	if (send(PROTOCOL_SOCKET, &greeting, sizeof greeting, MSG_NOSIGNAL) < 0 || !ready)
		return EXIT_FAILURE;
	work(&setup.options);
	return EXIT_SUCCESS;
}
