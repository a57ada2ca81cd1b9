/*
 * The target folders of a mailbox. Before a queue's first move into one of them its UIDVALIDITY and
 * UIDNEXT are kept, which tell older mail from the queue's own for ever. Moves outside of a run go
 * the way that all moves go (loader/imap/session/move.h), one message at a time.
 */
#include "loader/source/mailbox.h"

#include "loader/base/clock.h"
#include "loader/imap/session/move.h"
#include "queue/base/scoped.h"
#include "queue/pickup_repair.h"

#include <glib.h>
#include <string.h>

/* --- first use --------------------------------------------------------- */

char *first_use_account(const struct mailbox *mailbox)
{
	return g_strndup(mailbox->source,
			 strlen(mailbox->source) - strlen(mailbox->server->mailbox));
}

char *first_use_folder(const struct mailbox *mailbox, enum mailbox_folder folder)
{
	g_autofree char *account = first_use_account(mailbox);
	return g_strconcat(account, mailbox->folders[folder].wire, NULL);
}

static int ask_server(struct store *store, int64_t queue_id, struct mailbox *mailbox,
		      enum mailbox_folder folder, const char *name, struct error *err)
{
	struct imapc_status status;
	if (imapc_status(mailbox->session, mailbox->folders[folder].wire,
			 mailbox_folder_name(mailbox, folder), &status, err) != 0)
		return -1;
	/* A server that tells neither leaves the first use unknown: then no mail that is there
	 * counts as ours. */
	if (status.uid_validity == 0 || status.uid_next == 0)
		return 0;
	return pickup_folder_note(store, queue_id, name,
				  folder == MAILBOX_BADMAIL ? PICKUP_BADMAIL : PICKUP_DROPBOX,
				  status.uid_validity, status.uid_next, clock_now_ms(), err);
}

/* The number of a folder that is not noted is 0. */
static int find_number(struct store *store, int64_t queue_id, const char *name,
		       uint32_t *ret_number, struct error *err)
{
	struct pickup_folder noted = {0};
	if (pickup_folder_find(store, queue_id, name, &noted, err) != 0 &&
	    err->reason != REASON_MISSING)
		return -1;
	*ret_number = noted.number;
	return 0;
}

static int note_folder(struct store *store, int64_t queue_id, struct mailbox *mailbox,
		       enum mailbox_folder folder, struct error *err)
{
	uint32_t *number = &mailbox->numbers[folder];
	g_autofree char *name = first_use_folder(mailbox, folder);
	if (find_number(store, queue_id, name, number, err) != 0)
		return -1;
	if (*number != 0)
		return 0;
	if (ask_server(store, queue_id, mailbox, folder, name, err) != 0)
		return -1;
	return find_number(store, queue_id, name, number, err);
}

/* Both folders are noted before the first move into either: what comes to the other one later has
 * come since, too. */
int first_use_note(struct store *store, int64_t queue_id, struct mailbox *mailbox,
		   struct error *err)
{
	for (enum mailbox_folder i = MAILBOX_DROPBOX; i <= MAILBOX_BADMAIL; i++) {
		if (!mailbox->folders[i].exists || mailbox->noted[i])
			continue;
		if (note_folder(store, queue_id, mailbox, i, err) != 0)
			return -1;
		mailbox->noted[i] = true;
	}
	return 0;
}

/* --- moving ------------------------------------------------------------ */

static int tell_place(enum move_fate fate, const uint32_t *uids, size_t count,
		      const struct imapc_copy *copy, void *context, struct error *err)
{
	struct mailbox_place *place = context;
	(void)fate;
	(void)uids;
	(void)count;
	(void)err;
	/* Told without a copy when the original of an earlier copy goes. */
	if (copy != NULL)
		*place = (struct mailbox_place){.uid_validity = copy->uid_validity,
						.uid = copy->uids[0]};
	return 0;
}

int mailbox_move(struct mailbox *mailbox, struct store *store, int64_t queue_id, uint32_t uid,
		 enum mailbox_folder to, struct mailbox_place *ret_place, struct error *err)
{
	struct imapc_session *session = mailbox->session;
	*ret_place = (struct mailbox_place){0};
	if (!imapc_has_capability(session, "MOVE") && !imapc_has_capability(session, "UIDPLUS"))
		return error_set(err, ERROR_CONFIGURATION,
				 "the server can neither MOVE nor UID EXPUNGE: move the messages "
				 "with a mail program");
	if (mailbox_create_folder(mailbox, to, err) != 0 ||
	    first_use_note(store, queue_id, mailbox, err) != 0)
		return -1;
	scoped(move_free) struct move *move =
	    move_new(session, mailbox->folders[to].wire, mailbox_folder_name(mailbox, to),
		     tell_place, ret_place);
	if (move_messages(move, &uid, 1, err) != 0 || move_verdict(move, err) != 0)
		return -1;
	ret_place->folder = mailbox->numbers[to];
	size_t returns;
	const struct move_return *back = move_returns(move, &returns);
	return returns > 0 ? move_say_return(move, back, err) : 0;
}
