/*
 * page.h - the pages of the manual, made from their sources and the tables of the program.
 *
 * Errors:  a source that cannot be read, or asks for what there is not, ends the program with words.
 * Threads: one.
 */
#ifndef LOADER_MANUAL_PAGE_H
#define LOADER_MANUAL_PAGE_H

/*
 * Reads the pages in the folder `sources`, "inqueue.1", and writes FOLDER/man1/inqueue.1, … In place of
 * a line `.\"@ …` stands what the tables say; `schema` is the path of the database's schema. A command
 * NAME of a page also gets a page of its own name, which leads there. Source: mdoc(7).
 */
void page_make_all(const char *sources, const char *schema, const char *folder);

#endif
