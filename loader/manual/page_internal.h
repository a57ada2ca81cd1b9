/*
 * page_internal.h - what the files of this room share: a page that is being made, and words in it.
 */
#ifndef LOADER_MANUAL_PAGE_INTERNAL_H
#define LOADER_MANUAL_PAGE_INTERNAL_H

#include "loader/cli/frame/command.h"

#include <glib.h>

struct page {
	const char *name;    /* "inqueue-queue.1" */
	const char *schema;  /* path of the database's schema */
	GPtrArray *commands; /* struct command, in the order of the page; owned by their tables */
	bool shares;	     /* it has a list of shared options */
	GString *text;
};

/* Ends the program with words. */
G_NORETURN void page_fail(const char *what, const char *why);

/* Characters, none of which the formatter takes for an order. */
void page_add_characters(GString *text, const char *words);

/* Text of a table as lines of a page; each sentence begins one, as the formatter wants it. */
void page_add_text(GString *text, const char *words);

/* An argument of a macro: no word of it is taken for another macro. */
void page_add_argument(GString *text, const char *words);

/* The command of this name; there must be one. */
const struct command *page_command(const char *name);

/* What stands in place of markers. */
void page_add_synopsis(struct page *page);
void page_add_command(struct page *page, const char *name);
void page_add_shared(struct page *page);
void page_add_global_options(struct page *page);
void page_add_fields(struct page *page);
void page_add_keys(struct page *page);
void page_add_exit_statuses(struct page *page);
void page_add_schema(struct page *page);

#endif
