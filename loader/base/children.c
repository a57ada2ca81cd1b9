/* Forks a child for each job. What one of many prints goes to files in memory, its result through a pipe,
 * whose end says that the child is through; poll() waits for the pipes of all children that run. */
#include "loader/base/children.h"

#include "loader/base/clock.h"
#include "loader/base/service.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* A job that waits for its peer for longer than this lets another one begin. */
enum { TICK_MS = 200, WAITING_MS = 1000 };

/* A child's result is one write. */
struct report {
	int failed;
	struct error err;
};

_Static_assert(sizeof(struct report) <= PIPE_BUF, "a report is one write");

enum { STREAM_OUTPUT, STREAM_ERROR, STREAMS };

struct job {
	size_t number;
	pid_t child; /* 0 = has ended */
	int64_t begun_ms;
	int pipe;
	int files[STREAMS];
	char *texts[STREAMS]; /* once it has ended */
	struct report report;
};

struct run {
	const struct side_by_side *jobs;
	GPtrArray
	    *begun;  /* struct job, in the order of the numbers; those that were told are NULL */
	size_t told; /* so many, from the first one */
	size_t running;
	bool passed_on;
};

static void job_free(void *data)
{
	struct job *job = data;
	if (job == NULL)
		return;
	for (size_t i = 0; i < STREAMS; i++)
		g_free(job->texts[i]);
	g_free(job);
}

static void close_file(int *file)
{
	if (*file >= 0)
		close(*file);
	*file = -1;
}

/* The file is read as a whole: what a job prints is some lines. */
static char *read_file(int file)
{
	const off_t size = lseek(file, 0, SEEK_END);
	if (size <= 0)
		return g_strdup("");
	char *text = g_malloc0((size_t)size + 1);
	if (pread(file, text, (size_t)size, 0) < 0)
		*text = '\0';
	return text;
}

/* Ends with its parent: a job that nobody waits for would go on with the queue's lock. The report is the last
 * thing it does, so that one that is there is true. */
static _Noreturn void child(const struct side_by_side *jobs, const struct job *job, int pipe_end,
			    pid_t parent)
{
	struct report report;
	memset(&report, 0, sizeof report);
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent ||
	    dup2(job->files[STREAM_OUTPUT], STDOUT_FILENO) < 0 ||
	    dup2(job->files[STREAM_ERROR], STDERR_FILENO) < 0)
		_exit(EXIT_FAILURE);
	stop_install();
	report.failed = jobs->job(job->number, jobs->context, &report.err);
	fflush(NULL);
	while (write(pipe_end, &report, sizeof report) < 0 && errno == EINTR)
		;
	_exit(EXIT_SUCCESS);
}

