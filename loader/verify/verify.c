/*
 * Goes through a verification: lists the three folders, lets verify_ledger.c, verify_owner.c and
 * verify_look.c judge each message, reports and counts, and then has repaired and adopted what the
 * options say. All of it happens under the queue's lock, so that no run changes anything meanwhile.
 */
#include "loader/verify/verify_internal.h"

#include "loader/imap/names/uid_set.h"
#include "loader/parse/parser.h"
#include "loader/parse/spool.h"
#include "queue/base/scoped.h"

#include <stdlib.h>

/* Programs go by these words, which stand in the JSON; people read the sentences below. */
const char *verify_problem_format(enum verify_problem problem)
{
	static const char *const names[] = {
	    [VERIFY_UNFINISHED] = "unfinished", [VERIFY_STAYED] = "stayed",
	    [VERIFY_NO_ENTRY] = "no-entry",	[VERIFY_STRAY] = "stray",
	    [VERIFY_DUPLICATE] = "duplicate",	[VERIFY_MISPLACED] = "misplaced",
	    [VERIFY_MISSING] = "missing",	[VERIFY_UNFOUND] = "unfound",
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
	    [VERIFY_DUPLICATE] = "one more copy of a message that has its entry",
	    [VERIFY_MISPLACED] = "in the wrong folder for the state of its entry",
	    [VERIFY_MISSING] = "not there any more",
	    [VERIFY_UNFOUND] = "there, but not found by the search: no run loads it",
	};
	return sentences[problem];
}

const char *verify_remedy_format(enum verify_remedy remedy)
{
	static const char *const names[] = {
	    [VERIFY_NOTHING] = NULL, [VERIFY_MOVE] = "move",   [VERIFY_NOTE] = "note",
	    [VERIFY_LOAD] = "load",  [VERIFY_ADOPT] = "adopt", [VERIFY_ACCEPT] = "accept",
	};
	return names[remedy];
}

/* Messages that are missing, and strays, are counted by themselves: they have options of their own
 * (--accept-missing, --adopt). */
void verify_report_finding(struct verify *verify, struct verify_finding finding)
{
	verify->result->problems++;
	verify->result->missing += finding.problem == VERIFY_MISSING;
	verify->result->strays += finding.problem == VERIFY_STRAY;
	verify->options->report(&finding, verify->options->context);
}

/* What could be repaired is counted also where nothing is to be: the operator hears what --repair
 * would do. */
void verify_report(struct verify *verify, enum verify_problem problem, enum verify_remedy repair,
		   enum mailbox_folder folder, uint32_t uid, int64_t entry_id)
{
	const struct verify_finding finding = {
	    .problem = problem,
	    .remedy = verify->options->repair ? repair : VERIFY_NOTHING,
	    .folder = mailbox_folder_name(verify->mailbox, folder),
	    .uid = uid,
	    .entry_id = entry_id};
	verify->result->repairable += repair != VERIFY_NOTHING;
	verify_report_finding(verify, finding);
}

ssize_t verify_find(const struct verify_folder *folder, uint32_t uid)
{
	const uint32_t *found =
	    folder->count > 0 ? bsearch(&uid, folder->uids, folder->count, sizeof uid, uid_compare)
			      : NULL;
	return found != NULL ? found - folder->uids : -1;
}

/* EXAMINE, so that looking changes nothing, not even \Recent. */
static int verify_examine(struct verify *verify, enum mailbox_folder which,
			  struct imapc_mailbox *ret_selected, struct error *err)
{
	return imapc_select(verify->mailbox->session, verify->mailbox->folders[which].wire,
			    mailbox_folder_name(verify->mailbox, which), true, ret_selected, err);
}

/* A folder that was made anew between two looks gives the UIDs of the first one to other messages. */
int verify_select(struct verify *verify, enum mailbox_folder which,
		  struct imapc_mailbox *ret_selected, struct error *err)
{
	if (verify_examine(verify, which, ret_selected, err) != 0)
		return -1;
	if (ret_selected->uid_validity == verify->folders[which].uid_validity)
		return 0;
	return error_set(err, ERROR_TEMPORARY,
			 "UIDVALIDITY of folder '%s' changed meanwhile; verify it again",
			 mailbox_folder_name(verify->mailbox, which));
}

/* A report of more of them says nothing new. */
enum { VERIFY_UNFOUND_MAX = 100 };

/* The search was for all messages: if it finds fewer than the server says there are, no run ever
 * loads the others. */
static void verify_report_unfound(struct verify *verify, size_t found)
{
	uint32_t messages = imapc_count_messages(verify->mailbox->session);
	for (size_t i = found; i < messages && i - found < VERIFY_UNFOUND_MAX; i++)
		verify_report(verify, VERIFY_UNFOUND, VERIFY_NOTHING, MAILBOX_SOURCE, 0, 0);
}

/* Mail that was in a target folder before the queue moved its first message there is not the
 * queue's: the note says where its own begins. */
static int verify_find_note(struct verify *verify, enum mailbox_folder which, struct error *err)
{
	struct verify_folder *folder = &verify->folders[which];
	const int64_t queue_id = verify->queue->id;
	folder->name = first_use_folder(verify->mailbox, which);
	if (pickup_folder_find(verify->store, queue_id, folder->name, &folder->noted, err) != 0 &&
	    err->reason != REASON_MISSING)
		return -1;
	return pickup_folder_is_new(verify->store, queue_id, folder->name,
				    which == MAILBOX_BADMAIL ? PICKUP_BADMAIL : PICKUP_DROPBOX,
				    folder->uid_validity, &folder->is_new, err);
}

