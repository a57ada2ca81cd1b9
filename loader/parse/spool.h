/*
 * spool.h - a nameless file for bytes on their way from the server to the database.
 *
 * It lies in the folder of the database (that disk must hold the bytes anyway), or in memory where
 * they are few, and has no name, so nothing of it stays behind, however the process ends.
 */
#ifndef LOADER_PARSE_SPOOL_H
#define LOADER_PARSE_SPOOL_H

#include "queue/base/error.h"

#include <nettle/sha2.h>
#include <stddef.h>
#include <stdint.h>

/* Opens one in `folder`; the caller closes the descriptor. Errors: IO. */
int spool_open(const char *folder, int *ret_descriptor, struct error *err);

/* Where bytes wait that belong to this database. The caller frees it. */
char *spool_folder_of(const char *database);

/* A process that is about to give its rights up, and will open some there, says so before (starter.h). */
void spool_allow(const char *database);

/* Opens one in memory, which counts as shared memory of the machine; likewise. */
int spool_open_in_memory(int *ret_descriptor, struct error *err);

/* Writes all bytes at `offset`. Errors: IO. */
int spool_write(int descriptor, uint64_t offset, const void *bytes, size_t size, struct error *err);

/* Reads exactly `size` bytes at `offset`. Errors: IO. */
int spool_read(int descriptor, uint64_t offset, void *bytes, size_t size, struct error *err);

/* Reads exactly `size` bytes at `offset` into a digest that was begun. Errors: IO. */
int spool_hash(int descriptor, uint64_t offset, uint64_t size, struct sha256_ctx *hash,
	       struct error *err);

/* What is in it counts no more; space beyond 32 MiB is given back. Errors: IO. */
int spool_clear(int descriptor, struct error *err);

#endif
