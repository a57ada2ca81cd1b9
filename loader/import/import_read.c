/* Reads files and says what each holds: one message, or an mbox. A message is pushed piece by piece,
 * so that memory does not grow with it. */
#include "loader/import/import_internal.h"

#include "queue/base/scoped.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { IMPORT_PIECE_BYTES = 64 * 1024 };

static void import_note(struct import *import, const char *path, enum error_kind kind,
			const char *words)
{
	struct error fault;
	error_fill(&fault, kind, "'%s': %s", path, words);
	import_note_fault(import, &fault);
}

void import_note_unread(struct import *import, struct import_file *file, int number)
{
	file->stays = true;
	import_note(import, file->path, ERROR_IO, g_strerror(number));
}

void import_note_no_mbox(struct import *import, struct import_file *file)
{
	file->stays = true;
	import_note(import, file->path, ERROR_DATA,
		    "is no mbox: that begins with a line 'From ADDRESS DATE'");
}

/* The whole file is a message. */
static int import_read_message(struct import *import, struct import_file *file, int descriptor,
			       struct error *err)
{
	char piece[IMPORT_PIECE_BYTES];
	ssize_t got;
	import_begin(import, file);
	while ((got = read(descriptor, piece, sizeof piece)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			import_note_unread(import, file, errno);
			return 0;
		}
		if (import_write(import, piece, (size_t)got, err) != 0)
			return -1;
	}
	return import_end(import, file->path, file->status.st_mtime, true, err);
}

bool import_name_ends(const char *name, const char *end)
{
	const char *dot = strrchr(name, '.');
	return dot != NULL && g_ascii_strcasecmp(dot, end) == 0;
}

/* A file that is named may have any name. One message that was saved with its "From " is still one
 * message. */
static bool import_is_mbox(const char *path, int descriptor)
{
	char first[5];
	if (import_name_ends(path, ".mbox"))
		return true;
	return !import_name_ends(path, ".eml") &&
	       pread(descriptor, first, sizeof first, 0) == (ssize_t)sizeof first &&
	       memcmp(first, "From ", sizeof first) == 0;
}

int import_read(struct import *import, const char *path, struct error *err)
{
	struct stat status;
	/* O_NONBLOCK: a pipe that has taken the file's place since it was found would be waited for. */
	scoped(descriptor_close) int descriptor =
	    open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (descriptor < 0 || fstat(descriptor, &status) != 0) {
		import_note(import, path, ERROR_IO, g_strerror(errno));
		return 0;
	}
	struct import_file *file = import_file_new(path, &status);
	int failed = import_is_mbox(path, descriptor)
			 ? import_read_mbox(import, file, descriptor, err)
			 : import_read_message(import, file, descriptor, err);
	file->stays |= failed != 0;
	import_file_let_go(import, file);
	return failed;
}
