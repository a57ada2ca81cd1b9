#include "loader/flow/verify_internal.h"

#include "loader/base/scoped.h"
#include "loader/flow/from_queue.h"
#include "loader/flow/message_digest.h"

#include <stdlib.h>
#include <string.h>

SCOPED_DEFINE(struct mailbox *, mailbox_close)
SCOPED_DEFINE(struct work_queue_lock *, work_queue_unlock)

/* A row whose message only its bytes can tell. */
struct verify_row {
	char *source;
	uint32_t uid_validity;
	struct pickup pickup;
	enum mailbox_folder expected;
	bool superseded;
};

const char *verify_problem_format(enum verify_problem problem)
{
	static const char *const names[] = {
	    [VERIFY_UNFINISHED] = "unfinished", [VERIFY_STAYED] = "stayed",
	    [VERIFY_NO_ENTRY] = "no-entry",	[VERIFY_STRAY] = "stray",
	    [VERIFY_MISPLACED] = "misplaced",	[VERIFY_MISSING] = "missing",
	    [VERIFY_UNFOUND] = "unfound",
	};
	return names[problem];
}

const char *verify_problem_describe(enum verify_problem problem)
{
	static const char *const sentences[] = {
	    [VERIFY_UNFINISHED] = "stored, but not moved yet",
	    [VERIFY_STAYED] = "said to be moved, but still in the mailbox",
	    [VERIFY_NO_ENTRY] = "picked up, but its entry is gone",
	    [VERIFY_STRAY] = "not known: no entry came from it",
	    [VERIFY_MISPLACED] = "in the wrong folder for the state of its entry",
	    [VERIFY_MISSING] = "not there any more",
	    [VERIFY_UNFOUND] = "there, but not found by the search: no run loads it",
	};
	return sentences[problem];
}

void verify_report(struct verify *verify, enum verify_problem problem, enum mailbox_folder folder,
		   uint32_t uid, int64_t entry_id)
{
	const struct verify_finding finding = {.problem = problem,
					       .folder =
						   mailbox_folder_name(verify->mailbox, folder),
					       .uid = uid,
					       .entry_id = entry_id};
	verify->result->problems++;
	verify->options->report(&finding, verify->options->context);
}

static int compare_uids(const void *left, const void *right)
{
	uint32_t first = *(const uint32_t *)left;
	uint32_t second = *(const uint32_t *)right;
	return (first > second) - (first < second);
}

/* The message's place in the folder, or -1. */
static ssize_t verify_find(const struct verify_folder *folder, uint32_t uid)
{
	const uint32_t *found =
	    folder->count > 0 ? bsearch(&uid, folder->uids, folder->count, sizeof uid, compare_uids)
			      : NULL;
	return found != NULL ? found - folder->uids : -1;
}

static int verify_select(struct verify *verify, enum mailbox_folder which, bool read_only,
			 struct imapc_mailbox *ret_selected, struct error *err)
{
	return imapc_select(verify->mailbox->session, verify->mailbox->folders[which].wire,
			    mailbox_folder_name(verify->mailbox, which), read_only, ret_selected,
			    err);
}

/* Some of them tell of all. */
enum { VERIFY_UNFOUND_MAX = 100 };

/* Every message was searched for; the server has said how many there are. */
static void verify_report_unfound(struct verify *verify, size_t found)
{
	uint32_t messages = imapc_count_messages(verify->mailbox->session);
	for (size_t i = found; i < messages && i - found < VERIFY_UNFOUND_MAX; i++)
		verify_report(verify, VERIFY_UNFOUND, MAILBOX_SOURCE, 0, 0);
}

static int verify_list_folder(struct verify *verify, enum mailbox_folder which, struct error *err)
{
	struct verify_folder *folder = &verify->folders[which];
	struct imapc_mailbox selected;
	if (!verify->mailbox->folders[which].exists)
		return 0;
	if (verify_select(verify, which, true, &selected, err) != 0 ||
	    imapc_search(verify->mailbox->session, "ALL", &folder->uids, &folder->count, err) != 0)
		return -1;
	if (which == MAILBOX_SOURCE)
		verify_report_unfound(verify, folder->count);
	folder->uid_validity = selected.uid_validity;
	folder->known = g_new0(bool, folder->count);
	verify->result->messages += folder->count;
	return 0;
}

