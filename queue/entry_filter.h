/*
 * entry_filter.h - a filter as conditions on the view entry.
 *
 * Parameters 1 to 9 belong to the statement around it.
 */
#ifndef QUEUE_ENTRY_FILTER_H
#define QUEUE_ENTRY_FILTER_H

#include "queue/engine.h"
#include "queue/entry.h"

#include <glib.h>

/* Appends " AND …" for each part that is set, so that the indices serve those that are. */
void entry_filter_append(const struct entry_filter *filter, GString *sql);

void entry_filter_bind(const struct entry_filter *filter, struct statement *statement);

#endif
