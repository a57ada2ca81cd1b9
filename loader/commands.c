/* Joins the commands of the families into one table, in the order in which `inqueue help` lists
 * them. The program goes by it, and so does what makes the manual. */
#include "loader/cli/frame/command.h"

#include <glib.h>

static const struct command help_command = {"help",
					    "[TOPIC]",
					    0,
					    3,
					    "open the manual: the page of a command, or of another "
					    "topic; `connection-string` lists its keys",
					    NULL,
					    NULL,
					    NULL,
					    cmd_help,
					    false};

static const struct command *help_command_at(size_t index)
{
	return index == 0 ? &help_command : NULL;
}

typedef const struct command *family_at(size_t index);

static family_at *const families[] = {
    queue_command_at, oauth_command_at, run_command_at,	 entry_command_at, rules_command_at,
    work_command_at,  serve_command_at, mail_command_at, help_command_at,
};

/* Tables of families end with NULL; nothing else knows how long they are. */
static size_t family_size(family_at *family)
{
	size_t size = 0;
	while (family(size) != NULL)
		size++;
	return size;
}

/* The index goes through the families one after the other. */
const struct command *command_at(size_t index)
{
	for (size_t i = 0; i < G_N_ELEMENTS(families); i++) {
		const struct command *command = families[i](index);
		if (command != NULL)
			return command;
		index -= family_size(families[i]);
	}
	return NULL;
}
