/* Starts the program inqueue-parser, passes packets, stops it while its files are read, and ends it. The program
 * is executed anew each time (starter.h), with three descriptors and an environment that says where its libraries
 * are: there is nothing of this process in it. */
#include "loader/parse/parser_internal.h"

#include "loader/base/clock.h"
#include "loader/base/starter.h"
#include "loader/parse/parser.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

enum {
	PARSER_SOCKET_BYTES = 1024 * 1024, /* wanted, so that the process need not be waited on */
	/* A process that has used less than 10 ms of CPU time in 5 s waits for something that never comes. */
	PARSER_STILL_MS = 5000,
	PARSER_STILL_CPU_MS = 10
};

/* Beside this program where it was built, at its place in the system where it is installed. */
char *parser_process_path(void)
{
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
	g_autofree char *folder = g_path_get_dirname(self != NULL ? self : "");
	g_autofree char *beside = g_build_filename(folder, "inqueue-parser", NULL);
	if (access(beside, X_OK) == 0)
		return steal(&beside);
	return g_canonicalize_filename(INQUEUE_PARSER_FROM_BIN, folder);
}

/* No other variable: some hold passwords. */
static GStrv environment_of_parser(void)
{
	static const char *const names[] = {
		"LD_LIBRARY_PATH",
#if defined(__SANITIZE_ADDRESS__)
		"ASAN_OPTIONS",
		"UBSAN_OPTIONS",
#endif
	};
	char **variables = g_new0(char *, G_N_ELEMENTS(names) + 1);
	size_t count = 0;
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		const char *value = g_getenv(names[i]);
		if (value != NULL)
			variables[count++] = g_strdup_printf("%s=%s", names[i], value);
	}
	return variables;
}

/* Signals are blocked until the process has decided about them. */
static struct starter_program program_of(char *const *arguments, char *const *environment)
{
	return (struct starter_program){.arguments = arguments,
					.environment = environment,
					.first_descriptor = PROTOCOL_SOCKET,
					.descriptor_count = STARTER_DESCRIPTORS_MAX,
					.signals_blocked = true};
}

void parser_allow(void)
{
	g_autofree char *path = parser_process_path();
	char *arguments[] = {path, NULL};
	g_auto(GStrv) variables = environment_of_parser();
	const struct starter_program program = program_of(arguments, variables);
	starter_allow(&program);
}

static int process_spawn(struct parser_process *process, const struct parser_files *files,
			 int socket, struct error *err)
{
	g_autofree char *path = parser_process_path();
	char *arguments[] = {path, NULL};
	g_auto(GStrv) variables = environment_of_parser();
	const struct starter_program program = program_of(arguments, variables);
	/* The raw messages are not the parser's to change: they have their digests already. */
	scoped(descriptor_close) int input = -1;
	int failed = starter_open_for_reading(files->input, &input);
	if (failed != 0)
		return error_set(err, ERROR_IO, "starting the parser: %s", g_strerror(failed));
	const int descriptors[] = {socket, input, files->output};
	failed = starter_start(&program, descriptors, G_N_ELEMENTS(descriptors), &process->child);
	if (failed == ESRCH)
		return error_set(err, ERROR_IO,
				 "starting the parser: the process that starts it has died");
	if (failed != 0)
		return error_set(err, ERROR_IO,
				 "starting the parser: '%s': %s; install inqueue again", path,
				 g_strerror(failed));
	return 0;
}

