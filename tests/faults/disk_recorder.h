/*
 * disk_recorder.h - a SQLite VFS that remembers what is written, cut and synced, so that a power
 * loss at any moment can be played on copies.
 *
 * Life:    disk_recorder_install() once, before the first database is opened; it becomes the
 *          default VFS and passes everything on to the system's.
 * Threads: one.
 */
#ifndef DISK_RECORDER_H
#define DISK_RECORDER_H

#include <glib.h>
#include <stddef.h>

enum disk_file { DISK_DATABASE, DISK_JOURNAL, DISK_LOG, DISK_FILE_COUNT };

enum disk_action { DISK_WRITE, DISK_CUT, DISK_DELETE, DISK_SYNC, DISK_SYNC_FOLDER };

struct disk_step {
	enum disk_action action;
	enum disk_file file;
	gint64 offset; /* of a write; the new size for a cut */
	GBytes *bytes; /* of a write */
};

void disk_recorder_install(void);

/* How many steps there have been. */
guint disk_recorder_count(void);

/* What is on the disk when the power goes after `count` steps. */
struct disk_image {
	GByteArray *files[DISK_FILE_COUNT]; /* NULL: there is no such file */
	guint lost;			    /* sectors and cuts that never reached the disk */
	guint torn;			    /* sectors that reached it in part */
};

/*
 * What had been synced is there (a deletion: its folder); of what had not, each sector of each
 * write, each cut and each deletion got there or did not, as chance will have it. With `syncs_lie`
 * nothing counts as synced.
 */
void disk_image_make(guint count, GRand *chance, gboolean syncs_lie, struct disk_image *ret_image);
void disk_image_clear(struct disk_image *image);

#endif
