/*
 * Linked into the parser: mime_parse() is wrapped (linker option --wrap), so that a message can name
 * the fault it wants; recv() and send(), so that a process can be at work when it should not, and can
 * forge its answers.
 */
#include "parser_faults.h"

#include "loader/parser/protocol/protocol.h"
#include "mime/mime.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

int __real_mime_parse(const struct mime_options *options, int input, uint64_t offset, uint64_t size,
		      struct mime_output *output, struct mime_message **ret_message);
int __wrap_mime_parse(const struct mime_options *options, int input, uint64_t offset, uint64_t size,
		      struct mime_output *output, struct mime_message **ret_message);
ssize_t __real_recv(int socket, void *to, size_t room, int flags);
ssize_t __wrap_recv(int socket, void *to, size_t room, int flags);
ssize_t __real_send(int socket, const void *from, size_t size, int flags);
ssize_t __wrap_send(int socket, const void *from, size_t size, int flags);

/* Works until it is stopped. */
static _Noreturn void hang(void)
{
	for (volatile unsigned turns = 0;; turns++)
		;
}

/* Does nothing until it is stopped. */
static _Noreturn void stand_still(void)
{
	uint32_t word = 0;
	for (;;)
		syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0);
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

/* What a message that has taken the parser over says about where its answer lies. */
static const struct forged_reply {
	const char *word;
	struct protocol_reply reply;
} forged_replies[] = {
    {"reply-beyond", {.record_offset = UINT64_C(1) << 40, .record_size = 100}},
    {"reply-2^63", {.record_offset = UINT64_C(1) << 63, .record_size = UINT64_C(1) << 63}},
    {"reply-wrapped", {.record_offset = UINT64_MAX - 10, .record_size = 100}},
    {"reply-endless", {.record_offset = 0, .record_size = UINT64_MAX}},
    {"reply-of-another", {.record_offset = 0, .record_size = 100}},
    {"reply-error", {.error = EIO}},
    {"reply-no-error", {.error = -5}},
};
static const struct protocol_reply *forged[PROTOCOL_PACKET_MAX]; /* of the packet */
static size_t parsed_count;					 /* messages of the packet so far */

/* A message that has taken the parser over: long after its answer it goes on writing. */
static bool is_scribbling;

static void scribble(void)
{
	static uint64_t count;
	count++;
	(void)!pwrite(PROTOCOL_OUTPUT, &count, sizeof count, SCRIBBLE_AT);
}

ssize_t __wrap_recv(int socket, void *to, size_t room, int flags)
{
	while (is_scribbling && __real_recv(socket, to, room, MSG_PEEK | MSG_DONTWAIT) < 0)
		scribble();
	parsed_count = 0;
	memset(forged, 0, sizeof forged);
	return __real_recv(socket, to, room, flags);
}

ssize_t __wrap_send(int socket, const void *from, size_t size, int flags)
{
	if (parsed_count == 0)
		return __real_send(socket, from, size, flags);
	struct protocol_reply replies[PROTOCOL_PACKET_MAX];
	memcpy(replies, from, size);
	for (size_t i = 0; i < parsed_count; i++)
		replies[i] = forged[i] != NULL ? *forged[i] : replies[i];
	return __real_send(socket, replies, size, flags);
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
	for (int descriptor = 0; descriptor < 1024; descriptor++)
		(void)send(descriptor, "?", 1, MSG_NOSIGNAL);
	hang();
}

static pid_t worker;

/* Before the sandbox is there. */
__attribute__((constructor)) static void prepare(void)
{
	worker = getppid();
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

/* A way to more memory, to more time, or past the end of it. */
static bool is_loose(void)
{
	static const struct itimerval never;
	const struct rlimit more = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
	sigset_t all;
	sigfillset(&all);
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) !=
		   MAP_FAILED ||
	       mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, PROTOCOL_OUTPUT, 0) !=
		   MAP_FAILED ||
	       setitimer(ITIMER_PROF, &never, NULL) == 0 || setrlimit(RLIMIT_CPU, &more) == 0 ||
	       setrlimit(RLIMIT_AS, &more) == 0 || signal(SIGXCPU, SIG_IGN) != SIG_ERR ||
#if !defined(__SANITIZE_ADDRESS__)
	       sigprocmask(SIG_BLOCK, &all, NULL) == 0 ||
#endif
	       prctl(PR_SET_PDEATHSIG, 0) == 0;
}

