/* What workers say of entries that they have claimed. The lease token in the body is the proof; one that is no longer good
 * changes nothing, and its bearer is told who has the entry. */
#include "loader/serve/serve_internal.h"

#include "loader/base/clock.h"
#include "queue/base/scoped.h"

#include <string.h>

static int read_token(const struct request *request, const char **ret_token, struct error *err)
{
	return request_text(request, "lease_token", true, ret_token, err);
}

static enum MHD_Result answer_settled(struct request *request, int result, const struct error *err)
{
	return result == 0 ? answer_nothing(request) : answer_error(request, err);
}

/* The time is taken inside of the transaction: a lease must not begin while this process waits for others. */
static int begin(const struct request *request, int64_t *ret_now_ms, struct error *err)
{
	if (store_begin(request->serve->store, err) != 0)
		return -1;
	*ret_now_ms = clock_now_ms();
	return 0;
}

static int end(const struct request *request, int result, struct error *err)
{
	if (result == 0)
		return store_commit(request->serve->store, err);
	store_rollback(request->serve->store);
	return -1;
}

/* ---- complete ---- */

/* NULL where the body has none. Caller frees. */
static int read_output(const struct request *request, char **ret_output, struct error *err)
{
	const json_t *output = json_object_get(request->json, "output");
	char *text = output != NULL ? json_dumps(output, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	if (text != NULL && strlen(text) > ENTRY_OUTPUT_MAX) {
		g_free(text);
		return error_set(err, ERROR_USAGE, "output takes at most 1 MiB");
	}
	*ret_output = text;
	return 0;
}

static int complete(struct request *request, struct error *err)
{
	static const char *const members[] = {"lease_token", "output", NULL};
	g_autofree char *output = NULL;
	const char *token;
	int64_t now_ms;
	if (request_only(request, members, err) != 0 || read_token(request, &token, err) != 0 ||
	    read_output(request, &output, err) != 0 || begin(request, &now_ms, err) != 0)
		return -1;
	return end(request,
		   entry_complete_with(request->serve->store, request->entry_id, token, output,
				       now_ms, err),
		   err);
}

enum MHD_Result post_complete(struct request *request)
{
	struct error err;
	return answer_settled(request, complete(request, &err), &err);
}

/* ---- fail ---- */

static int read_failure(const struct request *request, enum entry_failure *ret_failure,
			struct error *err)
{
	const char *kind;
	if (request_text(request, "kind", true, &kind, err) != 0)
		return -1;
	if (strcmp(kind, "business") != 0 && strcmp(kind, "application") != 0)
		return error_set(err, ERROR_USAGE,
				 "kind takes business (final) or application (tried again)");
	*ret_failure = strcmp(kind, "business") == 0 ? ENTRY_BUSINESS : ENTRY_APPLICATION;
	return 0;
}

static int fail(struct request *request, int64_t *ret_next_ms, struct error *err)
{
	static const char *const members[] = {"lease_token", "kind", "reason", NULL};
	enum entry_failure failure;
	const char *token;
	const char *reason;
	int64_t now_ms;
	if (request_only(request, members, err) != 0 || read_token(request, &token, err) != 0 ||
	    read_failure(request, &failure, err) != 0 ||
	    request_text(request, "reason", true, &reason, err) != 0 ||
	    begin(request, &now_ms, err) != 0)
		return -1;
	return end(request,
		   entry_fail(request->serve->store, request->entry_id, token, failure, reason,
			      now_ms, ret_next_ms, err),
		   err);
}

/* Says when the entry is tried again, which the worker cannot know. */
enum MHD_Result post_fail(struct request *request)
{
	struct error err;
	char text[CLOCK_TEXT_SIZE];
	int64_t next_ms;
	if (fail(request, &next_ms, &err) != 0)
		return answer_error(request, &err);
	clock_format_s(next_ms / 1000, text);
	return answer_json(request, json_pack("{s:b, s:s?}", "final", next_ms == 0,
					      "next_attempt_at", next_ms != 0 ? text : NULL));
}

/* ---- release, defer ---- */

static int release(struct request *request, struct error *err)
{
	static const char *const members[] = {"lease_token", "reason", NULL};
	const char *token;
	const char *reason;
	int64_t now_ms;
	if (request_only(request, members, err) != 0 || read_token(request, &token, err) != 0 ||
	    request_text(request, "reason", false, &reason, err) != 0 ||
	    begin(request, &now_ms, err) != 0)
		return -1;
	return end(
	    request,
	    entry_release(request->serve->store, request->entry_id, token, reason, now_ms, err),
	    err);
}

enum MHD_Result post_release(struct request *request)
{
	struct error err;
	return answer_settled(request, release(request, &err), &err);
}

static int defer(struct request *request, struct error *err)
{
	static const char *const members[] = {"lease_token", "until", "reason", NULL};
	const char *token;
	const char *until;
	const char *reason;
	int64_t until_ms;
	int64_t now_ms;
	if (request_only(request, members, err) != 0 || read_token(request, &token, err) != 0 ||
	    request_text(request, "until", true, &until, err) != 0 ||
	    request_text(request, "reason", false, &reason, err) != 0)
		return -1;
	if (time_parse(until, 1, clock_now_ms(), &until_ms) != 0)
		return error_set(
		    err, ERROR_USAGE,
		    "until takes a time: 2026-01-31T12:00:00Z, or a span from now: 2h");
	if (begin(request, &now_ms, err) != 0)
		return -1;
	return end(request,
		   entry_defer(request->serve->store, request->entry_id, token, until_ms, reason,
			       now_ms, err),
		   err);
}

enum MHD_Result post_defer(struct request *request)
{
	struct error err;
	return answer_settled(request, defer(request, &err), &err);
}

/* ---- extend, progress ---- */

static int extend(struct request *request, struct error *err)
{
	static const char *const members[] = {"lease_token", "lease", NULL};
	const char *token;
	const char *lease;
	int64_t lease_ms;
	int64_t now_ms;
	if (request_only(request, members, err) != 0 || read_token(request, &token, err) != 0 ||
	    request_text(request, "lease", true, &lease, err) != 0 ||
	    request_span(lease, "lease", 1, ENTRY_LEASE_MAX_MS, &lease_ms, err) != 0 ||
	    begin(request, &now_ms, err) != 0)
		return -1;
	return end(request,
		   entry_extend(request->serve->store, request->entry_id, token, now_ms + lease_ms,
				now_ms, err),
		   err);
}

enum MHD_Result post_extend(struct request *request)
{
	struct error err;
	return answer_settled(request, extend(request, &err), &err);
}

static int progress(struct request *request, struct error *err)
{
	static const char *const members[] = {"lease_token", "progress", NULL};
	const char *token;
	const char *text;
	if (request_only(request, members, err) != 0 || read_token(request, &token, err) != 0 ||
	    request_text(request, "progress", true, &text, err) != 0)
		return -1;
	if (*text == '\0' || strpbrk(text, "\r\n") != NULL ||
	    g_utf8_strlen(text, -1) > ENTRY_PROGRESS_MAX)
		return error_set(err, ERROR_USAGE,
				 "the text is one line of UTF-8 with 1 to %d characters",
				 ENTRY_PROGRESS_MAX);
	return entry_note_progress(request->serve->store, request->entry_id, token, text,
				   clock_now_ms(), err);
}

enum MHD_Result post_progress(struct request *request)
{
	struct error err;
	return answer_settled(request, progress(request, &err), &err);
}
