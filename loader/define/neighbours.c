/* Queues that sign in to the same account: which of them share a folder. Folders are compared by their names
 * alone: no server is asked, and what is one folder only there is found by a run. */
#include "loader/define/check.h"

#include "loader/imap/names/connection_string.h"
#include "loader/imap/names/mailbox_name.h"
#include "queue/base/scoped.h"
#include "queue/work_queue.h"

#include <glib.h>
#include <string.h>

static const char *const keys[MAILBOX_FOLDER_COUNT] = {
    [MAILBOX_SOURCE] = "mailbox", [MAILBOX_DROPBOX] = "dropbox", [MAILBOX_BADMAIL] = "badmail"};

struct neighbours {
	const struct work_queue *queue;
	const struct connection_string *server;
	void (*report)(const char *words, void *context);
	void *context;
};

/* The folder in this role, NULL where there is none: what is delivered stays in the mailbox. */
static const char *folder_of(const struct work_queue *queue, const struct connection_string *server,
			     enum mailbox_folder role)
{
	const char *const names[MAILBOX_FOLDER_COUNT] = {[MAILBOX_SOURCE] = server->mailbox,
							 [MAILBOX_DROPBOX] = server->dropbox,
							 [MAILBOX_BADMAIL] = server->badmail};
	if (role == MAILBOX_DROPBOX && queue->on_delivery &&
	    !connection_string_names(server, "dropbox"))
		return NULL;
	return names[role];
}

static void say_mailbox(const struct neighbours *neighbours, const struct work_queue *other)
{
	g_autofree char *words = g_strdup_printf(
	    "queue '%s' collects from '%s' as well: a message becomes an entry of the queue that "
	    "comes first; divide the mail with search=, or drop one of them",
	    other->name, neighbours->server->mailbox);
	neighbours->report(words, neighbours->context);
}

/* Two roles of one folder: a load of one queue would collect, or judge, what the other has moved there. */
static void say_roles(const struct neighbours *neighbours, const struct work_queue *other,
		      enum mailbox_folder own, enum mailbox_folder others, const char *folder)
{
	const char *what =
	    others == MAILBOX_SOURCE ? "that queue collects what this one moves there"
	    : own == MAILBOX_SOURCE  ? "this queue collects what that one moves there"
				     : "good mail and bad mail lie side by side there";
	g_autofree char *words =
	    g_strdup_printf("folder '%s' is the %s of this queue and the %s of queue '%s': %s",
			    folder, keys[own], keys[others], other->name, what);
	neighbours->report(words, neighbours->context);
}

/* Two queues may share a dropbox or a badmail. */
static void compare(const struct neighbours *neighbours, const struct work_queue *other,
		    const struct connection_string *server)
{
	for (enum mailbox_folder i = MAILBOX_SOURCE; i < MAILBOX_FOLDER_COUNT; i++) {
		const char *own = folder_of(neighbours->queue, neighbours->server, i);
		for (enum mailbox_folder j = MAILBOX_SOURCE; j < MAILBOX_FOLDER_COUNT; j++) {
			const char *others = folder_of(other, server, j);
			if (own == NULL || others == NULL ||
			    !mailbox_name_is_same(own, others, '/'))
				continue;
			if (i != j)
				say_roles(neighbours, other, i, j, own);
			else if (i == MAILBOX_SOURCE)
				say_mailbox(neighbours, other);
		}
	}
}

/* A definition that cannot be read is said by `doctor`, and by its own queue. */
static int look_at(const struct work_queue *other, void *context)
{
	const struct neighbours *neighbours = context;
	scoped(connection_string_free) struct connection_string *server = NULL;
	struct error ignored;
	if (other->id == neighbours->queue->id || !work_queue_has_mailbox(other) ||
	    connection_string_parse(other->connection_string, &server, &ignored) != 0 ||
	    g_strcmp0(connection_string_owner(server, other->user_name),
		      connection_string_owner(neighbours->server, neighbours->queue->user_name)) !=
		0 ||
	    g_ascii_strcasecmp(server->url, neighbours->server->url) != 0)
		return 0;
	compare(neighbours, other, server);
	return 0;
}

int check_neighbours(struct store *store, const struct work_queue *queue,
		     void (*report)(const char *words, void *context), void *context,
		     struct error *err)
{
	scoped(connection_string_free) struct connection_string *server = NULL;
	if (!work_queue_has_mailbox(queue))
		return 0;
	if (connection_string_parse(queue->connection_string, &server, err) != 0)
		return -1;
	struct neighbours neighbours = {
	    .queue = queue, .server = server, .report = report, .context = context};
	return work_queue_list(store, look_at, &neighbours, err);
}

/* ---- all queues ---- */

/* More names than these are counted: the way out is the same. */
enum { SHARED_NAMES = 5 };

struct shared_folder {
	char *name;
	GPtrArray *queues[MAILBOX_FOLDER_COUNT]; /* char *, those that have it in this role */
};

struct shared_account {
	char *words;	    /* "ann@example.com at imap.example.com" */
	GPtrArray *folders; /* struct shared_folder */
};

static void shared_folder_free(void *data)
{
	struct shared_folder *folder = data;
	for (enum mailbox_folder i = MAILBOX_SOURCE; i < MAILBOX_FOLDER_COUNT; i++)
		g_ptr_array_unref(folder->queues[i]);
	g_free(folder->name);
	g_free(folder);
}

