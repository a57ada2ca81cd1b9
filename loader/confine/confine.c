/* Landlock's rules are named for what they leave: a set without rules leaves nothing. What they do not
 * know of, such as looking into another process, a filter of system calls refuses (calls.c). */
#include "loader/confine/confine_internal.h"

#include "queue/base/scoped.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
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

/* What libraries read: their own tables, names of hosts and services, authorities, time zones. */
static const char *const system_folders[] = {
    "/usr",
    "/lib",
    "/lib64",
#if defined(__SANITIZE_ADDRESS__)
    "/proc/self",
#endif
};

/* All of it, since what lies there is replaced while we run, and a rule holds for a file, not for its name. */
static const char *const settings[] = {"/etc", NULL};
/* Root could read passwords there. A file that is replaced is missed until the process is. */
static const char *const settings_for_root[] = {"/etc/ssl",
						"/etc/pki",
						"/etc/ca-certificates",
						"/etc/crypto-policies",
						"/etc/gnutls",
						"/etc/pkcs11",
						"/etc/hosts",
						"/etc/host.conf",
						"/etc/nsswitch.conf",
						"/etc/gai.conf",
						"/etc/services",
						"/etc/protocols",
						"/etc/localtime",
						"/etc/ld.so.cache",
						"/etc/ld.so.conf",
						"/etc/ld.so.conf.d",
						"/etc/passwd",
						"/etc/group",
						"/etc/resolv.conf",
						"/etc/resolvconf",
						"/etc/alternatives",
						NULL};

static GPtrArray *allowed;
static GPtrArray *allowed_writing;

static void note(GPtrArray **list, const char *path)
{
	if (path == NULL)
		return;
	if (*list == NULL)
		*list = g_ptr_array_new();
	g_ptr_array_add(*list, g_strdup(path));
}

void confine_allow(const char *path)
{
	note(&allowed, path);
}

void confine_allow_writing(const char *path)
{
	note(&allowed_writing, path);
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
	return strcmp(folder, "/etc") == 0 ? 0 : allow(rules, folder, rights);
}

static int allow_list(int rules, const GPtrArray *paths, uint64_t rights)
{
	for (guint i = 0; paths != NULL && i < paths->len; i++) {
		if (allow(rules, g_ptr_array_index(paths, i), rights) != 0)
			return -1;
	}
	return 0;
}

static int allow_reading(int rules, uint64_t rights)
{
	for (size_t i = 0; i < G_N_ELEMENTS(system_folders); i++) {
		if (allow(rules, system_folders[i], rights) != 0)
			return -1;
	}
	for (const char *const *at = geteuid() == 0 ? settings_for_root : settings; *at != NULL;
	     at++) {
		if (allow(rules, *at, rights) != 0)
			return -1;
	}
	return allow_list(rules, allowed, rights) != 0 ? -1 : allow_resolver(rules, rights);
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
	    allow_reading(rules, known & LANDLOCK_READING) != 0 ||
	    allow_list(rules, allowed_writing, known) != 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (folders[i] != NULL && allow(rules, folders[i], known) != 0)
			return -1;
	}
	return landlock_enter(rules);
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

/* SQLite puts what it keeps beside a database where the file is, not where a link to it is. Who may make or
 * remove files there can put one in the place of any other. */
int confine_to_database(const char *database, const char *temporary, struct error *err)
{
	static const char *const kept[] = {"", "-wal", "-shm", "-lock", "-connections"};
	g_autofree char *file = realpath(database, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(kept); i++) {
		g_autofree char *path = g_strconcat(file != NULL ? file : database, kept[i], NULL);
		confine_allow_writing(path);
	}
	return confine_to_folders(&temporary, 1, err);
}

int confine_to_callers(struct error *err)
{
	return confine_connections() == 0
		   ? 0
		   : error_set(err, ERROR_CONFIGURATION,
			       "this machine lets a process make no filter of system calls (%s): "
			       "let the kernel have CONFIG_SECCOMP_FILTER, and a container the "
			       "call seccomp(2)",
			       g_strerror(errno));
}
