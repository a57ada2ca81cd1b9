#include "queue/integrity.h"

#include "queue/engine_check.h"
#include "queue/store_private.h"

#include "schema_sql.h"

#include <glib.h>

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

int integrity_check(struct store *store, void (*report)(const char *problem, void *context),
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

int integrity_schema_version(struct store *store, int64_t *ret_version, struct error *err)
{
	struct engine_identity identity;
	if (engine_identify(store->engine, STORE_APPLICATION, &identity, err) != 0)
		return -1;
	*ret_version = identity.version;
	return 0;
}

const char *integrity_engine(void)
{
	return engine_version();
}

const char *integrity_workaround(void)
{
	return engine_workaround();
}