static enum mailbox_folder verify_target(enum pickup_target target)
{
	return target == PICKUP_DROPBOX ? MAILBOX_DROPBOX : MAILBOX_BADMAIL;
}

/* Where the message of a finished row belongs. */
static enum mailbox_folder verify_expected(const struct verify *verify,
					   const struct pickup_with_entry *row)
{
	/* After its last delivery in vain a message is in the bad-mail folder, and stays there. */
	const bool by_delivery = row->pickup.on_delivery || verify->mailbox->stays;
	if (!row->has_entry || (by_delivery && row->entry_state != ENTRY_BAD))
		return verify_target(row->pickup.target);
	return row->entry_state == ENTRY_BAD ? MAILBOX_BADMAIL : MAILBOX_DROPBOX;
}

static void verify_row_free(void *data)
{
	struct verify_row *row = data;
	g_free(row->source);
	g_free(row);
}

static void verify_rows_free(void *rows)
{
	g_queue_free_full(rows, verify_row_free);
}

static char *verify_digest_key(bool of_header, const unsigned char sha256[MESSAGE_DIGEST_SIZE])
{
	GString *key = g_string_new(of_header ? "header " : "");
	for (size_t i = 0; i < MESSAGE_DIGEST_SIZE; i++)
		g_string_append_printf(key, "%02x", sha256[i]);
	return g_string_free(key, FALSE);
}

static void verify_expect_by_digest(struct verify *verify, const struct pickup_with_entry *row)
{
	char *key = verify_digest_key(row->raw_incomplete, row->pickup.raw_sha256);
	if (row->raw_incomplete)
		g_hash_table_add(verify->whole_sizes,
				 g_memdup2(&row->whole_size, sizeof row->whole_size));
	GQueue *rows = g_hash_table_lookup(verify->by_digest, key);
	if (rows == NULL) {
		rows = g_queue_new();
		g_hash_table_insert(verify->by_digest, g_strdup(key), rows);
	}
	g_free(key);
	struct verify_row *expected = g_new(struct verify_row, 1);
	*expected = (struct verify_row){.source = g_strdup(row->source.source),
					.uid_validity = row->source.uid_validity,
					.pickup = row->pickup,
					.expected = verify_expected(verify, row),
					.superseded = row->superseded};
	/* Two rows for one message: the later one comes first. */
	if (row->superseded)
		g_queue_push_tail(rows, expected);
	else
		g_queue_push_head(rows, expected);
}

static void verify_add_move(struct verify *verify, enum mailbox_folder from, enum mailbox_folder to,
			    uint32_t uid, const char *source, uint32_t row_uid_validity,
			    const struct pickup *pickup)
{
	struct verify_move move = {.uid = uid,
				   .from = from,
				   .to = to,
				   .source = g_strdup(source),
				   .row_uid_validity = row_uid_validity};
	if (pickup != NULL)
		move.pickup = *pickup;
	g_array_append_val(verify->moves, move);
}

/* Is the copy where the ledger says; *ret_known: can that be told without its bytes. */
static bool verify_find_copy(struct verify *verify, const struct pickup_with_entry *row,
			     bool *ret_known)
{
	enum mailbox_folder where = verify_target(row->pickup.target);
	struct verify_folder *folder = &verify->folders[where];
	*ret_known =
	    row->pickup.target_uid != 0 && row->pickup.target_uid_validity == folder->uid_validity;
	ssize_t at = *ret_known ? verify_find(folder, row->pickup.target_uid) : -1;
	if (at < 0)
		return false;
	folder->known[at] = true;
	enum mailbox_folder expected = verify_expected(verify, row);
	if (expected != where) {
		verify_report(verify, VERIFY_MISPLACED, where, row->pickup.target_uid,
			      row->pickup.entry_id);
		verify_add_move(verify, where, expected, row->pickup.target_uid, row->source.source,
				row->source.uid_validity, &row->pickup);
	}
	return true;
}

