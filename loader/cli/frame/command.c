/* Finds the command that a command line names, runs it, and ends with what became of it. */
#include "loader/cli/frame/command.h"

#include "loader/base/children.h"
#include "loader/base/service.h"
#include "loader/cli/frame/output.h"
#include "loader/define/check.h"
#include "queue/base/nearest.h"
#include "queue/base/scoped.h"
#include "queue/base/trust.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where the database lies unless --database says so. systemd sets STATE_DIRECTORY for a
 * service; root without it uses the place that the service would have, so that both see the
 * same queues. Caller frees. */
static char *command_default_database(void)
{
	const char *named = getenv("INQUEUE_DATABASE");
	if (named != NULL && *named != '\0')
		return g_strdup(named);
	const char *state = getenv("STATE_DIRECTORY");
	if (state != NULL && *state != '\0')
		return g_build_filename(state, "inqueue.db", NULL);
	if (geteuid() == 0)
		return g_strdup("/var/lib/inqueue/inqueue.db");
	return g_build_filename(g_get_user_data_dir(), "inqueue", "inqueue.db", NULL);
}

char *command_database(const char *named)
{
	g_autofree char *standard = command_default_database();
	return g_canonicalize_filename(named != NULL ? named : standard, NULL);
}

bool command_option_at(const struct command *command, size_t index,
		       struct command_option *ret_option)
{
	size_t own = 0;
	while (command->options != NULL && command->options[own].name != NULL) {
		if (own == index) {
			*ret_option = command->options[own];
			return true;
		}
		own++;
	}
	return command->more_options != NULL && command->more_options(index - own, ret_option);
}

/* How many words of argv name this command; 0 = another one is meant. */
static size_t command_match(const struct command *command, char **words, size_t count)
{
	g_auto(GStrv) names = g_strsplit(command->name, " ", -1);
	size_t length = g_strv_length(names);
	if (count < length)
		return 0;
	for (size_t i = 0; i < length; i++) {
		if (g_ascii_strcasecmp(names[i], words[i]) != 0)
			return 0;
	}
	return length;
}

/* The first match in the table counts: "mail", which takes an action as an argument, stands
 * behind the actions. */
const struct command *command_find(char **words, size_t count, size_t *ret_length)
{
	const struct command *command;
	for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
		*ret_length = command_match(command, words, count);
		if (*ret_length > 0)
			return command;
	}
	return NULL;
}

/* `inqueue list | head` has read what it wanted: there is nothing to say about the rest. */
static bool command_reader_is_gone(void)
{
	struct pollfd output = {.fd = STDOUT_FILENO};
	return poll(&output, 1, 0) == 1 && (output.revents & POLLERR) != 0;
}

/* The output must have arrived before the command counts as done: a full disk is an error. Returns
 * the exit status. */
static int command_end(int failed, struct error *err)
{
	if (failed == 0 && (fflush(stdout) != 0 || ferror(stdout)))
		failed = error_set(err, ERROR_IO, "standard output: %s", g_strerror(errno));
	if (failed == 0)
		return EXIT_SUCCESS;
	if (err->text[0] != '\0' && !(err->kind == ERROR_IO && command_reader_is_gone()))
		output_say("%s", err->text);
	return (int)err->kind;
}

static int command_in_child(void *context)
{
	const struct invocation *invocation = context;
	struct error err = {.kind = ERROR_NONE};
	return command_end(invocation->command->run(invocation, &err), &err);
}

/* The child has said itself why it failed. */
static int command_run_supervised(struct invocation *invocation, struct error *err)
{
	int status;
	if (supervise(command_in_child, invocation, &status, err) != 0)
		return -1;
	return status == EXIT_SUCCESS ? 0 : error_set(err, (enum error_kind)status, "%s", "");
}

/* Help is printed whatever else the command line says. */
static int command_run(const struct command *command, int argc, char **argv, struct error *err)
{
	struct invocation invocation;
	if (invocation_parse(&invocation, command, argc, argv, err) != 0)
		return -1;
	if (invocation_flag(&invocation, "help")) {
		help_print_command(command);
		return 0;
	}
	if (invocation_check_arguments(&invocation, err) != 0)
		return -1;
	output_set_utc(invocation_flag(&invocation, "utc"));
	trust_owners(invocation_flag(&invocation, "trust-owner") ||
		     g_strcmp0(getenv("INQUEUE_TRUST_OWNER"), "1") == 0);
	g_autofree char *database = command_database(invocation_text(&invocation, "database"));
	invocation.database = database;
	return command->has_peer ? command_run_supervised(&invocation, err)
				 : command->run(&invocation, err);
}

/* Options may stand before the command's name: it begins at the first word that is neither an
 * option nor the value of --database. That is the only global option with a value. */
static int command_first_word(int argc, char **argv)
{
	int at = 1;
	while (at < argc && argv[at][0] == '-') {
		if (strcmp(argv[at], "--database") == 0)
			at++;
		at++;
	}
	return at;
}

/* The words that may follow the first word of a command, "create, alter, …"; NULL for none.
 * Caller frees. */
static char *command_list_next(const char *first)
{
	g_autoptr(GString) list = g_string_new(NULL);
	size_t length = strlen(first);
	const struct command *command;
	for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
		if (g_ascii_strncasecmp(command->name, first, length) == 0 &&
		    command->name[length] == ' ')
			g_string_append_printf(list, "%s%s", list->len > 0 ? ", " : "",
					       command->name + length + 1);
	}
	return list->len > 0 ? g_string_free(g_steal_pointer(&list), FALSE) : NULL;
}

