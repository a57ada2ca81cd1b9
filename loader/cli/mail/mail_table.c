/* The mail commands, with their options. `inqueue help` and --help print these words. */
#include "loader/cli/mail/mail_internal.h"

#include <glib.h>

/* Which messages. */
#define SELECTION                                                                                  \
	{"folder", "NAME", "the folder, '/' between levels (default: INBOX)", NULL},               \
	    {"uid", "LIST", "messages by their UIDs, e.g. 17,20:25", NULL},                        \
	    {"message-number", "LIST",                                                             \
	     "messages by their numbers in the folder; where --uid is given, that counts", NULL},  \
	    {"start-row", "N", "from the N-th message on (default: 1)", NULL},                     \
	{                                                                                          \
		"max-rows", "N", "at most N messages (default: all)", NULL                         \
	}

/* Which of them, by what they are; as cfimapfilter. */
#define FILTER                                                                                     \
	{"subject", "TEXT", "only messages whose subject contains this", NULL},                    \
	    {"from", "TEXT", "only messages whose sender contains this", NULL},                    \
	    {"to", "TEXT", "only messages one of whose To recipients contains this", NULL},        \
	    {"text", "TEXT", "only messages whose header or bodies contain this", NULL},           \
	    {"flag", "FLAGS",                                                                      \
	     "only messages with all of these flags: seen, answered, flagged, deleted, draft, or " \
	     "without: unseen …; also new, recent",                                                \
	     NULL},                                                                                \
	    {"since", "TIME",                                                                      \
	     "only messages received from then on: 2026-01-31, 2026-01-31T12:00:00Z, or back "     \
	     "from "                                                                               \
	     "now: 12h, 7d",                                                                       \
	     NULL},                                                                                \
	    {"until", "TIME", "only messages received before", NULL},                              \
	    {"sent-since", "DAY", "only messages whose Date is that day, or a later one", NULL},   \
	{                                                                                          \
		"sent-until", "DAY", "only messages whose Date is before that day", NULL           \
	}

/* How rows come out. */
#define ROWS                                                                                       \
	{"csv", NULL, "print CSV (RFC 4180) instead of a table", NULL},                            \
	    {"csv-guard", NULL, "the same, with ' before cells that a spreadsheet would run",      \
	     NULL},                                                                                \
	{                                                                                          \
		"columns", "LIST", "only these columns, e.g. uid,from,subject", NULL               \
	}

#define STOP_ON_ERROR                                                                              \
	{                                                                                          \
		"stop-on-error", "yes|no",                                                         \
		    "no: go on with the next message, show errors in their rows", NULL             \
	}

#define DRY_RUN                                                                                    \
	{                                                                                          \
		"dry-run", NULL, "say what would be done, and change nothing", NULL                \
	}

#define END                                                                                        \
	{                                                                                          \
		NULL, NULL, NULL, NULL                                                             \
	}

/* What an action must have is known to mail_check(): here it is only said what it may have. */
static const struct command_option header_options[] = {SELECTION,     FILTER,  ROWS,
						       STOP_ON_ERROR, DRY_RUN, END};

static const struct command_option all_options[] = {
    SELECTION,
    FILTER,
    {"attachment-path", "DIR", "where attachments are saved; made if missing", NULL},
    {"generate-unique-filenames", NULL, "name1.ext, name2.ext … where a file exists", NULL},
    {"overwrite", NULL, "replace files that exist", NULL},
    COMMAND_FILE_MODE,
    ROWS,
    STOP_ON_ERROR,
    DRY_RUN,
    END,
};

static const struct command_option mark_options[] = {
    SELECTION,	   {"all", NULL, "the whole folder (also without any selection)", NULL},
    STOP_ON_ERROR, DRY_RUN,
    END,
};

static const struct command_option delete_options[] = {
    SELECTION,	   {"all", NULL, "the whole folder", NULL},
    STOP_ON_ERROR, {"yes", NULL, "do not ask", NULL},
    DRY_RUN,	   END,
};

static const struct command_option move_options[] = {
    SELECTION,
    {"new-folder", "NAME", "the folder to move to; it must exist", NULL},
    {"all", NULL, "the whole folder", NULL},
    STOP_ON_ERROR,
    {"yes", NULL, "do not ask", NULL},
    DRY_RUN,
    END,
};

static const struct command_option create_folder_options[] = {
    {"folder", "NAME", "the new folder, '/' between levels", NULL}, STOP_ON_ERROR, DRY_RUN, END};

static const struct command_option delete_folder_options[] = {
    {"folder", "NAME", "the folder, '/' between levels", NULL},
    STOP_ON_ERROR,
    {"yes", NULL, "do not ask", NULL},
    DRY_RUN,
    END,
};

static const struct command_option rename_folder_options[] = {
    {"folder", "NAME", "the folder, '/' between levels", NULL},
    {"new-folder", "NAME", "its new name, in full", NULL},
    STOP_ON_ERROR,
    DRY_RUN,
    END,
};

static const struct command_option list_folders_options[] = {
    {"folder", "NAME", "only what is below this folder", NULL},
    {"recurse", NULL, "the whole tree, not one level", NULL},
    {"start-row", "N", "from the N-th folder on (default: 1)", NULL},
    {"max-rows", "N", "at most N folders (default: all)", NULL},
    ROWS,
    STOP_ON_ERROR,
    DRY_RUN,
    END,
};

