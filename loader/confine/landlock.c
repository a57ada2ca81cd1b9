/* The kernel says which version of Landlock it has; each version knows the rights of those before it
 * and some more, and refuses a right that it does not know. */
#include "loader/confine/landlock_internal.h"

#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The numbers are the same on all architectures. */
enum { CREATE_RULESET = 444, ADD_RULE = 445, RESTRICT_SELF = 446 };
enum { CREATE_RULESET_VERSION = 1, RULE_PATH_BENEATH = 1 };

/* The struct landlock_ruleset_attr of version 6; older kernels take its beginning. */
struct ruleset {
	uint64_t files;
	uint64_t network;
	uint64_t scope;
};

/* How many rights to files versions 1 to 5 know: REFER, TRUNCATE and IOCTL_DEV came later. */
static const unsigned file_rights[] = {0, 13, 14, 15, 15, 16};

enum { LAST_WITH_FILES = 5, FIRST_WITH_NETWORK = 4, FIRST_WITH_SCOPE = 6 };

static long version(void)
{
	return syscall(CREATE_RULESET, NULL, (size_t)0, CREATE_RULESET_VERSION);
}

struct landlock_rights landlock_rights_known(void)
{
	struct landlock_rights rights = {0};
	long known = version();
	if (known <= 0)
		return rights;
	rights.files = (1U << file_rights[known < LAST_WITH_FILES ? known : LAST_WITH_FILES]) - 1;
	rights.network = known >= FIRST_WITH_NETWORK ? 3 : 0; /* bind, connect */
	rights.scope = known >= FIRST_WITH_SCOPE ? 3 : 0;     /* abstract sockets, signals */
	return rights;
}

static size_t ruleset_size(void)
{
	long known = version();
	return known >= FIRST_WITH_SCOPE     ? sizeof(struct ruleset)
	       : known >= FIRST_WITH_NETWORK ? offsetof(struct ruleset, scope)
					     : offsetof(struct ruleset, network);
}

int landlock_create(const struct landlock_rights *rights)
{
	const struct ruleset attributes = {
	    .files = rights->files, .network = rights->network, .scope = rights->scope};
	return (int)syscall(CREATE_RULESET, &attributes, ruleset_size(), 0);
}

int landlock_allow(int rules, int file, uint64_t rights)
{
	const struct {
		uint64_t rights;
		int32_t parent;
	} __attribute__((packed)) rule = {rights, file};
	return (int)syscall(ADD_RULE, rules, RULE_PATH_BENEATH, &rule, 0);
}

int landlock_enter(int rules)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	return (int)syscall(RESTRICT_SELF, rules, 0);
}
