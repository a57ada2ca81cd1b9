/* A file of queues: applied whole or refused with a reason, and a second time it changes nothing.
 */
#include "loader/define/definition.h"

#include <glib.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int file;
static char path[64];
static char folder[] = "/dev/shm/fuzz-XXXXXX";
static struct store *store;

static void require(int condition)
{
	if (!condition)
		abort();
}

static void remove_database(void)
{
	g_autofree char *database = g_build_filename(folder, "db", NULL);

	store_close(store);
	unlink(database);
	rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct error err;

	(void)argc;
	(void)argv;
	file = memfd_create("queues", MFD_CLOEXEC);
	g_snprintf(path, sizeof path, "/proc/self/fd/%d", file);
	require(file >= 0 && mkdtemp(folder) != NULL);
	g_autofree char *database = g_build_filename(folder, "db", NULL);
	require(store_open(database, STORE_CREATE, &store, &err) == 0);
	atexit(remove_database);
	return 0;
}

static void ignore(const char *kind, const char *name, enum apply_outcome outcome, void *context)
{
	(void)kind;
	(void)name;
	(void)outcome;
	(void)context;
}

static void require_unchanged(const char *kind, const char *name, enum apply_outcome outcome,
			      void *context)
{
	(void)kind;
	(void)name;
	(void)context;
	require(outcome == APPLY_UNCHANGED);
}

static const struct apply_report ignored = {.tell = ignore};
static const struct apply_report unchanged = {.tell = require_unchanged};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = {0};

	require(ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == (ssize_t)size);
	if (apply_file(store, path, 1000, &ignored, &err) != 0) {
		require(err.kind != ERROR_NONE && err.kind != ERROR_SOFTWARE && *err.text != '\0');
		return 0;
	}
	require(apply_preview(store, path, &unchanged, &err) == 0);
	require(apply_file(store, path, 1000, &unchanged, &err) == 0);
	return 0;
}
