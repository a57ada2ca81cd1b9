/* Secrets in the environment: they are taken out of there, since the system shows a process's environment to others
 * of its user, and programs that it starts get it. */
#include "loader/base/secret_internal.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

/* What stood in the environment, by the variable's name. It is read again whenever a connection was lost. */
static GHashTable *kept_variables;
static GMutex kept_lock;

static void free_kept(void *secret)
{
	secret_free(secret);
}

/* The bytes alone are wiped: another thread may be looking through the environment. */
void secret_keep_variable(const char *name)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&kept_lock);
	char *value = getenv(name);
	if (value == NULL || *value == '\0')
		return;
	const size_t length = strlen(value);
	secret_guard_memory();
	if (kept_variables == NULL)
		kept_variables = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_kept);
	g_hash_table_replace(kept_variables, g_strdup(name), secret_new(value, length));
	explicit_bzero(value, length);
}

int secret_read_variable(const char *name, secret_taker *take, struct secret **ret_secret,
			 struct error *err)
{
	secret_keep_variable(name);
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&kept_lock);
	const struct secret *kept =
	    kept_variables != NULL ? g_hash_table_lookup(kept_variables, name) : NULL;
	if (kept == NULL && getenv(name) == NULL)
		return error_set(err, ERROR_CONFIGURATION, "environment variable %s is not set",
				 name);
	g_autofree char *named = g_strdup_printf("environment variable %s", name);
	return kept != NULL
		   ? take(secret_text(kept), strlen(secret_text(kept)), named, ret_secret, err)
		   : take("", 0, named, ret_secret, err);
}