/* A run did not come to note that the message has left the mailbox. */
static bool verify_is_open(const struct pickup *pickup)
{
	return pickup->state == PICKUP_STORED || pickup->state == PICKUP_COPIED;
}

/* The message is where it belongs, as a run leaves it that ends right after the move. */
static void verify_untold(struct verify *verify, enum mailbox_folder where, uint32_t uid,
			  const char *source, uint32_t row_uid_validity,
			  const struct pickup *pickup)
{
	verify_report(verify, VERIFY_UNFINISHED, MAILBOX_SOURCE, pickup->uid, pickup->entry_id);
	verify_add_move(verify, where, where, uid, source, row_uid_validity, pickup);
}

/* What became of the message is for a run of load to find out. */
static void verify_leave_to_load(struct verify *verify, const struct pickup *pickup)
{
	verify_report(verify, VERIFY_UNFINISHED, MAILBOX_SOURCE, pickup->uid, pickup->entry_id);
	verify->run_needed = true;
	verify->left_to_load++;
}

/* A row whose message is, or should be, in a target folder. */
static void verify_delivered(struct verify *verify, const struct pickup_with_entry *row)
{
	bool known;
	bool open = verify_is_open(&row->pickup);
	enum mailbox_folder where = verify_target(row->pickup.target);
	/* Nobody looks into a folder that the queue does not use any more. */
	if (verify->mailbox->stays && row->pickup.target == PICKUP_DROPBOX) {
		if (open)
			verify_leave_to_load(verify, &row->pickup);
		return;
	}
	if (verify_find_copy(verify, row, &known)) {
		if (open && verify_expected(verify, row) == where)
			verify_untold(verify, where, row->pickup.target_uid, row->source.source,
				      row->source.uid_validity, &row->pickup);
		return;
	}
	if (known)
		verify_report(verify, VERIFY_MISSING, where, row->pickup.target_uid,
			      row->pickup.entry_id);
	else
		verify_expect_by_digest(verify, row);
}

struct verify_walk {
	struct verify *verify;
	struct error *err;
};

/* A row whose message is still in the mailbox. */
static int verify_in_mailbox(struct verify *verify, const struct pickup_with_entry *row,
			     struct error *err)
{
	const struct pickup *pickup = &row->pickup;
	bool open = pickup->state == PICKUP_STORED || pickup->state == PICKUP_COPIED ||
		    pickup->state == PICKUP_AWAITING;
	enum verify_problem problem = !open		? VERIFY_STAYED
				      : !row->has_entry ? VERIFY_NO_ENTRY
							: VERIFY_UNFINISHED;
	bool known = false;
	if (pickup->state == PICKUP_AWAITING && row->has_entry)
		return 0;
	bool copied = pickup->state != PICKUP_STORED && verify_find_copy(verify, row, &known);
	verify_report(verify, problem, MAILBOX_SOURCE, pickup->uid, pickup->entry_id);
	return verify_repair_row(verify, row, problem, copied, err);
}

static int verify_row(const struct pickup_with_entry *row, void *context)
{
	struct verify_walk *walk = context;
	struct verify *verify = walk->verify;
	struct verify_folder *source = &verify->folders[MAILBOX_SOURCE];
	bool present = strcmp(row->source.source, verify->mailbox->source) == 0 &&
		       row->source.uid_validity == source->uid_validity &&
		       verify_find(source, row->pickup.uid) >= 0;
	/* A message that stayed may be moved by whoever reads the mailbox. */
	if (row->pickup.state == PICKUP_READ)
		return 0;
	/* Without UIDPLUS the original is left, flagged \Deleted: that is its rest. */
	if (present && row->pickup.state != PICKUP_LEFT)
		return verify_in_mailbox(verify, row, walk->err);
	if (row->pickup.state == PICKUP_AWAITING) {
		verify_report(verify, VERIFY_MISSING, MAILBOX_SOURCE, row->pickup.uid,
			      row->pickup.entry_id);
		return 0;
	}
	verify_delivered(verify, row);
	return 0;
}

