#include "loader/cli/frame/command.h"

#include "loader/define/definition.h"

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

static const struct command_option status_options[] = {
    {"check", NULL, "only say whether all is well, by the exit status"},
    {"max-age", "TIME", "with --check: how old the last good look may be (default: 15m)"},
    {NULL, NULL, NULL},
};

static const struct command_option watch_options[] = {
    {"limit", "N", "at most N messages in one run; the next run follows at once (default: 1000)"},
    {"renew", "TIME", "look at each mailbox at least this often, also with IDLE (default: 5m)"},
    {"retry", "TIME", "the first pause after an error; all others grow with it (default: 5s)"},
    {"log-level", "LEVEL", "error, warning, notice, info or debug (default: info)"},
    {"log-format", "FORMAT", "text (key=value) or json"},
    {"log-imap", "FILE", "write what is said to and by the servers, without passwords and mail"},
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

static const struct command_option claim_options[] = {
    {"worker", "NAME", "who you are, for people (default: host:process)"},
    {"lease", "TIME",
     "how long you have the entry unless you extend that (default: 10m; at most 31d)"},
    {"wait", "TIME", "how long to wait for an entry when there is none (default: not at all)"},
    {"count", "N", "claim up to N entries; they share a token (default: 1)"},
    {"sender", "TEXT", "only where the sender contains this"},
    {"subject", "TEXT", "only where the subject contains this"},
    {"tag", "TAG", "only with this tag"},
    {"attachments", "DIR", "save attachments in DIR/ID"},
    {NULL, NULL, NULL},
};

#define TOKEN_OPTION                                                                               \
	{                                                                                          \
		"token", "TOKEN", "the lease token that `inqueue claim` printed"                   \
	}
#define REASON_OPTION                                                                              \
	{                                                                                          \
		"reason", "TEXT", "why, for the entry's history"                                   \
	}

static const struct command_option complete_options[] = {
    TOKEN_OPTION,
    {NULL, NULL, NULL},
};

static const struct command_option fail_options[] = {
    TOKEN_OPTION,
    {"business", NULL, "the entry itself is wrong: failed for good"},
    {"application", NULL, "the work went wrong: tried again later, up to the queue's max-attempts"},
    REASON_OPTION,
    {NULL, NULL, NULL},
};

static const struct command_option release_options[] = {
    TOKEN_OPTION,
    {"force", NULL, "without a token: take them from the worker that has them, for good"},
    REASON_OPTION,
    {"by", "NAME", "with --force: who does it, for the history (default: the user)"},
    {NULL, NULL, NULL},
};

static const struct command_option extend_options[] = {
    TOKEN_OPTION,
    {"lease", "TIME", "how long from now on (default: 10m; at most 31d)"},
    {NULL, NULL, NULL},
};

static const struct command_option defer_options[] = {
    TOKEN_OPTION,
    {"until", "TIME", "2026-01-31, 2026-01-31T12:00:00Z, or from now: 10m, 12h, 1d"},
    REASON_OPTION,
    {NULL, NULL, NULL},
};

static const struct command_option work_options[] = {
    {"worker", "NAME", "who you are, for people (default: host:process)"},
    {"lease", "TIME",
     "how long an entry is gone when this worker is killed (default: 10m; at most 31d)"},
    {"concurrency", "N", "how many commands at once (default: 1)"},
    {"until-empty", NULL, "end when nothing is left to claim; else wait for more"},
    {"timeout", "TIME", "end a command that takes longer; an application failure"},
    {"grace", "TIME", "how long commands may go on after TERM or INT (default: 60s)"},
    {"sender", "TEXT", "only where the sender contains this"},
    {"subject", "TEXT", "only where the subject contains this"},
    {"tag", "TAG", "only with this tag"},
    {NULL, NULL, NULL},
};

#define FILTER_OPTIONS                                                                             \
	{"queue", "NAME", "only of this queue"},                                                   \
	    {"state", "STATE", "only new, claimed, done, failed or bad ones"},                     \
	    {"sender", "TEXT", "only where the sender contains this"},                             \
	    {"subject", "TEXT", "only where the subject contains this"},                           \
	    {"tag", "TAG", "only with this tag"}, {"held", NULL, "only held ones"},                \
	{                                                                                          \
		"older-than", "TIME", "only if unchanged for so long: 30m, 12h, 7d"                \
	}

#define OPERATE_OPTIONS                                                                            \
	{"all", NULL, "all entries, where neither ids nor filters are given"}, REASON_OPTION,      \
	{                                                                                          \
		"by", "NAME", "who does it, for the history (default: the user)"                   \
	}

static const struct command_option operate_options[] = {
    FILTER_OPTIONS,
    OPERATE_OPTIONS,
    {NULL, NULL, NULL},
};

static const struct command_option priority_options[] = {
    {"to", "N", "the new priority; entries have 0 unless told otherwise, higher ones go first"},
    FILTER_OPTIONS,
    OPERATE_OPTIONS,
    {NULL, NULL, NULL},
};

static const struct command_option tag_options[] = {
    {"add", "TAG", "put this tag on them"},
    {"remove", "TAG", "take this tag off them"},
    FILTER_OPTIONS,
    OPERATE_OPTIONS,
    {NULL, NULL, NULL},
};

static const struct command_option note_options[] = {
    {"by", "NAME", "who writes it (default: the user)"},
    {NULL, NULL, NULL},
};

static const struct command_option stats_options[] = {
    {"since", "TIME", "2026-01-31, 2026-01-31T12:00:00Z, or back from now: 12h, 7d"},
    {NULL, NULL, NULL},
};

static const struct command_option purge_options[] = {
    FILTER_OPTIONS,
    {"dry-run", NULL, "say how many, and delete nothing"},
    {"shrink", NULL, "then make the database file smaller"},
    {NULL, NULL, NULL},
};

static const struct command_option export_options[] = {
    {"format", "FORMAT", "jsonl: everything, a document a line (default); csv: the main columns"},
    FILTER_OPTIONS,
    {NULL, NULL, NULL},
};

static const struct command_option verify_options[] = {
    {"repair", NULL, "finish what can be finished"},
    {"adopt", NULL,
     "make entries of strays: mail that came to dropbox or badmail since the queue uses them, and "
     "that no queue knows; says how many and from when, and asks"},
    {"since", "TIME",
     "with --adopt: only what was received from then on: 2026-01-31, 2026-01-31T12:00:00Z, or back "
     "from now: 12h, 7d"},
    {"search", "KEYS",
     "with --adopt: only what these IMAP search keys find, e.g. 'TO orders@example.com'; needed in "
     "a folder that several queues use"},
    {"accept-missing", NULL, "from now on nobody misses the messages that are missing now"},
    {"by", "NAME", "with --accept-missing: who does it, for the history (default: the user)"},
    {"yes", NULL, "adopt without asking; needed where there is no terminal"},
    {"dry-run", NULL, "say what would be done, and change nothing"},
    {"summary", NULL,
     "how many messages of each folder the ledger knows, were there before, belong to other "
     "queues, or have been accepted as gone"},
    {NULL, NULL, NULL},
};

static const struct command_option deliver_options[] = {
    {"limit", "N", "at most N entries of each queue"},
    {"test", NULL, "post a made-up mail instead, and show request and answer"},
    {NULL, NULL, NULL},
};

static const struct command_option delivery_list_options[] = {
    {"newest", NULL, "newest first"},
    {"limit", "N", "at most N attempts"},
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
     "badmail folder when it cannot be loaded. Without a name: all queues that are not paused. "
     "After "
     "three refused sign-ins in a row a queue is stopped until its definition changes or `inqueue "
     "queue resume`.",
     load_options, NULL, cmd_load},
    {"watch", "[NAME…]", 0, SIZE_MAX, "load mail as it arrives, until told to stop",
     "Keeps a connection for each queue that is not paused, and loads new mail within a second "
     "where "
     "the server tells of it (IDLE), else every poll= of the connection string. Queues that are "
     "created, altered, paused, resumed or dropped meanwhile are picked up. TERM and INT finish "
     "the "
     "messages in hand and end with 0, HUP reads the definitions again, USR1 logs the status. "
     "Without a name: all queues. After three refused sign-ins a queue is stopped until its "
     "definition changes or `inqueue queue resume`. samples/systemd has the units.",
     watch_options, NULL, cmd_watch},
    {"list", "[NAME]", 0, 1, "list entries", NULL, list_options, NULL, cmd_list},
    {"show", "ID", 1, 1, "show an entry with its bodies and attachments", NULL, NULL, NULL,
     cmd_show},
    {"save", "ID", 1, 1, "save the attachments of an entry, or its raw message, as files",
     "Prints the paths of the files. An existing file is never replaced without --overwrite.",
     save_options, NULL, cmd_save},
    {"status", "[NAME]", 0, 1, "show how the queues are doing",
     "With --check, for monitoring: prints nothing and ends with 0 when every mailbox has been "
     "looked "
     "at lately; else says in one line which has not, and why, and ends with 1. Paused queues do "
     "not "
     "count.",
     status_options, NULL, cmd_status},
    {"verify", "NAME", 1, 1, "hold the mailbox, its two target folders and the database together",
     "Lists every message that is not where it should be, or has no entry. With --repair moves are "
     "finished, and a run loads what the ledger calls unfinished. Mail that other queues of the "
     "database know, or that lay in dropbox or badmail before the queue first moved something "
     "there, is left alone; --summary counts it. Other mail there that the ledger does not know is "
     "a stray, and becomes an entry only with --adopt; where it is not known since when the queue "
     "uses the folder, only what --since names. A second copy of a message that has its entry is a "
     "duplicate, and never becomes one. A missing message cannot be brought back; "
     "--accept-missing accepts that it is gone. Exit status 1 when a problem is left.",
     verify_options, NULL, cmd_verify},
    {"reload", "ID", 1, 1, "load a bad entry again, after its cause is gone",
     "Fetches the message from the badmail folder. When it can be loaded now, the entry is "
     "replaced and new, and the message moves to the dropbox folder.",
     NULL, NULL, cmd_reload},
    {"doctor", "", 0, 0, "check the database, the secrets and the libraries",
     "Reads the whole database, looks who can read passwords and keys, and names the libraries and "
     "what is "
     "worked around in them. Needs no server and changes nothing.",
     NULL, NULL, cmd_doctor},
    {"claim", "NAME", 1, 1, "take the next entry of a queue for a worker",
     "Prints the entry with its lease token and the end of the lease. Higher priority first, then "
     "the one that has been due longest, then the smallest id. An entry whose lease has ended can "
     "be claimed again. Exit status 1 when there is none.",
     claim_options, NULL, cmd_claim},
    {"complete", "ID…", 1, SIZE_MAX, "finish entries that were claimed",
     "With several ids: all or none. A token that is no longer good changes nothing (exit status "
     "1), here and in the four commands below.",
     complete_options, NULL, cmd_complete},
    {"fail", "ID…", 1, SIZE_MAX, "say that work on entries that were claimed has failed",
     "A business failure is final. After an application failure the entry is tried again, ever "
     "later, until the attempts of the queue are used up.",
     fail_options, NULL, cmd_fail},
    {"release", "ID…", 1, SIZE_MAX, "give back entries that were claimed",
     "They can be claimed again at once; the attempt does not count. With --force and --reason an "
     "operator takes entries back whose worker is gone, or whose lease ends years from now because "
     "a "
     "clock was wrong; should that worker come back, its token changes nothing any more.",
     release_options, NULL, cmd_release},
    {"extend", "ID…", 1, SIZE_MAX, "keep entries that were claimed for longer", NULL,
     extend_options, NULL, cmd_extend},
    {"defer", "ID…", 1, SIZE_MAX, "give back entries that were claimed, not to be claimed before",
     "The attempt does not count.", defer_options, NULL, cmd_defer},
    {"work", "NAME -- COMMAND…", 2, SIZE_MAX, "run a command for each entry of a queue",
     "The command gets the entry as JSON on standard input and in $INQUEUE_ENTRY_FILE, its "
     "attachments as files in $INQUEUE_ATTACHMENTS. Exit status 0 completes the entry, 75 gives it "
     "back for later, 65 is a business failure, anything else an application failure with the last "
     "lines of standard error as the reason. On TERM or INT nothing more is claimed, and what runs "
     "is finished; after --grace, or a second signal, commands get TERM, five seconds later KILL, "
     "and "
     "entries without a result are given back. While the database is locked by somebody else, "
     "commands go on, and their results wait.",
     work_options, NULL, cmd_work},
    {"retry", "[ID…]", 0, SIZE_MAX, "let workers try entries again, at once",
     "For failed and done entries, and for those that wait for their next attempt; by filter for "
     "failed ones unless --state says otherwise. Attempts count from 0 again.",
     operate_options, NULL, cmd_retry},
    {"discard", "[ID…]", 0, SIZE_MAX, "give entries up",
     "For new, bad and failed entries: they have failed for good, for business reasons.",
     operate_options, NULL, cmd_discard},
    {"hold", "[ID…]", 0, SIZE_MAX, "keep entries from workers",
     "For new entries, and for claimed ones in case they come back.", operate_options, NULL,
     cmd_hold},
    {"unhold", "[ID…]", 0, SIZE_MAX, "let workers have held entries again", NULL, operate_options,
     NULL, cmd_unhold},
    {"priority", "[ID…]", 0, SIZE_MAX, "set the priority of entries", NULL, priority_options, NULL,
     cmd_priority},
    {"tag", "[ID…]", 0, SIZE_MAX, "put a tag on entries, or take it off", NULL, tag_options, NULL,
     cmd_tag},
    {"note", "ID TEXT", 2, 2, "write a remark into the history of an entry", NULL, note_options,
     NULL, cmd_note},
    {"history", "ID", 1, 1, "show every change of an entry: when, who, why", NULL, NULL, NULL,
     cmd_history},
    {"stats", "[NAME]", 0, 1, "show how the work goes: counts, rates, times", NULL, stats_options,
     NULL, cmd_stats},
    {"purge", "", 0, 0, "delete entries that are finished",
     "With their attachments and history. The ledger of loaded mail stays, so that nothing is "
     "loaded twice.",
     purge_options, NULL, cmd_purge},
    {"export", "", 0, 0, "print entries as JSON Lines or CSV", NULL, export_options, NULL,
     cmd_export},
    {"deliver", "[NAME…]", 0, SIZE_MAX, "post the entries of queues to their targets, once",
     "Posts each entry that is due to the address that --deliver-to gave its queue. 2xx: the entry "
     "is done. 4xx: it has failed. 5xx, 408, 425, 429, no answer: it is tried again later. Without "
     "a name: all queues with a target that are not paused.",
     deliver_options, NULL, cmd_deliver},
    {"delivery list", "[NAME]", 0, 1, "list the attempts to deliver entries", NULL,
     delivery_list_options, NULL, cmd_delivery_list},
    {"delivery show", "ID", 1, 1, "show the attempts to deliver an entry, with the answers", NULL,
     NULL, NULL, cmd_delivery_show},
    {"delivery retry", "[ID…]", 0, SIZE_MAX, "deliver entries again that are done or have failed",
     "They wait for the next `inqueue deliver`, their attempts counted anew; by filter those that "
     "have failed unless --state says otherwise.",
     operate_options, NULL, cmd_retry},
    {"help", "[COMMAND | connection-string]", 0, 3,
     "show help for a command, or the keys of the connection string", NULL, NULL, NULL, cmd_help},
};

const struct command *command_at(size_t index)
{
	return index < G_N_ELEMENTS(commands) ? &commands[index]
					      : mail_command_at(index - G_N_ELEMENTS(commands));
}
