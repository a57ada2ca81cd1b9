/* Keeps UIDVALIDITY and UIDNEXT of a target folder from before a queue's first move into it. */
#include "loader/source/first_use.h"

#include "loader/base/clock.h"
#include "queue/pickup_repair.h"

#include <glib.h>
#include <string.h>

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

static int first_use_ask(struct store *store, int64_t queue_id, struct mailbox *mailbox,
			 enum mailbox_folder folder, const char *name, struct error *err)
{
	struct imapc_status status;
	if (imapc_status(mailbox->session, mailbox->folders[folder].wire,
			 mailbox_folder_name(mailbox, folder), &status, err) != 0)
		return -1;
	/* What a server does not say is not known, and nobody's mail is taken for ours. */
	if (status.uid_validity == 0 || status.uid_next == 0)
		return 0;
	if (pickup_folder_note(store, queue_id, name,
			       folder == MAILBOX_BADMAIL ? PICKUP_BADMAIL : PICKUP_DROPBOX,
			       status.uid_validity, status.uid_next, clock_now_ms(), err) != 0)
		return -1;
	return 0;
}

static int first_use_note_folder(struct store *store, int64_t queue_id, struct mailbox *mailbox,
				 enum mailbox_folder folder, struct error *err)
{
	struct pickup_folder noted;
	g_autofree char *name = first_use_folder(mailbox, folder);
	if (pickup_folder_find(store, queue_id, name, &noted, err) == 0)
		return 0;
	if (err->reason != REASON_MISSING)
		return -1;
	return first_use_ask(store, queue_id, mailbox, folder, name, err);
}

/* Both at once: what comes to the second one later, too, has come since. */
int first_use_note(struct store *store, int64_t queue_id, struct mailbox *mailbox,
		   struct error *err)
{
	for (enum mailbox_folder i = MAILBOX_DROPBOX; i <= MAILBOX_BADMAIL; i++) {
		if (!mailbox->folders[i].exists || mailbox->noted[i])
			continue;
		if (first_use_note_folder(store, queue_id, mailbox, i, err) != 0)
			return -1;
		mailbox->noted[i] = true;
	}
	return 0;
}
