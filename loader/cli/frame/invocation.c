/* One run of a command: parses its options and arguments by getopt_long() and checks their values. */
#include "loader/cli/frame/command.h"

#include "loader/base/clock.h"
#include "loader/base/folder.h"
#include "loader/cli/frame/output.h"
#include "queue/base/nearest.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <getopt.h>
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct command_option global_options[] = {
    {"database", "FILE",
     "the database (default: $INQUEUE_DATABASE, else inqueue.db in the state folder)", NULL},
    {"json", NULL, "print JSON instead of tables", NULL},
    {"utc", NULL, "show times in UTC and in full, also on a terminal", NULL},
    {"no-backup", NULL, "bring an older database up to date without keeping a copy of it", NULL},
    {"trust-owner", NULL,
     "use a database and secret files that other users own or may write: who may, can run commands "
     "as you (or $INQUEUE_TRUST_OWNER=1)",
     NULL},
    {"help", NULL, "print help for the command", NULL},
};

/* Help lists these behind the options of the command. */
bool command_global_option_at(size_t index, struct command_option *ret_option)
{
	if (index >= G_N_ELEMENTS(global_options))
		return false;
	*ret_option = global_options[index];
	return true;
}

/* ---- parsing ---- */

/* The assertion fails in the first test of a command whose table has outgrown the array. */
static void invocation_add_option(struct invocation *invocation,
				  const struct command_option *option)
{
	g_assert(invocation->option_count < COMMAND_MAX_OPTIONS);
	invocation->options[invocation->option_count++] = *option;
}

/* Every command has the global options, its own, and those that a function adds. */
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

/* What other programs, and other commands of ours, call the options of this one. */
static const char *invocation_other_name(const struct invocation *invocation, const char *name)
{
	static const char *const others[][2] = {
	    {"after", "since"},	    {"before", "until"},
	    {"body", "text"},	    {"count", "limit"},
	    {"db", "database"},	    {"destination", "new-folder"},
	    {"file", "database"},   {"force", "yes"},
	    {"from", "sender"},	    {"host", "server"},
	    {"limit", "max-rows"},  {"login", "user-name"},
	    {"login", "username"},  {"mailbox", "folder"},
	    {"max-rows", "limit"},  {"number", "message-number"},
	    {"output", "to"},	    {"owner", "worker"},
	    {"preview", "dry-run"}, {"reason", "error"},
	    {"sender", "from"},	    {"ssl", "secure"},
	    {"status", "state"},    {"tls", "secure"},
	    {"url", "deliver-to"}};
	for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
		for (size_t own = 0; own < invocation->option_count; own++) {
			if (g_ascii_strcasecmp(name, others[i][0]) == 0 &&
			    strcmp(invocation->options[own].name, others[i][1]) == 0)
				return others[i][1];
		}
	}
	return NULL;
}

/* The option that "--name" may mean; NULL for none. */
static const char *invocation_meant(const struct invocation *invocation, const char *name)
{
	const char *other = invocation_other_name(invocation, name + strspn(name, "-"));
	/* Most options of a target begin with "deliver-", and not all. */
	const bool more = g_str_has_prefix(name, "--deliver-");
	struct nearest nearest = nearest_begin(name);
	struct nearest shorter = nearest_begin(more ? name + strlen("--deliver-") : name);
	for (size_t i = 0; i < invocation->option_count; i++) {
		nearest_try(&nearest, invocation->options[i].name);
		nearest_try(&shorter, invocation->options[i].name);
	}
	return other != NULL ? other : nearest.best != NULL ? nearest.best : shorter.best;
}

/* getopt_long() says only which option was wrong: in optopt stands what `table` has for it, 0 for
 * one that is not there, and the letter of a short one, of which there are none. A password on the
 * command line gets a word of its own, because others can read it there. */
static int command_refuse_option(const struct invocation *invocation, char *const *argv,
				 struct error *err)
{
	const char *word = argv[optind - 1];
	const bool is_known = optopt > 0 && optopt <= (int)invocation->option_count;
	const struct command_option *known = &invocation->options[is_known ? optopt - 1 : 0];
	if (is_known && g_str_has_prefix(word, "--"))
		return known->value != NULL
			   ? error_set(err, ERROR_USAGE, "option --%s needs a value: --%s %s",
				       known->name, known->name, known->value)
			   : error_set(err, ERROR_USAGE, "option --%s takes no value", known->name);
	if (g_str_has_prefix(word, "--password") || g_str_has_prefix(word, "--pass="))
		return error_set(
		    err, ERROR_USAGE,
		    "a password never stands on the command line; use --password-file, "
		    "--password-env, --password-command, --password-credential or "
		    "--password-prompt");
	g_autofree char *name = g_strndup(word, strcspn(word, "="));
	const char *meant = invocation_meant(invocation, name);
	if (meant != NULL)
		return error_set(
		    err, ERROR_USAGE,
		    "unknown option %s: did you mean --%s? `inqueue %s --help` lists the "
		    "options",
		    name, meant, invocation->command->name);
	return error_set(err, ERROR_USAGE,
			 "unknown option %s; `inqueue %s --help` lists the options", name,
			 invocation->command->name);
}

