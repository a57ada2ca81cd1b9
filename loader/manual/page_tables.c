/* What the tables of the program say, as lists of a page: commands with their options, keys of the
 * connection string, fields of queue files, exit statuses; and what the schema says of the database. */
#include "loader/manual/page_internal.h"

#include "loader/imap/names/connection_string.h"

#include <string.h>

/* An option of several commands of a page stands once, in the page's list of shared options. */
enum { SHARED_BY = 2 };

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

/* The default stands behind the words. */
static void add_words(GString *text, const struct command_option *option)
{
	g_autofree char *words =
	    option->standard != NULL
		? g_strdup_printf("%s (default: %s)", option->help, option->standard)
		: g_strdup(option->help);
	page_add_text(text, words);
}

static void add_option(GString *text, const struct command_option *option)
{
	g_string_append_printf(text, ".It Fl \\-%s", option->name);
	if (option->value != NULL) {
		g_string_append(text, " Ar ");
		page_add_argument(text, option->value);
	}
	g_string_append_c(text, '\n');
	add_words(text, option);
}

/* ---- what stands in place of a marker ---- */

const struct command *page_command(const char *name)
{
	const struct command *command;
	for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
		if (strcmp(command->name, name) == 0)
			return command;
	}
	page_fail(name, "there is no such command");
}

/* "inqueue queue create [options] NAME" */
static void add_usage(GString *text, const struct command *command)
{
	g_string_append(text, ".Nm inqueue Cm ");
	page_add_argument(text, command->name);
	g_string_append(text, " Oo Ar options Oc");
	if (*command->arguments != '\0') {
		g_string_append(text, " Ar ");
		page_add_argument(text, command->arguments);
	}
	g_string_append_c(text, '\n');
}

void page_add_synopsis(struct page *page)
{
	for (guint i = 0; i < page->commands->len; i++)
		add_usage(page->text, page->commands->pdata[i]);
}

void page_add_command(struct page *page, const char *name)
{
	GString *text = page->text;
	const struct command *command = page_command(name);
	struct command_option option;
	g_string_append_printf(text, ".Ss inqueue %s\n.Bd -filled -offset indent\n", command->name);
	add_usage(text, command);
	g_string_append(text, ".Ed\n.Pp\n");
	page_add_text(text, command->description != NULL ? command->description : command->summary);
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

void page_add_shared(struct page *page)
{
	/* The first command that has an option puts it into the list, so that the list has the
	 * order of the commands. */
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

void page_add_global_options(struct page *page)
{
	g_string_append(page->text, ".Bl -tag -width Ds\n");
	struct command_option option;
	for (size_t i = 0; command_global_option_at(i, &option); i++)
		add_option(page->text, &option);
	g_string_append(page->text, ".El\n");
}

void page_add_keys(struct page *page)
{
	g_string_append(page->text, ".Bl -tag -width Ds\n");
	struct connection_string_key_help key;
	for (size_t i = 0; connection_string_key_at(i, &key); i++) {
		g_string_append_printf(page->text, ".It Cm %s Ns = Ns Ar ", key.key);
		page_add_argument(page->text, key.value);
		g_string_append_c(page->text, '\n');
		g_autofree char *words =
		    *key.default_value != '\0'
			? g_strdup_printf("%s (default: %s)", key.meaning, key.default_value)
			: g_strdup(key.meaning);
		page_add_text(page->text, words);
	}
	g_string_append(page->text, ".El\n");
}

void page_add_exit_statuses(struct page *page)
{
	g_string_append(page->text, ".Bl -tag -width Ds\n");
	struct error_meaning row;
	for (size_t i = 0; error_meaning_at(i, &row); i++) {
		g_string_append_printf(page->text, ".It %d\n", (int)row.kind);
		g_autofree char *words = row.meaning != NULL
					     ? g_strdup_printf("%s: %s", row.word, row.meaning)
					     : g_strdup(row.word);
		page_add_text(page->text, words);
	}
	g_string_append(page->text, ".El\n");
}

/* What a file of queues may say of a queue: the options that define one, without their dashes. */
void page_add_fields(struct page *page)
{
	const struct command *command = page_command("queue create");
	struct command_option option;
	g_string_append(page->text, ".Bl -tag -width Ds\n");
	for (size_t i = 0; command->more_options(i, &option); i++) {
		g_string_append_printf(page->text, ".It Cm %s Ns = Ns Ar ", option.name);
		page_add_argument(page->text, option.value != NULL ? option.value : "true|false");
		g_string_append_c(page->text, '\n');
		add_words(page->text, &option);
	}
	g_string_append(page->text, ".El\n");
}

/* ---- the schema ---- */

/* The tables and views of the database, each as the schema defines it, with the schema's own comments;
 * triggers and indexes, which nobody reads from, are passed over. It goes by the form of
 * queue/schema.sql: what is defined begins a line, and the last line of it ends with a semicolon.
 * "CREATE VIEW waiting AS": "waiting". NULL for anything else. Caller frees. */
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

/* A line that begins with a dot or an apostrophe is a request to the formatter, also in a
 * literal display. */
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
