/*
 * Finds out whose the messages of a target folder are: older than the queue's first use of the
 * folder, or another queue's. Queues may share a folder, an account or a whole database; a message
 * that another one knows is never reported as a stray.
 */
#include "loader/verify/verify_internal.h"

#include "queue/base/scoped.h"

#include <string.h>

static struct pickup_place verify_place(const struct verify *verify, enum mailbox_folder which,
					const char *source)
{
	return (struct pickup_place){.queue_id = verify->queue->id,
				     .account = verify->account,
				     .folder = verify->folders[which].name,
				     .source = source,
				     .uid_validity = verify->folders[which].uid_validity};
}

/* The folder, named as one that mail is picked up from. Caller frees. */
static char *verify_as_source(const struct verify *verify, enum mailbox_folder which)
{
	return g_strconcat(verify->account, mailbox_folder_name(verify->mailbox, which), NULL);
}

/* A note in another numbering says nothing of this one, but the ledger's lowest UID does: the queue
 * has moved a message there. */
static uint32_t verify_first_use(const struct verify_folder *folder)
{
	const struct pickup_folder *noted = &folder->noted;
	if (noted->uid_validity != folder->uid_validity)
		return folder->lowest_uid;
	return folder->lowest_uid != 0 ? MIN(folder->lowest_uid, noted->first_uid)
				       : noted->first_uid;
}

struct verify_elsewhere {
	struct verify *verify;
	struct verify_folder *folder;
};

static int verify_take_elsewhere(const struct pickup_elsewhere *found, void *context)
{
	const struct verify_elsewhere *elsewhere = context;
	ssize_t at = found->uid != 0 ? verify_find(elsewhere->folder, found->uid) : -1;
	if (at >= 0 && elsewhere->folder->owners[at] == VERIFY_UNKNOWN)
		elsewhere->folder->owners[at] = VERIFY_OTHERS;
	/* That queue knows the message by its header only, so it is looked for in the same way. */
	if (found->header_size != 0)
		g_hash_table_add(elsewhere->verify->whole_sizes,
				 g_memdup2(&found->header_size, sizeof found->header_size));
	return 0;
}

int verify_owner(struct verify *verify, enum mailbox_folder which, struct error *err)
{
	struct verify_folder *folder = &verify->folders[which];
	struct verify_elsewhere elsewhere = {verify, folder};
	if (folder->name == NULL)
		return 0;
	folder->counted.first_uid = verify_first_use(folder);
	g_autofree char *source = verify_as_source(verify, which);
	const struct pickup_place place = verify_place(verify, which, source);
	if (pickup_elsewhere_walk(verify->store, &place, verify_take_elsewhere, &elsewhere, err) !=
	    0)
		return -1;
	return 0;
}

int verify_owner_of_bytes(struct verify *verify, enum mailbox_folder which,
			  const struct verify_facts *facts, bool *ret_others,
			  enum pickup_own *ret_own, int64_t *ret_entry_id, struct error *err)
{
	struct pickup like = {.raw_size = facts->raw_size,
			      .internal_date_s = facts->internal_date_s,
			      .target_uid = facts->uid};
	const struct pickup_place place = verify_place(verify, which, NULL);
	memcpy(like.raw_sha256, facts->raw_sha256, sizeof like.raw_sha256);
	if (pickup_elsewhere_find(verify->store, &place, &like, ret_others, err) != 0 ||
	    pickup_own_find(verify->store, verify->queue->id, &like, ret_own, ret_entry_id, err) !=
		0)
		return -1;
	return 0;
}

int verify_owner_took(struct verify *verify, const struct verify_row *row, bool *ret_taken,
		      struct error *err)
{
	g_autofree char *source = verify_as_source(verify, row->expected);
	const struct pickup_place place = verify_place(verify, row->expected, source);
	struct pickup moved = row->pickup;
	if (!verify_is_in(&verify->folders[row->expected], &moved))
		moved.target_uid = 0;
	if (pickup_taken_find(verify->store, &place, &moved, ret_taken, err) != 0)
		return -1;
	verify->folders[row->expected].counted.of_other_queues += *ret_taken;
	return 0;
}

struct verify_sharing {
	struct verify *verify;
	enum mailbox_folder which;
	char *with; /* the name of the other queue */
	int failed;
	struct error *err;
};

/* The server says whether two names are one folder. */
static int verify_compare_folder(struct verify_sharing *sharing, const char *name, bool *ret_same)
{
	struct imapc_folder found = {0};
	struct verify *verify = sharing->verify;
	if (imapc_find_folder(verify->mailbox->session, name, &found, sharing->err) != 0)
		return -1;
	g_autofree char *wire = found.wire;
	*ret_same = imapc_is_same_folder(verify->mailbox->session, wire,
					 verify->mailbox->folders[sharing->which].wire);
	return 0;
}

/* True if the definition of the other queue names the folder as its dropbox or badmail. */
static int verify_is_shared_with(struct verify_sharing *sharing, const struct work_queue *queue,
				 bool *ret_shared)
{
	struct verify *verify = sharing->verify;
	scoped(connection_string_free) struct connection_string *server = NULL;
	*ret_shared = false;
	/* A queue whose definition cannot be read moves nothing. */
	if (queue->id == verify->queue->id ||
	    connection_string_parse(queue->connection_string, &server, sharing->err) != 0)
		return 0;
	g_autofree char *host = g_ascii_strdown(server->url, -1);
	g_autofree char *account = g_strdup_printf("%s@%s/", queue->user_name, host);
	if (strcmp(account, verify->account) != 0)
		return 0;
	const char *const names[] = {server->dropbox, server->badmail};
	for (size_t i = 0; i < G_N_ELEMENTS(names) && !*ret_shared; i++)
		if (verify_compare_folder(sharing, names[i], ret_shared) != 0)
			return -1;
	return 0;
}

static int verify_ask_queue(const struct work_queue *queue, void *context)
{
	struct verify_sharing *sharing = context;
	bool shared;
	if (sharing->failed != 0 || sharing->with != NULL)
		return 0;
	sharing->failed = verify_is_shared_with(sharing, queue, &shared);
	if (sharing->failed == 0 && shared)
		sharing->with = g_strdup(queue->name);
	return 0;
}

int verify_owner_check_adopt(struct verify *verify, enum mailbox_folder which, struct error *err)
{
	struct verify_sharing sharing = {.verify = verify, .which = which, .err = err};
	if (verify->options->search != NULL)
		return 0;
	if (work_queue_list(verify->store, verify_ask_queue, &sharing, err) != 0)
		return -1;
	g_autofree char *with = sharing.with;
	if (sharing.failed != 0 || with == NULL)
		return sharing.failed;
	return error_set(err, ERROR_USAGE,
			 "'%s' is also the folder of queue '%s': which of its unknown messages are "
			 "of '%s' only you can say: --search takes IMAP search keys that find "
			 "them, e.g. --search 'TO orders@example.com', or ALL",
			 mailbox_folder_name(verify->mailbox, which), with, verify->queue->name);
}
