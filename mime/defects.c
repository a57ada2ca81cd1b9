/* Keeps texts in the order in which they came; one that is there already is not added again. */
#include "mime/defects.h"

#include "mime/sink.h"

#include <stdarg.h>

/* In the order in which they were found. */
struct defects {
	GPtrArray *texts;
};

struct defects *defects_new(void)
{
	struct defects *defects = g_new0(struct defects, 1);

	defects->texts = g_ptr_array_new_with_free_func(g_free);
	return defects;
}

/* Takes NULL: a parse that failed early has none. */
void defects_free(struct defects *defects)
{
	if (!defects)
		return;
	g_ptr_array_unref(defects->texts);
	g_free(defects);
}

/* A damaged message may have thousands of faults: the first DEFECTS_MAX say enough. The text
 * may repeat what the mail says, so that it is cleaned like the mail. */
void defects_add(struct defects *defects, const char *format, ...)
{
	va_list arguments;

	if (defects->texts->len >= DEFECTS_MAX)
		return;
	va_start(arguments, format);
	g_autofree char *raw = g_strdup_vprintf(format, arguments);
	va_end(arguments);

	g_autofree char *valid = g_utf8_make_valid(raw, -1);
	g_autofree char *text = clean_line(valid, DEFECT_LENGTH_MAX);
	if (!g_ptr_array_find_with_equal_func(defects->texts, text, g_str_equal, NULL))
		g_ptr_array_add(defects->texts, g_steal_pointer(&text));
}

/* Formatted here and not by jansson: the parser links no more libraries than it needs. */
char *defects_format(const struct defects *defects)
{
	GString *json = g_string_new("[");

	for (guint i = 0; i < defects->texts->len; i++) {
		if (i > 0)
			g_string_append(json, ",");
		clean_append_json(json, g_ptr_array_index(defects->texts, i));
	}
	g_string_append(json, "]");
	return g_string_free(json, FALSE);
}
