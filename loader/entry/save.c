/* Saves attachments or the raw message of an entry as files. Each part is written to a draft in
 * the same folder, synced, and given its name when it is whole. */
#include "loader/entry/export.h"

#include "loader/base/folder.h"
#include "mime/file_name.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct save {
	struct store *store;
	int64_t entry_id;
	const struct save_options *options;
	const char *path;
	int folder;	   /* descriptor of it */
	GHashTable *names; /* keys of those used by this call, so that two of one name both stay */
};

/* Gets the bytes piece by piece from entry_read(). */
static int save_write(const void *bytes, size_t size, void *context)
{
	const int *descriptor = context;
	const char *from = bytes;
	while (size > 0) {
		ssize_t put = write(*descriptor, from, size);
		if (put < 0 && errno != EINTR)
			return -1;
		if (put > 0) {
			from += put;
			size -= (size_t)put;
		}
	}
	return 0;
}

/* "name.pdf", "name (2).pdf", …: the first name that this call has not used, nor one that some
 * system takes for the same. Caller frees. */
static char *save_pick_name(const struct save *save, const char *wish)
{
	g_autofree char *clean = mime_file_name_clean(wish);
	const char *dot = strrchr(clean, '.');
	int stem = dot != NULL ? (int)(dot - clean) : (int)strlen(clean);
	char *name = g_strdup(clean);
	char *key = mime_file_name_key(name);
	for (unsigned n = 2; g_hash_table_contains(save->names, key); n++) {
		g_free(name);
		g_free(key);
		name = g_strdup_printf("%.*s (%u)%s", stem, clean, n, clean + stem);
		key = mime_file_name_key(name);
	}
	g_hash_table_add(save->names, key);
	return name;
}

/* Gives the finished draft the first name that is free; a folder has no end of names. */
static int save_publish_free(const struct save *save, const char *draft, const char *wish,
			     char **ret_name)
{
	for (;;) {
		g_autofree char *name = save_pick_name(save, wish);
		if (linkat(save->folder, draft, save->folder, name, 0) == 0) {
			*ret_name = steal(&name);
			return 0;
		}
		if (errno != EEXIST)
			return -1;
	}
}

/* Gives the finished draft its name. Both ways are one step for everybody else: link() refuses
 * an existing name, rename() replaces it, and no other process sees half a file. */
static int save_publish(const struct save *save, const char *draft, const char *wish,
			char **ret_name, struct error *err)
{
	const enum save_existing existing = save->options->existing;
	if (existing == SAVE_NUMBER)
		return save_publish_free(save, draft, wish, ret_name) == 0
			   ? 0
			   : error_set(err, ERROR_IO, "folder '%s': %s", save->path,
				       g_strerror(errno));
	g_autofree char *name = save_pick_name(save, wish);
	int failed = existing == SAVE_REPLACE ? renameat(save->folder, draft, save->folder, name)
					      : linkat(save->folder, draft, save->folder, name, 0);
	if (failed == 0) {
		*ret_name = steal(&name);
		return 0;
	}
	if (errno == EEXIST)
		return error_set(err, ERROR_IO,
				 "'%s/%s' exists already; --overwrite replaces it, --to names "
				 "another folder",
				 save->path, name);
	return error_set(err, ERROR_IO, "'%s/%s': %s", save->path, name, g_strerror(errno));
}

/* The write that failed has left errno; an error of the database has words of its own. */
static int save_fill(const struct save *save, int descriptor, enum entry_part part,
		     uint32_t position, struct error *err)
{
	*err = (struct error){0}; /* stays so where the writing fails */
	if (entry_read(save->store, save->entry_id, part, position, save_write, &descriptor, err) ==
		0 &&
	    fsync(descriptor) == 0)
		return 0;
	if (err->text[0] != '\0')
		return -1;
	return error_set(err, ERROR_IO, "writing in '%s': %s", save->path, g_strerror(errno));
}

