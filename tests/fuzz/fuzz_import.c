/* Mail in a file, an mbox where it begins as one, else a tar on standard input: all of it is told apart,
 * or a fault says why not, and there are no more messages than there is room for.
 */
#include "loader/import/import.h"
#include "queue/base/scoped.h"
#include "queue/work_queue.h"

#include <fcntl.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BLOCK = 512, MAGIC = 257, SUM = 148, SUM_SIZE = 8 };

static char folder[] = "/dev/shm/fuzz-XXXXXX";
static char *database;
static char *mbox;
static int tar;
static struct store *store;
static int64_t queue_id;
static uint64_t message_count;

static void require(int condition)
{
	if (!condition)
		abort();
}

static void create_queue(void)
{
	char word[] = "import";
	char source[] = "env";
	const struct work_queue queue = {.name = word,
					 .class_name = word,
					 .external_source = word,
					 .connection_string = word,
					 .user_name = word,
					 .credential_source = source,
					 .credential_reference = word,
					 .max_attempts = 1};
	struct error err;

	require(work_queue_put(store, &queue, 1, &queue_id, &err) == 0);
}

static void remove_files(void)
{
	store_close(store);
	unlink(database);
	unlink(mbox);
	rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct error err;

	(void)argc;
	(void)argv;
	require(mkdtemp(folder) != NULL);
	database = g_build_filename(folder, "db", NULL);
	mbox = g_build_filename(folder, "mail.mbox", NULL);
	tar = memfd_create("tar", MFD_CLOEXEC);
	require(tar >= 0 && dup2(tar, STDIN_FILENO) == STDIN_FILENO);
	require(store_open(database, STORE_CREATE, &store, &err) == 0);
	create_queue();
	atexit(remove_files);
	return 0;
}

/* Nothing would come behind a header whose sum is wrong. */
static void correct_sums(uint8_t *data, size_t size)
{
	for (size_t at = 0; at + BLOCK <= size; at += BLOCK) {
		unsigned sum = SUM_SIZE * ' ';
		char text[SUM_SIZE + 1];

		if (memcmp(data + at + MAGIC, "ustar", strlen("ustar")) != 0)
			continue;
		for (size_t i = 0; i < BLOCK; i++)
			sum += i < SUM || i >= SUM + SUM_SIZE ? data[at + i] : 0;
		g_snprintf(text, sizeof text, "%07o", sum);
		memcpy(data + at + SUM, text, SUM_SIZE);
	}
}

static uint64_t count_froms(const uint8_t *data, size_t size)
{
	uint64_t count = 0;

	for (size_t i = 0; i + 5 <= size; i++)
		count += memcmp(data + i, "From ", 5) == 0;
	return count;
}

static void plan(const char *step, void *context)
{
	(void)step;
	(void)context;
	message_count++;
}

static void progress(uint64_t done, uint64_t size_bytes, void *context)
{
	(void)done;
	(void)size_bytes;
	(void)context;
}

static void noted(const char *words, void *context)
{
	(void)context;
	require(*words != '\0');
}

static void put(int file, const uint8_t *data, size_t size)
{
	require(ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == (ssize_t)size &&
		lseek(file, 0, SEEK_SET) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct import_options options = {.database = database,
					       .jobs = 1,
					       .dry_run = true,
					       .plan = plan,
					       .progress = progress,
					       .noted = noted};
	const struct work_queue queue = {.id = queue_id,
					 .connection_string = (char *)"maxSize=2000"};
	const bool is_mbox = size >= 5 && memcmp(data, "From ", 5) == 0;
	char *paths[] = {is_mbox ? mbox : (char *)"-"};
	struct import_result result;
	struct error err = {0};
	g_autofree uint8_t *own = g_memdup2(data, size);

	message_count = 0;
	if (is_mbox) {
		scoped(descriptor_close) int file = open(mbox, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		put(file, data, size);
	} else {
		correct_sums(own, size);
		put(STDIN_FILENO, own, size);
	}
	if (import_run(store, &queue, paths, 1, &options, &result, &err) != 0)
		require(result.went_through && result.faults > 0 &&
			(err.kind == ERROR_DATA || err.kind == ERROR_IO) && *err.text != '\0');
	require(message_count <= count_froms(data, size) + (is_mbox ? 0 : size / BLOCK));
	return 0;
}
