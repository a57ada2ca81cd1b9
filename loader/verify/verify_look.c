/*
 * Tells messages of the target folders by their bytes, where UIDs do not: which row stands for one,
 * or that none does. Fetching is dear, so sizes are asked for first: old mail is read only if it is
 * as large as a message that is looked for.
 */
#include "loader/verify/verify_internal.h"

#include "loader/imap/names/uid_set.h"
#include "loader/imap/session/session.h"
#include "loader/source/search.h"

#include <string.h>

enum { VERIFY_WINDOW = 1000 }; /* messages whose sizes are asked for at once */

struct verify_look {
	struct verify *verify;
	enum mailbox_folder folder;
	bool of_header;
	bool taken;	  /* by its header */
	uint32_t *wanted; /* what --search has found, ascending; NULL: it was not given */
	size_t wanted_count;
	struct error *err; /* of the ledger */
	bool failed;
};

static struct verify_folder *verify_look_folder(const struct verify_look *look)
{
	return &look->verify->folders[look->folder];
}

static int64_t verify_since_s(const struct verify_look *look)
{
	return look->verify->options->since_ms / 1000;
}

/* The row of a message that is still in the mailbox waits for a copy that a run has not noted: one
 * with the same bytes, size and date. */
static bool verify_row_fits(const struct verify_row *row, const struct verify_facts *facts)
{
	return !row->original || (row->pickup.raw_size == facts->raw_size &&
				  row->pickup.internal_date_s == facts->internal_date_s);
}

/* Several rows may have the same bytes; one whose message belongs in this folder is taken first. */
static struct verify_row *verify_take_row(GQueue *rows, enum mailbox_folder folder,
					  const struct verify_facts *facts)
{
	GList *best = NULL;
	for (GList *at = rows != NULL ? rows->head : NULL; at != NULL; at = at->next) {
		const struct verify_row *row = at->data;
		if (!verify_row_fits(row, facts))
			continue;
		if (best == NULL || row->expected == folder)
			best = at;
		if (row->expected == folder)
			break;
	}
	if (best == NULL)
		return NULL;
	struct verify_row *row = best->data;
	g_queue_delete_link(rows, best);
	return row;
}

/* Finds the row of a message and settles it; false when there is none. */
static bool verify_take(const struct verify_look *look, const struct verify_facts *facts)
{
	struct verify *verify = look->verify;
	g_autofree char *key = verify_digest_key(facts->of_header, facts->raw_sha256);
	struct verify_row *row =
	    verify_take_row(g_hash_table_lookup(verify->by_digest, key), look->folder, facts);
	if (row == NULL)
		return false;
	/* Where the original is there too, a run of load finds its copy. */
	if (row->original) {
		verify_row_free(row);
		return true;
	}
	if (row->expected != look->folder) {
		verify_report(verify, VERIFY_MISPLACED, VERIFY_MOVE, look->folder, facts->uid,
			      row->pickup.entry_id);
		verify_add_move(verify, look->folder, row->expected, facts->uid, row);
	} else if (verify_is_open(&row->pickup)) {
		verify_untold(verify, look->folder, facts->uid, row);
	}
	verify_row_free(row);
	return true;
}

/* True if the operator wants the stray as an entry. */
static bool verify_is_wanted(const struct verify_look *look, const struct verify_facts *facts)
{
	const struct verify_options *options = look->verify->options;
	if (!options->adopt || facts->internal_date_s < verify_since_s(look))
		return false;
	if (options->search == NULL)
		return true;
	return uid_is_among(look->wanted, look->wanted_count, facts->uid);
}

static void verify_found_stray(const struct verify_look *look, const struct verify_facts *facts)
{
	struct verify *verify = look->verify;
	bool wanted = verify_is_wanted(look, facts);
	verify_look_folder(look)->counted.strays++;
	verify_report_finding(
	    verify,
	    (struct verify_finding){.problem = VERIFY_STRAY,
				    .remedy = wanted ? VERIFY_ADOPT : VERIFY_NOTHING,
				    .folder = mailbox_folder_name(verify->mailbox, look->folder),
				    .uid = facts->uid,
				    .date_received = facts->internal_date_s});
	if (!wanted)
		return;
	const struct verify_stray stray = {
	    .uid = facts->uid, .folder = look->folder, .date_s = facts->internal_date_s};
	g_array_append_val(verify->strays, stray);
}

/* True unless the message is known to have come after the queue's first use of the folder. Where
 * the first use is not known, the operator's --since says what came after it. */
static bool verify_was_before(const struct verify_look *look, const struct verify_facts *facts)
{
	const struct verify_folder *folder = verify_look_folder(look);
	if (folder->counted.first_uid != 0)
		return facts->uid < folder->counted.first_uid;
	return look->verify->options->since_ms == 0 || !verify_is_wanted(look, facts);
}

