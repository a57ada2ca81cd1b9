/*
 * file_name.h - names of files: such as can be created, and names and types for attachments that
 * have none.
 */
#ifndef MIME_FILE_NAME_H
#define MIME_FILE_NAME_H

/* The usual extension of a content type with its dot, ".bin" for types unknown; static. */
const char *file_name_extension(const char *content_type);

/* The content type of a file of this name, "application/octet-stream" for unknown ones; static. */
const char *file_name_type(const char *name);

/*
 * A file name safe to create in a folder: last component only, composed (NFC), no control
 * characters, no separator of any system nor its full-width form, no leading dot or blank, no
 * trailing dot or blank, no beginning that a command takes for an option (-) or a home (~), no
 * reserved device name (CON, NUL, COM¹, …), at most 200 bytes with its extension kept, never empty
 * ("noname"). Caller frees.
 */
char *mime_file_name_clean(const char *name);

/* The same text for all names that some system takes for one: those that differ in case, or in how a
 * character is composed. Caller frees. */
char *mime_file_name_key(const char *name);

#endif
