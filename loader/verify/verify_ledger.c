/*
 * Holds each row of the ledger against the listed folders. A row whose UIDs tell where its message
 * lies is settled at once; the others wait, by the digest of their bytes, for verify_look.c to find
 * their message.
 */
#include "loader/verify/verify_internal.h"

#include "loader/base/clock.h"

#include <inttypes.h>
#include <string.h>

/* The folder that messages of a target are in. */
static enum mailbox_folder verify_target(enum pickup_target target)
{
	return target == PICKUP_DROPBOX ? MAILBOX_DROPBOX : MAILBOX_BADMAIL;
}

/* Where the message of a finished row belongs. */
static enum mailbox_folder verify_expected(const struct verify *verify,
					   const struct pickup_with_entry *row)
{
	/* After its last delivery in vain a message is in the bad-mail folder and stays there,
	 * whatever the operator makes of its entry. */
	const bool by_delivery = row->pickup.on_delivery || verify->mailbox->stays;
	if (!row->has_entry || (by_delivery && row->entry_state != ENTRY_BAD))
		return verify_target(row->pickup.target);
	return row->entry_state == ENTRY_BAD ? MAILBOX_BADMAIL : MAILBOX_DROPBOX;
}

static struct verify_row verify_row_of(const struct verify *verify,
				       const struct pickup_with_entry *row)
{
	return (struct verify_row){.source = (char *)row->source.source,
				   .uid_validity = row->source.uid_validity,
				   .pickup = row->pickup,
				   .expected = verify_expected(verify, row),
				   .has_entry = row->has_entry,
				   .superseded = row->superseded};
}

void verify_row_free(void *row)
{
	g_free(((struct verify_row *)row)->source);
	g_free(row);
}

char *verify_digest_key(bool of_header, const unsigned char sha256[32])
{
	GString *key = g_string_new(of_header ? "header " : "");
	for (size_t i = 0; i < 32; i++)
		g_string_append_printf(key, "%02x", sha256[i]);
	return g_string_free(key, FALSE);
}

static void verify_add_size(GHashTable *sizes, uint64_t size)
{
	if (!g_hash_table_contains(sizes, &size))
		g_hash_table_add(sizes, g_memdup2(&size, sizeof size));
}

/* Messages whose row does not tell their UID may be anywhere in a folder: their sizes say which to
 * read. */
static void verify_expect(struct verify *verify, const struct pickup_with_entry *from,
			  const struct verify_row *row)
{
	char *key = verify_digest_key(from->raw_incomplete, row->pickup.raw_sha256);
	if (from->raw_incomplete)
		verify_add_size(verify->whole_sizes, from->whole_size);
	if (!row->placed) {
		verify->unplaced++;
		verify_add_size(verify->sizes,
				from->raw_incomplete ? from->whole_size : row->pickup.raw_size);
	}
	GQueue *rows = g_hash_table_lookup(verify->by_digest, key);
	if (rows == NULL) {
		rows = g_queue_new();
		g_hash_table_insert(verify->by_digest, g_strdup(key), rows);
	}
	g_free(key);
	struct verify_row *expected = g_memdup2(row, sizeof *row);
	expected->source = g_strdup(row->source);
	/* Several rows for one message: the one that stands for it comes first. */
	if (row->superseded || row->original)
		g_queue_push_tail(rows, expected);
	else
		g_queue_push_head(rows, expected);
}

void verify_add_move(struct verify *verify, enum mailbox_folder from, enum mailbox_folder to,
		     uint32_t uid, const struct verify_row *row)
{
	if (!verify->options->repair)
		return;
	struct verify_move move = {.uid = uid,
				   .from = from,
				   .to = to,
				   .source = g_strdup(row->source),
				   .row_uid_validity = row->uid_validity,
				   .pickup = row->pickup};
	g_array_append_val(verify->moves, move);
}

