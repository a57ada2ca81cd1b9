/* Reads the options that choose entries; every command that has them has them all. */
#include "loader/cli/entry/entry_internal.h"

#include "loader/base/clock.h"
#include "loader/entry/choice.h"

#include <glib.h>

static const char *filter_value(const char *name, const void *context)
{
	return invocation_text(context, name);
}

/* Commands that change entries refuse to change all of them by mistake. */
static bool filter_is_any(const struct invocation *invocation)
{
	static const struct command_option options[] = {FILTER_OPTIONS};
	for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
		if (invocation_flag(invocation, options[i].name))
			return true;
	}
	return false;
}

int filter_read(const struct invocation *invocation, struct store *store,
		struct entry_filter *ret_filter, bool *ret_any, struct error *err)
{
	const struct choice choice = {.value = filter_value, .context = invocation, .mark = "--"};
	if (choice_read(&choice, store, clock_now_ms(), ret_filter, err) != 0)
		return -1;
	*ret_any = filter_is_any(invocation);
	return 0;
}