static void verify_found_own(const struct verify_look *look, const struct verify_facts *facts,
			     enum pickup_own own, int64_t entry_id)
{
	struct verify_folder_count *counted = &verify_look_folder(look)->counted;
	/* It was accepted as gone, and is there again. */
	if (own == PICKUP_OWN_GONE) {
		counted->known++;
		return;
	}
	counted->duplicates++;
	verify_report(look->verify, VERIFY_DUPLICATE, VERIFY_NOTHING, look->folder, facts->uid,
		      entry_id);
}

/* Judges a message whose bytes no row waits for. */
static int verify_judge(struct verify_look *look, const struct verify_facts *facts)
{
	struct verify_folder_count *counted = &verify_look_folder(look)->counted;
	bool others;
	enum pickup_own own;
	int64_t entry_id;
	if (verify_owner_of_bytes(look->verify, look->folder, facts, &others, &own, &entry_id,
				  look->err) != 0)
		return -1;
	if (own == PICKUP_OWN_NONE && others)
		counted->of_other_queues++;
	else if (verify_was_before(look, facts))
		counted->before_first_use++;
	else if (own != PICKUP_OWN_NONE)
		verify_found_own(look, facts, own, entry_id);
	else
		verify_found_stray(look, facts);
	return 0;
}

static int verify_each(const struct body_facts *found, void *context)
{
	struct verify_look *look = context;
	struct verify_facts facts = {.uid = found->uid,
				     .of_header = look->of_header,
				     .raw_size = found->size_bytes,
				     .internal_date_s = found->internal_date_s};
	memcpy(facts.raw_sha256, found->sha256, sizeof facts.raw_sha256);
	if (verify_take(look, &facts)) {
		verify_look_folder(look)->counted.known++;
		/* A header that has been recognised spares the body. */
		look->taken = true;
		return 0;
	}
	if (look->of_header) {
		bool others;
		enum pickup_own own;
		int64_t ignored;
		look->failed = verify_owner_of_bytes(look->verify, look->folder, &facts, &others,
						     &own, &ignored, look->err) != 0;
		look->taken = !look->failed && others;
		verify_look_folder(look)->counted.of_other_queues += look->taken;
	} else {
		look->failed = verify_judge(look, &facts) != 0;
	}
	return look->failed ? -1 : 0;
}

static int verify_fetch(struct verify_look *look, const uint32_t *uids, size_t count,
			bool of_header, struct error *err)
{
	struct error fetch_err;
	look->of_header = of_header;
	if (body_digest(look->verify->mailbox->session, uids, count,
			of_header ? BODY_DIGEST_HEADER_MAX : 0, verify_each, look, &fetch_err) == 0)
		return 0;
	/* If the ledger failed in the middle, the fetch failed because of that. */
	if (!look->failed)
		*err = fetch_err;
	return -1;
}

/* The first `count` of `uids` become those for which `keep` holds, by their sizes. */
static int verify_filter(struct verify_look *look, uint32_t *uids, size_t *count,
			 int (*keep)(struct verify_look *look, const struct imapc_size *size,
				     bool *ret_keep, struct error *err),
			 struct error *err)
{
	struct imapc_size sizes[VERIFY_WINDOW];
	size_t kept = 0;
	for (size_t done = 0, length; done < *count; done += length) {
		length = MIN(*count - done, (size_t)VERIFY_WINDOW);
		for (size_t i = 0; i < length; i++)
			sizes[i] = (struct imapc_size){.uid = uids[done + i]};
		if (imapc_fetch_sizes(look->verify->mailbox->session, sizes, length, err) != 0)
			return -1;
		for (size_t i = 0; i < length; i++) {
			bool keeps;
			if (keep(look, &sizes[i], &keeps, err) != 0)
				return -1;
			if (keeps)
				uids[kept++] = sizes[i].uid;
		}
	}
	*count = kept;
	return 0;
}

/* Of a message that was too large only the header was fetched, and only its digest is known. A
 * message of the same size is looked at by its header; if that tells it, its body is not
 * fetched. */
static int verify_look_at_header(struct verify_look *look, const struct imapc_size *size,
				 bool *ret_keep, struct error *err)
{
	look->taken = false;
	if (g_hash_table_contains(look->verify->whole_sizes, &size->size_bytes) &&
	    verify_fetch(look, &size->uid, 1, true, err) != 0)
		return -1;
	*ret_keep = !look->taken;
	return 0;
}

/* True if the message is as large as one that may lie anywhere. */
static int verify_may_be_ours(struct verify_look *look, const struct imapc_size *size,
			      bool *ret_keep, struct error *err)
{
	(void)err;
	*ret_keep = g_hash_table_contains(look->verify->sizes, &size->size_bytes);
	return 0;
}

/* Reads messages, or their headers, and judges them. */
static int verify_read(struct verify_look *look, uint32_t *uids, size_t count, struct error *err)
{
	if (g_hash_table_size(look->verify->whole_sizes) > 0 &&
	    verify_filter(look, uids, &count, verify_look_at_header, err) != 0)
		return -1;
	return verify_fetch(look, uids, count, false, err);
}