/* An option's name without its hyphens, "maxrows". Each name is shorter than this. */
enum { OPTION_NAME_MAX = 40 };

static void invocation_join_name(const char *name, char joined[static OPTION_NAME_MAX])
{
	size_t length = 0;
	for (; *name != '\0'; name++) {
		if (*name != '-')
			joined[length++] = *name;
		g_assert(length < OPTION_NAME_MAX);
	}
	joined[length] = '\0';
}

/* The option that a word names in whatever case, and with hyphens anywhere or nowhere; NULL for none. */
static const struct command_option *invocation_named(const struct invocation *invocation,
						     const char *word, size_t length)
{
	char joined[OPTION_NAME_MAX];
	char named[OPTION_NAME_MAX];
	g_autofree char *name = g_strndup(word, length);
	if (length >= OPTION_NAME_MAX)
		return NULL;
	invocation_join_name(name, named);
	for (size_t i = 0; i < invocation->option_count; i++) {
		invocation_join_name(invocation->options[i].name, joined);
		if (g_ascii_strcasecmp(named, joined) == 0)
			return &invocation->options[i];
	}
	return NULL;
}

/* Puts names of options that are written otherwise than ours into small letters, without hyphens, where they stand: there
 * is room for that, and `ps` shows it. Their values are left alone, and so is what is behind "--". */
static void invocation_plain_names(const struct invocation *invocation, int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (!g_str_has_prefix(argv[i], "--"))
			continue;
		char *name = argv[i] + strlen("--");
		const size_t length = strcspn(name, "=");
		const struct command_option *option = invocation_named(invocation, name, length);
		if (option == NULL)
			continue;
		if (option->value != NULL && name[length] == '\0')
			i++;
		if (strlen(option->name) == length && memcmp(option->name, name, length) == 0)
			continue;
		char joined[OPTION_NAME_MAX];
		invocation_join_name(option->name, joined);
		const size_t plain = strlen(joined);
		memmove(name + plain, name + length, strlen(name + length) + 1);
		memcpy(name, joined, plain);
	}
}

/* An option that is given twice counts as given last. A flag has the value "", so that NULL
 * means "not given" for every option. getopt_long() gets the number of the option plus one as
 * its value, because 0 would mean that a flag is to be set by itself. */
