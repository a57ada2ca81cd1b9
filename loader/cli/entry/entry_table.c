/* The commands about entries, with their options. `inqueue help` and --help print these words. */
#include "loader/cli/entry/entry_internal.h"

#include <glib.h>

#define OPERATE_OPTIONS                                                                            \
	{"all", NULL, "all entries, where neither ids nor filters are given", NULL},               \
	    {"dry-run", NULL, "list the entries that would change, and change nothing", NULL},     \
	    COMMAND_REASON,                                                                        \
	{                                                                                          \
		"by", "NAME", "who does it, for the history (default: the user)", NULL             \
	}

static const struct command_option list_options[] = {
    FILTER_OPTIONS,
    {"newest", NULL, "newest first", NULL},
    {"limit", "N", "at most N entries", NULL},
    COMMAND_OPTIONS_END,
};

/* Without any of these all attachments go to the current folder. */
static const struct command_option save_options[] = {
    {"attachment", "N", "only the attachment at this position", NULL},
    {"raw", NULL, "the raw message instead (entry-ID.eml)", NULL},
    {"to", "DIR", "the folder to save in (default: the current one); made if missing", NULL},
    {"overwrite", NULL, "replace files that exist", NULL},
    COMMAND_FILE_MODE,
    COMMAND_OPTIONS_END,
};

static const struct command_option operate_options[] = {
    FILTER_OPTIONS,
    OPERATE_OPTIONS,
    COMMAND_OPTIONS_END,
};

static const struct command_option priority_options[] = {
    {"to", "N", "the new priority; entries have 0 unless told otherwise, higher ones go first",
     NULL},
    FILTER_OPTIONS,
    OPERATE_OPTIONS,
    COMMAND_OPTIONS_END,
};

static const struct command_option deadline_options[] = {
    {"at", "TIME", "when they have to be done: 2026-01-31T12:00:00Z, or from now: 4h, 2d; none",
     NULL},
    {"risk", "TIME", "instead: from when on somebody should look after them; none", NULL},
    FILTER_OPTIONS,
    OPERATE_OPTIONS,
    COMMAND_OPTIONS_END,
};

static const struct command_option tag_options[] = {
    {"add", "TAG", "put this tag on them", NULL},
    {"remove", "TAG", "take this tag off them", NULL},
    FILTER_OPTIONS,
    OPERATE_OPTIONS,
    COMMAND_OPTIONS_END,
};

static const struct command_option note_options[] = {
    {"by", "NAME", "who writes it (default: the user)", NULL},
    COMMAND_OPTIONS_END,
};

static const struct command_option stats_options[] = {
    {"since", "TIME",
     "count from this time on: 2026-01-31, 2026-01-31T12:00:00Z, or back from now: 12h, 7d", NULL},
    COMMAND_OPTIONS_END,
};

/* --state and --older-than are needed here; cmd_purge() checks that. */
static const struct command_option purge_options[] = {
    FILTER_OPTIONS,
    {"archive", "NAME",
     "delete messages in the archive folder (dropbox) of this queue instead, those that it has put "
     "there and that were received longer ago than --older-than",
     NULL},
    {"to", "FOLDER", "with --archive: move them to this folder, which is created if missing", NULL},
    {"by", "NAME", "with --archive: who does it, for the history (default: the user)", NULL},
    {"yes", NULL, "with --archive: do not ask; needed where there is no terminal", NULL},
    {"dry-run", NULL, "list what would go, and delete nothing", NULL},
    {"shrink", NULL, "make the database file smaller afterwards", NULL},
    COMMAND_OPTIONS_END,
};

static const struct command_option export_options[] = {
    {"format", "jsonl|csv",
     "jsonl: everything, a document a line (default); csv: without bodies and header fields", NULL},
    {"bom", NULL,
     "with --format csv: begin with a byte order mark, without which Excel shows letters beyond "
     "ASCII broken",
     NULL},
    FILTER_OPTIONS,
    COMMAND_OPTIONS_END,
};

static const struct command_option delivery_list_options[] = {
    {"newest", NULL, "newest first", NULL},
    {"limit", "N", "at most N attempts", NULL},
    COMMAND_OPTIONS_END,
};

