/*
 * Reads a tar (POSIX ustar and pax, GNU) from standard input, and pushes the messages in it: its
 * *.eml and *.mbox files and those of its Maildirs. It is not unpacked: a message goes from the pipe
 * to the spool. libarchive would bring libxml2 into a program that has passwords and reads no mail.
 */
#include "loader/import/import_internal.h"

#include "loader/parse/spool.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
	TAR_BLOCK = 512,
	TAR_PIECE = 64 * 1024,
	TAR_MAX_EXTRA = 1024 * 1024, /* names and pax records */
};

struct tar_header {
	char name[100];
	char mode[8];
	char user[8];
	char group[8];
	char size[12];
	char time[12];
	char sum[8];
	char type;
	char link[100];
	char magic[6];
	char version[2];
	char user_name[32];
	char group_name[32];
	char major[8];
	char minor[8];
	char prefix[155];
	char rest[12];
};
_Static_assert(sizeof(struct tar_header) == TAR_BLOCK, "a header is one block");

struct import_tar {
	struct import *import;
	uint64_t left;	  /* of the member at hand */
	uint64_t padding; /* behind it */
	/* Of the next member, where its header cannot say it. */
	char *path;
	bool has_size;
	uint64_t size;
};

/* A fault ends the reading: behind it nothing can be told apart. */
static int import_tar_fault(const struct import_tar *tar, enum error_kind kind, const char *words)
{
	struct error fault;
	error_fill(&fault, kind, "standard input: %s", words);
	if (!import_is_over(tar->import))
		import_note_fault(tar->import, &fault);
	return -1;
}

/* Fills the whole buffer. 1; 0 at the end of the input, before the first byte; -1: fault. */
static int import_tar_fill(const struct import_tar *tar, void *bytes, size_t size)
{
	char *to = bytes;
	size_t done = 0;
	while (done < size) {
		ssize_t got = read(STDIN_FILENO, to + done, size - done);
		if (got < 0 && errno == EINTR && !import_is_over(tar->import))
			continue;
		if (got < 0)
			return import_tar_fault(tar, ERROR_IO, g_strerror(errno));
		if (got == 0 && done == 0)
			return 0;
		if (got == 0)
			return import_tar_fault(tar, ERROR_DATA, "the tar is cut off");
		done += (size_t)got;
	}
	return 1;
}

/* The next bytes of the member. 1; 0 at its end; -1: fault. */
static int import_tar_piece(struct import_tar *tar, char *bytes, size_t room, size_t *ret_size)
{
	size_t size = (size_t)MIN(tar->left, (uint64_t)room);
	if (size == 0)
		return 0;
	int filled = import_tar_fill(tar, bytes, size);
	if (filled == 0)
		return import_tar_fault(tar, ERROR_DATA, "the tar is cut off");
	tar->left -= size;
	*ret_size = size;
	return filled;
}

static int import_tar_skip(struct import_tar *tar)
{
	char bytes[TAR_PIECE];
	size_t size = 0;
	int next;
	tar->left += tar->padding;
	tar->padding = 0;
	while ((next = import_tar_piece(tar, bytes, sizeof bytes, &size)) > 0)
		;
	return next;
}

/* ---- headers ---- */

/* Octal digits, or, where the first bit is set, a binary number. */
static bool import_tar_number(const char *field, size_t size, uint64_t *ret_number)
{
	uint64_t number = 0;
	size_t i = 0;
	if (((unsigned char)field[0] & 0x80) != 0) {
		/* A size is not negative, and has no more than 8 bytes. */
		for (i = 0; i < size - 8; i++) {
			if (((unsigned char)field[i] & (i == 0 ? 0x7f : 0xff)) != 0)
				return false;
		}
		for (; i < size; i++)
			number = number << 8 | (unsigned char)field[i];
		*ret_number = number;
		return number <= INT64_MAX;
	}
	while (i < size && field[i] == ' ')
		i++;
	for (; i < size && field[i] >= '0' && field[i] <= '7'; i++)
		number = number << 3 | (uint64_t)(field[i] - '0');
	*ret_number = number;
	return i == size || field[i] == '\0' || field[i] == ' ';
}

/* The sum of all bytes, its own field taken as blanks. */
static bool import_tar_is_header(const struct tar_header *header)
{
	const unsigned char *bytes = (const unsigned char *)header;
	uint64_t expected;
	uint64_t sum = 0;
	for (size_t i = 0; i < sizeof *header; i++) {
		bool own =
		    i >= offsetof(struct tar_header, sum) && i < offsetof(struct tar_header, type);
		sum += own ? ' ' : bytes[i];
	}
	return import_tar_number(header->sum, sizeof header->sum, &expected) && sum == expected;
}

/* Two blocks of zeros end a tar; the first is enough, whatever stands behind it. */
static bool import_tar_is_zero(const struct tar_header *header)
{
	static const struct tar_header zero;
	return memcmp(header, &zero, sizeof zero) == 0;
}

/* Caller frees. */
static char *import_tar_path(struct import_tar *tar, const struct tar_header *header)
{
	g_autofree char *name = g_strndup(header->name, sizeof header->name);
	if (tar->path != NULL)
		return steal(&tar->path);
	/* GNU tar has other things in the place of the prefix. */
	if (memcmp(header->magic, "ustar", sizeof header->magic) != 0 || header->prefix[0] == '\0')
		return steal(&name);
	g_autofree char *prefix = g_strndup(header->prefix, sizeof header->prefix);
	return g_strdup_printf("%s/%s", prefix, name);
}

