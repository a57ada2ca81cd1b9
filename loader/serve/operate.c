/* What operators do with an entry. The history names the token. An order that does not fit the entry is a conflict, in the
 * words of the command line. */
#include "loader/serve/serve_internal.h"

#include "loader/base/clock.h"
#include "queue/base/scoped.h"
#include "queue/entry_operate.h"

#include <string.h>

enum { PRIORITY_MAX = 1000000 };

static int refuse_unfit(struct request *request, const struct entry_order *order, struct error *err)
{
	scoped(entry_free) struct entry *entry = NULL;
	char until[CLOCK_TEXT_SIZE];
	if (entry_find(request->serve->store, request->entry_id, &entry, err) != 0)
		return -1;
	clock_format_s(entry->lease_until_ms / 1000, until);
	g_autofree char *words = choice_unfit(order, entry, until, clock_now_ms());
	return error_because(err, REASON_REFUSED, "%s", words);
}

static enum MHD_Result operate(struct request *request, struct entry_order *order,
			       const char *const *members)
{
	struct error err;
	bool changed;
	order->who = request->token->name;
	if (request_only(request, members, &err) != 0 ||
	    request_text(request, "reason", false, &order->why, &err) != 0 ||
	    entry_operate(request->serve->store, request->entry_id, order, clock_now_ms(), &changed,
			  &err) != 0)
		return answer_error(request, &err);
	if (!changed) {
		refuse_unfit(request, order, &err);
		return answer_error(request, &err);
	}
	return answer_nothing(request);
}

static enum MHD_Result operate_plainly(struct request *request, enum entry_operation operation)
{
	static const char *const members[] = {"reason", NULL};
	struct entry_order order = {.operation = operation};
	return operate(request, &order, members);
}

enum MHD_Result post_retry(struct request *request)
{
	return operate_plainly(request, ENTRY_RETRY);
}

enum MHD_Result post_discard(struct request *request)
{
	return operate_plainly(request, ENTRY_DISCARD);
}

enum MHD_Result post_hold(struct request *request)
{
	return operate_plainly(request, ENTRY_HOLD);
}

enum MHD_Result post_unhold(struct request *request)
{
	return operate_plainly(request, ENTRY_UNHOLD);
}

enum MHD_Result post_priority(struct request *request)
{
	static const char *const members[] = {"to", "reason", NULL};
	const json_t *to = json_object_get(request->json, "to");
	const json_int_t priority = json_integer_value(to);
	struct entry_order order = {.operation = ENTRY_PRIORITY, .priority = (int32_t)priority};
	if (!json_is_integer(to) || priority < -PRIORITY_MAX || priority > PRIORITY_MAX)
		return answer_problem(request, MHD_HTTP_BAD_REQUEST,
				      "to takes the priority, from -1000000 to 1000000");
	return operate(request, &order, members);
}

static bool is_tag(const char *text)
{
	return *text != '\0' && strpbrk(text, " \n\t") == NULL;
}

enum MHD_Result post_tag(struct request *request)
{
	static const char *const members[] = {"add", "remove", "reason", NULL};
	struct error err;
	const char *add;
	const char *remove;
	if (request_text(request, "add", false, &add, &err) != 0 ||
	    request_text(request, "remove", false, &remove, &err) != 0)
		return answer_error(request, &err);
	const char *tag = add != NULL ? add : remove;
	if ((add == NULL) == (remove == NULL) || !is_tag(tag))
		return answer_problem(request, MHD_HTTP_BAD_REQUEST,
				      "one of add and remove is needed: a word without blanks");
	struct entry_order order = {.operation = add != NULL ? ENTRY_TAG : ENTRY_UNTAG, .tag = tag};
	return operate(request, &order, members);
}

enum MHD_Result post_note(struct request *request)
{
	static const char *const members[] = {"text", NULL};
	struct error err;
	const char *text;
	if (request_only(request, members, &err) != 0 ||
	    request_text(request, "text", true, &text, &err) != 0)
		return answer_error(request, &err);
	if (*text == '\0')
		return answer_problem(request, MHD_HTTP_BAD_REQUEST, "a note is UTF-8 text");
	if (entry_note(request->serve->store, request->entry_id, request->token->name, text,
		       clock_now_ms(), &err) != 0)
		return answer_error(request, &err);
	return answer_nothing(request);
}