static int verify_ledger(struct verify *verify, struct error *err)
{
	struct verify_walk walk = {verify, err};
	struct queue_error queue_err = {0};
	error_fill(err, ERROR_NONE, "%s", "");
	if (pickup_walk(verify->store, verify->queue->id, verify_row, &walk, &queue_err) == 0)
		return 0;
	return err->kind != ERROR_NONE ? -1 : error_from_queue(err, &queue_err);
}

struct verify_look {
	struct verify *verify;
	enum mailbox_folder folder;
	bool taken; /* by verify_by_header() */
};

/* Takes the row that belongs in this folder first. */
static struct verify_row *verify_take_row(GQueue *rows, enum mailbox_folder folder)
{
	for (GList *at = rows != NULL ? rows->head : NULL; at != NULL; at = at->next) {
		struct verify_row *row = at->data;
		if (row->expected == folder) {
			g_queue_delete_link(rows, at);
			return row;
		}
	}
	return rows != NULL ? g_queue_pop_head(rows) : NULL;
}

/* The row of a message of a target folder that only its bytes can tell is taken; false when there
 * is none. */
static bool verify_take(const struct verify_look *look, uint32_t uid, const char *key)
{
	struct verify *verify = look->verify;
	struct verify_row *row =
	    verify_take_row(g_hash_table_lookup(verify->by_digest, key), look->folder);
	if (row == NULL)
		return false;
	if (row->expected != look->folder) {
		verify_report(verify, VERIFY_MISPLACED, look->folder, uid, row->pickup.entry_id);
		verify_add_move(verify, look->folder, row->expected, uid, row->source,
				row->uid_validity, &row->pickup);
	} else if (verify_is_open(&row->pickup)) {
		verify_untold(verify, look->folder, uid, row->source, row->uid_validity,
			      &row->pickup);
	}
	verify_row_free(row);
	return true;
}

static int verify_by_digest(uint32_t uid, const unsigned char sha256[MESSAGE_DIGEST_SIZE],
			    void *context)
{
	const struct verify_look *look = context;
	g_autofree char *key = verify_digest_key(false, sha256);
	if (verify_take(look, uid, key))
		return 0;
	verify_report(look->verify, VERIFY_STRAY, look->folder, uid, 0);
	verify_add_move(look->verify, look->folder, MAILBOX_SOURCE, uid, NULL, 0, NULL);
	return 0;
}

static int verify_by_header(uint32_t uid, const unsigned char sha256[MESSAGE_DIGEST_SIZE],
			    void *context)
{
	struct verify_look *look = context;
	g_autofree char *key = verify_digest_key(true, sha256);
	look->taken = verify_take(look, uid, key);
	return 0;
}

/* Messages whose header tells them, being as large as one of which only that was fetched, are
 * looked at and taken out of `uids`. */
static int verify_look_at_headers(struct verify_look *look, uint32_t *uids, size_t *count,
				  struct error *err)
{
	struct imapc_session *session = look->verify->mailbox->session;
	GHashTable *whole_sizes = look->verify->whole_sizes;
	size_t kept = 0;
	if (g_hash_table_size(whole_sizes) == 0)
		return 0;
	g_autofree struct imapc_size *sizes = g_new0(struct imapc_size, *count);
	for (size_t i = 0; i < *count; i++)
		sizes[i].uid = uids[i];
	if (imapc_fetch_sizes(session, sizes, *count, err) != 0)
		return -1;
	for (size_t i = 0; i < *count; i++) {
		look->taken = false;
		if (g_hash_table_contains(whole_sizes, &sizes[i].size_bytes) &&
		    message_digest_headers(session, &sizes[i].uid, 1, verify_by_header, look,
					   err) != 0)
			return -1;
		if (!look->taken)
			uids[kept++] = sizes[i].uid;
	}
	*count = kept;
	return 0;
}

