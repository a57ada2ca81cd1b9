/*
 * command.h - the command line: one table of commands, each with a table of its options; parsing,
 * help and completions are all read off them.
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

struct command_option {
	const char *name;  /* without the dashes */
	const char *value; /* name of its value; NULL: a switch */
	const char *help;
};

enum { COMMAND_MAX_OPTIONS = 48 };

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

/* The table, rows 0.. until NULL. */
const struct command *command_at(size_t index);

/* The part of it that manages mailboxes. */
const struct command *mail_command_at(size_t index);

/* The command that the first words name, in any case, and how many of them; NULL for none. */
const struct command *command_find(char **words, size_t count, size_t *ret_length);

/* Reads options and arguments; argv[0] is passed over. `database` is left alone. */
int invocation_parse(struct invocation *invocation, const struct command *command, int argc,
		     char **argv, struct error *err);

/* USAGE where there are too few or too many arguments. */
int invocation_check_arguments(const struct invocation *invocation, struct error *err);

/* The option's value, or NULL where it was not given. The name must be in the command's table. */
const char *invocation_text(const struct invocation *invocation, const char *option);
bool invocation_flag(const struct invocation *invocation, const char *option);

/* A number of at least `least`; `otherwise` where the option was not given. USAGE names the option.
 */
int invocation_number(const struct invocation *invocation, const char *option, uint64_t least,
		      uint64_t otherwise, uint64_t *ret_number, struct error *err);

/* A span of time of at least `least_ms`; `otherwise_ms` where the option was not given. */
int invocation_duration(const struct invocation *invocation, const char *option, int64_t least_ms,
			int64_t otherwise_ms, int64_t *ret_ms, struct error *err);

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

/* Opens the database of the invocation. */
int invocation_open(const struct invocation *invocation, enum store_mode mode,
		    struct store **ret_store, struct error *err);

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

/* Help for the program, or for one command. */
void help_print_program(void);
void help_print_command(const struct command *command);

/* The commands. */
int cmd_queue_create(const struct invocation *invocation, struct error *err);
int cmd_queue_alter(const struct invocation *invocation, struct error *err);
int cmd_queue_list(const struct invocation *invocation, struct error *err);
int cmd_queue_show(const struct invocation *invocation, struct error *err);
int cmd_queue_drop(const struct invocation *invocation, struct error *err);
int cmd_queue_pause(const struct invocation *invocation, struct error *err);
int cmd_queue_resume(const struct invocation *invocation, struct error *err);
int cmd_queue_check(const struct invocation *invocation, struct error *err);
int cmd_queue_apply(const struct invocation *invocation, struct error *err);
int cmd_load(const struct invocation *invocation, struct error *err);
int cmd_watch(const struct invocation *invocation, struct error *err);
int cmd_list(const struct invocation *invocation, struct error *err);
int cmd_show(const struct invocation *invocation, struct error *err);
int cmd_save(const struct invocation *invocation, struct error *err);
int cmd_status_check(const struct invocation *invocation, struct store *store, struct error *err);
int cmd_status(const struct invocation *invocation, struct error *err);
int cmd_verify(const struct invocation *invocation, struct error *err);
int cmd_reload(const struct invocation *invocation, struct error *err);
int cmd_doctor(const struct invocation *invocation, struct error *err);
int cmd_mail(const struct invocation *invocation, struct error *err);
int cmd_mail_default(const struct invocation *invocation, struct error *err);
int cmd_mail_open(const struct invocation *invocation, struct error *err);
int cmd_mail_close(const struct invocation *invocation, struct error *err);
int cmd_mail_list_connections(const struct invocation *invocation, struct error *err);
int cmd_mail_script(const struct invocation *invocation, struct error *err);
int cmd_claim(const struct invocation *invocation, struct error *err);
int cmd_complete(const struct invocation *invocation, struct error *err);
int cmd_fail(const struct invocation *invocation, struct error *err);
int cmd_release(const struct invocation *invocation, struct error *err);
int cmd_take_back(const struct invocation *invocation, struct error *err);
int cmd_extend(const struct invocation *invocation, struct error *err);
int cmd_defer(const struct invocation *invocation, struct error *err);
int cmd_work(const struct invocation *invocation, struct error *err);
int cmd_retry(const struct invocation *invocation, struct error *err);
int cmd_discard(const struct invocation *invocation, struct error *err);
int cmd_hold(const struct invocation *invocation, struct error *err);
int cmd_unhold(const struct invocation *invocation, struct error *err);
int cmd_priority(const struct invocation *invocation, struct error *err);
int cmd_tag(const struct invocation *invocation, struct error *err);
int cmd_note(const struct invocation *invocation, struct error *err);
int cmd_history(const struct invocation *invocation, struct error *err);
int cmd_stats(const struct invocation *invocation, struct error *err);
int cmd_purge(const struct invocation *invocation, struct error *err);
int cmd_export(const struct invocation *invocation, struct error *err);
int cmd_deliver(const struct invocation *invocation, struct error *err);
int cmd_delivery_list(const struct invocation *invocation, struct error *err);
int cmd_delivery_show(const struct invocation *invocation, struct error *err);
int cmd_help(const struct invocation *invocation, struct error *err);

#endif
