#include "disk_recorder.h"

#include <sqlite3.h>
#include <string.h>

enum { SECTOR = 512 };

static sqlite3_vfs *real_vfs;
static sqlite3_vfs recorder;
static GArray *steps; /* struct disk_step */

struct recorded_file {
	sqlite3_file base;
	enum disk_file which;
	gboolean syncs_folder; /* with its next sync, as the system's VFS does */
	sqlite3_file *real;    /* behind this struct */
};

static sqlite3_file *real_of(sqlite3_file *file)
{
	return ((struct recorded_file *)(void *)file)->real;
}

static void note(enum disk_action action, enum disk_file file, gint64 offset, const void *bytes,
		 size_t size)
{
	struct disk_step step = {.action = action,
				 .file = file,
				 .offset = offset,
				 .bytes = bytes != NULL ? g_bytes_new(bytes, size) : NULL};
	g_array_append_val(steps, step);
}

static enum disk_file which_file(const char *name)
{
	if (g_str_has_suffix(name, "-journal"))
		return DISK_JOURNAL;
	return g_str_has_suffix(name, "-wal") ? DISK_LOG : DISK_DATABASE;
}

/* ---- a file ---- */

static int file_close(sqlite3_file *file)
{
	return real_of(file)->pMethods->xClose(real_of(file));
}

static int file_read(sqlite3_file *file, void *bytes, int size, sqlite3_int64 offset)
{
	return real_of(file)->pMethods->xRead(real_of(file), bytes, size, offset);
}

