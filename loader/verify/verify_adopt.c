/*
 * Makes entries of strays. A stray stays where it is: its entry and its row of the ledger, which
 * names the folder it lies in as the one it was picked up from, are committed together, so that
 * nothing is half done whenever it ends. Only one that cannot be loaded moves afterwards.
 */
#include "loader/verify/verify_internal.h"

#include "loader/base/clock.h"
#include "loader/load/load_internal.h"
#include "queue/base/scoped.h"

#include <inttypes.h>
#include <string.h>

struct verify_adoption {
	struct verify *verify;
	struct load load;
	enum mailbox_folder folder;
	const struct verify_stray *stray;
	struct pickup pickup; /* its row */
};

static int verify_compare_strays(const void *left, const void *right)
{
	const struct verify_stray *first = left;
	const struct verify_stray *second = right;
	if (first->folder != second->folder)
		return first->folder < second->folder ? -1 : 1;
	return (first->uid > second->uid) - (first->uid < second->uid);
}

/* "3 messages of 'DROPBOX', received from … to …". Caller frees. */
static char *verify_describe_strays(const struct verify *verify)
{
	uint64_t counts[MAILBOX_FOLDER_COUNT] = {0};
	int64_t oldest_s = INT64_MAX;
	int64_t newest_s = INT64_MIN;
	char oldest[CLOCK_TEXT_SIZE];
	char newest[CLOCK_TEXT_SIZE];
	GString *text = g_string_new(NULL);
	for (guint i = 0; i < verify->strays->len; i++) {
		const struct verify_stray *stray =
		    &g_array_index(verify->strays, struct verify_stray, i);
		counts[stray->folder]++;
		oldest_s = MIN(oldest_s, stray->date_s);
		newest_s = MAX(newest_s, stray->date_s);
	}
	for (enum mailbox_folder i = MAILBOX_DROPBOX; i <= MAILBOX_BADMAIL; i++)
		if (counts[i] > 0)
			g_string_append_printf(text, "%s%" PRIu64 " message%s of '%s'",
					       text->len > 0 ? " and " : "", counts[i],
					       counts[i] == 1 ? "" : "s",
					       mailbox_folder_name(verify->mailbox, i));
	clock_format_s(oldest_s, oldest);
	clock_format_s(newest_s, newest);
	g_string_append_printf(text, ", received from %s to %s", oldest, newest);
	return g_string_free(text, FALSE);
}

static bool verify_has_strays(const struct verify *verify, enum mailbox_folder which)
{
	for (guint i = 0; i < verify->strays->len; i++)
		if (g_array_index(verify->strays, struct verify_stray, i).folder == which)
			return true;
	return false;
}

static int verify_check_folders(struct verify *verify, struct error *err)
{
	for (enum mailbox_folder i = MAILBOX_DROPBOX; i <= MAILBOX_BADMAIL; i++)
		if (verify_has_strays(verify, i) && verify_owner_check_adopt(verify, i, err) != 0)
			return -1;
	return 0;
}

static int verify_fetch_stray(struct verify_adoption *adoption, struct load_batch *batch,
			      struct error *err)
{
	struct load *load = &adoption->load;
	const char *folder = mailbox_folder_name(load->mailbox, adoption->folder);
	struct imapc_size size = {.uid = adoption->stray->uid};
	if (load_batch_begin(batch, err) != 0)
		return -1;
	parser_begin(batch->parser);
	if (imapc_fetch_sizes(load->mailbox->session, &size, 1, err) != 0)
		return -1;
	if (size.size_bytes == UINT64_MAX)
		return error_set(err, ERROR_NO, "UID %u is not in '%s' any more", size.uid, folder);
	if (load_fetch(load, batch, &size, 1, err) != 0)
		return -1;
	if (batch->items->len == 0 ||
	    (g_array_index(batch->items, struct load_item, 0).size_bytes == 0 &&
	     size.size_bytes > 0))
		return error_set(err, ERROR_PROTOCOL, "the server did not send UID %u of '%s'",
				 size.uid, folder);
	if (load_batch_hash(batch, err) != 0)
		return -1;
	return parser_finish(batch->parser, err);
}

static int verify_put_stray(struct load *load, const struct entry *entry,
			    const struct entry_contents *contents, void *context, struct error *err)
{
	struct verify_adoption *adoption = context;
	int64_t now_ms = clock_now_ms();
	if (store_begin(load->store, err) != 0)
		return -1;
	if (entry_put(load->store, entry, contents, now_ms, &adoption->pickup.entry_id, err) != 0 ||
	    pickup_put(load->store, &load->source, &adoption->pickup, now_ms, err) != 0) {
		store_rollback(load->store);
		return -1;
	}
	return store_commit(load->store, err) != 0 ? -1 : 0;
}

