/* The commands that load, watch and deliver, and that say how it goes, with their options.
 * `inqueue help` and --help print these words. */
#include "loader/cli/run/run_internal.h"

#include "loader/define/check.h"
#include "loader/import/import.h"

#include <glib.h>

static const struct command_option load_options[] = {
    {"limit", "N", "at most N messages of each queue", NULL},
    {"jobs", "N",
     "how many queues are loaded at the same time; those whose server has not answered for a "
     "second do not count",
     "4"},
    {"dry-run", NULL, "say what would be done, and change nothing anywhere", NULL},
    COMMAND_OPTIONS_END,
};

static const struct command_option import_options[] = {
    {"archive", "DIR", "move a file there once all of its messages are entries", NULL},
    {"failed", "DIR", "move a file there when one of its messages became a bad entry", NULL},
    {"limit", "N", "make at most N entries", NULL},
    {"jobs", "N", "how many parsers work side by side; a load always has 4",
     G_STRINGIFY(IMPORT_JOBS)},
    {"dry-run", NULL, "say what would be done, and change nothing anywhere", NULL},
    COMMAND_OPTIONS_END,
};

static const struct command_option watch_options[] = {
    {"limit", "N", "at most N messages in one run; the next run follows at once", "1000"},
    {"renew", "TIME", "look at each mailbox at least this often, also with IDLE", "5m"},
    {"retry", "TIME", "the first pause after an error; all others grow with it", "5s"},
    COMMAND_LOG,
    {"log-imap", "FILE", "write what is said to and by the servers, without passwords and mail",
     NULL},
    COMMAND_OPTIONS_END,
};

static const struct command_option status_options[] = {
    {"watch", NULL, "show it again and again, until Ctrl-C; needs a terminal", NULL},
    {"every", "TIME", "with --watch: how often", "2s"},
    {"check", NULL, "only say whether all is well, by the exit status", NULL},
    {"max-age", "TIME", "with --check: how long ago each mailbox may have been looked at last",
     "15m"},
    {"max-waiting", "N", "with --check: how many entries may wait (default: any number)", NULL},
    {"max-oldest", "TIME", "with --check: how long an entry may wait (default: for ever)", NULL},
    {"max-failed", "N", "with --check: how many entries may have failed (default: any number)",
     NULL},
    {"max-bad", "N", "with --check: how many entries may be bad (default: any number)", NULL},
    {"max-expired", "N",
     "with --check: how many entries may have a lease that has ended (default: any number)", NULL},
    {"max-overdue", "N",
     "with --check: how many entries may be unfinished though their deadline is over (default: any "
     "number)",
     NULL},
    {"max-undelivered", "N",
     "with --check: how many entries may have been posted to the target in vain, and wait for the "
     "next attempt (default: any number)",
     NULL},
    {"min-free", "SIZE",
     "with --check: how much of the disks of the database and of the logs of `watch` must be free",
     CHECK_MIN_FREE},
    {"min-valid", "TIME",
     "with --check: how long before their end certificates and the like are reported; what lives "
     "for less than four times as long is reported in the last quarter of its life",
     CHECK_MIN_VALID},
    {"format", "text|nagios",
     "with --check: text, or nagios for a plugin's line on standard output", "text"},
    COMMAND_OPTIONS_END,
};

static const struct command_option verify_options[] = {
    {"repair", NULL, "finish moves and loads that were interrupted", NULL},
    {"adopt", NULL,
     "make entries of strays: mail that came to dropbox or badmail since the queue uses them, and "
     "that no queue knows; says how many and from when, and asks",
     NULL},
    {"since", "TIME",
     "with --adopt: only what was received from then on: 2026-01-31, 2026-01-31T12:00:00Z, or back "
     "from now: 12h, 7d",
     NULL},
    {"search", "KEYS",
     "with --adopt: only what these IMAP search keys find, e.g. 'TO orders@example.com'; needed in "
     "a folder that several queues use",
     NULL},
    {"accept-missing", NULL, "accept that missing messages are gone", NULL},
    {"by", "NAME", "with --accept-missing: who does it, for the history (default: the user)", NULL},
    {"yes", NULL, "adopt without asking; needed where there is no terminal", NULL},
    {"dry-run", NULL, "say what would be done, and change nothing", NULL},
    {"summary", NULL,
     "count the messages of each folder that the ledger knows, that were there before, that belong "
     "to other queues, and that have been accepted as gone",
     NULL},
    COMMAND_OPTIONS_END,
};

static const struct command_option deliver_options[] = {
    {"limit", "N", "at most N entries of each queue", NULL},
    {"test", NULL, "post a made-up mail instead, and show request and answer", NULL},
    COMMAND_OPTIONS_END,
};