static void shared_account_free(void *data)
{
	struct shared_account *account = data;
	g_ptr_array_unref(account->folders);
	g_free(account->words);
	g_free(account);
}

/* Made where it is not there yet. Borrowed. */
static struct shared_folder *shared_folder_of(const struct shared_account *account,
					      const char *name)
{
	for (guint i = 0; i < account->folders->len; i++) {
		struct shared_folder *folder = g_ptr_array_index(account->folders, i);
		if (mailbox_name_is_same(folder->name, name, '/'))
			return folder;
	}
	struct shared_folder *folder = g_new0(struct shared_folder, 1);
	folder->name = g_strdup(name);
	for (enum mailbox_folder i = MAILBOX_SOURCE; i < MAILBOX_FOLDER_COUNT; i++)
		folder->queues[i] = g_ptr_array_new_with_free_func(g_free);
	g_ptr_array_add(account->folders, folder);
	return folder;
}

/* Collects the folders of a queue under its account, "ann@example.com at imap.example.com". A server's name has no
 * case; an account's may have one. */
static int shared_take(const struct work_queue *queue, void *context)
{
	GHashTable *accounts = context;
	scoped(connection_string_free) struct connection_string *server = NULL;
	struct error ignored;
	if (!work_queue_has_mailbox(queue) ||
	    connection_string_parse(queue->connection_string, &server, &ignored) != 0)
		return 0;
	const char *owner = connection_string_owner(server, queue->user_name);
	g_autofree char *host = g_ascii_strdown(server->url, -1);
	char *key = g_strdup_printf("%s at %s", owner != NULL ? owner : "", host);
	struct shared_account *account = g_hash_table_lookup(accounts, key);
	if (account == NULL) {
		account = g_new0(struct shared_account, 1);
		account->words = g_strdup(key);
		account->folders = g_ptr_array_new_with_free_func(shared_folder_free);
		g_hash_table_insert(accounts, key, account);
	} else {
		g_free(key);
	}
	for (enum mailbox_folder i = MAILBOX_SOURCE; i < MAILBOX_FOLDER_COUNT; i++) {
		const char *name = folder_of(queue, server, i);
		if (name != NULL)
			g_ptr_array_add(shared_folder_of(account, name)->queues[i],
					g_strdup(queue->name));
	}
	return 0;
}

/* "'a', 'b' and 3 more". Caller frees. */
static char *shared_names(const GPtrArray *queues)
{
	GString *names = g_string_new(NULL);
	const guint shown = MIN(queues->len, (guint)SHARED_NAMES);
	for (guint i = 0; i < shown; i++) {
		const bool last = i + 1 == queues->len;
		g_string_append_printf(names, "%s'%s'",
				       i == 0 ? ""
				       : last ? " and "
					      : ", ",
				       (const char *)g_ptr_array_index(queues, i));
	}
	if (queues->len > shown)
		g_string_append_printf(names, " and %u more", queues->len - shown);
	return g_string_free(names, FALSE);
}

/* Two things may be wrong with a folder: several queues collect from it, or it has two roles. */
static void shared_report_folder(
    const struct shared_account *account, const struct shared_folder *folder,
    void (*report)(const char *folder, const char *words, void *context), void *context)
{
	if (folder->queues[MAILBOX_SOURCE]->len > 1) {
		g_autofree char *names = shared_names(folder->queues[MAILBOX_SOURCE]);
		g_autofree char *words = g_strdup_printf(
		    "queues %s collect from it (%s): a message becomes an entry of the queue that "
		    "comes first; divide the mail with search=, or drop all but one",
		    names, account->words);
		report(folder->name, words, context);
	}
	for (enum mailbox_folder i = MAILBOX_SOURCE; i < MAILBOX_FOLDER_COUNT; i++) {
		for (enum mailbox_folder j = i + 1; j < MAILBOX_FOLDER_COUNT; j++) {
			if (folder->queues[i]->len == 0 || folder->queues[j]->len == 0)
				continue;
			g_autofree char *one = shared_names(folder->queues[i]);
			g_autofree char *other = shared_names(folder->queues[j]);
			g_autofree char *words = g_strdup_printf(
			    "it is the %s of %s and the %s of %s (%s): %s", keys[i], one, keys[j],
			    other, account->words,
			    i == MAILBOX_SOURCE ? "what is moved there is collected again"
						: "good mail and bad mail lie side by side there");
			report(folder->name, words, context);
		}
	}
}

int check_shared(struct store *store,
		 void (*report)(const char *folder, const char *words, void *context),
		 void *context, struct error *err)
{
	g_autoptr(GHashTable) accounts =
	    g_hash_table_new_full(g_str_hash, g_str_equal, g_free, shared_account_free);
	if (work_queue_list(store, shared_take, accounts, err) != 0)
		return -1;
	GHashTableIter iterator;
	void *value;
	g_hash_table_iter_init(&iterator, accounts);
	while (g_hash_table_iter_next(&iterator, NULL, &value)) {
		const struct shared_account *account = value;
		for (guint i = 0; i < account->folders->len; i++)
			shared_report_folder(account, g_ptr_array_index(account->folders, i),
					     report, context);
	}
	return 0;
}
