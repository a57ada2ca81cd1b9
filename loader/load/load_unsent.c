/*
 * Keeps the messages that the server did not send, and finds out whether they are at fault or the
 * server is. The server is asked for messages that it has sent before, the last ones of the archive
 * folder: if one of them comes, the others are at fault; if none does, the run ends without blaming
 * any.
 */
#include "loader/load/load_internal.h"

#include "loader/base/clock.h"
#include "loader/base/service.h"
#include "queue/pickup.h"

/* After so many messages in vain the server is asked for one that it has sent before. */
enum { LOAD_IN_VAIN_MAX = 3 };

/* At most three of the last fifty of a folder are tried, and none that is large. */
enum { LOAD_PROBE_LAST = 50, LOAD_PROBE_TRIES = 3, LOAD_PROBE_HEADER_MAX = 1024 };
#define LOAD_PROBE_KEYS "SMALLER 1048576"

struct load_unsent {
	uint32_t uid;
	enum error_kind kind;
	char *reason;
	bool confirmed; /* the server has sent another message since */
};

static void load_unsent_clear(void *unsent)
{
	g_free(((struct load_unsent *)unsent)->reason);
}

GArray *load_unsent_new(void)
{
	GArray *list = g_array_new(FALSE, FALSE, sizeof(struct load_unsent));
	g_array_set_clear_func(list, load_unsent_clear);
	return list;
}

static struct load_unsent *load_unsent_at(const struct load *load, guint index)
{
	return &g_array_index(load->unsent, struct load_unsent, index);
}

void load_unsent_add(struct load *load, uint32_t uid, const struct error *failure)
{
	struct load_unsent unsent = {
	    .uid = uid, .kind = failure->kind, .reason = g_strdup(failure->text)};
	g_array_append_val(load->unsent, unsent);
}

void load_unsent_confirm(struct load *load)
{
	for (guint i = 0; i < load->unsent->len; i++)
		load_unsent_at(load, i)->confirmed = true;
	load->in_vain = 0;
}

/* --- would the server send another message? ---------------------------- */

static int load_probe_begin(void *context, struct error *err)
{
	(void)context;
	(void)err;
	return 0;
}

static int load_probe_write(void *context, const void *bytes, size_t size, struct error *err)
{
	(void)bytes;
	(void)err;
	*(uint64_t *)context += size;
	return 0;
}

static int load_probe_end(void *context, uint32_t uid, int64_t internal_date_s, struct error *err)
{
	(void)context;
	(void)uid;
	(void)internal_date_s;
	(void)err;
	return 0;
}

static bool load_unsent_has(const struct load *load, uint32_t uid)
{
	for (guint i = 0; i < load->unsent->len; i++) {
		if (load_unsent_at(load, i)->uid == uid)
			return true;
	}
	return false;
}

static bool load_probe_select(const struct load *load, enum mailbox_folder folder,
			      struct imapc_mailbox *ret_selected)
{
	struct mailbox *mailbox = load->mailbox;
	struct error ignored;
	return mailbox->folders[folder].exists &&
	       imapc_select(mailbox->session, mailbox->folders[folder].wire,
			    mailbox_folder_name(mailbox, folder), folder != MAILBOX_SOURCE,
			    ret_selected, &ignored) == 0;
}

static bool load_probe_earlier(const struct load *load, uint32_t uid, const struct imapc_sink *sink)
{
	struct error ignored;
	return imapc_fetch_messages(load->mailbox->session, &uid, 1, sink, &ignored) == 0 &&
	       *(const uint64_t *)sink->context > 0;
}

static bool load_probe_go_on(struct load *load, enum mailbox_folder folder)
{
	struct imapc_mailbox selected;
	struct error ignored;
	return imapc_is_alive(load->mailbox->session) ||
	       (load_reconnect(load, &ignored) == 0 && load_probe_select(load, folder, &selected));
}

