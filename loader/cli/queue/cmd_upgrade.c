/* `upgrade`: the upgrade that every command begins with, alone, with what it has done as its answer. */
#include "loader/cli/queue/queue_internal.h"

#include "loader/cli/frame/output.h"
#include "queue/base/scoped.h"

#include <glib.h>
#include <inttypes.h>

/* The answer is printed once, when the database is open: by the upgrade, or for want of one. */
struct cmd_upgrade {
	const struct invocation *invocation;
	bool told;
};

static void cmd_upgrade_print(struct cmd_upgrade *command, const struct store_upgraded *upgraded,
			      const char *words)
{
	command->told = true;
	if (command->invocation->json)
		output_json_print(json_pack("{s:s, s:I, s:I, s:s?}", "database",
					    command->invocation->database, "from",
					    (json_int_t)upgraded->from, "to",
					    (json_int_t)upgraded->to, "copy", upgraded->copy));
	else
		output_line("%s", words);
}

static void cmd_upgrade_tell(const struct store_upgraded *upgraded, void *context)
{
	struct cmd_upgrade *command = context;
	g_autofree char *words = invocation_describe_upgraded(command->invocation, upgraded);
	cmd_upgrade_print(command, upgraded, words);
}

/* A database that is as new as this program, or that another process has upgraded meanwhile. */
static void cmd_upgrade_tell_none(struct cmd_upgrade *command)
{
	const struct store_upgraded none = {.from = store_schema_newest(),
					    .to = store_schema_newest()};
	g_autofree char *words = g_strdup_printf("database '%s' has schema %" PRId64 " already",
						 command->invocation->database, none.to);
	cmd_upgrade_print(command, &none, words);
}

/* Opening the database is the upgrade; all else is saying what it was. */
int cmd_upgrade(const struct invocation *invocation, struct error *err)
{
	struct cmd_upgrade command = {.invocation = invocation};
	const struct store_options options = {.patience_ms = STORE_PATIENCE_MS,
					      .no_copy = invocation->no_backup,
					      .upgraded = cmd_upgrade_tell,
					      .context = &command};
	scoped(store_close) struct store *store = NULL;
	if (store_open_with(invocation->database, STORE_WRITE, &options, &store, err) != 0)
		return -1;
	if (!command.told)
		cmd_upgrade_tell_none(&command);
	return 0;
}
