/*
 * tolerant.h - lets libetpan pass over untagged responses that it does not understand.
 *
 * Without it such a response is an error that leaves the stream out of step; with it the response
 * is read to its end, literals included, and forgotten. No memory beyond its own lines.
 */
#ifndef LOADER_IMAP_SESSION_TOLERANT_H
#define LOADER_IMAP_SESSION_TOLERANT_H

/* Registers with libetpan, once; any thread. */
void tolerant_register(void);

#endif