/* Where it is not known since when the queue uses the folder, those that --since may mean. */
static int verify_find_since(struct verify_look *look, uint32_t **ret_uids, size_t *ret_count,
			     struct error *err)
{
	const struct verify_options *options = look->verify->options;
	*ret_uids = NULL;
	*ret_count = 0;
	if (!options->adopt || options->since_ms == 0 ||
	    verify_look_folder(look)->counted.first_uid != 0)
		return 0;
	g_autofree char *criteria = search_format_since(verify_since_s(look));
	return imapc_search(look->verify->mailbox->session, criteria, ret_uids, ret_count, err);
}

/* Of the messages that came to the folder before its first use, or may have, picks those that have
 * to be read: `uids` become these. The rest is mostly old mail, perhaps a hundred thousand
 * messages. */
static int verify_pick_old(struct verify_look *look, uint32_t *uids, size_t *count,
			   struct error *err)
{
	size_t all = *count;
	g_autofree uint32_t *since = NULL;
	g_autofree uint32_t *ours = g_memdup2(uids, (all + 1) * sizeof *uids);
	size_t since_count;
	size_t ours_count = look->verify->unplaced > 0 ? all : 0;
	size_t kept = 0;
	if (verify_find_since(look, &since, &since_count, err) != 0 ||
	    verify_filter(look, ours, &ours_count, verify_may_be_ours, err) != 0)
		return -1;
	for (size_t i = 0; i < all; i++) {
		if (uid_is_among(since, since_count, uids[i]) ||
		    uid_is_among(ours, ours_count, uids[i]))
			uids[kept++] = uids[i];
	}
	*count = kept;
	verify_look_folder(look)->counted.before_first_use += all - kept;
	return 0;
}

/* Once for each folder: the server searches, and no message has to be read for it. */
static int verify_find_wanted(struct verify_look *look, struct error *err)
{
	const struct verify_options *options = look->verify->options;
	if (!options->adopt || options->search == NULL)
		return 0;
	return imapc_search(look->verify->mailbox->session, options->search, &look->wanted,
			    &look->wanted_count, err);
}

/* Looks at what neither the ledger nor other queues know by UID. `uids` ascend, so mail from before
 * the first use comes first. It is read last: the first message with its bytes takes a row, and
 * that must be one that came since. */
static int verify_look_at(struct verify_look *look, uint32_t *uids, size_t count, struct error *err)
{
	uint32_t first_uid = verify_look_folder(look)->counted.first_uid;
	size_t old = 0;
	while (old < count && (first_uid == 0 || uids[old] < first_uid))
		old++;
	uint32_t *since = uids + old;
	size_t since_count = count - old;
	if (verify_find_wanted(look, err) != 0 || verify_pick_old(look, uids, &old, err) != 0)
		return -1;
	return verify_read(look, since, since_count, err) != 0 ? -1
							       : verify_read(look, uids, old, err);
}

int verify_look_into(struct verify *verify, enum mailbox_folder which, struct error *err)
{
	const struct verify_folder *folder = &verify->folders[which];
	struct verify_look look = {.verify = verify, .folder = which, .err = err};
	struct imapc_mailbox selected;
	g_autofree uint32_t *unknown = g_new(uint32_t, folder->count + 1);
	size_t count = 0;
	for (size_t i = 0; i < folder->count; i++) {
		if (folder->owners[i] == VERIFY_UNKNOWN)
			unknown[count++] = folder->uids[i];
	}
	if (count == 0)
		return 0;
	int failed = verify_select(verify, which, &selected, err);
	if (failed == 0)
		failed = verify_look_at(&look, unknown, count, err);
	g_free(look.wanted);
	return failed;
}

/* True if the mailbox was numbered afresh since: the message may be there under another UID. */
static bool verify_is_renumbered(const struct verify *verify, const struct verify_row *row)
{
	return strcmp(row->source, verify->mailbox->source) != 0 ||
	       row->uid_validity != verify->folders[MAILBOX_SOURCE].uid_validity;
}

static int verify_settle_row(struct verify *verify, const struct verify_row *row, struct error *err)
{
	if (row->original)
		return 0;
	if (verify_is_open(&row->pickup) && verify_is_renumbered(verify, row)) {
		verify_leave_to_load(verify, &row->pickup);
		return 0;
	}
	bool taken;
	if (row->superseded)
		return 0;
	if (verify_owner_took(verify, row, &taken, err) != 0)
		return -1;
	return taken ? 0 : verify_miss(verify, row, err);
}

int verify_look_missing(struct verify *verify, struct error *err)
{
	GHashTableIter iterator;
	gpointer rows;
	g_hash_table_iter_init(&iterator, verify->by_digest);
	while (g_hash_table_iter_next(&iterator, NULL, &rows)) {
		for (GList *at = ((GQueue *)rows)->head; at != NULL; at = at->next)
			if (verify_settle_row(verify, at->data, err) != 0)
				return -1;
	}
	return 0;
}
