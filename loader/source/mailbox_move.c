/* Moves outside of a run go the way that all moves go (loader/imap/session/move.h), one set at a time. */
#include "loader/source/mailbox_move.h"

#include "loader/imap/session/move.h"
#include "queue/base/scoped.h"

#include <string.h>

struct mailbox_moving {
	const uint32_t *uids;
	size_t count;
	struct imapc_copy *copy;
};

/* Where they are now. */
static int mailbox_move_tell(enum move_fate fate, const uint32_t *uids, size_t count,
			     const struct imapc_copy *copy, void *context, struct error *err)
{
	const struct mailbox_moving *moving = context;
	(void)fate;
	(void)err;
	if (copy == NULL)
		return 0;
	moving->copy->uid_validity = copy->uid_validity;
	for (size_t i = 0; i < moving->count; i++) {
		for (size_t j = 0; j < count; j++) {
			if (moving->uids[i] == uids[j])
				moving->copy->uids[i] = copy->uids[j];
		}
	}
	return 0;
}

int mailbox_move(struct mailbox *mailbox, const uint32_t *uids, size_t count,
		 enum mailbox_folder to, struct imapc_copy *ret_copy, struct error *err)
{
	struct imapc_session *session = mailbox->session;
	struct mailbox_moving moving = {.uids = uids, .count = count, .copy = ret_copy};
	if (!imapc_has_capability(session, "MOVE") && !imapc_has_capability(session, "UIDPLUS"))
		return error_set(err, ERROR_CONFIGURATION,
				 "the server can neither MOVE nor UID EXPUNGE: move the messages "
				 "with a mail program");
	scoped(move_free) struct move *move =
	    move_new(session, mailbox->folders[to].wire, mailbox_folder_name(mailbox, to),
		     mailbox_move_tell, &moving);
	*ret_copy = (struct imapc_copy){.uids = g_new0(uint32_t, count)};
	if (move_messages(move, uids, count, err) != 0 || move_verdict(move, err) != 0)
		return -1;
	size_t returns;
	const struct move_return *back = move_returns(move, &returns);
	return returns > 0 ? move_say_return(move, back, err) : 0;
}
