/*
 * command.h - the command line: one table of commands, each with a table of its options; parsing and
 * help both go by them.
 *
 * Life:   a struct invocation lives for one run of the program; texts in it are borrowed from argv.
 * Errors: a command returns 0, or -1 with *err whose kind is the exit status.
 */
#ifndef LOADER_CLI_FRAME_COMMAND_H
#define LOADER_CLI_FRAME_COMMAND_H

#include "queue/base/error.h"
#include "queue/store.h"
#include "queue/work_queue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct command_option {
	const char *name;  /* without the dashes */
	const char *value; /* name of its value; NULL: a switch */
	const char *help;
	const char *standard; /* the value that counts where none is given; NULL = none */
};

/* Options that several families have. */
#define COMMAND_SENDER_SUBJECT                                                                     \
	{"sender", "TEXT", "only where the sender contains this", NULL},                           \
	{                                                                                          \
		"subject", "TEXT", "only where the subject contains this", NULL                    \
	}
#define COMMAND_REASON                                                                             \
	{                                                                                          \
		"reason", "TEXT", "why, for the entry's history", NULL                             \
	}
#define COMMAND_LOG                                                                                \
	{"log-level", "error|warning|notice|info|debug", "the least that is logged", "info"},      \
	{                                                                                          \
		"log-format", "text|json", "text: key=value (default)", NULL                       \
	}
#define COMMAND_FILE_MODE                                                                          \
	{                                                                                          \
		"mode", "MODE", "the files' permissions, in octal (default: 600)", NULL            \
	}
#define COMMAND_OPTIONS_END                                                                        \
	{                                                                                          \
		NULL, NULL, NULL, NULL                                                             \
	}

enum { COMMAND_MAX_OPTIONS = 64 };

struct invocation;

struct command {
	const char *name;      /* "queue create" */
	const char *arguments; /* "NAME", "[NAME…]"; "" for none */
	size_t min_arguments;
	size_t max_arguments;
	const char *summary;
	const char *description;	      /* NULL or paragraphs for --help */
	const struct command_option *options; /* ends with a NULL name; NULL for none */
	/* More options than the table has, e.g. the fields of a definition; NULL for none. */
	bool (*more_options)(size_t index, struct command_option *ret_option);
	int (*run)(const struct invocation *invocation, struct error *err);
	bool has_peer; /* it talks to a server itself, and runs in a supervised child */
};

struct invocation {
	const struct command *command;
	const char *database; /* path */
	bool no_backup;	      /* before an older database is brought up to date */
	bool json;
	char **arguments;
	size_t argument_count;
	size_t option_count;
	struct command_option options[COMMAND_MAX_OPTIONS];
	const char *values[COMMAND_MAX_OPTIONS]; /* NULL where not given; "" for a switch */
};

/* The table of all commands, rows 0.. until NULL; main.c joins it from those of the families. */
const struct command *command_at(size_t index);
const struct command *queue_command_at(size_t index);
const struct command *run_command_at(size_t index);
const struct command *entry_command_at(size_t index);
const struct command *rules_command_at(size_t index);
const struct command *work_command_at(size_t index);
const struct command *mail_command_at(size_t index);
const struct command *oauth_command_at(size_t index);
const struct command *serve_command_at(size_t index);

/* The command that the first words name, in any case, and how many of them; NULL for none. */
const struct command *command_find(char **words, size_t count, size_t *ret_length);

/* Reads options and arguments; argv[0] is passed over. `database` is left alone. */
int invocation_parse(struct invocation *invocation, const struct command *command, int argc,
		     char **argv, struct error *err);

/* USAGE where there are too few or too many arguments. */
int invocation_check_arguments(const struct invocation *invocation, struct error *err);

/* The option's value, or NULL where it was not given. The name must be in the command's table. */
const char *invocation_text(const struct invocation *invocation, const char *option);

/* The same, or the default of the table. */
const char *invocation_value(const struct invocation *invocation, const char *option);

