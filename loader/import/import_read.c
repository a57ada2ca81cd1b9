/* Reads files: a message is pushed piece by piece, so that memory does not grow with it. */
#include "loader/import/import_internal.h"

#include "queue/base/scoped.h"

#include <errno.h>
#include <fcntl.h>

enum { IMPORT_PIECE_BYTES = 64 * 1024 };

/* Says which file a fault is about. */
static void import_fault_of(struct import *import, const char *path, int number)
{
	struct error fault;
	error_fill(&fault, ERROR_IO, "'%s': %s", path, g_strerror(number));
	import_note_fault(import, &fault);
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
			import_fault_of(import, file->path, errno);
			file->stays = true;
			return 0;
		}
		if (import_write(import, piece, (size_t)got, err) != 0)
			return -1;
	}
	return import_end(import, file->path, file->status.st_mtime, err);
}

int import_read(struct import *import, const char *path, struct error *err)
{
	struct stat status;
	/* Nothing that has taken the file's place since it was found is waited for. */
	scoped(descriptor_close) int descriptor =
	    open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (descriptor < 0 || fstat(descriptor, &status) != 0) {
		import_fault_of(import, path, errno);
		return 0;
	}
	struct import_file *file = import_file_new(path, &status);
	int failed = import_read_message(import, file, descriptor, err);
	file->stays |= failed != 0;
	import_file_let_go(import, file);
	return failed;
}
