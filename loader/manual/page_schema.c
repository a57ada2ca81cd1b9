/* The tables and views of the database, each as the schema defines it, with the schema's own comments;
 * triggers and indexes, which nobody reads from, are passed over. Goes by the form of
 * queue/schema.sql: what is defined begins a line, and the last line of it ends with a semicolon. */
#include "loader/manual/page_internal.h"

#include <string.h>

/* "CREATE VIEW waiting AS": "waiting". NULL for anything else. Caller frees. */
static char *schema_name(const char *line)
{
	static const char *const kinds[] = {"CREATE TABLE ", "CREATE VIEW "};
	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
		if (g_str_has_prefix(line, kinds[i])) {
			const char *name = line + strlen(kinds[i]);
			return g_strndup(name, strcspn(name, " ("));
		}
	}
	return NULL;
}

/* Behind a definition may stand the comment of a column: "x TEXT -- words". A statement ends where a
 * line does. */
static bool schema_ends(const char *line)
{
	return g_str_has_suffix(line, ";");
}

static void schema_add_line(GString *text, const char *line)
{
	if (strchr(".'", *line) != NULL)
		g_string_append(text, "\\&");
	page_add_characters(text, line);
	g_string_append_c(text, '\n');
}

static void schema_begin(GString *text, const char *name, const GPtrArray *comment)
{
	g_string_append_printf(text, ".Ss %s\n.Bd -literal\n", name);
	for (guint i = 0; i < comment->len; i++)
		schema_add_line(text, comment->pdata[i]);
}

/* A comment of whole lines belongs to what stands directly below it. */
void page_add_schema(struct page *page)
{
	g_autofree char *source = NULL;
	GError *error = NULL;
	if (!g_file_get_contents(page->schema, &source, NULL, &error))
		page_fail(page->schema, error->message);
	g_auto(GStrv) lines = g_strsplit(source, "\n", -1);
	g_autoptr(GPtrArray) comment = g_ptr_array_new();
	bool inside = false;
	for (char **line = lines; *line != NULL; line++) {
		g_autofree char *name = schema_name(*line);
		if (name != NULL)
			schema_begin(page->text, name, comment);
		inside |= name != NULL;
		if (inside)
			schema_add_line(page->text, *line);
		if (inside && schema_ends(*line))
			g_string_append(page->text, ".Ed\n");
		inside &= !schema_ends(*line);
		if (g_str_has_prefix(*line, "--"))
			g_ptr_array_add(comment, *line);
		else
			g_ptr_array_set_size(comment, 0);
	}
}