/* fflush() first: what still lies in a buffer would be printed by both processes. */
static int job_fork(const struct side_by_side *jobs, struct job *job)
{
	int ends[2];
	const pid_t parent = getpid();
	job->files[STREAM_OUTPUT] = memfd_create("output", MFD_CLOEXEC);
	job->files[STREAM_ERROR] = memfd_create("error", MFD_CLOEXEC);
	if (job->files[STREAM_OUTPUT] < 0 || job->files[STREAM_ERROR] < 0 ||
	    pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	fflush(NULL);
	job->child = fork();
	if (job->child == 0) {
		close(ends[0]);
		child(jobs, job, ends[1], parent);
	}
	const int saved = errno;
	close(ends[1]);
	job->pipe = ends[0];
	errno = saved;
	return job->child > 0 ? 0 : -1;
}

/* Nothing keeps what the ended job had open: hundreds of them may wait for the first one. */
static void job_close(struct job *job)
{
	for (size_t i = 0; i < STREAMS; i++) {
		job->texts[i] = job->files[i] >= 0 ? read_file(job->files[i]) : g_strdup("");
		close_file(&job->files[i]);
	}
	close_file(&job->pipe);
	job->child = 0;
}

static void begin(struct run *run)
{
	struct job *job = g_new0(struct job, 1);
	*job = (struct job){.number = run->begun->len,
			    .begun_ms = clock_monotonic_ms(),
			    .pipe = -1,
			    .files = {-1, -1}};
	g_ptr_array_add(run->begun, job);
	if (job_fork(run->jobs, job) == 0) {
		run->running++;
		return;
	}
	job->report.failed =
	    error_set(&job->report.err, ERROR_IO, "starting a process: %s", g_strerror(errno));
	job_close(job);
}

/* A child that has sent no report has died. */
static void end(struct run *run, struct job *job)
{
	int status = 0;
	ssize_t got;
	do {
		got = read(job->pipe, &job->report, sizeof job->report);
	} while (got < 0 && errno == EINTR);
	while (waitpid(job->child, &status, 0) < 0 && errno == EINTR)
		;
	if (got != (ssize_t)sizeof job->report)
		job->report.failed = error_set(
		    &job->report.err, ERROR_SOFTWARE,
		    WIFSIGNALED(status) ? "its process was ended by signal %d"
					: "its process ended with status %d, without a result",
		    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	job_close(job);
	run->running--;
}

/* In the order of the numbers, whichever ends first, so that output is the same each time. */
static void tell(struct run *run)
{
	while (run->told < run->begun->len) {
		struct job *job = g_ptr_array_index(run->begun, run->told);
		if (job->child > 0)
			return;
		const struct side_by_side_end ended = {.printed = job->texts[STREAM_OUTPUT],
						       .said = job->texts[STREAM_ERROR],
						       .failed = job->report.failed,
						       .err = job->report.err};
		run->jobs->ended(job->number, &ended, run->jobs->context);
		job_free(job);
		g_ptr_array_index(run->begun, run->told) = NULL;
		run->told++;
	}
}

/* Only a signal that a process has sent: ^C at a terminal has reached the children as well (stop_told()). */
static void pass_on(struct run *run)
{
	run->passed_on = true;
	for (size_t i = run->told; stop_told() != 0 && i < run->begun->len; i++) {
		const struct job *job = g_ptr_array_index(run->begun, i);
		if (job->child > 0)
			kill(job->child, stop_told());
	}
}

/* Waits for the end of some child, for a signal, or for a moment. */
static void wait_for_some(struct run *run)
{
	g_autoptr(GArray) polled = g_array_new(FALSE, TRUE, sizeof(struct pollfd));
	g_autoptr(GPtrArray) whose = g_ptr_array_new();
	for (size_t i = run->told; i < run->begun->len; i++) {
		struct job *job = g_ptr_array_index(run->begun, i);
		struct pollfd one = {.fd = job->pipe, .events = POLLIN};
		if (job->child == 0)
			continue;
		g_array_append_val(polled, one);
		g_ptr_array_add(whose, job);
	}
	/* Readable for ever, once a signal has come. */
	struct pollfd stop = {.fd = run->passed_on ? -1 : stop_descriptor(), .events = POLLIN};
	g_array_append_val(polled, stop);
	if (poll((struct pollfd *)(void *)polled->data, polled->len, TICK_MS) <= 0)
		return;
	for (size_t i = 0; i < whose->len; i++) {
		if (g_array_index(polled, struct pollfd, i).revents != 0)
			end(run, g_ptr_array_index(whose, i));
	}
}

/* The first `at_a_time` jobs may all be with servers that are dead. */
static bool has_room(const struct run *run)
{
	const struct side_by_side *jobs = run->jobs;
	const int64_t now_ms = clock_monotonic_ms();
	size_t busy = run->running;
	if (run->running < jobs->at_a_time)
		return true;
	if (jobs->waits == NULL || run->running >= SIDE_BY_SIDE_MAX)
		return false;
	for (size_t i = run->told; i < run->begun->len; i++) {
		const struct job *job = g_ptr_array_index(run->begun, i);
		busy -= job->child > 0 && now_ms - job->begun_ms >= WAITING_MS &&
			jobs->waits(job->number, jobs->context);
	}
	return busy < jobs->at_a_time;
}

void side_by_side_run(const struct side_by_side *jobs)
{
	g_autoptr(GPtrArray) begun = g_ptr_array_new_with_free_func(job_free);
	struct run run = {.jobs = jobs, .begun = begun};
	for (;;) {
		while (!stop_requested() && begun->len < jobs->count && has_room(&run))
			begin(&run);
		if (stop_requested() && !run.passed_on)
			pass_on(&run);
		tell(&run);
		if (run.running == 0 && (stop_requested() || begun->len == jobs->count))
			return;
		wait_for_some(&run);
		if (jobs->tick != NULL)
			jobs->tick(jobs->context);
	}
}

/* --- one that is with a peer --------------------------------------------------- */
/*
 * The name of the peer lies in a page that both processes have: it is read when the child is gone.
 */

enum { PEER_BYTES = 256 };

static char *shared_peer; /* PEER_BYTES; NULL where nobody supervises this process */

void supervise_note_peer(const char *peer)
{
	if (shared_peer != NULL)
		g_strlcpy(shared_peer, peer, PEER_BYTES);
}

static _Noreturn void supervised(int (*work)(void *context), void *context, pid_t parent)
{
	/* A parent that died before the kernel was asked would never be told of. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(ERROR_SOFTWARE);
	stop_install();
	exit(work(context));
}

/* What the terminal or an operator has asked for is no fault: it ends us as it has ended the child. */
static void end_likewise(int number)
{
	if (number != SIGTERM && number != SIGINT)
		return;
	signal(number, SIG_DFL);
	raise(number);
}

static int describe_death(int number, struct error *err)
{
	if (*shared_peer == '\0')
		return error_set(err, ERROR_SOFTWARE,
				 "this command was ended by signal %d (%s) before it had reached a "
				 "server: a fault of inqueue",
				 number, strsignal(number));
	shared_peer[PEER_BYTES - 1] = '\0';
	g_autofree char *peer = g_utf8_make_valid(shared_peer, -1);
	return error_set(
	    err, ERROR_SOFTWARE,
	    "this command was ended by signal %d (%s) while it was talking to %s: a fault "
	    "of inqueue, which that server may have brought about; what was done by then "
	    "stands",
	    number, strsignal(number), peer);
}

static int wait_for(pid_t pid, int *ret_status, struct error *err)
{
	int status = 0;
	stop_pass_on(pid);
	/* A signal that came before there was a child to pass it on to. */
	if (stop_requested())
		kill(pid, SIGTERM);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	stop_pass_on(0);
	if (WIFSIGNALED(status)) {
		end_likewise(WTERMSIG(status));
		return describe_death(WTERMSIG(status), err);
	}
	*ret_status = WEXITSTATUS(status);
	return 0;
}

/* The page is given back in any case; an outer supervisor's stays as it was. */
int supervise(int (*work)(void *context), void *context, int *ret_status, struct error *err)
{
	void *shared =
	    mmap(NULL, PEER_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return error_set(err, ERROR_IO, "starting a process: %s", g_strerror(errno));
	char *outer = shared_peer;
	shared_peer = shared;
	pid_t parent = getpid();
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0)
		supervised(work, context, parent);
	int failed = pid > 0
			 ? wait_for(pid, ret_status, err)
			 : error_set(err, ERROR_IO, "starting a process: %s", g_strerror(errno));
	shared_peer = outer;
	munmap(shared, PEER_BYTES);
	return failed;
}
