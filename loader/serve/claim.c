/* Claims, at once or as soon as there is something: a request that waits is asleep in the library, costs no processor time,
 * and is looked at when the database has changed, when something becomes due, or when its time is over. */
#include "loader/serve/serve_internal.h"

#include "loader/base/clock.h"
#include "loader/entry/export.h"
#include "loader/work/work.h"
#include "queue/base/scoped.h"

#include <string.h>
#include <sys/socket.h>

/* Each claim is a commit; others want to be heard in between. */
enum { CLAIMS_AT_A_TIME = 8 };

/* While somebody else writes for long. */
enum { BUSY_MS = 100 };

#define STANDARD_LEASE "10m"

/* ---- what is wanted ---- */

static const char *parameter_value(const char *name, const void *context)
{
	return request_parameter(context, name);
}

static int read_filters(struct request *request, struct entry_wish *wish, struct error *err)
{
	const struct choice choice = {.value = parameter_value, .context = request, .mark = ""};
	return choice_line(&choice, "sender", &wish->sender, err) != 0 ||
		       choice_line(&choice, "subject", &wish->subject, err) != 0 ||
		       choice_line(&choice, "tag", &wish->tag, err) != 0 ||
		       choice_line(&choice, "reference", &wish->reference, err) != 0
		   ? -1
		   : 0;
}

/* A worker is known by its token, and by a name of its own where several have one token. */
static int read_worker(struct request *request, struct error *err)
{
	const struct choice choice = {.value = parameter_value, .context = request, .mark = ""};
	const char *worker;
	if (choice_line(&choice, "worker", &worker, err) != 0)
		return -1;
	request->claim.worker = worker != NULL && *worker != '\0'
				    ? g_strdup_printf("%s/%.100s", request->token->name, worker)
				    : g_strdup(request->token->name);
	request->claim.wish.worker = request->claim.worker;
	return 0;
}

static int read_wish(struct request *request, struct error *err)
{
	struct claim *claim = &request->claim;
	const char *lease = request_parameter(request, "lease");
	const char *wait = request_parameter(request, "wait");
	uint64_t room;
	int64_t wait_ms;
	claim->wish.queue_id = request->queue->id;
	if (request_number(request, "count", 1, SERVE_COUNT_MAX, 1, &room, err) != 0 ||
	    request_span(lease != NULL ? lease : STANDARD_LEASE, "lease", 1, ENTRY_LEASE_MAX_MS,
			 &claim->wish.lease_ms, err) != 0 ||
	    request_span(wait != NULL ? wait : "0", "wait", 0, SERVE_WAIT_MAX_MS, &wait_ms, err) !=
		0 ||
	    read_filters(request, &claim->wish, err) != 0 || read_worker(request, err) != 0)
		return -1;
	claim->until_ms = clock_monotonic_ms() + wait_ms;
	claim->leases = g_new0(struct entry_lease, room);
	claim->room = (size_t)room;
	return 0;
}

/* ---- getting it ---- */

static void look_at(struct serve *serve, int64_t monotonic_ms)
{
	serve->look_ms = MIN(serve->look_ms, monotonic_ms);
}

/* Reads first, which keeps nobody from writing. claim->count stays 0 where there is nothing. */
static int claim_try(struct request *request, struct error *err)
{
	struct claim *claim = &request->claim;
	const int64_t now_ms = clock_now_ms();
	int64_t due_ms;
	if (entry_claim_due(request->serve->store, &claim->wish, now_ms, &due_ms, err) != 0)
		return -1;
	if (due_ms > now_ms)
		look_at(request->serve, clock_monotonic_ms() + due_ms - now_ms);
	if (due_ms == 0 || due_ms > now_ms)
		return 0;
	return work_claim_now(request->serve->store, &claim->wish, claim->leases, claim->room,
			      &claim->count, err);
}

static int write_claimed(FILE *out, struct request *request, struct error *err)
{
	const struct claim *claim = &request->claim;
	struct store *store = request->serve->store;
	fputs("{\"entries\":[", out);
	for (size_t i = 0; i < claim->count; i++) {
		scoped(entry_free) struct entry *entry = NULL;
		const struct entry_json_claim with = {.token = claim->leases[i].token};
		if (i > 0)
			putc(',', out);
		if (entry_find(store, claim->leases[i].entry_id, &entry, err) != 0 ||
		    entry_json_write(out, store, entry, &with, err) != 0)
			return -1;
	}
	fputs("]}\n", out);
	return 0;
}