/* With less room than wanted all goes on, with more waiting. */
static void socket_widen(int socket)
{
	const int size = PARSER_SOCKET_BYTES;
	(void)setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

/* The socket keeps the borders of packets, so that neither side has to look for them. */
int parser_process_start(struct parser_process *process, const struct mime_options *options,
			 const struct parser_files *files, struct error *err)
{
	const struct protocol_setup setup = {
	    .version = protocol_version, .options = *options, .output_max = files->output_max};
	int sockets[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
		return error_set(err, ERROR_IO, "starting the parser: %s", g_strerror(errno));
	scoped(descriptor_close) int here = sockets[0];
	scoped(descriptor_close) int there = sockets[1];
	socket_widen(here);
	socket_widen(there);
	if (send(here, &setup, sizeof setup, MSG_NOSIGNAL) < 0)
		return error_set(err, ERROR_IO, "starting the parser: %s", g_strerror(errno));
	if (process_spawn(process, files, there, err) != 0)
		return -1;
	process->socket = descriptor_steal(&here);
	process->stands_still = false;
	process->has_greeted = false;
	return 0;
}

/* By its descriptor: its number may be another process's by now. */
static void tell(const struct parser_process *process, int number)
{
	pidfd_send_signal(process->child.process, number, NULL, 0);
}

/* KILL, because a process that a message has taken over would not listen to anything else. It cannot be refused,
 * so that waiting for its end needs no deadline. */
int parser_process_end(struct parser_process *process)
{
	if (process->socket < 0)
		return 0;
	close(process->socket);
	process->socket = -1;
	tell(process, SIGKILL);
	int status = 0;
	while (waitpid(process->child.pid, &status, 0) < 0 && errno == EINTR)
		;
	close(process->child.process);
	return status;
}

void parser_process_go_on(struct parser_process *process)
{
	if (process->stands_still)
		tell(process, SIGCONT);
	process->stands_still = false;
}

/* Its files are read now: it cannot change what has been checked. Waiting for the stop matters: until the kernel
 * reports it, the process may still write. */
void parser_process_stand_still(struct parser_process *process)
{
	int status = 0;
	if (process->socket < 0 || process->stands_still)
		return;
	tell(process, SIGSTOP);
	while (waitpid(process->child.pid, &status, WUNTRACED) < 0 && errno == EINTR)
		;
	process->stands_still = WIFSTOPPED(status);
	if (process->stands_still)
		return;
	/* It has died. */
	close(process->child.process);
	close(process->socket);
	process->socket = -1;
}

/* A full socket and a dead process look alike here; the caller meets the second when it listens. MSG_NOSIGNAL: a
 * dead one must not end this process by SIGPIPE. */
bool parser_process_send(const struct parser_process *process,
			 const struct protocol_request *requests, size_t count)
{
	return send(process->socket, requests, count * sizeof requests[0],
		    MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

int parser_process_allow(const struct parser_process *process, uint64_t cpu_s, struct error *err)
{
	const int failed = starter_limit_time(process->child.pid, (uint32_t)MIN(cpu_s, UINT32_MAX));
	/* One that has died is met when it is listened to. */
	if (failed != 0 && failed != ESRCH)
		return error_set(err, ERROR_IO, "limiting the parser's time: %s",
				 g_strerror(failed));
	return 0;
}

/* 0 or more; INT64_MAX where it is gone, which its socket tells. */
static int64_t process_cpu_ms(const struct parser_process *process)
{
	clockid_t clock;
	struct timespec used = {0};
	if (clock_getcpuclockid(process->child.pid, &clock) != 0 ||
	    clock_gettime(clock, &used) != 0)
		return INT64_MAX;
	return (int64_t)used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

struct parser_patience parser_patience_begin(const struct parser_process *process,
					     int64_t patience_ms)
{
	const int64_t now_ms = clock_monotonic_ms();
	return (struct parser_patience){.until_ms = now_ms + patience_ms,
					.look_ms = now_ms + PARSER_STILL_MS,
					.cpu_ms = process_cpu_ms(process)};
}

/* Never waits past the next look at the CPU time; the caller asks again. */
bool parser_process_await(const struct parser_process *process, struct parser_patience *patience)
{
	struct pollfd wait = {.fd = process->socket, .events = POLLIN};
	const int64_t now_ms = clock_monotonic_ms();
	if (now_ms >= patience->look_ms) {
		const int64_t cpu_ms = process_cpu_ms(process);
		if (cpu_ms - patience->cpu_ms < PARSER_STILL_CPU_MS)
			return false;
		patience->cpu_ms = cpu_ms;
		patience->look_ms = now_ms + PARSER_STILL_MS;
	}
	const int64_t left_ms = MIN(patience->until_ms, patience->look_ms) - now_ms;
	return left_ms > 0 && (poll(&wait, 1, (int)left_ms) >= 0 || errno == EINTR);
}

/* Texts of a parser that has been taken over may lack their end. What is no parser at all, and one of another
 * version, are told apart: the ways out differ. */
static int process_take_greeting(struct parser_process *process, size_t size, struct error *err)
{
	struct protocol_greeting *greeting = &process->greeting;
	g_autofree char *path = parser_process_path();
	greeting->version.words[sizeof greeting->version.words - 1] = '\0';
	greeting->libraries[sizeof greeting->libraries - 1] = '\0';
	greeting->failure[sizeof greeting->failure - 1] = '\0';
	if (size < sizeof greeting->version ||
	    memcmp(greeting->version.magic, protocol_version.magic,
		   sizeof protocol_version.magic) != 0)
		return error_set(err, ERROR_SOFTWARE, "'%s' is no parser; install inqueue again",
				 path);
	if (size != sizeof *greeting ||
	    strcmp(greeting->version.words, protocol_version.words) != 0)
		return error_set(err, ERROR_SOFTWARE,
				 "'%s' is version %s, and this program is version %s: install "
				 "both from one build, and start again what ran meanwhile",
				 path, greeting->version.words, protocol_version.words);
	if (greeting->failure[0] != '\0')
		return error_set(err, ERROR_IO, "starting the parser: %s", greeting->failure);
	process->has_greeted = true;
	return 0;
}

int parser_process_receive(struct parser_process *process, struct parser_answers *ret_answers,
			   enum parser_news *ret_news, struct error *err)
{
	bool greets = !process->has_greeted;
	void *to = greets ? (void *)&process->greeting : ret_answers->replies;
	size_t room = greets ? sizeof process->greeting : sizeof ret_answers->replies;
	ssize_t got = recv(process->socket, to, room, MSG_DONTWAIT);
	/* It has died with requests unread; what it had said before is still there. */
	if (got < 0 && errno == ECONNRESET)
		got = recv(process->socket, to, room, MSG_DONTWAIT);
	if (got <= 0) {
		bool is_over = got == 0 || (errno != EAGAIN && errno != EINTR);
		*ret_news = is_over ? PARSER_OVER : PARSER_NOTHING;
		return 0;
	}
	if (greets) {
		*ret_news = PARSER_READY;
		return process_take_greeting(process, (size_t)got, err);
	}
	ret_answers->count = (size_t)got / sizeof ret_answers->replies[0];
	*ret_news = ret_answers->count > 0 ? PARSER_ANSWERS : PARSER_OVER;
	return 0;
}
