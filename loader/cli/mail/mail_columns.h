/*
 * mail_columns.h - the columns of the mail actions, by the names that CFIMAP gives them.
 *
 * A row is a JSON object with a member for each column; bodies are not in it but come from the file
 * they lie in, so that a row stays small. Rows are the caller's.
 */
#ifndef LOADER_CLI_MAIL_MAIL_COLUMNS_H
#define LOADER_CLI_MAIL_MAIL_COLUMNS_H

#include "loader/mailbox/mail.h"

#include <jansson.h>

/* NULL-terminated: the columns of an action, in their order. */
const char *const *mail_columns_of(enum mail_action action);

json_t *mail_columns_message(const struct mail_message *message);
json_t *mail_columns_folder(const struct imapc_folder_row *row);
json_t *mail_columns_change(const struct mail_change *change, bool dry_run);

/* The body that a column stands for; NULL where the column is no body, or there is none. */
const struct mime_content *mail_columns_content(const struct mail_message *message,
						const char *column);

#endif