/* What other programs call our second words, also where it is misspelt; NULL for none. */
static const char *command_meant(const char *word, bool misspelt)
{
	static const char *const others[][2] = {
	    {"add", "create"},	 {"new", "create"},   {"delete", "drop"},  {"remove", "drop"},
	    {"rm", "drop"},	 {"edit", "alter"},   {"change", "alter"}, {"set", "alter"},
	    {"update", "alter"}, {"ls", "list"},      {"info", "show"},	   {"describe", "show"},
	    {"stop", "pause"},	 {"start", "resume"}, {"export", "dump"},  {"import", "apply"},
	    {"signin", "login"}, {"logout", "revoke"}};
	struct nearest nearest = nearest_begin(word);
	for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
		nearest_try(&nearest, others[i][0]);
	for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
		if (nearest.best == others[i][0] && (nearest.distance == 0 || misspelt))
			return others[i][1];
	}
	return NULL;
}

/* The command whose name is nearest to `name`, behind `first` where that is given; NULL for none. */
static const char *command_nearest(const char *first, const char *name)
{
	const char *meant = first != NULL ? command_meant(name, false) : NULL;
	const size_t length = first != NULL ? strlen(first) + 1 : 0;
	struct nearest nearest = nearest_begin(meant != NULL ? meant : name);
	const struct command *command;
	for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
		if (length == 0 || (g_ascii_strncasecmp(command->name, first, length - 1) == 0 &&
				    command->name[length - 1] == ' '))
			nearest_try(&nearest, command->name + length);
	}
	for (size_t i = 0; nearest.best == NULL && (command = command_at(i)) != NULL; i++) {
		if (length > 0 && strlen(name) >= 3 &&
		    g_ascii_strncasecmp(command->name, first, length - 1) == 0 &&
		    g_ascii_strncasecmp(command->name + length, name, strlen(name)) == 0)
			nearest.best = command->name + length;
	}
	return nearest.best != NULL || first == NULL || meant != NULL ? nearest.best
								      : command_meant(name, true);
}

/* The first word may be right: then the error lists the second ones. */
static int command_refuse(const char *first, const char *second, struct error *err)
{
	g_autofree char *next = command_list_next(first);
	const char *meant = command_nearest(next != NULL ? first : NULL, next == NULL	  ? first
									 : second != NULL ? second
											  : "");
	if (next != NULL && meant != NULL)
		return error_set(err, ERROR_USAGE,
				 "unknown command '%s %s': did you mean %s %s? '%s' is followed by "
				 "one of: %s",
				 first, second, first, meant, first, next);
	if (next != NULL && second != NULL)
		return error_set(err, ERROR_USAGE,
				 "unknown command '%s %s': '%s' is followed by one of: %s", first,
				 second, first, next);
	if (next != NULL)
		return error_set(err, ERROR_USAGE, "'%s' is followed by one of: %s", first, next);
	if (meant != NULL)
		return error_set(
		    err, ERROR_USAGE,
		    "unknown command '%s': did you mean %s? `inqueue help` lists the commands",
		    first, meant);
	return error_set(err, ERROR_USAGE,
			 "unknown command '%s'; `inqueue help` lists the commands", first);
}

/* What a report of a fault begins with. The parser is asked, as it is another program. */
static void command_print_version(void)
{
	g_autofree char *words = doctor_version();
	output_text(words);
}

/* Only the words of the name are taken out: getopt_long() takes options anywhere, and argv[0]
 * has to stay in front. */
static int command_dispatch(int argc, char **argv, struct error *err)
{
	if (argc > 1 && strcmp(argv[1], "--candidates") == 0) {
		trust_owners(g_strcmp0(getenv("INQUEUE_TRUST_OWNER"), "1") == 0);
		complete_print(argv + 2, (size_t)argc - 2);
		return 0;
	}
	int first = command_first_word(argc, argv);
	if (first >= argc) {
		for (int i = 1; i < argc; i++) {
			if (strcmp(argv[i], "--version") == 0) {
				command_print_version();
				return 0;
			}
		}
		help_print_program();
		return argc > 1 && strcmp(argv[1], "--help") == 0
			   ? 0
			   : error_set(err, ERROR_USAGE, "a command is needed");
	}
	size_t length;
	const struct command *command = command_find(argv + first, (size_t)(argc - first), &length);
	/* "mail" alone is a command, too: a word behind it that is no option is an action that is not known. */
	const bool is_family = command != NULL && first + 1 < argc && argv[first + 1][0] != '-' &&
			       length == 1 && strcmp(command->name, "mail") == 0;
	if (command == NULL && first + 1 < argc && strcmp(argv[first + 1], "--help") == 0 &&
	    help_print_family(argv[first]))
		return 0;
	if (command == NULL || is_family)
		return command_refuse(argv[first], first + 1 < argc ? argv[first + 1] : NULL, err);
	/* The words of the name go; what stands before and behind them stays. */
	g_autofree char **rest = g_new0(char *, (size_t)argc + 1);
	int count = 0;
	for (int i = 0; i < argc; i++) {
		if (i < first || i >= first + (int)length)
			rest[count++] = argv[i];
	}
	return command_run(command, count, rest, err);
}

int command_main(int argc, char **argv)
{
	struct error err = {.kind = ERROR_NONE};
	stop_install();
	int failed = command_dispatch(argc, argv, &err);
	return command_end(failed, &err);
}
