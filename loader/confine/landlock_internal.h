/*
 * landlock_internal.h - Landlock (landlock(7)), by the numbers of its system calls: the C library has no
 * functions for it, and headers are older than kernels.
 */
#ifndef LOADER_CONFINE_LANDLOCK_INTERNAL_H
#define LOADER_CONFINE_LANDLOCK_INTERNAL_H

#include <stdint.h>

/* What one version knows: rights to files, to TCP ports, and to other processes. */
struct landlock_rights {
	uint64_t files;
	uint64_t network;
	uint64_t scope;
};

/* The rights that this kernel can take away; all 0 where it has no Landlock. */
struct landlock_rights landlock_rights_known(void);

/* Makes a set of rules that takes `rights` away. Returns its descriptor, or -1 with errno. */
int landlock_create(const struct landlock_rights *rights);

/* From here on this process has only what the rules leave, for ever. Returns 0, or -1 with errno. */
int landlock_enter(int rules);

#endif
