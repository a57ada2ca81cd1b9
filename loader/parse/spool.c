/* Files without names, on the disk or in memory, which are written and read at places. Fewer bytes than
 * were asked for are an error. */
#include "loader/parse/spool.h"

#include "loader/base/folder.h"
#include "loader/base/starter.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* What a spool keeps when it is cleared: room that is there need not be made again, which is 5 % of a
 * load's processor time (500 mixed messages, 244 MB: 1.14 s; 1.20 s where all room is given back). */
enum { SPOOL_KEPT_BYTES = 32 * 1024 * 1024, SPOOL_PIECE_BYTES = 64 * 1024 };

/* A process that has given its rights up leaves it to its starter. */
int spool_open(const char *folder, int *ret_descriptor, struct error *err)
{
	int failed = folder_open_nameless(folder, ret_descriptor);
	if (failed == EACCES)
		failed = starter_open_file(folder, ret_descriptor);
	return failed == 0 ? 0
			   : error_set(err, ERROR_IO, "temporary file in '%s': %s", folder,
				       g_strerror(failed));
}

void spool_allow(const char *database)
{
	g_autofree char *folder = spool_folder_of(database);
	starter_allow_files(folder);
}

char *spool_folder_of(const char *database)
{
	return g_path_get_dirname(database);
}

/* Small batches never touch the disk. */
int spool_open_in_memory(int *ret_descriptor, struct error *err)
{
	int descriptor = memfd_create("spool", MFD_CLOEXEC);
	if (descriptor < 0)
		return error_set(err, ERROR_IO, "temporary file in memory: %s", g_strerror(errno));
	*ret_descriptor = descriptor;
	return 0;
}

int spool_write(int descriptor, uint64_t offset, const void *bytes, size_t size, struct error *err)
{
	const char *from = bytes;
	while (size > 0) {
		ssize_t put = pwrite(descriptor, from, size, (off_t)offset);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return error_set(err, ERROR_IO, "temporary file: %s", g_strerror(errno));
		from += put;
		offset += (uint64_t)put;
		size -= (size_t)put;
	}
	return 0;
}

/* A file that ends too early is an error: all that is asked for has been written before. */
int spool_read(int descriptor, uint64_t offset, void *bytes, size_t size, struct error *err)
{
	char *to = bytes;
	while (size > 0) {
		ssize_t got = pread(descriptor, to, size, (off_t)offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return error_set(err, ERROR_IO, "temporary file: %s",
					 got < 0 ? g_strerror(errno) : "too short");
		to += got;
		offset += (uint64_t)got;
		size -= (size_t)got;
	}
	return 0;
}

int spool_hash(int descriptor, uint64_t offset, uint64_t size, struct sha256_ctx *hash,
	       struct error *err)
{
	unsigned char piece[SPOOL_PIECE_BYTES];
	for (uint64_t done = 0; done < size;) {
		size_t length = (size_t)MIN(size - done, sizeof piece);
		if (spool_read(descriptor, offset + done, piece, length, err) != 0)
			return -1;
		sha256_update(hash, length, piece);
		done += length;
	}
	return 0;
}

int spool_clear(int descriptor, struct error *err)
{
	struct stat status;
	if (fstat(descriptor, &status) != 0 ||
	    (status.st_size > SPOOL_KEPT_BYTES && ftruncate(descriptor, 0) != 0))
		return error_set(err, ERROR_IO, "temporary file: %s", g_strerror(errno));
	return 0;
}
