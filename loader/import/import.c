/*
 * A run: reads which digests the queue has, pushes the messages of all paths through the batches,
 * and says at its end what went wrong with single files.
 */
#include "loader/import/import_internal.h"

#include "loader/base/service.h"
#include "queue/base/scoped.h"
#include "queue/entry.h"

#include <inttypes.h>
#include <string.h>

bool import_is_over(const struct import *import)
{
	return stop_requested() ||
	       (import->options->limit != 0 && import->taken >= import->options->limit);
}

void import_note_fault(struct import *import, const struct error *fault)
{
	if (import->result->faults++ == 0)
		import->fault = *fault;
	else
		import->options->noted(fault->text, import->options->context);
}

/* Any bytes of a digest are as good as all of them. */
static guint import_hash_digest(const void *digest)
{
	guint hash;
	memcpy(&hash, digest, sizeof hash);
	return hash;
}

static gboolean import_equal_digests(const void *left, const void *right)
{
	return memcmp(left, right, SHA256_DIGEST_SIZE) == 0;
}

void import_know(const struct import *import, const unsigned char sha256[SHA256_DIGEST_SIZE],
		 bool is_bad)
{
	g_hash_table_insert(import->known, g_memdup2(sha256, SHA256_DIGEST_SIZE),
			    GINT_TO_POINTER(is_bad));
}

static int import_learn(const unsigned char sha256[SHA256_DIGEST_SIZE], bool is_bad, void *context)
{
	import_know(context, sha256, is_bad);
	return 0;
}

/* One that is missing would be found out after the first commit, when files are to be moved. */
static int import_check_folder(const char *option, const char *folder, struct error *err)
{
	if (folder == NULL || g_file_test(folder, G_FILE_TEST_IS_DIR))
		return 0;
	return error_set(err, ERROR_CONFIGURATION, "%s: '%s' is not a folder: create it first",
			 option, folder);
}

static int import_paths(struct import *import, char *const *paths, size_t count, struct error *err)
{
	for (size_t i = 0; i < count && !import_is_over(import); i++) {
		if (import_walk(import, paths[i], err) != 0)
			return -1;
	}
	return import_drain(import, err);
}

/* Faults of single files end the run with the first of them, after all else has been imported. */
static int import_verdict(const struct import *import, struct error *err)
{
	import->result->went_through = !stop_requested();
	if (import->result->faults > 0) {
		*err = import->fault;
		return -1;
	}
	if (stop_requested())
		return error_set(err, ERROR_TEMPORARY,
				 "asked to stop; the same command goes on where it was");
	return 0;
}

static int import_all(struct import *import, char *const *paths, size_t count, struct error *err)
{
	if (connection_string_parse_local(import->queue->connection_string, &import->definition,
					  err) != 0 ||
	    rules_open(import->store, import->queue->id, &import->rules, err) != 0 ||
	    entry_list_digests(import->store, import->queue->id, import_learn, import, err) != 0)
		return -1;
	for (unsigned i = 0; i < import->options->jobs; i++) {
		if (import_batch_open(import, &import->batches[i], err) != 0)
			return -1;
	}
	if (import_paths(import, paths, count, err) != 0)
		return -1;
	return import_verdict(import, err);
}

/* The queue is locked against other imports and loads: two of them would make two entries of one mail. */
int import_run(struct store *store, const struct work_queue *queue, char *const *paths,
	       size_t count, const struct import_options *options, struct import_result *ret_result,
	       struct error *err)
{
	scoped(work_queue_unlock) struct work_queue_lock *lock = NULL;
	struct import import = {
	    .store = store, .queue = queue, .options = options, .result = ret_result};
	*ret_result = (struct import_result){0};
	if (import_check_folder("--archive", options->archive, err) != 0 ||
	    import_check_folder("--failed", options->failed, err) != 0 ||
	    (!options->dry_run && work_queue_lock(store, queue->id, &lock, err) != 0))
		return -1;
	import.known =
	    g_hash_table_new_full(import_hash_digest, import_equal_digests, g_free, NULL);
	import.batches = g_new0(struct import_batch, options->jobs);
	int failed = import_all(&import, paths, count, err);
	for (unsigned i = 0; i < options->jobs; i++)
		import_batch_close(&import.batches[i]);
	g_free(import.batches);
	g_hash_table_unref(import.known);
	rules_free(import.rules);
	connection_string_free(import.definition);
	return failed;
}