void verify_untold(struct verify *verify, enum mailbox_folder where, uint32_t uid,
		   const struct verify_row *row)
{
	verify_report(verify, VERIFY_UNFINISHED, VERIFY_NOTE, MAILBOX_SOURCE, row->pickup.uid,
		      row->pickup.entry_id);
	verify_add_move(verify, where, where, uid, row);
}

/* True if the row's message never moved: the folder it lies in is the one it was picked up from
 * (verify_adopt.c). It may be older than the queue. */
static bool verify_was_adopted(const struct verify *verify, const struct verify_row *row,
			       enum mailbox_folder where)
{
	return row->pickup.uid == row->pickup.target_uid &&
	       row->uid_validity == row->pickup.target_uid_validity &&
	       g_str_has_prefix(row->source, verify->account) &&
	       strcmp(row->source + strlen(verify->account),
		      mailbox_folder_name(verify->mailbox, where)) == 0;
}

/* True if the copy is where the ledger says. *ret_placed: UIDs alone tell that, as the folder has
 * kept its numbering. */
static bool verify_find_copy(struct verify *verify, const struct verify_row *row, bool *ret_placed)
{
	enum mailbox_folder where = verify_target(row->pickup.target);
	struct verify_folder *folder = &verify->folders[where];
	uint32_t uid = row->pickup.target_uid;
	*ret_placed = verify_is_in(folder, &row->pickup) &&
		      row->pickup.target_uid_validity == folder->uid_validity;
	if (!*ret_placed)
		return false;
	/* The lowest UID that the queue has put there itself: its own mail is not older. */
	if (!verify_was_adopted(verify, row, where))
		folder->lowest_uid = folder->lowest_uid != 0 ? MIN(folder->lowest_uid, uid) : uid;
	ssize_t at = verify_find(folder, uid);
	if (at < 0)
		return false;
	folder->owners[at] = VERIFY_OURS;
	if (row->expected != where) {
		verify_report(verify, VERIFY_MISPLACED, VERIFY_MOVE, where, uid,
			      row->pickup.entry_id);
		verify_add_move(verify, where, row->expected, uid, row);
	}
	return true;
}

void verify_leave_to_load(struct verify *verify, const struct pickup *pickup)
{
	verify_report(verify, VERIFY_UNFINISHED, VERIFY_LOAD, MAILBOX_SOURCE, pickup->uid,
		      pickup->entry_id);
	verify->run_needed = verify->run_needed || verify_repairs(verify);
	verify->left_to_load++;
}

/* An operator has accepted that the message is gone. If it comes back, its bytes find its row. */
static void verify_accepted(struct verify *verify, const struct verify_row *row)
{
	verify->folders[row->expected].counted.accepted_as_gone++;
}

/* A row whose message is, or should be, in a target folder. */
static int verify_delivered(struct verify *verify, const struct pickup_with_entry *from)
{
	struct verify_row row = verify_row_of(verify, from);
	bool open = verify_is_open(&row.pickup);
	enum mailbox_folder where = verify_target(row.pickup.target);
	/* The queue has no dropbox any more: what lies in its old one is not looked for. */
	if (verify->mailbox->stays && row.pickup.target == PICKUP_DROPBOX) {
		if (open)
			verify_leave_to_load(verify, &row.pickup);
		return 0;
	}
	if (verify_find_copy(verify, &row, &row.placed)) {
		if (open && row.expected == where)
			verify_untold(verify, where, row.pickup.target_uid, &row);
	} else if (from->gone) {
		verify_accepted(verify, &row);
	} else {
		verify_expect(verify, from, &row);
	}
	return 0;
}

struct verify_walk {
	struct verify *verify;
	struct error *err;
};

