/* A filter of system calls (seccomp(2)): refuses what Landlock does not know of, such as looking into
 * another process, and the ways around it. */
#include "loader/confine/confine_internal.h"

#include "queue/base/scoped.h"

#include <errno.h>
#include <linux/netlink.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

SCOPED_DEFINE(scmp_filter_ctx, seccomp_release)

/* Nobody who talks to a server needs any of these; only a sanitizer that looks for leaks traces its own
 * process. */
static const int dangerous_calls[] = {
#if !defined(__SANITIZE_ADDRESS__)
    SCMP_SYS(ptrace),
#endif
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(process_madvise),
    SCMP_SYS(kcmp),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(bpf),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(keyctl),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(move_mount),
    SCMP_SYS(open_tree),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsmount),
    SCMP_SYS(chroot),
    SCMP_SYS(setns),
    SCMP_SYS(unshare),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(acct),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(adjtimex),
    SCMP_SYS(clock_adjtime),
    SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(personality),
    SCMP_SYS(quotactl),
    SCMP_SYS(syslog),
    SCMP_SYS(setuid),
    SCMP_SYS(setreuid),
    SCMP_SYS(setresuid),
    SCMP_SYS(setgid),
    SCMP_SYS(setregid),
    SCMP_SYS(setresgid),
    SCMP_SYS(setgroups),
    SCMP_SYS(capset),
    SCMP_SYS(mknod),
    SCMP_SYS(mknodat),
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(setxattr),
    SCMP_SYS(lsetxattr),
    SCMP_SYS(fsetxattr),
    SCMP_SYS(mount_setattr),
    SCMP_SYS(fspick),
    SCMP_SYS(fsconfig),
    SCMP_SYS(fanotify_init),
    SCMP_SYS(ioperm),
    SCMP_SYS(iopl),
    SCMP_SYS(shmget),
    SCMP_SYS(shmat),
    SCMP_SYS(msgget),
    SCMP_SYS(semget),
    SCMP_SYS(mq_open),
    SCMP_SYS(tkill),
    SCMP_SYS(rt_sigqueueinfo),
    SCMP_SYS(rt_tgsigqueueinfo),
    SCMP_SYS(pidfd_open),
    SCMP_SYS(setpriority),
    SCMP_SYS(ioprio_set),
    SCMP_SYS(migrate_pages),
    SCMP_SYS(move_pages),
};

/* With an argument of which these bits are so: refused. */
struct refused_argument {
	int call;
	unsigned number;
	uint64_t bits;
	uint64_t value;
};

/* Of the second argument of socket() and socketpair(); what Linux has room for. */
enum { SOCKET_KIND = 0xf, FAMILIES = 64 };

/* What is typed into a terminal so is the shell's next command. A namespace of its own would make it
 * root there. One of a pair can be connected anew, to any path, unless it is of a kind that stays connected. */
static const struct refused_argument dangerous_arguments[] = {
    {SCMP_SYS(ioctl), 1, UINT32_MAX, TIOCSTI},
    {SCMP_SYS(ioctl), 1, UINT32_MAX, TIOCLINUX},
    {SCMP_SYS(clone), 0, CLONE_NEWUSER, CLONE_NEWUSER},
    {SCMP_SYS(clone), 0, CLONE_NEWNS, CLONE_NEWNS},
    {SCMP_SYS(clone), 0, CLONE_NEWPID, CLONE_NEWPID},
    {SCMP_SYS(clone), 0, CLONE_NEWNET, CLONE_NEWNET},
    {SCMP_SYS(chmod), 1, S_ISUID, S_ISUID},
    {SCMP_SYS(chmod), 1, S_ISGID, S_ISGID},
    {SCMP_SYS(fchmod), 1, S_ISUID, S_ISUID},
    {SCMP_SYS(fchmod), 1, S_ISGID, S_ISGID},
    {SCMP_SYS(fchmodat), 2, S_ISUID, S_ISUID},
    {SCMP_SYS(fchmodat), 2, S_ISGID, S_ISGID},
    {SCMP_SYS(socket), 1, SOCKET_KIND, SOCK_RAW},
    {SCMP_SYS(socketpair), 1, SOCKET_KIND, SOCK_DGRAM},
    {SCMP_SYS(socketpair), 1, SOCKET_KIND, SOCK_RAW},
};

