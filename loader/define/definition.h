/*
 * definition.h - the fields of a work queue's definition as an operator writes them, on a command
 * line or in a file; one table knows them all.
 *
 * File:      a GLib key file with a group `[queue NAME]` for each queue and `[target NAME]` for each
 *            target with a name, whose keys are the fields, and `[rules NAME]` for the rules of a queue, whose
 *            keys are their numbers.
 * Ownership: a draft is a struct work_queue that the caller frees with work_queue_free(), or a struct
 *            work_queue_target.
 * Errors:    CONFIGURATION, naming the field and what it takes.
 */
#ifndef LOADER_DEFINE_DEFINITION_H
#define LOADER_DEFINE_DEFINITION_H

#include "queue/base/error.h"
#include "queue/store.h"
#include "queue/work_queue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One row of the table: rows 0.. until false is returned. Texts are static. */
struct definition_field {
	const char *name;    /* "connection-string" */
	const char *value;   /* what it takes, e.g. "TEXT"; NULL: nothing, it is a switch */
	const char *meaning; /* for help */
	const char
	    *standard; /* what holds where the field is left out; NULL: nothing, or see `meaning` */
	bool foreign;  /* belongs to other external sources; refused unless empty */
};
bool definition_field_at(size_t index, struct definition_field *ret_field);

/* The same for the fields of a target with a name. */
bool definition_target_field_at(size_t index, struct definition_field *ret_field);

/* A draft with the defaults: class Mail, external source IMAP, password asked for. */
struct work_queue *definition_new(const char *name);

/* Sets one field of the draft. Names match in any case, with or without '-'. */
int definition_set(struct work_queue *draft, const char *field, const char *value,
		   struct error *err);

/* The draft as a whole: connection string and user name are there and right. */
int definition_check(const struct work_queue *draft, struct error *err);

/* Looks up the target that the draft names, so that definition_check() sees what it holds. MISSING. */
int definition_resolve(struct store *store, struct work_queue *draft, struct error *err);

/* ---- targets with a name ---- */

/* A draft with the defaults, to be cleared. */
void definition_target_new(const char *name, struct work_queue_target *ret_draft);

int definition_target_set(struct work_queue_target *draft, const char *field, const char *value,
			  struct error *err);
int definition_target_check(const struct work_queue_target *draft, struct error *err);

/* Refuses a target of this machine or network that has no leave to be one (CONFIGURATION). Names are
 * resolved if `resolve` (loader/http/reach.h): not in a transaction, which others wait for. Nothing is
 * checked where `before` (NULL: a new one) led there already. */
int definition_target_check_reach(const struct work_queue_target *before,
				  const struct work_queue_target *draft, bool resolve,
				  struct error *err);

/* Checks each queue that uses the target (NULL: any) as definition_check() does, in the open
 * transaction, after targets have changed. Errors name the queue. */
int definition_check_users(struct store *store, const char *target_name, struct error *err);

/* ---- as an operator would write it ---- */

/* Calls `each` for every field that a queue can have, always in the same order: the value as an operator would write it, NULL
 * where there is none. All values set in this order make an equal definition. */
void definition_list(const struct work_queue *queue,
		     void (*each)(const char *field, const char *value, void *context),
		     void *context);

/* ---- a file of queues, so that an installation can be kept in version control ---- */

enum apply_outcome { APPLY_CREATED, APPLY_ALTERED, APPLY_UNCHANGED };

struct apply_report {
	/* The outcome for each target, then for each queue, after everything is committed. `kind` is
	 * "target", "queue" or "rules". */
	void (*tell)(const char *kind, const char *name, enum apply_outcome outcome, void *context);
	/* After it, for each field that differs; NULL is no value. NULL: nobody asks. */
	void (*differs)(const char *kind, const char *name, const char *field, const char *before,
			const char *after, void *context);
	void *context;
};

/* Refuses the file where the name of a target's host leads to this machine or network alone, and
 * nothing gives leave. Needs no database. Errors as of apply_file(). */
int apply_check_names(const char *path, struct error *err);

/*
 * Applies the file, which may begin with a byte order mark and have lines that end with CRLF. A field
 * that the file leaves out has its default. Errors: CONFIGURATION, naming file, group and key; IO;
 * those of the database.
 */
int apply_file(struct store *store, const char *path, int64_t now_ms,
	       const struct apply_report *report, struct error *err);

/* Says what apply_file() would do. `store` NULL: there is no database yet. */
int apply_preview(struct store *store, const char *path, const struct apply_report *report,
		  struct error *err);

/* The same for a target with a name. */
int dump_target(const struct work_queue_target *target,
		void (*line)(const char *text, void *context), void *context, struct error *err);

/* The group of a queue's rules, for such a file; nothing where it has none. */
int dump_rules(struct store *store, const struct work_queue *queue,
	       void (*line)(const char *text, void *context), void *context, struct error *err);

/* The group of a queue, for such a file: `line` hears its lines. Secrets are named by their sources alone. CONFIGURATION where a
 * value has a line break, which a file cannot hold. */
int dump_queue(const struct work_queue *queue, void (*line)(const char *text, void *context),
	       void *context, struct error *err);

#endif
