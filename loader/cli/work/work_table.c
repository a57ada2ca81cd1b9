/* The commands of workers, with their options. `inqueue help` and --help print these words. */
#include "loader/cli/work/work_internal.h"

#include <glib.h>

#define TOKEN_OPTION                                                                               \
	{                                                                                          \
		"token", "TOKEN", "the lease token that `inqueue claim` printed", NULL             \
	}
/* The defaults suit a person at a terminal; programs give --lease by what their work takes. */
static const struct command_option claim_options[] = {
    {"worker", "NAME", "your name, for people (default: host:process)", NULL},
    {"lease", "TIME", "how long you have the entry unless you extend that; at most 31d", "10m"},
    {"wait", "TIME", "how long to wait for an entry when there is none (default: not at all)",
     NULL},
    {"count", "N", "claim up to N entries; they share a token", "1"},
    COMMAND_SENDER_SUBJECT,
    {"tag", "TAG", "only with this tag", NULL},
    {"reference", "TEXT", "only what is about this (`queue create --reference`)", NULL},
    {"attachments", "DIR", "save attachments in DIR/ID; where a file exists, as \"name (2).ext\"",
     NULL},
    {"overwrite", NULL, "replace files that exist", NULL},
    COMMAND_FILE_MODE,
    COMMAND_OPTIONS_END,
};

static const struct command_option complete_options[] = {
    TOKEN_OPTION,
    {"output", "JSON", "what came of it: JSON of at most 1 MiB, kept with the entry", NULL},
    {"output-file", "FILE", "the same out of a file", NULL},
    COMMAND_OPTIONS_END,
};

static const struct command_option progress_options[] = {
    TOKEN_OPTION,
    COMMAND_OPTIONS_END,
};

static const struct command_option fail_options[] = {
    TOKEN_OPTION,
    {"business", NULL, "the entry itself is wrong: failed for good", NULL},
    {"application", NULL, "the work went wrong: tried again later, up to the queue's max-attempts",
     NULL},
    COMMAND_REASON,
    COMMAND_OPTIONS_END,
};

static const struct command_option release_options[] = {
    TOKEN_OPTION,
    {"force", NULL, "without a token: take the entries from their worker, whose token is void then",
     NULL},
    COMMAND_REASON,
    {"by", "NAME", "with --force: who does it, for the history (default: the user)", NULL},
    COMMAND_OPTIONS_END,
};

static const struct command_option extend_options[] = {
    TOKEN_OPTION,
    {"lease", "TIME", "how long from now on; at most 31d", "10m"},
    COMMAND_OPTIONS_END,
};

static const struct command_option defer_options[] = {
    TOKEN_OPTION,
    {"until", "TIME", "2026-01-31, 2026-01-31T12:00:00Z, or from now: 10m, 12h, 1d", NULL},
    COMMAND_REASON,
    COMMAND_OPTIONS_END,
};

static const struct command_option work_options[] = {
    {"worker", "NAME", "your name, for people (default: host:process)", NULL},
    {"lease", "TIME", "how long an entry stays with this worker after it was killed; at most 31d",
     "10m"},
    {"concurrency", "N", "how many commands at once", "1"},
    {"until-empty", NULL, "end when nothing is left to claim, instead of waiting for more", NULL},
    {"output", NULL, "keep what commands write to standard output, as the output of their entries",
     NULL},
    {"timeout", "TIME", "end a command that takes longer than this; that is an application failure",
     NULL},
    {"grace", "TIME", "how long commands may go on after TERM or INT", "60s"},
    COMMAND_SENDER_SUBJECT,
    {"tag", "TAG", "only with this tag", NULL},
    {"reference", "TEXT", "only what is about this (`queue create --reference`)", NULL},
    COMMAND_OPTIONS_END,
};

/* The first seven are for programs that claim by themselves; `work` does the same for a command. */
static const struct command commands[] = {
    {"claim", "NAME", 1, 1, "take the next entry of a queue for a worker",
     "Prints the entry with its lease token and the end of the lease. The entry with the highest "
     "priority comes first; in a queue with --order deadline then the one that has to be done "
     "first, those without a deadline last; then the one that has been due longest, then the "
     "smallest id. An entry whose lease has ended can be claimed again. Where there is none, it "
     "ends "
     "with 1.",
     claim_options, NULL, cmd_claim, false},
    {"complete", "ID…", 1, SIZE_MAX, "finish entries that were claimed",
     "Of several ids all count, or none. A token that is no longer good changes nothing (exit "
     "status 1).",
     complete_options, NULL, cmd_complete, false},
    {"fail", "ID…", 1, SIZE_MAX, "say that work on entries that were claimed has failed",
     "A business failure is final. After an application failure the entry is tried again, after "
     "longer and longer pauses, until the attempts of the queue are used up.",
     fail_options, NULL, cmd_fail, false},
    {"release", "ID…", 1, SIZE_MAX, "give back entries that were claimed",
     "They can be claimed again at once; the attempt does not count. With --force and --reason an "
     "operator takes back entries whose worker is gone, or whose lease ends years from now "
     "because a clock was wrong. If that worker comes back, its token changes nothing any more.",
     release_options, NULL, cmd_release, false},
    {"extend", "ID…", 1, SIZE_MAX, "keep entries that were claimed for longer", NULL,
     extend_options, NULL, cmd_extend, false},
    {"progress", "ID TEXT", 2, 2, "say how far the work on an entry is",
     "A line of at most 1,000 characters, kept with its time; `show` and `history` show it.",
     progress_options, NULL, cmd_progress, false},
    {"defer", "ID…", 1, SIZE_MAX, "give back entries that were claimed, to be claimed later",
     "The attempt does not count.", defer_options, NULL, cmd_defer, false},
    {"work", "NAME -- COMMAND…", 2, SIZE_MAX, "run a command for each entry of a queue",
     "The command gets the entry as JSON on standard input and in $INQUEUE_ENTRY_FILE, and its "
     "attachments as files in $INQUEUE_ATTACHMENTS. Its exit status decides: 0 completes the "
     "entry, 75 gives it back for later, 65 is a business failure, anything else an application "
     "failure, with the last lines of standard error as the reason. After TERM or INT nothing more "
     "is claimed, and commands that run may finish. After --grace, or a second signal, they get "
     "TERM, and KILL five seconds later; entries without a result are given back. While somebody "
     "else keeps the database locked, commands go on, and their results wait.",
     work_options, NULL, cmd_work, false},
};

const struct command *work_command_at(size_t index)
{
	return index < G_N_ELEMENTS(commands) ? &commands[index] : NULL;
}
