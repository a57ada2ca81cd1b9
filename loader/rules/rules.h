/*
 * rules.h - what a queue does with mail by itself: rules in Sieve's vocabulary, tried on each entry
 * before it is stored.
 *
 *     if anyof (header :contains "subject" "urgent", address :domain "from" "example.com") {
 *         priority 5;
 *         tag "urgent";
 *     }
 *
 * Life:      rules_new(), rules_add() for each rule in the order of their numbers, then any number of
 *            rules_try(), rules_free(). rules_open() does the first two for a queue of a database.
 * Order:     all rules are tried, lowest number first, until one says `stop` or `skip`. Where two set
 *            the same thing, the later one counts.
 * Comparing: decoded text, whatever the case in any alphabet; the first 64 KiB of each value. An
 *            expression (:regex) that needs more than 100,000 steps for a value does not match it, and the outcome
 *            says so.
 * Ownership: strings passed in are copied, but for those of a mail, which borrows its entry.
 * Errors:    CONFIGURATION, naming the rule and the place in it; those of the database.
 * Threads:   one at a time.
 * Source:    RFC 5228 (tests, match types, address parts), RFC 5173 (body), draft-ietf-sieve-regex (:regex).
 *            Unlike there, a backslash in a string stays, but for \" and \\, so that "\d" is an
 *            expression as one knows it.
 */
#ifndef LOADER_RULES_RULES_H
#define LOADER_RULES_RULES_H

#include "queue/base/error.h"
#include "queue/base/scoped.h"
#include "queue/entry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rules;

struct rules *rules_new(void);

/* Takes NULL. */
void rules_free(struct rules *rules);
SCOPED_DEFINE(struct rules *, rules_free)

/* The rules of a queue of a database; NULL where it has none, and looks for no references. */
int rules_open(struct store *store, int64_t queue_id, struct rules **ret_rules, struct error *err);

/* Reads the stored rules of a queue as loading will read them. NO where one names a queue that is not there. */
int rules_check(struct store *store, int64_t queue_id, struct error *err);

/* Is this a place where a mail may say what it is about (work_queue.reference)? */
int rules_check_reference(const char *text, struct error *err);

/* The reference of an entry that is to be stored, as its queue looks for it; NULL where there is none. The caller frees
 * it with g_free(). `rules` may be NULL. */
int rules_find_reference(const struct rules *rules, struct store *store, const struct entry *entry,
			 const struct entry_contents *contents, char **ret_reference,
			 struct error *err);

/* A rule's number as it is written, 1 to 1000000. Errors: CONFIGURATION. */
int rules_number_parse(const char *text, uint32_t *ret_number, struct error *err);

/* Numbers rise from call to call. */
int rules_add(struct rules *rules, uint32_t number, const char *text, struct error *err);

/* Calls `warn` for each rule that can never count: one behind an unconditional end, one whose values
 * a later rule always replaces. */
void rules_warn(const struct rules *rules, void (*warn)(const char *words, void *context),
		void *context);

/* The longest time that a test `rate` looks back, in ms; 0 = there is none. */
int64_t rules_rate_ms(const struct rules *rules);

/* ---- a mail, as rules see it ---- */

struct rule_mail {
	const struct entry *entry;
	/* Copies the beginning of the text body, at most `room` bytes; the size, or -1 with *err. */
	int64_t (*read_body)(void *context, char *bytes, size_t room, struct error *err);
	/* How many entries of this address the queue has got since then. */
	int (*count_sender)(void *context, const char *address, int64_t since_ms,
			    uint64_t *ret_count, struct error *err);
	/* The tags of the entry that this mail answers, which ends with NULL; the caller frees them with
	 * g_strfreev(). *ret_tags is NULL where that entry is not there. */
	int (*parent_tags)(void *context, char ***ret_tags, struct error *err);
	void *context;
	int64_t now_ms; /* when it arrives */
};

/* ---- trying ---- */

struct rule_outcome {
	bool has_priority;
	int32_t priority;
	int64_t defer_ms;    /* from the arrival; 0 = at once */
	int64_t deadline_ms; /* from the arrival; 0 = none, as the next */
	int64_t risk_ms;
	bool held;
	bool skipped;
	uint32_t skipped_by;
	char *queue; /* another queue that gets the entry; NULL = none */
	uint32_t queue_by;
	char **tags; /* ends with NULL */
	/* Each rule that fired, and what it did: "priority 5; tag urgent". */
	struct rule_fired {
		uint32_t number;
		char *did;
	} * fired;
	size_t fired_count;
};

/* One condition of a rule, as it was tried. */
struct rule_finding {
	uint32_t number;   /* of the rule */
	unsigned depth;	   /* 0: the rule as a whole */
	const char *test;  /* as the rule writes it */
	const char *value; /* what was compared; NULL = nothing */
	bool is_true;
};

/*
 * Tries the rules. `trace`, where it is not NULL, is told of every condition of every rule, also of
 * those that decided nothing any more; the outcome is the same.
 */
int rules_try(const struct rules *rules, const struct rule_mail *mail,
	      void (*trace)(const struct rule_finding *finding, void *context), void *context,
	      struct rule_outcome *ret_outcome, struct error *err);

/* Releases what the outcome owns; takes an empty one. */
void rule_outcome_clear(struct rule_outcome *outcome);

/* ---- entries of a database ---- */

struct rules_stored {
	int64_t entry_id; /* for the ledger; no entry has it where the mail was skipped */
	bool skipped;
	bool
	    refused; /* another entry has its reference: there is none of it, as if it were skipped */
	bool elsewhere; /* it is an entry of another queue */
};

/*
 * Tries the rules on the entry and stores it as they say (entry_put()), in the open transaction, with the reference that
 * the queue which gets it looks for. A bad entry, whose mail nobody has read, is stored as it is. `rules` may be NULL.
 */
int rules_put(const struct rules *rules, struct store *store, const struct entry *entry,
	      const struct entry_contents *contents, int64_t now_ms,
	      struct rules_stored *ret_stored, struct error *err);

/* Puts down which rules have fired (entry_rules_put()), in the open transaction. */
int rules_note_fired(const struct rules *rules, struct store *store, int64_t entry_id,
		     const struct rule_outcome *outcome, int64_t now_ms, struct error *err);

/* Tries the rules on an entry that is stored, as of its arrival; `trace` as in rules_try(). */
int rules_try_entry(const struct rules *rules, struct store *store, const struct entry *entry,
		    void (*trace)(const struct rule_finding *finding, void *context), void *context,
		    struct rule_outcome *ret_outcome, struct error *err);

/* The same on an entry that is not stored; its mail arrives now. */
int rules_try_new(const struct rules *rules, struct store *store, const struct entry *entry,
		  const struct entry_contents *contents, int64_t now_ms,
		  void (*trace)(const struct rule_finding *finding, void *context), void *context,
		  struct rule_outcome *ret_outcome, struct error *err);

#endif
