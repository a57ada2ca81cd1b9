#include "queue/store_private.h"

#include "schema_sql.h"

#include <glib.h>
#include <unistd.h>

static int64_t schema_version(const struct store_schema *schema)
{
	int64_t version = 1;
	while (schema->upgrades[version - 1] != NULL)
		version++;
	return version;
}

static int check_identity(const struct store *store, const struct engine_identity *identity,
			  int64_t version, struct queue_error *err)
{
	const char *location = engine_location(store->engine);
	if (identity->application != STORE_APPLICATION &&
	    (identity->application != 0 || !identity->empty))
		return queue_error_set(err, QUEUE_FOREIGN,
				       "'%s' is another program's database; name another with "
				       "--database",
				       location);
	if (identity->version > version)
		return queue_error_set(
		    err, QUEUE_NEWER,
		    "database '%s' was written by a newer inqueue (schema %" G_GINT64_FORMAT
		    ", this one knows %" G_GINT64_FORMAT "): install that version",
		    location, identity->version, version);
	return 0;
}

static int identify(struct store *store, int64_t version, struct engine_identity *ret_identity,
		    struct queue_error *err)
{
	if (engine_identify(store->engine, STORE_APPLICATION, ret_identity, err) != 0)
		return -1;
	return check_identity(store, ret_identity, version, err);
}

static int check_ready(const struct store *store, enum store_mode mode,
		       const struct engine_identity *identity, int64_t version,
		       struct queue_error *err)
{
	const char *location = engine_location(store->engine);
	if (identity->empty && mode != STORE_CREATE)
		return queue_error_set(err, QUEUE_MISSING,
				       "no database at '%s', the file is empty; `inqueue queue "
				       "create` makes one, or name another with --database",
				       location);
	if (identity->version < version && mode == STORE_READ)
		return queue_error_set(err, QUEUE_REFUSED,
				       "database '%s' was written by an older inqueue (schema "
				       "%" G_GINT64_FORMAT ", this one has %" G_GINT64_FORMAT
				       "): any command that writes brings it up to date",
				       location, identity->version, version);
	return 0;
}

static int write_schema(struct store *store, const struct store_schema *schema, int64_t version,
			struct queue_error *err)
{
	/* Again, now that nobody else can write: another process may have been faster. */
	struct engine_identity identity;
	if (identify(store, version, &identity, err) != 0)
		return -1;
	if (identity.version == version)
		return 0;
	if (identity.empty) {
		if (engine_execute(store->engine, schema->current, err) != 0)
			return -1;
	} else {
		for (int64_t from = identity.version; from < version; from++)
			if (engine_execute(store->engine, schema->upgrades[from - 1], err) != 0)
				return -1;
	}
	return engine_set_identity(store->engine, STORE_APPLICATION, version, err);
}

static int bring_up_to_date(struct store *store, const struct store_schema *schema, int64_t version,
			    struct queue_error *err)
{
	bool own;
	if (store_enter(store, &own, err) != 0)
		return -1;
	return store_leave(store, own, write_schema(store, schema, version, err), err);
}

static int prepare(struct store *store, enum store_mode mode, const struct store_schema *schema,
		   struct queue_error *err)
{
	const int64_t version = schema_version(schema);
	struct engine_identity identity;
	if (identify(store, version, &identity, err) != 0 ||
	    check_ready(store, mode, &identity, version, err) != 0)
		return -1;
	if (identity.empty && engine_lay_out(store->engine, err) != 0)
		return -1;
	if (identity.version < version && bring_up_to_date(store, schema, version, err) != 0)
		return -1;
	return engine_configure(store->engine, err);
}

int store_open_schema(const char *location, enum store_mode mode, const struct store_schema *schema,
		      int64_t patience_ms, struct store **ret_store, struct queue_error *err)
{
	if (mode == STORE_CREATE && engine_create(location, err) != 0)
		return -1;
	struct engine *engine;
	if (engine_open(location, mode == STORE_READ ? ENGINE_READ : ENGINE_WRITE, &engine, err) !=
	    0)
		return -1;
	engine_set_patience_ms(engine, patience_ms);
	struct store *store = g_new0(struct store, 1);
	store->engine = engine;
	store->lock_fd = -1;
	if (prepare(store, mode, schema, err) != 0) {
		store_close(store);
		return -1;
	}
	*ret_store = store;
	return 0;
}

int store_open_within(const char *location, enum store_mode mode, int64_t patience_ms,
		      struct store **ret_store, struct queue_error *err)
{
	static const struct store_schema schema = {.current = schema_sql, .upgrades = schema_upgrades};
	return store_open_schema(location, mode, &schema, patience_ms, ret_store, err);
}

int store_open(const char *location, enum store_mode mode, struct store **ret_store,
	       struct queue_error *err)
{
	return store_open_within(location, mode, STORE_PATIENCE_MS, ret_store, err);
}

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

int store_begin(struct store *store, struct queue_error *err)
{
	return engine_begin(store->engine, err);
}

int store_begin_look(struct store *store, struct queue_error *err)
{
	return engine_begin_look(store->engine, err);
}

int store_commit(struct store *store, struct queue_error *err)
{
	return engine_commit(store->engine, err);
}

void store_rollback(struct store *store)
{
	engine_rollback(store->engine);
}

int store_enter(struct store *store, bool *ret_own, struct queue_error *err)
{
	*ret_own = !engine_in_transaction(store->engine);
	return *ret_own ? store_begin(store, err) : 0;
}

int store_leave(struct store *store, bool own, int result, struct queue_error *err)
{
	if (!own)
		return result;
	if (result == 0)
		return store_commit(store, err);
	store_rollback(store);
	return result;
}
