/*
 * Linked into the parser: mime_parse() is wrapped (linker option --wrap), so that a message can name
 * the fault it wants, and setitimer(), so that seconds of CPU time are hundredths here.
 */
#include "parser_faults.h"

#include "loader/parser/protocol/protocol.h"
#include "mime/mime.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

int __real_mime_parse(const struct mime_options *options, int input, uint64_t offset, uint64_t size,
		      struct mime_output *output, struct mime_message **ret_message);
int __wrap_mime_parse(const struct mime_options *options, int input, uint64_t offset, uint64_t size,
		      struct mime_output *output, struct mime_message **ret_message);
int __real_setitimer(__itimer_which_t which, const struct itimerval *value, struct itimerval *old);
int __wrap_setitimer(__itimer_which_t which, const struct itimerval *value, struct itimerval *old);

int __wrap_setitimer(__itimer_which_t which, const struct itimerval *value, struct itimerval *old)
{
	const struct itimerval sooner = {.it_value.tv_usec = value->it_value.tv_sec * 10000};
	return __real_setitimer(which, &sooner, old);
}

/* Works until it is stopped. */
static _Noreturn void hang(void)
{
	for (volatile unsigned turns = 0;; turns++)
		;
}

/* Takes memory, 16 MB at a time, as far as it gets; true when there was no end. */
static bool grow_past_the_limit(void)
{
	enum { PIECES = 40, PIECE_BYTES = 16 * 1024 * 1024 };
	for (size_t i = 0; i < PIECES; i++) {
		if (mmap(NULL, PIECE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			 0) == MAP_FAILED)
			return false;
	}
	return true;
}

static void scribble(int signal)
{
	static uint64_t count;
	(void)signal;
	count++;
	if (lseek(PROTOCOL_OUTPUT, SCRIBBLE_AT, SEEK_SET) == SCRIBBLE_AT)
		(void)!write(PROTOCOL_OUTPUT, &count, sizeof count);
}

/* A message that has taken the parser over: long after its answer it goes on writing. */
static int scribble_later(void)
{
	const struct itimerval often = {.it_interval.tv_usec = SCRIBBLE_US,
					.it_value.tv_usec = SCRIBBLE_US};
	return __real_setitimer(ITIMER_REAL, &often, NULL);
}

/* Standard streams, socket, raw messages, what becomes of them. */
static bool has_other_descriptors(void)
{
	size_t open_count = 0;
	for (int descriptor = 0; descriptor < 1024; descriptor++)
		open_count += lseek(descriptor, 0, SEEK_CUR) >= 0 || errno != EBADF;
	return open_count != 6;
}

/* More than there may be. */
static int flood(struct mime_output *output)
{
	mime_output_seek(output, OUTPUT_MAX);
	mime_output_write(output, "!", 1);
	return mime_output_flush(output);
}

/* A message that has taken the parser over: it answers nonsense, and works on for ever. */
static _Noreturn void babble(void)
{
	static const struct itimerval never;
	__real_setitimer(ITIMER_PROF, &never, NULL);
	for (int descriptor = 0; descriptor < 1024; descriptor++)
		(void)send(descriptor, "?", 1, MSG_NOSIGNAL);
	hang();
}

static pid_t worker;

/* Before the sandbox is there. */
__attribute__((constructor)) static void prepare(void)
{
	worker = getppid();
	signal(SIGALRM, scribble);
}

/* Another variable than the parser needs; sanitizers need some. */
static bool has_other_variables(void)
{
	for (char **variable = environ; *variable != NULL; variable++) {
		if (strncmp(*variable, "LD_LIBRARY_PATH=", 16) != 0 &&
		    strstr(*variable, "SAN_OPTIONS=") == NULL)
			return true;
	}
	return false;
}

/* What the sandbox must refuse; a parser that could do it answers with an error that no test
 * expects. */
static int try_to_escape(int input)
{
	if (pwrite(input, "!", 1, 0) >= 0 || open("/etc/passwd", O_RDONLY) >= 0 ||
	    open("/dev/null", O_RDONLY) >= 0 || socket(AF_INET, SOCK_STREAM, 0) >= 0 ||
	    syscall(SYS_tgkill, worker, worker, 0) == 0 || fork() >= 0 ||
	    execl("/bin/true", "true", (char *)NULL) >= 0) {
		errno = ENOTSUP;
		return -1;
	}
	return 0;
}

int __wrap_mime_parse(const struct mime_options *options, int input, uint64_t offset, uint64_t size,
		      struct mime_output *output, struct mime_message **ret_message)
{
	char start[32] = "";
	ssize_t got =
	    pread(input, start, size < sizeof start ? size : sizeof start - 1, (off_t)offset);
	if (got > 0 && strstr(start, "crash-always") != NULL)
		_exit(3);
	if (got > 0 && strstr(start, "crash-in-body") != NULL && !options->header_only)
		_exit(3);
	if (got > 0 && strstr(start, "disk-full") != NULL) {
		errno = ENOSPC;
		return -1;
	}
	if (got > 0 && strstr(start, "hang-in-body") != NULL && !options->header_only)
		hang();
	if (got > 0 && strstr(start, "babble") != NULL && !options->header_only)
		babble();
	if (got > 0 && strstr(start, "scribble") != NULL && scribble_later() != 0)
		return -1;
	if (got > 0 && strstr(start, "flood") != NULL && !options->header_only &&
	    flood(output) != 0) {
		errno = ENOTSUP;
		return -1;
	}
	if (got > 0 && strstr(start, "grow") != NULL && grow_past_the_limit()) {
		errno = ENOTSUP;
		return -1;
	}
	if (got > 0 && strstr(start, "descriptors") != NULL && has_other_descriptors()) {
		errno = ENOTSUP;
		return -1;
	}
	if (got > 0 && strstr(start, "variables") != NULL && has_other_variables()) {
		errno = ENOTSUP;
		return -1;
	}
	if (got > 0 && strstr(start, "escape") != NULL && try_to_escape(input) != 0)
		return -1;
	return __real_mime_parse(options, input, offset, size, output, ret_message);
}
