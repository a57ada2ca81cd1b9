/*
 * mail_internal.h - the options that the mail commands share, the columns of their rows by the
 * names that CFIMAP gives them, and how rows are shown.
 *
 * Rows:      a row is a JSON object with a member for each column; bodies are not in it but come
 *            from the file they lie in, so that a row stays small. Rows are the caller's.
 * Life:      mail_view_new() .. mail_view_free(); mail_view_report() gives the callbacks for
 *            mail_run(). mail_view_begin() before the action, mail_view_end() after it.
 * Ownership: what is handed out is the caller's; a request borrows its texts from the invocation.
 * Memory:    a row at a time; bodies in pieces.
 * Errors:    USAGE, and those of the account and the session.
 */
#ifndef LOADER_CLI_MAIL_MAIL_INTERNAL_H
#define LOADER_CLI_MAIL_MAIL_INTERNAL_H

#include "loader/cli/frame/command.h"
#include "loader/mailbox/mail.h"
#include "loader/mailbox/mail_session.h"
#include "queue/base/scoped.h"

#include <glib.h>
#include <jansson.h>

/* ---- options ---- */

/* Which account: --queue, or --server and what belongs to it. Rows 0.. until false. */
bool mail_options_account_at(size_t index, struct command_option *ret_option);

/* The same, and --connection. */
bool mail_options_at(size_t index, struct command_option *ret_option);

/* The option's value, or NULL where it was not given or the command does not have it. */
const char *mail_options_text(const struct invocation *invocation, const char *option);

/* --queue or --server; asks for the password where no source is named. */
int mail_options_account(const struct invocation *invocation, struct mail_account **ret_account,
			 struct error *err);

/* A session: the opened one of --connection, else one of its own. */
int mail_options_session(const struct invocation *invocation, struct mail_session **ret_session,
			 struct error *err);

/* The action that a command stands for; -1 where it stands for none. */
int mail_options_action(const struct command *command, enum mail_action *ret_action);

/* --stop-on-error, which is yes unless it says no. */
int mail_options_go_on(const struct invocation *invocation, bool *ret_go_on, struct error *err);

/* The action's own options. */
int mail_options_request(const struct invocation *invocation, enum mail_action action,
			 struct mail_request *ret_request, struct error *err);

/* ---- columns ---- */

/* NULL-terminated: the columns of an action, in their order. */
const char *const *mail_columns_of(enum mail_action action);

/* Adds the columns that `list` names, "uid,from,subject", in its order; all of them for NULL. The
 * names are static. USAGE for a name that the action does not have. */
int mail_columns_choose(enum mail_action action, const char *list, GPtrArray *columns,
			struct error *err);

/* The row of a message, a folder, a change. */
json_t *mail_columns_message(const struct mail_message *message);
json_t *mail_columns_folder(const struct imapc_folder_row *row);
json_t *mail_columns_change(const struct mail_change *change, bool dry_run);

/* Says a change in words. Silence is success: without a terminal only a dry run is told, and what
 * `change` has to note. */
void mail_columns_say(const struct mail_change *change, bool dry_run);

/* What a table has no room for: the text of a message, and its attachments. Prints nothing of a message whose
 * header alone was asked for. */
int mail_columns_say_whole(const struct mail_message *message, struct error *err);

/* The body that a column stands for; NULL where the column is no body, or there is none, or no message. */
const struct mime_content *mail_columns_content(const struct mail_message *message,
						const char *column);

/* ---- views ---- */

struct mail_view;

enum mail_view_format {
	MAIL_VIEW_TABLE,
	MAIL_VIEW_JSON,
	MAIL_VIEW_CSV,
	MAIL_VIEW_GUARDED_CSV,
	MAIL_VIEW_JSON_LIST /* the rows of one line of a script: {…},{…} */
};

/* Prints a body that lies in the open file `descriptor`; the sides of a CSV cell are guarded as the format says. Errors:
 * IO. */
int mail_body_print(enum mail_view_format format, int descriptor,
		    const struct mime_content *content, struct error *err);

/* The format and columns that the invocation asks for. Errors: USAGE. */
int mail_view_new(const struct invocation *invocation, const struct mail_request *request,
		  struct mail_view **ret_view, struct error *err);

/* The format is the script's, the action may be done without asking if `yes`. */
int mail_view_new_for_line(const struct invocation *invocation, const struct mail_request *request,
			   enum mail_view_format format, bool yes, struct mail_view **ret_view,
			   struct error *err);

/* Takes NULL. */
void mail_view_free(struct mail_view *view);
SCOPED_DEFINE(struct mail_view *, mail_view_free)

/* Writes the callbacks that print into this view; they are good until mail_view_free(). */
void mail_view_report(struct mail_view *view, struct mail_report *ret_report);

/* Prints what stands before the first row: the head of CSV. */
void mail_view_begin(struct mail_view *view);
/* Takes the bar away, and tells a person where a list is empty. */
void mail_view_end(struct mail_view *view, bool failed);

/* ---- the commands; their words are in mail_table.c ---- */

int cmd_mail(const struct invocation *invocation, struct error *err);
int cmd_mail_default(const struct invocation *invocation, struct error *err);
int cmd_mail_open(const struct invocation *invocation, struct error *err);
int cmd_mail_close(const struct invocation *invocation, struct error *err);
int cmd_mail_list_connections(const struct invocation *invocation, struct error *err);
int cmd_mail_script(const struct invocation *invocation, struct error *err);

#endif