/* Tries earlier messages of the open folder. False if there are none to be tried. */
static bool load_probe_folder(struct load *load, enum mailbox_folder folder,
			      const struct imapc_sink *sink, bool *ret_sends)
{
	bool in_source = folder == MAILBOX_SOURCE;
	g_autofree uint32_t *uids = NULL;
	size_t count = 0;
	size_t tries = 0;
	struct error ignored;
	*ret_sends = false;
	if (imapc_search_last(load->mailbox->session, LOAD_PROBE_LAST, LOAD_PROBE_KEYS, &uids,
			      &count, &ignored) != 0)
		return true;
	for (; count > 0 && tries < LOAD_PROBE_TRIES && !*ret_sends; count--) {
		if (in_source && load_unsent_has(load, uids[count - 1]))
			continue;
		if (!load_probe_go_on(load, folder))
			break;
		*ret_sends = load_probe_earlier(load, uids[count - 1], sink);
		tries++;
	}
	return tries > 0;
}

/* The only message that there is cannot be compared to others: if its header comes, the server is
 * at work, and the message is at fault. */
static bool load_probe_header(const struct load *load, const struct imapc_sink *sink)
{
	struct error ignored;
	if (load->unsent->len != 1 || load->result->not_collected != 1)
		return false;
	return imapc_fetch_headers(load->mailbox->session, &load_unsent_at(load, 0)->uid, 1,
				   LOAD_PROBE_HEADER_MAX, sink, &ignored) == 0 &&
	       *(const uint64_t *)sink->context > 0;
}

/* True if the server sends another message. Leaves the source open; false also where it could not
 * be opened as it was. */
static bool load_probe(struct load *load)
{
	struct mailbox *mailbox = load->mailbox;
	enum mailbox_folder folder = mailbox->stays ? MAILBOX_SOURCE : MAILBOX_DROPBOX;
	struct imapc_mailbox selected;
	uint64_t received = 0;
	const struct imapc_sink sink = {.begin = load_probe_begin,
					.write = load_probe_write,
					.end = load_probe_end,
					.context = &received};
	bool sends = false;
	bool known = load_probe_select(load, folder, &selected) &&
		     load_probe_folder(load, folder, &sink, &sends);
	if (!imapc_is_alive(mailbox->session) ||
	    !load_probe_select(load, MAILBOX_SOURCE, &selected) ||
	    selected.uid_validity != load->source.uid_validity)
		return false;
	return known ? sends : load_probe_header(load, &sink);
}

static bool load_unsent_would_another_come(struct load *load)
{
	return !load->options->dry_run && !stop_requested() &&
	       imapc_is_alive(load->mailbox->session) && load_probe(load);
}

bool load_unsent_is_outage(struct load *load, unsigned *in_vain)
{
	if (*in_vain < LOAD_IN_VAIN_MAX)
		return false;
	load->outage = !load_unsent_would_another_come(load);
	if (load->outage)
		return true;
	load_unsent_confirm(load);
	*in_vain = 0;
	return false;
}

/* --- the end of a run -------------------------------------------------- */

static bool load_unsent_is_open(const struct load *load)
{
	for (guint i = 0; i < load->unsent->len; i++) {
		if (!load_unsent_at(load, i)->confirmed)
			return true;
	}
	return false;
}

void load_unsent_note(struct load *load)
{
	/* The run's own failure is said, not one of noting it. */
	struct error ignored;
	if (load->unsent->len == 0)
		return;
	if (!load->outage && load_unsent_is_open(load) && load_unsent_would_another_come(load))
		load_unsent_confirm(load);
	load_hold(load);
	for (guint i = 0; i < load->unsent->len; i++) {
		const struct load_unsent *unsent = load_unsent_at(load, i);
		pickup_attempt_add(load->store, &load->source, &unsent->uid, 1, unsent->confirmed,
				   unsent->reason, clock_now_ms(), &ignored);
	}
	load_go_on(load);
}

int load_unsent_verdict(const struct load *load, struct error *ret_failure, struct error *err)
{
	if (load->unsent->len == 0)
		return 0;
	const struct load_unsent *first = load_unsent_at(load, 0);
	error_set(err, first->kind,
		  "the server did not send UID %u%s: %s; it stays in '%s', and the next run tries "
		  "again",
		  first->uid, load->unsent->len > 1 ? " and others" : "", first->reason,
		  load->mailbox->server->mailbox);
	*ret_failure = *err;
	return -1;
}
