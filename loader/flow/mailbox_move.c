#include "loader/flow/mailbox_move.h"

#include "loader/base/scoped.h"

static int mailbox_copy_and_expunge(struct mailbox *mailbox, const uint32_t *uids, size_t count,
				    enum mailbox_folder to, struct imapc_copy *copy,
				    struct error *err)
{
	struct imapc_session *session = mailbox->session;
	if (!imapc_has_capability(session, "UIDPLUS"))
		return error_set(err, ERROR_CONFIGURATION,
				 "the server can neither MOVE nor UID EXPUNGE: move the messages "
				 "with a mail program");
	if (imapc_copy(session, uids, count, mailbox->folders[to].wire,
		       mailbox_folder_name(mailbox, to), copy, err) != 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (copy->uids[i] == 0)
			return error_set(err, ERROR_PROTOCOL,
					 "the server does not say that UID %u was copied to '%s'",
					 uids[i], mailbox_folder_name(mailbox, to));
	}
	if (imapc_add_flags(session, uids, count, "\\Deleted", err) != 0)
		return -1;
	return imapc_expunge(session, uids, count, err);
}

int mailbox_move(struct mailbox *mailbox, const uint32_t *uids, size_t count,
		 enum mailbox_folder to, struct imapc_copy *ret_copy, struct error *err)
{
	struct imapc_session *session = mailbox->session;
	g_autofree uint32_t *present = NULL;
	size_t present_count;
	int failed = imapc_has_capability(session, "MOVE")
			 ? imapc_move(session, uids, count, mailbox->folders[to].wire,
				      mailbox_folder_name(mailbox, to), ret_copy, err)
			 : mailbox_copy_and_expunge(mailbox, uids, count, to, ret_copy, err);
	if (failed != 0 ||
	    imapc_search_present(session, uids, count, &present, &present_count, err) != 0)
		return -1;
	if (present_count > 0)
		return error_set(err, ERROR_PROTOCOL, "UID %u does not leave its folder for '%s'",
				 present[0], mailbox_folder_name(mailbox, to));
	return 0;
}