static const struct command_option append_options[] = {
    {"folder", "NAME", "the folder, '/' between levels (default: INBOX)", NULL},
    {"flags", "FLAGS", "what it is marked with, e.g. '\\Seen \\Flagged'", NULL},
    {"date", "TIME",
     "when it arrived: 2026-01-31, 2026-01-31T12:00:00Z, or 30d ago (default: as its first "
     "Received field says, else its Date, else its file)",
     NULL},
    STOP_ON_ERROR,
    DRY_RUN,
    END,
};

static const struct command_option open_options[] = {
    {"connection", "NAME", "the connection's name, instead of the argument", NULL},
    {"idle", "SECONDS", "the connection ends after so many seconds without use", "300"},
    END,
};

static const struct command_option close_options[] = {
    {"connection", "NAME", "the connection's name, instead of the argument", NULL},
    END,
};

static const struct command_option script_options[] = {
    {"stop-on-error", "yes|no", "no: go on with the next line", NULL},
    {"yes", NULL, "do not ask, in any line", NULL},
    {"dry-run", NULL, "say what would be done, and change nothing, in any line", NULL},
    {"attachment-path", "DIR",
     "for lines from a pipe: the folder that the files they name lie in (default: the current one)",
     NULL},
    END,
};

/* The actions have the names that CFIMAP gives them. "mail" alone stands last: command_find()
 * takes the first match, and this one matches every action. */
static const struct command commands[] = {
    {"mail open", "[NAME]", 0, 1, "sign in, and keep the connection for later commands",
     "Connects and signs in at once. A process in the background keeps the session, so that "
     "commands with --connection NAME need not sign in again. It connects again by itself, and "
     "ends when it has not been used for a while. The password is kept in its memory only.",
     open_options, mail_options_account_at, cmd_mail_open, false},
    {"mail close", "[NAME]", 0, 1, "end an opened connection", NULL, close_options, NULL,
     cmd_mail_close, false},
    {"mail list-connections", "", 0, 0, "list the opened connections", NULL, NULL, NULL,
     cmd_mail_list_connections, false},
    {"mail script", "FILE", 1, 1, "do the actions of a file, one in each line, over one session",
     "FILE - is standard input. A line is an action with its options, in words as a shell splits "
     "them: moveMail --uid 17,20:25 --new-folder 'Done 2026'; or an object: {\"action\": "
     "\"moveMail\", \"uid\": [17, 18], \"newFolder\": \"Done 2026\"}. Empty lines and lines with # "
     "in front are passed over. With --json each line gives one line: its rows, and its error.",
     script_options, mail_options_at, cmd_mail_script, true},
    {"mail getHeaderOnly", "", 0, 0, "list messages: header, flags, size (the default action)",
     "A row for each message, in the folder's order. Nothing is marked as read.", header_options,
     mail_options_at, cmd_mail, true},
    {"mail getAll", "", 0, 0, "list messages with bodies and attachments",
     "As getHeaderOnly, with bodies and names of attachments; --attachment-path "
     "saves them. Nothing is marked as read.",
     all_options, mail_options_at, cmd_mail, true},
    {"mail markRead", "", 0, 0, "mark messages as read",
     "Sets \\Seen on the selection, or on the whole folder where nothing is selected.",
     mark_options, mail_options_at, cmd_mail, true},
    {"mail delete", "", 0, 0, "delete messages for good",
     "Shows what it will do and asks. The whole folder only with --all.", delete_options,
     mail_options_at, cmd_mail, true},
    {"mail moveMail", "", 0, 0, "move messages to another folder",
     "Both folders must exist. The whole folder only with --all, which asks.", move_options,
     mail_options_at, cmd_mail, true},
    {"mail createFolder", "", 0, 0, "create a folder, and the missing ones above it", NULL,
     create_folder_options, mail_options_at, cmd_mail, true},
    {"mail deleteFolder", "", 0, 0, "delete a folder with all below it",
     "Shows what it will do and asks. INBOX is refused.", delete_folder_options, mail_options_at,
     cmd_mail, true},
    {"mail renameFolder", "", 0, 0, "rename or move a folder with all below it",
     "INBOX is refused on either side.", rename_folder_options, mail_options_at, cmd_mail, true},
    {"mail listAllFolders", "", 0, 0, "list folders with their numbers of messages",
     "Those below the root, or below --folder; folders that hold only folders are left out.",
     list_folders_options, mail_options_at, cmd_mail, true},
    {"mail append", "FILE…", 1, SIZE_MAX, "put messages from files into a folder",
     "Each file is one message, as .eml files are; FILE - is standard input. Line feeds become "
     "CRLF. A message is sent once: where its answer is lost, it is looked for, and what was found "
     "is said.",
     append_options, mail_options_at, cmd_mail, true},
    {"mail", "[ACTION]", 0, SIZE_MAX, "list messages, as mail getHeaderOnly does",
     "Without an action this is `inqueue mail getHeaderOnly`. Actions are written in any case.",
     header_options, mail_options_at, cmd_mail_default, true},
};

const struct command *mail_command_at(size_t index)
{
	return index < G_N_ELEMENTS(commands) ? &commands[index] : NULL;
}
