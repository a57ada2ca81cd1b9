/* Looks at the database as a whole: how long its log is and who keeps it from being emptied, by
 * the locks that /proc/locks shows; whether its pages, rows and the objects of its schema are
 * there. */
#include "queue/store.h"

#include "queue/engine_internal.h"
#include "queue/store_internal.h"

#include "schema_sql.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* A reader holds a lock on one of these bytes of the index. */
enum { READ_LOCKS_FIRST = 123, READ_LOCKS_LAST = 127 };

/* Longer than the log gets while nobody reads, unless a single transaction is that large. */
#define GROWN_BYTES INT64_C(67108864)

enum { LOCK_LINES_MAX = 100000 };

int64_t store_log_bytes(struct store *store)
{
	return engine_log_size(store->engine);
}

/* The words of "1: POSIX  ADVISORY  READ 4711 fe:00:123456 124 124". */
enum {
	LOCK_KIND = 1,
	LOCK_TYPE = 3,
	LOCK_PROCESS = 4,
	LOCK_FILE = 5,
	LOCK_FIRST = 6,
	LOCK_WORDS = 8
};

/* In place; false where there are fewer words. */
static bool split(char *line, char *ret_words[LOCK_WORDS])
{
	char *rest = NULL;
	for (size_t i = 0; i < LOCK_WORDS; i++) {
		ret_words[i] = strtok_r(i == 0 ? line : NULL, " \n", &rest);
		if (ret_words[i] == NULL)
			return false;
	}
	return true;
}

/* Whose lock the line shows, where it is a reader's on this file; else 0. */
static int reader_of_line(char *line, const char *index)
{
	char *words[LOCK_WORDS];
	if (!split(line, words) || strcmp(words[LOCK_KIND], "POSIX") != 0 ||
	    strcmp(words[LOCK_TYPE], "READ") != 0 || strcmp(words[LOCK_FILE], index) != 0)
		return 0;
	const int process = (int)g_ascii_strtoll(words[LOCK_PROCESS], NULL, 10);
	const int64_t first = g_ascii_strtoll(words[LOCK_FIRST], NULL, 10);
	const bool reads = first >= READ_LOCKS_FIRST && first <= READ_LOCKS_LAST;
	return reads && process > 0 && process != getpid() ? process : 0;
}

/* "process 4711 (sqlite3)"; without a name where the process belongs to somebody else. */
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

/* /proc/locks shows the locks of all processes of this machine, by device and file number. */
static char *readers_find(struct store *store)
{
	g_autofree char *path = engine_sibling(store->engine, "-shm");
	g_autoptr(GString) processes = g_string_new(NULL);
	__attribute__((cleanup(close_file))) FILE *locks = fopen("/proc/locks", "re");
	struct stat status;
	char line[256];
	if (locks == NULL || stat(path, &status) != 0)
		return NULL;
	g_autofree char *index =
	    g_strdup_printf("%02x:%02x:%" G_GUINT64_FORMAT, major(status.st_dev),
			    minor(status.st_dev), (guint64)status.st_ino);
	for (int i = 0; i < LOCK_LINES_MAX && fgets(line, sizeof line, locks) != NULL; i++) {
		const int process = reader_of_line(line, index);
		if (process != 0)
			add_process(processes, process);
	}
	return processes->len > 0 ? g_strdup(processes->str) : NULL;
}

char *store_log_held(struct store *store, const char *path)
{
	const int64_t log_bytes = store_log_bytes(store);
	g_autofree char *readers = log_bytes > GROWN_BYTES ? readers_find(store) : NULL;
	if (readers == NULL)
		return NULL;
	return g_strdup_printf("'%s-wal' takes %.1f MB because %s has been reading the database: "
			       "once it has ended, the next commit gives the space back",
			       path, (double)log_bytes / 1e6, readers);
}

/* ---- is it whole? ---- */

/* The names that `CREATE TABLE|INDEX|TRIGGER|VIEW name` in the document defines. */
static GPtrArray *list_schema_names(void)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GRegex) create = g_regex_new(
	    "^CREATE (?:TABLE|(?:UNIQUE )?INDEX|TRIGGER|VIEW) (\\w+)", G_REGEX_MULTILINE, 0, NULL);
	g_autoptr(GMatchInfo) match = NULL;
	g_regex_match(create, schema_sql, 0, &match);
	while (g_match_info_matches(match)) {
		g_ptr_array_add(names, g_match_info_fetch(match, 1));
		g_match_info_next(match, NULL);
	}
	return names;
}

/* After the engine's own checks: each object that the document of the schema names must be
 * there. */
int store_check(struct store *store, void (*report)(const char *problem, void *context),
		void *context, struct error *err)
{
	if (engine_check(store->engine, report, context, err) != 0)
		return -1;
	g_autoptr(GPtrArray) names = list_schema_names();
	for (guint i = 0; i < names->len; i++) {
		const char *name = g_ptr_array_index(names, i);
		bool there;
		if (engine_has_object(store->engine, name, &there, err) != 0)
			return -1;
		g_autofree char *problem = g_strdup_printf("'%s' of the schema is missing", name);
		if (!there)
			report(problem, context);
	}
	return 0;
}

int store_schema_version(struct store *store, int64_t *ret_version, struct error *err)
{
	struct engine_identity identity;
	if (engine_identify(store->engine, STORE_APPLICATION, &identity, err) != 0)
		return -1;
	*ret_version = identity.version;
	return 0;
}

const char *store_engine_version(void)
{
	return engine_version();
}

const char *store_engine_workaround(void)
{
	return engine_workaround();
}
