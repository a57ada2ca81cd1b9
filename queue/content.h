/*
 * content.h - bytes of any size, kept once per SHA-256.
 *
 * Errors, threads: as in store.h.
 * Memory: at most 2 MiB.
 */
#ifndef QUEUE_CONTENT_H
#define QUEUE_CONTENT_H

#include "queue/entry.h"
#include "queue/store_private.h"
#include "queue/value.h"

/*
 * Stores the bytes unless they are there, in the open transaction, and writes their digest in
 * hexadecimal. INVALID when other bytes, or more than the database can hold, come under this
 * digest.
 */
int content_put(struct store *store, const struct entry_content *content,
		char ret_sha256[static VALUE_SHA256_MAX], struct error *err);

/* Deletes what no entry uses, in the open transaction. */
int content_drop_unused(struct store *store, struct error *err);

/* Hands the bytes to `write`, as entry_read() does. MISSING when there is no such content. */
int content_read(struct store *store, int64_t content_id, uint64_t size_bytes,
		 int (*write)(const void *bytes, size_t size, void *context), void *context,
		 struct error *err);

/* Hands bytes in memory to `write` in the same way. */
int content_write(const void *bytes, size_t size,
		  int (*write)(const void *bytes, size_t size, void *context), void *context,
		  struct error *err);

#endif
