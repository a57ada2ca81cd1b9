/* Makes a page: copies its source, and puts in place of each line `.\"@ …` what the tables say. */
#include "loader/manual/page.h"

#include "loader/manual/page_internal.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char marker[] = ".\\\"@ ";

/* Lines of a source are about as long. */
enum { PAGE_WIDTH = 72 };

void page_fail(const char *what, const char *why)
{
	fprintf(stderr, "inqueue-manual: %s: %s\n", what, why);
	exit(EXIT_FAILURE);
}

/* ---- words ---- */

/* mandoc_char(7): formatters turn a bare '-', '`' or apostrophe into another character,
 * and an option that is copied from the page would not be one. */
static void add_char(GString *text, char c)
{
	if (c == '\\')
		g_string_append(text, "\\e");
	else if (c == '-')
		g_string_append(text, "\\-");
	else if (c == '\'')
		g_string_append(text, "\\(aq");
	else if (c == '`')
		g_string_append(text, "\\(ga");
	else
		g_string_append_c(text, c);
}

void page_add_characters(GString *text, const char *words)
{
	for (; *words != '\0'; words++)
		add_char(text, *words);
}

/* Text of a table as lines of a page; each sentence begins one, as the formatter wants it. */
void page_add_text(GString *text, const char *words)
{
	g_auto(GStrv) each = g_strsplit(words, " ", -1);
	size_t column = 0;
	if (*words == '.')
		g_string_append(text, "\\&");
	for (char **word = each; *word != NULL; word++) {
		const size_t length = strlen(*word);
		/* mandoc puts the wider gap behind a sentence where the line of the source ends. */
		const bool ends = length > 0 && strchr(".?!", (*word)[length - 1]) != NULL &&
				  strcmp(*word, "e.g.") != 0;
		if (column + length > PAGE_WIDTH && column > 0) {
			text->str[text->len - 1] = '\n';
			column = 0;
		}
		page_add_characters(text, *word);
		g_string_append_c(text, ends || word[1] == NULL ? '\n' : ' ');
		column = ends ? 0 : column + length + 1;
	}
}

/* An argument of a macro: no word of it is taken for another macro. */
void page_add_argument(GString *text, const char *words)
{
	g_string_append_c(text, '"');
	for (const char *at = words; *at != '\0'; at++) {
		if (*at == '"')
			g_string_append(text, "\\(dq");
		else
			add_char(text, *at);
	}
	g_string_append_c(text, '"');
}

static void add_marked(struct page *page, const char *words)
{
	static const struct {
		const char *word;
		void (*add)(struct page *page);
	} lists[] = {
	    {"synopsis", page_add_synopsis},
	    {"shared options", page_add_shared},
	    {"global options", page_add_global_options},
	    {"connection string", page_add_keys},
	    {"queue fields", page_add_fields},
	    {"schema", page_add_schema},
	    {"exit statuses", page_add_exit_statuses},
	};
	if (g_str_has_prefix(words, "command ")) {
		page_add_command(page, words + strlen("command "));
		return;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
		if (strcmp(words, lists[i].word) == 0) {
			lists[i].add(page);
			return;
		}
	}
	/* A marker with a slip of the pen would else be a comment of roff, and its list missing
	 * without a word. */
	page_fail(page->name, words);
}

/* ---- files ---- */

/* FOLDER/man1/inqueue.1 */
static void save(const char *folder, const char *name, const char *text)
{
	g_autofree char *section = g_strdup_printf("man%c", name[strlen(name) - 1]);
	g_autofree char *place = g_build_filename(folder, section, NULL);
	g_autofree char *path = g_build_filename(place, name, NULL);
	GError *error = NULL;
	if (g_mkdir_with_parents(place, 0755) != 0)
		page_fail(place, g_strerror(errno));
	if (!g_file_set_contents(path, text, -1, &error))
		page_fail(path, error->message);
}

/* "inqueue-queue-create.1" leads to the page of the family: `man inqueue-queue-create`, and
 * `inqueue help queue create`, open it by that name. */
static void save_aliases(const char *folder, const struct page *page)
{
	g_autofree char *text = g_strdup_printf(".so man1/%s\n", page->name);
	for (guint i = 0; i < page->commands->len; i++) {
		const struct command *command = page->commands->pdata[i];
		g_autofree char *name = g_strdup_printf("inqueue-%s.1", command->name);
		g_strdelimit(name, " ", '-');
		if (strcmp(name, page->name) != 0)
			save(folder, name, text);
	}
}

/* Options are shared with commands further down: the first pass finds the commands. */
static void make_page(const char *sources, const char *schema, const char *folder, const char *name)
{
	g_autofree char *path = g_build_filename(sources, name, NULL);
	g_autofree char *source = NULL;
	GError *error = NULL;
	if (!g_file_get_contents(path, &source, NULL, &error))
		page_fail(path, error->message);
	g_auto(GStrv) lines = g_strsplit(source, "\n", -1);
	g_autoptr(GPtrArray) commands = g_ptr_array_new();
	g_autoptr(GString) text = g_string_new(NULL);
	struct page page = {.name = name, .schema = schema, .commands = commands, .text = text};
	for (char **line = lines; *line != NULL; line++) {
		if (!g_str_has_prefix(*line, marker))
			continue;
		const char *words = *line + strlen(marker);
		page.shares |= strcmp(words, "shared options") == 0;
		if (g_str_has_prefix(words, "command "))
			g_ptr_array_add(commands, (void *)page_command(words + strlen("command ")));
	}
	for (char **line = lines; *line != NULL; line++) {
		if (g_str_has_prefix(*line, marker))
			add_marked(&page, *line + strlen(marker));
		else if (**line != '\0')
			g_string_append_printf(text, "%s\n", *line);
	}
	save(folder, name, text->str);
	save_aliases(folder, &page);
}

void page_make_all(const char *sources, const char *schema, const char *folder)
{
	GError *error = NULL;
	g_autoptr(GDir) names = g_dir_open(sources, 0, &error);
	if (names == NULL)
		page_fail(sources, error->message);
	for (const char *name; (name = g_dir_read_name(names)) != NULL;) {
		if (strlen(name) > 2 && strchr("157", name[strlen(name) - 1]) != NULL &&
		    name[strlen(name) - 2] == '.')
			make_page(sources, schema, folder, name);
	}
}
