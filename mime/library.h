/*
 * library.h - the libraries that read mail.
 */
#ifndef MIME_LIBRARY_H
#define MIME_LIBRARY_H

/* "libxml2 2.9.14, GMime 3.2.13"; the caller frees with g_free(). */
char *mime_library(void);

#endif