/* A row whose message is still in the mailbox. */
static int verify_in_mailbox(struct verify *verify, const struct pickup_with_entry *from,
			     struct error *err)
{
	struct verify_row row = verify_row_of(verify, from);
	bool open = verify_is_open(&row.pickup) || row.pickup.state == PICKUP_AWAITING;
	enum verify_problem problem = !open		 ? VERIFY_STAYED
				      : !from->has_entry ? VERIFY_NO_ENTRY
							 : VERIFY_UNFINISHED;
	if (row.pickup.state == PICKUP_AWAITING && from->has_entry)
		return 0;
	bool copied =
	    row.pickup.state != PICKUP_STORED && verify_find_copy(verify, &row, &row.placed);
	if (!copied) {
		row.original = true;
		verify_expect(verify, from, &row);
	}
	verify_report(verify, problem, VERIFY_LOAD, MAILBOX_SOURCE, row.pickup.uid,
		      row.pickup.entry_id);
	return verify_repair_row(verify, from, problem, copied, err);
}

static bool verify_find_original(struct verify *verify, const struct pickup_with_entry *row)
{
	struct verify_folder *source = &verify->folders[MAILBOX_SOURCE];
	if (strcmp(row->source.source, verify->mailbox->source) != 0 ||
	    row->source.uid_validity != source->uid_validity)
		return false;
	ssize_t at = verify_find(source, row->pickup.uid);
	if (at >= 0)
		source->owners[at] = VERIFY_OURS;
	return at >= 0;
}

static int verify_row(const struct pickup_with_entry *row, void *context)
{
	struct verify_walk *walk = context;
	struct verify *verify = walk->verify;
	bool in_mailbox = verify_find_original(verify, row);
	/* A finished message that stays in the mailbox may be moved or deleted by people, and is
	 * not missed. */
	if (row->pickup.state == PICKUP_READ)
		return 0;
	/* On a server without UIDPLUS the original stays for good, flagged \Deleted. */
	if (row->pickup.state != PICKUP_LEFT && in_mailbox)
		return verify_in_mailbox(verify, row, walk->err);
	if (row->pickup.state != PICKUP_AWAITING)
		return verify_delivered(verify, row);
	const struct verify_row waiting = {.source = (char *)row->source.source,
					   .uid_validity = row->source.uid_validity,
					   .pickup = row->pickup,
					   .expected = MAILBOX_SOURCE,
					   .has_entry = row->has_entry};
	if (!row->gone)
		return verify_miss(verify, &waiting, walk->err);
	verify_accepted(verify, &waiting);
	return 0;
}

int verify_ledger(struct verify *verify, struct error *err)
{
	struct verify_walk walk = {verify, err};
	return pickup_walk(verify->store, verify->queue->id, verify_row, &walk, err);
}

static int verify_accept(struct verify *verify, const struct verify_row *row, struct error *err)
{
	const struct pickup_source source = {.queue_id = verify->queue->id,
					     .source = row->source,
					     .uid_validity = row->uid_validity};
	g_autofree char *note =
	    g_strdup_printf("its message is not in '%s' any more, which was accepted",
			    mailbox_folder_name(verify->mailbox, row->expected));
	if (pickup_accept_gone(verify->store, &source, row->pickup.uid,
			       row->has_entry ? row->pickup.entry_id : 0, verify->options->who,
			       note, clock_now_ms(), err) != 0)
		return -1;
	verify->result->repaired++;
	verify_accepted(verify, row);
	return 0;
}

int verify_miss(struct verify *verify, const struct verify_row *row, struct error *err)
{
	const struct verify_options *options = verify->options;
	const bool waits = row->expected == MAILBOX_SOURCE;
	const uint32_t target_uid = row->placed ? row->pickup.target_uid : 0;
	verify_report_finding(
	    verify, (struct verify_finding){
			.problem = VERIFY_MISSING,
			.remedy = options->accept_missing ? VERIFY_ACCEPT : VERIFY_NOTHING,
			.folder = mailbox_folder_name(verify->mailbox, row->expected),
			.uid = waits ? row->pickup.uid : target_uid,
			.entry_id = row->pickup.entry_id});
	return options->accept_missing && !options->dry_run ? verify_accept(verify, row, err) : 0;
}
