/*
 * library.h - the libraries that read mail.
 */
#ifndef MIME_LIBRARY_H
#define MIME_LIBRARY_H

/* "GMime 3.2.13", "libxml2 2.9.14"; NULL behind the last. */
const char *mime_library_at(unsigned index);

#endif
