/* Figures for Prometheus, in its text format. They come from the database, at most once in a second whatever asks; what
 * would not only rise, because entries can be deleted, is no counter. Source:
 * https://prometheus.io/docs/instrumenting/exposition_formats/ */
#include "loader/serve/serve_internal.h"

#include "loader/base/clock.h"
#include "queue/base/scoped.h"
#include "queue/queue_health.h"

#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum { KEPT_MS = 1000 };

enum family {
	ENTRIES,
	OVERDUE,
	OLDEST_WAITING,
	IMAP_UP,
	IMAP_LAST_SUCCESS,
	DATABASE_BYTES,
	WAL_BYTES,
	DISK_FREE_BYTES,
	BUILD_INFO,
	PROCESS_CPU,
	PROCESS_START,
	FAMILIES
};

static const struct {
	const char *name;
	const char *type;
	const char *help;
} families[FAMILIES] = {
    [ENTRIES] = {"inqueue_entries", "gauge", "Entries of a queue, by state."},
    [OVERDUE] = {"inqueue_entries_overdue", "gauge",
		 "Entries that are not finished and whose deadline is over."},
    [OLDEST_WAITING] = {"inqueue_oldest_waiting_timestamp_seconds", "gauge",
			"Since when the oldest entry in state new is there."},
    [IMAP_UP] = {"inqueue_imap_up", "gauge", "Whether the last look at the mailbox went well."},
    [IMAP_LAST_SUCCESS] = {"inqueue_imap_last_success_timestamp_seconds", "gauge",
			   "When a look at the mailbox went well last."},
    [DATABASE_BYTES] = {"inqueue_database_bytes", "gauge", "Size of the database."},
    [WAL_BYTES] = {"inqueue_wal_bytes", "gauge", "Size of its log."},
    [DISK_FREE_BYTES] = {"inqueue_disk_free_bytes", "gauge", "Free space where it lies."},
    [BUILD_INFO] = {"inqueue_build_info", "gauge", "Always 1; the version is a label."},
    [PROCESS_CPU] = {"process_cpu_seconds_total", "counter", "Processor time of the server."},
    [PROCESS_START] = {"process_start_time_seconds", "gauge", "When the server was started."},
};

struct sample {
	enum family family;
	int64_t queue_id; /* 0: of no queue */
	char *labels;	  /* "{queue=\"invoices\"}", "" */
	double value;
};

static void sample_clear(void *data)
{
	g_free(((struct sample *)data)->labels);
}

static void add(GArray *samples, enum family family, double value)
{
	const struct sample sample = {family, 0, g_strdup(""), value};
	g_array_append_val(samples, sample);
}

/* The name of a queue holds neither quotes nor backslashes. */
static void add_of_queue(GArray *samples, enum family family, const struct work_queue *queue,
			 const char *state, double value)
{
	const struct sample sample = {
	    family, queue->id,
	    state != NULL ? g_strdup_printf("{queue=\"%s\",state=\"%s\"}", queue->name, state)
			  : g_strdup_printf("{queue=\"%s\"}", queue->name),
	    value};
	g_array_append_val(samples, sample);
}

/* ---- from the database ---- */

struct reading {
	struct serve *serve;
	GArray *samples;
	struct error *err;
};

static void add_counts(GArray *samples, const struct work_queue *queue,
		       const struct work_queue_counts *counts)
{
	const struct {
		const char *state;
		uint64_t count;
	} states[] = {
	    {"new", counts->new_entries}, {"claimed", counts->claimed + counts->expired},
	    {"done", counts->done},	  {"failed", counts->failed + counts->discarded},
	    {"bad", counts->bad},
	};
	for (size_t i = 0; i < G_N_ELEMENTS(states); i++)
		add_of_queue(samples, ENTRIES, queue, states[i].state, (double)states[i].count);
	add_of_queue(samples, OVERDUE, queue, NULL, (double)counts->overdue);
	if (counts->oldest_new_ms != 0)
		add_of_queue(samples, OLDEST_WAITING, queue, NULL,
			     (double)counts->oldest_new_ms / 1000);
}