static int invocation_parse_options(struct invocation *invocation, int argc, char **argv,
				    struct error *err)
{
	struct option table[2 * COMMAND_MAX_OPTIONS + 1] = {0};
	char joined[COMMAND_MAX_OPTIONS][OPTION_NAME_MAX];
	for (size_t i = 0; i < invocation->option_count; i++) {
		invocation_join_name(invocation->options[i].name, joined[i]);
		table[2 * i] = (struct option){.name = invocation->options[i].name,
					       .has_arg = invocation->options[i].value != NULL
							      ? required_argument
							      : no_argument,
					       .val = (int)i + 1};
		table[2 * i + 1] = table[2 * i];
		table[2 * i + 1].name = joined[i];
	}
	invocation_plain_names(invocation, argc, argv);
	opterr = 0;
	/* getopt_long() begins anew: a script parses many lines in one process. */
	optind = 0;
	int found;
	while ((found = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (found == '?' || found == ':')
			return command_refuse_option(invocation, argv, err);
		invocation->values[found - 1] = optarg != NULL ? optarg : "";
	}
	invocation->arguments = argv + optind;
	invocation->argument_count = (size_t)(argc - optind);
	return 0;
}

/* Leaves the database alone: a script's lines use that of the script. */
int invocation_parse(struct invocation *invocation, const struct command *command, int argc,
		     char **argv, struct error *err)
{
	*invocation = (struct invocation){.command = command};
	invocation_list_options(invocation, command);
	if (invocation_parse_options(invocation, argc, argv, err) != 0)
		return -1;
	invocation->json = invocation_flag(invocation, "json");
	invocation->no_backup = invocation_flag(invocation, "no-backup");
	return 0;
}

/* The error shows how the command is used. */
int invocation_check_arguments(const struct invocation *invocation, struct error *err)
{
	const struct command *command = invocation->command;
	if (invocation->argument_count >= command->min_arguments &&
	    invocation->argument_count <= command->max_arguments)
		return 0;
	return error_set(err, ERROR_USAGE,
			 "usage: inqueue %s [options]%s%s; see `inqueue %s --help`", command->name,
			 *command->arguments != '\0' ? " " : "", command->arguments, command->name);
}

/* ---- values ---- */

/* A name that is not in the table is a fault of the program. */
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

const char *invocation_value(const struct invocation *invocation, const char *option)
{
	const size_t index = invocation_option_index(invocation, option);
	return invocation->values[index] != NULL ? invocation->values[index]
						 : invocation->options[index].standard;
}

bool invocation_flag(const struct invocation *invocation, const char *option)
{
	return invocation_text(invocation, option) != NULL;
}

/* Takes decimal digits only: no sign, no blanks, no hexadecimal. */
static bool command_parse_number(const char *text, uint64_t *ret_number)
{
	return g_ascii_string_to_unsigned(text, 10, 0, INT64_MAX, ret_number, NULL);
}

/* The default comes from the table of options, which the help prints as well. */
int invocation_number(const struct invocation *invocation, const char *option, uint64_t least,
		      uint64_t *ret_number, struct error *err)
{
	const char *text = invocation_value(invocation, option);
	*ret_number = 0;
	if (text == NULL)
		return 0;
	if (!command_parse_number(text, ret_number) || *ret_number < least)
		return error_set(err, ERROR_USAGE, "--%s takes a number of at least %" PRIu64,
				 option, least);
	return 0;
}

/* Says where ids are to be found. */
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

/* As for numbers; units are those of duration_parse(). */
int invocation_duration(const struct invocation *invocation, const char *option, int64_t least_ms,
			int64_t *ret_ms, struct error *err)
{
	const char *text = invocation_value(invocation, option);
	*ret_ms = 0;
	if (text == NULL)
		return 0;
	if (duration_parse(text, ret_ms) != 0 || *ret_ms < least_ms)
		return error_set(err, ERROR_USAGE, "--%s takes a time: 250ms, 30s, 10m, 12h, 1d",
				 option);
	return 0;
}

int invocation_time(const struct invocation *invocation, const char *option, int direction,
		    int64_t *ret_ms, struct error *err)
{
	const char *text = invocation_text(invocation, option);
	*ret_ms = 0;
	if (text != NULL && time_parse(text, direction, clock_now_ms(), ret_ms) != 0)
		return error_set(err, ERROR_USAGE,
				 "--%s takes a time: 2026-01-31, 2026-01-31T12:00:00Z, or a span "
				 "from now: 10m, 12h, 1d",
				 option);
	return 0;
}

/* Tags and the like are joined with blanks in the database. */
int invocation_word(const struct invocation *invocation, const char *option, const char **ret_word,
		    struct error *err)
{
	const char *text = invocation_text(invocation, option);
	*ret_word = text;
	bool odd = text != NULL && (*text == '\0' || !g_utf8_validate(text, -1, NULL));
	for (const char *at = text; at != NULL && *at != '\0'; at++)
		odd = odd || *at == ' ' || g_ascii_iscntrl(*at);
	if (odd)
		return error_set(err, ERROR_USAGE, "--%s takes a word without blanks", option);
	return 0;
}

/* Control characters have no place in a text that others print. */
int invocation_line(const struct invocation *invocation, const char *option, const char **ret_text,
		    struct error *err)
{
	const char *text = invocation_text(invocation, option);
	*ret_text = text;
	bool odd = text != NULL && !g_utf8_validate(text, -1, NULL);
	for (const char *at = text; at != NULL && *at != '\0'; at++)
		odd = odd || (g_ascii_iscntrl(*at) && *at != '\n' && *at != '\t');
	if (odd)
		return error_set(err, ERROR_USAGE, "--%s takes UTF-8 text", option);
	return 0;
}

int invocation_file_mode(const struct invocation *invocation, mode_t *ret_mode, struct error *err)
{
	const char *text = invocation_text(invocation, "mode");
	*ret_mode = 0;
	if (text != NULL && folder_mode_parse(text, ret_mode) != 0)
		return error_set(err, ERROR_USAGE, "--mode takes an octal number, such as 640");
	return 0;
}

/* Behind sudo it is the person who called it. */
const char *invocation_who(const struct invocation *invocation)
{
	const char *named = invocation_text(invocation, "by");
	const char *before_sudo = getenv("SUDO_USER");
	if (named != NULL)
		return named;
	return before_sudo != NULL ? before_sudo : g_get_user_name();
}
