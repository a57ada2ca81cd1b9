/* Reads the words that choose entries, and says why an order does not fit one. */
#include "loader/entry/choice.h"

#include "loader/base/clock.h"
#include "queue/base/scoped.h"
#include "queue/entry_operate.h"
#include "queue/work_queue.h"

#include <glib.h>
#include <inttypes.h>
#include <string.h>

static const char *choice_value(const struct choice *choice, const char *name)
{
	return choice->value(name, choice->context);
}

/* The filter goes by the id of the queue. */
static int choice_read_queue(const struct choice *choice, struct store *store,
			     struct entry_filter *filter, struct error *err)
{
	scoped(work_queue_free) struct work_queue *queue = NULL;
	const char *name = choice_value(choice, "queue");
	if (name == NULL)
		return 0;
	if (work_queue_find(store, name, &queue, err) != 0)
		return -1;
	filter->queue_id = queue->id;
	return 0;
}

/* Between commas; an empty word is none of them. */
static int choice_read_states(const struct choice *choice, struct entry_filter *filter,
			      struct error *err)
{
	const char *text = choice_value(choice, "state");
	if (text == NULL)
		return 0;
	g_auto(GStrv) words = g_strsplit(*text != '\0' ? text : ",", ",", -1);
	for (char **word = words; *word != NULL; word++) {
		enum entry_state state;
		if (strcmp(*word, ENTRY_DISCARDED_WORD) == 0) {
			filter->states |= ENTRY_DISCARDED;
			continue;
		}
		if (entry_state_parse(*word, &state) != 0)
			return error_set(err, ERROR_USAGE,
					 "%sstate takes new, claimed, done, failed, bad or "
					 "discarded, or several: failed,bad",
					 choice->mark);
		filter->states |= ENTRY_IN(state);
	}
	return 0;
}

static int choice_read_time(const struct choice *choice, const char *name, int64_t now_ms,
			    int64_t *ret_s, struct error *err)
{
	const char *text = choice_value(choice, name);
	int64_t time_ms = 0;
	if (text != NULL && time_parse(text, -1, now_ms, &time_ms) != 0)
		return error_set(err, ERROR_USAGE,
				 "%s%s takes a time: 2026-01-31, 2026-01-31T12:00:00Z, or a span "
				 "from now: 10m, 12h, 1d",
				 choice->mark, name);
	*ret_s = time_ms / 1000;
	return 0;
}

/* Times of receipt go back from now, and older-than does so too. */
static int choice_read_times(const struct choice *choice, int64_t now_ms,
			     struct entry_filter *filter, struct error *err)
{
	const char *age = choice_value(choice, "older-than");
	int64_t age_ms = 0;
	if (choice_read_time(choice, "since", now_ms, &filter->received_from_s, err) != 0 ||
	    choice_read_time(choice, "until", now_ms, &filter->received_until_s, err) != 0)
		return -1;
	if (age == NULL)
		return 0;
	if (duration_parse(age, &age_ms) != 0)
		return error_set(err, ERROR_USAGE,
				 "%solder-than takes a time: 250ms, 30s, 10m, 12h, 1d",
				 choice->mark);
	filter->changed_before_ms = now_ms - age_ms;
	return 0;
}

/* Control characters have no place in a text that others print. */
int choice_line(const struct choice *choice, const char *name, const char **ret_text,
		struct error *err)
{
	const char *text = choice_value(choice, name);
	*ret_text = text;
	bool odd = text != NULL && !g_utf8_validate(text, -1, NULL);
	for (const char *at = text; at != NULL && *at != '\0'; at++)
		odd = odd || (g_ascii_iscntrl(*at) && *at != '\n' && *at != '\t');
	if (odd)
		return error_set(err, ERROR_USAGE, "%s%s takes UTF-8 text", choice->mark, name);
	return 0;
}

/* Each is one line: what holds a line break was pasted by mistake, and would find nothing. */
static int choice_read_texts(const struct choice *choice, int64_t now_ms,
			     struct entry_filter *filter, struct error *err)
{
	const struct {
		const char *name;
		const char **text;
	} texts[] = {
	    {"sender", &filter->sender},       {"subject", &filter->subject},
	    {"text", &filter->text},	       {"error", &filter->error},
	    {"worker", &filter->worker},       {"tag", &filter->tag},
	    {"reference", &filter->reference},
	};
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		if (choice_line(choice, texts[i].name, texts[i].text, err) != 0)
			return -1;
	}
	if (choice_value(choice, "overdue") != NULL)
		filter->overdue_at_ms = now_ms;
	filter->only_held = choice_value(choice, "held") != NULL;
	return 0;
}

