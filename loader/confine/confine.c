/* Landlock's rules are named for what they leave: a set without rules leaves nothing. What they do not
 * know of, such as looking into another process, a filter of system calls refuses (seccomp). */
#include "loader/confine/confine.h"

#include "queue/base/scoped.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --- Landlock (landlock(7)) ------------------------------------------------------ */
/*
 * By the numbers of its system calls: the C library has no functions for it, and headers are older than
 * kernels. The kernel says which version it has; each version knows the rights of those before it and
 * some more, and refuses a right that it does not know.
 */

/* What one version knows: rights to files, to TCP ports, and to other processes. */
struct landlock_rights {
	uint64_t files;
	uint64_t network;
	uint64_t scope;
};

/* The rights to files that change something: all of version 5 but executing, reading a file, listing a
 * folder, and control of devices. */
#define LANDLOCK_WRITING UINT64_C(0x7ff2)
/* Reading a file, listing a folder. */
#define LANDLOCK_READING UINT64_C(0xc)
/* Those of both that a file has that is no folder: writing, reading, truncating. */
#define LANDLOCK_FILE_RIGHTS UINT64_C(0x4006)

/* The numbers are the same on all architectures. */
enum { CREATE_RULESET = 444, ADD_RULE = 445, RESTRICT_SELF = 446 };
enum { CREATE_RULESET_VERSION = 1, RULE_PATH_BENEATH = 1 };

/* The struct landlock_ruleset_attr of version 6; older kernels take its beginning. */
struct landlock_ruleset {
	uint64_t files;
	uint64_t network;
	uint64_t scope;
};

/* How many rights to files versions 1 to 5 know: REFER, TRUNCATE and IOCTL_DEV came later. */
static const unsigned file_rights[] = {0, 13, 14, 15, 15, 16};

enum { LAST_WITH_FILES = 5, FIRST_WITH_NETWORK = 4, FIRST_WITH_SCOPE = 6 };

static long landlock_version(void)
{
	return syscall(CREATE_RULESET, NULL, (size_t)0, CREATE_RULESET_VERSION);
}

/* The rights that this kernel can take away; all 0 where it has no Landlock. */
static struct landlock_rights landlock_rights_known(void)
{
	struct landlock_rights rights = {0};
	long known = landlock_version();
	if (known <= 0)
		return rights;
	rights.files = (1U << file_rights[known < LAST_WITH_FILES ? known : LAST_WITH_FILES]) - 1;
	rights.network = known >= FIRST_WITH_NETWORK ? 3 : 0; /* bind, connect */
	rights.scope = known >= FIRST_WITH_SCOPE ? 3 : 0;     /* abstract sockets, signals */
	return rights;
}

static size_t landlock_ruleset_size(void)
{
	long known = landlock_version();
	return known >= FIRST_WITH_SCOPE     ? sizeof(struct landlock_ruleset)
	       : known >= FIRST_WITH_NETWORK ? offsetof(struct landlock_ruleset, scope)
					     : offsetof(struct landlock_ruleset, network);
}

/* Makes a set of rules that takes `rights` away. Returns its descriptor, or -1 with errno. */
static int landlock_create(const struct landlock_rights *rights)
{
	const struct landlock_ruleset attributes = {
	    .files = rights->files, .network = rights->network, .scope = rights->scope};
	return (int)syscall(CREATE_RULESET, &attributes, landlock_ruleset_size(), 0);
}

/* Leaves these rights to a file, or to a folder with all below it; the descriptor may be closed then.
 * Returns 0, or -1 with errno. */
static int landlock_allow(int rules, int file, uint64_t rights)
{
	const struct {
		uint64_t rights;
		int32_t parent;
	} __attribute__((packed)) rule = {rights, file};
	return (int)syscall(ADD_RULE, rules, RULE_PATH_BENEATH, &rule, 0);
}

/* From here on this process has only what the rules leave, for ever. Returns 0, or -1 with errno. */
static int landlock_enter(int rules)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	return (int)syscall(RESTRICT_SELF, rules, 0);
}

/* --- what a process gives up ------------------------------------------------------ */

SCOPED_DEFINE(scmp_filter_ctx, seccomp_release)

int confine_to_descriptors(void)
{
	const struct landlock_rights all = landlock_rights_known();
	if (all.files == 0)
		return 0;
	scoped(descriptor_close) int rules = landlock_create(&all);
	if (rules < 0)
		return -1;
	return landlock_enter(rules);
}

/* What libraries read: their own tables, names of hosts and services, authorities, time zones. All of /etc,
 * since what lies there is replaced while we run, and a rule holds for a file, not for its name. */
static const char *const system_folders[] = {
    "/etc",	  "/usr", "/lib", "/lib64",
#if defined(__SANITIZE_ADDRESS__)
    "/proc/self",
#endif
};

static GPtrArray *allowed;

void confine_allow(const char *path)
{
	if (path == NULL)
		return;
	if (allowed == NULL)
		allowed = g_ptr_array_new();
	g_ptr_array_add(allowed, g_strdup(path));
}

