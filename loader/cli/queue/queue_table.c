/* The commands that define and check queues and targets, with their options. `inqueue help` and --help print
 * these words. The fields of a definition are options, too; their words are in definition.c. */
#include "loader/cli/queue/queue_internal.h"

#include "loader/define/definition.h"

#include <glib.h>

/* Turns a row of the table of fields into an option. */
static bool queue_definition_option(size_t index, struct command_option *ret_option)
{
	struct definition_field field;
	if (!definition_field_at(index, &field))
		return false;
	*ret_option =
	    (struct command_option){field.name, field.value, field.meaning, field.standard};
	return true;
}

static bool queue_target_option(size_t index, struct command_option *ret_option)
{
	struct definition_field field;
	if (!definition_target_field_at(index, &field))
		return false;
	*ret_option =
	    (struct command_option){field.name, field.value, field.meaning, field.standard};
	return true;
}

#define NO_CHECK                                                                                   \
	{                                                                                          \
		"no-check", NULL,                                                                  \
		    "ask neither the mail server whether the sign-in works, nor a name server "    \
		    "where the target's name leads",                                               \
		    NULL                                                                           \
	}

#define TARGET_NO_CHECK                                                                            \
	{                                                                                          \
		"no-check", NULL, "do not ask a name server where the target's name leads", NULL   \
	}

static const struct command_option create_options[] = {
    NO_CHECK,
    COMMAND_OPTIONS_END,
};

static const struct command_option alter_options[] = {
    {"name", "NAME", "the queue's new name", NULL},
    {"accept-downgrade", NULL,
     "let the next sign-in be weaker than the last one: the server offers less than before", NULL},
    NO_CHECK,
    COMMAND_OPTIONS_END,
};

static const struct command_option target_create_options[] = {
    TARGET_NO_CHECK,
    COMMAND_OPTIONS_END,
};

static const struct command_option target_alter_options[] = {
    {"name", "NAME", "the target's new name", NULL},
    TARGET_NO_CHECK,
    COMMAND_OPTIONS_END,
};

/* --yes answers the question, --force gives up work that somebody may wait for: two different
 * things. */
static const struct command_option drop_options[] = {
    {"yes", NULL, "do not ask", NULL},
    {"force", NULL, "also when entries are new or claimed", NULL},
    COMMAND_OPTIONS_END,
};

static const struct command_option apply_options[] = {
    {"dry-run", NULL, "say what would be created and altered, field by field, and change nothing",
     NULL},
    {"check", NULL,
     "ask the mail servers of new and changed queues whether the sign-in works, and a name server "
     "where the names of targets lead",
     NULL},
    COMMAND_OPTIONS_END,
};

/* In the order of a queue's life; what only looks comes last. */
static const struct command commands[] = {
    {"queue create", "NAME", 1, 1, "define a work queue",
     "Defines a work queue whose entries come from an IMAP mailbox. Where you give no source of "
     "the password (--password-…, --token-command, --oauth), it is asked for on the terminal. Then "
     "it connects once and shows what it finds, as `inqueue queue check` does; nothing changes on "
     "the server. If that fails, the queue is defined all the same, and the exit status is that of "
     "the failure.",
     create_options, queue_definition_option, cmd_queue_create, true},
    {"queue alter", "NAME", 1, 1, "change the definition of a queue",
     "Changes the fields that you give, and leaves the others as they are. Where connection "
     "string, user name or password change, it connects once, as `inqueue queue create` does.",
     alter_options, queue_definition_option, cmd_queue_alter, true},
    {"queue list", "", 0, 0, "list the queues", NULL, NULL, NULL, cmd_queue_list, false},
    {"queue show", "NAME", 1, 1, "show the definition of a queue", NULL, NULL, NULL, cmd_queue_show,
     false},
    {"queue drop", "NAME", 1, 1, "delete a queue with its entries",
     "Deletes the queue, its entries and attachments from the database; the mail server is not "
     "touched. A queue with entries that are new or claimed needs --force.",
     drop_options, NULL, cmd_queue_drop, false},
    {"queue pause", "NAME", 1, 1, "stop loading a queue", NULL, NULL, NULL, cmd_queue_pause, false},
    {"queue resume", "NAME", 1, 1, "go on loading a queue", NULL, NULL, NULL, cmd_queue_resume,
     false},
    {"queue check", "NAME", 1, 1, "try the connection of a queue; changes nothing",
     "Connects, signs in, and shows what it finds: TLS and certificate, capabilities, folders, "
     "numbers of messages. It also names other queues that have the same mailbox, or use one of "
     "its folders for something else.",
     NULL, NULL, cmd_queue_check, true},
    {"queue apply", "FILE", 1, 1, "create and alter queues and targets from a file",
     "The file has a group [queue NAME] for each queue and [target NAME] for each target, with the "
     "options of `queue create` and `target create` as keys. Where anything in the file is wrong, "
     "nothing changes. Applying a file twice changes nothing the second time. No server is asked "
     "unless you say --check.",
     apply_options, NULL, cmd_queue_apply, false},
    {"queue dump", "[NAME…]", 0, SIZE_MAX, "print queues as `queue apply` reads them",
     "Prints queues and the targets that they use; without a name all of them. A field that has "
     "its default is left out. Of passwords and keys it prints only where they come from.",
     NULL, NULL, cmd_queue_dump, false},
    {"target create", "NAME", 1, 1, "define a target that several queues can use",
     "A target is an address that entries are posted to, with all that belongs to it. `inqueue "
     "queue create` and `queue alter` take its name as --target. An address of this machine or of "
     "a private network needs --allow-private true.",
     target_create_options, queue_target_option, cmd_target_create, false},
    {"target alter", "NAME", 1, 1, "change a target for all its queues at once",
     "Changes the fields that you give, and leaves the others as they are. A target that was "
     "stopped goes on.",
     target_alter_options, queue_target_option, cmd_target_alter, false},
    {"target list", "", 0, 0, "list the targets, and the queues that use them", NULL, NULL, NULL,
     cmd_target_list, false},
    {"target show", "NAME", 1, 1, "show a target", NULL, NULL, NULL, cmd_target_show, false},
    {"target drop", "NAME", 1, 1, "delete a target that no queue uses", NULL, NULL, NULL,
     cmd_target_drop, false},
    {"doctor", "", 0, 0, "check the database, the secrets and the libraries",
     "Reads the whole database, checks who can read passwords and keys, what is left of the disks, "
     "what ends within 30 days, and which folders several queues share, and names the libraries "
     "and those of their faults that this program works around. It needs no server and changes "
     "nothing.",
     NULL, NULL, cmd_doctor, false},
    {"upgrade", "", 0, 0, "bring the database to the schema of this version",
     "Any command of a newer version does this by itself; this one does nothing else, and says "
     "from which schema to which, and where the copy of what it was lies. Programs of an older "
     "version that use the database end at their next transaction.",
     NULL, NULL, cmd_upgrade, false},
};

const struct command *queue_command_at(size_t index)
{
	return index < G_N_ELEMENTS(commands) ? &commands[index] : NULL;
}
