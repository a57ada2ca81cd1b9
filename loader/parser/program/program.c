/* Makes ready what needs files, locks itself in, and works off one packet of requests after the
 * other. */
#include "loader/parser/program/program.h"

#include "loader/confine/confine.h"
#include "loader/parser/protocol/protocol.h"
#include "mime/mime.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sysexits.h>

/* --- the sandbox ------------------------------------------------------------ */
/*
 * Takes away what reading mail does not need: files, network, other processes, new code. What it needs
 * is listed, system call by system call.
 */

#if defined(__SANITIZE_ADDRESS__)
/* The sanitizer's shadow memory counts as data, and its report goes to standard error. */
static const rlim_t data_limit_bytes = RLIM_INFINITY;
static const rlim_t room_bytes = RLIM_INFINITY;
static const int last_silenced = STDOUT_FILENO;
#else
static const rlim_t data_limit_bytes = (rlim_t)512 * 1024 * 1024;
/* Of addresses: what is mapped at the start, libraries and their tables above all, is about as
 * much once more. */
static const rlim_t room_bytes = (rlim_t)1024 * 1024 * 1024;
static const int last_silenced = STDERR_FILENO;
#endif

SCOPED_DEFINE(scmp_filter_ctx, seccomp_release)

static int compare_descriptors(const void *left, const void *right)
{
	return *(const int *)left - *(const int *)right;
}

static int sandbox_close(const int *descriptors, unsigned count)
{
	int kept[8];
	if (count > G_N_ELEMENTS(kept)) {
		errno = EINVAL;
		return -1;
	}
	memcpy(kept, descriptors, count * sizeof *kept);
	qsort(kept, count, sizeof *kept, compare_descriptors);
	unsigned first = STDERR_FILENO + 1;
	for (unsigned i = 0; i < count; i++) {
		if ((unsigned)kept[i] > first && close_range(first, (unsigned)kept[i] - 1, 0) != 0)
			return -1;
		first = (unsigned)kept[i] + 1;
	}
	return close_range(first, ~0U, 0);
}

/* What a library writes there is the mail's doing, and nobody's business. */
static int sandbox_silence(void)
{
	scoped(descriptor_close) int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (nothing < 0)
		return -1;
	for (int descriptor = STDIN_FILENO; descriptor <= last_silenced; descriptor++) {
		if (dup2(nothing, descriptor) < 0)
			return -1;
	}
	return 0;
}

static int sandbox_limit(void)
{
	const struct {
		__rlimit_resource_t resource;
		rlim_t limit;
	} limits[] = {
	    {RLIMIT_DATA, data_limit_bytes},
	    {RLIMIT_AS, room_bytes},
	    {RLIMIT_CORE, 0},
	    {RLIMIT_NOFILE, 0},
	    {RLIMIT_NPROC, 0},
	    {RLIMIT_MEMLOCK, 0},
	};
	for (size_t i = 0; i < G_N_ELEMENTS(limits); i++) {
		struct rlimit limit = {limits[i].limit, limits[i].limit};
		if (setrlimit(limits[i].resource, &limit) != 0)
			return -1;
	}
	return 0;
}

/* Whatever their arguments are. */
static const int harmless_calls[] = {
    SCMP_SYS(read),	    SCMP_SYS(pread64),	 SCMP_SYS(write),	  SCMP_SYS(pwrite64),
    SCMP_SYS(lseek),	    SCMP_SYS(fstat),	 SCMP_SYS(recvfrom),	  SCMP_SYS(sendto),
    SCMP_SYS(brk),	    SCMP_SYS(munmap),	 SCMP_SYS(mremap),	  SCMP_SYS(madvise),
    SCMP_SYS(futex),	    SCMP_SYS(getrandom), SCMP_SYS(clock_gettime), SCMP_SYS(getpid),
    SCMP_SYS(gettimeofday), SCMP_SYS(gettid),	 SCMP_SYS(exit),	  SCMP_SYS(exit_group),
    SCMP_SYS(sched_yield),
#if defined(__SANITIZE_ADDRESS__)
    SCMP_SYS(sigaltstack),
#endif
};

#if defined(__SANITIZE_ADDRESS__)
enum { SIGNAL_MASK_COMPARED = 0 };
#else
enum { SIGNAL_MASK_COMPARED = 1 };
#endif

/*
 * Nothing here changes a clock, a limit, or what becomes of a signal. That excludes blocking one, and
 * going back from a handler, since that could be made up to block some.
 */
static int sandbox_allow(scmp_filter_ctx filter)
{
	const struct {
		int call;
		unsigned compared;
		struct scmp_arg_cmp arguments[2];
	} rules[] = {
	    /* A signal to itself, as abort() sends one. */
	    {SCMP_SYS(tgkill),
	     1,
	     {SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, (scmp_datum_t)getpid())}},
	    {SCMP_SYS(rt_sigprocmask),
	     SIGNAL_MASK_COMPARED,
	     {SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, SIG_UNBLOCK)}},
	    /* Memory, but none that could hold new code, and none that other processes have, too: that
	     * does not count against a limit. */
	    {SCMP_SYS(mmap),
	     2,
	     {SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
	      SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_TYPE, MAP_PRIVATE)}},
	    {SCMP_SYS(mprotect), 1, {SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)}},
	};
	int failure = 0;
	for (size_t i = 0; failure == 0 && i < G_N_ELEMENTS(harmless_calls); i++)
		failure = seccomp_rule_add(filter, SCMP_ACT_ALLOW, harmless_calls[i], 0);
	for (size_t i = 0; failure == 0 && i < G_N_ELEMENTS(rules); i++)
		failure = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, rules[i].call,
						 rules[i].compared, rules[i].arguments);
	return failure;
}

static int sandbox_filter(void)
{
	scoped(seccomp_release) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (filter == NULL) {
		errno = ENOMEM;
		return -1;
	}
	int failure = sandbox_allow(filter);
	if (failure == 0)
		failure = seccomp_load(filter);
	if (failure != 0) {
		errno = -failure;
		return -1;
	}
	return 0;
}

/*
 * Closes every descriptor but the `count` listed ones and turns the standard ones to /dev/null,
 * sets resource limits (512 MB of data in 1 GB of addresses, no core file, no new descriptors, no
 * new processes), ties this process's life to its parent's, and forbids every system call that
 * memory, time and the listed descriptors do not need (seccomp(2)); a forbidden call fails with
 * EPERM. Landlock, where the kernel has it, is a second wall behind that one. Signals, clocks and
 * limits are as they are from here on, except that the parent may change a limit from outside. There
 * is no way back. Returns 0, or -1 with errno.
 */
static int sandbox_enter(const int *descriptors, unsigned count)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0)
		return -1;
	if (sandbox_silence() != 0 || sandbox_close(descriptors, count) != 0 ||
	    confine_to_descriptors() != 0 || sandbox_limit() != 0)
		return -1;
	return sandbox_filter();
}

/* --- at work ---------------------------------------------------------------- */

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
		g_snprintf(
		    greeting->failure, sizeof greeting->failure,
		    "sandbox: %s: the kernel, or a container, must let it lock itself in (seccomp)",
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
