/*
 * mail_options.h - the options that the mail commands share, and what they come to.
 *
 * Ownership: what is handed out is the caller's; a request borrows its texts from the invocation.
 * Errors:    USAGE, and those of the account and the session.
 */
#ifndef LOADER_CLI_MAIL_MAIL_OPTIONS_H
#define LOADER_CLI_MAIL_MAIL_OPTIONS_H

#include "loader/cli/frame/command.h"
#include "loader/mailbox/mail.h"
#include "loader/mailbox/mail_session.h"

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

#endif