static int verify_look_into(struct verify *verify, enum mailbox_folder which, struct error *err)
{
	const struct verify_folder *folder = &verify->folders[which];
	struct verify_look look = {.verify = verify, .folder = which};
	struct imapc_mailbox selected;
	g_autofree uint32_t *unknown = g_new(uint32_t, folder->count + 1);
	size_t count = 0;
	for (size_t i = 0; i < folder->count; i++) {
		if (!folder->known[i])
			unknown[count++] = folder->uids[i];
	}
	if (count == 0)
		return 0;
	if (verify_select(verify, which, true, &selected, err) != 0 ||
	    verify_look_at_headers(&look, unknown, &count, err) != 0)
		return -1;
	return message_digest(verify->mailbox->session, unknown, count, verify_by_digest, &look,
			      err);
}

/* The mailbox was numbered afresh since: the message may be there under another number. */
static bool verify_is_renumbered(const struct verify *verify, const struct verify_row *row)
{
	return strcmp(row->source, verify->mailbox->source) != 0 ||
	       row->uid_validity != verify->folders[MAILBOX_SOURCE].uid_validity;
}

/* What the folders did not show. */
static void verify_report_missing(struct verify *verify)
{
	GHashTableIter iterator;
	gpointer rows;
	g_hash_table_iter_init(&iterator, verify->by_digest);
	while (g_hash_table_iter_next(&iterator, NULL, &rows)) {
		for (GList *at = ((GQueue *)rows)->head; at != NULL; at = at->next) {
			const struct verify_row *row = at->data;
			if (verify_is_open(&row->pickup) && verify_is_renumbered(verify, row))
				verify_leave_to_load(verify, &row->pickup);
			else if (!row->superseded)
				verify_report(verify, VERIFY_MISSING, row->expected,
					      row->pickup.target_uid, row->pickup.entry_id);
		}
	}
}

static int verify_look_at_all(struct verify *verify, struct error *err)
{
	for (enum mailbox_folder i = MAILBOX_SOURCE; i < MAILBOX_FOLDER_COUNT; i++) {
		if (verify_list_folder(verify, i, err) != 0)
			return -1;
	}
	if (verify_ledger(verify, err) != 0 ||
	    verify_look_into(verify, MAILBOX_DROPBOX, err) != 0 ||
	    verify_look_into(verify, MAILBOX_BADMAIL, err) != 0)
		return -1;
	verify_report_missing(verify);
	return verify->options->repair ? verify_repair(verify, err) : 0;
}

static void verify_move_clear(void *move)
{
	g_free(((struct verify_move *)move)->source);
}

int verify_run(struct store *store, const struct work_queue *queue,
	       const struct verify_options *options, struct verify_result *ret_result,
	       struct error *err)
{
	struct queue_error queue_err;
	scoped(work_queue_unlock) struct work_queue_lock *lock = NULL;
	scoped(mailbox_close) struct mailbox *mailbox = NULL;
	*ret_result = (struct verify_result){0};
	if (work_queue_lock(store, queue->id, &lock, &queue_err) != 0)
		return error_from_queue(err, &queue_err);
	if (mailbox_open(queue, options->database, true, &mailbox, err) != 0 ||
	    mailbox_find_targets(mailbox, err) != 0)
		return -1;
	g_autoptr(GHashTable) by_digest =
	    g_hash_table_new_full(g_str_hash, g_str_equal, g_free, verify_rows_free);
	g_autoptr(GHashTable) whole_sizes =
	    g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	g_autoptr(GArray) moves = g_array_new(FALSE, FALSE, sizeof(struct verify_move));
	g_array_set_clear_func(moves, verify_move_clear);
	struct verify verify = {.store = store,
				.queue = queue,
				.options = options,
				.result = ret_result,
				.mailbox = mailbox,
				.by_digest = by_digest,
				.whole_sizes = whole_sizes,
				.moves = moves};
	int failed = verify_look_at_all(&verify, err);
	for (size_t i = 0; i < MAILBOX_FOLDER_COUNT; i++) {
		g_free(verify.folders[i].uids);
		g_free(verify.folders[i].known);
	}
	return failed;
}
