/*
 * power_loss [IMAGES]
 *
 * Loads mail into a database on a disk that remembers every write and sync, then lets the power go
 * at random moments (1,000 times): the database that is left opens, is whole, and holds what had
 * been committed, and of what had not all or nothing. Of five messages one is skipped by a rule, and one goes to
 * another queue. The log is emptied every few commits, and
 * begun anew; in the middle the database is put back to a rollback journal, as older programs left
 * it, and is converted once more. On a disk that lies about syncs this must fail, or the test could
 * not find anything.
 */
#include "disk_recorder.h"

#include "queue/entry.h"
#include "queue/pickup.h"
#include "queue/rule.h"
#include "queue/store.h"
#include "queue/store_internal.h"
#include "queue/work_queue.h"

#include <glib.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { BATCHES = 12, BATCH = 5, BODY_BYTES = 30000, NOW_MS = 1000 };

/* Three commits or so. */
enum { LOG_BYTES = 500000 };

/* What a reader sees at a moment: how many messages have an entry or were skipped, and how many were moved. */
struct sight {
	guint step; /* when this was committed */
	gint64 stored;
	gint64 moved;
};

static GArray *sights; /* struct sight */
static char *folder;

static void require(int condition, const char *what, const struct error *err)
{
	if (condition)
		return;
	g_printerr("%s: %s\n", what, err != NULL ? err->text : "");
	exit(1);
}

static void note_sight(gint64 stored, gint64 moved)
{
	struct sight sight = {disk_recorder_count(), stored, moved};
	g_array_append_val(sights, sight);
}

/* As rules decide it. */
static int put_message(struct store *store, struct entry *entry,
		       const struct entry_contents *contents, uint32_t uid, int64_t other_id,
		       int64_t *ret_id, struct error *err)
{
	const struct entry_rule skipped = {1, 1, "skip"};
	if (uid % BATCH == 0)
		return entry_skip(store, entry, &skipped, NOW_MS, ret_id, err);
	if (uid % BATCH == 1)
		entry->queue_id = other_id;
	return entry_put(store, entry, contents, NOW_MS, ret_id, err);
}

static void put_entry(struct store *store, const struct pickup_source *source, int64_t other_id,
		      uint32_t uid, int body)
{
	struct error err;
	char subject[] = "Invoice";
	struct entry entry = {
	    .queue_id = source->queue_id, .subject = subject, .raw_size = BODY_BYTES};
	struct entry_attachment attachment = {.file_name = subject, .content_type = subject};
	struct entry_content bytes = {.present = true, .fd = body, .size_bytes = BODY_BYTES};
	struct entry_contents contents = {.attachments = &bytes};
	struct pickup pickup = {.uid = uid, .raw_size = BODY_BYTES};
	bytes.hashed = true;
	memcpy(bytes.sha256, &uid, sizeof uid);
	memcpy(pickup.raw_sha256, &uid, sizeof uid);
	entry.attachments = &attachment;
	entry.attachment_count = 1;
	require(put_message(store, &entry, &contents, uid, other_id, &pickup.entry_id, &err) == 0,
		"put_message", &err);
	require(pickup_put(store, source, &pickup, NOW_MS, &err) == 0, "pickup_put", &err);
}

static int64_t create_queue(struct store *store, char *name)
{
	char text[] = "url=imap.example.com";
	char source[] = "env";
	struct work_queue queue = {.name = name,
				   .class_name = name,
				   .external_source = name,
				   .connection_string = text,
				   .user_name = name,
				   .credential_source = source,
				   .credential_reference = name,
				   .max_attempts = 3};
	struct error err;
	int64_t id = 0;
	require(work_queue_put(store, &queue, NOW_MS, &id, &err) == 0, "work_queue_put", &err);
	return id;
}

/* As a run does: a batch in one transaction, then the ledger in another. */
static void load(struct store *store, int64_t queue_id, int64_t other_id, int body, uint32_t first,
		 uint32_t end)
{
	struct error err;
	const struct pickup_source source = {queue_id, "robot@imap.example.com/INBOX", 7};
	for (uint32_t batch = first; batch < end; batch++) {
		uint32_t uids[BATCH];
		require(store_begin(store, &err) == 0, "store_begin", &err);
		for (uint32_t i = 0; i < BATCH; i++) {
			uids[i] = 1 + batch * BATCH + i;
			put_entry(store, &source, other_id, uids[i], body);
		}
		require(store_commit(store, &err) == 0, "store_commit", &err);
		note_sight(((gint64)batch + 1) * BATCH, (gint64)batch * BATCH);
		require(
		    pickup_mark(store, &source, uids, BATCH, PICKUP_MOVED, NULL, NOW_MS, &err) == 0,
		    "pickup_mark", &err);
		note_sight(((gint64)batch + 1) * BATCH, ((gint64)batch + 1) * BATCH);
	}
}

static struct store *open_store(const char *path)
{
	struct error err;
	struct store *store = NULL;
	require(store_open(path, STORE_CREATE, &store, &err) == 0, "store_open", &err);
	engine_set_log_limit(store->engine, LOG_BYTES);
	return store;
}

static void put_back_to_a_journal(const char *path)
{
	sqlite3 *db = NULL;
	require(sqlite3_open(path, &db) == SQLITE_OK &&
		    sqlite3_exec(db, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL) == SQLITE_OK,
		"journal_mode", NULL);
	sqlite3_close(db);
}

