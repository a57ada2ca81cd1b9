/*
 * Takes old messages out of a queue's archive folder: looks whether server and folders allow it, lists
 * what the ledger has put there and the server still has, asks, and goes through it in batches
 * (archive_batch.c).
 */
#include "loader/verify/archive_internal.h"

#include "loader/base/service.h"
#include "loader/imap/names/uid_set.h"
#include "queue/base/scoped.h"

enum { ARCHIVE_BATCH = 500 };

/* ---- what the ledger has ---- */

/* Where the message lies must be known: a row that is too old to name folder and UID is left alone. */
static bool archive_is_there(const struct archive *archive, const struct pickup *pickup)
{
	return (pickup->state == PICKUP_MOVED || pickup->state == PICKUP_LEFT) &&
	       pickup->target == PICKUP_DROPBOX && pickup->target_uid != 0 &&
	       pickup->target_folder == archive->number &&
	       pickup->target_uid_validity == archive->uid_validity;
}

/* Work that is not done may still need its mail: such messages are counted and stay. */
static int archive_take_row(const struct pickup_with_entry *from, void *context)
{
	struct archive *archive = context;
	const int64_t received_ms = from->pickup.internal_date_s * 1000;
	if (!archive_is_there(archive, &from->pickup) || received_ms >= archive->options->before_ms)
		return 0;
	if (from->has_entry &&
	    (from->entry_state == ENTRY_NEW || from->entry_state == ENTRY_CLAIMED)) {
		archive->result->unfinished++;
		return 0;
	}
	const struct archive_row row = {.source = g_intern_string(from->source.source),
					.row_uid_validity = from->source.uid_validity,
					.pickup = from->pickup,
					.has_entry = from->has_entry,
					.of_header = from->raw_incomplete};
	g_array_append_val(archive->rows, row);
	return 0;
}

/* By UID: a batch then is few ranges in a command. */
static int archive_compare(const void *one, const void *other)
{
	const struct archive_row *a = one;
	const struct archive_row *b = other;
	return (a->pickup.target_uid > b->pickup.target_uid) -
	       (a->pickup.target_uid < b->pickup.target_uid);
}

/* The rows that are left are those of messages that the server still has. */
static int archive_drop_absent(struct archive *archive, struct error *err)
{
	g_autofree uint32_t *present = NULL;
	size_t count;
	guint kept = 0;
	struct archive_row *rows = (struct archive_row *)(void *)archive->rows->data;
	if (imapc_search(archive->mailbox->session, "ALL", &present, &count, err) != 0)
		return -1;
	for (guint i = 0; i < archive->rows->len; i++) {
		if (uid_is_among(present, count, rows[i].pickup.target_uid))
			rows[kept++] = rows[i];
	}
	g_array_set_size(archive->rows, kept);
	return 0;
}

/* A folder without a note was never moved into. */
static int archive_list(struct archive *archive, struct error *err)
{
	struct pickup_folder noted;
	g_autofree char *folder = first_use_folder(archive->mailbox, MAILBOX_DROPBOX);
	if (pickup_folder_find(archive->store, archive->queue->id, folder, &noted, err) != 0)
		return err->reason == REASON_MISSING ? 0 : -1;
	archive->number = noted.number;
	if (pickup_walk(archive->store, archive->queue->id, archive_take_row, archive, err) != 0)
		return -1;
	g_array_sort(archive->rows, archive_compare);
	return archive_drop_absent(archive, err);
}

/* Rows of one message stay together. */
static size_t archive_batch_end(const struct archive *archive, size_t begin)
{
	const struct archive_row *rows = (struct archive_row *)(void *)archive->rows->data;
	size_t end = MIN(begin + ARCHIVE_BATCH, archive->rows->len);
	while (end < archive->rows->len &&
	       rows[end].pickup.target_uid == rows[end - 1].pickup.target_uid)
		end++;
	return end;
}

/* Asked to stop, it does so between two batches, where nothing is half done. */
static int archive_batches(struct archive *archive, struct error *err)
{
	struct archive_row *rows = (struct archive_row *)(void *)archive->rows->data;
	for (size_t begin = 0, end; begin < archive->rows->len; begin = end) {
		if (stop_requested())
			return error_set(err, ERROR_TEMPORARY,
					 "asked to stop; the next purge goes on");
		end = archive_batch_end(archive, begin);
		archive->batch = rows + begin;
		archive->batch_count = end - begin;
		if (archive_batch(archive, err) != 0)
			return -1;
	}
	return 0;
}

/* ---- before anything is changed ---- */

