/* Landlock's rules are named for what they leave: a set without rules leaves nothing. What they do not
 * know of, such as looking into another process, a filter of system calls refuses (seccomp). */
#include "loader/confine/confine.h"

#include "loader/confine/landlock_internal.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdlib.h>

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

/* In a folder that is not there nothing can be written, so that its rule is not missed. */
static int allow_folder(int rules, const char *path, uint64_t rights)
{
	scoped(descriptor_close) int folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return folder >= 0 ? landlock_allow(rules, folder, rights) : 0;
}

/* The parser turns its standard streams to nothing; passwords are asked for on the terminal. */
static int allow_devices(int rules, uint64_t rights)
{
	static const char *const paths[] = {"/dev/null", "/dev/tty"};
	for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
		scoped(descriptor_close) int device = open(paths[i], O_PATH | O_CLOEXEC);
		if (device >= 0 &&
		    landlock_allow(rules, device, rights & LANDLOCK_FILE_RIGHTS) != 0)
			return -1;
	}
	return 0;
}

static int confine_files(const char *const *folders, size_t count)
{
	const struct landlock_rights known = landlock_rights_known();
	const struct landlock_rights writing = {.files = known.files & LANDLOCK_WRITING};
	if (writing.files == 0)
		return 0;
	scoped(descriptor_close) int rules = landlock_create(&writing);
	if (rules < 0 || allow_devices(rules, writing.files) != 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (allow_folder(rules, folders[i], writing.files) != 0)
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
};

/* They come last, and are left out where programs may be started. */
static const int execute_calls[] = {SCMP_SYS(execve), SCMP_SYS(execveat)};

static int refuse(scmp_filter_ctx filter, const int *calls, size_t count)
{
	int failure = 0;
	for (size_t i = 0; failure == 0 && i < count; i++)
		failure = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), calls[i], 0);
	return failure;
}

/* Names what is refused, because what is needed changes with each version of the libraries that talk
 * to a server (curl, GnuTLS, the C library). */
static int confine_calls(bool may_execute)
{
	scoped(seccomp_release) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int failure = filter != NULL ? 0 : -ENOMEM;
	if (failure == 0)
		failure = refuse(filter, dangerous_calls, G_N_ELEMENTS(dangerous_calls));
	if (failure == 0 && !may_execute)
		failure = refuse(filter, execute_calls, G_N_ELEMENTS(execute_calls));
	if (failure == 0)
		failure = seccomp_load(filter);
	errno = -failure;
	return failure == 0 ? 0 : -1;
}

/* Once in a process: the kernel takes 16 sets of rules, and none replaces an earlier one. */
int confine_to_folders(const char *const *folders, size_t count, bool may_execute,
		       struct error *err)
{
	static bool done;
	if (done)
		return 0;
	done = true;
	if (confine_files(folders, count) != 0 || confine_calls(may_execute) != 0)
		return error_set(err, ERROR_SOFTWARE, "giving up rights: %s", g_strerror(errno));
	return 0;
}

/* SQLite puts what it keeps beside a database where the file is, not where a link to it is. */
int confine_to_database(const char *database, bool may_execute, struct error *err)
{
	g_autofree char *file = realpath(database, NULL);
	g_autofree char *folder = g_path_get_dirname(file != NULL ? file : database);
	const char *temporary = g_getenv("TMPDIR");
	const char *const folders[] = {folder, temporary != NULL ? temporary : "/var/tmp"};
	return confine_to_folders(folders, G_N_ELEMENTS(folders), may_execute, err);
}
