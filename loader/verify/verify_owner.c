/*
 * Finds out whose the messages of a target folder are: older than the queue's first use of the
 * folder, or another queue's. Queues may share a folder, an account or a whole database; a message
 * that another one knows is never reported as a stray.
 */
#include "loader/verify/verify_internal.h"

#include "loader/imap/names/mailbox_name.h"
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

static void verify_take_source(const char *source, void *context)
{
	g_ptr_array_add(context, g_strdup(source));
}

/* Where the names alone rule it out, the server is not asked. */
static bool verify_may_be_source(const struct verify *verify, const char *name)
{
	for (enum mailbox_folder i = MAILBOX_DROPBOX; i <= MAILBOX_BADMAIL; i++)
		if (mailbox_name_may_be_same(name, mailbox_folder_name(verify->mailbox, i)))
			return true;
	return false;
}

static int verify_sort_source(struct verify *verify, const char *source, struct error *err)
{
	struct mailbox *mailbox = verify->mailbox;
	const char *name = source + strlen(verify->account);
	struct imapc_folder found = {0};
	if (!verify_may_be_source(verify, name))
		return 0;
	/* A name that means nothing to the server is none of our folders. */
	if (imapc_find_folder(mailbox->session, name, &found, err) != 0)
		return imapc_is_alive(mailbox->session) ? 0 : -1;
	g_autofree char *wire = found.wire;
	for (enum mailbox_folder i = MAILBOX_DROPBOX; i <= MAILBOX_BADMAIL; i++)
		if (verify->folders[i].name != NULL &&
		    imapc_is_same_folder(mailbox->session, wire, mailbox->folders[i].wire))
			g_ptr_array_add(verify->folders[i].sources, g_strdup(source));
	return 0;
}

int verify_owner_find_sources(struct verify *verify, struct error *err)
{
	g_autoptr(GPtrArray) sources = g_ptr_array_new_with_free_func(g_free);
	if (pickup_source_list(verify->store, verify->queue->id, verify->account,
			       verify_take_source, sources, err) != 0)
		return -1;
	for (guint i = 0; i < sources->len; i++)
		if (verify_sort_source(verify, g_ptr_array_index(sources, i), err) != 0)
			return -1;
	return 0;
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
	struct pickup_place place = verify_place(verify, which, NULL);
	guint i = 0;
	do {
		if (i < folder->sources->len)
			place.source = g_ptr_array_index(folder->sources, i);
		if (pickup_elsewhere_walk(verify->store, &place, verify_take_elsewhere, &elsewhere,
					  err) != 0)
			return -1;
	} while (++i < folder->sources->len);
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
	struct verify_folder *folder = &verify->folders[row->expected];
	struct pickup moved = row->pickup;
	bool taken = false;
	if (!verify_is_in(folder, &moved))
		moved.target_uid = 0;
	for (guint i = 0; i < folder->sources->len && !taken; i++) {
		const struct pickup_place place =
		    verify_place(verify, row->expected, g_ptr_array_index(folder->sources, i));
		if (pickup_taken_find(verify->store, &place, &moved, &taken, err) != 0)
			return -1;
	}
	folder->counted.of_other_queues += taken;
	*ret_taken = taken;
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
	g_autofree char *account =
	    g_strdup_printf("%s@%s/", connection_string_owner(server, queue->user_name), host);
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
