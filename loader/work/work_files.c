/* Writes an entry out for a command: a private folder with entry.json and the attachments, the
 * environment that names them, and the removal of it all afterwards. */
#include "loader/work/work_internal.h"

#include "loader/base/clock.h"
#include "loader/base/folder.h"
#include "loader/base/redact.h"
#include "loader/entry/export.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <glib/gstdio.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct work_files {
	char *folder;
	char *attachments; /* folder */
	char *entry;	   /* file */
	char *output;	   /* file, of the command */
	char *queue_name;
};

static void work_files_saved(const char *path, void *context)
{
	g_ptr_array_add(context, g_strdup(path));
}

/* The document names the paths of the attachments, which are saved by then. */
static int work_files_write_entry(struct store *store, const struct entry_lease *lease,
				  struct work_files *files, const GPtrArray *paths,
				  struct error *err)
{
	scoped(entry_free) struct entry *entry = NULL;
	if (entry_find(store, lease->entry_id, &entry, err) != 0)
		return -1;
	files->queue_name = g_strdup(entry->queue_name);
	const int descriptor =
	    open(files->entry, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *out = descriptor >= 0 ? fdopen(descriptor, "w") : NULL;
	if (out == NULL)
		return error_set(err, ERROR_IO, "'%s': %s", files->entry, g_strerror(errno));
	const struct entry_json_claim claim = {.token = lease->token, .paths = paths};
	const int failed = entry_json_write(out, store, entry, &claim, err);
	if (fclose(out) != 0 && failed == 0)
		return error_set(err, ERROR_IO, "'%s': %s", files->entry, g_strerror(errno));
	return failed;
}

/* A folder of our own in the temporary one, in which nobody else may put another in its place.
 * Caller frees. */
static int work_files_make_folder(const char *name, char **ret_folder, struct error *err)
{
	scoped(descriptor_close) int temporary = -1;
	g_autofree char *folder = g_build_filename(g_get_tmp_dir(), name, NULL);
	if (folder_open(g_get_tmp_dir(), false, &temporary, err) != 0)
		return error_prefix(err, "temporary folder");
	if (g_mkdtemp_full(folder, 0700) == NULL)
		return error_set(err, ERROR_IO, "temporary folder '%s': %s", folder,
				 g_strerror(errno));
	*ret_folder = steal(&folder);
	return 0;
}

/* Attachments first, since the document names their paths. What was written before an error goes with the folder. */
int work_files_write(struct store *store, const struct entry_lease *lease,
		     struct work_files **ret_files, struct error *err)
{
	scoped(work_files_free) struct work_files *files = g_new0(struct work_files, 1);
	g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *name =
	    g_strdup_printf("inqueue-entry-%" PRId64 "-XXXXXX", lease->entry_id);
	if (work_files_make_folder(name, &files->folder, err) != 0)
		return -1;
	files->attachments = g_build_filename(files->folder, "attachments", NULL);
	files->entry = g_build_filename(files->folder, "entry.json", NULL);
	files->output = g_build_filename(files->folder, "output", NULL);
	const struct save_options options = {
	    .folder = files->attachments, .saved = work_files_saved, .context = paths};
	if (save_entry(store, lease->entry_id, &options, err) != 0 ||
	    work_files_write_entry(store, lease, files, paths, err) != 0)
		return -1;
	*ret_files = steal(&files);
	return 0;
}

/* Writes and syncs a file of 64 KiB: a full disk takes an empty one. */
int work_files_probe(struct error *err)
{
	static const char bytes[64 * 1024];
	scoped(work_files_free) struct work_files *files = g_new0(struct work_files, 1);
	if (work_files_make_folder("inqueue-probe-XXXXXX", &files->folder, err) != 0)
		return -1;
	g_autofree char *path = g_build_filename(files->folder, "probe", NULL);
	scoped(descriptor_close) int descriptor =
	    open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (descriptor < 0 || write(descriptor, bytes, sizeof bytes) != (ssize_t)sizeof bytes ||
	    fsync(descriptor) != 0)
		return error_set(err, ERROR_IO, "temporary folder '%s': %s", files->folder,
				 g_strerror(errno));
	return 0;
}

const char *work_files_entry(const struct work_files *files)
{
	return files->entry;
}

const char *work_files_output(const struct work_files *files)
{
	return files->output;
}

/* The text as a JSON string, in quotes; bytes that are no UTF-8 are replaced. */
static char *work_files_quote(const char *text, size_t size)
{
	g_autofree char *valid = g_utf8_make_valid(text, (gssize)size);
	json_auto_t *string = json_string(valid);
	return json_dumps(string, JSON_ENCODE_ANY);
}

/* Secrets are taken out first: the command may show its environment, with the token in it. One byte more than may
 * be there tells that it is too much. */
int work_files_take_output(const struct work_files *files, char **ret_output, struct error *err)
{
	scoped(descriptor_close) int descriptor =
	    open(files->output, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	g_autofree char *bytes = g_malloc(ENTRY_OUTPUT_MAX + 1);
	size_t size = 0;
	ssize_t got = descriptor < 0 ? -1 : 1;
	while (got > 0 && size <= ENTRY_OUTPUT_MAX) {
		got = read(descriptor, bytes + size, ENTRY_OUTPUT_MAX + 1 - size);
		size += got > 0 ? (size_t)got : 0;
	}
	*ret_output = NULL;
	if (got < 0)
		return error_set(err, ERROR_IO, "its output cannot be read: %s", g_strerror(errno));
	if (size == 0)
		return 0;
	g_autofree char *text = redact(bytes, size);
	json_auto_t *value =
	    json_loads(text, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, NULL);
	g_autofree char *output =
	    value != NULL ? steal(&text) : work_files_quote(text, strlen(text));
	if (size > ENTRY_OUTPUT_MAX || strlen(output) > ENTRY_OUTPUT_MAX)
		return error_set(err, ERROR_DATA, "its output is longer than 1 MiB");
	*ret_output = steal(&output);
	return 0;
}

/* A variable that is set already, by a worker in a worker, is replaced: the inner entry counts. */
char **work_files_environment(const struct work_files *files, const struct work_options *options,
			      const struct entry_lease *lease)
{
	g_autofree char *id = g_strdup_printf("%" PRId64, lease->entry_id);
	g_autofree char *attempt = g_strdup_printf("%d", (int)lease->attempt);
	const char *const variables[][2] = {
	    {"INQUEUE_DATABASE", options->database},
	    {"INQUEUE_QUEUE", files->queue_name},
	    {"INQUEUE_ENTRY_ID", id},
	    {"INQUEUE_ENTRY_FILE", files->entry},
	    {"INQUEUE_ATTACHMENTS", files->attachments},
	    {"INQUEUE_ATTEMPT", attempt},
	    {"INQUEUE_TOKEN", lease->token},
	    {"INQUEUE_WORKER", options->wish.worker},
	};
	char **environment = g_get_environ();
	for (size_t i = 0; i < G_N_ELEMENTS(variables); i++)
		environment = g_environ_setenv(environment, variables[i][0], variables[i][1], TRUE);
	return environment;
}

/* Walks down without following links, so that nothing outside of the folder is deleted. */
static void work_files_remove(char *folder)
{
	char *const paths[] = {folder, NULL};
	FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	FTSENT *found;
	while (walk != NULL && (found = fts_read(walk)) != NULL) {
		/* A folder whose permissions the command has taken away is still ours. */
		if (found->fts_info == FTS_D)
			chmod(found->fts_accpath, 0700);
		else
			remove(found->fts_accpath);
	}
	if (walk != NULL)
		fts_close(walk);
}

void work_files_free(struct work_files *files)
{
	if (files == NULL)
		return;
	if (files->folder != NULL)
		work_files_remove(files->folder);
	g_free(files->folder);
	g_free(files->attachments);
	g_free(files->entry);
	g_free(files->output);
	g_free(files->queue_name);
	g_free(files);
}