/* In the order of an entry's life: looked at, corrected, reported, purged, delivered. */
static const struct command commands[] = {
    {"list", "[NAME]", 0, 1, "list entries",
     "Where an entry has failed, or waits for its next attempt, the line below it says why. Case "
     "does not count in texts, in any alphabet. --text reads every body, which takes a while.",
     list_options, NULL, cmd_list, false},
    {"show", "ID", 1, 1, "show an entry with its bodies and attachments", NULL, NULL, NULL,
     cmd_show, false},
    {"parse", "FILE", 1, 1, "show what the entry of a mail in a file would be",
     "It needs no database and changes nothing. It parses a file that is larger than maxSize, too.",
     NULL, NULL, cmd_parse, false},
    {"save", "ID", 1, 1, "save the attachments of an entry, or its raw message, as files",
     "Prints the paths of the files. An existing file is never replaced without --overwrite.",
     save_options, NULL, cmd_save, false},
    {"retry", "[ID…]", 0, SIZE_MAX, "let workers try entries again, at once",
     "Takes entries that have failed, that are done, or that wait for their next attempt; by a "
     "filter only failed ones, unless --state says otherwise. What somebody has discarded stays so "
     "unless --state says discarded, or its id is named. Their attempts count from 0 again. A bad "
     "entry could not be loaded: `inqueue reload ID` loads it again.",
     operate_options, NULL, cmd_retry, false},
    {"discard", "[ID…]", 0, SIZE_MAX, "give entries up for good",
     "Takes new, bad and failed entries. They become failed, of the kind business, and are never "
     "tried again by themselves; `retry` takes them by their ids, or with --state discarded.",
     operate_options, NULL, cmd_discard, false},
    {"hold", "[ID…]", 0, SIZE_MAX, "keep entries from workers",
     "A new entry cannot be claimed any more. A claimed one is held when its worker gives it back.",
     operate_options, NULL, cmd_hold, false},
    {"unhold", "[ID…]", 0, SIZE_MAX, "let workers have held entries again", NULL, operate_options,
     NULL, cmd_unhold, false},
    {"priority", "[ID…]", 0, SIZE_MAX, "set the priority of entries", NULL, priority_options, NULL,
     cmd_priority, false},
    {"deadline", "[ID…]", 0, SIZE_MAX, "say when entries have to be done",
     "`list --overdue` lists those that are not done by then, and so do the views overdue and "
     "at_risk.",
     deadline_options, NULL, cmd_deadline, false},
    {"tag", "[ID…]", 0, SIZE_MAX, "put a tag on entries, or take it off", NULL, tag_options, NULL,
     cmd_tag, false},
    {"note", "ID TEXT", 2, 2, "write a remark into the history of an entry", NULL, note_options,
     NULL, cmd_note, false},
    {"history", "ID", 1, 1, "show every change of an entry: when, who, why", NULL, NULL, NULL,
     cmd_history, false},
    {"stats", "[NAME]", 0, 1, "show how the work goes: counts, rates, times", NULL, stats_options,
     NULL, cmd_stats, false},
    {"purge", "", 0, 0, "delete entries that are finished",
     "Deletes entries with their attachments and history. The ledger of loaded mail stays, so that "
     "nothing is loaded twice. With --archive it deletes messages on the mail server instead, and "
     "entries stay. Only messages go that the ledger knows by folder and UID, whose bytes are "
     "still the same, and whose entry is neither new nor claimed; `inqueue verify` does not miss "
     "them then. A server without UIDPLUS cannot delete a single message: if it can MOVE, give "
     "--to.",
     purge_options, NULL, cmd_purge, true},
    {"export", "", 0, 0, "print entries as JSON Lines or CSV", NULL, export_options, NULL,
     cmd_export, false},
    {"delivery list", "[NAME]", 0, 1, "list the attempts to deliver entries", NULL,
     delivery_list_options, NULL, cmd_delivery_list, false},
    {"delivery show", "ID", 1, 1, "show the attempts to deliver an entry, with the answers", NULL,
     NULL, NULL, cmd_delivery_show, false},
    {"delivery retry", "[ID…]", 0, SIZE_MAX,
     "deliver entries again that have failed, wait for their next attempt, or are done",
     "The next `inqueue deliver` posts these entries, and their attempts count from 0 again. A "
     "filter takes entries that have failed or wait, of queues with a target, unless --state says "
     "otherwise. What somebody has discarded stays so unless --state says discarded, or its id is "
     "named.",
     operate_options, NULL, cmd_delivery_retry, false},
};

const struct command *entry_command_at(size_t index)
{
	return index < G_N_ELEMENTS(commands) ? &commands[index] : NULL;
}
