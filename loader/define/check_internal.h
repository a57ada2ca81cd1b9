/*
 * check_internal.h - the versions of what the program is made of, as `doctor` and --version tell them.
 *
 * Errors: those of the parser, where its program cannot be started.
 */
#ifndef LOADER_DEFINE_CHECK_INTERNAL_H
#define LOADER_DEFINE_CHECK_INTERNAL_H

#include "loader/define/check.h"

/* The libraries of inqueue-parser, in one line. Caller frees. */
int versions_ask_parser(char **ret_libraries, struct error *err);

/* "SQLite 3.40.1"; row 0.. until NULL. */
const char *versions_library_at(unsigned index);

#endif