/* Entries whose answer cannot be made, or not be sent, are given back. */
static enum MHD_Result answer_claim(struct request *request)
{
	const struct claim *claim = &request->claim;
	if (claim->failure != NULL)
		return answer_error(request, claim->failure);
	if (claim->count > 0)
		return answer_written(request, write_claimed);
	if (request->serve->stopping)
		return answer_problem(request, MHD_HTTP_SERVICE_UNAVAILABLE, "the server ends");
	return answer_nothing(request);
}

static void wait_for_it(struct request *request)
{
	struct serve *serve = request->serve;
	request->claim.waits = true;
	g_queue_push_tail_link(&serve->waiting, &request->link);
	look_at(serve, request->claim.until_ms);
	caller_forgive(request->caller);
	MHD_suspend_connection(request->connection);
}

enum MHD_Result post_claim(struct request *request)
{
	struct error err;
	if (request->claim.room != 0)
		return answer_claim(request);
	if (read_wish(request, &err) != 0 || claim_try(request, &err) != 0)
		return answer_error(request, &err);
	if (request->claim.count > 0 || request->serve->stopping ||
	    request->claim.until_ms <= clock_monotonic_ms())
		return answer_claim(request);
	wait_for_it(request);
	return MHD_YES;
}

/* ---- those that wait ---- */

static void wake(struct request *request)
{
	g_queue_unlink(&request->serve->waiting, &request->link);
	request->claim.waits = false;
	caller_expect(request->caller);
	MHD_resume_connection(request->connection);
}

/* A caller who has hung up is not heard while he is asleep; what he would get, another one gets. */
static bool is_gone(const struct request *request)
{
	char byte;
	return recv(request->caller->descriptor, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static bool is_filtered(const struct entry_wish *wish)
{
	return wish->sender != NULL || wish->subject != NULL || wish->tag != NULL ||
	       wish->reference != NULL;
}

/* Whether it is to be woken. `empty` has the queues in which there was nothing a moment ago. */
static bool look(struct request *request, GHashTable *empty)
{
	struct claim *claim = &request->claim;
	struct error err;
	const int64_t now_ms = clock_monotonic_ms();
	const bool known =
	    !is_filtered(&claim->wish) && g_hash_table_contains(empty, &claim->wish.queue_id);
	if (is_gone(request) || claim->until_ms <= now_ms)
		return true;
	look_at(request->serve, claim->until_ms);
	if (known)
		return false;
	if (claim_try(request, &err) != 0) {
		look_at(request->serve, now_ms + BUSY_MS);
		if (err.kind == ERROR_TEMPORARY)
			return false;
		claim->failure = g_memdup2(&err, sizeof err);
		return true;
	}
	if (claim->count == 0 && !is_filtered(&claim->wish))
		g_hash_table_add(empty, &claim->wish.queue_id);
	return claim->count > 0;
}

void claim_look(struct serve *serve)
{
	g_autoptr(GHashTable) empty = g_hash_table_new(g_int64_hash, g_int64_equal);
	int claims = 0;
	store_watch_clear(serve->watch);
	serve->look_ms = INT64_MAX;
	for (GList *at = serve->waiting.head, *next; at != NULL; at = next) {
		struct request *request = at->data;
		next = at->next;
		if (claims == CLAIMS_AT_A_TIME) {
			look_at(serve, clock_monotonic_ms());
			return;
		}
		if (!look(request, empty))
			continue;
		claims += request->claim.count > 0;
		wake(request);
	}
}

void claim_end_all(struct serve *serve)
{
	while (serve->waiting.head != NULL)
		wake(serve->waiting.head->data);
}

void claim_give_back(struct request *request)
{
	struct claim *claim = &request->claim;
	struct store *store = request->serve->store;
	struct error ignored;
	if (claim->count == 0 || store_begin(store, &ignored) != 0)
		return;
	for (size_t i = 0; i < claim->count; i++)
		entry_release(store, claim->leases[i].entry_id, claim->leases[i].token,
			      "the answer could not be sent", clock_now_ms(), &ignored);
	if (store_commit(store, &ignored) != 0)
		store_rollback(store);
	claim->count = 0;
}

void claim_clear(struct request *request)
{
	struct claim *claim = &request->claim;
	if (claim->waits)
		g_queue_unlink(&request->serve->waiting, &request->link);
	g_free(claim->worker);
	g_free(claim->leases);
	g_free(claim->failure);
}