static int archive_check_server(const struct archive *archive, struct error *err)
{
	const struct imapc_session *session = archive->mailbox->session;
	const bool expunges = imapc_has_capability(session, "UIDPLUS");
	if (expunges || (archive->options->to != NULL && imapc_has_capability(session, "MOVE")))
		return 0;
	return error_set(err, ERROR_CONFIGURATION,
			 "%s cannot remove single messages (it has no UIDPLUS)%s: delete them with "
			 "a mail program, then `inqueue verify %s --accept-missing`",
			 archive->mailbox->server->url,
			 archive->options->to != NULL ? " and has no MOVE"
			 : imapc_has_capability(session, "MOVE")
			     ? "; it can move them (--to FOLDER)"
			     : "",
			 archive->queue->name);
}

/* Mail that is moved into a folder of the queue would be loaded anew, or be taken for a stray. */
static int archive_find_target(struct archive *archive, struct error *err)
{
	struct mailbox *mailbox = archive->mailbox;
	const char *to = archive->options->to;
	struct imapc_folder found;
	if (to == NULL)
		return 0;
	if (imapc_find_folder(mailbox->session, to, &found, err) != 0)
		return -1;
	archive->to_wire = found.wire;
	for (enum mailbox_folder i = MAILBOX_SOURCE; i < MAILBOX_FOLDER_COUNT; i++) {
		if (mailbox->folders[i].wire != NULL &&
		    imapc_is_same_folder(mailbox->session, found.wire, mailbox->folders[i].wire))
			return error_set(err, ERROR_CONFIGURATION,
					 "--to '%s' is a folder that the queue itself uses ('%s'): "
					 "name another",
					 to, mailbox_folder_name(mailbox, i));
	}
	if (found.exists || archive->options->dry_run)
		return 0;
	if (!mailbox->server->create_folders)
		return error_set(err, ERROR_CONFIGURATION,
				 "folder '%s' does not exist and createFolders=False: create it on "
				 "the server",
				 to);
	return imapc_create_parents(mailbox->session, found.wire, err) != 0 ||
		       imapc_create_folder(mailbox->session, found.wire, to, err) != 0
		   ? -1
		   : 0;
}

static bool archive_is_confirmed(const struct archive *archive)
{
	const struct archive_options *options = archive->options;
	const guint count = archive->rows->len;
	g_autoptr(GDateTime) before = g_date_time_new_from_unix_utc(options->before_ms / 1000);
	g_autofree char *day = g_date_time_format(before, "%Y-%m-%d %H:%M UTC");
	g_autofree char *what = g_strdup_printf(
	    "%s %u message%s of '%s', received before %s%s%s%s",
	    options->to != NULL ? "move" : "delete", count, count == 1 ? "" : "s",
	    archive_name(archive), day, options->to != NULL ? ", to '" : " for good",
	    options->to != NULL ? options->to : "", options->to != NULL ? "'" : "");
	return options->dry_run || count == 0 || options->confirm(what, options->context);
}

static int archive_run(struct archive *archive, struct error *err)
{
	struct mailbox *mailbox = archive->mailbox;
	struct imapc_mailbox selected;
	if (mailbox->stays)
		return error_set(err, ERROR_CONFIGURATION,
				 "the queue has no archive: its messages stay in the mailbox");
	if (!mailbox->folders[MAILBOX_DROPBOX].exists)
		return 0;
	if (archive_check_server(archive, err) != 0 || archive_find_target(archive, err) != 0 ||
	    imapc_select(mailbox->session, mailbox->folders[MAILBOX_DROPBOX].wire,
			 archive_name(archive), archive->options->dry_run, &selected, err) != 0)
		return -1;
	archive->uid_validity = selected.uid_validity;
	if (archive_list(archive, err) != 0)
		return -1;
	return archive_is_confirmed(archive) ? archive_batches(archive, err) : 0;
}

int archive_purge(struct store *store, const struct work_queue *queue,
		  const struct archive_options *options, struct archive_result *ret_result,
		  struct error *err)
{
	scoped(work_queue_unlock) struct work_queue_lock *lock = NULL;
	scoped(mailbox_close) struct mailbox *mailbox = NULL;
	g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(struct archive_row));
	*ret_result = (struct archive_result){0};
	if ((!options->dry_run && work_queue_lock(store, queue->id, &lock, err) != 0) ||
	    mailbox_confine(queue, options->database, err) != 0 ||
	    mailbox_open(queue, options->database, false, &mailbox, err) != 0 ||
	    mailbox_find_targets(mailbox, err) != 0)
		return -1;
	struct archive archive = {.store = store,
				  .queue = queue,
				  .options = options,
				  .result = ret_result,
				  .mailbox = mailbox,
				  .rows = rows};
	const int failed = archive_run(&archive, err);
	g_free(archive.to_wire);
	return failed;
}
