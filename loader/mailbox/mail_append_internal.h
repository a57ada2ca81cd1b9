/*
 * mail_append_internal.h - what appending files, and looking for one whose fate is not known, share.
 */
#ifndef LOADER_MAILBOX_MAIL_APPEND_INTERNAL_H
#define LOADER_MAILBOX_MAIL_APPEND_INTERNAL_H

#include "loader/imap/session/append.h"
#include "loader/mailbox/mail_internal.h"
#include "loader/parse/parser.h"

/* A message on its way from a file to the folder. */
struct mail_letter {
	const char *name; /* of the file, for people; borrowed */
	int descriptor;
	int64_t time_s;		     /* of the file */
	struct mime_message *parsed; /* its header */
	struct imapc_append append;
};

struct mail_appending {
	struct mail *mail;
	uint64_t max_bytes; /* as append_find_limit() says */
	/* Of the folder before the next message; uid_next is 0 where it has to be asked for. */
	uint32_t uid_next;
	uint32_t uid_validity;
	int heads; /* descriptor: the header of the message at hand */
	uint64_t head_bytes;
	struct parser *parser;
};

/*
 * The connection was lost (*err) after all bytes had been sent: looks for the message in the folder
 * over another connection. 0 where it is there, and *appended says where; else -1, and *err says
 * what was found.
 */
int mail_append_look(const struct mail_appending *job, const struct mail_letter *letter,
		     struct imapc_appended *appended, struct error *err);

#endif
