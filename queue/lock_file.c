/* Opens the file whose bytes stand for rights, and takes, gives and asks for the lock of a byte. */
#include "queue/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A full disk has its own reason: others can be helped by permissions. */
static int fail_open(const char *path, struct error *err)
{
	const bool full = errno == ENOSPC || errno == EDQUOT;
	return error_because(err, full ? REASON_FULL : REASON_READ_ONLY,
			     "cannot open the lock file '%s': %s", path, g_strerror(errno));
}

/* The file gets the database's owner and permissions, so that everybody who may write to the
 * database can lock, also where root comes first. */
static int create_beside(const char *path, const char *database)
{
	struct stat status;
	if (stat(database, &status) != 0)
		return -1;
	const int descriptor =
	    open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, status.st_mode & 0666);
	if (descriptor < 0)
		return errno == EEXIST ? open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW) : -1;
	fchmod(descriptor, status.st_mode & 0666);
	if (geteuid() == 0)
		(void)!fchown(descriptor, status.st_uid, status.st_gid);
	return descriptor;
}

/* Two processes may find no file at the same time: one creates it, the other one opens that. */
int lock_file_open(const char *path, const char *database, int *ret_descriptor, struct error *err)
{
	int descriptor = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (descriptor < 0 && errno == ENOENT)
		descriptor = create_beside(path, database);
	if (descriptor < 0)
		return fail_open(path, err);
	*ret_descriptor = descriptor;
	return 0;
}

/* A byte need not exist: the file stays empty. */
static struct flock byte_of(int64_t number, short type)
{
	return (struct flock){
	    .l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)number, .l_len = 1};
}

/* F_SETLK does not wait. The kernel gives the lock back when the process ends, however it ends. */
int lock_file_take(int descriptor, int64_t byte, bool *ret_taken, struct error *err)
{
	struct flock lock = byte_of(byte, F_WRLCK);
	*ret_taken = fcntl(descriptor, F_SETLK, &lock) == 0;
	if (*ret_taken || errno == EACCES || errno == EAGAIN)
		return 0;
	return error_because(err, REASON_IO, "cannot lock the database's lock file: %s",
			     g_strerror(errno));
}

void lock_file_give(int descriptor, int64_t byte)
{
	struct flock lock = byte_of(byte, F_UNLCK);
	fcntl(descriptor, F_SETLK, &lock);
}

bool lock_file_is_held(int descriptor, int64_t byte)
{
	struct flock holder = byte_of(byte, F_WRLCK);
	return fcntl(descriptor, F_GETLK, &holder) == 0 && holder.l_type != F_UNLCK;
}

/* The kernel says 0 or -1 for a process that this one cannot see, as in another container. */
int lock_file_holder(int descriptor, int64_t byte)
{
	struct flock holder = byte_of(byte, F_WRLCK);
	if (fcntl(descriptor, F_GETLK, &holder) != 0 || holder.l_type == F_UNLCK)
		return 0;
	return holder.l_pid > 0 ? (int)holder.l_pid : 0;
}
