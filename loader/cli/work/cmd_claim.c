/* `claim`: chooses entries by a worker's wish, prints them with their lease token, and gives back what
 * could not be printed. */
#include "loader/cli/work/work_internal.h"

#include "loader/base/clock.h"
#include "loader/cli/entry/entry_view.h"
#include "loader/cli/frame/output.h"
#include "loader/entry/export.h"
#include "loader/work/work.h"
#include "queue/base/scoped.h"

#include <inttypes.h>
#include <stdio.h>

/* All leases of a claim lie in memory at once, and one transaction gives them. */
enum { CLAIM_COUNT_MAX = 10000 };

/* "host:process" */
static const char *cmd_claim_worker(void)
{
	static char worker[300];
	g_snprintf(worker, sizeof worker, "%s:%ld", g_get_host_name(), (long)getpid());
	return worker;
}

/* A lease that is longer than any lease can be would look like that of a wrong clock. */
int cmd_claim_lease(const struct invocation *invocation, int64_t *ret_lease_ms, struct error *err)
{
	if (invocation_duration(invocation, "lease", 1, ret_lease_ms, err) != 0)
		return -1;
	return *ret_lease_ms <= ENTRY_LEASE_MAX_MS
		   ? 0
		   : error_set(err, ERROR_USAGE, "--lease takes at most %dd",
			       (int)(ENTRY_LEASE_MAX_MS / 86400000));
}

/* A worker that does not name itself gets a name that tells people where to look. */
int cmd_claim_wish(const struct invocation *invocation, const struct work_queue *queue,
		   struct entry_wish *ret_wish, struct error *err)
{
	*ret_wish = (struct entry_wish){.queue_id = queue->id,
					.sender = invocation_text(invocation, "sender"),
					.subject = invocation_text(invocation, "subject"),
					.tag = invocation_text(invocation, "tag"),
					.reference = invocation_text(invocation, "reference")};
	if (invocation_line(invocation, "worker", &ret_wish->worker, err) != 0 ||
	    cmd_claim_lease(invocation, &ret_wish->lease_ms, err) != 0)
		return -1;
	if (ret_wish->worker == NULL || *ret_wish->worker == '\0')
		ret_wish->worker = cmd_claim_worker();
	return 0;
}

/* What is printed for each of the leases that one claim has got. */
struct cmd_claim {
	struct store *store;
	const char *folder; /* for attachments, or NULL */
	enum save_existing existing;
	mode_t mode;
	bool json;
	GPtrArray *paths;
};

/* The path is borrowed for the time of the call, so that it is copied. */
static void cmd_claim_saved(const char *path, void *context)
{
	g_ptr_array_add(context, g_strdup(path));
}

/* Each entry's attachments go into a folder that is named by its id. */
static int cmd_claim_save(struct cmd_claim *claim, int64_t entry_id, struct error *err)
{
	g_ptr_array_set_size(claim->paths, 0);
	if (claim->folder == NULL)
		return 0;
	const struct save_options options = {.folder = claim->folder,
					     .by_entry = true,
					     .existing = claim->existing,
					     .mode = claim->mode,
					     .saved = cmd_claim_saved,
					     .context = claim->paths};
	return save_entry(claim->store, entry_id, &options, err);
}

/* The token comes first: a person needs it to finish the entry. */
static int cmd_claim_print(struct cmd_claim *claim, const struct entry_lease *lease,
			   struct error *err)
{
	scoped(entry_free) struct entry *entry = NULL;
	if (entry_find(claim->store, lease->entry_id, &entry, err) != 0)
		return -1;
	if (cmd_claim_save(claim, lease->entry_id, err) != 0)
		return -1;
	if (claim->json) {
		const struct entry_json_claim with = {
		    .token = lease->token, .paths = claim->folder != NULL ? claim->paths : NULL};
		return entry_json_write(stdout, claim->store, entry, &with, err);
	}
	output_entry_field("lease token", "%s", lease->token);
	for (guint i = 0; i < claim->paths->len; i++)
		output_entry_field("saved", "%s", (const char *)g_ptr_array_index(claim->paths, i));
	return entry_view_print(claim->store, entry, err);
}

/* The flush is part of it: what still lies in a buffer has not reached the claimer. */
static int cmd_claim_print_all(struct cmd_claim *claim, const struct entry_lease *leases,
			       size_t count, struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		if (cmd_claim_print(claim, &leases[i], err) != 0)
			return -1;
	}
	return fflush(stdout) == 0 ? 0
				   : error_set(err, ERROR_IO, "standard output cannot be written");
}

/* The claimer has not got them, and nobody would finish them before their leases end. */
static void cmd_claim_give_back(struct store *store, const struct entry_lease *leases, size_t count)
{
	struct error ignored;
	for (size_t i = 0; i < count; i++)
		entry_release(store, leases[i].entry_id, leases[i].token,
			      "the claim could not be printed", clock_now_ms(), &ignored);
}

/* Goes by the clock that nobody sets: a wait must not end early or never. 0 = do not wait. */
static int cmd_claim_wait(const struct invocation *invocation, int64_t *ret_until_ms,
			  struct error *err)
{
	int64_t wait_ms;
	if (invocation_duration(invocation, "wait", 0, &wait_ms, err) != 0)
		return -1;
	*ret_until_ms = wait_ms > 0 ? clock_monotonic_ms() + wait_ms : 0;
	return 0;
}

/* What was claimed is given back when it could not be printed: nobody knows of it. */
int cmd_claim(const struct invocation *invocation, struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	scoped(work_queue_free) struct work_queue *queue = NULL;
	struct entry_wish wish;
	int64_t wait_until_ms;
	uint64_t room;
	mode_t mode;
	if (invocation_file_mode(invocation, &mode, err) != 0 ||
	    cmd_claim_wait(invocation, &wait_until_ms, err) != 0 ||
	    invocation_number(invocation, "count", 1, &room, err) != 0 ||
	    invocation_open(invocation, STORE_WRITE, &store, err) != 0 ||
	    invocation_find_queue(invocation, store, 0, &queue, err) != 0 ||
	    cmd_claim_wish(invocation, queue, &wish, err) != 0)
		return -1;
	if (room > CLAIM_COUNT_MAX)
		return error_set(err, ERROR_USAGE, "--count takes at most %d", CLAIM_COUNT_MAX);
	g_autofree struct entry_lease *leases = g_new(struct entry_lease, room);
	size_t count;
	if (work_claim(store, &wish, wait_until_ms, leases, room, &count, err) != 0)
		return -1;
	if (count == 0)
		return error_set(err, ERROR_NO, "queue '%s': nothing to claim", queue->name);
	g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
	struct cmd_claim claim = {
	    .store = store,
	    .folder = invocation_text(invocation, "attachments"),
	    .existing = invocation_flag(invocation, "overwrite") ? SAVE_REPLACE : SAVE_NUMBER,
	    .mode = mode,
	    .json = invocation->json,
	    .paths = paths};
	if (cmd_claim_print_all(&claim, leases, count, err) == 0)
		return 0;
	cmd_claim_give_back(store, leases, count);
	return -1;
}
