#include "loader/cli/frame/command.h"

#include "loader/base/stop.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct command_option global_options[] = {
    {"database", "FILE",
     "the database (default: $INQUEUE_DATABASE, else inqueue.db in the state folder)"},
    {"json", NULL, "print JSON instead of tables"},
    {"no-backup", NULL, "bring an older database up to date without keeping a copy of it"},
    {"help", NULL, "print help for the command"},
};

enum { GLOBAL_DATABASE, GLOBAL_JSON, GLOBAL_NO_BACKUP, GLOBAL_HELP };

/* Where the database lies unless the operator says otherwise. Caller frees. */
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

static void invocation_add_option(struct invocation *invocation,
				  const struct command_option *option)
{
	g_assert(invocation->option_count < COMMAND_MAX_OPTIONS);
	invocation->options[invocation->option_count++] = *option;
}

static void invocation_list_options(struct invocation *invocation, const struct command *command)
{
	for (size_t i = 0; i < G_N_ELEMENTS(global_options); i++)
		invocation_add_option(invocation, &global_options[i]);
	const struct command_option *own = command->options;
	for (; own != NULL && own->name != NULL; own++)
		invocation_add_option(invocation, own);
	struct command_option more;
	for (size_t i = 0; command->more_options != NULL && command->more_options(i, &more); i++)
		invocation_add_option(invocation, &more);
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

static int command_refuse_option(const struct invocation *invocation, char *const *argv,
				 struct error *err)
{
	const char *word = argv[optind - 1];
	if (optopt != 0 && optopt < (int)invocation->option_count)
		return error_set(err, ERROR_USAGE, "option --%s needs a value: --%s %s",
				 invocation->options[optopt].name, invocation->options[optopt].name,
				 invocation->options[optopt].value != NULL
				     ? invocation->options[optopt].value
				     : "(takes none)");
	if (g_str_has_prefix(word, "--password") || g_str_has_prefix(word, "--pass="))
		return error_set(
		    err, ERROR_USAGE,
		    "a password never stands on the command line; use --password-file, "
		    "--password-env, --password-command, --password-credential or "
		    "--password-prompt");
	g_autofree char *name = g_strndup(word, strcspn(word, "="));
	return error_set(err, ERROR_USAGE,
			 "unknown option %s; `inqueue %s --help` lists the options", name,
			 invocation->command->name);
}

static int invocation_parse_options(struct invocation *invocation, int argc, char **argv,
				    struct error *err)
{
	struct option table[COMMAND_MAX_OPTIONS + 1] = {0};
	for (size_t i = 0; i < invocation->option_count; i++)
		table[i] = (struct option){.name = invocation->options[i].name,
					   .has_arg = invocation->options[i].value != NULL
							  ? required_argument
							  : no_argument,
					   .val = (int)i + 1};
	opterr = 0;
	/* From the start, whatever was parsed before: a script parses many lines. */
	optind = 0;
	int found;
	while ((found = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (found == '?' || found == ':') {
			optopt = optopt > 0 ? optopt - 1 : (int)COMMAND_MAX_OPTIONS;
			return command_refuse_option(invocation, argv, err);
		}
		invocation->values[found - 1] = optarg != NULL ? optarg : "";
	}
	invocation->arguments = argv + optind;
	invocation->argument_count = (size_t)(argc - optind);
	return 0;
}

int invocation_parse(struct invocation *invocation, const struct command *command, int argc,
		     char **argv, struct error *err)
{
	*invocation = (struct invocation){.command = command};
	invocation_list_options(invocation, command);
	if (invocation_parse_options(invocation, argc, argv, err) != 0)
		return -1;
	invocation->json = invocation->values[GLOBAL_JSON] != NULL;
	invocation->no_backup = invocation->values[GLOBAL_NO_BACKUP] != NULL;
	return 0;
}

int invocation_check_arguments(const struct invocation *invocation, struct error *err)
{
	const struct command *command = invocation->command;
	if (invocation->argument_count >= command->min_arguments &&
	    invocation->argument_count <= command->max_arguments)
		return 0;
	return error_set(err, ERROR_USAGE,
			 "usage: inqueue %s%s%s [options]; see `inqueue %s --help`", command->name,
			 *command->arguments != '\0' ? " " : "", command->arguments, command->name);
}

static int command_run(const struct command *command, int argc, char **argv, struct error *err)
{
	struct invocation invocation;
	if (invocation_parse(&invocation, command, argc, argv, err) != 0)
		return -1;
	if (invocation.values[GLOBAL_HELP] != NULL) {
		help_print_command(command);
		return 0;
	}
	if (invocation_check_arguments(&invocation, err) != 0)
		return -1;
	g_autofree char *standard = command_default_database();
	const char *given = invocation.values[GLOBAL_DATABASE];
	g_autofree char *database = g_canonicalize_filename(given != NULL ? given : standard, NULL);
	invocation.database = database;
	return command->run(&invocation, err);
}

/* Options may stand before the command's name too: it begins at the first word that is neither an
 * option nor the value of --database. */
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

/* The words that may follow the first word of a command, e.g. "create, alter, …"; NULL for none.
 * Caller frees. */
static char *command_list_next(const char *first)
{
	g_autoptr(GString) list = g_string_new(NULL);
	size_t length = strlen(first);
	const struct command *command;
	for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
		if (strncmp(command->name, first, length) == 0 && command->name[length] == ' ')
			g_string_append_printf(list, "%s%s", list->len > 0 ? ", " : "",
					       command->name + length + 1);
	}
	return list->len > 0 ? g_string_free(g_steal_pointer(&list), FALSE) : NULL;
}

static int command_refuse(const char *first, struct error *err)
{
	g_autofree char *next = command_list_next(first);
	if (next != NULL)
		return error_set(err, ERROR_USAGE, "'%s' is followed by one of: %s", first, next);
	return error_set(err, ERROR_USAGE,
			 "unknown command '%s'; `inqueue help` lists the commands", first);
}

static int command_dispatch(int argc, char **argv, struct error *err)
{
	int first = command_first_word(argc, argv);
	if (first >= argc) {
		for (int i = 1; i < argc; i++) {
			if (strcmp(argv[i], "--version") == 0) {
				printf("inqueue %s\n", INQUEUE_VERSION);
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
	if (command == NULL)
		return command_refuse(argv[first], err);
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
	if (failed == 0 && (fflush(stdout) != 0 || ferror(stdout)))
		failed = error_set(&err, ERROR_IO, "standard output: %s", g_strerror(errno));
	if (failed == 0)
		return EXIT_SUCCESS;
	if (err.text[0] != '\0')
		fprintf(stderr, "inqueue: %s\n", err.text);
	return (int)err.kind;
}

static size_t invocation_option_index(const struct invocation *invocation, const char *option)
{
	for (size_t i = 0; i < invocation->option_count; i++) {
		if (strcmp(invocation->options[i].name, option) == 0)
			return i;
	}
	g_assert_not_reached();
}

const char *invocation_text(const struct invocation *invocation, const char *option)
{
	return invocation->values[invocation_option_index(invocation, option)];
}

bool invocation_flag(const struct invocation *invocation, const char *option)
{
	return invocation_text(invocation, option) != NULL;
}

/* Decimal digits only. */
static bool command_parse_number(const char *text, uint64_t *ret_number)
{
	return g_ascii_string_to_unsigned(text, 10, 0, INT64_MAX, ret_number, NULL);
}

int invocation_number(const struct invocation *invocation, const char *option, uint64_t least,
		      uint64_t otherwise, uint64_t *ret_number, struct error *err)
{
	const char *text = invocation_text(invocation, option);
	*ret_number = otherwise;
	if (text == NULL)
		return 0;
	if (!command_parse_number(text, ret_number) || *ret_number < least)
		return error_set(err, ERROR_USAGE, "--%s takes a number of at least %" PRIu64,
				 option, least);
	return 0;
}

int invocation_entry_id(const struct invocation *invocation, size_t index, int64_t *ret_id,
			struct error *err)
{
	uint64_t id;
	if (!command_parse_number(invocation->arguments[index], &id) || id == 0)
		return error_set(err, ERROR_USAGE,
				 "'%s' is not an entry's id: `inqueue list` shows them",
				 invocation->arguments[index]);
	*ret_id = (int64_t)id;
	return 0;
}

/* Whoever runs the program should know that there is more in the folder, and may go. */
static void invocation_tell_upgraded(const struct store_upgraded *upgraded, void *context)
{
	const struct invocation *invocation = context;
	fprintf(stderr, "inqueue: database '%s' was brought from schema %" PRId64 " to %" PRId64,
		invocation->database, upgraded->from, upgraded->to);
	if (upgraded->copy != NULL)
		fprintf(stderr, "; as it was it lies in '%s', which can be deleted",
			upgraded->copy);
	else if (upgraded->no_room != NULL)
		fprintf(stderr, " without a copy of what it was: %s", upgraded->no_room);
	fputc('\n', stderr);
}

int invocation_open(const struct invocation *invocation, enum store_mode mode,
		    struct store **ret_store, struct error *err)
{
	const struct store_options options = {.patience_ms = STORE_PATIENCE_MS,
					      .no_copy = invocation->no_backup,
					      .upgraded = invocation_tell_upgraded,
					      .context = (void *)invocation};
	if (store_open_with(invocation->database, mode, &options, ret_store, err) != 0)
		return -1;
	return 0;
}

int invocation_find_queue(const struct invocation *invocation, struct store *store, size_t index,
			  struct work_queue **ret_queue, struct error *err)
{
	if (work_queue_find(store, invocation->arguments[index], ret_queue, err) != 0)
		return -1;
	return 0;
}

struct queue_names {
	GPtrArray *names;
	bool (*wanted)(const struct work_queue *queue);
};

static int queue_names_add(const struct work_queue *queue, void *context)
{
	const struct queue_names *list = context;
	if (list->wanted(queue))
		g_ptr_array_add(list->names, g_strdup(queue->name));
	return 0;
}

int invocation_list_queues(const struct invocation *invocation, struct store *store,
			   bool (*wanted)(const struct work_queue *queue), char ***ret_names,
			   struct error *err)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	for (size_t i = 0; i < invocation->argument_count; i++) {
		scoped(work_queue_free) struct work_queue *queue = NULL;
		if (invocation_find_queue(invocation, store, i, &queue, err) != 0)
			return -1;
		g_ptr_array_add(names, g_strdup(queue->name));
	}
	struct queue_names all = {.names = names, .wanted = wanted};
	if (invocation->argument_count == 0 &&
	    work_queue_list(store, queue_names_add, &all, err) != 0)
		return -1;
	g_ptr_array_add(names, NULL);
	g_ptr_array_set_free_func(names, NULL);
	*ret_names = (char **)g_ptr_array_free(steal(&names), FALSE);
	return 0;
}