/* A missing target folder holds nothing, and is no problem by itself. */
static int verify_list_folder(struct verify *verify, enum mailbox_folder which, struct error *err)
{
	struct verify_folder *folder = &verify->folders[which];
	struct imapc_mailbox selected;
	if (which == MAILBOX_DROPBOX && verify->mailbox->stays)
		return 0;
	folder->counted.folder = mailbox_folder_name(verify->mailbox, which);
	if (!verify->mailbox->folders[which].exists)
		return 0;
	if (verify_examine(verify, which, &selected, err) != 0 ||
	    imapc_search(verify->mailbox->session, "ALL", &folder->uids, &folder->count, err) != 0)
		return -1;
	if (which == MAILBOX_SOURCE)
		verify_report_unfound(verify, folder->count);
	folder->uid_validity = selected.uid_validity;
	if (verify_find_note(verify, which, err) != 0)
		return -1;
	folder->owners = g_new0(unsigned char, folder->count);
	folder->counted.messages = folder->count;
	verify->result->messages += folder->count;
	return 0;
}

/* For the report of folders, in which other queues may keep their mail as well. */
static void verify_count_known(struct verify_folder *folder)
{
	for (size_t i = 0; i < folder->count; i++) {
		folder->counted.known += folder->owners[i] == VERIFY_OURS;
		folder->counted.of_other_queues += folder->owners[i] == VERIFY_OTHERS;
	}
}

/* Rows that no folder has shown are missed at the end, when all bytes have been looked at. */
static int verify_targets(struct verify *verify, struct error *err)
{
	verify_count_known(&verify->folders[MAILBOX_SOURCE]);
	if (verify_owner_find_sources(verify, err) != 0)
		return -1;
	for (enum mailbox_folder i = MAILBOX_DROPBOX; i <= MAILBOX_BADMAIL; i++) {
		if (verify_owner(verify, i, err) != 0)
			return -1;
		verify_count_known(&verify->folders[i]);
		if (verify_look_into(verify, i, err) != 0)
			return -1;
	}
	return verify_look_missing(verify, err);
}

static int verify_all(struct verify *verify,
		      void (*counted)(const struct verify_folder_count *count, void *context),
		      struct error *err)
{
	for (enum mailbox_folder i = MAILBOX_SOURCE; i < MAILBOX_FOLDER_COUNT; i++) {
		if (verify_list_folder(verify, i, err) != 0)
			return -1;
	}
	if (verify_ledger(verify, err) != 0 || verify_targets(verify, err) != 0)
		return -1;
	for (enum mailbox_folder i = MAILBOX_SOURCE; counted != NULL && i <= MAILBOX_BADMAIL; i++)
		if (verify->folders[i].counted.folder != NULL)
			counted(&verify->folders[i].counted, verify->options->context);
	if (verify->options->adopt && verify_adopt(verify, err) != 0)
		return -1;
	/* A dry run has reported what it would do. */
	if (verify->options->dry_run)
		return 0;
	return verify_repair(verify, err) != 0 ? -1 : verify_adopt_verdict(verify, err);
}

static void verify_move_clear(void *move)
{
	g_free(((struct verify_move *)move)->source);
}

static void verify_rows_free(void *rows)
{
	g_queue_free_full(rows, verify_row_free);
}

static void verify_open(struct verify *verify)
{
	verify->account = first_use_account(verify->mailbox);
	verify->by_digest =
	    g_hash_table_new_full(g_str_hash, g_str_equal, g_free, verify_rows_free);
	verify->whole_sizes = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	verify->sizes = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	verify->moves = g_array_new(FALSE, FALSE, sizeof(struct verify_move));
	g_array_set_clear_func(verify->moves, verify_move_clear);
	verify->strays = g_array_new(FALSE, FALSE, sizeof(struct verify_stray));
	for (size_t i = 0; i < MAILBOX_FOLDER_COUNT; i++)
		verify->folders[i].sources = g_ptr_array_new_with_free_func(g_free);
}

static void verify_close(struct verify *verify)
{
	for (size_t i = 0; i < MAILBOX_FOLDER_COUNT; i++) {
		g_ptr_array_unref(verify->folders[i].sources);
		g_free(verify->folders[i].name);
		g_free(verify->folders[i].uids);
		g_free(verify->folders[i].owners);
	}
	g_array_unref(verify->strays);
	g_array_unref(verify->moves);
	g_hash_table_unref(verify->sizes);
	g_hash_table_unref(verify->whole_sizes);
	g_hash_table_unref(verify->by_digest);
	g_free(verify->account);
}

int verify_run(struct store *store, const struct work_queue *queue,
	       const struct verify_options *options,
	       void (*counted)(const struct verify_folder_count *count, void *context),
	       struct verify_result *ret_result, struct error *err)
{
	scoped(work_queue_unlock) struct work_queue_lock *lock = NULL;
	scoped(mailbox_close) struct mailbox *mailbox = NULL;
	*ret_result = (struct verify_result){0};
	if (work_queue_lock(store, queue->id, &lock, err) != 0)
		return -1;
	parser_allow();
	spool_allow(options->database);
	if (mailbox_confine(queue, options->database, err) != 0 ||
	    mailbox_open(queue, options->database, true, &mailbox, err) != 0 ||
	    mailbox_find_targets(mailbox, err) != 0)
		return -1;
	struct verify verify = {.store = store,
				.queue = queue,
				.options = options,
				.result = ret_result,
				.mailbox = mailbox};
	verify_open(&verify);
	int failed = verify_all(&verify, counted, err);
	verify_close(&verify);
	return failed;
}
