/*
 * Saves attachments. Each is written to a draft, a file of the same folder under a random name, and
 * gets its own name when it is whole. A unique name is taken by linkat(), which fails where the
 * name exists, so that two commands in one folder never take the same one.
 */
#include "loader/mailbox/mail_internal.h"

#include "loader/base/folder.h"
#include "loader/parse/spool.h"
#include "mime/file_name.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { MAIL_ATTACHMENT_NAMES_MAX = 1000000, MAIL_ATTACHMENT_PIECE = 64 * 1024 };

#define DRAFT_NAME ".inqueue-XXXXXX"

struct mail_attachment_saver {
	char *path;
	int folder; /* descriptor */
	enum mail_existing existing;
	mode_t mode;
	GHashTable *next; /* name -> the first N that may be free */
	GHashTable *keys; /* of the names that this command has used */
};

int mail_attachment_open(const char *folder, enum mail_existing existing, mode_t mode,
			 struct mail_attachment_saver **ret_saver, struct error *err)
{
	scoped(mail_attachment_close) struct mail_attachment_saver *saver =
	    g_new0(struct mail_attachment_saver, 1);
	saver->path = g_strdup(folder);
	saver->existing = existing;
	saver->mode = mode != 0 ? mode : FOLDER_FILE_MODE;
	saver->keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	saver->next = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	saver->folder = -1;
	if (folder_open(folder, true, &saver->folder, err) != 0)
		return error_prefix(err, "attachment path");
	*ret_saver = steal(&saver);
	return 0;
}

void mail_attachment_close(struct mail_attachment_saver *saver)
{
	if (saver == NULL)
		return;
	descriptor_close_scoped(&saver->folder);
	g_hash_table_unref(saver->next);
	g_hash_table_unref(saver->keys);
	g_free(saver->path);
	g_free(saver);
}

/* "bill.pdf", "bill1.pdf", "bill2.pdf", as CFIMAP counts. */
char *mail_attachment_vary(const char *name, unsigned n)
{
	const char *dot = strrchr(name, '.');
	if (n == 0)
		return g_strdup(name);
	if (dot == NULL)
		return g_strdup_printf("%s%u", name, n);
	return g_strdup_printf("%.*s%u%s", (int)(dot - name), name, n, dot);
}

/* In pieces: an attachment may be larger than memory. */
static int mail_attachment_copy(int to, int content, const struct mime_content *from,
				struct error *err)
{
	g_autofree char *piece = g_malloc(MAIL_ATTACHMENT_PIECE);
	for (uint64_t done = 0; done < from->size;) {
		size_t size = (size_t)MIN(from->size - done, (uint64_t)MAIL_ATTACHMENT_PIECE);
		if (spool_read(content, from->offset + done, piece, size, err) != 0 ||
		    spool_write(to, done, piece, size, err) != 0)
			return -1;
		done += size;
	}
	return 0;
}

/* Gives the draft its first free name. */
static int mail_attachment_link(struct mail_attachment_saver *saver, const char *draft,
				const char *name, char **ret_name)
{
	/* Numbers that this command has used are not tried again: a thousand attachments of one
	 * name would take half a million tries. */
	unsigned n = GPOINTER_TO_UINT(g_hash_table_lookup(saver->next, name));
	for (; n < MAIL_ATTACHMENT_NAMES_MAX; n++) {
		g_autofree char *varied = mail_attachment_vary(name, n);
		g_autofree char *key = mime_file_name_key(varied);
		/* The same name in another case is the same file on some systems. */
		if (g_hash_table_contains(saver->keys, key))
			continue;
		if (linkat(saver->folder, draft, saver->folder, varied, 0) == 0) {
			g_hash_table_add(saver->keys, steal(&key));
			g_hash_table_insert(saver->next, g_strdup(name), GUINT_TO_POINTER(n + 1));
			*ret_name = steal(&varied);
			return unlinkat(saver->folder, draft, 0);
		}
		/* Any other failure would come again for every name. */
		if (errno != EEXIST)
			return -1;
	}
	return -1;
}

/* The draft goes with its new name; where that cannot be had, the caller removes it. */
static int mail_attachment_publish(struct mail_attachment_saver *saver, const char *draft,
				   const char *name, char **ret_name)
{
	if (saver->existing == MAIL_EXISTING_NUMBERED)
		return mail_attachment_link(saver, draft, name, ret_name);
	if (saver->existing == MAIL_EXISTING_REFUSED) {
		if (linkat(saver->folder, draft, saver->folder, name, 0) != 0)
			return -1;
		unlinkat(saver->folder, draft, 0);
	} else if (renameat(saver->folder, draft, saver->folder, name) != 0) {
		return -1;
	}
	*ret_name = g_strdup(name);
	return 0;
}

/* Makes a file that nothing else has open, and writes its name to `draft`. */
static int mail_attachment_draft(const struct mail_attachment_saver *saver, char *draft)
{
	for (unsigned tries = 0; tries < 100; tries++) {
		g_snprintf(draft, sizeof DRAFT_NAME, ".inqueue-%06x", g_random_int() & 0xffffffU);
		int file = openat(saver->folder, draft,
				  O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (file >= 0)
			(void)!fchmod(file, saver->mode);
		if (file >= 0 || errno != EEXIST)
			return file;
	}
	return -1;
}

int mail_attachment_save(struct mail_attachment_saver *saver, int content,
			 const struct mime_attachment *attachment, char **ret_path,
			 struct error *err)
{
	g_autofree char *name = mime_file_name_clean(attachment->file_name);
	g_autofree char *final = NULL;
	char draft[sizeof DRAFT_NAME];
	scoped(descriptor_close) int file = mail_attachment_draft(saver, draft);
	if (file < 0)
		return error_set(err, ERROR_IO, "attachment path '%s': %s", saver->path,
				 g_strerror(errno));
	if (mail_attachment_copy(file, content, &attachment->content, err) != 0) {
		unlinkat(saver->folder, draft, 0);
		return error_prefix(err, "attachment '%s'", name);
	}
	if (mail_attachment_publish(saver, draft, name, &final) != 0) {
		int saved = errno;
		unlinkat(saver->folder, draft, 0);
		if (saved == EEXIST)
			return error_set(err, ERROR_IO,
					 "attachment '%s/%s' exists already; "
					 "--generate-unique-filenames gives the new one a number, "
					 "--overwrite replaces it",
					 saver->path, name);
		return error_set(err, ERROR_IO, "attachment '%s/%s': %s", saver->path, name,
				 g_strerror(saved));
	}
	*ret_path = g_build_filename(saver->path, final, NULL);
	return 0;
}