/* The draft goes in any case: after link() it is a second name, after a failure a piece of a file. Its name cannot
 * be told in advance, so that neither one that a killed process has left (in a container numbers of processes come
 * back) nor one that somebody plants stops this. */
static int save_part(const struct save *save, enum entry_part part, uint32_t position,
		     const char *wish, struct error *err)
{
	const mode_t mode = save->options->mode;
	g_autofree char *name = NULL;
	g_autofree char *draft = g_strdup_printf(".inqueue-%08x-%u.part", g_random_int(), position);
	scoped(descriptor_close) int descriptor =
	    openat(save->folder, draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (descriptor < 0 || fchmod(descriptor, mode != 0 ? mode : FOLDER_FILE_MODE) != 0)
		return error_set(err, ERROR_IO, "folder '%s': %s", save->path, g_strerror(errno));
	int failed = save_fill(save, descriptor, part, position, err);
	if (failed == 0)
		failed = save_publish(save, draft, wish, &name, err);
	unlinkat(save->folder, draft, 0);
	if (failed != 0)
		return -1;
	g_autofree char *path = g_build_filename(save->path, name, NULL);
	save->options->saved(path, save->options->context);
	return 0;
}

/* The name is made from the id: a subject is no safe name for a file. */
static int save_raw(const struct save *save, const struct entry *entry, struct error *err)
{
	if (!entry->raw_kept)
		return error_set(err, ERROR_NO,
				 "entry %" PRId64
				 ": its raw message was not kept; keepRaw=True in the "
				 "connection string keeps those of new entries",
				 entry->id);
	g_autofree char *name = g_strdup_printf("entry-%" PRId64 ".eml", entry->id);
	return save_part(save, ENTRY_RAW, 0, name, err);
}

/* A position that the entry does not have is told with the number of those that it has. */
static int save_attachments(const struct save *save, const struct entry *entry, struct error *err)
{
	uint32_t wanted = save->options->attachment;
	if (wanted > entry->attachment_count)
		return error_set(err, ERROR_NO,
				 "entry %" PRId64 " has no attachment %u: there are %zu", entry->id,
				 wanted, entry->attachment_count);
	for (size_t i = 0; i < entry->attachment_count; i++) {
		const struct entry_attachment *attachment = &entry->attachments[i];
		if ((wanted == 0 || wanted == attachment->position) &&
		    save_part(save, ENTRY_ATTACHMENT, attachment->position, attachment->file_name,
			      err) != 0)
			return -1;
	}
	return 0;
}

/* The folder of an entry lies in one that somebody else may have planted: both must be safe. */
static int save_open_folder(const struct save_options *options, int64_t entry_id, char **ret_path,
			    int *ret_folder, struct error *err)
{
	scoped(descriptor_close) int folder = -1;
	if (folder_open(options->folder, true, &folder, err) != 0)
		return -1;
	if (!options->by_entry) {
		*ret_path = g_strdup(options->folder);
		*ret_folder = descriptor_steal(&folder);
		return 0;
	}
	g_autofree char *id = g_strdup_printf("%" PRId64, entry_id);
	if (folder_open_inside(folder, options->folder, id, ret_folder, err) != 0)
		return -1;
	*ret_path = g_build_filename(options->folder, id, NULL);
	return 0;
}

/* Names are looked up in the folder's descriptor, so that a folder that is renamed or replaced
 * meanwhile does not divide the files. */
int save_entry(struct store *store, int64_t entry_id, const struct save_options *options,
	       struct error *err)
{
	scoped(entry_free) struct entry *entry = NULL;
	if (entry_find(store, entry_id, &entry, err) != 0)
		return -1;
	g_autofree char *path = NULL;
	scoped(descriptor_close) int folder = -1;
	if (save_open_folder(options, entry_id, &path, &folder, err) != 0)
		return -1;
	g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	struct save save = {.store = store,
			    .entry_id = entry_id,
			    .options = options,
			    .path = path,
			    .folder = folder,
			    .names = names};
	return options->raw ? save_raw(&save, entry, err) : save_attachments(&save, entry, err);
}
