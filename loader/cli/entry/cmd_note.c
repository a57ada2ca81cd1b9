/* `deadline` and `note`: operators say by when an entry has to be done, and write into its history. */
#include "loader/cli/entry/entry_internal.h"

#include "loader/base/clock.h"
#include "queue/base/scoped.h"
#include "queue/entry_operate.h"

#include <glib.h>
#include <string.h>

/* One time at a time: each is a change of its own in the history. */
int cmd_deadline(const struct invocation *invocation, struct error *err)
{
	const bool is_risk = invocation_text(invocation, "risk") != NULL;
	const char *option = is_risk ? "risk" : "at";
	const char *text = invocation_text(invocation, option);
	struct entry_order order = {.operation = is_risk ? ENTRY_RISK : ENTRY_DEADLINE};
	if (text == NULL || (is_risk && invocation_text(invocation, "at") != NULL))
		return error_set(err, ERROR_USAGE,
				 "one of --at TIME and --risk TIME is needed: "
				 "2026-01-31T12:00:00Z, a span from now (4h), or none");
	if (strcmp(text, "none") != 0 &&
	    invocation_time(invocation, option, 1, &order.time_ms, err) != 0)
		return -1;
	return cmd_operate(invocation, &order, err);
}

/* The text is an argument, so that it needs no option's name. */
int cmd_note(const struct invocation *invocation, struct error *err)
{
	int64_t id;
	const char *text = invocation->arguments[1];
	scoped(store_close) struct store *store = NULL;
	if (invocation_entry_id(invocation, 0, &id, err) != 0)
		return -1;
	if (*text == '\0' || !g_utf8_validate(text, -1, NULL))
		return error_set(err, ERROR_USAGE, "a note is UTF-8 text");
	if (invocation_open(invocation, STORE_WRITE, &store, err) != 0)
		return -1;
	if (entry_note(store, id, invocation_who(invocation), text, clock_now_ms(), err) != 0)
		return -1;
	return 0;
}
