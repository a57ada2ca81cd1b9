/*
 * library.h - the libraries that read mail.
 */
#ifndef MIME_LIBRARY_H
#define MIME_LIBRARY_H

/* "libxml2 2.9.14, GMime 3.2.13"; NULL where they cannot be loaded. */
const char *mime_library(void);

/* NULL, or what keeps them from being loaded. */
const char *mime_library_fault(void);

#endif
