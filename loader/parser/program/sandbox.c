/* Takes away what reading mail does not need: files, network, other processes, new code. What it needs
 * is listed, system call by system call. */
#include "loader/parser/program/sandbox_internal.h"

#include "loader/confine/confine.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

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

int sandbox_enter(const int *descriptors, unsigned count)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0)
		return -1;
	if (sandbox_silence() != 0 || sandbox_close(descriptors, count) != 0 ||
	    confine_to_descriptors() != 0 || sandbox_limit() != 0)
		return -1;
	return sandbox_filter();
}
