/* Leads a database to the current schema: whose it is, the copy before, the steps, the version.
 * All of it is one transaction. */
#include "queue/store_internal.h"

#include "queue/engine_internal.h"

#include <glib.h>
#include <unistd.h>

/* The versions of an upgrade, and the copy that it has made, or why there is none. */
struct upgrade {
	int64_t from, to;
	char *copy;
	char *no_room;
};

static void upgrade_clear(struct upgrade *upgrade)
{
	g_free(upgrade->copy);
	g_free(upgrade->no_room);
}

/* Version 1 is the first one; each upgrade adds one. */
int64_t store_upgrade_target(const struct store_schema *schema)
{
	int64_t version = 1;
	while (schema->upgrades[version - 1] != NULL)
		version++;
	return version;
}

int store_identify(struct store *store, int64_t version, struct engine_identity *ret_identity,
		   struct error *err)
{
	if (engine_identify(store->engine, STORE_APPLICATION, ret_identity, err) != 0)
		return -1;
	if (ret_identity->application != STORE_APPLICATION &&
	    (ret_identity->application != 0 || !ret_identity->empty))
		return error_because(err, REASON_FOREIGN,
				     "'%s' is another program's database; name another with "
				     "--database",
				     engine_location(store->engine));
	if (ret_identity->version > version)
		return engine_fail_newer(store->engine, ret_identity->version, version, err);
	return 0;
}

/* No room for a copy does not stop the upgrade; the caller says that there is none. Any other
 * failure does. */
static int make_copy(struct store *store, const struct store_options *options,
		     struct upgrade *upgrade, struct error *err)
{
	if (options->no_copy) {
		store_copy_clean(store->engine, upgrade->to);
		return 0;
	}
	if (store_copy_make(store->engine, upgrade->to, &upgrade->copy, err) == 0)
		return 0;
	if (err->reason == REASON_FULL) {
		upgrade->no_room = g_strdup(err->text);
		return 0;
	}
	return error_because(err, err->reason,
			     "%s; this inqueue keeps a copy of the older database before it "
			     "brings it up to date, unless you give --no-backup",
			     err->text);
}

/* Each step leads from one version to the next, so that an old database takes the path that
 * others have taken. */
static int run_steps(struct store *store, const struct store_schema *schema,
		     const struct upgrade *upgrade, struct error *err)
{
	for (int64_t from = upgrade->from; from < upgrade->to; from++)
		if (engine_execute(store->engine, schema->upgrades[from - 1], err) != 0)
			return error_because(err, err->reason,
					     "%s (bringing it from schema %" G_GINT64_FORMAT
					     " to %" G_GINT64_FORMAT "; it is as it was)",
					     err->text, from, from + 1);
	return 0;
}

/* In a transaction that may write, so that nobody else does. */
static int write_schema(struct store *store, const struct store_schema *schema,
			const struct store_options *options, struct upgrade *upgrade,
			struct error *err)
{
	/* Again, because another process may have been faster. */
	struct engine_identity identity;
	if (store_identify(store, upgrade->to, &identity, err) != 0)
		return -1;
	if (identity.version == upgrade->to)
		return 0;
	if (identity.empty) {
		if (engine_execute(store->engine, schema->current, err) != 0)
			return -1;
	} else {
		upgrade->from = identity.version;
		if (make_copy(store, options, upgrade, err) != 0)
			return -1;
		if (run_steps(store, schema, upgrade, err) != 0)
			return -1;
	}
	return engine_set_identity(store->engine, STORE_APPLICATION, upgrade->to, err);
}

static int write_all(struct store *store, const struct store_schema *schema,
		     const struct store_options *options, struct upgrade *upgrade,
		     struct error *err)
{
	if (store_begin(store, err) != 0)
		return -1;
	return store_leave(store, true, write_schema(store, schema, options, upgrade, err), err);
}

/* A new database has been laid out, not upgraded: nobody needs to know. */
static void report(const struct store_options *options, const struct upgrade *upgrade)
{
	const struct store_upgraded upgraded = {.from = upgrade->from,
						.to = upgrade->to,
						.copy = upgrade->copy,
						.no_room = upgrade->no_room};
	if (upgrade->from != 0 && options->upgraded != NULL)
		options->upgraded(&upgraded, options->context);
}

/* Foreign keys are off during the steps: a table that is made anew must not take the rows that
 * refer to it along. SQLite takes that setting outside of a transaction only. */
int store_upgrade(struct store *store, const struct store_schema *schema,
		  const struct store_options *options, struct error *err)
{
	struct upgrade upgrade
	    __attribute__((cleanup(upgrade_clear))) = {.to = store_upgrade_target(schema)};
	struct error ignored;
	if (engine_execute(store->engine, "PRAGMA foreign_keys = OFF", err) != 0)
		return -1;
	const int result = write_all(store, schema, options, &upgrade, err);
	if (result == 0)
		report(options, &upgrade);
	/* After an I/O error the commit may be found done all the same: then the copy is needed. */
	else if (upgrade.copy != NULL && err->reason != REASON_IO)
		unlink(upgrade.copy);
	if (engine_execute(store->engine, "PRAGMA foreign_keys = ON",
			   result == 0 ? err : &ignored) != 0)
		return -1;
	return result;
}
