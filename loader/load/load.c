/*
 * A run: lists the messages that the ledger does not know, asks for their sizes, cuts them into
 * batches, and pushes these into the pipeline. Before that it finishes what earlier runs left, and
 * at its end it says what went wrong with single messages. A dry run takes the same way and tells a
 * plan instead.
 */
#include "loader/load/load.h"

#include "loader/base/clock.h"
#include "loader/base/service.h"
#include "loader/load/load_internal.h"
#include "loader/source/search.h"
#include "queue/base/scoped.h"
#include "queue/upkeep.h"

#include <inttypes.h>

/* UIDs of the mailbox, ascending; those that the ledger has are taken out. */
struct load_work {
	uint32_t *uids;
	size_t count;
	size_t seen; /* by load_drop_known(): UIDs before this one are compared */
	size_t kept;
};

/* Both lists are ascending, so one walk over the ledger is enough. */
static int load_drop_known(const struct pickup *pickup, void *context)
{
	struct load_work *work = context;
	while (work->seen < work->count && work->uids[work->seen] < pickup->uid)
		work->uids[work->kept++] = work->uids[work->seen++];
	if (work->seen < work->count && work->uids[work->seen] == pickup->uid)
		work->seen++;
	return 0;
}

static int load_list_work(struct load *load, struct load_work *work, struct error *err)
{
	g_autofree char *criteria = search_format(load->mailbox->server);
	if (imapc_search(load->mailbox->session, criteria, &work->uids, &work->count, err) != 0 ||
	    search_count_unfound(load->mailbox->session, load->mailbox->server, work->count,
				 &load->unfound, err) != 0)
		return -1;
	if (work->count == 0)
		return 0;
	if (pickup_list(load->store, &load->source, work->uids[0], work->uids[work->count - 1],
			false, load_drop_known, work, err) != 0)
		return -1;
	while (work->seen < work->count)
		work->uids[work->kept++] = work->uids[work->seen++];
	work->count = work->kept;
	return 0;
}

/* How many of the sizes make one batch. */
static size_t load_batch_length(const struct load *load, const struct imapc_size *sizes,
				size_t count)
{
	uint64_t bytes = 0;
	size_t length = 0;
	while (length < count) {
		bytes += sizes[length].size_bytes;
		if (length > 0 && bytes > load_batch_bytes(load))
			break;
		length++;
	}
	return length;
}

void load_tell(struct load *load)
{
	load->options->progress(&load->progress, load->options->context);
}

