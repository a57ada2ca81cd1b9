/*
 * pickup_internal.h - what the files of the ledger share: the columns of a row, its words, its key.
 */
#ifndef QUEUE_PICKUP_INTERNAL_H
#define QUEUE_PICKUP_INTERNAL_H

#include "queue/engine_internal.h"
#include "queue/pickup.h"

/* The columns that pickup_from_row() reads, of the table or alias `p`. */
#define PICKUP_COLUMNS                                                                             \
	"p.uid, p.state, p.target, p.entry_id, p.raw_sha256, p.raw_size, p.internal_date,"         \
	" p.target_uid_validity, p.target_uid, p.acknowledge = 'delivery', p.target_folder"
enum { PICKUP_COLUMN_COUNT = 11 };

/* They are the first columns of the row. */
void pickup_from_row(const struct statement *row, struct pickup *ret_pickup);

/* "stored", "copied", "moved", "left", "awaiting", "read". */
const char *pickup_state_format(enum pickup_state state);

/* "dropbox", "badmail". */
const char *pickup_target_format(enum pickup_target target);

/* Queue, source and UIDVALIDITY as parameters 1 to 3. */
void pickup_bind_source(struct statement *statement, const struct pickup_source *source);

/* A number that counts from 1; 0, which is none, becomes NULL. */
void pickup_bind_number(struct statement *statement, int parameter, uint32_t number);

/* What makes a message one that was seen before: digest, size and date as parameters `first` to
 * `first` + 2. */
void pickup_bind_like(struct statement *statement, int first, const struct pickup *like);

#endif
