/* Compares the folders of a queue with those of all others that sign in to the same account. By their names
 * alone: no server is asked, and what is one folder only there is found by a run. */
#include "loader/define/check.h"

#include "loader/imap/names/connection_string.h"
#include "loader/imap/names/mailbox_name.h"
#include "queue/base/scoped.h"

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
	if (role == MAILBOX_DROPBOX && queue->target.on_delivery &&
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

static void say_roles(const struct neighbours *neighbours, const struct work_queue *other,
		      enum mailbox_folder own, enum mailbox_folder others, const char *folder)
{
	const char *what =
	    others == MAILBOX_SOURCE ? "that queue collects what this one moves there"
	    : own == MAILBOX_SOURCE  ? "this queue collects what that one moves there"
				     : "good mail and bad mail lie side by side there";
	g_autofree char *words =
	    g_strdup_printf("folder '%s' is %s of this queue and %s of queue '%s': %s", folder,
			    keys[own], keys[others], other->name, what);
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
	    g_strcmp0(other->user_name, neighbours->queue->user_name) != 0 ||
	    connection_string_parse(other->connection_string, &server, &ignored) != 0 ||
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