static int add_queue(const struct work_queue *queue, void *context)
{
	const struct reading *reading = context;
	struct store *store = reading->serve->store;
	struct work_queue_counts counts;
	struct queue_health health;
	if (work_queue_count(store, queue->id, &counts, reading->err) != 0 ||
	    queue_health_find(store, queue->id, &health, reading->err) != 0)
		return -1;
	add_counts(reading->samples, queue, &counts);
	if (work_queue_has_mailbox(queue) && queue->last_message != NULL)
		add_of_queue(reading->samples, IMAP_UP, queue, NULL,
			     g_str_has_prefix(queue->last_message, "OK;") ? 1 : 0);
	if (health.last_success_ms != 0)
		add_of_queue(reading->samples, IMAP_LAST_SUCCESS, queue, NULL,
			     (double)health.last_success_ms / 1000);
	queue_health_clear(&health);
	return 0;
}

static void add_disk(const struct serve *serve, GArray *samples)
{
	const char *path = serve->options->database;
	struct stat status;
	struct statvfs disk;
	if (stat(path, &status) == 0)
		add(samples, DATABASE_BYTES, (double)status.st_size);
	add(samples, WAL_BYTES, (double)store_log_bytes(serve->store));
	if (statvfs(path, &disk) == 0)
		add(samples, DISK_FREE_BYTES, (double)disk.f_bavail * (double)disk.f_frsize);
}

static void add_process(const struct serve *serve, GArray *samples)
{
	const struct sample build = {BUILD_INFO, 0, g_strdup("{version=\"" INQUEUE_VERSION "\"}"),
				     1};
	struct rusage usage;
	g_array_append_val(samples, build);
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		add(samples, PROCESS_CPU,
		    (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
			(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
	add(samples, PROCESS_START, (double)serve->started_ms / 1000);
}

static int look(struct serve *serve, struct error *err)
{
	GArray *samples = g_array_new(FALSE, FALSE, sizeof(struct sample));
	struct reading reading = {serve, samples, err};
	g_array_set_clear_func(samples, sample_clear);
	if (work_queue_list(serve->store, add_queue, &reading, err) != 0) {
		g_array_unref(samples);
		return -1;
	}
	add_disk(serve, samples);
	add_process(serve, samples);
	metrics_clear(serve);
	serve->samples = samples;
	serve->samples_ms = clock_monotonic_ms();
	return 0;
}

void metrics_clear(struct serve *serve)
{
	g_clear_pointer(&serve->samples, g_array_unref);
}

/* ---- as text ---- */

static void write_family(GString *text, const GArray *samples, enum family family, int64_t queue_id)
{
	char value[G_ASCII_DTOSTR_BUF_SIZE];
	g_string_append_printf(text, "# HELP %s %s\n# TYPE %s %s\n", families[family].name,
			       families[family].help, families[family].name, families[family].type);
	for (guint i = 0; i < samples->len; i++) {
		const struct sample *sample = &g_array_index(samples, struct sample, i);
		if (sample->family != family ||
		    (queue_id != 0 && sample->queue_id != 0 && sample->queue_id != queue_id))
			continue;
		g_ascii_formatd(value, sizeof value, "%.15g", sample->value);
		g_string_append_printf(text, "%s%s %s\n", families[family].name, sample->labels,
				       value);
	}
}

/* A token for one queue sees the figures of that queue. */
enum MHD_Result get_metrics(struct request *request)
{
	struct serve *serve = request->serve;
	struct error err;
	g_autoptr(GString) text = g_string_new(NULL);
	if ((serve->samples == NULL || clock_monotonic_ms() - serve->samples_ms >= KEPT_MS) &&
	    look(serve, &err) != 0)
		return answer_error(request, &err);
	for (enum family family = 0; family < FAMILIES; family++)
		write_family(text, serve->samples, family, request->token->queue_id);
	return answer_bytes(request, "text/plain; version=0.0.4", text->str, text->len);
}
