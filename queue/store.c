/* Opens a database for a caller who reads, writes or creates: whose it is, whether it must be
 * upgraded, how it is worked with. And the transactions of callers. */
#include "queue/base/trust.h"
#include "queue/engine_internal.h"
#include "queue/store_internal.h"

#include "schema_sql.h"

#include <glib.h>
#include <unistd.h>

/* An empty file is a database only for the one who may create. */
static int check_ready(const struct store *store, enum store_mode mode,
		       const struct engine_identity *identity, struct error *err)
{
	if (identity->empty && mode != STORE_CREATE)
		return error_because(err, REASON_MISSING,
				     "no database at '%s', the file is empty; `inqueue queue "
				     "create` makes one, or name another with --database",
				     engine_location(store->engine));
	return 0;
}

/* A reader cannot change the schema: a second store, opened for writing, upgrades the database
 * and is closed again. What the reader knows of the schema is the old one; it looks again, because a
 * disk that fails where SQLite notices that by itself would be taken for a wrong statement. */
static int upgrade_for_reader(struct store *store, const struct store_schema *schema,
			      const struct engine_identity *identity,
			      const struct store_options *options, struct error *err)
{
	const char *location = engine_location(store->engine);
	struct store *writer;
	struct engine_identity now;
	if (store_open_schema(location, STORE_WRITE, schema, options, &writer, err) == 0) {
		store_close(writer);
		return store_identify(store, store_upgrade_target(schema), &now, err);
	}
	if (err->reason != REASON_READ_ONLY)
		return -1;
	return error_because(err, REASON_READ_ONLY,
			     "database '%s' was written by an older inqueue (schema "
			     "%" G_GINT64_FORMAT ", this one has %" G_GINT64_FORMAT
			     ") and cannot be written: the first command of somebody who may "
			     "write it and its folder brings it up to date",
			     location, identity->version, store_upgrade_target(schema));
}

/* In this order: nothing is changed in a database before it is known to be ours and not newer. */
static int prepare(struct store *store, enum store_mode mode, const struct store_schema *schema,
		   const struct store_options *options, struct error *err)
{
	const int64_t version = store_upgrade_target(schema);
	struct engine_identity identity;
	if (store_identify(store, version, &identity, err) != 0 ||
	    check_ready(store, mode, &identity, err) != 0)
		return -1;
	if (identity.empty && engine_lay_out(store->engine, err) != 0)
		return -1;
	if (identity.version < version && options->as_it_is)
		return error_because(err, REASON_REFUSED, "database '%s' has an older schema",
				     engine_location(store->engine));
	if (identity.version < version &&
	    (mode == STORE_READ ? upgrade_for_reader(store, schema, &identity, options, err)
				: store_upgrade(store, schema, options, err)) != 0)
		return -1;
	if (engine_trust_schema(store->engine, schema->current, err) != 0 ||
	    engine_configure(store->engine, err) != 0)
		return -1;
	engine_expect_version(store->engine, version);
	return 0;
}

/* A store that could not be prepared is closed again, with all that it has opened. */
int store_open_schema(const char *location, enum store_mode mode, const struct store_schema *schema,
		      const struct store_options *options, struct store **ret_store,
		      struct error *err)
{
	if (trust_check_database(location, err) != 0)
		return -1;
	/* Once more: another process may have been faster. */
	if (mode == STORE_CREATE &&
	    (engine_create(location, err) != 0 || trust_check_database(location, err) != 0))
		return -1;
	struct engine *engine;
	if (engine_open(location, mode == STORE_READ ? ENGINE_READ : ENGINE_WRITE, &engine, err) !=
	    0)
		return -1;
	engine_set_patience_ms(engine, options->patience_ms);
	struct store *store = g_new0(struct store, 1);
	store->engine = engine;
	store->lock_fd = -1;
	if (prepare(store, mode, schema, options, err) != 0) {
		store_close(store);
		return -1;
	}
	*ret_store = store;
	return 0;
}

/* Tests open with schemas of their own; everybody else gets the one that is compiled in. */
static const struct store_schema compiled_in = {.current = schema_sql, .upgrades = schema_upgrades};

int64_t store_schema_newest(void)
{
	return store_upgrade_target(&compiled_in);
}

int store_open_with(const char *location, enum store_mode mode, const struct store_options *options,
		    struct store **ret_store, struct error *err)
{
	return store_open_schema(location, mode, &compiled_in, options, ret_store, err);
}

int store_open_within(const char *location, enum store_mode mode, int64_t patience_ms,
		      struct store **ret_store, struct error *err)
{
	const struct store_options options = {.patience_ms = patience_ms};
	return store_open_with(location, mode, &options, ret_store, err);
}

int store_open(const char *location, enum store_mode mode, struct store **ret_store,
	       struct error *err)
{
	return store_open_within(location, mode, STORE_PATIENCE_MS, ret_store, err);
}

/* A transaction that is open is rolled back. The lock file closes last: its locks go with it. */
void store_close(struct store *store)
{
	if (store == NULL)
		return;
	engine_close(store->engine);
	if (store->locked != NULL)
		g_array_free(store->locked, TRUE);
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	g_free(store);
}

void store_set_patience_ms(struct store *store, int64_t patience_ms)
{
	engine_set_patience_ms(store->engine, patience_ms);
}

int store_begin(struct store *store, struct error *err)
{
	return engine_begin(store->engine, err);
}

int store_begin_look(struct store *store, struct error *err)
{
	return engine_begin_look(store->engine, err);
}

int store_commit(struct store *store, struct error *err)
{
	return engine_commit(store->engine, err);
}

void store_rollback(struct store *store)
{
	engine_rollback(store->engine);
}

/* A caller's transaction is used as it is; else one begins here and ends in store_leave(). */
int store_enter(struct store *store, bool *ret_own, struct error *err)
{
	*ret_own = !engine_in_transaction(store->engine);
	return *ret_own ? store_begin(store, err) : 0;
}

/* An error leaves a caller's own transaction open: only the caller knows what else is in it. */
int store_leave(struct store *store, bool own, int result, struct error *err)
{
	if (!own)
		return result;
	if (result == 0)
		return store_commit(store, err);
	store_rollback(store);
	return result;
}

int store_no_queue(int64_t queue_id, struct error *err)
{
	return error_because(err, REASON_MISSING, "there is no queue with the id %" G_GINT64_FORMAT,
			     queue_id);
}

int store_no_entry(int64_t entry_id, struct error *err)
{
	return error_because(err, REASON_MISSING, "there is no entry %" G_GINT64_FORMAT, entry_id);
}
