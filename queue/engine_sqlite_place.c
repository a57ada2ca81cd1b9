/* Where a database may lie: on a file system of this machine. SQLite's log needs memory that all processes
 * with the database share, and two machines share none, whatever SQLite finds out on one of them
 * (https://www.sqlite.org/wal.html). So a network file system is refused before anything is opened. */
#include "queue/engine_sqlite_internal.h"

#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

/* Not in every kernel's headers. */
#define AFS_MAGIC    0x6B414653u
#define CEPH_MAGIC   0x00C36400u
#define FUSE_MAGIC   0x65735546u
#define GPFS_MAGIC   0x47504653u
#define LUSTRE_MAGIC 0x0BD00BD0u
#define SMB2_MAGIC   0xFE534D42u

/* statfs() calls all that is made with FUSE alike; the table of mounts has the name. */
static const char *const remote_fuse[] = {"fuse.ceph-fuse", "fuse.glusterfs", "fuse.gvfsd-fuse",
					  "fuse.rclone",    "fuse.s3fs",      "fuse.sshfs"};

/* The name of a network file system by its number; NULL for any other. */
static const char *network_name(uint32_t magic)
{
	switch (magic) {
	case NFS_SUPER_MAGIC:
		return "NFS";
	case SMB_SUPER_MAGIC:
	case CIFS_SUPER_MAGIC:
	case SMB2_MAGIC:
		return "SMB";
	case AFS_SUPER_MAGIC:
	case AFS_MAGIC:
		return "AFS";
	case CODA_SUPER_MAGIC:
		return "Coda";
	case CEPH_MAGIC:
		return "Ceph";
	case GPFS_MAGIC:
		return "GPFS";
	case LUSTRE_MAGIC:
		return "Lustre";
	default:
		return NULL;
	}
}

/* A line of the table is "ID PARENT MAJOR:MINOR ROOT PLACE OPTIONS... - TYPE SOURCE OPTIONS". */
static const char *fuse_name_in(const char *line, dev_t device)
{
	const char *type = strstr(line, " - ");
	char *end;
	for (int field = 0; field < 2; field++) {
		line += strcspn(line, " ");
		line += strspn(line, " ");
	}
	const unsigned long major_number = strtoul(line, &end, 10);
	const unsigned long minor_number = *end == ':' ? strtoul(end + 1, NULL, 10) : 0;
	if (type == NULL || *end != ':' ||
	    makedev((unsigned)major_number, (unsigned)minor_number) != device)
		return NULL;
	type += strlen(" - ");
	for (size_t i = 0; i < G_N_ELEMENTS(remote_fuse); i++) {
		const size_t length = strlen(remote_fuse[i]);
		if (strncmp(type, remote_fuse[i], length) == 0 && type[length] == ' ')
			return remote_fuse[i] + strlen("fuse.");
	}
	return NULL;
}

/* NULL also where the table cannot be read. */
static const char *fuse_name(const char *path)
{
	struct stat status;
	g_autofree char *table = NULL;
	if (stat(path, &status) != 0 ||
	    !g_file_get_contents("/proc/self/mountinfo", &table, NULL, NULL))
		return NULL;
	g_auto(GStrv) lines = g_strsplit(table, "\n", -1);
	const char *name = NULL;
	for (size_t i = 0; lines[i] != NULL && name == NULL; i++)
		name = fuse_name_in(lines[i], status.st_dev);
	return name;
}

/* The folder of the database, through links; of one that is not there yet, the first folder above it that is. */
static char *existing_folder(const char *location)
{
	char *resolved = realpath(location, NULL);
	g_autofree char *folder = g_path_get_dirname(resolved != NULL ? resolved : location);
	free(resolved);
	struct stat status;
	while (stat(folder, &status) != 0 && strcmp(folder, "/") != 0 && strcmp(folder, ".") != 0) {
		char *parent = g_path_get_dirname(folder);
		g_free(folder);
		folder = parent;
	}
	return g_steal_pointer(&folder);
}

int engine_check_place(const char *location, struct error *err)
{
	g_autofree char *folder = existing_folder(location);
	struct statfs status;
	if (statfs(folder, &status) != 0)
		/* Whoever opens the database says what is wrong with the folder. */
		return 0;
	const uint32_t magic = (uint32_t)status.f_type;
	const char *name = magic == FUSE_MAGIC ? fuse_name(folder) : network_name(magic);
	if (name == NULL)
		return 0;
	return error_set(
	    err, ERROR_CONFIGURATION,
	    "the database's folder '%s' is on a network file system (%s), where "
	    "machines share no memory and would damage the database: keep it on a disk of "
	    "this machine (--database FILE), and copy an existing one there first",
	    folder, name);
}