static void load_plan(const struct load *load, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void load_plan(const struct load *load, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	g_autofree char *step = g_strdup_vprintf(format, args);
	va_end(args);
	load->options->plan(step, load->options->context);
}

static void load_plan_messages(const struct load *load, const struct imapc_size *sizes,
			       size_t count)
{
	const struct connection_string *server = load->mailbox->server;
	g_autofree char *rest = load_acknowledge_plan(load);
	for (size_t i = 0; i < count; i++) {
		if (sizes[i].size_bytes > server->max_size_bytes)
			load_plan(load, "UID %u: too large (%llu bytes), move to '%s'",
				  sizes[i].uid, (unsigned long long)sizes[i].size_bytes,
				  server->badmail);
		else
			load_plan(load, "UID %u: load (%llu bytes), %s", sizes[i].uid,
				  (unsigned long long)sizes[i].size_bytes, rest);
	}
}

static int load_window(struct load *load, struct imapc_size *sizes, size_t count, struct error *err)
{
	/* The server announces no size for a message that is gone, or that it cannot read: fetching
	 * it tells which. */
	for (size_t i = 0; i < count; i++) {
		if (sizes[i].size_bytes == UINT64_MAX)
			sizes[i].size_bytes = 0;
	}
	if (load->options->dry_run) {
		load_plan_messages(load, sizes, count);
		return 0;
	}
	for (size_t length; count > 0 && !stop_requested(); count -= length, sizes += length) {
		length = load_batch_length(load, sizes, count);
		if (load_push(load, sizes, length, err) != 0)
			return -1;
	}
	return 0;
}

enum { LOAD_TOGETHER_MIN = 1000 };

/*
 * How many messages come together at most, when so many are left. Many, so that there is enough to
 * store while the server moves a large set; fewer towards the end, where nothing else is done while
 * the last ones are stored. With this, and with sets of moves that grow, 100,000 small messages take
 * 35 s, with 1,000 at a time 49 s.
 */
static size_t load_together_max(size_t left)
{
	return CLAMP(left / 10, (size_t)LOAD_TOGETHER_MIN, (size_t)LOAD_POSITION_UIDS);
}

/* Asks for the sizes of some messages at a time, so that memory does not grow with the mailbox. */
static int load_messages(struct load *load, const uint32_t *uids, size_t count, struct error *err)
{
	struct imapc_size sizes[LOAD_POSITION_UIDS];
	load->left = count;
	load_tell(load);
	for (size_t length; count > 0 && !stop_requested(); count -= length, uids += length) {
		length = MIN(load_together_max(count), count);
		for (size_t i = 0; i < length; i++)
			sizes[i] = (struct imapc_size){.uid = uids[i]};
		if (load_sizes(load, sizes, length, err) != 0 ||
		    load_window(load, sizes, length, err) != 0)
			return -1;
	}
	return 0;
}

/* An error that is about single messages, or about a signal; all else went well. */
static int load_verdict(const struct load *load, struct error *err)
{
	const char *name = load->mailbox->server->mailbox;
	if (load_unsent_verdict(load, &load->result->unsent, err) != 0) {
		struct error moves;
		if (load_move_verdict(load, &moves) != 0)
			error_put_before(err, "%s; besides", moves.text);
		return -1;
	}
	if (load_move_verdict(load, err) != 0)
		return -1;
	if (stop_requested() && load->result->not_collected > 0)
		return error_set(err, ERROR_TEMPORARY,
				 "asked to stop; %" PRId64
				 " messages stay in '%s' for the next run",
				 load->result->not_collected, name);
	return 0;
}

/* Messages without failures come first: a suspect that takes the worker down then keeps none of
 * them from being stored. */
static int load_listed(struct load *load, struct load_work *work, struct error *err)
{
	g_autoptr(GArray) suspects = NULL;
	if (load_list_suspects(load, &suspects, err) != 0)
		return -1;
	uint64_t limit = load->options->limit != 0 ? load->options->limit : UINT64_MAX;
	size_t ordinary = load_part_suspects(suspects, work->uids, work->count);
	size_t count = (size_t)MIN(limit, ordinary);
	load->progress.total = count + (size_t)MIN(limit - count, suspects->len);
	if (load_messages(load, work->uids, count, err) != 0 || load_drain(load, err) != 0)
		return -1;
	if (load->options->dry_run || load->options->leave_suspects || stop_requested())
		return 0;
	return load_suspects(load, suspects, (size_t)(limit - count), err);
}

static int load_work_off(struct load *load, struct error *err)
{
	struct load_work work = {0};
	int failed = load_list_work(load, &work, err);
	g_autofree uint32_t *uids = work.uids;
	if (failed != 0)
		return -1;
	load->result->not_collected = (int64_t)work.count;
	/* A folder that cannot be created stops the run while every message is untouched; one that must
	 * not be is missed before there is mail. */
	if ((work.count > 0 || !load->mailbox->server->create_folders) && !load->options->dry_run)
		failed = mailbox_prepare_targets(load->mailbox, err);
	if (failed == 0)
		failed = load_listed(load, &work, err);
	load->progress.ended = true;
	load_tell(load);
	if (failed != 0)
		return -1;
	load->result->went_through = true;
	return load_verdict(load, err);
}

static int load_plan_folders(const struct load *load, struct error *err)
{
	if (mailbox_find_targets(load->mailbox, err) != 0)
		return -1;
	for (enum mailbox_folder i = MAILBOX_DROPBOX; i <= MAILBOX_BADMAIL; i++) {
		if (!mailbox_lacks_folder(load->mailbox, i))
			continue;
		/* That refuses it, and says why. */
		if (!load->mailbox->server->create_folders)
			return mailbox_create_folder(load->mailbox, i, err);
		load_plan(load, "create folder '%s'", mailbox_folder_name(load->mailbox, i));
	}
	return 0;
}

/* For monitoring: a server whose certificate has ended is not signed in to any more. */
static int load_note_certificate(const struct load *load, struct error *err)
{
	struct imapc_facts facts;
	imapc_describe(load->mailbox->session, &facts);
	const struct upkeep_end end = {.what = "certificate of the mail server",
				       .begins_ms = facts.certificate_begins_s * 1000,
				       .ends_ms = facts.certificate_ends_s * 1000};
	return upkeep_note_end(load->store, load->queue->id, &end, clock_now_ms(), err);
}

/* Selects the mailbox and finishes what earlier runs left; a dry run only looks. */
static int load_prepare(struct load *load, struct error *err)
{
	struct mailbox *mailbox = load->mailbox;
	const char *name = mailbox->server->mailbox;
	bool dry_run = load->options->dry_run;
	struct imapc_mailbox selected;
	if (imapc_select(mailbox->session, mailbox->folders[MAILBOX_SOURCE].wire, name, dry_run,
			 &selected, err) != 0)
		return -1;
	load->source = (struct pickup_source){.queue_id = load->queue->id,
					      .source = mailbox->source,
					      .uid_validity = selected.uid_validity};
	load->result->uid_next = selected.uid_next;
	if (dry_run)
		return load_plan_folders(load, err);
	if (selected.read_only)
		return error_set(
		    err, ERROR_CREDENTIALS,
		    "mailbox '%s' may only be read by user '%s': messages could not be "
		    "moved away; ask for the right to delete mail in it",
		    name, load->queue->user_name);
	if (load_note_certificate(load, err) != 0 ||
	    mailbox_note_sign_in(load->store, load->queue, load->mailbox, err) != 0)
		return -1;
	return load_finish_earlier(load, err);
}

static int load_with_mailbox(struct load *load, struct error *err)
{
	if (load_prepare(load, err) != 0)
		return -1;
	if (rules_open(load->store, load->queue->id, &load->rules, err) != 0)
		return -1;
	load_open_pipeline(load);
	load->unsent = load_unsent_new();
	int failed = load_work_off(load, err);
	/* Also after a failure: the next run needs to know which messages to suspect. */
	load_unsent_note(load);
	if (failed == 0 && !load->options->dry_run)
		failed = load_note(load, err);
	load_close_pipeline(load, failed != 0);
	g_clear_pointer(&load->rules, rules_free);
	g_array_unref(load->unsent);
	return failed;
}

int load_mailbox(struct store *store, const struct work_queue *queue, struct mailbox *mailbox,
		 const struct load_options *options, struct load_result *ret_result,
		 struct error *err)
{
	*ret_result = (struct load_result){.not_collected = -1, .began_ms = clock_now_ms()};
	struct load load = {.store = store,
			    .queue = queue,
			    .options = options,
			    .mailbox = mailbox,
			    .result = ret_result};
	int failed = load_with_mailbox(&load, err);
	load_move_close(&load);
	if (failed != 0)
		load_stop(&load, err);
	return failed;
}

int load_run(struct store *store, const struct work_queue *queue,
	     const struct load_options *options, struct load_result *ret_result, struct error *err)
{
	*ret_result = (struct load_result){.not_collected = -1, .began_ms = clock_now_ms()};
	scoped(mailbox_close) struct mailbox *mailbox = NULL;
	if (mailbox_open(queue, options->database, true, &mailbox, err) != 0)
		return -1;
	options->progress(&(struct load_progress){0}, options->context);
	return load_mailbox(store, queue, mailbox, options, ret_result, err);
}
