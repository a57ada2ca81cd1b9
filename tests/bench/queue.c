/*
 * bench_queue - what claims cost.
 *
 *   bench_queue speed FOLDER PAIRS       claim and complete, against bare transactions
 *   bench_queue flat FOLDER ENTRIES…     a claim with so many entries waiting
 *   bench_queue fill DATABASE ENTRIES    a queue "bench" with entries
 *   bench_queue work DATABASE LEASE_MS COUNT   claims COUNT at a time and completes, until nothing
 * is left or due
 */
#include "queue/entry.h"
#include "queue/entry_claim.h"
#include "queue/work_queue.h"

#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 5 };

static struct error err;

static void check(int result)
{
	if (result == 0)
		return;
	fprintf(stderr, "bench_queue: %s\n", err.text);
	exit(1);
}

static int64_t now_ms(void)
{
	return g_get_real_time() / 1000;
}

static int64_t fill(const char *path, int64_t count)
{
	struct store *store;
	struct work_queue queue = {.name = (char *)"bench",
				   .class_name = (char *)"Mail",
				   .external_source = (char *)"IMAP",
				   .connection_string = (char *)"url=imap.example.com",
				   .user_name = (char *)"robot@example.com",
				   .credential_source = (char *)"prompt",
				   .max_attempts = 1000000};
	struct entry entry = {.state = ENTRY_NEW,
			      .subject = (char *)"Invoice",
			      .sender = (char *)"Ann Lee <ann@example.com>"};
	check(store_open(path, STORE_CREATE, &store, &err));
	check(store_begin(store, &err));
	check(work_queue_put(store, &queue, now_ms(), &entry.queue_id, &err));
	for (int64_t i = 0; i < count; i++) {
		int64_t id;
		check(entry_put(store, &entry, &(struct entry_contents){0}, now_ms(), &id, &err));
	}
	check(store_commit(store, &err));
	store_close(store);
	return entry.queue_id;
}

static int compare(const void *left, const void *right)
{
	const double a = *(const double *)left;
	const double b = *(const double *)right;
	return (a > b) - (a < b);
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof *values, compare);
	return values[count / 2];
}

static size_t claim(struct store *store, struct entry_lease *leases, size_t room, int64_t lease_ms)
{
	const struct entry_wish wish = {.queue_id = 1, .worker = "bench", .lease_ms = lease_ms};
	size_t count;
	check(store_begin(store, &err));
	check(entry_claim(store, &wish, now_ms(), leases, room, &count, &err));
	check(store_commit(store, &err));
	return count;
}

static void complete(struct store *store, const struct entry_lease *leases, size_t count)
{
	check(store_begin(store, &err));
	for (size_t i = 0; i < count; i++) {
		if (entry_complete(store, leases[i].entry_id, leases[i].token, now_ms(), &err) !=
			0 &&
		    err.reason != REASON_REFUSED)
			check(-1);
	}
	check(store_commit(store, &err));
}

/* Pairs per second, `batch` at a time. */
static double claim_and_complete(const char *path, size_t pairs, size_t batch)
{
	struct store *store;
	g_autofree struct entry_lease *leases = g_new(struct entry_lease, batch);
	g_remove(path);
	fill(path, (int64_t)pairs);
	check(store_open(path, STORE_WRITE, &store, &err));
	const int64_t begin_us = g_get_monotonic_time();
	for (size_t done = 0; done < pairs; done += batch)
		complete(store, leases, claim(store, leases, batch, 600000));
	const int64_t end_us = g_get_monotonic_time();
	store_close(store);
	return (double)pairs * 1e6 / (double)(end_us - begin_us);
}

static void run(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return;
	fprintf(stderr, "bench_queue: %s: %s\n", sql, sqlite3_errmsg(db));
	exit(1);
}

static void step(sqlite3 *db, sqlite3_stmt *statement)
{
	if (sqlite3_step(statement) != SQLITE_DONE) {
		fprintf(stderr, "bench_queue: %s\n", sqlite3_errmsg(db));
		exit(1);
	}
	sqlite3_reset(statement);
}

/* What SQLite does at best: two transactions, each with one changed row of as many bytes. */
static double bare_transactions(const char *path, size_t pairs)
{
	sqlite3 *db;
	sqlite3_stmt *statements[3];
	static const char *const texts[] = {
	    "BEGIN IMMEDIATE", "UPDATE t SET a = ?1, b = ?1, c = ?1 WHERE id = ?2", "COMMIT"};
	g_remove(path);
	sqlite3_open(path, &db);
	run(db,
	    "PRAGMA page_size = 16384; PRAGMA auto_vacuum = INCREMENTAL;"
	    " PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = FULL;"
	    " CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT, c TEXT) STRICT; BEGIN;"
	    " WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000)"
	    " INSERT INTO t SELECT i, hex(zeroblob(16)), hex(zeroblob(16)), 'new' FROM n; COMMIT");
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		sqlite3_prepare_v2(db, texts[i], -1, &statements[i], NULL);
	const int64_t begin_us = g_get_monotonic_time();
	for (size_t i = 0; i < 2 * pairs; i++) {
		step(db, statements[0]);
		sqlite3_bind_text(statements[1], 1, i % 2 == 0 ? "claimed" : "done", -1,
				  SQLITE_STATIC);
		sqlite3_bind_int64(statements[1], 2, 1 + (sqlite3_int64)(i / 2));
		step(db, statements[1]);
		step(db, statements[2]);
	}
	const int64_t end_us = g_get_monotonic_time();
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		sqlite3_finalize(statements[i]);
	sqlite3_close(db);
	return (double)pairs * 1e6 / (double)(end_us - begin_us);
}

