#include "queue/store_stamp.h"

#include <sys/stat.h>

uint64_t store_stamp(const char *location)
{
	struct stat status;
	if (stat(location, &status) != 0)
		return 0;
	/* Every commit writes the first page, which holds a counter of changes. */
	return (uint64_t)status.st_mtim.tv_sec * 1000000000 + (uint64_t)status.st_mtim.tv_nsec +
	       (uint64_t)status.st_ino + (uint64_t)status.st_size;
}