static void work(void)
{
	g_autofree char *path = g_build_filename(folder, "recorded.db", NULL);
	int body = memfd_create("body", MFD_CLOEXEC);
	require(body >= 0 && ftruncate(body, BODY_BYTES) == 0, "body", NULL);
	struct store *store = open_store(path);
	char name[] = "invoices";
	char other_name[] = "orders";
	const int64_t queue_id = create_queue(store, name);
	const int64_t other_id = create_queue(store, other_name);
	note_sight(0, 0);
	load(store, queue_id, other_id, body, 0, BATCHES / 2);
	store_close(store);
	put_back_to_a_journal(path);
	store = open_store(path);
	load(store, queue_id, other_id, body, BATCHES / 2, BATCHES);
	store_close(store);
	close(body);
}

/* ---- afterwards ---- */

static void write_image(const struct disk_image *image, const char *path)
{
	g_autofree char *journal = g_strconcat(path, "-journal", NULL);
	g_autofree char *log = g_strconcat(path, "-wal", NULL);
	g_autofree char *index = g_strconcat(path, "-shm", NULL);
	const char *const names[DISK_FILE_COUNT] = {path, journal, log};
	unlink(index);
	for (size_t i = 0; i < DISK_FILE_COUNT; i++) {
		unlink(names[i]);
		const GByteArray *file = image->files[i];
		if (file != NULL)
			require(g_file_set_contents_full(names[i], (const char *)file->data,
							 (gssize)file->len,
							 G_FILE_SET_CONTENTS_NONE, 0600, NULL),
				names[i], NULL);
	}
}

static void count_problem(const char *problem, void *context)
{
	(void)problem;
	(*(int *)context)++;
}

static gint64 ask(sqlite3 *db, const char *question)
{
	sqlite3_stmt *statement = NULL;
	gint64 answer = -1;
	if (sqlite3_prepare_v2(db, question, -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		answer = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return answer;
}

/* The database as the program finds it after the power is back. */
static int look(const char *path, struct sight *ret_sight)
{
	struct error err;
	struct store *store = NULL;
	sqlite3 *db = NULL;
	int problems = 0;
	if (store_open(path, STORE_WRITE, &store, &err) != 0)
		return -1;
	int failed = store_check(store, count_problem, &problems, &err);
	store_close(store);
	if (failed != 0 || problems > 0)
		return -1;
	require(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, "unix") == SQLITE_OK, path, NULL);
	ret_sight->stored =
	    ask(db, "SELECT (SELECT count(*) FROM entry) + (SELECT count(*) FROM entry_skip)");
	ret_sight->moved = ask(db, "SELECT count(*) FROM pickup WHERE state = 'moved'");
	const gint64 without =
	    ask(db, "SELECT count(*) FROM pickup WHERE entry_id NOT IN"
		    " (SELECT id FROM entry_status UNION SELECT entry_id FROM entry_skip)");
	sqlite3_close(db);
	return without == 0 ? 0 : -1;
}

/* What had been committed by then, or that and what was being committed. */
static bool is_allowed(const struct sight *seen, guint step)
{
	for (guint i = 0; i < sights->len; i++) {
		const struct sight *sight = &g_array_index(sights, struct sight, i);
		bool over =
		    i + 1 < sights->len && g_array_index(sights, struct sight, i + 1).step <= step;
		bool begun = i == 0 || g_array_index(sights, struct sight, i - 1).step <= step;
		if (!over && begun && seen->stored == sight->stored && seen->moved == sight->moved)
			return true;
	}
	return false;
}

struct figures {
	unsigned images, lost, damaged;
	guint64 sectors_lost, sectors_torn;
};

static void lose_power(unsigned images, gboolean syncs_lie, guint last, struct figures *figures)
{
	g_autofree char *path = g_build_filename(folder, "image.db", NULL);
	GRand *chance = g_rand_new_with_seed(4711);
	guint first = g_array_index(sights, struct sight, 0).step;
	for (unsigned i = 0; i < images; i++) {
		struct disk_image image;
		struct sight seen;
		guint step = (guint)g_rand_int_range(chance, (gint32)first, (gint32)last + 1);
		disk_image_make(step, chance, syncs_lie, &image);
		write_image(&image, path);
		figures->images++;
		figures->sectors_lost += image.lost;
		figures->sectors_torn += image.torn;
		if (look(path, &seen) != 0)
			figures->damaged++;
		else if (!is_allowed(&seen, step))
			figures->lost++;
		disk_image_clear(&image);
	}
	g_rand_free(chance);
}

static void clean_up(void)
{
	static const char *const names[] = {"recorded.db", "recorded.db-wal",  "recorded.db-shm",
					    "image.db",	   "image.db-journal", "image.db-wal",
					    "image.db-shm"};
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_build_filename(folder, names[i], NULL);
		unlink(path);
	}
	rmdir(folder);
}

int main(int argc, char **argv)
{
	unsigned images = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000;
	struct figures honest = {0};
	struct figures lying = {0};
	folder = g_dir_make_tmp("inqueue-power-XXXXXX", NULL);
	require(folder != NULL, "temporary folder", NULL);
	sights = g_array_new(FALSE, FALSE, sizeof(struct sight));
	disk_recorder_install();
	work();
	guint last = disk_recorder_count();
	lose_power(images, FALSE, last, &honest);
	lose_power(MIN(images, 100), TRUE, last, &lying);
	clean_up();
	g_print("| power loss | %u | %u | 0 | %u | |\n", honest.images, honest.lost,
		honest.damaged);
	g_print("%" G_GUINT64_FORMAT " sectors lost, %" G_GUINT64_FORMAT
		" torn; on a disk that lies about syncs %u of %u images are bad\n",
		honest.sectors_lost, honest.sectors_torn, lying.lost + lying.damaged, lying.images);
	require(honest.sectors_lost > 0 && honest.sectors_torn > 0, "no fault was tried", NULL);
	require(lying.lost + lying.damaged > 0, "a lying disk was not found out", NULL);
	require(honest.lost == 0 && honest.damaged == 0, "the database did not keep its word",
		NULL);
	return 0;
}
