/* Landlock's rules are named for what they leave: a set without rules leaves nothing. */
#include "loader/confine/confine.h"

#include "loader/confine/landlock_internal.h"
#include "queue/base/scoped.h"

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
