/*
 * library.h - the libraries that read mail, and what of them has to be worked around.
 */
#ifndef MIME_LIBRARY_H
#define MIME_LIBRARY_H

/* "GMime 3.2.13", "libxml2 2.9.14"; NULL behind the last, and where they cannot be loaded. */
const char *mime_library_at(unsigned index);

/* NULL, or what keeps them from being loaded. */
const char *mime_library_fault(void);

/*
 * Tells the faults of these libraries that are worked around here: those that the versions at hand
 * are seen to have, or, where trying would crash, are known to have or have not been tried for.
 */
void mime_workarounds(void (*tell)(const char *words, void *context), void *context);

#endif
