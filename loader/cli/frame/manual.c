/* The pages of the manual: which there are, and one of them shown, by man(1) on a terminal where
 * there is one, else as the text that the build has made of it. They lie beside the program where it
 * was built, and in the system's folders where it is installed. */
#include "loader/cli/frame/command.h"
#include "loader/cli/frame/output.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MANUAL_PREFIX "inqueue-"

static const char sections[] = "157";

/* Caller frees. */
static char *manual_folder(const char *built, const char *installed)
{
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
	g_autofree char *folder = g_path_get_dirname(self != NULL ? self : "");
	char *path = g_build_filename(folder, built, NULL);
	if (g_file_test(path, G_FILE_TEST_IS_DIR))
		return path;
	g_free(path);
	return g_canonicalize_filename(installed, folder);
}

/* The source of inqueue-NAME.SECTION; NULL where there is none. Caller frees. */
static char *manual_read(const char *name, char section, char **ret_path)
{
	g_autofree char *folder = manual_folder("share/man", INQUEUE_MAN_FROM_BIN);
	*ret_path = g_strdup_printf("%s/man%c/%s.%c", folder, section, name, section);
	char *source = NULL;
	if (g_file_get_contents(*ret_path, &source, NULL, NULL))
		return source;
	g_free(*ret_path);
	*ret_path = NULL;
	return NULL;
}

/* The path of the page about a topic, "queue create", "tutorial" or "inqueue"; a command's own page
 * leads to that of its family. NULL where there is none. Caller frees. */
static char *manual_find(const char *topic)
{
	g_autofree char *name =
	    g_strconcat(g_str_has_prefix(topic, "inqueue") ? "" : MANUAL_PREFIX, topic, NULL);
	g_strdelimit(name, " ", '-');
	for (const char *section = sections; *section != '\0'; section++) {
		char *path;
		g_autofree char *source = manual_read(name, *section, &path);
		if (source == NULL)
			continue;
		if (!g_str_has_prefix(source, ".so "))
			return path;
		g_free(path);
		g_autofree char *folder = manual_folder("share/man", INQUEUE_MAN_FROM_BIN);
		return g_build_filename(folder, g_strchomp(source + strlen(".so ")), NULL);
	}
	return NULL;
}

/* Returns only where there is no man(1). */
static void manual_open(const char *path)
{
	fflush(stdout);
	execlp("man", "man", "-l", path, NULL);
}

static bool manual_print(const char *path)
{
	g_autofree char *folder = manual_folder("share/manual", INQUEUE_TEXT_FROM_BIN);
	g_autofree char *name = g_path_get_basename(path);
	g_autofree char *file = g_strdup_printf("%s/%s.txt", folder, name);
	g_autofree char *text = NULL;
	if (!g_file_get_contents(file, &text, NULL, NULL))
		return false;
	output_text(text);
	return true;
}

bool manual_show(const char *topic)
{
	g_autofree char *path = manual_find(topic);
	if (path == NULL)
		return false;
	if (isatty(STDOUT_FILENO))
		manual_open(path);
	return manual_print(path);
}

/* What stands behind .Nd; NULL for a page that only leads to another one. Caller frees. */
static char *manual_about(const char *source)
{
	const char *line = strstr(source, "\n.Nd ");
	if (line == NULL)
		return NULL;
	line += strlen("\n.Nd ");
	return g_strndup(line, strcspn(line, "\n"));
}

static int manual_compare(gconstpointer one, gconstpointer other)
{
	return strcmp(*(char *const *)one, *(char *const *)other);
}

void manual_each(void (*each)(const char *name, char section, const char *about, void *context),
		 void *context)
{
	g_autofree char *folder = manual_folder("share/man", INQUEUE_MAN_FROM_BIN);
	for (const char *section = sections; *section != '\0'; section++) {
		g_autofree char *place = g_strdup_printf("%s/man%c", folder, *section);
		g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
		g_autoptr(GDir) files = g_dir_open(place, 0, NULL);
		for (const char *name; files != NULL && (name = g_dir_read_name(files)) != NULL;) {
			if (g_str_has_prefix(name, "inqueue"))
				g_ptr_array_add(names, g_strndup(name, strcspn(name, ".")));
		}
		g_ptr_array_sort(names, manual_compare);
		for (guint i = 0; i < names->len; i++) {
			g_autofree char *path = NULL;
			g_autofree char *source = manual_read(names->pdata[i], *section, &path);
			g_autofree char *about = source != NULL ? manual_about(source) : NULL;
			if (about != NULL)
				each(names->pdata[i], *section, about, context);
		}
	}
}
