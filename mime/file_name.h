/*
 * file_name.h - names and types for attachments that have none.
 */
#ifndef MIME_FILE_NAME_H
#define MIME_FILE_NAME_H

/* The usual extension of a content type with its dot, ".bin" for types unknown; static. */
const char *file_name_extension(const char *content_type);

/* The content type of a file of this name, "application/octet-stream" for unknown ones; static. */
const char *file_name_type(const char *name);

#endif
