/*
 * store_copy.h - the copy that is kept of a database before it is upgraded.
 *
 * Internal to queue/.
 * Files: DATABASE.before-schema-N, where N is the version the database is to have, or
 *        DATABASE.before-schema-N.2 and so on where that is taken: a copy is never overwritten. The
 *        file has its name once it is whole and on disk; until then that ends in ".unfinished".
 *        Nobody but the database's owner may read it.
 */
#ifndef QUEUE_STORE_COPY_H
#define QUEUE_STORE_COPY_H

#include "queue/engine.h"

/*
 * The caller's engine holds the right to write and has not written, so that nobody changes what is
 * copied. *ret_path is freed with g_free(). Errors: FULL where the file system has no room for it;
 * READ_ONLY, IO, CORRUPT. After an error nothing of the copy is left.
 */
int store_copy_make(const struct engine *engine, int64_t version, char **ret_path,
		    struct error *err);

/* Takes away what a copy that was cut short has left. */
void store_copy_clean(const struct engine *engine, int64_t version);

#endif
