/*
 * library.h - the libraries that speak to servers, and what of them has to be worked around.
 */
#ifndef LOADER_IMAP_SESSION_LIBRARY_H
#define LOADER_IMAP_SESSION_LIBRARY_H

/* "libetpan 1.9", "libcurl/7.88.1 GnuTLS/3.7.9 …"; NULL behind the last. */
const char *imapc_library_at(unsigned index);

/* Tells what is worked around here; a version newer than those that were tried is said to be. */
void imapc_workarounds(void (*tell)(const char *words, void *context), void *context);

#endif