static int file_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 offset)
{
	note(DISK_WRITE, ((struct recorded_file *)(void *)file)->which, offset, bytes,
	     (size_t)size);
	return real_of(file)->pMethods->xWrite(real_of(file), bytes, size, offset);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	note(DISK_CUT, ((struct recorded_file *)(void *)file)->which, size, NULL, 0);
	return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int file_sync(sqlite3_file *file, int flags)
{
	struct recorded_file *recorded = (struct recorded_file *)(void *)file;
	note(DISK_SYNC, recorded->which, 0, NULL, 0);
	if (recorded->syncs_folder)
		note(DISK_SYNC_FOLDER, recorded->which, 0, NULL, 0);
	recorded->syncs_folder = FALSE;
	return real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *ret_size)
{
	return real_of(file)->pMethods->xFileSize(real_of(file), ret_size);
}

static int file_lock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int file_unlock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int file_check_lock(sqlite3_file *file, int *ret_locked)
{
	return real_of(file)->pMethods->xCheckReservedLock(real_of(file), ret_locked);
}

static int file_control(sqlite3_file *file, int what, void *argument)
{
	return real_of(file)->pMethods->xFileControl(real_of(file), what, argument);
}

static int file_sector_size(sqlite3_file *file)
{
	return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int file_characteristics(sqlite3_file *file)
{
	return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

/* The log's index: nothing of it needs to reach a disk, and nothing of it survives. */
static int file_shm_map(sqlite3_file *file, int region, int size, int extend,
			void volatile **ret_memory)
{
	return real_of(file)->pMethods->xShmMap(real_of(file), region, size, extend, ret_memory);
}

static int file_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
	return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}

static void file_shm_barrier(sqlite3_file *file)
{
	real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int file_shm_unmap(sqlite3_file *file, int delete_it)
{
	return real_of(file)->pMethods->xShmUnmap(real_of(file), delete_it);
}

/* Version 2: no mapping of the files themselves, past which nothing could be recorded. */
static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

/* ---- the VFS ---- */

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
		    int *ret_flags)
{
	struct recorded_file *recorded = (struct recorded_file *)(void *)file;
	(void)vfs;
	recorded->base.pMethods = NULL;
	recorded->real = (sqlite3_file *)(void *)(recorded + 1);
	int code = real_vfs->xOpen(real_vfs, name, recorded->real, flags, ret_flags);
	if (code != SQLITE_OK)
		return code;
	recorded->which = name != NULL ? which_file(name) : DISK_DATABASE;
	recorded->syncs_folder = (flags & SQLITE_OPEN_CREATE) != 0 &&
				 (flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL)) != 0;
	recorded->base.pMethods = &methods;
	return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	(void)vfs;
	note(DISK_DELETE, which_file(name), 0, NULL, 0);
	if (sync)
		note(DISK_SYNC_FOLDER, which_file(name), 0, NULL, 0);
	return real_vfs->xDelete(real_vfs, name, sync);
}

void disk_recorder_install(void)
{
	steps = g_array_new(FALSE, FALSE, sizeof(struct disk_step));
	real_vfs = sqlite3_vfs_find(NULL);
	recorder = *real_vfs;
	recorder.zName = "recorder";
	recorder.szOsFile = (int)sizeof(struct recorded_file) + real_vfs->szOsFile;
	recorder.xOpen = vfs_open;
	recorder.xDelete = vfs_delete;
	sqlite3_vfs_register(&recorder, 1);
}

guint disk_recorder_count(void)
{
	return steps->len;
}

/* ---- what is left ---- */

static void image_put(GByteArray **file, gint64 offset, const guint8 *bytes, gsize size)
{
	if (*file == NULL)
		*file = g_byte_array_new();
	guint end = (guint)offset + (guint)size;
	guint old = (*file)->len;
	if (end > old) {
		g_byte_array_set_size(*file, end);
		memset((*file)->data + old, 0, end - old);
	}
	memcpy((*file)->data + offset, bytes, size);
}

static void image_cut(GByteArray **file, gint64 size)
{
	if (*file != NULL && (gint64)(*file)->len > size)
		g_byte_array_set_size(*file, (guint)size);
}

static void image_delete(GByteArray **file)
{
	if (*file != NULL)
		g_byte_array_unref(*file);
	*file = NULL;
}

/* A write that nobody waited for: sector by sector, whole, in part, or not at all. */
static void image_put_by_chance(struct disk_image *image, GByteArray **file,
				const struct disk_step *step, GRand *chance)
{
	gsize size;
	const guint8 *bytes = g_bytes_get_data(step->bytes, &size);
	for (gsize done = 0; done < size;) {
		gsize piece =
		    MIN(size - done, SECTOR - (gsize)(step->offset + (gint64)done) % SECTOR);
		gint32 fate = g_rand_int_range(chance, 0, 20);
		if (fate < 9)
			image->lost++;
		else if (fate < 11)
			image->torn++;
		gsize kept = fate < 9 ? 0 : fate < 11 ? piece / 2 : piece;
		if (kept > 0)
			image_put(file, step->offset + (gint64)done, bytes + done, kept);
		done += piece;
	}
}

static void image_apply(struct disk_image *image, const struct disk_step *step, gboolean durable,
			GRand *chance)
{
	GByteArray **file = &image->files[step->file];
	gboolean happens = durable || g_rand_boolean(chance);
	if (step->action == DISK_WRITE && !durable) {
		image_put_by_chance(image, file, step, chance);
		return;
	}
	image->lost += !happens && step->action <= DISK_DELETE;
	if (!happens)
		return;
	if (step->action == DISK_WRITE)
		image_put(file, step->offset, g_bytes_get_data(step->bytes, NULL),
			  g_bytes_get_size(step->bytes));
	else if (step->action == DISK_CUT)
		image_cut(file, step->offset);
	else if (step->action == DISK_DELETE)
		image_delete(file);
}

void disk_image_make(guint count, GRand *chance, gboolean syncs_lie, struct disk_image *ret_image)
{
	guint synced[DISK_FILE_COUNT] = {0};
	guint folder_synced = 0;
	*ret_image = (struct disk_image){0};
	for (guint i = 0; i < count && !syncs_lie; i++) {
		const struct disk_step *step = &g_array_index(steps, struct disk_step, i);
		if (step->action == DISK_SYNC)
			synced[step->file] = i;
		else if (step->action == DISK_SYNC_FOLDER)
			folder_synced = i;
	}
	for (guint i = 0; i < count; i++) {
		const struct disk_step *step = &g_array_index(steps, struct disk_step, i);
		const guint until =
		    step->action == DISK_DELETE ? folder_synced : synced[step->file];
		image_apply(ret_image, step, i < until, chance);
	}
}

void disk_image_clear(struct disk_image *image)
{
	for (size_t i = 0; i < DISK_FILE_COUNT; i++)
		image_delete(&image->files[i]);
}
