/*
 * rule.h - the rules of a queue as rows, which of them an entry has met, and how often a sender writes.
 * What a rule means is not known here (loader/rules/).
 *
 * Version: a queue's rules have one number together, which rises with each change of any of them.
 * Calls:   each change of a rule is one statement, whole by itself and in an open transaction; what is put down of
 *          entries stands in the open transaction.
 * Errors, threads, times: as in store.h.
 */
#ifndef QUEUE_RULE_H
#define QUEUE_RULE_H

#include "queue/entry.h"
#include "queue/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Calls `each` for every rule, by number; non-zero ends the list and is returned. */
int rule_list(struct store *store, int64_t queue_id,
	      int (*each)(uint32_t number, const char *text, void *context), void *context,
	      struct error *err);

/* 0 where the queue never had rules. */
int rule_version(struct store *store, int64_t queue_id, uint32_t *ret_version, struct error *err);

/* Stores a rule, in place of the one with this number. */
int rule_put(struct store *store, int64_t queue_id, uint32_t number, const char *text,
	     struct error *err);

/* MISSING names the number. */
int rule_remove(struct store *store, int64_t queue_id, uint32_t number, struct error *err);

/* Gives a rule another number. MISSING; EXISTS when another rule has it. */
int rule_move(struct store *store, int64_t queue_id, uint32_t from, uint32_t to, struct error *err);

/* ---- entries that rules have been tried on ---- */

/* What a rule did when it was tried on the entry. */
struct entry_rule {
	uint32_t number;
	uint32_t version; /* of the queue's rules */
	const char *did;  /* "priority 5; tag urgent" */
};

/* Puts down what the rules did, in the open transaction, in place of what was put down
 * before. */
int entry_rules_put(struct store *store, int64_t entry_id, const struct entry_rule *rules,
		    size_t count, int64_t now_ms, struct error *err);

/* Calls `each` in the order in which the rules were tried. */
int entry_rules_list(struct store *store, int64_t entry_id,
		     int (*each)(const struct entry_rule *rule, void *context), void *context,
		     struct error *err);

/*
 * Puts down that a rule has skipped a mail, in the open transaction, and writes the id that the ledger has
 * in place of an entry's; no entry ever has it. `rule` NULL: it was refused, because the entry same_as has its
 * reference. Of the entry only the queue, the sender, the subject and these two count.
 */
int entry_skip(struct store *store, const struct entry *entry, const struct entry_rule *rule,
	       int64_t now_ms, int64_t *ret_id, struct error *err);

/* An import of the queue has read this mail, though it has no entry of it (entry_list_digests()). In the open
 * transaction. */
int import_known_put(struct store *store, int64_t queue_id, const unsigned char raw_sha256[32],
		     struct error *err);

/* ---- how often a sender writes ---- */

/* In the open transaction. Arrivals before `oldest_ms` are forgotten: no rule looks back so far. */
int arrival_note(struct store *store, int64_t queue_id, const char *address, int64_t entry_id,
		 int64_t now_ms, int64_t oldest_ms, struct error *err);

/* Counts arrivals since then, of entries below `before_id`. */
int arrival_count(struct store *store, int64_t queue_id, const char *address, int64_t since_ms,
		  int64_t before_id, uint64_t *ret_count, struct error *err);

#endif
