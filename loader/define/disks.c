/* What is left of the disks that the work needs: that of the database, where mail on its way lies as well, and
 * those of the logs of `watch`. A file that is gone, or that could not be written, is no better than a full disk. */
#include "loader/define/check.h"

#include "queue/upkeep.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct disks {
	void (*report)(const struct check_disk *disk, void *context);
	void *context;
};

/* A disk that cannot be asked for is none that is full: then the file itself is missing. */
static void disks_take(const struct disks *disks, const char *what, const char *path)
{
	struct statvfs disk;
	if (statvfs(path, &disk) != 0)
		return;
	const struct check_disk found = {.what = what,
					 .path = path,
					 .free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize,
					 .read_only = (disk.f_flag & ST_RDONLY) != 0};
	disks->report(&found, disks->context);
}

/* A fault has no numbers: the file is not there to be asked. */
static void disks_fault(const struct disks *disks, const char *path, const char *words)
{
	const struct check_disk found = {.what = "log", .path = path, .fault = words};
	disks->report(&found, disks->context);
}

/* Of a log that was deleted or moved away, only the service still has the file. */
static int disks_take_log(const struct upkeep_log *log, void *context)
{
	g_autofree char *words = NULL;
	if (log->error != NULL) {
		words = g_strdup_printf("log: %s", log->error);
	} else if (access(log->path, F_OK) != 0 && errno == ENOENT) {
		words = g_strdup_printf(
		    "the log '%s' was moved or deleted while `watch` writes it: %s", log->path,
		    strcmp(log->kind, "protocol") == 0 ? "send it HUP" : "start it again");
	} else {
		disks_take(context, "log", log->path);
		return 0;
	}
	disks_fault(context, log->path, words);
	return 0;
}

/* The database comes first: without room for it, nothing else is of use. */
int check_disks(struct store *store, const char *database,
		void (*report)(const struct check_disk *disk, void *context), void *context,
		struct error *err)
{
	struct disks disks = {.report = report, .context = context};
	disks_take(&disks, "database", database);
	return upkeep_list_logs(store, disks_take_log, &disks, err);
}

/* In the units of --min-free. */
char *check_size_format(uint64_t bytes)
{
	const double megabytes = (double)bytes / (1024 * 1024);
	return megabytes < 1024 ? g_strdup_printf("%.0f MB", megabytes)
				: g_strdup_printf("%.1f GB", megabytes / 1024);
}

char *check_disk_fault(const struct check_disk *disk, uint64_t least_bytes)
{
	if (disk->fault != NULL)
		return g_strdup(disk->fault);
	if (disk->read_only)
		return g_strdup_printf("the disk of the %s '%s' is read-only", disk->what,
				       disk->path);
	if (disk->free_bytes >= least_bytes)
		return NULL;
	g_autofree char *left = check_size_format(disk->free_bytes);
	g_autofree char *least = check_size_format(least_bytes);
	return g_strdup_printf("the disk of the %s '%s' has %s free, less than %s", disk->what,
			       disk->path, left, least);
}
