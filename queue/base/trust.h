/*
 * trust.h - whether a file is safe from other users. Whoever may write to the database can make this
 * program run commands, and whoever may write to a secret's file chooses the secret.
 *
 * Ours:    what belongs to the user of this process or to root, and can be written by nobody else.
 *          Group and others count as somebody else, whoever is in the group.
 * Trust:   trust_owners(true) lets files pass that others own or write. A command never passes.
 * Errors:  CONFIGURATION, which names the file, who can change it, and the way out. A file that is not
 *          there is none: whoever opens it says so.
 * Threads: trust_owners() at the start.
 */
#ifndef QUEUE_BASE_TRUST_H
#define QUEUE_BASE_TRUST_H

#include "queue/base/error.h"

#include <stdbool.h>

/* Do files of others pass from now on, in this process and in those that it forks? */
void trust_owners(bool pass);

/*
 * A database, what SQLite keeps beside it, and their folder; what is no file passes. A sticky
 * folder (/tmp) is refused, too: nobody can replace the database in it, but anybody can put a
 * journal beside it, and SQLite believes a journal
 * (https://www.sqlite.org/lockingv3.html#hot_journals).
 */
int trust_check_database(const char *path, struct error *err);

/* The same, whatever trust_owners() lets pass. */
int trust_look_at_database(const char *path, struct error *err);

/* A file with a secret, and its folder, which may be sticky. `what` names it: "password file". */
int trust_check_secret(const char *what, const char *path, struct error *err);

/* A folder to write files to, by its descriptor; it may be sticky. */
int trust_check_folder(const char *path, int folder, struct error *err);

/* A program that a secret's source names: absolute, a file, and with each folder above it, through all
 * links, ours. A folder that others may write passes where it is sticky and what lies in it ours. */
int trust_check_command(const char *what, const char *path, struct error *err);

#endif
