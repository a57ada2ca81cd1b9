/*
 * landlock_internal.h - Landlock (landlock(7)), by the numbers of its system calls: the C library
 * has no functions for it, and headers are older than kernels.
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

/* The rights to files that change something: all of version 5 but executing, reading a file, listing a
 * folder, and control of devices. */
#define LANDLOCK_WRITING UINT64_C(0x7ff2)
/* Those of them that a file has that is no folder: writing, truncating. */
#define LANDLOCK_FILE_RIGHTS UINT64_C(0x4002)

/* The rights that this kernel can take away; all 0 where it has no Landlock. */
struct landlock_rights landlock_rights_known(void);

/* Makes a set of rules that takes `rights` away. Returns its descriptor, or -1 with errno. */
int landlock_create(const struct landlock_rights *rights);

/* Leaves these rights to a file, or to a folder with all below it; the descriptor may be closed then.
 * Returns 0, or -1 with errno. */
int landlock_allow(int rules, int file, uint64_t rights);

/* From here on this process has only what the rules leave, for ever. Returns 0, or -1 with errno. */
int landlock_enter(int rules);

#endif
