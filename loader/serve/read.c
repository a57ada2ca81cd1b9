/* Answers that change nothing: queues, entries, histories, parts of mail. Documents are those that commands print
 * with --json. */
#include "loader/serve/serve_internal.h"

#include "loader/base/clock.h"
#include "loader/base/visible.h"
#include "loader/entry/export.h"
#include "loader/entry/queue_json.h"
#include "openapi_json.h"
#include "queue/base/scoped.h"
#include "queue/entry.h"
#include "queue/entry_operate.h"

#include <inttypes.h>
#include <string.h>

enum { PAGE = 100 };

enum MHD_Result get_health(struct request *request)
{
	return answer_json(request, json_pack("{s:s}", "status", "ok"));
}

enum MHD_Result get_openapi(struct request *request)
{
	return answer_bytes(request, "application/json", openapi_json, sizeof openapi_json);
}

/* ---- queues ---- */

struct queues {
	struct request *request;
	json_t *list;
	struct error *err;
};

static int add_queue(const struct work_queue *queue, void *context)
{
	const struct queues *queues = context;
	const struct request *request = queues->request;
	json_t *document;
	if (request->token->queue_id != 0 && request->token->queue_id != queue->id)
		return 0;
	if (queue_json_status(request->serve->store, queue, clock_now_ms(), &document,
			      queues->err) != 0)
		return -1;
	json_array_append_new(queues->list, document);
	return 0;
}

enum MHD_Result get_queues(struct request *request)
{
	struct error err;
	json_auto_t *list = json_array();
	struct queues queues = {request, list, &err};
	if (work_queue_list(request->serve->store, add_queue, &queues, &err) != 0)
		return answer_error(request, &err);
	return answer_json(request, json_pack("{s:O}", "queues", list));
}

enum MHD_Result get_queue(struct request *request)
{
	struct error err;
	json_t *document;
	if (queue_json_status(request->serve->store, request->queue, clock_now_ms(), &document,
			      &err) != 0)
		return answer_error(request, &err);
	return answer_json(request, document);
}

/* ---- entries ---- */

/* A list ends with the id behind which the next page begins. */
struct page {
	FILE *out;
	uint64_t room;
	int64_t last_id;
	uint64_t count;
};

static int add_entry(const struct entry *entry, void *context)
{
	struct page *page = context;
	if (page->count == page->room)
		return 1;
	if (page->count++ > 0)
		putc(',', page->out);
	entry_json_write_columns(page->out, entry);
	page->last_id = entry->id;
	return 0;
}

static const char *parameter_value(const char *name, const void *context)
{
	return request_parameter(context, name);
}

static int write_entries(FILE *out, struct request *request, struct error *err)
{
	const struct choice choice = {.value = parameter_value, .context = request, .mark = ""};
	struct entry_filter filter;
	struct page page = {.out = out};
	uint64_t after;
	if (choice_read(&choice, request->serve->store, clock_now_ms(), &filter, err) != 0 ||
	    request_number(request, "limit", 1, SERVE_PAGE_MAX, PAGE, &page.room, err) != 0 ||
	    request_number(request, "after", 0, INT64_MAX, 0, &after, err) != 0)
		return -1;
	filter.queue_id = request->queue->id;
	filter.after_id = (int64_t)after;
	filter.newest_first = request_parameter(request, "newest") != NULL;
	filter.limit = page.room + 1;
	fputs("{\"entries\":[", out);
	if (entry_list(request->serve->store, &filter, add_entry, &page, err) < 0)
		return -1;
	/* There was one more than fits on the page. */
	if (page.count == page.room && page.count > 0)
		fprintf(out, "],\"after\":%" PRId64 "}\n", page.last_id);
	else
		fputs("],\"after\":null}\n", out);
	return 0;
}

enum MHD_Result get_entries(struct request *request)
{
	return answer_written(request, write_entries);
}

static int write_entry(FILE *out, struct request *request, struct error *err)
{
	scoped(entry_free) struct entry *entry = NULL;
	struct store *store = request->serve->store;
	return entry_find(store, request->entry_id, &entry, err) != 0
		   ? -1
		   : entry_json_write(out, store, entry, NULL, err);
}

enum MHD_Result get_entry(struct request *request)
{
	return answer_written(request, write_entry);
}

/* ---- history ---- */

struct history {
	FILE *out;
	bool goes_on;
};

static int add_event(const struct entry_event *event, void *context)
{
	struct history *history = context;
	json_auto_t *document = entry_json_event(event);
	g_autofree char *text = json_dumps(document, JSON_COMPACT);
	if (history->goes_on)
		putc(',', history->out);
	history->goes_on = true;
	visible_write(VISIBLE_JSON, text, history->out);
	return 0;
}

static int write_history(FILE *out, struct request *request, struct error *err)
{
	struct history history = {.out = out};
	fputs("{\"events\":[", out);
	if (entry_event_list(request->serve->store, request->entry_id, add_event, &history, err) !=
	    0)
		return -1;
	fputs("]}\n", out);
	return 0;
}

enum MHD_Result get_history(struct request *request)
{
	return answer_written(request, write_history);
}

/* ---- parts ---- */

enum MHD_Result get_message(struct request *request)
{
	g_autofree char *name = g_strdup_printf("entry-%" PRId64 ".eml", request->entry_id);
	return answer_part(request, ENTRY_RAW, 0, "message/rfc822", name);
}

/* As bytes of no type: what the mail calls them is in the entry. */
enum MHD_Result get_part(struct request *request)
{
	struct error err;
	scoped(entry_free) struct entry *entry = NULL;
	if (entry_find(request->serve->store, request->entry_id, &entry, &err) != 0)
		return answer_error(request, &err);
	const char *name = "";
	for (size_t i = 0; i < entry->attachment_count; i++) {
		if (entry->attachments[i].position == request->part)
			name = entry->attachments[i].file_name;
	}
	return answer_part(request, ENTRY_ATTACHMENT, request->part, "application/octet-stream",
			   name);
}