/* Checked here, because a class that does not exist would find nothing, without a word. */
static int choice_read_class(const struct choice *choice, struct entry_filter *filter,
			     struct error *err)
{
	const char *text = choice_value(choice, "auto-class");
	filter->auto_class = text;
	if (text == NULL)
		return 0;
	for (size_t i = 0; entry_auto_class_at(i) != NULL; i++) {
		if (strcmp(text, entry_auto_class_at(i)) == 0)
			return 0;
	}
	return error_set(err, ERROR_USAGE,
			 "%sauto-class takes human, auto-generated, auto-replied, bounce, list or "
			 "calendar",
			 choice->mark);
}

/* By any entry of the thread. */
static int choice_read_thread(const struct choice *choice, struct entry_filter *filter,
			      struct error *err)
{
	const char *text = choice_value(choice, "thread");
	gint64 id = 0;
	if (text != NULL && !g_ascii_string_to_signed(text, 10, 1, INT64_MAX, &id, NULL))
		return error_set(err, ERROR_USAGE, "%sthread takes a number of at least 1",
				 choice->mark);
	filter->thread_of = id;
	return 0;
}

/* A word that is not given leaves its part of the filter open. */
int choice_read(const struct choice *choice, struct store *store, int64_t now_ms,
		struct entry_filter *ret_filter, struct error *err)
{
	struct entry_filter filter = {0};
	if (choice_read_states(choice, &filter, err) != 0 ||
	    choice_read_times(choice, now_ms, &filter, err) != 0 ||
	    choice_read_texts(choice, now_ms, &filter, err) != 0 ||
	    choice_read_class(choice, &filter, err) != 0 ||
	    choice_read_thread(choice, &filter, err) != 0 ||
	    choice_read_queue(choice, store, &filter, err) != 0)
		return -1;
	*ret_filter = filter;
	return 0;
}

/* ---- orders that change nothing ---- */

/* Says who has a claimed entry, and how it is taken back. A lease that has ended leaves the
 * entry claimed until somebody claims it again, so that the text tells the two apart. Caller
 * frees. */
static char *choice_claimed(const struct entry *entry, const char *until, int64_t now_ms)
{
	const bool over = entry->lease_until_ms <= now_ms;
	return g_strdup_printf("entry %" PRId64 ": worker '%.100s' %s %s; if that worker is gone: "
			       "inqueue release %" PRId64 " --force --reason TEXT",
			       entry->id, entry->lease_owner,
			       over ? "had it, by a lease that ended at" : "has it until", until,
			       entry->id);
}

/* Why an order that has nothing to do with work changes nothing. Caller frees. */
static char *choice_needless(const struct entry_order *order, const struct entry *entry)
{
	switch (order->operation) {
	case ENTRY_HOLD:
		if (entry->held)
			return g_strdup_printf("entry %" PRId64 " is held already", entry->id);
		return g_strdup_printf("entry %" PRId64 " is %s: only new and claimed entries are "
				       "held",
				       entry->id, entry_state_format(entry->state));
	case ENTRY_UNHOLD:
		return g_strdup_printf("entry %" PRId64 " is not held", entry->id);
	case ENTRY_PRIORITY:
		return g_strdup_printf("entry %" PRId64 " has priority %d already", entry->id,
				       (int)order->priority);
	case ENTRY_DEADLINE:
	case ENTRY_RISK:
		return g_strdup_printf("entry %" PRId64 " has this time already", entry->id);
	case ENTRY_TAG:
		return g_strdup_printf("entry %" PRId64 " has the tag '%s' already", entry->id,
				       order->tag);
	default:
		return g_strdup_printf("entry %" PRId64 " has no tag '%s'", entry->id, order->tag);
	}
}

char *choice_unfit(const struct entry_order *order, const struct entry *entry, const char *until,
		   int64_t now_ms)
{
	switch (order->operation) {
	case ENTRY_RETRY:
		if (entry->state == ENTRY_BAD)
			return g_strdup_printf("entry %" PRId64
					       " could not be loaded; after the cause is gone: "
					       "inqueue reload %" PRId64,
					       entry->id, entry->id);
		if (entry->state == ENTRY_NEW && entry->held)
			return g_strdup_printf("entry %" PRId64 " is held: inqueue unhold %" PRId64,
					       entry->id, entry->id);
		break;
	case ENTRY_DISCARD:
	case ENTRY_TAKE_BACK:
		break;
	default:
		return choice_needless(order, entry);
	}
	return entry->state == ENTRY_CLAIMED
		   ? choice_claimed(entry, until, now_ms)
		   : g_strdup_printf(
			 "entry %" PRId64 " is %s%s", entry->id, entry_state_format(entry->state),
			 order->operation == ENTRY_TAKE_BACK ? ": no worker has it" : " already");
}
