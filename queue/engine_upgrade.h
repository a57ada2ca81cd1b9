/*
 * engine_upgrade.h - what upgrades ask of the engine: a copy of what was, and to notice that
 * somebody else has upgraded. Internal, as engine.h.
 */
#ifndef QUEUE_ENGINE_UPGRADE_H
#define QUEUE_ENGINE_UPGRADE_H

#include "queue/engine.h"

/* How many bytes engine_copy() writes, about. */
int engine_copy_size(struct engine *engine, uint64_t *ret_bytes, struct error *err);

/*
 * Writes what is committed into `path`, which must be an empty file, without unused pages; that it
 * is durable is the caller's business. Another engine of the same process may have a transaction
 * open meanwhile, this one not. Source: https://sqlite.org/lang_vacuum.html, "VACUUM with an INTO
 * clause".
 */
int engine_copy(struct engine *engine, const char *path, struct error *err);

/* From now on a transaction and a first row are refused with NEWER where the schema's version is
 * above this one. */
void engine_expect_version(struct engine *engine, int64_t version);

/* 0, or NEWER: the version of what the open transaction or statement sees is above the expected
 * one. Costs no system call within a transaction. */
int engine_check_version(struct engine *engine, struct error *err);

/* Fills *err. */
int engine_fail_newer(const struct engine *engine, int64_t found, int64_t known, struct error *err);

#endif