/* "LENGTH KEY=VALUE\n", one behind the other. */
static void import_tar_take_records(struct import_tar *tar, char *text, size_t size)
{
	char *end = text + size;
	while (text < end) {
		char *key;
		guint64 length = g_ascii_strtoull(text, &key, 10);
		if (*key != ' ' || length <= (guint64)(key - text) + 1 ||
		    length > (guint64)(end - text))
			return;
		text[length - 1] = '\0';
		key++;
		if (g_str_has_prefix(key, "path=")) {
			g_free(tar->path);
			tar->path = g_strdup(key + strlen("path="));
		} else if (g_str_has_prefix(key, "size=")) {
			tar->has_size = g_ascii_string_to_unsigned(key + strlen("size="), 10, 0,
								   INT64_MAX, &tar->size, NULL);
		}
		text += length;
	}
}

/* What a header cannot say stands in a member of its own before it. */
static int import_tar_take_extra(struct import_tar *tar, char type)
{
	size_t size = (size_t)tar->left;
	if (tar->left > TAR_MAX_EXTRA)
		return import_tar_fault(tar, ERROR_DATA, "a name in the tar is too long");
	g_autofree char *text = g_malloc0(size + 1);
	if (size > 0 && import_tar_piece(tar, text, size, &size) < 0)
		return -1;
	if (type == 'x') {
		import_tar_take_records(tar, text, size);
	} else {
		g_free(tar->path);
		tar->path = g_strdup(text);
	}
	return 1;
}

/* ---- members ---- */

/* 1, 0: fault; -1 with *err. */
static int import_tar_message(struct import_tar *tar, struct import_file *file, struct error *err)
{
	char bytes[TAR_PIECE];
	size_t size = 0;
	int next;
	import_begin(tar->import, file);
	while ((next = import_tar_piece(tar, bytes, sizeof bytes, &size)) > 0) {
		if (import_write(tar->import, bytes, size, err) != 0)
			return -1;
	}
	if (next < 0)
		return 0;
	return import_end(tar->import, file->path, file->status.st_mtime, true, err) == 0 ? 1 : -1;
}

/* An mbox is read to and fro, so it lies in a file meanwhile. */
static int import_tar_mbox(struct import_tar *tar, struct import_file *file, struct error *err)
{
	char bytes[TAR_PIECE];
	uint64_t done = 0;
	size_t size = 0;
	int next;
	g_autofree char *folder = g_path_get_dirname(tar->import->options->database);
	scoped(descriptor_close) int spool = -1;
	file->status.st_size = (off_t)tar->left;
	if (spool_open(folder, &spool, err) != 0)
		return -1;
	while ((next = import_tar_piece(tar, bytes, sizeof bytes, &size)) > 0) {
		if (spool_write(spool, done, bytes, size, err) != 0)
			return -1;
		done += size;
	}
	if (next < 0)
		return 0;
	return import_read_mbox(tar->import, file, spool, err) == 0 ? 1 : -1;
}

/* As in folders (import_walk.c): a Maildir by the names cur and new alone, since nothing else is known of it yet. */
static bool import_tar_wants(const char *path)
{
	g_autofree char *name = g_path_get_basename(path);
	g_autofree char *above = g_path_get_dirname(path);
	g_autofree char *folder = g_path_get_basename(above);
	if (name[0] == '.')
		return false;
	if (strcmp(folder, "cur") == 0 || strcmp(folder, "new") == 0)
		return !import_name_is_deleted(name);
	return import_name_ends(name, ".eml") || import_name_ends(name, ".mbox");
}

static int import_tar_file(struct import_tar *tar, const struct tar_header *header,
			   const char *path, struct error *err)
{
	struct stat status = {0};
	uint64_t time_s;
	if (!import_tar_wants(path))
		return 1;
	if (import_tar_number(header->time, sizeof header->time, &time_s))
		status.st_mtime = (time_t)time_s;
	struct import_file *file = import_file_new(path, &status);
	file->stays = true; /* it lies in the tar */
	int next = import_name_ends(path, ".mbox") ? import_tar_mbox(tar, file, err)
						   : import_tar_message(tar, file, err);
	import_file_let_go(tar->import, file);
	return next;
}

/* 1: there may be more; 0: it is over; -1 with *err. */
static int import_tar_member(struct import_tar *tar, struct error *err)
{
	struct tar_header header;
	int next = import_tar_fill(tar, &header, sizeof header);
	if (next <= 0 || import_tar_is_zero(&header))
		return 0;
	if (!import_tar_is_header(&header) ||
	    !import_tar_number(header.size, sizeof header.size, &tar->left)) {
		import_tar_fault(tar, ERROR_DATA, "this is no tar");
		return 0;
	}
	bool is_extra = header.type == 'x' || header.type == 'L';
	if (tar->has_size && !is_extra)
		tar->left = tar->size;
	tar->padding = (TAR_BLOCK - tar->left % TAR_BLOCK) % TAR_BLOCK;
	if (is_extra) {
		next = import_tar_take_extra(tar, header.type) > 0 ? 1 : 0;
	} else {
		g_autofree char *path = import_tar_path(tar, &header);
		tar->has_size = false;
		if (header.type == '0' || header.type == '\0' || header.type == '7')
			next = import_tar_file(tar, &header, path, err);
	}
	if (next <= 0)
		return next;
	return import_tar_skip(tar) == 0 ? 1 : 0;
}

int import_read_tar(struct import *import, struct error *err)
{
	struct import_tar tar = {.import = import};
	int next = 1;
	while (next > 0 && !import_is_over(import))
		next = import_tar_member(&tar, err);
	g_free(tar.path);
	return next < 0 ? -1 : 0;
}
