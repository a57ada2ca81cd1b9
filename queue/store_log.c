/* Finds out what the log takes, and whose locks on its index keep it from being emptied. */
#include "queue/store_log.h"

#include "queue/store_private.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Who reads holds one of these bytes of the index. */
enum { READ_LOCKS_FIRST = 123, READ_LOCKS_LAST = 127 };

/* Some transactions longer than the log gets while nobody reads. */
#define GROWN_BYTES INT64_C(67108864)

enum { LOCK_LINES_MAX = 100000 };

void store_log_find(struct store *store, struct store_log *ret_log)
{
	ret_log->size_bytes = engine_log_size(store->engine);
	ret_log->grown = ret_log->size_bytes > GROWN_BYTES;
}

/* "1: POSIX  ADVISORY  READ 4711 fe:00:123456 124 124": whose lock it is, where it is a reader's on
 * this file; else 0. */
static int reader_of_line(const char *line, const struct stat *index)
{
	char type[8];
	int process;
	unsigned major;
	unsigned minor;
	unsigned long long inode;
	long long first;
	if (sscanf(line, "%*d: POSIX %*s %7s %d %x:%x:%llu %lld", type, &process, &major, &minor,
		   &inode, &first) != 6)
		return 0;
	const bool same = inode == index->st_ino && major == major(index->st_dev) &&
			  minor == minor(index->st_dev);
	const bool reads =
	    strcmp(type, "READ") == 0 && first >= READ_LOCKS_FIRST && first <= READ_LOCKS_LAST;
	return same && reads && process > 0 && process != getpid() ? process : 0;
}

static void add_process(GString *processes, int process)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/comm", process);
	g_autofree char *name = NULL;
	g_autofree char *words = NULL;
	if (g_file_get_contents(path, &name, NULL, NULL))
		words = g_strdup_printf("process %d (%s)", process, g_strchomp(name));
	else
		words = g_strdup_printf("process %d", process);
	/* One reader may hold several locks. */
	if (strstr(processes->str, words) != NULL)
		return;
	g_string_append_printf(processes, "%s%s", processes->len > 0 ? ", " : "", words);
}

static void close_file(FILE **file)
{
	if (*file != NULL)
		fclose(*file);
}

char *store_log_readers(struct store *store)
{
	g_autofree char *path = engine_sibling(store->engine, "-shm");
	g_autoptr(GString) processes = g_string_new(NULL);
	__attribute__((cleanup(close_file))) FILE *locks = fopen("/proc/locks", "re");
	struct stat index;
	char line[256];
	if (locks == NULL || stat(path, &index) != 0)
		return NULL;
	for (int i = 0; i < LOCK_LINES_MAX && fgets(line, sizeof line, locks) != NULL; i++) {
		const int process = reader_of_line(line, &index);
		if (process != 0)
			add_process(processes, process);
	}
	return processes->len > 0 ? g_strdup(processes->str) : NULL;
}
