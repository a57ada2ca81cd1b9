/* Makes one function of ours known to SQLite: holds_text(TEXT, PART), does the text contain the
 * part. It ignores case in all alphabets, for which SQLite's own lower() knows ASCII only. */
#include "queue/engine_sqlite_internal.h"

#include <string.h>

/* Composed first, so that an Ä of one character and one of two are the same. Caller frees. */
static char *text_fold(const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	g_autofree char *composed = g_utf8_normalize(valid, -1, G_NORMALIZE_DEFAULT_COMPOSE);
	return g_utf8_casefold(composed, -1);
}

/* The part stays the same for all rows of a statement, and SQLite keeps what was made of it. */
static const char *text_folded_part(sqlite3_context *context, sqlite3_value *value, char **made)
{
	const char *kept = sqlite3_get_auxdata(context, 1);
	if (kept != NULL)
		return kept;
	*made = text_fold((const char *)sqlite3_value_text(value));
	return *made;
}

/* NULL holds nothing. SQLite may release the part as soon as it gets it: it is handed over last. */
static void text_holds(sqlite3_context *context, int count, sqlite3_value **values)
{
	char *made = NULL;
	(void)count;
	const char *text = (const char *)sqlite3_value_text(values[0]);
	if (text == NULL || sqlite3_value_type(values[1]) == SQLITE_NULL) {
		sqlite3_result_int(context, 0);
		return;
	}
	const char *part = text_folded_part(context, values[1], &made);
	g_autofree char *folded = text_fold(text);
	sqlite3_result_int(context, strstr(folded, part) != NULL);
	if (made != NULL)
		sqlite3_set_auxdata(context, 1, made, g_free);
}

/* The schema of a strange database cannot call it. */
void engine_text_attach(struct engine *engine)
{
	sqlite3_create_function_v2(engine->db, "holds_text", 2,
				   SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, NULL,
				   text_holds, NULL, NULL, NULL);
}