/* Was the option given? */
bool invocation_flag(const struct invocation *invocation, const char *option);

/* A number of at least `least`; 0 where there is neither a value nor a default. USAGE names the
 * option. */
int invocation_number(const struct invocation *invocation, const char *option, uint64_t least,
		      uint64_t *ret_number, struct error *err);

/* --mode; 0 where it was not given. */
int invocation_file_mode(const struct invocation *invocation, mode_t *ret_mode, struct error *err);

/* A span of time of at least `least_ms`; 0 where there is neither a value nor a default. */
int invocation_duration(const struct invocation *invocation, const char *option, int64_t least_ms,
			int64_t *ret_ms, struct error *err);

/* A time, or a span from now: forwards for direction 1, backwards for -1. 0 where it was not given.
 */
int invocation_time(const struct invocation *invocation, const char *option, int direction,
		    int64_t *ret_ms, struct error *err);

/* A word without blanks, and text that the database takes; NULL where it was not given. */
int invocation_word(const struct invocation *invocation, const char *option, const char **ret_word,
		    struct error *err);
int invocation_line(const struct invocation *invocation, const char *option, const char **ret_text,
		    struct error *err);

/* Whom the option --by names, else who sits at the keyboard. */
const char *invocation_who(const struct invocation *invocation);

/* A positional argument as an entry's id. */
int invocation_entry_id(const struct invocation *invocation, size_t index, int64_t *ret_id,
			struct error *err);

/* Opens the database of the invocation; standard error is told of an upgrade. */
int invocation_open(const struct invocation *invocation, enum store_mode mode,
		    struct store **ret_store, struct error *err);

/* Opens the log as --log-level and --log-format say. */
int invocation_open_log(const struct invocation *invocation, struct error *err);

/* What an upgrade of its database has done, as a sentence without its end. Caller frees. */
char *invocation_describe_upgraded(const struct invocation *invocation,
				   const struct store_upgraded *upgraded);

/* Finds a queue by the argument at `index`. */
int invocation_find_queue(const struct invocation *invocation, struct store *store, size_t index,
			  struct work_queue **ret_queue, struct error *err);

/*
 * The names of the queues that an invocation is about: those named, else all that are `wanted`.
 * Ends with NULL; the caller frees with g_strfreev().
 */
int invocation_list_queues(const struct invocation *invocation, struct store *store,
			   bool (*wanted)(const struct work_queue *queue), char ***ret_names,
			   struct error *err);

/* Runs the program: finds the command, parses its options, calls it, prints an error. Returns the
 * exit status. */
int command_main(int argc, char **argv);

/* The options of one command alone. Rows 0.. until false. */
bool command_option_at(const struct command *command, size_t index,
		       struct command_option *ret_option);

/* The options that every command takes. Rows 0.. until false. */
bool command_global_option_at(size_t index, struct command_option *ret_option);

/* The path of the database: `named`, or where it lies by itself where that is NULL. Caller frees. */
char *command_database(const char *named);

/*
 * For shells: prints what the last word may become, the others being what stands before it. A line
 * is a candidate, a tab and its meaning, or one of ":files", ":folders" and ":commands", which the
 * shell knows itself. Asks no server and changes nothing.
 */
void complete_print(char **words, size_t count);

/* Help for the program, or for one command. */
void help_print_program(void);
void help_print_command(const struct command *command);

/* The commands whose first word this is, a line each; false where there are none. */
bool help_print_family(const char *first);

/*
 * Shows the page of the manual about a topic: a command, "tutorial", "inqueue". On a terminal that has
 * man(1) the process becomes that. False where there is no such page.
 */
bool manual_show(const char *topic);

/* Calls `each` for the pages, by section and name; "inqueue-queue", '1', what the page is about. */
void manual_each(void (*each)(const char *name, char section, const char *about, void *context),
		 void *context);

/* The command `help`. */
int cmd_help(const struct invocation *invocation, struct error *err);

#endif
