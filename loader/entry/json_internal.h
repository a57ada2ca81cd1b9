/*
 * json_internal.h - values that stand in the JSON of entries and of queues alike.
 */
#ifndef LOADER_ENTRY_JSON_INTERNAL_H
#define LOADER_ENTRY_JSON_INTERNAL_H

#include "loader/entry/export.h"

#include <jansson.h>

/* null for NULL. */
json_t *entry_json_text(const char *text);

/* null for 0. */
json_t *entry_json_time_ms(int64_t time_ms);

#endif