static const struct command_option runs_options[] = {
    {"newest", NULL, "newest first", NULL},
    {"limit", "N", "at most N runs", NULL},
    COMMAND_OPTIONS_END,
};

/* In the order in which a newcomer needs them. */
static const struct command commands[] = {
    {"load", "[NAME…]", 0, SIZE_MAX, "load the mail of queues into the database, once",
     "Makes an entry of each message in the mailbox, and moves the message to the dropbox folder, "
     "or to the badmail folder when it cannot be loaded. Without a name it loads all queues that "
     "are not paused. The third sign-in in a row that the server refuses stops a queue, until its "
     "definition changes or `inqueue queue resume`.",
     load_options, NULL, cmd_load, false},
    {"import", "NAME PATH…", 2, SIZE_MAX, "make entries of mail in files",
     "Makes of each message the entry that a load would make of it. PATH is a file with one "
     "message; an mbox file; a folder, of which the *.eml and *.mbox files at any depth are read; "
     "a Maildir, of which cur and new are read, without mail that is marked as deleted (flag T); "
     "or -, a tar on standard input with any of these. Links in folders are not followed. A "
     "message is passed over when the queue has an entry with the same bytes, from a file or from "
     "the mailbox. Files stay where they are, unless --archive and --failed say where they go once "
     "their entries are committed; none is deleted or replaced.",
     import_options, NULL, cmd_import, false},
    {"watch", "[NAME…]", 0, SIZE_MAX, "load mail as it arrives, until told to stop",
     "Keeps a connection for each queue that is not paused. It loads new mail within a second "
     "where the server tells of it (IDLE), else every poll= of the connection string. A queue with "
     "external source File gets what is put into its watchFolder=. Queues that are created, "
     "altered, paused, resumed or dropped are picked up. TERM and INT finish the messages in hand "
     "and end with 0; HUP reads the definitions again and opens the file of --log-imap anew; USR1 "
     "logs the status. Without a name it watches all queues. The third sign-in in a row that the "
     "server refuses stops a queue, until its definition changes or `inqueue queue resume`. "
     "samples/systemd has the units.",
     watch_options, NULL, cmd_watch, false},
    {"status", "[NAME]", 0, 1, "show how the queues are doing",
     "Prints a line for each queue, and below it the reason where something is wrong; with a name "
     "all that is known of that queue. --check is for monitoring: it prints nothing and ends with "
     "0 when every mailbox has been looked at lately, no delivery is stopped, no disk is nearly "
     "full, the logs of `watch` can be written, no certificate ends soon, and nothing is over a "
     "limit. Else it prints one line that says what is wrong with which queue, and ends with 1. "
     "Paused queues do not count. With --watch, on a terminal, it shows them again and again until "
     "Ctrl-C.",
     status_options, NULL, cmd_status, false},
    {"runs", "[NAME]", 0, 1, "list the runs of queues: when, what they have done, why one failed",
     "Lists the runs of the last 30 days. A run of `load` or `watch` that found nothing new is not "
     "listed; `inqueue status` says when a queue was looked at last.",
     runs_options, NULL, cmd_runs, false},
    {"verify", "NAME", 1, 1, "compare the mailbox and its two target folders with the database",
     "Lists every message that is not where it should be, or has no entry. --repair finishes "
     "moves, and loads what the ledger calls unfinished. Mail that other queues of the database "
     "know, or that lay in dropbox or badmail before the queue first moved something there, is "
     "left alone; --summary counts it. Other mail there that the ledger does not know is a stray, "
     "and becomes an entry only with --adopt. Where the database does not say since when the queue "
     "uses the folder, --adopt takes only mail that --since names. A second copy of a message that "
     "has its entry is a duplicate, and never becomes an entry. A missing message cannot be "
     "brought back; --accept-missing accepts that it is gone. Exit status 1 when a problem is "
     "left.",
     verify_options, NULL, cmd_verify, true},
    {"reload", "ID", 1, 1, "load a bad entry again, once its cause is removed",
     "Fetches the message from the badmail folder. If it can be loaded now, the entry becomes new, "
     "with what the message says, and the message moves to the dropbox folder.",
     NULL, NULL, cmd_reload, true},
    {"deliver", "[NAME…]", 0, SIZE_MAX, "post the entries of queues to their targets, once",
     "Posts each entry that is due to the target of its queue. Answered 2xx, the entry is done; "
     "4xx, it has failed; 5xx, 408, 425, 429 or not at all, it is tried again later. Without a "
     "name it posts for all queues with a target that are not paused.",
     deliver_options, NULL, cmd_deliver, true},
    {"target test", "NAME", 1, 1, "post a made-up mail to a target, and show request and answer",
     NULL, NULL, NULL, cmd_target_test, true},
};

const struct command *run_command_at(size_t index)
{
	return index < G_N_ELEMENTS(commands) ? &commands[index] : NULL;
}
