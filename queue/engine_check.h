/*
 * engine_check.h - is the file whole, as the engine itself can tell. Internal, as engine.h.
 */
#ifndef QUEUE_ENGINE_CHECK_H
#define QUEUE_ENGINE_CHECK_H

#include "queue/engine.h"

/* Reads everything; calls `report` for each problem, at most 200. */
int engine_check(struct engine *engine, void (*report)(const char *problem, void *context),
		 void *context, struct error *err);

/* *ret_there: is there a table, index, trigger or view of this name. */
int engine_has_object(struct engine *engine, const char *name, bool *ret_there, struct error *err);

/* "SQLite 3.40.1". */
const char *engine_version(void);

/* As integrity_workaround(). Source: SQLite's release notes of 3.51.3. */
const char *engine_workaround(void);

#endif