static int speed(const char *folder, size_t pairs)
{
	g_autofree char *path = g_build_filename(folder, "bench.db", NULL);
	double bare[ROUNDS];
	double ones[ROUNDS];
	double tens[ROUNDS];
	/* In turns, so that what else the machine does hits all of them. */
	for (size_t i = 0; i < ROUNDS; i++) {
		bare[i] = bare_transactions(path, pairs);
		ones[i] = claim_and_complete(path, pairs, 1);
		tens[i] = claim_and_complete(path, pairs, 10);
	}
	const double limit = median(bare, ROUNDS);
	printf("two bare transactions  %8.0f /s\n", limit);
	printf("claim and complete     %8.0f /s  %3.0f %%\n", median(ones, ROUNDS),
	       100 * median(ones, ROUNDS) / limit);
	printf("10 at a time           %8.0f /s  %3.0f %%\n", median(tens, ROUNDS),
	       100 * median(tens, ROUNDS) / limit);
	g_remove(path);
	return 0;
}

static double claim_us(const char *path, int64_t entries)
{
	enum { CLAIMS = 8, SAMPLES = 200 };
	struct store *store;
	struct entry_lease leases[CLAIMS];
	double costs[SAMPLES];
	const struct entry_wish wish = {.queue_id = 1, .worker = "bench", .lease_ms = 600000};
	g_remove(path);
	fill(path, entries);
	check(store_open(path, STORE_WRITE, &store, &err));
	for (size_t i = 0; i < SAMPLES; i++) {
		size_t count;
		/* Undone, so that as many are left for the next sample. */
		check(store_begin(store, &err));
		const int64_t begin_us = g_get_monotonic_time();
		for (size_t j = 0; j < CLAIMS; j++)
			check(entry_claim(store, &wish, now_ms(), &leases[j], 1, &count, &err));
		costs[i] = (double)(g_get_monotonic_time() - begin_us) / CLAIMS;
		store_rollback(store);
	}
	store_close(store);
	g_remove(path);
	return median(costs, SAMPLES);
}

static int flat(const char *folder, int count, char **sizes)
{
	g_autofree char *path = g_build_filename(folder, "bench.db", NULL);
	double least = 1e9;
	double most = 0;
	for (int i = 0; i < count; i++) {
		const int64_t entries = strtoll(sizes[i], NULL, 10);
		const double cost = claim_us(path, entries);
		printf("a claim with %8lld entries waiting  %6.1f us\n", (long long)entries, cost);
		least = MIN(least, cost);
		most = MAX(most, cost);
	}
	printf("spread %.0f %%\n", 100 * (most / least - 1));
	return 0;
}

static int work(const char *path, int64_t lease_ms, size_t batch)
{
	struct store *store;
	const struct entry_wish wish = {.queue_id = 1, .worker = "bench", .lease_ms = lease_ms};
	g_autofree struct entry_lease *leases = g_new(struct entry_lease, batch);
	check(store_open(path, STORE_WRITE, &store, &err));
	for (;;) {
		const size_t count = claim(store, leases, batch, lease_ms);
		if (count > 0) {
			complete(store, leases, count);
			continue;
		}
		int64_t due_ms;
		check(entry_claim_due(store, &wish, now_ms(), &due_ms, &err));
		if (due_ms == 0)
			break;
		poll(NULL, 0, (int)CLAMP(due_ms - now_ms(), 1, 100));
	}
	store_close(store);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "speed") == 0)
		return speed(argv[2], strtoul(argv[3], NULL, 10));
	if (argc >= 4 && strcmp(argv[1], "flat") == 0)
		return flat(argv[2], argc - 3, argv + 3);
	if (argc == 4 && strcmp(argv[1], "fill") == 0)
		return fill(argv[2], strtoll(argv[3], NULL, 10)) > 0 ? 0 : 1;
	if (argc == 5 && strcmp(argv[1], "work") == 0)
		return work(argv[2], strtoll(argv[3], NULL, 10), strtoul(argv[4], NULL, 10));
	fprintf(stderr, "usage: bench_queue speed|flat|fill|work …\n");
	return 64;
}
