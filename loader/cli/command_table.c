#include "loader/cli/command.h"

#include "loader/flow/definition.h"

#include <glib.h>

static bool command_definition_option(size_t index, struct command_option *ret_option)
{
	struct definition_field field;
	if (!definition_field_at(index, &field))
		return false;
	*ret_option = (struct command_option){field.name, field.value, field.meaning};
	return true;
}

static const struct command_option alter_options[] = {
    {"name", "NAME", "the queue's new name"},
    {NULL, NULL, NULL},
};

static const struct command_option drop_options[] = {
    {"yes", NULL, "do not ask"},
    {"force", NULL, "also with open entries"},
    {NULL, NULL, NULL},
};

static const struct command_option load_options[] = {
    {"limit", "N", "at most N messages of each queue"},
    {"dry-run", NULL, "say what would be done, and change nothing anywhere"},
    {NULL, NULL, NULL},
};

static const struct command_option list_options[] = {
    {"state", "STATE", "only new, claimed, done, failed or bad ones"},
    {"sender", "TEXT", "only where the sender contains this"},
    {"subject", "TEXT", "only where the subject contains this"},
    {"since", "DAY", "only received on or after YYYY-MM-DD (UTC)"},
    {"until", "DAY", "only received before YYYY-MM-DD (UTC)"},
    {"newest", NULL, "newest first"},
    {"limit", "N", "at most N entries"},
    {NULL, NULL, NULL},
};

static const struct command_option save_options[] = {
    {"attachment", "N", "only the attachment at this position"},
    {"raw", NULL, "the raw message instead (entry-ID.eml)"},
    {"to", "DIR", "the folder to save in (default: the current one); made if missing"},
    {"overwrite", NULL, "replace files that exist"},
    {NULL, NULL, NULL},
};

static const struct command commands[] = {
    {"queue create", "NAME", 1, 1, "define a work queue",
     "Defines a work queue whose entries come from an IMAP mailbox. Without one of the --password "
     "options and --token-command the password is asked for on the terminal.",
     NULL, command_definition_option, cmd_queue_create},
    {"queue alter", "NAME", 1, 1, "change the definition of a queue",
     "Changes the fields that are given and leaves the others as they are.", alter_options,
     command_definition_option, cmd_queue_alter},
    {"queue list", "", 0, 0, "list the queues", NULL, NULL, NULL, cmd_queue_list},
    {"queue show", "NAME", 1, 1, "show the definition of a queue", NULL, NULL, NULL,
     cmd_queue_show},
    {"queue drop", "NAME", 1, 1, "delete a queue with its entries",
     "Deletes the queue, its entries and attachments from the database; the mail server is not "
     "touched. A queue with entries that are new or claimed needs --force.",
     drop_options, NULL, cmd_queue_drop},
    {"queue pause", "NAME", 1, 1, "stop loading a queue", NULL, NULL, NULL, cmd_queue_pause},
    {"queue resume", "NAME", 1, 1, "go on loading a queue", NULL, NULL, NULL, cmd_queue_resume},
    {"queue check", "NAME", 1, 1, "try the connection of a queue; changes nothing",
     "Connects, signs in, and shows what it finds: TLS and certificate, capabilities, folders, "
     "numbers of messages.",
     NULL, NULL, cmd_queue_check},
    {"queue apply", "FILE", 1, 1, "create and alter queues as a file says",
     "The file has a group [queue NAME] for each queue, with the options of `queue create` as "
     "keys. Applying it twice changes nothing the second time. A fault in it changes nothing.",
     NULL, NULL, cmd_queue_apply},
    {"load", "[NAME…]", 0, SIZE_MAX, "load the mail of queues into the database, once",
     "Each message of the mailbox becomes one entry and is moved to the dropbox folder, or to the "
     "badmail folder when it cannot be loaded. Without a name: all queues that are not paused.",
     load_options, NULL, cmd_load},
    {"list", "[NAME]", 0, 1, "list entries", NULL, list_options, NULL, cmd_list},
    {"show", "ID", 1, 1, "show an entry with its bodies and attachments", NULL, NULL, NULL,
     cmd_show},
    {"save", "ID", 1, 1, "save the attachments of an entry, or its raw message, as files",
     "Prints the paths of the files. An existing file is never replaced without --overwrite.",
     save_options, NULL, cmd_save},
    {"status", "[NAME]", 0, 1, "show how the queues are doing", NULL, NULL, NULL, cmd_status},
    {"help", "[COMMAND | connection-string]", 0, 3,
     "show help for a command, or the keys of the connection string", NULL, NULL, NULL, cmd_help},
};

const struct command *command_at(size_t index)
{
	return index < G_N_ELEMENTS(commands) ? &commands[index] : NULL;
}
