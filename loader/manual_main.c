/* Makes the pages of the manual: copies the sources in loader/manual, and writes in place of each
 * line `.\"@ …` what the tables of the program say. Every option, default, key and exit status so
 * stands in one place, the code. A command NAME of a page also gets a page of its own name that
 * leads there.
 *
 *   inqueue-manual SOURCES FOLDER   writes FOLDER/man1/inqueue.1, … */
#include "loader/cli/frame/command.h"
#include "loader/imap/names/connection_string.h"

#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char marker[] = ".\\\"@ ";

/* An option of several commands of a page stands once, in the page's list of shared options. */
enum { SHARED_BY = 2, PAGE_WIDTH = 72 };

struct page {
	const char *name;    /* "inqueue-queue.1" */
	GPtrArray *commands; /* struct command, in the order of the page; owned by their tables */
	bool shares;	     /* it has a list of shared options */
	GString *text;
};

static G_NORETURN void fail(const char *what, const char *why)
{
	fprintf(stderr, "inqueue-manual: %s: %s\n", what, why);
	exit(EXIT_FAILURE);
}

/* ---- words ---- */

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

/* Text of a table as lines of a page; each sentence begins one, as the formatter wants it. */
static void add_text(GString *text, const char *words)
{
	g_auto(GStrv) each = g_strsplit(words, " ", -1);
	size_t column = 0;
	if (*words == '.')
		g_string_append(text, "\\&");
	for (char **word = each; *word != NULL; word++) {
		const size_t length = strlen(*word);
		const bool ends = length > 0 && strchr(".?!", (*word)[length - 1]) != NULL &&
				  strcmp(*word, "e.g.") != 0;
		if (column + length > PAGE_WIDTH && column > 0) {
			text->str[text->len - 1] = '\n';
			column = 0;
		}
		for (const char *at = *word; *at != '\0'; at++)
			add_char(text, *at);
		g_string_append_c(text, ends || word[1] == NULL ? '\n' : ' ');
		column = ends ? 0 : column + length + 1;
	}
}

/* An argument of a macro: no word of it is taken for another macro. */
static void add_argument(GString *text, const char *words)
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

/* ---- options ---- */

static bool is_same_option(const struct command_option *one, const struct command_option *other)
{
	return strcmp(one->name, other->name) == 0 && g_strcmp0(one->value, other->value) == 0 &&
	       strcmp(one->help, other->help) == 0 &&
	       g_strcmp0(one->standard, other->standard) == 0;
}

static bool has_option(const struct command *command, const struct command_option *wanted)
{
	struct command_option option;
	for (size_t i = 0; command_option_at(command, i, &option); i++) {
		if (is_same_option(&option, wanted))
			return true;
	}
	return false;
}

/* Options of one name that say different things stand with their commands. */
static bool is_shared(const struct page *page, const struct command_option *option)
{
	guint users = 0;
	for (guint i = 0; i < page->commands->len; i++) {
		struct command_option other;
		for (size_t n = 0; command_option_at(page->commands->pdata[i], n, &other); n++) {
			if (strcmp(other.name, option->name) != 0)
				continue;
			if (!is_same_option(&other, option))
				return false;
			users++;
		}
	}
	return page->shares && users >= SHARED_BY;
}

static void add_option(GString *text, const struct command_option *option)
{
	g_string_append_printf(text, ".It Fl \\-%s", option->name);
	if (option->value != NULL) {
		g_string_append(text, " Ar ");
		add_argument(text, option->value);
	}
	g_string_append_c(text, '\n');
	g_autofree char *words =
	    option->standard != NULL
		? g_strdup_printf("%s (default: %s)", option->help, option->standard)
		: g_strdup(option->help);
	add_text(text, words);
}

/* ---- what stands in place of a marker ---- */

static const struct command *command_named(const char *name)
{
	const struct command *command;
	for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
		if (strcmp(command->name, name) == 0)
			return command;
	}
	fail(name, "there is no such command");
}

/* "inqueue queue create [options] NAME" */
static void add_usage(GString *text, const struct command *command)
{
	g_string_append(text, ".Nm inqueue Cm ");
	add_argument(text, command->name);
	g_string_append(text, " Oo Ar options Oc");
	if (*command->arguments != '\0') {
		g_string_append(text, " Ar ");
		add_argument(text, command->arguments);
	}
	g_string_append_c(text, '\n');
}

static void add_synopsis(struct page *page)
{
	for (guint i = 0; i < page->commands->len; i++)
		add_usage(page->text, page->commands->pdata[i]);
}

static void add_command(struct page *page, const char *name)
{
	GString *text = page->text;
	const struct command *command = command_named(name);
	struct command_option option;
	g_string_append_printf(text, ".Ss inqueue %s\n.Bd -filled -offset indent\n", command->name);
	add_usage(text, command);
	g_string_append(text, ".Ed\n.Pp\n");
	add_text(text, command->description != NULL ? command->description : command->summary);
	bool listed = false;
	for (size_t i = 0; command_option_at(command, i, &option); i++) {
		if (is_shared(page, &option))
			continue;
		if (!listed)
			g_string_append(text, ".Bl -tag -width Ds\n");
		listed = true;
		add_option(text, &option);
	}
	if (listed)
		g_string_append(text, ".El\n");
	bool shared = false;
	for (size_t i = 0; command_option_at(command, i, &option); i++) {
		if (!is_shared(page, &option))
			continue;
		if (!shared)
			g_string_append(
			    text, ".Pp\nFurther options, described under\n.Sx SHARED OPTIONS :\n");
		shared = true;
		g_string_append_printf(text, ".Fl \\-%s\n", option.name);
	}
}

