/* Lists attempts to deliver, and counts entries by the outcome of their last one. A list is read in chunks of 200 rows, so
 * that no statement is held while the caller prints. */
#include "queue/delivery.h"

#include "queue/store_internal.h"

#include <string.h>

#define CHUNK 200

/* The schema allows these words only, so that an unknown one cannot occur. */
static enum delivery_outcome outcome_parse(const char *text)
{
	enum delivery_outcome outcome = DELIVERY_DELIVERED;
	while (outcome < DELIVERY_UNREACHABLE &&
	       strcmp(text, delivery_outcome_format(outcome)) != 0)
		outcome++;
	return outcome;
}

static void delivery_clear(void *pointer)
{
	struct delivery *delivery = pointer;
	g_free(delivery->queue_name);
	g_free(delivery->answer);
	g_free(delivery->error);
}

/* Copies the texts: the statement is reset before the caller sees them. */
static struct delivery delivery_from_row(const struct statement *row)
{
	return (struct delivery){
	    .id = statement_int(row, 0),
	    .queue_name = g_strdup(statement_text(row, 1)),
	    .entry_id = statement_int(row, 2),
	    .attempt = (int32_t)statement_int(row, 3),
	    .at_ms = value_parse_time_ms(statement_text(row, 4)),
	    .outcome = outcome_parse(statement_text(row, 5)),
	    .status = (int32_t)statement_int(row, 6),
	    .duration_ms = statement_int(row, 7),
	    .answer = g_strdup(statement_text(row, 8)),
	    .error = g_strdup(statement_text(row, 9)),
	};
}

/* The next rows behind the one that was listed last. */
static int read_chunk(struct store *store, const struct delivery_filter *filter, int64_t last_id,
		      uint64_t limit, GArray *chunk, struct error *err)
{
	g_autofree char *sql = g_strconcat(
	    "SELECT d.id, q.name, d.entry_id, d.attempt, d.at, d.outcome, d.status, d.duration_ms,"
	    " d.answer, d.error FROM delivery d JOIN entry_status s ON s.id = d.entry_id"
	    " JOIN work_queue q ON q.id = s.queue_id"
	    " WHERE (?2 = 0 OR s.queue_id = ?2) AND (?3 = 0 OR d.entry_id = ?3) AND d.id ",
	    filter->newest_first ? "< ?1 ORDER BY d.id DESC" : "> ?1 ORDER BY d.id", " LIMIT ?4",
	    NULL);
	scoped_statement *statement = engine_prepare(store->engine, sql);
	statement_bind_int(statement, 1, last_id);
	statement_bind_int(statement, 2, filter->queue_id);
	statement_bind_int(statement, 3, filter->entry_id);
	statement_bind_int(statement, 4, (int64_t)limit);
	int result;
	while ((result = statement_step(statement, err)) == 1) {
		const struct delivery delivery = delivery_from_row(statement);
		g_array_append_val(chunk, delivery);
	}
	return result;
}

/* Goes on behind the last id that was listed, so that attempts that come in meanwhile are
 * neither skipped nor listed twice. */
int delivery_list(struct store *store, const struct delivery_filter *filter,
		  int (*each)(const struct delivery *delivery, void *context), void *context,
		  struct error *err)
{
	int64_t last_id = filter->newest_first ? INT64_MAX : 0;
	uint64_t left = filter->limit != 0 ? filter->limit : UINT64_MAX;
	g_autoptr(GArray) chunk = g_array_new(FALSE, FALSE, sizeof(struct delivery));
	g_array_set_clear_func(chunk, delivery_clear);
	do {
		g_array_set_size(chunk, 0);
		if (read_chunk(store, filter, last_id, MIN(left, CHUNK), chunk, err) != 0)
			return -1;
		for (guint i = 0; i < chunk->len; i++) {
			const struct delivery *delivery = &g_array_index(chunk, struct delivery, i);
			const int result = each(delivery, context);
			if (result != 0)
				return result;
			last_id = delivery->id;
		}
		left -= chunk->len;
	} while (chunk->len == CHUNK && left > 0);
	return 0;
}

/* The view has counted them already, for `queue_overview` and for people who ask in SQL. */
int delivery_count(struct store *store, int64_t queue_id, uint64_t ret_counts[DELIVERY_OUTCOMES],
		   struct error *err)
{
	memset(ret_counts, 0, DELIVERY_OUTCOMES * sizeof *ret_counts);
	scoped_statement *statement = engine_prepare(
	    store->engine, "SELECT delivered, rejected, retry, unreachable FROM delivery_overview"
			   " WHERE id = ?");
	statement_bind_int(statement, 1, queue_id);
	const int result = statement_step(statement, err);
	if (result < 0)
		return -1;
	for (int i = 0; result == 1 && i < DELIVERY_OUTCOMES; i++)
		ret_counts[i] = (uint64_t)statement_int(statement, i);
	return 0;
}
