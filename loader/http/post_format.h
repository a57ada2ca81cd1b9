/*
 * post_format.h - what the formats share, inside this folder.
 */
#ifndef LOADER_HTTP_POST_FORMAT_H
#define LOADER_HTTP_POST_FORMAT_H

#include "loader/http/post.h"

#include <glib.h>

/* A header's name as a key: lower case, '-' as '_'. Caller frees. */
char *post_header_key(const char *name);

/* The keys of the post in the order of their first appearance, each with the list of its values (a
 * GPtrArray of borrowed strings). */
struct post_key {
	char *key;
	GPtrArray *values;
};
GArray *post_list_headers(const struct post *post);

struct body *post_multipart_body(const struct post *post, bool raw, char **ret_content_type);
struct body *post_json_body(const struct post *post, char **ret_content_type);

#endif
