/* Prints help: the list of commands and pages, one command with its options, the keys of the
 * connection string. All words come from the tables. */
#include "loader/cli/frame/command.h"

#include "loader/imap/names/connection_string.h"
#include "queue/base/nearest.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

enum { HELP_WIDTH = 80 };

#define HELP_KEYS "connection-string"

/* Words wrapped at HELP_WIDTH, each line behind `indent` blanks; the first line stands at
 * `column` already. */
static void help_print_wrapped(const char *text, int column, int indent)
{
	g_auto(GStrv) words = g_strsplit(text, " ", -1);
	for (char **word = words; *word != NULL; word++) {
		int width = (int)g_utf8_strlen(*word, -1);
		if (word != words && column + 1 + width > HELP_WIDTH) {
			printf("\n%*s", indent, "");
			column = indent;
		} else if (word != words) {
			putchar(' ');
			column++;
		}
		fputs(*word, stdout);
		column += width;
	}
	putchar('\n');
}

/* A left side that is too long gets a line of its own. */
static void help_print_row(const char *left, const char *right, int indent)
{
	int width = (int)g_utf8_strlen(left, -1) + 2;
	if (width + 1 >= indent) {
		printf("  %s\n%*s", left, indent, "");
	} else {
		printf("  %s%*s", left, indent - width, "");
	}
	help_print_wrapped(right, indent, indent);
}

static void help_print_summary(const struct command *command)
{
	g_autofree char *left = g_strdup_printf(
	    "%s%s%s", command->name, *command->arguments != '\0' ? " " : "", command->arguments);
	help_print_row(left, command->summary, 30);
}

bool help_print_family(const char *first)
{
	const size_t length = strlen(first);
	const struct command *command;
	bool found = false;
	for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
		if (g_ascii_strncasecmp(command->name, first, length) != 0 ||
		    command->name[length] != ' ')
			continue;
		help_print_summary(command);
		found = true;
	}
	if (found)
		printf("\n`inqueue COMMAND --help` explains a command.\n");
	return found;
}

/* One line for each command, in the order of the tables: queues first, then what fills them,
 * entries, workers, mailboxes. */
void help_print_program(void)
{
	printf("inqueue: e-mail becomes work-queue entries in a SQLite database\n\n"
	       "usage: inqueue [--database FILE] COMMAND [options]\n\n");
	const struct command *command;
	for (size_t i = 0; (command = command_at(i)) != NULL; i++)
		help_print_summary(command);
	putchar('\n');
	help_print_wrapped("`inqueue COMMAND --help` explains a command. Every command takes "
			   "--database and --json.",
			   0, 0);
	g_autoptr(GString) statuses = g_string_new("Exit status: ");
	struct error_meaning meaning;
	for (size_t i = 0; error_meaning_at(i, &meaning); i++)
		g_string_append_printf(statuses, "%s%d %s", i > 0 ? ", " : "", (int)meaning.kind,
				       meaning.word);
	g_string_append_c(statuses, '.');
	help_print_wrapped(statuses->str, 0, 0);
}

/* The default stands behind the words, from the same table that the command reads it from. */
static void help_print_option(const struct command_option *option)
{
	g_autofree char *left =
	    g_strdup_printf("--%s%s%s", option->name, option->value != NULL ? " " : "",
			    option->value != NULL ? option->value : "");
	g_autofree char *right =
	    option->standard != NULL
		? g_strdup_printf("%s (default: %s)", option->help, option->standard)
		: g_strdup(option->help);
	help_print_row(left, right, 32);
}

/* The command's own options come first, then those that every command takes. */
void help_print_command(const struct command *command)
{
	/* Options stand in front: behind the "--" of `work` they would be the command's. */
	printf("usage: inqueue %s [options]%s%s\n\n", command->name,
	       *command->arguments != '\0' ? " " : "", command->arguments);
	/* The summary is no sentence: it also stands in the list of commands. */
	g_autofree char *first =
	    g_strdup_printf("%c%s.", g_ascii_toupper(command->summary[0]), command->summary + 1);
	help_print_wrapped(first, 0, 0);
	putchar('\n');
	if (command->description != NULL) {
		help_print_wrapped(command->description, 0, 0);
		putchar('\n');
	}
	struct command_option option;
	for (size_t i = 0; command_option_at(command, i, &option); i++)
		help_print_option(&option);
	for (size_t i = 0; command_global_option_at(i, &option); i++)
		help_print_option(&option);
}

/* The keys, defaults and meanings of loader/imap/names. */
static void help_print_connection_string(void)
{
	printf(
	    "The connection string: key=value pairs separated by ';', keys in any case. A value "
	    "may\nstand in '…' or \"…\" (the quote doubled inside) and must where it holds ';' or "
	    "outer\nblanks.\n\n");
	struct connection_string_key_help key;
	for (size_t i = 0; connection_string_key_at(i, &key); i++) {
		g_autofree char *left = g_strdup_printf("%s=%s", key.key, key.value);
		g_autofree char *right =
		    *key.default_value != '\0'
			? g_strdup_printf("%s (default: %s)", key.meaning, key.default_value)
			: g_strdup(key.meaning);
		help_print_row(left, right, 26);
	}
}

static void help_print_page(const char *name, char section, const char *about, void *context)
{
	(void)context;
	g_autofree char *left = g_strdup_printf("%s(%c)", name, section);
	help_print_row(left, about, 30);
}

static void help_try_page(const char *name, char section, const char *about, void *context)
{
	(void)section;
	(void)about;
	/* Its own copy: the name is lent for this call alone. */
	nearest_try(context,
		    g_intern_string(strchr(name, '-') != NULL ? strchr(name, '-') + 1 : name));
}

/* The nearest of all commands and pages is proposed. */
static int help_refuse(const char *topic, struct error *err)
{
	struct nearest nearest = nearest_begin(topic);
	const struct command *command;
	for (size_t i = 0; (command = command_at(i)) != NULL; i++)
		nearest_try(&nearest, command->name);
	nearest_try(&nearest, HELP_KEYS);
	manual_each(help_try_page, &nearest);
	if (nearest.best != NULL)
		return error_set(
		    err, ERROR_USAGE,
		    "no help for '%s': did you mean %s? `inqueue help` lists commands and "
		    "pages",
		    topic, nearest.best);
	return error_set(err, ERROR_USAGE,
			 "no help for '%s'; `inqueue help` lists commands and pages", topic);
}

/* A command without a page, where the manual is not installed, has the help that `--help` prints. */
int cmd_help(const struct invocation *invocation, struct error *err)
{
	if (invocation->argument_count == 0) {
		help_print_program();
		printf("\nThe manual; `inqueue help TOPIC` opens a page:\n");
		manual_each(help_print_page, NULL);
		return 0;
	}
	g_autofree char *words = g_strjoinv(" ", invocation->arguments);
	g_autofree char *topic = g_ascii_strdown(words, -1);
	if (strcmp(topic, HELP_KEYS) == 0) {
		help_print_connection_string();
		return 0;
	}
	if (manual_show(words) || manual_show(topic))
		return 0;
	const struct command *command;
	for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
		if (g_ascii_strcasecmp(command->name, topic) == 0) {
			help_print_command(command);
			return 0;
		}
	}
	return help_print_family(topic) ? 0 : help_refuse(words, err);
}
