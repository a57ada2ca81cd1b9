/*
 * Makes entries of strays. A stray stays where it is: its entry and its row of the ledger, which
 * names the folder it lies in as the one it was picked up from, are committed together, so that
 * nothing is half done whenever the program ends. A stray that cannot be loaded becomes a bad entry
 * and moves afterwards.
 */
#include "loader/verify/verify_internal.h"

#include "loader/base/clock.h"
#include "loader/load/load.h"
#include "queue/base/scoped.h"

#include <inttypes.h>
#include <string.h>

struct verify_adoption {
	struct verify *verify;
	struct load_single *single;
	enum mailbox_folder folder;
	struct pickup_source source; /* the folder, as one that mail is picked up from */
	struct pickup pickup;	     /* the row of the stray at hand */
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
		if (stray->date_s == 0)
			continue;
		oldest_s = MIN(oldest_s, stray->date_s);
		newest_s = MAX(newest_s, stray->date_s);
	}
	for (enum mailbox_folder i = MAILBOX_DROPBOX; i <= MAILBOX_BADMAIL; i++)
		if (counts[i] > 0)
			g_string_append_printf(text, "%s%" PRIu64 " message%s of '%s'",
					       text->len > 0 ? " and " : "", counts[i],
					       counts[i] == 1 ? "" : "s",
					       mailbox_folder_name(verify->mailbox, i));
	if (newest_s < oldest_s) {
		g_string_append(text, ", of which the server gives no date");
		return g_string_free(text, FALSE);
	}
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

/* Before the operator is asked, and before the first entry. */
static int verify_check_folders(struct verify *verify, struct error *err)
{
	for (enum mailbox_folder i = MAILBOX_DROPBOX; i <= MAILBOX_BADMAIL; i++)
		if (verify_has_strays(verify, i) && verify_owner_check_adopt(verify, i, err) != 0)
			return -1;
	return 0;
}

/* The row says `moved`: the next run has nothing to do with the message. */
static int verify_put_stray(const struct entry *entry, const struct entry_contents *contents,
			    void *context, struct error *err)
{
	struct verify_adoption *adoption = context;
	struct store *store = adoption->verify->store;
	int64_t now_ms = clock_now_ms();
	if (store_begin(store, err) != 0)
		return -1;
	if (entry_put(store, entry, contents, now_ms, &adoption->pickup.entry_id, err) != 0 ||
	    pickup_put(store, &adoption->source, &adoption->pickup, now_ms, err) != 0) {
		store_rollback(store);
		return -1;
	}
	return store_commit(store, err) != 0 ? -1 : 0;
}

/* Has a misplaced message moved to where a run would have put it: a bad one that lies in the
 * archive folder, or a good one that lies in the bad-mail folder. */
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
					 .source = g_strdup(adoption->source.source),
					 .row_uid_validity = adoption->source.uid_validity,
					 .pickup = adoption->pickup,
					 .adopted = true};
	g_array_append_val(verify->moves, move);
}

static int verify_adopt_stray(struct verify_adoption *adoption, uint32_t uid, struct error *err)
{
	bool bad;
	struct verify *verify = adoption->verify;
	struct load_single_facts facts;
	if (load_single_fetch(adoption->single,
			      mailbox_folder_name(verify->mailbox, adoption->folder), uid, &facts,
			      err) != 0)
		return -1;
	adoption->pickup = (struct pickup){
	    .uid = facts.uid,
	    .state = PICKUP_MOVED,
	    .target = adoption->folder == MAILBOX_BADMAIL ? PICKUP_BADMAIL : PICKUP_DROPBOX,
	    .raw_size = facts.size_bytes,
	    .internal_date_s = facts.internal_date_s,
	    .target_folder = verify->folders[adoption->folder].noted.number,
	    .target_uid_validity = verify->folders[adoption->folder].uid_validity,
	    .target_uid = facts.uid};
	memcpy(adoption->pickup.raw_sha256, facts.raw_sha256, sizeof facts.raw_sha256);
	if (load_single_make(adoption->single, facts.internal_date_s, verify_put_stray, adoption,
			     &bad, err) != 0)
		return -1;
	verify_place_stray(adoption, bad);
	return 0;
}

/* True if the failure is about one message; a lost connection or a full disk would fail the next
 * ones, too. */
static bool verify_goes_on(const struct verify_adoption *adoption, const struct error *failure)
{
	return imapc_is_alive(adoption->verify->mailbox->session) &&
	       (failure->kind == ERROR_NO || failure->kind == ERROR_PROTOCOL ||
		failure->kind == ERROR_DATA || failure->kind == ERROR_SOFTWARE);
}

static int verify_adopt_all(struct verify_adoption *adoption, struct error *err)
{
	const GArray *strays = adoption->verify->strays;
	for (guint i = 0; i < strays->len; i++) {
		const struct verify_stray *stray = &g_array_index(strays, struct verify_stray, i);
		if (stray->folder != adoption->folder ||
		    verify_adopt_stray(adoption, stray->uid, err) == 0)
			continue;
		if (!verify_goes_on(adoption, err))
			return -1;
		if (adoption->verify->not_adopted++ == 0)
			adoption->verify->why_not = *err;
	}
	return 0;
}

static int verify_adopt_folder(struct verify *verify, enum mailbox_folder which, struct error *err)
{
	struct imapc_mailbox selected;
	scoped(load_single_close) struct load_single *single = NULL;
	g_autofree char *source =
	    g_strconcat(verify->account, mailbox_folder_name(verify->mailbox, which), NULL);
	if (verify_select(verify, which, &selected, err) != 0 ||
	    load_single_open(verify->store, verify->queue, verify->mailbox,
			     verify->options->database, &single, err) != 0)
		return -1;
	struct verify_adoption adoption = {
	    .verify = verify,
	    .single = single,
	    .folder = which,
	    .source = {verify->queue->id, source, verify->folders[which].uid_validity}};
	return verify_adopt_all(&adoption, err);
}

int verify_adopt(struct verify *verify, struct error *err)
{
	if (verify->strays->len == 0)
		return 0;
	g_array_sort(verify->strays, verify_compare_strays);
	if (verify_check_folders(verify, err) != 0)
		return -1;
	g_autofree char *what = verify_describe_strays(verify);
	/* An operator who has mistaken the folder sees it here. */
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
