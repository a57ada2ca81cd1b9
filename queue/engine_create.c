#include "queue/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(const char *what, const char *path, struct error *err)
{
	const int error = errno;
	enum error_reason status = REASON_IO;
	if (error == ENOSPC || error == EDQUOT)
		status = REASON_FULL;
	else if (error == EROFS || error == EACCES || error == EPERM)
		status = REASON_READ_ONLY;
	return error_because(err, status,
			     "cannot create the %s '%s': %s; name another place with --database",
			     what, path, g_strerror(error));
}

int engine_sync_folder(const char *folder)
{
	const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	const int result = fsync(fd);
	close(fd);
	return result;
}

/* With its parents. */
static int folder_create(const char *folder, struct error *err)
{
	struct stat status;
	if (stat(folder, &status) == 0)
		return 0;
	g_autofree char *parent = g_path_get_dirname(folder);
	if (folder_create(parent, err) != 0)
		return -1;
	if (mkdir(folder, 0700) != 0)
		/* Another process was faster. */
		return errno == EEXIST ? 0 : fail("folder", folder, err);
	/* The umask may have taken the owner's own rights away. */
	if (chmod(folder, 0700) != 0 || engine_sync_folder(parent) != 0)
		return fail("folder", folder, err);
	return 0;
}

int engine_create(const char *location, struct error *err)
{
	struct stat status;
	if (stat(location, &status) == 0)
		return 0;
	if (errno != ENOENT)
		return fail("database", location, err);

	g_autofree char *folder = g_path_get_dirname(location);
	if (folder_create(folder, err) != 0)
		return -1;

	const int fd = open(location, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		/* Another process was faster: then it exists, which is what was asked for. */
		return errno == EEXIST ? 0 : fail("database", location, err);
	const bool done =
	    fchmod(fd, 0600) == 0 && fsync(fd) == 0 && engine_sync_folder(folder) == 0;
	if (!done)
		fail("database", location, err);
	close(fd);
	return done ? 0 : -1;
}
