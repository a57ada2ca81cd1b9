/*
 * defects.h - what was wrong with a message: short texts, each once.
 *
 * Life:   defects_new() .. defects_free().
 * Memory: DEFECTS_MAX texts of at most DEFECT_LENGTH_MAX bytes; more are dropped.
 */
#ifndef MIME_DEFECTS_H
#define MIME_DEFECTS_H

#include <stddef.h>

enum { DEFECTS_MAX = 50, DEFECT_LENGTH_MAX = 200 };

struct defects;

struct defects *defects_new(void);
void defects_free(struct defects *defects);

/* Adds a text unless it is there already. Control characters and broken UTF-8 are replaced. */
void defects_add(struct defects *defects, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A JSON list of the texts. Caller frees. */
char *defects_format(const struct defects *defects);

#endif
