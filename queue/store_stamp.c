#include "queue/store_stamp.h"

#include <glib.h>
#include <stdlib.h>
#include <sys/stat.h>

static uint64_t stamp_file(const char *path)
{
	struct stat status;
	if (stat(path, &status) != 0)
		return 0;
	return (uint64_t)status.st_mtim.tv_sec * 1000000000 + (uint64_t)status.st_mtim.tv_nsec +
	       (uint64_t)status.st_ino + (uint64_t)status.st_size;
}

uint64_t store_stamp(const char *location)
{
	char *path = realpath(location, NULL);
	if (path == NULL)
		return 0;
	/* A commit is written to the log, and to the database by whoever empties that. */
	g_autofree char *log = g_strconcat(path, "-wal", NULL);
	const uint64_t stamp = 31 * stamp_file(path) + stamp_file(log);
	free(path);
	return stamp;
}
