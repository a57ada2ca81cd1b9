/* The words for what a queue does: in the database, in files and on command lines. */
#include "queue/work_queue.h"

#include <glib.h>

static const char *const same_names[] = {[WORK_QUEUE_LINK] = "link",
					 [WORK_QUEUE_REFUSE] = "refuse",
					 [WORK_QUEUE_REPLACE] = "replace",
					 NULL};
static const char *const order_names[] = {
    [WORK_QUEUE_DUE] = "due", [WORK_QUEUE_DEADLINE] = "deadline", NULL};

/* -1 where there is no such word. */
static int find(const char *const *names, const char *text)
{
	for (int i = 0; names[i] != NULL; i++) {
		if (g_strcmp0(text, names[i]) == 0)
			return i;
	}
	return -1;
}

const char *work_queue_same_format(enum work_queue_same same)
{
	return same_names[same];
}

int work_queue_same_parse(const char *text, enum work_queue_same *ret_same)
{
	const int found = find(same_names, text);
	if (found >= 0)
		*ret_same = (enum work_queue_same)found;
	return found >= 0 ? 0 : -1;
}

const char *work_queue_order_format(enum work_queue_order order)
{
	return order_names[order];
}

int work_queue_order_parse(const char *text, enum work_queue_order *ret_order)
{
	const int found = find(order_names, text);
	if (found >= 0)
		*ret_order = (enum work_queue_order)found;
	return found >= 0 ? 0 : -1;
}
