/* Reads the options that choose entries; every command that has them has them all. */
#include "loader/cli/entry/entry_internal.h"

#include "loader/base/clock.h"
#include "queue/base/scoped.h"

#include <glib.h>
#include <string.h>

/* Operators name a queue; the filter goes by its id. */
static int filter_read_queue(const struct invocation *invocation, struct store *store,
			     struct entry_filter *filter, struct error *err)
{
	scoped(work_queue_free) struct work_queue *queue = NULL;
	const char *name = invocation_text(invocation, "queue");
	if (name == NULL)
		return 0;
	if (work_queue_find(store, name, &queue, err) != 0)
		return -1;
	filter->queue_id = queue->id;
	return 0;
}

/* Between commas; an empty word is none of them. */
static int filter_read_states(const struct invocation *invocation, struct entry_filter *filter,
			      struct error *err)
{
	const char *text = invocation_text(invocation, "state");
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
					 "--state takes new, claimed, done, failed, bad or "
					 "discarded, or several: failed,bad");
		filter->states |= ENTRY_IN(state);
	}
	return 0;
}

/* Times of receipt go back from now, and --older-than does so too. */
static int filter_read_times(const struct invocation *invocation, struct entry_filter *filter,
			     struct error *err)
{
	int64_t from_ms;
	int64_t until_ms;
	int64_t age_ms;
	if (invocation_time(invocation, "since", -1, &from_ms, err) != 0 ||
	    invocation_time(invocation, "until", -1, &until_ms, err) != 0 ||
	    invocation_duration(invocation, "older-than", 0, &age_ms, err) != 0)
		return -1;
	filter->received_from_s = from_ms / 1000;
	filter->received_until_s = until_ms / 1000;
	if (invocation_flag(invocation, "older-than"))
		filter->changed_before_ms = clock_now_ms() - age_ms;
	return 0;
}

/* Each is one line: what holds a line break was pasted by mistake, and would find nothing. */
static int filter_read_texts(const struct invocation *invocation, struct entry_filter *filter,
			     struct error *err)
{
	const struct {
		const char *option;
		const char **text;
	} texts[] = {
	    {"sender", &filter->sender},       {"subject", &filter->subject},
	    {"text", &filter->text},	       {"error", &filter->error},
	    {"worker", &filter->worker},       {"tag", &filter->tag},
	    {"reference", &filter->reference},
	};
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		if (invocation_line(invocation, texts[i].option, texts[i].text, err) != 0)
			return -1;
	}
	if (invocation_flag(invocation, "overdue"))
		filter->overdue_at_ms = clock_now_ms();
	filter->only_held = invocation_flag(invocation, "held");
	return 0;
}

/* Checked here, because a class that does not exist would find nothing, without a word. */
static int filter_read_class(const struct invocation *invocation, struct entry_filter *filter,
			     struct error *err)
{
	const char *text = invocation_text(invocation, "auto-class");
	filter->auto_class = text;
	if (text == NULL)
		return 0;
	for (size_t i = 0; entry_auto_class_at(i) != NULL; i++) {
		if (g_strcmp0(text, entry_auto_class_at(i)) == 0)
			return 0;
	}
	return error_set(err, ERROR_USAGE,
			 "--auto-class takes human, auto-generated, auto-replied, bounce, list or "
			 "calendar");
}

/* By any entry of the thread. */
static int filter_read_thread(const struct invocation *invocation, struct entry_filter *filter,
			      struct error *err)
{
	uint64_t id;
	if (invocation_number(invocation, "thread", 1, &id, err) != 0)
		return -1;
	if (id > INT64_MAX)
		return error_set(err, ERROR_USAGE, "--thread: no entry has this id");
	filter->thread_of = (int64_t)id;
	return 0;
}

/* Commands that change entries refuse to change all of them by mistake. */
static bool filter_is_any(const struct invocation *invocation)
{
	static const struct command_option options[] = {FILTER_OPTIONS};
	for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
		if (invocation_flag(invocation, options[i].name))
			return true;
	}
	return false;
}

/* An option that is not given leaves its part of the filter open. */
int filter_read(const struct invocation *invocation, struct store *store,
		struct entry_filter *ret_filter, bool *ret_any, struct error *err)
{
	struct entry_filter filter = {0};
	if (filter_read_states(invocation, &filter, err) != 0 ||
	    filter_read_times(invocation, &filter, err) != 0 ||
	    filter_read_texts(invocation, &filter, err) != 0 ||
	    filter_read_class(invocation, &filter, err) != 0 ||
	    filter_read_thread(invocation, &filter, err) != 0 ||
	    filter_read_queue(invocation, store, &filter, err) != 0)
		return -1;
	*ret_any = filter_is_any(invocation);
	*ret_filter = filter;
	return 0;
}