/* As for mail that a run has loaded, whatever the state of its entry says then about the folder. */
static void verify_place_stray(const struct verify_adoption *adoption, bool bad)
{
	struct verify *verify = adoption->verify;
	enum mailbox_folder belongs = bad ? MAILBOX_BADMAIL : MAILBOX_DROPBOX;
	verify->result->repaired++;
	if (belongs == adoption->folder || (verify->mailbox->stays && !bad))
		return;
	const struct verify_move move = {.uid = adoption->pickup.uid,
					 .from = adoption->folder,
					 .to = belongs,
					 .source = g_strdup(adoption->load.source.source),
					 .row_uid_validity = adoption->load.source.uid_validity,
					 .pickup = adoption->pickup,
					 .adopted = true};
	g_array_append_val(verify->moves, move);
}

static int verify_adopt_stray(struct verify_adoption *adoption, struct load_batch *batch,
			      struct error *err)
{
	bool bad;
	struct load *load = &adoption->load;
	const struct verify_folder *folder = &adoption->verify->folders[adoption->folder];
	if (verify_fetch_stray(adoption, batch, err) != 0)
		return -1;
	const struct load_item *item = &g_array_index(batch->items, struct load_item, 0);
	adoption->pickup = (struct pickup){
	    .uid = item->uid,
	    .state = PICKUP_MOVED,
	    .target = adoption->folder == MAILBOX_BADMAIL ? PICKUP_BADMAIL : PICKUP_DROPBOX,
	    .raw_size = item->size_bytes,
	    .internal_date_s = item->internal_date_s,
	    .target_uid_validity = folder->uid_validity,
	    .target_uid = item->uid};
	memcpy(adoption->pickup.raw_sha256, item->raw_sha256, sizeof item->raw_sha256);
	if (load_make_entry(load, batch, item, verify_put_stray, adoption, &bad, err) != 0)
		return -1;
	verify_place_stray(adoption, bad);
	return 0;
}

/* One message never keeps the next, unless the server or this machine is the trouble. */
static bool verify_goes_on(const struct verify_adoption *adoption, const struct error *failure)
{
	return imapc_is_alive(adoption->load.mailbox->session) &&
	       (failure->kind == ERROR_NO || failure->kind == ERROR_PROTOCOL ||
		failure->kind == ERROR_DATA || failure->kind == ERROR_SOFTWARE);
}

static int verify_adopt_all(struct verify_adoption *adoption, struct load_batch *batch,
			    struct error *err)
{
	const GArray *strays = adoption->verify->strays;
	for (guint i = 0; i < strays->len; i++) {
		adoption->stray = &g_array_index(strays, struct verify_stray, i);
		if (adoption->stray->folder != adoption->folder ||
		    verify_adopt_stray(adoption, batch, err) == 0)
			continue;
		if (!verify_goes_on(adoption, err))
			return -1;
		if (adoption->verify->not_adopted++ == 0)
			adoption->verify->why_not = *err;
	}
	return 0;
}

static void verify_adopt_progress(const struct load_progress *progress, void *context)
{
	(void)progress;
	(void)context;
}

static int verify_adopt_folder(struct verify *verify, enum mailbox_folder which, struct error *err)
{
	const struct load_options options = {.database = verify->options->database,
					     .progress = verify_adopt_progress};
	struct load_result result = {0};
	struct imapc_mailbox selected;
	g_autofree char *source =
	    g_strconcat(verify->account, mailbox_folder_name(verify->mailbox, which), NULL);
	struct verify_adoption adoption = {
	    .verify = verify,
	    .folder = which,
	    .load = {.store = verify->store,
		     .queue = verify->queue,
		     .options = &options,
		     .mailbox = verify->mailbox,
		     .result = &result,
		     .source = {verify->queue->id, source, verify->folders[which].uid_validity}}};
	struct load_batch *batch = &adoption.load.batches[LOAD_BATCH_LARGE];
	if (verify_select(verify, which, &selected, err) != 0)
		return -1;
	int failed = load_batch_open(&adoption.load, true, batch, err);
	if (failed == 0)
		failed = verify_adopt_all(&adoption, batch, err);
	load_batch_close(batch);
	return failed;
}

int verify_adopt(struct verify *verify, struct error *err)
{
	if (verify->strays->len == 0)
		return 0;
	g_array_sort(verify->strays, verify_compare_strays);
	if (verify_check_folders(verify, err) != 0)
		return -1;
	g_autofree char *what = verify_describe_strays(verify);
	if (!verify->options->confirm(what, verify->options->context) || verify->options->dry_run)
		return 0;
	for (enum mailbox_folder i = MAILBOX_DROPBOX; i <= MAILBOX_BADMAIL; i++)
		if (verify_has_strays(verify, i) && verify_adopt_folder(verify, i, err) != 0)
			return -1;
	return 0;
}

int verify_adopt_verdict(const struct verify *verify, struct error *err)
{
	if (verify->not_adopted == 0)
		return 0;
	*err = verify->why_not;
	return error_prefix(err, "%" PRIu64 " messages could not be adopted, the first because",
			    verify->not_adopted);
}
