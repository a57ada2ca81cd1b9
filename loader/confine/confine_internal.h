/*
 * confine_internal.h - what the files of this folder share.
 */
#ifndef LOADER_CONFINE_CONFINE_INTERNAL_H
#define LOADER_CONFINE_CONFINE_INTERNAL_H

#include "loader/confine/confine.h"

/* Loads the filter, for ever (seccomp(2)). Returns 0, or -1 with errno. */
int confine_calls(void);

/* Loads one more, which refuses to make and to connect sockets. */
int confine_connections(void);

#endif
