/*
 * filter.h - the options that choose entries, the same for every command that has them.
 */
#ifndef LOADER_CLI_ENTRY_FILTER_H
#define LOADER_CLI_ENTRY_FILTER_H

#include "loader/cli/frame/command.h"
#include "queue/entry.h"

#define FILTER_OPTIONS                                                                             \
	{"queue", "NAME", "only entries of this queue", NULL},                                     \
	    {"state", "STATE,…",                                                                   \
	     "only new, claimed, done, failed or bad ones, or those of the failed that somebody "  \
	     "has discarded; several: failed,bad",                                                 \
	     NULL},                                                                                \
	    COMMAND_SENDER_SUBJECT,                                                                \
	    {"text", "TEXT", "only where the subject or a body contains this", NULL},              \
	    {"error", "TEXT", "only where the reason of the failure contains this", NULL},         \
	    {"since", "TIME", "only received from then on: 2026-01-31, or back from now: 12h, 2d", \
	     NULL},                                                                                \
	    {"until", "TIME", "only received before: 2026-01-31, or back from now: 12h, 2d",       \
	     NULL},                                                                                \
	    {"older-than", "TIME", "only entries unchanged for this long: 30m, 12h, 7d", NULL},    \
	    {"tag", "TAG", "only with this tag", NULL}, {"held", NULL, "only held ones", NULL},    \
	    {"overdue", NULL, "only those that are not finished and whose deadline is over",       \
	     NULL},                                                                                \
	    {"thread", "ID", "only the thread that this entry is in", NULL},                       \
	    {"reference", "TEXT", "only what is about this (`queue create --reference`)", NULL},   \
	    {"auto-class", "human|auto-generated|auto-replied|bounce|list|calendar",               \
	     "only mail that such a sender wrote", NULL},                                          \
	{                                                                                          \
		"worker", "NAME", "only those that this worker has", NULL                          \
	}

/* Reads all of them; says whether any was given. Texts are borrowed from the invocation. */
int filter_read(const struct invocation *invocation, struct store *store,
		struct entry_filter *ret_filter, bool *ret_any, struct error *err);

#endif