static void add_shared(struct page *page)
{
	g_string_append(page->text, ".Bl -tag -width Ds\n");
	g_autoptr(GPtrArray) before = g_ptr_array_new();
	for (guint i = 0; i < page->commands->len; i++) {
		const struct command *command = page->commands->pdata[i];
		struct command_option option;
		for (size_t n = 0; command_option_at(command, n, &option); n++) {
			bool listed = false;
			for (guint b = 0; b < before->len && !listed; b++)
				listed = has_option(before->pdata[b], &option);
			if (!listed && is_shared(page, &option))
				add_option(page->text, &option);
		}
		g_ptr_array_add(before, (void *)command);
	}
	g_string_append(page->text, ".El\n");
}

static void add_global_options(struct page *page)
{
	g_string_append(page->text, ".Bl -tag -width Ds\n");
	struct command_option option;
	for (size_t i = 0; command_global_option_at(i, &option); i++)
		add_option(page->text, &option);
	g_string_append(page->text, ".El\n");
}

static void add_keys(struct page *page)
{
	g_string_append(page->text, ".Bl -tag -width Ds\n");
	struct connection_string_key_help key;
	for (size_t i = 0; connection_string_key_at(i, &key); i++) {
		g_string_append_printf(page->text, ".It Cm %s Ns = Ns Ar ", key.key);
		add_argument(page->text, key.value);
		g_string_append_c(page->text, '\n');
		g_autofree char *words =
		    *key.default_value != '\0'
			? g_strdup_printf("%s (default: %s)", key.meaning, key.default_value)
			: g_strdup(key.meaning);
		add_text(page->text, words);
	}
	g_string_append(page->text, ".El\n");
}

static void add_exit_statuses(struct page *page)
{
	g_string_append(page->text, ".Bl -tag -width Ds\n");
	struct error_meaning row;
	for (size_t i = 0; error_meaning_at(i, &row); i++) {
		g_string_append_printf(page->text, ".It %d\n", (int)row.kind);
		g_autofree char *words = row.meaning != NULL
					     ? g_strdup_printf("%s: %s", row.word, row.meaning)
					     : g_strdup(row.word);
		add_text(page->text, words);
	}
	g_string_append(page->text, ".El\n");
}

static void add_marked(struct page *page, const char *words)
{
	static const struct {
		const char *word;
		void (*add)(struct page *page);
	} lists[] = {
	    {"synopsis", add_synopsis},
	    {"shared options", add_shared},
	    {"global options", add_global_options},
	    {"connection string", add_keys},
	    {"exit statuses", add_exit_statuses},
	};
	if (g_str_has_prefix(words, "command ")) {
		add_command(page, words + strlen("command "));
		return;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
		if (strcmp(words, lists[i].word) == 0) {
			lists[i].add(page);
			return;
		}
	}
	fail(page->name, words);
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
		fail(place, g_strerror(errno));
	if (!g_file_set_contents(path, text, -1, &error))
		fail(path, error->message);
}

/* "inqueue-queue-create.1" leads to the page of the family. */
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
static void make_page(const char *sources, const char *folder, const char *name)
{
	g_autofree char *path = g_build_filename(sources, name, NULL);
	g_autofree char *source = NULL;
	GError *error = NULL;
	if (!g_file_get_contents(path, &source, NULL, &error))
		fail(path, error->message);
	g_auto(GStrv) lines = g_strsplit(source, "\n", -1);
	g_autoptr(GPtrArray) commands = g_ptr_array_new();
	g_autoptr(GString) text = g_string_new(NULL);
	struct page page = {.name = name, .commands = commands, .text = text};
	for (char **line = lines; *line != NULL; line++) {
		if (!g_str_has_prefix(*line, marker))
			continue;
		const char *words = *line + strlen(marker);
		page.shares |= strcmp(words, "shared options") == 0;
		if (g_str_has_prefix(words, "command "))
			g_ptr_array_add(commands,
					(void *)command_named(words + strlen("command ")));
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

int main(int argc, char **argv)
{
	if (argc != 3)
		fail("usage", "inqueue-manual SOURCES FOLDER");
	GError *error = NULL;
	g_autoptr(GDir) sources = g_dir_open(argv[1], 0, &error);
	if (sources == NULL)
		fail(argv[1], error->message);
	for (const char *name; (name = g_dir_read_name(sources)) != NULL;) {
		if (strlen(name) > 2 && strchr("157", name[strlen(name) - 1]) != NULL &&
		    name[strlen(name) - 2] == '.')
			make_page(argv[1], argv[2], name);
	}
	return EXIT_SUCCESS;
}
