/* Saves attachments or the raw message of an entry as files. Each part is written to a draft in
 * the same folder, synced, and given its name when it is whole. */
#include "loader/entry/export.h"

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
	int folder;	   /* descriptor */
	GHashTable *names; /* used by this call, so that two attachments of one name both stay */
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

/* "name.pdf", "name (2).pdf", …: the first name that this call has not used. Caller frees. */
static char *save_pick_name(const struct save *save, const char *wish)
{
	g_autofree char *clean = mime_file_name_clean(wish);
	const char *dot = strrchr(clean, '.');
	int stem = dot != NULL ? (int)(dot - clean) : (int)strlen(clean);
	char *name = g_strdup(clean);
	for (unsigned n = 2; g_hash_table_contains(save->names, name); n++) {
		g_free(name);
		name = g_strdup_printf("%.*s (%u)%s", stem, clean, n, clean + stem);
	}
	g_hash_table_add(save->names, g_strdup(name));
	return name;
}

/* Gives the finished draft its name. Both ways are one step for everybody else: link() refuses
 * an existing name, rename() replaces it, and no other process sees half a file. */
static int save_publish(const struct save *save, const char *draft, const char *name,
			struct error *err)
{
	int failed = save->options->overwrite ? renameat(save->folder, draft, save->folder, name)
					      : linkat(save->folder, draft, save->folder, name, 0);
	if (failed == 0)
		return 0;
	if (errno == EEXIST)
		return error_set(err, ERROR_IO,
				 "'%s/%s' exists already; --overwrite replaces it, --to names "
				 "another folder",
				 save->options->folder, name);
	return error_set(err, ERROR_IO, "'%s/%s': %s", save->options->folder, name,
			 g_strerror(errno));
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
	return error_set(err, ERROR_IO, "writing in '%s': %s", save->options->folder,
			 g_strerror(errno));
}

/* The draft goes in any case: after link() it is a second name, after a failure a piece of a
 * file. */
static int save_part(const struct save *save, enum entry_part part, uint32_t position,
		     const char *wish, struct error *err)
{
	g_autofree char *name = save_pick_name(save, wish);
	g_autofree char *draft = g_strdup_printf(".inqueue-%ld-%u.part", (long)getpid(), position);
	scoped(descriptor_close) int descriptor =
	    openat(save->folder, draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (descriptor < 0)
		return error_set(err, ERROR_IO, "folder '%s': %s", save->options->folder,
				 g_strerror(errno));
	int failed = save_fill(save, descriptor, part, position, err);
	if (failed == 0)
		failed = save_publish(save, draft, name, err);
	unlinkat(save->folder, draft, 0);
	if (failed != 0)
		return -1;
	g_autofree char *path = g_build_filename(save->options->folder, name, NULL);
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

/* Names are looked up in the folder's descriptor, so that a folder that is renamed or replaced
 * meanwhile does not divide the files. */
int save_entry(struct store *store, int64_t entry_id, const struct save_options *options,
	       struct error *err)
{
	scoped(entry_free) struct entry *entry = NULL;
	if (entry_find(store, entry_id, &entry, err) != 0)
		return -1;
	if (g_mkdir_with_parents(options->folder, 0777) != 0)
		return error_set(err, ERROR_IO, "folder '%s': %s", options->folder,
				 g_strerror(errno));
	scoped(descriptor_close) int folder =
	    open(options->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return error_set(err, ERROR_IO, "folder '%s': %s", options->folder,
				 g_strerror(errno));
	g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	struct save save = {.store = store,
			    .entry_id = entry_id,
			    .options = options,
			    .folder = folder,
			    .names = names};
	return options->raw ? save_raw(&save, entry, err) : save_attachments(&save, entry, err);
}