static int refuse_arguments(scmp_filter_ctx filter)
{
	int failure = 0;
	for (size_t i = 0; failure == 0 && i < G_N_ELEMENTS(dangerous_arguments); i++) {
		const struct refused_argument *refused = &dangerous_arguments[i];
		failure = seccomp_rule_add(
		    filter, SCMP_ACT_ERRNO(EPERM), refused->call, 1,
		    SCMP_CMP(refused->number, SCMP_CMP_MASKED_EQ, refused->bits, refused->value));
	}
	/* Its flags lie in memory, where no filter sees them. Threads are made by clone() then. */
	return failure != 0 ? failure
			    : seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

/* It signals itself, and what its starter has started for it, by the descriptors that came with that
 * (pidfd_send_signal(2)). It sets its own limits; its starter sets those of what that has started. */
static int refuse_others(scmp_filter_ctx filter)
{
	static const int signals[] = {SCMP_SYS(kill), SCMP_SYS(tgkill)};
	int failure = 0;
	for (size_t i = 0; failure == 0 && i < G_N_ELEMENTS(signals); i++)
		failure = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), signals[i], 1,
					   SCMP_A0(SCMP_CMP_NE, (scmp_datum_t)getpid()));
	return failure != 0 ? failure
			    : seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prlimit64),
					       1, SCMP_A0(SCMP_CMP_NE, 0));
}

/* Landlock knows of no socket that has a path: by one of these, the service manager of this user or
 * machine starts whatever it is told. Of netlink, the C library asks which addresses there are. */
static int refuse_families(scmp_filter_ctx filter)
{
	int failure = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 2,
				       SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, AF_NETLINK),
				       SCMP_A2(SCMP_CMP_NE, NETLINK_ROUTE));
	for (unsigned family = 0; failure == 0 && family < FAMILIES; family++) {
		if (family == AF_INET || family == AF_INET6 || family == AF_NETLINK)
			continue;
		failure = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket),
					   1, SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, family));
	}
	return failure;
}

static int refuse(scmp_filter_ctx filter, const int *calls, size_t count)
{
	int failure = 0;
	for (size_t i = 0; failure == 0 && i < count; i++)
		failure = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), calls[i], 0);
	return failure;
}

/* Names what is refused, because what is needed changes with each version of the libraries that talk
 * to a server (curl, GnuTLS, the C library). */
int confine_calls(void)
{
	scoped(seccomp_release) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int failure = filter != NULL ? 0 : -ENOMEM;
	if (failure == 0)
		failure = refuse(filter, dangerous_calls, G_N_ELEMENTS(dangerous_calls));
	if (failure == 0)
		failure = refuse_arguments(filter);
	if (failure == 0)
		failure = refuse_others(filter);
	if (failure == 0)
		failure = refuse_families(filter);
	if (failure == 0)
		failure = seccomp_load(filter);
	errno = -failure;
	return failure == 0 ? 0 : -1;
}

/* A datagram may name whom it goes to, and so is no way out only where there is no socket to send it by. */
static const int calling_calls[] = {
    SCMP_SYS(socket), SCMP_SYS(socketpair), SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(listen),
};

int confine_connections(void)
{
	scoped(seccomp_release) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int failure = filter != NULL ? 0 : -ENOMEM;
	if (failure == 0)
		failure = refuse(filter, calling_calls, G_N_ELEMENTS(calling_calls));
	if (failure == 0)
		failure = seccomp_load(filter);
	errno = -failure;
	return failure == 0 ? 0 : -1;
}