/* What the sandbox must refuse; a parser that could do it answers with an error that no test
 * expects. */
static int try_to_escape(int input)
{
	if (is_loose() || pwrite(input, "!", 1, 0) >= 0 || open("/etc/passwd", O_RDONLY) >= 0 ||
	    open("/dev/null", O_RDONLY) >= 0 || socket(AF_INET, SOCK_STREAM, 0) >= 0 ||
	    syscall(SYS_tgkill, worker, worker, 0) == 0 || fork() >= 0 ||
	    execl("/bin/true", "true", (char *)NULL) >= 0) {
		errno = ENOTSUP;
		return -1;
	}
	return 0;
}

static char *number_of_process(void)
{
	char *text = NULL;
	return asprintf(&text, "%d", (int)getpid()) > 0 ? text : NULL;
}

static void give_attachments(struct mime_message *message, size_t count)
{
	free(message->attachments);
	message->attachments = calloc(count, sizeof *message->attachments);
	message->attachment_count = count;
	for (size_t i = 0; i < count; i++)
		message->attachments[i] =
		    (struct mime_attachment){.file_name = strdup("a.bin"),
					     .content_type = strdup("application/octet-stream"),
					     .content = message->text_body};
}

/* The body is what was written last. */
static void append(struct mime_output *output, struct mime_content *body, const char *bytes)
{
	mime_output_write(output, bytes, strlen(bytes));
	body->size += strlen(bytes);
}

/* What a message that has taken the parser over says about itself. */
static void forge(const char *start, struct mime_output *output, struct mime_message *message)
{
	struct mime_content *body = &message->text_body;
	if (strstr(start, "body-beyond") != NULL)
		body->offset = mime_output_tell(output);
	if (strstr(start, "body-2^63") != NULL)
		body->offset = body->size = UINT64_C(1) << 63;
	if (strstr(start, "body-wrapped") != NULL)
		body->size = UINT64_MAX - body->offset + 2;
	if (strstr(start, "body-of-another") != NULL)
		body->offset = 0;
	if (strstr(start, "body-control") != NULL)
		append(output, body, "\x1b[2J");
	if (strstr(start, "body-c1") != NULL)
		append(output, body, "a\xc2\x9b");
	if (strstr(start, "body-no-utf8") != NULL)
		append(output, body, "a\xff");
	if (strstr(start, "subject-control") != NULL)
		message->subject[0] = '\x1b';
	if (strstr(start, "subject-lines") != NULL)
		message->subject[0] = '\n';
	if (strstr(start, "date-beyond") != NULL)
		message->date_sent = (message->has_date_sent = true) ? INT64_MAX : 0;
	if (strstr(start, "headers-cut") != NULL)
		message->headers[strlen(message->headers) - 1] = '\0';
	if (strstr(start, "headers-none") != NULL)
		message->headers[0] = '\0';
	if (strstr(start, "defects-object") != NULL)
		memcpy(message->defects, "{}", 2);
	if (strstr(start, "signature-good") != NULL)
		message->signature = strdup("verified");
	if (strstr(start, "attachments-overlap") != NULL)
		give_attachments(message, 2);
	if (strstr(start, "Subject: number") != NULL) {
		free(message->subject);
		message->subject = number_of_process();
	}
	if (strstr(start, "name-above") != NULL) {
		give_attachments(message, 1);
		message->attachments[0].file_name = strdup("../../.bashrc");
	}
	if (strstr(start, "type-lines") != NULL) {
		give_attachments(message, 1);
		message->attachments[0].content_type = strdup("text/plain\nX: y");
	}
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
	if (got > 0 && strstr(start, "still-in-body") != NULL && !options->header_only)
		stand_still();
	if (got > 0 && strstr(start, "hang-in-body") != NULL && !options->header_only)
		hang();
	if (got > 0 && strstr(start, "babble") != NULL && !options->header_only)
		babble();
	is_scribbling = is_scribbling || (got > 0 && strstr(start, "scribble") != NULL);
	for (size_t i = 0; i < sizeof forged_replies / sizeof forged_replies[0]; i++) {
		if (got > 0 && strstr(start, forged_replies[i].word) != NULL &&
		    !options->header_only)
			forged[parsed_count] = &forged_replies[i].reply;
	}
	parsed_count++;
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
	int failed = __real_mime_parse(options, input, offset, size, output, ret_message);
	if (failed == 0 && got > 0 && !options->header_only)
		forge(start, output, *ret_message);
	return failed;
}