/* What is not there cannot be read or written, so that its rule is not missed. */
static int allow(int rules, const char *path, uint64_t rights)
{
	struct stat status;
	scoped(descriptor_close) int file = open(path, O_PATH | O_CLOEXEC);
	if (file < 0 || fstat(file, &status) != 0)
		return 0;
	if (!S_ISDIR(status.st_mode))
		rights &= LANDLOCK_FILE_RIGHTS;
	return landlock_allow(rules, file, rights);
}

/* The parser turns its standard streams to nothing; passwords are asked for on the terminal. */
static int allow_devices(int rules, uint64_t known)
{
	return allow(rules, "/dev/null", known) != 0 || allow(rules, "/dev/tty", known) != 0 ||
		       allow(rules, "/dev/urandom", known & LANDLOCK_READING) != 0
		   ? -1
		   : 0;
}

/* Who looks after the names of hosts (systemd-resolved, NetworkManager, resolvconf) replaces the file that
 * /etc/resolv.conf leads to. */
static int allow_resolver(int rules, uint64_t rights)
{
	g_autofree char *file = realpath("/etc/resolv.conf", NULL);
	g_autofree char *folder = g_path_get_dirname(file != NULL ? file : "/etc/resolv.conf");
	return allow(rules, folder, rights);
}

static int allow_reading(int rules, uint64_t rights)
{
	for (size_t i = 0; i < G_N_ELEMENTS(system_folders); i++) {
		if (allow(rules, system_folders[i], rights) != 0)
			return -1;
	}
	for (guint i = 0; allowed != NULL && i < allowed->len; i++) {
		if (allow(rules, g_ptr_array_index(allowed, i), rights) != 0)
			return -1;
	}
	return allow_resolver(rules, rights);
}

static int confine_files(const char *const *folders, size_t count)
{
	const uint64_t known =
	    landlock_rights_known().files & (LANDLOCK_WRITING | LANDLOCK_READING);
	const struct landlock_rights taken = {.files = known};
	if (known == 0)
		return 0;
	scoped(descriptor_close) int rules = landlock_create(&taken);
	if (rules < 0 || allow_devices(rules, known) != 0 ||
	    allow_reading(rules, known & LANDLOCK_READING) != 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (folders[i] != NULL && allow(rules, folders[i], known) != 0)
			return -1;
	}
	return landlock_enter(rules);
}

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
};

/* With an argument of which these bits are so: refused. */
struct refused_argument {
	int call;
	unsigned number;
	uint64_t bits;
	uint64_t value;
};

/* Of the second argument of socket(); what Linux has room for. */
enum { SOCKET_KIND = 0xf, FAMILIES = 64 };

/* What is typed into a terminal so is the shell's next command. A namespace of its own would make it
 * root there. */
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

static bool keeps_local_sockets;

void confine_keep_local_sockets(void)
{
	keeps_local_sockets = true;
}

/* Landlock knows of no socket that has a path: by one of these, the service manager of this user or
 * machine starts whatever it is told. Of netlink, the C library asks which addresses there are. */
static int refuse_families(scmp_filter_ctx filter)
{
	int failure = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 2,
				       SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, AF_NETLINK),
				       SCMP_A2(SCMP_CMP_NE, NETLINK_ROUTE));
	for (unsigned family = 0; failure == 0 && family < FAMILIES; family++) {
		if (family == AF_INET || family == AF_INET6 || family == AF_NETLINK ||
		    (family == AF_UNIX && keeps_local_sockets))
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
static int confine_calls(void)
{
	scoped(seccomp_release) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int failure = filter != NULL ? 0 : -ENOMEM;
	if (failure == 0)
		failure = refuse(filter, dangerous_calls, G_N_ELEMENTS(dangerous_calls));
	if (failure == 0)
		failure = refuse_arguments(filter);
	if (failure == 0)
		failure = refuse_families(filter);
	if (failure == 0)
		failure = seccomp_load(filter);
	errno = -failure;
	return failure == 0 ? 0 : -1;
}

/* Once in a process: the kernel takes 16 sets of rules, and none replaces an earlier one. */
int confine_to_folders(const char *const *folders, size_t count, struct error *err)
{
	static bool done;
	if (done)
		return 0;
	done = true;
	if (confine_files(folders, count) != 0)
		return error_set(err, ERROR_SOFTWARE, "giving up rights to files: %s",
				 g_strerror(errno));
	if (confine_calls() != 0)
		return error_set(
		    err, ERROR_CONFIGURATION,
		    "no server is heard by a process that cannot give up its rights first, and "
		    "this machine lets it make no filter of system calls (%s): let the kernel "
		    "have CONFIG_SECCOMP_FILTER, and a container the call seccomp(2)",
		    g_strerror(errno));
	return 0;
}

/* SQLite puts what it keeps beside a database where the file is, not where a link to it is. */
int confine_to_database(const char *database, struct error *err)
{
	g_autofree char *file = realpath(database, NULL);
	g_autofree char *folder = g_path_get_dirname(file != NULL ? file : database);
	const char *temporary = g_getenv("TMPDIR");
	const char *const folders[] = {folder, temporary != NULL ? temporary : "/var/tmp"};
	return confine_to_folders(folders, G_N_ELEMENTS(folders), err);
}
