/*
 * mail_selection.h - which messages are meant: from the operator's words to UIDs.
 *
 * Ownership: a selection belongs to the caller, who clears it with mail_selection_clear().
 * Errors:    USAGE (words that cannot be read), and those of the session.
 */
#ifndef LOADER_MAILBOX_MAIL_SELECTION_H
#define LOADER_MAILBOX_MAIL_SELECTION_H

#include "loader/mailbox/mail_internal.h"
#include "queue/base/scoped.h"

#include <glib.h>

/* "17", or "20:25"; "20:*" ends at UINT32_MAX. */
struct mail_range {
	uint32_t first;
	uint32_t last;
};

/*
 * Reads a list of numbers and ranges into an array of struct mail_range; `option` is for the error.
 * A range that runs downwards is turned round.
 */
int mail_selection_parse(const char *text, const char *option, GArray **ret_ranges,
			 struct error *err);

struct mail_selection {
	uint32_t *uids; /* ascending; NULL where there is none */
	size_t count;
	char *
	    *unknown; /* "UID 17", "message number 99": what was named and is not there; or NULL */
};
void mail_selection_clear(struct mail_selection *selection);
SCOPED_DEFINE(struct mail_selection *, mail_selection_clear)

/* Whether the request names messages at all; where not, the whole folder is meant. */
bool mail_selection_is_given(const struct mail_request *request);

/* Looks the selection up in the selected mailbox. Changes nothing. */
int mail_selection_resolve(struct imapc_session *session, const struct imapc_mailbox *mailbox,
			   const struct mail_request *request, struct mail_selection *ret_selection,
			   struct error *err);

/* Messages that were named and are not there: an error (NO), or noted where the action goes on. */
int mail_selection_refuse_unknown(struct mail *mail, const struct mail_selection *selection,
				  struct error *err);

#endif
