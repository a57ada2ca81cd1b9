/* The pages of the manual: which there are, and one of them shown, by man(1) on a terminal where
 * there is one, else as the text that the build has made of it. They lie beside the program where it
 * was built, and in the system's folders where it is installed. An index made by the build
 * (loader/manual/text.cmake) says which pages there are: packages compress the pages themselves, and
 * containers leave them out. */
#include "loader/cli/frame/command.h"
#include "loader/cli/frame/output.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MANUAL_PREFIX "inqueue-"

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

static char *manual_text_folder(void)
{
	return manual_folder("share/manual", INQUEUE_TEXT_FROM_BIN);
}

/* Words of a line of the index. */
enum { NAME, SECTION, PAGE, ABOUT, WORDS };

/* Calls `each` for each line until it returns true; a line that only leads to a page has no ABOUT. */
static void manual_walk(bool (*each)(char **words, void *context), void *context)
{
	g_autofree char *folder = manual_text_folder();
	g_autofree char *path = g_build_filename(folder, "index", NULL);
	g_autofree char *index = NULL;
	if (!g_file_get_contents(path, &index, NULL, NULL))
		return;
	g_auto(GStrv) lines = g_strsplit(index, "\n", -1);
	for (char **line = lines; *line != NULL; line++) {
		g_auto(GStrv) words = g_strsplit(*line, " ", WORDS);
		if (g_strv_length(words) > PAGE && each(words, context))
			return;
	}
}

struct search {
	const char *name; /* "inqueue-queue-create" */
	char *page;	  /* "inqueue-queue.1" */
};

static bool manual_match(char **words, void *context)
{
	struct search *search = context;
	if (strcmp(words[NAME], search->name) == 0)
		search->page = g_strdup(words[PAGE]);
	return search->page != NULL;
}

/* The page about a topic, "queue create", "tutorial" or "inqueue"; a command's own name leads to the
 * page of its family. NULL where there is none. Caller frees. */
static char *manual_find(const char *topic)
{
	g_autofree char *name =
	    g_strconcat(g_str_has_prefix(topic, "inqueue") ? "" : MANUAL_PREFIX, topic, NULL);
	g_strdelimit(name, " ", '-');
	struct search search = {.name = name};
	manual_walk(manual_match, &search);
	return search.page;
}

/* Returns only where there is no man(1), or no page for it. */
static void manual_open(const char *page)
{
	static const char *const forms[] = {"", ".gz"};
	g_autofree char *folder = manual_folder("share/man", INQUEUE_MAN_FROM_BIN);
	fflush(stdout);
	for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
		g_autofree char *path = g_strdup_printf("%s/man%c/%s%s", folder,
							page[strlen(page) - 1], page, forms[i]);
		if (g_file_test(path, G_FILE_TEST_EXISTS))
			execlp("man", "man", "-l", path, NULL);
	}
}

static bool manual_print(const char *page)
{
	g_autofree char *folder = manual_text_folder();
	g_autofree char *file = g_strdup_printf("%s/%s.txt", folder, page);
	g_autofree char *text = NULL;
	if (!g_file_get_contents(file, &text, NULL, NULL))
		return false;
	output_text(text);
	return true;
}

bool manual_show(const char *topic)
{
	g_autofree char *page = manual_find(topic);
	if (page == NULL)
		return false;
	if (isatty(STDOUT_FILENO))
		manual_open(page);
	return manual_print(page);
}

struct visit {
	void (*each)(const char *name, char section, const char *about, void *context);
	void *context;
	char section;
};

static bool manual_visit(char **words, void *context)
{
	const struct visit *visit = context;
	if (words[ABOUT] != NULL && *words[SECTION] == visit->section)
		visit->each(words[NAME], *words[SECTION], words[ABOUT], visit->context);
	return false;
}

/* The index is in the order of sections and names, and so is the list that people see. */
void manual_each(void (*each)(const char *name, char section, const char *about, void *context),
		 void *context)
{
	static const char sections[] = "157";
	for (const char *section = sections; *section != '\0'; section++) {
		struct visit visit = {each, context, *section};
		manual_walk(manual_visit, &visit);
	}
}
