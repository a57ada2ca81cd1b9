/*
 * mail_view.h - what a mail action found and did, as a table, CSV or JSON Lines on standard output.
 *
 * Life:   mail_view_new() .. mail_view_free(); mail_view_report() gives the callbacks for
 *         mail_run(). mail_view_begin() before the action, mail_view_end() after it.
 * Memory: a row at a time; bodies in pieces.
 */
#ifndef LOADER_CLI_MAIL_MAIL_VIEW_H
#define LOADER_CLI_MAIL_MAIL_VIEW_H

#include "loader/cli/frame/command.h"
#include "loader/mailbox/mail.h"
#include "queue/base/scoped.h"

struct mail_view;

enum mail_view_format {
	MAIL_VIEW_TABLE,
	MAIL_VIEW_JSON,
	MAIL_VIEW_CSV,
	MAIL_VIEW_GUARDED_CSV,
	MAIL_VIEW_JSON_LIST /* the rows of one line of a script: {…},{…} */
};

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

void mail_view_report(struct mail_view *view, struct mail_report *ret_report);

void mail_view_begin(struct mail_view *view);
void mail_view_end(struct mail_view *view);

#endif
